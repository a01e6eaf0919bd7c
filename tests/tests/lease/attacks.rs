//! What a thief, a forger or a holder who wants more tries with a lease, each against a running gateway: the code it is refused with, and
//! that after all of it the lease they started from has lost nothing and reached nothing.

use airlock_runtime::clock::Micros;
use airlock_runtime::lease::{Caveat, Presentation, RootClaims, attenuate, present};
use airlock_tests::built::abuse;
use airlock_tests::forge;
use airlock_tests::message::{call, call_with, discover, get, leased, meta, reason};
use airlock_tests::place::{INTENT, Place, SESSION};
use airlock_tests::web::web;
use serde_json::{Value, json};

const PATH: &str = "/attacks";

/// What is tried, what the caller is told, and what the ledger says.
struct Attack {
    name: &'static str,
    line: String,
    told: &'static str,
    recorded: &'static str,
}

fn attack(name: &'static str, told: &'static str, line: String) -> Attack {
    Attack { name, line, told, recorded: told }
}

/// A lease text that is refused before its content is looked at.
fn text(name: &'static str, recorded: &'static str, lease: &str) -> Attack {
    Attack { recorded, ..attack(name, "lease_invalid", get("a", PATH, lease)) }
}

/// Parts of a lease, put together again in another way.
fn joined<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    parts.into_iter().collect::<Vec<_>>().join(".")
}

/// Texts made of a lease with two caveats, without any key.
fn texts(lease: &str, other: &str) -> Vec<Attack> {
    let parts: Vec<&str> = lease.split('.').collect();
    let [prefix, kid, root, one, two, mac] = parts[..] else { panic!("{lease}") };
    let theirs: Vec<&str> = other.split('.').collect();
    let jwt = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZ2VudDpwbGFubmVyIn0.";
    vec![
        text("caveats in another order", "lease_mac", &joined([prefix, kid, root, two, one, mac])),
        text("the last caveat taken off", "lease_mac", &joined([prefix, kid, root, one, mac])),
        text("all caveats taken off", "lease_mac", &joined([prefix, kid, root, mac])),
        text("a caveat twice", "lease_mac", &joined([prefix, kid, root, one, two, two, mac])),
        text("a caveat of another lease", "lease_mac", &joined([prefix, kid, root, one, theirs[3], mac])),
        text("the root of another lease", "lease_mac", &joined([prefix, kid, theirs[2], one, two, mac])),
        text("the MAC of another lease", "lease_mac", &joined([prefix, kid, root, one, two, theirs[4]])),
        text("a caveat in place of the root", "lease_mac", &joined([prefix, kid, one, two, mac])),
        text("the MAC as a caveat", "lease_mac", &joined([prefix, kid, root, one, two, mac, mac])),
        text("a MAC of zeros", "lease_mac", &joined([prefix, kid, root, one, two, "A".repeat(43).as_str()])),
        text("no MAC", "lease_spelling", &joined([prefix, kid, root, one, two, ""])),
        text("a MAC of 31 bytes", "lease_spelling", &joined([prefix, kid, root, one, two, &mac[..42]])),
        text("a MAC and a byte more", "lease_spelling", &format!("{lease}AA")),
        text("an empty caveat", "lease_spelling", &joined([prefix, kid, root, one, "", two, mac])),
        text("padding", "lease_spelling", &format!("{lease}=")),
        text("a line feed at the end", "lease_spelling", &format!("{lease}\n")),
        text("a space before it", "lease_spelling", &format!(" {lease}")),
        text("the other alphabet of base64", "lease_spelling", &joined([prefix, kid, root, one, "e+/=", mac])),
        text("a full stop that is another character", "lease_spelling", &lease.replace('.', "\u{3002}")),
        text("a version to come", "lease_spelling", &lease.replacen("alk1", "alk2", 1)),
        text("capitals", "lease_spelling", &lease.replacen("alk1", "ALK1", 1)),
        text("the bound form without a proof", "lease_spelling", &lease.replacen("alk1", "alp1", 1)),
        text("two leases in one text", "lease_spelling", &format!("{lease}.{other}")),
        text("a JWT without algorithm", "lease_spelling", jwt),
        text("no key id", "lease_spelling", &joined([prefix, "", root, one, two, mac])),
        text("a key id in capitals", "lease_spelling", &joined([prefix, "K1", root, one, two, mac])),
        text("a path as key id", "lease_spelling", &joined([prefix, "-/-/key", root, one, two, mac])),
        text("a key id that ends in zero", "lease_spelling", &joined([prefix, "k1\0", root, one, two, mac])),
        text("a key id that begins like one", "lease_key", &joined([prefix, "k11", root, one, two, mac])),
        text("a key id that is a beginning", "lease_key", &joined([prefix, "k", root, one, two, mac])),
    ]
}

/// Blocks that the issuer's key signed: what a thief of the key, or a faulty issuer, may try. `(from, to)` in the root block.
fn signed(root: &str, exp: u64) -> Vec<Attack> {
    let forged = |name, told, from: &str, to: &str| {
        assert!(root.contains(from), "{from} is not in {root}");
        attack(name, told, get("a", PATH, &forge::lease(root.replacen(from, to, 1).as_bytes(), &[])))
    };
    let exp = &format!("\"exp\":{exp}");
    vec![
        forged("an algorithm", "lease_block", "{\"aud\"", "{\"alg\":\"none\",\"aud\""),
        forged("a key id within", "lease_block", "\"nbf\"", "\"kid\":\"k1\",\"nbf\""),
        forged("an expiry beyond 2^53", "lease_block", exp, "\"exp\":9007199254740992"),
        forged("an expiry beyond 2^64", "lease_block", exp, "\"exp\":18446744073709551617"),
        forged("an expiry with exponent", "lease_block", exp, "\"exp\":1e10"),
        forged("a negative expiry", "lease_block", exp, "\"exp\":-1"),
        forged("an expiry as text", "lease_block", exp, "\"exp\":\"9999999999\""),
        forged("no expiry", "lease_block", &format!("{exp},"), ""),
        forged("two expiries", "lease_block", exp, &format!("{exp},\"exp\":9007199254740991")),
        forged("the last expiry there is", "beyond_grant", exp, "\"exp\":9007199254740991"),
        forged("a key spelled with an escape", "lease_block", "\"uses\"", "\"us\\u0065s\""),
        forged("a subject spelled with an escape", "lease_block", "agent:planner", "agent\\u003aplanner"),
        forged("a subject with a letter of another script", "beyond_grant", "agent:planner", "agent:pl\u{430}nner"),
        forged("a subject in capitals", "beyond_grant", "agent:planner", "Agent:planner"),
        forged("every tool", "beyond_grant", "[\"http_get_json\"]", "[\"*\"]"),
        forged("every host", "beyond_grant", "[\"api.open-meteo.com\"]", "[\"*\"]"),
        forged("nulls for lists", "lease_block", "[\"http_get_json\"]", "null"),
    ]
}

/// Caveats that say more than the lease: none of them gives anything, and what is no host or tool covers none.
fn widened(root: &str, lease: &str) -> Vec<Attack> {
    let behind = |name, told, caveat: &str, line: &dyn Fn(&str) -> String| {
        attack(name, told, line(&forge::lease(root.as_bytes(), &[caveat.as_bytes()])))
    };
    let own = |lease: &str| get("a", PATH, lease);
    let url = |url: &'static str| move |lease: &str| call("a", "http_get_json", &json!({ "url": url }), lease);
    let stats = |lease: &str| call("a", "airlock_usage_stats", &json!({}), lease);
    let shell = |lease: &str| call("a", "weather_hourly", &json!({"city": "Austin", "state": "TX"}), lease);
    let digests = [[1; 32], [2; 32]].map(|call| Caveat { call: Some(call), ..Caveat::default() });
    let two = digests.iter().fold(lease.to_owned(), |lease, caveat| attenuate(&lease, caveat).unwrap());
    vec![
        behind("all hosts in a caveat", "host_not_in_lease", r#"{"dom":["*"]}"#, &url("https://geocoding-api.open-meteo.com/")),
        behind("a host list of wildcards", "host_not_in_lease", r#"{"dom":["*.com","*.*"]}"#, &own),
        behind("a host in capitals", "host_not_in_lease", r#"{"dom":["API.open-meteo.com"]}"#, &own),
        behind("a host with a full stop behind it", "host_not_in_lease", r#"{"dom":["api.open-meteo.com."]}"#, &own),
        behind("a host with a space before it", "host_not_in_lease", r#"{"dom":[" api.open-meteo.com"]}"#, &own),
        behind("no hosts", "host_not_in_lease", r#"{"dom":[]}"#, &own),
        behind("all tools in a caveat", "tool_not_in_lease", r#"{"tools":["*","airlock_usage_stats"]}"#, &stats),
        behind("a tool of the grant in a caveat", "tool_not_in_lease", r#"{"tools":["weather_hourly"]}"#, &shell),
        behind("no tools", "tool_not_in_lease", r#"{"tools":[]}"#, &own),
        behind("uses twice", "lease_block", r#"{"uses":1,"uses":9000}"#, &own),
        behind("a space in a caveat", "lease_block", r#"{"uses": 1}"#, &own),
        behind("a member of the root in a caveat", "lease_block", r#"{"sub":"operator:auditor"}"#, &own),
        behind("an object in a list", "lease_block", r#"{"tools":[{}]}"#, &own),
        behind("a caveat that says nothing", "lease_block", "{}", &own),
        behind("no calls left", "uses_exhausted", r#"{"uses":0}"#, &own),
        behind("an expiry of zero", "lease_expired", r#"{"exp":0}"#, &own),
        attack("two calls at once in two caveats", "call_not_in_lease", get("a", PATH, &two)),
    ]
}

/// Calls whose carriers say two things, or one thing in another spelling.
fn carried(lease: &str, other: &str) -> Vec<Attack> {
    let url = json!({"url": format!("https://api.open-meteo.com{PATH}")});
    let with = |key: &str, value: &str| {
        let mut meta = leased(lease);
        meta[format!("dev.airlock/{key}")] = json!(value);
        call_with("a", "http_get_json", &url, &meta)
    };
    let both = |capability: &str, session: &str, intent: &str| {
        let mut arguments = url.clone();
        arguments["_capability"] = json!(capability);
        arguments["_context"] = json!({"session_id": session, "intent": intent});
        call_with("a", "http_get_json", &arguments, &leased(lease))
    };
    // The second of two members, as text: no JSON library writes that.
    let twice = |key: &str| {
        let line = call_with("a", "http_get_json", &url, &leased(lease));
        let member = format!("\"dev.airlock/lease\":\"{lease}\"");
        assert!(line.contains(&member), "{line}");
        line.replacen(&member, &format!("{member},\"{key}\":\"{other}\""), 1)
    };
    vec![
        attack("another lease among the arguments", "carrier_conflict", both(other, SESSION, INTENT)),
        attack("another session among the arguments", "carrier_conflict", both(lease, "s-2", INTENT)),
        attack("another intent among the arguments", "carrier_conflict", both(lease, SESSION, "send everything")),
        attack("the lease twice", "error -32600", twice("dev.airlock/lease")),
        attack("the lease twice, once with an escape", "error -32600", twice("dev.airlock\\u002flease")),
        attack("a session with another hyphen", "lease_session", with("session", "s\u{2011}1")),
        attack("a session with a space behind it", "lease_session", with("session", "s-1 ")),
        attack("a session with nothing to see in it", "lease_session", with("session", "s-\u{200b}1")),
        attack("a session in capitals", "lease_session", with("session", "S-1")),
        attack("an intent with a letter of another script", "lease_intent", with("intent", "look at the we\u{430}ther")),
        attack("an intent that goes on unseen", "intent_invalid", with("intent", &format!("{INTENT}\u{e0041}"))),
        attack("an intent of two lines", "lease_intent", with("intent", &format!("{INTENT}\nand then send it"))),
    ]
}

/// Presentations, which cover one call of one session.
fn presented(lease: &str) -> Vec<Attack> {
    let arguments = json!({"url": format!("https://api.open-meteo.com{PATH}")});
    let shown = |ts: u64, tool: &str| {
        let how = Presentation { ts, nonce: [9; 16] };
        present(lease, &how, tool, arguments.as_object().unwrap()).unwrap()
    };
    let now = Micros::now().seconds();
    let fresh = shown(now, "http_get_json");
    let elsewhere = {
        let mut meta = leased(&fresh);
        meta["dev.airlock/session"] = json!("s-2");
        call_with("a", "http_get_json", &arguments, &meta)
    };
    let forged = |name, line| Attack { recorded: "lease_mac", ..attack(name, "lease_invalid", line) };
    let plain = |lease: &str| call("a", "http_get_json", &arguments, lease);
    vec![
        forged("a presentation in another session", elsewhere),
        forged("a presentation for another tool", plain(&shown(now, "weather_hourly"))),
        forged("a presentation for a list", plain(&shown(now, "tools/list"))),
        forged("a presentation for other arguments", get("a", "/attacks/2", &fresh)),
        forged("another time", plain(&fresh.replacen(&format!(".{now}."), &format!(".{}.", now + 1), 1))),
        attack("a presentation made long ago", "lease_proof_time", plain(&shown(now - 3600, "http_get_json"))),
        attack("a presentation to come", "lease_proof_time", plain(&shown(now + 3600, "http_get_json"))),
        attack("the last time there is", "lease_proof_time", plain(&shown((1 << 53) - 1, "http_get_json"))),
    ]
}

/// A lease with two caveats for one call of [`PATH`], and another one with one caveat.
fn leases(place: &Place) -> (String, String) {
    let narrowed = |lease: &str, to: &str| attenuate(lease, &Caveat { to: Some(to.into()), ..Caveat::default() }).unwrap();
    let once = place.mint(&RootClaims { uses: 1, ..place.claims(&["http_get_json"]) });
    (narrowed(&narrowed(&once, "agent:one"), "agent:two"), narrowed(&place.lease(&["http_get_json"]), "agent:three"))
}

#[test]
fn no_attack_reaches_a_tool_or_costs_the_lease_a_call() {
    let program = abuse();
    let place = Place::new("abuse");
    let mut gateway = place.start(&program);
    gateway.ask(&discover("up"));
    let (lease, other) = leases(&place);
    let claims = RootClaims { uses: 1, ..place.claims(&["http_get_json"]) };
    let (root, exp) = (forge::root(&place.mint(&claims)), claims.exp);
    let attacks = [texts(&lease, &other), signed(&root, exp), widened(&root, &other), carried(&lease, &other), presented(&lease)];
    let come = web().come(PATH);
    let mut unexpected = Vec::new();
    for Attack { name, line, told, recorded } in attacks.iter().flatten() {
        let before = place.entries().len();
        let reply = gateway.ask(line);
        let entries = &place.entries()[before..];
        let denials: Vec<_> = entries.iter().map(|entry| (&entry["d"], &entry["why"], &entry["detail"])).collect();
        let (deny, why, detail) = (json!("deny"), json!(told), json!(recorded));
        let expected = match told.starts_with("error") {
            // What is no message has no decision.
            true => Vec::new(),
            false => vec![(&deny, &why, if recorded == told { &Value::Null } else { &detail })],
        };
        if reason(&reply) != *told || denials != expected {
            unexpected.push(format!("{name}: {told} expected, {reply} and {denials:?} came"));
        }
    }
    assert!(unexpected.is_empty(), "{}", unexpected.join("\n"));
    assert_eq!(web().come(PATH), come, "something was reached");
    // The lease is as good as before, once.
    let told: Vec<String> = (0..2).map(|_| reason(&gateway.ask(&get("a", PATH, &lease)))).collect();
    assert_eq!(told, ["ok", "uses_exhausted"]);
    gateway.finish();
}

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

/// Without a lease nothing of one is told, whatever stands in its place.
#[test]
fn what_is_no_text_is_no_lease() {
    let place = Place::new("abuse");
    let mut gateway = place.start(&abuse());
    for (value, told) in [
        (json!(null), "error -32602"),
        (json!([]), "error -32602"),
        (json!(1), "error -32602"),
        (json!({"alk1": 1}), "error -32602"),
        (json!(""), "lease_invalid"),
    ] {
        let mut meta = meta();
        meta["dev.airlock/lease"] = value.clone();
        for (key, text) in [("session", SESSION), ("intent", INTENT)] {
            meta[format!("dev.airlock/{key}")] = json!(text);
        }
        let reply = gateway.ask(&call_with("n", "http_get_json", &json!({"url": "https://api.open-meteo.com/none"}), &meta));
        assert_eq!(reason(&reply), told, "{value}: {reply}");
    }
    gateway.finish();
    assert_eq!(web().come("/none"), 0);
}
