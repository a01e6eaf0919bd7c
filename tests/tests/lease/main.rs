//! Leases through real gateways: revocation, budgets, keys.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod attacks;
mod budget;
mod keys;
mod limits;
mod revoke;

use airlock_tests::built::run;
use airlock_tests::place::Place;
use airlock_tests::proof::told;
use serde_json::Value;

/// The reason of a refusal, `ok` for an allowed call.
fn reason(reply: &Value) -> &str {
    told(reply).and_then(|told| told["reason"].as_str()).unwrap_or("ok")
}

/// Stdout of the command line, which must succeed.
fn airlock(words: &[&str]) -> String {
    let output = run(words);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Revokes at a place's ledger, as the operator.
fn revoke(place: &Place, what: &[&str]) -> Value {
    let ledger = place.ledger();
    let words = ["revoke", "--ledger", ledger.to_str().unwrap(), "--format", "json", "--why", "test"];
    serde_json::from_str(&airlock(&[&words, what].concat())).unwrap()
}
