//! What the ledger remembers of each session for quotas and flows: labels, numbers of calls, and when the newest ones were.
//!
//! Everything is read from the allow lines. A line states what its session had come to with it (`lab`, `calls`, `spent`), so the newest
//! line of a session that is still alive is enough, and a start need not read what is older than the longest lease. A session is over
//! 30 s after the last lease of its allowed calls ended; a new lease for the same id begins a new one.

use super::entry::clip;
use super::facts::{Unmet, until};
use super::line::{Line, ascii_json};
use super::window::Window;
use airlock_core::policy::{Policy, Quota, Rate};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

/// Most sessions remembered at once. Beyond it new ones are refused; nothing known is forgotten early.
pub(super) const SESSIONS_MAX: usize = 65_536;
/// Most times of calls kept over all sessions, eight bytes each. Beyond it calls are refused until some are out of their period.
const TIMES_MAX: usize = 1024 * 1024;
/// Most bytes of JSON that a line states of its session: some dozens of labels and of tools with budgets, and it fits a line.
pub(super) const STAMP_MAX: usize = 2048;

/// What an allow adds to its session.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) sid: String,
    pub(super) tool: String,
    pub(super) labels: &'static [&'static str],
}

/// Which calls of a session a bound speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Session id; `None`: all sessions together.
    pub sid: Option<String>,
    /// Tool; `None`: all tools together.
    pub tool: Option<&'static str>,
}

/// Everything remembered.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    watch: Watch,
    all: Window,
    tools: HashMap<&'static str, Window>,
    open: HashMap<String, Session>,
    labels: Labels,
    times: usize,
    forgot: u64,
}

/// What a policy wants to be remembered.
#[derive(Debug, Default)]
struct Watch {
    flows: bool,
    /// Rules ask what a session has seen, so it has to be known how many calls it made.
    origins: bool,
    all: Quota,
    tools: HashMap<&'static str, Quota>,
    /// The longest period of a rate of sessions, seconds.
    period: u64,
}

#[derive(Debug, Default)]
struct Session {
    until: u64,
    calls: u64,
    times: Window,
    /// Numbers of [`Labels`], sorted.
    labels: Vec<u32>,
    tools: HashMap<&'static str, Use>,
}

/// The calls of one tool in one session.
#[derive(Debug, Default)]
struct Use {
    calls: u64,
    times: Window,
}

/// Each label once.
#[derive(Debug, Default)]
struct Labels {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
}

/// The members of an allow that matter here.
#[derive(Deserialize)]
struct Allowed {
    sid: String,
    tool: String,
    exp: Option<u64>,
    #[serde(default)]
    lab: Vec<String>,
    #[serde(default)]
    calls: u64,
    #[serde(default)]
    spent: BTreeMap<String, u64>,
}

impl Watch {
    fn of(policy: &'static Policy) -> Self {
        let tools: HashMap<_, _> =
            policy.tools.iter().filter(|tool| tool.quota != Quota::default()).map(|tool| (tool.name, tool.quota)).collect();
        let rates = tools.values().chain([&policy.limits.quota]).filter_map(|quota| quota.session_rate);
        let period = rates.map(|rate| u64::from(rate.seconds)).max().unwrap_or(0);
        let origins = policy.tools.iter().any(|tool| !tool.origins.is_empty());
        Self { flows: !policy.flows.is_empty(), origins, all: policy.limits.quota, period, tools }
    }

    /// Must sessions be kept apart?
    fn sessions(&self) -> bool {
        let counts = |quota: &Quota| quota.session_rate.is_some() || quota.session_calls.is_some();
        self.flows || self.origins || counts(&self.all) || self.tools.values().any(counts)
    }

    fn is_idle(&self) -> bool {
        !self.flows && !self.origins && self.all == Quota::default() && self.tools.is_empty()
    }
}

impl Sessions {
    pub(super) fn watching(policy: &'static Policy) -> Self {
        Self { watch: Watch::of(policy), ..Self::default() }
    }

    /// Takes in the line of an allow.
    pub(super) fn absorb(&mut self, line: &Line<'_>) {
        if self.watch.is_idle() {
            return;
        }
        let at = line.micros().map_or(0, |micros| micros.0);
        let Some(allowed) = super::facts::read::<Allowed>(line.body) else { return };
        self.forget(at / 1_000_000);
        if let Some(rate) = self.watch.all.rate {
            self.all.note(rate, at);
        }
        let known = self.watch.tools.get_key_value(allowed.tool.as_str()).map(|(name, quota)| (*name, *quota));
        if let Some((name, rate)) = known.and_then(|(name, quota)| Some((name, quota.rate?))) {
            self.tools.entry(name).or_default().note(rate, at);
        }
        if self.watch.sessions() && !allowed.sid.is_empty() {
            self.count(allowed, known, at);
        }
    }

    fn count(&mut self, allowed: Allowed, known: Option<(&'static str, Quota)>, at: u64) {
        let Self { watch, open, labels, times, .. } = self;
        let now = at / 1_000_000;
        let session = open.entry(allowed.sid).or_default();
        if session.until <= now {
            *times = times.saturating_sub(session.kept());
            *session = Session::default();
        }
        session.until = session.until.max(until(allowed.exp, now)).max(now.saturating_add(watch.period));
        session.calls = allowed.calls.max(session.calls.saturating_add(1));
        if let Some(rate) = watch.all.session_rate {
            *times = times.saturating_add_signed(session.times.note(rate, at));
        }
        for label in &allowed.lab {
            session.add(labels.number(label));
        }
        if let Some((name, quota)) = known.filter(|(_, quota)| quota.session_rate.is_some() || quota.session_calls.is_some()) {
            let used = session.tools.entry(name).or_default();
            used.calls = used.calls.saturating_add(1);
            if let Some(rate) = quota.session_rate {
                *times = times.saturating_add_signed(used.times.note(rate, at));
            }
        }
        for (tool, calls) in allowed.spent {
            if let Some((name, _)) = watch.tools.get_key_value(tool.as_str()) {
                let used = session.tools.entry(name).or_default();
                used.calls = used.calls.max(calls);
            }
        }
    }

    /// What the line of an allow states of its session, as JSON members after others; called before the line is absorbed.
    pub(super) fn stamp(&self, mark: &Mark, at: u64) -> Vec<u8> {
        let now = at / 1_000_000;
        let session = self.open.get(&mark.sid).filter(|session| session.until > now);
        let numbers = session.map_or(&[][..], |session| &session.labels);
        let mut labels: Vec<&str> =
            numbers.iter().filter_map(|number| self.labels.name(*number)).chain(mark.labels.iter().copied()).collect();
        labels.sort_unstable();
        labels.dedup();
        let mut members = Vec::new();
        let mut member = |name: &str, json: &[u8]| members.extend([b",\"", name.as_bytes(), b"\":", json].concat());
        if !labels.is_empty() {
            member("lab", &ascii_json(&labels));
        }
        if self.watch.all.session_calls.is_some() {
            member("calls", &ascii_json(&session.map_or(0, |session| session.calls).saturating_add(1)));
        }
        let spent = self.spent(session, &mark.tool);
        if !spent.is_empty() {
            member("spent", &ascii_json(&spent));
        }
        members
    }

    /// The calls of each tool with a budget, this one counted in.
    fn spent(&self, session: Option<&Session>, tool: &str) -> BTreeMap<&str, u64> {
        let has_budget = |name: &str| self.watch.tools.get(name).is_some_and(|quota| quota.session_calls.is_some());
        let used = session.into_iter().flat_map(|session| &session.tools).filter(|(name, _)| has_budget(name));
        let mut spent: BTreeMap<&str, u64> = used.map(|(name, used)| (*name, used.calls)).collect();
        if let Some((name, _)) = self.watch.tools.get_key_value(tool).filter(|(name, _)| has_budget(name)) {
            *spent.entry(name).or_default() += 1;
        }
        spent
    }

    /// Is one more call possible within a rate?
    pub(super) fn within_rate(&self, scope: &Scope, rate: Rate, at: u64) -> Result<(), Unmet> {
        let again = match (scope.sid.as_deref().map(clip), scope.tool) {
            (None, None) => self.all.again(rate, at),
            (None, Some(tool)) => self.tools.get(tool).and_then(|times| times.again(rate, at)),
            (Some(sid), None) => self.alive(&sid, at).and_then(|session| session.times.again(rate, at)),
            (Some(sid), Some(tool)) => {
                self.alive(&sid, at).and_then(|session| session.tools.get(tool)).and_then(|used| used.times.again(rate, at))
            }
        };
        again.map_or(Ok(()), |again| Err(Unmet::Rate { scope: scope.clone(), rate, wait: (again - at).div_ceil(1_000_000) }))
    }

    /// Is one more call of the session possible within a budget?
    pub(super) fn within_budget(&self, sid: &str, tool: Option<&'static str>, most: u64, at: u64) -> Result<(), Unmet> {
        let session = self.alive(sid, at);
        let spent = match tool {
            None => session.map_or(0, |session| session.calls),
            Some(tool) => session.and_then(|session| session.tools.get(tool)).map_or(0, |used| used.calls),
        };
        if spent < most { Ok(()) } else { Err(Unmet::Budget { tool, most }) }
    }

    /// How many calls of a session are recorded.
    pub(super) fn calls(&self, sid: &str, at: u64) -> u64 {
        self.alive(sid, at).map_or(0, |session| session.calls)
    }

    /// Has the session all of these labels? Nobody has a label that no line ever named.
    pub(super) fn has_all(&self, sid: &str, labels: &[&'static str], at: u64) -> bool {
        let session = self.alive(sid, at);
        labels.iter().all(|label| {
            let number = self.labels.numbers.get(*label);
            number.is_some_and(|number| session.is_some_and(|session| session.labels.binary_search(number).is_ok()))
        })
    }

    /// Is there room for what this call would add? Asked for before an allow alone, never before a denial.
    pub(super) fn has_room(
        &mut self,
        sid: &str,
        tool: &'static str,
        labels: &'static [&'static str],
        at: u64,
    ) -> Result<(), Unmet> {
        self.forget(at / 1_000_000);
        if self.times >= TIMES_MAX || (self.open.len() >= SESSIONS_MAX && !self.open.contains_key(sid)) {
            return Err(Unmet::Full);
        }
        let mark = Mark { sid: sid.to_owned(), tool: tool.to_owned(), labels };
        if self.stamp(&mark, at).len() > STAMP_MAX { Err(Unmet::Wide) } else { Ok(()) }
    }

    fn alive(&self, sid: &str, at: u64) -> Option<&Session> {
        self.open.get(sid).filter(|session| session.until > at / 1_000_000)
    }

    /// Makes room when there is none, once for each second of the ledger.
    fn forget(&mut self, now: u64) {
        if (self.open.len() < SESSIONS_MAX && self.times < TIMES_MAX) || now <= self.forgot {
            return;
        }
        self.forgot = now;
        let Self { watch, open, times, .. } = self;
        open.retain(|_, session| session.until > now);
        for session in open.values_mut() {
            session.trim(watch, now.saturating_mul(1_000_000));
        }
        *times = open.values().map(Session::kept).sum();
    }
}

impl Session {
    fn add(&mut self, label: u32) {
        if let Err(place) = self.labels.binary_search(&label) {
            self.labels.insert(place, label);
        }
    }

    /// How many times it keeps.
    fn kept(&self) -> usize {
        self.times.len() + self.tools.values().map(|used| used.times.len()).sum::<usize>()
    }

    fn trim(&mut self, watch: &Watch, at: u64) {
        if let Some(rate) = watch.all.session_rate {
            self.times.trim(rate, at);
        }
        for (name, used) in &mut self.tools {
            if let Some(rate) = watch.tools.get(name).and_then(|quota| quota.session_rate) {
                used.times.trim(rate, at);
            }
        }
    }
}

impl Labels {
    fn number(&mut self, label: &str) -> u32 {
        if let Some(number) = self.numbers.get(label) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(label.to_owned());
        self.numbers.insert(label.to_owned(), number);
        number
    }

    fn name(&self, number: u32) -> Option<&str> {
        self.names.get(usize::try_from(number).ok()?).map(String::as_str)
    }
}

#[cfg(test)]
mod tests;
