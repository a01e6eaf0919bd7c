//! `airlock redact`.

use crate::args::Format;
use crate::render::{Failure, Outcome, say};
use airlock_runtime::ledger::redact::{Erased, Redact as Entered, redact};
use serde_json::json;
use std::path::PathBuf;
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
                let kept = if texts == 0 { String::new() } else { format!(" and {texts} kept texts") };
                say(format_args!("{salts} salts{kept} of entries {} to {to} erased, entry {seq} of the ledger", self.seq))
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
