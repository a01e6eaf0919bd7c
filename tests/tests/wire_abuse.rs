//! What a hostile or broken client can send and do: the gateway answers what can be answered, goes on where it can, and never
//! crashes, hangs or grows.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use airlock_tests::built::abuse;
use airlock_tests::message::get;
use airlock_tests::place::Place;
use airlock_tests::web::web;

#[test]
fn a_slow_call_blocks_no_other() {
    let place = Place::new("abuse");
    let mut gateway = place.start(&abuse());
    let lease = place.lease(&["http_get_json"]);
    gateway.send(&get("slow", "/held/slow", &lease));
    web().wait_for("/held/slow", 1);
    for n in 0..20 {
        let reply = gateway.ask(&get(n, "/fast", &lease));
        assert_eq!(reply["result"]["structuredContent"]["json"]["path"], "/fast", "{reply}");
    }
    web().release("/held/slow");
    assert_eq!(gateway.reply("slow")["result"]["isError"], false);
    gateway.finish();
}
