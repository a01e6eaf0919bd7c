//! What a compiled policy allows, call by call, and the exact difference between two policies.
//!
//! [`permits`] is the meaning: the rules of the gateway's decision over one [`Case`], without the parts that no manifest
//! changes (signatures, clocks, counters already spent). [`diff`] decides inclusion of the two sets of cases and shows a case
//! for each difference. A lease that names several tools or hosts allows what leases that name one each allow, so a case has
//! the narrowest lease that serves its call.

mod compare;
mod places;
mod query;
mod reach;
mod texts;

pub use compare::{Difference, Dimension, Row, Status, diff, notes};
pub use query::{grants_for, reaches, shadowed_by};

use crate::builtin::{self, ArgKind, ISSUE_TOOL, Network};
use crate::ir::{ArgRule, Grant, HostRule, Issue, Policy, Tool};
use crate::limits::RISK_MAX;
use reach::Reach;
use serde::Serialize;
use std::collections::BTreeMap;
use texts::Texts;

/// The port of URLs that name none.
const HTTPS: u16 = 443;

/// One call with the lease it is made under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Case {
    /// Whose lease it is.
    pub subject: String,
    /// The tool called; not `airlock_issue_capability`.
    pub tool: String,
    /// Where its requests go; empty for tools without network.
    pub targets: Vec<Target>,
    /// Arguments that rules can speak of.
    pub args: BTreeMap<String, Value>,
    /// Risk that the call adds to the base risk of its tool, thousandths.
    pub points: u16,
    /// Life of the lease in seconds.
    pub ttl: u64,
    /// Calls of the lease.
    pub uses: u64,
    /// The key that signed the lease.
    pub key: SigningKey,
    /// How the lease travels.
    pub carrier: Carrier,
    /// The call that issued the lease; nothing where the operator did.
    pub issue: Option<IssueCall>,
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Target {
    /// Canonical host.
    pub host: String,
    /// Port of the URL.
    pub port: u16,
    /// Loopback port that stands in for the host.
    pub stand_in: Option<u16>,
}

/// Value of an argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A string.
    Text(String),
    /// An integer.
    Integer(i64),
}

/// A key, by its id and its commitment (16 hex digits).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SigningKey {
    /// Key id.
    pub kid: String,
    /// Commitment to the key itself.
    pub commitment: String,
}

/// Where a call carries its lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Carrier {
    /// `params._meta`.
    Meta,
    /// Among the arguments.
    Arguments,
}

/// A call of `airlock_issue_capability`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IssueCall {
    /// Its `session_id`.
    pub session_id: String,
    /// Its `intent`.
    pub intent: String,
    /// Risk beyond the tool's base, thousandths.
    pub points: u16,
}

/// Whether a gateway of this policy lets the call through.
#[must_use]
pub fn permits(policy: &Policy, case: &Case) -> bool {
    let Some(tool) = tool(policy, &case.tool) else {
        return false;
    };
    accepts_key(policy, &case.key)
        && accepts_carrier(policy, case.carrier)
        && policy.grants.iter().any(|grant| grants(policy, tool, grant, case))
        && arguments(tool, &case.args)
        && sends(tool, case)
}

/// Whether one grant covers the lease that the case needs.
fn grants(policy: &Policy, tool: &Tool, grant: &Grant, case: &Case) -> bool {
    let life = match &case.issue {
        None => Some(grant.max_ttl),
        Some(issue) => life_when_asked(policy, grant).filter(|_| issues(policy, &grant.subject, issue)),
    };
    grant.subject == case.subject
        && grant.tools.contains(&case.tool)
        && case.targets.iter().all(|target| grants_host(grant, &target.host))
        && life.is_some_and(|life| case.ttl <= life)
        && case.uses <= grant.uses
        && highest_points(tool.base_risk, tool.risk_threshold, grant.max_risk).is_some_and(|most| case.points <= most)
}

/// A tool that calls are made of; the issuing tool is part of how a lease comes to be.
fn tool<'p>(policy: &'p Policy, name: &str) -> Option<&'p Tool> {
    policy.tools.iter().find(|tool| tool.name == name && tool.name != ISSUE_TOOL)
}

/// Points beyond the base that are still let through: below the threshold and within the ceiling of the lease.
fn highest_points(base: u16, threshold: u16, ceiling: u16) -> Option<u16> {
    threshold.checked_sub(1)?.min(ceiling).checked_sub(base)
}

fn accepts_key(policy: &Policy, key: &SigningKey) -> bool {
    policy.keys.iter().any(|known| known.kid == key.kid && known.commitment.as_ref().is_none_or(|pin| *pin == key.commitment))
}

const fn accepts_carrier(policy: &Policy, carrier: Carrier) -> bool {
    match carrier {
        Carrier::Meta => policy.lease.carrier_meta,
        Carrier::Arguments => policy.lease.carrier_arguments,
    }
}

fn grants_host(grant: &Grant, host: &str) -> bool {
    grant.domains.iter().any(|entry| places::covers(&places::entry(entry), host))
}

/// The longest life that a caller obtains under a grant through the issuing tool: the longest it may ask for, or what it gets
/// when it asks for none. A holder can shorten any lease, so shorter lives follow.
fn life_when_asked(policy: &Policy, grant: &Grant) -> Option<u64> {
    if grant.issue != Issue::SelfService {
        return None;
    }
    let tool = issue_tool(policy)?;
    let (least, most) = reach::bounds(tool, "ttl_seconds", (1, 86_400));
    let most = u64::try_from(most).unwrap_or(0).min(grant.max_ttl);
    let asked = (u64::try_from(least).unwrap_or(0) <= most).then_some(most);
    Some(policy.lease.default_ttl.min(grant.max_ttl).max(asked.unwrap_or(0)))
}

fn issue_tool(policy: &Policy) -> Option<&Tool> {
    policy.tools.iter().find(|tool| tool.name == ISSUE_TOOL)
}

/// Whether the issuing tool accepts the call that asks for the lease.
fn issues(policy: &Policy, subject: &str, call: &IssueCall) -> bool {
    let text = |arg: &str, value: &str| (arg.to_owned(), Value::Text(value.to_owned()));
    issue_tool(policy).is_some_and(|tool| {
        let args = [text("session_id", &call.session_id), text("subject", subject), text("intent", &call.intent)];
        arguments(tool, &args.into())
            && highest_points(tool.base_risk, tool.risk_threshold, RISK_MAX).is_some_and(|most| call.points <= most)
    })
}

/// Whether the arguments are ones that the tool knows and its rules accept.
fn arguments(tool: &Tool, args: &BTreeMap<String, Value>) -> bool {
    let Some(facts) = builtin::find(&tool.name) else {
        return false;
    };
    let accepted = |(arg, value): (&String, &Value)| match (facts.args.iter().find(|(name, _)| name == arg), value) {
        (Some((_, ArgKind::Text | ArgKind::Url)), Value::Text(text)) => {
            texts::own(arg).admits(text) && Texts::of(rules(tool, arg)).admits(text)
        }
        (Some((_, ArgKind::Integer(least, most))), Value::Integer(number)) => {
            let (least, most) = reach::bounds(tool, arg, (*least, *most));
            (least..=most).contains(number)
        }
        (Some(_) | None, Value::Text(_) | Value::Integer(_)) => false,
    };
    reach::required(facts).all(|arg| args.contains_key(arg)) && args.iter().all(accepted)
}

fn rules<'p>(tool: &'p Tool, arg: &str) -> &'p [ArgRule] {
    tool.args.iter().find(|rules| rules.arg == arg).map_or(&[], |rules| &rules.rules)
}

/// Whether the tool may send its requests to the targets of the case, and would.
fn sends(tool: &Tool, case: &Case) -> bool {
    let network = builtin::find(&tool.name).map(|facts| facts.network);
    let sent = || match (network, case.args.get("url")) {
        (Some(Network::None), _) => case.targets.is_empty(),
        (Some(Network::Fixed(hosts)), _) => {
            case.targets.iter().map(|target| (target.host.as_str(), target.port)).eq(hosts.iter().map(|host| (*host, HTTPS)))
        }
        (Some(Network::Chosen), Some(Value::Text(url))) => match &case.targets[..] {
            [target] => places::target_of(url).is_some_and(|(host, port)| host == target.host && port == target.port),
            _ => false,
        },
        (Some(Network::Chosen), Some(Value::Integer(_)) | None) | (None, _) => false,
    };
    case.targets.iter().all(|target| places::stand_in(tool, &target.host, target.port) == Some(target.stand_in)) && sent()
}

/// The rule as written, for rows and notes.
fn written(rule: &HostRule) -> String {
    crate::host::written(rule)
}

#[cfg(test)]
mod tests;
