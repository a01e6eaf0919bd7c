//! `airlock ledger`.

use crate::args::Format;
use crate::manifest::policy_of;
use crate::render::{Failure, Outcome, note, say};
use airlock_policy::ir::Durability as Said;
use airlock_runtime::ledger::Ledger as Open;
use airlock_runtime::ledger::seal::Seed;
use airlock_runtime::policy::Durability;
use serde_json::json;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Longest text read of a seed file: 44 characters and a line end, with room for an editor's.
const SEED_TEXT_MAX: u64 = 64;

/// Make a ledger ahead of its gateway.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Ledger {
    Init(Init),
}

/// Make a sealed ledger for a gateway, and print the seed of its seal, once.
///
/// With the seed, `airlock verify-log --seed-file` proves later that nothing which is older than about a second before somebody took over
/// the machine was changed or cut off, though he has all its keys. The seed is written nowhere: keep it where the gateway never comes.
/// Only the seed goes to standard output.
#[derive(Debug, clap::Args)]
pub(crate) struct Init {
    /// Directory to make the ledger in
    dir: PathBuf,
    /// Manifest of the gateway, or the built gateway
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

impl Ledger {
    pub(crate) fn run(self) -> Outcome {
        match self {
            Self::Init(verb) => verb.run(),
        }
    }
}

impl Init {
    fn run(self) -> Outcome {
        let accepted = policy_of(&self.manifest)?;
        let policy = accepted.compiled.policy();
        let durability = match policy.ledger.durability {
            Said::Power => Durability::Power,
            Said::Effect => Durability::Effect,
            Said::Process => Durability::Process,
        };
        let seed = Seed::fresh().map_err(Failure::new)?;
        let pin =
            Open::init(&self.dir, &policy.gateway.name, accepted.compiled.digest(), durability, &seed).map_err(|fault| {
                Failure::new(format_args!("no ledger was made: {fault}")).help("run this as the user that the gateway runs as")
            })?;
        let (text, key) = (seed.text(), pin.to_string());
        match self.format {
            Format::Json => {
                say(json!({"gateway": policy.gateway.name, "seed": *text, "seed_id": seed.id(), "key": key}));
            }
            Format::Table => {
                note(format_args!("sealed ledger of {} in {}", policy.gateway.name, self.dir.display()));
                note(format_args!(
                    "log key and first epoch key {key}: keep them elsewhere, `airlock verify-log --key` needs them"
                ));
                note("the seed follows; it is shown once and stored nowhere: keep it where the gateway never comes");
                say(text.as_str());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Reads a seed as `airlock ledger init` printed it.
pub(crate) fn read_seed(path: &Path) -> Result<Seed, Failure> {
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(SEED_TEXT_MAX).read_to_string(&mut text));
    read.map_err(|e| Failure::new(format_args!("cannot read the seed {}: {e}", path.display())))?;
    Seed::parse(&text).ok_or_else(|| {
        Failure::new(format_args!("{} holds no seed", path.display()))
            .help("a seed is one line of 44 characters, as `airlock ledger init` printed it")
    })
}
