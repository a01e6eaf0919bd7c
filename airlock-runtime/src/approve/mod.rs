//! Asking the connected user about one exact call.
//!
//! The judge may find that a call needs a person's yes. Then the user at the client is asked, in the way of the connection's revision (see
//! `wire::ask`): the text of [`text`] shows what would be done. Whatever comes back counts only for the same tool, arguments, lease,
//! session and policy, only in time, and only once: the question stands in the ledger before anybody sees it, and an answer is recorded
//! under the ledger's lock against it ([`record`]). An accepted question gives an [`Approved`], with which the judge, asked anew at that
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

/// The user's yes to one exact call. Only the recording of an accepted question makes one; it has no `Clone` and is spent by one permit.
#[derive(Debug)]
#[must_use = "an approval that is dropped was asked for nothing"]
pub struct Approved {
    accepted: Accepted,
    request: [u8; 32],
}

impl Approved {
    /// Is this the yes to the call of this request digest?
    #[must_use]
    pub fn covers(&self, request: &[u8; 32]) -> bool {
        self.request == *request
    }

    /// Id of the question.
    #[must_use]
    pub fn question(&self) -> &str {
        self.accepted.question()
    }
}
