//! The answer to one `record`: a future for the gateway's loop, or a blocking wait for everything else.
//!
//! Written with the standard library alone, so that the ledger needs no async runtime.

use super::LedgerError;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// An entry stands in the ledger, as durably as the call asked. It allows nothing: what an effect takes is [`super::Allowed`].
#[derive(Debug)]
#[must_use = "the number tells where the entry stands"]
pub struct Recorded {
    seq: u64,
}

impl Recorded {
    /// Number of the entry.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }
}

/// A pending record. Await it, or call [`Ticket::wait`].
#[derive(Debug)]
#[must_use = "nothing is known to be recorded before the ticket is answered"]
pub struct Ticket {
    slot: Arc<Slot>,
}

/// The writer's side of a ticket.
#[derive(Debug)]
pub(super) struct Reply {
    /// Until it has answered.
    slot: Option<Arc<Slot>>,
}

/// Who waits for a ticket that is answered. Dropping this wakes him, also where a writer panics before it comes to that.
#[derive(Debug)]
#[must_use = "it is kept until the others are answered"]
pub(super) struct Wake {
    sleeps: Option<Arc<Slot>>,
    waker: Option<Waker>,
}

#[derive(Debug, Default)]
struct Slot {
    state: Mutex<State>,
    filled: Condvar,
}

#[derive(Debug, Default)]
struct State {
    answer: Option<Result<u64, LedgerError>>,
    waker: Option<Waker>,
    /// Somebody sleeps until there is an answer.
    sleeps: bool,
}

/// A ticket and the value that answers it.
pub(super) fn ticket() -> (Ticket, Reply) {
    let slot = Arc::new(Slot::default());
    (Ticket { slot: Arc::clone(&slot) }, Reply { slot: Some(slot) })
}

impl Ticket {
    /// Blocks until the entry is recorded.
    ///
    /// # Errors
    /// Any [`LedgerError`]; nothing may be performed then.
    pub fn wait(self) -> Result<Recorded, LedgerError> {
        let mut state = self.slot.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.sleeps = true;
        let mut state = self.slot.filled.wait_while(state, |s| s.answer.is_none()).unwrap_or_else(PoisonError::into_inner);
        state.answer.take().unwrap_or(Err(LedgerError::Stopped)).map(|seq| Recorded { seq })
    }

    /// Is there an answer?
    #[cfg(test)]
    pub(super) fn is_answered(&self) -> bool {
        self.slot.state.lock().unwrap_or_else(PoisonError::into_inner).answer.is_some()
    }

    /// As [`Ticket::wait`], for `time` at most; `None` when there is no answer by then.
    pub(super) fn wait_within(self, time: Duration) -> Option<Result<Recorded, LedgerError>> {
        let mut state = self.slot.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.sleeps = true;
        let waited = self.slot.filled.wait_timeout_while(state, time, |s| s.answer.is_none());
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        Some(state.answer.take()?.map(|seq| Recorded { seq }))
    }
}

impl Future for Ticket {
    type Output = Result<Recorded, LedgerError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.slot.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = state.answer.take() {
            return Poll::Ready(answer.map(|seq| Recorded { seq }));
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Reply {
    /// Answers the ticket and wakes who waits for it.
    pub(super) fn send(self, answer: Result<u64, LedgerError>) {
        drop(self.fill(answer));
    }

    /// Answers the ticket. Who waits for it is woken later: a writer that woke each caller of a batch at once would have it ask for its next
    /// answer, and sleep anew, before that is there.
    pub(super) fn fill(mut self, answer: Result<u64, LedgerError>) -> Option<Wake> {
        self.slot.take().and_then(|slot| Self::answer(slot, answer))
    }

    fn answer(slot: Arc<Slot>, answer: Result<u64, LedgerError>) -> Option<Wake> {
        let mut state = slot.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.answer = Some(answer);
        let (waker, sleeps) = (state.waker.take(), state.sleeps);
        drop(state);
        // To wake nobody is a call of the system too.
        (sleeps || waker.is_some()).then(|| Wake { sleeps: sleeps.then_some(slot), waker })
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        if let Some(slot) = &self.sleeps {
            slot.filled.notify_all();
        }
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// A writer that ends with a question open must not leave its caller waiting for ever.
impl Drop for Reply {
    fn drop(&mut self) {
        drop(self.slot.take().and_then(|slot| Self::answer(slot, Err(LedgerError::Stopped))));
    }
}
