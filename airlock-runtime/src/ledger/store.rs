//! The ledger on disk as one writer sees it: append under the lock, follow other writers, roll forward after a crash.

use super::chain::hex;
use super::cursor::Cursor;
use super::entry::{Recover, Sealed, body, with_members};
use super::facts::{Facts, Require, Unmet};
use super::files::{self, End, Segment};
use super::head::{Head, Slot};
use super::line::{self, LINE_MAX};
use super::note::Checkpoint;
use super::revoked::{self, Revocations};
use super::{LedgerError, place};
use crate::clock::Micros;
use crate::lease::locked::Locked;
use ed25519_dalek::SigningKey;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

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
    pub(super) boot: [u8; 16],
    /// Where a kill file would lie.
    pub(super) kill_file: PathBuf,
    pub(super) segment: Segment,
    pub(super) file: Arc<File>,
    pub(super) evidence: File,
    pub(super) head: Head,
    pub(super) cursor: Cursor,
    pub(super) facts: Facts,
    /// Generation of the head that `cursor` has reached.
    pub(super) generation: u64,
    /// Length of the segment that is known to be on disk.
    pub(super) durable: u64,
}

impl Store {
    /// Appends a batch as one write. Gives each entry its number (of a test alone: how many there are), or the condition that kept it out. The clock is read under the
    /// lock: a reading from before a long wait for it would seem to stand behind what others wrote meanwhile.
    ///
    /// # Errors
    /// Any error leaves this writer unusable: what is on disk is for the next start to judge.
    pub(super) fn append(
        &mut self,
        batch: &[Pending],
        clock: impl FnOnce() -> Micros,
    ) -> Result<Vec<Result<u64, Unmet>>, LedgerError> {
        let handle = self.head.handle()?;
        let _locked = Head::lock(&handle)?;
        let now = clock();
        let mut lines = self.catch_up(now)?;
        self.look_for_kill_file(now, &mut lines);
        let mut salts = Vec::new();
        let mut results = Vec::with_capacity(batch.len());
        for pending in batch {
            if let Err(unmet) = self.facts.check(&pending.require, now, self.cursor.newest()) {
                results.push(Err(unmet));
                continue;
            }
            let seq = self.cursor.range.len();
            let Some(sealed) = &pending.sealed else {
                results.push(Ok(seq));
                continue;
            };
            self.extend(now, &self.stamped(sealed, now), &mut lines);
            if let Some(salt) = &sealed.salt {
                salts.extend_from_slice(format!("{{\"seq\":{seq},\"salt\":\"{}\"}}\n", hex(salt)).as_bytes());
            }
            results.push(Ok(seq));
        }
        self.write(&lines, &salts)?;
        Ok(results)
    }

    /// Is the kill file there, and does the ledger say so already? Whatever lies there counts, and so does a fault of looking. That it
    /// came or went is an entry: taking it away is as visible as putting it there.
    fn look_for_kill_file(&mut self, now: Micros, lines: &mut Vec<u8>) {
        let seen = self.kill_file.symlink_metadata();
        let is_there = !seen.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
        if is_there != self.facts.revoked.killed() {
            self.extend(now, &revoked::kill_body(is_there), lines);
        }
    }

    /// The body of an entry; of an allow, with what its session has come to.
    fn stamped<'a>(&self, sealed: &'a Sealed, now: Micros) -> Cow<'a, [u8]> {
        let members = sealed.mark.as_ref().map(|mark| self.facts.stamp(mark, now, self.cursor.newest())).unwrap_or_default();
        with_members(&sealed.body, &members)
    }

    /// Builds the next line, and reads its facts from it as from any other line.
    pub(super) fn extend(&mut self, now: Micros, entry: &[u8], lines: &mut Vec<u8>) {
        let line = self.cursor.extend(now, &self.facts.revoked.stamp(entry));
        if let Ok(parts) = line::parse(&line) {
            self.facts.absorb(&parts);
        }
        lines.extend_from_slice(&line);
        lines.push(b'\n');
    }

    /// Writes lines, their salts and the head; the lock is held.
    pub(super) fn write(&mut self, lines: &[u8], salts: &[u8]) -> Result<(), LedgerError> {
        if lines.is_empty() {
            return Ok(());
        }
        // One write call: with O_APPEND and the lock, a reader sees whole lines or a tail without line feed.
        match (&*self.file).write(lines) {
            Ok(length) if length == lines.len() => {}
            Ok(length) => return Err(LedgerError::Io(format!("the disk took {length} of {} bytes of the ledger", lines.len()))),
            Err(error) => return Err(LedgerError::io("append to", &self.segment.path, error)),
        }
        self.evidence.write_all(salts).map_err(|e| LedgerError::io("append to", &self.dir.join(files::EVIDENCE), e))?;
        self.write_head()
    }

    /// Describes the present position in the other slot of the head; the lock is held.
    pub(super) fn write_head(&mut self) -> Result<(), LedgerError> {
        self.generation += 1;
        self.head.write(&Slot {
            generation: self.generation,
            offset: self.cursor.offset,
            durable: self.durable,
            newest: self.cursor.newest(),
            boot: self.boot,
            leaf: self.cursor.prev,
            range: self.cursor.range.clone(),
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

    /// Moves to the end of the segment; the lock is held. Gives the `recover` line if a bad tail had to be cut off.
    fn catch_up(&mut self, now: Micros) -> Result<Vec<u8>, LedgerError> {
        let slot = self.head.read()?.ok_or_else(|| self.damaged("both slots of the head are damaged"))?;
        if slot.generation != self.generation {
            self.follow_head(&slot)?;
        }
        let size = self.size()?;
        if size < slot.offset {
            let text = format!("the segment has {size} bytes where {} were committed: it was truncated", slot.offset);
            return Err(self.damaged(&text));
        }
        let mut lines = Vec::new();
        if size > slot.offset {
            // A writer died between its write and its head.
            match self.follow(size)? {
                End::Clean => {}
                End::Partial { at } | End::Fault { at, .. } => self.cut(at, size, 0, now, &mut lines)?,
            }
        }
        Ok(lines)
    }

    /// Reads up to the head and compares with it.
    fn follow_head(&mut self, slot: &Slot) -> Result<(), LedgerError> {
        if slot.generation < self.generation || slot.offset < self.cursor.offset {
            return Err(self.damaged("the head went back: an older copy of it was put in place"));
        }
        match self.follow(slot.offset)? {
            End::Clean => {}
            End::Partial { at } => return Err(self.damaged(&format!("the line at byte {at} is cut short"))),
            End::Fault { at, reason } => return Err(self.damaged(&format!("the line at byte {at} does not fit: {reason}"))),
        }
        if self.cursor.prev != slot.leaf || self.cursor.range != slot.range {
            return Err(self.damaged(&format!("the {} entries are not those that the head describes", self.cursor.range.len())));
        }
        self.generation = slot.generation;
        self.durable = self.durable.max(slot.durable);
        Ok(())
    }

    /// Accepts lines up to `until`.
    pub(super) fn follow(&mut self, until: u64) -> Result<End, LedgerError> {
        let Self { cursor, facts, file, .. } = self;
        let end = files::scan(file, cursor.offset, until, |_, text| {
            facts.absorb(&cursor.accept_if(text, |line| facts.revoked.admits(line))?);
            Ok(())
        });
        end.map_err(|e| LedgerError::io("read", &self.segment.path, e))
    }

    /// Takes in the revocations that stand before `from`, and checks that they are those that the line there states. Nothing else of
    /// those lines is looked at, so this costs a pass over the file, and only if there are any.
    pub(super) fn older_revocations(&mut self, from: u64) -> Result<(), LedgerError> {
        let unreadable = |e| LedgerError::io("read", &self.segment.path, e);
        let mut stated = None;
        let first = files::bytes(&self.file, from, from + LINE_MAX as u64 + 1).map_err(unreadable)?;
        if let Some(text) = first.split(|b| *b == b'\n').next().filter(|text| !text.is_empty()) {
            stated = line::parse(text).ok().and_then(|line| revoked::Mark::of(line.body).ok());
        }
        let stated = stated.ok_or_else(|| self.damaged(&format!("the line at byte {from} cannot be read")))?;
        let mut older = Revocations::default();
        if stated.is_some() {
            let end = files::scan(&self.file, 0, from, |_, text| {
                let line = line::parse(text)?;
                if revoked::is_revocation(line.body) {
                    older.admits(&line)?;
                    older.absorb(&line);
                }
                Ok(())
            });
            match end.map_err(unreadable)? {
                End::Clean if *older.mark() == stated => {}
                End::Clean => return Err(self.damaged("its revocations are not those that later entries state")),
                End::Partial { at } => return Err(self.damaged(&format!("the line at byte {at} is cut short"))),
                End::Fault { at, reason } => return Err(self.damaged(&format!("the line at byte {at} does not fit: {reason}"))),
            }
        }
        self.facts.revoked = older;
        Ok(())
    }

    /// Moves the bytes `at..size` to `torn/`, cuts them off, and records that. Nothing is dropped without a trace.
    pub(super) fn cut(&mut self, at: u64, size: u64, lost: u64, now: Micros, lines: &mut Vec<u8>) -> Result<(), LedgerError> {
        let bytes = files::bytes(&self.file, at, size).map_err(|e| LedgerError::io("read", &self.segment.path, e))?;
        let digest = if bytes.is_empty() { String::new() } else { hex(&Sha256::digest(&bytes)) };
        let mut name = String::new();
        if !bytes.is_empty() {
            // The digest makes the name: the same tail cut twice (a crash during recovery) is the same file.
            name = format!("{:020}-{at}-{}.bin", self.segment.first, &digest[..16]);
            let path = self.dir.join(files::TORN).join(&name);
            place::durable_file(&path, &bytes)?;
            self.file.set_len(at).map_err(|e| LedgerError::io("cut the bad tail of", &self.segment.path, e))?;
        }
        let entry = Recover { t: "recover", torn: &name, bytes: bytes.len() as u64, digest: &digest, lost };
        self.extend(now, &body(&entry), lines);
        Ok(())
    }

    /// Length of the segment.
    pub(super) fn size(&self) -> Result<u64, LedgerError> {
        let meta = self.file.metadata().map_err(|e| LedgerError::io("read", &self.segment.path, e))?;
        Ok(meta.len())
    }

    /// What the tree says now. Only to be signed once these entries are on disk.
    pub(super) fn checkpoint(&self) -> Checkpoint {
        Checkpoint::of(&self.origin, &self.cursor.range)
    }

    /// Puts a signed checkpoint in place unless another process has already put a later one there.
    pub(super) fn publish(&self, checkpoint: &Checkpoint) -> Result<(), LedgerError> {
        let handle = self.head.handle()?;
        let _locked = Head::lock(&handle)?;
        let path = self.dir.join(files::CHECKPOINT);
        let present = std::fs::read(&path).ok().and_then(|note| Checkpoint::verify(&note, &self.key.verifying_key()).ok());
        if present.is_some_and(|present| present.n >= checkpoint.n) {
            return Ok(());
        }
        place::durable_file(&path, checkpoint.sign(&self.key).as_bytes())
    }

    /// At shutdown the head says that all is durable, and is put on disk itself.
    pub(super) fn settle(&mut self, durable: u64) -> Result<(), LedgerError> {
        let handle = self.head.handle()?;
        let _locked = Head::lock(&handle)?;
        self.durable = self.durable.max(durable);
        let lines = self.catch_up(Micros::now())?;
        self.write(&lines, &[])?;
        self.write_head()?;
        self.head.sync()
    }

    pub(super) fn damaged(&self, what: &str) -> LedgerError {
        place::damaged(&self.dir, what)
    }
}
