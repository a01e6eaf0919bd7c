//! The end of an epoch: the next key, the line that names it, a checkpoint over that, and the old key is gone (`docs/ledger.md`, "Epochs").
//!
//! Each step is on disk before the next begins. A crash between them leaves what the next start goes on with: a key that no line names is
//! written over, and an old key is erased with the next checkpoint.

use super::LedgerError;
use super::epoch::{self, Epoch};
use super::epochkey::Keys;
use super::files;
use super::folder::Place;
use super::head::Head;
use super::note::{Checkpoint, Pin};
use super::store::Store;
use crate::clock::Micros;

/// What is to be signed: a statement, and the epoch of its newest entry.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) checkpoint: Checkpoint,
    epoch: Option<Epoch>,
}

impl Store {
    /// The keys that an operator should keep elsewhere.
    pub(super) fn pin(&self) -> Pin {
        Pin { key: self.key.verifying_key(), epoch: self.first_epoch }
    }

    /// Opens the file of epoch keys, which must have that of now. A confined gateway opens it no more.
    pub(super) fn open_epoch_keys(&mut self) -> Result<(), LedgerError> {
        if let Some(epoch) = &self.cursor.epoch {
            let keys = Keys::open(&self.dir)?;
            keys.check(epoch)?;
            self.epoch_keys = Some(keys);
        }
        Ok(())
    }

    /// What the tree says now. Only to be signed once these entries are on disk.
    pub(super) fn statement(&self) -> Statement {
        Statement { checkpoint: Checkpoint::of(&self.origin, &self.cursor.range), epoch: self.cursor.epoch.clone() }
    }

    /// The signed note of a statement.
    pub(super) fn sign(&self, statement: &Statement) -> Result<String, LedgerError> {
        let checkpoint = &statement.checkpoint;
        let mut note = checkpoint.sign(&self.key);
        if let Some((epoch, keys)) = statement.epoch.as_ref().zip(self.epoch_keys.as_ref()) {
            let signature = keys.sign(epoch, checkpoint.text().as_bytes())?;
            note.push_str(&checkpoint.epoch_line(epoch, &signature));
        }
        Ok(note)
    }

    /// Puts a signed checkpoint in place unless another process has already put a later one there. A key of an epoch before is erased: the
    /// line that rolled it is on disk, and under a checkpoint that is.
    pub(super) fn publish(&self, statement: &Statement) -> Result<(), LedgerError> {
        let handle = self.head.handle();
        let _locked = Head::lock(&handle)?;
        self.put(statement)
    }

    /// The same where the lock is held.
    fn put(&self, statement: &Statement) -> Result<(), LedgerError> {
        if !self.is_there(statement) {
            self.write_file(Place::Checkpoint, self.sign(statement)?.as_bytes())?;
        }
        let signed = statement.epoch.as_ref().zip(self.epoch_keys.as_ref());
        signed.map_or(Ok(()), |(epoch, keys)| keys.erase_before(epoch.number))
    }

    /// Does this note, or a later one, lie there?
    fn is_there(&self, statement: &Statement) -> bool {
        let Ok(note) = self.folder.read(Place::Checkpoint).and_then(files::note) else { return false };
        let by_epoch = || statement.epoch.as_ref().is_none_or(|epoch| Checkpoint::verify_epoch(&note, epoch).is_ok());
        match Checkpoint::verify(&note, &self.key.verifying_key()) {
            // That of a later one is not known here.
            Ok(present) => present.n > statement.checkpoint.n || present == statement.checkpoint && by_epoch(),
            Err(_) => false,
        }
    }

    /// Goes on with the next epoch if the present one is over; the lock is held.
    pub(super) fn roll_if_due(&mut self, now: Micros) -> Result<(), LedgerError> {
        // By the ledger's own time, which never goes back.
        let (entries, now) = (self.cursor.range.len(), now.max(self.cursor.newest()));
        let over = self.cursor.epoch.as_ref().filter(|epoch| epoch.is_over(entries, now, self.epoch_age));
        let Some((epoch, keys)) = over.zip(self.epoch_keys.as_ref()) else { return Ok(()) };
        let number = epoch.number + 1;
        let key = keys.put_fresh(number)?;
        let message = epoch::message(entries, &self.cursor.range.root(), number, &key);
        let signature = keys.sign(epoch, &message)?;
        let mut lines = Vec::new();
        self.extend(now, &epoch::body(number, &key, &signature), &mut lines);
        self.write_lines(&lines)?;
        self.force()?;
        self.write_head()?;
        self.put(&self.statement())
    }

    /// The same without an entry that waits for it: the last entries of a gateway that falls silent get their signature too. Is true when
    /// the epoch has entries still, as one has that another writer began.
    pub(super) fn roll(&mut self) -> Result<bool, LedgerError> {
        let handle = self.head.handle();
        let _locked = Head::lock(&handle)?;
        let now = Micros::now();
        self.catch_up(now)?;
        self.roll_if_due(now)?;
        Ok(self.cursor.epoch.as_ref().is_some_and(|epoch| self.cursor.range.len() > epoch.since))
    }

    /// Puts all that is written on disk, in the file of now; the lock is held.
    fn force(&mut self) -> Result<(), LedgerError> {
        if self.keeps_texts() {
            // As the entries that it belongs to.
            self.evidence.sync_data().map_err(|e| LedgerError::Io(format!("cannot sync the evidence: {e}")))?;
        }
        rustix::fs::fdatasync(&*self.file).map_err(|e| LedgerError::io("sync", &self.segment.path, e))?;
        self.durable = self.cursor.offset;
        self.sealed.clone_from(&self.cursor.seal);
        Ok(())
    }
}
