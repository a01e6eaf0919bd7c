//! Tools: what built-in and REST tools have in common, and the keys that every tool has.

use super::gateway::SESSION_CALLS;
use super::network::HOST_LIST;
use super::rest::{HTTP, INPUT};
use super::{Absent, Key, Kind, Lines, Section, args, why};
use crate::code::Code;
use crate::limits::{
    APPROVERS_OF_TOOL_MAX, DESCRIPTION_MAX, INPUTS_MAX, LABELS_MAX, SIGNATURES_MAX, SIGNED_WITHIN_MAX_S, SIGNED_WITHIN_MIN_S,
    TIMEOUT_MAX_S, TITLE_MAX,
};

/// A label.
pub(super) const LABEL: Kind = Kind::Text(
    "`reads:`, `ingests:`, `writes:` or `sends:` and 1–32 of `a-z 0-9 -`",
    "^(reads|ingests|writes|sends):[a-z0-9-]{1,32}$",
);
/// `approval`.
pub(super) const APPROVAL: Kind = Kind::Word(&["human"]);
/// Name of an approver.
pub(super) const APPROVER: &str = "^[a-z0-9-]{1,32}$";
/// `effect`.
pub(super) const EFFECT: Kind = Kind::Word(&["read", "write", "send"]);
/// Name of an input of a REST tool, or of an argument.
const ARGUMENT: &str = "^[A-Za-z][A-Za-z0-9_-]{0,63}$";

/// Diagnostics of a table of rules as one value.
const RULE_CODES: &[Code] = &[Code::UnknownArgument, Code::UnknownRuleSet, Code::RuleSetConflict, Code::RuleContradiction];

/// Rules of an argument: those of a set, or its own.
const RULED: Kind = Kind::Either(&[Kind::Text("name of an `[args.<name>]`", "^[A-Za-z0-9_.-]{1,64}$"), Kind::Table(&args::USE)]);
/// `args`.
pub(super) const ARGS: Key = Key::optional(
    "args",
    Kind::Named("^.+$", &RULED, INPUTS_MAX),
    "no rules",
    "{ limit = { max = 20 } }",
    "rules that narrow an argument",
    RULE_CODES,
);
/// `trusted`.
pub(super) const TRUSTED: Key = Key::default(
    "trusted",
    Kind::Boolean,
    "false",
    "true",
    "whether values count as trusted wherever they stand in results of this tool; say it only of results that nobody outside writes",
    &[Code::IdleSource],
);
/// `result`.
pub(super) const RESULT: Key = Key::default(
    "result",
    Kind::Word(&["text", "json", "yaml", "csv", "table"]),
    "\"json\"",
    "\"yaml\"",
    "what counts as a member of a result (`from = [\"structured\"]`): nothing; those of JSON; also those of its texts as YAML, as CSV, or as a table of Markdown or of aligned columns; see [provenance.md](provenance.md)",
    &[Code::IdleSource],
);
/// `risk_threshold`.
pub(super) const RISK_THRESHOLD: Key = Key::optional(
    "risk_threshold",
    Kind::Risk,
    "`[risk] threshold`",
    "0.7",
    "a call at or above this risk is denied",
    &[Code::AlwaysDenied, Code::IdleThreshold],
);
/// `base_risk`.
pub(super) const BASE_RISK: Key =
    Key::default("base_risk", Kind::Risk, "0", "0.1", "risk that every call of this tool starts with", &[Code::AlwaysDenied]);
/// `risk`.
pub(super) const OWN_RISK: Key = Key::optional(
    "risk",
    Kind::Table(&TOOL_RISK),
    "all factors count",
    "{ ignore = [{ factor = \"oversized_arguments\", why = \"texts are long here\" }] }",
    "what the risk of this tool leaves out",
    &[],
);
/// `labels`.
pub(super) const LABELS: Key = Key::default(
    "labels",
    Kind::List(&LABEL, 0, LABELS_MAX),
    "[]",
    "[\"sends:external\"]",
    "what the tool reads, ingests, writes or sends; `[[flow]]` speaks of these",
    &[Code::BadLabel, Code::FlowWithinTool, Code::EffectLabel],
);
/// The two forms of `approval`.
static HOW_APPROVED: [Kind; 2] = [APPROVAL, Kind::Table(&SIGNED)];
/// `approval`.
pub(super) const APPROVED: Key = Key::optional(
    "approval",
    Kind::Either(&HOW_APPROVED),
    "nobody is asked",
    "\"human\"",
    "who must approve each call: `\"human\"` is the connected user, through MCP elicitation; a table names those who sign. No answer is a denial",
    &[Code::FixedByTool],
);
/// `limits`.
pub(super) const OWN_LIMITS: Key = Key::optional(
    "limits",
    Kind::Table(&TOOL_LIMITS),
    "those of `[limits]` alone",
    "{ session_calls = 20 }",
    "bounds on this tool; those of `[limits]` hold as well",
    &[],
);

pub(super) static TOOL: Section = Section {
    name: "[tools.<name>]",
    about: "The tools of the gateway, listed to clients in this order. The code of a tool that is not listed is not in the program. A name \
is that of a built-in tool, or, with `http`, a name of its own: 1–64 of `A-Z a-z 0-9 _ - .`, not beginning with `airlock_`, and not \
one that a person takes for another of the manifest. Keys marked *REST* are for tools with `http` alone; built-in tools have their own.",
    keys: &[
        rest("http", Kind::Table(&HTTP), "{ method = \"GET\", url = \"https://api.example.com/v1/status\" }", "the one request that a call sends", &[Code::FixedByTool]),
        rest("title", Kind::Prose(TITLE_MAX, Lines::One), "\"Open a ticket\"", "*REST*: name for people", &[Code::FixedByTool]),
        rest("description", Kind::Prose(DESCRIPTION_MAX, Lines::Several), "\"Opens a ticket in a project\"", "*REST*, required: what the tool does, for the model", &[Code::FixedByTool]),
        rest("input", Kind::Named(ARGUMENT, &Kind::Table(&INPUT), INPUTS_MAX), "{ title = { type = \"string\" } }", "*REST*: the arguments of a call", &[Code::FixedByTool, Code::UnusedInput, Code::BadName]),
        Key { name: "effect", kind: EFFECT, absent: Absent::Default("\"send\""), example: "\"write\"", meaning: "*REST*: what a call does to the world; built-in tools have theirs", codes: &[Code::FixedByTool, Code::UnguardedSend] },
        Key { name: "strict", kind: Kind::Boolean, absent: Absent::Default("true"), example: "false", meaning: "*REST*: whether a call with an argument that `input` does not name is refused; otherwise such an argument is ignored and never sent", codes: &[Code::FixedByTool] },
        Key::optional("egress", HOST_LIST, "`[]`; a REST tool has the host of its URL", "[\"api.example.com\"]", "hosts that a built-in tool may reach, each as in `[[egress]]`", &[
            Code::UndeclaredHost, Code::MissingEgress, Code::NeedlessEgress, Code::FixedByTool,
        ]),
        ARGS,
        TRUSTED,
        RESULT,
        RISK_THRESHOLD,
        BASE_RISK,
        OWN_RISK,
        LABELS,
        APPROVED,
        OWN_LIMITS,
        why("why the gateway has it"),
    ],
    also: None,
    example: "",
    more: "| built-in tool | effect | hosts | arguments |
|---|---|---|---|
| `weather_hourly` | read | `api.open-meteo.com` and `geocoding-api.open-meteo.com`, port 443 | `city`, `state`: string; `hours`: integer 1–168 |
| `http_get_json` | read | at least one | `url`: string; `query`: object |
| `airlock_issue_capability` | write | none | `session_id`, `subject`, `intent`: string; `ttl_seconds`: integer 1–86400; `tools`: list; `constraints`: object |
| `airlock_audit_tail` | read | none | `limit`: integer 1–200 |
| `airlock_usage_stats` | read | none | none |
| `airlock_exposure_report` | read | none | `lookback_hours`: integer 1–8784 |

`airlock_issue_capability` is listed exactly when a grant says `issue = \"self\"` or `\"human\"`.",
};

pub(super) static SIGNED: Section = Section {
    name: "[tools.<name>.approval]",
    about: "Who must sign each call, see [approvals.md](approvals.md).",
    keys: &[
        Key::required(
            "signatures",
            Kind::Integer(1, SIGNATURES_MAX),
            "1",
            "how many different approvers must sign",
            &[Code::TooFewApprovers],
        ),
        Key::required(
            "of",
            Kind::List(&Kind::Text("name of an `[approvers.<name>]`", APPROVER), 1, APPROVERS_OF_TOOL_MAX),
            "[\"alice\"]",
            "whose signatures count",
            &[Code::UnknownApprover],
        ),
        Key::default(
            "within",
            Kind::Duration(SIGNED_WITHIN_MIN_S, SIGNED_WITHIN_MAX_S),
            "\"15m\"",
            "\"1h\"",
            "time from the request to the approved call",
            &[],
        ),
        Key::optional("human", Kind::Yes, "the connected user is not asked", "true", "the connected user is asked as well", &[]),
    ],
    also: None,
    example: "",
    more: "",
};

pub(super) static APPROVERS: Section = Section {
    name: "[approvers.<name>]",
    about: "People whose signatures approve calls. A name is 1–32 of `a-z 0-9 -`. `airlock approver new` makes the key pair of one.",
    keys: &[
        Key::required(
            "key",
            Kind::Text("`ed25519:` and the base64url of the public key", "^ed25519:[A-Za-z0-9_-]{43}$"),
            "\"ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"",
            "the public key of the approver",
            &[Code::ApproverKey],
        ),
        why("who it is, and for what"),
    ],
    also: None,
    example: "[approvers.alice]
key = \"ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"
why = \"on call for payments\"
",
    more: "",
};

/// A key of REST tools.
const fn rest(name: &'static str, kind: Kind, example: &'static str, meaning: &'static str, codes: &'static [Code]) -> Key {
    Key { name, kind, absent: Absent::Means("none"), example, meaning, codes }
}

pub(super) static TOOL_LIMITS: Section = Section {
    name: "[tools.<name>.limits]",
    about: "",
    keys: &[
        Key::optional(
            "rate",
            Kind::Rate,
            "no bound",
            "\"10/1m\"",
            "calls in any such period, in all sessions together",
            &[Code::IdleQuota],
        ),
        Key::optional(
            "session_rate",
            Kind::Rate,
            "no bound",
            "\"5/1m\"",
            "calls in any such period, in each session",
            &[Code::IdleQuota, Code::ChosenSession],
        ),
        Key::optional(
            "session_calls",
            SESSION_CALLS,
            "no bound",
            "20",
            "calls in each session, counted until its leases have ended",
            &[Code::IdleQuota, Code::ChosenSession],
        ),
        Key::optional(
            "timeout",
            Kind::Duration(1, TIMEOUT_MAX_S),
            "`[limits] timeout`",
            "\"5s\"",
            "time for one HTTP request with its look-up of the name, or for the answer of an upstream; for tools that wait for others",
            &[Code::FixedByTool],
        ),
    ],
    also: None,
    example: "",
    more: "",
};

pub(super) static TOOL_RISK: Section = Section {
    name: "[tools.<name>.risk]",
    about: "",
    keys: &[Key::default(
        "ignore",
        Kind::List(&Kind::Table(&IGNORED), 0, 32),
        "[]",
        "[{ factor = \"oversized_arguments\", why = \"texts are long here\" }]",
        "factors that count nothing for this tool; decisions still show them, as ignored",
        &[],
    )],
    also: None,
    example: "",
    more: "",
};

pub(super) static IGNORED: Section = Section {
    name: "An ignored factor",
    about: "The factors are those of [risk.md](risk.md).",
    keys: &[
        Key::required(
            "factor",
            Kind::Text("a factor", "^[a-z_]+$"),
            "\"oversized_arguments\"",
            "name of the factor as in a decision",
            &[Code::UnknownWord],
        ),
        why("why it says nothing about this tool"),
    ],
    also: None,
    example: "",
    more: "",
};
