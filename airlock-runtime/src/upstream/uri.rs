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
        false => Err(ArgFault {
            arg: ARG,
            problem: "must be a plain URI of the entry: no `.`, `..` or empty parts, and nothing coded that can stand as it is"
                .into(),
        }),
    }
}

/// Is this the template of URIs that a completion is of, rather than the name of a prompt? The manifest is read by the same rule.
#[cfg_attr(not(feature = "gateway"), allow(dead_code, reason = "only requests are sorted to entries"))]
pub(crate) fn is_template(of: &str) -> bool {
    of.contains(':') && of.contains('{')
}

/// How closely an entry speaks of a URI, in bytes: as the one that it names, or by the beginning of it. What hangs on at an exact one (a query, a
/// fragment, a slash) is its business too, and covered by it is none of that. A URI is judged by the entry that speaks of it most closely.
#[cfg_attr(not(feature = "gateway"), allow(dead_code, reason = "only requests are sorted to entries"))]
pub(crate) fn fit(entry: &str, uri: &str) -> Option<usize> {
    match entry.strip_suffix('*') {
        None if uri == entry => Some(usize::MAX),
        None => uri.strip_prefix(entry).is_some_and(|rest| rest.starts_with(['/', '?', '#'])).then_some(entry.len()),
        Some(start) => uri.starts_with(start).then_some(start.len()),
    }
}

/// Is this URI the one of the entry, or one that begins as the entry says, stays in the part in which the beginning ends, and can be written
/// and read in one way only?
pub(super) fn covers(entry: &str, uri: &str) -> bool {
    match entry.strip_suffix('*') {
        None => uri == entry,
        Some(start) => uri.strip_prefix(start).is_some_and(|rest| is_plain(uri) && stays(start, rest)),
    }
}

/// Does what follows a beginning stay in the part where it ends? A directory is not left by an empty segment, a value of a query by the next
/// one, a host by what looks like a user.
fn stays(start: &str, rest: &str) -> bool {
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    let is_whole = start.ends_with("://");
    let has_empty = path.contains("//") || (!is_whole && start.ends_with('/') && path.starts_with('/'));
    let in_value = start.contains(['?', '#']) && !start.ends_with(['?', '&']);
    let in_host = start.split_once("://").is_some_and(|(_, behind)| !behind.contains(['/', '?', '#']));
    let leaves = has_empty || (in_value && rest.contains(['&', ';', '#'])) || (in_host && rest.contains('@'));
    !leaves
}

/// Characters of a URI (RFC 3986, section 2) with no segment `.` or `..`. What can stand as it is does not stand coded, and digits of codes are in
/// capitals: so there is one spelling, and a server that decodes it sees the same segments.
fn is_plain(uri: &str) -> bool {
    let is_dots = |part: &str| matches!(part, "." | "..");
    uri.bytes().all(|byte| byte == b'%' || is_of_uri(byte))
        && !uri.split(['/', '?', '#', ':', '=', '&', ';']).any(is_dots)
        && uri.split('%').skip(1).all(is_harmless)
}

/// Can this character stand in a URI as it is?
fn is_of_uri(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=".contains(&byte)
}

/// May these two digits stand behind a `%`? They are those of a character that could not stand there otherwise, and that separates nothing.
fn is_harmless(behind: &str) -> bool {
    let digits =
        behind.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte)));
    let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
    byte.is_some_and(|byte| byte >= 0x80 || !(byte.is_ascii_control() || is_of_uri(byte) || b"%\\".contains(&byte)))
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
            ("file:///a/*", "file:///a/%68r/x", false),
            ("file:///a/*", "file:///a/..%3Bx", false),
            ("file:///a/*", "file:///a/b%2Dc", false),
            ("file:///a/*", "file:///a/%c3%a4", false),
            ("file:///a/*", "file:///a/{x}", false),
            ("file:///a/*", "file:///a//etc/passwd", false),
            ("file:///a/*", "file:///a/b//c", false),
            ("file:///a/*", "file:///a/b?x=//y", true),
            ("file://*", "file:///etc/motd", true),
            ("file://*", "file:////etc/motd", false),
            ("app://read?path=/srv/*", "app://read?path=/srv/a/b", true),
            ("app://read?path=/srv/*", "app://read?path=/srv//etc", false),
            ("app://read?path=/srv/*", "app://read?path=/srv/a&path=/etc", false),
            ("app://read?path=/srv/*", "app://read?path=/srv/a;path=/etc", false),
            ("db://q?table=*", "db://q?table=users", true),
            ("db://q?table=*", "db://q?table=users#raw", false),
            ("db://q?*", "db://q?table=users&limit=3", true),
            ("http://localhost:*", "http://localhost:80/x", true),
            ("http://localhost:*", "http://localhost:80@evil.com/x", false),
        ] {
            assert_eq!(covers(entry, uri), covered, "{entry} {uri}");
        }
    }

    #[test]
    fn a_uri_is_of_the_entry_that_speaks_of_it_most_closely() {
        let entries = ["file:///srv/*", "file:///srv/hr/*", "file:///srv/secret", "file:///*"];
        let of =
            |uri: &str| entries.into_iter().filter_map(|entry| Some((fit(entry, uri)?, entry))).max().map(|(_, entry)| entry);
        for (uri, entry) in [
            ("file:///srv/a", Some("file:///srv/*")),
            ("file:///srv/hr/a", Some("file:///srv/hr/*")),
            ("file:///srv/secret", Some("file:///srv/secret")),
            ("file:///srv/secret?x", Some("file:///srv/secret")),
            ("file:///srv/secret#x", Some("file:///srv/secret")),
            ("file:///srv/secret/", Some("file:///srv/secret")),
            ("file:///srv/secrets", Some("file:///srv/*")),
            ("file:///etc", Some("file:///*")),
            ("http://a", None),
        ] {
            assert_eq!(of(uri), entry, "{uri}");
        }
        assert!(!covers("file:///srv/secret", "file:///srv/secret?x"));
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
                    prop_assert!(!path.split('?').next().unwrap().trim_start_matches("file://").contains("//"), "{uri}");
                }
            }
        }
    }
}
