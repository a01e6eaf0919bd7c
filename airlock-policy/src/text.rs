//! Texts of a manifest: what may stand in them, how they are quoted in messages, and the nearest known word.

/// Most characters of a foreign text that a message repeats.
const QUOTE_MAX: usize = 60;
/// Longest word compared for "did you mean": no known word is longer.
const SUGGEST_MAX: usize = 40;

/// Quotes foreign text for a message: shortened, with everything that could hide or move text escaped.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::from("`");
    for (count, c) in text.chars().enumerate() {
        if count == QUOTE_MAX {
            quoted.push('…');
            break;
        }
        match hidden(c) || c.is_control() {
            true => quoted.extend(c.escape_unicode()),
            false => quoted.push(c),
        }
    }
    quoted.push('`');
    quoted
}

/// Why a text is refused, or nothing. `lines` allows line feeds and tabs.
pub(crate) fn fault(text: &str, longest: usize, lines: bool) -> Option<String> {
    if text.trim().is_empty() {
        return Some("is empty".to_owned());
    }
    let length = text.chars().count();
    if length > longest {
        return Some(format!("has {length} characters; at most {longest} are allowed"));
    }
    text.chars().find_map(|c| match c {
        '\n' | '\t' if lines => None,
        c if c.is_control() => Some(format!("has the control character U+{:04X}", u32::from(c))),
        c if hidden(c) => Some(format!("has the invisible or direction-changing character U+{:04X}", u32::from(c))),
        _ => None,
    })
}

/// Characters that show nothing, or reorder what is shown: a reviewer would read another text than the one compiled.
pub(crate) fn hidden(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The known word nearest to `word`, if it is near enough to be meant.
pub(crate) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if word.len() > SUGGEST_MAX {
        return None;
    }
    let word = word.to_lowercase().replace('-', "_");
    known
        .into_iter()
        .map(|candidate| (distance(&word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1.max(candidate.len() / 3) && *distance < candidate.len())
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edit distance with swaps of neighbours (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = match (i, j) {
                (0, n) | (n, 0) => n,
                (i, j) => {
                    let change = usize::from(a[i - 1] != b[j - 1]);
                    let simple = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + change);
                    match i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                        true => simple.min(rows[i - 2][j - 2] + 1),
                        false => simple,
                    }
                }
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_suggested_and_far_ones_not() {
        assert_eq!(nearest("treshold", ["threshold", "dir"]), Some("threshold"));
        assert_eq!(nearest("default-ttl", ["default_ttl", "max_ttl"]), Some("default_ttl"));
        assert_eq!(nearest("hwy", ["why"]), Some("why"));
        assert_eq!(nearest("tools", ["issue", "why"]), None);
        assert_eq!(nearest("", ["why"]), None);
        assert_eq!(nearest(&"x".repeat(100_000), ["why"]), None);
    }

    #[test]
    fn hidden_characters_are_named_and_never_repeated() {
        assert_eq!(fault("plan\u{202e}", 10, false).unwrap(), "has the invisible or direction-changing character U+202E");
        assert_eq!(fault("a\nb", 10, false).unwrap(), "has the control character U+000A");
        assert_eq!(fault("a\nb", 10, true), None);
        assert_eq!(fault("\u{1b}[31m", 10, true).unwrap(), "has the control character U+001B");
        assert_eq!(quote("a\u{1b}[31m"), "`a\\u{1b}[31m`");
        assert!(quote(&"ä".repeat(1000)).chars().count() < 70);
    }
}
