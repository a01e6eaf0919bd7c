//! The ledger on disk as one writer sees it: append under the lock, follow other writers, roll forward after a crash.

use super::chain::hex;
use super::cursor::Cursor;
use super::entry::{Recover, Sealed, body, put_members};
use super::epochkey::Keys;
use super::evidence::{self, Lines};
use super::facts::{Facts, Require};
use super::files::{self, End, Segment};
use super::fold::Folded;
use super::folder::{self, Folder, Place};
use super::head::{Head, Slot};
use super::revoked::{self, Mark};
use super::room::{self, DISK_FULL, Room};
use super::seal::Seal;
use super::sealed::{self, MARK_EVERY};
use super::{LedgerError, place};
use airlock_core::clock::Micros;
use airlock_core::lease::locked::Locked;
use airlock_core::policy::evidence::{Evidence, Kept};
use ed25519_dalek::{SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

/// Most bytes that are kept for the lines of the next batch: 512 ordinary entries.
const ROOM_MAX: usize = 512 * 1024;

/// An entry to append, and the conditions that must hold at that moment. Without an entry they are tested and nothing is written.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) sealed: Option<Sealed>,
    pub(super) require: Vec<Require>,
}

/// Open files and position of one writer.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) dir: PathBuf,
    pub(super) origin: String,
    pub(super) key: Locked<SigningKey>,
    /// Key of epoch 0, if the ledger has epoch keys.
    pub(super) first_epoch: Option<VerifyingKey>,
    /// The secrets of its epoch keys.
    pub(super) epoch_keys: Option<Keys>,
    pub(super) boot: [u8; 16],
    /// What is done in it by a name.
    pub(super) folder: Folder,
    pub(super) segment: Segment,
    pub(super) file: Arc<File>,
    pub(super) evidence: Arc<File>,
    /// What is kept of arguments and results.
    pub(super) keeps: Evidence,
    /// First 16 digits of the digest of this writer's policy.
    pub(super) pol: String,
    pub(super) head: Head,
    pub(super) cursor: Cursor,
    pub(super) facts: Facts,
    /// Generation of the head that `cursor` has reached.
    pub(super) generation: u64,
    /// Length of the segment that is known to be on disk.
    pub(super) durable: u64,
    /// The seal over the lines that are known to be on disk, if the ledger has one.
    pub(super) sealed: Option<Seal>,
    /// Entries under the newest mark of the seal that this writer made.
    pub(super) marked: u64,
    /// Length that ends a segment.
    pub(super) segment_max: u64,
    /// Age that ends an epoch, microseconds.
    pub(super) epoch_age: u64,
    /// How far the disk is.
    pub(super) room: Room,
    /// Refusals that are only counted.
    pub(super) folded: Folded,
    /// Where the lines in the file end; the cursor is ahead of it while a batch is built.
    pub(super) written: Cursor,
    /// The revocations up to there.
    pub(super) written_mark: Mark,
    /// The room of the last batch's lines, which is used again: asking the system for it, page by page, costs as much as hashing them.
    pub(super) room_of_lines: Vec<u8>,
}

impl Store {
    /// Appends a batch as one write. Gives each entry its number (of a test alone: how many there are), or why it has none. The clock is
    /// read under the lock: a reading from before a long wait for it would seem to stand behind what others wrote meanwhile.
    ///
    /// # Errors
    /// Any error leaves this writer unusable: what is on disk is for the next start to judge.
    pub(super) fn append(
        &mut self,
        batch: &[Pending],
        clock: impl FnOnce() -> Micros,
    ) -> Result<Vec<Result<u64, LedgerError>>, LedgerError> {
        let handle = self.head.handle();
        let _locked = Head::lock(&handle)?;
        let slot = self.slot()?;
        self.append_locked(batch, clock(), &slot, None)
    }

    /// As [`Store::append`] for one entry, if nobody holds the lock at this moment and no more is to be done than a write.
    pub(super) fn append_now(
        &mut self,
        pending: &Pending,
        clock: impl FnOnce() -> Micros,
    ) -> Option<Result<Result<u64, LedgerError>, LedgerError>> {
        let handle = self.head.handle();
        let _locked = Head::try_lock(&handle)?;
        // Any fault is met again, and told, by the writer.
        let (slot, size, now) = (self.slot().ok()?, self.size().ok()?, clock());
        if !self.is_light(&slot, size, now) {
            return None;
        }
        let results = self.append_locked(std::slice::from_ref(pending), now, &slot, Some(size));
        Some(results.map(|mut results| results.pop().unwrap_or(Err(LedgerError::Stopped))))
    }

    /// Is an entry no more than a write at this moment, where the segment has so many bytes? Ending a segment or an epoch waits for the disk several
    /// times, and so does taking up what a writer left that died.
    fn is_light(&self, slot: &Slot, size: u64, now: Micros) -> bool {
        let now = now.max(slot.newest);
        let rolls = slot.epoch.as_ref().is_some_and(|epoch| epoch.is_over(slot.range.len(), now, self.epoch_age));
        let ends = slot.segment != self.segment.first || self.rotates(slot.offset, now);
        !rolls && !ends && size == slot.offset
    }

    /// `size`: length of the segment, where it was read under this lock.
    fn append_locked(
        &mut self,
        batch: &[Pending],
        now: Micros,
        slot: &Slot,
        size: Option<u64>,
    ) -> Result<Vec<Result<u64, LedgerError>>, LedgerError> {
        match self.commit(batch, now, slot, size) {
            Err(error @ LedgerError::Full(_)) if self.room != Room::Ended => Err(self.end_full(now, &error)),
            results => results,
        }
    }

    fn commit(
        &mut self,
        batch: &[Pending],
        now: Micros,
        slot: &Slot,
        size: Option<u64>,
    ) -> Result<Vec<Result<u64, LedgerError>>, LedgerError> {
        self.catch_up_to(slot, size, now)?;
        match self.room {
            Room::Free => {}
            Room::Used => {
                return Err(room::full(
                    &self.dir,
                    &"the last entries took what was set aside, or found no room for what is kept of them",
                ));
            }
            Room::Ended => return Err(room::full(&self.dir, &"another process has said so in the ledger")),
        }
        self.rotate_if_due(now)?;
        self.roll_if_due(now, None)?;
        let mut lines = std::mem::take(&mut self.room_of_lines);
        lines.clear();
        let looked = self.look_for_kill_file(now, &mut lines);
        if let Some(denials) = self.folded.take_due(now) {
            self.extend(now, &denials, &mut lines);
        }
        let mut kept = match self.keeps.kept {
            Kept::Hashes => Lines::default(),
            Kept::Redacted(_) | Kept::Full => Lines::behind(evidence::mend(self)?),
        };
        let mut results = Vec::with_capacity(batch.len());
        for pending in batch {
            results.push(match &looked {
                // Nothing that depends on it is recorded; that a process has ended is, also where it is the one that looks.
                Err(fault) if !pending.require.is_empty() => Err(fault.clone()),
                Ok(()) | Err(_) => self.place(pending, now, &mut lines, &mut kept),
            });
        }
        self.write(&lines, &kept)?;
        if lines.capacity() <= ROOM_MAX {
            self.room_of_lines = lines;
        }
        Ok(results)
    }

    /// Gives one entry its place behind `lines`, if what it requires holds.
    fn place(&mut self, pending: &Pending, now: Micros, lines: &mut Vec<u8>, kept: &mut Lines) -> Result<u64, LedgerError> {
        self.facts.check(&pending.require, now, self.cursor.newest()).map_err(LedgerError::Unmet)?;
        let seq = self.cursor.range.len();
        let Some(sealed) = &pending.sealed else { return Ok(seq) };
        if let Some(why) = &sealed.fold
            && !self.facts.pace.has_room(now.max(self.cursor.newest()).0)
        {
            self.folded.add(why, now);
            return Err(LedgerError::Folded);
        }
        let mark = sealed.mark.as_ref();
        let members = mark.map(|mark| self.facts.stamp(mark, now, self.cursor.newest())).unwrap_or_default();
        self.extend_with(now, &sealed.body, &members, lines);
        kept.add(seq, sealed.salt.as_ref(), sealed.kept.as_deref());
        Ok(seq)
    }

    /// Is the kill file there, and does the ledger say so already? Whatever lies there counts, and so does a fault of looking. That it
    /// came or went is an entry: taking it away is as visible as putting it there.
    fn look_for_kill_file(&mut self, now: Micros, lines: &mut Vec<u8>) -> Result<(), LedgerError> {
        let is_there = self.folder.is_killed().map_err(|e| LedgerError::io("look for a kill file in", &self.dir, e))?;
        if is_there != self.facts.revoked.killed() {
            self.extend(now, &revoked::kill_body(is_there), lines);
        }
        Ok(())
    }

    /// Builds the next line, and reads its facts from it as from any other line.
    pub(super) fn extend(&mut self, now: Micros, entry: &[u8], lines: &mut Vec<u8>) {
        self.extend_with(now, entry, &[], lines);
    }

    /// The same with more members, which begin with a comma, or are empty.
    fn extend_with(&mut self, now: Micros, entry: &[u8], members: &[u8], lines: &mut Vec<u8>) {
        let Self { cursor, facts, .. } = self;
        let line = cursor.extend_onto(lines, now, |out| {
            out.extend_from_slice(entry);
            put_members(out, members);
            facts.revoked.mark().put(out);
        });
        facts.absorb(&line);
        lines.push(b'\n');
    }

    /// Writes lines, their evidence and the head; the lock is held.
    pub(super) fn write(&mut self, lines: &[u8], kept: &Lines) -> Result<(), LedgerError> {
        if lines.is_empty() {
            return Ok(());
        }
        self.write_lines(lines)?;
        self.write_salts(&kept.salts)?;
        self.write_texts(&kept.texts)?;
        self.write_head()
    }

    /// Writes lines alone; the lock is held.
    pub(super) fn write_lines(&mut self, lines: &[u8]) -> Result<(), LedgerError> {
        // One write call: with O_APPEND and the lock, a reader sees whole lines or a tail without line feed.
        match (&*self.file).write(lines) {
            Ok(length) if length == lines.len() => {}
            Ok(length) => {
                let text = format!("the disk took {length} of {} bytes of the ledger", lines.len());
                // A limit of this process alone looks the same, and is no reason for others to stop.
                let is_full = self.folder.is_used_up();
                return Err(if is_full { room::full(&self.dir, &text) } else { LedgerError::Io(text) });
            }
            Err(error) if room::is_full(&error) => return Err(room::full(&self.dir, &error)),
            Err(error) => return Err(LedgerError::io("append to", &self.segment.path, error)),
        }
        self.note_written();
        Ok(())
    }

    /// The file has come to where the cursor stands.
    pub(super) fn note_written(&mut self) {
        self.written.clone_from(&self.cursor);
        self.written_mark.clone_from(self.facts.revoked.mark());
    }

    /// Describes the present position in the other slot of the head; the lock is held.
    pub(super) fn write_head(&mut self) -> Result<(), LedgerError> {
        self.generation += 1;
        self.head.write(&Slot {
            generation: self.generation,
            segment: self.segment.first,
            offset: self.cursor.offset,
            durable: self.durable,
            newest: self.cursor.newest(),
            boot: self.boot,
            leaf: self.cursor.prev,
            range: self.cursor.range.clone(),
            seal: self.sealed.clone(),
            epoch: self.cursor.epoch.clone(),
        })
    }

    /// Reads what other processes committed. Without the lock: everything before the head's offset is complete and stays.
    pub(super) fn refresh(&mut self) -> Result<(), LedgerError> {
        match self.head.read()? {
            Some(slot) if slot.generation > self.generation => self.follow_head(&slot),
            // Nothing new, or both slots are being written: the next call sees them.
            Some(_) | None => Ok(()),
        }
    }

    /// The newest slot of the head; the lock is held.
    fn slot(&self) -> Result<Slot, LedgerError> {
        self.head.read()?.ok_or_else(|| self.damaged("both slots of the head are damaged"))
    }

    /// Moves to the end of the ledger; the lock is held. A bad tail is cut off, and a line says so.
    pub(super) fn catch_up(&mut self, now: Micros) -> Result<(), LedgerError> {
        let slot = self.slot()?;
        self.catch_up_to(&slot, None, now)
    }

    /// The same where the head was read already, and perhaps the length of the segment.
    fn catch_up_to(&mut self, slot: &Slot, size: Option<u64>, now: Micros) -> Result<(), LedgerError> {
        let read_of = self.segment.first;
        if slot.generation != self.generation {
            self.follow_head(slot)?;
        }
        let size = size.filter(|_| self.segment.first == read_of).map_or_else(|| self.size(), Ok)?;
        if self.segment.first == slot.segment && size < slot.offset {
            return Err(self.truncated(size, slot));
        }
        // Nothing lies behind what the head describes, so there is nothing to take up.
        if size == self.cursor.offset && !self.cursor.is_closed() {
            return Ok(());
        }
        let lines = self.roll_forward(now)?;
        self.write(&lines, &Lines::default())
    }

    /// Reads up to the head and compares with it.
    fn follow_head(&mut self, slot: &Slot) -> Result<(), LedgerError> {
        let back = (slot.segment, slot.offset) < (self.segment.first, self.cursor.offset);
        if slot.generation < self.generation || back {
            return Err(self.damaged("the head went back: an older copy of it was put in place"));
        }
        self.follow_segments(slot)?;
        match self.follow(slot.offset)? {
            End::Clean => {}
            End::Partial { at } => return Err(self.cut_short(at)),
            End::Fault { at, reason } => return Err(self.does_not_fit(at, &reason)),
        }
        if self.cursor.prev != slot.leaf || self.cursor.range != slot.range || self.cursor.epoch != slot.epoch {
            return Err(self.damaged(&format!("the {} entries are not those that the head describes", self.cursor.range.len())));
        }
        self.generation = slot.generation;
        // In a new segment nothing is durable yet, and all before it is: then only the seal tells which of the two is ahead.
        let sealed = |seal: &Option<Seal>| seal.as_ref().map_or(0, Seal::len);
        if slot.durable > self.durable || sealed(&slot.seal) > sealed(&self.sealed) {
            (self.durable, self.sealed) = (slot.durable, slot.seal.clone());
        }
        Ok(())
    }

    /// Accepts lines up to `until`.
    pub(super) fn follow(&mut self, until: u64) -> Result<End, LedgerError> {
        if until <= self.cursor.offset {
            return Ok(End::Clean);
        }
        let Self { cursor, facts, file, room, .. } = self;
        let end = files::scan(file, cursor.offset, until, |_, text| {
            let line = cursor.accept_if(text, |line| facts.revoked.admits(line))?;
            facts.absorb(&line);
            if line.body.starts_with(DISK_FULL) {
                *room = Room::Ended;
            }
            Ok(())
        });
        self.note_written();
        end.map_err(|e| LedgerError::io("read", &self.segment.path, e))
    }

    /// Moves the bytes `at..size` to `torn/`, cuts them off, and records that. Nothing is dropped without a trace.
    pub(super) fn cut(&mut self, at: u64, size: u64, lost: u64, now: Micros, lines: &mut Vec<u8>) -> Result<(), LedgerError> {
        let bytes = files::bytes(&self.file, at, size).map_err(|e| LedgerError::io("read", &self.segment.path, e))?;
        let hash = Sha256::digest(&bytes);
        let digest = if bytes.is_empty() { String::new() } else { hex(&hash) };
        let mut name = String::new();
        if !bytes.is_empty() {
            let (first, begin) = (self.segment.first, hash.first_chunk().copied().map_or(0, u64::from_be_bytes));
            name = folder::torn_name(first, at, begin);
            self.write_file(Place::Torn(first, at, begin), &bytes)?;
            let cut = self.folder.cut(Place::Segment(first), at);
            cut.map_err(|e| LedgerError::io("cut the bad tail of", &self.segment.path, e))?;
        }
        let entry = Recover { t: "recover", torn: &name, bytes: bytes.len() as u64, digest: &digest, lost };
        self.extend(now, &body(&entry), lines);
        Ok(())
    }

    /// Writes a whole file of the ledger, as [`Folder::write`] does.
    pub(super) fn write_file(&self, place: Place, bytes: &[u8]) -> Result<(), LedgerError> {
        let written = self.folder.write(place, bytes);
        written.map_err(|e| if room::is_full(&e) { room::full(&self.dir, &e) } else { LedgerError::io("write to", &self.dir, e) })
    }

    /// Length of the segment.
    pub(super) fn size(&self) -> Result<u64, LedgerError> {
        files::size(&self.file).map_err(|e| LedgerError::io("read", &self.segment.path, e))
    }

    /// Counted refusals get their line, however new they are.
    pub(super) fn unfold(&mut self) -> Result<(), LedgerError> {
        if self.folded.is_empty() {
            return Ok(());
        }
        let handle = self.head.handle();
        let _locked = Head::lock(&handle)?;
        let now = Micros::now();
        self.catch_up(now)?;
        // Nothing follows the line that says that the disk is full.
        if self.room == Room::Ended {
            return Err(room::full(&self.dir, &"refusals that were counted have no line"));
        }
        let mut lines = Vec::new();
        if let Some(denials) = self.folded.take() {
            self.extend(now, &denials, &mut lines);
        }
        self.write(&lines, &Lines::default())
    }

    /// The head says what is durable, and is put on disk itself. With a seal both slots are written, so that the key of no line that is
    /// under it stays in the file.
    pub(super) fn settle(&mut self) -> Result<(), LedgerError> {
        let handle = self.head.handle();
        let _locked = Head::lock(&handle)?;
        self.catch_up(Micros::now())?;
        self.write_head()?;
        if let Some(seal) = self.sealed.clone() {
            self.write_head()?;
            if seal.len() >= self.marked + MARK_EVERY {
                sealed::mark(&self.folder, &seal)?;
                self.marked = seal.len();
            }
        }
        self.head.sync()
    }

    pub(super) fn damaged(&self, what: &str) -> LedgerError {
        place::damaged(&self.dir, what)
    }

    pub(super) fn truncated(&self, size: u64, slot: &Slot) -> LedgerError {
        let name = self.segment.name();
        self.damaged(&format!("{name} has {size} bytes where {} were committed: it was truncated", slot.offset))
    }

    pub(super) fn cut_short(&self, at: u64) -> LedgerError {
        self.damaged(&format!("the line at byte {at} of {} is cut short", self.segment.name()))
    }

    pub(super) fn does_not_fit(&self, at: u64, reason: &str) -> LedgerError {
        self.damaged(&format!("the line at byte {at} of {} does not fit: {reason}", self.segment.name()))
    }
}
