//! `--format json`: which commands have it, and that what they print is what `docs/json.md` says.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a step that fails must fail the test")]

mod told;

use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use told::{DOCS, faults};

const LEDGER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/ledger");

fn airlock(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_airlock"));
    command.args(arguments).current_dir(dir).stdin(Stdio::null()).env("HOME", dir).env_remove("XDG_CONFIG_HOME");
    command.output().expect("runs")
}

/// Runs a command, which must end with this code, and gives what it printed.
fn told(dir: &Path, code: i32, verb: &str, arguments: &[&str]) -> Value {
    let words: Vec<&str> = verb.split(' ').chain(arguments.iter().copied()).chain(["--format", "json"]).collect();
    let output = airlock(dir, &words);
    let (stdout, stderr) =
        (String::from_utf8(output.stdout).expect("UTF-8"), String::from_utf8_lossy(&output.stderr).into_owned());
    assert_eq!(output.status.code(), Some(code), "{words:?}: {stdout}{stderr}");
    let value: Value = serde_json::from_str(&stdout).unwrap_or_else(|fault| panic!("{words:?}: {fault}: {stdout}"));
    assert_eq!(faults(verb, &value), Vec::<String>::new(), "{value:#}");
    value
}

#[test]
fn commands_of_policies_and_keys_print_what_the_docs_say() {
    let home = tempfile::tempdir().expect("directory");
    let dir = home.path();
    let made = told(dir, 0, "new", &["weather"]);
    assert_eq!(made["gateway"], "weather");
    assert!(made["files"].as_array().unwrap().iter().all(|file| dir.join(file.as_str().unwrap()).is_file()));
    let key = told(dir, 0, "key new", &["--out", "issuer.key"]);
    assert!(!key.to_string().contains("key="), "{key}");
    told(dir, 0, "key derive", &["--issuer-key", "issuer.key", "--audience", "weather", "--out", "weather.key"]);
    told(dir, 0, "key derive", &["--issuer-key", "issuer.key", "--audience", "weather"]);
    told(dir, 0, "key show", &["weather.key"]);
    let manifest = "weather/airlock.toml";
    let issue = ["--key", "weather.key", "--manifest", manifest, "--session-id", "s", "--subject", "agent:planner"];
    told(dir, 0, "issue", &[&issue[..], &["--tools", "weather_hourly", "--intent", "i"]].concat());
    let units = told(dir, 0, "unit", &[manifest]);
    assert!(units["units"][0]["text"].as_str().unwrap().contains("[Socket]") && units["units"][0]["file"].is_null());
    fs::create_dir(dir.join("units")).unwrap();
    let units = told(dir, 0, "unit", &[manifest, "--out", "units"]);
    let written = dir.join(units["units"][1]["file"].as_str().unwrap());
    assert_eq!(fs::read_to_string(written).unwrap(), units["units"][1]["text"].as_str().unwrap());
    fs::write(dir.join("old.json"), r#"{"secret_key": "hunter2", "tools": {"weather_hourly": {}}}"#).unwrap();
    let import = told(dir, 0, "import", &["old.json", "--out-manifest", "new.toml", "--out-key", "new.key"]);
    assert!(!import["report"].as_array().unwrap().is_empty() && !import.to_string().contains("hunter2"), "{import}");
    told(dir, 0, "sources", &["sources"]);
    let doctor = airlock(dir, &["doctor", "--format", "json"]);
    let doctor: Value = serde_json::from_slice(&doctor.stdout).unwrap();
    assert_eq!(faults("doctor", &doctor), Vec::<String>::new());
}

#[test]
fn commands_of_ledgers_print_what_the_docs_say() {
    let home = tempfile::tempdir().expect("directory");
    let dir = home.path();
    told(dir, 0, "report", &[LEDGER, "--out", "report.html"]);
    let report = told(dir, 0, "report", &[LEDGER, "--out", "report.html", "--lookback-hours", "1"]);
    assert!(report["since"].as_str().unwrap().ends_with('Z') && dir.join("report.html").is_file());
    let key = airlock(dir, &["verify-log", "--print-key", LEDGER]);
    let key = String::from_utf8(key.stdout).unwrap();
    let (key, _) = key.trim().split_once(',').unwrap_or((key.trim(), ""));
    let inclusion = told(dir, 0, "proof inclusion", &[LEDGER, "--seq", "1"]);
    let plain = airlock(dir, &["proof", "inclusion", LEDGER, "--seq", "1"]).stdout;
    assert_eq!(inclusion["proof"].as_str().unwrap().trim_end(), String::from_utf8(plain).unwrap().trim_end());
    fs::write(dir.join("p"), inclusion["proof"].as_str().unwrap()).unwrap();
    let lines = fs::read_to_string(Path::new(LEDGER).join("seg-00000000000000000000.jsonl")).unwrap();
    for (entry, code) in [(1, 0), (2, 1)] {
        fs::write(dir.join("entry"), lines.lines().nth(entry).unwrap()).unwrap();
        let verdict = told(dir, code, "proof verify", &["p", "--key", key, "--entry", "entry"]);
        assert_eq!((&verdict["proven"], &verdict["kind"]), (&Value::from(code == 0), &Value::from("inclusion")));
        assert_eq!(verdict["problem"].is_null(), code == 0, "{verdict}");
    }
    let growth = told(dir, 0, "proof consistency", &[LEDGER]);
    assert_eq!(growth["since"], 0);
    fs::write(dir.join("q"), "no proof").unwrap();
    assert_eq!(told(dir, 1, "proof verify", &["q", "--key", key])["kind"], "unknown");
}

/// A witness that signs what it is shown: its key, and its answer to a checkpoint.
fn cosigned(checkpoint: &str) -> (String, String) {
    let key = SigningKey::from_bytes(&[7; 32]);
    let public = [&[4], key.verifying_key().as_bytes().as_slice()].concat();
    let id: [u8; 4] = Sha256::digest([b"w.example\n", public.as_slice()].concat())[..4].try_into().unwrap();
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let time = 1_795_000_000_u64;
    let (body, _) = checkpoint.split_once("\n\n").unwrap();
    let signature = key.sign(format!("cosignature/v1\ntime {time}\n{body}\n").as_bytes()).to_bytes();
    let line = [id.as_slice(), &time.to_be_bytes(), &signature].concat();
    (
        format!("w.example+{hex}+{}", Base64::encode_string(&public)),
        format!("\u{2014} w.example {}\n", Base64::encode_string(&line)),
    )
}

#[test]
fn a_witness_that_was_added_is_told() {
    let home = tempfile::tempdir().expect("directory");
    let dir = home.path();
    fs::create_dir(dir.join("ledger")).unwrap();
    for name in ["checkpoint", "seg-00000000000000000000.jsonl"] {
        fs::copy(Path::new(LEDGER).join(name), dir.join("ledger").join(name)).unwrap();
    }
    let posted = airlock(dir, &["proof", "consistency", "ledger"]).stdout;
    let posted = String::from_utf8(posted).unwrap();
    let (key, answer) = cosigned(posted.split_once("\n\n").unwrap().1);
    fs::write(dir.join("posted"), &posted).unwrap();
    fs::write(dir.join("answer"), answer).unwrap();
    let told = told(dir, 0, "witness add", &["ledger", "--witness", &key, "--posted", "posted", "--answer", "answer"]);
    assert_eq!((&told["witness"], told["entries"].as_u64().unwrap() > 0), (&Value::from("w.example"), true));
    assert!(dir.join(told["file"].as_str().unwrap()).is_file());
}

#[test]
fn an_output_beside_the_tables_is_found() {
    let good = serde_json::json!({"kind": "issuer", "kid": "k1", "file": "f", "mode": "0600"});
    assert_eq!(faults("key new", &good), Vec::<String>::new());
    for (name, value) in [("mode", Value::from(600)), ("more", Value::from("x"))] {
        let mut bad = good.clone();
        bad[name] = value;
        assert_eq!(faults("key new", &bad).len(), 1, "{bad}");
    }
    assert_eq!(faults("key new", &serde_json::json!({})).len(), 4);
}

/// Every command stands in the docs once: with a table, in the list of those told elsewhere, or among those without.
#[test]
fn every_command_has_json_or_the_docs_say_why_not() {
    let (mut left, mut wrong) = (vec![String::new()], Vec::new());
    let without: BTreeSet<&str> = ["serve", "run", "completions", "man"].into();
    let none = DOCS.split_once("## Without JSON").expect("a chapter").1;
    let mut seen = 0;
    while let Some(verb) = left.pop() {
        let words: Vec<&str> = verb.split_whitespace().chain(["--help"]).collect();
        let help = String::from_utf8(airlock(Path::new("/"), &words).stdout).unwrap();
        let below: Vec<String> = match help.split_once("To begin:\n") {
            Some((_, overview)) => {
                let groups =
                    overview.split("\nOptions:").next().unwrap_or_default().lines().filter_map(|line| line.strip_prefix("  "));
                groups.flat_map(|line| line.split(", ")).map(str::to_owned).collect()
            }
            None => {
                let list = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
                let names = list
                    .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
                    .filter_map(|line| line.split_whitespace().next());
                names.filter(|name| *name != "help").map(|name| format!("{verb} {name}").trim().to_owned()).collect()
            }
        };
        let is_leaf = below.is_empty();
        left.extend(below);
        // `approver` and the like only have commands below them.
        if !is_leaf {
            continue;
        }
        seen += 1;
        let has_json = help.contains("--format <") && help.contains("json");
        let is_told = DOCS.contains(&format!("`airlock {verb}`"));
        match (without.contains(verb.as_str()), has_json, is_told) {
            (true, false, true) if none.contains(&format!("`airlock {verb}`")) => {}
            (false, true, true) => {}
            _ => wrong.push(verb),
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(seen > 50, "only {seen} commands were found");
}
