//! Which URIs an entry of the manifest covers. What two readers could take for two different places is covered by none.

use crate::call::{ArgFault, Args};

/// The argument of a resource.
const ARG: &str = "uri";

/// Checks the one argument of a resource.
///
/// # Errors
/// It is not a URI that this entry covers.
pub(super) fn check(entry: &str, args: &Args) -> Result<(), ArgFault> {
    let uri = args.get(ARG).and_then(serde_json::Value::as_str).unwrap_or_default();
    match covers(entry, uri) {
        true => Ok(()),
        false => {
            Err(ArgFault { arg: ARG, problem: "must be a plain URI of the entry, without `.`, `..` or coded separators".into() })
        }
    }
}

/// Is this URI the one of the entry, or one that begins as the entry says and can be read in one way only?
pub(super) fn covers(entry: &str, uri: &str) -> bool {
    match entry.strip_suffix('*') {
        None => uri == entry,
        Some(start) => uri.starts_with(start) && is_plain(uri),
    }
}

/// ASCII without spaces and backslashes, with no segment `.` or `..`, and no coded character that would be a separator, a dot, a per cent sign or
/// no character of a text: a server that decodes it sees the same segments.
fn is_plain(uri: &str) -> bool {
    let is_dots = |part: &str| matches!(part, "." | "..");
    uri.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
        && !uri.split(['/', '?', '#', ':', '=', '&', ';']).any(is_dots)
        && uri.split('%').skip(1).all(is_harmless)
}

/// May these two digits stand behind a `%`?
fn is_harmless(behind: &str) -> bool {
    let digits = behind.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
    byte.is_some_and(|byte| byte >= 0x80 || !(byte.is_ascii_control() || b"/\\.%?#:".contains(&byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_an_entry_covers() {
        for (entry, uri, covered) in [
            ("file:///a/b", "file:///a/b", true),
            ("file:///a/b", "file:///a/b/c", false),
            ("file:///a/*", "file:///a/b", true),
            ("file:///a/*", "file:///a/", true),
            ("file:///a/*", "file:///a/b/c.md?x=1", true),
            ("file:///a/*", "file:///a/b%20c%C3%A4", true),
            ("file:///a/*", "file:///a/..b", true),
            ("file:///a/*", "file:///ab", false),
            ("file:///a/*", "FILE:///a/b", false),
            ("file:///a/*", "file:///a/../b", false),
            ("file:///a/*", "file:///a/b/..", false),
            ("file:///a/*", "file:///a/./b", false),
            ("file:///a/*", "file:///a/..;x/b", false),
            ("file:///a/*", "file:///a/%2e%2E/b", false),
            ("file:///a/*", "file:///a/x%2f..%2fb", false),
            ("file:///a/*", "file:///a/%5c", false),
            ("file:///a/*", "file:///a/%252e", false),
            ("file:///a/*", "file:///a/%00", false),
            ("file:///a/*", "file:///a/%2", false),
            ("file:///a/*", "file:///a/%zz", false),
            ("file:///a/*", "file:///a/b\\..\\c", false),
            ("file:///a/*", "file:///a/b c", false),
            ("file:///a/*", "file:///a/ä", false),
            ("file:///a/*", "file:///a/\u{200b}", false),
        ] {
            assert_eq!(covers(entry, uri), covered, "{entry} {uri}");
        }
    }

    fn decoded(text: &str) -> String {
        let mut parts = text.split('%');
        let first = parts.next().unwrap_or_default().as_bytes().to_vec();
        let bytes = parts.fold(first, |mut bytes, part| {
            bytes.extend(u8::from_str_radix(part.get(..2).unwrap_or_default(), 16).ok());
            bytes.extend(part.get(2..).unwrap_or_default().bytes());
            bytes
        });
        String::from_utf8_lossy(&bytes).into_owned()
    }

    proptest! {
        #[test]
        fn what_is_covered_stays_below_the_beginning(rest in "(/|\\.|%2e|%2F|%5c|a|\\\\|%25|\\?){0,8}") {
            let uri = format!("file:///a/{rest}");
            if covers("file:///a/*", &uri) {
                // A server may decode once or twice, and go up at each `..`.
                for path in [decoded(&uri), decoded(&decoded(&uri))] {
                    let up = path.split(['/', '\\']).any(|part| part == "..");
                    prop_assert!(!up, "{uri}");
                }
            }
        }
    }
}
