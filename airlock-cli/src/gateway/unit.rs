//! One gateway compiled, and the proof that it is the one that was asked for.

use super::bench::Bench;
use super::cache::Out;
use super::crates::Crates;
use super::identity::{Identity, digest_of};
use super::{Said, lock, note};
use crate::cargo::Artifacts;
use crate::manifest::Accepted;
use crate::render::Failure;
use crate::scaffold::Content;
use airlock_policy::handover::Handover;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A compiled gateway, still in the cache.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) file: PathBuf,
    pub(crate) identity: Identity,
    pub(crate) crates: Crates,
    /// The directory of the file; it goes away with this value.
    pub(crate) _out: Out,
}

/// Compiles the gateway of a manifest.
///
/// # Errors
/// Crates are missing, cargo failed, or what it made is not the gateway of this manifest.
pub(crate) fn build(bench: &mut Bench, accepted: &Accepted, said: Said) -> Result<Built, Failure> {
    let faulty = |e: serde_json::Error| Failure::new(format_args!("cannot write what the gateway says of itself: {e}"));
    let features = airlock_policy::features(accepted.compiled.policy());
    let crates = resolved(bench, &features)?;
    let identity = bench.identity(&features);
    let variables = vec![
        ("AIRLOCK_POLICY_DIGEST", accepted.compiled.digest_hex()),
        ("AIRLOCK_BUILD", identity.to_note().map_err(faulty)?),
        ("AIRLOCK_NOTE", said.word().to_owned()),
        ("AIRLOCK_DEPENDENCIES", hex(&crates.to_audit_data().map_err(faulty)?)),
    ];
    // Everything that distinguishes two gateways distinguishes their packages.
    let files = serde_json::to_string(&accepted.files).map_err(faulty)?;
    let definitions = (!accepted.files.is_empty()).then_some(files.as_str());
    let text: Vec<&[u8]> = match said {
        Said::Manifest => [accepted.text.as_str()].into_iter().chain(definitions).map(str::as_bytes).collect(),
        Said::Digest => vec![b""],
    };
    let policy =
        Handover::of(&accepted.compiled).ok_or_else(|| Failure::new("a key or a pattern of the policy cannot be read"))?;
    let policy = serde_json::to_string(&policy).map_err(faulty)?;
    let content = Content { policy: &policy, manifest: &accepted.text, definitions };
    let parts = variables.iter().map(|(_, value)| value.as_bytes()).chain(text);
    let unit = digest_of(&parts.collect::<Vec<_>>());
    let out = bench.cache.out(&unit)?;
    let attempt = |bench: &Bench| {
        let job = bench.job(&unit, content, &features, variables.clone(), out.path())?;
        let built = job.build()?;
        if let Ok(artifacts) = &built {
            lock::check(&job.manifest.with_file_name("Cargo.lock"), bench.carried.lock())?;
            if !is_of(artifacts, accepted) {
                // Cargo took another manifest's gateway for this one. It is asked once more.
                job.forget()?;
                return job.build();
            }
        }
        Ok(built)
    };
    let artifacts = bench.with_crates(attempt)?;
    if !is_of(&artifacts, accepted) {
        return Err(Failure::new("cargo gives the gateway of another policy than the manifest's; nothing was written")
            .help("remove the cache and build again"));
    }
    same(&crates, &artifacts)?;
    Ok(Built { file: artifacts.binary, identity, crates, _out: out })
}

/// Whether a program's note names this policy.
fn is_of(artifacts: &Artifacts, accepted: &Accepted) -> bool {
    let found = std::fs::read(&artifacts.binary).map_err(|e| e.to_string()).and_then(|bytes| note::policy_digest(&bytes));
    found.as_ref() == Ok(accepted.compiled.digest())
}

/// The crates of a gateway with these features. Cargo is asked once; the answer depends on nothing else.
fn resolved(bench: &mut Bench, features: &[&str]) -> Result<Crates, Failure> {
    let set = features.join(",");
    let unit = digest_of(&[bench.carried.digest.as_bytes(), bench.toolchain.identity.as_bytes(), set.as_bytes()]);
    let file = bench.cache.crates(&unit)?;
    let known = std::fs::read(&file).ok().and_then(|bytes| Crates::from_audit_data(&bytes).ok());
    if let Some(known) = known {
        return Ok(known);
    }
    let trees = bench.with_crates(|bench| {
        let scratch = bench.cache.scratch();
        let job = bench.job(&unit, Content::default(), features, Vec::new(), &scratch)?;
        let all = job.tree("normal,build")?;
        let linked = job.tree("normal,no-proc-macro")?;
        Ok(all.and_then(|all| Ok((all, linked?))))
    });
    let (all, linked) = trees?;
    let failed = |e: String| Failure::new(format_args!("cannot read cargo's tree of dependencies: {e}"));
    let crates = Crates::from_trees(&all, &linked).map_err(failed)?;
    let bytes = crates.to_audit_data().map_err(|e| failed(e.to_string()))?;
    bench.cache.keep(&file, &bytes)?;
    Ok(crates)
}

/// Checks that cargo compiled for the gateway exactly the crates that its list names.
fn same(crates: &Crates, artifacts: &Artifacts) -> Result<(), Failure> {
    let listed = crates.linked();
    let compiled: BTreeSet<(&str, &str)> =
        artifacts.crates.iter().map(|(name, version)| (name.as_str(), version.as_str())).collect();
    let compiled: BTreeSet<(&str, &str)> = compiled.into_iter().filter(|(name, _)| *name != "gateway").collect();
    match listed.symmetric_difference(&compiled).next() {
        None => Ok(()),
        Some((name, version)) => Err(Failure::new(format_args!(
            "{name} {version} is linked or listed, but not both: the gateway's list of crates would be wrong; nothing was written"
        ))
        .help("remove `crates/` in the cache and build again")),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
