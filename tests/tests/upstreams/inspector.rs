//! The MCP Inspector's command line in front of a gateway: it lists tools, shows a lease as metadata of a call, and sees a refusal as a result.

use crate::scene::{TOKEN, hostile, told};
use airlock_tests::clients::{inspector, said};
use airlock_tests::place::{INTENT, Place, SESSION};
use serde_json::{Value, json};

/// What the Inspector prints for a method.
fn inspect(place: &Place, more: &[String]) -> Value {
    let mut command = inspector(&[hostile().to_str().unwrap().to_owned()], place.dir());
    let variables = [
        format!("AIRLOCK_KEY_FILE={}", place.key_file().display()),
        format!("AIRLOCK_LEDGER_DIR={}", place.ledger().display()),
        format!("UPSTREAM_TOKEN={TOKEN}"),
    ];
    let output = command.args(variables.iter().flat_map(|variable| ["-e", variable])).args(more).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|fault| panic!("{fault}: {}", said(&output)))
}

#[test]
fn the_inspector_lists_calls_and_sees_refusals() {
    let place = Place::new("hostile");
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let listed = inspect(&place, &words(&["--method", "tools/list"]));
    let names: Vec<&str> = listed["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"legacy.act") && names.contains(&"modern.fixed"), "{names:?}");
    let mut claims = place.claims(&["legacy.act"]);
    claims.dom = Vec::new();
    let call = words(&["--method", "tools/call", "--tool-name", "legacy.act", "--tool-arg", "do=echo", "--tool-arg", "text=hi"]);
    let shown = [("lease", place.mint(&claims).as_str()), ("session", SESSION), ("intent", INTENT)]
        .map(|(name, value)| format!("dev.airlock/{name}={value}"));
    let leased = [call.clone(), words(&["--tool-metadata"]), shown.to_vec()].concat();
    let result = inspect(&place, &leased);
    assert_eq!(told(&json!({"result": result})), "hi", "{result}");
    let refused = inspect(&place, &call);
    assert_eq!(told(&json!({"result": refused})), "lease_missing", "{refused}");
}
