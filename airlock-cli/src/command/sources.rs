//! `airlock sources`.

use crate::args::Format;
use crate::carried::Carried;
use crate::render::{Outcome, say};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Write the sources that this program builds gateways from into a directory.
///
/// For reading them, and for a test crate of a policy repository, which can depend on `airlock-policy` by this path.
#[derive(Debug, clap::Args)]
pub(crate) struct Sources {
    /// Directory; made when absent, else it must be empty
    dir: PathBuf,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Sources {
    pub(crate) fn run(self) -> Outcome {
        let carried = Carried::new()?;
        carried.unpack(&self.dir)?;
        if self.format == Format::Json {
            say(json!({
                "directory": self.dir, "version": env!("CARGO_PKG_VERSION"), "sources": carried.digest, "lockfile": carried.lock_digest,
            }));
            return Ok(ExitCode::SUCCESS);
        }
        say(format_args!(
            "{}: airlock-policy, airlock-macros, airlock-core, airlock-chain, airlock-runtime {} and their Cargo.lock\n  sources        {}\n  lockfile       {}",
            self.dir.display(),
            env!("CARGO_PKG_VERSION"),
            carried.digest,
            carried.lock_digest
        ));
        Ok(ExitCode::SUCCESS)
    }
}
