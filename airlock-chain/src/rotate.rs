//! Segments: the ledger goes on in a new file once the present one is large or old, so that old ones can be archived and read apart.
//!
//! The last line of a segment is a `rotate` line. What comes after it is the same chain, tree and numbering in the next file. A crash
//! leaves a segment that ends with that line and no next one, or an empty one; whoever holds the lock next goes on from there.

use super::LedgerError;
use super::cursor::rotate_body;
use super::files::{self, End, Segment};
use super::folder::Place;
use super::head::Slot;
use super::store::Store;
use airlock_core::clock::Micros;
use std::sync::Arc;

/// Length of a segment that ends it, bytes: some 140,000 entries, small enough for any mail system or object store.
pub(super) const SEGMENT_MAX: u64 = 64 * 1024 * 1024;
/// Age of a segment's first line that ends it, microseconds: so each day can be archived on the next.
pub(super) const SEGMENT_AGE: u64 = 24 * 3600 * 1_000_000;

impl Store {
    /// Is the present segment, of so many bytes, large or old enough to end?
    pub(super) const fn rotates(&self, size: u64, now: Micros) -> bool {
        size >= self.segment_max || (size > 0 && now.0 >= self.cursor.began.0.saturating_add(SEGMENT_AGE))
    }

    /// Goes on in a new segment if the present one is large or old enough; the lock is held.
    pub(super) fn rotate_if_due(&mut self, now: Micros) -> Result<(), LedgerError> {
        if !self.rotates(self.cursor.offset, now) {
            return Ok(());
        }
        let mut lines = Vec::new();
        self.extend(now, &rotate_body(self.cursor.range.len()), &mut lines);
        self.write_lines(&lines)?;
        self.begin_segment()?;
        self.expire(now)
    }

    /// The present segment ended: makes the next one and says so in the head. The lock is held. All that came before is on disk before
    /// the head speaks of the next segment, so after a power cut only the newest one can be incomplete.
    fn begin_segment(&mut self) -> Result<(), LedgerError> {
        self.file.sync_data().map_err(|e| LedgerError::io("sync", &self.segment.path, e))?;
        self.sealed.clone_from(&self.cursor.seal);
        if self.keeps_texts() {
            // As the entries that it belongs to.
            self.evidence.sync_data().map_err(|e| LedgerError::Io(format!("cannot sync the evidence: {e}")))?;
        }
        self.open_segment(true)?;
        self.folder.sync().map_err(|e| LedgerError::io("sync", &self.dir, e))?;
        self.write_head()
    }

    /// Opens the segment that follows.
    fn open_segment(&mut self, create: bool) -> Result<(), LedgerError> {
        let first = self.cursor.range.len();
        let segment = Segment { first, path: self.dir.join(files::segment_name(first)) };
        let file = self.folder.grow(Place::Segment(first), create);
        let file = file.map_err(|e| LedgerError::io("open", &segment.path, e))?;
        let evidence = self.folder.grow(Place::Evidence(first), true);
        self.evidence = Arc::new(evidence.map_err(|e| LedgerError::io("open", &self.dir.join(files::EVIDENCE), e))?);
        self.cursor.open_segment();
        self.note_written();
        (self.segment, self.file, self.durable) = (segment, Arc::new(file), 0);
        Ok(())
    }

    /// Goes through the segments that ended since up to the one that this slot speaks of.
    pub(super) fn follow_segments(&mut self, slot: &Slot) -> Result<(), LedgerError> {
        while self.segment.first < slot.segment {
            let size = self.size()?;
            match self.follow(size)? {
                End::Clean if self.cursor.is_closed() => self.open_segment(false)?,
                End::Clean => return Err(self.damaged(&format!("{} ends without saying so", self.segment.name()))),
                End::Partial { at } => return Err(self.cut_short(at)),
                End::Fault { at, reason } => return Err(self.does_not_fit(at, &reason)),
            }
        }
        Ok(())
    }

    /// Takes up what a writer that died left behind the head: whole lines, the end of a segment, half a line. The lock is held. Gives the
    /// `recover` line if a bad tail had to be cut off.
    pub(super) fn roll_forward(&mut self, now: Micros) -> Result<Vec<u8>, LedgerError> {
        let mut lines = Vec::new();
        loop {
            let size = self.size()?;
            match self.follow(size)? {
                End::Clean if self.cursor.is_closed() => self.begin_segment()?,
                End::Clean => return Ok(lines),
                End::Partial { at } | End::Fault { at, .. } => {
                    self.cut(at, size, 0, now, &mut lines)?;
                    return Ok(lines);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
