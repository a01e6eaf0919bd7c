//! Calls that need their user's yes, through built gateways: official clients, processes that share a ledger, and abuse.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod abuse;
mod clients;
mod sharing;
mod signed;

use airlock_tests::built;
use airlock_tests::message::{CAPABILITIES_KEY, leased, request};
use airlock_tests::place::Place;
use airlock_tests::process::Gateway;
use airlock_tests::web::web;
use serde_json::{Value, json};
use std::path::PathBuf;

/// The gateway `approve`, whose users have two minutes for an answer.
fn patient() -> PathBuf {
    gateway("2m")
}

/// The same with the shortest time that a manifest may give.
fn hasty() -> PathBuf {
    gateway("5s")
}

fn gateway(timeout: &str) -> PathBuf {
    let manifest = include_str!("../../gateways/approve.toml");
    built::gateway(&manifest.replace("{port}", &web().port().to_string()).replace("{timeout}", timeout))
}

/// A lease of `agent:planner` for the tool that needs a yes and the one that needs none.
fn lease(place: &Place) -> String {
    place.lease(&["http_get_json", "airlock_usage_stats"])
}

/// Parameters of a modern call of a client that can be asked.
fn asking(path: &str, lease: &str) -> Value {
    let mut meta = leased(lease);
    meta[CAPABILITIES_KEY] = json!({"elicitation": {}});
    json!({"name": "http_get_json", "arguments": {"url": format!("https://api.open-meteo.com{path}")}, "_meta": meta})
}

/// The same parameters with a state and an answer.
fn answering(params: &Value, state: &str, action: &str) -> Value {
    let mut params = params.clone();
    params["requestState"] = json!(state);
    params["inputResponses"] = json!({"approve": {"action": action, "content": {"approve": true}}});
    params
}

fn call(id: impl Into<Value>, params: &Value) -> String {
    request(id, "tools/call", params)
}

/// The state of the question with which a call is answered.
fn state(gateway: &mut Gateway, id: &str, params: &Value) -> String {
    let reply = gateway.ask(&call(id, params));
    assert_eq!(reply["result"]["resultType"], "input_required", "{reply}");
    reply["result"]["requestState"].as_str().unwrap().to_owned()
}

/// `ok`, the reason of a refusal, or the code of an error and its reason.
fn told(reply: &Value) -> String {
    match reply["error"]["code"].as_i64() {
        Some(code) => format!("{code} {}", reply["error"]["data"]["reason"].as_str().unwrap_or_default()),
        None => airlock_tests::message::reason(reply),
    }
}

/// Verdicts of the questions in the ledger, in their order.
fn verdicts(place: &Place) -> Vec<String> {
    place.entries_of("approve").iter().map(|entry| entry["v"].as_str().unwrap().to_owned()).collect()
}

/// The ledger must verify, to its end, with the command that people use.
fn verify(place: &Place) {
    let key = place.entries_of("genesis")[0]["pk"].as_str().unwrap().to_owned();
    let output = built::run(&["verify-log", place.ledger().to_str().unwrap(), "--key", &key]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
