//! `airlock redact`.

use super::tail::unreadable;
use crate::args::Format;
use crate::manifest::counted;
use crate::render::{Failure, Outcome, say};
use airlock_runtime::ledger::read;
use airlock_runtime::ledger::redact::{Erased, Redact as Entered, redact};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Erase the evidence of ledger entries, so that nobody can show any more with which arguments they were called.
///
/// An entry has no arguments, only a salted commitment; without its salt that opens to nothing. What was kept of arguments and results
/// (`[ledger] evidence`) goes as well; a result is kept under the entry of the outcome. An entry says what was erased and why, before it is.
/// Everything still verifies. It cannot be taken back. Run it as the user that the gateway runs as.
#[derive(Debug, clap::Args)]
pub(crate) struct Redact {
    /// Directory of the gateway's ledger
    dir: PathBuf,
    /// Number of the entry, or of the first of several
    #[arg(long, value_name = "N")]
    seq: u64,
    /// Number of the last of several
    #[arg(long, value_name = "N")]
    through: Option<u64>,
    /// Why, for the ledger
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

impl Redact {
    pub(crate) fn run(self) -> Outcome {
        let to = self.through.unwrap_or(self.seq);
        if to < self.seq {
            return Err(Failure::new(format_args!("--through {to} is before --seq {}", self.seq)));
        }
        demand_entry(&self.dir, to)?;
        let entry = Entered { from: self.seq, to, why: &self.why, by: "operator" };
        let (seq, erased) = redact(&self.dir, &entry).map_err(|fault| {
            Failure::new(format_args!("not all was erased: {fault}"))
                .help("name the directory of a gateway's ledger, and run this as the user that the gateway runs as")
        })?;
        match self.format {
            Format::Json => {
                say(json!({"ledger_seq": seq, "from": self.seq, "to": to, "erased": erased.salts, "erased_texts": erased.texts}));
            }
            Format::Table => {
                let Erased { salts, texts } = erased;
                let kept = if texts == 0 { String::new() } else { format!(" and {}", counted(texts, "kept text")) };
                let of = if to == self.seq { format!("entry {to}") } else { format!("entries {} to {to}", self.seq) };
                say(format_args!("{}{kept} of {of} erased, entry {seq} of the ledger", counted(salts, "salt")));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The ledger has the entry, so what is said to be erased is there: a wrong number would look like a request that was met.
fn demand_entry(dir: &Path, seq: u64) -> Result<(), Failure> {
    let tail = read::tail(dir, 1).map_err(|e| unreadable(dir, &e))?;
    let newest = tail.entries.last().and_then(|entry| serde_json::from_str::<Value>(entry.get()).ok()?.get("seq")?.as_u64());
    match newest.is_some_and(|newest| seq <= newest) {
        true => Ok(()),
        false => Err(Failure::new(format_args!("nothing was erased: there is no entry {seq} in {}", dir.display()))
            .help("`airlock tail` shows the newest entries with their numbers")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use airlock_runtime::ledger::Ledger;
    use airlock_runtime::policy::Durability;

    #[test]
    fn what_is_not_there_is_not_said_to_be_erased() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("ledger");
        Ledger::open(&dir, "weather", &[0; 32], Durability::Process).unwrap().shutdown().unwrap();
        let ask = |seq, through| {
            Redact { dir: dir.clone(), seq, through, why: "x".to_owned(), format: Format::Json }
                .run()
                .map_err(|it| format!("{it:?}"))
        };
        let entries = || read::tail(&*dir, 10).unwrap().entries.len();
        for refused in [ask(7, None), ask(0, Some(7))] {
            assert!(refused.unwrap_err().contains("there is no entry 7"));
        }
        assert_eq!(entries(), 1, "and nothing was recorded");
        assert_eq!(ask(0, None), Ok(ExitCode::SUCCESS));
        assert_eq!(entries(), 2);
    }
}
