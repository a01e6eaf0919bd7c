//! Foreign MCP servers and their tools, as plain data.

use super::Confine;
use serde::Serialize;

/// `[upstreams.*]`: a foreign MCP server, which the gateway starts as a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct Upstream {
    /// Name.
    pub name: String,
    /// Absolute path of the program, then its arguments.
    pub command: Vec<String>,
    /// Absolute path of its working directory, if it is not the root.
    pub dir: Option<String>,
    /// Its whole environment, sorted by name.
    pub env: Vec<Variable>,
    /// Which revisions of MCP it speaks.
    pub era: Era,
    /// Time from its start to the end of its handshake, seconds.
    pub start_timeout: u64,
    /// Largest message that it may send, bytes.
    pub max_message: u64,
    /// What it may ask of the client, sorted. Left out where it is nothing, so that policies from before keep their digests.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(any(test, feature = "data"), serde(default))]
    pub may_ask: Vec<Question>,
    /// The hosts to which it may lead the user, sorted. Left out where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(any(test, feature = "data"), serde(default))]
    pub ask_hosts: Vec<String>,
    /// The lists of which it may tell clients that they changed, sorted. Left out where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(any(test, feature = "data"), serde(default))]
    pub may_tell: Vec<Listed>,
    /// The least grave log messages of it that clients may have. Left out where they have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "data"), serde(default))]
    pub log: Option<Level>,
    /// The kernel sandbox of its process. Left out where there is none, so that policies from before keep their digests.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "data"), serde(default))]
    pub confine: Option<Confine>,
    /// Reason.
    pub why: String,
}

/// What an upstream may ask of the client while a call runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum Question {
    /// A form, of the client's user.
    Elicitation,
    /// A text, of the client's model.
    Sampling,
    /// The directories that the client works on.
    Roots,
}

impl Question {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Elicitation, Self::Sampling, Self::Roots];

    /// The word used in manifests and reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Elicitation => "elicitation",
            Self::Sampling => "sampling",
            Self::Roots => "roots",
        }
    }
}

/// A list of which an upstream may tell that it changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum Listed {
    /// Its tools.
    Tools,
    /// Its resources.
    Resources,
    /// Its prompts.
    Prompts,
}

impl Listed {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tools, Self::Resources, Self::Prompts];

    /// The word used in manifests and reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Resources => "resources",
            Self::Prompts => "prompts",
        }
    }
}

/// How grave a log message is, from the least on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// `debug`.
    Debug,
    /// `info`.
    Info,
    /// `notice`.
    Notice,
    /// `warning`.
    Warning,
    /// `error`.
    Error,
    /// `critical`.
    Critical,
    /// `alert`.
    Alert,
    /// `emergency`.
    Emergency,
}

impl Level {
    /// All of them, the least grave first.
    pub const ALL: [Self; 8] =
        [Self::Debug, Self::Info, Self::Notice, Self::Warning, Self::Error, Self::Critical, Self::Alert, Self::Emergency];

    /// The word in the protocol and in manifests.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
            Self::Alert => "alert",
            Self::Emergency => "emergency",
        }
    }
}

/// A variable in the environment of an upstream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct Variable {
    /// Name.
    pub name: String,
    /// Where its value comes from.
    pub value: VariableValue,
}

/// Where the value of a variable comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "snake_case")]
pub enum VariableValue {
    /// It stands in the manifest.
    Literal(String),
    /// This variable of the gateway's own environment, not secret.
    From(String),
    /// A secret in this variable of the gateway's own environment, or in the file that the same name with `_FILE` names.
    Secret(String),
}

/// Which revisions of MCP an upstream speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum Era {
    /// Found out by a probe.
    Auto,
    /// 2026-07-28.
    Modern,
    /// 2024-11-05 to 2025-11-25.
    Legacy,
}

/// What of an upstream an entry of the table of tools is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum Offer {
    /// A tool.
    #[default]
    Tool,
    /// A resource, or all whose URI begins alike.
    Resource,
    /// A prompt.
    Prompt,
    /// What may be put into arguments of a prompt, or into a template of URIs.
    Completion,
    /// Being told of changes of resources.
    Subscription,
}

impl Offer {
    const fn is_tool(&self) -> bool {
        matches!(self, Self::Tool)
    }
}

/// A tool of an upstream, or a resource or prompt of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct Proxied {
    /// Name of the upstream.
    pub upstream: String,
    /// Which of them it is. Left out for a tool, so that policies from before keep their digests.
    #[serde(default, skip_serializing_if = "Offer::is_tool")]
    pub what: Offer,
    /// Name of the tool or prompt there; of a completion that of its prompt, or a template of URIs; of a resource or subscription its URI, or the beginning
    /// of it and `*`.
    pub tool: String,
    /// SHA-256 over the canonical JSON of the definition, 64 lower-case hex digits.
    pub pin: String,
    /// The reviewed definition: JSON without spaces, members in the order of the server. Of a resource or prompt it is made of what the
    /// manifest says.
    pub definition: String,
    /// The arguments that the definition names, sorted by name.
    pub arguments: Vec<Argument>,
    /// Largest result that clients get, bytes.
    pub max_result: u64,
    /// What becomes of a result that looks like an injection.
    pub on_risk: OnRisk,
    /// Risk of a result at or above which it does, thousandths.
    pub result_threshold: u16,
    /// Whether its upstream is given a secret.
    pub secrets: bool,
}

/// An argument of a tool of an upstream, as far as rules can speak of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct Argument {
    /// Name.
    pub name: String,
    /// Type of its value.
    pub kind: ArgumentKind,
    /// Must a call give it?
    pub required: bool,
}

/// Type of an argument, as far as rules tell types apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "snake_case")]
pub enum ArgumentKind {
    /// A string.
    Text,
    /// An integer within these bounds.
    Integer(i64, i64),
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A list of strings.
    List,
    /// An object, another list, or a value of several types.
    Other,
}

/// What becomes of a result that looks like an injection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum OnRisk {
    /// It is withheld.
    Deny,
    /// It is passed on behind a warning.
    Mark,
    /// Its text blocks that look like an injection are replaced by a notice.
    Strip,
}
