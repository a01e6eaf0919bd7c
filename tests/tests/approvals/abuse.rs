//! Forged, altered, moved and repeated answers, and floods of them.

use super::{answering, asking, call, lease, patient, state, told, verdicts, verify};
use airlock_tests::built;
use airlock_tests::message::{discover, request};
use airlock_tests::place::Place;
use airlock_tests::web::web;
use serde_json::{Value, json};

#[test]
fn altered_and_moved_states_approve_nothing() {
    let (place, program) = (Place::new("approve"), patient());
    let lease = lease(&place);
    let params = asking("/guarded", &lease);
    let mut gateway = place.start(&program);
    let good = state(&mut gateway, "q", &params);
    let body = good.strip_prefix("alq1.k1.").unwrap();
    let mut bad: Vec<String> = (0..good.len()).map(|at| good[..at].to_owned()).collect();
    for at in 0..body.len() {
        let other = if body.as_bytes()[at] == b'A' { "B" } else { "A" };
        bad.push(format!("alq1.k1.{}{other}{}", &body[..at], &body[at + 1..]));
    }
    bad.extend([
        "alq1.k2.".to_owned() + body,
        "alk1.k1.".to_owned() + body,
        good.to_uppercase(),
        lease.clone(),
        good.clone() + "=",
        good.repeat(2000),
    ]);
    // Another state of the same session, and its parts exchanged with this one's.
    let other = state(&mut gateway, "o", &asking("/other", &lease));
    bad.push(other.clone());
    bad.push(format!("{}{}", &good[..good.len() - 40], &other[other.len() - 40..]));
    for (n, forged) in bad.iter().enumerate() {
        let reply = gateway.ask(&call(n, &answering(&params, forged, "accept")));
        assert_eq!(told(&reply), "-32602 approval_invalid", "{forged}");
    }
    let mut moved = answering(&params, &good, "accept");
    moved["arguments"]["url"] = json!("https://api.open-meteo.com/guarded?x=1");
    assert_eq!(told(&gateway.ask(&call("m", &moved))), "-32602 approval_invalid");
    let narrowed = place.lease(&["http_get_json", "airlock_usage_stats"]);
    assert_eq!(
        told(&gateway.ask(&call("l", &answering(&asking("/guarded", &narrowed), &good, "accept")))),
        "-32602 approval_invalid"
    );
    assert_eq!(web().come("/guarded"), 0, "nothing was done");
    assert_eq!(told(&gateway.ask(&call("y", &answering(&params, &good, "accept")))), "ok", "and nothing was used up");
    gateway.finish();
    assert_eq!(verdicts(&place), ["asked", "asked", "accepted"]);
    verify(&place);
}

/// A gateway of the same name with another key, started in the same ledger, knows no state of this one.
#[test]
fn a_state_of_another_key_is_refused() {
    let (place, stranger, program) = (Place::new("approve"), Place::new("approve"), patient());
    let other_key = airlock_runtime::lease::AudienceKey::new("k1", "approve", [0x5a; 32]).unwrap();
    std::fs::remove_file(stranger.key_file()).unwrap();
    airlock_runtime::lease::keyfile::write_audience(&stranger.key_file(), &[&other_key]).unwrap();
    let claims = place.claims(&["http_get_json", "airlock_usage_stats"]);
    let theirs = airlock_runtime::lease::mint(&other_key, &claims, airlock_runtime::lease::fresh_jti().unwrap()).unwrap();
    let mut command = stranger.command(&program);
    command.env("AIRLOCK_LEDGER_DIR", place.ledger());
    let (mut gateway, mut other) = (place.start(&program), airlock_tests::process::Gateway::start(command));
    let params = asking("/another-key", &lease(&place));
    let forged = state(&mut other, "q", &asking("/another-key", &theirs));
    assert_eq!(told(&gateway.ask(&call("a", &answering(&params, &forged, "accept")))), "-32602 approval_invalid");
    assert_eq!(web().come("/another-key"), 0);
    gateway.finish();
    other.finish();
}

/// Tens of thousands of answers to questions that nobody asked, and to one that somebody did.
#[test]
fn a_storm_of_responses_changes_nothing() {
    let (place, program) = (Place::new("approve"), patient());
    let lease = lease(&place);
    let mut gateway = place.start(&program);
    let capable = json!({"protocolVersion": "2025-06-18", "capabilities": {"elicitation": {}}, "clientInfo": {"name": "c", "version": "1"}});
    gateway.ask(&request(0, "initialize", &capable));
    let mut meta = airlock_tests::message::leased(&lease);
    meta.as_object_mut().unwrap().retain(|key, _| key.starts_with("dev.airlock/"));
    let url = "https://api.open-meteo.com/storm";
    gateway.send(&call(1, &json!({"name": "http_get_json", "arguments": {"url": url}, "_meta": meta})));
    let question = gateway.next_reply();
    assert_eq!(question["id"], "approve-1", "{question}");
    let yes = |id: &Value| {
        json!({"jsonrpc": "2.0", "id": id, "result": {"action": "accept", "content": {"approve": true}}}).to_string()
    };
    let mut storm = String::new();
    for n in 2..30_000 {
        storm += &format!("{}\n{}\n", yes(&json!(n)), yes(&json!(format!("approve-{n}"))));
    }
    gateway.send_bytes(storm.into_bytes());
    assert_eq!(gateway.ask(&request(2, "ping", &json!({})))["result"], json!({}));
    assert_eq!(web().come("/storm"), 0, "no stray answer approved the call");
    assert!(gateway.peak_memory() < 64 << 20, "{}", gateway.peak_memory());
    gateway.send(&yes(&question["id"]));
    assert_eq!(told(&gateway.reply(1)), "ok");
    gateway.finish();
    assert_eq!(verdicts(&place), ["asked", "accepted"]);
}

/// A client that asks for calls and never answers: the gateway's memory and the user's patience are bounded.
#[test]
fn questions_that_nobody_answers_are_bounded() {
    let (place, program) = (Place::new("approve"), patient());
    let lease = lease(&place);
    let mut gateway = place.start(&program);
    let long = format!("/unanswered?{}", "x".repeat(500));
    let mut refused = 0;
    for n in 0..400 {
        let reply = gateway.ask(&call(n, &asking(&long, &lease)));
        if reply["result"]["resultType"] != "input_required" {
            assert_eq!(told(&reply), "too_many_questions");
            refused += 1;
        }
    }
    assert_eq!(refused, 400 - 16);
    assert!(gateway.peak_memory() < 64 << 20, "{}", gateway.peak_memory());
    gateway.send(&discover("d"));
    assert!(gateway.reply("d")["result"].is_object());
    gateway.finish();
    verify(&place);
}

/// A grant that says `human`: who asks for a lease gets it from the user, once.
#[test]
fn a_lease_that_a_user_gives() {
    let (place, program) = (Place::new("approve"), patient());
    let mut gateway = place.start(&program);
    let mut params = asking("", "");
    params["name"] = json!("airlock_issue_capability");
    params["arguments"] =
        json!({"session_id": "s-1", "subject": "agent:planner", "tools": ["http_get_json"], "intent": "look at the weather"});
    for key in ["lease", "session", "intent"] {
        params["_meta"].as_object_mut().unwrap().remove(&format!("dev.airlock/{key}"));
    }
    let first = gateway.ask(&call("q", &params));
    let message = first["result"]["inputRequests"]["approve"]["params"]["message"].as_str().unwrap();
    assert!(message.contains("airlock_issue_capability") && message.contains("\"agent:planner\""), "{message}");
    let question = first["result"]["requestState"].as_str().unwrap().to_owned();
    let mut wider = answering(&params, &question, "accept");
    wider["arguments"]["tools"] = json!(["http_get_json", "airlock_usage_stats"]);
    assert_eq!(told(&gateway.ask(&call("w", &wider))), "-32602 approval_invalid");
    let issued = gateway.ask(&call("a", &answering(&params, &question, "accept")));
    let lease = issued["result"]["structuredContent"]["lease"].as_str().unwrap().to_owned();
    assert_eq!(told(&gateway.ask(&call("r", &answering(&params, &question, "accept")))), "-32602 approval_invalid");
    let asked = asking("/given", &lease);
    let question = state(&mut gateway, "c", &asked);
    assert_eq!(told(&gateway.ask(&call("d", &answering(&asked, &question, "decline")))), "approval_refused");
    gateway.finish();
    assert_eq!(verdicts(&place), ["asked", "accepted", "asked", "declined"]);
    let issue = &place.entries_of("issue")[0];
    assert_eq!((&issue["by"], &issue["sub"]), (&json!("human"), &json!("agent:planner")));
    verify(&place);
    let tail = built::run(&["tail", place.ledger().to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&tail.stdout).contains("approve   accepted airlock_issue_capability"), "{tail:?}");
}
