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
use super::room::Room;
use super::store::Store;
use airlock_core::clock::Micros;
use std::time::Duration;

/// What is to be signed: a statement, and the epoch of its newest entry.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) checkpoint: Checkpoint,
    epoch: Option<Epoch>,
}

/// What is left of the present epoch once it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// There is nothing to roll: no epoch keys, or the disk is full.
    Nothing,
    /// It has no entry but the one that began it.
    Empty,
    /// It has entries, and lasts so much longer by the clock of now.
    Open {
        /// Its number.
        number: u64,
        /// Until it is over.
        left: Duration,
    },
}

/// What lies in the place of a checkpoint.
enum Lies {
    /// Nothing, one of fewer entries, or something that the log key has not signed.
    Less,
    /// This one, or a later one.
    Enough,
    /// Another one of as many entries.
    Other,
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

    /// The same where the lock is held. One of as many entries with another root, signed by the log key, is proof that somebody else signs with
    /// it: it stays where it is, and nothing is signed any more.
    pub(super) fn put(&self, statement: &Statement) -> Result<(), LedgerError> {
        match self.lies(statement) {
            Lies::Less => self.write_file(Place::Checkpoint, self.sign(statement)?.as_bytes())?,
            Lies::Enough => {}
            Lies::Other => {
                let n = statement.checkpoint.n;
                return Err(
                    self.damaged(&format!("its checkpoint is of {n} entries, signed by its log key, and they are not these {n}"))
                );
            }
        }
        let signed = statement.epoch.as_ref().zip(self.epoch_keys.as_ref());
        signed.map_or(Ok(()), |(epoch, keys)| keys.erase_before(epoch.number))
    }

    /// Does this note, or a later one, lie there?
    fn lies(&self, statement: &Statement) -> Lies {
        let Ok(note) = self.folder.read(Place::Checkpoint).and_then(files::note) else { return Lies::Less };
        let by_epoch = || statement.epoch.as_ref().is_none_or(|epoch| Checkpoint::verify_epoch(&note, epoch).is_ok());
        let ours = &statement.checkpoint;
        // One of fewer entries makes room, whoever signed it: the common case, and it costs no signature.
        if Checkpoint::claim(&note).is_none_or(|claimed| claimed.n < ours.n) {
            return Lies::Less;
        }
        match Checkpoint::verify(&note, &self.key.verifying_key()) {
            Err(_) => Lies::Less,
            // That of a later one is not known here.
            Ok(present) if present.n > ours.n => Lies::Enough,
            Ok(present) if present != *ours => Lies::Other,
            Ok(_) if by_epoch() => Lies::Enough,
            Ok(_) => Lies::Less,
        }
    }

    /// A start: a checkpoint by the log key is of entries that are on disk, so there are as many, and of as many it is the one. With fewer, the
    /// other files are of earlier, and to go on would in time put another one in its place.
    pub(super) fn check_checkpoint(&self) -> Result<(), LedgerError> {
        let Ok(note) = files::read_note(&self.dir.join(files::CHECKPOINT)) else { return Ok(()) };
        let Some(present) = Checkpoint::claim(&note) else { return Ok(()) };
        let (n, entries) = (present.n, self.cursor.range.len());
        // Its signature is looked at where it contradicts the ledger: what does not is no fault, whoever signed it.
        let fault = if n > entries {
            format!("its checkpoint is of {n} entries, and there are {entries}")
        } else if n == entries && present.root != self.cursor.range.root() {
            format!("its checkpoint is of {n} entries, signed by its log key, and they are not these {n}")
        } else {
            return Ok(());
        };
        Checkpoint::verify(&note, &self.key.verifying_key()).map_or(Ok(()), |_| Err(self.damaged(&fault)))
    }

    /// How long an epoch lasts.
    pub(super) const fn epoch_length(&self) -> Duration {
        Duration::from_micros(self.epoch_age)
    }

    /// Goes on with the next epoch if the present one is over, by the ledger's own time, which never goes back, or as `late` says; the lock is
    /// held.
    pub(super) fn roll_if_due(&mut self, now: Micros, late: Option<u64>) -> Result<(), LedgerError> {
        let (entries, now) = (self.cursor.range.len(), now.max(self.cursor.newest()));
        let is_due = |epoch: &&Epoch| {
            epoch.is_over(entries, now, self.epoch_age) || (late == Some(epoch.number) && epoch.has_entries(entries))
        };
        let over = self.cursor.epoch.as_ref().filter(is_due);
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
        // Before anything that a full disk can refuse: the line is on disk, so the old key has nothing to sign any more.
        self.erase_past()?;
        self.put(&self.statement())
    }

    /// Overwrites the secret of the epoch before the present one, whose last line is on disk.
    pub(super) fn erase_past(&self) -> Result<(), LedgerError> {
        let present = self.cursor.epoch.as_ref().zip(self.epoch_keys.as_ref());
        present.map_or(Ok(()), |(epoch, keys)| keys.erase_before(epoch.number))
    }

    /// The same without an entry that waits for it: the last entries of a gateway that falls silent get their signature too, and those of one
    /// that has ended. `late`: the number of an epoch that has had entries for its whole length, whatever the clock says.
    pub(super) fn roll(&mut self, late: Option<u64>) -> Result<Left, LedgerError> {
        let handle = self.head.handle();
        let _locked = Head::lock(&handle)?;
        let now = Micros::now();
        match self.roll_locked(now, late) {
            Err(error @ LedgerError::Full(_)) if self.room != Room::Ended => Err(self.end_full(now, &error)),
            left => left,
        }
    }

    fn roll_locked(&mut self, now: Micros, late: Option<u64>) -> Result<Left, LedgerError> {
        self.catch_up(now)?;
        // Nothing follows the line that says that the disk is full, and what has to come before it is for the next commit.
        if self.room != Room::Free {
            return Ok(Left::Nothing);
        }
        self.roll_if_due(now, late)?;
        let (entries, now) = (self.cursor.range.len(), now.max(self.cursor.newest()));
        Ok(match &self.cursor.epoch {
            None => Left::Nothing,
            Some(epoch) if epoch.has_entries(entries) => {
                let left = epoch.began.0.saturating_add(self.epoch_age).saturating_sub(now.0);
                Left::Open { number: epoch.number, left: Duration::from_micros(left) }
            }
            Some(_) => Left::Empty,
        })
    }

    /// Puts all that is written on disk, in the file of now; the lock is held.
    fn force(&mut self) -> Result<(), LedgerError> {
        if self.keeps_texts() {
            // As the entries that it belongs to.
            self.evidence.sync_data().map_err(|e| LedgerError::Io(format!("cannot sync the evidence: {e}")))?;
        }
        self.file.sync_data().map_err(|e| LedgerError::io("sync", &self.segment.path, e))?;
        self.durable = self.cursor.offset;
        self.sealed.clone_from(&self.cursor.seal);
        Ok(())
    }
}
