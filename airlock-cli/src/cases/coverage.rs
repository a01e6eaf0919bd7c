//! Which clauses of a policy the cases have tried, each in both directions where it has two.

use super::{Expect, Judged};
use crate::judge::{self, Ruling, of_tool};
use crate::places::{Step, steps};
use crate::render::Failure;
use airlock_policy::ir::{ArgRule, Flow, FlowVerdict, Grant, Policy, Quota, Requirement, Selector, Tool, ToolKind};
use airlock_policy::limits::{ITEMS_DEFAULT, RULE_TEXT_MAX};
use airlock_runtime::reason::Reason;

/// A clause of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clause {
    /// A tool, by its place.
    Tool(usize),
    /// A rule: tool, argument and number.
    Rule(usize, usize, usize),
    /// Where an argument comes from: tool and number.
    Origin(usize, usize),
    /// The approval of a tool.
    Approval(usize),
    /// A bound on calls: tool (none: all together) and which of the three.
    Quota(Option<usize>, Bound),
    /// A flow.
    Flow(usize),
    /// A grant.
    Grant(usize),
    /// A requirement.
    Require(usize),
}

/// The three bounds of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    /// `rate`.
    Rate,
    /// `session_rate`.
    SessionRate,
    /// `session_calls`.
    SessionCalls,
}

impl Bound {
    /// Its key.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::SessionRate => "session_rate",
            Self::SessionCalls => "session_calls",
        }
    }
}

/// What a clause needs, and has had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tried {
    /// The clause.
    pub(crate) clause: Clause,
    /// A case that passes it; `None`: there is no such thing.
    pub(crate) passed: Option<bool>,
    /// A case that it stops or asks about; `None`: there is no such thing.
    pub(crate) stopped: Option<bool>,
}

impl Tried {
    /// Is nothing missing?
    pub(crate) fn is_covered(&self) -> bool {
        self.passed != Some(false) && self.stopped != Some(false)
    }
}

/// Every clause of a policy.
pub(crate) fn clauses(policy: &Policy) -> Vec<Tried> {
    let both = |clause| Tried { clause, passed: Some(false), stopped: Some(false) };
    let stop = |clause| Tried { clause, passed: None, stopped: Some(false) };
    let mut all = Vec::new();
    for (at, tool) in policy.tools.iter().enumerate() {
        all.push(both(Clause::Tool(at)));
        for (argument, rules) in tool.args.iter().enumerate() {
            let written = rules.rules.iter().enumerate().filter(|(_, rule)| !holds_anyway(tool, rule));
            all.extend(written.map(|(number, _)| both(Clause::Rule(at, argument, number))));
        }
        all.extend((0..tool.origins.len()).map(|number| both(Clause::Origin(at, number))));
        let asks = tool.approval.is_some() || tool.signatures.is_some();
        all.extend(asks.then(|| stop(Clause::Approval(at))));
        all.extend(bounds(&tool.quota).map(|bound| stop(Clause::Quota(Some(at), bound))));
    }
    all.extend(bounds(&policy.limits.quota).map(|bound| stop(Clause::Quota(None, bound))));
    all.extend((0..policy.flows.len()).map(|at| both(Clause::Flow(at))));
    all.extend((0..policy.grants.len()).map(|at| both(Clause::Grant(at))));
    for (at, require) in policy.requires.iter().enumerate() {
        let clause = Clause::Require(at);
        match &require.rule {
            // Without a tool it speaks of nothing, and no call can try it.
            Requirement::Every { tools, has: _ } | Requirement::Never { tools, subject: _ }
                if selected(policy, tools).next().is_none() => {}
            Requirement::Every { tools: _, has: _ } => all.push(Tried { clause, passed: Some(false), stopped: None }),
            Requirement::Never { tools: _, subject: _ } => all.push(stop(clause)),
            // No call tries it: it speaks of what becomes of a decision.
            Requirement::Enforce => {}
        }
    }
    all
}

/// The bounds of inputs that hold when a manifest says nothing.
fn holds_anyway(tool: &Tool, rule: &ArgRule) -> bool {
    let bound = match rule {
        ArgRule::MaxLength(most) => *most == RULE_TEXT_MAX as u64,
        ArgRule::MaxItems(most) => *most == ITEMS_DEFAULT.unsigned_abs(),
        ArgRule::OneOf(_)
        | ArgRule::Prefix(_)
        | ArgRule::Suffix(_)
        | ArgRule::MinLength(_)
        | ArgRule::Min(_)
        | ArgRule::Max(_)
        | ArgRule::Matches(_)
        | ArgRule::Under(_)
        | ArgRule::HostIn(_)
        | ArgRule::Forbid => false,
    };
    bound && matches!(tool.kind, ToolKind::Rest(_))
}

/// The bounds that a quota has.
fn bounds(quota: &Quota) -> impl Iterator<Item = Bound> {
    let Quota { rate, session_rate, session_calls } = quota;
    let all = [rate.map(|_| Bound::Rate), session_rate.map(|_| Bound::SessionRate), session_calls.map(|_| Bound::SessionCalls)];
    all.into_iter().flatten()
}

/// The tools that a selector speaks of.
pub(crate) fn selected<'p>(policy: &'p Policy, selector: &'p Selector) -> impl Iterator<Item = &'p Tool> {
    policy.tools.iter().filter(|tool| selector.selects(tool))
}

/// Takes in what a case has tried. A case that failed has tried nothing.
///
/// # Errors
/// See [`judge::refusing`].
pub(crate) fn note(policy: &Policy, all: &mut [Tried], judged: &Judged<'_>) -> Result<(), Failure> {
    let (Some(ruling), None) = (&judged.ruling, &judged.fault) else { return Ok(()) };
    let refusing = refusing(policy, judged, ruling)?;
    for tried in all {
        let (passed, stopped) = tries(policy, tried.clause, judged, ruling, &refusing);
        tried.passed = tried.passed.map(|before| before || passed);
        tried.stopped = tried.stopped.map(|before| before || stopped);
    }
    Ok(())
}

/// The rules that refuse the call of a case, if it is refused for an argument.
fn refusing(policy: &Policy, judged: &Judged<'_>, ruling: &Ruling) -> Result<Vec<(usize, usize)>, Failure> {
    let call = &judged.placed.case.call;
    match (policy.tools.iter().find(|tool| tool.name == call.tool), &ruling.reason) {
        (Some(tool), Reason::Argument(_)) => judge::refusing(tool, &call.sent()),
        (Some(_) | None, _) => Ok(Vec::new()),
    }
}

/// Whether the case passes the clause, and whether the clause stops it.
fn tries(policy: &Policy, clause: Clause, judged: &Judged<'_>, ruling: &Ruling, refusing: &[(usize, usize)]) -> (bool, bool) {
    let case = &judged.placed.case;
    let is_let_through = ruling.verdict != Expect::Deny;
    let tool = policy.tools.iter().position(|tool| tool.name == case.call.tool);
    let is_of = |at: usize| tool == Some(at);
    match clause {
        Clause::Tool(at) => (is_of(at) && is_let_through, is_of(at) && !is_let_through),
        Clause::Rule(at, argument, number) => {
            let rules = &policy.tools[at].args[argument];
            let is_given = case.call.args.contains_key(&rules.arg);
            let meets = is_given != (rules.rules[number] == ArgRule::Forbid);
            (is_of(at) && is_let_through && meets, is_of(at) && refusing.contains(&(argument, number)))
        }
        Clause::Origin(at, number) => {
            let arg = policy.tools[at].origins[number].arg.as_str();
            let is_given = case.call.args.contains_key(arg);
            let is_asked = ruling.origins.contains(&arg);
            let is_refused = matches!(&ruling.reason, Reason::Provenance { origin, .. } if origin.arg == arg);
            (is_of(at) && is_let_through && is_given && !is_asked, is_of(at) && (is_asked || is_refused))
        }
        Clause::Approval(at) => (false, is_of(at) && ruling.verdict == Expect::Ask),
        Clause::Quota(of, bound) => (false, exceeds(of.map(|at| policy.tools[at].name.as_str()), bound, &ruling.reason)),
        Clause::Flow(at) => {
            let flow = &policy.flows[at];
            let is_near = tool.is_some_and(|at| policy.tools[at].labels.iter().any(|label| flow.labels.contains(label)));
            (is_near && ruling.verdict == Expect::Allow, completes(policy, at, ruling))
        }
        Clause::Grant(at) => {
            let Grant { subject, tools, domains: _, issue: _, max_ttl: _, max_risk: _, uses: _, why: _ } = &policy.grants[at];
            let is_theirs = case.subject.as_ref() == Some(subject);
            let issues = is_let_through && case.call.args.get("subject").and_then(serde_json::Value::as_str) == Some(subject);
            (is_theirs && is_let_through && tools.contains(&case.call.tool) || issues, is_theirs && !is_let_through)
        }
        Clause::Require(at) => match &policy.requires[at].rule {
            Requirement::Every { tools, has: _ } => (selected(policy, tools).any(|tool| tool.name == case.call.tool), false),
            Requirement::Never { subject, tools } => {
                let is_theirs = subject.is_none() || case.subject == *subject;
                (false, is_theirs && !is_let_through && selected(policy, tools).any(|tool| tool.name == case.call.tool))
            }
            Requirement::Enforce => (false, false),
        },
    }
}

fn exceeds(tool: Option<&str>, bound: Bound, reason: &Reason) -> bool {
    match (reason, bound) {
        (Reason::RateExceeded { scope, .. }, Bound::Rate) => scope.tool == tool && scope.sid.is_none(),
        (Reason::RateExceeded { scope, .. }, Bound::SessionRate) => scope.tool == tool && scope.sid.is_some(),
        (Reason::SessionBudgetSpent { tool: spent, .. }, Bound::SessionCalls) => *spent == tool,
        (_, Bound::Rate | Bound::SessionRate | Bound::SessionCalls) => false,
    }
}

fn completes(policy: &Policy, at: usize, ruling: &Ruling) -> bool {
    let Flow { labels: own, verdict, why: _ } = &policy.flows[at];
    match (&ruling.reason, verdict) {
        (Reason::FlowDenied { labels, why: _ }, FlowVerdict::Deny) => labels.iter().eq(own.iter()),
        (_, FlowVerdict::Ask) => ruling.verdict == Expect::Ask && ruling.flows.contains(&at),
        (_, FlowVerdict::Deny) => false,
    }
}

impl Clause {
    /// The clause for people.
    pub(crate) fn words(self, policy: &Policy) -> String {
        let tool = |at: usize| &policy.tools[at].name;
        match self {
            Self::Tool(at) => format!("tool {}", tool(at)),
            Self::Rule(at, argument, number) => {
                let rules = &policy.tools[at].args[argument];
                format!("rule {} of {}.{}", judge::key(&rules.rules[number]), tool(at), rules.arg)
            }
            Self::Origin(at, number) => format!("origin of {}.{}", tool(at), policy.tools[at].origins[number].arg),
            Self::Approval(at) => format!("approval of {}", tool(at)),
            Self::Quota(Some(at), bound) => format!("{} of {}", bound.key(), tool(at)),
            Self::Quota(None, bound) => format!("{} of all tools", bound.key()),
            Self::Flow(at) => format!("flow {} ({})", at + 1, policy.flows[at].why),
            Self::Grant(at) => format!("grant {} ({})", at + 1, policy.grants[at].subject),
            Self::Require(at) => format!("requirement {} ({})", at + 1, policy.requires[at].why),
        }
    }

    /// Where it stands in the manifest.
    pub(crate) fn path(self, policy: &Policy) -> Vec<Step> {
        let tool = |at: usize| policy.tools[at].name.as_str();
        match self {
            Self::Tool(at) => of_tool(policy, tool(at), &[]),
            Self::Rule(at, argument, _) => of_tool(policy, tool(at), &["args", &policy.tools[at].args[argument].arg]),
            Self::Origin(at, number) => of_tool(policy, tool(at), &["args", &policy.tools[at].origins[number].arg]),
            Self::Approval(at) => of_tool(policy, tool(at), &["approval"]),
            Self::Quota(Some(at), bound) => of_tool(policy, tool(at), &["limits", bound.key()]),
            Self::Quota(None, bound) => steps!["limits", bound.key()],
            Self::Flow(at) => steps!["flow", at],
            Self::Grant(at) => steps!["grant", at],
            Self::Require(at) => steps!["require", at],
        }
    }
}
