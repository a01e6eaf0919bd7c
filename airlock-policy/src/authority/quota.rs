//! Rows about quotas: how many calls of a tool, or of all tools, fit into a period or a session.
//!
//! A bound of `from` is exceeded under `to` exactly when the densest row of calls that `to` allows has more calls in the period
//! than the bound; the densest row is the one in which each call is made as early as the windows of `to` allow. Over all
//! sessions together each call has a session of its own, so that the bounds of sessions do not matter.

use super::case::{Case, Past, When};
use super::compare::{Dimension, Row, Step};
use super::search::Found;
use super::words;
use crate::ir::{FlowVerdict, Policy, Quota, Rate};

/// Sets of tools tried for one bound of a session. Without flows one is enough; beyond this a row says that there may be such calls.
const SETS_MAX: usize = 200;

/// Which bound a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    Rate,
    SessionRate,
    SessionCalls,
}

pub(super) fn rows(step: &Step<'_>, shared: &[Case], rows: &mut Vec<Row>) {
    let (to, from) = (step.to.policy, step.from.policy);
    for bound in [Bound::Rate, Bound::SessionRate, Bound::SessionCalls] {
        if to.limits.quota != from.limits.quota || shared.iter().any(|case| quota(to, Some(case)) != quota(from, Some(case))) {
            exceeded(step, shared, None, bound, rows);
        }
        for case in shared {
            let relaxed = quota(to, Some(case)) != quota(from, Some(case)) || to.limits.quota != from.limits.quota;
            if relaxed && quota(from, Some(case)) != &Quota::default() {
                exceeded(step, std::slice::from_ref(case), Some(case), bound, rows);
            }
        }
    }
}

/// The quota of a tool, or of all together.
fn quota<'p>(policy: &'p Policy, tool: Option<&Case>) -> &'p Quota {
    let of_tool = tool.and_then(|case| policy.tools.iter().find(|tool| tool.name == case.tool));
    of_tool.map_or(&policy.limits.quota, |tool| &tool.quota)
}

/// A row if calls of these tools exceed a bound: that of the one tool, or that of all.
fn exceeded(step: &Step<'_>, shared: &[Case], tool: Option<&Case>, bound: Bound, rows: &mut Vec<Row>) {
    let (low, high) = (quota(step.from.policy, tool), quota(step.to.policy, tool));
    let (dimension, texts, found) = match bound {
        Bound::Rate => {
            (Dimension::Rate, [words::rate(low.rate), words::rate(high.rate)], dense(step, shared, low.rate, false).into())
        }
        Bound::SessionRate => {
            let texts = [words::rate(low.session_rate), words::rate(high.session_rate)];
            let found = in_session(step, shared, &|shared| dense(step, shared, low.session_rate, true));
            (Dimension::SessionRate, texts, found)
        }
        Bound::SessionCalls => {
            let text = |calls: Option<u64>| calls.map_or_else(|| "any number".to_owned(), |calls| calls.to_string());
            let texts = [text(low.session_calls), text(high.session_calls)];
            let found = in_session(step, shared, &|shared| many(step, shared, low.session_calls?));
            (Dimension::SessionCalls, texts, found)
        }
    };
    let case = match found {
        Found::This(case) => Some(case),
        Found::Unknown => None,
        Found::Nothing => return,
    };
    let name = tool.map_or("*", |case| case.tool.as_str());
    rows.push(step.row_of(dimension, &texts[0], &texts[1], case, ("*", name)));
}

/// Looks at calls of one session, in which only tools can meet whose labels complete no flow that `to` denies. Which tools those
/// are is decided by leaving out, for a flow that is complete, all tools with one of its labels.
fn in_session(step: &Step<'_>, shared: &[Case], look: &dyn Fn(&[Case]) -> Option<Case>) -> Found<Case> {
    let policy = step.to.policy;
    let labels = |case: &Case| step.to.tool(&case.tool).map_or(&[][..], |tool| tool.labels.as_slice());
    let mut open = vec![shared.to_vec()];
    for _ in 0..SETS_MAX {
        let Some(cases) = open.pop() else { return Found::Nothing };
        let has = |label: &String| cases.iter().any(|case| labels(case).contains(label));
        let complete = policy.flows.iter().find(|flow| flow.verdict == FlowVerdict::Deny && flow.labels.iter().all(has));
        match complete {
            // Fewer tools never fit in more calls.
            Some(_) if look(&cases).is_none() => {}
            Some(flow) => {
                let without = |label: &String| cases.iter().filter(|case| !labels(case).contains(label)).cloned().collect();
                open.extend(flow.labels.iter().map(without));
            }
            None => {
                if let Some(case) = look(&cases) {
                    return Found::This(case);
                }
            }
        }
    }
    Found::Unknown
}

/// The windows and totals of a policy over some tools.
struct Bounds {
    all: Vec<Rate>,
    total: u64,
    /// For each tool.
    own: Vec<(Vec<Rate>, u64)>,
}

impl Bounds {
    /// Of calls in one session, or each in its own.
    fn of(policy: &Policy, shared: &[Case], session: bool) -> Self {
        let parts = |quota: &Quota| {
            let rates = quota.rate.into_iter().chain(quota.session_rate.filter(|_| session)).collect();
            (rates, quota.session_calls.filter(|_| session).unwrap_or(u64::MAX))
        };
        let (all, total) = parts(&policy.limits.quota);
        Self { all, total, own: shared.iter().map(|case| parts(quota(policy, Some(case)))).collect() }
    }
}

/// Calls so far: their times, of all and of each tool.
struct Times {
    all: Vec<u64>,
    own: Vec<Vec<u64>>,
}

impl Times {
    fn none(tools: usize) -> Self {
        Self { all: Vec::new(), own: vec![Vec::new(); tools] }
    }

    /// The earliest time of one more call of a tool; nothing if there can be none.
    fn earliest(&self, bounds: &Bounds, tool: usize) -> Option<u64> {
        let (own, (rates, most)) = (self.own.get(tool)?, bounds.own.get(tool)?);
        let free = |times: &[u64], rate: &Rate| {
            let calls = rate.calls as usize;
            times.len().checked_sub(calls).and_then(|at| times.get(at)).map_or(0, |then| then + u64::from(rate.seconds))
        };
        let room = (self.all.len() as u64) < bounds.total && (own.len() as u64) < *most;
        let last = self.all.last().copied().unwrap_or(0);
        let windows = bounds.all.iter().map(|rate| free(&self.all, rate)).chain(rates.iter().map(|rate| free(own, rate)));
        room.then(|| windows.fold(last, u64::max))
    }

    fn add(&mut self, tool: usize, time: u64) {
        self.all.push(time);
        self.own.get_mut(tool).into_iter().for_each(|own| own.push(time));
    }
}

/// A call that exceeds a rate of `from`, after as many as the rate has.
fn dense(step: &Step<'_>, shared: &[Case], rate: Option<Rate>, session: bool) -> Option<Case> {
    let rate = rate?;
    let bounds = Bounds::of(step.to.policy, shared, session);
    // A tool without windows of its own is never slower than another.
    let free = bounds.own.iter().position(|(rates, most)| rates.is_empty() && *most > u64::from(rate.calls));
    let tools: Vec<usize> = free.map_or_else(|| (0..shared.len()).collect(), |tool| vec![tool]);
    let mut times = Times::none(shared.len());
    let mut row = Vec::new();
    for _ in 0..=rate.calls {
        let soonest = tools.iter().filter_map(|tool| Some((times.earliest(&bounds, *tool)?, *tool))).min();
        let (time, tool) = soonest.filter(|(time, _)| *time < u64::from(rate.seconds))?;
        times.add(tool, time);
        row.push((tool, time));
    }
    // The first call that `from` refuses.
    let bounds = Bounds::of(step.from.policy, shared, session);
    let mut times = Times::none(shared.len());
    let mut past: Vec<Past> = Vec::new();
    for (tool, time) in row {
        let case = shared.get(tool)?;
        if times.earliest(&bounds, tool).is_none_or(|earliest| earliest > time) {
            return Some(Case { at: time, earlier: past, ..case.clone() });
        }
        times.add(tool, time);
        let when = When::At(time);
        match past.iter_mut().find(|past| past.when == when && past.call.tool == case.tool) {
            Some(same) => same.times += 1,
            None => past.push(Past { call: case.clone(), times: 1, when, same_session: session }),
        }
    }
    None
}

/// A call that exceeds the calls of a session under `from`. Calls are made far enough apart that no rate matters.
fn many(step: &Step<'_>, shared: &[Case], most: u64) -> Option<Case> {
    let (to, from) = (Bounds::of(step.to.policy, shared, true), Bounds::of(step.from.policy, shared, true));
    if to.total <= most {
        return None;
    }
    let room = |bounds: &Bounds, tool: usize| bounds.own.get(tool).map_or(0, |(_, most)| *most);
    let alone = (0..shared.len()).find(|tool| room(&to, *tool) > most);
    let tools: Vec<usize> = alone.map_or_else(|| (0..shared.len()).collect(), |tool| vec![tool]);
    let reach = tools.iter().fold(0u64, |sum, tool| sum.saturating_add(room(&to, *tool)));
    if reach <= most {
        return None;
    }
    let mut past: Vec<Past> = Vec::new();
    let mut made = 0u64;
    for tool in tools {
        let case = shared.get(tool)?;
        let can = room(&to, tool).min(most + 1 - made);
        let may = room(&from, tool).min(from.total.saturating_sub(made));
        let times = can.min(may);
        if times > 0 {
            past.push(Past { call: case.clone(), times, when: When::Apart, same_session: true });
        }
        if may < can {
            return Some(Case { earlier: past, ..case.clone() });
        }
        made += times;
    }
    None
}
