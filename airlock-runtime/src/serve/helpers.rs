//! Threads for work that would hold up the event loop.

use crate::call::Call;
use crate::decide::assess;
use crate::effect::REPORTS_MAX;
use crate::limits::RISK_MAX;
use crate::policy::Policy;
use crate::risk::Risk;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};

/// Threads for work that would hold up the event loop: as many reports as may be read at once, and as many more for scoring. What comes
/// beyond that waits. Each start pays for each of them, and each keeps memory of its own for what it read last.
const HELPERS: usize = 2 * REPORTS_MAX;
/// Largest arguments scored on the judge's own thread, in bytes: about a millisecond of work.
const SCORE_HERE_MAX: usize = 16 * 1024;
/// How long their start may take. It takes a millisecond.
const HELPERS_WITHIN: Duration = Duration::from_secs(5);

/// No gateway serves that long, so a thread that waits for work does not end, and none is started in its place.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// The event loop, on the caller's thread, with room for the helpers and no thread more.
///
/// # Errors
/// The system gives no event queue.
pub(super) fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().max_blocking_threads(HELPERS).thread_keep_alive(FOR_EVER).build()
}

/// Threads that have been asked to come.
#[must_use = "they are there once they were waited for"]
pub(super) struct Coming(Arc<Meeting>);

/// Where the threads wait for each other.
#[derive(Default)]
struct Meeting {
    come: Mutex<usize>,
    all: Condvar,
}

/// Begins to start the threads for work that would hold up the event loop, so that none is started later.
pub(super) fn start(runtime: &Handle) -> Coming {
    let meeting = Arc::new(Meeting::default());
    for _ in 0..HELPERS {
        let meeting = Arc::clone(&meeting);
        // Each is busy until all are there, so each is a thread of its own.
        runtime.spawn_blocking(move || meeting.join());
    }
    Coming(meeting)
}

impl Meeting {
    /// Waits for the others. The last one to come wakes all, and whoever starts them, at once.
    fn join(&self) {
        let mut come = self.come.lock().unwrap_or_else(PoisonError::into_inner);
        *come += 1;
        if *come == HELPERS {
            return self.all.notify_all();
        }
        drop(self.all.wait_while(come, |come| *come < HELPERS).unwrap_or_else(PoisonError::into_inner));
    }
}

impl Coming {
    /// Waits until all are there.
    ///
    /// # Errors
    /// The system starts no threads.
    pub(super) fn wait(self) -> io::Result<()> {
        self.wait_within(HELPERS_WITHIN)
    }

    fn wait_within(self, time: Duration) -> io::Result<()> {
        let come = self.0.come.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.all.wait_timeout_while(come, time, |come| *come < HELPERS);
        let (_come, end) = waited.unwrap_or_else(PoisonError::into_inner);
        if end.timed_out() { Err(io::Error::other("the system starts no threads")) } else { Ok(()) }
    }
}

/// Scores a call. Large arguments take up to a second, so they are scored on another thread while this one serves other calls. What is
/// refused for its size is not scored.
pub(super) async fn weigh(policy: &'static Policy, call: &Arc<Call>) -> Risk {
    if call.is_oversized(policy) {
        return Risk { score: RISK_MAX, factors: Vec::new(), ignored: Vec::new() };
    }
    if call.args_bytes.len() <= SCORE_HERE_MAX {
        return assess(call);
    }
    let theirs = Arc::clone(call);
    let scored = tokio::task::spawn_blocking(move || assess(&theirs)).await;
    // Only a gateway that is ending loses its threads; what was not scored is not allowed.
    scored.unwrap_or(Risk { score: RISK_MAX, factors: Vec::new(), ignored: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    fn runtime(threads: usize) -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().max_blocking_threads(threads).build().unwrap()
    }

    #[test]
    fn all_helpers_are_there_and_free_after_the_wait() {
        let runtime = runtime(HELPERS);
        assert!(start(runtime.handle()).wait().is_ok());
        let meet = Arc::new(Barrier::new(HELPERS));
        let work = || {
            let meet = Arc::clone(&meet);
            runtime.spawn_blocking(move || meet.wait())
        };
        let all: Vec<_> = (0..HELPERS).map(|_| work()).collect();
        runtime.block_on(async {
            for one in all {
                one.await.unwrap();
            }
        });
    }

    #[test]
    fn nobody_goes_on_before_the_last_one_is_there() {
        let runtime = runtime(HELPERS - 1);
        let coming = start(runtime.handle());
        assert!(coming.wait_within(Duration::from_millis(50)).is_err(), "there is one thread too few");
        // Those that came wait for ever.
        runtime.shutdown_background();
    }
}
