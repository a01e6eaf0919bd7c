//! Texts in the places of a request: what is encoded, and what cannot stand there at all.

use std::fmt::Write as _;

/// Everything but the unreserved characters of RFC 3986 (letters, digits, `-._~`) as `%XX` of its UTF-8 bytes.
pub(crate) fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The text with every `%XX` decoded, once. What is no escape stays, and bytes that are no UTF-8 become U+FFFD.
pub(crate) fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let escaped = match rest {
            [b'%', high, low, ..] => digit(*high).zip(digit(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        out.push(escaped.unwrap_or(*byte));
        rest = if escaped.is_some() { &rest[3..] } else { after };
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// How often a segment is decoded beyond the one time of the standard: by a server that decodes twice, and by a URL parser behind it, to
/// which `%2e` is a dot.
const DECODED_MAX: usize = 2;

/// May this be a path segment with values of the caller in it? `segment` is all of it as the server has it after decoding once: some servers
/// do that before they split the path, and some decode again. A way up for any of them is refused, although it is one segment by the
/// standard.
pub(super) fn fits_segment(segment: &str) -> Result<(), &'static str> {
    if segment.chars().any(char::is_control) {
        return Err("must not contain control characters");
    }
    let mut text = segment.to_owned();
    for _ in 0..=DECODED_MAX {
        if text.is_empty() || text.split(['/', '\\']).any(is_dots) {
            return Err("would make an empty, `.` or `..` segment of the path");
        }
        text = decoded(&text);
    }
    Ok(())
}

/// Is it `.` or `..`? Some servers cut a part at `;` before they look.
fn is_dots(part: &str) -> bool {
    matches!(part.split(';').next(), Some("." | ".."))
}

/// May this value be that of a header?
pub(super) fn fits_header(text: &str) -> Result<(), &'static str> {
    if !text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Err("must be printable ASCII on one line, since it is sent as a header");
    }
    if text.starts_with(' ') || text.ends_with(' ') {
        return Err("must not begin or end with a space, since it is sent as a header");
    }
    Ok(())
}
