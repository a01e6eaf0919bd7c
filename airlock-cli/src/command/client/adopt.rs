//! `airlock client adopt`.

use super::{Change, Consent, Which};
use crate::args::Format;
use crate::client::Server;
use crate::client::file::ConfigFile;
use crate::client::place::Fault;
use crate::client::server::{KEY_FILE, LEASE_FILE};
use crate::command::client::install::{lease_place, state_dir};
use crate::command::new::{from_server, is_name};
use crate::gateway::{self, Options, Said, Target};
use crate::manifest::Manifest;
use crate::project::{self, Start};
use crate::render::{Failure, Outcome, note, say};
use airlock_policy::ir::{Era, Upstream, Variable, VariableValue};
use airlock_policy::limits::{MESSAGE_DEFAULT, START_TIMEOUT_S};
use airlock_runtime::lease::{IssuerKey, keyfile};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A gateway that only watches, where the language has that.
const SHADOW: &str = "mode = \"shadow\"\n";
/// Parts of the name of a variable whose value is a secret: what a tool gives back is searched for it.
const SECRET: [&str; 7] = ["KEY", "TOKEN", "SECRET", "PASSW", "CREDENTIAL", "AUTH", "PRIVATE"];

/// Put a gateway before servers that a client has.
///
/// Starts each server once, as the client does, and asks it for its tools; writes a policy repository with its key, allows what the servers call
/// read-only (a hint, no proof), builds the gateway, and puts it into the client in their place. Values of variables stay in the file of the
/// client: they move from the entries of the servers to that of the gateway, and the manifest has their names. Asks before it starts
/// anything, and before it changes the file; `airlock client rollback` takes the change back.
#[derive(Debug, clap::Args)]
pub(crate) struct Adopt {
    #[command(flatten)]
    which: Which,
    /// Servers of the client [default: all that it starts as programs]
    servers: Vec<String>,
    /// Directory of the policy repository, made when absent; the gateway is named like it
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    consent: Consent,
}

impl Adopt {
    pub(crate) fn run(self) -> Outcome {
        let full =
            std::path::absolute(&self.dir).map_err(|e| Failure::new(format_args!("cannot use {}: {e}", self.dir.display())))?;
        let name = full.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !is_name(&name) {
            return Err(Failure::new(format_args!("{name:?} cannot be the name of a gateway"))
                .help("name the directory with a-z, 0-9 and '-'"));
        }
        let file = self.which.file()?;
        file.demand_writable()?;
        let refuse = |fault: Fault| fault.in_file(&file.path, &file.text);
        let chosen = self.chosen(&file, self.which.client.servers(&file.text).map_err(refuse)?)?;
        let upstreams = chosen.iter().map(upstream).collect::<Result<Vec<_>, _>>()?;
        let passed = variables(&chosen)?;
        note("These servers are started once, with their variables, and asked for their tools:");
        for upstream in &upstreams {
            let names: Vec<&str> = upstream.env.iter().map(|variable| variable.name.as_str()).collect();
            note(format_args!(
                "  {}: {}{}{}",
                upstream.name,
                upstream.command.join(" "),
                if names.is_empty() { "" } else { "  with " },
                names.join(", ")
            ));
        }
        if self.consent.dry_run {
            say("Nothing was started and nothing was written.");
            return Ok(ExitCode::SUCCESS);
        }
        self.consent.demand("Start them?")?;
        let start = from_server::of_all(&name, &upstreams, &|_, name| passed.get(name).map(Into::into))?;
        let entry = self.build(&full, &name, start, passed)?;
        let mut text = file.text.clone();
        for server in &chosen {
            text = self.which.client.without(&text, &server.name).map_err(refuse)?.unwrap_or(text);
        }
        let text = self.which.client.with(&text, &entry).map_err(refuse)?;
        let facts = json!({"gateway": entry.command, "adopted": chosen.iter().map(|server| &server.name).collect::<Vec<_>>()});
        Change { client: self.which.client, server: &entry.name, file: &file, text }.carry_out(&self.consent, &facts)
    }

    /// The servers that are named, or all that can be adopted.
    fn chosen(&self, file: &ConfigFile, all: Vec<Server>) -> Result<Vec<Server>, Failure> {
        let can = |server: &Server| server.command.is_some() && !server.is_gateway();
        if self.servers.is_empty() {
            let chosen: Vec<Server> = all.into_iter().filter(can).collect();
            return match chosen.is_empty() {
                true => Err(Failure::new(format_args!("{} has no server that it starts as a program", file.path.display()))),
                false => Ok(chosen),
            };
        }
        let find = |name: &String| {
            let known: Vec<&str> = all.iter().filter(|server| can(server)).map(|server| server.name.as_str()).collect();
            all.iter().find(|server| server.name == *name && can(server)).cloned().ok_or_else(|| {
                Failure::new(format_args!("{} has no server {name:?} that can be adopted", file.path.display()))
                    .help(format_args!("those are {}", known.join(", ")))
            })
        };
        self.servers.iter().map(find).collect()
    }

    /// Writes the repository and its keys, builds, and gives the entry.
    fn build(&self, dir: &Path, name: &str, start: Start, passed: BTreeMap<String, String>) -> Result<Server, Failure> {
        let Start { manifest, files } = start;
        let manifest = manifest.replace("carriers = [\"meta\"]", "carriers = [\"meta\", \"ambient\"]");
        let start = Start { manifest: watching(&manifest, &files), files };
        let is_table = self.consent.format == Format::Table;
        for path in project::write(dir, name, start)?.iter().filter(|_| is_table) {
            say(path.display());
        }
        let issuer = IssuerKey::generate("k1").map_err(Failure::new)?;
        let key_file = dir.join(format!("{name}.key"));
        keyfile::write_issuer(&dir.join("issuer.key"), &issuer).map_err(Failure::new)?;
        let key = issuer.derive(name).map_err(Failure::new)?;
        keyfile::write_audience(&key_file, &[&key]).map_err(Failure::new)?;
        note("keys written: issuer.key makes the keys of all gateways, keep it elsewhere");
        let accepted = Manifest::read(&dir.join("airlock.toml"))?.accept()?;
        let built = gateway::build(&accepted, Target::File(dir.join(name)), Said::Manifest, &self.options)?;
        let ledger = state_dir(name).ok_or_else(|| Failure::new("there is no place for the ledger: $HOME is not set"))?;
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut env = vec![(KEY_FILE.to_owned(), text(&key_file)), ("AIRLOCK_LEDGER_DIR".to_owned(), text(&ledger))];
        env.extend(lease_place(name).map(|path| (LEASE_FILE.to_owned(), text(&path))));
        env.extend(passed);
        Ok(Server::gateway(name.to_owned(), text(&built.path), env))
    }
}

/// The manifest in a mode that refuses nothing yet, if the language has one.
fn watching(manifest: &str, files: &BTreeMap<String, String>) -> String {
    let text = manifest.replacen("\n[keys]", &format!("{SHADOW}\n[keys]"), 1);
    let is_known = Manifest::of_text("airlock.toml", text.clone(), files.clone()).check().compiled().is_some();
    if is_known { text } else { manifest.to_owned() }
}

fn upstream(server: &Server) -> Result<Upstream, Failure> {
    let program = from_server::absolute(server.command.as_deref().unwrap_or_default())?;
    let name: String =
        server.name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' }).take(32).collect();
    let value = |name: &String| match SECRET.iter().any(|part| name.to_ascii_uppercase().contains(part)) {
        true => VariableValue::Secret(name.clone()),
        false => VariableValue::From(name.clone()),
    };
    Ok(Upstream {
        name,
        command: [program].into_iter().chain(server.args.iter().cloned()).collect(),
        dir: server.dir.clone(),
        env: server.env.iter().map(|(name, _)| Variable { name: name.clone(), value: value(name) }).collect(),
        era: Era::Auto,
        start_timeout: START_TIMEOUT_S,
        max_message: MESSAGE_DEFAULT,
        may_ask: Vec::new(),
        log: None,
        confine: None,
        why: String::new(),
    })
}

/// The variables of all servers, for the entry of the gateway: a name has one value there.
fn variables(servers: &[Server]) -> Result<BTreeMap<String, String>, Failure> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in servers.iter().flat_map(|server| &server.env) {
        if all.insert(name.clone(), value.clone()).is_some_and(|before| before != *value) {
            return Err(Failure::new(format_args!("two of the servers have the variable {name} with different values"))
                .help("adopt them one by one, each into a directory of its own"));
        }
    }
    Ok(all)
}
