//! What the seal of a ledger is compared with: the aggregate in the head, and older ones beside it.
//!
//! `seals` has the aggregate after every few hundred entries, so that a verifier with the seed can say *where* a sealed history
//! was changed. Nothing rests on that file: a line that is missing or wrong costs precision, or is a finding of its own.

use super::chain::{Hash, hex, unhex};
use super::files;
use super::folder::{Folder, Place};
use super::seal::Seal;
use super::verify::Finding;
use super::{LedgerError, room};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

/// Entries between two marks: as precise as a checkpoint, and less than a thousandth of what the entries take.
pub(super) const MARK_EVERY: u64 = 256;
/// Most bytes read of `seals`: some 150 million entries.
const SEALS_MAX: u64 = 64 * 1024 * 1024;

/// Appends a mark. It is not synced: it only helps to name a place.
pub(super) fn mark(folder: &Folder, seal: &Seal) -> Result<(), LedgerError> {
    let line = format!("{{\"n\":{},\"mu\":\"{}\"}}\n", seal.len(), hex(seal.mu()));
    let file = folder.grow(Place::Seals, true);
    file.and_then(|mut file| file.write_all(line.as_bytes())).map_err(|e| {
        let dir = folder.path();
        if room::is_full(&e) { room::full(dir, &e) } else { LedgerError::io("append to", &dir.join(files::SEALS), e) }
    })
}

#[derive(Deserialize)]
struct Mark {
    n: u64,
    mu: String,
}

/// What a seal that does not hold says.
pub(super) enum Missing {
    /// Entries are missing at the end.
    Cut,
    /// Something was changed.
    Broken,
}

/// What the sealed entries must come to, and how far they did.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Aggregates by number of entries.
    expected: BTreeMap<u64, Vec<Hash>>,
    /// Entries up to the last mark that held.
    held: u64,
    /// The first mark that did not hold: its file and number of entries.
    broken: Option<(&'static str, u64)>,
    /// The seal of the head. Its key counts too: marks of earlier entries lie open, so only the key shows that these are the last.
    head: Option<Seal>,
    /// The seal of the head held.
    whole: bool,
}

impl Marks {
    /// Reads the marks of a ledger; what is no mark is passed over.
    pub(super) fn read(dir: &Path, head: Option<&Seal>) -> io::Result<Self> {
        let mut marks = Self { head: head.cloned(), ..Self::default() };
        match files::open(&dir.join(files::SEALS)) {
            Ok(file) => {
                for line in BufReader::new(file.take(SEALS_MAX)).split(b'\n') {
                    let mark = serde_json::from_slice::<Mark>(&line?).ok();
                    if let Some((n, mu)) = mark.and_then(|mark| Some((mark.n, unhex(mark.mu.as_bytes())?))) {
                        marks.expected.entry(n).or_default().push(mu);
                    }
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(marks)
    }

    /// Compares where the seal has come to.
    pub(super) fn pass(&mut self, seal: &Seal) {
        let n = seal.len();
        let holds = self.expected.remove(&n).map(|all| all.iter().all(|mu| mu == seal.mu()));
        self.note(files::SEALS, n, holds);
        if self.head.as_ref().is_some_and(|head| head.len() == n) {
            let holds = self.head.as_ref() == Some(seal);
            self.whole = holds && self.broken.is_none();
            self.note(files::HEAD, n, Some(holds));
        }
    }

    fn note(&mut self, file: &'static str, n: u64, holds: Option<bool>) {
        match holds {
            Some(false) => drop(self.broken.get_or_insert((file, n))),
            Some(true) if self.broken.is_none() => self.held = n,
            Some(true) | None => {}
        }
    }

    /// How many of the first entries are under the seal of the head, if that holds.
    pub(super) fn covered(&self) -> u64 {
        self.head.as_ref().filter(|_| self.whole && self.broken.is_none()).map_or(0, Seal::len)
    }

    /// What follows once all entries were read.
    pub(super) fn end(&self, entries: u64) -> Option<(Missing, Finding)> {
        if let Some((file, n)) = self.broken {
            let held = self.held;
            let reason = format!(
                "the seal over the first {n} entries does not hold: the first entry that was changed, put in or taken out is one of {held} \
                 to {}, or {file} was changed",
                n - 1
            );
            return Some((Missing::Broken, Finding { seq: Some(held), file: file.to_owned(), reason }));
        }
        let of_marks = self.expected.last_key_value().map(|(n, _)| (*n, files::SEALS));
        let of_head = self.head.as_ref().map(|seal| (seal.len(), files::HEAD));
        let (n, file) = of_marks.into_iter().chain(of_head).max().filter(|(n, _)| *n > entries)?;
        let reason = format!("the seal covers {n} entries, the ledger has {entries}");
        Some((Missing::Cut, Finding { seq: Some(entries), file: file.to_owned(), reason }))
    }
}
