//! `airlock client adopt`.

mod vet;

use super::{Change, Consent, Which};
use crate::args::Format;
use crate::client::Server;
use crate::client::file::ConfigFile;
use crate::client::place::Fault;
use crate::client::server::{KEY_FILE, LEASE_FILE};
use crate::command::client::install::{lease_place, state_dir};
use crate::command::new::{from_server, is_name};
use crate::gateway::{self, Options, Said, Target};
use crate::learn::edit;
use crate::manifest::Manifest;
use crate::project::{self, Start};
use crate::render::{Failure, Outcome, note, say};
use crate::shown;
use airlock_policy::ir::Upstream;
use airlock_runtime::lease::{IssuerKey, keyfile};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use toml_edit::{Array, Item, Value};

/// Put a gateway before servers that a client has.
///
/// Starts each server once, as the client does, and asks it for its tools; writes a policy repository with its key, allows what the servers call
/// read-only (a hint, no proof), builds the gateway, and puts it into the client in their place. Values of variables stay in the file of the
/// client: they move from the entries of the servers to that of the gateway, and the manifest has their names. A server stays where it is,
/// and the reason is told, when it is switched off, when its entry says more than is understood here, or when a variable of it would change the
/// gateway itself. Asks before it starts anything, and before it changes the file; `airlock client rollback` takes the change back.
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
        let client = self.which.client;
        let refuse = |fault: Fault| fault.in_file(&file.path, &file.text, client.row().language);
        let all = client.servers(&file.text).map_err(refuse)?;
        let Chosen { servers, upstreams, left } = self.chosen(&file, &name, &all)?;
        let passed = variables(&servers)?;
        for (server, why) in &left {
            note(format_args!("left where it is: \"{}\": {}", shown::line(server), shown::line(why)));
        }
        note("These servers are started once, with their variables, and asked for their tools:");
        upstreams.iter().for_each(|upstream| note(told(upstream)));
        if self.consent.dry_run {
            match self.consent.format {
                Format::Table => say("Nothing was started and nothing was written."),
                Format::Json => say(json!({
                    "client": client.id(), "config": file.path, "server": name, "changed": false, "written": false, "backup": null, "diff": "",
                    "entry": {"gateway": null, "adopted": servers.iter().map(|server| &server.name).collect::<Vec<_>>(), "left": left},
                })),
            }
            return Ok(ExitCode::SUCCESS);
        }
        self.consent.demand("Start them?")?;
        let start = from_server::of_all(&name, &upstreams, &|_, name| passed.get(name).map(Into::into))?;
        let entry = self.build(&full, &name, start, passed).map_err(|failure| {
            failure.more(format_args!(
                "{} is not changed; what was written stands in {}",
                shown::path(&file.path),
                shown::path(&full)
            ))
        })?;
        let mut text = file.text.clone();
        for server in &servers {
            text = client.without(&text, &server.name).map_err(refuse)?.unwrap_or(text);
        }
        let text = client.with(&text, &entry).map_err(refuse)?;
        let adopted: Vec<&String> = servers.iter().map(|server| &server.name).collect();
        let facts = json!({"gateway": entry.command, "adopted": adopted, "left": left});
        Change { client, server: &entry.name, file: &file, text, open: BTreeSet::new() }.carry_out(&self.consent, &facts)
    }

    /// The servers that are named, or all that can be adopted, with their places in a manifest.
    fn chosen(&self, file: &ConfigFile, gateway: &str, all: &[Server]) -> Result<Chosen, Failure> {
        let path = shown::path(&file.path);
        let is_named = |server: &&Server| self.servers.is_empty() || self.servers.contains(&server.name);
        if let Some(unknown) = self.servers.iter().find(|name| !all.iter().any(|server| server.name == **name)) {
            let known: Vec<String> = all.iter().map(|server| format!("\"{}\"", shown::line(&server.name))).collect();
            return Err(Failure::new(format_args!("{path} has no server \"{}\"", shown::line(unknown)))
                .help(format_args!("it has {}", known.join(", "))));
        }
        let mut chosen = Chosen { servers: Vec::new(), upstreams: Vec::new(), left: Vec::new() };
        for server in all.iter().filter(is_named) {
            match vet::upstream(gateway, server) {
                Ok(upstream) => {
                    chosen.upstreams.push(upstream);
                    chosen.servers.push(server.clone());
                }
                Err(why) if self.servers.is_empty() => chosen.left.push((server.name.clone(), why)),
                Err(why) => {
                    return Err(Failure::new(format_args!(
                        "\"{}\" in {path} cannot be adopted: {}",
                        shown::line(&server.name),
                        shown::line(&why)
                    ))
                    .help("nothing was started and nothing was written"));
                }
            }
        }
        let reasons = || {
            chosen
                .left
                .iter()
                .map(|(name, why)| format!("\"{}\": {}", shown::line(name), shown::line(why)))
                .collect::<Vec<_>>()
                .join("; ")
        };
        if chosen.servers.is_empty() {
            return Err(Failure::new(format_args!("{path} has no server that can be adopted")).help(if chosen.left.is_empty() {
                "it has none at all".to_owned()
            } else {
                reasons()
            }));
        }
        if all.iter().any(|server| server.name == gateway && !chosen.servers.iter().any(|other| other.name == server.name)) {
            return Err(Failure::new(format_args!(
                "{path} has a server {gateway:?} that stays, so the gateway cannot have its name"
            ))
            .help("choose another directory: the gateway is named like it"));
        }
        let names: BTreeSet<&str> = chosen.upstreams.iter().map(|upstream| upstream.name.as_str()).collect();
        if names.len() < chosen.upstreams.len() {
            return Err(Failure::new("two of the servers would have the same name in the manifest")
                .help("adopt them one by one, each into a directory of its own"));
        }
        Ok(chosen)
    }

    /// Writes the repository and its keys, builds, and gives the entry.
    fn build(&self, dir: &Path, name: &str, start: Start, passed: BTreeMap<String, String>) -> Result<Server, Failure> {
        let Start { manifest, files } = start;
        let manifest = watching(&manifest, &files)?;
        let start = Start { manifest, files };
        let is_table = self.consent.format == Format::Table;
        for path in project::write(dir, name, start)?.iter().filter(|_| is_table) {
            say(shown::path(path));
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

/// Servers that go behind the gateway, in the order of the file, and those that stay.
struct Chosen {
    servers: Vec<Server>,
    upstreams: Vec<Upstream>,
    /// Names, each with the reason.
    left: Vec<(String, String)>,
}

/// What is started of a server, on one line: words that could be read as two, or that hide something, stand in quotes.
fn told(upstream: &Upstream) -> String {
    let command = shown::command(upstream.command.iter().map(String::as_str));
    let dir = upstream.dir.as_deref().map_or(String::new(), |dir| format!("  in {}", shown::command([dir])));
    let names: Vec<&str> = upstream.env.iter().map(|variable| variable.name.as_str()).collect();
    let with = if names.is_empty() { "" } else { "  with " };
    format!("  {}: {command}{dir}{with}{}", upstream.name, names.join(", "))
}

/// The manifest with leases from the surroundings, in a mode that refuses nothing yet, if the language has one.
fn watching(manifest: &str, files: &BTreeMap<String, String>) -> Result<String, Failure> {
    let mut document = edit::parse(manifest, "the manifest")?;
    if let Some(lease) = edit::at(&mut document, &["lease"]) {
        lease.insert("carriers", Item::Value(Value::Array(["meta", "ambient"].into_iter().collect::<Array>())));
    }
    let plain = document.to_string();
    if let Some(gateway) = edit::at(&mut document, &["gateway"]) {
        gateway.insert("mode", Item::Value(Value::from("shadow")));
    }
    let shadow = document.to_string();
    let is_known = Manifest::of_text("airlock.toml", shadow.clone(), files.clone()).check().compiled().is_some();
    Ok(if is_known { shadow } else { plain })
}

/// The variables of all servers, for the entry of the gateway: a name has one value there.
fn variables(servers: &[Server]) -> Result<BTreeMap<String, String>, Failure> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in servers.iter().flat_map(|server| &server.env) {
        if all.insert(name.clone(), value.clone()).is_some_and(|before| before != *value) {
            return Err(Failure::new(format_args!(
                "two of the servers have the variable {} with different values",
                shown::line(name)
            ))
            .help("adopt them one by one, each into a directory of its own"));
        }
    }
    Ok(all)
}
