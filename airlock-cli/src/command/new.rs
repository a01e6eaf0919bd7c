//! `airlock new`.

use crate::project::{self, Template};
use crate::render::{Failure, Outcome, say};
use std::path::PathBuf;
use std::process::ExitCode;

/// Write a new policy repository: manifest, cases, snapshot tests, a workflow for a build server.
///
/// The gateway is named like the directory. Existing files are never replaced.
#[derive(Debug, clap::Args)]
pub(crate) struct New {
    /// Directory of the repository; made when absent
    dir: PathBuf,
    /// What to start from
    #[arg(long, value_enum, default_value = "weather")]
    template: Template,
}

impl New {
    pub(crate) fn run(self) -> Outcome {
        let full =
            std::path::absolute(&self.dir).map_err(|e| Failure::new(format_args!("cannot use {}: {e}", self.dir.display())))?;
        let name = full.file_name().unwrap_or_default().to_string_lossy();
        if !is_name(&name) {
            let problem = format!("{name:?} cannot be the name of a gateway");
            return Err(
                Failure::new(problem).help("name the directory with a-z, 0-9 and '-', a letter first; `airlock` itself is taken")
            );
        }
        for path in project::write(&self.dir, &name, self.template)? {
            say(path.display());
        }
        say(format_args!("\nNext: cd {} && airlock check && airlock test && airlock build", self.dir.display()));
        Ok(ExitCode::SUCCESS)
    }
}

/// Whether the manifest language accepts it. The characters are checked here, so that the name stays one TOML string; the rest is
/// the checker's business.
fn is_name(name: &str) -> bool {
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    plain && airlock_policy::compile(&Template::Locked.manifest(name), "airlock.toml").compiled().is_some()
}
