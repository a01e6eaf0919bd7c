//! Keys and leases through the real program: files, pipes, exit codes.

#![allow(clippy::unwrap_used, reason = "a step that fails must fail the test")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const WEATHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/weather/airlock.toml");

fn airlock(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_airlock")).args(args).current_dir(dir).output().unwrap()
}

/// Stdout of a command that must succeed.
fn ok(dir: &Path, args: &[&str]) -> String {
    let output = airlock(dir, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Exit code and stderr of a command that must fail, and print nothing on stdout.
fn refused(dir: &Path, args: &[&str]) -> (i32, String) {
    let output = airlock(dir, args);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{args:?}");
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn keys() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    ok(dir.path(), &["key", "new", "--out", "issuer.key"]);
    ok(dir.path(), &["key", "derive", "--issuer-key", "issuer.key", "--audience", "weather", "--out", "weather.key"]);
    dir
}

/// `airlock issue` for the planner of the weather example, with further arguments.
fn issue<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let fixed =
        ["issue", "--session-id", "s1", "--subject", "agent:planner", "--tools", "weather_hourly", "--intent", "Plan a picnic"];
    [&fixed[..], more].concat()
}

/// The key itself, as it stands in a key file.
fn secret(dir: &Path, file: &str) -> String {
    let text = fs::read_to_string(dir.join(file)).unwrap();
    text.split("key=").nth(1).unwrap().trim().to_owned()
}

#[test]
fn keys_are_private_and_never_printed() {
    let dir = keys();
    let dir = dir.path();
    for file in ["issuer.key", "weather.key"] {
        assert_eq!(fs::metadata(dir.join(file)).unwrap().permissions().mode() & 0o7777, 0o600);
        for format in ["table", "json"] {
            let output = airlock(dir, &["key", "show", file, "--format", format]);
            let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            assert!(text.contains("k1") && text.contains("0600") && !text.contains(&secret(dir, file)), "{text}");
        }
    }
    let (code, message) = refused(dir, &["key", "new", "--out", "issuer.key"]);
    assert_eq!(code, 2);
    assert!(message.contains("never overwritten"), "{message}");
    fs::set_permissions(dir.join("weather.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let (code, message) = refused(dir, &["key", "show", "weather.key"]);
    assert_eq!((code, message.contains("chmod 600 weather.key")), (2, true), "{message}");
}

#[test]
fn a_lease_is_issued_and_shown() {
    let dir = keys();
    let dir = dir.path();
    let by_issuer = ok(dir, &issue(&["--key", "issuer.key", "--manifest", WEATHER]));
    assert_eq!(by_issuer.lines().count(), 1, "nothing but the lease on stdout");
    let lease = by_issuer.trim();
    let shown = ok(dir, &["lease", "show", lease, "--key", "weather.key"]);
    assert!(shown.contains("signature   right") && shown.contains("\"agent:planner\""), "{shown}");
    assert!(ok(dir, &["lease", "show", lease]).contains("signature   not checked"));

    // Another gateway's key, and an altered lease, are told apart from a right one by the exit code.
    ok(dir, &["key", "derive", "--issuer-key", "issuer.key", "--audience", "files", "--out", "files.key"]);
    let (code, message) = refused(dir, &["lease", "show", lease, "--key", "files.key"]);
    assert_eq!(code, 2);
    assert!(message.contains("a key of the gateway \"files\", not one for the gateway \"weather\""), "{message}");
    ok(dir, &["key", "new", "--out", "other.key"]);
    let wrong = airlock(dir, &["lease", "show", lease, "--key", "other.key"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&wrong.stdout).contains("signature   WRONG"));
    assert_eq!(refused(dir, &["lease", "show", &lease[1..]]).0, 1);

    // From standard input, with the line end that a shell adds.
    let mut child = Command::new(env!("CARGO_BIN_EXE_airlock"))
        .args(["lease", "show", "--format", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(by_issuer.as_bytes()).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(json["blocks"][0]["tools"], serde_json::json!(["weather_hourly"]));
    assert_eq!(json["blocks"][0]["exp"].as_u64().unwrap() - json["blocks"][0]["iat"].as_u64().unwrap(), 900);
}

#[test]
fn the_manifest_bounds_what_is_issued() {
    let dir = keys();
    let dir = dir.path();
    let with = |more: &[&'static str]| issue(&[&["--key", "issuer.key", "--manifest", WEATHER], more].concat());
    let (code, message) = refused(dir, &with(&["--ttl-seconds", "901"]));
    assert_eq!(code, 1);
    assert!(
        message.contains("no grant for agent:planner covers this: it lets a lease live at most 900 seconds, not 901"),
        "{message}"
    );
    assert_eq!(refused(dir, &with(&["--constraints", r#"{"domains":["evil.example"]}"#])).0, 1);
    assert_eq!(refused(dir, &with(&["--constraints", r#"{"domain":[]}"#])).0, 2);
    assert_eq!(refused(dir, &with(&["--audience", "files"])).0, 2);

    // A key id that the manifest does not accept, and a pinned key that is another one.
    ok(dir, &["key", "new", "--kid", "k7", "--out", "k7.key"]);
    assert_eq!(refused(dir, &issue(&["--key", "k7.key", "--manifest", WEATHER])).0, 1);
    let manifest = fs::read_to_string(WEATHER).unwrap();
    let pinned = manifest.replace(r#"accept = ["k1"]"#, r#"accept = [{ id = "k1", commitment = "0000000000000000" }]"#);
    assert_ne!(pinned, manifest);
    fs::write(dir.join("pinned.toml"), pinned).unwrap();
    let (code, message) = refused(dir, &issue(&["--key", "weather.key", "--manifest", "pinned.toml"]));
    assert_eq!((code, message.contains("pins another key")), (1, true), "{message}");
}

#[test]
fn without_a_manifest_everything_is_said() {
    let dir = keys();
    let dir = dir.path();
    let all = r#"{"domains":[],"max_risk":0.5,"uses":3}"#;
    let (code, message) = refused(dir, &issue(&["--key", "weather.key"]));
    assert_eq!((code, message.contains("--ttl-seconds is not given")), (2, true), "{message}");
    let (_, message) = refused(dir, &issue(&["--key", "issuer.key", "--ttl-seconds", "60", "--constraints", all]));
    assert!(message.contains("the gateway is not named"), "{message}");
    let json = ok(dir, &issue(&["--key", "weather.key", "--ttl-seconds", "60", "--constraints", all, "--format", "json"]));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["max_risk"], &json["uses"], &json["audience"]), (&0.5.into(), &3.into(), &"weather".into()));

    // The intent may come from a file, whose last line end does not matter.
    fs::write(dir.join("intent"), "Plan a picnic\r\n").unwrap();
    let fixed =
        ["issue", "--session-id", "s1", "--subject", "a", "--tools", "t", "--intent-file", "intent", "--key", "weather.key"];
    let lease = ok(dir, &[&fixed[..], &["--ttl-seconds", "60", "--constraints", all]].concat());
    let shown = ok(dir, &["lease", "show", lease.trim()]);
    assert!(shown.contains("sha256 e5dae131f949e1b5af36cd6a6538af5622eb401605c0721450942c78f112d891"), "{shown}");
    fs::write(dir.join("intent"), "Plan\u{202e} a picnic").unwrap();
    assert!(refused(dir, &[&fixed[..], &["--ttl-seconds", "60", "--constraints", all]].concat()).1.contains("U+202E"));
}
