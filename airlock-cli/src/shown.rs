//! Text that others wrote, as people are shown it: nothing in it steers the terminal, hides, turns the order of a line or begins a new one.

use airlock_policy::definitions;
use serde_json::Value;
use std::borrow::Cow;
use std::path::Path;

/// Text of a ledger: whatever is not printable ASCII is escaped, so its content cannot move the cursor or turn the line.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if matches!(c, ' '..='~') { c.to_string() } else { c.escape_unicode().to_string() }).collect()
}

/// A foreign text on one line. Letters of every script stay; what a reader would not see is an escape.
pub(crate) fn line(text: &str) -> String {
    let breaks = |c: char| matches!(c, '\n' | '\r' | '\t');
    steered(text).chars().map(|c| if breaks(c) { c.escape_default().to_string() } else { c.to_string() }).collect()
}

/// A foreign text as words on one line: runs of space are one space.
pub(crate) fn words(text: &str) -> String {
    line(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A path on one line.
pub(crate) fn path(path: &Path) -> String {
    line(&path.display().to_string())
}

/// Words of a command, each so that one is told from two: those with more than letters, digits and a few signs stand in quotes.
pub(crate) fn command<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    let is_bare = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "-_./:=@+,%".contains(c));
    let shown = |word: &str| if is_bare(word) { line(word) } else { format!("\"{}\"", line(word).replace('"', "\\\"")) };
    words.into_iter().map(shown).collect::<Vec<_>>().join(" ")
}

/// The text with an escape in place of each character that steers a terminal, shows nothing or turns the order of what is shown. Line
/// feeds and tabs stay, and carriage returns before a line feed. The escape is that of JSON, so a JSON text stays the same value.
pub(crate) fn steered(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| matches!(b, b'\n' | b'\t' | b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\n' | '\t' | ' '..='~' => out.push(c),
            '\r' if rest.peek() == Some(&'\n') => out.push(c),
            c if c.is_control() || is_hidden(c) => {
                c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")))
            }
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Whether the policy's reader calls a character hidden: it shows nothing, or reorders what is shown.
fn is_hidden(c: char) -> bool {
    definitions::shown(&Value::from(c.to_string())).contains('\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_and_nothing_hides() {
        let bad = "a\u{1b}[2J\u{202e}b\u{9b}\u{7f}\u{200b}\u{e0041}\rc";
        for shown in [line(bad), words(bad), plain(bad), steered(bad).into_owned(), path(Path::new(bad))] {
            assert!(shown.chars().all(|c| matches!(c, ' '..='~')), "{shown:?}");
            assert!(shown.starts_with('a') && shown.ends_with('c'), "{shown}");
        }
        assert_eq!(steered("日本 \"ü\"\r\n\tx"), "日本 \"ü\"\r\n\tx");
        assert_eq!(line("a\r\nb\tc\\n"), "a\\r\\nb\\tc\\n");
        assert_eq!(words(" a\n b\t\tc "), "a b c");
    }

    #[test]
    fn json_stays_the_same_value() {
        let value = serde_json::json!({"a\u{202e}": "\u{9b}\u{e0041}\u{7f}ü\n"});
        let shown = steered(&value.to_string()).into_owned();
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), value);
        assert!(!shown.contains('\u{202e}') && shown.contains('ü'));
    }

    #[test]
    fn one_word_is_told_from_two() {
        assert_eq!(command(["/bin/sh", "-c", "a b", "", "x\"\n", "k=v"]), "/bin/sh -c \"a b\" \"\" \"x\\\"\\n\" k=v");
    }
}
