//! The compiled policy as plain data: the only thing that passes between the checker and the generator.
//!
//! No functions here, so both sides may change. Risk is in thousandths, durations in seconds, sizes in bytes. Every list is in
//! a defined order (manifest order for tools and grants; sorted for sets), so the canonical form and the digest are stable.

mod origin;

pub use origin::{Look, Origin, Otherwise, Source, ValueKind};

use serde::Serialize;

/// A manifest that passed every check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
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
    /// `[tools.*]`, in manifest order.
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
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Gateway {
    /// Binary name, lease audience and ledger origin.
    pub name: String,
    /// Text for the model; empty = none.
    pub instructions: String,
}

/// An accepted key id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Key {
    /// Key id: 1-16 of `a-z 0-9 -`.
    pub kid: String,
    /// Commitment to the audience key as 16 lower-case hex digits, if pinned.
    pub commitment: Option<String>,
}

/// `[lease]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
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
#[cfg_attr(test, derive(serde::Deserialize))]
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
#[cfg_attr(test, derive(serde::Deserialize))]
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
#[cfg_attr(test, derive(serde::Deserialize))]
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
#[cfg_attr(test, derive(serde::Deserialize))]
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
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Rate {
    /// Calls.
    pub calls: u32,
    /// Seconds.
    pub seconds: u32,
}

/// A tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
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
    /// An argument that its schema does not name is refused. True for every built-in tool.
    pub strict: bool,
    /// What it reads, ingests, writes or sends, sorted.
    pub labels: Vec<String>,
    /// Who must approve each call.
    pub approval: Option<Approval>,
    /// Bounds on allowed calls of this tool.
    pub quota: Quota,
    /// Time for one HTTP request, seconds; that of [`Limits`] when the manifest does not say.
    pub timeout: u64,
    /// Reason.
    pub why: String,
}

/// What a call of a tool does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "a policy has at most some hundred tools, each made once")]
pub enum ToolKind {
    /// A tool that the runtime implements.
    Builtin(Builtin),
    /// One HTTP request that the manifest describes.
    Rest(Rest),
}

/// A risk factor that counts nothing for one tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct IgnoredFactor {
    /// Name of the factor as in a decision.
    pub factor: String,
    /// Reason.
    pub why: String,
}

/// `approval`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum Approval {
    /// The connected user.
    Human,
}

/// A declarative REST tool: exactly one request, of which the caller chooses the inputs and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Rest {
    /// For people; empty = none.
    pub title: String,
    /// For the model.
    pub description: String,
    /// Its arguments, sorted by name.
    pub input: Vec<Input>,
    /// Method.
    pub method: Method,
    /// Canonical host.
    pub host: String,
    /// Port; 443 when the URL names none.
    pub port: u16,
    /// Path, beginning with a slash. Literals are percent-encoded already.
    pub path: Vec<Piece>,
    /// Query parameters in the order in which they are sent.
    pub query: Vec<Pair>,
    /// Header names in lower case, sorted. Values are strings.
    pub headers: Vec<Pair>,
    /// Members of the JSON object that is sent as body, sorted by name; empty = no body.
    pub body: Vec<Pair>,
    /// Credential that the gateway adds.
    pub auth: Option<Auth>,
    /// What becomes of the answer.
    pub response: Response,
}

/// HTTP methods of REST tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

/// An argument of a REST tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Input {
    /// Name.
    pub name: String,
    /// Type of its value.
    pub kind: InputKind,
    /// Must it be given?
    pub required: bool,
    /// For the model; empty = none.
    pub description: String,
}

/// Type of an input, in the words of JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum InputKind {
    /// A string.
    String,
    /// An integer of 64 bits.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A list of strings.
    Array,
}

/// A piece of a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// Text, percent-encoded.
    Literal(String),
    /// The value of a required input, percent-encoded as part of one segment.
    Input(String),
}

/// A name and its value in a query, a header list or a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Pair {
    /// Name of parameter, header or member.
    pub name: String,
    /// Where its value comes from.
    pub value: Slot,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "snake_case")]
pub enum Slot {
    /// From an input; left out when the call does not give it.
    Input(String),
    /// A text of the manifest.
    Text(String),
    /// An integer of the manifest; in bodies alone.
    Integer(i64),
    /// A truth value of the manifest; in bodies alone.
    Boolean(bool),
}

/// A credential that is read at start and added to each request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Auth {
    /// How it is sent.
    pub scheme: AuthScheme,
    /// Environment variable that holds it; the same name with `_FILE` names a file instead.
    pub env: String,
}

/// How a credential is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "snake_case")]
pub enum AuthScheme {
    /// `authorization: Bearer <secret>`.
    Bearer,
    /// `authorization: Basic <base64 of the secret>`; the secret is `user:password`.
    Basic,
    /// A header of this lower-case name.
    Header(String),
}

/// What becomes of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Response {
    /// Which part of the JSON document is given to the caller.
    pub select: Select,
    /// Largest body, bytes after decompression.
    pub max_bytes: u64,
}

/// Part of a JSON document. Pointers are those of RFC 6901.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "snake_case")]
pub enum Select {
    /// All of it.
    Whole,
    /// The value at this pointer.
    One(String),
    /// An object of the values at these pointers: name and pointer, sorted by name.
    Fields(Vec<(String, String)>),
}

/// The built-in tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
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
#[cfg_attr(test, derive(serde::Deserialize))]
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
#[cfg_attr(test, derive(serde::Deserialize))]
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
#[cfg_attr(test, derive(serde::Deserialize))]
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
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct ArgRules {
    /// Argument name.
    pub arg: String,
    /// Rules that must all hold, in the order of the enum.
    pub rules: Vec<ArgRule>,
}

/// One argument rule. Lengths are Unicode scalar values. Of a list, rules for strings speak of each item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
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
    /// Number at least this.
    Min(i64),
    /// Number at most this.
    Max(i64),
    /// The whole string matches this regular expression; see [`crate::automaton`].
    Matches(String),
    /// The string is this absolute path or one below it, in normal form: no empty, `.` or `..` segment.
    Under(String),
    /// The string is a host, or an `https` URL with a host, that one of these covers; sorted.
    HostIn(Vec<HostRule>),
    /// At most this many items.
    MaxItems(u64),
    /// The argument may not be given.
    Forbid,
}

/// `[[flow]]`: labels that may not come together in one session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Flow {
    /// The labels, sorted. A call that would complete them is refused, or asked about.
    pub labels: Vec<String>,
    /// What happens to that call.
    pub verdict: FlowVerdict,
    /// Reason.
    pub why: String,
}

/// What a flow does to the call that would complete it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum FlowVerdict {
    /// `deny = […]`.
    Deny,
    /// `ask = […]`: the connected user is asked.
    Ask,
}

/// `[[grant]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub enum Issue {
    /// `operator`.
    #[serde(rename = "operator")]
    Operator,
    /// `self`.
    #[serde(rename = "self")]
    SelfService,
    /// `human`: as `self`, after the connected user accepted.
    #[serde(rename = "human")]
    Human,
}

/// `[[require]]`: what must hold of the policy, or nothing is compiled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Require {
    /// What must hold.
    pub rule: Requirement,
    /// Reason.
    pub why: String,
}

/// What a `[[require]]` demands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "snake_case")]
pub enum Requirement {
    /// Every selected tool has every property.
    Every {
        /// Which tools.
        tools: Selector,
        /// What each of them must have, in the order of the enum.
        has: Vec<Property>,
    },
    /// No grant of the subject reaches a selected tool.
    Never {
        /// Exact subject; nothing: any subject.
        subject: Option<String>,
        /// Which tools.
        tools: Selector,
    },
}

/// Which tools a requirement speaks of: those for which all that is given holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Selector {
    /// One of these names; empty: any. Sorted.
    pub tools: Vec<String>,
    /// It has all of these labels. Sorted.
    pub labels: Vec<String>,
    /// It has this effect.
    pub effect: Option<EffectClass>,
    /// It sends a credential, or sends none.
    pub credentials: Option<bool>,
    /// It may reach a host that this rule covers.
    pub host: Option<HostRule>,
}

/// What a tool can be required to have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "snake_case")]
pub enum Property {
    /// `approval = "human"`.
    Approval,
    /// Only hosts that are named exactly.
    ExactHosts,
    /// Some rate or budget of its own.
    Quota,
    /// Every text and every list among its arguments says where its values come from.
    Provenance,
    /// A risk threshold of at most this, thousandths.
    MaxRiskThreshold(u16),
    /// All of these labels; sorted.
    Labels(Vec<String>),
    /// Every grant that names it is issued in this way or a stricter one: `operator` is stricter than `human`, `human` than `self`.
    Issue(Issue),
    /// Every lease that names it lives at most so many seconds.
    MaxTtl(u64),
}
