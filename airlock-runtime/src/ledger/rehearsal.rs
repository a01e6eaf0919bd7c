//! A ledger in memory, for calls that nobody made: `airlock explain` and `airlock test` ask it what a ledger would have answered.
//!
//! It reads the same lines with the same facts as a ledger on disk, so budgets, quotas, flows and pinned intents are judged as a gateway
//! judges them. Nothing is written, and it gives no [`super::Allowed`]: no effect can come of it. No gateway has it.

use super::entry::{Decision, Entry, Issue, Sealed};
use super::facts::{Facts, Require, Unmet};
use super::line;
use crate::clock::Micros;
use crate::policy::Policy;

/// What stands in for the policy digest in its lines; nobody reads it.
const POL: &str = "rehearsal";

/// A ledger that exists as long as this value.
#[derive(Debug)]
pub struct Rehearsal {
    facts: Facts,
    newest: Micros,
    len: u64,
}

impl Rehearsal {
    /// An empty ledger of a gateway with this policy.
    #[must_use]
    pub fn new(policy: &'static Policy) -> Self {
        Self { facts: Facts::watching(policy), newest: Micros(0), len: 0 }
    }

    /// Time of the newest entry.
    #[must_use]
    pub const fn newest(&self) -> Micros {
        self.newest
    }

    /// Tests what an allow demands, and records nothing.
    ///
    /// # Errors
    /// The first condition that does not hold.
    pub fn check(&mut self, require: &[Require], now: Micros) -> Result<(), Unmet> {
        let require: Vec<Require> = std::iter::once(Require::Clock).chain(require.iter().cloned()).collect();
        self.facts.check(&require, now, self.newest)
    }

    /// Records an allow, if what it demands holds.
    ///
    /// # Errors
    /// The first condition that does not hold.
    pub fn allow(&mut self, decision: Decision<'_>, require: &[Require], now: Micros) -> Result<(), Unmet> {
        self.check(require, now)?;
        self.append(&Entry::Decision(Decision { allow: true, ..decision }), now);
        Ok(())
    }

    /// Records that a lease was issued.
    pub fn issue(&mut self, issue: Issue<'_>, now: Micros) {
        self.append(&Entry::Issue(issue), now);
    }

    fn append(&mut self, entry: &Entry<'_>, now: Micros) {
        let now = now.max(self.newest);
        let sealed = entry.seal(POL, [0; 32]);
        let body = self.stamped(&sealed, now);
        // Lines are made here and are of the right form; one that is not states nothing.
        if let Ok(line) = line::parse(&line::build(self.len, &[0; 32], now, &body)) {
            self.facts.absorb(&line);
        }
        (self.newest, self.len) = (now, self.len + 1);
    }

    /// The body of an entry; of an allow, with what its session has come to.
    fn stamped(&self, sealed: &Sealed, now: Micros) -> Vec<u8> {
        let members = sealed.mark.as_ref().map(|mark| self.facts.stamp(mark, now, self.newest)).unwrap_or_default();
        match sealed.body.split_last() {
            Some((end, before)) => [before, &members, &[*end]].concat(),
            None => Vec::new(),
        }
    }
}
