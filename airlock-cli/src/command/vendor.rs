//! `airlock vendor`.

use crate::args::Format;
use crate::gateway::{Options, bench};
use crate::render::{Outcome, note, say};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Copy the crates of others that gateways need into a directory, for a machine without network.
///
/// Carry the directory to that machine and build there with `airlock build --vendor DIR` or AIRLOCK_VENDOR=DIR. The gateway has the same
/// bytes as one built with the network. Cargo compares every file with its checksum before it compiles it; the checksums lie beside the
/// files, so that finds accidents, not whoever can write there. A directory where others may write is refused.
#[derive(Debug, clap::Args)]
pub(crate) struct Vendor {
    /// Directory; made when absent, else it must be empty
    dir: PathBuf,
    #[command(flatten)]
    options: Options,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Vendor {
    pub(crate) fn run(self) -> Outcome {
        let dir = bench::vendor(&self.dir, &self.options)?;
        let count = std::fs::read_dir(&dir).into_iter().flatten().count();
        match self.format {
            Format::Json => say(json!({"directory": dir, "crates": count})),
            Format::Table => {
                say(format_args!("{}: {count} crates", dir.display()));
                note(format_args!("Next: airlock build --vendor {}", dir.display()));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
