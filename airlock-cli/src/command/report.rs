//! `airlock report`.

use super::ledger::read_seed;
use super::tail::unreadable;
use super::verify_log::pinned;
use super::witness::witness;
use crate::manifest::policy_of;
use crate::render::{Failure, Outcome, note};
use crate::report::gather::gather;
use crate::report::idle::granted;
use crate::report::page::{Content, page};
use airlock_runtime::clock::Micros;
use airlock_runtime::ledger::verify::{Trust, verify};
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
    /// Keys that you kept elsewhere, as for `airlock verify-log`
    #[arg(long, value_name = "KEYS|FILE")]
    key: Option<String>,
    /// Checkpoint that you kept elsewhere
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Verifier key of a witness, or a file with it
    #[arg(long, value_name = "VKEY|FILE")]
    witness: Option<String>,
    /// File with the seed that `airlock ledger init` printed
    #[arg(long, value_name = "FILE")]
    seed_file: Option<PathBuf>,
}

impl Report {
    pub(crate) fn run(self) -> Outcome {
        let saved = self
            .checkpoint
            .as_deref()
            .map(|path| std::fs::read(path).map_err(|e| Failure::new(format_args!("cannot read {}: {e}", path.display()))));
        let pin = self.key.as_deref().map(pinned).transpose()?;
        let trust = Trust {
            key: pin.map(|pin| pin.key),
            epoch_key: pin.and_then(|pin| pin.epoch),
            saved: saved.transpose()?,
            witness: self.witness.as_deref().map(witness).transpose()?,
            seed: self.seed_file.as_deref().map(read_seed).transpose()?,
        };
        let accepted = self.manifest.as_deref().map(policy_of).transpose()?;
        let made = Micros::now();
        let back = self.lookback_hours.map(|hours| hours.saturating_mul(3600 * 1_000_000));
        let since = Micros(back.map_or(0, |back| made.0.saturating_sub(back)));
        let proof = verify(&self.dir, &trust).map_err(|e| unreadable(&self.dir, &e))?;
        let found = gather(&self.dir, since).map_err(|e| unreadable(&self.dir, &e))?;
        let name = self.manifest.as_deref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
        let granted = accepted.as_ref().map(|accepted| {
            granted(&accepted.text, name.as_deref().unwrap_or("airlock.toml"), accepted.compiled.policy(), &found.agents)
        });
        let text = page(&Content { proof: &proof, found: &found, granted: granted.as_deref(), made });
        std::fs::write(&self.out, text).map_err(|e| Failure::new(format_args!("cannot write {}: {e}", self.out.display())))?;
        note(format_args!("{} entries in {}", found.entries, self.out.display()));
        Ok(ExitCode::SUCCESS)
    }
}
