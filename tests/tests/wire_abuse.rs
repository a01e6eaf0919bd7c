//! What a hostile or broken client can send and do: the gateway answers what can be answered, goes on where it can, and never
//! crashes, hangs or grows.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use airlock_tests::built::abuse;
use airlock_tests::message::{call, call_with, cancel, discover, get, meta, reason, seq};
use airlock_tests::place::Place;
use airlock_tests::web::web;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Most memory of a gateway whatever its client does. The four largest calls that may be open at once, each with its line, its
/// parsed arguments and their bytes, are the greater part of it.
const MEMORY_MAX: u64 = 256 << 20;
const MIB: usize = 1 << 20;

/// A line around `middle`, which stands among the members of `params`.
fn with_params(id: &str, middle: &[u8]) -> Vec<u8> {
    let head = format!(r#"{{"jsonrpc":"2.0","id":"{id}","method":"tools/call","params":{{"_meta":{},"name":"x","#, meta());
    [head.as_bytes(), middle, b"}}"].concat()
}

/// Lines that no gateway may act on, and the error code that each is answered with; `None` is silence.
fn odd_lines() -> Vec<(&'static str, Vec<u8>, Option<i64>)> {
    let deep = |open: &str, n: usize| open.repeat(n).into_bytes();
    let text = |text: &str| text.as_bytes().to_vec();
    let with_id = |id: &str| text(&discover("odd").replace("\"odd\"", id));
    vec![
        ("10 MB with an id", with_params("odd", format!(r#""a":"{}""#, "x".repeat(10 * MIB)).as_bytes()), Some(-32600)),
        ("10 MB without an id", vec![b'['; 10 * MIB], None),
        (
            "200,000 arrays",
            with_params("odd", &[b"\"a\":".to_vec(), deep("[", 200_000), deep("]", 200_000)].concat()),
            Some(-32600),
        ),
        (
            "200,000 objects",
            with_params("odd", &[deep("\"a\":{", 200_000), text("\"b\":1"), deep("}", 200_000)].concat()),
            Some(-32600),
        ),
        ("200,000 arrays left open", deep("[", 200_000), None),
        ("a key twice in arguments", with_params("odd", br#""arguments":{"a":{"b":1,"b":1}}"#), Some(-32600)),
        ("a key twice, once escaped", with_params("odd", br#""arguments":{"url":1,"\u0075rl":1}"#), Some(-32600)),
        ("method twice", text(r#"{"jsonrpc":"2.0","id":"odd","method":"ping","method":"tools/call"}"#), Some(-32600)),
        ("id twice", text(r#"{"jsonrpc":"2.0","id":"odd","id":"odd","method":"ping"}"#), None),
        ("id null", with_id("null"), None),
        ("id 1.5", with_id("1.5"), None),
        ("id true", with_id("true"), None),
        ("id of 70 digits", with_id(&"9".repeat(70)), None),
        ("batch", [b"[".to_vec(), text(&discover("odd")), b"]".to_vec()].concat(), None),
        ("empty batch", text("[]"), None),
        ("bad UTF-8 after the id", with_params("odd", b"\"arguments\":{\"a\":\"\xff\"}"), Some(-32700)),
        ("bad UTF-8 before the id", text("\u{0}").into_iter().chain(*b"{\"a\":\"\xff\",\"id\":\"odd\"}").collect(), None),
        ("only NUL", vec![0; 1000], None),
        ("unknown top-level member", text(&discover("odd").replacen('{', r#"{"lease":"al1.x","#, 1)), Some(-32600)),
        ("no version", text(r#"{"id":"odd","method":"server/discover"}"#), Some(-32600)),
        ("params is a list", text(r#"{"jsonrpc":"2.0","id":"odd","method":"tools/list","params":[]}"#), Some(-32602)),
        ("an answer", text(r#"{"jsonrpc":"2.0","id":"odd","result":{}}"#), None),
        ("an error without id", text(r#"{"jsonrpc":"2.0","error":{"code":-1,"message":"x"}}"#), None),
        ("half a surrogate", with_params("odd", br#""arguments":{"a":"\ud800"}"#), Some(-32600)),
        ("1e400", with_params("odd", br#""arguments":{"a":1e400}"#), Some(-32600)),
        ("NaN", with_params("odd", br#""arguments":{"a":NaN}"#), Some(-32700)),
        ("byte order mark", [b"\xef\xbb\xbf".to_vec(), text(&discover("odd"))].concat(), None),
        ("banner", text("npm WARN deprecated"), None),
        ("blank", text("  \t\r"), None),
    ]
}

#[test]
fn odd_lines_are_answered_or_passed_over_and_the_session_goes_on() {
    let place = Place::new("abuse");
    let mut gateway = place.start(&abuse());
    for (n, (what, mut line, expected)) in odd_lines().into_iter().enumerate() {
        line.push(b'\n');
        gateway.send_bytes(line);
        // The barrier's answer shows that the line was passed over, if nothing else came before it.
        gateway.send(&discover(n));
        let first = gateway.next_reply();
        match expected {
            None => assert_eq!(first["id"], n, "{what}: {first}"),
            Some(code) => {
                assert_eq!((&first["id"], &first["error"]["code"]), (&json!("odd"), &json!(code)), "{what}: {first}");
                assert_eq!(gateway.next_reply()["id"], n, "{what}");
            }
        }
    }
    assert!(gateway.peak_memory() < MEMORY_MAX, "{}", gateway.peak_memory());
    gateway.finish();
    assert_eq!(place.entries_of("decision"), Vec::<Value>::new(), "a line was acted on");
}

#[test]
fn a_thousand_pipelined_calls_are_answered_once_each() {
    let place = Place::new("abuse");
    let mut gateway = place.start(&abuse());
    let lease = place.lease(&["http_get_json"]);
    let lines = (0..1000).map(|n| match n % 4 {
        0 => get(n, "/fast", &lease),
        1 => get(n, "/fast", "al1.k1.forged.forged"),
        2 => call_with(n, "weather_hourly", &json!({"city": "Austin", "state": "TX"}), &meta()),
        _ => call(n, "weather_hourly", &json!({"city": "Austin", "state": "TX"}), &lease),
    });
    gateway.send(&lines.collect::<Vec<_>>().join("\n"));
    gateway.close();
    let replies = gateway.rest();
    assert_eq!(gateway.end().0.code(), Some(0));
    let ids: BTreeSet<u64> = replies.iter().map(|reply| reply["id"].as_u64().unwrap()).collect();
    assert_eq!((replies.len(), ids), (1000, (0..1000).collect()));
    let decisions: BTreeMap<u64, Value> =
        place.entries_of("decision").into_iter().map(|entry| (entry["seq"].as_u64().unwrap(), entry)).collect();
    assert_eq!(decisions.len(), 1000);
    let mut seqs = BTreeSet::new();
    for reply in &replies {
        let expected = ["ok", "lease_invalid", "lease_missing", "tool_not_in_lease"]
            [usize::try_from(reply["id"].as_u64().unwrap()).unwrap() % 4];
        assert_eq!(reason(reply), expected, "{reply}");
        let entry = &decisions[&seq(reply).unwrap()];
        assert_eq!(entry["why"], expected, "{entry}");
        seqs.insert(seq(reply));
    }
    assert_eq!(seqs.len(), 1000, "two replies name one entry");
    assert_eq!(place.entries_of("outcome").len(), 250);
}

#[test]
fn a_slow_call_blocks_no_other() {
    let place = Place::new("abuse");
    let mut gateway = place.start(&abuse());
    let lease = place.lease(&["http_get_json"]);
    gateway.send(&get("slow", "/held/slow", &lease));
    web().wait_for("/held/slow", 1);
    for n in 0..20 {
        gateway.send(&get(n, "/fast", &lease));
        let reply = gateway.next_reply();
        assert_eq!((&reply["id"], reason(&reply)), (&json!(n), "ok".into()), "{reply}");
    }
    web().release("/held/slow");
    let slow = gateway.next_reply();
    assert_eq!((&slow["id"], &slow["result"]["isError"]), (&json!("slow"), &json!(false)), "{slow}");
    gateway.finish();
}

#[test]
fn cancelled_calls_are_never_answered_and_their_end_is_recorded() {
    const HELD: usize = 50;
    let place = Place::new("abuse");
    let mut gateway = place.start(&abuse());
    let lease = place.lease(&["http_get_json"]);
    for n in 0..HELD {
        gateway.send(&get(n, "/held/cancelled", &lease));
    }
    web().wait_for("/held/cancelled", HELD);
    assert_eq!(reason(&gateway.ask(&get("closed", "/fast", &lease))), "ok");
    for n in 0..HELD {
        for id in [json!(n), json!("closed"), json!(n), json!("unknown"), json!(null), json!([n])] {
            gateway.send(&cancel(id));
        }
    }
    assert_eq!(gateway.ask(&discover("barrier"))["error"], Value::Null);
    // An id is free again once its work has ended; until then its use is an error.
    let again = (0..10_000).map(|_| gateway.ask(&get(0, "/fast", &lease))).find(|reply| reply["error"].is_null()).unwrap();
    assert_eq!(reason(&again), "ok");
    web().release("/held/cancelled");
    gateway.close();
    assert_eq!(gateway.rest(), Vec::<Value>::new(), "replies after a cancel");
    assert_eq!(gateway.end().0.code(), Some(0));
    let ends = place.entries_of("outcome");
    let of = |status: &str| ends.iter().filter(|entry| entry["status"] == status).count();
    assert_eq!((of("cancelled"), of("ok")), (HELD, 2), "{ends:?}");
}

#[test]
fn a_storm_of_calls_and_cancels_leaves_no_call_without_its_end() {
    const CALLS: usize = 300;
    let place = Place::new("abuse");
    let mut gateway = place.start(&abuse());
    let lease = place.lease(&["http_get_json"]);
    let storm = (0..CALLS).map(|n| format!("{}\n{}\n{}\n", get(n, "/fast", &lease), cancel(n), cancel(n))).collect::<String>();
    gateway.send_bytes(storm.into_bytes());
    gateway.send(&discover("barrier"));
    gateway.close();
    let replies = gateway.rest();
    assert_eq!(gateway.end().0.code(), Some(0));
    let at = replies.iter().position(|reply| reply["id"] == "barrier").unwrap();
    assert_eq!(replies.len(), at + 1, "a reply after its cancel was read");
    let ids: BTreeSet<String> = replies.iter().map(|reply| reply["id"].to_string()).collect();
    assert_eq!(ids.len(), replies.len(), "a call was answered twice");
    let calls = |kind| place.entries_of(kind).iter().map(|entry| entry["call"].to_string()).collect::<BTreeSet<_>>();
    assert_eq!(calls("decision").len(), CALLS);
    assert_eq!(calls("decision"), calls("outcome"));
}

#[test]
fn the_end_of_input_drops_half_a_line_and_lets_open_calls_finish() {
    let place = Place::new("abuse");
    let mut gateway = place.start(&abuse());
    let lease = place.lease(&["http_get_json"]);
    gateway.send(&get("open", "/held/eof", &lease));
    web().wait_for("/held/eof", 1);
    // A whole message without its line feed is half a message.
    gateway.send_bytes(discover("half").into_bytes());
    gateway.close();
    web().release("/held/eof");
    let rest = gateway.rest();
    assert_eq!(rest.len(), 1, "{rest:?}");
    assert_eq!((&rest[0]["id"], reason(&rest[0])), (&json!("open"), "ok".into()));
    assert_eq!(gateway.end().0.code(), Some(0));
}

#[test]
fn a_client_that_never_reads_costs_no_memory() {
    let place = Place::new("abuse");
    let mut gateway = airlock_tests::process::Gateway::start_deaf(place.command(&abuse()));
    let lease = place.lease(&["http_get_json"]);
    // 100 MB of calls, 2 MB each, and after them as many small ones as no pipe holds answers for.
    let large = "x".repeat(2_000_000);
    for n in 0..50 {
        gateway.send(&call(
            n,
            "http_get_json",
            &json!({"url": "https://api.open-meteo.com/fast", "query": {"q": large}}),
            &lease,
        ));
    }
    gateway.send(&(0..5000).map(|n| discover(1000 + n)).collect::<Vec<_>>().join("\n"));
    // Refusals are recorded before their answers are written, so the ledger shows how far the gateway went.
    let begun = std::time::Instant::now();
    while place.entries_of("decision").len() < 50 {
        assert!(begun.elapsed() < airlock_tests::DEADLINE, "only {} calls were judged", place.entries_of("decision").len());
        std::thread::yield_now();
    }
    let peak = gateway.peak_memory();
    assert!(peak < MEMORY_MAX, "{peak}");
    // It answers when it is read at last, and ends when asked although it was not read to the end.
    gateway.listen();
    gateway.close();
    let replies = gateway.rest();
    assert_eq!(replies.len(), 5050);
    assert_eq!(gateway.end().0.code(), Some(0));
}

#[test]
fn many_calls_of_the_largest_size_stay_within_bounds() {
    let place = Place::new("abuse");
    let mut gateway = place.start(&abuse());
    let lease = place.lease(&["http_get_json"]);
    let ask = |n: usize, value: &str| {
        let line = call(n, "http_get_json", &json!({"url": "https://api.open-meteo.com/fast", "query": {"q": "VALUE"}}), &lease);
        line.replace("\"VALUE\"", value)
    };
    // One long text; the most values that a line may have, as long as they may be together; far more values than that.
    let text = format!("\"{}\"", "ab ".repeat(8 * MIB / 3 - 1000));
    let list = format!("[{}1]", format!("\"{}\",", "x".repeat(120)).repeat(65_000));
    let numbers = format!("[{}1]", "1,".repeat(4 * MIB - 1000));
    let kinds = [(&text, "url_refused"), (&list, "argument_invalid"), (&numbers, "error -32600")];
    for n in 0..12 {
        gateway.send(&ask(n, kinds[n % 3].0));
    }
    for n in 0..12 {
        assert_eq!(reason(&gateway.reply(n)), kinds[n % 3].1);
    }
    println!("peak {} MiB", gateway.peak_memory() >> 20);
    assert!(gateway.peak_memory() < MEMORY_MAX, "{}", gateway.peak_memory());
    assert_eq!(reason(&gateway.ask(&get("after", "/fast", &lease))), "ok");
    gateway.finish();
}

#[test]
fn a_signal_ends_open_calls_with_an_outcome() {
    let place = Place::new("abuse");
    let mut gateway = place.start(&abuse());
    let lease = place.lease(&["http_get_json"]);
    for n in 0..5 {
        gateway.send(&get(n, "/held/term", &lease));
    }
    web().wait_for("/held/term", 5);
    gateway.terminate();
    let told: BTreeSet<String> =
        gateway.rest().iter().map(|reply| reply["result"]["structuredContent"]["outcome"].to_string()).collect();
    assert_eq!(told, BTreeSet::from(["\"stopped\"".to_owned()]));
    assert_eq!(gateway.end().0.code(), Some(0));
    let ends = place.entries_of("outcome");
    assert_eq!(ends.iter().filter(|entry| entry["status"] == "stopped").count(), 5, "{ends:?}");
    web().release("/held/term");
}

#[test]
fn a_signal_is_heard_while_nobody_reads() {
    let place = Place::new("abuse");
    let mut gateway = airlock_tests::process::Gateway::start_deaf(place.command(&abuse()));
    let lease = place.lease(&["http_get_json"]);
    gateway.send(&get(0, "/fast", &lease));
    web().wait_for("/fast", 1);
    gateway.send(&(0..20_000).map(discover).collect::<Vec<_>>().join("\n"));
    gateway.terminate();
    assert_eq!(gateway.end().0.code(), Some(0));
}
