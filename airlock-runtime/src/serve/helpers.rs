//! Threads for work that would hold up the event loop.

use std::sync::{Arc, RwLock};
use std::time::Duration;

/// Threads for work that would hold up the event loop: as many reports as may be read at once, and as many more for scoring. What comes
/// beyond that waits.
pub(super) const HELPERS: usize = 8;
/// How long their start may take. It takes a millisecond.
const HELPERS_WITHIN: Duration = Duration::from_secs(5);

/// Starts the threads for work that would hold up the event loop, so that none is started later.
pub(super) fn start() -> std::io::Result<()> {
    let gate = Arc::new(RwLock::new(()));
    let closed = gate.write();
    let (begun, begins) = std::sync::mpsc::channel();
    for _ in 0..HELPERS {
        let (gate, begun) = (Arc::clone(&gate), begun.clone());
        // Each is busy until all are there, so each is a thread of its own.
        tokio::task::spawn_blocking(move || {
            let _ = begun.send(());
            drop(gate.read());
        });
    }
    let all = (0..HELPERS).all(|_| begins.recv_timeout(HELPERS_WITHIN).is_ok());
    drop(closed);
    all.then_some(()).ok_or_else(|| std::io::Error::other("the system starts no threads"))
}
