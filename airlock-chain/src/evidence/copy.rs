//! Copies of arguments and results without some values: those that the manifest names, and what has the form of a secret.
//!
//! A form is enough here, however it is meant: a copy that lacks a harmless word does no harm.

use airlock_core::policy::evidence::Redaction;
use serde_json::{Map, Value};

/// Stands for what was removed.
pub const REMOVED: &str = "[removed]";
/// JSON in strings in JSON is looked through so deep: results of tools have it once or twice.
const NESTED_MAX: usize = 4;
/// How a lease begins, for a bearer and for one call.
const LEASES: [&[u8]; 2] = [b"alk1.", b"alp1."];
/// Least characters that follow: fewer are no lease, and what stands for them would be longer than they are.
const LEASE_MIN: usize = 16;
/// How a private key begins, and how long its first line can be.
const PEM: &str = "-----BEGIN ";
const PEM_LINE_MAX: usize = 80;

/// A copy of the arguments of a tool, or of a result. JSON stays JSON; of any other text only what has the form of a secret can be removed.
#[must_use]
pub fn copy(redaction: &Redaction, tool: Option<&str>, text: &[u8]) -> Vec<u8> {
    match serde_json::from_slice::<Value>(text) {
        Ok(mut value) => {
            walk(redaction, tool.map(|tool| (tool, String::new())).as_ref(), NESTED_MAX, &mut value);
            value.to_string().into_bytes()
        }
        Err(_) => plain(redaction, &String::from_utf8_lossy(text)).into_bytes(),
    }
}

/// Goes through a value. `at` is the tool whose arguments these are, and the names down to this value.
fn walk(redaction: &Redaction, at: Option<&(&str, String)>, nested: usize, value: &mut Value) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) => *text = string(redaction, nested, text),
        Value::Array(items) => items.iter_mut().for_each(|item| walk(redaction, at, nested, item)),
        Value::Object(members) => {
            let walked = std::mem::take(members).into_iter().map(|(name, mut value)| {
                let at = at.map(|(tool, path)| (*tool, if path.is_empty() { name.clone() } else { format!("{path}.{name}") }));
                if is_named(redaction, at.as_ref(), &name) {
                    value = Value::String(REMOVED.to_owned());
                } else {
                    walk(redaction, at.as_ref(), nested, &mut value);
                }
                (plain(redaction, &name), value)
            });
            *members = walked.collect::<Map<_, _>>();
        }
    }
}

fn is_named(redaction: &Redaction, at: Option<&(&str, String)>, name: &str) -> bool {
    redaction.removed.iter().any(|removed| match removed.tool {
        None => removed.name.eq_ignore_ascii_case(name),
        Some(tool) => at.is_some_and(|(of, path)| *of == tool && path == removed.name),
    })
}

/// A string; one that is itself JSON is gone through as that.
fn string(redaction: &Redaction, nested: usize, text: &str) -> String {
    if nested > 0
        && text.trim_start().starts_with(['{', '['])
        && let Ok(mut value) = serde_json::from_str::<Value>(text)
    {
        walk(redaction, None, nested - 1, &mut value);
        return value.to_string();
    }
    plain(redaction, text)
}

/// A text without what has the form of a secret.
fn plain(redaction: &Redaction, text: &str) -> String {
    let text = without_users(&without_private_keys(text));
    let text =
        scrub(text.as_bytes(), |word| lease_at(word).or_else(|| token_at(redaction, word))).unwrap_or_else(|| text.into_bytes());
    // Only whole words of ASCII were taken out.
    String::from_utf8(text).unwrap_or_default()
}

/// A text without leases; nothing where it has none.
pub(super) fn without_leases(text: &[u8]) -> Option<Vec<u8>> {
    scrub(text, lease_at)
}

/// Takes out each word from the place on that `secret` finds in it; nothing where it finds none.
fn scrub(text: &[u8], secret: impl Fn(&[u8]) -> Option<usize>) -> Option<Vec<u8>> {
    let (mut out, mut copied, mut at) = (None, 0, 0);
    while let Some(start) = text.get(at..).and_then(|rest| Some(at + rest.iter().position(|byte| in_token(*byte))?)) {
        let word = text.get(start..).unwrap_or_default();
        let word = word.get(..word.iter().position(|byte| !in_token(*byte)).unwrap_or(word.len())).unwrap_or_default();
        at = start + word.len();
        if let Some(place) = secret(word) {
            let out = out.get_or_insert_with(Vec::new);
            out.extend_from_slice(text.get(copied..start + place).unwrap_or_default());
            out.extend_from_slice(REMOVED.as_bytes());
            copied = at;
        }
    }
    out.map(|mut out| {
        out.extend_from_slice(text.get(copied..).unwrap_or_default());
        out
    })
}

/// A character that tokens are made of.
const fn in_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// Where a lease begins in a word. Letters may stand before it: an escape such as `%3D` ends with some.
fn lease_at(word: &[u8]) -> Option<usize> {
    let width = LEASES[0].len();
    if word.len() < width + LEASE_MIN {
        return None;
    }
    let begins = |window: &[u8]| LEASES.iter().any(|lease| window.eq_ignore_ascii_case(lease));
    word.windows(width).position(begins).filter(|at| word.len() - at >= width + LEASE_MIN)
}

/// Where a token begins in a word: at its start, or behind something that separates.
fn token_at(redaction: &Redaction, word: &[u8]) -> Option<usize> {
    let starts = word.iter().enumerate().filter(|(_, byte)| matches!(byte, b'.' | b'-' | b'_')).map(|(at, _)| at + 1);
    std::iter::once(0).chain(starts).find(|start| {
        let rest = word.get(*start..).unwrap_or_default();
        let is = |prefix: &str, least| rest.strip_prefix(prefix.as_bytes()).is_some_and(|behind| behind.len() >= least);
        redaction.tokens.iter().any(|token| is(token.prefix, token.least))
    })
}

/// Private keys in PEM, from the first line to the last, or to the end where the last is missing.
fn without_private_keys(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(start) = rest.find(PEM) {
        let (before, key) = rest.split_at(start);
        out.push_str(before);
        let first = key.get(..key.floor_char_boundary(PEM_LINE_MAX)).unwrap_or(key);
        if first.contains("PRIVATE KEY-----") {
            out.push_str(REMOVED);
            let end = key.find("-----END ").and_then(|end| Some(end + key.get(end..)?.find("KEY-----")? + "KEY-----".len()));
            rest = key.get(end.unwrap_or(key.len())..).unwrap_or_default();
        } else {
            out.push_str(PEM);
            rest = key.get(PEM.len()..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    out
}

/// `user:password` in URLs.
fn without_users(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find("://") {
        let (before, behind) = rest.split_at(at + 3);
        out.push_str(before);
        let ends = |c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '`' | '?' | '#' | '<' | '>');
        let authority = behind.get(..behind.find(ends).unwrap_or(behind.len())).unwrap_or_default();
        rest = behind;
        if let Some((user, host)) = authority.rsplit_once('@')
            && user.contains(':')
        {
            out.push_str(REMOVED);
            rest = behind.get(authority.len() - host.len() - 1..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
pub(super) mod tests;
