//! A ledger in memory, for calls that nobody made: the conditions, lines and facts of the real one, without files, chain or proof.

#[cfg(feature = "plan-issue")]
use super::entry::Issue;
use super::entry::{Decision, Entry};
use super::facts::{Facts, Require, Unmet};
use super::line;
use airlock_core::clock::Micros;
use airlock_core::policy::Policy;

/// What would stand in the ledger.
#[derive(Debug)]
pub struct Rehearsal {
    facts: Facts,
    newest: Micros,
}

impl Rehearsal {
    /// An empty ledger of the gateway of this policy.
    #[must_use]
    pub fn new(policy: &'static Policy) -> Self {
        Self { facts: Facts::watching(policy), newest: Micros(0) }
    }

    /// Records that a call is allowed, if these conditions hold at this time.
    ///
    /// # Errors
    /// The first condition that does not hold; then nothing is recorded.
    pub fn allow(&mut self, decision: Decision<'_>, require: &[Require], now: Micros) -> Result<(), Unmet> {
        self.facts.check(&[Require::Clock], now, self.newest)?;
        self.facts.check(require, now, self.newest)?;
        self.append(&Entry::Decision(Decision { allow: true, ..decision }), now);
        Ok(())
    }

    /// Records that an allowed call issued this lease: its session has an intent from now on, its subject one more lease.
    #[cfg(feature = "plan-issue")]
    pub fn issued(&mut self, issue: Issue<'_>, now: Micros) {
        self.append(&Entry::Issue(issue), now);
    }

    fn append(&mut self, entry: &Entry<'_>, now: Micros) {
        let mut sealed = entry.seal("", [0; 32]);
        self.newest = self.newest.max(now);
        let members = sealed.mark.as_ref().map(|mark| self.facts.stamp(mark, now, self.newest)).unwrap_or_default();
        super::entry::put_members(&mut sealed.body, &members);
        let text = line::build(0, &[0; 32], self.newest, &sealed.body);
        if let Ok(parts) = line::parse(&text) {
            self.facts.absorb(&parts);
        }
    }
}
