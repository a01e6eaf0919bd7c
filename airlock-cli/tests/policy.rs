//! `explain`, `test`, `new` and `schema` as a policy author uses them.
#![allow(clippy::expect_used)] // In a test a panic is the report; clippy sees only functions marked as tests.

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const MANIFEST: &str = include_str!("../../examples/tickets/airlock.toml");
const CASES: &str = include_str!("../../examples/tickets/airlock.cases.toml");

fn airlock(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_airlock")).args(arguments).current_dir(dir).stdin(Stdio::null()).output().expect("runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// A directory with the example's manifest and some cases.
fn place(cases: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("directory");
    fs::write(dir.path().join("airlock.toml"), MANIFEST).expect("written");
    fs::write(dir.path().join("airlock.cases.toml"), cases).expect("written");
    dir
}

#[test]
fn a_call_is_explained_with_the_line_that_decides() {
    let dir = place(CASES);
    let call = ["--tool", "open_ticket", "--arg", "title=hello", "--arg", "text=x"];
    for (name, more) in [
        ("rule", vec!["--arg", "project=web"]),
        ("allow", vec!["--arg", "project=WEB"]),
        ("grant", vec!["--arg", "project=WEB", "--subject", "agent:reader"]),
        ("no_lease", vec!["--arg", "project=WEB", "--no-lease"]),
    ] {
        let output = airlock(dir.path(), &[&["explain"], call.as_slice(), &more].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        insta::assert_snapshot!(format!("explain_{name}"), text(&output.stdout));
    }
    fs::write(dir.path().join("call.json"), r#"{"params":{"name":"read_ticket","arguments":{"project":"WEB","number":0}}}"#)
        .expect("written");
    let output = airlock(dir.path(), &["explain", "--call", "call.json", "--format", "json"]);
    let value: Value = serde_json::from_slice(&output.stdout).expect("one JSON value");
    assert_eq!((&value["verdict"], &value["reason"]), (&"deny".into(), &"argument_invalid".into()));
    assert!(value["line"]["text"].as_str().expect("a line").contains("input.number"), "{value}");
    fs::write(dir.path().join("call.json"), r#"{"tool":"read_ticket","argz":{}}"#).expect("written");
    let output = airlock(dir.path(), &["explain", "--call", "call.json"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("unknown field `argz`"), "{}", text(&output.stderr));
}

#[test]
fn cases_pass_fail_and_are_counted() {
    let dir = place(CASES);
    let output = airlock(dir.path(), &["test", "--min-coverage", "100"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    // The policy widens: the case of the rule fails, and says how.
    fs::write(dir.path().join("airlock.toml"), MANIFEST.replace("min = 1, max = 1000000", "min = 0, max = 1000000"))
        .expect("written");
    let output = airlock(dir.path(), &["test", "--junit", "cases.xml"]);
    assert_eq!(output.status.code(), Some(1));
    let table = text(&output.stdout);
    assert!(table.contains("FAIL") && table.contains("expected deny, argument_invalid, got allow"), "{table}");
    let junit = fs::read_to_string(dir.path().join("cases.xml")).expect("a report");
    assert!(junit.contains("failures=\"1\"") && junit.contains("<failure message=\"expected deny"), "{junit}");
    // Fewer cases cover less.
    let dir = place(&CASES.split("\n[[case]]").take(3).collect::<Vec<_>>().join("\n[[case]]"));
    let output = airlock(dir.path(), &["test", "--min-coverage", "90", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let value: Value = serde_json::from_slice(&output.stdout).expect("one JSON value");
    assert!(value["coverage"].as_u64().expect("a number") < 90 && value["missing"][0]["clause"].is_string(), "{value}");
    // What is missing can be written, and covers all.
    assert_eq!(airlock(dir.path(), &["test", "--generate"]).status.code(), Some(0));
    let output = airlock(dir.path(), &["test", "--min-coverage", "100"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    fs::write(dir.path().join("airlock.cases.toml"), "airlock_cases = 1\n[[case]]\nnmae = 1\n").expect("written");
    let output = airlock(dir.path(), &["test"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("airlock.cases.toml: line 3: unknown field `nmae`"), "{}", text(&output.stderr));
}

#[test]
fn a_new_repository_passes_its_own_tests() {
    let dir = tempfile::tempdir().expect("directory");
    for template in ["weather", "rest", "locked"] {
        let made = airlock(dir.path(), &["new", template, "--template", template]);
        assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
        let tested = airlock(&dir.path().join(template), &["test", "--min-coverage", "100"]);
        assert_eq!(tested.status.code(), Some(0), "{}", text(&tested.stdout));
        let explained = text(&airlock(&dir.path().join(template), &["explain"]).stdout);
        let snapshots = ["policy", "decisions"].map(|name| {
            let snapshot =
                fs::read_to_string(dir.path().join(template).join(format!("policy/snapshots/{name}.snap"))).expect("a snapshot");
            snapshot.split_once("---\n").and_then(|(_, rest)| rest.split_once("---\n")).expect("a head").1.trim_end().to_owned()
        });
        assert!(explained.trim_end().ends_with(&snapshots.join("\n\n")), "{template}");
    }
}

#[test]
fn the_schema_is_one_json_value() {
    let dir = tempfile::tempdir().expect("directory");
    let value: Value = serde_json::from_slice(&airlock(dir.path(), &["schema"]).stdout).expect("one JSON value");
    assert_eq!(value["$schema"], "http://json-schema.org/draft-07/schema#");
    let page = text(&airlock(dir.path(), &["schema", "--format", "markdown"]).stdout);
    assert_eq!(page, include_str!("../../docs/manifest.md"));
}
