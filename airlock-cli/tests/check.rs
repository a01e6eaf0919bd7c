//! `airlock check` and `airlock new` as scripts see them.
#![allow(clippy::expect_used)] // In a test a panic is the report; clippy sees only functions marked as tests.

use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn airlock(dir: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_airlock"))
        .args(arguments)
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    // The program may end before it has read everything.
    let _ = child.stdin.take().expect("stdin").write_all(input.as_bytes());
    child.wait_with_output().expect("ends")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A warning, no error: any public host.
const WIDE: &str = r#"airlock = 1
gateway.name = "wide"
keys.accept = ["k1"]
[[egress]]
host = "*"
why = "reads the whole web"
[tools.http_get_json]
egress = ["*"]
why = "read anything"
[[grant]]
subject = "agent:reader"
tools = ["http_get_json"]
issue = "operator"
why = "the reader"
"#;

#[test]
fn a_new_project_passes() {
    let dir = tempfile::tempdir().expect("directory");
    for template in ["weather", "rest", "upstream", "locked"] {
        let made = airlock(dir.path(), &["new", template, "--template", template], "");
        assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
        let checked = airlock(&dir.path().join(template), &["check", "--deny-warnings"], "");
        assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stderr));
        assert!(text(&checked.stdout).starts_with(&format!("{template}: ")), "{}", text(&checked.stdout));
    }
    let again = airlock(dir.path(), &["new", "locked"], "");
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("exists; nothing was written"));
    let named = airlock(dir.path(), &["new", "A b"], "");
    assert_eq!(named.status.code(), Some(2));
    assert!(!dir.path().join("A b").exists());
}

#[test]
fn warnings_fail_only_when_denied() {
    let dir = tempfile::tempdir().expect("directory");
    assert_eq!(airlock(dir.path(), &["check", "-"], WIDE).status.code(), Some(0));
    let denied = airlock(dir.path(), &["check", "-", "--deny-warnings"], WIDE);
    assert_eq!(denied.status.code(), Some(1));
    assert!(
        text(&denied.stderr).contains("warning[A0407]") && text(&denied.stderr).contains("<stdin>:5:8"),
        "{}",
        text(&denied.stderr)
    );
}

#[test]
fn json_names_code_and_place() {
    let dir = tempfile::tempdir().expect("directory");
    fs::write(dir.path().join("airlock.toml"), WIDE.replace("\"k1\"", "\"K!\"")).expect("written");
    let output = airlock(dir.path(), &["check", "--format", "json"], "");
    assert_eq!(output.status.code(), Some(1));
    let value: Value = serde_json::from_slice(&output.stdout).expect("one JSON value");
    assert_eq!((&value["fine"], &value["errors"], &value["warnings"]), (&false.into(), &1.into(), &1.into()));
    assert_eq!(value["policy_digest"], Value::Null);
    let first = &value["diagnostics"][0];
    assert_eq!((&first["code"], &first["line"], &first["file"]), (&"A0301".into(), &3.into(), &"airlock.toml".into()));
}

#[test]
fn a_file_that_is_no_text_is_exit_2() {
    let dir = tempfile::tempdir().expect("directory");
    fs::write(dir.path().join("airlock.toml"), b"\xff\xfe").expect("written");
    for path in ["airlock.toml", "absent.toml", "."] {
        let output = airlock(dir.path(), &["check", path], "");
        assert_eq!(output.status.code(), Some(2), "{path}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(path));
    }
}

#[test]
fn a_widening_fails_only_when_asked() {
    let dir = tempfile::tempdir().expect("directory");
    fs::write(dir.path().join("old.toml"), WIDE).expect("written");
    fs::write(dir.path().join("new.toml"), WIDE.replace("issue = \"operator\"", "issue = \"operator\"\nuses = 2000"))
        .expect("written");
    fs::write(dir.path().join("broken.toml"), WIDE.replace("airlock = 1", "airlock = 2")).expect("written");
    for (arguments, code, says) in [
        (["old.toml", "new.toml", "--format=table"], 0, "+ agent:reader -> http_get_json"),
        (["old.toml", "new.toml", "--fail-on=widening"], 1, "calls of a lease: 1000 -> 2000"),
        (["new.toml", "old.toml", "--fail-on=widening"], 0, "- agent:reader -> http_get_json"),
        (["old.toml", "old.toml", "--fail-on=widening"], 0, "0 gained, 0 lost, 1 unchanged"),
        (["old.toml", "broken.toml", "--format=json"], 2, ""),
        (["old.toml", "absent.toml", "--format=json"], 2, ""),
    ] {
        let output = airlock(dir.path(), &[&["diff"], arguments.as_slice()].concat(), "");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stderr));
        assert!(text(&output.stdout).contains(says), "{arguments:?}: {}", text(&output.stdout));
    }
    let output = airlock(dir.path(), &["diff", "old.toml", "new.toml", "--format", "json"], "");
    let value: Value = serde_json::from_slice(&output.stdout).expect("one JSON value");
    assert_eq!((&value["widens"], &value["rows"][0]["witness"]["uses"]), (&true.into(), &2000.into()));
}
