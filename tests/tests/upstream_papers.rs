//! A gateway with upstreams says what it was reviewed with: its definitions are in its note, its papers and its identity.
#![allow(clippy::expect_used)] // In a test a panic is the report; clippy sees only functions marked as tests.

use airlock_tests::built::run;
use serde_json::Value;
use std::path::{Path, PathBuf};

const MANIFEST: &str = include_str!("../manifests/good/upstreams.toml");
const FILES: &str = include_str!("../manifests/good/airlock-pins/files.json");
const NOTES: &str = include_str!("../manifests/good/airlock-pins/notes.json");

fn place(dir: &Path, files: &str) -> PathBuf {
    std::fs::create_dir_all(dir.join("airlock-pins")).expect("directory");
    std::fs::write(dir.join("airlock.toml"), MANIFEST).expect("written");
    std::fs::write(dir.join("airlock-pins/files.json"), files).expect("written");
    std::fs::write(dir.join("airlock-pins/notes.json"), NOTES).expect("written");
    dir.join("airlock.toml")
}

fn said(arguments: &[&str]) -> (Option<i32>, String) {
    let output = run(arguments);
    (output.status.code(), [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8")).concat())
}

#[test]
fn definitions_are_part_of_the_program_and_of_what_is_said_of_it() {
    let dir = tempfile::tempdir().expect("directory");
    let manifest = place(dir.path(), FILES);
    let (manifest, gateway) = (manifest.to_str().expect("UTF-8"), dir.path().join("gate"));
    let gateway = gateway.to_str().expect("UTF-8");
    let (code, shown) = said(&["build", manifest, "-o", gateway, "--offline", "--sbom", "--provenance"]);
    assert_eq!(code, Some(0), "{shown}");

    // The note is enough for every command that takes a program in the manifest's place.
    // Warnings are on stderr.
    let output = run(&["inspect", gateway, "--manifest", manifest, "--format", "json"]);
    let (code, inspected) = (output.status.code(), serde_json::from_slice::<Value>(&output.stdout).expect("JSON"));
    assert_eq!((code, &inspected["definitions"]["airlock-pins/files.json"]), (Some(0), &FILES.into()));
    assert_eq!(inspected["matches"], serde_json::json!({"policy": true, "text": true}));
    assert_eq!(inspected["build"]["features"], serde_json::json!(["gateway", "upstream"]));
    let (code, shown) = said(&["diff", gateway, manifest, "--fail-on", "widening"]);
    assert!(code == Some(0) && shown.contains("11 unchanged"), "{shown}");
    let (code, shown) = said(&["explain", gateway, "--tool", "read_file", "--arg", "path=/etc/passwd"]);
    assert!(code == Some(0) && shown.contains("deny, argument_invalid") && shown.contains("args.path = { under"), "{shown}");

    let text = |ending: &str| std::fs::read_to_string(format!("{gateway}{ending}")).expect("a paper");
    assert!(
        text(".cdx.json").contains("airlock:definitions:airlock-pins/files.json")
            && text(".cdx.json").contains("airlock:upstream:files")
    );
    let provenance = format!("{gateway}.intoto.json");
    let (code, shown) = said(&["verify-build", gateway, "--manifest", manifest, "--provenance", &provenance, "--offline"]);
    assert_eq!(code, Some(0), "{shown}");

    // Elsewhere, from the same files: the same bytes. From another spelling of them: the same policy, and another program.
    let other = tempfile::tempdir().expect("directory");
    let elsewhere = place(other.path(), FILES);
    let elsewhere = elsewhere.to_str().expect("UTF-8");
    let (code, shown) = said(&["verify-build", gateway, "--manifest", elsewhere, "--offline"]);
    assert_eq!(code, Some(0), "{shown}");
    place(other.path(), &FILES.replace("\n  ", "\n   "));
    let (code, shown) = said(&["verify-build", gateway, "--manifest", elsewhere, "--offline"]);
    assert!(code == Some(1) && shown.contains("definitions"), "{shown}");
    // Another definition is another policy, and one that nobody pinned.
    place(other.path(), &FILES.replace("Search below a path.", "Search below any path."));
    let (code, shown) = said(&["verify-build", gateway, "--manifest", elsewhere, "--offline"]);
    assert!(code == Some(1) && shown.contains("A1104"), "{shown}");
}
