//! Servers in TOML, each a table of its own: one is put behind the others or taken out, and every other byte stays.

use super::line_end;
use super::place::Fault;
use serde_json::Value;
use std::ops::Range;
use toml_edit::{Document, Item, Table};

/// The servers of a file, by name.
///
/// # Errors
/// It is not understood.
pub(crate) fn servers(text: &str, key: &str) -> Result<Vec<(String, Value)>, Fault> {
    let root = read(text)?;
    let found = root.get(key).and_then(Value::as_object).into_iter().flatten();
    Ok(found.map(|(name, server)| (name.clone(), server.clone())).collect())
}

/// The text with this server.
///
/// # Errors
/// The text is not understood.
pub(crate) fn with(text: &str, key: &str, name: &str, server: &Value) -> Result<String, Fault> {
    let mut wanted = read(text)?;
    if wanted.get(key).and_then(|servers| servers.get(name)) == Some(server) {
        return Ok(text.to_owned());
    }
    let others = without(text, key, name)?.unwrap_or_else(|| text.to_owned());
    let new = append(&others, key, name, server);
    match wanted.as_object_mut().map(|root| root.entry(key).or_insert_with(|| Value::Object(serde_json::Map::new()))) {
        Some(Value::Object(servers)) => servers.insert(name.to_owned(), server.clone()),
        Some(_) | None => None,
    };
    confirmed(new, &wanted)
}

/// The text without this server; `None` if it has none of this name.
///
/// # Errors
/// The text is not understood, or has the server in another form than a table with a header.
pub(crate) fn without(text: &str, key: &str, name: &str) -> Result<Option<String>, Fault> {
    let mut wanted = read(text)?;
    let Some(servers) = wanted.get_mut(key).and_then(Value::as_object_mut) else { return Ok(None) };
    if servers.remove(name).is_none() {
        return Ok(None);
    }
    let left = servers.len();
    let document = parse(text)?;
    let mut headers = Vec::new();
    collect(document.as_table(), &mut Vec::new(), &mut headers);
    headers.sort_by_key(|(start, _)| *start);
    let is_its = |path: &[String]| matches!(path, [first, second, ..] if first == key && second == name);
    // Tables of it that follow each other are one stretch of lines.
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for (at, (start, _)) in headers.iter().enumerate().filter(|(_, (_, path))| is_its(path)) {
        let next = headers.get(at + 1).map_or(text.len(), |(start, _)| *start);
        match ranges.last_mut().filter(|last| last.end == *start) {
            Some(last) => last.end = next,
            None => ranges.push(*start..next),
        }
    }
    let ranges: Vec<Range<usize>> = ranges.into_iter().map(|at| extent(text, at)).collect();
    if left == 0 && !headers.iter().any(|(_, path)| matches!(path.as_slice(), [only] if only == key)) {
        wanted.as_object_mut().and_then(|root| root.remove(key));
    }
    let new = ranges.iter().rev().fold(text.to_owned(), |text, range| {
        [text.get(..range.start).unwrap_or_default(), text.get(range.end..).unwrap_or_default()].concat()
    });
    confirmed(new, &wanted).map(Some)
}

/// The lines of tables: the first header to its last line, with the blank line before it. What stands above the next header belongs there.
fn extent(text: &str, at: Range<usize>) -> Range<usize> {
    let body = text.get(at.clone()).unwrap_or_default();
    let mut end = at.start;
    let mut seen = at.start;
    for line in body.split_inclusive('\n') {
        seen += line.len();
        let is_content = !line.trim().is_empty() && !line.trim_start().starts_with('#');
        if is_content {
            end = seen;
        }
    }
    let (above, newline) = (text.get(..at.start).unwrap_or_default(), line_end(text));
    // The blank line before, and at the end of a text that has no last newline, also the newline that was added there.
    let blank = format!("{newline}{newline}");
    let lead = match (end == text.len() && !text.ends_with('\n'), above.ends_with(&blank)) {
        (true, true) => blank.len(),
        (true, false) if above.ends_with(newline) => newline.len(),
        (false, true) => newline.len(),
        (true | false, false) => 0,
    };
    at.start - lead..end
}

/// Where each table with a header begins, with its path.
fn collect(table: &Table, path: &mut Vec<String>, headers: &mut Vec<(usize, Vec<String>)>) {
    if !table.is_implicit() && !table.is_dotted() && !path.is_empty() {
        headers.extend(table.span().map(|span| (span.start, path.clone())));
    }
    for (key, item) in table {
        path.push(key.to_owned());
        match item {
            Item::Table(table) => collect(table, path, headers),
            Item::ArrayOfTables(tables) => tables.iter().for_each(|table| collect(table, path, headers)),
            Item::None | Item::Value(_) => {}
        }
        path.pop();
    }
}

/// The server as a table with a header, behind everything else.
fn append(text: &str, key: &str, name: &str, server: &Value) -> String {
    let newline = line_end(text);
    let header = |path: &[&str]| format!("[{}]", path.iter().map(|key| word(key)).collect::<Vec<_>>().join("."));
    let mut lines = vec![header(&[key, name])];
    let members = || server.as_object().into_iter().flatten();
    lines.extend(
        members().filter(|(_, value)| !value.is_object()).map(|(key, value)| format!("{} = {}", word(key), scalar(value))),
    );
    for (inner, table) in members().filter_map(|(key, value)| value.as_object().map(|table| (key, table))) {
        lines.push(String::new());
        lines.push(header(&[key, name, inner]));
        lines.extend(table.iter().map(|(key, value)| format!("{} = {}", word(key), scalar(value))));
    }
    let block = lines.join(newline);
    match (text.trim().is_empty(), text.ends_with('\n')) {
        (true, _) => format!("{block}{newline}"),
        (false, true) => format!("{text}{newline}{block}{newline}"),
        (false, false) => format!("{text}{newline}{newline}{block}"),
    }
}

fn word(key: &str) -> String {
    toml_edit::Key::new(key).to_string()
}

/// Strings, and lists of strings: a server has nothing else.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => toml_edit::Value::from(text.as_str()).to_string(),
        Value::Array(list) => format!("[{}]", list.iter().map(scalar).collect::<Vec<_>>().join(", ")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

fn parse(text: &str) -> Result<Document<&str>, Fault> {
    Document::parse(text).map_err(|fault| {
        let at = fault.span().unwrap_or(0..0);
        Fault::new(at, format!("this is not TOML: {}", fault.message().lines().next().unwrap_or_default()))
    })
}

/// The text as data. The parser refuses a key that stands there twice.
fn read(text: &str) -> Result<Value, Fault> {
    parse(text)?;
    let table: toml::Table = text.parse().map_err(|_| Fault::new(0..0, "this is not TOML"))?;
    serde_json::to_value(table).map_err(|_| Fault::new(0..0, "this has a value that cannot be compared"))
}

/// The text, if it says what it should.
fn confirmed(new: String, wanted: &Value) -> Result<String, Fault> {
    match read(&new) {
        Ok(found) if found == *wanted => Ok(new),
        Ok(_) | Err(_) => {
            Err(Fault::new(0..0, "the servers are written in a way that cannot be changed here (inline, or with dotted keys)"))
        }
    }
}
