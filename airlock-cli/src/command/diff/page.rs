//! A difference as a table for a terminal and as a comment for a pull request.

use super::call;
use super::check::{self, Checked, word};
use airlock_policy::authority::{Difference, Dimension, Row, Status};

/// Places that a line names; the rest is counted.
const PLACES_SHOWN: usize = 3;
/// Rows of a comment that are shown with their calls; hosts of code cut long comments, and nobody reads more.
const ROWS_SHOWN: usize = 50;

/// What differs beside authority: what, old, new.
pub(super) type Notes = [(&'static str, String, String)];

/// What became of running the witness of each row.
pub(super) type Runs = [Option<Checked>];

pub(super) fn table(difference: &Difference, runs: &Runs, notes: &Notes) -> String {
    let mut lines = Vec::new();
    for (row, run) in difference.rows.iter().zip(runs) {
        let sign = match row.status {
            Status::Gained => '+',
            Status::Lost => '-',
            Status::Unchanged => '=',
        };
        lines.push(format!("{sign} {} -> {}{}: {}", who(row), what(row), at(row), change(row)));
        let [first, rest @ ..] = &example(row, run.as_ref())[..] else { continue };
        lines.push(format!("    {}: {first}", verb(row)));
        lines.extend(rest.iter().map(|line| format!("        {line}")));
    }
    lines.extend(notes.iter().map(|(what, old, new)| format!("~ {what}: {old:?} -> {new:?}")));
    lines.push(summary(difference));
    lines.extend(Some(check::summary(runs)).filter(|text| !text.is_empty()));
    lines.join("\n")
}

pub(super) fn markdown(difference: &Difference, runs: &Runs, notes: &Notes) -> String {
    let mut lines = vec![format!("### Authority: {}", summary(difference))];
    lines.extend(Some(check::summary(runs)).filter(|text| !text.is_empty()).map(|text| format!("\n{text}")));
    for (status, title) in [(Status::Gained, "Gained"), (Status::Lost, "Lost")] {
        let rows: Vec<(&Row, &Option<Checked>)> =
            difference.rows.iter().zip(runs).filter(|(row, _)| row.status == status).collect();
        if rows.is_empty() {
            continue;
        }
        lines.push(format!("\n#### {title}"));
        for (row, run) in rows.iter().take(ROWS_SHOWN) {
            lines.push(format!("\n- {} → {}{}: {}", code(&who(row)), code(&what(row)), code_if(&at(row)), code(&change(row))));
            let example = example(row, run.as_ref());
            if let Some((first, rest)) = example.split_first() {
                let text = [format!("{}: {first}", verb(row))].into_iter().chain(rest.iter().map(|line| format!("  {line}")));
                lines.push(fenced(&text.collect::<Vec<_>>()));
            }
        }
        if rows.len() > ROWS_SHOWN {
            lines.push(format!("\n… and {} more", rows.len() - ROWS_SHOWN));
        }
    }
    let same: Vec<&Row> = difference.rows.iter().filter(|row| row.status == Status::Unchanged).take(ROWS_SHOWN).collect();
    if !same.is_empty() {
        lines.push("\n<details><summary>Unchanged</summary>\n".to_owned());
        let line =
            |row: &&Row| format!("- {} → {}{}: {}", code(&who(row)), code(&what(row)), code_if(&at(row)), code(&change(row)));
        lines.extend(same.iter().map(line));
        lines.push("\n</details>".to_owned());
    }
    if !notes.is_empty() {
        lines.push("\n#### Other changes, which are no authority\n".to_owned());
        lines.extend(notes.iter().map(|(what, old, new)| format!("- {what}: {} → {}", code(old), code(new))));
    }
    lines.join("\n")
}

/// Text that stays text: a code span whose fence is longer than every run of backticks in it, on one line.
fn code(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let fence = "`".repeat(longest_run(&text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') || text.is_empty() { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

fn code_if(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" {}", code(text.trim_start())) }
}

fn fenced(lines: &[String]) -> String {
    let text = lines.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n");
    let fence = "`".repeat((longest_run(&text) + 1).max(3));
    format!("  {fence}text\n{text}\n  {fence}")
}

fn longest_run(text: &str) -> usize {
    let runs = text.split(|c| c != '`').map(str::len);
    runs.max().unwrap_or(0)
}

fn summary(difference: &Difference) -> String {
    let [gained, lost, same] = [Status::Gained, Status::Lost, Status::Unchanged].map(|status| difference.count(status));
    let verdict = if gained > 0 { "the new policy allows more" } else { "the new policy allows nothing more" };
    format!("{verdict}: {gained} gained, {lost} lost, {same} unchanged")
}

/// What the two policies make of the call.
fn verb(row: &Row) -> String {
    row.verdicts.map_or_else(|| "not found".to_owned(), |[old, new]| format!("was {}, is {}", word(old), word(new)))
}

fn example(row: &Row, run: Option<&Checked>) -> Vec<String> {
    match (&row.witness, row.status) {
        (Some(case), _) => {
            let lines = call::lines(case, run.map(|run| &run.args));
            lines.into_iter().chain(run.map(check::line)).collect()
        }
        // They are read, or hold for a process, and are not called.
        (None, _) if matches!(row.dimension, Dimension::Confinement | Dimension::Questions | Dimension::Mode) => Vec::new(),
        (None, Status::Gained | Status::Lost) => vec!["there may be such a call; the search for one was too large".to_owned()],
        (None, Status::Unchanged) => Vec::new(),
    }
}

fn who(row: &Row) -> String {
    if row.subject == "*" { "every subject".to_owned() } else { row.subject.clone() }
}

fn what(row: &Row) -> String {
    if row.tool == "*" { "every tool".to_owned() } else { row.tool.clone() }
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
        Dimension::Reach => "use".to_owned(),
        Dimension::Ttl => "life of a lease".to_owned(),
        Dimension::Uses => "calls of a lease".to_owned(),
        Dimension::Risk => "risk beyond the base".to_owned(),
        Dimension::Together => "life, calls and risk together".to_owned(),
        Dimension::SelfIssue => "issues its own leases".to_owned(),
        Dimension::Consent => "issuing its own leases".to_owned(),
        Dimension::Approval => "approval".to_owned(),
        Dimension::Argument(name) => format!("argument {name}"),
        Dimension::Provenance(name) => format!("where {name} comes from"),
        Dimension::Unnamed => "arguments that are not named".to_owned(),
        Dimension::ArgumentBytes => "size of the arguments".to_owned(),
        Dimension::Request => "what is sent".to_owned(),
        Dimension::Program => "program that is called".to_owned(),
        Dimension::Definition => "reviewed definition".to_owned(),
        Dimension::Screening => "results that look like an injection".to_owned(),
        Dimension::Confinement => "what the kernel allows".to_owned(),
        Dimension::Questions => "what it may ask of the client and tell it".to_owned(),
        Dimension::Mode => "what is refused".to_owned(),
        Dimension::Answer => "what is read".to_owned(),
        Dimension::AnswerBytes => "size of an answer".to_owned(),
        Dimension::StepUps => "questions in a session".to_owned(),
        Dimension::Rate => "calls in a period".to_owned(),
        Dimension::SessionRate => "calls in a period of a session".to_owned(),
        Dimension::SessionCalls => "calls in a session".to_owned(),
        Dimension::Flow => "after other calls of the session".to_owned(),
        Dimension::Key => "key".to_owned(),
        Dimension::Carrier => "carrier".to_owned(),
    };
    if row.old == row.new { format!("{what}: {}", row.new) } else { format!("{what}: {} -> {}", row.old, row.new) }
}
