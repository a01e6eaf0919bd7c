//! Servers in YAML, as far as it is understood: a mapping at the first column, with the servers as a mapping below one of its keys.
//!
//! Lines are added behind the last server or taken out; no line is written anew. Everything that could make a line mean something else
//! than it seems to (tabs, anchors, several documents, flow collections around the servers) is refused.

use super::place::Fault;
use super::{first_twin, line_end};
use serde_json::{Map, Value};
use std::ops::Range;

/// Spaces of one step, where the file does not show its own.
const STEP: usize = 2;

/// A line with its place.
#[derive(Debug, Clone, Copy)]
struct Line<'t> {
    start: usize,
    /// With its end.
    text: &'t str,
}

impl<'t> Line<'t> {
    fn body(self) -> &'t str {
        self.text.trim_end()
    }

    fn indent(self) -> usize {
        self.text.len() - self.text.trim_start_matches(' ').len()
    }

    /// Whether it says something.
    fn is_content(self) -> bool {
        let body = self.body().trim_start();
        !body.is_empty() && !body.starts_with('#')
    }

    fn bytes(self) -> Range<usize> {
        self.start..self.start + self.body().len().max(1)
    }

    const fn end(self) -> usize {
        self.start + self.text.len()
    }

    fn refuse(self, message: &str) -> Fault {
        Fault::new(self.bytes(), message)
    }

    /// The key of `key:` or `key: value`, and what follows: nothing, where that is a comment alone.
    fn key(self) -> Option<(String, &'t str)> {
        let body = self.body().trim_start();
        let (key, rest) = match body.strip_prefix(['"', '\'']) {
            Some(quoted) => quoted.split_once(body.get(..1)?).and_then(|(key, rest)| Some((key, rest.strip_prefix(':')?)))?,
            None => body.split_once(':')?,
        };
        let is_plain =
            !key.is_empty() && !key.contains(['"', '\'', '\\', '#', '{', '}', '[', ']', '&', '*', '!', '|', '>', '%', '@', '`']);
        let is_key = is_plain && !key.starts_with(['-', '?', ' ']) && (rest.is_empty() || rest.starts_with(' '));
        let value = rest.trim();
        let value = if value.starts_with('#') { "" } else { value };
        is_key.then(|| (key.trim_end().to_owned(), value))
    }
}

/// The servers of a text.
struct Servers<'t> {
    /// The line with the key that has them.
    header: Option<Line<'t>>,
    /// Spaces before the name of a server.
    indent: usize,
    /// Each with the lines that it has, without blank lines and comments behind it.
    found: Vec<(String, Vec<Line<'t>>)>,
}

impl<'t> Servers<'t> {
    fn read(text: &'t str, key: &str) -> Result<Self, Fault> {
        let lines = lines(text);
        let mut servers = Self { header: None, indent: STEP, found: Vec::new() };
        let mut seen: Vec<(String, Line<'t>)> = Vec::new();
        let mut is_inside = false;
        for (at, line) in lines.iter().enumerate() {
            if line.text.trim_start_matches(' ').starts_with('\t') && line.is_content() {
                return Err(line.refuse("this line is indented with a tab, which YAML does not have"));
            }
            if !line.is_content() || (line.indent() > 0 && !is_inside) {
                continue;
            }
            if line.indent() > 0 {
                servers.child(*line)?;
                continue;
            }
            is_inside = false;
            let is_list = line.body().starts_with("- ") && seen.last().is_some_and(|(last, _)| last != key);
            if is_list || (at == 0 && line.body() == "---") {
                continue;
            }
            let Some((name, value)) = line.key() else {
                return Err(line.refuse("this line is not understood: `key:` or `key: value` is expected at the first column"));
            };
            if name == key {
                if !value.is_empty() {
                    return Err(line.refuse(&format!("{key:?} is not written as a mapping over several lines")));
                }
                servers.header = Some(*line);
                is_inside = true;
            }
            seen.push((name, *line));
        }
        if let Some((name, line)) = first_twin(seen.iter().map(|(name, _)| name)).and_then(|at| seen.get(at)) {
            return Err(line.refuse(&format!("the key {name:?} stands here for the second time")));
        }
        if let Some((name, lines)) = first_twin(servers.found.iter().map(|(name, _)| name)).and_then(|at| servers.found.get(at)) {
            let line = lines.first().copied().unwrap_or(Line { start: 0, text: "" });
            return Err(line.refuse(&format!("the server {name:?} stands here for the second time")));
        }
        Ok(servers)
    }

    /// A line below the key.
    fn child(&mut self, line: Line<'t>) -> Result<(), Fault> {
        let is_first = self.found.is_empty();
        if is_first {
            self.indent = line.indent();
        }
        if line.indent() < self.indent {
            return Err(line.refuse("this line is indented less than the servers before it"));
        }
        if line.indent() > self.indent {
            let last = self.found.last_mut().ok_or_else(|| line.refuse("this line belongs to no server"))?;
            last.1.push(line);
            return Ok(());
        }
        match line.key() {
            Some((name, "")) if name != "<<" => {
                self.found.push((name, vec![line]));
                Ok(())
            }
            Some(_) | None => Err(line.refuse("this line is not understood: a name of a server with `:` is expected")),
        }
    }
}

/// The servers of a file, by name. Of a server its members are read, as far as they are scalars, lists of scalars or mappings of those; what
/// is written in another way is there as `null`, and never as a part of what it says.
///
/// # Errors
/// The file is not understood.
pub(crate) fn servers(text: &str, key: &str) -> Result<Vec<(String, Value)>, Fault> {
    let servers = Servers::read(text, key)?;
    Ok(servers.found.iter().map(|(name, lines)| (name.clone(), members(lines))).collect())
}

/// What a server says. A line that is no member leaves `null` under the empty name.
fn members(lines: &[Line<'_>]) -> Value {
    let mut server = Map::new();
    let mut rest = lines.get(1..).unwrap_or_default();
    let indent = rest.first().map_or(0, |line| line.indent());
    while let Some((line, after)) = rest.split_first() {
        let is_below = |line: &&Line<'_>| line.indent() > indent || (line.indent() == indent && item(**line).is_some());
        let (below, next) = after.split_at(after.iter().take_while(is_below).count());
        rest = next;
        let Some((name, value)) = line.key().filter(|_| line.indent() == indent) else {
            server.insert(String::new(), Value::Null);
            continue;
        };
        let value = match (below.is_empty(), value.is_empty()) {
            (true, _) => scalar(value),
            (false, true) => block(below),
            (false, false) => Value::Null,
        };
        let value = if server.contains_key(&name) { Value::Null } else { value };
        server.insert(name, value);
    }
    Value::Object(server)
}

/// The lines below a member: a list of scalars, or a mapping of them.
fn block(lines: &[Line<'_>]) -> Value {
    let indent = lines.first().map_or(0, |line| line.indent());
    if lines.iter().any(|line| line.indent() != indent) {
        return Value::Null;
    }
    let items: Option<Vec<Value>> = lines.iter().map(|line| item(*line).map(scalar)).collect();
    if let Some(items) = items {
        return Value::Array(items);
    }
    let members: Option<Vec<(String, &str)>> = lines.iter().map(|line| line.key()).collect();
    match members {
        Some(members) if first_twin(members.iter().map(|(name, _)| name)).is_none() => {
            Value::Object(members.into_iter().map(|(name, value)| (name, scalar(value))).collect())
        }
        Some(_) | None => Value::Null,
    }
}

/// What stands behind the dash of an item of a list.
fn item(line: Line<'_>) -> Option<&str> {
    let body = line.body().trim_start();
    body.strip_prefix("- ").map(str::trim).or((body == "-").then_some(""))
}

/// A scalar, or a list or mapping in JSON's form; `null` for everything that is written in another way, or could mean something else.
fn scalar(text: &str) -> Value {
    let (value, rest) = match text.chars().next() {
        Some('"' | '[' | '{') => {
            let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
            let value = values.next().and_then(Result::ok);
            (value, text.get(values.byte_offset()..).unwrap_or_default())
        }
        Some('\'') => single(text),
        Some(_) | None => {
            let end = text.find(" #").unwrap_or(text.len());
            (unquoted(text.get(..end).unwrap_or_default().trim_end()), "")
        }
    };
    let is_end = rest.trim().is_empty() || (rest.starts_with([' ', '\t']) && rest.trim_start().starts_with('#'));
    value.filter(|_| is_end).unwrap_or(Value::Null)
}

/// A text in single quotes, in which two of them are one, and what follows.
fn single(text: &str) -> (Option<Value>, &str) {
    let mut at = 1;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('\'')) {
        let (quote, after) = (at + found, text.get(at + found + 1..).unwrap_or_default());
        if !after.starts_with('\'') {
            return (text.get(1..quote).map(|inner| Value::String(inner.replace("''", "'"))), after);
        }
        at = quote + 2;
    }
    (None, "")
}

/// A scalar without quotes. What some readers take for a truth, a number or a sign of the language is not one here, but nothing.
fn unquoted(text: &str) -> Option<Value> {
    let is_sign = text.starts_with(['&', '*', '!', '|', '>', '%', '@', '`', '#', ',', ']', '}', '"', '\''])
        || ["-", "?", ":"].iter().any(|sign| text == *sign || text.starts_with(&format!("{sign} ")));
    if text.is_empty() || is_sign || text.contains(": ") || text.contains('\t') || text.ends_with(':') {
        return None;
    }
    let word = text.to_ascii_lowercase();
    match word.as_str() {
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        "null" | "~" | "yes" | "no" | "on" | "off" | "y" | "n" | ".nan" | ".inf" | "-.inf" | "+.inf" => None,
        _ if word.trim_start_matches(['-', '+', '.']).starts_with(|c: char| c.is_ascii_digit()) => {
            match serde_json::from_str(text) {
                Ok(number @ Value::Number(_)) => Some(number),
                Ok(_) | Err(_) if word.bytes().all(|b| b.is_ascii_hexdigit() || b"+-._:xo".contains(&b)) => None,
                Ok(_) | Err(_) => Some(Value::String(text.to_owned())),
            }
        }
        _ => Some(Value::String(text.to_owned())),
    }
}

/// The text with this server.
///
/// # Errors
/// The text is not understood.
pub(crate) fn with(text: &str, key: &str, name: &str, server: &Value) -> Result<String, Fault> {
    let servers = Servers::read(text, key)?;
    if servers.found.iter().any(|(other, lines)| other == name && members(lines) == *server) {
        return Ok(text.to_owned());
    }
    if let Some(others) = without(text, key, name)? {
        return with(&others, key, name, server);
    }
    let newline = line_end(text);
    let block = written(name, server, servers.indent).join(newline);
    let Some(header) = servers.header else {
        let lead = match (text.trim().is_empty(), text.ends_with('\n')) {
            (true, _) => String::new(),
            (false, true) => text.to_owned(),
            (false, false) => format!("{text}{newline}"),
        };
        return confirmed(format!("{lead}{key}:{newline}{block}{newline}"), key, name, server);
    };
    let last = servers.found.last().and_then(|(_, lines)| lines.last()).copied().unwrap_or(header);
    let new = match last.text.ends_with('\n') {
        true => insert(text, last.end(), &format!("{block}{newline}")),
        false => insert(text, last.end(), &format!("{newline}{block}")),
    };
    confirmed(new, key, name, server)
}

/// The text without this server; `None` if it has none of this name.
///
/// # Errors
/// The text is not understood.
pub(crate) fn without(text: &str, key: &str, name: &str) -> Result<Option<String>, Fault> {
    let servers = Servers::read(text, key)?;
    let Some((_, lines)) = servers.found.iter().find(|(other, _)| other == name) else { return Ok(None) };
    let start = lines.first().map_or(0, |line| line.start);
    let end = lines.last().map_or(start, |line| line.end());
    // The last line of a text without a newline at its end takes the newline before it along.
    let start = match end == text.len() && !text.ends_with('\n') {
        true => text.get(..start).map_or(start, |before| before.strip_suffix(line_end(text)).map_or(start, str::len)),
        false => start,
    };
    Ok(Some([text.get(..start).unwrap_or_default(), text.get(end..).unwrap_or_default()].concat()))
}

/// The text, if it has the server and is still understood.
fn confirmed(new: String, key: &str, name: &str, server: &Value) -> Result<String, Fault> {
    match servers(&new, key)?.iter().any(|(other, found)| other == name && found == server) {
        true => Ok(new),
        false => Err(Fault::new(0..0, "the file is written in a way that cannot be changed without touching the rest of it")),
    }
}

/// The lines of a server. A text in JSON's form is the same text in YAML.
fn written(name: &str, server: &Value, indent: usize) -> Vec<String> {
    let space = |steps: usize| " ".repeat(indent + STEP * steps);
    let mut lines = vec![format!("{}{name}:", space(0))];
    for (key, value) in server.as_object().into_iter().flatten() {
        match value.as_object().filter(|inner| !inner.is_empty()) {
            Some(inner) => {
                lines.push(format!("{}{key}:", space(1)));
                lines.extend(inner.iter().map(|(key, value)| format!("{}{key}: {value}", space(2))));
            }
            None => lines.push(format!("{}{key}: {value}", space(1))),
        }
    }
    lines
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let mut start = 0;
    let line = |text| {
        let line = Line { start, text };
        start = line.end();
        line
    };
    text.split_inclusive('\n').map(line).collect()
}

fn insert(text: &str, at: usize, new: &str) -> String {
    [text.get(..at).unwrap_or_default(), new, text.get(at..).unwrap_or_default()].concat()
}
