//! `airlock diff`.

#[cfg(test)]
mod agreement;
mod call;
mod check;
mod complete;
mod page;
mod play;

use crate::judge::Judge;
use crate::manifest::policy_of;
use crate::render::{CONTRADICTED, Failure, NO, Outcome, note, say};
use airlock_policy::authority;
use clap::ValueEnum;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Show what a new manifest allows that the old one denies, and the other way round.
///
/// The comparison is of authority, not of text: every change is shown with a call that one policy lets through and the other
/// refuses or asks about, and each such call is put to the gateway's own decision under both policies. Exit codes: 0 compared · 1
/// --fail-on widening, and something is gained · 2 nothing was compared: a manifest has errors, or a file could not be read · 3 the
/// decision contradicts the comparison, whose rows cannot be relied on.
#[derive(Debug, clap::Args)]
pub(crate) struct Diff {
    /// The manifest in force, or the gateway that runs
    old: PathBuf,
    /// The proposed manifest or gateway; `-` reads standard input (for one of the two)
    new: PathBuf,
    /// How the difference is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
    /// Exit with 1 when the new manifest lets any call through that the old one refuses or asks about
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
        // 1 says that something is gained, which is not known of what does not compile.
        let old = policy_of(&self.old).map_err(Failure::failed)?.compiled;
        let new = policy_of(&self.new).map_err(Failure::failed)?.compiled;
        let difference = authority::diff(old.policy(), new.policy());
        let notes = authority::notes(old.policy(), new.policy());
        let judges = [Judge::of(&old).map_err(Failure::failed)?, Judge::of(&new).map_err(Failure::failed)?];
        let runs = check::all(&judges[0], &judges[1], &difference);
        let contradictions = check::contradictions(&runs);
        match self.format {
            Form::Json => say(json!({
                "widens": difference.widens(),
                "contradictions": contradictions,
                "old_policy_digest": old.digest_hex(),
                "new_policy_digest": new.digest_hex(),
                "rows": difference.rows.iter().zip(&runs).map(|(row, run)| self::row(row, run.as_ref())).collect::<Vec<_>>(),
                "other": notes.iter().map(|(what, old, new)| json!({"what": what, "old": old, "new": new})).collect::<Vec<_>>(),
            })),
            Form::Markdown => say(page::markdown(&difference, &runs, &notes)),
            Form::Table => say(page::table(&difference, &runs, &notes)),
        }
        if contradictions > 0 {
            note(format_args!(
                "error: {contradictions} calls are not judged as the comparison says, so one of the two is wrong\nhelp: review the \
                 manifests by hand, and report both with this output"
            ));
            return Ok(ExitCode::from(CONTRADICTED));
        }
        let fails = self.fail_on == Some(FailOn::Widening) && difference.widens();
        Ok(if fails { ExitCode::from(NO) } else { ExitCode::SUCCESS })
    }
}

/// A row for scripts, with what became of running its witness.
fn row(row: &authority::Row, run: Option<&check::Checked>) -> serde_json::Value {
    let mut row = json!(row);
    if let (Some(members), Some(run)) = (row.as_object_mut(), run) {
        members.insert("check".to_owned(), check::json(run));
    }
    row
}

#[cfg(test)]
mod tests {
    use super::page::{markdown, table};
    use super::*;
    use airlock_policy::Compiled;
    use std::fmt::Write;

    fn compiled(text: &str) -> Compiled {
        let checked = airlock_policy::compile(text, "airlock.toml");
        let report = checked.render(false);
        checked.into_compiled().unwrap_or_else(|| panic!("{report}"))
    }

    fn runs(old: &Compiled, new: &Compiled, difference: &authority::Difference) -> Vec<Option<check::Checked>> {
        check::all(&Judge::of(old).unwrap(), &Judge::of(new).unwrap(), difference)
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
            let runs = runs(from, to, &difference);
            writeln!(page, "{}\n\n{}\n", table(&difference, &runs, &notes), markdown(&difference, &runs, &notes)).unwrap();
        }
        insta::assert_snapshot!(page);
    }

    #[test]
    fn a_reviewer_sees_what_is_sent_where_and_after_what() {
        let old = include_str!("../../../tests/manifests/good/everything.toml");
        let new = old
            .replace("method = \"POST\"", "method = \"PUT\"")
            .replace("text = { type = \"string\", max_length = 4000 }", "text = { type = \"string\", max_length = 5000 }")
            .replace("limits = { rate = \"30/1m\", session", "limits = { rate = \"40/1m\", session")
            .replace("select = \"/items\"", "select = \"/items/0\"")
            .replace("ask = [\"reads:private\", \"writes:tickets\"]", "ask = [\"ingests:untrusted\", \"writes:tickets\"]");
        let (old, new) = (compiled(old), compiled(&new));
        let difference = authority::diff(old.policy(), new.policy());
        let mut changed = difference.rows.iter().filter(|row| row.status != authority::Status::Unchanged);
        assert!(changed.all(|row| row.witness.is_some()));
        let runs = runs(&old, &new, &difference);
        insta::assert_snapshot!(table(&difference, &runs, &authority::notes(old.policy(), new.policy())));
    }
}
