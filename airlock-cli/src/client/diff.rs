//! What a change of a file is, line by line. A change here is one stretch of lines, so no search for common lines is needed.

use super::Language;
use super::mask::Masked;
use crate::shown;
use std::collections::BTreeSet;

/// Lines that are shown around the change.
const AROUND: usize = 3;
/// Characters of a line that are shown: some clients keep all of their file on one.
const WIDTH_MAX: usize = 240;

/// The change in the form of `diff -u`, without colours; empty if there is none. Of values only those in `open` are shown, see
/// [`super::mask`]; carriage returns at the end of a line are not.
pub(crate) fn unified(name: &str, old: &str, new: &str, language: Language, open: &BTreeSet<String>) -> String {
    if old == new {
        return String::new();
    }
    let (before, after): (Vec<&str>, Vec<&str>) = (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let head = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
    let most = before.len().min(after.len()) - head;
    let tail = before.iter().rev().zip(after.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    let from = head.saturating_sub(AROUND);
    let (until_old, until_new) =
        ((before.len() - tail + AROUND).min(before.len()), (after.len() - tail + AROUND).min(after.len()));
    let count = |from: usize, until: usize| {
        let lines = until - from;
        format!("{},{lines}", if lines == 0 { from } else { from + 1 })
    };
    let name = shown::line(name);
    let mut out = vec![format!("--- {name}"), format!("+++ {name}")];
    out.push(format!("@@ -{} +{} @@", count(from, until_old), count(from, until_new)));
    let mut show = |sign: char, lines: &[&str]| {
        for line in lines {
            let text = line.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
            let shown = Masked::of(text.unwrap_or(line), language, open).text();
            let cut: String = shown.chars().take(WIDTH_MAX).collect();
            let more = if cut.len() < shown.len() { " …" } else { "" };
            out.push(format!("{sign}{cut}{more}"));
            if text.is_none() {
                out.push("\\ No newline at end of file".to_owned());
            }
        }
    };
    show(' ', before.get(from..head).unwrap_or_default());
    show('-', before.get(head..before.len() - tail).unwrap_or_default());
    show('+', after.get(head..after.len() - tail).unwrap_or_default());
    show(' ', before.get(before.len() - tail..until_old).unwrap_or_default());
    out.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(old: &str, new: &str) -> String {
        unified("f", old, new, Language::Json, &BTreeSet::from(["/opt/gate".to_owned()]))
    }

    #[test]
    fn a_change_is_shown_with_what_is_around_it() {
        let old: String = (1..=9).map(|n| format!("{n}\r\n")).collect();
        let new = old.replace("5\r\n", "55\r\n555\r\n");
        assert_eq!(json(&old, &new), "--- f\n+++ f\n@@ -2,7 +2,8 @@\n 2\n 3\n 4\n-5\n+55\n+555\n 6\n 7\n 8");
        assert_eq!(json("", "1\n"), "--- f\n+++ f\n@@ -0,0 +1,1 @@\n+1");
        assert_eq!(json("1", "1\n"), "--- f\n+++ f\n@@ -1,1 +1,1 @@\n-1\n\\ No newline at end of file\n+1");
        assert_eq!(json("1\n", "1\n"), "");
        assert!(!json("", "\"\u{1b}[2J\": 1\n").contains('\u{1b}'));
    }

    #[test]
    fn what_stands_around_is_shown_without_values() {
        let old = "{\n  \"a\": {\"TOKEN\": \"s3cret\"},\n  \"b\": \"s3cret\"\n}\n";
        let new = old.replace("\"b\": \"s3cret\"", "\"b\": \"s3cret2\",\n  \"gate\": \"/opt/gate\"");
        let shown = json(old, &new);
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(
            shown.contains("\n   \"a\": {\"TOKEN\": \"…\"},\n") && shown.contains("\n+  \"gate\": \"/opt/gate\"\n"),
            "{shown}"
        );
        let long = json("", &format!("[{}1]\n", "1, ".repeat(10_000)));
        assert!(long.chars().count() < WIDTH_MAX + 60 && long.ends_with(" …"), "a file on one line fits a screen");
    }
}
