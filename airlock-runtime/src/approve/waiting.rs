//! Who waits for the answer to which question, where questions are requests.

use std::cell::RefCell;
use std::collections::HashMap;
use tokio::sync::oneshot::{Receiver, Sender, channel};

/// The calls that wait, by number of their question. How many there may be is the connection's to say, which numbers them.
#[derive(Debug)]
pub(crate) struct Waiting<T> {
    /// `None` when no answer can come any more.
    open: RefCell<Option<HashMap<u64, Sender<T>>>>,
}

impl<T> Waiting<T> {
    /// Nobody waits yet.
    pub(crate) fn new() -> Self {
        Self { open: RefCell::new(Some(HashMap::new())) }
    }

    /// Waits for the answer to question `number`. The receiver ends without one when the client has gone, at once if it is gone already.
    pub(crate) fn wait(&self, number: u64) -> Receiver<T> {
        let (send, receive) = channel();
        if let Some(open) = self.open.borrow_mut().as_mut() {
            // A call that stopped waiting has dropped its receiver; what it left here goes now.
            open.retain(|_, waits| !waits.is_closed());
            open.insert(number, send);
        }
        receive
    }

    /// Hands over an answer. One that nobody waits for is dropped.
    pub(crate) fn answer(&self, number: u64, answer: T) {
        if let Some(waits) = self.open.borrow_mut().as_mut().and_then(|open| open.remove(&number)) {
            let _ = waits.send(answer);
        }
    }

    /// The client has gone: no answer will come, to those that wait and to those that would.
    pub(crate) fn close(&self) {
        self.open.borrow_mut().take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Answer;

    #[tokio::test]
    async fn an_answer_reaches_its_question_and_no_other() {
        let waiting = Waiting::new();
        let (one, two) = (waiting.wait(1), waiting.wait(2));
        waiting.answer(3, Answer::Accepted);
        waiting.answer(2, Answer::Declined);
        waiting.answer(2, Answer::Accepted);
        assert_eq!(two.await, Ok(Answer::Declined));
        waiting.answer(1, Answer::Accepted);
        assert_eq!(one.await, Ok(Answer::Accepted));
    }

    #[tokio::test]
    async fn nobody_waits_for_a_client_that_is_gone() {
        let waiting = Waiting::<Answer>::new();
        let before = waiting.wait(1);
        waiting.close();
        assert!(before.await.is_err());
        assert!(waiting.wait(2).await.is_err());
    }

    #[test]
    fn calls_that_gave_up_leave_nothing_behind() {
        let waiting = Waiting::<Answer>::new();
        for number in 0..1000 {
            drop(waiting.wait(number));
        }
        assert_eq!(waiting.open.borrow().as_ref().map(HashMap::len), Some(1));
    }
}
