//! The gateways that clients start, and whether they are those of a manifest.

use super::Finding;
use crate::client::Server;
use crate::client::server::{KEY_FILE, LEASE_FILE};
use crate::command::client::show::Seen;
use crate::command::key::load;
use crate::gateway::note;
use crate::manifest::{Accepted, Manifest, is_program};
use airlock_policy::ir::Policy;
use airlock_runtime::carrier::ambient;
use airlock_runtime::clock::Micros;
use airlock_runtime::ledger::{line, read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The manifest that is looked at when none is named.
const MANIFEST: &str = "airlock.toml";
/// How far the clock may be behind the newest entry: a gateway refuses every call beyond it.
const BEHIND_MAX_S: u64 = 5;

pub(super) fn findings(manifest: Option<&Path>, seen: &[Seen]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let named = manifest.map(Path::to_owned).or_else(|| Path::new(MANIFEST).is_file().then(|| PathBuf::from(MANIFEST)));
    let accepted = named.and_then(|path| match checked(&path) {
        Ok(accepted) => {
            findings.extend(beside(&path, &accepted));
            Some(accepted)
        }
        Err(finding) => {
            findings.push(finding);
            None
        }
    });
    for file in seen {
        let title = file.client.row().title;
        match &file.servers {
            Err(problem) => {
                findings.push(Finding::warning(title, problem.clone(), "mend the file; the client cannot read it either"))
            }
            Ok(servers) => {
                let gateways: Vec<&Server> = servers.iter().filter(|server| server.is_gateway()).collect();
                findings.push(Finding::fine(
                    title,
                    format!("{} of {} servers are gateways ({})", gateways.len(), servers.len(), file.path.display()),
                ));
                gateways.into_iter().for_each(|server| findings.extend(gateway(server, accepted.as_ref())));
            }
        }
    }
    findings
}

fn checked(path: &Path) -> Result<Accepted, Finding> {
    let stopped = |failure: crate::render::Failure| {
        Finding::stops("manifest", failure.to_string(), format!("airlock check {}", path.display()))
    };
    Manifest::read(path).map_err(stopped)?.accept().map_err(stopped)
}

/// The gateway that `airlock build` puts beside its manifest.
fn beside(manifest: &Path, accepted: &Accepted) -> Option<Finding> {
    let path = manifest.with_file_name(&accepted.compiled.policy().gateway.name);
    is_program(&path).then(|| of_policy(&path, accepted))
}

fn of_policy(path: &Path, accepted: &Accepted) -> Finding {
    let what = accepted.compiled.policy().gateway.name.clone();
    match note::open(path) {
        Ok((_, notes)) if notes.policy == *accepted.compiled.digest() => {
            Finding::fine(what, format!("{} is of the policy of {}", path.display(), accepted.name))
        }
        Ok(_) => Finding::warning(
            what,
            format!("{} is of another policy than {}", path.display(), accepted.name),
            format!("airlock build {}, if the manifest is right", accepted.name),
        ),
        Err(failure) => Finding::stops(what, failure.to_string(), format!("airlock build {}", accepted.name)),
    }
}

/// One entry of a client: all that makes a gateway end at its start, which clients show as "connection closed".
fn gateway(server: &Server, accepted: Option<&Accepted>) -> Vec<Finding> {
    let what = server.name.clone();
    let command = PathBuf::from(server.command.clone().unwrap_or_default());
    let install = "airlock client install, with the gateway where it is now";
    if !command.is_absolute() || !is_program(&command) {
        return vec![Finding::stops(what, format!("{:?} is no gateway", command.display().to_string()), install)];
    }
    let is_runnable = command.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0);
    if !is_runnable {
        return vec![Finding::stops(
            what,
            format!("{} cannot be executed", command.display()),
            format!("chmod +x {}", command.display()),
        )];
    }
    let notes = match note::open(&command) {
        Ok((_, notes)) => notes,
        Err(failure) => return vec![Finding::stops(what, failure.to_string(), install)],
    };
    // A gateway that does not carry its manifest is looked at as far as its entry says something.
    let own = Manifest::of_notes(&notes, &command).ok().and_then(|manifest| manifest.check().into_compiled());
    let policy = own.as_ref().map(|compiled| compiled.policy());
    let name = policy.map(|policy| policy.gateway.name.as_str());
    let mut findings = vec![key(server, name)];
    findings.extend(policy.and_then(|policy| ledger(server, policy)));
    findings.extend(lease(server, policy));
    findings.extend(
        accepted
            .filter(|accepted| Some(accepted.compiled.policy().gateway.name.as_str()) == name)
            .map(|accepted| of_policy(&command, accepted)),
    );
    findings
}

fn key(server: &Server, gateway: Option<&str>) -> Finding {
    let what = format!("{} key", server.name);
    let path = server.variable(KEY_FILE).unwrap_or_default();
    match load::candidates(Path::new(path), None, gateway) {
        Ok(_) if load::issuers(Path::new(path), None).is_ok() => Finding::warning(
            what,
            format!("{path} is an issuer key, which makes the keys of all gateways"),
            "give the gateway its own: airlock key derive",
        ),
        Ok(_) => Finding::fine(what, path),
        Err(failure) => Finding::stops(what, failure.to_string(), "airlock key derive makes the key; chmod 600 makes it private"),
    }
}

fn ledger(server: &Server, policy: &Policy) -> Option<Finding> {
    let what = format!("{} ledger", server.name);
    let variable = policy.ledger.dir_env.as_deref()?;
    let Some(dir) = server.variable(variable).map(Path::new) else {
        let found = format!("{variable} is not set, so the ledger is where the client starts the gateway");
        return Some(Finding::warning(what, found, "airlock client install sets it"));
    };
    let Ok(metadata) = dir.metadata() else {
        return Some(Finding::fine(what, format!("{} is made with the first start", dir.display())));
    };
    if metadata.uid() != rustix::process::geteuid().as_raw() || metadata.mode() & 0o022 != 0 {
        let found = format!("others than this user may write to {}, or it is another user's", dir.display());
        return Some(Finding::stops(what, found, format!("chmod 700 {}", dir.display())));
    }
    let newest = read::tail(dir, 1)
        .ok()
        .and_then(|tail| tail.entries.last().and_then(|entry| line::parse(entry.get().as_bytes()).ok()?.micros()));
    let behind = newest.map_or(0, |newest| newest.seconds().saturating_sub(Micros::now().seconds()));
    Some(match behind > BEHIND_MAX_S {
        true => Finding::stops(
            what,
            format!("the clock is {behind} s behind the newest entry in {}: every call is refused", dir.display()),
            "set the clock, or wait until it has caught up",
        ),
        false => Finding::fine(what, dir.display().to_string()),
    })
}

fn lease(server: &Server, policy: Option<&Policy>) -> Option<Finding> {
    let what = format!("{} lease", server.name);
    let path = Path::new(server.variable(LEASE_FILE)?);
    if policy.is_some_and(|policy| !policy.lease.carrier_ambient) {
        let fix = "`[lease] carriers` with \"ambient\", or an entry without the variable";
        return Some(Finding::warning(what, format!("{LEASE_FILE} is set, and the gateway does not read it"), fix));
    }
    if !path.exists() {
        return Some(Finding::fine(what, format!("{} is there while `airlock run` has an agent", path.display())));
    }
    Some(match ambient::read(path) {
        Ok(_) => Finding::fine(what, path.display().to_string()),
        Err(problem) => Finding::warning(
            what,
            format!("{problem}; the gateway does not start"),
            "remove the file, and start the agent with `airlock run`",
        ),
    })
}
