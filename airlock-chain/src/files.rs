//! The directory of a ledger: names of its files, and the two ways of reading a segment (line by line, and from an instant).

use super::line::{self, LINE_MAX};
use super::note::NOTE_MAX;
use airlock_core::clock::Micros;
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read};
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The two-slot head.
pub(super) const HEAD: &str = "head";
/// The newest signed checkpoint.
pub const CHECKPOINT: &str = "checkpoint";
/// The newest checkpoint that a witness has cosigned.
pub const WITNESSED: &str = "witnessed";
/// Aggregates of the seal after every few hundred entries.
pub(super) const SEALS: &str = "seals";
/// Room that is given up when the disk is full.
pub(super) const RESERVE: &str = "reserve";
/// Directory of keys.
pub(super) const KEYS: &str = "keys";
/// Directory of salts, and of what is kept of arguments and results.
pub(super) const EVIDENCE: &str = "evidence";
/// A file of this name, whatever is in it, denies everything.
pub(super) const KILL: &str = "kill";
/// Directory of what recovery cut off.
pub(super) const TORN: &str = "torn";

/// A file of entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Number of its first entry, as in its name.
    pub first: u64,
    /// Where it lies.
    pub path: PathBuf,
}

impl Segment {
    /// Name of the file.
    pub(super) fn name(&self) -> String {
        segment_name(self.first)
    }
}

/// File name of the segment that begins with entry `first`.
pub(super) fn segment_name(first: u64) -> String {
    format!("seg-{first:020}.jsonl")
}

/// The segments of a ledger in order.
///
/// # Errors
/// The directory cannot be read.
pub fn segments(dir: &Path) -> io::Result<Vec<Segment>> {
    let mut found = Vec::new();
    for item in std::fs::read_dir(dir)? {
        let item = item?;
        let name = item.file_name();
        let digits = name.to_str().and_then(|name| name.strip_prefix("seg-")?.strip_suffix(".jsonl"));
        if let Some(digits) = digits.filter(|d| d.len() == 20 && d.bytes().all(|b| b.is_ascii_digit()))
            && let Ok(first) = digits.parse()
        {
            if !item.file_type()?.is_file() {
                return Err(irregular(&item.path()));
            }
            found.push(Segment { first, path: item.path() });
        }
    }
    found.sort_by_key(|segment| segment.first);
    Ok(found)
}

/// How a file of a ledger is opened: for its owner alone where it is made, at its own name and not by a link, and a regular file or not at all.
/// What it is, is asked of what was opened: a name may mean another file a moment later. Nothing here waits, whatever lies there: without
/// `O_NONBLOCK` a pipe would keep its reader until somebody writes.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of one call, as in the standard library")]
pub(super) struct Opening {
    read: bool,
    write: bool,
    append: bool,
    create: bool,
    truncate: bool,
}

impl Opening {
    pub(super) const fn read(self) -> Self {
        Self { read: true, ..self }
    }

    pub(super) const fn write(self) -> Self {
        Self { write: true, ..self }
    }

    pub(super) const fn append(self) -> Self {
        Self { append: true, ..self }
    }

    pub(super) const fn create(self) -> Self {
        self.create_if(true)
    }

    pub(super) const fn create_if(self, create: bool) -> Self {
        Self { create, ..self }
    }

    /// Emptied once it is known to be what it should be.
    pub(super) const fn truncate(self) -> Self {
        Self { truncate: true, ..self }
    }

    pub(super) fn open(self, path: &Path) -> io::Result<File> {
        let Self { read, write, append, create, truncate } = self;
        let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or(0);
        let opened =
            OpenOptions::new().read(read).write(write).append(append).create(create).mode(0o600).custom_flags(flags).open(path);
        let file = opened.map_err(|error| match Errno::from_io_error(&error) {
            // A link; a pipe that nobody reads, or a socket.
            Some(Errno::LOOP | Errno::NXIO) => irregular(path),
            Some(_) | None => error,
        })?;
        if !file.metadata()?.is_file() {
            return Err(irregular(path));
        }
        if truncate {
            file.set_len(0)?;
        }
        Ok(file)
    }
}

/// Opens a file of a ledger for reading.
pub(super) fn open(path: &Path) -> io::Result<File> {
    Opening::default().read().open(path)
}

/// Opens a directory, never waiting.
pub(super) fn open_dir(path: &Path) -> io::Result<File> {
    let flags = i32::try_from((OFlags::DIRECTORY | OFlags::NONBLOCK).bits()).unwrap_or(0);
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// Length of an open file, bytes.
pub(super) fn size(file: &File) -> io::Result<u64> {
    // By the call that takes no path: a confined gateway has no other one.
    Ok(u64::try_from(rustix::fs::fstat(file)?.st_size).unwrap_or(0))
}

pub(super) fn irregular(path: &Path) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("{} is not a regular file: a link, a pipe or a directory lies there", path.display()),
    )
}

/// The bytes of a note that lies in the directory of a ledger, and one more than the longest has where it is longer: whatever reads notes
/// refuses that.
///
/// # Errors
/// It cannot be read, or is no regular file.
pub fn read_note(path: &Path) -> io::Result<Vec<u8>> {
    open(path).and_then(note)
}

/// The same of an open file.
pub(super) fn note(file: File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(NOTE_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// How a scan ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// Behind the last line feed.
    Clean,
    /// The last line, which begins at `at`, has no line feed.
    Partial {
        /// Offset of its first byte.
        at: u64,
    },
    /// The line that begins at `at` was refused.
    Fault {
        /// Offset of its first byte.
        at: u64,
        /// Why.
        reason: String,
    },
}

/// Bytes read at once: so many that reading costs little beside hashing.
const BUFFER: usize = 256 * 1024;

/// Reads the lines in `from..until` and gives each, without its line feed, to `each`, until that refuses one.
pub(super) fn scan(file: &File, from: u64, until: u64, each: impl FnMut(u64, &[u8]) -> Result<(), String>) -> io::Result<End> {
    scan_lines(file, from, until, LINE_MAX, each)
}

/// As [`scan`], for lines of at most so many bytes.
pub(super) fn scan_lines(
    file: &File,
    from: u64,
    until: u64,
    longest: usize,
    mut each: impl FnMut(u64, &[u8]) -> Result<(), String>,
) -> io::Result<End> {
    let mut reader = Ahead { window: Window { file, at: from, until }, buffer: vec![0; BUFFER], read: 0..0 };
    let mut line = Vec::with_capacity(longest + 1);
    let mut at = from;
    loop {
        line.clear();
        let length = reader.by_ref().take(longest as u64 + 1).read_until(b'\n', &mut line)?;
        match line.strip_suffix(b"\n") {
            None if length == 0 => return Ok(End::Clean),
            None if length > longest => {
                return Ok(End::Fault { at, reason: format!("the line is longer than {} KiB", longest / 1024) });
            }
            None => return Ok(End::Partial { at }),
            Some(text) => {
                if let Err(reason) = each(at, text) {
                    return Ok(End::Fault { at, reason });
                }
            }
        }
        at += length as u64;
    }
}

/// Where the next line begins at or behind `from`; `until` if none does.
pub(super) fn next_line(file: &File, from: u64, until: u64) -> io::Result<u64> {
    let mut skipped = Vec::new();
    let length = BufReader::new(Window { file, at: from, until }).read_until(b'\n', &mut skipped)?;
    Ok((from + length as u64).min(until))
}

/// A part of a file, read by position, so that readers of one descriptor do not disturb each other.
struct Window<'a> {
    file: &'a File,
    at: u64,
    until: u64,
}

impl Read for Window<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.until.saturating_sub(self.at)).unwrap_or(usize::MAX).min(buffer.len());
        let length = self.file.read_at(&mut buffer[..left], self.at)?;
        self.at += length as u64;
        Ok(length)
    }
}

/// A part of a file, read ahead. The buffer of the standard library writes all of itself before the first read; of this one no page is written
/// that nothing is read into, and each start scans a ledger that is short as a rule.
struct Ahead<'a> {
    window: Window<'a>,
    buffer: Vec<u8>,
    /// What of it was read and not taken yet.
    read: Range<usize>,
}

impl Read for Ahead<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(out)?;
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Ahead<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.read.is_empty() {
            self.read = 0..self.window.read(&mut self.buffer)?;
        }
        Ok(&self.buffer[self.read.clone()])
    }

    fn consume(&mut self, length: usize) {
        self.read.start += length.min(self.read.len());
    }
}

/// The bytes `from..until`, fewer if the file ends before.
pub(super) fn bytes(file: &File, from: u64, until: u64) -> io::Result<Vec<u8>> {
    // At once what most ask for, since a vector that grows as it is read leaves its former places behind.
    let most = usize::try_from(until.saturating_sub(from)).map_or(BUFFER, |length| length.min(BUFFER));
    let mut out = Vec::with_capacity(most);
    Window { file, at: from, until }.read_to_end(&mut out)?;
    Ok(out)
}

/// The line that begins at `from`, without its line feed; `None` if there is no line feed within the length of a line. Reads little more than the
/// line has.
pub(super) fn line_at(file: &File, from: u64) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    BufReader::new(Window { file, at: from, until: from.saturating_add(LINE_MAX as u64 + 1) }).read_until(b'\n', &mut line)?;
    Ok(line.pop_if(|last| *last == b'\n').map(|_| line))
}

/// Time of the first line; `None` if there is none that can be read.
pub(super) fn first_time(file: &File) -> io::Result<Option<Micros>> {
    let first = line_at(file, 0)?;
    Ok(first.and_then(|text| line::parse(&text).ok()?.micros()))
}

/// Offset of a line at or before the first one whose time is `since` or later: times never go back, so a binary search finds it
/// with a few reads. `size` must be the end of a line.
pub(super) fn seek(file: &File, size: u64, since: Micros) -> io::Result<u64> {
    let wanted = since.rfc3339();
    // Lines that begin at or before `low` are older; a line that begins at or behind `high` is not needed to begin with.
    let (mut low, mut high) = (0, size);
    while high - low > 4 * LINE_MAX as u64 {
        let middle = low + (high - low) / 2;
        let chunk = bytes(file, middle, (middle + 2 * LINE_MAX as u64 + 2).min(high))?;
        let Some(feed) = chunk.iter().position(|b| *b == b'\n') else { return Ok(low) };
        let begin = middle + feed as u64 + 1;
        let rest = &chunk[feed + 1..];
        let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        match line::parse(&rest[..end]) {
            Ok(line) if line.ts < wanted.as_str() => low = begin,
            Ok(_) => high = middle,
            // A damaged line is for the scan to report: begin before it.
            Err(_) => return Ok(low),
        }
    }
    Ok(low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn a_scan_gives_whole_lines_and_names_a_partial_one() {
        let file = file(b"a\nbb\nccc");
        let mut seen = Vec::new();
        let end = scan(&file, 0, 8, |at, line| {
            seen.push((at, line.to_vec()));
            Ok(())
        });
        assert_eq!(end.unwrap(), End::Partial { at: 5 });
        assert_eq!(seen, [(0, b"a".to_vec()), (2, b"bb".to_vec())]);
        assert_eq!(scan(&file, 2, 5, |_, _| Ok(())).unwrap(), End::Clean);
        assert_eq!(scan(&file, 0, 8, |_, _| Err("no".into())).unwrap(), End::Fault { at: 0, reason: "no".into() });
    }

    #[test]
    fn lines_across_the_ends_of_buffers_are_whole() {
        let text: Vec<u8> = (0..40_000_u32).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
        assert!(text.len() > BUFFER && text[BUFFER - 1] != b'\n', "one lies across");
        let (file, mut lines) = (file(&text), 0..);
        let end = scan(&file, 0, text.len() as u64, |_, line| match lines.next() {
            Some(n) if line == format!("line {n}").as_bytes() => Ok(()),
            _ => Err(String::from_utf8_lossy(line).into_owned()),
        });
        assert_eq!((end.unwrap(), lines.next()), (End::Clean, Some(40_000)));
    }

    #[test]
    fn one_line_is_read_and_no_more_than_a_line() {
        let file = file(b"a\nbb\nccc");
        let line = |from| line_at(&file, from).unwrap();
        assert_eq!((line(0), line(2), line(5), line(8)), (Some(b"a".to_vec()), Some(b"bb".to_vec()), None, None));
        for (length, is_one) in [(LINE_MAX, true), (LINE_MAX + 1, false)] {
            let long = self::file(&[vec![b'x'; length], b"\n".to_vec()].concat());
            assert_eq!(line_at(&long, 0).unwrap().is_some_and(|line| line.len() == length), is_one);
        }
    }

    #[test]
    fn an_endless_line_is_refused_without_reading_it_all() {
        let end = scan(&file(&vec![b'x'; 3 * LINE_MAX]), 0, 3 * LINE_MAX as u64, |_, _| Ok(())).unwrap();
        assert!(matches!(end, End::Fault { at: 0, .. }));
        let longest = [vec![b'x'; LINE_MAX], b"\n".to_vec()].concat();
        assert_eq!(scan(&file(&longest), 0, LINE_MAX as u64 + 1, |_, _| Ok(())).unwrap(), End::Clean);
    }

    #[test]
    fn seeking_finds_a_line_before_the_instant_and_not_far_before() {
        let mut text = Vec::new();
        let mut begins = Vec::new();
        for n in 0..20_000u64 {
            begins.push(text.len() as u64);
            text.extend(line::build(n, &[0; 32], Micros(n * 1_000_000), b"\"t\":\"x\"}"));
            text.push(b'\n');
        }
        let file = file(&text);
        for n in [0, 1, 777, 10_000, 19_999] {
            let at = seek(&file, text.len() as u64, Micros(n * 1_000_000)).unwrap();
            let wanted = begins[usize::try_from(n).unwrap()];
            assert!(at <= wanted && wanted - at <= 4 * LINE_MAX as u64, "{n}: {at} {wanted}");
            assert!(begins.binary_search(&at).is_ok(), "an offset inside a line");
        }
    }
}
