//! The compiled policy as plain data: the only thing that passes between the checker and the generator.
//!
//! No functions here, so both sides may change. Risk is in thousandths, durations in seconds, sizes in bytes. Every list is in
//! a defined order (manifest order for tools and grants; sorted for sets), so the canonical form and the digest are stable.

use serde::Serialize;

/// A manifest that passed every check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    /// `[tools.*]`, in manifest order.
    pub tools: Vec<Tool>,
    /// `[[grant]]`, in manifest order.
    pub grants: Vec<Grant>,
}

/// `[gateway]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gateway {
    /// Binary name, lease audience and ledger origin.
    pub name: String,
    /// Text for the model; empty = none.
    pub instructions: String,
}

/// An accepted key id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Key {
    /// Key id: 1-16 of `a-z 0-9 -`.
    pub kid: String,
    /// Commitment to the audience key as 16 lower-case hex digits, if pinned.
    pub commitment: Option<String>,
}

/// `[lease]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lease {
    /// Seconds.
    pub default_ttl: u64,
    /// Seconds.
    pub max_ttl: u64,
    /// Leases are accepted in `params._meta`.
    pub carrier_meta: bool,
    /// Leases are accepted in `arguments`.
    pub carrier_arguments: bool,
}

/// `[ledger]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ledger {
    /// Environment variable that names the directory.
    pub dir_env: Option<String>,
    /// Directory when the variable is absent.
    pub dir_default: String,
    /// What a decision survives before its effect.
    pub durability: Durability,
}

/// `[ledger] durability`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// fdatasync before every effect.
    Power,
    /// fdatasync before a write or send.
    Effect,
    /// write before every effect.
    Process,
}

/// A tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tool {
    /// Name on the wire.
    pub name: String,
    /// Which built-in it is.
    pub builtin: Builtin,
    /// What it does to the world.
    pub effect: EffectClass,
    /// Denied at or above, thousandths.
    pub risk_threshold: u16,
    /// Starting risk, thousandths.
    pub base_risk: u16,
    /// Hosts it may reach, sorted by host.
    pub egress: Vec<Egress>,
    /// Argument rules, sorted by argument.
    pub args: Vec<ArgRules>,
    /// Reason.
    pub why: String,
}

/// The built-in tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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

/// What a tool does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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
#[serde(rename_all = "snake_case")]
pub enum HostRule {
    /// Exactly this host.
    Exact(String),
    /// `*.x`, given as `x`: one label more.
    OneLabel(String),
    /// `*`.
    AnyPublic,
}

/// Rules for one argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArgRules {
    /// Argument name.
    pub arg: String,
    /// Rules that must all hold, in the order of the enum.
    pub rules: Vec<ArgRule>,
}

/// One argument rule. Lengths are Unicode scalar values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ArgRule {
    /// The value is one of these strings.
    OneOf(Vec<String>),
    /// The string starts with this.
    Prefix(String),
    /// The string ends with this.
    Suffix(String),
    /// At least this many characters.
    MinLength(u64),
    /// At most this many characters.
    MaxLength(u64),
    /// Integer at least this.
    Min(i64),
    /// Integer at most this.
    Max(i64),
}

/// `[[grant]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Grant {
    /// Exact subject.
    pub subject: String,
    /// Tools, sorted.
    pub tools: Vec<String>,
    /// How a lease may be issued.
    pub issue: Issue,
    /// Hosts a lease may name, as written in `[[egress]]` (canonical), sorted; all hosts of its tools when the manifest names none.
    pub domains: Vec<String>,
    /// Seconds.
    pub max_ttl: u64,
    /// Thousandths.
    pub max_risk: u16,
    /// Most calls.
    pub uses: u64,
    /// Reason.
    pub why: String,
}

/// `[[grant]] issue`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Issue {
    /// `operator`.
    #[serde(rename = "operator")]
    Operator,
    /// `self`.
    #[serde(rename = "self")]
    SelfService,
}
