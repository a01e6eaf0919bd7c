//! `airlock completions` and `airlock man`.

use crate::args::Cli;
use crate::render::{Failure, Outcome, say};
use clap::CommandFactory;
use std::path::PathBuf;
use std::process::ExitCode;

/// Print completions for a shell.
///
/// For bash: `airlock completions bash > ~/.local/share/bash-completion/completions/airlock`. For zsh: a file `_airlock` in a directory of
/// $fpath. For fish: `~/.config/fish/completions/airlock.fish`.
#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Outcome {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "airlock", &mut script);
        say(String::from_utf8_lossy(&script).trim_end());
        Ok(ExitCode::SUCCESS)
    }
}

/// Write a manual page for each command into a directory.
///
/// `airlock man ~/.local/share/man/man1`, then `man airlock-build`.
#[derive(Debug, clap::Args)]
pub(crate) struct Man {
    /// The directory; made when absent
    dir: PathBuf,
}

impl Man {
    pub(crate) fn run(self) -> Outcome {
        let cannot = |e: std::io::Error| Failure::new(format_args!("cannot write manual pages to {}: {e}", self.dir.display()));
        std::fs::create_dir_all(&self.dir).map_err(cannot)?;
        clap_mangen::generate_to(Cli::command().disable_help_subcommand(true), &self.dir).map_err(cannot)?;
        say(format_args!("manual pages written to {}", self.dir.display()));
        Ok(ExitCode::SUCCESS)
    }
}
