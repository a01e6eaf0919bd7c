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

/// May this value become a part of a path segment? Some servers decode `%2F` and `%5C` before they look at the path, and some decode
/// twice, so a value that is a way up for such a server is refused although it is one segment by the standard.
pub(super) fn fits_segment(text: &str) -> Result<(), &'static str> {
    if text.chars().any(char::is_control) {
        return Err("must not contain control characters");
    }
    let lower = text.to_ascii_lowercase();
    let decoded = lower.replace("%2e", ".").replace("%2f", "/").replace("%5c", "/");
    let parts: Vec<&str> = decoded.split(['/', '\\']).collect();
    // A value of dots alone is the segment's matter: behind other text it is no way up.
    if parts.len() > 1 && parts.iter().any(|part| matches!(*part, "." | "..")) {
        return Err("must not contain a `.` or `..` between slashes");
    }
    Ok(())
}

/// Is this no name of its own as a segment? `%2e` is a dot to every URL parser.
pub(super) fn is_no_segment(segment: &str) -> bool {
    matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "" | "." | "..")
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
