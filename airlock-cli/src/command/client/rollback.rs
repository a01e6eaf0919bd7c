//! `airlock client rollback`.

use super::{Consent, Which, open_of};
use crate::args::Format;
use crate::client::diff;
use crate::render::{Outcome, say};
use crate::shown;
use serde_json::json;
use std::process::ExitCode;

/// Take the last change back: the file becomes what it was before, byte for byte.
///
/// That is the change which made the file what it is now. Refused when somebody else has changed the file since, unless --force is given:
/// then the newest backup replaces it. Each rollback takes one change back.
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
        let client = self.which.client;
        let backup = file.undo(self.force)?;
        file.demand_writable()?;
        let old = backup.read()?;
        let text = String::from_utf8_lossy(old.as_deref().unwrap_or_default()).into_owned();
        let open = open_of(client, [&file.text, &text]);
        let shown = diff::unified(
            &shown::path(&file.path),
            &file.text,
            text.trim_start_matches('\u{feff}'),
            client.row().language,
            &open,
        );
        if self.consent.format == Format::Table {
            say(&shown);
        }
        if !self.consent.dry_run {
            self.consent.demand("Take this back?")?;
            file.roll_back(&backup, old.as_deref())?;
        }
        match self.consent.format {
            Format::Table if self.consent.dry_run => say("Nothing was written."),
            Format::Table => say(format_args!("{} is what it was.", shown::path(&file.path))),
            Format::Json => say(json!({
                "client": client.id(), "config": file.path, "restored": !self.consent.dry_run, "backup": backup.path,
                "left": file.backups().len(), "diff": shown,
            })),
        }
        Ok(ExitCode::SUCCESS)
    }
}
