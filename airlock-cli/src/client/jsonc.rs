//! Servers in JSON with comments: one member is put in, replaced or taken out, and every other byte stays.
//!
//! The text is parsed for the places of its members and cut there; it is never written anew. What comes out is parsed again, and must
//! be what went in with that one change.

use super::place::Fault;
use super::{first_twin, line_end};
use jsonc_parser::ast::{Object, Value as Node};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions};
use serde_json::{Map, Value};
use std::ops::Range;

/// What clients accept in their files, JSON with comments and trailing commas, and not the further liberties of the parser.
const OPTIONS: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// The servers of a file, by name, in its order.
///
/// # Errors
/// It is not understood.
pub(crate) fn servers(text: &str, key: &str) -> Result<Vec<(String, Value)>, Fault> {
    let Some(root) = parse(text)? else { return Ok(Vec::new()) };
    let found = container(&root, key)?;
    let members = found.into_iter().flat_map(|object| &object.properties);
    Ok(members.map(|member| (member.name.as_str().to_owned(), plain(&member.value))).collect())
}

/// The text with this server.
///
/// # Errors
/// The text is not understood.
pub(crate) fn with(text: &str, key: &str, name: &str, server: &Value) -> Result<String, Fault> {
    let style = Style::of(text);
    let Some(root) = parse(text)? else {
        let document = style.value(&nest(key, name, server), "");
        let lead = if text.trim().is_empty() { String::new() } else { format!("{}{}", text.trim_end(), style.newline) };
        return Ok(format!("{lead}{document}{}", style.newline));
    };
    let new = match container(&root, key)? {
        None => style.insert(text, &root, key, &Value::Object(Map::from_iter([(name.to_owned(), server.clone())]))),
        Some(servers) => match servers.get(name) {
            None => style.insert(text, servers, name, server),
            Some(member) if plain(&member.value) == *server => text.to_owned(),
            Some(member) => {
                let at = member.value.range();
                splice(text, at.start..at.end, &style.value(server, &line_indent(text, member.range.start)))
            }
        },
    };
    let mut wanted = plain_object(&root);
    if let Some(servers) = wanted.entry(key.to_owned()).or_insert_with(|| Value::Object(Map::new())).as_object_mut() {
        servers.insert(name.to_owned(), server.clone());
    }
    confirmed(new, wanted)
}

/// The text without this server; `None` if it has none of this name.
///
/// # Errors
/// The text is not understood.
pub(crate) fn without(text: &str, key: &str, name: &str) -> Result<Option<String>, Fault> {
    let Some(root) = parse(text)? else { return Ok(None) };
    let Some(servers) = container(&root, key)? else { return Ok(None) };
    let Some(at) = servers.properties.iter().position(|member| member.name.as_str() == name) else { return Ok(None) };
    let new = cut(text, servers, at);
    let mut wanted = plain_object(&root);
    wanted.get_mut(key).and_then(Value::as_object_mut).and_then(|servers| servers.remove(name));
    confirmed(new, wanted).map(Some)
}

/// The text, if it says what it should. It always does, as long as the code above is right.
fn confirmed(new: String, wanted: Map<String, Value>) -> Result<String, Fault> {
    match parse(&new) {
        Ok(Some(root)) if plain_object(&root) == wanted => Ok(new),
        Ok(_) | Err(_) => {
            Err(Fault::new(0..0, "the file is written in a way that cannot be changed without touching the rest of it"))
        }
    }
}

/// The object of a text; `None` where it has no value at all.
fn parse(text: &str) -> Result<Option<Object<'_>>, Fault> {
    let parsed = jsonc_parser::parse_to_ast(text, &CollectOptions::default(), &OPTIONS).map_err(|fault| {
        let range = fault.range();
        Fault::new(range.start..range.end.max(range.start + 1), format!("this is not JSON: {}", lower(&fault.kind().to_string())))
    })?;
    match parsed.value {
        None => Ok(None),
        Some(Node::Object(root)) => no_twins(&root).map(|()| Some(root)),
        Some(other) => Err(Fault::new(bytes(&other), "this is not an object, as the settings of a client are")),
    }
}

/// Of two members with one name a client may take either, so a file that has them is not touched.
fn no_twins(object: &Object<'_>) -> Result<(), Fault> {
    if let Some(member) =
        first_twin(object.properties.iter().map(|member| member.name.as_str())).and_then(|at| object.properties.get(at))
    {
        let (start, name) = (member.range.start, member.name.as_str());
        return Err(Fault::new(start..start + name.len() + 2, format!("the key {name:?} stands here for the second time")));
    }
    object.properties.iter().try_for_each(|member| walk(&member.value))
}

fn walk(node: &Node<'_>) -> Result<(), Fault> {
    match node {
        Node::Object(object) => no_twins(object),
        Node::Array(array) => array.elements.iter().try_for_each(walk),
        Node::StringLit(_) | Node::NumberLit(_) | Node::BooleanLit(_) | Node::NullKeyword(_) => Ok(()),
    }
}

fn container<'r, 't>(root: &'r Object<'t>, key: &str) -> Result<Option<&'r Object<'t>>, Fault> {
    match root.get(key).map(|member| &member.value) {
        None => Ok(None),
        Some(Node::Object(servers)) => Ok(Some(servers)),
        Some(other) => Err(Fault::new(bytes(other), format!("{key:?} is not an object of servers"))),
    }
}

fn bytes(node: &impl Ranged) -> Range<usize> {
    let range = node.range();
    range.start..range.end
}

/// A value without its comments. A number stays the text that it is.
fn plain(node: &Node<'_>) -> Value {
    match node {
        Node::StringLit(text) => Value::String(text.value.to_string()),
        Node::NumberLit(number) => {
            serde_json::from_str(number.value).unwrap_or_else(|_| Value::String(format!("number {}", number.value)))
        }
        Node::BooleanLit(flag) => Value::Bool(flag.value),
        Node::NullKeyword(_) => Value::Null,
        Node::Array(array) => Value::Array(array.elements.iter().map(plain).collect()),
        Node::Object(object) => Value::Object(plain_object(object)),
    }
}

fn plain_object(object: &Object<'_>) -> Map<String, Value> {
    object.properties.iter().map(|member| (member.name.as_str().to_owned(), plain(&member.value))).collect()
}

fn nest(key: &str, name: &str, server: &Value) -> Value {
    serde_json::json!({ key: { name: server } })
}

/// How a text is written.
struct Style {
    newline: &'static str,
    /// One step.
    indent: String,
}

impl Style {
    /// The step is the indentation of the first line that has one.
    fn of(text: &str) -> Self {
        let first = text.lines().find(|line| line.starts_with([' ', '\t']) && line.trim_start().starts_with('"'));
        let indent = first.map_or("  ", |line| line.get(..line.len() - line.trim_start().len()).unwrap_or("  "));
        Self { newline: line_end(text), indent: indent.to_owned() }
    }

    /// A value over several lines, of which those after the first begin with `base`.
    fn value(&self, value: &Value, base: &str) -> String {
        let mut out = Vec::new();
        let pretty = serde_json::ser::PrettyFormatter::with_indent(self.indent.as_bytes());
        let written = serde::Serialize::serialize(value, &mut serde_json::Serializer::with_formatter(&mut out, pretty));
        // A value of strings can be written, and what is written is UTF-8.
        let text = written.ok().and_then(|()| String::from_utf8(out).ok()).unwrap_or_default();
        text.replace('\n', &format!("{}{base}", self.newline))
    }

    /// Puts a member behind the others of an object.
    fn insert(&self, text: &str, object: &Object<'_>, name: &str, value: &Value) -> String {
        let (open, close) = (object.range.start + 1, object.range.end - 1);
        let inside = text.get(open..close).unwrap_or_default();
        let outer = line_indent(text, object.range.start);
        let key = Value::from(name);
        let Some(last) = object.properties.last() else {
            let base = format!("{outer}{}", self.indent);
            let member = format!("{}{base}{key}: {}", self.newline, self.value(value, &base));
            // Comments of an empty object stay above its first member; its closing brace gets a line of its own.
            let end = open + inside.trim_end().len();
            let tail = if inside.trim().is_empty() || !inside.contains('\n') {
                format!("{}{outer}", self.newline)
            } else {
                String::new()
            };
            let until = if tail.is_empty() { end } else { close };
            return splice(text, end..until, &format!("{member}{tail}"));
        };
        let first = object.properties.first().map_or(open, |first| first.range.start);
        let (lead, shown) = match inside.contains('\n') {
            true => {
                let base = match line_start(text, first) {
                    true => line_indent(text, first),
                    false => format!("{outer}{}", self.indent),
                };
                (format!("{}{base}", self.newline), self.value(value, &base))
            }
            false => (" ".to_owned(), value.to_string()),
        };
        let end = open + inside.trim_end().len();
        match comma_after(text, last.range.end, close) {
            Some(_) => splice(text, end..end, &format!("{lead}{key}: {shown},")),
            None => {
                let with_member = splice(text, end..end, &format!("{lead}{key}: {shown}"));
                splice(&with_member, last.range.end..last.range.end, ",")
            }
        }
    }
}

/// Takes one member out: itself, the space before it, and one comma.
fn cut(text: &str, object: &Object<'_>, at: usize) -> String {
    let (open, close) = (object.range.start + 1, object.range.end - 1);
    let Some(member) = object.properties.get(at) else { return text.to_owned() };
    let start = text.get(..member.range.start).unwrap_or_default().trim_end().len().max(open);
    let end = member.range.end;
    let own = comma_after(text, end, close);
    // A comment between the member and its comma stays.
    let behind = own.map_or_else(|| text.to_owned(), |comma| splice(text, comma..comma + 1, ""));
    let left = splice(&behind, start..end, "");
    let rest = text.get(end..close).unwrap_or_default();
    let is_empty = object.properties.len() == 1
        && text.get(open..start).unwrap_or_default().trim().is_empty()
        && rest.trim().trim_start_matches(',').trim().is_empty();
    if is_empty {
        return splice(text, open..close, "");
    }
    let before = at.checked_sub(1).and_then(|at| object.properties.get(at));
    match (own, before) {
        (None, Some(before)) => match comma_after(text, before.range.end, member.range.start) {
            Some(comma) => splice(&left, comma..comma + 1, ""),
            None => left,
        },
        (Some(_), _) | (None, None) => left,
    }
}

/// The next comma between two places, where only space and comments may stand before it.
fn comma_after(text: &str, from: usize, until: usize) -> Option<usize> {
    let mut at = from;
    while at < until {
        let rest = text.get(at..until)?;
        if rest.starts_with("//") {
            at += rest.find('\n')?;
        } else if rest.starts_with("/*") {
            at += rest.find("*/")? + 2;
        } else {
            let next = rest.chars().next()?;
            match next {
                ',' => return Some(at),
                _ if next.is_whitespace() => at += next.len_utf8(),
                _ => return None,
            }
        }
    }
    None
}

/// The space with which the line of a place begins.
fn line_indent(text: &str, at: usize) -> String {
    let begin = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
    text.get(begin..).unwrap_or_default().chars().take_while(|c| *c == ' ' || *c == '\t').collect()
}

/// Whether only space stands before a place in its line.
fn line_start(text: &str, at: usize) -> bool {
    text.get(..at).and_then(|before| before.rsplit('\n').next()).is_some_and(|before| before.trim().is_empty())
}

fn splice(text: &str, at: Range<usize>, new: &str) -> String {
    let (before, after) = (text.get(..at.start).unwrap_or_default(), text.get(at.end..).unwrap_or_default());
    [before, new, after].concat()
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}
