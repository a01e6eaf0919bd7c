//! The whole manifest: its sections in the order of the documentation.

use super::gateway::{GATEWAY, KEY, KEYS, LEASE, LEDGER, LEDGER_DIR, LIMITS, LINT, LINTS, RISK};
use super::grants::{EVERY, FLOW, GRANT, HAS, NEVER, REQUIRE, SELECTOR};
use super::network::{EGRESS, HOSTS};
use super::rest::{AUTH, CONSTANT, HTTP, INPUT, INPUT_VALUE, RESPONSE};
use super::sandbox::SANDBOX;
use super::tools::{APPROVER, APPROVERS, IGNORED, SIGNED, TOOL, TOOL_LIMITS, TOOL_RISK};
use super::upstreams;
use super::{Absent, Key, Kind, Section, args, confine};
use crate::code::Code;
use crate::limits::{APPROVERS_MAX, EGRESS_MAX, FLOWS_MAX, GRANTS_MAX, GROUPS_MAX, REQUIRES_MAX, TOOLS_MAX, UPSTREAMS_MAX};

/// Form of the name of a tool, a host group or a rule set.
pub(super) const NAME: &str = "^[A-Za-z0-9_.-]{1,64}$";

/// Every section, in the order of the documentation.
pub static SECTIONS: &[&Section] = &[
    &ROOT,
    &GATEWAY,
    &KEYS,
    &KEY,
    &LEASE,
    &RISK,
    &LEDGER,
    &LEDGER_DIR,
    &LIMITS,
    &SANDBOX,
    &EGRESS,
    &HOSTS,
    &args::RULES,
    &APPROVERS,
    &TOOL,
    &args::USE,
    &SIGNED,
    &TOOL_LIMITS,
    &TOOL_RISK,
    &IGNORED,
    &HTTP,
    &INPUT_VALUE,
    &CONSTANT,
    &AUTH,
    &RESPONSE,
    &INPUT,
    &upstreams::UPSTREAM,
    &upstreams::VARIABLE,
    &confine::CONFINE,
    &confine::LIMITS,
    &upstreams::TOOL,
    &upstreams::RESOURCE,
    &upstreams::PROMPT,
    &upstreams::COMPLETION,
    &upstreams::SUBSCRIPTION,
    &FLOW,
    &GRANT,
    &REQUIRE,
    &SELECTOR,
    &EVERY,
    &HAS,
    &NEVER,
    &LINTS,
    &LINT,
];

/// A section that may be left out.
const fn optional(name: &'static str, kind: Kind, example: &'static str, meaning: &'static str) -> Key {
    Key { name, kind, absent: Absent::Means("every default"), example, meaning, codes: &[] }
}

/// A section whose absence leaves nothing.
const fn none(name: &'static str, kind: Kind, example: &'static str, meaning: &'static str, codes: &'static [Code]) -> Key {
    Key { name, kind, absent: Absent::Means("none"), example, meaning, codes }
}

/// The top of the file.
pub static ROOT: Section = Section {
    name: "The file",
    about: "",
    keys: &[
        Key::required("airlock", Kind::Version(1), "1", "version of the language", &[]),
        Key::required("gateway", Kind::Table(&GATEWAY), "{ name = \"sample\" }", "the program that is built", &[]),
        Key::required("keys", Kind::Table(&KEYS), "{ accept = [\"k1\"] }", "keys whose leases are accepted", &[]),
        optional("lease", Kind::Table(&LEASE), "{ max_ttl = \"20m\" }", "what every lease is bound to"),
        optional("risk", Kind::Table(&RISK), "{ threshold = 0.5 }", "the risk at which calls are denied"),
        optional("ledger", Kind::Table(&LEDGER), "{ durability = \"effect\" }", "where decisions are recorded"),
        optional("limits", Kind::Table(&LIMITS), "{ in_flight = 8 }", "bounds on all tools together"),
        Key::optional(
            "sandbox",
            Kind::Table(&SANDBOX),
            "nothing may be missing",
            "{ allow_missing = [\"landlock\"], why = \"old hosts\" }",
            "what of its confinement the gateway may do without",
            &[Code::EmptySandbox],
        ),
        none(
            "egress",
            Kind::List(&Kind::Table(&EGRESS), 0, EGRESS_MAX),
            "[{ host = \"api.example.com\", why = \"data\" }, { host = \"tickets.example.com\", why = \"tickets\" }]",
            "hosts that may be reached at all",
            &[Code::DuplicateHost],
        ),
        none(
            "hosts",
            Kind::Named(NAME, &Kind::Table(&HOSTS), GROUPS_MAX),
            "{ data = { hosts = [\"api.example.com\"], why = \"data\" } }",
            "names for lists of hosts",
            &[Code::BadName, Code::UnusedGroup],
        ),
        none(
            "args",
            Kind::Named(NAME, &Kind::Table(&args::RULES), GROUPS_MAX),
            "{ short = { max_length = 20 } }",
            "names for sets of argument rules",
            &[Code::BadName, Code::UnusedRuleSet],
        ),
        none(
            "approvers",
            Kind::Named(APPROVER, &Kind::Table(&APPROVERS), APPROVERS_MAX),
            "{ alice = { key = \"ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\", why = \"on call\" } }",
            "people whose signatures approve calls",
            &[Code::BadName, Code::SameApprover, Code::UnusedApprover],
        ),
        Key::optional(
            "tools",
            Kind::Named(NAME, &Kind::Table(&TOOL), TOOLS_MAX),
            "an error, unless there are `upstreams`",
            "{ airlock_usage_stats = { why = \"review\" } }",
            "the tools of the gateway",
            &[Code::UnknownTool, Code::BadToolName, Code::SimilarTools, Code::UnreachableTool],
        ),
        none(
            "upstreams",
            Kind::Named(upstreams::NAME, &Kind::Table(&upstreams::UPSTREAM), UPSTREAMS_MAX),
            "{ files = { command = [\"/opt/mcp/files\"], why = \"files\" } }",
            "foreign MCP servers whose tools the gateway has",
            &[Code::BadName, Code::BadDefinitions, Code::UnusedUpstream, Code::UnconfinedUpstream],
        ),
        none(
            "flow",
            Kind::List(&Kind::Table(&FLOW), 0, FLOWS_MAX),
            "[{ deny = [\"reads:private\", \"sends:external\"], why = \"no leaks\" }]",
            "what may not combine in one session",
            &[Code::IdleFlow],
        ),
        Key::required(
            "grant",
            Kind::List(&Kind::Table(&GRANT), 1, GRANTS_MAX),
            "[{ subject = \"agent:a\", tools = [\"airlock_usage_stats\"], issue = \"operator\", why = \"review\" }]",
            "which subject may obtain a lease for what",
            &[Code::DuplicateGrant, Code::GrantRisk, Code::ShadowedGrant],
        ),
        none(
            "require",
            Kind::List(&Kind::Table(&REQUIRE), 0, REQUIRES_MAX),
            "[{ every = {}, has = { max_risk_threshold = 0.9 }, why = \"caution\" }]",
            "what must hold of this policy, whoever changes it",
            &[Code::IdleRequire],
        ),
        optional("lints", Kind::Table(&LINTS), "{ unused-host = \"deny\" }", "what becomes of warnings"),
    ],
    also: None,
    example: "airlock = 1
[gateway]
name = \"small\"
[keys]
accept = [\"k1\"]
[tools.airlock_audit_tail]
why = \"review\"
[[grant]]
subject = \"operator:auditor\"
tools = [\"airlock_audit_tail\"]
issue = \"operator\"
why = \"review\"
",
    more: "",
};
