//! What the judge needs to know from the ledger: which intent a session is pinned to, and how often a lease was used.
//!
//! One reader serves entries of this process and of others alike: facts are read from the lines, never kept beside them.

use super::entry::clip;
use super::line::Line;
use crate::clock::Micros;
use serde::Deserialize;
use std::collections::HashMap;
use std::fmt;

/// How far back a start looks, microseconds: a day, far beyond the longest life of a lease. What is older names leases that
/// expired, so it cannot matter to a decision.
pub(super) const WINDOW: u64 = 24 * 3600 * 1_000_000;
/// Most sessions and most leases remembered at once. Beyond it new ones are refused; nothing known is forgotten early.
const FACTS_MAX: usize = 65_536;

/// How the body of an allow begins.
const ALLOW: &[u8] = b"\"t\":\"decision\",\"d\":\"allow\",";
/// How the body of an issue begins.
const ISSUE: &[u8] = b"\"t\":\"issue\",";

/// A condition under which an entry is appended. It is tested under the ledger's lock, so that it holds across processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Require {
    /// Fewer than `uses` allows are recorded for this lease.
    Unspent {
        /// Public id of the lease node.
        rid: String,
        /// Its budget.
        uses: u64,
    },
    /// The session is pinned to this intent, or to none yet.
    Intent {
        /// Session id.
        sid: String,
        /// Intent hash in hexadecimal.
        ih: String,
    },
}

/// A condition that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unmet {
    /// The budget of this lease node is spent.
    Spent(String),
    /// The session is pinned to another intent.
    Intent(String),
    /// The window holds as many sessions or leases as the gateway remembers.
    Full,
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spent(rid) => write!(f, "the budget of lease {rid} is spent"),
            Self::Intent(sid) => write!(f, "session {sid} is pinned to another intent"),
            Self::Full => write!(f, "more than {FACTS_MAX} sessions or leases within a day"),
        }
    }
}

/// Facts from the lines read so far.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pins: HashMap<String, (String, Micros)>,
    spent: HashMap<String, (u64, Micros)>,
}

#[derive(Deserialize)]
struct Allowed {
    rid: Vec<String>,
}

#[derive(Deserialize)]
struct Issued {
    sid: String,
    ih: String,
}

impl Facts {
    /// Takes in one line of the chain.
    pub(super) fn absorb(&mut self, line: &Line<'_>) {
        let now = line.micros().unwrap_or(Micros(0));
        if line.body.starts_with(ALLOW) {
            for rid in read::<Allowed>(line.body).map(|allowed| allowed.rid).unwrap_or_default() {
                let entry = self.spent.entry(rid).or_insert((0, now));
                *entry = (entry.0 + 1, now);
            }
        } else if line.body.starts_with(ISSUE)
            && let Some(issued) = read::<Issued>(line.body)
        {
            self.pins.entry(issued.sid).or_insert((issued.ih, now));
        }
    }

    /// Intent of the first lease issued for a session.
    pub(super) fn pinned_intent(&self, sid: &str) -> Option<&str> {
        self.pins.get(clip(sid).as_str()).map(|(ih, _)| ih.as_str())
    }

    /// How many allows name this lease.
    pub(super) fn spent(&self, rid: &str) -> u64 {
        self.spent.get(clip(rid).as_str()).map_or(0, |(count, _)| *count)
    }

    /// Tests the conditions of one entry. Only an entry that would add a fact is refused for lack of room, never a denial.
    pub(super) fn check(&mut self, requirements: &[Require], body: &[u8], now: Micros) -> Result<(), Unmet> {
        for requirement in requirements {
            match requirement {
                Require::Unspent { rid, uses } if self.spent(rid) >= *uses => return Err(Unmet::Spent(rid.clone())),
                Require::Intent { sid, ih } if self.pinned_intent(sid).is_some_and(|pinned| pinned != ih) => {
                    return Err(Unmet::Intent(sid.clone()));
                }
                Require::Unspent { .. } | Require::Intent { .. } => {}
            }
        }
        if states_fact(body) && self.pins.len().max(self.spent.len()) >= FACTS_MAX {
            self.forget(Micros(now.0.saturating_sub(WINDOW)));
            if self.pins.len().max(self.spent.len()) >= FACTS_MAX {
                return Err(Unmet::Full);
            }
        }
        Ok(())
    }

    /// Drops what is older than the window; a restart would not see it either.
    fn forget(&mut self, before: Micros) {
        self.pins.retain(|_, (_, at)| *at >= before);
        self.spent.retain(|_, (_, at)| *at >= before);
    }
}

/// True for an entry that adds a session or a lease.
fn states_fact(body: &[u8]) -> bool {
    body.starts_with(ALLOW) || body.starts_with(ISSUE)
}

/// The members of a body; a line that a stranger wrote may be anything, then it states no fact.
fn read<T: for<'a> Deserialize<'a>>(body: &[u8]) -> Option<T> {
    // The opening brace is part of the fixed beginning; the parser needs one.
    serde_json::from_slice(&[b"{", body].concat()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn absorb(facts: &mut Facts, body: &str) {
        let line = super::super::line::build(0, &[0; 32], Micros(1_795_326_600_000_000), body.as_bytes());
        facts.absorb(&super::super::line::parse(&line).unwrap());
    }

    #[test]
    fn the_first_issue_pins_and_allows_are_counted() {
        let mut facts = Facts::default();
        absorb(&mut facts, r#""t":"issue","sid":"s","ih":"aa"}"#);
        absorb(&mut facts, r#""t":"issue","sid":"s","ih":"bb"}"#);
        absorb(&mut facts, r#""t":"decision","d":"allow","rid":["r","q"]}"#);
        absorb(&mut facts, r#""t":"decision","d":"deny","rid":["r"]}"#);
        assert_eq!(facts.pinned_intent("s"), Some("aa"));
        assert_eq!((facts.spent("r"), facts.spent("q"), facts.spent("other")), (1, 1, 0));
        let now = Micros::now();
        let unspent = |uses| [Require::Unspent { rid: "r".into(), uses }];
        assert_eq!(facts.check(&unspent(2), b"", now), Ok(()));
        assert_eq!(facts.check(&unspent(1), b"", now), Err(Unmet::Spent("r".into())));
        let intent = |ih: &str| [Require::Intent { sid: "s".into(), ih: ih.into() }];
        assert_eq!(facts.check(&intent("aa"), b"", now), Ok(()));
        assert_eq!(facts.check(&intent("bb"), b"", now), Err(Unmet::Intent("s".into())));
    }

    #[test]
    fn lines_that_are_not_ours_state_nothing() {
        let mut facts = Facts::default();
        absorb(&mut facts, r#""t":"decision","d":"allow",}"#);
        absorb(&mut facts, r#""t":"issue","sid":5,"ih":"aa"}"#);
        assert!(facts.pins.is_empty() && facts.spent.is_empty());
    }

    #[test]
    fn a_flood_is_refused_and_ends_with_its_window() {
        let mut facts = Facts::default();
        for n in 0..FACTS_MAX {
            facts.spent.insert(n.to_string(), (1, Micros(1000)));
        }
        assert_eq!(facts.check(&[], ALLOW, Micros(2000)), Err(Unmet::Full));
        assert_eq!(facts.check(&[], b"\"t\":\"decision\",\"d\":\"deny\",", Micros(2000)), Ok(()), "a denial is always recorded");
        assert_eq!(facts.check(&[], ALLOW, Micros(2000 + WINDOW)), Ok(()));
    }
}
