//! Hosts named in a text, and the shapes of secrets.

/// Most host names examined in one text; what lies beyond is counted as unlisted.
const HOSTS_MAX: usize = 256;

/// Tells every host that a URL in the text names. `None` stands for one that cannot be read with certainty. One pass.
pub(super) fn hosts(text: &str, found: &mut dyn FnMut(Option<&str>)) {
    // Nothing opens an authority without one of these, and no other character becomes a part of them in lower case.
    let www = |part: &str| part.len() >= 3 && part.as_bytes()[part.len() - 3..].eq_ignore_ascii_case(b"www");
    if !text.as_bytes().contains(&b':') && !text.split('.').any(www) {
        return;
    }
    let lower = text.to_lowercase();
    let (mut at, mut count) = (0, 0);
    while let Some(rest) = lower.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(length) = opening(lower.get(..at).unwrap_or_default(), rest) else {
            at += rest.char_indices().skip(1).find(|(_, c)| matches!(c, ':' | 'w')).map_or(rest.len(), |(next, _)| next);
            continue;
        };
        let after = rest.get(length..).unwrap_or_default();
        let end = after.find(|c: char| matches!(c, '/' | '?' | '#' | '"' | '\'' | '<' | '>' | '`') || c.is_whitespace());
        let authority = after.get(..end.unwrap_or(after.len())).unwrap_or_default();
        count += 1;
        if count > HOSTS_MAX {
            found(None);
            return;
        }
        match host(authority) {
            Some("") => {}
            other => found(other),
        }
        at += length + authority.len();
    }
}

/// The length of what opens an authority at the start of `rest`: `://`, any slashes after `http:` or `https:` (WHATWG parsers take
/// `https:/host` and `https:\\host` for URLs too), or nothing before `www.`.
fn opening(before: &str, rest: &str) -> Option<usize> {
    if rest.starts_with(':') {
        let slashes = rest.bytes().skip(1).take_while(|b| matches!(b, b'/' | b'\\')).count();
        let web = before.ends_with("http") || before.ends_with("https");
        return if web { (slashes > 0).then_some(slashes + 1) } else { rest.starts_with("://").then_some(3) };
    }
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '/' | '@' | '_');
    (rest.starts_with("www.") && !before.ends_with(inside)).then_some(0)
}

/// The host of an authority without user name and port; `None` when parsers disagree about it.
fn host(authority: &str) -> Option<&str> {
    if authority.contains('\\') {
        return None;
    }
    let host = authority.rsplit('@').next().unwrap_or_default();
    if host.starts_with('[') {
        return host.split_inclusive(']').next();
    }
    let name = host.split(':').next().unwrap_or_default();
    Some(name.trim_end_matches(['.', ',', ';', ')', ']', '}', '!', '*', '|']))
}

/// Shortest word that may be a secret, in bytes.
pub(super) const SECRET_MIN: usize = 20;

/// The first secret-like string of a text: what it looks like, and its points.
pub(super) fn secret(text: &str) -> Option<(&'static str, u16)> {
    if text.contains("-----BEGIN ") && text.contains("PRIVATE KEY-----") {
        return Some(("a private key", 500));
    }
    text.as_bytes()
        .split(|b| !is_in_secrets(*b))
        .filter(|word| word.len() >= SECRET_MIN)
        .find_map(|word| secret_word(std::str::from_utf8(word).ok()?))
        .map(|what| (what, 300))
}

/// A character that secrets are made of. A table, since every byte of every text is asked for.
pub(super) const fn is_in_secrets(byte: u8) -> bool {
    const IN: [bool; 256] = {
        let (mut within, mut at) = ([false; 256], 0u8);
        while at < 128 {
            within[at as usize] = at.is_ascii_alphanumeric() || matches!(at, b'-' | b'_' | b'.');
            at += 1;
        }
        within
    };
    IN[byte as usize]
}

fn secret_word(word: &str) -> Option<&'static str> {
    const PREFIXES: [(&str, usize, &str); 13] = [
        ("alk1.", 60, "a lease"),
        ("alp1.", 60, "a lease"),
        ("ghp_", 36, "a GitHub key"),
        ("gho_", 36, "a GitHub key"),
        ("ghs_", 36, "a GitHub key"),
        ("github_pat_", 40, "a GitHub key"),
        ("glpat-", 20, "a GitLab key"),
        ("xoxb-", 24, "a Slack key"),
        ("xoxp-", 24, "a Slack key"),
        ("sk-", 32, "an API key"),
        ("sk_live_", 24, "an API key"),
        ("npm_", 36, "a package registry key"),
        ("AIza", 39, "a Google API key"),
    ];
    if let Some((_, _, what)) = PREFIXES.into_iter().find(|(prefix, length, _)| word.len() >= *length && word.starts_with(prefix))
    {
        return Some(what);
    }
    let aws = word.len() == 20 && (word.starts_with("AKIA") || word.starts_with("ASIA"));
    if aws && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()) {
        return Some("an AWS key id");
    }
    let mut parts = word.split('.');
    let jwt = word.starts_with("eyJ") && parts.clone().count() == 3 && parts.all(|part| part.len() >= 16);
    jwt.then_some("a JSON web token")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<Option<String>> {
        let mut all = Vec::new();
        hosts(text, &mut |host| all.push(host.map(str::to_owned)));
        all
    }

    #[test]
    fn hosts_as_parsers_read_them() {
        for (text, host) in [
            ("see https://Evil.Example/x?y", "evil.example"),
            ("https://good.example@evil.example:8443", "evil.example"),
            ("https:/evil.example", "evil.example"),
            ("ftp://evil.example.", "evil.example"),
            ("(www.evil.example)", "www.evil.example"),
            ("http://[::1]:80/", "[::1]"),
        ] {
            assert_eq!(all(text), [Some(host.to_owned())], "{text}");
        }
        assert_eq!(all(r"https://good.example\@evil.example"), [None]);
        assert_eq!(all("report.pdf for a@b.example, file:///etc/hosts"), []);
        assert_eq!(all("https://a.example https://b.example").len(), 2);
    }

    #[test]
    fn secrets_by_shape() {
        assert_eq!(secret("-----BEGIN RSA PRIVATE KEY-----\nMII"), Some(("a private key", 500)));
        assert_eq!(secret("id=AKIAIOSFODNN7EXAMPLE;"), Some(("an AWS key id", 300)));
        assert_eq!(secret(&format!("ghp_{}", "a".repeat(36))), Some(("a GitHub key", 300)));
        assert_eq!(secret(&format!("Bearer eyJ{0}.{0}.{0}", "a".repeat(20))), Some(("a JSON web token", 300)));
        assert_eq!(secret("d41d8cd98f00b204e9800998ecf8427e and an ordinary sentence"), None);
    }
}
