//! What changed from one definition of a tool to another, in lines that a reviewer reads.

use super::Definition;
use serde_json::Value;

/// Characters of a text that stand around a change, so that a reader finds it. What changed is told whole.
const AROUND: usize = 40;
/// What changed, one line for each place: `description: "…old…" → "…new…"`. Empty when both are the same.
#[must_use]
pub fn changes(old: &Definition, new: &Definition) -> Vec<String> {
    let mut lines = Vec::new();
    compare("", Some(old.value()), Some(new.value()), &mut lines);
    lines
}

fn compare(place: &str, old: Option<&Value>, new: Option<&Value>, lines: &mut Vec<String>) {
    match (old, new) {
        (old, new) if old == new => {}
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
            for name in names {
                let name_shown = quoted(name).trim_matches('"').to_owned();
                let inner = if place.is_empty() { name_shown } else { format!("{place}.{name_shown}") };
                compare(&inner, before.get(name), after.get(name), lines);
            }
        }
        (Some(Value::String(before)), Some(Value::String(after))) => {
            let (before, after) = differing(before, after);
            lines.push(format!("{place}: {before} → {after}"));
        }
        (Some(before), Some(after)) => lines.push(format!("{place}: {} → {}", shown(before), shown(after))),
        (None, Some(after)) => lines.push(format!("{place}: new, {}", shown(after))),
        (Some(before), None) => lines.push(format!("{place}: gone, was {}", shown(before))),
        (None, None) => {}
    }
}

/// The parts of two texts that differ, each with some characters around it, quoted.
fn differing(old: &str, new: &str) -> (String, String) {
    let (a, b): (Vec<char>, Vec<char>) = (old.chars().collect(), new.chars().collect());
    let start = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let most = a.len().min(b.len()) - start;
    let end = a.iter().rev().zip(b.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    let cut = |text: &[char]| {
        let (from, to) = (start.saturating_sub(AROUND), (text.len() - end + AROUND).min(text.len()));
        let part: String = text[from..to].iter().collect();
        let (before, after) = (if from > 0 { "…" } else { "" }, if to < text.len() { "…" } else { "" });
        format!("{before}{part}{after}")
    };
    (quoted(&cut(&a)), quoted(&cut(&b)))
}

/// The text in quotes; what a reader would not see is an escape.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            c if c.is_control() || crate::text::hidden(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A value of a definition for a terminal: whole, on one line, and with escapes for what a reader would not see.
#[must_use]
pub fn shown(value: &Value) -> String {
    super::json::compact(&value.to_string())
}
