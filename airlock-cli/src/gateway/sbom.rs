//! The bill of materials of a gateway: CycloneDX 1.6, JSON.
//!
//! It follows from the list of crates and the lockfile alone. There is no time in it, and its serial number is made from the gateway's
//! digest, so the same gateway has the same bill.

use super::crates::{Crates, Kind, Package};
use super::{Gateway, lock};
use crate::manifest::Accepted;
use crate::render::Failure;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The bill of materials of a built gateway with this name. `lock` is the lockfile with the checksums of crates.
///
/// # Errors
/// The lockfile cannot be read.
pub(crate) fn bill(name: &str, policy: &str, accepted: &Accepted, gateway: &Gateway, lock: &[u8]) -> Result<Value, Failure> {
    let Gateway { path: _, size: _, sha256, link: _, identity, crates, c_tools: _ } = gateway;
    let checksums = lock::checksums(lock)?;
    let Crates { packages } = crates;
    let root = format!("gateway:{sha256}");
    let reference = |package: &Package| if package.root { root.clone() } else { purl(package) };
    let others = packages.iter().filter(|package| !package.root);
    let components: Vec<Value> = others.map(|package| component(package, &checksums)).collect();
    let dependencies = packages.iter().map(|package| {
        let uses = package.dependencies.iter().filter_map(|at| packages.get(*at)).map(&reference);
        json!({"ref": reference(package), "dependsOn": uses.collect::<Vec<_>>()})
    });
    let property = |name: &str, value: &str| json!({"name": format!("airlock:{name}"), "value": value});
    let properties = identity.fields().into_iter().filter(|(name, _)| *name != "airlock");
    let properties = properties
        .map(|(name, value)| property(name, &value))
        .chain([property("policy-digest", policy)])
        .chain(foreign(accepted));
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": serial(sha256),
        "version": 1,
        "metadata": {
            "lifecycles": [{"phase": "build"}],
            "tools": {"components": [{"type": "application", "name": "airlock", "version": identity.airlock}]},
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": name,
                "version": policy.get(..16).unwrap_or(policy),
                "hashes": [{"alg": "SHA-256", "content": sha256}],
                "properties": properties.collect::<Vec<_>>(),
            },
        },
        "components": components,
        "dependencies": dependencies.collect::<Vec<_>>(),
    }))
}

/// What the gateway starts, and the definitions that it was reviewed with. They are no part of the file, and whoever runs it runs them.
fn foreign(accepted: &Accepted) -> Vec<Value> {
    let upstreams = &accepted.compiled.policy().upstreams;
    let started = upstreams.iter().map(|upstream| {
        let command = serde_json::Value::from(upstream.command.clone());
        json!({"name": format!("airlock:upstream:{}", upstream.name), "value": command.to_string()})
    });
    let defined = accepted.files.iter().map(|(path, text)| {
        let digest = airlock_policy::digest::hex(&Sha256::digest(text).into());
        json!({"name": format!("airlock:definitions:{path}"), "value": format!("sha256:{digest}")})
    });
    started.chain(defined).collect()
}

fn component(package: &Package, checksums: &BTreeMap<(String, String), String>) -> Value {
    let Package { name, version, source: _, kind, dependencies: _, root: _ } = package;
    let mut component = json!({
        "type": "library",
        "bom-ref": purl(package),
        "name": name,
        "version": version,
        "purl": purl(package),
        // What ran while the gateway was compiled is not in it.
        "scope": match kind { Kind::Runtime => "required", Kind::Build => "excluded" },
    });
    if let Some(checksum) = checksums.get(&(name.clone(), version.clone())) {
        component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
    }
    component
}

/// A package URL. Airlock's own crates are named by version too, and by the digest of the sources in the root's properties.
fn purl(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version.replace('+', "%2B"))
}

/// A UUID (version 8, RFC 9562: made by a rule of ours) from the gateway's digest.
fn serial(sha256: &str) -> String {
    let part = |from: usize, to: usize| sha256.get(from..to).unwrap_or_default();
    format!("urn:uuid:{}-{}-8{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_is_a_uuid_and_follows_the_digest() {
        let (a, b) = (serial(&"0123456789abcdef".repeat(4)), serial(&"f123456789abcdef".repeat(4)));
        assert_eq!(a, "urn:uuid:01234567-89ab-8def-8123-456789abcdef");
        assert_ne!(a, b);
    }
}
