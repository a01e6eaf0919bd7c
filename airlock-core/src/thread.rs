//! Starting threads of a process that will be confined.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Threads of this process do not end before it does.
static STAY: AtomicBool = AtomicBool::new(false);
/// Those that have not come to their work yet.
static COMING: Coming = Coming { count: Mutex::new(0), all: Condvar::new() };
/// How long one may take to come. It takes a tenth of a millisecond.
const COMES_WITHIN: Duration = Duration::from_secs(5);

/// Threads that were started and have not come to their work yet.
struct Coming {
    count: Mutex<usize>,
    /// None is left.
    all: Condvar,
}

impl Coming {
    fn expect(&self) {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    }

    fn come(&self) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        *count -= 1;
        if *count == 0 {
            self.all.notify_all();
        }
    }

    /// Waits until all have come; false where they do not.
    fn wait(&self, within: Duration) -> bool {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.all.wait_timeout_while(count, within, |count| *count > 0);
        let (_count, end) = waited.unwrap_or_else(PoisonError::into_inner);
        !end.timed_out()
    }
}

/// Waits until every thread does its work, and from here on none ends before the process does. What a thread asks of the kernel when it begins it
/// has asked by then, and the end of one takes calls, too: a process that is confined after this need not have those calls.
///
/// # Errors
/// One does not come.
pub fn stay() -> io::Result<()> {
    STAY.store(true, Ordering::SeqCst);
    if COMING.wait(COMES_WITHIN) { Ok(()) } else { Err(io::Error::other("a thread does not come to its work")) }
}

/// Do they?
pub fn stays() -> bool {
    STAY.load(Ordering::SeqCst)
}

/// Starts a thread. It comes to its work while the caller goes on; [`stay`] waits for it.
///
/// # Errors
/// The system starts no thread.
pub fn begin(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    COMING.expect();
    let thread = Builder::new().name(name.to_owned()).spawn(move || {
        COMING.come();
        work();
        while stays() {
            std::thread::park();
        }
    });
    if thread.is_err() {
        COMING.come();
    }
    thread
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_waits_for_the_last_to_come() {
        const SOON: Duration = Duration::from_millis(1);
        let coming = Coming { count: Mutex::new(0), all: Condvar::new() };
        assert!(coming.wait(Duration::ZERO), "nobody is expected");
        coming.expect();
        coming.expect();
        assert!(!coming.wait(SOON));
        coming.come();
        assert!(!coming.wait(SOON), "one is left");
        std::thread::scope(|scope| {
            scope.spawn(|| coming.come());
            assert!(coming.wait(Duration::from_secs(60)));
        });
    }

    #[test]
    fn a_thread_that_does_its_work_is_not_expected_any_more() {
        let (tell, told) = std::sync::mpsc::channel();
        begin("worker", move || tell.send(()).unwrap_or_default()).unwrap();
        assert_eq!(told.recv(), Ok(()));
        // Other tests have threads of theirs, which come as well.
        assert!(COMING.wait(Duration::from_secs(60)));
    }
}
