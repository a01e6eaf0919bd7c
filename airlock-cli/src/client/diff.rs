//! What a change of a file is, line by line. A change here is one stretch of lines, so no search for common lines is needed.

/// Lines that are shown around the change.
const AROUND: usize = 3;

/// The change in the form of `diff -u`, without colours; empty if there is none. A carriage return at the end of a line is not shown,
/// other control characters are shown as a space.
pub(crate) fn unified(name: &str, old: &str, new: &str) -> String {
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
    let mut out = vec![format!("--- {name}"), format!("+++ {name}")];
    out.push(format!("@@ -{} +{} @@", count(from, until_old), count(from, until_new)));
    let mut show = |sign: char, lines: &[&str]| {
        for line in lines {
            let text = line.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
            let shown: String = text.unwrap_or(line).chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect();
            out.push(format!("{sign}{shown}"));
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

    #[test]
    fn a_change_is_shown_with_what_is_around_it() {
        let old: String = (1..=9).map(|n| format!("{n}\r\n")).collect();
        let new = old.replace("5\r\n", "five\r\nfünf\r\n");
        assert_eq!(unified("f", &old, &new), "--- f\n+++ f\n@@ -2,7 +2,8 @@\n 2\n 3\n 4\n-5\n+five\n+fünf\n 6\n 7\n 8");
        assert_eq!(unified("f", "", "a\n"), "--- f\n+++ f\n@@ -0,0 +1,1 @@\n+a");
        assert_eq!(unified("f", "a", "a\n"), "--- f\n+++ f\n@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+a");
        assert_eq!(unified("f", "a\n", "a\n"), "");
        assert!(!unified("f", "", "\u{1b}[2Ja\n").contains('\u{1b}'));
    }
}
