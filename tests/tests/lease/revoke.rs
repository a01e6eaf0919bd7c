//! Revocations take effect in running gateways with their next call, over all processes, and stay.

use crate::{airlock, reason, revoke};
use airlock_runtime::lease::inspect::inspect;
use airlock_runtime::lease::{Caveat, attenuate};
use airlock_tests::built::{abuse, run};
use airlock_tests::message::get;
use airlock_tests::place::{INTENT, Place, SESSION};
use airlock_tests::process::Gateway;
use airlock_tests::proof::{log_key, verify};
use serde_json::json;

fn ask(gateway: &mut Gateway, lease: &str) -> String {
    reason(&gateway.ask(&get("c", "/revoke", lease))).to_owned()
}

#[test]
fn every_kind_is_refused_by_every_process_from_the_next_call_on() {
    let place = Place::new("abuse");
    let (mut one, mut two) = (place.start(&abuse()), place.start(&abuse()));
    let narrow = |lease: &str, to: &str| attenuate(lease, &Caveat { to: Some(to.into()), ..Caveat::default() }).unwrap();
    let leases: Vec<String> = (0..3).map(|_| place.lease(&["http_get_json"])).collect();
    let child = narrow(&leases[0], "agent:worker");
    let (grandchild, sibling) = (narrow(&child, "agent:worker/2"), narrow(&leases[0], "agent:other"));
    for lease in [&leases[0], &child, &grandchild, &sibling, &leases[1], &leases[2]] {
        assert_eq!(ask(&mut one, lease), "ok");
    }
    revoke(&place, &["--rid", &inspect(&child).unwrap().rid]);
    let after = |gateway: &mut Gateway| [&leases[0], &child, &grandchild, &sibling].map(|lease| ask(gateway, lease));
    for gateway in [&mut one, &mut two] {
        assert_eq!(after(gateway), ["ok", "lease_revoked", "lease_revoked", "ok"], "a node with its descendants");
    }
    revoke(&place, &["--jti", &inspect(&leases[0]).unwrap().root.jti_text()]);
    for gateway in [&mut two, &mut one] {
        assert_eq!(after(gateway), ["lease_revoked"; 4]);
        assert_eq!(ask(gateway, &leases[1]), "ok");
    }
    assert_eq!(revoke(&place, &["--session", SESSION])["already"], false);
    assert_eq!(revoke(&place, &["--session", SESSION])["already"], true);
    assert_eq!(ask(&mut one, &leases[1]), "lease_revoked");
    two.kill();
    two.end();
    let mut three = place.start(&abuse());
    assert_eq!(ask(&mut three, &leases[2]), "lease_revoked", "kept over kill -9 and restart");
    let key = log_key(&place);
    one.finish();
    three.finish();
    assert!(verify(&place, Some(&key)).is_complete());
    let paths: Vec<_> = place.entries_of("decision").iter().map(|entry| entry["to"].clone()).collect();
    assert_eq!(paths[2], json!(["agent:worker", "agent:worker/2"]), "the path of delegation");
}

#[test]
fn an_epoch_ends_all_leases_and_later_ones_live_in_it() {
    let place = Place::new("abuse");
    let mut gateway = place.start(&abuse());
    let old = place.lease(&["http_get_json"]);
    assert_eq!(ask(&mut gateway, &old), "ok");
    let early = place.mint(&airlock_runtime::lease::RootClaims { ep: 1, ..place.claims(&["http_get_json"]) });
    assert_eq!(ask(&mut gateway, &early), "revocations_stale", "this ledger does not know of epoch 1 yet");
    assert_eq!(revoke(&place, &["--epoch", "next"])["id"], "1");
    assert_eq!(ask(&mut gateway, &old), "lease_revoked");
    assert_eq!(ask(&mut gateway, &early), "ok");

    let (key, ledger) = (place.key_file(), place.ledger());
    let constraints = r#"{"domains":["api.open-meteo.com"],"max_risk":0.6,"uses":9}"#;
    let issue = |intent| {
        let words = ["issue", "--key", key.to_str().unwrap(), "--ledger", ledger.to_str().unwrap(), "--session-id", SESSION];
        let terms = ["--subject", "agent:planner", "--tools", "http_get_json", "--ttl-seconds", "600"];
        run(&[&words[..], &terms, &["--constraints", constraints, "--intent", intent]].concat())
    };
    let issued = issue(INTENT);
    let lease = String::from_utf8(issued.stdout).unwrap();
    assert_eq!(ask(&mut gateway, lease.trim()), "ok", "issued with the epoch of the ledger");
    let entry = &place.entries_of("issue")[0];
    assert_eq!((&entry["by"], &entry["rid"]), (&json!("operator"), &json!(inspect(lease.trim()).unwrap().rid)));
    let other = issue("something else");
    assert_eq!(other.status.code(), Some(1), "the session keeps its intent");
    revoke(&place, &["--subject", "agent:planner"]);
    assert_eq!(issue(INTENT).status.code(), Some(1), "nothing is issued to a revoked subject");
    assert_eq!(ask(&mut gateway, lease.trim()), "lease_revoked");
    gateway.finish();
}

#[test]
fn a_kill_file_stops_a_running_gateway_until_it_is_gone() {
    let place = Place::new("abuse");
    let mut gateway = place.start(&abuse());
    let lease = place.lease(&["http_get_json"]);
    assert_eq!(ask(&mut gateway, &lease), "ok");
    std::fs::write(place.ledger().join("kill"), "").unwrap();
    assert_eq!(ask(&mut gateway, &lease), "killed");
    std::fs::remove_file(place.ledger().join("kill")).unwrap();
    assert_eq!(ask(&mut gateway, &lease), "ok");
    gateway.finish();
    let told: Vec<_> = place.entries_of("kill").iter().map(|entry| entry["on"].clone()).collect();
    assert_eq!(told, [true, false], "that it was taken away is in the ledger too");
}

#[test]
fn another_gateways_ledger_takes_no_issue() {
    let place = Place::new("abuse");
    place.start(&abuse()).finish();
    let (dir, ledger) = (place.dir().join("issuer.key"), place.ledger());
    airlock(&["key", "new", "--out", dir.to_str().unwrap()]);
    let words = ["issue", "--key", dir.to_str().unwrap(), "--audience", "weather", "--ledger", ledger.to_str().unwrap()];
    let terms = ["--session-id", "s", "--subject", "a", "--tools", "t", "--intent", "i", "--ttl-seconds", "9"];
    let output = run(&[&words[..], &terms, &["--constraints", r#"{"domains":[],"max_risk":0,"uses":1}"#]].concat());
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is the ledger of \"abuse\", and the lease is for \"weather\""));
}
