//! Several processes of one gateway share one ledger, as when a client starts its servers twice: one chain, one budget, one intent per
//! session.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use airlock_tests::built::{abuse, run};
use airlock_tests::message::{call, call_with, get, meta};
use airlock_tests::place::{INTENT, Place, SESSION};
use airlock_tests::process::Gateway;
use airlock_tests::proof::{assert_contiguous, assert_recorded, log_key, told, verify};
use airlock_tests::web::web;
use serde_json::{Value, json};
use std::collections::HashSet;

/// Starts several processes of the gateway on one ledger.
fn start<const N: usize>(place: &Place) -> [Gateway; N] {
    let program = abuse();
    std::array::from_fn(|_| place.start(&program))
}

/// The lease that an operator issues on the command line for so many calls.
fn issued(place: &Place, uses: u32) -> String {
    let key = place.key_file();
    let constraints = json!({"domains": ["api.open-meteo.com"], "max_risk": 0.6, "uses": uses}).to_string();
    let words = ["issue", "--key", key.to_str().unwrap(), "--session-id", SESSION, "--subject", "agent:planner"];
    let terms = ["--tools", "http_get_json", "--intent", INTENT, "--ttl-seconds", "600", "--constraints", &constraints];
    let output = run(&[words.as_slice(), &terms].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Ends all processes; the ledger must then be one chain, proven to its end.
fn prove(place: &Place, gateways: impl IntoIterator<Item = Gateway>) -> Vec<Value> {
    let key = log_key(place);
    for gateway in gateways {
        gateway.finish();
    }
    let (proof, entries) = (verify(place, Some(&key)), place.entries());
    assert!(proof.is_complete(), "{proof:?}");
    assert_contiguous(&entries);
    entries
}

/// The calls of these tests say their tool in their id: `<tool>:<rest>`.
fn tool(id: &str) -> String {
    id.split(':').next().unwrap().to_owned()
}

fn allowed(reply: &Value) -> bool {
    told(reply).is_some_and(|told| told["decision"] == "allow")
}

fn reason(reply: &Value) -> &str {
    told(reply).and_then(|told| told["reason"].as_str()).unwrap_or("ok")
}

#[test]
fn a_budget_is_exact_over_all_processes() {
    const EACH: usize = 20;
    let place = Place::new("abuse");
    let lease = issued(&place, 5);
    let mut gateways = start::<2>(&place);
    for n in 0..EACH {
        for (process, gateway) in gateways.iter().enumerate() {
            gateway.send(&get(format!("http_get_json:{process}:{n}"), "/budget", &lease));
        }
    }
    let mut replies: Vec<Value> =
        gateways.iter_mut().flat_map(|gateway| std::array::from_fn::<_, EACH, _>(|_| gateway.next_reply())).collect();
    // A process that starts later knows what was spent before.
    let [mut late] = start(&place);
    replies.push(late.ask(&get("http_get_json:late", "/budget", &lease)));
    assert!(!allowed(replies.last().unwrap()));
    let (done, refused): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| allowed(reply));
    assert_eq!((done.len(), refused.len()), (5, 2 * EACH + 1 - 5));
    assert!(refused.iter().all(|reply| reason(reply) == "uses_exhausted"));
    assert_eq!(web().come("/budget"), 5);
    assert_recorded(&replies, &prove(&place, gateways.into_iter().chain([late])), tool);
}

#[test]
fn a_denied_call_spends_nothing() {
    let place = Place::new("abuse");
    let lease = issued(&place, 2);
    let mut gateways = start::<2>(&place);
    let url = |url: &str| json!({"url": url});
    let mut elsewhere = airlock_tests::message::leased(&lease);
    elsewhere["dev.airlock/session"] = json!("s-2");
    let fine = url("https://api.open-meteo.com/spend");
    for n in 0..6 {
        let gateway = &mut gateways[n % 2];
        for (line, expected) in [
            (call("http_get_json:a", "http_get_json", &url("https://example.org/"), &lease), "host_not_allowed"),
            (
                call("http_get_json:b", "http_get_json", &url("https://geocoding-api.open-meteo.com/"), &lease),
                "host_not_in_lease",
            ),
            (call("http_get_json:c", "http_get_json", &url("http://api.open-meteo.com/"), &lease), "url_refused"),
            (call("http_get_json:d", "http_get_json", &json!({}), &lease), "argument_invalid"),
            (call("airlock_usage_stats:e", "airlock_usage_stats", &json!({}), &lease), "tool_not_in_lease"),
            (call_with("http_get_json:f", "http_get_json", &fine, &elsewhere), "lease_session"),
        ] {
            let reply = gateway.ask(&line);
            assert_eq!(reason(&reply), expected, "{n}: {reply}");
        }
    }
    let spend = |n: usize| gateways[n % 2].ask(&get(format!("http_get_json:{n}"), "/spend", &lease));
    let replies: Vec<Value> = (0..3).map(spend).collect();
    assert_eq!(replies.iter().map(reason).collect::<Vec<_>>(), ["ok", "ok", "uses_exhausted"]);
    prove(&place, gateways);
}

#[test]
fn of_two_intents_for_one_session_exactly_one_is_pinned() {
    const SESSIONS: usize = 12;
    let place = Place::new("abuse");
    let gateways = start::<2>(&place);
    let intents = ["look at the weather", "look for a harbour"];
    let ask = |session: usize, intent: &str| {
        let arguments = json!({"session_id": format!("race-{session}"), "subject": "agent:planner", "tools": ["http_get_json"],
            "intent": intent});
        call_with(format!("airlock_issue_capability:{session}"), "airlock_issue_capability", &arguments, &meta())
    };
    // Both have answered something, so that both race and neither is still starting.
    let mut gateways = gateways.map(|mut gateway| {
        gateway.ask(&airlock_tests::message::discover("up"));
        gateway
    });
    for session in 0..SESSIONS {
        for (gateway, intent) in gateways.iter().zip(intents) {
            gateway.send(&ask(session, intent));
        }
    }
    let mut replies = Vec::new();
    for session in 0..SESSIONS {
        let both = gateways.each_mut().map(|gateway| gateway.reply(format!("airlock_issue_capability:{session}")));
        let won = both.iter().map(|reply| reply["result"]["structuredContent"]["lease"].is_string()).collect::<Vec<_>>();
        assert!(won[0] != won[1], "{both:#?}");
        for (reply, intent) in both.iter().zip(intents) {
            // The one that lost is told why, whether its decision or only its issue came too late.
            let text = reply["result"]["content"][0]["text"].as_str().unwrap();
            assert!(reply["result"]["isError"] == false || text.contains("another intent"), "{intent}: {reply}");
        }
        // The winner may ask again, on either process.
        let intent = intents[usize::from(won[1])];
        for gateway in &mut gateways {
            let again = gateway.ask(&ask(session, intent));
            assert_eq!(again["result"]["isError"], false, "{again}");
        }
        replies.extend(both);
    }
    let entries = prove(&place, gateways);
    assert_recorded(&replies, &entries, tool);
    for session in 0..SESSIONS {
        let issues = entries.iter().filter(|entry| entry["t"] == "issue" && entry["sid"] == format!("race-{session}"));
        let intents: Vec<&str> = issues.map(|entry| entry["ih"].as_str().unwrap()).collect();
        assert_eq!((intents.len(), intents.iter().collect::<HashSet<_>>().len()), (3, 1), "{intents:?}");
    }
}

#[test]
fn one_process_is_killed_and_the_others_go_on() {
    const EACH: usize = 30;
    let place = Place::new("abuse");
    let lease = place.lease(&["http_get_json"]);
    let gateways = start::<3>(&place);
    for n in 0..EACH {
        for (process, gateway) in gateways.iter().enumerate() {
            let id = format!("http_get_json:{process}:{n}");
            gateway.send(&if n % 3 == 2 { call(id, "http_get_json", &json!({}), &lease) } else { get(id, "/others", &lease) });
        }
    }
    let [mut victim, mut second, mut third] = gateways;
    let mut replies: Vec<Value> = (0..EACH / 3).map(|_| victim.next_reply()).collect();
    victim.kill();
    victim.end();
    // A last line that was cut short told nothing.
    replies.extend(std::iter::from_fn(|| victim.line()).filter_map(|line| serde_json::from_str(&line).ok()));
    for gateway in [&mut second, &mut third] {
        replies.extend((0..EACH).map(|_| gateway.next_reply()));
        // Still served after the other's death, whatever it left behind the head.
        let reply = gateway.ask(&get("http_get_json:after", "/others", &lease));
        assert!(allowed(&reply), "{reply}");
        replies.push(reply);
    }
    let entries = prove(&place, [second, third]);
    assert_recorded(&replies, &entries, tool);
    assert!(web().come("/others") <= entries.iter().filter(|entry| entry["d"] == "allow").count());
}

#[test]
fn a_line_whose_writer_died_before_the_head_is_taken_up_by_the_others() {
    let place = Place::new("abuse");
    let [mut other] = start(&place);
    let lease = place.lease(&["http_get_json"]);
    other.ask(&call("http_get_json:0", "http_get_json", &json!({}), &lease));
    // The second slot of the head lies behind the limit and every second commit writes it, so the second call at the latest is fatal.
    let mut victim = place.start_limited(&abuse(), 8);
    for n in 1..3 {
        victim.send(&call(format!("http_get_json:{n}"), "http_get_json", &json!({}), &lease));
        if victim.line().is_none() {
            break;
        }
    }
    assert_eq!(victim.end().0.code(), None, "a signal was expected");
    let whole = place.entries().len();
    let reply = other.ask(&get("http_get_json:after", "/taken-up", &lease));
    assert_eq!(told(&reply).unwrap()["ledger_seq"], whole, "{reply}");
    let entries = prove(&place, [other]);
    assert!(entries.iter().all(|entry| entry["t"] != "recover"), "nothing was cut off");
    assert_recorded(&[reply], &entries, tool);
}

#[test]
fn half_a_line_of_one_process_is_set_aside_by_the_others() {
    let place = Place::new("abuse");
    let [mut other] = start(&place);
    let lease = place.lease(&["http_get_json"]);
    other.ask(&call("http_get_json:first", "http_get_json", &json!({}), &lease));
    let mut victim = place.start_limited(&abuse(), 17);
    let denied = |n: usize| call(format!("http_get_json:{n}"), "http_get_json", &json!({}), &lease);
    let mut replies: Vec<Value> = (0..100).map(|n| victim.ask(&denied(n))).take_while(|reply| told(reply).is_some()).collect();
    assert!(replies.len() < 100, "the limit was not reached");
    let whole = place.entries().len();
    replies.push(other.ask(&get("http_get_json:after", "/aside", &lease)));
    victim.kill();
    let entries = prove(&place, [other]);
    assert_eq!(entries[whole]["t"], "recover", "{}", entries[whole]);
    assert_recorded(&replies, &entries, tool);
}
