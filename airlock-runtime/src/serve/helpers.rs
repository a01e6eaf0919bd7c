//! Threads for work that would hold up the event loop.

use crate::decide::{Call, assess};
use crate::limits::RISK_MAX;
use crate::policy::Policy;
use crate::risk::Risk;
use std::sync::{Arc, RwLock};
use std::time::Duration;

/// Threads for work that would hold up the event loop: as many reports as may be read at once, and as many more for scoring. What comes
/// beyond that waits.
pub(super) const HELPERS: usize = 8;
/// Largest arguments scored on the judge's own thread, in bytes: about a millisecond of work.
const SCORE_HERE_MAX: usize = 16 * 1024;
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
