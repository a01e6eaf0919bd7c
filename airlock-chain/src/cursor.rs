//! A position in the chain: what the next line must follow from. Writer, recovery and verifier share it, so they cannot disagree.

use super::chain::{Hash, Range, hex, leaf};
use super::epoch::{Epoch, KEYROLL};
use super::line::{self, Line, PREFIX_MAX};
use super::seal::Seal;
use airlock_core::clock::Micros;

/// How the body of the last line of a segment begins.
const ROTATE: &[u8] = b"\"t\":\"rotate\",";
/// Bytes of a time.
const TS: usize = 27;

/// Everything that the lines so far imply for the next one.
#[derive(Debug, Clone)]
pub(super) struct Cursor {
    /// Length of those lines in bytes, in the segment they lie in.
    pub(super) offset: u64,
    /// Leaf hash of the last line; before line 0, what line 0 must name.
    pub(super) prev: Hash,
    /// The tree over them.
    pub(super) range: Range,
    /// The seal over them, if the ledger has one.
    pub(super) seal: Option<Seal>,
    /// The epoch that the next line is in, if the ledger has epoch keys.
    pub(super) epoch: Option<Epoch>,
    /// Time of the first line of the segment.
    pub(super) began: Micros,
    /// Time of the last line.
    ts: String,
    /// The same as a number, where this cursor wrote the line itself.
    at: Option<Micros>,
    /// The last line ends its segment.
    closed: bool,
}

impl Cursor {
    /// Before line 0.
    pub(super) fn start(first_prev: Hash) -> Self {
        Self::resume(0, first_prev, Range::default(), Micros(0))
    }

    /// After a commit that the head describes. Where that began, what seals it and in which epoch it is, the caller adds.
    pub(super) fn resume(offset: u64, prev: Hash, range: Range, newest: Micros) -> Self {
        Self {
            offset,
            prev,
            range,
            seal: None,
            epoch: None,
            began: newest,
            ts: newest.rfc3339(),
            at: Some(newest),
            closed: false,
        }
    }

    /// Does the segment end here? Then the next line begins another one.
    pub(super) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Goes to the beginning of the next segment.
    pub(super) fn open_segment(&mut self) {
        (self.offset, self.closed) = (0, false);
    }

    /// Time of the newest line.
    pub(super) fn newest(&self) -> Micros {
        self.at.or_else(|| Micros::parse(&self.ts)).unwrap_or(Micros(0))
    }

    /// Checks that `text` is the next line and moves behind it.
    #[cfg(test)]
    pub(super) fn accept<'a>(&mut self, text: &'a [u8]) -> Result<Line<'a>, String> {
        self.accept_if(text, |_| Ok(()))
    }

    /// Checks that `text` is the next line and that `admits` has nothing against it, and moves behind it.
    pub(super) fn accept_if<'a>(
        &mut self,
        text: &'a [u8],
        admits: impl FnOnce(&Line<'a>) -> Result<(), &'static str>,
    ) -> Result<Line<'a>, String> {
        self.accept_with(text, leaf(text), admits)
    }

    /// The same for a reader that has the leaf of `text` already.
    pub(super) fn accept_with<'a>(
        &mut self,
        text: &'a [u8],
        leaf: Hash,
        admits: impl FnOnce(&Line<'a>) -> Result<(), &'static str>,
    ) -> Result<Line<'a>, String> {
        let line = line::parse(text)?;
        if line.seq != self.range.len() {
            return Err(format!("it has seq {} where {} must follow", line.seq, self.range.len()));
        }
        if line.prev != self.prev {
            let (named, hashed) = (hex(&line.prev[..6]), hex(&self.prev[..6]));
            return Err(format!("its prev is {named}..., the line before hashes to {hashed}...: one of the two was changed"));
        }
        if *line.ts < *self.ts {
            return Err(format!("its time {} is before {}", line.ts, self.ts));
        }
        if line.ts[..10] != self.ts[..10] && line.micros().is_none() {
            return Err(format!("its date {} does not exist", line.ts));
        }
        if self.closed {
            return Err("it follows the line that ends the segment".into());
        }
        if line.body.starts_with(ROTATE) && !line.body.starts_with(&rotate_begin(line.seq)) {
            return Err("it ends the segment, and names another entry than the next one".into());
        }
        admits(&line)?;
        let epoch = self.epoch_from(&line)?;
        self.step(text.len(), leaf, &line, epoch);
        Ok(line)
    }

    /// Builds the next line and moves behind it. A clock that stands behind the newest entry does not take the ledger back.
    pub(super) fn extend(&mut self, now: Micros, body: &[u8]) -> Vec<u8> {
        let mut text = Vec::with_capacity(PREFIX_MAX + body.len());
        let _ = self.extend_onto(&mut text, now, |out| out.extend_from_slice(body));
        text
    }

    /// The same behind what is in `lines`, without a line feed: `body` adds the body.
    pub(super) fn extend_onto<'a>(&mut self, lines: &'a mut Vec<u8>, now: Micros, body: impl FnOnce(&mut Vec<u8>)) -> Line<'a> {
        let at = now.max(self.newest());
        // All lines of a batch have one time, which is written once.
        if self.at != Some(at) {
            self.ts = at.rfc3339();
        }
        let (seq, from) = (self.range.len(), lines.len());
        line::begin(lines, seq, &self.prev, &self.ts);
        let begun = lines.len() - from;
        body(lines);
        let text = &lines[from..];
        // It stands before the two bytes that end the beginning.
        let ts = text.get(begun - TS - 2..begun - 2).and_then(|ts| std::str::from_utf8(ts).ok()).unwrap_or_default();
        let line = Line { seq, prev: self.prev, ts, body: &text[begun..] };
        // What this writer made itself fits.
        let epoch = self.epoch_from(&line).unwrap_or_default();
        self.step(text.len(), leaf(text), &line, epoch);
        self.at = Some(at);
        line
    }

    /// The epoch that begins with this line, if one does.
    fn epoch_from(&self, line: &Line<'_>) -> Result<Option<Epoch>, &'static str> {
        if line.seq == 0 {
            Epoch::first(line)
        } else if line.body.starts_with(KEYROLL) {
            let present = self.epoch.as_ref().ok_or("it rolls an epoch key, and line 0 names none")?;
            present.next(line, &self.range.root()).map(Some)
        } else {
            Ok(None)
        }
    }

    fn step(&mut self, length: usize, leaf: Hash, line: &Line<'_>, epoch: Option<Epoch>) {
        if epoch.is_some() {
            self.epoch = epoch;
        }
        self.prev = leaf;
        self.range.push(self.prev);
        if let Some(seal) = &mut self.seal {
            seal.push(&self.prev);
        }
        if self.offset == 0 {
            self.began = line.micros().unwrap_or(self.began);
        }
        self.offset += length as u64 + 1;
        self.closed = line.body.starts_with(ROTATE);
        self.ts.clear();
        self.ts.push_str(line.ts);
        self.at = None;
    }
}

fn rotate_begin(seq: u64) -> Vec<u8> {
    [ROTATE, format!("\"next\":{}", seq + 1).as_bytes()].concat()
}

/// Body of entry `seq` if it is the last of its segment.
pub(super) fn rotate_body(seq: u64) -> Vec<u8> {
    [&rotate_begin(seq), b"}".as_slice()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"\"t\":\"x\"}";

    #[test]
    fn what_one_cursor_writes_another_accepts() {
        let mut writer = Cursor::start([1; 32]);
        let mut reader = writer.clone();
        for now in [5, 3, 9] {
            let line = writer.extend(Micros(now), BODY);
            reader.accept(&line).unwrap();
        }
        assert_eq!(reader.newest(), Micros(9));
        assert_eq!((reader.offset, reader.prev, reader.range.root()), (writer.offset, writer.prev, writer.range.root()));
    }

    #[test]
    fn a_clock_that_goes_back_does_not_take_the_ledger_back() {
        let mut writer = Cursor::start([1; 32]);
        writer.extend(Micros(9_000_000), BODY);
        let line = writer.extend(Micros(1), BODY);
        assert_eq!(line::parse(&line).unwrap().micros(), Some(Micros(9_000_000)));
    }

    #[test]
    fn nothing_follows_the_line_that_ends_a_segment() {
        let mut writer = Cursor::start([1; 32]);
        let mut reader = writer.clone();
        reader.accept(&writer.extend(Micros(1), &rotate_body(0))).unwrap();
        assert!(reader.is_closed() && writer.is_closed());
        let (mut here, text) = (reader.clone(), writer.extend(Micros(2), BODY));
        assert!(here.accept(&text).unwrap_err().contains("ends the segment"));
        reader.open_segment();
        reader.accept(&text).unwrap();
        assert_eq!((reader.offset, reader.range.len(), reader.began), (text.len() as u64 + 1, 2, Micros(2)));
        let wrong = writer.extend(Micros(3), &rotate_body(7));
        assert!(reader.accept(&wrong).unwrap_err().contains("names another entry"));
    }

    #[test]
    fn every_break_is_named() {
        let fresh = Cursor::start([1; 32]);
        let accept = |line: Vec<u8>| fresh.clone().accept(&line).map(|_| ()).unwrap_err();
        assert_eq!(accept(line::build(1, &[1; 32], Micros(0), BODY)), "it has seq 1 where 0 must follow");
        assert!(accept(line::build(0, &[2; 32], Micros(0), BODY)).starts_with("its prev is 020202020202..."));
        let mut later = fresh.clone();
        let _ = later.extend(Micros(9), BODY);
        let back = line::build(1, &later.prev, Micros(8), BODY);
        assert!(later.accept(&back).unwrap_err().contains("is before"));
        let text = String::from_utf8(line::build(0, &[1; 32], Micros(0), BODY)).unwrap().replace("1970-01-01", "1970-02-30");
        assert!(accept(text.into_bytes()).contains("does not exist"));
    }
}
