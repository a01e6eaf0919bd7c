//! A disk that fills up: room is set aside at the start, and given up to record that there is none left.

use super::LedgerError;
use super::entry::body;
use super::files;
use super::folder::{Folder, Place};
use super::head::Head;
use super::place::private;
use super::store::Store;
use airlock_core::clock::Micros;
use rustix::fs::{FallocateFlags, fallocate};
use serde::Serialize;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Room set aside, bytes: for the last lines, the salts of one batch, a checkpoint (arguments and results take nothing of it), and the blocks that a file system takes for itself.
pub(super) const RESERVE: u64 = 1024 * 1024;

/// How the body begins that says so.
pub(super) const DISK_FULL: &[u8] = b"\"t\":\"disk_full\",";

/// How far the disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// It took everything.
    Free,
    /// It took the last batch only with the room that was set aside.
    Used,
    /// Another process wrote that there is none left.
    Ended,
}

#[derive(Serialize)]
struct FullLine {
    t: &'static str,
    /// Bytes of a batch that the disk had taken and that were cut off again; nobody was told of them.
    cut: u64,
}

/// Is this the error of a disk, or of a quota, without room?
pub(super) fn is_full(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// Sets room aside, unless it is already.
pub(super) fn set_aside(dir: &Path) -> Result<(), LedgerError> {
    let path = dir.join(files::RESERVE);
    let held = |meta: &std::fs::Metadata| meta.len() >= RESERVE && meta.blocks().saturating_mul(512) >= RESERVE;
    if path.symlink_metadata().is_ok_and(|meta| held(&meta)) {
        return Ok(());
    }
    let file = private().read().write().create().open(&path).map_err(|e| LedgerError::io("open", &path, e))?;
    let taken = fallocate(&file, FallocateFlags::empty(), 0, RESERVE).map_err(std::io::Error::from);
    let taken = match taken {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            (&file).write_all(&vec![0xff; usize::try_from(RESERVE).unwrap_or(0)]).and_then(|()| file.sync_data())
        }
        taken => taken,
    };
    taken.map_err(|error| {
        // A part of it would be of no use.
        let _ = std::fs::remove_file(&path);
        if is_full(&error) { full(dir, &error) } else { LedgerError::io("set room aside in", &path, error) }
    })
}

/// Gives the room up. The file stays, empty: a confined gateway removes none.
fn give_up(folder: &Folder) {
    // What cannot be given up does not help, and the write that follows says so.
    let _ = folder.empty(Place::Reserve);
}

/// The answer to everything from then on.
pub(super) fn full(dir: &Path, error: &dyn std::fmt::Display) -> LedgerError {
    LedgerError::Full(format!(
        "there is no room for the ledger {}: {error}. Nothing is allowed until there is room and the gateway is started again",
        dir.display()
    ))
}

impl Store {
    /// Writes the salts of lines that stand in the segment already. Without room for them, what was set aside is used, and the next
    /// commit says so.
    pub(super) fn write_salts(&mut self, mut salts: &[u8]) -> Result<(), LedgerError> {
        while !salts.is_empty() {
            match (&*self.evidence).write(salts) {
                Ok(taken) => salts = &salts[taken..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_full(&error) && self.room == Room::Free => {
                    give_up(&self.folder);
                    self.room = Room::Used;
                }
                Err(error) => return Err(LedgerError::io("append to", &self.dir.join(files::EVIDENCE), error)),
            }
        }
        Ok(())
    }

    /// Writes what is kept of arguments and results. Without room for it, what the disk had taken of it is cut off, so that the room that was
    /// set aside stays for what has to be said, and the next commit says so.
    pub(super) fn write_texts(&mut self, texts: &[u8]) -> Result<(), LedgerError> {
        if texts.is_empty() {
            return Ok(());
        }
        let failed = |error| LedgerError::io("append to", &self.dir.join(files::EVIDENCE), error);
        let before = files::size(&self.evidence).map_err(failed)?;
        match (&*self.evidence).write_all(texts) {
            Ok(()) => Ok(()),
            Err(error) if is_full(&error) => {
                self.folder.cut(Place::Evidence(self.segment.first), before).map_err(failed)?;
                self.room = Room::Used;
                Ok(())
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// There is no room for what was to be written: takes back what the disk had taken of it, gives up what was set aside, and records
    /// that. The lock is held. Gives the answer to everything from then on.
    pub(super) fn end_full(&mut self, now: Micros, error: &LedgerError) -> LedgerError {
        let recorded = self.record_full(now);
        match recorded {
            Ok(()) => error.clone(),
            Err(further) => LedgerError::Full(format!("{error} (and that could not be recorded: {further})")),
        }
    }

    /// The same where the lock is not held, and where it is not known yet whether it was for lack of room.
    pub(super) fn say_if_full(&mut self, error: LedgerError) -> LedgerError {
        let LedgerError::Full(_) = error else { return error };
        let handle = self.head.handle();
        let said = Head::lock(&handle).and_then(|_locked| {
            let now = Micros::now();
            self.catch_up(now)?;
            Ok(if self.room == Room::Ended { error.clone() } else { self.end_full(now, &error) })
        });
        said.unwrap_or(error)
    }

    fn record_full(&mut self, now: Micros) -> Result<(), LedgerError> {
        let cut = self.size()?.saturating_sub(self.written.offset);
        let cut_off = self.folder.cut(Place::Segment(self.segment.first), self.written.offset);
        cut_off.map_err(|e| LedgerError::io("cut", &self.segment.path, e))?;
        give_up(&self.folder);
        self.cursor = self.written.clone();
        let line = self.cursor.extend(now, &self.written_mark.stamp(&body(&FullLine { t: "disk_full", cut })));
        self.write_lines(&[line, b"\n".to_vec()].concat())?;
        self.file.sync_data().map_err(|e| LedgerError::io("sync", &self.segment.path, e))?;
        self.durable = self.cursor.offset;
        self.sealed.clone_from(&self.cursor.seal);
        self.write_head()?;
        self.head.sync()?;
        // A roll that found no room for its checkpoint, or a writer that died, has left the key of a past epoch. It is overwritten in its place,
        // which takes no room, and whether or not there is room for what follows.
        self.erase_past()?;
        // Signed at once: nothing more comes in this process.
        self.put(&self.statement())
    }
}

#[cfg(test)]
mod tests;
