//! `airlock client show`.

use crate::args::Format;
use crate::client::file::ConfigFile;
use crate::client::server::KEY_FILE;
use crate::client::{Client, Server};
use crate::render::{Outcome, say};
use crate::shown;
use clap::ValueEnum;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

/// Show the files of the clients, and the servers in them. Writes nothing.
///
/// Of other servers the names are shown, not their commands and variables, which may hold secrets.
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// The client [default: all that have a file]
    #[arg(value_enum)]
    client: Option<Client>,
    /// Its file [default: that of this user]
    #[arg(long, value_name = "FILE", requires = "client")]
    config: Option<PathBuf>,
    /// How it is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// What is known about the file of one client.
pub(crate) struct Seen {
    /// The client.
    pub(crate) client: Client,
    /// Its file.
    pub(crate) path: PathBuf,
    /// Whether there is one.
    pub(crate) exists: bool,
    /// Its servers, or why it is not understood.
    pub(crate) servers: Result<Vec<Server>, String>,
}

impl Seen {
    /// Reads the file of a client.
    pub(crate) fn of(client: Client, path: PathBuf) -> Self {
        let read = ConfigFile::read(&path);
        let exists = read.as_ref().map_or(true, ConfigFile::exists);
        let servers = read.and_then(|file| {
            client.servers(&file.text).map_err(|fault| fault.in_file(&file.path, &file.text, client.row().language))
        });
        Self { client, path, exists, servers: servers.map_err(|failure| failure.to_string()) }
    }

    /// The files of this user for all clients.
    pub(crate) fn all() -> Vec<Self> {
        let file = |client: &Client| Some((*client, client.user_file(&|name| std::env::var_os(name))?));
        Client::value_variants().iter().filter_map(file).map(|(client, path)| Self::of(client, path)).collect()
    }

    fn as_table(&self) -> String {
        let mut lines = vec![
            format!("{} ({})", self.client.row().title, self.client.id()),
            format!("  file     {}", shown::path(&self.path)),
        ];
        match &self.servers {
            Err(problem) => lines.push(format!("  problem  {}", problem.replace('\n', "\n           "))),
            Ok(_) if !self.exists => lines.push("  it is not there".to_owned()),
            Ok(servers) => lines.extend(servers.iter().map(|server| match server.is_gateway() {
                true => format!(
                    "  gateway  \"{}\": {}",
                    shown::line(&server.name),
                    server.command.as_deref().map_or("no command".to_owned(), shown::line)
                ),
                false => format!("  server   \"{}\"", shown::line(&server.name)),
            })),
        }
        lines.join("\n")
    }

    fn as_json(&self) -> Value {
        let gateway = |server: &Server| match server.is_gateway() {
            true => {
                json!({"name": server.name, "gateway": true, "command": server.command, "key_file": server.variable(KEY_FILE)})
            }
            false => json!({"name": server.name, "gateway": false}),
        };
        json!({
            "client": self.client.id(), "config": self.path, "exists": self.exists, "problem": self.servers.as_ref().err(),
            "servers": self.servers.as_ref().map_or_else(|_| Vec::new(), |servers| servers.iter().map(gateway).collect()),
        })
    }
}

impl Show {
    pub(crate) fn run(self) -> Outcome {
        let seen: Vec<Seen> = match (self.client, self.config) {
            (Some(client), Some(path)) => vec![Seen::of(client, path)],
            (Some(client), None) => Seen::all().into_iter().filter(|seen| seen.client == client).collect(),
            (None, _) => Seen::all().into_iter().filter(|seen| seen.exists).collect(),
        };
        match self.format {
            Format::Json => say(Value::from(seen.iter().map(Seen::as_json).collect::<Vec<_>>())),
            Format::Table if seen.is_empty() => say("No file of a known client was found."),
            Format::Table => say(seen.iter().map(Seen::as_table).collect::<Vec<_>>().join("\n")),
        }
        Ok(ExitCode::SUCCESS)
    }
}
