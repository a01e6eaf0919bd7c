//! Being told of changes: subscriptions to resources and lists, of clients of both eras, from servers of both.

use crate::offers::{Scene, told};
use airlock_runtime::lease::inspect::inspect;
use airlock_tests::built::airlock;
use airlock_tests::message::cancel;
use airlock_tests::place::Place;
use serde_json::{Value, json};

const ERAS: [&str; 2] = ["modern", "legacy"];
const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

impl Scene {
    /// Subscribes to a resource, in the way of the client's era; the id that lines of it have in `_meta`, or why not.
    fn subscribe(&mut self, uri: &str) -> Result<Value, String> {
        self.subscribe_with(uri, true)
    }

    fn subscribe_with(&mut self, uri: &str, has_lease: bool) -> Result<Value, String> {
        if !self.is_modern {
            let reply = self.ask("resources/subscribe", json!({"uri": uri}), has_lease);
            return if reply.get("result").is_some() { Ok(Value::Null) } else { Err(told(&reply)) };
        }
        let id = self.send("subscriptions/listen", json!({"notifications": {"resourceSubscriptions": [uri]}}), has_lease);
        let first = self.gateway.next_reply();
        if first["id"] == id {
            return Err(told(&first));
        }
        assert_eq!(first["method"], "notifications/subscriptions/acknowledged", "{first}");
        assert_eq!(first["params"], json!({"notifications": {"resourceSubscriptions": [uri]}, "_meta": {SUBSCRIPTION: id}}));
        Ok(json!(id))
    }

    fn unsubscribe(&mut self, uri: &str, id: &Value) {
        if self.is_modern {
            self.gateway.send(&cancel(id.clone()));
        } else {
            assert_eq!(self.ask("resources/unsubscribe", json!({"uri": uri}), false)["result"], json!({}));
        }
    }

    /// The next line is that this resource changed.
    fn hears(&mut self, uri: &str, id: &Value) {
        let line = self.gateway.next_reply();
        let expected = if self.is_modern { json!({"uri": uri, "_meta": {SUBSCRIPTION: id}}) } else { json!({"uri": uri}) };
        assert_eq!((&line["method"], &line["params"]), (&json!("notifications/resources/updated"), &expected), "{line}");
    }

    /// Has the server do something that is answered; what was told besides.
    fn act(&mut self, uri: &str, expected: &str) -> Vec<Value> {
        let id = self.send("resources/read", json!({"uri": uri}), true);
        let mut besides = Vec::new();
        loop {
            let line = self.gateway.next_reply();
            if line["id"] == id {
                assert_eq!(told(&line), expected);
                return besides;
            }
            besides.push(line);
        }
    }

    /// What the server says of its subscriptions, once it has said it.
    fn watched(&mut self, era: &str, expected: &Value) {
        let uri = format!("test://{era}/a/watched");
        let mut said = Value::Null;
        for _ in 0..200 {
            // A change may be told meanwhile; what that says is looked at elsewhere.
            said = serde_json::from_str(&self.read(&uri)).unwrap();
            if said == *expected {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        panic!("{era}: {said}");
    }
}

#[test]
fn changes_of_resources_reach_who_subscribed_in_all_pairings() {
    for is_modern in [true, false] {
        let mut scene = Scene::new(is_modern, &[]);
        for era in ERAS {
            let uri = |end: &str| format!("test://{era}/a/{end}");
            let words = uri("words");
            let id = scene.subscribe(&words).unwrap();
            scene.watched(era, &json!([[words], []]));
            // What the server says of a part of it is told as a change of it, in none of the server's words.
            let mut lines = scene.act(&uri("touch"), "touched");
            if lines.is_empty() {
                lines.push(scene.gateway.next_reply());
            }
            let expected = if is_modern { json!({"uri": words, "_meta": {SUBSCRIPTION: id}}) } else { json!({"uri": words}) };
            assert_eq!((lines.len(), &lines[0]["params"]), (1, &expected), "{lines:?}");
            assert_eq!(lines[0]["method"], "notifications/resources/updated");
            // A flood is a line or two, and holds up nobody.
            let before = scene.act(&uri("flood"), "flooded").len();
            let after = scene.act(&uri("stray"), "strayed").len();
            assert!(before + after <= 2, "{before} {after}");
            scene.unsubscribe(&words, &id);
            scene.watched(era, &json!([[], ["unsubscribed"]]));
            let _ = scene.act(&uri("touch"), "touched");
            assert_eq!(scene.act(&uri("x"), "x"), [] as [Value; 0], "nothing comes after the end");
        }
        let decisions = scene.place.entries_of("decision");
        let of = |entry: &&Value| entry["tool"].as_str().is_some_and(|tool| tool.ends_with(".changes"));
        let recorded: Vec<String> =
            decisions.iter().filter(of).map(|entry| format!("{} {}", entry["tool"], entry["d"])).collect();
        assert_eq!(recorded, ERAS.map(|era| format!(r#""{era}.changes" "allow""#)));
        let calls: Vec<&Value> = decisions.iter().filter(of).map(|entry| &entry["call"]).collect();
        let outcomes = scene.place.entries_of("outcome");
        assert!(calls.iter().all(|call| outcomes.iter().any(|entry| entry["call"] == **call && entry["status"] == "ok")));
        scene.gateway.finish();
    }
}

pub(crate) fn revoke(place: &Place, lease: &str) {
    let jti = inspect(lease).unwrap().root.jti_text();
    let mut command = airlock(&["revoke", "--jti", &jti, "--why", "test", "--ledger"]);
    let output = command.arg(place.ledger()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_subscription_needs_its_entry_and_its_lease() {
    for is_modern in [true, false] {
        let mut scene = Scene::new(is_modern, &["modern.below", "legacy.below", "legacy.changes"]);
        let unknown = if is_modern { "-32602" } else { "-32002" };
        assert_eq!(scene.subscribe_with("test://legacy/a/x", false).unwrap_err(), "-32602 lease_missing");
        assert_eq!(
            scene.subscribe("test://modern/a/x").unwrap_err(),
            "-32602 tool_not_in_lease",
            "who may read need not be told"
        );
        assert_eq!(
            scene.subscribe("test://legacy/once").unwrap_err(),
            format!("{unknown} unknown_tool"),
            "no subscription lists it"
        );
        assert_eq!(scene.subscribe("test://legacy/a/../x").unwrap_err(), "-32602 argument_invalid");
        let long = format!("test://legacy/a/{}", "x".repeat(60));
        assert_eq!(scene.subscribe(&long).unwrap_err(), "-32602 argument_invalid", "a rule of the manifest");
        let refused = scene.subscribe("test://legacy/a/closed").unwrap_err();
        assert_eq!(refused, format!("{unknown} upstream_refused"), "the server does not tell");
        let id = scene.subscribe("test://legacy/a/words").unwrap();
        // Nothing is told to whose lease is gone: the subscription ends.
        let mut claims = scene.place.claims(&["legacy.below"]);
        claims.dom = Vec::new();
        let other = scene.place.mint(&claims);
        revoke(&scene.place, &std::mem::replace(&mut scene.lease, other));
        let mut lines = scene.act("test://legacy/a/touch", "touched");
        lines.extend(scene.act("test://legacy/a/x", "x"));
        if is_modern && lines.is_empty() {
            lines.push(scene.gateway.next_reply());
        }
        assert!(lines.iter().all(|line| line["id"] == id && line["result"]["resultType"] == "complete"), "{lines:?}");
        assert_eq!(lines.len(), usize::from(is_modern));
        scene.watched("legacy", &json!([[], ["unsubscribed"]]));
        scene.gateway.finish();
    }
}

/// What an operator ended is ended, also where a refusal lets through.
#[test]
fn a_subscription_that_shadow_mode_let_through_ends_with_its_lease() {
    for is_modern in [true, false] {
        let mut scene = Scene::in_shadow(is_modern, &["legacy.below"]);
        let (words, touch) = ("test://legacy/a/words", "test://legacy/a/touch");
        let id = scene.subscribe(words).unwrap();
        let newest = scene.place.entries_of("decision").pop().unwrap();
        assert_eq!((&newest["d"], &newest["why"]), (&json!("shadow"), &json!("tool_not_in_lease")));
        let told = scene.act(touch, "touched").pop();
        let told = told.unwrap_or_else(|| scene.gateway.next_reply());
        assert_eq!((&told["method"], &told["params"]["uri"]), (&json!("notifications/resources/updated"), &json!(words)));
        let mut claims = scene.place.claims(&["legacy.below"]);
        claims.dom = Vec::new();
        let other = scene.place.mint(&claims);
        revoke(&scene.place, &std::mem::replace(&mut scene.lease, other));
        let mut lines = scene.act(touch, "touched");
        scene.watched("legacy", &json!([[], ["unsubscribed"]]));
        scene.gateway.close();
        lines.extend(scene.gateway.rest());
        assert!(lines.iter().all(|line| line["method"].is_null()), "{lines:?}");
        assert_eq!(lines.iter().filter(|line| line["id"] == id).count(), usize::from(is_modern), "{lines:?}");
    }
}

#[test]
fn a_subscription_goes_on_when_its_server_is_started_anew() {
    for is_modern in [true, false] {
        let mut scene = Scene::new(is_modern, &[]);
        for era in ERAS {
            let words = format!("test://{era}/a/words");
            let id = scene.subscribe(&words).unwrap();
            let _ = scene.act(&format!("test://{era}/a/exit"), "-32603 upstream_ended");
            // What changed meanwhile nobody knows, so that is one.
            let besides = scene.act(&format!("test://{era}/a/x"), "x");
            if besides.is_empty() {
                scene.hears(&words, &id);
            }
            scene.watched(era, &json!([[words], []]));
            scene.unsubscribe(&words, &id);
        }
        scene.gateway.finish();
    }
}

#[test]
fn a_listen_ends_as_its_client_or_the_server_wants() {
    let mut scene = Scene::new(true, &[]);
    let listen = |uris: &[&str]| json!({"notifications": {"resourceSubscriptions": uris, "promptsListChanged": true, "toolsListChanged": true}});
    // What is refused is left out, and the rest is honoured: of the lists that of which the manifest lets a server tell.
    let id =
        scene.send("subscriptions/listen", listen(&["test://modern/a/x", "test://nowhere/x", "test://legacy/a/closed"]), true);
    let honoured = scene.gateway.next_reply();
    assert_eq!(
        honoured["params"]["notifications"],
        json!({"promptsListChanged": true, "resourceSubscriptions": ["test://modern/a/x"]})
    );
    for era in ERAS {
        let besides = scene.act(&format!("test://{era}/a/lists"), "said");
        let line = besides.into_iter().next().unwrap_or_else(|| scene.gateway.next_reply());
        assert_eq!(
            line,
            json!({"jsonrpc": "2.0", "method": "notifications/prompts/list_changed", "params": {"_meta": {SUBSCRIPTION: id}}})
        );
    }
    // Its id is taken as long as it is open.
    let again =
        json!({"jsonrpc": "2.0", "id": id, "method": "server/discover", "params": {"_meta": airlock_tests::message::meta()}});
    assert_eq!(scene.gateway.ask(&again.to_string())["error"]["code"], -32600);
    scene.gateway.send(&cancel(id));
    let _ = scene.act("test://modern/a/lists", "said");
    let one = scene.subscribe("test://modern/a/x").unwrap();
    // Either comes first.
    let besides = scene.act("test://modern/a/end", "ended");
    let end = besides.into_iter().find(|line| line["id"] == one).unwrap_or_else(|| scene.gateway.reply(one.clone()));
    assert_eq!((&end["result"]["resultType"], &end["result"]["_meta"][SUBSCRIPTION]), (&json!("complete"), &one));
    // A client that goes has each open one answered.
    let open = scene.subscribe("test://legacy/a/x").unwrap();
    scene.gateway.close();
    let rest = scene.gateway.rest();
    assert!(rest.iter().any(|line| line["id"] == open && line["result"]["_meta"][SUBSCRIPTION] == open), "{rest:?}");
    let mut old = Scene::new(false, &[]);
    for era in ERAS {
        let besides = old.act(&format!("test://{era}/a/lists"), "said");
        let line = besides.into_iter().next().unwrap_or_else(|| old.gateway.next_reply());
        assert_eq!(line, json!({"jsonrpc": "2.0", "method": "notifications/prompts/list_changed"}));
    }
    old.gateway.finish();
}

#[test]
fn there_is_room_for_so_many() {
    let mut scene = Scene::new(true, &[]);
    let uris: Vec<String> = (0..64).map(|n| format!("test://legacy/a/{n}")).collect();
    let id = scene.send("subscriptions/listen", json!({"notifications": {"resourceSubscriptions": uris}}), true);
    let honoured = scene.gateway.next_reply();
    assert_eq!(honoured["params"]["notifications"]["resourceSubscriptions"].as_array().map(Vec::len), Some(64), "{honoured}");
    assert_eq!(scene.subscribe("test://legacy/a/x").unwrap_err(), "-32602 too_many");
    scene.gateway.send(&cancel(id));
    scene.watched("legacy", &json!([[], vec!["unsubscribed"; 64]]));
    let mut open = 0;
    while scene.send("subscriptions/listen", json!({"notifications": {"promptsListChanged": true}}), false) > 0 {
        if scene.gateway.next_reply()["method"].is_null() {
            break;
        }
        open += 1;
    }
    assert_eq!(open, 16);
    scene.gateway.finish();
}
