//! Foreign MCP servers and their tools.

use super::confine::CONFINE;
use super::gateway::ENV;
use super::tools::{APPROVED, ARGS, BASE_RISK, EFFECT, LABELS, OWN_LIMITS, OWN_RISK, RESULT, RISK_THRESHOLD, TRUSTED};
use super::{Absent, Key, Kind, Lines, Section, why};
use crate::code::Code;
use crate::limits::{
    COMMAND_MAX, DESCRIPTION_MAX, HOSTS_MAX, LISTED_MAX, MESSAGE_MAX, MESSAGE_MIN, RESULT_MIN, START_TIMEOUT_MAX_S, TITLE_MAX,
    TOOLS_MAX, VARIABLES_MAX,
};

/// What may be wrong with the name of a resource or prompt.
const OFFERED: &[Code] =
    &[Code::BadToolName, Code::SimilarTools, Code::UnreachableTool, Code::UnguardedSend, Code::PoisonedDefinition];
/// What may be wrong with the name of a completion, or with what it completes.
const COMPLETED: &[Code] =
    &[Code::BadToolName, Code::SimilarTools, Code::UnreachableTool, Code::UnguardedSend, Code::BadCompletion];
/// The name of an upstream.
pub(super) const NAME: &str = "^[A-Za-z][A-Za-z0-9_-]{0,31}$";
const TEXT: Kind = Kind::Text("text of at most 4096 characters on one line", "^[^\\n]{0,4096}$");

pub(super) static UPSTREAM: Section = Section {
    name: "[upstreams.<name>]",
    about: "A foreign MCP server behind the gateway, which starts it as a process of its own when a call first needs it. Clients have of it \
what stands under `tools`, `resources` and `prompts`, and nothing else. [upstreams.md](upstreams.md) has the way from a server to a \
reviewed manifest. The name is 1–32 of `A-Z a-z 0-9 _ -`, begins with a letter and not with `airlock`. `confine` (a kernel sandbox of the \
process) says what it may touch; without it the process has the rights of the gateway's user.",
    keys: &[
        Key::required(
            "command",
            Kind::List(
                &Kind::Text("a text of 1–4096 characters; the first is the absolute path of the program", "^[^\\n]{1,4096}$"),
                1,
                COMMAND_MAX,
            ),
            "[\"/usr/bin/node\", \"/opt/mcp/files/index.js\", \"/srv/work\"]",
            "program and arguments, started as they stand: no shell, nothing is looked up in `PATH`",
            &[Code::BadCommand, Code::ShellCommand, Code::FetchedCommand],
        ),
        Key::optional(
            "dir",
            Kind::Text("an absolute path in normal form", "^/"),
            "the root directory",
            "\"/srv/work\"",
            "directory that it is started in",
            &[Code::BadCommand],
        ),
        Key::optional(
            "env",
            Kind::Named("^[A-Za-z_][A-Za-z0-9_]{0,63}$", &Kind::Either(&[TEXT, Kind::Table(&VARIABLE)]), VARIABLES_MAX),
            "it has none",
            "{ LANG = \"C.UTF-8\", API_KEY = { secret = \"FILES_API_KEY\" } }",
            "its whole environment; nothing of the gateway's own is passed on that does not stand here",
            &[Code::BadName, Code::BadCredential],
        ),
        Key::default(
            "era",
            Kind::Word(&["auto", "modern", "legacy"]),
            "\"auto\"",
            "\"legacy\"",
            "which revisions of MCP it speaks: 2026-07-28, those before, or what a probe at its start finds",
            &[],
        ),
        Key::default(
            "start_timeout",
            Kind::Duration(1, START_TIMEOUT_MAX_S),
            "\"20s\"",
            "\"45s\"",
            "time from its start to the end of its handshake",
            &[],
        ),
        Key::default(
            "max_message",
            Kind::Size(MESSAGE_MIN, MESSAGE_MAX),
            "\"4MiB\"",
            "\"8MiB\"",
            "largest message that it may send",
            &[],
        ),
        Key::default(
            "may_ask",
            Kind::List(&Kind::Word(&["elicitation", "sampling", "roots"]), 0, 3),
            "[]",
            "[\"elicitation\"]",
            "what it may ask of the client while a call runs: a form of the user, a text of the model, the directories that the client works on",
            &[Code::AskingUpstream],
        ),
        Key::optional(
            "ask_hosts",
            Kind::List(&Kind::Text("the name of a host", "^[A-Za-z0-9.-]+$"), 1, HOSTS_MAX),
            "it leads the user nowhere",
            "[\"accounts.example.com\"]",
            "hosts to which a question may lead the user, by an `https` address that the client shows; needs `elicitation`",
            &[Code::AskHosts, Code::BadHost, Code::PrivateHost, Code::BroadHost],
        ),
        Key::default(
            "may_tell",
            Kind::List(&Kind::Word(&["tools", "resources", "prompts"]), 0, 3),
            "[]",
            "[\"tools\"]",
            "of which of its lists it may tell clients that they changed; what clients are listed is the manifest's all the same",
            &[],
        ),
        Key::optional(
            "log",
            Kind::Word(&["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]),
            "clients have none",
            "\"warning\"",
            "the least grave log messages of it that clients may have, where they ask for any",
            &[],
        ),
        Key::optional(
            "resources",
            Kind::Named("^.+$", &Kind::Table(&RESOURCE), LISTED_MAX),
            "none",
            "{}",
            "the resources of it that clients may read, by names of your own",
            OFFERED,
        ),
        Key::optional(
            "prompts",
            Kind::Named("^.+$", &Kind::Table(&PROMPT), LISTED_MAX),
            "none",
            "{}",
            "the prompts of it that clients may get, by the server's own names",
            OFFERED,
        ),
        Key::optional(
            "completions",
            Kind::Named("^.+$", &Kind::Table(&COMPLETION), LISTED_MAX),
            "none",
            "{}",
            "arguments of its prompts, and parts of URIs, that it may be asked to complete, by names of your own",
            COMPLETED,
        ),
        Key::optional(
            "subscriptions",
            Kind::Named("^.+$", &Kind::Table(&SUBSCRIPTION), LISTED_MAX),
            "none",
            "{}",
            "resources of whose changes clients may be told, by names of your own",
            COMPLETED,
        ),
        Key::optional(
            "definitions",
            Kind::Text("a path below the manifest's directory that ends in `.json`", "^[A-Za-z0-9_-][A-Za-z0-9_./-]*\\.json$"),
            "`airlock-pins/<name>.json`",
            "\"pins/files.json\"",
            "file with the reviewed definitions of its tools, which `airlock pin` writes",
            &[Code::BadDefinitions],
        ),
        Key::default(
            "names",
            Kind::Word(&["prefixed", "bare"]),
            "\"prefixed\"",
            "\"bare\"",
            "how clients call its tools, where a tool does not say it: `name.tool`, or as the server does",
            &[],
        ),
        Key::optional(
            "confine",
            Kind::Table(&CONFINE),
            "it may do what the gateway's user may",
            "{ read = [\"/opt/mcp\"], write = [\"/srv/work\"] }",
            "the kernel sandbox of its process",
            &[Code::UnconfinedUpstream],
        ),
        Key::optional(
            "tools",
            Kind::Named("^.+$", &Kind::Table(&TOOL), TOOLS_MAX),
            "none",
            "{}",
            "the tools of it that clients may call, by the server's own names",
            &[
                Code::BadDefinitions,
                Code::MissingDefinition,
                Code::MissingPin,
                Code::BadSchema,
                Code::BadToolName,
                Code::SimilarTools,
                Code::UnreachableTool,
                Code::UnguardedSend,
                Code::PoisonedDefinition,
                Code::EffectHint,
            ],
        ),
        why("why it is behind the gateway"),
    ],
    also: None,
    example: "",
    more: "",
};

pub(super) static VARIABLE: Section = Section {
    name: "A variable of an upstream",
    about: "A value that is not in the manifest. Variables that begin with `AIRLOCK_` are the gateway's own.",
    keys: &[
        one("from", "\"LANG\"", "variable of the gateway's environment whose value is passed on"),
        one("secret", "\"FILES_API_KEY\"", "variable with a secret, or with `_FILE` behind its name the file that holds it"),
    ],
    also: None,
    example: "",
    more: "",
};

const fn one(name: &'static str, example: &'static str, meaning: &'static str) -> Key {
    Key {
        name,
        kind: ENV,
        absent: Absent::Means("the other one"),
        example,
        meaning,
        codes: &[Code::BadCredential, Code::BadName],
    }
}

pub(super) static TOOL: Section = Section {
    name: "[upstreams.<name>.tools.<tool>]",
    about: "A tool of an upstream. What clients are shown, and what arguments are checked against, is the definition that was reviewed; a \
server whose definition is another one today is not called. Grants, flows, requirements and cases speak of it by the name that clients see.",
    keys: &[
        Key::required(
            "pin",
            Kind::Text("`sha256:` and 64 lower-case hex digits", "^sha256:[0-9a-f]{64}$"),
            "\"sha256:92613862b8b7da5fe9812d5df8c9728e48b39fc529cf06f42b07cd5b5816c9eb\"",
            "digest of its definition in `definitions`, as `airlock pin` writes it",
            &[Code::MissingPin, Code::BadPin, Code::PinMismatch],
        ),
        AS,
        OWN_EFFECT,
        STRICT,
        ARGS,
        TRUSTED,
        RESULT,
        MAX_RESULT,
        ON_RISK,
        RESULT_THRESHOLD,
        RISK_THRESHOLD,
        BASE_RISK,
        OWN_RISK,
        LABELS,
        APPROVED,
        OWN_LIMITS,
        why("why clients have it"),
    ],
    also: None,
    example: "",
    more: "",
};

const AS: Key = Key::optional(
    "as",
    Kind::Text("1–64 of `A-Z a-z 0-9 _ - .`, not beginning with `airlock`", "^[A-Za-z0-9_.-]{1,64}$"),
    "what `names` says",
    "\"read_file\"",
    "the name that clients see",
    &[
        Code::BadToolName,
        Code::SimilarTools,
        Code::UnreachableTool,
        Code::UnguardedSend,
        Code::PoisonedDefinition,
        Code::EffectHint,
    ],
);
const OWN_EFFECT: Key = Key {
    name: "effect",
    kind: EFFECT,
    absent: Absent::Default("\"send\""),
    example: "\"read\"",
    meaning: "what a call does to the world; the worst where nothing is said",
    codes: &[Code::UnguardedSend, Code::EffectHint],
};
const STRICT: Key = Key {
    name: "strict",
    kind: Kind::Boolean,
    absent: Absent::Default("true"),
    example: "false",
    meaning: "whether an argument that the schema does not name is refused; otherwise the schema decides",
    codes: &[],
};
const MAX_RESULT: Key = Key::default(
    "max_result",
    Kind::Size(RESULT_MIN, MESSAGE_MAX),
    "\"1MiB\"",
    "\"64KiB\"",
    "largest result that clients get; at most `max_message`",
    &[],
);
const ON_RISK: Key = Key::default(
    "on_risk",
    Kind::Word(&["deny", "mark", "strip"]),
    "\"deny\"",
    "\"mark\"",
    "what becomes of a result that looks like an injection: it is withheld, passed on behind a warning, or passed on without the texts that do",
    &[],
);
const RESULT_THRESHOLD: Key = Key::optional(
    "result_threshold",
    Kind::Risk,
    "`[risk] threshold`",
    "0.4",
    "risk of a result at or above which `on_risk` applies",
    &[],
);

const TITLE: Key =
    Key::optional("title", Kind::Prose(TITLE_MAX, Lines::One), "it has none", "\"Handbook\"", "name for people", &[]);
const DESCRIPTION: Key = Key::optional(
    "description",
    Kind::Prose(DESCRIPTION_MAX, Lines::Several),
    "it has none",
    "\"How we work\"",
    "what it is, for the model",
    &[Code::PoisonedDefinition],
);

/// Rules of the arguments of an entry, with an example that fits it.
const fn rules(example: &'static str) -> Key {
    Key { example, ..ARGS }
}

pub(super) static RESOURCE: Section = Section {
    name: "[upstreams.<name>.resources.<entry>]",
    about: "A resource of an upstream, or all whose URI begins alike. A read of it is judged like a call of a tool: the entry has a name for \
grants, flows, requirements and cases, made like that of a tool, and its one argument is `uri`. What clients are told of it stands here alone, so there is nothing to pin.",
    keys: &[
        Key::required(
            "uri",
            Kind::Text("a URI, or the beginning of one and `*`", "^[A-Za-z][A-Za-z0-9+.-]*:"),
            "\"file:///srv/work/*\"",
            "which; `*` stands at the end, behind the end of a part",
            &[Code::BadResource],
        ),
        AS,
        TITLE,
        DESCRIPTION,
        OWN_EFFECT,
        STRICT,
        rules("{ uri = { suffix = \".md\" } }"),
        TRUSTED,
        RESULT,
        MAX_RESULT,
        ON_RISK,
        RESULT_THRESHOLD,
        RISK_THRESHOLD,
        BASE_RISK,
        OWN_RISK,
        LABELS,
        APPROVED,
        OWN_LIMITS,
        why("why clients have it"),
    ],
    also: None,
    example: "",
    more: "",
};

pub(super) static PROMPT: Section = Section {
    name: "[upstreams.<name>.prompts.<prompt>]",
    about: "A prompt of an upstream, by the server's own name of 1–64 `A-Z a-z 0-9 _ - .`. Clients, grants, flows, requirements and cases know it by the name that a tool in its \
place would have. Getting it is judged like a call of a tool; its arguments are texts, and those that stand here are all that it takes.",
    keys: &[
        Key::default("required", ARGUMENTS, "[]", "[\"topic\"]", "arguments that must be given", &[Code::BadName]),
        Key::default("optional", ARGUMENTS, "[]", "[\"style\"]", "arguments that may be given", &[Code::BadName]),
        AS,
        TITLE,
        DESCRIPTION,
        OWN_EFFECT,
        STRICT,
        rules("{ style = { one_of = [\"short\"] } }"),
        TRUSTED,
        RESULT,
        MAX_RESULT,
        ON_RISK,
        RESULT_THRESHOLD,
        RISK_THRESHOLD,
        BASE_RISK,
        OWN_RISK,
        LABELS,
        APPROVED,
        OWN_LIMITS,
        why("why clients have it"),
    ],
    also: None,
    example: "",
    more: "",
};

pub(super) static COMPLETION: Section = Section {
    name: "[upstreams.<name>.completions.<entry>]",
    about: "What may be put into arguments of a prompt, or into a template of URIs (`completion/complete`): while somebody writes, the server is told what is there and says what it may \
become. Each such question is judged like a call of a tool: the entry has a name for grants, flows, requirements and cases, made like that of a tool. Its \
arguments are `argument` (which one), `value` (what is there) and `context` (the other arguments).",
    keys: &[
        Key::required(
            "of",
            Kind::Text("a prompt of the same upstream, or a template of URIs", "^.+$"),
            "\"summary\"",
            "which prompt, by the server's own name; or the server's own template (`file:///srv/work/{path}`), whose beginning a resource lists: clients are shown it",
            &[Code::BadCompletion],
        ),
        Key::required(
            "arguments",
            Kind::List(&Kind::Text("an argument of the prompt, or a variable of the template", "^.+$"), 1, LISTED_MAX),
            "[\"topic\"]",
            "which arguments of it",
            &[Code::BadCompletion],
        ),
        AS,
        TITLE,
        DESCRIPTION,
        OWN_EFFECT,
        STRICT,
        rules("{ value = { max_length = 40 } }"),
        TRUSTED,
        RESULT,
        MAX_RESULT,
        ON_RISK,
        RESULT_THRESHOLD,
        RISK_THRESHOLD,
        BASE_RISK,
        OWN_RISK,
        LABELS,
        APPROVED,
        OWN_LIMITS,
        why("why clients have it"),
    ],
    also: None,
    example: "",
    more: "",
};

pub(super) static SUBSCRIPTION: Section = Section {
    name: "[upstreams.<name>.subscriptions.<entry>]",
    about: "Being told that a resource changed (`resources/subscribe`, and `subscriptions/listen` since 2026-07-28). Each is judged like a call of a tool, once and \
under a name of its own, so who may read a resource need not be told of its changes. Its one argument is `uri`. It lasts as long as its lease; what is told is the URI that was asked for, and nothing of the server's.",
    keys: &[
        Key::required(
            "of",
            Kind::Text("a resource of the same upstream", "^.+$"),
            "\"work\"",
            "which entry of `resources`, by its name there",
            &[Code::BadCompletion],
        ),
        AS,
        TITLE,
        DESCRIPTION,
        OWN_EFFECT,
        STRICT,
        rules("{ uri = { suffix = \".md\" } }"),
        TRUSTED,
        RESULT,
        MAX_RESULT,
        ON_RISK,
        RESULT_THRESHOLD,
        RISK_THRESHOLD,
        BASE_RISK,
        OWN_RISK,
        LABELS,
        APPROVED,
        OWN_LIMITS,
        why("why clients have it"),
    ],
    also: None,
    example: "",
    more: "",
};

const ARGUMENTS: Kind =
    Kind::List(&Kind::Text("the name of an argument, 1–64 of `A-Z a-z 0-9 _ -`", "^[A-Za-z][A-Za-z0-9_-]{0,63}$"), 0, LISTED_MAX);
