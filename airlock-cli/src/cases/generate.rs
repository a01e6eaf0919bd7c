//! Writes cases for what no case covers yet. What they expect is what the policy says today: they are for a person to read.

use super::coverage::{Bound, selected};
use super::samples::{self, Argument, good};
use super::{Call, Case, Clause, Earlier, Judged, Placed, Seen, Terms, Tried, note, play};
use crate::cases::Expect;
use crate::judge::Judge;
use crate::render::Failure;
use airlock_policy::ir::{ArgRule, Grant, Issue, Policy, Quota, Requirement, Tool};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Most calls of one generated case: larger quotas are for cases that somebody thought about.
const CALLS_MAX: u64 = 2000;
/// A subject that no grant is for.
const STRANGER: &str = "nobody:else";

/// New cases, and the clauses for which none was found.
///
/// # Errors
/// See [`good`].
pub(crate) fn generate(judge: &Judge<'_>, before: &[Placed], mut tried: Vec<Tried>) -> Result<(Vec<Case>, Vec<Tried>), Failure> {
    let mut names: BTreeSet<String> = before.iter().map(|placed| placed.case.name.clone()).collect();
    let mut new = Vec::new();
    for at in 0..tried.len() {
        for half in [Half::Passed, Half::Stopped] {
            if half.of(&tried[at]) != Some(false) {
                continue;
            }
            for draft in drafts(judge, tried[at].clause, half)? {
                let Some(placed) = settled(judge, draft, &names) else { continue };
                let ruling = play(judge, &placed.case).ok();
                let judged = Judged { placed: &placed, ruling, fault: None };
                let mut after = tried.clone();
                note(judge.policy, &mut after, &judged)?;
                if half.of(&after[at]) == Some(true) {
                    names.insert(placed.case.name.clone());
                    new.push(placed.case);
                    tried = after;
                    break;
                }
            }
        }
    }
    tried.retain(|tried| !tried.is_covered());
    Ok((new, tried))
}

/// What a clause can lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Passed,
    Stopped,
}

impl Half {
    const fn of(self, tried: &Tried) -> Option<bool> {
        match self {
            Self::Passed => tried.passed,
            Self::Stopped => tried.stopped,
        }
    }
}

/// A case before anybody knows what the gateway says to it.
#[derive(Debug, Clone)]
struct Draft {
    name: String,
    subject: Option<String>,
    lease: Terms,
    history: Vec<Earlier>,
    tool: String,
    args: Map<String, Value>,
    stretch: BTreeMap<String, usize>,
    intent: Option<String>,
    seen: Seen,
}

/// The case with what the gateway says, under a name that is free.
fn settled(judge: &Judge<'_>, draft: Draft, names: &BTreeSet<String>) -> Option<Placed> {
    let Draft { name, subject, lease, history, tool, args, stretch, intent, seen } = draft;
    let call = Call { tool, args, stretch };
    let (session, expect, reason) = (None, Expect::Allow, None);
    let case = Case { name, subject, lease, session, intent, seen, history, call, expect, reason };
    let ruling = play(judge, &case).ok()?;
    let reason = (ruling.verdict == Expect::Deny).then(|| ruling.reason.code().to_owned());
    let free = |name: &String| !names.contains(name);
    let name = std::iter::once(case.name.clone()).chain((2..).map(|n| format!("{} ({n})", case.name))).find(free)?;
    Some(Placed { case: Case { name, expect: ruling.verdict, reason, ..case }, line: 0 })
}

fn drafts(judge: &Judge<'_>, clause: Clause, half: Half) -> Result<Vec<Draft>, Failure> {
    let policy = judge.policy;
    let tools: Vec<&Tool> = policy.tools.iter().collect();
    Ok(match (clause, half) {
        (Clause::Tool(at) | Clause::Rule(at, ..), Half::Passed) | (Clause::Approval(at), _) => passing(policy, &tools[at..=at])?,
        (Clause::Origin(at, _), Half::Passed) => passing(policy, &tools[at..=at])?,
        (Clause::Origin(at, number), Half::Stopped) => unseen(policy, tools[at], &tools[at].origins[number].arg)?,
        (Clause::Tool(at), Half::Stopped) => vec![without_lease(policy, tools[at])?],
        (Clause::Rule(at, argument, number), Half::Stopped) => breaking(policy, tools[at], argument, number)?,
        (Clause::Quota(of, bound), _) => exhausting(policy, of.map(|at| tools[at]), bound)?,
        (Clause::Flow(at), Half::Passed) => {
            let near = |tool: &&&Tool| tool.labels.iter().any(|label| policy.flows[at].labels.contains(label));
            passing(policy, &tools.iter().filter(near).copied().collect::<Vec<_>>())?
        }
        (Clause::Flow(at), Half::Stopped) => completing(policy, &policy.flows[at].labels)?,
        (Clause::Grant(at), Half::Passed) => {
            let mut all = passing(policy, &tools)?;
            all.retain(|draft| speaks_of(draft, &policy.grants[at].subject));
            all
        }
        (Clause::Grant(at), Half::Stopped) => beyond(policy, &policy.grants[at])?,
        (Clause::Require(at), _) => match &policy.requires[at].rule {
            Requirement::Every { tools, has: _ } => passing(policy, &selected(policy, tools).collect::<Vec<_>>())?,
            Requirement::Never { subject, tools } => {
                let subject = subject.as_deref().unwrap_or(STRANGER);
                selected(policy, tools).map(|tool| excluded(tool, subject)).collect::<Result<_, _>>()?
            }
            Requirement::Enforce => Vec::new(),
        },
    })
}

fn speaks_of(draft: &Draft, subject: &str) -> bool {
    draft.subject.as_deref() == Some(subject) || draft.args.get("subject").and_then(Value::as_str) == Some(subject)
}

/// Calls that a grant of some subject allows; of the issuing tool, requests within the grants.
fn passing(policy: &Policy, tools: &[&Tool]) -> Result<Vec<Draft>, Failure> {
    let mut all = Vec::new();
    for tool in tools {
        for grant in &policy.grants {
            if is_issuing(tool) && grant.issue != Issue::Operator {
                let args = request(tool, &grant.subject, &grant.tools)?;
                all.push(draft(&format!("{} obtains a lease", grant.subject), None, tool, args));
            } else if grant.tools.contains(&tool.name) {
                all.push(draft(&format!("{} calls {}", grant.subject, tool.name), Some(&grant.subject), tool, good(tool)?));
            }
        }
    }
    Ok(all)
}

fn draft(name: &str, subject: Option<&str>, tool: &Tool, args: Map<String, Value>) -> Draft {
    let subject = subject.map(str::to_owned);
    let (intent, seen) = samples::sources(tool, &args);
    Draft {
        name: name.to_owned(),
        subject,
        lease: Terms::default(),
        history: Vec::new(),
        tool: tool.name.clone(),
        args,
        stretch: BTreeMap::new(),
        intent,
        seen,
    }
}

/// Calls with a value that the session has not seen.
fn unseen(policy: &Policy, tool: &Tool, arg: &str) -> Result<Vec<Draft>, Failure> {
    let argument = samples::arguments(tool).into_iter().find(|argument| argument.name == arg);
    let mut all = passing(policy, &[tool])?;
    for draft in &mut all {
        draft.name = format!("{}: {arg} comes from where it may", tool.name);
        let value = argument.as_ref().and_then(|argument| samples::traced(tool, argument).into_iter().next());
        draft.args.extend(value.map(|value| (arg.to_owned(), value)));
        // The others come from where they may, so that this one decides.
        let others: Map<String, Value> = draft.args.clone().into_iter().filter(|(name, _)| name != arg).collect();
        (draft.intent, draft.seen) = samples::sources(tool, &others);
    }
    Ok(all)
}

fn is_issuing(tool: &Tool) -> bool {
    tool.name == "airlock_issue_capability"
}

/// Arguments of a request for a lease.
fn request(tool: &Tool, subject: &str, tools: &[String]) -> Result<Map<String, Value>, Failure> {
    let mut args = good(tool)?;
    let named: Vec<&String> = tools.iter().take(1).collect();
    args.extend([
        ("session_id".to_owned(), json!("case")),
        ("subject".to_owned(), json!(subject)),
        ("intent".to_owned(), json!("Judge this call.")),
        ("tools".to_owned(), json!(named)),
    ]);
    Ok(args)
}

fn without_lease(policy: &Policy, tool: &Tool) -> Result<Draft, Failure> {
    if is_issuing(tool) {
        let tools = policy.grants.first().map(|grant| grant.tools.clone()).unwrap_or_default();
        return Ok(draft("a stranger obtains no lease", None, tool, request(tool, STRANGER, &tools)?));
    }
    Ok(draft(&format!("{} needs a lease", tool.name), None, tool, good(tool)?))
}

/// Calls with an argument that one rule refuses; those that no other rule refuses come first.
fn breaking(policy: &Policy, tool: &Tool, at: usize, number: usize) -> Result<Vec<Draft>, Failure> {
    let rules = &tool.args[at];
    let kind = samples::arguments(tool).into_iter().find(|argument| argument.name == rules.arg);
    let mut all = Vec::new();
    for base in passing(policy, &[tool])? {
        let good = base.args.get(&rules.arg).cloned().or_else(|| kind.as_ref().and_then(|kind| plain(tool, kind)));
        for value in samples::refused(&rules.rules[number], &good.unwrap_or(Value::Null)) {
            let mut args = base.args.clone();
            args.insert(rules.arg.clone(), value);
            let longer = if let ArgRule::MaxLength(most) = rules.rules[number] { usize::try_from(most).ok() } else { None };
            let stretch: BTreeMap<String, usize> =
                longer.map(|most| (rules.arg.clone(), most.saturating_add(1))).into_iter().collect();
            let call = Call { tool: tool.name.clone(), args: args.clone(), stretch: stretch.clone() };
            let others = crate::judge::refusing(tool, &call.sent())?.len();
            let name = format!("{}: {} keeps to {}", tool.name, rules.arg, crate::judge::key(&rules.rules[number]));
            all.push((others, Draft { name, args, stretch, ..base.clone() }));
        }
    }
    all.sort_by_key(|(others, _)| *others);
    Ok(all.into_iter().map(|(_, draft)| draft).collect())
}

fn plain(tool: &Tool, argument: &Argument<'_>) -> Option<Value> {
    samples::accepted(tool, argument).into_iter().next()
}

/// As many calls as a bound allows, and one more. Sessions are changed before another bound stops the calls.
fn exhausting(policy: &Policy, tool: Option<&Tool>, bound: Bound) -> Result<Vec<Draft>, Failure> {
    let quota = tool.map_or(&policy.limits.quota, |tool| &tool.quota);
    let Some(calls) = most(quota, bound).filter(|calls| *calls <= CALLS_MAX) else { return Ok(Vec::new()) };
    let tools: Vec<&Tool> = policy.tools.iter().filter(|one| tool.is_none_or(|tool| tool.name == one.name)).collect();
    let mut all = Vec::new();
    for base in passing(policy, &tools)? {
        let own = policy.tools.iter().find(|tool| tool.name == base.tool).map_or(&policy.limits.quota, |tool| &tool.quota);
        let quotas = [own, &policy.limits.quota];
        let of_session = quotas.iter().flat_map(|quota| [most(quota, Bound::SessionRate), most(quota, Bound::SessionCalls)]);
        let of_session = of_session.flatten().min().unwrap_or(u64::MAX).max(1);
        let earlier = |times: u64, seconds_ago: u64, session: Option<String>| Earlier {
            tool: base.tool.clone(),
            args: base.args.clone(),
            times,
            seconds_ago,
            result: None,
            session,
        };
        let history = match bound {
            Bound::SessionRate => vec![earlier(calls, 0, None)],
            // Slowly enough for every rate.
            Bound::SessionCalls => {
                let rates = quotas.iter().flat_map(|quota| [quota.rate, quota.session_rate]).flatten();
                let (each, gap) = rates.fold((u64::MAX, 0), |(each, gap), rate| {
                    (each.min(u64::from(rate.calls)), gap.max(u64::from(rate.seconds) + 1))
                });
                let parts = parts(calls, each);
                // The last part leaves room for the call itself.
                let last = parts.len() as u64 - u64::from(calls < each);
                parts.into_iter().zip(0..).map(|(times, part)| earlier(times, gap.saturating_mul(last - part), None)).collect()
            }
            Bound::Rate => {
                let parts = parts(calls, of_session).into_iter().zip(0..);
                parts.map(|(times, part)| earlier(times, 0, Some(format!("session-{part}")))).collect()
            }
        };
        let whose = tool.map_or("all tools", |tool| tool.name.as_str());
        all.push(Draft { name: format!("{} of {whose} is kept", bound.key()), history, ..base });
    }
    Ok(all)
}

/// A number in parts of at most `each`.
fn parts(number: u64, each: u64) -> Vec<u64> {
    let starts = (0..number).step_by(usize::try_from(each).unwrap_or(usize::MAX).max(1));
    starts.map(|start| (number - start).min(each)).collect()
}

fn most(quota: &Quota, bound: Bound) -> Option<u64> {
    match bound {
        Bound::Rate => quota.rate.map(|rate| u64::from(rate.calls)),
        Bound::SessionRate => quota.session_rate.map(|rate| u64::from(rate.calls)),
        Bound::SessionCalls => quota.session_calls,
    }
}

/// Sessions of one subject that come to have all labels with the last call.
fn completing(policy: &Policy, labels: &[String]) -> Result<Vec<Draft>, Failure> {
    let tools: Vec<&Tool> = policy.tools.iter().collect();
    let calls = passing(policy, &tools)?;
    let of = |name: &str| policy.tools.iter().find(|tool| tool.name == name).map_or(&[][..], |tool| &tool.labels);
    let mut all = Vec::new();
    for last in calls.iter().filter(|last| of(&last.tool).iter().any(|label| labels.contains(label))) {
        let mut history: Vec<Earlier> = Vec::new();
        for label in labels.iter().filter(|label| !of(&last.tool).contains(label)) {
            let has = |draft: &&Draft| draft.subject == last.subject && of(&draft.tool).contains(label);
            let Some(earlier) = calls.iter().find(has) else { continue };
            if !history.iter().any(|before| before.tool == earlier.tool) {
                let (tool, args) = (earlier.tool.clone(), earlier.args.clone());
                history.push(Earlier { tool, args, times: 1, seconds_ago: 0, result: None, session: None });
            }
        }
        let before: Vec<&str> = history.iter().map(|earlier| earlier.tool.as_str()).collect();
        let name = match before.is_empty() {
            true => format!("{} completes a flow", last.tool),
            false => format!("{} after {} completes a flow", last.tool, before.join(", ")),
        };
        all.push(Draft { name, history, ..last.clone() });
    }
    Ok(all)
}

/// A lease with more calls than any grant of the subject allows.
fn beyond(policy: &Policy, grant: &Grant) -> Result<Vec<Draft>, Failure> {
    let most = policy.grants.iter().filter(|other| other.subject == grant.subject).map(|grant| grant.uses).max();
    let tools: Vec<&Tool> = policy.tools.iter().filter(|tool| grant.tools.contains(&tool.name)).collect();
    let mut all = passing(policy, &tools)?;
    all.retain(|draft| draft.subject.as_deref() == Some(grant.subject.as_str()));
    for draft in &mut all {
        draft.name = format!("{} has no more than its grant", grant.subject);
        draft.lease.uses = most.map(|most| most.saturating_add(1));
    }
    Ok(all)
}

/// A call that a requirement keeps from a subject.
fn excluded(tool: &Tool, subject: &str) -> Result<Draft, Failure> {
    Ok(draft(&format!("{subject} never calls {}", tool.name), Some(subject), tool, good(tool)?))
}
