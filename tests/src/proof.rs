//! What can be proven about a gateway afterwards: its ledger by `airlock verify-log`, and its replies against the ledger.

use crate::built::run;
use crate::place::Place;
use serde_json::Value;
use std::collections::HashSet;

/// The answer of `airlock verify-log`.
#[derive(Debug)]
pub struct Proof {
    /// Exit code; 0 is proven, 3 is less than that.
    pub code: i32,
    /// The report as JSON; null when there is none.
    pub report: Value,
}

impl Proof {
    /// Everything is proven.
    pub fn is_complete(&self) -> bool {
        self.code == 0
    }

    /// Nothing contradicts, and what is not proven is named: entries that no checkpoint covers yet, or a torn tail.
    pub fn names_its_end(&self) -> bool {
        let end = self.report["unsealed"].as_u64() > Some(0) || self.report["torn"].is_object();
        self.code == 3 && end && self.report["findings"].as_array().is_some_and(Vec::is_empty)
    }
}

/// The public key of a ledger, as an operator takes it down at the first start.
pub fn log_key(place: &Place) -> String {
    let output = run(&["verify-log", "--print-key", place.ledger().to_str().expect("UTF-8")]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

/// Verifies a ledger against a key taken down earlier, or against none.
pub fn verify(place: &Place, key: Option<&str>) -> Proof {
    let dir = place.ledger();
    let pinned = key.iter().flat_map(|key| ["--key", *key]);
    let words: Vec<&str> = ["verify-log", "--format", "json", dir.to_str().expect("UTF-8")].into_iter().chain(pinned).collect();
    let output = run(&words);
    let code = output.status.code().expect("verify-log ends by itself");
    Proof { code, report: serde_json::from_slice(&output.stdout).unwrap_or(Value::Null) }
}

/// What a reply to a call says of its decision, in whichever place: an object with `decision` and `ledger_seq`.
pub fn told(reply: &Value) -> Option<&Value> {
    let result = &reply["result"];
    let places = [&result["_meta"]["dev.airlock/decision"], &result["structuredContent"], &reply["error"]["data"]];
    places.into_iter().find(|said| said["ledger_seq"].is_u64())
}

/// Compares replies with the ledger: each names an entry of its own, which has its verdict, tool and reason. `tool` gives the tool
/// that the call with this id named.
pub fn assert_recorded(replies: &[Value], entries: &[Value], tool: impl Fn(&str) -> String) {
    let mut seen = HashSet::new();
    for reply in replies {
        let told = told(reply).unwrap_or_else(|| panic!("no ledger number: {reply}"));
        let seq = told["ledger_seq"].as_u64().expect("a number");
        let entry = entries.iter().find(|entry| entry["seq"] == seq).unwrap_or_else(|| panic!("entry {seq} is lost: {reply}"));
        assert_eq!((&entry["t"], &entry["d"]), (&"decision".into(), &told["decision"]), "{reply}\n{entry}");
        assert_eq!(entry["tool"], tool(reply["id"].as_str().expect("an id")), "{reply}\n{entry}");
        assert_eq!(&entry["why"], told.get("reason").unwrap_or(&"ok".into()), "{reply}\n{entry}");
        assert!(seen.insert(seq), "entry {seq} was named twice: {reply}");
    }
}

/// The entries are numbered from 0 without gap.
pub fn assert_contiguous(entries: &[Value]) {
    for (at, entry) in entries.iter().enumerate() {
        assert_eq!(entry["seq"], at, "{entry}");
    }
}
