//! What is wrong in a file of a client, and where.

use super::Language;
use super::mask::Masked;
use crate::render::Failure;
use crate::shown;
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

/// Characters of a line that are shown.
const LINE_MAX: usize = 160;

/// Something in a text that is not understood, so that nothing is written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Bytes of the text.
    pub(crate) at: Range<usize>,
    /// What is wrong.
    pub(crate) message: String,
}

impl Fault {
    /// A fault at some bytes of a text.
    pub(crate) fn new(at: Range<usize>, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }

    /// As a failure, with the place, the line without its values, and a caret.
    pub(crate) fn in_file(&self, path: &Path, text: &str, language: Language) -> Failure {
        let start = floor(text, self.at.start);
        let before = text.get(..start).unwrap_or_default();
        let number = before.matches('\n').count() + 1;
        let begin = before.rfind('\n').map_or(0, |at| at + 1);
        let line = text.get(begin..).unwrap_or_default().lines().next().unwrap_or_default();
        let column = text.get(begin..start).unwrap_or_default().chars().count();
        // A fault that goes on behind its line is marked to the end of the line.
        let end = floor(text, self.at.end.clamp(start, begin + line.len().max(start - begin)));
        let gutter = " ".repeat(number.to_string().len());
        let masked = Masked::of(line, language, &BTreeSet::new());
        let (from, until) = (masked.column(start - begin), masked.column(end - begin));
        let shown: String = masked.text().replace('\t', " ").chars().take(LINE_MAX).collect();
        let caret = match from < LINE_MAX {
            true => format!("\n{gutter} | {}{}", " ".repeat(from), "^".repeat((until.max(from + 1) - from).min(LINE_MAX - from))),
            false => String::new(),
        };
        Failure::new(format_args!(
            "{}\n{gutter}--> {}:{number}:{}\n{gutter} |\n{number} | {shown}{caret}",
            shown::line(&self.message),
            shown::path(path),
            column + 1,
        ))
        .help("nothing was written; mend the file at that place (its values are not shown here)")
    }
}

/// The next boundary of a character at or below an index.
fn floor(text: &str, index: usize) -> usize {
    (0..=index.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_shown_where_it_is() {
        let text = "{\r\n\t\"ä\": 1,\r\n  \"b\" 2\r\n}";
        let at = text.find("2").expect("there");
        let json = |fault: Fault, path: &str, text: &str| fault.in_file(Path::new(path), text, Language::Json).to_string();
        let shown = json(Fault::new(at..at + 1, "a colon is missing"), "/a/b.json", text);
        assert_eq!(shown, "a colon is missing\n --> /a/b.json:3:7\n  |\n3 |   \"…\" 2\n  |       ^");
        // Beyond the end, within a character, over several lines: still a place.
        for at in [0..0, 5..6, 6..500, 400..500, text.len()..text.len()] {
            assert!(json(Fault::new(at, "x"), "f", text).contains('^'));
        }
        let hidden = json(Fault::new(0..1, "x"), "f", "\u{1b}[31mred");
        assert!(!hidden.contains('\u{1b}'), "a file cannot colour the terminal");
        let secret = "{\n\"TOKEN\": \"s3cret\" \"b\": 2}";
        let at = secret.find("\"b\"").expect("there");
        let shown = json(Fault::new(at..at + 3, "a comma is missing"), "f", secret);
        assert_eq!(
            shown, "a comma is missing\n --> f:2:19\n  |\n2 | \"TOKEN\": \"…\" \"b\": 2}\n  |              ^^^",
            "a value is not shown"
        );
    }
}
