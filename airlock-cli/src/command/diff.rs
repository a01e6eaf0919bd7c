//! `airlock diff`.

use crate::manifest::policy_of;
use crate::render::{NO, Outcome, say};
use airlock_policy::authority::{self, Case, Difference, Dimension, Row, Status, Value};
use clap::ValueEnum;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Places that a line of the table names; the rest is counted.
const PLACES_SHOWN: usize = 3;
/// Characters of an argument shown in a table; JSON has all.
const VALUE_SHOWN: usize = 120;

/// Show what a new manifest allows that the old one denies, and the other way round.
///
/// The comparison is of authority, not of text: every change is shown with a call that one policy allows and the other denies.
/// Exit codes: 0 compared · 1 a manifest has errors, or --fail-on widening and something is gained · 2 a file could not be
/// read.
#[derive(Debug, clap::Args)]
pub(crate) struct Diff {
    /// The manifest in force, or the gateway that runs
    old: PathBuf,
    /// The proposed manifest or gateway; `-` reads standard input (for one of the two)
    new: PathBuf,
    /// How the difference is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
    /// Exit with 1 when the new manifest allows any call that the old one denies
    #[arg(long, value_enum, value_name = "WHAT")]
    fail_on: Option<FailOn>,
}

/// How a difference is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people.
    Table,
    /// For a comment on a pull request.
    Markdown,
    /// For scripts: one JSON value on stdout.
    Json,
}

/// What makes the command fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Something is gained.
    Widening,
}

impl Diff {
    pub(crate) fn run(self) -> Outcome {
        let old = policy_of(&self.old)?.compiled;
        let new = policy_of(&self.new)?.compiled;
        let difference = authority::diff(old.policy(), new.policy());
        let notes = authority::notes(old.policy(), new.policy());
        match self.format {
            Form::Json => say(json!({
                "widens": difference.widens(),
                "old_policy_digest": old.digest_hex(),
                "new_policy_digest": new.digest_hex(),
                "rows": difference.rows,
                "other": notes.iter().map(|(what, old, new)| json!({"what": what, "old": old, "new": new})).collect::<Vec<_>>(),
            })),
            Form::Markdown => say(markdown(&difference, &notes)),
            Form::Table => say(table(&difference, &notes)),
        }
        let fails = self.fail_on == Some(FailOn::Widening) && difference.widens();
        Ok(if fails { ExitCode::from(NO) } else { ExitCode::SUCCESS })
    }
}

fn table(difference: &Difference, notes: &[(&str, String, String)]) -> String {
    let mut lines = Vec::new();
    for row in &difference.rows {
        let sign = match row.status {
            Status::Gained => '+',
            Status::Lost => '-',
            Status::Unchanged => '=',
        };
        lines.push(format!("{sign} {} -> {}{}: {}", row.subject, row.tool, at(row), change(row)));
        lines.extend(row.witness.iter().map(|case| format!("    {}: {}", verb(row.status), call(case))));
    }
    lines.extend(notes.iter().map(|(what, old, new)| format!("~ {what}: {old:?} -> {new:?}")));
    lines.push(summary(difference));
    lines.join("\n")
}

fn markdown(difference: &Difference, notes: &[(&str, String, String)]) -> String {
    let cell = |text: &str| text.replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;").replace('`', "\\`");
    let mut lines = vec![format!("**{}**", summary(difference)), String::new()];
    lines.push("| | subject | tool | change | a call |\n|---|---|---|---|---|".to_owned());
    for row in &difference.rows {
        let word = match row.status {
            Status::Gained => "gained",
            Status::Lost => "lost",
            Status::Unchanged => "unchanged",
        };
        let tool = format!("{}{}", row.tool, at(row));
        let example = row.witness.as_ref().map(call).unwrap_or_default();
        lines.push(format!(
            "| {word} | {} | {} | {} | {} |",
            cell(&row.subject),
            cell(&tool),
            cell(&change(row)),
            cell(&example)
        ));
    }
    lines.extend(notes.iter().map(|(what, old, new)| {
        let (old, new) = (format!("{old:?}"), format!("{new:?}"));
        format!("| other | | | {}: {} → {} | |", cell(what), cell(&old), cell(&new))
    }));
    lines.join("\n")
}

fn summary(difference: &Difference) -> String {
    let [gained, lost, same] = [Status::Gained, Status::Lost, Status::Unchanged].map(|status| difference.count(status));
    let verdict = if gained > 0 { "the new policy allows more" } else { "the new policy allows nothing more" };
    format!("{verdict}: {gained} gained, {lost} lost, {same} unchanged")
}

const fn verb(status: Status) -> &'static str {
    match status {
        Status::Gained => "now allowed",
        Status::Lost => "now denied",
        Status::Unchanged => "as before",
    }
}

fn at(row: &Row) -> String {
    let shown = row.places.iter().take(PLACES_SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match (row.places.len(), row.places.len().saturating_sub(PLACES_SHOWN)) {
        (0, _) => String::new(),
        (_, 0) => format!(" at {shown}"),
        (_, more) => format!(" at {shown} and {more} more"),
    }
}

fn change(row: &Row) -> String {
    let what = match &row.dimension {
        Dimension::Reach => "use",
        Dimension::Ttl => "life of a lease",
        Dimension::Uses => "calls of a lease",
        Dimension::Risk => "risk beyond the base",
        Dimension::Together => "life, calls and risk together",
        Dimension::SelfIssue => "issues its own leases",
        Dimension::Argument(name) => return format!("argument {name}: {} -> {}", row.old, row.new),
        Dimension::Key => "key",
        Dimension::Carrier => "carrier",
    };
    if row.old == row.new { format!("{what}: {}", row.new) } else { format!("{what}: {} -> {}", row.old, row.new) }
}

/// A case in one line.
fn call(case: &Case) -> String {
    let Case { subject, tool, targets, args, points, ttl, uses, key, carrier, issue } = case;
    let value = |value: &Value| match value {
        Value::Text(text) => short(text),
        Value::Integer(number) => number.to_string(),
    };
    let args: Vec<String> = args.iter().map(|(name, given)| format!("{name}={}", value(given))).collect();
    let to: Vec<String> = targets.iter().map(|target| format!("{}:{}", target.host, target.port)).collect();
    let to = if to.is_empty() { String::new() } else { format!(" to {}", to.join(", ")) };
    let by = match issue {
        None => "issued by the operator".to_owned(),
        Some(issue) => {
            format!(
                "issued to itself (session_id={}, intent={}, risk +{})",
                short(&issue.session_id),
                short(&issue.intent),
                issue.points
            )
        }
    };
    let carrier = format!("{carrier:?}").to_lowercase();
    format!(
        "{subject} calls {tool}({}){to} at risk +{points} thousandths, lease of {ttl} s and {uses} calls, {by}, key {} ({}), carried in {carrier}",
        args.join(", "),
        key.kid,
        key.commitment
    )
}

fn short(text: &str) -> String {
    let length = text.chars().count();
    match length > VALUE_SHOWN {
        true => format!("{:?}… ({length} characters)", text.chars().take(VALUE_SHOWN).collect::<String>()),
        false => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    fn compiled(text: &str) -> airlock_policy::Compiled {
        let checked = airlock_policy::compile(text, "airlock.toml");
        let report = checked.render(false);
        checked.into_compiled().unwrap_or_else(|| panic!("{report}"))
    }

    #[test]
    fn a_reviewer_sees_each_change_with_a_call() {
        let weather = include_str!("../../../examples/weather/airlock.toml");
        let wider = weather
            .replace("args.url = { max_length = 2048 }", "args.url = { prefix = \"https://api.open-meteo.com/\" }")
            .replace("max_ttl = \"15m\"", "max_ttl = \"20m\"")
            .replace("carriers = [\"meta\", \"arguments\"]", "carriers = [\"meta\"]")
            .replace("accept = [\"k1\"]", "accept = [\"k1\", \"k2\"]");
        let (old, new) = (compiled(weather), compiled(&wider));
        let mut page = String::new();
        for (from, to) in [(&old, &new), (&old, &old)] {
            let (difference, notes) = (authority::diff(from.policy(), to.policy()), authority::notes(from.policy(), to.policy()));
            writeln!(page, "{}\n\n{}\n", table(&difference, &notes), markdown(&difference, &notes)).unwrap();
        }
        insta::assert_snapshot!(page);
    }
}
