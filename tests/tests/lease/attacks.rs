//! What a thief tries with a lease that he saw, against running gateways: he gets nothing, and the lease has lost nothing.

use airlock_runtime::clock::Micros;
use airlock_runtime::lease::{Caveat, Presentation, attenuate, present};
use airlock_tests::built::abuse;
use airlock_tests::message::{call, get, reason};
use airlock_tests::place::Place;
use airlock_tests::web::web;
use serde_json::{Value, json};

/// What was spent or shown stays so in another process and after a restart.
#[test]
fn a_presentation_is_taken_once_over_sessions_processes_and_restarts() {
    let place = Place::new("abuse");
    let (mut one, mut two) = (place.start(&abuse()), place.start(&abuse()));
    let lease = place.lease(&["http_get_json"]);
    let arguments = json!({"url": "https://api.open-meteo.com/attacks/once"});
    let shown = |lease: &str| {
        let how = Presentation { ts: Micros::now().seconds(), nonce: [1; 16] };
        call("a", "http_get_json", &arguments, &present(lease, &how, "http_get_json", arguments.as_object().unwrap()).unwrap())
    };
    let line = shown(&lease);
    assert_eq!(reason(&one.ask(&line)), "ok");
    assert_eq!([&mut one, &mut two].map(|gateway| reason(&gateway.ask(&line))), ["lease_replayed", "lease_replayed"]);
    one.kill();
    one.end();
    let mut three = place.start(&abuse());
    assert_eq!(reason(&three.ask(&line)), "lease_replayed");
    // The same nonce is another one for another node: nobody uses up the nonces of somebody else.
    let child = attenuate(&lease, &Caveat { to: Some("agent:worker".into()), ..Caveat::default() }).unwrap();
    assert_eq!(reason(&three.ask(&shown(&child))), "ok");
    three.finish();
    two.finish();
}

/// One line for each changed bit, and nothing else: the lease still has its one call afterwards.
#[test]
fn every_changed_bit_is_one_denial_and_nothing_more() {
    /// Fewer than the refusals that are recorded one by one.
    const AT_ONCE: usize = 2000;
    let program = abuse();
    let narrow = |lease: &str| attenuate(lease, &Caveat { uses: Some(1), ..Caveat::default() }).unwrap();
    let size = narrow(&Place::new("abuse").lease(&["http_get_json"])).len();
    // The eighth bit of a byte would leave no UTF-8, and so no message.
    let flips: Vec<(usize, u8)> = (0..size).flat_map(|at| (0..7).map(move |bit| (at, 1 << bit))).collect();
    for flips in flips.chunks(AT_ONCE) {
        let place = Place::new("abuse");
        let mut gateway = place.start(&program);
        let lease = narrow(&place.lease(&["http_get_json"]));
        assert_eq!(lease.len(), size);
        let flipped = |(at, bit): &(usize, u8)| {
            let mut bytes = lease.clone().into_bytes();
            bytes[*at] ^= bit;
            String::from_utf8(bytes).unwrap()
        };
        flips.iter().enumerate().for_each(|(n, flip)| gateway.send(&get(n, "/flipped", &flipped(flip))));
        for flip in flips {
            assert_eq!(reason(&gateway.next_reply()), "lease_invalid", "{flip:?}");
        }
        let told: Vec<String> = (0..2).map(|_| reason(&gateway.ask(&get("f", "/flipped/not", &lease)))).collect();
        assert_eq!(told, ["ok", "uses_exhausted"]);
        gateway.finish();
        let decisions = place.entries_of("decision");
        let denied = |entry: &&Value| entry["why"] == "lease_invalid" && entry["d"] == "deny" && entry["rid"] == json!([]);
        assert_eq!((decisions.len(), decisions.iter().filter(denied).count()), (flips.len() + 2, flips.len()));
    }
    assert_eq!(web().come("/flipped"), 0);
}
