//! Whole sessions as text, replayed against real gateways: one for each revision, and one for each example.
//!
//! `transcripts/README.md` describes the form. `AIRLOCK_TRANSCRIPTS=write` writes replies that differ into the files.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod pattern;

#[path = "../../../airlock-cli/src/standin.rs"]
mod standin;

use airlock_tests::built;
use airlock_tests::place::Place;
use airlock_tests::process::Gateway;
use airlock_tests::web::web;
use pattern::{Names, compare, fill, generalise};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The weather service of the examples' gateways.
static WEATHER: LazyLock<standin::StandIn> = LazyLock::new(|| standin::StandIn::start(0, usize::MAX).unwrap());
/// What every request of revision 2026-07-28 says in `_meta`.
const ENVELOPE: &str =
    r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}"#;

/// Every revision, oldest first.
const REVISIONS: [&str; 5] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// One replay: the gateway and what the transcript has named so far.
struct Replay<'a> {
    gateway: Gateway,
    place: &'a Place,
    manifest: &'a Path,
    names: Names,
}

impl Replay<'_> {
    /// `@ word rest`.
    fn direct(&mut self, directive: &str) {
        let (word, rest) = directive.split_once(' ').unwrap_or((directive, ""));
        match word {
            "arrives" => web().wait_for(rest, 1),
            "let" => {
                let (name, value) = rest.split_once(' ').expect("@ let name text");
                self.names.insert(name.to_owned(), value.to_owned());
            }
            "issue" => {
                let (name, arguments) = rest.split_once(' ').expect("@ issue name [\"--option\", …]");
                let more: Vec<String> = serde_json::from_str(arguments).expect("a list of arguments");
                let (key, manifest) = (self.place.key_file(), self.manifest);
                let mut command = built::airlock(&["issue", "--key", key.to_str().unwrap(), "--manifest"]);
                let output = command.arg(manifest).args(&more).output().unwrap();
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                self.names.insert(name.to_owned(), String::from_utf8(output.stdout).unwrap().trim_end().to_owned());
            }
            _ => panic!("{word:?} is no directive"),
        }
    }

    /// `< expected`: the next reply. Gives the line as it should stand, which differs from the one given only if they differ.
    fn expect(&mut self, expected: &str) -> Result<(), (String, String)> {
        let found = self.gateway.next_reply();
        let fault = match serde_json::from_str(expected) {
            Ok(expected) => compare("reply", &expected, &found, &mut self.names).err(),
            Err(fault) => Some(format!("the expectation is not JSON: {fault}")),
        };
        let Some(fault) = fault else { return Ok(()) };
        let general = generalise(&found);
        let _ = compare("reply", &general, &found, &mut self.names);
        Err((fault, general.to_string()))
    }
}

/// The ledger's account of a session: what was decided and how it ended, a line each.
fn account(place: &Place) -> Vec<String> {
    let word = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    let line = |entry: &Value| match entry["t"].as_str() {
        Some("decision") if entry["d"] == "allow" => Some(format!("allow {}", word(entry, "tool"))),
        Some("decision") => Some(format!("{} {} {}", word(entry, "d"), word(entry, "tool"), word(entry, "why"))),
        Some("outcome") => Some(format!("outcome {}", word(entry, "status"))),
        Some("issue") => Some(format!("issue {}", word(entry, "sub"))),
        Some("approve") => Some(format!("{} {}", word(entry, "v"), word(entry, "tool"))),
        _ => None,
    };
    place.entries().iter().filter_map(line).collect()
}

/// Replays a transcript. Afterwards nothing may be left to read, the gateway must end well, and its ledger must verify.
fn replay(file: &Path, program: &Path, audience: &str, manifest: &Path) {
    let text = std::fs::read_to_string(file).unwrap();
    let place = Place::new(audience);
    let names = Names::from([("envelope".to_owned(), ENVELOPE.to_owned())]);
    let mut replay = Replay { gateway: place.start(program), place: &place, manifest, names };
    let (mut written, mut faults, mut told) = (String::new(), String::new(), Vec::new());
    for (n, line) in text.lines().enumerate() {
        let mut kept = line.to_owned();
        match line.split_once(' ').unwrap_or((line, "")) {
            (">", sent) => replay.gateway.send(&fill(sent, &replay.names)),
            ("<", expected) => {
                if let Err((fault, actual)) = replay.expect(expected) {
                    let _ = writeln!(faults, "line {}: {fault}\n  < {actual}", n + 1);
                    kept = format!("< {actual}");
                }
            }
            ("@", directive) => replay.direct(directive),
            ("=", entry) => {
                told.push(entry.to_owned());
                continue;
            }
            ("", _) => {}
            (first, _) => assert!(first.starts_with('#'), "line {}: {line}", n + 1),
        }
        written = written + &kept + "\n";
    }
    replay.gateway.close();
    let rest = replay.gateway.rest();
    assert!(rest.is_empty(), "{} does not expect {rest:?}", file.display());
    let (status, stderr) = replay.gateway.end();
    assert_eq!(status.code(), Some(0), "{stderr}");
    let recorded = account(&place);
    if told != recorded {
        let _ = writeln!(faults, "the ledger has\n  = {}", recorded.join("\n  = "));
    }
    if std::env::var_os("AIRLOCK_TRANSCRIPTS").is_some_and(|value| value == "write") {
        let recorded: String = recorded.iter().map(|line| format!("= {line}\n")).collect();
        std::fs::write(file, written + &recorded).unwrap();
    } else {
        assert!(faults.is_empty(), "{}\n{faults}", file.display());
    }
    let key = place.entries_of("genesis")[0]["pk"].as_str().unwrap().to_owned();
    let output = built::run(&["verify-log", place.ledger().to_str().unwrap(), "--key", &key]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn era(revision: &str) {
    let tests = root().join("tests");
    replay(&tests.join(format!("transcripts/{revision}.txt")), &built::abuse(), "abuse", &tests.join("gateways/abuse.toml"));
}

#[test]
fn revision_2026_07_28() {
    era("2026-07-28");
}

#[test]
fn revision_2025_11_25() {
    era("2025-11-25");
}

#[test]
fn revision_2025_06_18() {
    era("2025-06-18");
}

#[test]
fn revision_2025_03_26() {
    era("2025-03-26");
}

#[test]
fn revision_2024_11_05() {
    era("2024-11-05");
}

/// The questions of each revision, against the gateway whose calls need a yes.
#[test]
fn questions_to_the_user() {
    let manifest = include_str!("../../gateways/approve.toml").replace("{port}", &web().port().to_string());
    let manifest = manifest.replace("{timeout}", "2m");
    let program = built::gateway(&manifest);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("airlock.toml");
    std::fs::write(&path, manifest).unwrap();
    for revision in REVISIONS {
        replay(&root().join(format!("tests/transcripts/approvals/{revision}.txt")), &program, "approve", &path);
    }
}

#[test]
fn every_transcript_is_replayed() {
    let files = std::fs::read_dir(root().join("tests/transcripts")).unwrap();
    let mut found: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    found.sort();
    let expected = REVISIONS.map(|revision| format!("{revision}.txt"));
    let mut all: Vec<String> = expected.iter().cloned().chain(["README.md".to_owned(), "approvals".to_owned()]).collect();
    all.sort();
    assert_eq!(found, all);
    let questions = std::fs::read_dir(root().join("tests/transcripts/approvals")).unwrap();
    let mut found: Vec<String> = questions.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    found.sort();
    assert_eq!(found, expected);
}

/// The manifest of an example, with the stand-in of the weather service behind each of its hosts.
fn with_stand_ins(manifest: &str) -> String {
    let stand_in = format!("[[egress]]\nstand_in = \"127.0.0.1:{}\"", WEATHER.port());
    manifest.replace("[[egress]]", &stand_in)
}

/// What a gateway says of its policy, without what the stand-ins change.
fn policy(program: &Path) -> Value {
    let output = std::process::Command::new(program).arg("--policy").output().unwrap();
    let mut policy: Value = serde_json::from_slice(&output.stdout).unwrap();
    policy["policy_digest"] = Value::Null;
    for tool in policy["tools"].as_array_mut().unwrap() {
        for host in tool["egress"].as_array_mut().unwrap() {
            host["stand_in"] = Value::Null;
        }
    }
    policy
}

/// Every example with a session is built as it is, and its session is replayed against the same policy with stand-ins. One without has
/// cases for every clause of its policy.
#[test]
fn every_example_does_what_its_session_says() {
    let mut sessions = 0;
    for example in std::fs::read_dir(root().join("examples")).unwrap() {
        let example = example.unwrap().path();
        let (manifest, session) = (example.join("airlock.toml"), example.join("session.txt"));
        if !manifest.exists() {
            continue;
        }
        if !session.exists() {
            let tested = built::run(&["test", manifest.to_str().unwrap(), "--min-coverage", "100"]);
            assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stdout));
            continue;
        }
        let text = std::fs::read_to_string(&manifest).unwrap();
        let program = built::gateway(&with_stand_ins(&text));
        let told = policy(&program);
        assert_eq!(told, policy(&built::gateway(&text)), "{}", manifest.display());
        replay(&session, &program, told["gateway"].as_str().unwrap(), &manifest);
        sessions += 1;
    }
    assert!(sessions > 0, "there are no examples");
}

/// The calls of `agent.py`, which uses the gateway of the weather example.
#[test]
fn the_agent_of_the_examples() {
    let manifest = root().join("examples/weather/airlock.toml");
    let program = built::gateway(&with_stand_ins(&std::fs::read_to_string(&manifest).unwrap()));
    replay(&root().join("examples/agent_integration/session.txt"), &program, "weather", &manifest);
}
