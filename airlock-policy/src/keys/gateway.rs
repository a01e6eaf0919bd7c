//! What speaks of the gateway as a whole.

use super::{Absent, Key, Kind, Lines, Section, why};
use crate::code::Code;
use crate::limits::{
    APPROVAL_TIMEOUT_MAX_S, APPROVAL_TIMEOUT_MIN_S, ARGUMENTS_MAX, ARGUMENTS_MIN, IN_FLIGHT_MAX, INSTRUCTIONS_MAX, KEYS_MAX,
    REDACT_MAX, STEP_UPS_MAX, TIMEOUT_MAX_S, TTL_MAX_S, USES_MAX,
};

pub(super) static GATEWAY: Section = Section {
    name: "[gateway]",
    about: "",
    keys: &[
        Key::required(
            "name",
            Kind::Text(
                "1–63 of `a-z 0-9 -`, begins with a letter, does not end with `-`, not `airlock`",
                "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$",
            ),
            "\"weather\"",
            "file name of the program, audience of its leases, origin of its ledger",
            &[Code::BadName],
        ),
        Key::optional(
            "instructions",
            Kind::Prose(INSTRUCTIONS_MAX, Lines::Several),
            "none",
            "\"Ask for a lease first.\"",
            "text for the model, sent at the start of every connection",
            &[],
        ),
        Key::default(
            "mode",
            Kind::Word(&["enforce", "shadow"]),
            "\"enforce\"",
            "\"enforce\"",
            "what becomes of a refused call of an upstream's tool: with `shadow` it is recorded and made all the same, see [shadow.md](shadow.md)",
            &[Code::ShadowMode, Code::IdleShadow, Code::RequireMode],
        ),
    ],
    also: None,
    example: "",
    more: "",
};

const KEY_ID: Kind = Kind::Text("1–16 of `a-z 0-9 -`", "^[a-z0-9-]{1,16}$");

pub(super) static KEYS: Section = Section {
    name: "[keys]",
    about: "The keys themselves come from files named at run time.",
    keys: &[Key::required(
        "accept",
        Kind::List(&Kind::Either(&[KEY_ID, Kind::Table(&KEY)]), 1, KEYS_MAX),
        "[\"k1\", { id = \"k2\", commitment = \"9f86d081884c7d65\" }]",
        "signing keys whose leases are accepted: an id, or a table that also pins the key",
        &[Code::BadName],
    )],
    also: None,
    example: "",
    more: "",
};

pub(super) static KEY: Section = Section {
    name: "An accepted key",
    about: "An entry of `accept` as a table.",
    keys: &[
        Key::required("id", KEY_ID, "\"k2\"", "key id as it stands in a lease", &[Code::BadName, Code::DuplicateEntry]),
        Key::optional(
            "commitment",
            Kind::Text("16 lower-case hex digits", "^[0-9a-f]{16}$"),
            "any key of this id",
            "\"9f86d081884c7d65\"",
            "the gateway refuses to start with another key under this id",
            &[Code::BadCommitment],
        ),
    ],
    also: None,
    example: "",
    more: "",
};

pub(super) static LEASE: Section = Section {
    name: "[lease]",
    about: "",
    keys: &[
        Key::optional(
            "default_ttl",
            Kind::Duration(1, TTL_MAX_S),
            "`\"15m\"`, or `max_ttl` if that is shorter",
            "\"10m\"",
            "life of a lease when the request names none",
            &[Code::TtlOrder],
        ),
        Key::default("max_ttl", Kind::Duration(1, TTL_MAX_S), "\"30m\"", "\"1h\"", "no lease of this gateway lives longer", &[]),
        Key::default(
            "carriers",
            Kind::List(&Kind::Word(&["meta", "arguments", "ambient"]), 1, 3),
            "[\"meta\"]",
            "[\"meta\", \"arguments\"]",
            "where a call may carry its lease: in `params._meta`, which the model never sees, or in its arguments; with `ambient` a call that carries nothing has the lease of the file that `AIRLOCK_LEASE_FILE` names",
            &[],
        ),
    ],
    also: None,
    example: "",
    more: "",
};

pub(super) static RISK: Section = Section {
    name: "[risk]",
    about: "",
    keys: &[Key::default(
        "threshold",
        Kind::Risk,
        "0.55",
        "0.5",
        "a call whose risk is at or above this is denied, unless its tool sets its own",
        &[Code::AlwaysDenied],
    )],
    also: None,
    example: "",
    more: "",
};

const PATH: Kind = Kind::Text("a path, used as written; `~` and `$` are refused", "^[^~$][^$]*$");

pub(super) static LEDGER: Section = Section {
    name: "[ledger]",
    about: "",
    keys: &[
        Key::default(
            "dir",
            Kind::Either(&[PATH, Kind::Table(&LEDGER_DIR)]),
            "{ env = \"AIRLOCK_LEDGER_DIR\", default = \"./airlock-ledger\" }",
            "\"/var/lib/airlock/ledger\"",
            "directory of the ledger",
            &[Code::BadName],
        ),
        Key::default(
            "durability",
            Kind::Word(&["power", "effect", "process"]),
            "\"power\"",
            "\"effect\"",
            "what a decision survives before its effect",
            &[],
        ),
        Key::default(
            "evidence",
            Kind::Word(&["hashes", "redacted", "full"]),
            "\"hashes\"",
            "\"redacted\"",
            "what is kept beside the ledger of arguments and results, see below",
            &[Code::ClearEvidence],
        ),
        Key::optional(
            "redact",
            Kind::List(
                &Kind::Text("the name of a member, or `tool.argument`", "^[^.\\s]+(\\.[^.\\s]+)*$"),
                1,
                REDACT_MAX,
            ),
            "none",
            "[\"password\", \"airlock_audit_tail.limit\"]",
            "values that copies do not have; with `evidence = \"redacted\"` alone",
            &[Code::RedactMode, Code::RedactName, Code::RedactTool],
        ),
        Key::optional(
            "keep_evidence",
            Kind::Text("a whole number and `h` or `d`, from `25h` to `3650d`", "^[1-9][0-9]{0,4}[hd]$"),
            "for ever",
            "\"30d\"",
            "how long salts, arguments and results are kept; the entries of the ledger stay",
            &[Code::BadRetention],
        ),
    ],
    also: None,
    example: "",
    more: "| `durability` | before the effect | a decision survives |
|---|---|---|
| `power` | `fdatasync`, always | a power cut |
| `effect` | `fdatasync` before tools that write or send; before a read only `write` | a power cut, except for reads of the last moments |
| `process` | `write` | the end of the process, also by `kill -9` |

| `evidence` | kept in the directory `evidence` of the ledger |
|---|---|
| `hashes` | for each call the salt that opens the commitment to its arguments, for whoever has them |
| `redacted` | and a copy of arguments and results, without the values of `redact`, and without tokens of known forms, private keys and passwords in URLs |
| `full` | and the arguments and results as they were, which open the commitment and the digest |

No lease and no credential of the gateway is in any of them. [ledger.md](ledger.md#evidence) says what does not fit, and how to read and erase it. An entry of \
`redact` without a dot is the name of a member, in arguments and results of every tool, whatever its case; with a dot it is an argument of one tool, or a member in it.",
};

pub(super) static LEDGER_DIR: Section = Section {
    name: "[ledger.dir]",
    about: "",
    keys: &[
        Key::required("env", ENV, "\"AIRLOCK_LEDGER_DIR\"", "environment variable that names the directory", &[Code::BadName]),
        Key::required("default", PATH, "\"./airlock-ledger\"", "directory when the variable is not set", &[Code::BadName]),
    ],
    also: None,
    example: "",
    more: "",
};

/// An environment variable.
pub(super) const ENV: Kind = Kind::Text("1–64 of `A-Z 0-9 _`, does not begin with a digit", "^[A-Z_][A-Z0-9_]{0,63}$");

pub(super) static LIMITS: Section = Section {
    name: "[limits]",
    about: "Bounds on all tools together. What is counted are allowed calls: a refused call spends nothing. Counts are exact across \
processes and restarts, since they are taken under the ledger's lock in the step that records the allow.",
    keys: &[
        Key::default(
            "max_arguments",
            Kind::Size(ARGUMENTS_MIN, ARGUMENTS_MAX),
            "\"8MiB\"",
            "\"64KiB\"",
            "largest arguments of one call, bytes of their canonical JSON",
            &[],
        ),
        Key::default("in_flight", Kind::Integer(1, IN_FLIGHT_MAX as i64), "256", "64", "calls that are open at once", &[]),
        Key::default(
            "timeout",
            Kind::Duration(1, TIMEOUT_MAX_S),
            "\"10s\"",
            "\"5s\"",
            "time for one HTTP request with its look-up of the name",
            &[],
        ),
        Key::default(
            "approval_timeout",
            Kind::Duration(APPROVAL_TIMEOUT_MIN_S, APPROVAL_TIMEOUT_MAX_S),
            "\"2m\"",
            "\"1m\"",
            "time in which a person must approve a call that asks",
            &[],
        ),
        Key::optional(
            "step_ups",
            Kind::Integer(0, STEP_UPS_MAX as i64),
            "no bound but those of [approvals.md](approvals.md)",
            "5",
            "questions to the user in each session, whatever asks and whatever the answers are; beyond them a call that would ask is refused, so that a yes does not become a habit",
            &[],
        ),
        Key::optional("rate", Kind::Rate, "no bound", "\"600/1m\"", "calls in any such period, in all sessions together", &[]),
        Key::optional(
            "session_rate",
            Kind::Rate,
            "no bound",
            "\"60/1m\"",
            "calls in any such period, in each session",
            &[Code::ChosenSession],
        ),
        Key::optional(
            "session_calls",
            SESSION_CALLS,
            "no bound",
            "500",
            "calls in each session, counted until its leases have ended",
            &[Code::ChosenSession],
        ),
    ],
    also: None,
    example: "",
    more: "",
};

/// Calls of one session.
pub(super) const SESSION_CALLS: Kind = Kind::Integer(1, USES_MAX as i64);

/// Level of one lint.
const LEVEL: Kind = Kind::Either(&[Kind::Word(&["warn", "deny"]), Kind::Table(&LINT)]);

/// One lint as a key of `[lints]`.
const fn lint(name: &'static str, meaning: &'static str) -> Key {
    let absent = Absent::Means("that of `warnings`");
    Key { name, kind: LEVEL, absent, example: "{ level = \"allow\", why = \"known\" }", meaning, codes: &[] }
}

pub(super) static LINTS: Section = Section {
    name: "[lints]",
    about: "What becomes of the warnings of this manifest. Errors cannot be allowed. A denied warning is an error: no policy is made. An \
allowed one is not shown. Nothing of it reaches the gateway or the policy digest.",
    keys: &[
        Key::default(
            "warnings",
            Kind::Word(&["warn", "deny"]),
            "\"warn\"",
            "\"deny\"",
            "every warning that has no key of its own",
            &[],
        ),
        lint("any-host", "`host = \"*\"`, or `*` in `host_in`"),
        lint("stand-in", "a stand-in is set"),
        lint("unused-host", "a host that nothing reaches"),
        lint("unicode-host", "a host with letters beyond ASCII"),
        lint("unused-group", "a host group that nothing refers to"),
        lint("unreachable-tool", "a tool that no grant reaches"),
        lint("open-prefix", "a URL prefix that ends inside the host name"),
        lint("unused-rule-set", "a rule set that no argument refers to"),
        lint("idle-threshold", "a risk threshold that no call can reach"),
        lint("idle-quota", "a bound on calls that another bound always meets first"),
        lint("effect-label", "labels that say more than the effect of their tool"),
        lint("shadowed-grant", "a grant that gives nothing that another one does not"),
        lint("grant-risk", "a risk ceiling of a grant below what every call of a tool has"),
        lint("chosen-session", "a flow or a bound of sessions for a subject that chooses its sessions"),
        lint("wild-credential", "a credential for a host that only a wildcard declares"),
        lint("unused-approver", "an approver whose signature no tool asks for"),
        lint("unguarded-send", "a tool that sends, with neither approval nor a label that flows could speak of"),
        lint("read-method", "a tool that reads with a method that changes things"),
        lint("unused-upstream", "an upstream of which clients are given nothing"),
        lint("shell-command", "a command of an upstream that runs another program"),
        lint("fetched-command", "a command of an upstream that fetches what it runs"),
        lint("poisoned-definition", "a definition of a tool that speaks to the model rather than about the tool"),
        lint("effect-hint", "a tool that is said to read, and whose definition says otherwise"),
        lint("asking-upstream", "an upstream that may ask of the client what its user or model then answers"),
        lint("unconfined-upstream", "an upstream whose process the kernel does not confine"),
        lint("broad-path", "a path of `confine` that holds much that is no business of the upstream"),
        lint("exposed-ledger", "the ledger of the gateway within reach of an upstream"),
        lint("confined-shell", "a shell that an upstream may run"),
        lint("missing-namespaces", "an upstream that is started where the host refuses it namespaces"),
        lint("idle-flow", "a flow that never decides anything"),
        lint("idle-require", "a requirement that speaks of nothing in this manifest"),
        lint("origin-intent", "a value that may not come from the intent"),
        lint("idle-source", "a source that nothing feeds, or a trust that nothing asks for"),
        lint("allow-missing", "a gateway that starts without a part of its confinement"),
        lint("unconfined", "a gateway that starts where nothing confines it"),
        lint("clear-evidence", "arguments and results are stored in clear"),
        lint("shadow-mode", "a gateway that lets through what it would refuse"),
        lint("chosen-intent", "a value that may come from an intent which the subject words itself"),
    ],
    also: None,
    example: "[lints]
warnings = \"deny\"
unused-host = { level = \"allow\", why = \"the tool that needs it comes with the next release\" }
",
    more: "",
};

pub(super) static LINT: Section = Section {
    name: "A lint",
    about: "A lint as a table. To allow a warning takes a reason, so it has no shorter form.",
    keys: &[
        Key::required("level", Kind::Word(&["allow", "warn", "deny"]), "\"allow\"", "what becomes of it", &[]),
        why("why it does not matter here"),
    ],
    also: None,
    example: "",
    more: "",
};
