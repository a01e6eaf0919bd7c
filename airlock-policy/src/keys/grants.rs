//! Grants, flows and requirements.

use super::network::HOST_LIST;
use super::tools::{APPROVAL, EFFECT, LABEL};
use super::{Absent, Groups, Key, Kind, Section, why};
use crate::code::Code;
use crate::limits::{FLOW_LABELS_MAX, LABELS_MAX, TOOLS_MAX, TTL_MAX_S, USES_MAX};

const SUBJECT: Kind =
    Kind::Text("1–128 of `A-Z a-z 0-9 - _ . : @ / +`, begins with a letter or digit", "^[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,127}$");
const TOOL_NAME: Kind = Kind::Text("name of a tool of this manifest", "^[A-Za-z0-9_.-]{1,64}$");
const FLOW_LABELS: Kind = Kind::List(&LABEL, 2, FLOW_LABELS_MAX);
const ISSUE: Kind = Kind::Word(&["operator", "self", "human"]);

const fn maybe(name: &'static str, kind: Kind, example: &'static str, meaning: &'static str, codes: &'static [Code]) -> Key {
    Key { name, kind, absent: Absent::Means("anything"), example, meaning, codes }
}

pub(super) static GRANT: Section = Section {
    name: "[[grant]]",
    about: "Which subject may obtain a lease for what. A lease beyond every grant is refused even if its signature is right. A grant may name \
more tools and hosts than one lease carries (32); whoever asks for the lease then chooses.",
    keys: &[
        Key::required("subject", SUBJECT, "\"agent:planner\"", "who; matched exactly", &[Code::BadName, Code::DuplicateGrant]),
        Key::required(
            "tools",
            Kind::List(&TOOL_NAME, 1, TOOLS_MAX),
            "[\"airlock_usage_stats\"]",
            "what a lease may name; not `airlock_issue_capability`",
            &[Code::GrantTool, Code::GrantIssueTool],
        ),
        Key::required(
            "issue",
            ISSUE,
            "\"operator\"",
            "`operator`: only with the signing key; `self`: through `airlock_issue_capability`; `human`: the same, once the connected user accepts",
            &[Code::IssueToolMissing],
        ),
        Key::optional(
            "domains",
            HOST_LIST,
            "all hosts of its tools",
            "[]",
            "hosts that a lease may name, each as in `[[egress]]` and reached by one of its tools; `[]` = none",
            &[Code::UndeclaredHost, Code::GrantDomain],
        ),
        Key::optional(
            "max_ttl",
            Kind::Duration(1, TTL_MAX_S),
            "`[lease] max_ttl`",
            "\"10m\"",
            "longest life of such a lease",
            &[Code::TtlOrder],
        ),
        Key::optional(
            "max_risk",
            Kind::Risk,
            "`[risk] threshold`",
            "0.4",
            "highest risk ceiling of such a lease",
            &[Code::GrantRisk],
        ),
        Key::default("uses", Kind::Integer(1, USES_MAX as i64), "1000", "50", "most calls of such a lease", &[]),
        why("why it exists"),
    ],
    also: None,
    example: "[[grant]]
subject = \"agent:planner\"
tools = [\"weather_hourly\"]
issue = \"operator\"
max_ttl = \"15m\"
uses = 50
why = \"plans trips for one user\"
",
    more: "",
};

pub(super) static FLOW: Section = Section {
    name: "[[flow]]",
    about: "Labels that may not come together in one session. The labels of all allowed calls of a session are remembered in the ledger until its leases \
have ended, so across processes and restarts. A call of a tool that has some label of the flow, and whose labels together with those of the session cover \
all of it, is refused (`deny`) or asked about (`ask`). One of the two keys is given.",
    keys: &[
        Key {
            name: "deny",
            kind: FLOW_LABELS,
            absent: Absent::Means("`ask` is given"),
            example: "[\"reads:private\", \"sends:external\"]",
            meaning: "labels that never combine",
            codes: &[Code::BadLabel, Code::UnknownLabel, Code::FlowWithinTool, Code::ChosenSession],
        },
        Key {
            name: "ask",
            kind: FLOW_LABELS,
            absent: Absent::Means("`deny` is given"),
            example: "[\"reads:private\", \"sends:external\"]",
            meaning: "labels that combine only when the connected user approves",
            codes: &[Code::BadLabel, Code::UnknownLabel, Code::ChosenSession],
        },
        why("what would go wrong"),
    ],
    also: None,
    example: "",
    more: "",
};

pub(super) static REQUIRE: Section = Section {
    name: "[[require]]",
    about: "What must hold of this policy, whoever changes it: an error with a counterexample otherwise. Either `every` with `has`, or `never`, or `mode`.",
    keys: &[
        Key {
            name: "every",
            kind: Kind::Table(&EVERY),
            absent: Absent::Means("`never` or `mode` is given"),
            example: "{ labels = [\"sends:external\"] }",
            meaning: "tools that must have something",
            codes: &[Code::RequireEvery, Code::IdleRequire],
        },
        Key {
            name: "has",
            kind: Kind::Table(&HAS),
            absent: Absent::Means("`never` or `mode` is given"),
            example: "{ max_risk_threshold = 0.9 }",
            meaning: "what each of them must have",
            codes: &[Code::RequireEvery, Code::Count],
        },
        Key {
            name: "never",
            kind: Kind::Table(&NEVER),
            absent: Absent::Means("`every` or `mode` is given"),
            example: "{ subject = \"agent:intern\", effect = \"send\" }",
            meaning: "tools that no grant of a subject may reach",
            codes: &[Code::RequireNever, Code::IdleRequire],
        },
        Key {
            name: "mode",
            kind: Kind::Word(&["enforce"]),
            absent: Absent::Means("`every` or `never` is given"),
            example: "\"enforce\"",
            meaning: "the gateway is not in shadow mode",
            codes: &[Code::RequireMode],
        },
        why("what it protects"),
    ],
    also: None,
    example: "[[require]]
every = { effect = \"send\" }
has = { approval = \"human\" }
why = \"nothing leaves without a person\"
",
    more: "",
};

pub(super) static SELECTOR: Section = Section {
    name: "A selector of tools",
    about: "Which tools a requirement speaks of: those for which all that is given holds. `{}` is every tool.",
    keys: &[
        maybe("tools", Kind::List(&TOOL_NAME, 1, TOOLS_MAX), "[\"airlock_usage_stats\"]", "one of these", &[Code::GrantTool]),
        maybe(
            "labels",
            Kind::List(&LABEL, 1, LABELS_MAX),
            "[\"sends:external\"]",
            "with all of these labels",
            &[Code::BadLabel, Code::UnknownLabel],
        ),
        maybe(
            "effect",
            EFFECT,
            "\"send\"",
            "with this effect, as the tool has it; one that only reads carries the text of its request to its host all the same: where nothing may leave, select by `host`",
            &[],
        ),
        maybe("credentials", Kind::Boolean, "true", "that send a credential, or that send none", &[]),
        maybe(
            "host",
            Kind::Host(Groups::Refused),
            "\"*.example.com\"",
            "that may reach a host which this covers; `\"*\"` is every tool with network",
            &[],
        ),
    ],
    also: None,
    example: "",
    more: "",
};

pub(super) static EVERY: Section =
    Section { name: "[require.every]", about: "A selector.", keys: &[], also: Some(&SELECTOR), example: "", more: "" };

pub(super) static NEVER: Section = Section {
    name: "[require.never]",
    about: "A selector, and whose grants are meant.",
    keys: &[maybe(
        "subject",
        SUBJECT,
        "\"agent:intern\"",
        "grants of this subject; without it, of any",
        &[Code::BadName, Code::RequireNever],
    )],
    also: Some(&SELECTOR),
    example: "",
    more: "",
};

pub(super) static HAS: Section = Section {
    name: "[require.has]",
    about: "At least one of these.",
    keys: &[
        maybe("approval", APPROVAL, "\"human\"", "the connected user approves each call", &[]),
        maybe("provenance", Kind::Yes, "true", "every text and list among its arguments has `from`", &[]),
        maybe("exact_hosts", Kind::Yes, "true", "every host is named exactly, none by `*`", &[]),
        maybe("limits", Kind::Yes, "true", "some rate or budget of its own", &[]),
        maybe("max_risk_threshold", Kind::Risk, "0.9", "a risk threshold of at most this", &[]),
        maybe("labels", Kind::List(&LABEL, 1, LABELS_MAX), "[\"reads:private\"]", "all of these labels", &[Code::BadLabel]),
        maybe(
            "issue",
            ISSUE,
            "\"operator\"",
            "each grant that names the tool is issued so, or more strictly: `operator` is stricter than `human`, `human` than `self`",
            &[],
        ),
        maybe("max_ttl", Kind::Duration(1, TTL_MAX_S), "\"30m\"", "each lease that names the tool lives at most so long", &[]),
    ],
    also: None,
    example: "",
    more: "",
};
