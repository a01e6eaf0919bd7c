//! The shape of a compiled policy: plain data that the generator writes as constants and the runtime only reads.
//!
//! Nothing here has a parser. Risk is in thousandths (0-1000), durations are whole seconds, sizes are bytes.

use crate::call::Rule;

pub mod evidence;
mod mode;
pub mod origin;
#[cfg(feature = "plan-http")]
mod rest;

pub mod upstream;

pub use mode::Mode;
#[cfg(feature = "plan-http")]
pub use rest::{Auth, AuthScheme, Input, InputKind, Method, Pair, Piece, Response, Rest, Select, Slot};

/// Everything a gateway may do. One `static` of this type is the whole configuration.
#[derive(Debug)]
pub struct Policy {
    /// Gateway name: lease audience and ledger origin.
    pub gateway: &'static str,
    /// Text for the model, sent as `instructions`; empty = none.
    pub instructions: &'static str,
    /// What becomes of a refused call.
    pub mode: Mode,
    /// SHA-256 over the canonical form of the policy (see `airlock-policy::digest`).
    pub digest: [u8; 32],
    /// Version of Airlock that compiled it.
    pub compiled_by: &'static str,
    /// Accepted key ids; the keys come from a file named at run time.
    pub keys: &'static [Key],
    /// Lease rules.
    pub lease: LeaseRules,
    /// Ledger rules.
    pub ledger: LedgerRules,
    /// What of its confinement it may do without.
    pub sandbox: Sandbox,
    /// Bounds of the whole gateway.
    pub limits: Limits,
    /// People whose signatures approve calls, sorted by name.
    pub approvers: &'static [Approver],
    /// Tools in the order in which they are listed.
    pub tools: &'static [Tool],
    /// Name to index into `tools`.
    pub tool_index: ToolIndex,
    /// Foreign MCP servers behind the gateway.
    pub upstreams: &'static [upstream::Upstream],
    /// What may not combine in one session.
    pub flows: &'static [Flow],
    /// Who may obtain what.
    pub grants: &'static [Grant],
}

impl Policy {
    /// The tool of this name, if it is compiled in.
    #[must_use]
    pub fn tool(&'static self, name: &str) -> Option<&'static Tool> {
        self.tool_index.of(name).and_then(|at| self.tools.get(at))
    }
}

/// An accepted key id.
#[derive(Debug)]
pub struct Key {
    /// Key id as in the lease text.
    pub kid: &'static str,
    /// First eight bytes of `SHA-256("airlock/key/v1\0" ‖ Ka)`, if the manifest pins the key.
    pub commitment: Option<[u8; 8]>,
}

/// Rules for leases of this gateway.
#[derive(Debug)]
pub struct LeaseRules {
    /// Life of a lease when the request names none, seconds.
    pub default_ttl: u64,
    /// Longest life of a lease, seconds.
    pub max_ttl: u64,
    /// Leases are accepted in `params._meta`.
    pub carrier_meta: bool,
    /// Leases are accepted in `arguments._capability` and `arguments._context`.
    pub carrier_arguments: bool,
    /// A call that carries nothing has the lease of the file that `AIRLOCK_LEASE_FILE` names.
    pub carrier_ambient: bool,
}

/// Where the ledger lies and what a decision must survive before its effect.
#[derive(Debug)]
pub struct LedgerRules {
    /// Environment variable that names the directory.
    pub dir_env: Option<&'static str>,
    /// Directory when the variable is absent.
    pub dir_default: &'static str,
    /// See [`Durability`].
    pub durability: Durability,
    /// What is kept of arguments and results.
    pub evidence: evidence::Evidence,
}

/// A part of a gateway's confinement that a kernel may not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Rules on files, ports and signals.
    Landlock,
    /// Filters of system calls.
    Seccomp,
}

impl Part {
    /// The word used in manifests and reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Landlock => "landlock",
            Self::Seccomp => "seccomp",
        }
    }
}

/// What of its confinement a gateway may do without.
#[derive(Debug)]
pub struct Sandbox {
    /// Parts without which it starts where the kernel does not have them.
    pub allow_missing: &'static [Part],
    /// Does it start on a system that is not Linux, where nothing confines it?
    pub unconfined: bool,
}

impl Sandbox {
    /// Nothing may be missing.
    pub const WHOLE: Self = Self { allow_missing: &[], unconfined: false };
}

/// What a decision survives before its effect is performed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A power cut: `fdatasync` before every effect.
    Power,
    /// As `Power` for tools that write or send; a read waits for `write` only and the sync follows within 10 ms.
    Effect,
    /// `kill -9`: the `write` alone comes first.
    Process,
}

impl Durability {
    /// The word used in manifests, the genesis line and reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Power => "power",
            Self::Effect => "effect",
            Self::Process => "process",
        }
    }
}

/// Bounds of the whole gateway.
#[derive(Debug)]
pub struct Limits {
    /// Largest arguments of one call, bytes of their JSON without carriers.
    pub max_arguments: u64,
    /// Calls that are open at once.
    pub in_flight: usize,
    /// Time for one HTTP request with its name lookup, seconds, of a tool that does not say.
    pub timeout: u64,
    /// Time in which an approval must be given, seconds.
    pub approval_timeout: u64,
    /// Questions to the user in each session; beyond them a call that would ask is refused.
    pub step_ups: Option<u64>,
    /// Bounds on allowed calls of all tools together.
    pub quota: Quota,
}

/// Bounds on the number of allowed calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quota {
    /// In all sessions together.
    pub rate: Option<Rate>,
    /// In each session.
    pub session_rate: Option<Rate>,
    /// In each session, ever.
    pub session_calls: Option<u64>,
}

/// At most so many calls within any period of so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Calls, 1 or more.
    pub calls: u32,
    /// Seconds.
    pub seconds: u32,
}

/// Labels that may not come together in one session.
#[derive(Debug)]
pub struct Flow {
    /// The labels, sorted. A call that would complete them is refused, or asked about.
    pub labels: &'static [&'static str],
    /// What happens to that call.
    pub verdict: FlowVerdict,
    /// Why it exists.
    pub why: &'static str,
}

impl Flow {
    /// The labels of the flow that are not among these.
    pub fn lacks(&self, labels: &[&str]) -> impl Iterator<Item = &'static str> {
        self.labels.iter().copied().filter(move |label| !labels.contains(label))
    }
}

/// What a flow does to the call that would complete it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowVerdict {
    /// It is refused.
    Deny,
    /// The connected user is asked.
    Ask,
}

/// Who must approve a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// The connected user.
    Human,
}

/// A person whose signature can approve a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Approver {
    /// Name, as leases and the ledger have it.
    pub name: &'static str,
    /// Ed25519 public key; the compiler took none that others could sign for.
    pub key: [u8; 32],
}

/// Who must sign a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signatures {
    /// How many different approvers.
    pub count: u16,
    /// Names of those who may.
    pub of: &'static [&'static str],
    /// Time from the request to the approved call, seconds.
    pub within: u64,
}

/// A tool that the gateway serves.
#[derive(Debug)]
pub struct Tool {
    /// Name on the wire.
    pub name: &'static str,
    /// Why the manifest lists it.
    pub why: &'static str,
    /// What a call of it does.
    pub kind: ToolKind,
    /// What it does to the world.
    pub effect: EffectClass,
    /// A call whose risk is at or above this is denied, thousandths.
    pub risk_threshold: u16,
    /// Risk that every call of this tool starts with, thousandths.
    pub base_risk: u16,
    /// Names of risk factors that count nothing for this tool.
    pub ignored: &'static [&'static str],
    /// Hosts it may reach; empty = no network.
    pub egress: &'static [Egress],
    /// Argument rules of the manifest (beyond the tool's own schema), in the order in which they are asked.
    pub rules: &'static [Rule],
    /// Where values of arguments may come from, sorted by argument.
    pub origins: &'static [origin::Origin],
    /// Whether a value counts as trusted wherever it stands in a result of this tool.
    pub trusted: bool,
    /// How a result of this tool is read for whole members.
    pub result: origin::Form,
    /// An argument that the tool's schema does not name is refused. True for every built-in tool.
    pub strict: bool,
    /// What it reads, ingests, writes or sends, sorted.
    pub labels: &'static [&'static str],
    /// Who must approve each call.
    pub approval: Option<Approval>,
    /// Who must sign each call.
    pub signatures: Option<Signatures>,
    /// Bounds on allowed calls of this tool.
    pub quota: Quota,
    /// Time for one HTTP request with its name lookup, seconds.
    pub timeout: u64,
}

impl Tool {
    /// Does a call need a lease? Every tool does but the one that issues leases, which is bounded by the `self` and `human` grants.
    #[must_use]
    pub const fn needs_lease(&self) -> bool {
        match self.kind {
            ToolKind::Builtin(builtin) => builtin.needs_lease(),
            #[cfg(feature = "plan-http")]
            ToolKind::Rest(_) => true,
            #[cfg(feature = "plan-upstream")]
            ToolKind::Upstream(_) => true,
        }
    }

    /// Has a call any use for an argument of this name? One that it has none for is refused or, where the tool is not strict, ignored.
    #[must_use]
    #[cfg_attr(not(feature = "plan-http"), allow(unused_variables, reason = "a built-in tool uses whatever it accepts"))]
    pub fn uses_argument(&self, name: &str) -> bool {
        match self.kind {
            // The built-in tools refuse what they do not know.
            ToolKind::Builtin(_) => true,
            #[cfg(feature = "plan-http")]
            ToolKind::Rest(rest) => rest.input.iter().any(|input| input.name == name),
            // What a foreign program does with its arguments is not known here.
            #[cfg(feature = "plan-upstream")]
            ToolKind::Upstream(_) => true,
        }
    }
}

/// What a call of a tool does.
#[derive(Debug, Clone, Copy)]
pub enum ToolKind {
    /// A tool that the runtime itself implements.
    Builtin(Builtin),
    /// One HTTP request that the manifest describes.
    #[cfg(feature = "plan-http")]
    Rest(&'static Rest),
    /// A tool of a foreign MCP server.
    #[cfg(feature = "plan-upstream")]
    Upstream(&'static upstream::Proxied),
}

/// Name of a tool to its index in [`Policy::tools`]. Generated code gives a function that is a `match`; a program that judges a
/// policy which nobody compiled gives a closure.
#[derive(Clone, Copy)]
pub struct ToolIndex(pub &'static (dyn Fn(&str) -> Option<usize> + Sync));

impl ToolIndex {
    /// The index of this tool, if it is compiled in.
    #[must_use]
    pub fn of(self, name: &str) -> Option<usize> {
        (self.0)(name)
    }
}

impl std::fmt::Debug for ToolIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ToolIndex")
    }
}

/// The tools that the runtime itself implements. A variant exists only when its code is compiled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builtin {
    /// `airlock_issue_capability`: mint a lease within a `self` grant.
    #[cfg(feature = "plan-issue")]
    IssueCapability,
    /// `airlock_audit_tail`: the newest ledger lines.
    AuditTail,
    /// `airlock_usage_stats`: counts per tool and verdict.
    UsageStats,
    /// `airlock_exposure_report`: per agent and tool, what was used and what was granted but not used.
    ExposureReport,
    /// `http_get_json`: GET a JSON document from an allowed host.
    #[cfg(feature = "plan-http")]
    HttpGetJson,
    /// `weather_hourly`: geocode city and state, then an hourly forecast (Open-Meteo).
    #[cfg(feature = "plan-http")]
    WeatherHourly,
}

impl Builtin {
    const fn needs_lease(self) -> bool {
        match self {
            #[cfg(feature = "plan-issue")]
            Self::IssueCapability => false,
            Self::AuditTail | Self::UsageStats | Self::ExposureReport => true,
            #[cfg(feature = "plan-http")]
            Self::HttpGetJson | Self::WeatherHourly => true,
        }
    }
}

/// What a tool does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EffectClass {
    /// Reads only.
    Read,
    /// Changes state behind the gateway.
    Write,
    /// Carries data out.
    Send,
}

/// A host that a tool may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Egress {
    /// Which hosts this entry covers.
    pub host: HostRule,
    /// Allowed ports of `https` URLs.
    pub ports: &'static [u16],
    /// For tests and demonstrations only: send every request for this host to this loopback port over plain HTTP instead.
    pub stand_in: Option<u16>,
}

/// Pattern for a canonical (lower-case, IDNA ASCII, no trailing dot) host name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostRule {
    /// Exactly this host.
    Exact(&'static str),
    /// `*.example.com`, given as `example.com`: exactly one more label in front.
    OneLabel(&'static str),
    /// `*`: any public host name.
    AnyPublic,
}

impl HostRule {
    /// Does this rule cover a canonical host name?
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        match *self {
            Self::Exact(name) => name == host,
            Self::OneLabel(parent) => host
                .strip_suffix(parent)
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|label| !label.is_empty() && !label.contains('.')),
            Self::AnyPublic => true,
        }
    }

    /// The rule as manifests, grants and leases write it: `api.example.com`, `*.example.com` or `*`.
    #[must_use]
    pub fn entry(&self) -> String {
        match *self {
            Self::Exact(name) => name.to_owned(),
            Self::OneLabel(parent) => format!("*.{parent}"),
            Self::AnyPublic => "*".to_owned(),
        }
    }
}

/// A manifest clause: which subject may obtain what.
#[derive(Debug)]
pub struct Grant {
    /// Exact subject.
    pub subject: &'static str,
    /// Tools it may use.
    pub tools: &'static [&'static str],
    /// How a lease may be issued.
    pub issue: Issue,
    /// Hosts a lease of this grant may name; empty list in a lease = no network.
    pub domains: &'static [&'static str],
    /// Longest life of such a lease, seconds.
    pub max_ttl: u64,
    /// Highest risk ceiling of such a lease, thousandths.
    pub max_risk: u16,
    /// Most calls such a lease may allow.
    pub uses: u64,
    /// Why it exists.
    pub why: &'static str,
}

/// How a lease may be issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issue {
    /// Only with the issuer key, `airlock issue`.
    Operator,
    /// By the tool `airlock_issue_capability`, within the grant.
    #[cfg(feature = "plan-issue")]
    SelfService,
    /// As `SelfService`, after the connected user accepted.
    #[cfg(feature = "plan-issue")]
    Human,
}

impl Issue {
    /// The word used in manifests and the ledger.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            #[cfg(feature = "plan-issue")]
            Self::SelfService => "self",
            #[cfg(feature = "plan-issue")]
            Self::Human => "human",
        }
    }
}

/// A tool and limits for tests, of which each names what it changes.
#[cfg(any(test, feature = "rehearsal"))]
#[allow(missing_docs, reason = "what each is says its type")]
pub mod sample {
    use super::{Builtin, EffectClass, Limits, Quota, Sandbox, Tool, ToolKind};

    pub const SANDBOX: Sandbox = Sandbox::WHOLE;
    pub const NO_QUOTA: Quota = Quota { rate: None, session_rate: None, session_calls: None };
    pub const LIMITS: Limits =
        Limits { max_arguments: 8 << 20, in_flight: 64, timeout: 10, approval_timeout: 120, step_ups: None, quota: NO_QUOTA };
    pub const TOOL: Tool = Tool {
        name: "airlock_audit_tail",
        why: "test",
        kind: ToolKind::Builtin(Builtin::AuditTail),
        effect: EffectClass::Read,
        risk_threshold: 500,
        base_risk: 0,
        ignored: &[],
        egress: &[],
        rules: &[],
        origins: &[],
        trusted: false,
        result: super::origin::Form::Json,
        strict: true,
        labels: &[],
        approval: None,
        signatures: None,
        quota: NO_QUOTA,
        timeout: 10,
    };
}
