//! What is wrong in a file of a client, and where.

use crate::render::Failure;
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

    /// As a failure, with the place, the line and a caret.
    pub(crate) fn in_file(&self, path: &Path, text: &str) -> Failure {
        let start = floor(text, self.at.start);
        let before = text.get(..start).unwrap_or_default();
        let number = before.matches('\n').count() + 1;
        let begin = before.rfind('\n').map_or(0, |at| at + 1);
        let line = text.get(begin..).unwrap_or_default().lines().next().unwrap_or_default();
        let column = text.get(begin..start).unwrap_or_default().chars().count();
        // A fault that goes on behind its line is marked to the end of the line.
        let end = floor(text, self.at.end.clamp(start, begin + line.len().max(start - begin)));
        let width = text.get(start..end).unwrap_or_default().chars().count().max(1);
        let gutter = " ".repeat(number.to_string().len());
        let shown: String = line.chars().take(LINE_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
        let caret = match column < LINE_MAX {
            true => format!("\n{gutter} | {}{}", " ".repeat(column), "^".repeat(width.min(LINE_MAX - column))),
            false => String::new(),
        };
        Failure::new(format_args!(
            "{}\n{gutter}--> {}:{number}:{}\n{gutter} |\n{number} | {shown}{caret}",
            self.message,
            path.display(),
            column + 1,
        ))
        .help("nothing was written; mend the file, or add the server by hand")
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
        let shown = Fault::new(at..at + 1, "a colon is missing").in_file(Path::new("/a/b.json"), text).to_string();
        assert_eq!(shown, "a colon is missing\n --> /a/b.json:3:7\n  |\n3 |   \"b\" 2\n  |       ^");
        // Beyond the end, within a character, over several lines: still a place.
        for at in [0..0, 5..6, 6..500, 400..500, text.len()..text.len()] {
            assert!(Fault::new(at, "x").in_file(Path::new("f"), text).to_string().contains('^'));
        }
        let hidden = Fault::new(0..1, "x").in_file(Path::new("f"), "\u{1b}[31mred").to_string();
        assert!(!hidden.contains('\u{1b}'), "a file cannot colour the terminal");
    }
}
