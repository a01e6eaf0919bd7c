//! `airlock client rollback`.

use super::{Consent, Which};
use crate::args::Format;
use crate::client::diff;
use crate::client::file::ConfigFile;
use crate::render::{Failure, Outcome, say};
use serde_json::json;
use std::process::ExitCode;

/// Take the last change back: the file becomes what it was before, byte for byte.
///
/// Refused when somebody else has changed the file since, unless --force is given. Each rollback takes one change back.
#[derive(Debug, clap::Args)]
pub(crate) struct Rollback {
    #[command(flatten)]
    which: Which,
    /// Also when the file was changed since; those changes are lost
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    consent: Consent,
}

impl Rollback {
    pub(crate) fn run(self) -> Outcome {
        let file = self.which.file()?;
        let backups = file.backups();
        let backup = backups.first().ok_or_else(|| {
            Failure::new(format_args!("there is no change of {} to take back", file.path.display()))
                .help("what a file was stands beside it, in a file whose name ends with .bak or .none")
        })?;
        file.demand_writable()?;
        let old = ConfigFile::read(&backup.path)?;
        let shown = diff::unified(&file.path.display().to_string(), &file.text, &old.text);
        if self.consent.format == Format::Table {
            say(&shown);
        }
        if !self.consent.dry_run {
            self.consent.demand("Take this back?")?;
            file.roll_back(backup, self.force)?;
        }
        match self.consent.format {
            Format::Table if self.consent.dry_run => say("Nothing was written."),
            Format::Table => say(format_args!("{} is what it was.", file.path.display())),
            Format::Json => say(json!({
                "client": self.which.client.id(), "config": file.path, "restored": !self.consent.dry_run, "backup": backup.path,
                "left": backups.len() - usize::from(!self.consent.dry_run), "diff": shown,
            })),
        }
        Ok(ExitCode::SUCCESS)
    }
}
