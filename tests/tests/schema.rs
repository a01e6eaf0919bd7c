//! `airlock schema` as the validator of TOML editors reads it, against every manifest that we have.
#![allow(clippy::expect_used)] // In a test a panic is the report; clippy sees only functions marked as tests.

use airlock_policy::{Code, compile, keys};
use airlock_tests::clients::{said, taplo};
use std::path::{Path, PathBuf};

/// Diagnostics that a schema can give as well.
const SHAPE: &[Code] =
    &[Code::UnknownKey, Code::MissingKey, Code::WrongType, Code::UnknownWord, Code::BadDuration, Code::BadSize];

fn manifests(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    let entries = std::fs::read_dir(&root).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> = entries
        .flat_map(|path| if path.is_dir() { vec![path.join("airlock.toml")] } else { vec![path] })
        .filter(|path| path.is_file() && path.extension().is_some_and(|ending| ending == "toml"))
        .collect();
    files.sort();
    files
}

/// What the validator says: nothing when it accepts.
fn refusal(schema: &Path, manifest: &Path) -> Option<String> {
    let output = taplo().arg("--schema").arg(format!("file://{}", schema.display())).arg(manifest).output().expect("runs");
    (!output.status.success()).then(|| said(&output))
}

#[test]
fn editors_accept_what_the_checker_accepts_and_see_wrong_shapes() {
    let place = tempfile::tempdir().expect("a directory");
    let schema = place.path().join("airlock.schema.json");
    std::fs::write(&schema, keys::schema().to_string()).expect("written");
    let good: Vec<PathBuf> = manifests("tests/manifests/good").into_iter().chain(manifests("examples")).collect();
    assert!(good.len() >= 6, "{good:?}");
    for manifest in &good {
        assert_eq!(refusal(&schema, manifest), None, "{}", manifest.display());
    }
    let mut seen = 0;
    for manifest in manifests("tests/manifests") {
        let text = std::fs::read_to_string(&manifest).expect("text");
        let checked = compile(&text, "airlock.toml");
        let shapes: Vec<Code> =
            checked.diagnostics().iter().map(|fault| fault.code).filter(|code| SHAPE.contains(code)).collect();
        if !shapes.is_empty() {
            assert!(refusal(&schema, &manifest).is_some(), "{} passes, but has {shapes:?}", manifest.display());
            seen += 1;
        }
    }
    assert!(seen >= 20, "only {seen} manifests have a wrong shape");
}
