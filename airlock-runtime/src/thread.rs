//! Starting threads of a process that will be confined.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::{Builder, JoinHandle};

/// Threads of this process do not end before it does.
static STAY: AtomicBool = AtomicBool::new(false);

/// From here on no thread ends before the process does: the end of one takes calls of the kernel that a confined process need not have.
#[cfg_attr(not(feature = "gateway"), allow(dead_code, reason = "only a gateway is confined"))]
pub(crate) fn stay() {
    STAY.store(true, Ordering::SeqCst);
}

/// Do they?
pub(crate) fn stays() -> bool {
    STAY.load(Ordering::SeqCst)
}

/// Starts a thread and waits until it does its work. What a thread asks of the kernel when it begins, it has asked by then, so a filter of
/// calls that comes later need not allow it.
///
/// # Errors
/// The system starts no thread.
pub(crate) fn begin(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let (begun, begins) = sync_channel(1);
    let thread = Builder::new().name(name.to_owned()).spawn(move || {
        // Whoever waits for it is there until it comes.
        let _ = begun.send(());
        work();
        while stays() {
            std::thread::park();
        }
    })?;
    begins.recv().map_err(|_| io::Error::other("the thread ended at once"))?;
    Ok(thread)
}
