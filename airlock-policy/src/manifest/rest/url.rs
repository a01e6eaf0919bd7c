//! `url = "https://host/path/{input}"`: a destination with a fixed host, where inputs stand in the path alone.

use super::{Inputs, Place, piece};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults, Span};
use crate::fields::Field;
use crate::host;
use crate::ir::{HostRule, InputKind, Piece};
use crate::limits::URL_MAX;
use crate::text::quote;

/// Where requests go.
#[derive(Debug)]
pub(super) struct Destination {
    pub(super) span: Span,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) path: Vec<Piece>,
}

/// A path segment is one value: a list would need a rule for what separates its items.
const PATH: Place =
    Place { word: "the path", kinds: &[InputKind::String, InputKind::Integer, InputKind::Boolean], required: true };

pub(super) fn read(field: &Field<'_>, inputs: &mut Inputs<'_>, faults: &mut Faults) -> Option<Destination> {
    let url = field.prose(URL_MAX, false, faults)?;
    let refuse = |problem: String, help: &'static str, faults: &mut Faults| {
        faults.push(Diagnostic::new(Code::RestUrl, &url.span, problem, "not accepted").help(help));
    };
    let Some(rest) = url.value.strip_prefix("https://") else {
        refuse("the URL of a tool begins with `https://`".to_owned(), "write \"https://api.example.com/v1/items/{id}\"", faults);
        return None;
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, self::port(port)),
        None => (authority, Some(443)),
    };
    if authority.contains(['{', '}']) {
        refuse(
            "the host of a tool is fixed".to_owned(),
            "inputs stand in the path alone; declare one tool for each host",
            faults,
        );
        return None;
    }
    if authority.contains('@') {
        refuse(
            "a URL here has no user".to_owned(),
            "a credential is declared in `auth`, and read when the gateway starts",
            faults,
        );
        return None;
    }
    let Some(port) = port else {
        refuse("the port is a number from 1 to 65535".to_owned(), "leave it out for 443", faults);
        return None;
    };
    let host = match host::rule(host) {
        Ok(HostRule::Exact(host)) => Some(host),
        Ok(HostRule::OneLabel(_) | HostRule::AnyPublic) => {
            refuse("the host of a tool is one host".to_owned(), "declare one tool for each host", faults);
            None
        }
        Err(fault) => {
            faults.push(Diagnostic::new(fault.code, &url.span, fault.message, "not accepted").help(fault.help));
            None
        }
    };
    let path = match template(if path.is_empty() { "/" } else { path }) {
        Ok(parts) => pieces(parts, &url.span, inputs, faults),
        Err((problem, help)) => {
            refuse(problem, help, faults);
            None
        }
    };
    Some(Destination { span: url.span, host: host?, port, path: path? })
}

fn port(text: &str) -> Option<u16> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    plain.then(|| text.parse().ok()).flatten()
}

/// Text and the names of inputs, in turn.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Name(String),
}

/// What is wrong, and what to do.
type Refusal = (String, &'static str);

/// Takes a path apart. It stays as it is written: nothing is encoded, resolved or joined, so nothing has two readings.
fn template(path: &str) -> Result<Vec<Part>, Refusal> {
    if path.contains(['?', '#']) {
        return Err(("the URL has a query or a fragment".to_owned(), "parameters stand in `query`"));
    }
    for segment in path[1..].split('/').rev().skip(1) {
        if segment.is_empty() {
            return Err(("the path has an empty segment".to_owned(), "remove the doubled slash"));
        }
    }
    if path.split('/').any(|segment| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")) {
        return Err(("the path has a `.` or `..` segment".to_owned(), "write the path that is meant"));
    }
    let mut parts = Vec::new();
    let mut rest = path;
    while let Some(open) = rest.find('{') {
        let (text, inner) = rest.split_at(open);
        let Some((name, after)) = inner[1..].split_once('}') else {
            return Err(("a `{` is not closed".to_owned(), "write `{input}`, or `%7B` for the character itself"));
        };
        if let Some(text) = literal(text)? {
            parts.push(Part::Text(text));
        }
        if matches!(parts.last(), Some(Part::Name(_))) {
            return Err((
                "two inputs stand side by side".to_owned(),
                "put text between them: otherwise one request has two readings",
            ));
        }
        parts.push(Part::Name(name.to_owned()));
        rest = after;
    }
    parts.extend(literal(rest)?.map(Part::Text));
    Ok(parts)
}

/// Text of a path; nothing for no text.
fn literal(text: &str) -> Result<Option<String>, Refusal> {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte);
        let encoded = byte == b'%'
            && bytes.next().is_some_and(|b| b.is_ascii_hexdigit())
            && bytes.next().is_some_and(|b| b.is_ascii_hexdigit());
        if !plain && !encoded {
            let shown = text.chars().find(|c| !c.is_ascii() || u32::from(*c) == u32::from(byte)).unwrap_or('%');
            let problem = format!("{} cannot stand in the path like this", quote(&shown.to_string()));
            return Err((problem, "write it percent-encoded, as in `%20`"));
        }
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

fn pieces(parts: Vec<Part>, span: &Span, inputs: &mut Inputs<'_>, faults: &mut Faults) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut whole = true;
    for part in parts {
        let taken = match part {
            Part::Text(text) => Some(Piece::Literal(text)),
            Part::Name(name) => piece(inputs.take(&name, span, &PATH, faults)),
        };
        whole &= taken.is_some();
        pieces.extend(taken);
    }
    whole.then_some(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(text: &str) -> Part {
        Part::Text(text.to_owned())
    }

    #[test]
    fn paths_are_taken_apart_as_written() {
        let name = |name: &str| Part::Name(name.to_owned());
        assert_eq!(template("/"), Ok(vec![text("/")]));
        assert_eq!(template("/v1/{a}/x-{b}.json"), Ok(vec![text("/v1/"), name("a"), text("/x-"), name("b"), text(".json")]));
        assert_eq!(template("/v1/items/"), Ok(vec![text("/v1/items/")]));
        assert_eq!(template("/a%20b"), Ok(vec![text("/a%20b")]));
    }

    #[test]
    fn paths_with_two_readings_are_refused() {
        for path in [
            "/a//b",
            "//",
            "/./a",
            "/a/..",
            "/%2e%2E/a",
            "/.%2e",
            "/a?b=c",
            "/a#b",
            "/{a",
            "/a}",
            "/{a}{b}",
            "/ü",
            "/a b",
            "/a\\b",
            "/%zz",
            "/%2",
            "/a|b",
            "/{{a}}",
        ] {
            assert!(template(path).is_err(), "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_path_is_taken_apart_or_refused(path in "/[a-z{}/%2e.?#ü]{0,30}") {
            if let Ok(parts) = template(&path) {
                let again: String = parts.iter().map(|part| match part {
                    Part::Text(text) => text.clone(),
                    Part::Name(name) => format!("{{{name}}}"),
                }).collect();
                prop_assert_eq!(again, path);
            }
        }
    }
}
