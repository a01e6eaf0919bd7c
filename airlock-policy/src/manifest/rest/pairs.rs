//! `query`, `headers` and `body`: which names carry which inputs, or a fixed value.

use super::{Inputs, Place, slot};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults};
use crate::fields::{At, Field, refuse_twice};
use crate::ir::{InputKind, Pair, Slot};
use crate::limits::{PAIRS_MAX, RULE_TEXT_MAX, TOOL_NAME_MAX};
use crate::text::quote;

/// Every type: a list repeats its parameter.
const ALL: &[InputKind] = &[InputKind::String, InputKind::Integer, InputKind::Number, InputKind::Boolean, InputKind::Array];
const QUERY: Place = Place { word: "`query`", kinds: ALL, required: false };
const BODY: Place = Place { word: "`body`", kinds: ALL, required: false };
const HEADERS: Place = Place {
    word: "a header",
    kinds: &[InputKind::String, InputKind::Integer, InputKind::Number, InputKind::Boolean],
    required: false,
};

/// Headers that the gateway sets, or that say how the connection itself is to be used. With one of them a request could be split,
/// sent to another host behind the same address, or carry a credential that the manifest does not show.
const FORBIDDEN: &[&str] = &[
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// Parameters in the order in which they are sent.
pub(super) fn query(field: &Field<'_>, inputs: &mut Inputs<'_>, faults: &mut Faults) -> Vec<Pair> {
    named(field, &QUERY, inputs, faults, |field, faults| field.prose(RULE_TEXT_MAX, false, faults).map(|at| Slot::Text(at.value)))
}

/// Members of the body, sorted by name: the order of an object means nothing.
pub(super) fn body(field: &Field<'_>, inputs: &mut Inputs<'_>, faults: &mut Faults) -> Vec<Pair> {
    let mut members = named(field, &BODY, inputs, faults, fixed);
    members.sort_by(|a, b| a.name.cmp(&b.name));
    members
}

/// `const` of a member of the body.
fn fixed(field: &Field<'_>, faults: &mut Faults) -> Option<Slot> {
    if field.value.as_integer().is_some() {
        return field.integer(i64::MIN, i64::MAX, faults).map(|at| Slot::Integer(at.value));
    }
    if let Some(value) = field.value.as_bool() {
        return Some(Slot::Boolean(value));
    }
    if field.value.as_str().is_none() {
        field.wrong_type("a string, an integer, true or false", faults);
        return None;
    }
    field.prose(RULE_TEXT_MAX, true, faults).map(|at| Slot::Text(at.value))
}

/// A list of inputs, each under its own name, or a table of names.
fn named(
    field: &Field<'_>,
    place: &Place,
    inputs: &mut Inputs<'_>,
    faults: &mut Faults,
    fixed: fn(&Field<'_>, &mut Faults) -> Option<Slot>,
) -> Vec<Pair> {
    if field.value.is_array() {
        let list = field.list(0, PAIRS_MAX, faults).unwrap_or_default();
        let names: Vec<At<&str>> = list.iter().filter_map(|entry| entry.string(faults)).collect();
        refuse_twice(&names, |name| (*name).to_owned(), faults);
        let pair = |at: At<&str>, inputs: &mut Inputs<'_>, faults: &mut Faults| {
            let value = slot(inputs.take(at.value, &at.span, place, faults))?;
            Some(Pair { name: at.value.to_owned(), value })
        };
        return names.into_iter().filter_map(|at| pair(at, inputs, faults)).collect();
    }
    let mut pairs = Vec::new();
    for (name, field) in entries(field, place, faults) {
        if let Some(problem) = crate::text::fault(name, 2 * TOOL_NAME_MAX, false) {
            faults.error(Code::BadText, &field.key, format!("this name in {} {problem}", place.word), "not accepted");
        }
        let value = match field.value.as_str() {
            Some(input) => slot(inputs.take(input, &field.span, place, faults)),
            None => constant(&field, faults, fixed),
        };
        pairs.extend(value.map(|value| Pair { name: name.to_owned(), value }));
    }
    pairs
}

fn entries<'t>(field: &Field<'t>, place: &Place, faults: &mut Faults) -> Vec<(&'t str, Field<'t>)> {
    let Some(fields) = field.table(place.word, faults) else {
        return Vec::new();
    };
    let entries = fields.entries();
    if entries.len() > PAIRS_MAX {
        let message = format!("{} has {} names; at most {PAIRS_MAX} are allowed", place.word, entries.len());
        faults.error(Code::Count, &field.span, message, "too many");
        return Vec::new();
    }
    entries
}

/// `{ const = … }`.
fn constant(field: &Field<'_>, faults: &mut Faults, fixed: fn(&Field<'_>, &mut Faults) -> Option<Slot>) -> Option<Slot> {
    let mut fields = field.table("a fixed value", faults)?;
    let value = fields.need("const", "const = \"json\"", faults).and_then(|field| fixed(&field, faults));
    fields.finish(&[], faults);
    value
}

/// Headers in lower case, sorted.
pub(super) fn headers(field: &Field<'_>, inputs: &mut Inputs<'_>, faults: &mut Faults) -> Vec<Pair> {
    let (mut names, mut pairs) = (Vec::new(), Vec::new());
    for (name, field) in entries(field, &HEADERS, faults) {
        let Some(name) = header_name(&At { value: name, span: field.key.clone() }, faults) else { continue };
        let value = match field.value.as_str() {
            Some(text) => header_text(text, &field, faults),
            None => header_input(&field, inputs, faults),
        };
        pairs.extend(value.map(|value| Pair { name: name.value.clone(), value }));
        names.push(name);
    }
    refuse_twice(&names, String::clone, faults);
    pairs.sort_by(|a, b| a.name.cmp(&b.name));
    pairs
}

/// A header name in lower case, if a tool may set it.
pub(super) fn header_name(name: &At<&str>, faults: &mut Faults) -> Option<At<String>> {
    let lower = name.value.to_ascii_lowercase();
    let shape = (1..=TOOL_NAME_MAX).contains(&lower.len())
        && lower.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    if !shape {
        let message = format!("a header name is 1-{TOOL_NAME_MAX} letters, digits and hyphens");
        faults.error(Code::BadHeader, &name.span, message, "not accepted");
        return None;
    }
    if FORBIDDEN.contains(&lower.as_str()) || lower.starts_with("proxy-") {
        let help = match lower.as_str() {
            "authorization" | "cookie" => "a credential is declared in `auth`, and read when the gateway starts",
            _ => "the gateway sets what is needed; remove it",
        };
        let message = format!("a tool cannot set the header {}", quote(&lower));
        faults.push(Diagnostic::new(Code::ForbiddenHeader, &name.span, message, "not accepted").help(help));
        return None;
    }
    Some(At { value: lower, span: name.span.clone() })
}

fn header_text(text: &str, field: &Field<'_>, faults: &mut Faults) -> Option<Slot> {
    let plain = (1..=RULE_TEXT_MAX).contains(&text.len())
        && text.bytes().all(|b| (0x20..0x7f).contains(&b))
        && !text.starts_with(' ')
        && !text.ends_with(' ');
    if !plain {
        let message = "the value of a header is visible ASCII, with spaces only inside";
        faults.error(Code::BadHeader, &field.span, message, "not accepted");
    }
    plain.then(|| Slot::Text(text.to_owned()))
}

/// `{ input = "name" }`.
fn header_input(field: &Field<'_>, inputs: &mut Inputs<'_>, faults: &mut Faults) -> Option<Slot> {
    let mut fields = field.table("a header", faults)?;
    let name = fields.need("input", "input = \"name\"", faults).and_then(|field| field.string(faults));
    fields.finish(&[], faults);
    let name = name?;
    slot(inputs.take(name.value, &name.span, &HEADERS, faults))
}
