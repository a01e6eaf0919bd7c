//! Resources and prompts: advertised, listed and read where a gateway has them, and not there otherwise.

use super::*;
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
