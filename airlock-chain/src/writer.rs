//! The writer thread: takes what is queued, appends it as one batch, syncs once, answers everybody.
//!
//! The next batch forms while the disk syncs the one before, so a busy ledger batches more and an idle one waits for nothing. An entry that
//! waits for no disk is appended on the thread of its caller, where that waits for nobody: [`Shared::append_here`].

use super::roll::Left;
use super::store::{Pending, Store};
use super::ticket::{Reply, Wake};
use super::{LedgerError, fold};
use airlock_core::clock::Micros;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Most entries in one batch: bounds how long the lock of the directory is held.
const BATCH_MAX: usize = 512;
/// Longest time that a written entry waits for the disk when nobody waits for it.
const SYNC_WITHIN: Duration = Duration::from_millis(10);
/// Longest time that an entry stands without a signed checkpoint over it.
const CHECKPOINT_WITHIN: Duration = Duration::from_secs(1);
/// Time until a counted refusal has its line.
const FOLD_WITHIN: Duration = Duration::from_micros(fold::FOLD_WITHIN);
/// Longest time until the writer looks whether the epoch is over. It looks by itself: nobody else signs the last entries of a process that has
/// ended, and none of an entry that went past the writer tells it of the epoch.
const ROLL_LOOK: Duration = Duration::from_secs(60);
/// Shortest, where the clock that counts is a little behind the one that wakes the writer.
const ROLL_AGAIN: Duration = Duration::from_millis(20);
/// Most entries without a signed checkpoint over them.
const CHECKPOINT_EVERY: u64 = 256;
/// Entries that follow each other faster, in microseconds, are a burst, of which the writer makes one batch: less work than a commit for each.
const APART: u64 = 20;

/// How far an entry must have come before its ticket is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// On disk: survives a power cut.
    Durable,
    /// Handed to the kernel: survives the end of the process.
    Written,
}

/// What the thread is asked.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly all are entries, and a box would be an allocation for each")]
pub(super) enum Ask {
    /// Append an entry.
    Record(Pending, Sync, Reply),
    /// Entries came past the thread: sync and sign in time.
    Look,
    /// Sync, sign a checkpoint, end.
    Stop(Reply),
}

/// What the thread and the ledger's owner share.
#[derive(Debug)]
pub(super) struct Shared {
    store: Mutex<Store>,
    failed: OnceLock<LedgerError>,
    /// Time of the newest entry as last seen, microseconds. Beside the store, which is held while the writer waits for the lock.
    newest: AtomicU64,
    /// Revocation epoch as last seen.
    epoch: AtomicU64,
    /// What the writer was given and has not answered, and one more while it does what is due.
    open: AtomicUsize,
    /// An entry came past the writer since it synced or signed last, and it was told so.
    untended: AtomicBool,
    /// Microseconds since `begun` until which an entry belongs to a burst.
    burst_until: AtomicU64,
    begun: Instant,
    /// Entries under the newest checkpoint of this writer.
    signed: AtomicU64,
    /// The writer is given something while an entry is on its way past it.
    #[cfg(test)]
    begins_meanwhile: AtomicBool,
}

impl Shared {
    pub(super) fn new(store: Store) -> Self {
        let newest = AtomicU64::new(store.cursor.newest().0);
        let epoch = AtomicU64::new(store.facts.revoked.epoch());
        Self {
            store: Mutex::new(store),
            failed: OnceLock::new(),
            newest,
            epoch,
            open: AtomicUsize::new(0),
            untended: AtomicBool::new(false),
            burst_until: AtomicU64::new(0),
            begun: Instant::now(),
            signed: AtomicU64::new(0),
            #[cfg(test)]
            begins_meanwhile: AtomicBool::new(false),
        }
    }

    /// The writer has one thing more to do; until [`Shared::end`] nothing goes past it. Gives how many it had before.
    pub(super) fn begin(&self) -> usize {
        self.open.fetch_add(1, Ordering::SeqCst)
    }

    /// So much of it is done.
    pub(super) fn end(&self, count: usize) {
        self.open.fetch_sub(count, Ordering::SeqCst);
    }

    /// Appends an entry that waits for no disk on the thread of its caller, so that no other thread has to wake for it. `None` where that would
    /// overtake what the writer was given, or wait for it or for another process, in a burst, when a checkpoint is due, and where more is to be
    /// done than a write: then it is the writer's. The flag: the writer is to look.
    pub(super) fn append_here(&self, pending: &Pending) -> Option<(Result<u64, LedgerError>, bool)> {
        let clock = || u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        if clock() < self.burst_until.load(Ordering::Relaxed) {
            return None;
        }
        #[cfg(test)]
        if self.begins_meanwhile.swap(false, Ordering::SeqCst) {
            self.begin();
        }
        let mut store = self.store.try_lock().ok()?;
        // Asked with the store in hand: what begins from here on waits for the store, the end of the writer too. A checkpoint that is due comes
        // before more entries.
        if self.open.load(Ordering::SeqCst) > 0 || self.failed().is_some() || self.many(&store) {
            return None;
        }
        let had_counted = !store.folded.is_empty();
        let answer = store.append_now(pending, Micros::now)?.unwrap_or_else(|error| Err(self.fail(error)));
        self.note(&store);
        let counts_first = !had_counted && !store.folded.is_empty();
        drop(store);
        self.burst_until.store(clock().saturating_add(APART), Ordering::Relaxed);
        let was_told = self.untended.swap(true, Ordering::SeqCst);
        Some((answer, counts_first || !was_told))
    }

    /// Keeps what others read without the store.
    fn note(&self, store: &Store) {
        self.newest.fetch_max(store.cursor.newest().0, Ordering::Relaxed);
        self.epoch.fetch_max(store.facts.revoked.epoch(), Ordering::Relaxed);
    }

    /// Do so many entries stand without a signed checkpoint that there has to be one?
    fn many(&self, store: &Store) -> bool {
        store.cursor.range.len() >= self.signed.load(Ordering::SeqCst) + CHECKPOINT_EVERY
    }

    /// Time of the newest entry as last seen; waits for nobody.
    pub(super) fn newest(&self) -> Micros {
        Micros(self.newest.load(Ordering::Relaxed))
    }

    /// The revocation epoch as last seen; waits for nobody.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Does somebody hold the store right now?
    #[cfg(test)]
    pub(super) fn is_held(&self) -> bool {
        self.store.try_lock().is_err()
    }

    /// The store, for a short time. A panic while it was held cannot have acknowledged anything, but it may have left the
    /// position wrong, so it counts as a failure.
    pub(super) fn store(&self) -> Result<MutexGuard<'_, Store>, LedgerError> {
        let guard = self.store.lock().map_err(|_: PoisonError<_>| LedgerError::Stopped)?;
        self.failed().map_or(Ok(guard), Err)
    }

    /// The first failure; from then on every answer is this one.
    pub(super) fn failed(&self) -> Option<LedgerError> {
        self.failed.get().cloned()
    }

    /// Remembers a failure for good, and gives it back.
    pub(super) fn fail(&self, error: LedgerError) -> LedgerError {
        self.failed.get_or_init(|| error).clone()
    }
}

/// The state of the thread.
struct Writer<'a> {
    shared: &'a Shared,
    /// Entries are put on disk even when nobody waits (not with durability `process`).
    syncs_idle: bool,
    sync_due: Option<Instant>,
    checkpoint_due: Option<Instant>,
    /// When counted refusals get their line.
    fold_due: Option<Instant>,
    /// When to look whether the epoch is over; `None`: there is none.
    roll_due: Option<Instant>,
    /// The epoch that had entries when it was looked at, and when that was first so.
    open_since: Option<(u64, Instant)>,
    /// The lists of the last batch, empty, so that their room is used again.
    batch: Vec<Pending>,
    callers: Vec<(Sync, Reply)>,
    woken: Vec<Wake>,
}

/// Serves until told to stop or until the ledger is dropped.
pub(super) fn run(shared: &Shared, asks: &Receiver<Ask>, syncs_idle: bool) {
    let mut writer = Writer::new(shared, syncs_idle);
    loop {
        let due = [writer.sync_due, writer.checkpoint_due, writer.fold_due, writer.roll_due].into_iter().flatten().min();
        let first = match due {
            Some(due) => asks.recv_timeout(due.saturating_duration_since(Instant::now())),
            None => asks.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let more = match first {
            Ok(first) => writer.serve(std::iter::once(first).chain(asks.try_iter()).take(BATCH_MAX)),
            Err(RecvTimeoutError::Timeout) => true,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if !more {
            return;
        }
        // Also while it waits for the disk: a write beside a sync may wait for that, and who appends past this thread waits for nobody.
        shared.begin();
        writer.housekeep();
        shared.end(1);
    }
}

impl<'a> Writer<'a> {
    fn new(shared: &'a Shared, syncs_idle: bool) -> Self {
        let now = Instant::now();
        let roll_look = shared.store().map_or(CHECKPOINT_WITHIN, |store| CHECKPOINT_WITHIN.min(store.epoch_length()));
        Self {
            shared,
            syncs_idle,
            sync_due: None,
            checkpoint_due: Some(now + CHECKPOINT_WITHIN),
            fold_due: None,
            roll_due: Some(now + roll_look),
            open_since: None,
            batch: Vec::new(),
            callers: Vec::new(),
            woken: Vec::new(),
        }
    }

    /// One batch; false when the thread is to end.
    fn serve(&mut self, asks: impl Iterator<Item = Ask>) -> bool {
        let (mut batch, mut callers) = (std::mem::take(&mut self.batch), std::mem::take(&mut self.callers));
        let mut stop = None;
        for ask in asks {
            match ask {
                Ask::Record(pending, sync, reply) => {
                    batch.push(pending);
                    callers.push((sync, reply));
                }
                Ask::Look => self.look(),
                Ask::Stop(reply) => {
                    stop = Some(reply);
                    break;
                }
            }
        }
        if !batch.is_empty() {
            self.commit(&batch, &mut callers);
            self.shared.end(batch.len());
            batch.clear();
        }
        (self.batch, self.callers) = (batch, callers);
        match stop {
            None => true,
            Some(reply) => {
                let ended = self.finish().map(|()| 0);
                reply.send(ended.map_err(|error| self.shared.fail(error)));
                false
            }
        }
    }

    /// Appends a batch and answers its callers, of whom none is left.
    fn commit(&mut self, batch: &[Pending], callers: &mut Vec<(Sync, Reply)>) {
        self.fold_due = None;
        let results = self.shared.store().and_then(|mut store| {
            let results = store.append(batch, Micros::now);
            self.fold_due = (!store.folded.is_empty()).then(|| Instant::now() + FOLD_WITHIN);
            self.shared.note(&store);
            results
        });
        let results = match results.map_err(|error| self.shared.fail(error)) {
            Ok(results) => results,
            Err(error) => return callers.drain(..).for_each(|(_, reply)| reply.send(Err(error.clone()))),
        };
        let mut waiting = Vec::new();
        for ((sync, reply), result) in callers.drain(..).zip(results) {
            match (sync, result) {
                (_, Err(refused)) => self.woken.extend(reply.fill(Err(refused))),
                (Sync::Written, Ok(seq)) => self.woken.extend(reply.fill(Ok(seq))),
                (Sync::Durable, Ok(seq)) => waiting.push((seq, reply)),
            }
        }
        self.wake();
        if waiting.is_empty() {
            if self.syncs_idle {
                self.sync_due.get_or_insert_with(|| Instant::now() + SYNC_WITHIN);
            }
        } else {
            let synced = self.sync();
            for (seq, reply) in waiting {
                self.woken.extend(reply.fill(synced.clone().map(|()| seq)));
            }
            self.wake();
        }
        self.checkpoint_due.get_or_insert_with(|| Instant::now() + CHECKPOINT_WITHIN);
    }

    /// Wakes everybody who was answered.
    fn wake(&mut self) {
        self.woken.clear();
    }

    /// What came past this thread has its time to be synced, signed and, if it was only counted, written.
    fn look(&mut self) {
        let now = Instant::now();
        if self.shared.store().is_ok_and(|store| !store.folded.is_empty()) {
            self.fold_due.get_or_insert(now + FOLD_WITHIN);
        }
        if self.syncs_idle {
            self.sync_due.get_or_insert(now + SYNC_WITHIN);
        }
        self.checkpoint_due.get_or_insert(now + CHECKPOINT_WITHIN);
    }

    /// What is due without anybody waiting for it.
    fn housekeep(&mut self) {
        let now = Instant::now();
        // A failure is remembered inside; the next `record` reports it.
        if self.sync_due.is_some_and(|due| due <= now) {
            let _ = self.sync();
        }
        if self.fold_due.is_some_and(|due| due <= now) {
            self.commit(&[], &mut Vec::new());
        }
        let Ok(store) = self.shared.store() else {
            (self.sync_due, self.checkpoint_due, self.fold_due, self.roll_due) = (None, None, None, None);
            return;
        };
        let many = self.shared.many(&store);
        drop(store);
        if self.checkpoint_due.is_some_and(|due| many || due <= now) {
            let _ = self.checkpoint().map_err(|error| self.shared.fail(error));
        }
        if self.roll_due.is_some_and(|due| due <= now) {
            self.roll_due = self.roll(now).map_err(|error| self.shared.fail(error)).ok().flatten().map(|wait| now + wait);
        }
    }

    /// Ends the epoch if it is over, by the ledger's time or by the time that passed while this thread saw it open: a clock that was set back
    /// keeps no key alive. Gives the time until the next look; nothing where there is nothing to look at.
    fn roll(&mut self, now: Instant) -> Result<Option<Duration>, LedgerError> {
        let mut store = self.shared.store()?;
        let length = store.epoch_length();
        let late = self.open_since.filter(|(_, since)| now.duration_since(*since) >= length).map(|(number, _)| number);
        let (number, left) = match store.roll(late)? {
            Left::Nothing => return Ok(None),
            Left::Empty => {
                self.open_since = None;
                return Ok(Some(ROLL_LOOK.min(length).max(ROLL_AGAIN)));
            }
            Left::Open { number, left } => (number, left),
        };
        let since = self.open_since.filter(|(seen, _)| *seen == number).map_or(now, |(_, since)| since);
        self.open_since = Some((number, since));
        let left = left.min(length.saturating_sub(now.duration_since(since)));
        Ok(Some(ROLL_LOOK.min(left).max(ROLL_AGAIN)))
    }

    /// One `fdatasync` for everything written so far. The store is free meanwhile. A failure is final: after it the kernel may
    /// have dropped the pages, so trying again would prove nothing.
    fn sync(&mut self) -> Result<(), LedgerError> {
        self.sync_due = None;
        self.shared.untended.store(false, Ordering::SeqCst);
        let (file, upto, seal) =
            self.shared.store().map(|store| (store.file.clone(), store.cursor.offset, store.cursor.seal.clone()))?;
        self.sync_evidence()?;
        file.sync_data().map_err(|e| self.shared.fail(LedgerError::Io(format!("cannot sync the ledger: {e}"))))?;
        let mut store = self.shared.store()?;
        // Of another segment meanwhile, all that came before was synced when it began.
        if std::sync::Arc::ptr_eq(&store.file, &file) && store.durable < upto {
            (store.durable, store.sealed) = (upto, seal);
        }
        Ok(())
    }

    /// What is kept of arguments and results is on disk before their entries count as such. Salts alone are not worth a second sync.
    fn sync_evidence(&self) -> Result<(), LedgerError> {
        let evidence = self.shared.store().map(|store| store.keeps_texts().then(|| store.evidence.clone()))?;
        let synced = evidence.map_or(Ok(()), |evidence| evidence.sync_data());
        synced.map_err(|e| self.shared.fail(LedgerError::Io(format!("cannot sync the evidence: {e}"))))
    }

    /// Signs what is on disk.
    fn checkpoint(&mut self) -> Result<(), LedgerError> {
        self.checkpoint_due = None;
        self.shared.untended.store(false, Ordering::SeqCst);
        let store = self.shared.store()?;
        let (statement, upto, durable) = (store.statement(), store.cursor.offset, store.durable);
        drop(store);
        let entries = statement.checkpoint.n;
        if entries > self.shared.signed.load(Ordering::SeqCst) {
            if durable < upto {
                self.sync()?;
            }
            let mut store = self.shared.store()?;
            let published = store.publish(&statement);
            let settled = published.and_then(|()| if store.sealed.is_some() { store.settle() } else { Ok(()) });
            settled.map_err(|error| store.say_if_full(error))?;
            self.shared.signed.store(entries, Ordering::SeqCst);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), LedgerError> {
        self.shared.store()?.unfold()?;
        self.sync()?;
        self.shared.store()?.refresh()?;
        self.checkpoint()?;
        let mut store = self.shared.store()?;
        store.evidence.sync_data().map_err(|e| LedgerError::Io(format!("cannot sync the evidence: {e}")))?;
        store.settle()
    }
}

#[cfg(test)]
mod tests;
