//! The picture in the README: some steps of a real account, as a terminal shows them, in one SVG that needs nothing else.
#![allow(clippy::expect_used, dead_code)] // In a test a panic is the report; not every test program uses everything.

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Steps that are shown, by what their titles begin with. Nothing in them differs from run to run.
const STEPS: [&str; 3] = ["An order hidden in an argument", "A host that the manifest does not name", "The ledger, verified"];
/// Columns of the account, width of a character in tenths of a pixel, height of a line and space around in pixels.
const COLUMNS: usize = 80;
const WIDE: usize = 84;
const HIGH: usize = 20;
const SPACE: usize = 24;
/// Where the text of a line begins behind its label.
const INDENT: usize = 14;

/// Where it lies.
pub(crate) fn place() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/refused.svg")
}

/// The lines of the steps, each with its title; between two steps an empty one.
fn lines(account: &str) -> Vec<&str> {
    let mut shown = Vec::new();
    for step in STEPS {
        let is_title = |line: &&str| line.get(5..).is_some_and(|title| title.starts_with(step));
        let from = account.lines().skip_while(|line| !is_title(line));
        let part: Vec<&str> = from.take_while(|line| !line.is_empty()).collect();
        assert!(part.len() > 3, "the account has no step {step:?}");
        shown.extend(part);
        shown.push("");
    }
    shown.pop();
    shown
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A piece of a line from a column on.
fn piece(out: &mut String, column: usize, row: usize, class: &str, text: &str) {
    if text.trim().is_empty() {
        return;
    }
    let start = column + text.chars().take_while(|c| *c == ' ').count();
    let (x, y) = (SPACE * 10 + start * WIDE, SPACE + HIGH * (row + 1));
    let x = format!("{}.{}", x / 10, x % 10);
    writeln!(out, "<text x=\"{x}\" y=\"{y}\" class=\"{class}\">{}</text>", escaped(text.trim())).expect("a text");
}

/// The picture of an account.
pub(crate) fn draw(account: &str) -> String {
    let lines = [vec!["$ airlock demo", ""], lines(account)].concat();
    let (width, height) = (2 * SPACE + COLUMNS * WIDE / 10, 2 * SPACE + HIGH * lines.len());
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"t\">\n\
         <title id=\"t\">A run of airlock demo: two calls are refused with their reasons, and the ledger is proven</title>\n\
         <style>text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,\"DejaVu Sans Mono\",monospace;fill:#d7dce2;white-space:pre}}\
         .b{{font-weight:700;fill:#fff}}.d{{fill:#8b97a5}}.r{{fill:#ff7b72}}.g{{fill:#7ee787}}</style>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#12161c\"/>\n"
    );
    let mut is_why = false;
    for (row, line) in lines.iter().enumerate() {
        let is_title = line.get(3..5) == Some("  ") && line.get(..3).is_some_and(|number| number.trim().parse::<u32>().is_ok());
        let cut = line.char_indices().nth(INDENT).map_or(line.len(), |(at, _)| at);
        let (label, text) = line.split_at(cut);
        if line.starts_with('$') || is_title {
            piece(&mut out, 0, row, "b", line);
            continue;
        }
        if !label.trim().is_empty() {
            is_why = label.trim() == "why";
        }
        piece(&mut out, 0, row, "d", label);
        // A sign and the word behind it have a colour, as on a terminal.
        let head = match (text.starts_with('✗'), text.starts_with('✓')) {
            (true, _) => text.find(": ").map_or(text.len(), |at| at + 1),
            (false, true) => '✓'.len_utf8(),
            (false, false) => 0,
        };
        let (head, rest) = text.split_at(head);
        piece(&mut out, INDENT, row, if head.starts_with('✗') { "r" } else { "g" }, head);
        piece(&mut out, INDENT + head.chars().count(), row, if is_why { "d" } else { "" }, rest);
    }
    out.replace(" class=\"\"", "") + "</svg>\n"
}
