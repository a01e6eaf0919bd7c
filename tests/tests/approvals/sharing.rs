//! Answers over restarts, `kill -9`, and several processes with one ledger.

use super::{answering, asking, call, lease, patient, state, told, verdicts, verify};
use airlock_tests::place::Place;
use airlock_tests::web::web;
use serde_json::json;

#[test]
fn a_killed_gateway_forgets_neither_the_question_nor_the_answer() {
    let (place, program) = (Place::new("approve"), patient());
    let params = asking("/after-a-kill", &lease(&place));
    let mut first = place.start(&program);
    let question = state(&mut first, "q", &params);
    first.kill();
    let mut second = place.start(&program);
    assert_eq!(told(&second.ask(&call("a", &answering(&params, &question, "accept")))), "ok");
    second.kill();
    let mut third = place.start(&program);
    assert_eq!(told(&third.ask(&call("r", &answering(&params, &question, "accept")))), "-32602 approval_invalid");
    third.finish();
    assert_eq!(verdicts(&place), ["asked", "accepted"]);
    assert_eq!(web().come("/after-a-kill"), 1);
    verify(&place);
}

#[test]
fn of_many_processes_with_one_answer_one_makes_the_call() {
    let (place, program) = (Place::new("approve"), patient());
    let params = asking("/one-of-many", &lease(&place));
    let mut gateways: Vec<_> = (0..4).map(|_| place.start(&program)).collect();
    for round in 1..=5 {
        let question = state(&mut gateways[0], "q", &params);
        let answer = call("a", &answering(&params, &question, "accept"));
        gateways.iter().for_each(|gateway| gateway.send(&answer));
        let mut replies: Vec<String> = gateways.iter_mut().map(|gateway| told(&gateway.reply("a"))).collect();
        replies.sort();
        assert_eq!(replies, ["-32602 approval_invalid", "-32602 approval_invalid", "-32602 approval_invalid", "ok"]);
        assert_eq!(web().come("/one-of-many"), round);
    }
    gateways.into_iter().for_each(|gateway| drop(gateway.finish()));
    assert_eq!(place.entries_of("decision").iter().filter(|entry| entry["by"] == "approval").count(), 5);
    verify(&place);
}

/// The same key, program and policy, and a ledger of its own: it was not asked there.
#[test]
fn an_answer_counts_in_the_ledger_that_has_the_question() {
    let (place, elsewhere, program) = (Place::new("approve"), Place::new("approve"), patient());
    let params = asking("/elsewhere", &lease(&place));
    let (mut here, mut there) = (place.start(&program), elsewhere.start(&program));
    let question = state(&mut here, "q", &params);
    assert_eq!(told(&there.ask(&call("a", &answering(&params, &question, "accept")))), "-32602 approval_invalid");
    assert_eq!(elsewhere.entries_of("decision")[0]["detail"], "state_mac");
    assert_eq!(web().come("/elsewhere"), 0);
    assert_eq!(told(&here.ask(&call("a", &answering(&params, &question, "accept")))), "ok");
    here.finish();
    there.finish();
}

/// One call may be in flight, and a user who reads does not count as one.
#[test]
fn a_user_who_is_asked_holds_up_nobody() {
    let (place, program) = (Place::new("approve"), patient());
    let lease = lease(&place);
    let mut gateway = place.start(&program);
    let capable = json!({"protocolVersion": "2025-11-25", "capabilities": {"elicitation": {}}, "clientInfo": {"name": "c", "version": "1"}});
    gateway.ask(&airlock_tests::message::request(0, "initialize", &capable));
    let questions: Vec<_> = (1..=8)
        .map(|id| {
            gateway.send(&call(id, &asking_legacy(&format!("/waits/{id}"), &lease)));
            gateway.next_reply()
        })
        .collect();
    for id in 100..110 {
        let free = json!({"name": "airlock_usage_stats", "arguments": {}, "_meta": carried(&lease)});
        assert_eq!(told(&gateway.ask(&call(id, &free))), "ok");
    }
    for (n, question) in questions.iter().enumerate().rev() {
        assert_eq!(question["method"], "elicitation/create");
        let yes = json!({"jsonrpc": "2.0", "id": question["id"], "result": {"action": "accept", "content": {"approve": true}}});
        gateway.send(&yes.to_string());
        let reply = gateway.reply(n + 1);
        assert_eq!(
            (told(&reply).as_str(), &reply["result"]["structuredContent"]["json"]["path"]),
            ("ok", &json!(format!("/waits/{}", n + 1)))
        );
    }
    gateway.finish();
    verify(&place);
}

fn carried(lease: &str) -> serde_json::Value {
    let mut meta = airlock_tests::message::leased(lease);
    meta.as_object_mut().unwrap().retain(|key, _| key.starts_with("dev.airlock/"));
    meta
}

fn asking_legacy(path: &str, lease: &str) -> serde_json::Value {
    json!({"name": "http_get_json", "arguments": {"url": format!("https://api.open-meteo.com{path}")}, "_meta": carried(lease)})
}
