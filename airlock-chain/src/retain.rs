//! Evidence that is kept for a time: whole files of it are emptied, once an entry says so. The entries themselves stay.

use super::LedgerError;
use super::evidence::Lines;
use super::files::{self, Segment};
use super::folder::Place;
use super::redact::{Redact, redact_body};
use super::store::Store;
use airlock_core::clock::Micros;
use airlock_core::policy::evidence::Kept;

/// Who says so, in the entry.
const BY: &str = "keep_evidence";

impl Store {
    /// Is more kept than salts?
    pub(super) const fn keeps_texts(&self) -> bool {
        match self.keeps.kept {
            Kept::Hashes => false,
            Kept::Redacted(_) | Kept::Full => true,
        }
    }

    /// Empties the evidence of segments that ended longer ago than it is kept. The lock is held. The entry that says so is on disk before,
    /// so a crash between the two leaves a file that the next start empties, with an entry of its own.
    pub(super) fn expire(&mut self, now: Micros) -> Result<(), LedgerError> {
        let Some(keep) = self.keeps.keep else { return Ok(()) };
        let old = self.expired(Micros(now.0.saturating_sub(keep.saturating_mul(1_000_000))))?;
        let (Some((first, _)), Some((_, to))) = (old.first(), old.last()) else { return Ok(()) };
        let why = format!("older than {keep} seconds");
        let entry = redact_body(&Redact { from: first.first, to: *to, why: &why, by: BY }, &self.pol);
        let mut lines = Vec::new();
        self.extend(now, &entry, &mut lines);
        self.write(&lines, &Lines::default())?;
        self.file.sync_data().map_err(|e| LedgerError::io("sync", &self.segment.path, e))?;
        for (segment, _) in &old {
            // A confined gateway removes no file.
            let emptied = self.folder.empty(Place::Evidence(segment.first));
            emptied.map_err(|e| LedgerError::io("empty", &self.dir.join(files::EVIDENCE).join(segment.name()), e))?;
        }
        Ok(())
    }

    /// Segments before the present one whose last entry is from before `since` and that have evidence, each with that entry's number. A
    /// segment ends when the next one begins.
    fn expired(&self, since: Micros) -> Result<Vec<(Segment, u64)>, LedgerError> {
        let segments = self.folder.segments().map_err(|e| LedgerError::io("read", &self.dir, e))?;
        let mut old = Vec::new();
        for pair in segments.windows(2).filter(|pair| pair[1].first <= self.segment.first) {
            let file = self.folder.read(Place::Segment(pair[1].first));
            let began = file.and_then(|file| files::first_time(&file)).map_err(|e| LedgerError::io("read", &pair[1].path, e))?;
            if began.is_none_or(|began| began >= since) {
                break;
            }
            let evidence = self.folder.read(Place::Evidence(pair[0].first));
            if evidence.and_then(|file| files::size(&file)).is_ok_and(|size| size > 0) {
                old.push((pair[0].clone(), pair[1].first - 1));
            }
        }
        Ok(old)
    }
}

#[cfg(test)]
mod tests;
