//! What goes past the writer's thread, and what does not. There is no such thread here.

use super::*;
use crate::tests::{ORIGIN, allow, checked_lines};
use crate::ticket::{self, Ticket};
use crate::{Require, Unmet, place};
use airlock_core::policy::Durability;
use std::fs::File;
use std::future::Future;
use std::path::Path;

fn shared(dir: &Path) -> Shared {
    let terms = place::Terms::unwatched(ORIGIN, "abababababababab", Durability::Process);
    Shared::new(place::open(dir, terms).unwrap().0)
}

fn pending() -> Pending {
    Pending { sealed: Some(allow("c").seal("abababababababab", [0; 32])), require: Vec::new() }
}

/// Appends an entry that follows none closely.
fn append(shared: &Shared) -> Option<(Result<u64, LedgerError>, bool)> {
    shared.burst_until.store(0, Ordering::Relaxed);
    shared.append_here(&pending())
}

#[test]
fn an_idle_ledger_is_appended_to_by_the_caller() {
    let dir = tempfile::tempdir().unwrap();
    let shared = shared(dir.path());
    assert_eq!(append(&shared), Some((Ok(1), true)), "the writer is told of the first");
    assert_eq!(append(&shared), Some((Ok(2), false)), "and not of those that follow");
    let refused = Pending { require: vec![Require::Unspent { rid: "00ff".into(), uses: 0 }], ..pending() };
    shared.burst_until.store(0, Ordering::Relaxed);
    let answer = shared.append_here(&refused);
    assert!(matches!(answer, Some((Err(LedgerError::Unmet(Unmet::Spent(_))), false))), "{answer:?}");
    assert_eq!(checked_lines(dir.path()).len(), 3);
    assert!(shared.newest() > Micros(0));
}

#[test]
fn nothing_is_overtaken_or_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let shared = shared(dir.path());
    assert!(append(&shared).is_some());
    shared.burst_until.store(u64::MAX, Ordering::Relaxed);
    assert_eq!(shared.append_here(&pending()), None, "a burst is the writer's");
    shared.begin();
    assert_eq!(append(&shared), None, "the writer has something to do");
    shared.end(1);
    let store = shared.store().unwrap();
    assert_eq!(append(&shared), None, "somebody has the store");
    drop(store);
    // Another process.
    let other = File::open(dir.path().join("head")).unwrap();
    rustix::fs::flock(&other, rustix::fs::FlockOperation::LockExclusive).unwrap();
    assert_eq!(append(&shared), None, "another process has the lock");
    rustix::fs::flock(&other, rustix::fs::FlockOperation::Unlock).unwrap();
    assert_eq!(append(&shared), Some((Ok(2), false)));
    shared.fail(LedgerError::Stopped);
    assert_eq!(append(&shared), None, "it has failed");
    assert_eq!(checked_lines(dir.path()).len(), 3);
}

#[test]
fn no_entry_goes_past_a_checkpoint_that_is_due() {
    let dir = tempfile::tempdir().unwrap();
    let shared = shared(dir.path());
    // With line 0 that is one entry less.
    assert!((1..CHECKPOINT_EVERY).all(|_| append(&shared).is_some()));
    assert_eq!(append(&shared), None);
    shared.signed.store(CHECKPOINT_EVERY, Ordering::SeqCst);
    assert!(append(&shared).is_some());
}

/// Ending a segment or an epoch, and taking up what somebody left, waits for the disk: not on the thread of a caller.
#[test]
fn work_on_the_disk_is_the_writers() {
    let dir = tempfile::tempdir().unwrap();
    let shared = shared(dir.path());
    assert!(append(&shared).is_some());
    let length = || std::fs::metadata(dir.path().join("seg-00000000000000000000.jsonl")).unwrap().len();
    let before = length();
    let refused = |change: fn(&mut Store), what: &str| {
        let store = &mut *shared.store().unwrap();
        let (age, most) = (store.epoch_age, store.segment_max);
        change(store);
        let (_held, now) = ((), Micros::now());
        assert!(store.append_now(&pending(), || now).is_none(), "{what}");
        (store.epoch_age, store.segment_max) = (age, most);
        assert_eq!(length(), before, "{what}: nothing was written");
    };
    refused(|store| store.epoch_age = 0, "an epoch that is over");
    refused(|store| store.segment_max = 1, "a segment that is full");
    refused(|store| store.cursor.began = Micros(0), "a segment that is old");
    shared.store().unwrap().cursor.began = Micros::now();
    std::io::Write::write_all(
        &mut File::options().append(true).open(dir.path().join("seg-00000000000000000000.jsonl")).unwrap(),
        b"half",
    )
    .unwrap();
    assert_eq!(append(&shared), None, "a tail of a writer that died");
    assert!(!dir.path().join("torn").read_dir().unwrap().any(|_| true), "nor is it cut off here");
    // What others wrote is read, as long as that is all.
    let file = File::options().write(true).open(dir.path().join("seg-00000000000000000000.jsonl")).unwrap();
    file.set_len(before).unwrap();
    let terms = place::Terms::unwatched(ORIGIN, "abababababababab", Durability::Process);
    let _ = place::open(dir.path(), terms).unwrap().0.append(&[pending()], Micros::now).unwrap();
    assert_eq!(append(&shared), Some((Ok(3), false)));
}

/// Once the writer has begun to end, no entry goes past it, however narrowly: behind its last checkpoint nothing is signed any more. Here it begins
/// at the last moment before the store is taken.
#[test]
fn nothing_goes_past_a_writer_that_has_begun_to_end() {
    let dir = tempfile::tempdir().unwrap();
    let shared = shared(dir.path());
    assert!(append(&shared).is_some());
    shared.begins_meanwhile.store(true, Ordering::SeqCst);
    assert_eq!(append(&shared), None);
    assert_eq!((checked_lines(dir.path()).len(), shared.open.load(Ordering::SeqCst)), (2, 1));
}

/// Counts how often it is woken, and how often of these the last ticket of its batch had no answer.
struct Sleeper {
    last: std::sync::Arc<Mutex<Option<Ticket>>>,
    woken: AtomicUsize,
    early: AtomicUsize,
}

impl std::task::Wake for Sleeper {
    fn wake(self: std::sync::Arc<Self>) {
        let is_early = self.last.lock().is_ok_and(|last| last.as_ref().is_some_and(|last| !last.is_answered()));
        self.woken.fetch_add(1, Ordering::SeqCst);
        self.early.fetch_add(usize::from(is_early), Ordering::SeqCst);
    }
}

#[test]
fn nobody_is_woken_before_the_whole_batch_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let shared = shared(dir.path());
    for sync in [Sync::Written, Sync::Durable] {
        let last = std::sync::Arc::new(Mutex::new(None));
        let sleeper = std::sync::Arc::new(Sleeper {
            last: std::sync::Arc::clone(&last),
            woken: AtomicUsize::new(0),
            early: AtomicUsize::new(0),
        });
        let waker = std::task::Waker::from(std::sync::Arc::clone(&sleeper));
        let (mut tickets, mut callers): (Vec<_>, Vec<_>) =
            (0..5).map(|_| ticket::ticket()).map(|(ticket, reply)| (ticket, (sync, reply))).unzip();
        for ticket in &mut tickets {
            let polled = std::pin::Pin::new(ticket).poll(&mut std::task::Context::from_waker(&waker));
            assert!(polled.is_pending());
        }
        *last.lock().unwrap() = tickets.pop();
        let mut writer = Writer::new(&shared, false);
        writer.commit(&[(); 5].map(|()| pending()), &mut callers);
        let (woken, early) = (sleeper.woken.load(Ordering::SeqCst), sleeper.early.load(Ordering::SeqCst));
        assert_eq!((woken, early, callers.len()), (5, 0, 0));
        assert!(tickets.iter().all(Ticket::is_answered));
    }
}
