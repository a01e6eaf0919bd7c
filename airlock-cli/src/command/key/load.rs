//! Picking one key out of a file.

use crate::render::Failure;
use airlock_runtime::lease::keyfile::{FileKey, read_keys};
use airlock_runtime::lease::{AudienceKey, IssuerKey};
use std::path::Path;

/// The issuer key of a file, by id if it has several.
///
/// # Errors
/// The file is refused, or has no such key, or more than one.
pub(crate) fn issuer(path: &Path, kid: Option<&str>) -> Result<IssuerKey, Failure> {
    let issuers = read_keys(path).map_err(Failure::new)?.into_iter().filter_map(|key| match key {
        FileKey::Issuer(key) => Some(key),
        FileKey::Audience(_) => None,
    });
    one(issuers.filter(|key| kid.is_none_or(|kid| key.kid() == kid)).collect(), path, "issuer key", kid)
}

/// The key of a gateway: from the file itself, or derived from an issuer key in it. Without `audience` the file must have an
/// audience key, which says whose it is.
///
/// # Errors
/// The file is refused, or has no such key, or more than one.
pub(crate) fn audience(path: &Path, kid: Option<&str>, audience: Option<&str>) -> Result<AudienceKey, Failure> {
    let mut found = Vec::new();
    let mut others: Vec<String> = Vec::new();
    for key in read_keys(path).map_err(Failure::new)? {
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
        (true, _, None) | (false, _, _) => one(found, path, "key", kid),
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
