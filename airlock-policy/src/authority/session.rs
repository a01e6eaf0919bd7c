//! What a session remembers: the labels of its calls, and how many there were.

use super::case::{Verdict, When};
use crate::ir::{FlowVerdict, Policy, Quota, Rate, Tool};
use std::collections::BTreeSet;

/// Labels of the calls of a session.
pub(super) type Labels<'p> = BTreeSet<&'p str>;

/// Calls that were let through.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run<'p> {
    pub(super) tool: &'p str,
    pub(super) times: u64,
    pub(super) when: When,
    pub(super) same_session: bool,
}

/// The calls so far; labels are those of the session of the case.
#[derive(Debug, Default)]
pub(super) struct Session<'p> {
    runs: Vec<Run<'p>>,
    labels: Labels<'p>,
}

impl<'p> Session<'p> {
    pub(super) fn add(&mut self, run: Run<'p>, labels: impl Iterator<Item = &'p str>) {
        self.runs.push(run);
        if run.same_session {
            self.labels.extend(labels);
        }
    }

    pub(super) fn labels(&self) -> Labels<'p> {
        self.labels.clone()
    }

    /// Whether the quotas leave room for these calls. Each session but that of the case has one call.
    pub(super) fn within_quotas(&self, policy: &Policy, tool: &Tool, run: Run<'_>) -> bool {
        [(&policy.limits.quota, None), (&tool.quota, Some(tool.name.as_str()))].into_iter().all(|(quota, name)| {
            let Quota { rate, session_rate, session_calls } = quota;
            let counted = |other: &&Run<'_>| name.is_none_or(|name| other.tool == name);
            let in_session = |other: &&Run<'_>| counted(other) && other.same_session;
            let all: u64 = self.runs.iter().filter(in_session).map(|other| other.times).sum();
            let room = |rate: &Option<Rate>, of: &dyn Fn(&&Run<'_>) -> bool| rate.is_none_or(|rate| self.room(rate, of, run));
            let session = match run.same_session {
                true => room(session_rate, &in_session) && session_calls.is_none_or(|most| all + run.times <= most),
                // A session of its own begins with this call.
                false => session_calls.is_none_or(|most| most >= 1),
            };
            session && room(rate, &counted)
        })
    }

    /// Whether a rate leaves room for so many calls.
    fn room(&self, rate: Rate, of: &dyn Fn(&&Run<'_>) -> bool, run: Run<'_>) -> bool {
        let When::At(now) = run.when else { return rate.calls >= 1 };
        let recent =
            |other: &&Run<'_>| matches!(other.when, When::At(then) if now.saturating_sub(then) < u64::from(rate.seconds));
        let count: u64 = self.runs.iter().rev().take_while(recent).filter(of).map(|other| other.times).sum();
        count + run.times <= u64::from(rate.calls)
    }
}

/// What a flow makes of the call that completes it.
pub(super) const fn of_flow(verdict: FlowVerdict) -> Verdict {
    match verdict {
        FlowVerdict::Deny => Verdict::Deny,
        FlowVerdict::Ask => Verdict::Ask,
    }
}
