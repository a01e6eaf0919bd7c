//! `airlock check`.

use crate::args::Format;
use crate::manifest::{self, Manifest};
use crate::render::{NO, Outcome, note, say};
use airlock_policy::Compiled;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Check a manifest and explain every mistake in it.
///
/// Needs no Rust toolchain. Exit codes: 0 the manifest is fine · 1 it has errors (or warnings, with --deny-warnings) · 2 it could
/// not be read.
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// The manifest; `-` reads standard input
    #[arg(default_value = "airlock.toml")]
    manifest: PathBuf,
    /// How diagnostics are printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Let warnings fail the check
    #[arg(long)]
    deny_warnings: bool,
}

impl Check {
    pub(crate) fn run(self) -> Outcome {
        let manifest = Manifest::read(&self.manifest)?;
        let checked = manifest.check();
        let (errors, warnings) = manifest::tally(&checked);
        let is_fine = checked.compiled().is_some() && !(self.deny_warnings && warnings > 0);
        match self.format {
            Format::Json => say(json!({
                "fine": is_fine,
                "errors": errors,
                "warnings": warnings,
                "policy_digest": checked.compiled().map(Compiled::digest_hex),
                "diagnostics": checked.to_json(),
            })),
            Format::Table => {
                manifest::report(&checked);
                match checked.compiled() {
                    Some(compiled) => say(format_args!("{}; {}", manifest::summary(compiled), manifest::count(&checked))),
                    None => note(manifest::count(&checked)),
                }
            }
        }
        Ok(if is_fine { ExitCode::SUCCESS } else { ExitCode::from(NO) })
    }
}
