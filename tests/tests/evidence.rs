//! What a gateway keeps of arguments and results, as its operator meets it: shown, compared with the ledger by two programs, erased.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use airlock_tests::built::{abuse, abuse_with, run};
use airlock_tests::message::{call, get};
use airlock_tests::place::Place;
use airlock_tests::proof::log_key;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A ledger with an allowed call and a refused one: the decision is entry 1, its outcome 2, the refusal 3.
fn ledger(keys: Option<&str>) -> (Place, String, PathBuf) {
    let place = Place::new("abuse");
    let lease = place.lease(&["http_get_json"]);
    let mut gateway = place.start(&keys.map_or_else(abuse, abuse_with));
    let allowed = gateway.ask(&get("a", "/evidence?password=x", &lease));
    assert_eq!(allowed["result"]["isError"], false, "{allowed}");
    let refused = gateway.ask(&call("b", "http_get_json", &json!({"url": "https://example.org/\u{202e}"}), &lease));
    assert_eq!(refused["result"]["isError"], true, "{refused}");
    gateway.finish();
    let (key, dir) = (log_key(&place), place.ledger());
    (place, key, dir)
}

/// `airlock evidence` of an entry: exit code, and state and text of what is kept.
fn shown(dir: &Path, seq: u64) -> (i32, Vec<(String, String)>) {
    let output = run(&["evidence", dir.to_str().unwrap(), "--seq", &seq.to_string(), "--format", "json"]);
    let told: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let kept = told.as_array().unwrap().iter().flat_map(|entry| entry["kept"].as_array().unwrap());
    let state = |text: &Value| text["state"].as_str().map_or_else(|| text["state"].to_string(), str::to_owned);
    let texts = kept.map(|text| (state(text), text["text"].as_str().unwrap().to_owned())).collect();
    (output.status.code().unwrap(), texts)
}

/// `docs/open.py`.
fn python(dir: &Path, key: &str, seq: u64) -> (i32, String) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/open.py");
    let words = [script, dir.to_str().unwrap(), "--key", key, "--seq", &seq.to_string()];
    let output = Command::new("python3").args(words).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stdout).into_owned())
}

fn verified(dir: &Path, key: &str) -> i32 {
    run(&["verify-log", dir.to_str().unwrap(), "--key", key]).status.code().unwrap()
}

#[test]
fn whole_arguments_and_results_open_until_they_are_erased() {
    let (_place, key, dir) = ledger(Some("evidence = \"full\"\n"));
    let (code, texts) = shown(&dir, 1);
    let states: Vec<&str> = texts.iter().map(|(state, _)| state.as_str()).collect();
    assert_eq!((code, states), (0, vec!["opened", "opened"]), "{texts:?}");
    assert!(texts[0].1.contains("/evidence?password=x") && texts[1].1.starts_with('{'), "{texts:?}");
    assert_eq!(shown(&dir, 3).1[0].0, "opened", "of a refusal too");
    for (seq, said) in [(1, "entry 1 was called with these arguments"), (2, "entry 2 had this result")] {
        let (code, told) = python(&dir, &key, seq);
        assert!(code == 0 && told.contains(said), "{told}");
    }
    let table = run(&["evidence", dir.to_str().unwrap(), "--seq", "3"]);
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains("\\u{202e}") && table.is_ascii(), "{table}");

    let file = dir.join("evidence/seg-00000000000000000000.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    let line = text.lines().find(|line| line.starts_with("{\"seq\":1,\"args\"")).unwrap();
    let changed = line.replacen("\"args\":\"ey", "\"args\":\"ez", 1);
    assert_ne!(changed, line);
    fs::write(&file, text.replace(line, &changed)).unwrap();
    assert_eq!((shown(&dir, 1).0, shown(&dir, 1).1[0].0.as_str()), (1, "does_not_open"));
    assert_eq!(python(&dir, &key, 1).0, 1);
    fs::write(&file, text).unwrap();

    let why = ["redact", dir.to_str().unwrap(), "--seq", "1", "--through", "2", "--why", "asked to be forgotten"];
    let erased = run(&why);
    let said = String::from_utf8(erased.stdout).unwrap();
    assert!(said.starts_with("1 salt and 2 kept texts of entries 1 to 2 erased"), "{said}");
    assert_eq!(shown(&dir, 1).1.iter().map(|(state, _)| state.as_str()).collect::<Vec<_>>(), ["erased", "erased"]);
    assert_eq!((verified(&dir, &key), python(&dir, &key, 3).0), (0, 0));
    assert_eq!(python(&dir, &key, 1).0, 2, "no answer");
}

#[test]
fn copies_say_that_they_are_copies() {
    let (_place, key, dir) = ledger(Some("evidence = \"redacted\"\nredact = [\"http_get_json.url\"]\n"));
    let (code, texts) = shown(&dir, 1);
    assert_eq!((code, texts[0].0.as_str(), texts[0].1.as_str()), (0, "redacted", "{\"url\":\"[removed]\"}"));
    assert_eq!(texts[1].0, "redacted");
    assert!(python(&dir, &key, 1).1.contains("args_redacted"));
    assert_eq!(verified(&dir, &key), 0);
}

#[test]
fn without_the_key_nothing_but_salts_is_kept() {
    let (_place, key, dir) = ledger(None);
    assert_eq!(shown(&dir, 1), (0, vec![("salt".into(), String::new()), ("gone".into(), String::new())]));
    assert_eq!((verified(&dir, &key), python(&dir, &key, 1).0), (0, 2));
    let text = fs::read_to_string(dir.join("evidence/seg-00000000000000000000.jsonl")).unwrap();
    assert!(text.lines().all(|line| line.len() < 110), "{text}");
    let none = run(&["evidence", dir.to_str().unwrap(), "--seq", "99"]);
    assert_eq!(none.status.code(), Some(2));
}
