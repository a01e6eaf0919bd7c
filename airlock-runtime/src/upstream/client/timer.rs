//! How long calls wait for their answers.
//!
//! A timer that ends before all others makes the event loop wake itself, by a write and one more event. The timer of each call would be such a one, where
//! calls come one by one. So a timer that is not needed any more runs on, and a later call takes it: what ends too early for that call is set anew.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};
use tokio::time::{Instant, Sleep, sleep_until};

/// Most timers that run without need. Each wakes the event loop once, where no call takes it.
const KEPT_MAX: usize = 4;

/// Timers that run and for which nobody waits.
#[derive(Debug, Default)]
pub(super) struct Timers(RefCell<Vec<Pin<Box<Sleep>>>>);

/// A timer of one call.
#[derive(Debug)]
pub(super) struct Timer<'a> {
    of: &'a Timers,
    /// Made when it is first needed.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timers {
    /// One that runs already, if there is any.
    pub(super) fn take(&self) -> Timer<'_> {
        Timer { of: self, sleep: self.0.borrow_mut().pop() }
    }
}

impl Timer<'_> {
    /// Waits until it is that time, within an event loop.
    pub(super) async fn until(&mut self, end: Instant) {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(end)));
        loop {
            if sleep.is_elapsed() || sleep.deadline() > end {
                sleep.as_mut().reset(end);
            }
            sleep.as_mut().await;
            if Instant::now() >= end {
                return;
            }
        }
    }
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        let Some(mut sleep) = self.sleep.take() else { return };
        let mut kept = self.of.0.borrow_mut();
        if kept.len() < KEPT_MAX && !sleep.is_elapsed() {
            // It wakes nobody, and holds nothing of the call that it was for.
            let _ = sleep.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            kept.push(sleep);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    const SHORT: Duration = Duration::from_millis(40);
    const LONG: Duration = Duration::from_millis(400);

    /// Waits for so long with a timer of these, and says how long it was.
    async fn waited(timers: &Timers, time: Duration) -> Duration {
        let begun = Instant::now();
        timers.take().until(begun + time).await;
        begun.elapsed()
    }

    #[tokio::test]
    async fn a_timer_that_was_left_ends_neither_too_early_nor_too_late() {
        let timers = Timers::default();
        for (left, needed) in [(SHORT, LONG), (LONG, SHORT)] {
            assert!(timeout(Duration::from_millis(1), waited(&timers, left)).await.is_err(), "nobody waits to its end");
            assert_eq!(timers.0.borrow().len(), 1, "it runs on");
            let waited = waited(&timers, needed).await;
            assert!(waited >= needed && waited < needed + LONG / 2, "{waited:?} of {needed:?}");
            assert!(timers.0.borrow().is_empty(), "one that has ended is of no use");
        }
    }

    #[tokio::test]
    async fn a_timer_serves_many_calls_and_few_are_kept() {
        let timers = Timers::default();
        assert!(timeout(Duration::from_millis(1), waited(&timers, LONG)).await.is_err());
        let end = timers.0.borrow()[0].deadline();
        for _ in 0..3 {
            assert!(timeout(Duration::from_millis(1), waited(&timers, 2 * LONG)).await.is_err());
            assert_eq!(timers.0.borrow()[0].deadline(), end, "it is not set anew for a call that ends later");
        }
        // Ended while nobody had it.
        tokio::time::sleep(LONG).await;
        assert!(waited(&timers, SHORT).await >= SHORT);
        let mut many: Vec<Timer<'_>> = (0..3 * KEPT_MAX).map(|_| timers.take()).collect();
        for timer in &mut many {
            assert!(timeout(Duration::from_millis(1), timer.until(Instant::now() + LONG)).await.is_err());
        }
        drop(many);
        assert_eq!(timers.0.borrow().len(), KEPT_MAX);
    }
}
