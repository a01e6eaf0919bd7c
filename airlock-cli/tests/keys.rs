//! Rotation of keys, narrowing and revocation through the real program.

#![allow(clippy::unwrap_used, reason = "a step that fails must fail the test")]

use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn airlock(dir: &Path, args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_airlock"))
        .args(args)
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its arguments does not read.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// Stdout of a command that must succeed.
fn ok(dir: &Path, args: &[&str], input: &str) -> String {
    let output = airlock(dir, args, input);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Exit code and stderr of a command that must fail and print nothing on stdout.
fn refused(dir: &Path, args: &[&str], input: &str) -> (i32, String) {
    let output = airlock(dir, args, input);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{args:?}");
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn keys() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    ok(dir.path(), &["key", "new", "--out", "issuer.key"], "");
    dir
}

const TERMS: &str = r#"{"domains":["api.example.com"],"max_risk":0.5,"uses":10}"#;

fn issue<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let fixed =
        ["issue", "--session-id", "s1", "--subject", "a", "--tools", "t,u", "--intent", "Plan a picnic", "--audience", "weather"];
    [&fixed[..], &["--key", "issuer.key", "--ttl-seconds", "600", "--constraints", TERMS], more].concat()
}

#[test]
fn a_rotation_overlaps() {
    let dir = keys();
    let dir = dir.path();
    let before = fs::read_to_string(dir.join("issuer.key")).unwrap();
    let told = json(&ok(
        dir,
        &["key", "rotate", "--issuer-key", "issuer.key", "--kid", "k2", "--lead-seconds", "600", "--format", "json"],
        "",
    ));
    let (switch, retired) = (told["sign_from"].as_u64().unwrap(), told["verify_until"].as_u64().unwrap());
    assert_eq!((retired - switch, &told["old"]), (86_400 + 30, &serde_json::json!(["k1"])));
    let secret = before.trim().split("key=").nth(1).unwrap();
    assert!(fs::read_to_string(dir.join("issuer.key")).unwrap().contains(secret), "the old key is still there");

    // Until the switch k1 signs, and the gateway's file has both with their dates.
    assert_eq!(json(&ok(dir, &issue(&["--format", "json"]), ""))["kid"], "k1");
    let (code, message) = refused(dir, &issue(&["--kid", "k2"]), "");
    assert_eq!((code, message.contains("does not sign at this time")), (2, true), "{message}");
    ok(dir, &["key", "derive", "--issuer-key", "issuer.key", "--audience", "weather", "--out", "weather.key"], "");
    let shown = json(&ok(dir, &["key", "show", "weather.key", "--format", "json"], ""));
    let of = |n: usize, name: &str| shown["keys"][n]["term"][name].clone();
    assert_eq!((of(0, "stage"), of(0, "sign_until"), of(0, "verify_until")), ("signs".into(), switch.into(), retired.into()));
    assert_eq!((of(1, "stage"), of(1, "sign_from"), of(1, "sign_until")), ("next".into(), switch.into(), Value::Null));
    let table = ok(dir, &["key", "show", "weather.key"], "");
    assert!(table.contains("signs until 20") && table.contains("accepted, signs from 20"), "{table}");

    // One rotation at a time, and no id twice.
    let again = |kid: &'static str| refused(dir, &["key", "rotate", "--issuer-key", "issuer.key", "--kid", kid], "");
    assert!(again("k3").1.contains("a rotation is under way"));
    assert!(again("k2").1.contains("already"));

    // The dates move on; k2 signs, what k1 signs is refused by its file.
    let text = fs::read_to_string(dir.join("issuer.key")).unwrap();
    let date = text.split("sign_from=").nth(2).unwrap().split(' ').next().unwrap().to_owned();
    fs::write(dir.join("issuer.key"), text.replace(&date, "2026-01-01T00:00:00Z")).unwrap();
    assert_eq!(json(&ok(dir, &issue(&["--format", "json"]), ""))["kid"], "k2");
    assert!(refused(dir, &issue(&["--kid", "k1"]), "").1.contains("does not sign at this time"));
}

#[test]
fn a_rotation_by_the_manifests_is_as_long_as_their_longest_lease() {
    let dir = keys();
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/weather/airlock.toml");
    let args = ["key", "rotate", "--issuer-key", "issuer.key", "--kid", "k2", "--manifest", manifest, "--format", "json"];
    let told = json(&ok(dir.path(), &args, ""));
    assert_eq!(told["verify_until"].as_u64().unwrap() - told["sign_from"].as_u64().unwrap(), 1800 + 30);
}

#[test]
fn a_lease_is_narrowed_by_whoever_holds_it() {
    let dir = keys();
    let dir = dir.path();
    let lease = ok(dir, &issue(&["--depth", "2"]), "");
    fs::write(dir.join("call.json"), r#"{"tool": "t", "arguments": {"n": 1.0}}"#).unwrap();
    let args = ["attenuate", "--to", "agent:worker", "--tools", "t", "--domains", "", "--max-risk", "0.29", "--uses", "3"];
    let narrowed = ok(dir, &[&args[..], &["--ttl-seconds", "60", "--call", "call.json", "--pop"]].concat(), &lease);
    let shown = json(&ok(dir, &["lease", "show", "--key", "issuer.key", "--format", "json"], &narrowed));
    let block = &shown["blocks"][1];
    assert_eq!((&block["to"], &block["dom"], &block["risk"]), (&"agent:worker".into(), &serde_json::json!([]), &290.into()));
    assert_eq!((&block["uses"], &block["pop"], &shown["signature"]), (&3.into(), &1.into(), &"right".into()));
    // {"args":{"n":1},"sid":"s1","srv":"weather","tool":"t"} after its label.
    assert_eq!(block["call"], "blD9Cj0AZG4D0AoWMXq_eafEsHauRFW0iIj-5QC6baQ");

    let twice = ok(dir, &["attenuate", "--uses", "1"], &narrowed);
    let (code, message) = refused(dir, &["attenuate", "--uses", "1"], &twice);
    assert_eq!((code, message.contains("no more caveats")), (1, true), "{message}");
    assert_eq!(refused(dir, &["attenuate"], &lease).0, 2);
    assert_eq!(refused(dir, &["attenuate", "--domains", "HTTP://x"], &lease).0, 2);
    assert_eq!(refused(dir, &["attenuate", "--call-digest", "00"], &lease).0, 2);
    assert_eq!(refused(dir, &["attenuate", "--uses", "1"], "alk1.k1.x.y").0, 1);
    assert_eq!(refused(dir, &["attenuate", "--call", "-"], &lease).0, 2);
}

#[test]
fn what_cannot_be_revoked_says_why() {
    let dir = keys();
    let dir = dir.path();
    let revoke = |more: &[&str], input: &str| refused(dir, &[&["revoke", "--ledger", "ledger"], more].concat(), input);
    assert!(
        revoke(&["--subject", "a"], "").1.contains("there is no ledger in")
            || revoke(&["--subject", "a"], "").1.contains("No such file")
    );
    assert!(!dir.join("ledger").exists(), "nothing is made");
    for (args, part) in [
        (&["--rid", "XYZ"][..], "is not 32 digits 0-9 a-f"),
        (&["--jti", "x"], "is not 22 characters of base64url"),
        (&["--kid", "K"], "is not 1 to 16 of a-z 0-9 -"),
        (&["--epoch", "0"], "neither `next` nor a number from 1 up"),
        (&["--session", ""], "is not 1 to 256 bytes"),
        (&[], "required"),
        (&["--rid", "x", "--session", "s"], "cannot be used with"),
    ] {
        let (code, message) = revoke(args, "");
        assert_eq!((code, message.contains(part)), (2, true), "{message}");
    }
    assert_eq!(revoke(&["--lease"], "not a lease").0, 1);
}
