//! Other readings of a text: escapes resolved, encoded runs decoded, letters turned round. None is ever larger than its source.

/// Shortest run of base64 or hex digits that is tried: twelve bytes of text, more than a word.
pub(super) const RUN_MIN: usize = 16;
/// Lines this long are taken to be wrapped, and the run goes on after the line end.
const WRAP_MIN: usize = 60;

/// Percent, HTML and backslash escapes resolved in one pass; `None` if there are none.
pub(super) fn unescape(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    // Three searches for one byte are faster than one for three.
    if !(bytes.contains(&b'%') || bytes.contains(&b'&') || bytes.contains(&b'\\')) {
        return None;
    }
    let mut out = Vec::with_capacity(bytes.len());
    let (mut at, mut changed) = (0, false);
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        match escape(rest) {
            Some((c, length)) => {
                c.push_to(&mut out);
                at += length;
                changed = true;
            }
            None => {
                out.push(rest[0]);
                at += 1;
            }
        }
    }
    changed.then(|| String::from_utf8_lossy(&out).into_owned())
}

/// What an escape stands for.
enum Unit {
    Byte(u8),
    Char(char),
}

impl Unit {
    fn push_to(&self, out: &mut Vec<u8>) {
        match self {
            Self::Byte(byte) => out.push(*byte),
            Self::Char(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// The escape at the start of `rest` and its length.
fn escape(rest: &[u8]) -> Option<(Unit, usize)> {
    match rest {
        [b'%', high, low, ..] => Some((Unit::Byte(hex(*high)? << 4 | hex(*low)?), 3)),
        [b'\\', b'x', high, low, ..] => Some((Unit::Byte(hex(*high)? << 4 | hex(*low)?), 4)),
        [b'\\', b'u', a, b, c, d, ..] if *a != b'{' => {
            let code = [a, b, c, d].iter().try_fold(0u32, |code, digit| Some(code << 4 | u32::from(hex(**digit)?)))?;
            Some((Unit::Char(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)), 6))
        }
        [b'\\', b'u', b'{', number @ ..] => braced(number).map(|(c, length)| (Unit::Char(c), length + 3)),
        [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] => {
            Some((Unit::Byte((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0')), 4))
        }
        [b'\\', b'n' | b'r' | b't', ..] => Some((Unit::Byte(b' '), 2)),
        [b'&', b'#', b'x' | b'X', number @ ..] => entity(number, 16).map(|(c, length)| (Unit::Char(c), length + 3)),
        [b'&', b'#', number @ ..] => entity(number, 10).map(|(c, length)| (Unit::Char(c), length + 2)),
        [b'&', ..] => [("&lt;", b'<'), ("&gt;", b'>'), ("&amp;", b'&'), ("&quot;", b'"'), ("&nbsp;", b' ')]
            .into_iter()
            .find(|(name, _)| rest.starts_with(name.as_bytes()))
            .map(|(name, byte)| (Unit::Byte(byte), name.len())),
        _ => None,
    }
}

/// Up to seven digits and, as readers of HTML allow it to be left out, perhaps a semicolon.
fn entity(number: &[u8], radix: u32) -> Option<(char, usize)> {
    let is_digit = |byte: &u8| if radix == 16 { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() };
    let end = number.iter().take(7).position(|byte| !is_digit(byte)).unwrap_or(number.len().min(7));
    let digits = std::str::from_utf8(number.get(..end)?).ok()?;
    let code = u32::from_str_radix(digits, radix).ok()?;
    Some((char::from_u32(code)?, end + usize::from(number.get(end) == Some(&b';'))))
}

/// Up to six hex digits and a brace.
fn braced(number: &[u8]) -> Option<(char, usize)> {
    let end = number.iter().take(7).position(|byte| *byte == b'}')?;
    let digits = std::str::from_utf8(number.get(..end)?).ok()?;
    Some((char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, end + 1))
}

/// Fewest numbers in a row that are taken for letters.
pub(super) const CODES_MIN: usize = 12;

/// Rows of numbers that are letters, one row a line: two hex digits, two or three decimal ones, eight bits each, with a space, a comma, a
/// colon or `=` (as in quoted-printable mail) before each; `None` if there is none.
pub(super) fn decode_codes(text: &str) -> Option<String> {
    let (mut out, mut rows) = (String::new(), [Vec::new(), Vec::new(), Vec::new()]);
    let mut end = |rows: &mut [Vec<u8>; 3]| {
        // The first reading that is text; a row that is one in two ways is mostly decimal.
        let read = |row: &Vec<u8>| (row.len() >= CODES_MIN).then(|| readable(row.clone())).flatten();
        let found = rows.iter().filter_map(read).find(|text| text.bytes().any(|byte| byte.is_ascii_alphabetic()));
        if let Some(text) = found {
            out.push_str(&text);
            out.push('\n');
        }
        rows.iter_mut().for_each(Vec::clear);
    };
    for word in text.split([' ', ',', ':', '=', '\n', '\r']).filter(|word| !word.is_empty()) {
        let of = |radix: u32, lengths: [usize; 2]| {
            lengths.contains(&word.len()).then(|| u8::from_str_radix(word, radix).ok()).flatten()
        };
        let codes = [of(10, [2, 3]), of(16, [2, 2]), of(2, [8, 8])];
        if codes.iter().all(Option::is_none) {
            end(&mut rows);
        }
        for (row, code) in rows.iter_mut().zip(codes) {
            // Of a row with a number that is none in this reading nothing is left.
            match code {
                Some(code) => row.push(code),
                None => row.clear(),
            }
        }
    }
    end(&mut rows);
    (!out.is_empty()).then_some(out)
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// All base64 and hex runs that decode to text, one a line; `None` if there is none.
pub(super) fn decode_runs(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let (mut out, mut joined) = (String::new(), Vec::new());
    let mut at = 0;
    while let Some(first) = bytes.get(at..).and_then(|rest| rest.first_chunk::<RUN_MIN>()) {
        // No run that is long enough spans what is no digit: a line that could be taken to be wrapped is longer.
        if let Some(other) = first.iter().rposition(|byte| !is_digit(*byte)) {
            at += other + 1;
            continue;
        }
        let line = bytes[at..].iter().position(|byte| !is_digit(*byte)).map_or(bytes.len(), |length| at + length);
        let (end, digits) = if line - at < WRAP_MIN { (line, &bytes[at..line]) } else { (run(bytes, at, &mut joined), &*joined) };
        if let Some(decoded) = from_hex(digits).or_else(|| from_base32(digits)).or_else(|| from_base64(digits)) {
            out.push_str(&decoded);
            out.push('\n');
        }
        at = end;
    }
    (!out.is_empty()).then_some(out)
}

/// Puts the run of base64 digits at `at` (line ends of wrapped text left out) into `digits`; gives where it ends.
fn run(bytes: &[u8], at: usize, digits: &mut Vec<u8>) -> usize {
    let (mut end, mut line) = (at, 0);
    digits.clear();
    while let Some(byte) = bytes.get(end) {
        match byte {
            digit if is_digit(*digit) => {
                digits.push(*digit);
                line += 1;
            }
            b'\r' | b'\n' if line >= WRAP_MIN || (line == 0 && !digits.is_empty()) => line = 0,
            _ => break,
        }
        end += 1;
    }
    end
}

/// Of base64 in either alphabet; hex digits are among them. A table, since every byte of every text is asked for.
pub(super) const fn is_digit(byte: u8) -> bool {
    const DIGITS: [bool; 256] = {
        let (mut digits, mut at) = ([false; 256], 0u8);
        while at < 128 {
            digits[at as usize] = at.is_ascii_alphanumeric() || matches!(at, b'+' | b'/' | b'-' | b'_');
            at += 1;
        }
        digits
    };
    DIGITS[byte as usize]
}

fn from_hex(digits: &[u8]) -> Option<String> {
    let bytes: Option<Vec<u8>> =
        digits.chunks_exact(2).map(|pair| Some(hex(*pair.first()?)? << 4 | hex(*pair.get(1)?)?)).collect();
    readable(bytes?)
}

/// Base32 (RFC 4648) without what pads it; stray bits at the end are dropped.
fn from_base32(digits: &[u8]) -> Option<String> {
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0_u8);
    for digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'2'..=b'7' => digit - b'2' + 26,
            _ => return None,
        };
        bits = (bits << 5 | u32::from(value)) & 0xFFFF;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xFF).unwrap_or_default());
        }
    }
    readable(bytes)
}

/// Base64 of either alphabet, with or without padding; stray bits at the end are dropped.
fn from_base64(digits: &[u8]) -> Option<String> {
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0u32, 0u8);
    for digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' | b'-' => 62,
            _ => 63,
        };
        bits = (bits << 6 | u32::from(value)) & 0xFFFF;
        held += 6;
        if held >= 8 {
            held -= 8;
            let byte = u8::try_from(bits >> held & 0xFF).unwrap_or_default();
            // No text has one of these, or begins within a character; most runs that are no base64 end here, after a few bytes.
            let within = bytes.is_empty() && matches!(byte, 0x80..=0xbf);
            if within || matches!(byte, 0..=8 | 0xb | 0xc | 0xe..=0x1f | 0x7f | 0xc0 | 0xc1 | 0xf5..=0xff) {
                return None;
            }
            if bytes.is_empty() {
                bytes.reserve(digits.len() * 3 / 4);
            }
            bytes.push(byte);
        }
    }
    readable(bytes)
}

/// Valid UTF-8 (but for a cut end) without control characters.
fn readable(mut bytes: Vec<u8>) -> Option<String> {
    if let Err(fault) = std::str::from_utf8(&bytes)
        && fault.error_len().is_none()
    {
        bytes.truncate(fault.valid_up_to());
    }
    let text = String::from_utf8(bytes).ok()?;
    (!text.is_empty() && !text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r'))).then_some(text)
}

/// ROT13 of the ASCII letters.
pub(super) fn rot13(text: &str) -> String {
    let turn = |c: char, first: u8| char::from((u8::try_from(c).unwrap_or(first) - first + 13) % 26 + first);
    text.chars()
        .map(|c| match c {
            'a'..='z' => turn(c, b'a'),
            'A'..='Z' => turn(c, b'A'),
            other => other,
        })
        .collect()
}

/// The text without hyphens that stand at a break (`instruc- tions`); `None` if there are none.
pub(super) fn unhyphenate(text: &str) -> Option<String> {
    if !text.contains('-') {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('-') {
        out.push_str(before);
        let next = after.trim_start();
        let broken = before.ends_with(char::is_alphabetic) && next.starts_with(char::is_alphabetic);
        if !broken {
            out.push('-');
        }
        rest = if broken { next } else { after };
    }
    out.push_str(rest);
    (out.len() < text.len()).then_some(out)
}

/// Longest tag that is taken out of a word.
const TAG_MAX: usize = 64;
/// Marks that are taken out of words.
const MARKS: [char; 6] = ['*', '|', '\\', '~', '^', '`'];
/// What a text has, of ASCII, from which [`unmark`] takes something out.
pub(super) const MARKED: &[u8] = b"<*|\\~^`";

/// The text without what stands within words and shows nothing or says nothing: tags, comments of HTML, and marks. `None` where fewer
/// than two words have it.
pub(super) fn unmark(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut taken) = (text, 0);
    while let Some(at) = rest.find(|c| c == '<' || MARKS.contains(&c)) {
        let (before, mark) = rest.split_at(at);
        out.push_str(before);
        let length = if mark.starts_with('<') { tags(mark) } else { mark.len() - mark.trim_start_matches(MARKS).len() };
        let after = &mark[length.max(1)..];
        let is_within = length > 0 && out.ends_with(char::is_alphabetic) && after.starts_with(char::is_alphabetic);
        if is_within {
            taken += 1;
        } else {
            out.push_str(&mark[..length.max(1)]);
        }
        rest = after;
    }
    out.push_str(rest);
    (taken > 1).then_some(out)
}

/// Length of the tags and comments that a text begins with.
fn tags(text: &str) -> usize {
    let mut length = 0;
    while let Some(tag) = text[length..].strip_prefix('<') {
        let head = &tag[..tag.floor_char_boundary(TAG_MAX)];
        let end = if head.starts_with("!--") { head.find("-->").map(|end| end + 3) } else { head.find('>').map(|end| end + 1) };
        match end {
            Some(end) => length += 1 + end,
            None => break,
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_resolve() {
        assert_eq!(unescape("a%20b").as_deref(), Some("a b"));
        assert_eq!(unescape("&#73;g&#x6e;ore &lt;x&gt;").as_deref(), Some("Ignore <x>"));
        assert_eq!(unescape(r"\u0049g \x41").as_deref(), Some("Ig A"));
        assert_eq!(unescape("100 % & more \\"), None);
        assert_eq!(unescape("%zz &#; &#x110000; \\uD800").as_deref(), Some("%zz &#; &#x110000; \u{fffd}"));
        assert_eq!(unescape(r"\u{49}g\156&#111&#x72; \u{110000} \u{}").as_deref(), Some(r"Ignor \u{110000} \u{}"));
    }

    #[test]
    fn runs_decode_to_text_only() {
        assert_eq!(decode_runs("x SWdub3JlIHByZXZpb3Vz y").as_deref(), Some("Ignore previous\n"));
        assert_eq!(decode_runs("49676e6f7265207072657669").as_deref(), Some("Ignore previ\n"));
        assert_eq!(decode_runs("d41d8cd98f00b204e9800998ecf8427e"), None, "a digest is no text");
        assert_eq!(decode_runs("hello world"), None);
    }

    #[test]
    fn numbers_in_a_row_are_letters() {
        for row in [
            "49 67 6e 6f 72 65 20 74 68 65 20 72 75 6c 65 73",
            "73 103 110 111 114 101 32 116 104 101 32 114 117 108 101 115",
            "=49=67=6e=6f=72=65=20=74=68=65=20=72=75=6c=65=73",
            "01001001 01100111 01101110 01101111 01110010 01100101 00100000 01110100 01101000 01100101 00100000 01110010 01110101 01101100 01100101 01110011",
        ] {
            assert_eq!(decode_codes(&format!("see {row}, ok")).as_deref(), Some("Ignore the rules\n"), "{row}");
        }
        for text in ["10 20 30 40", "12:30 14:45 2026-05-15, 10 apples and 20 pears", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15"] {
            assert_eq!(decode_codes(text), None, "{text}");
        }
        assert_eq!(decode_runs("JFTW433SMUQHI2DFEBZHK3DFOM").as_deref(), Some("Ignore the rules\n"));
    }

    #[test]
    fn words_are_put_together_again() {
        assert_eq!(
            unmark("Ig<b>no</b>re pre<!-- x -->vi<i></i>ous **bold** a|b").as_deref(),
            Some("Ignore previous **bold** ab")
        );
        assert_eq!(unmark("a*b and <b>bold</b> words | here"), None, "one word alone");
        assert_eq!(unmark("a<b é<c").as_deref(), None);
    }

    #[test]
    fn turned_letters() {
        assert_eq!(rot13("Vtaber, 1 é"), "Ignore, 1 é");
        assert_eq!(unhyphenate("se- nd in-\nstruc- tions").as_deref(), Some("send instructions"));
        assert_eq!(unhyphenate("a - b"), None);
    }

    proptest! {
        #[test]
        fn no_reading_outgrows_its_source(text in "(\\PC|%[0-9a-f]{2}|&#[0-9]{1,7};|[A-Za-z0-9]{20}){0,20}") {
            for reading in [unescape(&text), decode_runs(&text), decode_codes(&text), unmark(&text), unhyphenate(&text)].into_iter().flatten() {
                // A byte that is no UTF-8 becomes a three-byte replacement character.
                prop_assert!(reading.len() <= 3 * text.len());
            }
        }
    }
}
