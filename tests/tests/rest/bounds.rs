//! Quotas, flows and questions: exact over processes, `kill -9` and restarts.

use crate::scene::{ask, end, leased, start};
use airlock_tests::built::WIDE;
use airlock_tests::message::call_with;
use airlock_tests::place::Place;
use airlock_tests::process::Gateway;
use airlock_tests::proof::{assert_contiguous, log_key, verify};
use serde_json::{Value, json};

fn post(gateway: &mut Gateway, place: &Place, session: &str) -> String {
    end(&ask(gateway, place, session, "post", json!({"project": "flow", "title": "t"}))).to_owned()
}

fn find(gateway: &mut Gateway, place: &Place, session: &str) -> String {
    end(&ask(gateway, place, session, "find", json!({"text": "x"}))).to_owned()
}

#[test]
fn a_flow_holds_over_processes_kills_and_restarts() {
    let place = Place::new("rest");
    let (mut one, mut other) = (start(&place), start(&place));
    assert_eq!(find(&mut one, &place, "a"), "ok");
    assert_eq!(post(&mut other, &place, "a"), "flow_denied", "the other process knows");
    assert_eq!(post(&mut other, &place, "b"), "ok", "another session");
    assert_eq!(find(&mut one, &place, "b"), "flow_denied");
    one.kill();
    one.end();
    other.kill();
    other.end();
    let mut again = start(&place);
    assert_eq!(post(&mut again, &place, "a"), "flow_denied", "after kill -9");
    assert_eq!(find(&mut again, &place, "a"), "ok", "what adds nothing goes on");
    again.finish();
    let mut again = start(&place);
    assert_eq!((post(&mut again, &place, "a").as_str(), find(&mut again, &place, "b").as_str()), ("flow_denied", "flow_denied"));
    let key = log_key(&place);
    again.finish();
    let entries = place.entries();
    assert_contiguous(&entries);
    assert!(verify(&place, Some(&key)).is_complete());
    let labels: Vec<&Value> = entries.iter().filter(|entry| entry["d"] == "allow").map(|entry| &entry["lab"]).collect();
    assert_eq!(labels, [&json!(["reads:private"]), &json!(["sends:external"]), &json!(["reads:private"])]);
}

/// Two processes are asked at once, by a client that waits for nothing.
fn raced(tool: &str, sessions: &[&str], each: usize) -> (usize, Vec<String>) {
    let place = Place::new("rest");
    let mut gateways = [start(&place), start(&place)];
    for session in sessions {
        let meta = leased(&place, session, &[tool]);
        for n in 0..each {
            for gateway in &gateways {
                gateway.send(&call_with(format!("{session}:{n}"), tool, &json!({}), &meta));
            }
        }
    }
    let count = sessions.len() * each;
    let mut replies: Vec<Value> = Vec::new();
    for gateway in &mut gateways {
        replies.extend((0..count).map(|_| gateway.next_reply()));
    }
    for gateway in gateways {
        gateway.finish();
    }
    // A process that starts later knows it as well.
    let mut late = start(&place);
    replies.extend(sessions.iter().map(|session| ask(&mut late, &place, session, tool, json!({}))));
    late.finish();
    let refused: Vec<String> = replies.iter().map(end).filter(|end| *end != "ok").map(str::to_owned).collect();
    (replies.len() - refused.len(), refused)
}

#[test]
fn a_budget_of_a_session_is_exact_over_processes() {
    let (allowed, refused) = raced("bounded", &["a", "b"], 8);
    assert_eq!(allowed, 6, "three for each session");
    assert!(refused.iter().all(|reason| reason == "session_budget_spent"), "{refused:?}");
}

#[test]
fn a_rate_is_exact_over_processes_and_sessions() {
    let (allowed, refused) = raced("slow", &["a", "b", "c"], 5);
    assert_eq!(allowed, 5);
    assert!(refused.iter().all(|reason| reason == "rate_exceeded"), "{refused:?}");
}

#[test]
fn other_bounds_are_told_with_their_reasons() {
    let place = Place::new("rest");
    let mut gateway = start(&place);
    let reply = ask(&mut gateway, &place, "s", "careful", json!({}));
    assert_eq!(end(&reply), "approval_unavailable", "{reply}");
    assert!(reply["error"]["message"].as_str().unwrap().contains("needs the approval of the connected user"), "{reply}");
    let large = json!({"project": "p", "title": "t", "tag": ["x".repeat(5000)]});
    assert_eq!(end(&ask(&mut gateway, &place, "s", "post", large)), "arguments_too_large");
    assert!(place.entries_of("decision").iter().all(|entry| entry["d"] == "deny"));
    for n in 0..WIDE {
        let reply = ask(&mut gateway, &place, "w", &format!("wide_{n}"), json!({}));
        let expected = if n < WIDE - 1 { "ok" } else { "session_too_wide" };
        assert_eq!(end(&reply), expected, "{n}: {reply}");
    }
    assert_eq!(end(&ask(&mut gateway, &place, "fresh", &format!("wide_{}", WIDE - 1), json!({}))), "ok");
    gateway.finish();
}
