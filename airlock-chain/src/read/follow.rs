//! Following a ledger as it grows, over segments.

use crate::files::{self, Segment};
use crate::line;
use serde_json::value::RawValue;
use std::io;
use std::path::{Path, PathBuf};

/// Most bytes read at once; more come with the next call.
const READ_MAX: u64 = 4 * 1024 * 1024;

/// A reader that waits at the end of a ledger.
#[derive(Debug)]
pub struct Follower {
    dir: PathBuf,
    segment: Segment,
    offset: u64,
    /// Lines that were no entries since the last call.
    damaged: u64,
}

impl Follower {
    /// Waits behind the last whole line.
    ///
    /// # Errors
    /// The directory or a segment cannot be read, or there is no ledger.
    pub fn at_end(dir: &Path) -> io::Result<Self> {
        let none = || io::Error::new(io::ErrorKind::NotFound, format!("{} holds no segment (seg-….jsonl)", dir.display()));
        let segment = files::segments(dir)?.pop().ok_or_else(none)?;
        let file = files::open(&segment.path)?;
        let size = file.metadata()?.len();
        let tail = files::bytes(&file, size.saturating_sub(line::LINE_MAX as u64 + 1), size)?;
        let open = tail.iter().rev().take_while(|b| **b != b'\n').count() as u64;
        Ok(Self { dir: dir.to_owned(), segment, offset: size - open, damaged: 0 })
    }

    /// What came since the last call, oldest first, as it stands in the ledger (printable ASCII), and how many lines were no entries.
    ///
    /// # Errors
    /// The directory or a segment cannot be read.
    pub fn more(&mut self) -> io::Result<(Vec<Box<RawValue>>, u64)> {
        let mut found = Vec::new();
        loop {
            // The list of segments comes first: what follows was complete before it came to be.
            let next = files::segments(&self.dir)?.into_iter().find(|segment| segment.first > self.segment.first);
            let file = files::open(&self.segment.path)?;
            let size = file.metadata()?.len();
            // Recovery may have cut off a bad line that was passed over here.
            self.offset = self.offset.min(size);
            let bytes = files::bytes(&file, self.offset, size.min(self.offset + READ_MAX))?;
            let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            for text in bytes[..whole].split_inclusive(|b| *b == b'\n') {
                let text = &text[..text.len() - 1];
                match line::parse(text).ok().and_then(|_| serde_json::from_slice::<Box<RawValue>>(text).ok()) {
                    Some(entry) => found.push(entry),
                    None => self.damaged += 1,
                }
            }
            self.offset += whole as u64;
            match next {
                Some(next) if self.offset >= size || whole == 0 => (self.segment, self.offset) = (next, 0),
                Some(_) if whole > 0 => {}
                Some(_) | None => return Ok((found, std::mem::take(&mut self.damaged))),
            }
        }
    }
}
