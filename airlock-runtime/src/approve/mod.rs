//! Getting a person's yes to one exact call: from the connected user, or by signature from people elsewhere.
//!
//! The judge may find that a call needs a person's yes. Then the user at the client is asked, in the way of the connection's revision (see
//! `wire::ask`): the text of `text` shows what would be done. Whatever comes back counts only for the same tool, arguments, lease,
//! session and policy, only in time, and only once: the question stands in the ledger before anybody sees it, and an answer is recorded
//! under the ledger's lock against it (`record`). An accepted question gives an [`Approved`], with which the judge, asked anew at that
//! moment, turns its question into a permit.
//!
//! The client is trusted to bring the user's answer and not its own: nothing here proves who said yes, only to what and when. A signature
//! proves who: approvers sign a `note` about the call with a key that is compiled in (`signed`), and neither the client nor the key of
//! the gateway can make one. Its request stands in the ledger as a question does, so it counts once and in time.

pub mod note;
pub(crate) mod printable;
#[cfg(feature = "gateway")]
pub(crate) mod record;
mod refusal;
pub mod request;
#[cfg(feature = "gateway")]
pub(crate) mod seal;
#[cfg(feature = "gateway")]
pub(crate) mod signed;
pub(crate) mod text;
#[cfg(feature = "gateway")]
pub(crate) mod waiting;

pub use refusal::{Refusal, SignedFault, StateFault};

use crate::ledger::Accepted;

/// Signatures that a call needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quorum {
    /// How many different approvers.
    pub count: usize,
    /// Names of those who may.
    pub of: Vec<&'static str>,
    /// Time from the request to the approved call, seconds.
    pub within: u64,
}

impl Quorum {
    /// Are these approvers enough? Each counts once, however often it stands there.
    #[must_use]
    pub fn is_met_by(&self, names: &[&str]) -> bool {
        self.of.iter().filter(|name| names.contains(name)).count() >= self.count
    }

    /// In words: `2 of alice, bob, carol`.
    #[must_use]
    pub fn words(&self) -> String {
        format!("{} of {}", self.count, self.of.join(", "))
    }
}

/// A set of flows of the policy, by their place in it. A place from 64 on is in no set: a policy has at most 64 flows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flows(u64);

impl Flows {
    /// These flows.
    #[cfg(feature = "gateway")]
    pub(crate) fn of(flows: &[usize]) -> Self {
        Self(flows.iter().fold(0, |set, flow| set | bit(*flow)))
    }

    /// Is this flow one of them?
    pub(crate) const fn has(self, flow: usize) -> bool {
        self.0 & bit(flow) != 0
    }

    /// None at all?
    #[cfg(feature = "gateway")]
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// These and those.
    #[cfg(feature = "gateway")]
    pub(crate) const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
}

const fn bit(flow: usize) -> u64 {
    if flow < 64 { 1 << flow } else { 0 }
}

/// The yes to one exact call: of the connected user, of those who signed, or of both. Only the recording of an accepted question makes
/// one; it has no `Clone` and is spent by one permit.
#[derive(Debug)]
#[must_use = "an approval that is dropped was asked for nothing"]
pub struct Approved {
    user: Option<Accepted>,
    signed: Option<SignedBy>,
    request: [u8; 32],
    /// What the user was told, but for the flows.
    #[cfg(feature = "gateway")]
    because: Vec<String>,
    flows: Flows,
}

/// Who signed, once it is recorded.
#[derive(Debug)]
struct SignedBy {
    accepted: Accepted,
    names: Vec<&'static str>,
}

impl Approved {
    /// Is this the yes to the call of this request digest, by everybody who has to say it?
    #[must_use]
    pub fn covers(&self, request: &[u8; 32], asks_user: bool, quorums: &[Quorum]) -> bool {
        let names = self.signed.as_ref().map_or(&[][..], |signed| &signed.names);
        self.request == *request && (!asks_user || self.user.is_some()) && quorums.iter().all(|quorum| quorum.is_met_by(names))
    }

    /// Was the user asked about this flow of the policy?
    #[must_use]
    pub const fn settles(&self, flow: usize) -> bool {
        self.flows.has(flow)
    }

    /// Have approvers signed it?
    #[cfg(feature = "gateway")]
    pub(crate) const fn is_signed(&self) -> bool {
        self.signed.is_some()
    }

    /// What the next question about the same call has to say too, if there is one.
    #[cfg(feature = "gateway")]
    pub(crate) fn told(&self) -> (Vec<String>, Flows) {
        (self.because.clone(), self.flows)
    }

    /// What was signed before, with what the user says now.
    #[cfg(feature = "gateway")]
    pub(crate) fn joined(before: Option<Self>, user: Option<Self>) -> Option<Self> {
        match (before, user) {
            (Some(before), Some(user)) => Some(Self { signed: before.signed, ..user }),
            (before, user) => user.or(before),
        }
    }

    /// Id of the question: the one that was signed, or else the user's.
    #[must_use]
    pub fn question(&self) -> &str {
        let signed = self.signed.as_ref().map(|signed| &signed.accepted);
        signed.or(self.user.as_ref()).map_or("", Accepted::question)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_approver_counts_once_and_strangers_not_at_all() {
        let quorum = Quorum { count: 2, of: vec!["alice", "bob", "carol"], within: 60 };
        for (names, met) in [
            (&["alice", "carol"][..], true),
            (&["alice", "bob", "carol"], true),
            (&["alice", "alice"], false),
            (&["alice", "mallory"], false),
            (&[], false),
        ] {
            assert_eq!(quorum.is_met_by(names), met, "{names:?}");
        }
        assert!(!Quorum { count: usize::MAX, ..quorum }.is_met_by(&["alice", "bob", "carol"]));
    }
}
