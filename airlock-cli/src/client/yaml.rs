//! Servers in YAML, as far as it is understood: a mapping at the first column, with the servers as a mapping below one of its keys.
//!
//! Lines are added behind the last server or taken out; no line is written anew. Everything that could make a line mean something else
//! than it seems to (tabs, anchors, several documents, flow collections around the servers) is refused.

use super::place::Fault;
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

    /// The key of `key:` or `key: value`, and the rest without a comment.
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
        let value = if value.starts_with('#') { "" } else { value.split_once(" #").map_or(value, |(value, _)| value.trim_end()) };
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
        let mut seen: Vec<String> = Vec::new();
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
            let is_list = line.body().starts_with("- ") && seen.last().is_some_and(|last| last != key);
            if is_list || (at == 0 && line.body() == "---") {
                continue;
            }
            let Some((name, value)) = line.key() else {
                return Err(line.refuse("this line is not understood: `key:` or `key: value` is expected at the first column"));
            };
            if seen.contains(&name) {
                return Err(line.refuse(&format!("the key {name:?} stands here for the second time")));
            }
            if name == key {
                if !value.is_empty() {
                    return Err(line.refuse(&format!("{key:?} is not written as a mapping over several lines")));
                }
                servers.header = Some(*line);
                is_inside = true;
            }
            seen.push(name);
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
            Some((name, "")) if self.found.iter().any(|(other, _)| *other == name) => {
                Err(line.refuse(&format!("the server {name:?} stands here for the second time")))
            }
            Some((name, "")) if name != "<<" => {
                self.found.push((name, vec![line]));
                Ok(())
            }
            Some(_) | None => Err(line.refuse("this line is not understood: a name of a server with `:` is expected")),
        }
    }
}

/// The servers of a file, by name. Of a server, its plain members and one mapping below them are read.
///
/// # Errors
/// It is not understood.
pub(crate) fn servers(text: &str, key: &str) -> Result<Vec<(String, Value)>, Fault> {
    let servers = Servers::read(text, key)?;
    Ok(servers.found.iter().map(|(name, lines)| (name.clone(), members(lines))).collect())
}

/// What a server says, as far as it is `key: value`, or a mapping of those.
fn members(lines: &[Line<'_>]) -> Value {
    let mut server = Map::new();
    let mut open: Option<(usize, String)> = None;
    let indent = lines.get(1).map_or(0, |line| line.indent());
    for line in lines.iter().skip(1) {
        let Some((name, value)) = line.key() else { continue };
        if line.indent() == indent {
            open = value.is_empty().then(|| (indent, name.clone()));
            server.insert(name, if value.is_empty() { Value::Object(Map::new()) } else { scalar(value) });
        } else if let Some((_, outer)) = &open
            && let Some(inner) = server.get_mut(outer).and_then(Value::as_object_mut)
        {
            inner.insert(name, scalar(value));
        }
    }
    Value::Object(server)
}

/// A scalar, or a list or mapping in JSON's form.
fn scalar(text: &str) -> Value {
    let quoted = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    match quoted {
        Some(inner) => Value::String(inner.replace("''", "'")),
        None => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
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
    let newline = newline(text);
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
        true => text.get(..start).map_or(start, |before| before.strip_suffix(newline(text)).map_or(start, str::len)),
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

fn newline(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

fn insert(text: &str, at: usize, new: &str) -> String {
    [text.get(..at).unwrap_or_default(), new, text.get(at..).unwrap_or_default()].concat()
}
