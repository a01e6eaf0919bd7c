//! A place with credentials, and the calls of one session after the other.

use airlock_runtime::lease::intent_hash;
use airlock_tests::built::rest;
use airlock_tests::message::{call_with, meta};
use airlock_tests::place::Place;
use airlock_tests::process::Gateway;
use airlock_tests::recorder::recorder;
use serde_json::{Value, json};
use std::process::Command;

/// Credentials that occur nowhere by chance.
pub(crate) const TOKEN: &str = "tok-7d1c/9+aa55-of-the-tests=";
pub(crate) const KEY: &str = "key-55e0c2b1-of-the-tests";
pub(crate) const LOGIN: &str = "robot:correct-horse-of-the-tests";

/// Every tool of the gateway's grant but the wide ones.
pub(crate) const TOOLS: [&str; 9] = ["bounded", "careful", "find", "mirror", "much", "pick", "post", "remove", "slow"];

pub(crate) fn command(place: &Place) -> Command {
    let mut command = place.command(&rest());
    command.env("REST_TOKEN", TOKEN).env("REST_KEY", KEY).env("REST_LOGIN", LOGIN);
    command
}

pub(crate) fn start(place: &Place) -> Gateway {
    Gateway::start(command(place))
}

/// A gateway whose bearer token no other test sends: the service is shared, and this tells whose request it got.
pub(crate) fn start_with(place: &Place, token: &str) -> Gateway {
    let mut command = command(place);
    command.env("REST_TOKEN", token);
    Gateway::start(command)
}

/// Requests that carried a token.
pub(crate) fn sent_with(token: &str) -> usize {
    recorder().of("/").iter().filter(|sent| sent.contains(token)).count()
}

/// `_meta` with a new lease for these tools in a session.
pub(crate) fn leased(place: &Place, session: &str, tools: &[&str]) -> Value {
    let mut claims = place.claims(tools);
    claims.sid = session.into();
    claims.dom = vec!["a.files.example.com".into(), "tickets.example.com".into()];
    claims.risk = 1000;
    claims.ih = intent_hash("do it").unwrap();
    let mut meta = meta();
    for (key, value) in [("lease", place.mint(&claims).as_str()), ("session", session), ("intent", "do it")] {
        meta[format!("dev.airlock/{key}")] = json!(value);
    }
    meta
}

/// One call; gives its reply.
pub(crate) fn ask(gateway: &mut Gateway, place: &Place, session: &str, tool: &str, arguments: Value) -> Value {
    let tools = if tool.starts_with("wide") { vec![tool] } else { TOOLS.to_vec() };
    gateway.ask(&call_with(format!("{tool}:1"), tool, &arguments, &leased(place, session, &tools)))
}

/// What came of a call: `ok`, the reason of a refusal (with the error of a client that cannot ask its user), or the status of an
/// effect that failed.
pub(crate) fn end(reply: &Value) -> &str {
    let told = &reply["result"]["structuredContent"];
    let told = if told.is_null() { &reply["error"]["data"] } else { told };
    match (reply["result"]["isError"].as_bool(), told["reason"].as_str(), told["outcome"].as_str()) {
        (Some(false), _, _) => "ok",
        (_, Some(reason), _) => reason,
        (_, _, Some(outcome)) => outcome,
        _ => panic!("no decision in {reply}"),
    }
}
