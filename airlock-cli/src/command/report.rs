//! `airlock report`.

use super::tail::{since, unreadable};
use super::trust::Kept;
use crate::args::Format;
use crate::manifest::policy_of;
use crate::render::{Failure, Outcome, note, say};
use crate::report::gather::gather;
use crate::report::idle::granted;
use crate::report::page::{Content, page};
use airlock_runtime::clock::Micros;
use airlock_runtime::ledger::verify::verify;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Write a report of a ledger: one HTML file that needs nothing else, for people who review what agents did.
///
/// Decisions over time, agents and tools, denials with examples, risk, durations, hosts, authority granted and used with the change of the
/// manifest for what is not used, and what is proven of the ledger. What is not proven is said, and costs no exit code: `airlock
/// verify-log` is the test.
#[derive(Debug, clap::Args)]
pub(crate) struct Report {
    /// Directory of the ledger
    dir: PathBuf,
    /// File to write; an older one is replaced
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    out: PathBuf,
    /// Manifest or gateway whose grants are compared with what was used
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// How many hours to look back [default: all]
    #[arg(long, value_name = "N")]
    lookback_hours: Option<u64>,
    #[command(flatten)]
    kept: Kept,
    /// How it is told what was written; the report itself is HTML
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Report {
    pub(crate) fn run(self) -> Outcome {
        let trust = self.kept.read()?;
        let accepted = self.manifest.as_deref().map(policy_of).transpose()?;
        let made = Micros::now();
        let since = since(self.lookback_hours, made);
        let proof = verify(&self.dir, &trust).map_err(|e| unreadable(&self.dir, &e))?;
        let found = gather(&self.dir, since).map_err(|e| unreadable(&self.dir, &e))?;
        let name = self.manifest.as_deref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
        let granted = accepted.as_ref().map(|accepted| {
            granted(&accepted.text, name.as_deref().unwrap_or("airlock.toml"), accepted.compiled.policy(), &found.agents)
        });
        let text = page(&Content { proof: &proof, found: &found, granted: granted.as_deref(), made });
        std::fs::write(&self.out, text).map_err(|e| Failure::new(format_args!("cannot write {}: {e}", self.out.display())))?;
        match self.format {
            Format::Json => say(json!({
                "file": self.out, "entries": found.entries, "since": self.lookback_hours.map(|_| since.rfc3339()), "verdict": proof.verdict,
            })),
            Format::Table => note(format_args!("{} entries in {}", found.entries, self.out.display())),
        }
        Ok(ExitCode::SUCCESS)
    }
}
