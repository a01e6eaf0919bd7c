//! `airlock serve`.

use crate::gateway::{self, Options, Said, Target};
use crate::manifest::Manifest;
use crate::render::{Failure, Outcome, note};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

/// Build a manifest's gateway if needed and run it on this process's stdin and stdout.
///
/// For development: the gateway is kept in the cache. It takes this process's place, so signals and exit code are its own.
/// Everything before that is told on stderr.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// The manifest
    #[arg(default_value = "airlock.toml")]
    manifest: PathBuf,
    #[command(flatten)]
    options: Options,
}

impl Serve {
    pub(crate) fn run(self) -> Outcome {
        let accepted = Manifest::read(&self.manifest)?.accept()?;
        let gateway = gateway::build(&accepted, Target::Cache, Said::Manifest, &self.options)?;
        note(format_args!(
            "airlock: serving {} (policy digest {})",
            accepted.compiled.policy().gateway.name,
            accepted.compiled.digest_hex()
        ));
        // `exec` returns only when it failed.
        let e = Command::new(&gateway.path).exec();
        Err(Failure::new(format_args!("cannot run {}: {e}", gateway.path.display())))
    }
}
