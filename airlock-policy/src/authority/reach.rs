//! What one subject can do with one tool at one place: limits and a sample of arguments.

use super::texts::{self, Texts};
use super::{IssueCall, Target, Value, grants_host, highest_points, places, rules};
use crate::builtin::{self, ArgKind, Facts, Network};
use crate::ir::{ArgRule, Builtin, Policy, Tool};
use crate::limits::RISK_MAX;
use std::collections::BTreeMap;

/// The largest life, calls and points that one grant allows together. Everything smaller is allowed as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Corner {
    pub(super) ttl: u64,
    pub(super) uses: u64,
    pub(super) points: u16,
}

impl Corner {
    pub(super) const fn within(self, other: Self) -> bool {
        self.ttl <= other.ttl && self.uses <= other.uses && self.points <= other.points
    }
}

/// What is reached at one place. Not empty: some call is let through.
#[derive(Debug)]
pub(super) struct Reach<'p> {
    pub(super) tool: &'p Tool,
    /// One for each grant; the operator issues the lease.
    pub(super) operator: Vec<Corner>,
    /// The same where the caller issues it.
    pub(super) caller: Vec<Corner>,
    /// Arguments that pass.
    pub(super) args: BTreeMap<String, Value>,
    /// A call that issues; nothing if none can.
    pub(super) issue: Option<IssueCall>,
}

impl<'p> Reach<'p> {
    pub(super) fn of(policy: &'p Policy, subject: &str, name: &str, place: &[Target]) -> Option<Self> {
        let tool = super::tool(policy, name)?;
        let open = |target: &Target| places::stand_in(tool, &target.host, target.port) == Some(target.stand_in);
        if !place.iter().all(open) {
            return None;
        }
        let args = sample(tool, place)?;
        let issue = issue_call(policy, subject);
        let (mut operator, mut caller) = (Vec::new(), Vec::new());
        for grant in policy.grants.iter().filter(|grant| grant.subject == subject && grant.tools.iter().any(|tool| tool == name))
        {
            let points = highest_points(tool.base_risk, tool.risk_threshold, grant.max_risk);
            let Some(points) = points.filter(|_| place.iter().all(|target| grants_host(grant, &target.host))) else {
                continue;
            };
            operator.push(Corner { ttl: grant.max_ttl, uses: grant.uses, points });
            let life = super::life_when_asked(policy, grant).filter(|_| issue.is_some());
            caller.extend(life.map(|ttl| Corner { ttl, uses: grant.uses, points }));
        }
        (!operator.is_empty()).then_some(Self { tool, operator, caller, args, issue })
    }
}

/// Arguments that a call must have, of those that rules can speak of.
pub(super) fn required(facts: &Facts) -> impl Iterator<Item = &'static str> {
    let names: &'static [&'static str] = match facts.builtin {
        Builtin::HttpGetJson => &["url"],
        Builtin::WeatherHourly => &["city", "state"],
        Builtin::AirlockIssueCapability => &["session_id", "subject", "intent"],
        Builtin::AirlockAuditTail | Builtin::AirlockUsageStats | Builtin::AirlockExposureReport => &[],
    };
    names.iter().copied()
}

/// Least and most of an integer argument under its rules.
pub(super) fn bounds(tool: &Tool, arg: &str, own: (i64, i64)) -> (i64, i64) {
    rules(tool, arg).iter().fold(own, |(least, most), rule| match rule {
        ArgRule::Min(bound) => (least.max(*bound), most),
        ArgRule::Max(bound) => (least, most.min(*bound)),
        ArgRule::OneOf(_)
        | ArgRule::Prefix(_)
        | ArgRule::Suffix(_)
        | ArgRule::MinLength(_)
        | ArgRule::MaxLength(_)
        | ArgRule::Matches(_)
        | ArgRule::Under(_)
        | ArgRule::HostIn(_)
        | ArgRule::MaxItems(_)
        | ArgRule::Forbid => (least, most),
    })
}

/// Some arguments that the tool accepts for this place; nothing if there are none.
fn sample(tool: &Tool, place: &[Target]) -> Option<BTreeMap<String, Value>> {
    let facts = builtin::find(&tool.name)?;
    let value = |arg: &'static str| {
        let text = text(tool, arg, place, &Texts::default(), false)?;
        Some((arg.to_owned(), Value::Text(text)))
    };
    required(facts).map(value).collect()
}

/// A value of a string argument at a place; with `beyond` one that the other set lacks.
pub(super) fn text(tool: &Tool, arg: &str, place: &[Target], other: &Texts, beyond: bool) -> Option<String> {
    let texts = Texts::of(rules(tool, arg));
    let own = texts::own(arg);
    let chosen = matches!(builtin::find(&tool.name)?.network, Network::Chosen) && arg == "url";
    let target = place.first().filter(|_| chosen);
    let heads = target.map_or_else(|| vec![String::new()], places::heads);
    let sent = |text: &str| target.is_none_or(|target| places::target_of(text) == Some((target.host.clone(), target.port)));
    texts::search(&texts, other, &heads, own.most, &|text| !(beyond && other.admits(text)) && own.admits(text) && sent(text))
}

/// An integer that the rules accept and those of `other` do not.
pub(super) fn integer_beyond(tool: &Tool, other: &Tool, arg: &str, own: (i64, i64)) -> Option<i64> {
    let ((least, most), (low, high)) = (bounds(tool, arg, own), bounds(other, arg, own));
    [most, least].into_iter().find(|number| (least..=most).contains(number) && !(low..=high).contains(number))
}

/// A call by which the subject issues itself a lease, at no risk.
fn issue_call(policy: &Policy, subject: &str) -> Option<IssueCall> {
    let tool = super::issue_tool(policy)?;
    let value = |arg| text(tool, arg, &[], &Texts::default(), false);
    let call = IssueCall { session_id: value("session_id")?, intent: value("intent")?, points: 0 };
    super::issues(policy, subject, &call).then_some(call)
}

/// Points that the issuing tool lets through.
pub(super) fn issue_points(policy: &Policy) -> Option<u16> {
    let tool = super::issue_tool(policy)?;
    highest_points(tool.base_risk, tool.risk_threshold, RISK_MAX)
}

/// Arguments of a tool that rules can speak of.
pub(super) fn ruled(tool: &Tool) -> impl Iterator<Item = (&'static str, ArgKind)> {
    let args = builtin::find(&tool.name).map_or(&[][..], |facts| facts.args);
    args.iter().copied().filter(|(_, kind)| !matches!(kind, ArgKind::List | ArgKind::Object))
}
