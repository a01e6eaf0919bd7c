//! One line of the ledger: its fixed beginning, its limits, and JSON in ASCII alone.

use super::chain::{Hash, push_hex, unhex};
use airlock_core::clock::Micros;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};
use std::io::{self, Write};

/// Longest line without its line feed, in bytes: one read of any tool, and small enough to hold thousands in memory.
pub const LINE_MAX: usize = 16 * 1024;
/// Longest fixed beginning: 20 digits of `seq`, 64 of `prev`, 27 of `ts`, and the keys around them.
pub const PREFIX_MAX: usize = 160;
/// Longest body that leaves room for the beginning.
pub const BODY_MAX: usize = LINE_MAX - PREFIX_MAX;

/// The parts of a line, after its form was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Number of the entry, from 0, without gaps.
    pub seq: u64,
    /// Leaf hash of the line before.
    pub prev: Hash,
    /// Time, 27 bytes, so that comparing text compares time.
    pub ts: &'a str,
    /// The other members, from `"t":` up to and with the closing brace.
    pub body: &'a [u8],
}

impl Line<'_> {
    /// The time as a number; `None` if it has the form of a time but names no day of the calendar.
    #[must_use]
    pub fn micros(&self) -> Option<Micros> {
        Micros::parse(self.ts)
    }
}

/// Builds the exact bytes of a line, without its line feed. `body` begins with `"t":` and ends with the brace.
#[must_use]
pub fn build(seq: u64, prev: &Hash, ts: Micros, body: &[u8]) -> Vec<u8> {
    build_at(seq, prev, &ts.rfc3339(), body)
}

/// As [`build`], with the time as it stands in the line.
pub(super) fn build_at(seq: u64, prev: &Hash, ts: &str, body: &[u8]) -> Vec<u8> {
    let mut line = Vec::with_capacity(PREFIX_MAX + body.len());
    begin(&mut line, seq, prev, ts);
    line.extend_from_slice(body);
    line
}

/// Writes the fixed beginning of a line behind what is there already; a body follows it.
pub(super) fn begin(out: &mut Vec<u8>, seq: u64, prev: &Hash, ts: &str) {
    out.extend_from_slice(b"{\"seq\":");
    push_number(out, seq);
    out.extend_from_slice(b",\"prev\":\"");
    push_hex(out, prev);
    out.extend_from_slice(b"\",\"ts\":\"");
    out.extend_from_slice(ts.as_bytes());
    out.extend_from_slice(b"\",");
}

/// A number in decimal, without the machinery of formats: each line has several.
pub(super) fn push_number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        // One digit, so it fits.
        digits[at] += u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Splits a line (without line feed) without a JSON parser.
///
/// # Errors
/// A sentence fragment that says which part of the form is broken.
pub fn parse(line: &[u8]) -> Result<Line<'_>, &'static str> {
    if line.len() > LINE_MAX {
        return Err("the line is longer than 16 KiB");
    }
    // Without an early exit the compiler looks at many bytes at once.
    if line.iter().fold(0, |odd, b| odd | u8::from(b.wrapping_sub(0x20) > 0x5e)) != 0 {
        return Err("the line has a byte that is not printable ASCII");
    }
    let rest = line.strip_prefix(b"{\"seq\":").ok_or("the line does not begin with {\"seq\":")?;
    let (seq, rest) = number(rest).ok_or("seq is not a plain number")?;
    let rest = rest.strip_prefix(b",\"prev\":\"").ok_or("prev does not follow seq")?;
    let (prev, rest) = rest.split_at_checked(64).ok_or("prev is cut short")?;
    let prev = unhex(prev).ok_or("prev is not 64 lower-case hexadecimal digits")?;
    let rest = rest.strip_prefix(b"\",\"ts\":\"").ok_or("ts does not follow prev")?;
    let (ts, rest) = rest.split_at_checked(27).ok_or("ts is cut short")?;
    let ts = timestamp(ts).ok_or("ts is not of the form 2026-01-31T00:00:00.000000Z")?;
    let body = rest.strip_prefix(b"\",").ok_or("nothing follows ts")?;
    if !(body.starts_with(b"\"t\":\"") && body.ends_with(b"}")) {
        return Err("the line has no type or no end");
    }
    Ok(Line { seq, prev, ts, body })
}

/// A decimal number without leading zeros, and what follows it.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (number, rest) = text.split_at(digits);
    if digits > 1 && number[0] == b'0' {
        return None;
    }
    Some((std::str::from_utf8(number).ok()?.parse().ok()?, rest))
}

/// Checks shape and time of day; whether the date exists is checked when it changes, because a verifier does this a million times.
fn timestamp(text: &[u8]) -> Option<&str> {
    const SHAPE: &[u8; 27] = b"0000-00-00T00:00:00.000000Z";
    let fits = text.iter().zip(SHAPE).all(|(c, shape)| if *shape == b'0' { c.is_ascii_digit() } else { c == shape });
    let in_day = text[11..13] <= b"23"[..] && text[14..16] <= b"59"[..] && text[17..19] <= b"59"[..];
    if fits && in_day { std::str::from_utf8(text).ok() } else { None }
}

/// Compact JSON of `value` with everything outside printable ASCII as `\uXXXX`, so that no tool that prints a line sends a
/// terminal an escape sequence.
#[must_use]
pub fn ascii_json(value: &impl Serialize) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, Ascii(CompactFormatter));
    // Writing plain data to memory cannot fail; were it to, the empty text is refused by every reader.
    if value.serialize(&mut serializer).is_err() {
        out.clear();
    }
    out
}

/// `serde_json` leaves DEL and everything beyond ASCII as it is; this does not.
struct Ascii(CompactFormatter);

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        // Nearly always there is nothing to do, and looking at bytes is quicker than taking characters apart.
        if fragment.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return self.0.write_string_fragment(writer, fragment);
        }
        let mut plain_from = 0;
        for (at, c) in fragment.char_indices().filter(|(_, c)| !matches!(c, ' '..='~')) {
            self.0.write_string_fragment(writer, &fragment[plain_from..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            plain_from = at + c.len_utf8();
        }
        self.0.write_string_fragment(writer, &fragment[plain_from..])
    }
}

#[cfg(test)]
mod tests {
    use super::super::chain::hex;
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Vec<u8> {
        build(4, &[0xab; 32], Micros(1_795_326_600_123_456), b"\"t\":\"decision\",\"d\":\"allow\"}")
    }

    #[test]
    fn a_line_comes_apart_as_it_was_built() {
        let line = sample();
        let parts = parse(&line).unwrap();
        assert_eq!((parts.seq, parts.prev, parts.ts), (4, [0xab; 32], "2026-11-22T05:50:00.123456Z"));
        assert_eq!(parts.body, b"\"t\":\"decision\",\"d\":\"allow\"}");
        assert_eq!(parts.micros(), Some(Micros(1_795_326_600_123_456)));
    }

    #[test]
    fn the_beginning_never_exceeds_its_room() {
        assert!(build(u64::MAX, &[0; 32], Micros(0), b"").len() <= PREFIX_MAX);
    }

    #[test]
    fn other_spellings_are_refused() {
        let good = String::from_utf8(sample()).unwrap();
        for (from, to) in [
            ("\"seq\":4", "\"seq\":04"),
            ("\"seq\":4", "\"seq\":"),
            ("\"seq\":4", "\"seq\":99999999999999999999"),
            ("{\"seq\"", "{ \"seq\""),
            ("abab\",\"ts\"", "abaB\",\"ts\""),
            ("T05", " 05"),
            ("T05", "T24"),
            ("\"t\":", "\"x\":"),
            ("}", ""),
            ("allow", "all\u{e9}ow"),
            ("allow", "all\u{1b}ow"),
        ] {
            assert!(good.contains(from), "{from}");
            assert!(parse(good.replacen(from, to, 1).as_bytes()).is_err(), "{from} -> {to}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn a_changed_beginning_is_refused_or_read_back_the_same(at in 0usize..120, to in 0x20u8..0x7f) {
            let mut line = sample();
            line[at] = to;
            if let Ok(parts) = parse(&line) {
                let ts = parts.ts.to_owned();
                let rebuilt = format!("{{\"seq\":{},\"prev\":\"{}\",\"ts\":\"{ts}\",", parts.seq, hex(&parts.prev));
                prop_assert!(line.starts_with(rebuilt.as_bytes()));
            }
        }

        #[test]
        fn any_text_becomes_printable_ascii_and_comes_back(text in any::<String>()) {
            let json = ascii_json(&text);
            prop_assert!(json.iter().all(|b| matches!(b, 0x20..=0x7e)));
            prop_assert_eq!(serde_json::from_slice::<String>(&json).unwrap(), text);
        }
    }
}
