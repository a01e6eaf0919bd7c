//! The repository that `airlock new` writes, with the tests in it compiled and run as its owner would.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

use airlock_tests::built::{run, target};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const TEMPLATES: [&str; 4] = ["weather", "rest", "upstream", "locked"];

/// `cargo test` in its `policy/`, with the crates that are downloaded already. Those that are compiled already are taken from the checkout's
/// build directory, where libraries have no debug information either.
fn snapshots_of(repository: &Path) -> Output {
    Command::new(env!("CARGO"))
        .args(["test", "--quiet", "--offline", "--target-dir"])
        .arg(target().join("tmp/policy-crate"))
        .current_dir(repository.join("policy"))
        .env("CARGO_BUILD_BUILD_DIR", target())
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env_remove("CI")
        .env("INSTA_UPDATE", "new")
        .output()
        .expect("cargo runs")
}

/// The step of the workflow that `airlock new` writes, as a build server runs it, with this program and the crates that are there.
fn step_of_the_workflow(repository: &Path) -> Output {
    let workflow = fs::read_to_string(repository.join(".github/workflows/airlock.yml")).unwrap();
    let (_, step) = workflow.split_once("- name: Snapshots").unwrap();
    let lines = step.lines().skip_while(|line| line.trim() != "run: |").skip(1);
    let script: String = lines.take_while(|line| line.starts_with("          ")).map(|line| format!("{line}\n")).collect();
    assert!(script.contains("airlock sources") && script.contains("cargo test"), "{script}");
    let program = airlock_tests::built::cli().parent().unwrap();
    Command::new("bash")
        .args(["-e", "-o", "pipefail", "-c", &script])
        .current_dir(repository)
        .env("PATH", format!("{}:{}", program.display(), std::env::var("PATH").unwrap()))
        .env("CARGO_TARGET_DIR", target().join("tmp/policy-crate"))
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_BUILD_BUILD_DIR", target())
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .output()
        .expect("bash")
}

fn new(dir: &Path, template: &str) {
    let written = run(&["new", dir.to_str().unwrap(), "--template", template]);
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
}

#[test]
fn a_changed_domain_is_exactly_its_lines_in_the_snapshots() {
    let scratch = tempfile::tempdir().unwrap();
    let first = scratch.path().join("gate");
    new(&first, "locked");
    // It unpacks the sources of the checker, which all that follows uses.
    let stepped = step_of_the_workflow(&first);
    assert!(stepped.status.success(), "{}", String::from_utf8_lossy(&stepped.stderr));
    for template in TEMPLATES {
        // The same place for each, so that the checker is compiled once.
        let other = scratch.path().join(template).join("gate");
        fs::create_dir_all(other.parent().unwrap()).unwrap();
        new(&other, template);
        for file in ["airlock.toml", "policy/snapshots/policy.snap", "policy/snapshots/decisions.snap"] {
            fs::copy(other.join(file), first.join(file)).unwrap();
        }
        // Definitions of foreign tools stand beside the manifest.
        for pins in fs::read_dir(other.join("airlock-pins")).into_iter().flatten().flatten() {
            fs::create_dir_all(first.join("airlock-pins")).unwrap();
            fs::copy(pins.path(), first.join("airlock-pins").join(pins.file_name())).unwrap();
        }
        let tested = snapshots_of(&first);
        assert!(tested.status.success(), "{template}: {}", String::from_utf8_lossy(&tested.stdout));
    }

    let rest = scratch.path().join("rest/gate");
    for file in ["policy/snapshots/policy.snap", "policy/snapshots/decisions.snap"] {
        fs::copy(rest.join(file), first.join(file)).unwrap();
    }
    let manifest = fs::read_to_string(rest.join("airlock.toml")).unwrap();
    let changed = manifest.replace("tickets.example.com", "tickets.example.org");
    assert_ne!(changed, manifest);
    fs::write(first.join("airlock.toml"), changed).unwrap();
    let tested = snapshots_of(&first);
    assert!(!tested.status.success(), "a changed policy passes");

    let body = |file: &str| {
        let text = fs::read_to_string(first.join("policy/snapshots").join(file)).unwrap();
        text.splitn(3, "---\n").nth(2).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let (old, new) = (body("policy.snap"), body("policy.snap.new"));
    assert_eq!(old.len(), new.len());
    let lines: BTreeSet<(&String, &String)> = old.iter().zip(&new).filter(|(old, new)| old != new).collect();
    assert!(!lines.is_empty());
    for (old, new) in lines {
        assert_eq!(&old.replace("tickets.example.com", "tickets.example.org"), new);
    }
}
