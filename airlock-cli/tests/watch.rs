//! `airlock build --watch` looks again when the manifest changes. The manifests here have errors, so nothing is compiled.
#![allow(clippy::expect_used)] // In a test a panic is the report; clippy sees only functions marked as tests.

mod built;

use built::manifest;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// A manifest with a tool that there is not.
fn broken(tool: &str) -> String {
    let (good, known) = (manifest("x"), "airlock_usage_stats");
    assert!(good.contains(known), "the manifest lost the tool that is replaced here");
    good.replace(known, tool)
}

#[test]
fn a_changed_manifest_is_looked_at_again() {
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("airlock.toml");
    fs::write(&path, broken("first_tool")).expect("written");
    // Ends by itself if the text that is waited for does not come.
    let mut child = Command::new("timeout")
        .arg("60")
        .arg(env!("CARGO_BIN_EXE_airlock"))
        .args(["build", "--watch", "--offline"])
        .current_dir(dir.path())
        // Should one of them compile, it says so here instead of filling the user's cache.
        .env("AIRLOCK_CACHE", "/proc/airlock")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    let mut until = |text: &str| lines.by_ref().take_while(|line| !line.contains(text)).collect::<Vec<_>>().join("\n");
    let first = until("Waiting for");
    assert!(first.contains("first_tool") && !first.contains("second_tool"), "{first}");
    // As editors do it: another file takes the name. Neighbours and the same content again are no change.
    let new = dir.path().join("new");
    let replace = |text: String| fs::write(&new, text).and_then(|()| fs::rename(&new, &path)).expect("renamed");
    replace(broken("first_tool"));
    fs::write(dir.path().join("other.toml"), broken("third_tool")).expect("written");
    replace(broken("second_tool"));
    let second = until("nothing was built");
    assert!(second.contains("second_tool") && !second.contains("first_tool") && !second.contains("third_tool"), "{second}");
    replace(broken("fourth_tool"));
    let fourth = until("nothing was built");
    assert!(fourth.contains("fourth_tool"), "{fourth}");
    // `timeout` hands the signal on.
    Command::new("kill").arg(child.id().to_string()).status().expect("ended");
    child.wait().expect("ended");
}
