//! Cuts a byte stream into lines without ever holding more than one line of bounded length.
//!
//! A line ends with LF; one CR before it is dropped. A line longer than [`LINE_MAX`] is read past, not stored. Bytes after the last LF
//! are never a message: a peer that died while writing must not have half a line executed, even if that half happens to be
//! valid JSON (`{"a":1}` may be the start of a pipe write whose rest was lost).

use crate::limits::LINE_MAX;
use std::io::{self, BufRead};

/// How much of an over-long line is kept, to find the id that its answer needs. The envelope's short members fit.
pub const HEAD_MAX: usize = 1024;
/// How much of its end is kept, for the same reason.
pub const TAIL_MAX: usize = 64;

/// What stood before one LF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A line of at most [`LINE_MAX`] bytes, without its line end.
    Line(Vec<u8>),
    /// A longer line, which was not kept.
    TooLong {
        /// Its first [`HEAD_MAX`] bytes, see [`crate::wire::Connection::too_long`].
        head: Vec<u8>,
        /// Its last [`TAIL_MAX`] bytes: some peers write the id last.
        tail: Vec<u8>,
        /// Its length without the LF.
        bytes: u64,
    },
}

/// The splitter. Feed it chunks with [`Lines::feed`] or let it read with [`Lines::read_from`].
#[derive(Debug)]
pub struct Lines {
    line: Vec<u8>,
    /// Length of the over-long line that is being read past.
    past: Option<u64>,
    /// The end of that line so far.
    tail: Vec<u8>,
    max: usize,
}

impl Default for Lines {
    fn default() -> Self {
        Self::new()
    }
}

impl Lines {
    /// A splitter with the limit of the gateway.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_max(LINE_MAX)
    }

    /// A splitter for lines of up to `max` bytes (a CR before the LF counts).
    #[must_use]
    pub const fn with_max(max: usize) -> Self {
        Self { line: Vec::new(), past: None, tail: Vec::new(), max }
    }

    /// Takes bytes from the front of `chunk` up to the end of a line. `None` when the chunk is used up and no line is complete;
    /// call it again with the same chunk until then.
    pub fn feed(&mut self, chunk: &mut &[u8]) -> Option<Frame> {
        // Most pieces of a long line have no end, and that is told many bytes at a time.
        let end = chunk.contains(&b'\n').then(|| chunk.iter().position(|byte| *byte == b'\n')).flatten();
        let (part, rest) = match end {
            Some(end) => (&chunk[..end], &chunk[end + 1..]),
            None => (*chunk, &[][..]),
        };
        *chunk = rest;
        self.append(part);
        end.map(|_| self.take())
    }

    /// Blocks until a line is complete; `Ok(None)` at the end of the stream, where an unfinished line is dropped.
    ///
    /// # Errors
    /// Those of the reader, except `Interrupted`, which is retried.
    pub fn read_from(&mut self, reader: &mut impl BufRead) -> io::Result<Option<Frame>> {
        loop {
            let mut chunk = match reader.fill_buf() {
                Ok(chunk) => chunk,
                Err(fault) if fault.kind() == io::ErrorKind::Interrupted => continue,
                Err(fault) => return Err(fault),
            };
            if chunk.is_empty() {
                return Ok(None);
            }
            let before = chunk.len();
            let frame = self.feed(&mut chunk);
            let used = before - chunk.len();
            reader.consume(used);
            if frame.is_some() {
                return Ok(frame);
            }
        }
    }

    /// Bytes of an unfinished line that are held; what would be lost if the stream ended now.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.line.len()
    }

    fn append(&mut self, part: &[u8]) {
        let seen = self.past.unwrap_or(self.line.len() as u64);
        let needed = seen.saturating_add(part.len() as u64);
        if needed > self.max as u64 {
            if self.past.is_none() {
                self.keep_tail_of_line();
            }
            self.past = Some(needed);
            self.keep_tail(part);
            self.keep_head(part);
            return;
        }
        let needed = self.line.len() + part.len();
        if needed > self.line.capacity() {
            // Doubling, but never beyond the limit: the buffer of a hostile line costs what the line may cost.
            let capacity = needed.max(self.line.capacity() * 2).min(self.max);
            self.line.reserve_exact(capacity - self.line.len());
        }
        self.line.extend_from_slice(part);
    }

    /// Keeps of an over-long line what belongs to its head, wherever the chunks were cut.
    fn keep_head(&mut self, part: &[u8]) {
        let missing = HEAD_MAX.saturating_sub(self.line.len()).min(part.len());
        self.line.reserve_exact(missing);
        self.line.extend_from_slice(&part[..missing]);
        self.line.truncate(HEAD_MAX);
        self.line.shrink_to_fit();
    }

    fn keep_tail_of_line(&mut self) {
        let from = self.line.len().saturating_sub(TAIL_MAX);
        self.tail = self.line[from..].to_vec();
    }

    fn keep_tail(&mut self, part: &[u8]) {
        let part = &part[part.len().saturating_sub(TAIL_MAX)..];
        let excess = (self.tail.len() + part.len()).saturating_sub(TAIL_MAX);
        self.tail.drain(..excess);
        self.tail.extend_from_slice(part);
    }

    fn take(&mut self) -> Frame {
        let mut line = std::mem::take(&mut self.line);
        if let Some(bytes) = self.past.take() {
            return Frame::TooLong { head: line, tail: std::mem::take(&mut self.tail), bytes };
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Frame::Line(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frames(max: usize, chunks: &[&[u8]]) -> (Vec<Frame>, Lines) {
        let mut lines = Lines::with_max(max);
        let mut out = Vec::new();
        for chunk in chunks {
            let mut rest = *chunk;
            while let Some(frame) = lines.feed(&mut rest) {
                out.push(frame);
            }
            assert!(rest.is_empty());
            assert!(lines.line.capacity() <= max.max(HEAD_MAX), "{} bytes held", lines.line.capacity());
        }
        (out, lines)
    }

    fn line(text: &str) -> Frame {
        Frame::Line(text.as_bytes().to_vec())
    }

    #[test]
    fn one_cr_is_dropped_and_an_unfinished_line_is_not_a_line() {
        let (out, lines) = frames(64, &[b"a\r\nb\r\r\n\nc\rd\n{\"a\":1}"]);
        assert_eq!(out, [line("a"), line("b\r"), line(""), line("c\rd")]);
        assert_eq!(lines.pending(), 7);
    }

    #[test]
    fn a_line_of_the_limit_passes_and_one_byte_more_is_read_past() {
        let (out, _) = frames(4, &[b"1234\n12345\n12\n"]);
        assert_eq!(
            out,
            [line("1234"), Frame::TooLong { head: b"12345".to_vec(), tail: b"12345".to_vec(), bytes: 5 }, line("12")]
        );
    }

    #[test]
    fn a_ten_megabyte_line_leaves_its_head_only() {
        let chunk = vec![b'x'; 64 * 1024];
        let mut lines = Lines::new();
        for _ in 0..160 {
            assert_eq!(lines.feed(&mut &chunk[..]), None);
            assert!(lines.line.capacity() <= LINE_MAX);
        }
        assert!(lines.line.capacity() <= HEAD_MAX);
        let Some(Frame::TooLong { head, bytes, .. }) = lines.feed(&mut &b"\n"[..]) else { panic!("not over-long") };
        assert_eq!((head.len(), bytes), (HEAD_MAX, 160 * 64 * 1024));
        assert_eq!(lines.feed(&mut &b"ok\n"[..]), Some(line("ok")));
    }

    #[test]
    fn reading_ends_at_the_end_of_the_stream_without_the_unfinished_line() {
        let mut lines = Lines::new();
        let mut reader = io::BufReader::with_capacity(3, &b"first\nsecond\r\nthird"[..]);
        assert_eq!(lines.read_from(&mut reader).unwrap(), Some(line("first")));
        assert_eq!(lines.read_from(&mut reader).unwrap(), Some(line("second")));
        assert_eq!(lines.read_from(&mut reader).unwrap(), None);
    }

    proptest! {
        #[test]
        fn chunk_boundaries_do_not_matter(bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..400), cuts in proptest::collection::vec(0usize..400, 0..12), max in 1usize..40) {
            let (whole, _) = frames(max, &[&bytes]);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            let (parts, _) = frames(max, &chunks);
            prop_assert_eq!(&parts, &whole);
            prop_assert_eq!(whole.len(), bytes.iter().filter(|byte| **byte == b'\n').count());
        }
    }
}
