//! Foreign MCP servers behind the gateway: which programs, with which surroundings, and the reviewed definitions of their tools.

mod confine;

pub use confine::{Confine, Feature, Net, PROXY_PORT, PROXY_URL, ProcessLimits};

/// A foreign MCP server: one child process that the launcher starts when a call first needs it.
#[derive(Debug)]
pub struct Upstream {
    /// Its name in the manifest.
    pub name: &'static str,
    /// Absolute path of the program, then its arguments.
    pub command: &'static [&'static str],
    /// Absolute path of its working directory; `None` = the root directory.
    pub dir: Option<&'static str>,
    /// Its whole environment: nothing else is passed on.
    pub env: &'static [Variable],
    /// Which revisions of MCP it speaks.
    pub era: EraRule,
    /// Time from its start to the end of its handshake, seconds.
    pub start_timeout: u64,
    /// Largest message that it may send, bytes.
    pub max_message: u64,
    /// What it may ask of the client while a call runs.
    pub may_ask: &'static [Question],
    /// The hosts to which it may lead the user.
    pub ask_hosts: &'static [&'static str],
    /// The lists of which it may tell clients that they changed.
    pub may_tell: &'static [Listed],
    /// The least grave log messages of it that clients may have; `None` = they have none.
    pub log: Option<Level>,
    /// What the kernel lets it touch; `None` = whatever the gateway's user may.
    pub confine: Option<Confine>,
    /// Why the manifest lists it.
    pub why: &'static str,
}

impl Upstream {
    /// One for tests, which change what they are about.
    #[cfg(any(test, feature = "rehearsal"))]
    pub const SAMPLE: Self = Self {
        name: "u",
        command: &["/bin/true"],
        dir: None,
        env: &[],
        era: EraRule::Auto,
        start_timeout: 10,
        max_message: 1024,
        may_ask: &[],
        ask_hosts: &[],
        may_tell: &[],
        log: None,
        confine: None,
        why: "test",
    };

    /// The hosts that its process reaches through the process of requests; `None` = it has no such network.
    #[must_use]
    pub fn proxied(&self) -> Option<&'static [super::Egress]> {
        self.confine.as_ref().and_then(Confine::proxied)
    }
}

/// What an upstream may ask of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// A form, of the client's user: `elicitation/create` in form mode.
    Elicitation,
    /// A text, of the client's model: `sampling/createMessage`.
    Sampling,
    /// The directories that the client works on: `roots/list`.
    Roots,
}

impl Question {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Elicitation, Self::Sampling, Self::Roots];

    /// The word used in manifests, reports and the ledger; also the name of the client's capability.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Elicitation => "elicitation",
            Self::Sampling => "sampling",
            Self::Roots => "roots",
        }
    }

    /// The method by which it is asked.
    #[must_use]
    pub const fn method(self) -> &'static str {
        match self {
            Self::Elicitation => "elicitation/create",
            Self::Sampling => "sampling/createMessage",
            Self::Roots => "roots/list",
        }
    }
}

/// A list of which an upstream may tell that it changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

    /// The word in the protocol, in manifests and in reports.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Name as the upstream sees it.
    pub name: &'static str,
    /// Where the value comes from.
    pub value: Value,
}

/// Where the value of a variable comes from.
#[derive(Debug, Clone, Copy)]
pub enum Value {
    /// It stands in the manifest.
    Literal(&'static str),
    /// A variable of the gateway's own environment, not secret. The upstream is not started where it is absent.
    From(&'static str),
    /// A secret in the gateway's variable of this name, or in the file that the variable `<name>_FILE` names. It is withheld from
    /// every result, log and ledger line.
    Secret(&'static str),
}

/// Which revisions of MCP an upstream speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EraRule {
    /// Found out by a probe.
    Auto,
    /// 2026-07-28.
    Modern,
    /// 2024-11-05 to 2025-11-25.
    Legacy,
}

/// What of an upstream an entry of the table of tools is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// A tool: `tools/call`.
    Tool,
    /// A resource, or all whose URI begins alike: `resources/read`. Its one argument is `uri`.
    Resource,
    /// A prompt: `prompts/get`.
    Prompt,
    /// What may be put into arguments of a prompt, or into a template of URIs: `completion/complete`. Its arguments are `argument`, `value` and
    /// `context`.
    Completion,
    /// Being told that resources changed: `resources/subscribe`, `subscriptions/listen`. Its one argument is `uri`.
    Subscription,
}

/// A tool of an upstream, or a resource or prompt of one.
#[derive(Debug)]
pub struct Proxied {
    /// Index into [`super::Policy::upstreams`].
    pub upstream: usize,
    /// Which of them it is.
    pub what: Offer,
    /// Name of the tool or prompt at the upstream, of a completion that of its prompt or a template of URIs; [`super::Tool::name`] is the name that clients see. Of a resource or subscription its URI, or the
    /// beginning of it and `*`.
    pub name: &'static str,
    /// SHA-256 over the RFC 8785 form of `definition`: what the manifest pins.
    pub pin: [u8; 32],
    /// The reviewed definition, JSON: `name`, `title`, `description`, `inputSchema`, `outputSchema`, `annotations`, as far as given. It is
    /// listed (under the client's name) whatever the upstream says today, and its `inputSchema` is what arguments are checked against. Of a
    /// resource or prompt it is made of what the manifest says.
    pub definition: &'static str,
    /// Largest result that clients get, bytes.
    pub max_result: u64,
    /// What becomes of a result that looks like an injection.
    pub on_risk: OnRisk,
    /// Risk of a result at or above which `on_risk` applies, thousandths.
    pub result_threshold: u16,
}

/// What becomes of a result that looks like an injection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnRisk {
    /// It is withheld.
    Deny,
    /// It is passed on behind a warning that names what was found.
    Mark,
    /// Text blocks that look like an injection are replaced by a notice; the others pass.
    Strip,
}
