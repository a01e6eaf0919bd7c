//! What the judge needs to know from the ledger: which intent a session is pinned to, and how often a lease was used.
//!
//! One reader serves entries of this process and of others alike: facts are read from the lines, never kept beside them.

use super::asked;
use super::entry::clip;
use super::fold::Pace;
use super::line::Line;
use super::nonces::Nonces;
use super::questions::{self, Asker, Questions};
use super::revoked::{Holder, REVOCATIONS_MAX, Revocations, Target};
use super::sessions::{Mark, Scope, Sessions};
use airlock_core::clock::Micros;
use airlock_core::limits::CLOCK_ROLLBACK_S;
use airlock_core::policy::{FlowVerdict, Policy, Rate};
use serde::Deserialize;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

/// How far back a start looks, microseconds. A manifest gives a lease 24 hours at most and its `iat` may stand half a minute ahead;
/// an hour more is room. What is older names leases that expired, so it cannot matter to a decision.
pub(super) const WINDOW: u64 = 25 * 3600 * 1_000_000;
/// Most sessions and most counters remembered at once. Beyond it new ones are refused; nothing known is forgotten early.
const FACTS_MAX: usize = 65_536;
/// Most counters below one root, so that one lease narrowed over and over cannot take the room of all others. A chain has at most
/// eight caveats.
const NODES_MAX: usize = 32;
/// Seconds that a fact outlives its lease by the ledger's own time. A clock may stand [`CLOCK_ROLLBACK_S`] behind that, so no lease
/// can be valid again once its fact is gone.
pub(super) const KEEP_S: u64 = 30;
const _: () = assert!(KEEP_S > CLOCK_ROLLBACK_S, "a forgotten lease must stay expired");

/// The hour of the issue limits, seconds.
const HOUR_S: u64 = 3600;

/// How the body of an allow begins.
const ALLOW: &[u8] = b"\"t\":\"decision\",\"d\":\"allow\",";
/// How the body of an issue begins.
const ISSUE: &[u8] = b"\"t\":\"issue\",";

/// A condition under which an entry is appended. It is tested under the ledger's lock, so that it holds across processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Require {
    /// The clock stands at most [`CLOCK_ROLLBACK_S`] seconds behind the newest entry.
    Clock,
    /// There is no kill file in the ledger's directory.
    NotKilled,
    /// Nothing about the lease is revoked, and its epoch is one that this ledger knows.
    NotRevoked(Box<Holder>),
    /// This is not revoked yet, and there is room for one more revocation.
    Revocable(Target),
    /// The lease has not expired, unix seconds. The entry may have waited long for the lock since the lease was verified, and its
    /// budget may be forgotten by now.
    Unexpired(u64),
    /// Fewer than `uses` allows are recorded for this lease node. The first of an entry names the root.
    Unspent {
        /// Public id of the lease node.
        rid: String,
        /// Its budget.
        uses: u64,
    },
    /// There is room for one more lease of this subject in this session.
    OpenLeases {
        /// Subject.
        sub: String,
        /// Session id.
        sid: String,
        /// Most unexpired leases of the subject.
        most: usize,
        /// Most leases issued to the subject in this session within the last hour.
        in_session: usize,
        /// Most leases issued to the subject within the last hour.
        in_hour: usize,
    },
    /// This presentation of a lease node is in time and was not used.
    Fresh {
        /// Public id of the node.
        rid: String,
        /// Its nonce, base64url.
        nonce: String,
        /// When it was made, unix seconds.
        ts: u64,
    },
    /// The session is pinned to this intent, or to none yet.
    Intent {
        /// Session id.
        sid: String,
        /// Intent hash in hexadecimal.
        ih: String,
    },
    /// The session, and the subject over all sessions, have room for one more open question.
    MayAsk(Asker),
    /// The session was asked fewer questions than this, since its first one of the last day.
    StepUps {
        /// Session id.
        sid: String,
        /// Most questions.
        most: u64,
    },
    /// This question waits for an answer.
    Waits {
        /// Its id.
        question: String,
        /// How it was asked.
        how: &'static str,
    },
    /// There is room to remember what this call adds to its session.
    Room {
        /// Session id.
        sid: String,
        /// Tool called.
        tool: &'static str,
        /// Its labels.
        labels: &'static [&'static str],
    },
    /// The session lacks one of the labels that the call would complete to a flow.
    Flow {
        /// Session id.
        sid: String,
        /// The labels of the flow that the tool does not have itself.
        lacks: Vec<&'static str>,
        /// Place of the flow in the policy.
        flow: usize,
        /// Is the call refused, or its user asked?
        verdict: FlowVerdict,
    },
    /// One more call is within this rate.
    Rate {
        /// Which calls count.
        scope: Scope,
        /// The bound.
        rate: Rate,
    },
    /// One more call of the session is within its budget.
    Budget {
        /// Session id.
        sid: String,
        /// Tool; `None`: all tools together.
        tool: Option<&'static str>,
        /// Most calls.
        most: u64,
    },
    /// No more than so many calls of the session are recorded: those that this process remembers.
    Remembered {
        /// Session id.
        sid: String,
        /// Calls that it remembers.
        calls: u64,
    },
}

impl Require {
    /// The flow of the policy by which it fails with a question to the user, whose yes to that question settles it.
    #[must_use]
    pub const fn asking_flow(&self) -> Option<usize> {
        match self {
            Self::Flow { verdict: FlowVerdict::Ask, flow, .. } => Some(*flow),
            Self::Flow { verdict: FlowVerdict::Deny, .. }
            | Self::Clock
            | Self::NotKilled
            | Self::Revocable(_)
            | Self::NotRevoked(_)
            | Self::Unexpired(_)
            | Self::Unspent { .. }
            | Self::OpenLeases { .. }
            | Self::Intent { .. }
            | Self::MayAsk(_)
            | Self::StepUps { .. }
            | Self::Waits { .. }
            | Self::Fresh { .. }
            | Self::Room { .. }
            | Self::Rate { .. }
            | Self::Remembered { .. }
            | Self::Budget { .. } => None,
        }
    }
}

/// A condition that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unmet {
    /// The clock stands too far behind the newest entry.
    Clock,
    /// There is a kill file.
    Killed,
    /// The lease is revoked; by `rid`, `jti`, `sid`, `sub`, `kid` or `epoch`.
    Revoked(&'static str),
    /// The lease names an epoch that this ledger has not come to.
    Behind,
    /// This is revoked already.
    AlreadyRevoked,
    /// As many revocations as are kept.
    RevocationsFull,
    /// The lease expired at this time, unix seconds.
    Expired(u64),
    /// The budget of this lease node is spent.
    Spent(String),
    /// More narrowed forms of this root were used than are counted.
    Narrowed(String),
    /// This subject has as many unexpired leases as it may have, or was issued as many in an hour or in one session.
    OpenLeases(String),
    /// A presentation of this node was used before.
    Replayed(String),
    /// As many presentations of this node are remembered as may be.
    ReplayFull(String),
    /// The presentation was made at this time, too long ago; unix seconds.
    Stale(u64),
    /// The session is pinned to another intent.
    Intent(String),
    /// As many sessions or leases are open as the gateway remembers.
    Full,
    /// As many questions are open as may be, in this session, of its subject, or in all.
    Questions(String),
    /// This question does not wait for an answer: it was answered before, or it was not asked here.
    Closed(String),
    /// The answer to this question came too late.
    Late(String),
    /// The session has as many labels, or tools with budgets, as are kept of one.
    Wide,
    /// The call would complete this flow of the policy, which denies it.
    Flow(usize),
    /// The call would complete these flows of the policy, which ask; nothing else stands against it.
    Asks(Vec<usize>),
    /// A rate is reached.
    Rate {
        /// Which calls count.
        scope: Scope,
        /// The bound.
        rate: Rate,
        /// Seconds until one more call is possible.
        wait: u64,
    },
    /// The budget of the session is spent.
    Budget {
        /// Tool; `None`: all tools together.
        tool: Option<&'static str>,
        /// Most calls.
        most: u64,
    },
    /// Calls of the session are recorded that this process does not remember.
    Forgotten(String),
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clock => write!(f, "the clock is more than {CLOCK_ROLLBACK_S} s behind the newest entry"),
            Self::Killed => f.write_str("there is a kill file in the ledger's directory"),
            Self::Revoked(by) => write!(f, "the lease is revoked by its {by}"),
            Self::Behind => f.write_str("the lease names a later epoch than this ledger: revocations of its issuer are missing"),
            Self::AlreadyRevoked => f.write_str("this is revoked already"),
            Self::RevocationsFull => {
                write!(f, "the ledger has {REVOCATIONS_MAX} revocations; raise the epoch, which ends all leases at once")
            }
            Self::Expired(exp) => write!(f, "the lease expired at {exp}"),
            Self::Spent(rid) => write!(f, "the budget of lease {rid} is spent"),
            Self::Narrowed(rid) => write!(f, "more than {NODES_MAX} narrowed forms of lease {rid} were used"),
            Self::OpenLeases(sub) => write!(f, "{sub} has too many unexpired leases, or was issued too many within an hour"),
            Self::Replayed(rid) => write!(f, "this presentation of lease {rid} was used before"),
            Self::ReplayFull(rid) => write!(f, "too many presentations of lease {rid}, or of all, came within a minute"),
            Self::Stale(ts) => write!(f, "the presentation was made at {ts}, too long ago"),
            Self::Intent(sid) => write!(f, "session {sid} is pinned to another intent"),
            Self::Full => write!(f, "{FACTS_MAX} sessions or leases are open"),
            Self::Questions(sid) => write!(f, "session {sid} or its subject may ask no more questions now"),
            Self::Closed(question) => write!(f, "question {question} waits for no answer"),
            Self::Late(question) => write!(f, "question {question} was to be answered before"),
            Self::Wide => write!(f, "the session has as many labels or tools with budgets as are kept"),
            Self::Flow(flow) => write!(f, "the call would complete flow {flow}"),
            Self::Asks(flows) => write!(f, "the call would complete flows that ask: {flows:?}"),
            Self::Rate { rate, wait, .. } => write!(f, "{} calls in {} s were made; wait {wait} s", rate.calls, rate.seconds),
            Self::Budget { most, .. } => write!(f, "the session has made its {most} calls"),
            Self::Forgotten(sid) => write!(f, "calls of session {sid} are recorded that this process does not remember"),
        }
    }
}

/// Facts from the lines read so far. Times are unix seconds; `until` is when a fact may be forgotten.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pins: HashMap<String, Pin>,
    spent: HashMap<String, Spent>,
    /// Issued leases by subject.
    issued: HashMap<String, Vec<Given>>,
    questions: Questions,
    /// Time of the ledger when facts were last forgotten.
    forgot: u64,
    nonces: Nonces,
    /// What is revoked; never forgotten.
    pub(super) revoked: Revocations,
    pub(super) sessions: Sessions,
    /// Refusals recorded lately.
    pub(super) pace: Pace,
    /// The time of the newest line as it stands there and as a number: the lines of a batch have one.
    newest: (String, u64),
}

/// The intent of a session.
#[derive(Debug)]
struct Pin {
    ih: String,
    until: u64,
}

/// An issued lease.
#[derive(Debug)]
struct Given {
    sid: String,
    at: u64,
    exp: u64,
}

impl Given {
    /// Does it count for some limit?
    const fn counts(&self, now: u64) -> bool {
        self.exp > now || self.is_of_the_hour(now)
    }

    const fn is_of_the_hour(&self, now: u64) -> bool {
        self.at.saturating_add(HOUR_S) > now
    }
}

/// A counter.
#[derive(Debug, Default)]
struct Spent {
    count: u64,
    until: u64,
    /// Of a root: how many counters lie below it.
    below: usize,
}

/// An allow. `exp` is that of the root, whose life no caveat prolongs, so that a counter never goes before its lease.
#[derive(Deserialize)]
struct Allowed {
    rid: Vec<String>,
    exp: Option<u64>,
    spends: Option<Vec<usize>>,
    /// Nonce and time of a presentation of the last node.
    pn: Option<String>,
    pt: Option<u64>,
}

/// The part of an answer to an upstream that says which presentation it came with.
#[derive(Deserialize)]
struct Answered {
    rid: String,
    pn: String,
    pt: u64,
}

#[derive(Deserialize)]
struct Issued {
    sid: String,
    #[serde(default)]
    sub: String,
    ih: String,
    exp: Option<u64>,
}

impl Facts {
    /// Facts with what the quotas and flows of this policy need.
    pub(super) fn watching(policy: &'static Policy) -> Self {
        Self { sessions: Sessions::watching(policy), ..Self::default() }
    }

    /// What the line of an allow states of its session; JSON members to be put behind its own.
    pub(super) fn stamp(&self, mark: &Mark, now: Micros, newest: Micros) -> Vec<u8> {
        self.sessions.stamp(mark, now.max(newest).0)
    }

    /// Takes in one line of the chain.
    pub(super) fn absorb(&mut self, line: &Line<'_>) {
        self.revoked.absorb(line);
        if self.newest.0 != line.ts {
            self.newest = (line.ts.to_owned(), line.micros().map_or(0, |at| at.0));
        }
        let at = Micros(self.newest.1);
        self.pace.absorb(line.body, at.0);
        let now = at.seconds();
        if line.body.starts_with(ALLOW) {
            if let Some(allowed) = read::<Allowed>(line.body) {
                self.forget(now);
                self.count(&allowed, now);
                if let (Some(rid), Some(nonce), Some(ts)) = (allowed.rid.last(), &allowed.pn, allowed.pt) {
                    self.nonces.absorb(rid, nonce, ts);
                }
            }
            self.sessions.absorb(line);
        } else if line.body.starts_with(ISSUE)
            && let Some(issued) = read::<Issued>(line.body)
        {
            self.forget(now);
            self.pin(issued, now);
        } else if line.body.starts_with(questions::APPROVE)
            && let Some(entry) = read(line.body)
        {
            self.questions.absorb(entry, now);
        } else if line.body.starts_with(asked::ASK)
            && let Some(entry) = read(line.body)
        {
            self.answered(line.body);
            self.questions.absorb(entry, now);
        }
    }

    /// A lease in bound form that came with an answer to an upstream is used by it.
    fn answered(&mut self, body: &[u8]) {
        if let Some(Answered { rid, pn, pt }) = read(body) {
            self.nonces.absorb(&rid, &pn, pt);
        }
    }

    fn count(&mut self, allowed: &Allowed, now: u64) {
        let until = until(allowed.exp, now);
        let mut fresh = 0;
        for (place, rid) in allowed.rid.iter().enumerate() {
            if allowed.spends.as_ref().is_some_and(|spends| !spends.contains(&place)) {
                continue;
            }
            match self.spent.get_mut(rid) {
                Some(spent) => (spent.count, spent.until) = (spent.count + 1, spent.until.max(until)),
                None => {
                    fresh += usize::from(place > 0);
                    self.spent.insert(rid.clone(), Spent { count: 1, until, below: 0 });
                }
            }
        }
        if fresh > 0
            && let Some(root) = allowed.rid.first().and_then(|root| self.spent.get_mut(root))
        {
            root.below += fresh;
        }
    }

    fn pin(&mut self, issued: Issued, now: u64) {
        let (until, ih) = (until(issued.exp, now), issued.ih);
        let of_subject = self.issued.entry(issued.sub).or_default();
        of_subject.retain(|given| given.counts(now));
        of_subject.push(Given { sid: issued.sid.clone(), at: now, exp: issued.exp.unwrap_or(until) });
        match self.pins.entry(issued.sid) {
            Entry::Occupied(mut pin) if pin.get().until > now => pin.get_mut().until = pin.get().until.max(until),
            Entry::Occupied(mut pin) => *pin.get_mut() = Pin { ih, until },
            Entry::Vacant(room) => {
                room.insert(Pin { ih, until });
            }
        }
    }

    /// Intent of the session's leases, while one of them may be valid at `now`.
    pub(super) fn pinned_intent(&self, sid: &str, now: u64) -> Option<&str> {
        self.pins.get(clip(sid).as_str()).filter(|pin| pin.until > now).map(|pin| pin.ih.as_str())
    }

    /// How many allows name this lease.
    pub(super) fn spent(&self, rid: &str) -> u64 {
        self.spent.get(clip(rid).as_str()).map_or(0, |spent| spent.count)
    }

    /// Tests the conditions of one entry by the clock and the time of the newest entry. Only an entry that would add a fact is
    /// refused for lack of room, never a denial.
    pub(super) fn check(&mut self, requirements: &[Require], now: Micros, newest: Micros) -> Result<(), Unmet> {
        // By the ledger's time alone: what a clock that jumped ahead would forget could come back when it is set right.
        self.forget(newest.seconds());
        let at = now.max(newest).seconds();
        let micros = now.max(newest).0;
        let mut root = None;
        let mut fresh = 0;
        let mut asks = Vec::new();
        for requirement in requirements {
            match requirement {
                Require::Clock if now.0.saturating_add(CLOCK_ROLLBACK_S * 1_000_000) < newest.0 => return Err(Unmet::Clock),
                Require::NotKilled if self.revoked.killed() => return Err(Unmet::Killed),
                Require::Revocable(target) if self.revoked.covers(target) => return Err(Unmet::AlreadyRevoked),
                Require::Revocable(_) if !self.revoked.has_room() => return Err(Unmet::RevocationsFull),
                Require::NotRevoked(holder) => self.unrevoked(holder)?,
                Require::Unexpired(exp) if at >= *exp => return Err(Unmet::Expired(*exp)),
                Require::Clock | Require::NotKilled | Require::Revocable(_) | Require::Unexpired(_) => {}
                Require::Unspent { rid, uses } => {
                    let is_root = root.is_none();
                    let root = *root.get_or_insert(rid);
                    if self.spent(rid) >= *uses {
                        return Err(Unmet::Spent(rid.clone()));
                    }
                    if !self.spent.contains_key(clip(rid).as_str()) {
                        fresh += 1;
                        if !is_root && self.spent.get(clip(root).as_str()).is_some_and(|root| root.below >= NODES_MAX) {
                            return Err(Unmet::Narrowed(root.clone()));
                        }
                        if self.spent.len() + fresh > FACTS_MAX {
                            return Err(Unmet::Full);
                        }
                    }
                }
                Require::OpenLeases { sub, sid, most, in_session, in_hour } => {
                    let given = self.issued.get(clip(sub).as_str()).map_or(&[][..], Vec::as_slice);
                    let open = given.iter().filter(|given| given.exp > at).count();
                    let of_hour = || given.iter().filter(|given| given.is_of_the_hour(at));
                    let of_session = of_hour().filter(|given| given.sid == clip(sid)).count();
                    if open >= *most || of_session >= *in_session || of_hour().count() >= *in_hour {
                        return Err(Unmet::OpenLeases(sub.clone()));
                    }
                }
                Require::MayAsk(by) => self.questions.room(by, at)?,
                Require::StepUps { sid, most } => self.questions.below(&clip(sid), *most, at)?,
                Require::Waits { question, how } => self.questions.waits(question, how, at)?,
                Require::Fresh { rid, nonce, ts } => self.nonces.check(rid, nonce, *ts, at, newest.seconds())?,
                Require::Intent { sid, ih } => {
                    if self.pinned_intent(sid, at).is_some_and(|pinned| pinned != ih) {
                        return Err(Unmet::Intent(sid.clone()));
                    }
                    if !self.pins.contains_key(clip(sid).as_str()) && self.pins.len() >= FACTS_MAX {
                        return Err(Unmet::Full);
                    }
                }
                Require::Room { sid, tool, labels } => self.sessions.has_room(&clip(sid), tool, labels, micros)?,
                Require::Rate { scope, rate } => self.sessions.within_rate(scope, *rate, micros)?,
                Require::Budget { sid, tool, most } => self.sessions.within_budget(&clip(sid), *tool, *most, micros)?,
                Require::Remembered { sid, calls } if self.sessions.calls(&clip(sid), micros) > *calls => {
                    return Err(Unmet::Forgotten(sid.clone()));
                }
                Require::Remembered { .. } => {}
                Require::Flow { sid, lacks, flow, verdict } => {
                    match (self.sessions.has_all(&clip(sid), lacks, micros), verdict) {
                        (false, _) => {}
                        (true, FlowVerdict::Deny) => return Err(Unmet::Flow(*flow)),
                        (true, FlowVerdict::Ask) => asks.push(*flow),
                    }
                }
            }
        }
        if asks.is_empty() { Ok(()) } else { Err(Unmet::Asks(asks)) }
    }

    fn unrevoked(&self, holder: &Holder) -> Result<(), Unmet> {
        match self.revoked.by(holder) {
            Some(word) => Err(Unmet::Revoked(word)),
            None if self.revoked.is_behind(holder) => Err(Unmet::Behind),
            None => Ok(()),
        }
    }

    /// Makes room when there is none: drops what belongs to leases that are over. Once for each second of the ledger, since
    /// expiry has no finer grain and a flood must not make every entry look through all.
    fn forget(&mut self, now: u64) {
        if self.pins.len().max(self.spent.len()) >= FACTS_MAX && now > self.forgot {
            self.forgot = now;
            self.pins.retain(|_, pin| pin.until > now);
            self.spent.retain(|_, spent| spent.until > now);
            self.issued.retain(|_, all| all.iter().any(|given| given.counts(now)));
        }
    }
}

/// When a fact of a lease may be forgotten. Lines of earlier versions do not tell; no lease of theirs outlives the window.
pub(super) fn until(exp: Option<u64>, now: u64) -> u64 {
    exp.map_or(now + WINDOW / 1_000_000, |exp| exp.saturating_add(KEEP_S))
}

/// The members of a body; a line that a stranger wrote may be anything, then it states no fact.
pub(super) fn read<T: for<'a> Deserialize<'a>>(body: &[u8]) -> Option<T> {
    // The opening brace is part of the fixed beginning; the parser needs one.
    let whole = [b"{", body].concat();
    // As a text, so that it is looked through for what is none at once, and not string by string.
    serde_json::from_str(std::str::from_utf8(&whole).ok()?).ok()
}

#[cfg(test)]
mod tests;
