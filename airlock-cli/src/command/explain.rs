//! `airlock explain`.

use crate::args::Format;
use crate::manifest::policy_of;
use crate::render::{Outcome, say};
use airlock_policy::Report;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Show the whole policy of a manifest as a readable table, with every default filled in.
///
/// Exit codes: 0 shown · 1 the manifest has errors · 2 it could not be read.
#[derive(Debug, clap::Args)]
pub(crate) struct Explain {
    /// The manifest, or a built gateway; `-` reads standard input
    #[arg(default_value = "airlock.toml")]
    manifest: PathBuf,
    /// How the policy is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

impl Explain {
    pub(crate) fn run(self) -> Outcome {
        let compiled = policy_of(&self.manifest)?.compiled;
        match self.format {
            Format::Json => say(json!({"policy_digest": compiled.digest_hex(), "policy": compiled.policy()})),
            Format::Table => say(format_args!("policy digest {}\n\n{}", compiled.digest_hex(), Report::of(compiled.policy()))),
        }
        Ok(ExitCode::SUCCESS)
    }
}
