//! `airlock client`.

mod adopt;
pub(crate) mod install;
mod remove;
mod rollback;
pub(crate) mod show;

use crate::args::Format;
use crate::client::file::ConfigFile;
use crate::client::{Client, diff, open_values};
use crate::render::{Failure, Outcome, note, say};
use crate::shown;
use serde_json::json;
use std::collections::BTreeSet;
use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Put gateways into the settings of MCP clients, and take them out again.
///
/// The file of the client is changed at one place; comments, order, unknown keys, other servers, indentation and line ends stay. What it
/// was is kept beside it, and `rollback` puts it back byte for byte. Nothing is written before the change was shown and agreed to. What is
/// shown has the names of variables and servers; of values only the places that belong to gateways.
/// Exit codes: 0 done, or nothing to do · 1 the answer is no (the user did not agree; the file was changed since) · 2 wrong usage, or a
/// file is not understood or cannot be written.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum ClientCommand {
    Install(install::Install),
    Adopt(adopt::Adopt),
    Show(show::Show),
    Remove(remove::Remove),
    Rollback(rollback::Rollback),
}

impl ClientCommand {
    pub(crate) fn run(self) -> Outcome {
        match self {
            Self::Install(verb) => verb.run(),
            Self::Adopt(verb) => verb.run(),
            Self::Show(verb) => verb.run(),
            Self::Remove(verb) => verb.run(),
            Self::Rollback(verb) => verb.run(),
        }
    }
}

/// Which file of a client.
#[derive(Debug, clap::Args)]
struct Which {
    /// The client
    #[arg(value_enum)]
    client: Client,
    /// Its file [default: that of this user, see `airlock client show`]
    #[arg(long, value_name = "FILE", conflicts_with = "project")]
    config: Option<PathBuf>,
    /// The file of the project in this directory instead
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,
}

impl Which {
    fn file(&self) -> Result<ConfigFile, Failure> {
        ConfigFile::read(&self.path()?)
    }

    fn path(&self) -> Result<PathBuf, Failure> {
        let title = self.client.row().title;
        if let Some(path) = &self.config {
            return Ok(path.clone());
        }
        if let Some(dir) = &self.project {
            return self.client.project_file(dir).ok_or_else(|| {
                Failure::new(format_args!("{title} has no file for a project"))
                    .help("leave --project out, or name a file with --config")
            });
        }
        self.client.user_file(&|name| std::env::var_os(name)).ok_or_else(|| {
            Failure::new(format_args!("the file of {title} cannot be found: $HOME is not set")).help("name it with --config")
        })
    }
}

/// How a change is agreed to.
#[derive(Debug, clap::Args)]
struct Consent {
    /// Write without asking
    #[arg(long)]
    yes: bool,
    /// Show what would be written, and write nothing
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// What became of a change.
struct Change<'c> {
    client: Client,
    server: &'c str,
    file: &'c ConfigFile,
    text: String,
    /// Values that are shown beside those of gateways.
    open: BTreeSet<String>,
}

impl Change<'_> {
    /// Shows the change, asks, writes, says what was done.
    fn carry_out(&self, consent: &Consent, facts: &serde_json::Value) -> Outcome {
        let path = shown::path(&self.file.path);
        let open = self.open.iter().cloned().chain(open_of(self.client, [&self.file.text, &self.text])).collect();
        let shown = diff::unified(&path, &self.file.text, &self.text, self.client.row().language, &open);
        let is_table = consent.format == Format::Table;
        if shown.is_empty() {
            match consent.format {
                Format::Table => say(format_args!("{path} is as it should be; nothing was written.")),
                Format::Json => self.print(facts, &shown, None),
            }
            return Ok(ExitCode::SUCCESS);
        }
        self.file.demand_writable()?;
        if is_table {
            say(&shown);
        }
        if consent.dry_run {
            match consent.format {
                Format::Table => say("Nothing was written."),
                Format::Json => self.print(facts, &shown, None),
            }
            return Ok(ExitCode::SUCCESS);
        }
        consent.demand(&format!("Write this to {path}?"))?;
        let kept = self.file.write(&self.text)?;
        match consent.format {
            Format::Table => {
                say(format_args!("Written. What the file was is in {}", shown::path(&kept)));
                say(format_args!(
                    "To take it back: airlock client rollback {}{}",
                    self.client.id(),
                    config_option(self.client, &self.file.path)
                ));
                note(format_args!("restart {} if it does not see the change by itself", self.client.row().title));
            }
            Format::Json => self.print(facts, &shown, Some(&kept)),
        }
        Ok(ExitCode::SUCCESS)
    }

    fn print(&self, facts: &serde_json::Value, shown: &str, kept: Option<&Path>) {
        say(json!({
            "client": self.client.id(), "config": self.file.path, "server": self.server, "changed": !shown.is_empty(),
            "written": kept.is_some(), "backup": kept, "diff": shown, "entry": facts,
        }));
    }
}

/// Values of the gateways in these texts that may be shown.
fn open_of(client: Client, texts: [&str; 2]) -> BTreeSet<String> {
    texts.iter().filter_map(|text| client.servers(text).ok()).flat_map(|servers| open_values(&servers)).collect()
}

/// The option that names a file, where it is not the one that is found without.
fn config_option(client: Client, path: &Path) -> String {
    match client.user_file(&|name| std::env::var_os(name)).is_some_and(|found| found == path) {
        true => String::new(),
        false => format!(" --config {}", shown::command([path.display().to_string().as_str()])),
    }
}

impl Consent {
    /// Asks on a terminal; elsewhere only `--yes` is a yes.
    fn demand(&self, question: &str) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() {
            return Err(Failure::new("nothing was written: there is no terminal to ask on").help("--yes writes without asking"));
        }
        note(format_args!("{question} [y/N]"));
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        match read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes") {
            true => Ok(()),
            false => Err(Failure::no("nothing was written")),
        }
    }
}
