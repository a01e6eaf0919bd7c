//! YAML as programs print it: lists and maps in blocks, scalars plain, quoted or in a block, `[]` and `{}`.
//!
//! No anchors, aliases, tags, comments, flows with something in them, complex keys, or second documents: what prints results uses none.

use super::{Names, Piece, is_plain, names_id, whole};
use std::borrow::Cow;

/// Levels of lists and maps, more than results have.
const DEPTH_MAX: usize = 16;

/// The values of a document that is a list, or a map of two members or more: prose with a colon reads as a map of one.
pub(super) fn read(text: &str) -> Option<Vec<Piece<'_>>> {
    if !is_plain(text) {
        return None;
    }
    let mut reader = Reader { lines: text.lines().collect(), at: 0, cut: None, pieces: Vec::new() };
    if reader.lines.first().is_some_and(|line| *line == "---") {
        reader.at = 1;
    }
    let (indent, first) = reader.peek()??;
    if is_item(first) {
        reader.list(indent, false, 0)?;
    } else if reader.map(indent, 0)? < 2 {
        return None;
    }
    // Something is left that does not belong to it.
    reader.peek()?.is_none().then_some(reader.pieces)
}

struct Reader<'t> {
    lines: Vec<&'t str>,
    /// The next line.
    at: usize,
    /// What is left of the next line behind a dash, with its column.
    cut: Option<(usize, &'t str)>,
    pieces: Vec<Piece<'t>>,
}

/// Is a line an item of a list?
fn is_item(line: &str) -> bool {
    line == "-" || line.starts_with("- ")
}

impl<'t> Reader<'t> {
    /// The next line that is not empty, with its column; the outer `None` where it cannot be read.
    fn peek(&mut self) -> Option<Option<(usize, &'t str)>> {
        if self.cut.is_some() {
            return Some(self.cut);
        }
        while let Some(line) = self.lines.get(self.at) {
            let content = line.trim_start_matches(' ').trim_end_matches(' ');
            if content.is_empty() {
                self.at += 1;
                continue;
            }
            let is_odd = content.starts_with(['#', '\t', '%']) || matches!(content, "---" | "...");
            return (!is_odd).then(|| Some((line.len() - line.trim_start_matches(' ').len(), content)));
        }
        Some(None)
    }

    /// Goes on to the line behind the one that `peek` gave.
    fn pass(&mut self) {
        self.cut = None;
        self.at += 1;
    }

    fn list(&mut self, indent: usize, is_id: bool, depth: usize) -> Option<()> {
        if depth > DEPTH_MAX {
            return None;
        }
        while let Some((column, line)) = self.peek()? {
            if column < indent || column == indent && !is_item(line) {
                break;
            }
            if column > indent {
                return None;
            }
            let rest = line[1..].trim_start_matches(' ');
            let at = column + line.len() - rest.len();
            if rest.is_empty() {
                self.pass();
                self.below(indent + 1, is_id, depth)?;
            } else if is_item(rest) {
                self.cut = Some((at, rest));
                self.list(at, is_id, depth + 1)?;
            } else if name(rest)?.is_some() {
                self.cut = Some((at, rest));
                self.map(at, depth + 1)?;
            } else {
                self.pass();
                self.scalar(rest, indent, is_id)?;
            }
        }
        Some(())
    }

    /// How many members it has.
    fn map(&mut self, indent: usize, depth: usize) -> Option<usize> {
        if depth > DEPTH_MAX {
            return None;
        }
        let (mut names, mut count) = (Names::default(), 0);
        while let Some((column, line)) = self.peek()? {
            if column < indent || column == indent && is_item(line) {
                break;
            }
            let (name, rest) = name(line)?.filter(|_| column == indent)?;
            let is_id = names_id(&name);
            self.pieces.push(names.take(name)?);
            count += 1;
            self.pass();
            if !rest.is_empty() {
                self.scalar(rest, indent, is_id)?;
            } else if self.peek()?.is_some_and(|(column, line)| column == indent && is_item(line)) {
                self.list(indent, is_id, depth + 1)?;
            } else {
                self.below(indent + 1, is_id, depth)?;
            }
        }
        Some(count)
    }

    /// What stands below a name or a dash, from this column on; perhaps nothing.
    fn below(&mut self, least: usize, is_id: bool, depth: usize) -> Option<()> {
        let Some((column, line)) = self.peek()?.filter(|(column, _)| *column >= least) else { return Some(()) };
        if is_item(line) {
            self.list(column, is_id, depth + 1)
        } else if name(line)?.is_some() {
            self.map(column, depth + 1).map(drop)
        } else {
            self.pass();
            self.scalar(line, least - 1, is_id)
        }
    }

    /// A value that begins with this and goes on in lines that stand further in than `indent`.
    fn scalar(&mut self, first: &'t str, indent: usize, is_id: bool) -> Option<()> {
        match first.as_bytes() {
            b"[]" | b"{}" | b"~" | b"null" | b"true" | b"false" => Some(()),
            [b'\'', ..] => self.quoted(&first[1..], indent, is_id, b'\''),
            [b'"', ..] => self.quoted(&first[1..], indent, is_id, b'"'),
            [b'|' | b'>', rest @ ..] => {
                let is_header = rest.len() <= 2 && rest.iter().all(|byte| matches!(byte, b'+' | b'-' | b'1'..=b'9'));
                is_header.then(|| self.lines_below(indent, String::new()))
            }
            _ if !is_plain_scalar(first) || first.starts_with(['-', '?', ':']) && first[1..].starts_with(' ') => None,
            _ => self.plain(first, indent, is_id),
        }
    }

    fn plain(&mut self, first: &'t str, indent: usize, is_id: bool) -> Option<()> {
        match self.peek()?.filter(|(column, _)| *column > indent) {
            None => self.pieces.push(whole(first.into(), is_id)),
            Some(_) => {
                let from = self.at;
                self.lines_below(indent, first.to_owned());
                if !self.lines[from..self.at].iter().all(|line| goes_on(line.trim())) {
                    return None;
                }
            }
        }
        Some(())
    }

    /// Takes all lines that stand further in than `indent`, or are empty, as a text behind what is there already.
    fn lines_below(&mut self, indent: usize, mut text: String) {
        while let Some(line) = self.lines.get(self.at) {
            let content = line.trim_start_matches(' ');
            if !content.is_empty() && line.len() - content.len() <= indent {
                break;
            }
            text.push('\n');
            text.push_str(content);
            self.at += 1;
        }
        self.pieces.push(Piece { text: text.into(), is_id: false, is_whole: false });
    }

    /// A text in quotation marks, behind the first one.
    fn quoted(&mut self, first: &'t str, indent: usize, is_id: bool, mark: u8) -> Option<()> {
        let (mut text, mut line, mut lines) = (String::new(), first, 1);
        loop {
            let end = if mark == b'"' { double(line, &mut text)? } else { single(line, &mut text) };
            if let End::Closed(rest) = end {
                let is_whole = lines == 1 && !text.contains(['\n', '\r']);
                self.pieces.push(Piece { text: text.into(), is_id, is_whole });
                return rest.is_empty().then_some(());
            }
            let next = *self.lines.get(self.at)?;
            self.at += 1;
            lines += 1;
            line = next.trim_matches(' ');
            if !line.is_empty() && next.len() - next.trim_start_matches(' ').len() <= indent {
                return None;
            }
            if matches!(end, End::Open) {
                text.push(if line.is_empty() { '\n' } else { ' ' });
            }
        }
    }
}

/// Whether a text may be a plain scalar: it begins with nothing that means something, and has no name or comment in it.
fn is_plain_scalar(text: &str) -> bool {
    !text.starts_with(['[', ']', '{', '}', ',', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`', '#']) && goes_on(text)
}

/// Whether a line may belong to a plain scalar.
fn goes_on(line: &str) -> bool {
    !line.contains(": ") && !line.ends_with(':') && !line.contains(" #") && !line.starts_with('#') && !line.contains('\t')
}

/// How a line of a quoted text ends.
enum End<'t> {
    /// The text ends; this follows.
    Closed(&'t str),
    /// The text goes on in the next line.
    Open,
    /// The same, and the end of the line is no part of it.
    Joined,
}

/// Adds what a line has of a text in single marks.
fn single<'t>(line: &'t str, text: &mut String) -> End<'t> {
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('\'') {
        text.push_str(before);
        match after.strip_prefix('\'') {
            Some(after) => {
                text.push('\'');
                rest = after;
            }
            None => return End::Closed(after),
        }
    }
    text.push_str(rest);
    End::Open
}

/// Adds what a line has of a text in double marks; `None` where it has an escape that is none.
fn double<'t>(line: &'t str, text: &mut String) -> Option<End<'t>> {
    let mut rest = line;
    while let Some(at) = rest.find(['"', '\\']) {
        text.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if rest.as_bytes()[at] == b'"' {
            return Some(End::Closed(after));
        }
        let Some(letter) = after.chars().next() else { return Some(End::Joined) };
        let digits = match letter {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        text.push(match letter {
            'n' | 'N' | 'L' | 'P' => '\n',
            'r' => '\r',
            't' => '\t',
            '_' => '\u{a0}',
            '"' | '\\' | '/' | ' ' => letter,
            'x' | 'u' | 'U' => char::from_u32(u32::from_str_radix(hex(after.get(1..=digits)?)?, 16).ok()?)?,
            _ => return None,
        });
        rest = &after[letter.len_utf8() + digits..];
    }
    text.push_str(rest);
    Some(End::Open)
}

fn hex(digits: &str) -> Option<&str> {
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(digits)
}

/// The name that a line begins with, and what stands behind it. The outer `None`: it begins like a name and is none.
fn name(line: &str) -> Option<Option<(Cow<'_, str>, &str)>> {
    let behind = |rest: &'_ str| rest.is_empty() || rest.starts_with(' ');
    for mark in ['"', '\''] {
        let Some(inner) = line.strip_prefix(mark) else { continue };
        let mut text = String::new();
        let end = if mark == '"' { double(inner, &mut text)? } else { single(inner, &mut text) };
        // A text that goes on below, or a value.
        let End::Closed(rest) = end else { return Some(None) };
        let Some(rest) = rest.strip_prefix(':').filter(|rest| behind(rest)) else { return Some(None) };
        return (!text.contains(['\n', '\r'])).then(|| Some((Cow::from(text), rest.trim_start_matches(' '))));
    }
    let end = line.find(": ").or_else(|| line.ends_with(':').then(|| line.len() - 1));
    let Some(end) = end else { return Some(None) };
    let name = &line[..end];
    let is_name = is_plain_scalar(name) && !name.starts_with(['-', '?', ':']) && !name.ends_with(' ');
    is_name.then(|| Some((Cow::from(name), line[end + 1..].trim_start_matches(' '))))
}
