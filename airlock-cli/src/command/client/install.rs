//! `airlock client install`.

use super::{Change, Consent, Which};
use crate::client::Server;
use crate::client::server::{KEY_FILE, LEASE_FILE};
use crate::command::key::load;
use crate::manifest::{self, is_program};
use crate::render::{Failure, Outcome, note};
use crate::shown;
use airlock_policy::ir::Policy;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Put a gateway into the settings of a client.
///
/// The entry has absolute paths: the gateway, the file of its key, the directory of its ledger. A secret is never written there. The
/// change is shown before it is made, and asked for on a terminal. A second install of the same changes nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Install {
    #[command(flatten)]
    which: Which,
    /// The gateway, as `airlock build` wrote it
    gateway: PathBuf,
    /// File with the key of this gateway, from `airlock key derive`
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Directory of its ledger [default: airlock/NAME in $XDG_STATE_HOME, or in ~/.local/state]
    #[arg(long, value_name = "DIR")]
    ledger: Option<PathBuf>,
    /// File with the lease, for a gateway whose manifest has the carrier `ambient` [default: where `airlock run` puts it]
    #[arg(long, value_name = "FILE")]
    lease_file: Option<PathBuf>,
    /// Name of the server at the client [default: that of the gateway]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    consent: Consent,
}

impl Install {
    pub(crate) fn run(self) -> Outcome {
        let server = self.server()?;
        let file = self.which.file()?;
        let client = self.which.client;
        let refuse = |fault: crate::client::place::Fault| fault.in_file(&file.path, &file.text, client.row().language);
        let taken = client.servers(&file.text).map_err(refuse)?.into_iter().find(|other| other.name == server.name);
        if taken.is_some_and(|other| !other.is_gateway()) {
            let problem = format!("{} has a server {:?} that is no gateway", shown::path(&file.path), server.name);
            return Err(Failure::new(problem).help("choose another name with --name"));
        }
        let text = client.with(&file.text, &server).map_err(refuse)?;
        let command = server.command.clone().unwrap_or_default();
        if self.consent.format == crate::args::Format::Table {
            note(format_args!("{} will start, without arguments:\n  {}", client.row().title, shown::line(&command)));
            server.env.iter().for_each(|(name, value)| note(format_args!("  with {name}={}", shown::line(value))));
        }
        let facts = json!({"command": command, "args": [], "env": server.env.iter().cloned().collect::<std::collections::BTreeMap<_, _>>()});
        // The variables of the entry are places, and all of them are shown.
        let open = server.env.iter().map(|(_, value)| value.clone()).chain(server.command.clone()).collect();
        Change { client, server: &server.name, file: &file, text, open }.carry_out(&self.consent, &facts)
    }

    /// The entry, all of it checked: a client says little when a server does not start.
    fn server(&self) -> Result<Server, Failure> {
        let gateway = plain_path(&self.gateway, "the gateway")?;
        if !is_program(&gateway) {
            return Err(
                Failure::new(format_args!("{} is no built gateway", shown::path(&gateway))).help("`airlock build` makes one")
            );
        }
        let mode = std::fs::metadata(&gateway).map(|metadata| metadata.permissions().mode()).unwrap_or_default();
        if mode & 0o111 == 0 {
            return Err(Failure::new(format_args!("{} cannot be executed", shown::path(&gateway))).help("`chmod +x` makes it so"));
        }
        let accepted = manifest::policy_of(&gateway)?;
        let policy = accepted.compiled.policy();
        let name = policy.gateway.name.clone();
        let key = plain_path(&self.key, "the key")?;
        gateway_key(&key, &name)?;
        let mut env = vec![(KEY_FILE.to_owned(), text(&key))];
        if let Some(variable) = &policy.ledger.dir_env {
            env.push((variable.clone(), text(&self.ledger(&name)?)));
        } else if self.ledger.is_some() {
            return Err(Failure::new("the manifest of this gateway fixes the place of its ledger").help("leave --ledger out"));
        }
        env.extend(self.lease(policy)?);
        let shown = self.name.clone().unwrap_or(name);
        let is_plain =
            !shown.is_empty() && shown.len() <= 64 && shown.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        if !is_plain {
            return Err(
                Failure::new(format_args!("{shown:?} cannot be the name of a server")).help("use A-Z a-z 0-9 - _, at most 64")
            );
        }
        Ok(Server::gateway(shown, text(&gateway), env))
    }

    fn ledger(&self, gateway: &str) -> Result<PathBuf, Failure> {
        if let Some(dir) = &self.ledger {
            return expandable(&std::path::absolute(dir).unwrap_or_else(|_| dir.clone()), "the ledger");
        }
        let dir = state_dir(gateway).ok_or_else(|| {
            Failure::new("there is no place for the ledger: $HOME is not set").help("name its directory with --ledger")
        })?;
        expandable(&dir, "the ledger")
    }

    /// The file with the lease, where the gateway reads one. It need not be there yet.
    fn lease(&self, policy: &Policy) -> Result<Option<(String, String)>, Failure> {
        let named = self.lease_file.as_ref().map(|file| std::path::absolute(file).unwrap_or_else(|_| file.clone()));
        if !policy.lease.carrier_ambient {
            let problem = "this gateway does not take a lease from its surroundings";
            let refusal = Failure::new(problem).help("leave --lease-file out, or give the manifest the carrier `ambient`");
            return if named.is_some() { Err(refusal) } else { Ok(None) };
        }
        let Some(file) = named.or_else(|| lease_place(&policy.gateway.name)) else { return Ok(None) };
        Ok(Some((LEASE_FILE.to_owned(), text(&expandable(&file, "the lease")?))))
    }
}

/// Where the lease of a running agent lies, where no other place is named: in the directory of the user's session.
pub(crate) fn lease_place(gateway: &str) -> Option<PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| dir.is_absolute() && dir.is_dir());
    runtime.map(|dir| dir.join("airlock").join(format!("{gateway}.lease")))
}

/// The directory of a gateway's ledger, where none is named.
pub(crate) fn state_dir(gateway: &str) -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("airlock").join(gateway))
}

/// The key must be this gateway's and nothing more: an issuer key makes the keys of all gateways, and has no place at a client.
///
/// # Errors
/// It is not.
pub(crate) fn gateway_key(path: &Path, gateway: &str) -> Result<(), Failure> {
    let derive =
        format!("`airlock key derive --issuer-key FILE --audience {gateway} --out {gateway}.key` makes the key of this gateway");
    if load::issuers(path, None).is_ok() {
        let problem =
            format!("{} is an issuer key, which makes the keys of all gateways and stays with the operator", shown::path(path));
        return Err(Failure::new(problem).help(derive));
    }
    load::candidates(path, None, Some(gateway)).map(drop)
}

/// An absolute path to something that is there.
fn plain_path(path: &Path, what: &str) -> Result<PathBuf, Failure> {
    let full = std::path::absolute(path).and_then(|full| full.metadata().map(|_| full)).map_err(|e| {
        let missing = if what == "the key" { "`airlock key derive` makes it" } else { "`airlock build` makes it" };
        Failure::new(format_args!("{what} {} cannot be read: {e}", shown::path(path))).help(missing)
    })?;
    expandable(&full, what)
}

/// Most clients replace `$NAME` and `${NAME}` in their settings, so a path with a dollar would become another one.
fn expandable(path: &Path, what: &str) -> Result<PathBuf, Failure> {
    match path.to_str().is_some_and(|text| !text.contains('$') && !text.chars().any(char::is_control)) {
        true => Ok(path.to_owned()),
        false => Err(Failure::new(format_args!(
            "the path of {what}, {}, has a `$`, a control character or bytes that are not UTF-8",
            shown::path(path)
        ))
        .help("clients expand or refuse those; move it to another place")),
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
