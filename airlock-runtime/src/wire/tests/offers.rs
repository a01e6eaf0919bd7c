//! Resources and prompts: advertised, listed and read where a gateway has them, and not there otherwise.

use super::*;
use crate::policy::upstream::Listed;
use crate::wire::listen::{self, WATCHED_MAX};
use crate::wire::{Catalogue, Id, Offered, Offers, URI_MAX};
use serde_json::{Map, Value};

fn offered(tool: &str, members: Value) -> Offered {
    let members: Map<String, Value> = members.as_object().cloned().unwrap();
    Offered { tool: tool.to_owned(), title: Some("Title".to_owned()), members }
}

fn offers() -> Offers {
    Offers {
        completes: false,
        logs: false,
        watches: false,
        tells: Vec::new(),
        resources: vec![offered("a.one", json!({"name": "a.one", "uri": "test://one"}))],
        templates: vec![offered("a.all", json!({"name": "a.all", "uriTemplate": "test://all/{+rest}"}))],
        prompts: vec![offered("a.say", json!({"name": "a.say", "arguments": []}))],
    }
}

/// What a line is answered with, or what is to be judged.
fn told(connection: &mut Connection, line: &str) -> Value {
    match connection.receive(line.as_bytes()) {
        Received::Reply(reply) => serde_json::from_str(&reply).unwrap(),
        Received::Call(call) => json!([format!("{:?}", call.target), call.name, call.arguments]),
        Received::Unwatch(uri, reply) => json!([uri, serde_json::from_str::<Value>(&reply).unwrap()["result"]]),
        Received::Listen(listen) => {
            let targets: Vec<String> = listen.watches.iter().map(|watch| format!("{:?}", watch.target)).collect();
            json!([listen.lists.iter().map(|list| list.word()).collect::<Vec<_>>(), targets])
        }
        other => panic!("{other:?}"),
    }
}

const METHODS: [&str; 5] = ["resources/list", "resources/templates/list", "resources/read", "prompts/list", "prompts/get"];

#[test]
fn what_is_not_there_is_no_method() {
    for method in METHODS {
        let reply = told(&mut connection(), &modern("1", method, r#","uri":"test://one","name":"a.say""#));
        assert_eq!(reply["error"]["code"], -32601, "{method}");
        let reply = told(&mut legacy(Revision::R2025_11_25), &plain("1", method, r#""uri":"test://one","name":"a.say""#));
        assert_eq!(reply["error"]["code"], -32601, "{method}");
    }
    let mut prompts_alone = connection().with_offers(Offers { prompts: offers().prompts, ..Offers::default() });
    assert_eq!(told(&mut prompts_alone, &modern("1", "resources/list", ""))["error"]["code"], -32601);
    let discovered = told(&mut prompts_alone, &modern("2", "server/discover", ""));
    assert_eq!(discovered["result"]["capabilities"], json!({"tools": {}, "prompts": {}}));
}

#[test]
fn lists_have_the_form_of_the_revision() {
    let mut connection = super::connection().with_offers(offers());
    let listed = told(&mut connection, &modern("1", "resources/list", ""));
    assert_eq!(listed["result"]["resources"], json!([{"name": "a.one", "title": "Title", "uri": "test://one"}]));
    assert_eq!((&listed["result"]["ttlMs"], &listed["result"]["cacheScope"]), (&json!(300_000), &json!("private")));
    let listed = told(&mut connection, &modern("2", "resources/templates/list", ""));
    assert_eq!(listed["result"]["resourceTemplates"][0]["uriTemplate"], "test://all/{+rest}");
    assert_eq!(told(&mut connection, &modern("3", "prompts/list", r#","cursor":"x""#))["error"]["code"], -32602);
    let mut old = legacy(Revision::R2025_03_26).with_offers(offers());
    let listed = told(&mut old, &plain("1", "prompts/list", ""));
    assert_eq!(listed["result"], json!({"prompts": [{"arguments": [], "name": "a.say"}]}));
    let line = connection.reply_list(Revision::MODERN, &Id::Int(9), Catalogue::Prompts, &["a.one"], 7);
    assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["result"]["prompts"], json!([]));
}

#[test]
fn reads_are_judged_by_their_uri_and_prompts_by_their_name() {
    let mut connection = connection().with_offers(offers());
    let read =
        told(&mut connection, &modern("1", "resources/read", r#","uri":"test://\u006fne","arguments":{"uri":"test://two"}"#));
    assert_eq!(read, json!([r#"Resource("test://one")"#, "", {"uri": "test://one"}]));
    let get = told(&mut connection, &modern("2", "prompts/get", r#","name":"a.say","arguments":{"x":"y"}"#));
    assert_eq!(get, json!(["Prompt", "a.say", {"x": "y"}]));
    let long = format!(r#","uri":"{}""#, "x".repeat(URI_MAX + 1));
    for params in ["", r#","uri":1"#, r#","uri":"""#, r#","uri":["test://one"]"#, &long] {
        let reply = told(&mut connection, &modern("3", "resources/read", params));
        assert_eq!(reply["error"]["code"], -32602, "{params:.20}");
    }
    for params in ["", r#","name":"a b""#, r#","name":"a.say","arguments":[]"#] {
        assert_eq!(told(&mut connection, &modern("3", "prompts/get", params))["error"]["code"], -32602, "{params}");
    }
}

/// Offers of a gateway that tells of changes.
fn telling() -> Offers {
    Offers { watches: true, tells: vec![Listed::Tools, Listed::Prompts], ..offers() }
}

#[test]
fn changes_are_told_in_the_way_of_each_era() {
    let subscribe = |method: &str, params: &str| plain("1", method, params);
    let mut old = legacy(Revision::R2024_11_05).with_offers(telling());
    assert_eq!(
        told(&mut old, &subscribe("resources/subscribe", r#""uri":"test://one""#)),
        json!([r#"Subscription("test://one")"#, "", {"uri": "test://one"}])
    );
    let _ = old.finish(&Id::Int(1));
    assert_eq!(told(&mut old, &subscribe("resources/unsubscribe", r#""uri":"test://one""#)), json!(["test://one", {}]));
    assert_eq!(told(&mut old, &subscribe("resources/unsubscribe", ""))["error"]["code"], -32602);
    let wants = |filter: &str| modern("7", "subscriptions/listen", &format!(r#","notifications":{filter}"#));
    assert_eq!(told(&mut old, &subscribe("subscriptions/listen", r#""notifications":{}"#))["error"]["code"], -32601);
    for (filter, expected) in [
        ("{}", json!([[], []])),
        (r#"{"toolsListChanged":true,"promptsListChanged":false,"resourcesListChanged":true}"#, json!([["tools"], []])),
        (
            r#"{"promptsListChanged":true,"resourceSubscriptions":["test://one","a:b","test://one"]}"#,
            json!([["prompts"], [r#"Subscription("test://one")"#, r#"Subscription("a:b")"#]]),
        ),
    ] {
        let mut connection = connection().with_offers(telling());
        assert_eq!(told(&mut connection, &wants(filter)), expected, "{filter}");
        assert_eq!(told(&mut connection, &wants(filter))["error"]["code"], -32600, "its id is open");
        assert!(connection.is_working(&Id::Int(7)));
        let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}"#;
        assert!(matches!(connection.receive(cancel.as_bytes()), Received::Cancel(Id::Int(7))));
        assert!(!connection.is_working(&Id::Int(7)) && !connection.finish(&Id::Int(7)), "nothing more is sent for it");
    }
    let mut connection = connection().with_offers(telling());
    let many =
        format!(r#"{{"resourceSubscriptions":{}}}"#, json!((0..=WATCHED_MAX).map(|n| format!("a:{n}")).collect::<Vec<_>>()));
    for filter in [
        "[]",
        "null",
        r#"{"toolsListChanged":1}"#,
        r#"{"resourceSubscriptions":"a:b"}"#,
        r#"{"resourceSubscriptions":[""]}"#,
        &many,
    ] {
        assert_eq!(told(&mut connection, &wants(filter))["error"]["code"], -32602, "{filter:.40}");
    }
    for method in ["resources/subscribe", "resources/unsubscribe"] {
        assert_eq!(told(&mut connection, &modern("8", method, r#","uri":"test://one""#))["error"]["code"], -32601);
    }
    let discovered = told(&mut connection, &modern("9", "server/discover", ""));
    let capabilities =
        json!({"tools": {"listChanged": true}, "resources": {"subscribe": true}, "prompts": {"listChanged": true}});
    assert_eq!(discovered["result"]["capabilities"], capabilities);
}

/// Without an upstream that tells there is nothing to listen to.
#[test]
fn what_nobody_tells_of_is_no_method() {
    let line = modern("1", "subscriptions/listen", r#","notifications":{"toolsListChanged":true}"#);
    assert_eq!(told(&mut connection().with_offers(offers()), &line)["error"]["code"], -32601);
    let line = plain("1", "resources/subscribe", r#""uri":"test://one""#);
    assert_eq!(told(&mut legacy(Revision::R2025_11_25).with_offers(offers()), &line)["error"]["code"], -32601);
}

#[test]
fn lines_of_changes_say_what_they_are_for() {
    let value = |line: String| serde_json::from_str::<Value>(&line).unwrap();
    let id = Id::Str("l".to_owned());
    let tag = json!({"io.modelcontextprotocol/subscriptionId": "l"});
    assert_eq!(
        value(listen::acknowledged(&id, &[Listed::Tools], &["a:b".to_owned()])),
        json!({"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged",
               "params": {"notifications": {"toolsListChanged": true, "resourceSubscriptions": ["a:b"]}, "_meta": tag}})
    );
    assert_eq!(value(listen::updated("a:b", Some(&id)))["params"], json!({"uri": "a:b", "_meta": tag}));
    assert_eq!(value(listen::updated("a:b", None))["params"], json!({"uri": "a:b"}));
    assert_eq!(
        value(listen::list_changed(Listed::Prompts, None)),
        json!({"jsonrpc": "2.0", "method": "notifications/prompts/list_changed"})
    );
    assert_eq!(value(listen::list_changed(Listed::Prompts, Some(&id)))["params"], json!({"_meta": tag}));
    let end = value(connection().reply_listened(&id));
    assert_eq!((&end["id"], &end["result"]["resultType"]), (&json!("l"), &json!("complete")));
    assert_eq!(end["result"]["_meta"]["io.modelcontextprotocol/subscriptionId"], "l");
}

/// Where a lease is around, a list that shows none is judged all the same.
#[test]
fn lists_are_judged_where_a_lease_is_around() {
    let mut connection = connection().with_offers(offers()).surrounded(true);
    assert!(matches!(connection.receive(modern("1", "tools/list", "").as_bytes()), Received::List(_)));
    let mut bare = super::connection().with_offers(offers());
    assert!(matches!(bare.receive(modern("1", "tools/list", "").as_bytes()), Received::Reply(_)));
}
