//! What `airlock demo` prints: few kinds of lines, none wider than [`WIDTH`] unless a word is.

use crate::args::Format;
use crate::render::{say, tell};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::io::IsTerminal;

/// Columns of the account: fits the narrowest usual terminal.
const WIDTH: usize = 80;
/// Where text begins behind a step's label.
const INDENT: usize = 14;

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";

/// The narrator: counts steps and knows whether to colour.
#[derive(Debug)]
pub(crate) struct Account {
    colour: bool,
    step: u32,
    /// Where the account is for scripts, all that was told of it; it is printed as one value at its end.
    told: Option<RefCell<Told>>,
}

/// What was told.
#[derive(Debug, Default)]
struct Told {
    part: String,
    title: Option<String>,
    lines: Vec<Value>,
}

/// How a line is meant.
#[derive(Debug, Clone, Copy)]
enum Meant {
    Plain,
    Allowed,
    Refused,
}

impl Account {
    /// Coloured on a terminal, unless `NO_COLOR` is set.
    pub(crate) fn new(format: Format) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let told = (format == Format::Json).then(RefCell::default);
        Self { colour: wanted && std::io::stdout().is_terminal(), step: 0, told }
    }

    /// The whole account, where it is for scripts.
    pub(crate) fn end(&self) {
        if let Some(told) = &self.told {
            let lines = std::mem::take(&mut told.borrow_mut().lines);
            let count = |meant: &str| lines.iter().filter(|line| line["meant"] == meant).count();
            say(json!({"allowed": count("allowed"), "refused": count("refused"), "lines": lines}));
        }
    }

    /// Takes a line for scripts; false where people read along.
    fn takes(&self, meant: Meant, who: &str, word: &str, text: &str) -> bool {
        let Some(told) = &self.told else { return false };
        let mut told = told.borrow_mut();
        let meant = match meant {
            Meant::Plain => "plain",
            Meant::Allowed => "allowed",
            Meant::Refused => "refused",
        };
        let step = told.title.as_ref().map(|_| self.step);
        let line =
            json!({"part": told.part, "step": step, "title": told.title, "who": who, "meant": meant, "word": word, "text": text});
        told.lines.push(line);
        true
    }

    /// A part of the account: one word, and what happens in it.
    pub(crate) fn part(&self, word: &str, text: &str) {
        if let Some(told) = &self.told {
            let mut told = told.borrow_mut();
            (told.part, told.title) = (word.to_owned(), None);
            return;
        }
        tell(format_args!("\n{}{}", self.paint(BOLD, &format!("{word:<8}")), self.paint(BOLD, text)));
    }

    /// The first line.
    pub(crate) fn heading(&self, text: &str) {
        if self.told.is_some() {
            return;
        }
        tell(format_args!("{}\n", self.paint(BOLD, text)));
    }

    /// Plain text from the left margin.
    pub(crate) fn text(&self, text: &str) {
        if !self.takes(Meant::Plain, "", "", text) {
            wrap(text, WIDTH).iter().for_each(tell);
        }
    }

    /// The next step, by number and title.
    pub(crate) fn step(&mut self, title: &str) {
        self.step += 1;
        if let Some(told) = &self.told {
            told.borrow_mut().title = Some(title.to_owned());
            return;
        }
        tell(format_args!("\n{:>3}  {}", self.step, self.paint(BOLD, title)));
    }

    /// A labelled sentence: who does what.
    pub(crate) fn line(&self, label: &str, text: &str) {
        if !self.takes(Meant::Plain, label, "", text) {
            self.labelled(label, "", text, None);
        }
    }

    /// Something that went as it should: allowed, or proven.
    pub(crate) fn allowed(&self, label: &str, text: &str) {
        if !self.takes(Meant::Allowed, label, "", text) {
            self.labelled(label, "✓", text, Some(GREEN));
        }
    }

    /// Something refused, or found wrong: a word for it, then a sentence.
    pub(crate) fn refused(&self, label: &str, word: &str, text: &str) {
        if !self.takes(Meant::Refused, label, word, text) {
            self.labelled(label, &format!("✗ {word}:"), text, Some(RED));
        }
    }

    /// Why it matters.
    pub(crate) fn why(&self, text: &str) {
        if !self.takes(Meant::Plain, "why", "", text) {
            self.labelled("why", text, "", Some(DIM));
        }
    }

    /// A row under a labelled sentence, as it is.
    pub(crate) fn row(&self, text: &str) {
        if !self.takes(Meant::Plain, "", "", text) {
            tell(format_args!("{:INDENT$}{}", "", printable(text)));
        }
    }

    /// Label, then `head` in its style and `text` plain, indented as one paragraph.
    fn labelled(&self, label: &str, head: &str, text: &str, style: Option<&str>) {
        let mut styled = head.chars().filter(|c| !c.is_whitespace()).count();
        for (n, line) in wrap(&format!("{head} {text}"), WIDTH - INDENT).into_iter().enumerate() {
            let label = if n == 0 { label } else { "" };
            let label = self.paint(DIM, &format!("     {label:<9}"));
            let letters = line.char_indices().filter(|(_, c)| !c.is_whitespace());
            let cut = letters.map(|(at, _)| at).nth(styled).unwrap_or(line.len());
            let (head, rest) = line.split_at(cut);
            styled -= head.chars().filter(|c| !c.is_whitespace()).count();
            match style {
                Some(style) if !head.is_empty() => tell(format_args!("{label}{}{rest}", self.paint(style, head))),
                Some(_) | None => tell(format_args!("{label}{line}")),
            }
        }
    }

    fn paint(&self, style: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Lines of at most `width` characters, cut at spaces; a longer word has a line of its own.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut room = width;
    for word in printable(text).split_whitespace() {
        let size = word.chars().count();
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if size < room => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
        room = width.saturating_sub(lines.last().map_or(0, |line| line.chars().count()));
    }
    lines
}

/// Text from elsewhere must not steer the terminal: control and direction characters are shown as `?`.
fn printable(text: &str) -> String {
    let steers =
        |c: char| c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if steers(c) { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_every_word_and_the_width() {
        let text = "The host evil.example is not in the egress list of http_get_json; only hosts of the manifest are.";
        for width in 1..110 {
            let lines = wrap(text, width);
            assert_eq!(lines.join(" "), text);
            assert!(lines.iter().all(|line| line.chars().count() <= width || !line.contains(' ')), "{width}: {lines:?}");
        }
        assert_eq!(wrap("aa bb", 5), ["aa bb"]);
        assert_eq!(wrap("", 5), [""]);
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(wrap("a\x1b[2J\u{202e}b °C", 20), ["a?[2J?b °C"]);
    }
}
