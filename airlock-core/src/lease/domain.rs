//! Host entries of a lease, written as in the manifest: `api.example.com`, `*.example.com` (one label), `*` (any public host).

/// Does the lease entry `entry` cover the canonical host name `host`?
///
/// Both are lower-case ASCII without a trailing dot; any other spelling covers nothing. `*.example.com` covers exactly one more
/// label, so neither `example.com` nor `a.b.example.com`. Which addresses a covered name may resolve to is not decided here.
#[must_use]
pub fn domain_covers(entry: &str, host: &str) -> bool {
    match entry.strip_prefix('*') {
        None => entry == host && is_host(host),
        Some("") => is_host(host),
        Some(suffix) => host
            .strip_suffix(suffix)
            .is_some_and(|label| is_host(host) && suffix.starts_with('.') && is_host(&suffix[1..]) && is_label(label)),
    }
}

/// Does the entry `outer` cover every host that the entry `inner` covers?
#[must_use]
pub fn entry_within(inner: &str, outer: &str) -> bool {
    inner == outer || outer == "*" || domain_covers(outer, inner)
}

/// Is this an entry in canonical form?
pub(crate) fn is_entry(entry: &str) -> bool {
    entry == "*" || is_host(entry.strip_prefix("*.").unwrap_or(entry))
}

/// Labels of `a-z 0-9 - _`, not empty, at most 63 long, 253 in all.
fn is_host(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_and_one_label() {
        for (entry, host, covers) in [
            ("api.x.com", "api.x.com", true),
            ("api.x.com", "x.com", false),
            ("api.x.com", "API.x.com", false),
            ("API.x.com", "API.x.com", false),
            ("api.x.com", "api.x.com.", false),
            ("*.x.com", "api.x.com", true),
            ("*.x.com", "x.com", false),
            ("*.x.com", ".x.com", false),
            ("*.x.com", "a.b.x.com", false),
            ("*.x.com", "evilx.com", false),
            ("*x.com", "evilx.com", false),
            ("*.x.com", "*.x.com", false),
            ("*.", "a.", false),
            ("**", "a", false),
            ("*", "any.host", true),
            ("*", "", false),
            ("*", "a b", false),
            ("", "", false),
        ] {
            assert_eq!(domain_covers(entry, host), covers, "{entry} {host}");
        }
    }
}
