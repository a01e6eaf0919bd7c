//! `[lints]`: what a manifest says of its own warnings. Errors are no lints: nothing in a manifest allows them.

use super::why;
use crate::code::{Code, Severity};
use crate::diagnostic::{Diagnostic, Faults, Level};
use crate::fields::{Field, Fields, meant_or, words};
use crate::text::quote;

/// Levels that `warnings`, or a lint without a reason, may have.
const PLAIN: &[(&str, Level)] = &[("warn", Level::Warn), ("deny", Level::Deny)];
/// Levels of a lint that says why.
const ALL: &[(&str, Level)] = &[("allow", Level::Allow), ("warn", Level::Warn), ("deny", Level::Deny)];
/// The key that speaks of every warning that has no key of its own.
const BLANKET: &str = "warnings";

/// Reads the levels into `faults`. It must come before anything that can warn.
pub(super) fn read(field: &Field<'_>, faults: &mut Faults) {
    let Some(fields) = field.table("`[lints]`", faults) else {
        return;
    };
    let mut levels: std::collections::BTreeMap<Code, Level> = std::collections::BTreeMap::new();
    let entries = fields.entries();
    // The blanket comes first, whatever the order of the file, so that a lint's own key is the exception.
    if let Some((_, field)) = entries.iter().find(|(name, _)| *name == BLANKET)
        && let Some(level) = field.word(PLAIN, &[], faults)
    {
        levels.extend(warnings().map(|(code, _)| (code, level.value)));
    }
    for (name, field) in entries.iter().filter(|(name, _)| *name != BLANKET) {
        match warnings().find(|(_, lint)| lint == name) {
            Some((code, lint)) => levels.extend(level(lint, field, faults).map(|level| (code, level))),
            None => unknown(name, field, faults),
        }
    }
    faults.set_levels(levels);
}

/// Every warning with its lint.
fn warnings() -> impl Iterator<Item = (Code, &'static str)> {
    Code::ALL.iter().filter_map(|code| Some((*code, code.lint()?)))
}

/// `"deny"`, or `{ level = "allow", why = "…" }`.
fn level(lint: &str, field: &Field<'_>, faults: &mut Faults) -> Option<Level> {
    if !field.value.is_table() {
        if field.value.as_str() == Some("allow") {
            let message = format!("`{lint}` is allowed without a reason");
            let diagnostic = Diagnostic::new(Code::MissingKey, &field.span, message, "`why` belongs here");
            faults.push(diagnostic.help(format!("write `{lint} = {{ level = \"allow\", why = \"…\" }}`")));
            return None;
        }
        return field.word(PLAIN, &[], faults).map(|at| at.value);
    }
    let mut fields: Fields<'_> = field.table(format!("the lint `{lint}`"), faults)?;
    let level = fields.need("level", "level = \"allow\"", faults).and_then(|field| field.word(ALL, &[], faults));
    why(&mut fields, faults);
    fields.finish(&[], faults);
    level.map(|at| at.value)
}

fn unknown(name: &str, field: &Field<'_>, faults: &mut Faults) {
    let by_code = Code::ALL.iter().find(|code| code.text() == name);
    let message = match by_code.map(|code| code.severity()) {
        Some(Severity::Error) => format!("{} is an error; errors cannot be allowed", quote(name)),
        Some(Severity::Warning) | None => format!("there is no lint {}", quote(name)),
    };
    let lints: Vec<&str> = warnings().map(|(_, lint)| lint).chain([BLANKET]).collect();
    let help = match by_code.and_then(|code| code.lint()) {
        Some(lint) => format!("the lint is called `{lint}`"),
        None => meant_or(name, &lints, || format!("the lints are {}", words(&lints))),
    };
    faults.push(Diagnostic::new(Code::UnknownLint, &field.key, message, "not a lint").help(help));
}
