//! Lines of a client's file as people are shown them: names and structure, but no values. Beside the gateways stand servers of others, whose
//! entries hold tokens, and files of clients hold more than servers. Whatever is not understood counts as a value.

use super::Language;
use crate::shown;
use std::collections::BTreeSet;
use std::ops::Range;

/// Stands for what is not shown.
const HIDDEN: &str = "…";
/// Digits of a number that is shown: ports and seconds have no more, and few secrets so little.
const DIGITS_MAX: usize = 5;
/// Longest name of a member that is shown, bytes.
const NAME_MAX: usize = 64;

/// A line without its values.
#[derive(Debug)]
pub(crate) struct Masked {
    pieces: Vec<Piece>,
}

#[derive(Debug)]
struct Piece {
    /// Bytes of the line.
    at: Range<usize>,
    shown: String,
    is_hidden: bool,
}

impl Masked {
    /// Of a line without its end. `open` has the values that are shown: those of gateways, which are places of files.
    pub(crate) fn of(line: &str, language: Language, open: &BTreeSet<String>) -> Self {
        let mut reading = Reading { line, language, open, at: 0, before: None, pieces: Vec::new() };
        reading.all();
        Self { pieces: reading.pieces }
    }

    /// What is shown.
    pub(crate) fn text(&self) -> String {
        self.pieces.iter().map(|piece| piece.shown.as_str()).collect()
    }

    /// Where a byte of the line is in what is shown, in characters.
    pub(crate) fn column(&self, byte: usize) -> usize {
        let width = |text: &str| text.chars().count();
        let before = self.pieces.iter().take_while(|piece| piece.at.end <= byte);
        let whole: usize = before.map(|piece| width(&piece.shown)).sum();
        let within = self.pieces.iter().find(|piece| piece.at.contains(&byte)).map_or(0, |piece| match piece.is_hidden {
            true => 0,
            // A piece that is shown has its own characters, but for escapes.
            false => (byte - piece.at.start).min(width(&piece.shown).saturating_sub(1)),
        });
        whole + within
    }
}

struct Reading<'l> {
    line: &'l str,
    language: Language,
    open: &'l BTreeSet<String>,
    at: usize,
    /// The last thing that is no space.
    before: Option<char>,
    pieces: Vec<Piece>,
}

impl Reading<'_> {
    fn all(&mut self) {
        if self.language == Language::Toml && is_header(self.line) {
            return self.push(self.line.len(), None, '[');
        }
        while let Some(c) = self.rest().chars().next() {
            let rest = self.rest();
            let is_comment = match self.language {
                Language::Json => rest.starts_with("//") || rest.starts_with("/*"),
                Language::Toml | Language::Yaml => c == '#',
            };
            match c {
                _ if is_comment => self.comment(),
                ' ' | '\t' => {
                    self.push(rest.len() - rest.trim_start_matches([' ', '\t']).len(), None, self.before.unwrap_or(' '))
                }
                '{' | '}' | '[' | ']' | ',' | ':' | '=' => self.push(1, None, c),
                '-' if self.language == Language::Yaml && rest.starts_with("- ") => self.push(1, None, c),
                '"' | '\'' => self.quoted(c),
                _ => self.bare(),
            }
        }
    }

    fn rest(&self) -> &str {
        self.line.get(self.at..).unwrap_or_default()
    }

    /// The next bytes: as they are, or with something in their place.
    fn push(&mut self, length: usize, instead: Option<String>, last: char) {
        let length = length.max(1);
        let end = (self.at + length).min(self.line.len());
        let text = self.line.get(self.at..end).unwrap_or_default();
        let is_hidden = instead.is_some();
        let is_space = text.bytes().all(|b| matches!(b, b' ' | b'\t'));
        let shown = instead.unwrap_or_else(|| if is_space { text.to_owned() } else { shown::line(text) });
        self.pieces.push(Piece { at: self.at..end, shown, is_hidden });
        self.at = end;
        if last != ' ' {
            self.before = Some(last);
        }
    }

    fn comment(&mut self) {
        let rest = self.rest();
        match rest.strip_prefix("/*").and_then(|inner| inner.find("*/")) {
            Some(end) => self.push(end + 4, Some(format!("/* {HIDDEN} */")), '/'),
            None => {
                let mark = if rest.starts_with('#') { "#" } else { rest.get(..2).unwrap_or("#") };
                self.push(rest.len(), Some(format!("{mark} {HIDDEN}")), '/');
            }
        }
    }

    fn quoted(&mut self, quote: char) {
        let rest = self.rest();
        let Some(length) = closing(rest, quote) else { return self.push(rest.len(), Some(format!("{quote}{HIDDEN}")), quote) };
        let (word, after) = rest.split_at(length);
        let inner = word.get(1..length - 1).unwrap_or_default();
        let value = match quote {
            '"' => serde_json::from_str(word).unwrap_or_else(|_| inner.to_owned()),
            _ => inner.replace("''", "'"),
        };
        let is_shown = is_followed(after) && inner.len() <= NAME_MAX || self.open.contains(&value);
        let instead = (!is_shown).then(|| format!("{quote}{HIDDEN}{quote}"));
        self.push(length, instead, quote);
    }

    /// A word without quotes: the name of a member where one can be, or a value to the end.
    fn bare(&mut self) {
        let rest = self.rest();
        let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let length = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        let after = rest.get(length..).unwrap_or_default();
        let can_be_name = match (self.language, self.before) {
            (Language::Json, _) => false,
            (Language::Toml, before) => matches!(before, None | Some('{' | ',')) && after.trim_start().starts_with('='),
            (Language::Yaml, before) => matches!(before, None | Some('-')) && (after == ":" || after.starts_with(": ")),
        };
        if can_be_name && is_followed(after) && (1..=NAME_MAX).contains(&length) {
            return self.push(length, None, 'a');
        }
        // Values of YAML go on to the end of the line, those of the others to the next sign.
        let end = match self.language {
            Language::Yaml => rest.find(" #").unwrap_or(rest.len()),
            Language::Json | Language::Toml => rest.find([' ', '\t', ',', '{', '}', '[', ']', '"', '\'']).unwrap_or(rest.len()),
        };
        let value = rest.get(..end).unwrap_or_default().trim_end();
        let is_number = value.len() <= DIGITS_MAX && !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
        let is_shown = matches!(value, "true" | "false" | "null") || is_number || self.open.contains(value);
        self.push(value.len(), (!is_shown).then(|| HIDDEN.to_owned()), 'a');
    }
}

/// Whether a name ends here: a colon or one equals sign follows.
fn is_followed(after: &str) -> bool {
    let after = after.trim_start();
    after.starts_with(':') || (after.starts_with('=') && !after.starts_with("=="))
}

/// Bytes of a word in quotes, with both.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == quote && !escaped {
            return Some(at + 1);
        }
        escaped = quote == '"' && c == '\\' && !escaped;
    }
    None
}

/// The header of a table, of names alone.
fn is_header(line: &str) -> bool {
    let inner = line.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.is_some_and(|inner| {
        let inner = inner.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(inner);
        let is_name = |part: &str| {
            let part = part.trim().trim_matches(['"', '\'']);
            (1..=NAME_MAX).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_- ".contains(&b))
        };
        inner.split('.').all(is_name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(language: Language, line: &str) -> String {
        Masked::of(line, language, &BTreeSet::from(["/opt/gate".to_owned(), "stdio".to_owned()])).text()
    }

    #[test]
    fn names_are_shown_and_values_are_not() {
        for (language, line, shown) in [
            (Language::Json, "\t\"API_TOKEN\": \"s3cret\",", "\t\"API_TOKEN\": \"…\","),
            (
                Language::Json,
                "\"a\": {\"Authorization\": \"Bearer s3cret\", \"x\": [1, \"s3cret\", true]}",
                "\"a\": {\"Authorization\": \"…\", \"x\": [1, \"…\", true]}",
            ),
            (
                Language::Json,
                "  \"command\": \"/opt/gate\", \"type\": \"stdio\"",
                "  \"command\": \"/opt/gate\", \"type\": \"stdio\"",
            ),
            (Language::Json, "\"x\": \"a\\\"b: s3cret\" // s3cret", "\"x\": \"…\" // …"),
            (Language::Json, "/* s3cret */ \"a\": 1 /* s3cret", "/* … */ \"a\": 1 /* …"),
            (Language::Json, "\"a\": s3cret", "\"a\": …"),
            (Language::Json, "\"a\": \"s3cret", "\"a\": \"…"),
            (Language::Json, "\"pin\": 1234567, \"port\": 8080", "\"pin\": …, \"port\": 8080"),
            (Language::Toml, "[mcp_servers.\"a b\".env]", "[mcp_servers.\"a b\".env]"),
            (Language::Toml, "env.TOKEN = 's3cret' # s3cret", "env.TOKEN = '…' # …"),
            (Language::Toml, "env = { A = \"s3cret\", B = \"s3cret\" }", "env = { A = \"…\", B = \"…\" }"),
            (Language::Toml, "s3cret==", "…"),
            (Language::Toml, "[\"s3cret:x\"]", "[\"…\"]"),
            (Language::Yaml, "      TOKEN: s3cret with words", "      TOKEN: …"),
            (Language::Yaml, "      url: https://user:s3cret@host/ # s3cret", "      url: … # …"),
            (Language::Yaml, "      - s3cret", "      - …"),
            (Language::Yaml, "      - --token=s3cret", "      - …"),
            (Language::Yaml, "  https://user:s3cret@host", "  …"),
            (Language::Yaml, "    s3cret", "    …"),
            (Language::Yaml, "    enabled: true", "    enabled: true"),
            (Language::Yaml, "    \"A\": \"s3cret\"", "    \"A\": \"…\""),
        ] {
            assert_eq!(masked(language, line), shown, "{line}");
        }
    }

    #[test]
    fn a_place_is_found_again_and_nothing_steers() {
        let line = "\"a\": \"s3cret\" \"b\u{1b}[2J\": 2";
        let masked = Masked::of(line, Language::Json, &BTreeSet::new());
        assert!(!masked.text().contains('\u{1b}'));
        let text = masked.text();
        let place = |of: &str| line.find(of).unwrap();
        assert_eq!(masked.column(0), 0);
        assert_eq!(masked.column(place("s3cret")), text.find('…').unwrap() - 1, "what is hidden begins at its quote");
        assert_eq!(text.chars().nth(masked.column(place(": 2") + 2)), Some('2'));
        assert_eq!(masked.column(line.len() + 9), text.chars().count());
    }
}
