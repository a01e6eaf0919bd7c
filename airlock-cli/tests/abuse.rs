//! What happens to a build from outside: it is killed, meets another one, or the disk is full. Afterwards the cache works.
#![allow(clippy::expect_used)] // In a test a panic is the report; clippy sees only functions marked as tests.

mod built;

use built::{airlock, build, cache, lock, manifest, note, report, text};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

const BUILD: [&str; 4] = ["build", "--format", "json", "--offline"];

#[test]
fn two_builds_at_once_give_each_its_own_gateway() {
    let _lock = lock();
    let dirs = ["one", "two", "three"].map(|why| {
        let dir = tempfile::tempdir().expect("directory");
        fs::write(dir.path().join("airlock.toml"), manifest(why)).expect("written");
        dir
    });
    let start = |dir: &tempfile::TempDir| {
        let mut command = airlock(dir.path(), &BUILD);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs")
    };
    let running: Vec<_> = dirs.iter().map(start).collect();
    let reports: Vec<_> = running.into_iter().map(|child| report(&child.wait_with_output().expect("ends"))).collect();
    for (dir, report) in dirs.iter().zip(&reports) {
        assert_eq!(report["policy_digest"], note(&dir.path().join("gate")), "the gateway of another manifest");
        // The same again, alone.
        let again = build(dir.path(), &dir.path().join("airlock.toml"), &dir.path().join("again"));
        assert_eq!(report["sha256"], again["sha256"]);
    }
}

#[test]
fn a_killed_build_leaves_nothing_and_the_next_one_works() {
    let _lock = lock();
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("airlock.toml");
    fs::write(&path, manifest("killed")).expect("written");
    let mut child = airlock(dir.path(), &BUILD).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("runs");
    // The first line of progress: cargo is at work.
    let mut line = String::new();
    BufReader::new(child.stderr.take().expect("a pipe")).read_line(&mut line).expect("a line");
    assert!(line.starts_with("Compiling "), "{line}");
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert_eq!(fs::read_dir(dir.path()).expect("listing").count(), 1, "half a gateway stays");
    let built = build(dir.path(), &path, &dir.path().join("gate"));
    assert_eq!(built["policy_digest"], note(&dir.path().join("gate")));
    assert_eq!(fs::read_dir(cache().join("out")).expect("listing").count(), 0, "what the killed build left is swept");
}

/// A file system of its own for the cache, which takes the right to mount: the superuser's, or that of a user's own namespace.
#[test]
fn a_full_disk_is_said_and_nothing_is_written() {
    let dir = tempfile::tempdir().expect("directory");
    fs::write(dir.path().join("airlock.toml"), manifest("full")).expect("written");
    let small = dir.path().join("small");
    fs::create_dir(&small).expect("made");
    let script = "mount -t tmpfs -o size=8m,mode=0700 none small && exec \"$0\" build --offline --cache-dir small";
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .arg(env!("CARGO_BIN_EXE_airlock"))
        .current_dir(dir.path())
        .output()
        .expect("unshare runs");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("No space left on device") && said.contains("make room"), "{said}");
    assert!(!dir.path().join("gate").exists());
}
