//! `docs/manifest.md`, from the table of keys.

use super::{Absent, Groups, Key, Kind, Lines, SECTIONS, Section};
use crate::amount::duration;
use crate::code::Code;

/// What stands before the sections.
const HEAD: &str = include_str!("head.txt");
/// What stands behind them.
const TAIL: &str = include_str!("tail.md");

/// The page, as Markdown.
#[must_use]
pub fn page() -> String {
    let sections: Vec<String> = SECTIONS.iter().map(|section| self::section(section)).collect();
    format!("{HEAD}\n{}\n{TAIL}", sections.join("\n"))
}

fn section(section: &Section) -> String {
    let Section { name, about, keys, also, example, more } = section;
    let mut text = format!("## {}\n", heading(name));
    if !about.is_empty() {
        text.push_str(&format!("{about}\n\n"));
    }
    if !keys.is_empty() {
        text.push_str("| key | type | default | example | meaning | diagnostics |\n|---|---|---|---|---|---|\n");
        text.extend(keys.iter().map(row));
    }
    if let Some(also) = also {
        text.push_str(&format!("\nIt has all keys of {} as well.\n", heading(also.name)));
    }
    if !more.is_empty() {
        text.push_str(&format!("\n{more}\n"));
    }
    if !example.is_empty() {
        text.push_str(&format!("\n```toml\n{example}```\n"));
    }
    text
}

/// Names of tables are code, others are words.
fn heading(name: &str) -> String {
    if name.starts_with('[') { format!("`{name}`") } else { name.to_owned() }
}

fn row(key: &Key) -> String {
    let default = match key.absent {
        Absent::Error => "required".to_owned(),
        Absent::Default(value) => code(value),
        Absent::Means(words) => words.to_owned(),
    };
    let lint = Code::ALL.iter().filter(|code| code.lint() == Some(key.name)).map(|code| code.text());
    let codes: Vec<&str> = lint.chain(key.all_codes().into_iter().map(Code::text)).collect();
    let cells = [code(key.name), kind(&key.kind), default, code(key.example), key.meaning.to_owned(), codes.join(" ")];
    format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

/// A type in words, with its bounds.
fn kind(kind: &Kind) -> String {
    match kind {
        Kind::Version(version) => format!("`{version}`"),
        Kind::Prose(longest, Lines::One) => format!("text of 1–{longest} characters on one line"),
        Kind::Prose(longest, Lines::Several) => format!("text of 1–{longest} characters"),
        Kind::Text(words, _) => (*words).to_owned(),
        Kind::Word(words) => words.iter().map(|word| code(&format!("{word:?}"))).collect::<Vec<_>>().join(" or "),
        Kind::Integer(i64::MIN, i64::MAX) => "integer".to_owned(),
        Kind::Integer(least, most) => format!("integer {least}–{most}"),
        Kind::Boolean => "`true` or `false`".to_owned(),
        Kind::Yes => "`true`".to_owned(),
        Kind::Duration(least, most) => format!("duration {}–{}", duration(*least), duration(*most)),
        Kind::Risk => "risk".to_owned(),
        Kind::Size(least, most) => format!("size {}–{}", crate::amount::size(*least), crate::amount::size(*most)),
        Kind::Rate => "rate".to_owned(),
        Kind::Host(Groups::Refused) => "host".to_owned(),
        Kind::Host(Groups::Allowed) => "host or `\"@group\"`".to_owned(),
        Kind::List(entry, 0, most) => format!("list of at most {most}: {}", self::kind(entry)),
        Kind::List(entry, least, most) => format!("list of {least}–{most}: {}", self::kind(entry)),
        Kind::Table(section) => format!("table, see {}", heading(section.name)),
        Kind::Named(_, entry, most) => format!("table of at most {most} names: {}", self::kind(entry)),
        Kind::Either(forms) => forms.iter().map(self::kind).collect::<Vec<_>>().join("; or "),
    }
}
