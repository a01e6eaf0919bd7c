//! `airlock inspect`.

use crate::args::Format;
use crate::gateway::crates::{Crates, Kind};
use crate::gateway::identity::Identity;
use crate::gateway::note::{self, Notes};
use crate::manifest::{Accepted, Manifest, capabilities, policy_of};
use crate::render::{NO, Outcome, say};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::process::ExitCode;

/// A part that some gateways have, and crates without which there can be none of it.
const PARTS: [(&str, &[&str]); 4] = [
    ("HTTP client", &["reqwest", "hyper"]),
    ("TLS", &["rustls", "ring", "webpki-roots"]),
    ("host names", &["url", "idna"]),
    ("JSON Schema", &["jsonschema"]),
];

/// Read what a gateway says of itself, without running it.
///
/// Shows its policy digest, what it was built with, the crates that are linked and what its policy allows. All of it is a claim of the
/// file about itself: `airlock verify-build` proves it by building again.
/// Exit codes: 0 shown · 1 with --manifest, the gateway is of another policy · 2 the file is no gateway.
#[derive(Debug, clap::Args)]
pub(crate) struct Inspect {
    /// The gateway
    gateway: PathBuf,
    /// Compare with this manifest (or gateway): the policy digest, and the text if the gateway has it
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// How it is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

impl Inspect {
    pub(crate) fn run(self) -> Outcome {
        let (bytes, notes) = note::open(&self.gateway)?;
        let sha256 = airlock_policy::digest::hex(&Sha256::digest(&bytes).into());
        let compared = self.manifest.as_deref().map(policy_of).transpose()?;
        // Whether the policy is the same, and the text if there is one.
        let same_text = |text: &String, other: &Accepted| *text == other.text && notes.definitions == other.files;
        let matches = compared
            .map(|other| (*other.compiled.digest() == notes.policy, notes.manifest.as_ref().map(|text| same_text(text, &other))));
        match self.format {
            Format::Json => say(as_json(&notes, &sha256, bytes.len(), matches)),
            Format::Table => say(as_table(&self, &notes, &sha256, bytes.len(), matches)),
        }
        Ok(if matches.is_some_and(|(policy, _)| !policy) { ExitCode::from(NO) } else { ExitCode::SUCCESS })
    }
}

fn as_json(notes: &Notes, sha256: &str, size: usize, matches: Option<(bool, Option<bool>)>) -> serde_json::Value {
    let Notes { policy, build, manifest, definitions, crates } = notes;
    json!({
        "sha256": sha256,
        "size": size,
        "policy_digest": airlock_policy::digest::hex(policy),
        "build": build,
        "manifest": manifest,
        "definitions": definitions,
        "crates": crates.as_ref().map(|crates| &crates.packages),
        "parts": crates.as_ref().map(|crates| parts(crates).into_iter().collect::<std::collections::BTreeMap<_, _>>()),
        "matches": matches.map(|(policy, text)| json!({"policy": policy, "text": text})),
    })
}

fn as_table(inspect: &Inspect, notes: &Notes, sha256: &str, size: usize, matches: Option<(bool, Option<bool>)>) -> String {
    let Notes { policy, build, manifest, definitions, crates } = notes;
    let mut lines = vec![
        inspect.gateway.display().to_string(),
        format!("  size           {size} bytes"),
        format!("  sha256         {sha256}"),
        format!("  policy digest  {}", airlock_policy::digest::hex(policy)),
    ];
    match build {
        None => lines.push("  built by       something that does not say what with".to_owned()),
        Some(identity) => {
            lines.extend(build_lines(identity));
            let signs = identity.features.iter().any(|feature| feature == "issue");
            let told = if signs { "the gateway can sign leases" } else { "none: the feature `issue` is off" };
            lines.push(format!("  signing path   {told}"));
            let starts = identity.features.iter().any(|feature| feature == "upstream");
            let told = if starts { "the gateway can start foreign servers" } else { "none: the feature `upstream` is off" };
            lines.push(format!("  launcher       {told}"));
        }
    }
    if let Some(crates) = crates {
        lines.extend(crate_lines(crates));
    }
    lines.push(match manifest {
        Some(text) => format!("  manifest       in the file, {} bytes", text.len()),
        None => "  manifest       not in the file".to_owned(),
    });
    lines.extend(definitions.iter().map(|(path, text)| format!("  definitions    {path} in the file, {} bytes", text.len())));
    // A text that does not compile to the policy of the other note is shown as what it is by `policy_of`; here it is left out.
    let checked = Manifest::of_notes(notes, &inspect.gateway).ok();
    if let Some(compiled) = checked.as_ref().and_then(|manifest| manifest.check().into_compiled()) {
        match compiled.digest() == policy {
            true => lines.push(capabilities(compiled.policy())),
            false => lines.push(format!("  manifest       compiles to ANOTHER policy here: {}", compiled.digest_hex())),
        }
    }
    lines.extend(matches.map(|(policy, text)| match (policy, text) {
        (false, _) => "  compared       ANOTHER policy than the file it was compared with".to_owned(),
        (true, Some(true)) => "  compared       the same policy, the same text".to_owned(),
        (true, Some(false)) => "  compared       the same policy; comments or spelling differ".to_owned(),
        (true, None) => "  compared       the same policy".to_owned(),
    }));
    lines.join("\n")
}

fn build_lines(identity: &Identity) -> Vec<String> {
    identity.fields().into_iter().map(|(name, value)| format!("  {name:<14} {value}")).collect()
}

fn crate_lines(crates: &Crates) -> Vec<String> {
    let build = crates.packages.iter().filter(|package| package.kind == Kind::Build).count();
    let mut lines = vec![format!("  crates         {} linked, {build} more ran at build time", crates.linked().len())];
    lines.extend(parts(crates).into_iter().map(|(name, found)| match found.as_slice() {
        [] => format!("  {name:<14} none: no such crate is linked"),
        found => format!("  {name:<14} {}", found.join(", ")),
    }));
    lines
}

/// Each part with the crates of it that are linked.
fn parts(crates: &Crates) -> Vec<(&'static str, Vec<String>)> {
    let linked = crates.linked();
    let found = |names: &[&str]| {
        let of = linked.iter().filter(|(name, _)| names.contains(name));
        of.map(|(name, version)| format!("{name} {version}")).collect()
    };
    PARTS.iter().map(|(part, names)| (*part, found(names))).collect()
}
