//! The compiled policy as plain data: the only thing that passes between the checker and the generator.
//!
//! No functions here, so both sides may change. Risk is in thousandths, durations in seconds, sizes in bytes. Every list is in
//! a defined order (manifest order for tools and grants; sorted for sets), so the canonical form and the digest are stable.

mod approvers;
mod authority;
mod confine;
mod evidence;
mod mode;
mod origin;
mod rest;
mod rules;
mod sandbox;
mod upstream;

pub use approvers::{Approver, Signatures};
pub use authority::{Flow, FlowVerdict, Grant, Issue, Property, Require, Requirement, Selector};
pub use confine::{Confine, Feature, Net, ProcessLimits};
pub use evidence::{Evidence, Removed};
pub use mode::Mode;
pub use origin::{Form, Look, Origin, Otherwise, Source, ValueKind};
pub use rest::{Auth, AuthScheme, Input, InputKind, Method, Pair, Piece, Response, Rest, Select, Slot};
pub use rules::{ArgRule, ArgRules};
pub use sandbox::{Part, Sandbox};
pub use upstream::{
    Argument, ArgumentKind, Era, Level, Listed, Offer, OnRisk, Proxied, Question, Upstream, Variable, VariableValue,
};

use serde::Serialize;

/// A manifest that passed every check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct Policy {
    /// Language version of the manifest; 1.
    pub airlock: u32,
    /// `[gateway]`.
    pub gateway: Gateway,
    /// `[keys]`, sorted by id.
    pub keys: Vec<Key>,
    /// `[lease]`.
    pub lease: Lease,
    /// `[ledger]`.
    pub ledger: Ledger,
    /// `[limits]`.
    pub limits: Limits,
    /// `[sandbox]`.
    #[serde(default, skip_serializing_if = "Sandbox::is_whole")]
    pub sandbox: Sandbox,
    /// `[approvers.*]`, sorted by name. As [`Self::upstreams`], left out where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(any(test, feature = "data"), serde(default))]
    pub approvers: Vec<Approver>,
    /// `[upstreams.*]`, in manifest order. Left out where there are none, so that policies from before keep their digests.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(any(test, feature = "data"), serde(default))]
    pub upstreams: Vec<Upstream>,
    /// `[tools.*]`, in manifest order; then the tools of each upstream.
    pub tools: Vec<Tool>,
    /// `[[flow]]`, in manifest order.
    pub flows: Vec<Flow>,
    /// `[[grant]]`, in manifest order.
    pub grants: Vec<Grant>,
    /// `[[require]]`, in manifest order. They held when the policy was compiled; a gateway has no use for them.
    pub requires: Vec<Require>,
}

/// `[gateway]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct Gateway {
    /// Binary name, lease audience and ledger origin.
    pub name: String,
    /// Text for the model; empty = none.
    pub instructions: String,
    /// What becomes of a refused call.
    #[serde(default, skip_serializing_if = "Mode::is_enforce")]
    pub mode: Mode,
}

/// An accepted key id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct Key {
    /// Key id: 1-16 of `a-z 0-9 -`.
    pub kid: String,
    /// Commitment to the audience key as 16 lower-case hex digits, if pinned.
    pub commitment: Option<String>,
}

/// `[lease]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct Lease {
    /// Seconds.
    pub default_ttl: u64,
    /// Seconds.
    pub max_ttl: u64,
    /// Leases are accepted in `params._meta`.
    pub carrier_meta: bool,
    /// Leases are accepted in `arguments`.
    pub carrier_arguments: bool,
    /// A call that carries nothing has the lease of the file that `AIRLOCK_LEASE_FILE` names. Left out where it is not so, so that
    /// policies from before keep their digests.
    #[serde(default, skip_serializing_if = "origin::is_false")]
    pub carrier_ambient: bool,
}

/// `[ledger]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct Ledger {
    /// Environment variable that names the directory.
    pub dir_env: Option<String>,
    /// Directory when the variable is absent.
    pub dir_default: String,
    /// What a decision survives before its effect.
    pub durability: Durability,
    /// What is kept of arguments and results. Left out where it is the default, as the two keys below, so that policies from before keep
    /// their digests.
    #[serde(default, skip_serializing_if = "Evidence::is_hashes")]
    pub evidence: Evidence,
    /// What is removed from copies, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redact: Vec<Removed>,
    /// How long evidence is kept, seconds; nothing = for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_evidence: Option<u64>,
}

/// `[ledger] durability`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// fdatasync before every effect.
    Power,
    /// fdatasync before a write or send.
    Effect,
    /// write before every effect.
    Process,
}

/// `[limits]`: bounds of the whole gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct Limits {
    /// Largest arguments of one call, bytes of their JSON without carriers.
    pub max_arguments: u64,
    /// Calls that are open at once.
    pub in_flight: u64,
    /// Time for one HTTP request with its name lookup, seconds; a tool may say less.
    pub timeout: u64,
    /// Time in which an approval must be given, seconds.
    pub approval_timeout: u64,
    /// Questions to the user in each session; beyond them a call that would ask is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_ups: Option<u64>,
    /// Bounds on allowed calls of all tools together.
    pub quota: Quota,
}

/// Bounds on the number of allowed calls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct Quota {
    /// In all sessions together.
    pub rate: Option<Rate>,
    /// In each session.
    pub session_rate: Option<Rate>,
    /// In each session, ever.
    pub session_calls: Option<u64>,
}

/// At most so many calls within any period of so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct Rate {
    /// Calls.
    pub calls: u32,
    /// Seconds.
    pub seconds: u32,
}

/// A tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct Tool {
    /// Name on the wire.
    pub name: String,
    /// What a call of it does.
    pub kind: ToolKind,
    /// What it does to the world.
    pub effect: EffectClass,
    /// Denied at or above, thousandths.
    pub risk_threshold: u16,
    /// Starting risk, thousandths.
    pub base_risk: u16,
    /// Risk factors that count nothing for this tool, sorted by factor.
    pub ignored: Vec<IgnoredFactor>,
    /// Hosts it may reach, sorted by host.
    pub egress: Vec<Egress>,
    /// Argument rules, sorted by argument.
    pub args: Vec<ArgRules>,
    /// Where values of arguments may come from, sorted by argument.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<Origin>,
    /// Whether a value counts as trusted wherever it stands in a result of this tool.
    #[serde(default, skip_serializing_if = "origin::is_false")]
    pub trusted: bool,
    /// How a result of this tool is read for whole members.
    #[serde(default, skip_serializing_if = "Form::is_json")]
    pub result: Form,
    /// An argument that its schema does not name is refused. True for every built-in tool. Where it is false, a REST tool ignores such an
    /// argument, and an upstream is sent it as far as its schema allows.
    pub strict: bool,
    /// What it reads, ingests, writes or sends, sorted.
    pub labels: Vec<String>,
    /// Who at the client must approve each call.
    pub approval: Option<Approval>,
    /// Who must sign each call.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "data"), serde(default))]
    pub signatures: Option<Signatures>,
    /// Bounds on allowed calls of this tool.
    pub quota: Quota,
    /// Time for one HTTP request or for the answer of an upstream, seconds; that of [`Limits`] when the manifest does not say.
    pub timeout: u64,
    /// Reason.
    pub why: String,
}

/// What a call of a tool does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "snake_case")]
pub enum ToolKind {
    /// A tool that the runtime implements.
    Builtin(Builtin),
    /// One HTTP request that the manifest describes.
    Rest(Rest),
    /// A tool of a foreign MCP server.
    Upstream(Proxied),
}

/// A risk factor that counts nothing for one tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct IgnoredFactor {
    /// Name of the factor as in a decision.
    pub factor: String,
    /// Reason.
    pub why: String,
}

/// `approval`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum Approval {
    /// The connected user.
    Human,
}

/// The built-in tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "snake_case")]
pub enum Builtin {
    /// `airlock_issue_capability`.
    AirlockIssueCapability,
    /// `airlock_audit_tail`.
    AirlockAuditTail,
    /// `airlock_usage_stats`.
    AirlockUsageStats,
    /// `airlock_exposure_report`.
    AirlockExposureReport,
    /// `http_get_json`.
    HttpGetJson,
    /// `weather_hourly`.
    WeatherHourly,
}

/// What a tool does to the world; a later one is graver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum EffectClass {
    /// Reads only.
    Read,
    /// Changes state.
    Write,
    /// Carries data out.
    Send,
}

/// `[[egress]]`, as referred to by a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct Egress {
    /// Which hosts.
    pub host: HostRule,
    /// Allowed ports, sorted.
    pub ports: Vec<u16>,
    /// Loopback port of a stand-in, for tests and demonstrations.
    pub stand_in: Option<u16>,
    /// Reason.
    pub why: String,
}

/// A host pattern in canonical form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "snake_case")]
pub enum HostRule {
    /// Exactly this host.
    Exact(String),
    /// `*.x`, given as `x`: one label more.
    OneLabel(String),
    /// `*`.
    AnyPublic,
}
