//! What `airlock build` makes, and what it does not make: nothing of a broken manifest, the same of the same one, and no code for what the
//! manifest does not list.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

use airlock_tests::built::{abuse, run, strict};
use airlock_tests::place::Place;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

fn manifests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests")
}

#[test]
fn a_broken_manifest_makes_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let broken = ["empty", "bad-hosts", "duplicate-grant", "many-mistakes", "private-hosts", "unknown-tool"];
    for name in broken {
        let target = dir.path().join(name);
        let manifest = manifests().join(name).with_extension("toml");
        let output = run(&["build", manifest.to_str().unwrap(), "-o", target.to_str().unwrap(), "--offline"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]), "{name}: {said}");
        assert!(said.contains("error"), "{name}: {said}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "{name} left a file");
    }
}

/// Builds and gives the report.
fn build(dir: &Path, name: &str, manifest: &str) -> Value {
    let (source, target) = (dir.join(format!("{name}.toml")), dir.join(name));
    std::fs::write(&source, manifest).unwrap();
    let paths = [&source, &target].map(|path| path.to_str().unwrap());
    let output = run(&["build", paths[0], "-o", paths[1], "--offline", "--format", "json", "--note", "digest"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let version = Command::new(&target).arg("--version").output().unwrap();
    let digest = format!("policy digest {}\n", report["policy_digest"].as_str().unwrap());
    assert!(String::from_utf8(version.stdout).unwrap().contains(&digest));
    report
}

#[test]
fn the_same_manifest_makes_the_same_file() {
    let dir = tempfile::tempdir().unwrap();
    let commitment = Place::new("strict").key().commitment_hex();
    let manifest = include_str!("../gateways/strict.toml").replace("{commitment}", &commitment);
    let first = build(dir.path(), "first", &manifest);
    let changed = build(dir.path(), "changed", &manifest.replace("why = \"review\"", "why = \"control\""));
    let again = build(dir.path(), "again", &manifest);
    let respelt =
        build(dir.path(), "respelt", &format!("# Another comment.\n\n{}", manifest.replace("\"15m\"", "'15m'  # short")));
    for other in [&again, &respelt] {
        assert_eq!((&first["policy_digest"], &first["sha256"]), (&other["policy_digest"], &other["sha256"]));
    }
    assert_eq!(std::fs::read(dir.path().join("first")).unwrap(), std::fs::read(dir.path().join("again")).unwrap());
    assert_ne!(first["policy_digest"], changed["policy_digest"]);
    assert_ne!(first["sha256"], changed["sha256"]);
}

fn has(program: &[u8], text: &str) -> bool {
    program.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Texts of code that only some gateways have. Each is searched for in one that has it, so that the search can fail.
#[test]
fn a_gateway_has_no_code_for_what_it_does_not_list() {
    let (full, bare) = (std::fs::read(abuse()).unwrap(), std::fs::read(strict()).unwrap());
    let http = ["reqwest", "rustls", "webpki", "hyper", "open-meteo", "http_get_json", "https URL of the document", "gzip"];
    let mint = ["airlock_issue_capability", "the lease would end before it starts"];
    for text in http.iter().chain(&mint) {
        assert!(has(&full, text), "{text:?} is not in a gateway with HTTP tools and `self` grants: it shows nothing");
        assert!(!has(&bare, text), "{text:?} is in a gateway without HTTP tools and `self` grants");
    }
    for text in ["airlock_usage_stats", "lease_mac", "airlock/lease/v1/root"] {
        assert!(has(&bare, text), "{text:?}");
    }
    assert!(3 * bare.len() < 2 * full.len(), "{} and {} bytes", bare.len(), full.len());
}
