//! Reading a whole segment with the leaf of each line: what a verifier and a maker of proofs do a million times.

use super::chain::{Hash, leaf};
use super::files::End;
use super::lanes::{self, LANES, leaves};
use super::line::LINE_MAX;
use std::fs::File;
use std::io::{self, BufRead};
use std::os::unix::fs::FileExt;

/// Bytes read at once, some hundreds of lines; a line of the longest kind always fits.
const BUFFER: usize = 256 * 1024;
const _: () = assert!(BUFFER > 2 * (LINE_MAX + 1), "a buffer holds a line and what was read behind it");

/// As [`super::files::scan`] from the beginning of a file to `until`, where each line comes with its leaf.
pub(super) fn scan_leaves(file: &File, until: u64, each: impl FnMut(u64, &[u8], Hash) -> Result<(), String>) -> io::Result<End> {
    scan_by(file, until, lanes::are_quicker(), each)
}

/// The same, with or without several lines side by side.
fn scan_by(
    file: &File,
    until: u64,
    in_lanes: bool,
    mut each: impl FnMut(u64, &[u8], Hash) -> Result<(), String>,
) -> io::Result<End> {
    let mut buffer = vec![0; BUFFER];
    // What is in the buffer, and where that begins in the file.
    let (mut filled, mut begin) = (0, 0);
    let mut lines = Vec::new();
    loop {
        let came = fill(file, &mut buffer[filled..], begin + filled as u64, until)?;
        filled += came;
        let (whole, long) = split(&buffer[..filled], &mut lines)?;
        if let Some(fault) = give(&buffer, begin, &lines, in_lanes, &mut each) {
            return Ok(fault);
        }
        let at = begin + whole as u64;
        if long {
            return Ok(End::Fault { at, reason: format!("the line is longer than {} KiB", LINE_MAX / 1024) });
        }
        if came == 0 {
            return Ok(if whole == filled { End::Clean } else { End::Partial { at } });
        }
        buffer.copy_within(whole..filled, 0);
        (filled, begin) = (filled - whole, at);
    }
}

/// Reads until the buffer is full or the file, or the part of it that is wanted, ends; gives how much came.
fn fill(file: &File, buffer: &mut [u8], at: u64, until: u64) -> io::Result<usize> {
    let most = usize::try_from(until.saturating_sub(at)).unwrap_or(usize::MAX).min(buffer.len());
    let mut filled = 0;
    while filled < most {
        match file.read_at(&mut buffer[filled..most], at + filled as u64) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Where the whole lines in a buffer begin and end, without their line feeds. Gives where the rest begins, and whether that is too long for a line.
fn split(text: &[u8], lines: &mut Vec<(usize, usize)>) -> io::Result<(usize, bool)> {
    lines.clear();
    let mut from = 0;
    loop {
        let rest = &text[from..];
        let length = (&mut &*rest).skip_until(b'\n')?;
        let is_whole = rest[..length].ends_with(b"\n");
        let text = if is_whole { length - 1 } else { length };
        if text > LINE_MAX {
            return Ok((from, true));
        }
        if !is_whole {
            return Ok((from, false));
        }
        lines.push((from, from + text));
        from += length;
    }
}

/// Gives each line with its leaf; the fault of the first one that is refused.
fn give(
    buffer: &[u8],
    begin: u64,
    lines: &[(usize, usize)],
    in_lanes: bool,
    each: &mut impl FnMut(u64, &[u8], Hash) -> Result<(), String>,
) -> Option<End> {
    let mut one = |line: &(usize, usize), hash: Hash| {
        let at = begin + line.0 as u64;
        each(at, &buffer[line.0..line.1], hash).err().map(|reason| End::Fault { at, reason })
    };
    let (groups, rest) = if in_lanes { lines.as_chunks::<LANES>() } else { (&[][..], lines) };
    for group in groups {
        let hashes = leaves(group.map(|(from, to)| &buffer[from..to]));
        for (line, hash) in group.iter().zip(hashes) {
            if let Some(fault) = one(line, hash) {
                return Some(fault);
            }
        }
    }
    rest.iter().find_map(|line| one(line, leaf(&buffer[line.0..line.1])))
}

#[cfg(test)]
mod tests {
    use super::super::files;
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    /// What both readers give, and how they end, where line `refused` is refused.
    fn agree(bytes: &[u8], until: u64, refused: usize) {
        let file = file(bytes);
        let read = |in_lanes| {
            let mut ours = Vec::new();
            let end = scan_by(&file, until, in_lanes, |at, text, hash| {
                assert_eq!(hash, leaf(text));
                ours.push((at, text.to_vec()));
                if ours.len() > refused { Err("no".into()) } else { Ok(()) }
            });
            (ours, end.unwrap())
        };
        let (ours, end) = read(true);
        assert!(read(false) == (ours.clone(), End::clone(&end)), "one after the other");
        let mut theirs = Vec::new();
        let other = files::scan(&file, 0, until, |at, text| {
            theirs.push((at, text.to_vec()));
            if theirs.len() > refused { Err("no".into()) } else { Ok(()) }
        });
        assert!(ours == theirs, "{} and {} lines", ours.len(), theirs.len());
        assert_eq!(end, other.unwrap());
    }

    #[test]
    fn it_gives_what_the_reader_of_single_lines_gives() {
        let line = |length: usize| [vec![b'x'; length], b"\n".to_vec()].concat();
        let many: Vec<u8> = (0..3000).flat_map(|n| line(n % 700)).collect();
        for (bytes, refused) in [
            (Vec::new(), 9),
            (b"a\nbb\nccc".to_vec(), 9),
            (b"a\nbb\nccc\n".to_vec(), 1),
            (many.clone(), usize::MAX),
            (many.clone(), 2500),
            ([many.as_slice(), b"half"].concat(), usize::MAX),
            // The longest line, at every place about the end of a buffer, and one that is too long.
            ([line(BUFFER / 16 - 9), line(LINE_MAX), line(5)].concat(), 9),
            ([(0..15).flat_map(|_| line(LINE_MAX)).collect(), line(LINE_MAX - 20), line(LINE_MAX)].concat(), 99),
            ([line(3), line(LINE_MAX + 1), line(3)].concat(), 9),
            ([line(3), vec![b'x'; LINE_MAX]].concat(), 9),
            ([line(3), vec![b'x'; LINE_MAX + 1]].concat(), 9),
            ([line(3), vec![b'x'; 4 * BUFFER]].concat(), 9),
        ] {
            agree(&bytes, bytes.len() as u64, refused);
            agree(&bytes, u64::MAX, refused);
            agree(&bytes, bytes.len() as u64 / 2, refused);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_alike(bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..2000), refused in 0usize..40) {
            agree(&bytes, bytes.len() as u64, refused);
        }
    }
}
