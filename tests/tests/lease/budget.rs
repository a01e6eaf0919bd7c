//! A budget is exact: over processes that race, down the chain, and over `kill -9`.

use crate::reason;
use airlock_runtime::lease::{Caveat, RootClaims, attenuate};
use airlock_tests::built::abuse;
use airlock_tests::message::{discover, get};
use airlock_tests::place::Place;
use airlock_tests::process::Gateway;
use airlock_tests::proof::{log_key, verify};
use airlock_tests::web::web;

/// Processes that share a ledger and have answered something, so that none of them is still starting.
fn start<const N: usize>(place: &Place) -> [Gateway; N] {
    let program = abuse();
    std::array::from_fn(|_| {
        let mut gateway = place.start(&program);
        gateway.ask(&discover("up"));
        gateway
    })
}

#[test]
fn of_a_hundred_racing_calls_one_is_allowed() {
    const EACH: usize = 25;
    let place = Place::new("abuse");
    let mut gateways = start::<4>(&place);
    // After the gateway was built, which may take longer than a lease lives.
    let lease = place.mint(&RootClaims { uses: 1, ..place.claims(&["http_get_json"]) });
    let key = log_key(&place);
    // Each process gets all its calls with one write, so that they are judged while those of the others are.
    for (process, gateway) in gateways.iter().enumerate() {
        let lines: String = (0..EACH).map(|n| get(format!("{process}:{n}"), "/once", &lease) + "\n").collect();
        gateway.send_bytes(lines.into_bytes());
    }
    let mut told: Vec<String> = Vec::new();
    for gateway in &mut gateways {
        told.extend((0..EACH).map(|_| reason(&gateway.next_reply()).to_owned()));
    }
    assert_eq!(told.iter().filter(|reason| *reason == "ok").count(), 1);
    assert_eq!(told.iter().filter(|reason| *reason == "uses_exhausted").count(), 4 * EACH - 1);
    assert_eq!(web().come("/once"), 1, "and one request was made");
    gateways.into_iter().for_each(|gateway| drop(gateway.finish()));
    let allows = place.entries_of("decision").iter().filter(|entry| entry["d"] == "allow").count();
    assert_eq!((allows, verify(&place, Some(&key)).is_complete()), (1, true));
}

#[test]
fn children_spend_from_their_parents_and_a_killed_process_forgets_nothing() {
    let place = Place::new("abuse");
    abuse();
    let root = place.mint(&RootClaims { uses: 4, ..place.claims(&["http_get_json"]) });
    let narrow = |lease: &str, uses| attenuate(lease, &Caveat { uses: Some(uses), ..Caveat::default() }).unwrap();
    let (left, right) = (narrow(&root, 2), narrow(&root, 9));
    let leaf = narrow(&left, 1);
    let spend = |lease: &str| {
        let [mut gateway] = start(&place);
        let told = reason(&gateway.ask(&get("c", "/chain", lease))).to_owned();
        // The next call meets another process, which knows of this one what the ledger says.
        gateway.kill();
        gateway.end();
        told
    };
    for (lease, expected) in [
        (&leaf, "ok"),
        (&leaf, "uses_exhausted"),
        (&left, "ok"),
        (&left, "uses_exhausted"),
        (&right, "ok"),
        (&root, "ok"),
        (&right, "uses_exhausted"),
        (&root, "uses_exhausted"),
    ] {
        assert_eq!(spend(lease), expected);
    }
}
