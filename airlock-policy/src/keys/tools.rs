//! Tools: what built-in and REST tools have in common.

use super::gateway::SESSION_CALLS;
use super::network::HOST_LIST;
use super::rest::{HTTP, INPUT};
use super::{Absent, Key, Kind, Lines, Section, args, why};
use crate::code::Code;
use crate::limits::{DESCRIPTION_MAX, INPUTS_MAX, LABELS_MAX, TIMEOUT_MAX_S, TITLE_MAX};

/// A label.
pub(super) const LABEL: Kind = Kind::Text(
    "`reads:`, `ingests:`, `writes:` or `sends:` and 1–32 of `a-z 0-9 -`",
    "^(reads|ingests|writes|sends):[a-z0-9-]{1,32}$",
);
/// `approval`.
pub(super) const APPROVAL: Kind = Kind::Word(&["human"]);
/// `effect`.
pub(super) const EFFECT: Kind = Kind::Word(&["read", "write", "send"]);
/// Name of an input of a REST tool, or of an argument.
const ARGUMENT: &str = "^[A-Za-z][A-Za-z0-9_-]{0,63}$";

/// Diagnostics of a table of rules as one value.
const RULE_CODES: &[Code] = &[Code::UnknownArgument, Code::UnknownRuleSet, Code::RuleSetConflict, Code::RuleContradiction];

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
        Key::optional("args", Kind::Named("^.+$", &Kind::Either(&[Kind::Text("name of an `[args.<name>]`", "^[A-Za-z0-9_.-]{1,64}$"), Kind::Table(&args::USE)]), INPUTS_MAX), "no rules", "{ limit = { max = 20 } }", "rules that narrow an argument", RULE_CODES),
        Key::default("trusted", Kind::Boolean, "false", "true", "whether values count as trusted wherever they stand in results of this tool; say it only of results that nobody outside writes", &[Code::IdleSource]),
        Key::optional("risk_threshold", Kind::Risk, "`[risk] threshold`", "0.7", "a call at or above this risk is denied", &[Code::AlwaysDenied, Code::IdleThreshold]),
        Key::default("base_risk", Kind::Risk, "0", "0.1", "risk that every call of this tool starts with", &[Code::AlwaysDenied]),
        Key::optional("risk", Kind::Table(&TOOL_RISK), "all factors count", "{ ignore = [{ factor = \"oversized_arguments\", why = \"texts are long here\" }] }", "what the risk of this tool leaves out", &[]),
        Key::default("labels", Kind::List(&LABEL, 0, LABELS_MAX), "[]", "[\"sends:external\"]", "what the tool reads, ingests, writes or sends; `[[flow]]` speaks of these", &[Code::BadLabel, Code::FlowWithinTool, Code::EffectLabel]),
        Key::optional("approval", APPROVAL, "nobody is asked", "\"human\"", "who must approve each call: the connected user, through MCP elicitation; no answer is a denial", &[]),
        Key::optional("limits", Kind::Table(&TOOL_LIMITS), "those of `[limits]` alone", "{ session_calls = 20 }", "bounds on this tool; those of `[limits]` hold as well", &[]),
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
            "time for one HTTP request with its look-up of the name; for tools with network",
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
