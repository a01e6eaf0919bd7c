//! Rows about flows: calls that what came before in their session no longer forbids.
//!
//! `from` refuses (or asks about) a call when the labels of its tool and of the session cover one of its flows. It is enough to look at
//! sessions of which each call adds a label of that flow: more calls never make `to` more generous.

use super::case::{Case, Past, Verdict, When};
use super::compare::{Dimension, Row, Step};
use super::session::of_flow;
use crate::ir::{Flow, FlowVerdict, Policy, Tool};
use std::collections::{BTreeMap, BTreeSet};

/// Sessions tried for one tool and flow. A flow has at most eight labels and few tools differ in them; beyond this a row says that
/// there may be such a session.
const TRIES_MAX: usize = 2_000;

/// A tool in both policies, with a call that both let through.
struct Caller<'p> {
    case: &'p Case,
    to: BTreeSet<&'p str>,
    from: BTreeSet<&'p str>,
}

pub(super) fn rows(step: &Step<'_>, shared: &[Case], rows: &mut Vec<Row>) {
    let (to, from) = (step.to.policy, step.from.policy);
    let named: BTreeSet<&str> = to.flows.iter().chain(&from.flows).flat_map(|flow| &flow.labels).map(String::as_str).collect();
    let labels = |tool: Option<&Tool>| -> Vec<String> { tool.map(|tool| tool.labels.clone()).unwrap_or_default() };
    let owned: Vec<(&Case, Vec<String>, Vec<String>)> =
        shared.iter().map(|case| (case, labels(step.to.tool(&case.tool)), labels(step.from.tool(&case.tool)))).collect();
    let kept = |labels: &'_ [String]| -> BTreeSet<String> {
        labels.iter().filter(|label| named.contains(label.as_str())).cloned().collect()
    };
    let sets: Vec<(&Case, BTreeSet<String>, BTreeSet<String>)> =
        owned.iter().map(|(case, to, from)| (*case, kept(to), kept(from))).collect();
    let callers: Vec<Caller<'_>> = sets
        .iter()
        .map(|(case, to, from)| Caller {
            case,
            to: to.iter().map(String::as_str).collect(),
            from: from.iter().map(String::as_str).collect(),
        })
        .collect();
    for flow in from.flows.iter().filter(|flow| !kept_by(to, flow, &callers)) {
        for caller in &callers {
            if flow.labels.iter().any(|label| caller.from.contains(label.as_str())) {
                let found = Search { step, flow, last: caller, callers: &classes(&callers), tries: 0 }.run();
                push(step, flow, caller, found, rows);
            }
        }
    }
}

/// Whether the other policy has the flow, as strict, and no tool has lost a label of it: then nothing is gained by it.
fn kept_by(to: &Policy, flow: &Flow, callers: &[Caller<'_>]) -> bool {
    let strict = |other: &Flow| other.labels == flow.labels && of_flow(other.verdict) <= of_flow(flow.verdict);
    let lost = |caller: &Caller<'_>| {
        flow.labels.iter().any(|label| caller.from.contains(label.as_str()) && !caller.to.contains(label.as_str()))
    };
    to.flows.iter().any(strict) && !callers.iter().any(lost)
}

/// One caller for each pair of label sets.
fn classes<'c>(callers: &'c [Caller<'c>]) -> Vec<&'c Caller<'c>> {
    let mut classes = BTreeMap::new();
    for caller in callers {
        classes.entry((&caller.to, &caller.from)).or_insert(caller);
    }
    classes.into_values().collect()
}

fn push(step: &Step<'_>, flow: &Flow, caller: &Caller<'_>, found: Result<Option<Case>, ()>, rows: &mut Vec<Row>) {
    let case = match found {
        Ok(None) => return,
        Ok(Some(case)) => Some(case),
        Err(()) => None,
    };
    let what = match flow.verdict {
        FlowVerdict::Deny => "refused",
        FlowVerdict::Ask => "asked about",
    };
    let low = format!("{what} where a session would join {}", flow.labels.join(" and "));
    let after = case.as_ref().map_or(Verdict::Allow, |case| step.to.verdict(case));
    let high = if after == Verdict::Ask { "asked about" } else { "allowed" };
    let row = step.row_of(Dimension::Flow, &low, high, case, ("*", &caller.case.tool));
    let told = |other: &Row| {
        other.status == row.status && other.dimension == row.dimension && other.tool == row.tool && other.old == row.old
    };
    if !rows.iter().any(told) {
        rows.push(row);
    }
}

struct Search<'s> {
    step: &'s Step<'s>,
    flow: &'s Flow,
    last: &'s Caller<'s>,
    callers: &'s [&'s Caller<'s>],
    tries: usize,
}

impl<'s> Search<'s> {
    /// A call after which `from` is stricter than `to`; an error when there were too many to try.
    fn run(mut self) -> Result<Option<Case>, ()> {
        let missing = self.flow.labels.iter().map(String::as_str).filter(|label| !self.last.from.contains(label)).collect();
        self.extend(&mut Vec::new(), missing)
    }

    fn extend(&mut self, chosen: &mut Vec<&'s Caller<'s>>, missing: Vec<&'s str>) -> Result<Option<Case>, ()> {
        self.tries += 1;
        if self.tries > TRIES_MAX {
            return Err(());
        }
        if self.closed(chosen) {
            return Ok(None);
        }
        let Some(label) = missing.first() else {
            let case = self.case(chosen);
            // Without its session the call may be judged apart as well; that is another row's business.
            return Ok(Some(case).filter(|case| self.step.confirms(case)));
        };
        for caller in self.callers.iter().filter(|caller| caller.from.contains(label)) {
            let left = missing.iter().copied().filter(|label| !caller.from.contains(label)).collect();
            chosen.push(caller);
            let found = self.extend(chosen, left)?;
            chosen.pop();
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Whether these calls, or the last one after them, are refused by a flow of `to`, or these by one of `from`: with more calls
    /// they stay refused.
    fn closed(&self, chosen: &[&Caller<'_>]) -> bool {
        let covers = |flow: &Flow, labels: &BTreeSet<&str>| flow.labels.iter().all(|label| labels.contains(label.as_str()));
        let denied = |policy: &Policy, labels: &BTreeSet<&str>| {
            policy.flows.iter().any(|flow| flow.verdict == FlowVerdict::Deny && covers(flow, labels))
        };
        let before: BTreeSet<&str> = chosen.iter().flat_map(|caller| caller.from.iter().copied()).collect();
        let after: BTreeSet<&str> = chosen.iter().chain([&self.last]).flat_map(|caller| caller.to.iter().copied()).collect();
        denied(self.step.from.policy, &before) || denied(self.step.to.policy, &after)
    }

    fn case(&self, chosen: &[&Caller<'_>]) -> Case {
        let past = |caller: &&Caller<'_>| Past { call: caller.case.clone(), times: 1, when: When::Apart, same_session: true };
        Case { earlier: chosen.iter().map(past).collect(), ..self.last.case.clone() }
    }
}
