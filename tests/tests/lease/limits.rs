//! Texts that are made to cost: each is refused before anything of it is decoded, with one entry and no memory to speak of.

use crate::reason;
use airlock_tests::built::abuse;
use airlock_tests::message::get;
use airlock_tests::place::Place;

/// Memory that a refused lease may take beyond that of its line, in bytes. The line itself is read, parsed and copied by the wire, and the C
/// library may have put one more copy of it into a new place of the heap than the time before: seven megabytes, and something.
const ROOM: u64 = (7 + 4) * 1024 * 1024;

#[test]
fn huge_and_deep_leases_are_refused_in_bounded_memory() {
    let place = Place::new("abuse");
    let mut gateway = place.start(&abuse());
    let good = place.lease(&["http_get_json"]);
    let (root, mac) = good.rsplit_once('.').unwrap();
    let million = 1_000_000;
    // The same lines with a text that is no lease at all, longer than any below: what the wire takes for a line of this size.
    let plain = "!".repeat(7 * million + 16 * 1024);
    let mut line = |id: &str, lease: &str| {
        let reply = gateway.ask(&get(id, "/huge", lease));
        (reason(&reply).to_owned(), gateway.peak_memory())
    };
    assert_eq!(line("warm", &plain).0, "lease_invalid");
    let (told, before) = line("plain", &plain);
    assert_eq!(told, "lease_invalid");
    for (id, lease) in [
        ("seven megabytes of base64", format!("alk1.k1.{}.{mac}", "A".repeat(7 * million))),
        ("bound, with seven megabytes of nonce", format!("alp1{}.1.{}.{mac}", &root[4..], "A".repeat(7 * million))),
        ("a key id of seven megabytes", format!("alk1.{}.e30.{mac}", "k".repeat(7 * million))),
        ("a million dots", format!("alk1.k1{}{mac}", ".".repeat(million))),
        ("a million caveats", format!("{root}{}.{mac}", ".e30".repeat(million))),
        ("nine caveats", format!("{root}{}.{mac}", ".e30".repeat(9))),
    ] {
        let (told, peak) = line(id, &lease);
        assert_eq!(told, "lease_invalid", "{id}");
        assert!(peak <= before + ROOM, "{id}: {peak} bytes at the peak, {before} before");
    }
    gateway.finish();
    let codes: Vec<_> = place.entries_of("decision").iter().map(|entry| entry["detail"].as_str().unwrap().to_owned()).collect();
    let mut expected = vec!["lease_length"; 8];
    expected[7] = "lease_spelling";
    assert_eq!(codes, expected);
}
