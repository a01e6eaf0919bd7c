//! Replies with placeholders: what of a reply may differ from run to run, and what is kept of it for later lines.

use airlock_runtime::clock::Micros;
use serde_json::Value;
use std::collections::BTreeMap;

/// Values by name, for `{name}` in lines that are sent.
pub(crate) type Names = BTreeMap<String, String>;

/// A kind of placeholder.
#[derive(Clone, Copy)]
enum Kind {
    Any,
    Seq,
    Time,
    Lease,
}

const KINDS: [(&str, Kind); 4] = [("any", Kind::Any), ("seq", Kind::Seq), ("time", Kind::Time), ("lease", Kind::Lease)];

impl Kind {
    fn fits(self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Seq => !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()),
            Self::Time => Micros::parse(text).is_some(),
            Self::Lease => text
                .strip_prefix("alk1.")
                .is_some_and(|rest| rest.len() > 40 && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))),
        }
    }
}

/// The placeholder at the beginning of a text: its kind, the name under which its value is kept, and what follows.
fn placeholder(text: &str) -> Option<(Kind, Option<&str>, &str)> {
    let (inner, rest) = text.strip_prefix('<')?.split_once('>')?;
    let (word, name) = inner.split_once('=').map_or((inner, None), |(word, name)| (word, Some(name)));
    let (_, kind) = KINDS.iter().find(|(known, _)| *known == word)?;
    let name = name.or(matches!(kind, Kind::Lease).then_some(word));
    Some((*kind, name, rest))
}

/// Compares a reply with what is expected, and keeps what its placeholders stand for.
///
/// # Errors
/// The first place that differs.
pub(crate) fn compare(at: &str, expected: &Value, found: &Value, names: &mut Names) -> Result<(), String> {
    let differs = || Err(format!("{at} is {found}, expected {expected}"));
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            if let Some(key) = found.keys().find(|key| !expected.contains_key(*key)) {
                return Err(format!("{at} has {key:?}, which is not expected"));
            }
            for (key, expected) in expected {
                let found = found.get(key).ok_or_else(|| format!("{at} lacks {key:?}"))?;
                compare(&format!("{at}.{key}"), expected, found, names)?;
            }
            Ok(())
        }
        // The text of a result is the JSON of its value, for clients that read text alone.
        (Value::Object(_), Value::String(text)) => match within(text) {
            Some(found) => compare(&format!("{at} (as JSON)"), expected, &found, names),
            None => differs(),
        },
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            expected.iter().zip(found).enumerate().try_for_each(|(n, (e, f))| compare(&format!("{at}[{n}]"), e, f, names))
        }
        (Value::String(pattern), found) => {
            let text = match (placeholder(pattern), found) {
                // A placeholder alone stands for a value of any type; among other text, for a part of a string.
                (Some((Kind::Any, None, "")), _) => return Ok(()),
                (Some((Kind::Seq, _, "")), Value::Number(number)) => number.to_string(),
                (_, Value::String(text)) => text.clone(),
                _ => return differs(),
            };
            if fits(pattern, &text, names) { Ok(()) } else { differs() }
        }
        _ if expected == found => Ok(()),
        _ => differs(),
    }
}

/// Does a text fit a pattern? Each placeholder takes the shortest part with which the rest fits.
fn fits(pattern: &str, text: &str, names: &mut Names) -> bool {
    if let Some((kind, name, rest)) = placeholder(pattern) {
        let ends = (0..=text.len()).filter(|end| text.is_char_boundary(*end));
        for end in ends.filter(|end| kind.fits(&text[..*end])) {
            if fits(rest, &text[end..], names) {
                if let Some(name) = name {
                    names.insert(name.to_owned(), text[..end].to_owned());
                }
                return true;
            }
        }
        return false;
    }
    match (pattern.chars().next(), text.chars().next()) {
        (None, None) => true,
        (Some(one), Some(other)) if one == other => fits(&pattern[one.len_utf8()..], &text[other.len_utf8()..], names),
        _ => false,
    }
}

/// A line with every `{name}` replaced by its value, again and again, so that a value may itself have names.
pub(crate) fn fill(line: &str, names: &Names) -> String {
    let mut line = line.to_owned();
    for _ in 0..4 {
        for (name, value) in names {
            line = line.replace(&format!("{{{name}}}"), value);
        }
    }
    line
}

/// Members whose values are another in each run, or are shown whole elsewhere: schemas, weather, digests, ids, durations, sizes.
const VARIABLE: [&str; 16] = [
    "inputSchema",
    "hours",
    "summary",
    "hourly",
    "bytes",
    "ac",
    "call",
    "pol",
    "prev",
    "result",
    "rid",
    "exp",
    "lease_id",
    "us",
    "p50_us",
    "p95_us",
];

/// A reply as a first expectation: what changes from run to run becomes a placeholder. For writing transcripts, see the README.
pub(crate) fn generalise(reply: &Value) -> Value {
    match reply {
        Value::Object(members) => {
            let general = |(key, value): (&String, &Value)| {
                let varies = VARIABLE.contains(&key.as_str()) && (key != "result" || value.is_string());
                (key.clone(), if varies { "<any>".into() } else { generalise(value) })
            };
            Value::Object(members.iter().map(general).collect())
        }
        Value::Array(items) => items.iter().map(generalise).collect(),
        Value::String(text) if Kind::Lease.fits(text) => "<lease>".into(),
        Value::String(text) if Kind::Time.fits(text) => "<time>".into(),
        Value::String(text) => within(text).map_or_else(|| reply.clone(), |value| generalise(&value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => reply.clone(),
    }
}

/// The object whose JSON a text is.
fn within(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().filter(Value::is_object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn met(expected: &Value, found: &Value) -> Option<Names> {
        let mut names = Names::new();
        compare("reply", expected, found, &mut names).ok().map(|()| names)
    }

    #[test]
    fn every_difference_is_seen() {
        let found =
            json!({"id": 1, "text": "Ledger entry 12.", "list": [1, "2026-11-22T05:50:00.123456Z"], "json": "{\"a\": 1}"});
        let expected = json!({"id": "<seq>", "text": "Ledger entry <seq=entry>.", "list": [1, "<time>"], "json": {"a": "<seq>"}});
        assert_eq!(met(&expected, &found).unwrap()["entry"], "12");
        let change = |pointer: &str, value: Value| {
            let mut found = found.clone();
            *found.pointer_mut(pointer).unwrap() = value;
            found
        };
        for other in [
            change("/id", json!("1a")),
            change("/text", json!("Ledger entry .")),
            change("/text", json!("Ledger entry 12")),
            change("/list/1", json!("2026-11-22")),
            change("/list", json!([1])),
            change("/json", json!("{\"a\": \"b\"}")),
            change("/json", json!("a")),
            json!({"id": 1, "text": "Ledger entry 12."}),
            json!({"id": 1, "text": "Ledger entry 12.", "list": [1, "2026-11-22T05:50:00.123456Z"], "more": null}),
        ] {
            assert!(met(&expected, &other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_lease_is_kept_under_its_name() {
        let lease = format!("alk1.k1.{}", "A".repeat(60));
        let names = met(&json!(["<lease>", "<lease=narrow>", "x <any> z"]), &json!([lease, lease, "x y z"])).unwrap();
        assert_eq!(fill("a {narrow} {other}", &names), format!("a {lease} {{other}}"));
        assert!(met(&json!("<lease>"), &json!("alk2.k1.x")).is_none());
    }
}
