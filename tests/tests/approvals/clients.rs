//! The official clients, each with a user who accepts, declines, or does not answer, and without one.

use super::{hasty, lease, patient, verdicts, verify};
use airlock_tests::clients::{APPROVERS, Client, MODERN, said};
use airlock_tests::place::Place;
use serde_json::{Value, json};
use std::path::Path;

/// Runs one client to its end and reads what it tells. Its clean end is that of the gateway too.
fn run(client: Client, program: &Path, place: &Place, answer: &str) -> Value {
    let mut command = client.session(program);
    command
        .env("AIRLOCK_KEY_FILE", place.key_file())
        .env("AIRLOCK_LEDGER_DIR", place.ledger())
        .env("AIRLOCK_LEASE", lease(place))
        .env("AIRLOCK_ANSWER", answer);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{} {answer}: {}\n{}", client.name, output.status, said(&output));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["version"], client.revision, "{} {answer}", client.name);
    assert_eq!(told["tools"].as_array().unwrap().len(), 3, "{} {answer}: the connection lives on", client.name);
    told
}

/// The reason of a refusal. Of an error -32021 some clients give on nothing but the missing capability.
fn reason(told: &Value) -> &str {
    let reply = &told["reply"];
    match reply["error"]["code"].as_i64() {
        Some(-32021) => "approval_unavailable",
        Some(_) | None => reply["result"]["structuredContent"]["reason"].as_str().unwrap_or("ok"),
    }
}

#[test]
fn a_user_who_accepts() {
    let program = patient();
    let mut shown: Option<Value> = None;
    for client in APPROVERS {
        let place = Place::new("approve");
        let told = run(client, &program, &place, "accept");
        let reply = &told["reply"]["result"];
        assert_eq!(reply["structuredContent"]["json"]["path"], "/approved", "{}: {told}", client.name);
        assert_eq!(told["asked"].as_array().unwrap().len(), 1, "{}: {told}", client.name);
        assert_eq!(shown.get_or_insert_with(|| told["asked"].clone()), &told["asked"], "{} shows the same", client.name);
        assert_eq!(verdicts(&place), ["asked", "accepted"], "{}", client.name);
        let allow = &place.entries_of("decision")[0];
        assert_eq!((&allow["d"], &allow["by"]), (&Value::from("allow"), &Value::from("approval")), "{}", client.name);
        assert!(!place.entries_of("approve")[0]["client"].as_str().unwrap().is_empty(), "{}", client.name);
        verify(&place);
    }
    insta::assert_snapshot!(shown.unwrap()[0].as_str().unwrap());
}

#[test]
fn a_user_who_declines() {
    let program = patient();
    for client in APPROVERS {
        let place = Place::new("approve");
        let told = run(client, &program, &place, "decline");
        assert_eq!(reason(&told), "approval_refused", "{}: {told}", client.name);
        assert_eq!(verdicts(&place), ["asked", "declined"], "{}", client.name);
        assert_eq!(place.entries_of("outcome").len(), 0, "{}: nothing was done", client.name);
        verify(&place);
    }
}

/// A client of revision 2026-07-28 asks its user itself, so how long it waits is its own affair; the gateway keeps nothing open.
#[test]
fn a_user_who_does_not_answer() {
    let program = hasty();
    for client in APPROVERS.into_iter().filter(|client| client.revision != MODERN) {
        let place = Place::new("approve");
        let told = run(client, &program, &place, "nothing");
        assert_eq!(reason(&told), "approval_timeout", "{}: {told}", client.name);
        assert_eq!(verdicts(&place), ["asked", "timeout"], "{}", client.name);
        verify(&place);
    }
}

#[test]
fn a_client_that_cannot_ask() {
    let program = patient();
    for client in APPROVERS {
        let place = Place::new("approve");
        let told = run(client, &program, &place, "none");
        assert_eq!(reason(&told), "approval_unavailable", "{}: {told}", client.name);
        let missing = &told["reply"]["error"]["data"]["requiredCapabilities"];
        let expected = if client.revision == MODERN { json!({"elicitation": {"form": {}}}) } else { Value::Null };
        assert_eq!(missing, &expected, "{}: {told}", client.name);
        assert_eq!(verdicts(&place), Vec::<String>::new(), "{}", client.name);
        verify(&place);
    }
}
