//! Gateways in shadow mode: what is made although it would be refused, what is not, and who is told.

use crate::scene::{TOKEN, reviewed};
use airlock_tests::built::{gateway_with, run};
use airlock_tests::clients::{SERVERS, program};
use airlock_tests::message::{call, call_with, leased, meta, reason, request};
use airlock_tests::place::Place;
use airlock_tests::process::Gateway;
use airlock_tests::upstreams::{Upstream, head, manifest};
use serde_json::{Value, json};
use std::path::PathBuf;

/// `hostile.py` as an honest server and as one whose definition of `act` is another, in a gateway that enforces or does not.
fn built(mode: &str) -> PathBuf {
    let command = |era: &str| vec![program("python3"), format!("{SERVERS}/hostile.py"), era.to_owned()];
    let reviewed: Vec<_> = reviewed().into_iter().filter(|tool| tool["name"] == "act").collect();
    let upstreams = ["legacy", "drifted"].map(|era| {
        let mut upstream = Upstream::new(if era == "legacy" { "honest" } else { "drifted" }, command(era), reviewed.clone());
        upstream.lines = "env.TOKEN = { secret = \"UPSTREAM_TOKEN\" }\n".into();
        upstream.tool_lines = "effect = \"read\"\nargs.text = { max_length = 20 }\nlimits = { timeout = \"20s\" }\n".into();
        upstream
    });
    let head = head("shadow").replace("name = \"shadow\"\n", &format!("name = \"shadow\"\nmode = \"{mode}\"\n"));
    let (manifest, files) = manifest(&head, "shadow", &upstreams);
    gateway_with(&manifest, &files)
}

struct Scene {
    place: Place,
    gateway: Gateway,
    lease: String,
    ids: u64,
}

impl Scene {
    fn new(mode: &str) -> Self {
        let place = Place::new("shadow");
        let mut command = place.command(&built(mode));
        command.env("UPSTREAM_TOKEN", TOKEN);
        let gateway = Gateway::start(command);
        let mut claims = place.claims(&["honest.act", "drifted.act"]);
        claims.dom = Vec::new();
        let lease = place.mint(&claims);
        Self { place, gateway, lease, ids: 0 }
    }

    fn ask(&mut self, line: impl Fn(u64) -> String) -> Value {
        self.ids += 1;
        self.gateway.send(&line(self.ids));
        self.gateway.reply(self.ids)
    }

    /// A call without a lease.
    fn bare(&mut self, tool: &str, arguments: &Value) -> Value {
        self.ask(|id| call_with(id, tool, arguments, &meta()))
    }

    fn leased(&mut self, tool: &str, arguments: &Value) -> Value {
        let lease = self.lease.clone();
        self.ask(|id| call(id, tool, arguments, &lease))
    }

    fn newest(&self) -> Value {
        self.place.entries_of("decision").pop().unwrap()
    }
}

fn echo(text: &str) -> Value {
    json!({"do": "echo", "text": text})
}

#[test]
fn a_refused_call_is_made_and_told() {
    let mut scene = Scene::new("shadow");
    let reply = scene.bare("honest.act", &echo("hi"));
    let (result, decision) = (&reply["result"], &reply["result"]["_meta"]["dev.airlock/decision"]);
    assert_eq!(result["content"][0]["text"], "hi", "{reply}");
    let note = result["content"][1]["text"].as_str().unwrap();
    assert!(note.starts_with("[Airlock] This gateway is in shadow mode.") && note.contains("(lease_missing)"), "{note}");
    assert_eq!((decision["decision"].as_str(), decision["would"].as_str()), (Some("shadow"), Some("deny")));
    assert_eq!(decision["reason"], "lease_missing");
    let entry = scene.newest();
    assert_eq!(
        (entry["d"].as_str(), entry["why"].as_str(), entry["sub"].as_str()),
        (Some("shadow"), Some("lease_missing"), Some(""))
    );
    assert!(entry["sid"].as_str().unwrap().starts_with("shadow-"), "{entry}");
    assert_eq!(decision["ledger_seq"], entry["seq"]);
    let outcome = scene.place.entries_of("outcome").pop().unwrap();
    assert_eq!((&outcome["call"], &outcome["ok"]), (&entry["call"], &json!(true)));
    // With a good lease there is nothing to tell.
    let reply = scene.leased("honest.act", &echo("hi"));
    assert_eq!(reason(&reply), "ok");
    assert_eq!(reply["result"]["content"].as_array().unwrap().len(), 1, "{reply}");
    // A rule of the manifest.
    let reply = scene.leased("honest.act", &echo(&"x".repeat(21)));
    assert_eq!((reason(&reply).as_str(), scene.newest()["why"].as_str()), ("shadow", Some("argument_invalid")));
    assert_eq!(scene.newest()["sub"], "agent:planner");
    // A failure of the tool is told as one.
    let reply = scene.bare("honest.act", &json!({"do": "secret"}));
    assert_eq!(reply["result"]["structuredContent"]["outcome"], "secret_in_result");
    assert_eq!(reply["result"]["structuredContent"]["decision"], "shadow");
    assert!(reply["result"]["content"][0]["text"].as_str().unwrap().contains("shadow mode"), "{reply}");
    let listed = scene.ask(|id| request(id, "tools/list", &json!({"_meta": leased("alk1.no.lease.at-all")})));
    assert_eq!(listed["result"]["tools"].as_array().map(Vec::len), Some(2), "{listed}");
    let ledger = scene.place.ledger();
    let stderr = scene.gateway.finish();
    assert!(stderr.contains("SHADOW MODE") && !stderr.contains(TOKEN), "{stderr}");
    let stats = run(&["stats", ledger.to_str().unwrap()]);
    let told = String::from_utf8_lossy(&stats.stdout).into_owned();
    assert!(told.contains("refused and made all the same, in shadow mode: 3"), "{told}");
    let verified = run(&["verify-log", ledger.to_str().unwrap()]);
    assert_eq!(verified.status.code(), Some(3), "intact, and nobody kept its key: {verified:?}");
}

#[test]
fn what_cannot_be_done_safely_is_refused_all_the_same() {
    let mut scene = Scene::new("shadow");
    assert_eq!(reason(&scene.bare("honest.nothing", &json!({}))), "error -32602");
    // The reviewed schema, whatever else stands against the call.
    assert_eq!(reason(&scene.bare("honest.act", &json!({"do": "echo", "more": 1}))), "lease_missing");
    let lease = scene.lease.clone();
    let handed = scene.leased("honest.act", &echo(&lease));
    assert_eq!(reason(&handed), "lease_in_arguments");
    let twice = scene.ask(|id| {
        let mut arguments = echo("hi");
        arguments["_capability"] = json!("x");
        call(id, "honest.act", &arguments, &lease)
    });
    assert_eq!(reason(&twice), "carrier_refused");
    // The call that finds out is made under the reviewed definition; from then on it is held.
    let found = scene.bare("drifted.act", &echo("hi"));
    assert_eq!(found["result"]["structuredContent"]["outcome"], "definition_drift", "{found}");
    assert_eq!(reason(&scene.bare("drifted.act", &echo("hi"))), "lease_missing");
    assert_eq!(reason(&scene.leased("drifted.act", &echo("hi"))), "definition_drift");
    // What is revoked is revoked, also where something else is wrong with the call.
    let ledger = scene.place.ledger();
    let revoked = run(&["revoke", "--ledger", ledger.to_str().unwrap(), "--subject", "agent:planner", "--why", "test"]);
    assert!(revoked.status.success(), "{revoked:?}");
    assert_eq!(reason(&scene.leased("honest.act", &echo("hi"))), "lease_revoked");
    assert_eq!(reason(&scene.leased("honest.act", &echo(&"x".repeat(21)))), "lease_revoked");
    assert_eq!(reason(&scene.bare("honest.act", &echo("hi"))), "shadow");
    std::fs::write(ledger.join("kill"), "").unwrap();
    assert_eq!(reason(&scene.bare("honest.act", &echo("hi"))), "killed");
    std::fs::remove_file(ledger.join("kill")).unwrap();
    assert_eq!(reason(&scene.bare("honest.act", &echo("hi"))), "shadow");
    let made = scene.place.entries_of("decision").iter().filter(|entry| entry["d"] == "shadow").count();
    assert_eq!(made, 3, "{:?}", scene.place.entries_of("decision"));
    scene.gateway.finish();
}

#[test]
fn a_gateway_that_enforces_lets_nothing_through() {
    let mut scene = Scene::new("enforce");
    assert_eq!(reason(&scene.bare("honest.act", &echo("hi"))), "lease_missing");
    assert_eq!(reason(&scene.leased("honest.act", &echo(&"x".repeat(21)))), "argument_invalid");
    assert!(!scene.gateway.finish().contains("SHADOW"), "nothing to say");
    let said = |mode: &str, argument: &str| {
        let output = std::process::Command::new(built(mode)).arg(argument).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(said("shadow", "--version").contains("SHADOW MODE") && !said("enforce", "--version").contains("SHADOW"));
    assert!(
        said("shadow", "--policy").contains("\"mode\": \"shadow\"")
            && said("enforce", "--policy").contains("\"mode\": \"enforce\"")
    );
}

/// A call without any lease goes on, so what an agent puts into the wrong argument would go to the server.
#[test]
fn no_lease_goes_to_a_server_in_a_wrong_place() {
    let mut scene = Scene::new("shadow");
    let lease = scene.lease.clone();
    for arguments in [echo(&lease), json!({"do": "echo", "text": "x", "capability": lease}), echo(&format!("it is {lease}."))] {
        let reply = scene.bare("honest.act", &arguments);
        assert_eq!(reason(&reply), "lease_in_arguments", "{reply}");
        assert_eq!(scene.newest()["d"], "deny");
    }
    // Whoever ends everything is heard by a list, too, whatever is wrong with its lease.
    std::fs::write(scene.place.ledger().join("kill"), "").unwrap();
    let listed = scene.ask(|id| request(id, "tools/list", &json!({"_meta": leased("alk1.no.lease.at-all")})));
    assert!(listed["result"]["tools"].is_null(), "{listed}");
}
