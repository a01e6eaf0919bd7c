//! Picking one key out of a file.

use crate::render::Failure;
use airlock_runtime::clock::Micros;
use airlock_runtime::lease::keyfile::{FileKey, read_keys};
use airlock_runtime::lease::{AudienceKey, IssuerKey, Stage, guard};
use std::path::Path;

/// The keys of a file, in a process that leaves no core file and is not read by others.
fn read(path: &Path) -> Result<Vec<FileKey>, Failure> {
    // Where the kernel refuses, the command goes on: it ends in a moment.
    let _ = guard::forbid_dumps();
    read_keys(path).map_err(|fault| match path.symlink_metadata() {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Failure::new(fault)
            .help("`airlock key new --out FILE` makes an issuer key, `airlock key derive` makes that of a gateway from it"),
        Err(_) | Ok(_) => Failure::new(fault),
    })
}

/// The issuer keys of a file, or the one with an id.
///
/// # Errors
/// The file is refused, or has no such key.
pub(crate) fn issuers(path: &Path, kid: Option<&str>) -> Result<Vec<IssuerKey>, Failure> {
    let issuers = read(path)?.into_iter().filter_map(|key| match key {
        FileKey::Issuer(key) => Some(key),
        FileKey::Audience(_) => None,
    });
    let found: Vec<IssuerKey> = issuers.filter(|key| kid.is_none_or(|kid| key.kid() == kid)).collect();
    if found.is_empty() { one(found, path, "issuer key", kid).map(|key| vec![key]) } else { Ok(found) }
}

/// The key of a gateway to sign with: of several the one that signs now by its dates.
///
/// # Errors
/// As [`audience`], or the key does not sign now.
pub(crate) fn signer(path: &Path, kid: Option<&str>, gateway: Option<&str>) -> Result<AudienceKey, Failure> {
    let now = Micros::now().seconds();
    let mut found = candidates(path, kid, gateway)?;
    let begun = found.iter().filter(|key| key.term().stage(now) == Stage::Signs).map(|key| key.term().sign_from).max();
    if let Some(begun) = begun {
        found.retain(|key| key.term().stage(now) == Stage::Signs && key.term().sign_from == begun);
    }
    let key = one(found, path, "key", kid)?;
    match key.term().stage(now) {
        Stage::Signs => Ok(key),
        Stage::Next | Stage::Verifies | Stage::Retired => {
            Err(Failure::new(format_args!("the key {:?} does not sign at this time", key.kid()))
                .help(format_args!("`airlock key show {}` tells the dates of its keys", path.display())))
        }
    }
}

/// The one key of a gateway, see [`candidates`].
///
/// # Errors
/// The file is refused, or has no such key, or more than one.
pub(crate) fn audience(path: &Path, kid: Option<&str>, gateway: Option<&str>) -> Result<AudienceKey, Failure> {
    one(candidates(path, kid, gateway)?, path, "key", kid)
}

/// The keys of a gateway: from the file itself, or derived from an issuer key in it. Without `audience` the file must have an
/// audience key, which says whose it is.
///
/// # Errors
/// The file is refused, or has none.
pub(crate) fn candidates(path: &Path, kid: Option<&str>, audience: Option<&str>) -> Result<Vec<AudienceKey>, Failure> {
    let mut found = Vec::new();
    let mut others: Vec<String> = Vec::new();
    for key in read(path)? {
        match (key, audience) {
            (FileKey::Issuer(key), _) if kid.is_some_and(|kid| key.kid() != kid) => {}
            (FileKey::Audience(key), _) if kid.is_some_and(|kid| key.kid() != kid) => {}
            (FileKey::Issuer(key), Some(audience)) => found.push(key.derive(audience).map_err(Failure::new)?),
            (FileKey::Issuer(_), None) => others.push("an issuer key".into()),
            (FileKey::Audience(key), Some(audience)) if key.audience() != audience => {
                others.push(format!("a key of the gateway {:?}", key.audience()));
            }
            (FileKey::Audience(key), _) => found.push(key),
        }
    }
    match (found.is_empty(), audience, others.first()) {
        (true, None, Some(_)) => {
            Err(Failure::new(format_args!("{} has an issuer key, and the gateway is not named", path.display()))
                .help("name the gateway with --audience, or its manifest with --manifest"))
        }
        (true, Some(audience), Some(other)) => {
            Err(Failure::new(format_args!("{} has {other}, not one for the gateway {audience:?}", path.display()))
                .help("derive the right one with `airlock key derive`"))
        }
        (true, _, None) => one(found, path, "key", kid).map(|key| vec![key]),
        (false, _, _) => Ok(found),
    }
}

fn one<K>(mut keys: Vec<K>, path: &Path, what: &str, kid: Option<&str>) -> Result<K, Failure> {
    let named = kid.map(|kid| format!(" with the id {kid:?}")).unwrap_or_default();
    match (keys.pop(), keys.is_empty()) {
        (Some(key), true) => Ok(key),
        (Some(_), false) => {
            Err(Failure::new(format_args!("{} has more than one {what}{named}", path.display())).help("choose one with --kid"))
        }
        (None, _) => Err(Failure::new(format_args!("{} has no {what}{named}", path.display()))
            .help("`airlock key show <FILE>` lists what is in it")),
    }
}
