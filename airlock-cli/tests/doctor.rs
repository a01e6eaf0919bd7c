//! `airlock doctor` in a home that has little, and in one with mistakes: what it says, its exit code, and that it changes nothing.

#![allow(clippy::unwrap_used, reason = "a step that fails must fail the test")]

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

fn doctor(home: &Path) -> (Option<i32>, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_airlock"));
    let kept = ["PATH", "RUSTUP_HOME", "CARGO_HOME"].map(|name| (name, std::env::var_os(name)));
    command.args(["doctor", "--format", "json"]).current_dir(home).env_clear().env("HOME", home);
    command.envs(kept.into_iter().filter_map(|(name, value)| Some((name, value?))));
    let output = command.output().unwrap();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
}

/// State and words of what was found out about something.
fn about<'a>(said: &'a Value, what: &str) -> (&'a str, &'a str) {
    let finding = said["findings"].as_array().unwrap().iter().find(|finding| finding["what"] == what);
    let finding = finding.unwrap_or_else(|| panic!("nothing about {what} in {said:#}"));
    assert_eq!(finding["state"] == "fine", finding.get("fix").is_none(), "what is not fine has a fix: {finding}");
    (finding["state"].as_str().unwrap(), finding["found"].as_str().unwrap())
}

fn files(dir: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { BTreeSet::from([path]) }).collect()
}

#[test]
fn a_home_without_anything() {
    let home = tempfile::tempdir().unwrap();
    let (code, said) = doctor(home.path());
    let stops = said["findings"].as_array().unwrap().iter().any(|finding| finding["state"] == "stops");
    assert_eq!((said["stops"].as_bool(), code), (Some(stops), Some(i32::from(stops))));
    for what in ["rust", "C compiler", "Landlock", "seccomp", "namespaces", "memory", "cache"] {
        about(&said, what);
    }
    assert!(about(&said, "cache").1.ends_with("is made with the first build"));
    assert_eq!(files(home.path()), BTreeSet::new(), "nothing is written");
}

#[test]
fn a_home_with_mistakes() {
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = home.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    };
    write(".cursor/mcp.json", "{\"mcpServers\": {");
    write(
        ".codex/config.toml",
        "[mcp_servers.gone]\ncommand = \"/nowhere/gate\"\n[mcp_servers.gone.env]\nAIRLOCK_KEY_FILE = \"/nowhere/key\"\n\
         [mcp_servers.other]\ncommand = \"npx\"\n",
    );
    write("airlock.toml", "airlock = 1\n");
    let cache = home.path().join(".cache/airlock");
    fs::create_dir_all(&cache).unwrap();
    fs::set_permissions(&cache, Permissions::from_mode(0o777)).unwrap();
    let before = files(home.path());
    let (code, said) = doctor(home.path());
    assert_eq!(code, Some(1), "{said:#}");
    assert!(about(&said, "Cursor").1.contains("mcp.json:1:"), "{said:#}");
    assert_eq!(about(&said, "gone"), ("stops", "\"/nowhere/gate\" is no gateway"));
    assert!(about(&said, "Codex CLI").1.starts_with("1 of 2 servers are gateways"));
    assert_eq!(about(&said, "cache").0, "stops");
    assert_eq!(about(&said, "manifest").0, "stops");
    assert_eq!(files(home.path()), before, "nothing is written");
}
