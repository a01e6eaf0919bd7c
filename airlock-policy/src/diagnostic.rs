//! A mistake in a manifest: what, where and what to do; and the list that gathers them all.

use crate::code::{Code, Severity};
use crate::limits::DIAGNOSTICS_MAX;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::Range;

/// A place in the manifest, in bytes.
pub type Span = Range<usize>;

/// One mistake or warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What it is about.
    pub code: Code,
    /// Whether it stops the compilation: that of the code, unless `[lints]` denies a warning.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// Where, in bytes of the manifest.
    pub span: Span,
    /// What stands at that place, in a few words.
    pub label: String,
    /// Other places that matter, each with a few words.
    pub context: Vec<(Span, String)>,
    /// What to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A mistake at a place.
    pub(crate) fn new(code: Code, span: &Span, message: impl Into<String>, label: impl Into<String>) -> Self {
        let severity = code.severity();
        Self { code, severity, message: message.into(), span: span.clone(), label: label.into(), context: Vec::new(), help: None }
    }

    /// Adds another place.
    pub(crate) fn also(mut self, span: &Span, label: impl Into<String>) -> Self {
        self.context.push((span.clone(), label.into()));
        self
    }

    /// Adds what to do.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The diagnostic as one JSON object. Lines and columns count from 1, columns in characters; `end` is exclusive.
    #[must_use]
    pub fn to_json(&self, text: &str, file_name: &str) -> Value {
        let (line, column) = position(text, self.span.start);
        let (end_line, end_column) = position(text, self.span.end);
        json!({
            "code": self.code.text(),
            "severity": self.severity.word(),
            "lint": self.code.lint(),
            "message": self.message,
            "file": file_name,
            "line": line,
            "column": column,
            "end": { "line": end_line, "column": end_column },
            "label": self.label,
            "help": self.help,
        })
    }
}

/// Line and column (in characters) of a byte, both from 1. A place past the end is the end.
#[must_use]
pub fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.bytes().filter(|b| *b == b'\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// Gathers diagnostics; one never hides another, and a flood of them stays bounded.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    kept_errors: Vec<Diagnostic>,
    kept_warnings: Vec<Diagnostic>,
    errors: usize,
    /// Warnings among `errors`, because `[lints]` denies them.
    denied: usize,
    warnings: usize,
    levels: BTreeMap<Code, Level>,
    /// Places of which nothing but [`Code::Secret`] is said.
    excused: Vec<Span>,
}

/// What `[lints]` makes of a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// It is dropped.
    Allow,
    /// It stays one.
    Warn,
    /// It becomes an error.
    Deny,
}

impl Faults {
    /// Keeps a diagnostic. Past the limit it is only counted.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        self.push_with(diagnostic.code, || diagnostic);
    }

    /// Like [`Self::push`] for a diagnostic that takes work to make: past the limit it is not made.
    pub(crate) fn push_with(&mut self, code: Code, diagnostic: impl FnOnce() -> Diagnostic) {
        let severity = match (code.severity(), self.levels.get(&code)) {
            (Severity::Error, _) => Severity::Error,
            (Severity::Warning, Some(Level::Allow)) => return,
            (Severity::Warning, Some(Level::Deny)) => {
                self.denied += 1;
                Severity::Error
            }
            (Severity::Warning, Some(Level::Warn) | None) => Severity::Warning,
        };
        let (kept, count) = match severity {
            Severity::Error => (&mut self.kept_errors, &mut self.errors),
            Severity::Warning => (&mut self.kept_warnings, &mut self.warnings),
        };
        *count += 1;
        if kept.len() < DIAGNOSTICS_MAX {
            let mut diagnostic = Diagnostic { severity, ..diagnostic() };
            if severity != code.severity() {
                let lint = code.lint().unwrap_or_default();
                let help = diagnostic.help.map_or_else(String::new, |help| format!("{help} "));
                diagnostic.help = Some(format!("{help}(`[lints]` denies `{lint}`)"));
            }
            kept.push(diagnostic);
        }
    }

    /// Sets what becomes of warnings. Errors are never touched.
    pub(crate) fn set_levels(&mut self, levels: BTreeMap<Code, Level>) {
        self.levels = levels;
    }

    /// Nothing more is said of these places. Only for places that have an error already: no error is lost by it.
    pub(crate) fn excuse(&mut self, places: Vec<Span>) {
        self.excused = places;
    }

    /// Whether anything but a denied warning is wrong: what else is said of the manifest may be its consequence.
    pub(crate) fn broken(&self) -> bool {
        self.errors > self.denied
    }

    /// Keeps an error at a place.
    pub(crate) fn error(&mut self, code: Code, span: &Span, message: impl Into<String>, label: impl Into<String>) {
        self.push(Diagnostic::new(code, span, message, label));
    }

    /// Whether an error of this code already covers the place.
    pub(crate) fn covers(&self, code: Code, at: usize) -> bool {
        self.kept_errors.iter().any(|diagnostic| diagnostic.code == code && diagnostic.span.contains(&at))
    }

    /// How many errors there are so far.
    pub(crate) fn errors(&self) -> usize {
        self.errors
    }

    /// The diagnostics in the order of the file, errors before warnings where not all fit, and how many were left out.
    pub(crate) fn finish(self) -> (Vec<Diagnostic>, usize) {
        let mut list = self.kept_errors;
        list.extend(self.kept_warnings);
        let all = list.len();
        let within = |one: &Diagnostic| self.excused.iter().any(|place| place.start < one.span.end && one.span.start < place.end);
        list.retain(|one| one.code == Code::Secret || !within(one));
        let excused = all - list.len();
        list.truncate(DIAGNOSTICS_MAX);
        list.sort_by_key(|diagnostic| (diagnostic.span.start, diagnostic.span.end, diagnostic.code));
        let omitted = self.errors + self.warnings - excused - list.len();
        (list, omitted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_and_survive_any_byte() {
        let text = "ab\nüx\n";
        assert_eq!(position(text, 0), (1, 1));
        assert_eq!(position(text, 5), (2, 2));
        assert_eq!(position(text, 4), (3, 1), "inside a character: the end of the text");
        assert_eq!(position(text, 99), (3, 1));
    }
}
