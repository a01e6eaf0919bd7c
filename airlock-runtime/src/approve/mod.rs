//! Asking the connected user about one exact call.
//!
//! The judge may find that a call needs a person's yes. Then the user at the client is asked, in the way of the connection's revision (see
//! `wire::ask`): the text of `text` shows what would be done. Whatever comes back counts only for the same tool, arguments, lease,
//! session and policy, only in time, and only once: the question stands in the ledger before anybody sees it, and an answer is recorded
//! under the ledger's lock against it (`record`). An accepted question gives an [`Approved`], with which the judge, asked anew at that
//! moment, turns its question into a permit.
//!
//! The client is trusted to bring the user's answer and not its own: nothing here proves who said yes, only to what and when.

#[cfg(feature = "gateway")]
mod printable;
#[cfg(feature = "gateway")]
pub(crate) mod record;
mod refusal;
#[cfg(feature = "gateway")]
pub(crate) mod seal;
#[cfg(feature = "gateway")]
pub(crate) mod text;
#[cfg(feature = "gateway")]
pub(crate) mod waiting;

pub use refusal::{Refusal, StateFault};

use crate::ledger::Accepted;

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

    /// These and those.
    #[cfg(feature = "gateway")]
    pub(crate) const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
}

const fn bit(flow: usize) -> u64 {
    if flow < 64 { 1 << flow } else { 0 }
}

/// The user's yes to one exact call. Only the recording of an accepted question makes one; it has no `Clone` and is spent by one permit.
#[derive(Debug)]
#[must_use = "an approval that is dropped was asked for nothing"]
pub struct Approved {
    accepted: Accepted,
    request: [u8; 32],
    /// What the user was told, but for the flows.
    #[cfg(feature = "gateway")]
    because: Vec<String>,
    flows: Flows,
}

impl Approved {
    /// Is this the yes to the call of this request digest?
    #[must_use]
    pub fn covers(&self, request: &[u8; 32]) -> bool {
        self.request == *request
    }

    /// Was the user asked about this flow of the policy?
    #[must_use]
    pub const fn settles(&self, flow: usize) -> bool {
        self.flows.has(flow)
    }

    /// What the next question about the same call has to say too, if there is one.
    #[cfg(feature = "gateway")]
    pub(crate) fn into_told(self) -> (Vec<String>, Flows) {
        (self.because, self.flows)
    }

    /// Id of the question.
    #[must_use]
    pub fn question(&self) -> &str {
        self.accepted.question()
    }
}
