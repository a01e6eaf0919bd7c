//! `explain`, `test`, `new` and `schema` as a policy author uses them.
#![allow(clippy::expect_used)] // In a test a panic is the report; clippy sees only functions marked as tests.

use serde_json::Value;
use std::fs;
use std::io::Write;
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

#[test]
fn what_says_nothing_about_the_call_is_refused() {
    let dir = place(CASES);
    for (arguments, problem) in [
        (&["--subject", "agent:helper"][..], "required arguments were not provided"),
        (&["--session", "s"], "required arguments were not provided"),
        (&["--intent", "i"], "required arguments were not provided"),
        (&["--no-lease"], "required arguments were not provided"),
        (&["--tool", "read_ticket", "--arg", "number=1", "--arg", "number=2"], "--arg gives \"number\" twice"),
        (&["--tool", "read_ticket", "--arg", "number={\"a\":1,\"a\":2}"], "An object holds the same key twice."),
        (&["--call", "call.json"], "An object holds the same key twice."),
    ] {
        fs::write(dir.path().join("call.json"), r#"{"tool":"read_ticket","args":{"number":1,"number":0}}"#).expect("written");
        let output = airlock(dir.path(), &[&["explain"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(problem), "{arguments:?}: {}", text(&output.stderr));
    }
    fs::write(
        dir.path().join("call.json"),
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_ticket","arguments":{"project":"WEB","number":4},"task":{}}}"#,
    )
    .expect("written");
    let output = airlock(dir.path(), &["explain", "--call", "call.json", "--subject", "agent:helper"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn generated_cases_stand_beside_no_case_that_fails() {
    let wrong = "airlock_cases = 1\n\n[[case]]\nname = \"wrong\"\ncall = { tool = \"read_ticket\" }\nexpect = \"allow\"\n";
    let dir = place(wrong);
    let output = airlock(dir.path(), &["test", "--generate"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("1 of 1 cases fail, first \"wrong\""), "{}", text(&output.stderr));
    assert_eq!(fs::read_to_string(dir.path().join("airlock.cases.toml")).expect("text"), wrong);
    for other in [&["--min-coverage", "100"][..], &["--junit", "cases.xml"], &["--format", "json"]] {
        let output = airlock(dir.path(), &[&["test", "--generate"], other].concat());
        assert_eq!(output.status.code(), Some(2), "{other:?}");
        assert!(text(&output.stderr).contains("cannot be used with"), "{}", text(&output.stderr));
    }
}

#[test]
fn a_report_never_costs_the_manifest() {
    let dir = place(CASES);
    for file in ["airlock.toml", "airlock.cases.toml"] {
        let before = fs::read(dir.path().join(file)).expect("a file");
        let output = airlock(dir.path(), &["test", "--junit", file]);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("is no report of `airlock test`"), "{}", text(&output.stderr));
        assert_eq!(fs::read(dir.path().join(file)).expect("a file"), before);
    }
    for _ in 0..2 {
        assert_eq!(airlock(dir.path(), &["test", "--junit", "cases.xml"]).status.code(), Some(0));
    }
}

#[test]
fn a_manifest_on_standard_input_has_cases_in_this_directory() {
    let dir = place(CASES);
    let mut child = Command::new(env!("CARGO_BIN_EXE_airlock"))
        .args(["test", "-"])
        .current_dir(dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    child.stdin.take().expect("a pipe").write_all(MANIFEST.as_bytes()).expect("written");
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn a_difference_with_what_does_not_compile_is_no_answer() {
    let dir = place(CASES);
    fs::write(dir.path().join("broken.toml"), "airlock = 1\n").expect("written");
    for pair in [["broken.toml", "airlock.toml"], ["airlock.toml", "broken.toml"]] {
        let output = airlock(dir.path(), &[&["diff", "--fail-on", "widening"], pair.as_slice()].concat());
        assert_eq!(output.status.code(), Some(2), "{pair:?}");
        assert!(text(&output.stderr).contains("error[A0202]"), "{}", text(&output.stderr));
    }
}

/// Two flows and two grants that differ in all but their `why`.
const ALIKE: &str = r#"airlock = 1
[gateway]
name = "alike"
[keys]
accept = ["k1"]
[tools.airlock_issue_capability]
why = "x"
[tools.airlock_usage_stats]
labels = ["reads:private"]
why = "x"
[tools.airlock_audit_tail]
labels = ["ingests:untrusted"]
why = "x"
[tools.airlock_exposure_report]
labels = ["sends:external"]
why = "x"
[[flow]]
ask = ["reads:private", "ingests:untrusted"]
why = "one reason"
[[flow]]
ask = ["reads:private", "sends:external"]
why = "one reason"
[[grant]]
subject = "agent:one"
tools = ["airlock_usage_stats", "airlock_audit_tail", "airlock_exposure_report"]
issue = "operator"
why = "x"
[[grant]]
subject = "agent:two"
tools = ["airlock_audit_tail"]
issue = "self"
why = "x"
"#;

#[test]
fn of_two_clauses_that_read_alike_the_one_that_decides_is_shown() {
    let dir = tempfile::tempdir().expect("directory");
    fs::write(dir.path().join("airlock.toml"), ALIKE).expect("written");
    let line = |call: &str| {
        fs::write(dir.path().join("call.json"), call).expect("written");
        let output = airlock(dir.path(), &["explain", "--call", "call.json", "--format", "json"]);
        let value: Value = serde_json::from_slice(&output.stdout).expect("one JSON value");
        (value["verdict"].as_str().unwrap_or_default().to_owned(), value["line"]["text"].as_str().unwrap_or_default().to_owned())
    };
    let after = r#"{"history":[{"tool":"airlock_exposure_report"}],"tool":"airlock_usage_stats"}"#;
    assert_eq!(line(after), ("ask".into(), r#"ask = ["reads:private", "sends:external"]"#.into()));
    let issue = r#"{"tool":"airlock_issue_capability","args":{"session_id":"s","subject":"agent:two","intent":"look","tools":["airlock_audit_tail"]}}"#;
    assert_eq!(line(issue), ("allow".into(), r#"tools = ["airlock_audit_tail"]"#.into()));
    // A case of the second flow covers the second alone.
    let cases = r#"airlock_cases = 1
[[case]]
name = "after a look outside"
subject = "agent:one"
history = [{ tool = "airlock_exposure_report" }]
call = { tool = "airlock_usage_stats" }
expect = "ask"
"#;
    fs::write(dir.path().join("airlock.cases.toml"), cases).expect("written");
    let output = airlock(dir.path(), &["test", "--format", "json"]);
    let value: Value = serde_json::from_slice(&output.stdout).expect("one JSON value");
    let lacks = |flow: &str| {
        let missing = value["missing"]
            .as_array()
            .expect("a list")
            .iter()
            .find(|it| it["clause"].as_str().is_some_and(|clause| clause.starts_with(flow)));
        missing.map(|it| it["lacks"].as_str().unwrap_or_default().to_owned()).unwrap_or_default()
    };
    assert_eq!((lacks("flow 1").as_str(), lacks("flow 2").as_str()), ("any case", "a case that passes"));
}

#[test]
fn nothing_leaves_the_locked_template() {
    let dir = tempfile::tempdir().expect("directory");
    assert_eq!(airlock(dir.path(), &["new", "locked", "--template", "locked"]).status.code(), Some(0));
    let manifest = dir.path().join("locked/airlock.toml");
    let locked = fs::read_to_string(&manifest).expect("text");
    let lists = locked.replace("tools = [\"airlock_usage_stats\"]", "tools = [\"airlock_usage_stats\", \"out\"]");
    let read = "[[egress]]\nhost = \"*\"\nwhy = \"x\"\n[tools.http_get_json]\negress = [\"*\"]\nwhy = \"x\"\n";
    let rest = "[[egress]]\nhost = \"api.example.com\"\nwhy = \"x\"\n[tools.out]\ndescription = \"x\"\neffect = \"read\"\nhttp = { method = \"GET\", url = \"https://api.example.com/\" }\nwhy = \"x\"\n";
    for (tool, text_of) in [("http_get_json", read), ("out", rest)] {
        fs::write(&manifest, format!("{}\n{text_of}", lists.replace("\"out\"", &format!("\"{tool}\"")))).expect("written");
        let output = airlock(dir.path(), &["check", "locked/airlock.toml"]);
        assert_eq!(output.status.code(), Some(1), "{tool}");
        assert!(
            text(&output.stderr).contains("error[A1002]") || text(&output.stdout).contains("error[A1002]"),
            "{tool}: {}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
    }
}

const MAIL: &str = r#"airlock = 1
[gateway]
name = "mail"
[keys]
accept = ["k1"]
[[egress]]
host = "mail.example.com"
why = "mail"
[tools.people]
description = "Looks people up"
http = { method = "GET", url = "https://mail.example.com/people", query = ["name"] }
input.name = { type = "string" }
effect = "read"
trusted = true
why = "addresses of colleagues"
[tools.send_mail]
description = "Sends a mail"
http = { method = "POST", url = "https://mail.example.com/send", body = ["to", "body", "amount"] }
input.to = { type = "array", kind = "email", from = ["intent", "trusted"] }
input.body = { type = "string", max_length = 200, from = ["intent", "structured"], otherwise = "ask" }
input.amount = { type = "number", required = false, from = ["text"] }
labels = ["sends:external"]
why = "answer people"
[[grant]]
subject = "agent:mailer"
tools = ["people", "send_mail"]
issue = "operator"
why = "mail"
[lints]
origin-intent = { level = "allow", why = "an amount that stands in a text" }
"#;

#[test]
fn where_a_value_comes_from_is_explained_and_tried() {
    let dir = tempfile::tempdir().expect("directory");
    fs::write(dir.path().join("airlock.toml"), MAIL).expect("written");
    let call = ["--tool", "send_mail", "--arg", "to=[\"ann@x.example\"]", "--arg", "body=see https://pages.example/1"];
    for (name, more) in [
        ("unseen", vec![]),
        ("untrusted", vec!["--seen", "structured=ann@x.example"]),
        ("asked", vec!["--intent", "Mail ann@x.example", "--seen", "text=read https://pages.example/1"]),
        ("seen", vec!["--seen", "trusted=Ann <ann@x.example>", "--seen", "structured=https://pages.example/1"]),
    ] {
        let output = airlock(dir.path(), &[&["explain"], call.as_slice(), &more].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        insta::assert_snapshot!(format!("provenance_{name}"), text(&output.stdout));
    }
    let output = airlock(dir.path(), &[&["explain"], call.as_slice(), &["--seen", "intent=x"]].concat());
    assert!(text(&output.stderr).contains("the intent is `--intent`"), "{}", text(&output.stderr));

    // Cases for every rule can be written.
    let generated = airlock(dir.path(), &["test", "--generate"]);
    assert_eq!(generated.status.code(), Some(0), "{}{}", text(&generated.stdout), text(&generated.stderr));
    let tested = airlock(dir.path(), &["test", "--min-coverage", "100"]);
    assert_eq!(tested.status.code(), Some(0), "{}", text(&tested.stdout));
}
