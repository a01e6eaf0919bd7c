//! Values in one spelling: what a person reads as one address, account, link or day becomes one text.
//!
//! A reading never guesses. Where a text could be two values it has none, and what has no value was never seen. Only ASCII letters are
//! folded, but in names: look-alikes and compatibility forms stay what they are, so they match nothing.

use super::date;
use crate::policy::origin::ValueKind;

/// Most words of a name; longer ones are sentences.
pub(super) const NAME_WORDS_MAX: usize = 6;
/// Longest value in bytes: a URL that browsers and servers take has fewer. A longer one has no reading.
pub(super) const VALUE_MAX: usize = 4096;
/// Characters of an account number, as in ISO 13616; of one of digits alone, from what no amount or year has.
const IBAN: std::ops::RangeInclusive<usize> = 15..=34;
const ACCOUNT: std::ops::RangeInclusive<usize> = 8..=34;

/// The one spelling of a value, if the whole text is one of this kind.
pub(super) fn normal(kind: ValueKind, text: &str) -> Option<String> {
    let text = text.trim();
    if text.is_empty() || text.len() > VALUE_MAX {
        return None;
    }
    match kind {
        ValueKind::Email => email(text),
        ValueKind::Iban => account(text),
        ValueKind::Url => url(text),
        ValueKind::Host => host(text),
        ValueKind::Path => path(text),
        ValueKind::Id => (!text.chars().any(|c| c.is_whitespace() || c.is_control())).then(|| text.to_owned()),
        ValueKind::Name => name(text),
        ValueKind::Amount => amount(text),
        ValueKind::Date => date::day(text),
    }
}

/// An address alone, or in angle brackets behind a name that has none.
fn email(text: &str) -> Option<String> {
    let address = match text.strip_suffix('>') {
        Some(rest) => {
            let (name, address) = rest.rsplit_once('<')?;
            if name.contains(['@', '<', '>', ',', ';']) {
                return None;
            }
            address
        }
        None => text.strip_prefix("mailto:").unwrap_or(text),
    };
    let (local, domain) = address.split_once('@')?;
    let plain = |c: char| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c);
    let is_local = !local.is_empty() && local.chars().all(plain);
    let is_domain = domain.split('.').all(is_label);
    (is_local && is_domain).then(|| address.to_ascii_lowercase())
}

pub(super) fn is_label(label: &str) -> bool {
    !label.is_empty()
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(|c| c.is_alphanumeric() || c == '-')
}

/// Without the spaces and hyphens of its printed form.
fn account(text: &str) -> Option<String> {
    let plain: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '\u{a0}')).collect();
    let upper = plain.to_ascii_uppercase();
    let bytes = upper.as_bytes();
    let is_iban = IBAN.contains(&bytes.len())
        && bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes[2..4].iter().all(u8::is_ascii_digit)
        && bytes[4..].iter().all(u8::is_ascii_alphanumeric);
    let is_account = ACCOUNT.contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_digit);
    (is_iban || is_account).then_some(upper)
}

/// Scheme and host in lower case, no default port, no slash at the end. Without a scheme it is `https`.
///
/// What parsers read in different ways (backslashes, white space, controls) has no reading.
fn url(text: &str) -> Option<String> {
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
        return None;
    }
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme.to_ascii_lowercase(), rest),
        // `mailto:`, `javascript:` and their like lead somewhere too, as they stand.
        Some(_) => return None,
        None if is_opaque(text) => return Some(text.to_owned()),
        None => ("https".to_owned(), text),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let authority = authority.to_ascii_lowercase();
    let port = match scheme.as_str() {
        "http" => ":80",
        "https" => ":443",
        _ => "",
    };
    let authority = authority.strip_suffix(port).filter(|_| !port.is_empty()).unwrap_or(&authority);
    let authority = authority.strip_suffix('.').unwrap_or(authority);
    if authority.is_empty() {
        return None;
    }
    let path = match path.contains(['?', '#']) {
        true => path,
        false => path.trim_end_matches('/'),
    };
    Some(format!("{scheme}://{authority}{path}"))
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

/// A scheme with something behind its colon that is no port.
fn is_opaque(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| {
        is_scheme(scheme) && !scheme.contains('.') && !rest.is_empty() && !rest.starts_with(|c: char| c.is_ascii_digit())
    })
}

/// A host name, or that of a URL, without port.
pub(super) fn host(text: &str) -> Option<String> {
    let whole = url(text)?;
    let (_, rest) = whole.split_once("://")?;
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    if authority.contains('@') {
        return None;
    }
    let name = match authority.rsplit_once(':') {
        Some((name, port)) if !name.ends_with(']') && port.bytes().all(|b| b.is_ascii_digit()) => name,
        Some(_) | None => authority,
    };
    let is_name = name.split('.').all(is_label);
    let is_v6 = name.starts_with('[') && name.ends_with(']');
    (is_name || is_v6).then(|| name.to_owned())
}

/// As it stands, without slashes at its end. A path with `..` has no reading: what it names depends on where it starts.
fn path(text: &str) -> Option<String> {
    let has_step = text.split(['/', '\\']).any(|part| part == "..");
    if has_step || text.chars().any(char::is_control) {
        return None;
    }
    let bare = text.trim_end_matches('/');
    Some(if bare.is_empty() { "/".to_owned() } else { bare.to_owned() })
}

/// Its words in lower case, without what stands around them.
fn name(text: &str) -> Option<String> {
    let words: Vec<String> = words(text).map(|(_, word)| word).take(NAME_WORDS_MAX + 1).collect();
    (1..=NAME_WORDS_MAX).contains(&words.len()).then(|| words.join(" "))
}

/// The words of a text with their places: runs without white space, in lower case and without punctuation around them.
pub(super) fn words(text: &str) -> impl Iterator<Item = (usize, String)> {
    text.split_whitespace().enumerate().filter_map(|(at, word)| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        (!word.is_empty()).then(|| (at, word.to_lowercase()))
    })
}

/// A decimal number without signs of currency and grouping: `1234.5`.
fn amount(text: &str) -> Option<String> {
    let mut text = text.trim_matches(|c: char| matches!(c, '$' | '€' | '£' | '¥') || c.is_whitespace());
    for code in ["USD", "EUR", "GBP", "CHF", "JPY"] {
        text = text.strip_prefix(code).or_else(|| text.strip_suffix(code)).unwrap_or(text).trim();
    }
    let (sign, digits) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (if text.starts_with('-') { "-" } else { "" }, rest),
        None => ("", text),
    };
    let digits = digits.trim_start_matches(['$', '€', '£', '¥']);
    let (whole, fraction) = match digits.rsplit_once('.') {
        Some((whole, fraction)) => (whole, fraction),
        None => (digits, ""),
    };
    let whole = ungrouped(whole)?;
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    let sign = if whole == "0" && fraction.is_empty() { "" } else { sign };
    Some(if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

/// Digits, perhaps in groups of three behind commas. A comma elsewhere could be a decimal one, so such a number has no reading.
fn ungrouped(whole: &str) -> Option<String> {
    let mut groups = whole.split([',', '\'', '_']);
    let first = groups.next().filter(|first| !first.is_empty())?;
    let is_grouped = groups.all(|group| group.len() == 3) && (first.len() <= 3 || first.len() == whole.len());
    let digits: String = whole.chars().filter(|c| !matches!(c, ',' | '\'' | '_')).collect();
    (is_grouped && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(kind: ValueKind, one: &str, other: &str) -> bool {
        let reading = normal(kind, one);
        reading.is_some() && reading == normal(kind, other)
    }

    #[test]
    fn spellings_of_one_value_are_one() {
        for (kind, one, other) in [
            (ValueKind::Email, "J. Doe <A.b@Example.com>", "a.b@example.com"),
            (ValueKind::Email, "mailto:a@b.c", "a@b.c"),
            (ValueKind::Iban, "GB29 NWBK 6016 1331 9268 19", "gb29nwbk60161331926819"),
            (ValueKind::Iban, "US133000000121212121212", "US13-3000-0001-2121-2121-212"),
            (ValueKind::Url, "WWW.Example.com/", "https://www.example.com"),
            (ValueKind::Url, "HTTPS://Example.com:443/a/", "https://example.com./a"),
            (ValueKind::Host, "https://Example.com:8443/a?b", "example.com"),
            (ValueKind::Path, "/srv/a/", "/srv/a"),
            (ValueKind::Name, "Le  Marais, \"Boutique\"", "le marais boutique"),
            (ValueKind::Name, "#general", "General"),
            (ValueKind::Amount, "$1,234.50", "1234.5"),
            (ValueKind::Amount, "EUR 007", "7.0"),
            (ValueKind::Date, "2024-05-15 10:00", "15 May 2024"),
        ] {
            assert!(same(kind, one, other), "{one} and {other}: {:?} {:?}", normal(kind, one), normal(kind, other));
        }
    }

    #[test]
    fn what_differs_stays_apart() {
        for (kind, one, other) in [
            (ValueKind::Email, "a@b.c", "a@b.cc"),
            (ValueKind::Email, "a@b.c", "x.a@b.c"),
            (ValueKind::Url, "https://a.example/x", "http://a.example/x"),
            (ValueKind::Url, "https://a.example/x", "https://a.example/X"),
            (ValueKind::Url, "https://a.example/", "https://u@a.example/"),
            (ValueKind::Url, "https://a.example/?q=1", "https://a.example/?q=1/"),
            (ValueKind::Host, "a.example", "b.a.example"),
            (ValueKind::Id, "Ab1", "ab1"),
            (ValueKind::Amount, "1.5", "15"),
            (ValueKind::Amount, "-5", "5"),
            (ValueKind::Date, "2024-05-15", "2024-05-16"),
            // Cyrillic а.
            (ValueKind::Email, "a@b.c", "\u{430}@b.c"),
            // Full width, which NFKC would fold.
            (ValueKind::Url, "https://a.example", "https://\u{ff41}.example"),
        ] {
            assert!(!same(kind, one, other), "{one} and {other}");
        }
    }

    #[test]
    fn two_readings_are_none() {
        for (kind, text) in [
            (ValueKind::Email, "a@b.c, x@evil.example"),
            (ValueKind::Email, "a@b.c <x@evil.example>"),
            (ValueKind::Email, "a@b.c\nbcc: x@evil.example"),
            (ValueKind::Email, "<a@b.c> <x@evil.example>"),
            (ValueKind::Email, "a@b.c@evil.example"),
            (ValueKind::Url, "https://a.example\\@evil.example"),
            (ValueKind::Url, "https://a.example /x"),
            (ValueKind::Host, "https://a.example@evil.example/"),
            (ValueKind::Path, "/srv/../etc"),
            (ValueKind::Path, "a\\..\\b"),
            (ValueKind::Amount, "1,5"),
            (ValueKind::Amount, "12,34"),
            (ValueKind::Iban, "12 apples"),
            (ValueKind::Date, "05/06/2024"),
            (ValueKind::Name, "a b c d e f g"),
            (ValueKind::Name, "?!"),
            (ValueKind::Id, "a b"),
            (ValueKind::Id, ""),
        ] {
            assert_eq!(normal(kind, text), None, "{text:?}");
        }
        assert_eq!(normal(ValueKind::Id, &"x".repeat(VALUE_MAX + 1)), None);
        // What leads elsewhere than to the web is its own text.
        assert_eq!(normal(ValueKind::Url, "javascript:alert(1)").as_deref(), Some("javascript:alert(1)"));
    }
}
