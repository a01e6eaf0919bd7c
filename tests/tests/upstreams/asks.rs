//! Upstreams that ask, of clients of both eras: what is asked and answered passes, and nothing else does.

use crate::changes::revoke;
use crate::scene::{Scene, TOKEN, start, told};
use airlock_tests::message::{call_with, cancel, initialize, leased, request};
use airlock_tests::place::Place;
use airlock_tests::process::Gateway;
use serde_json::{Value, json};

/// What a client declares that can be asked everything.
fn able() -> Value {
    json!({"elicitation": {}, "sampling": {}, "roots": {}})
}

/// Both eras of upstreams that may ask.
pub(crate) const BOTH: [&str; 2] = ["asks-legacy", "asks-modern"];

impl Scene {
    /// Parameters of a call of revision 2026-07-28, of a client that can be asked this.
    pub(crate) fn params(&self, upstream: &str, arguments: &Value, able: &Value) -> Value {
        let mut meta = leased(&self.lease);
        meta["io.modelcontextprotocol/clientCapabilities"] = able.clone();
        json!({"name": format!("{upstream}.act"), "arguments": arguments, "_meta": meta})
    }

    /// Has the server ask about so many calls (`ask later`) at one time, while nothing can be recorded: as long as the file is open, it has the
    /// ledger's lock.
    fn all_asked_about(&mut self, calls: usize) -> std::fs::File {
        let _ = self.send_listening("asks-modern.act", &json!({"do": "late"}), "read");
        let other = self.send("asks-modern.act", &json!({"do": "late"}));
        while self.act("asks-modern", "how many") != (calls + 2).to_string() {}
        let head = std::fs::File::open(self.place.ledger().join("head")).unwrap();
        rustix::fs::flock(&head, rustix::fs::FlockOperation::LockExclusive).unwrap();
        // By that the server asks, and then tells of progress.
        self.gateway.send(&cancel(other));
        let progress = self.gateway.next_reply();
        assert_eq!(progress["params"]["progressToken"], "read", "{progress}");
        head
    }

    pub(crate) fn ask(&mut self, id: &str, params: &Value) -> Value {
        self.gateway.ask(&request(id, "tools/call", params))
    }

    /// The call of the result that asks, with these answers.
    pub(crate) fn answer(&mut self, id: &str, params: &Value, asked: &Value, answers: &Value) -> Value {
        let mut params = params.clone();
        params["requestState"] = asked["result"]["requestState"].clone();
        params["inputResponses"] = answers.clone();
        self.ask(id, &params)
    }

    fn asks(&self) -> Vec<String> {
        let words = |entry: &Value| {
            let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
            format!("{} {} {}", text("v"), text("upstream"), entry["kinds"].as_array().map_or(0, Vec::len))
        };
        self.place.entries_of("ask").iter().map(words).collect()
    }
}

/// A connection of revision 2025-11-25 that can be asked everything. The lease travels in `_meta`.
fn legacy() -> Scene {
    legacy_with(&able())
}

/// The same, of a client that can be asked this.
pub(crate) fn legacy_with(able: &Value) -> Scene {
    let place = Place::new("hostile");
    let mut gateway = Gateway::start(start(&place));
    let hello: Value = serde_json::from_str(&initialize("hello", "2025-11-25")).unwrap();
    let mut params = hello["params"].clone();
    params["capabilities"] = able.clone();
    let _ = gateway.ask(&request("hello", "initialize", &params));
    Scene::of(place, gateway)
}

pub(crate) fn plain(scene: &Scene, id: &str, upstream: &str, arguments: &Value) -> String {
    let mut meta = leased(&scene.lease);
    meta.as_object_mut().unwrap().retain(|key, _| key.starts_with("dev.airlock/"));
    call_with(id, &format!("{upstream}.act"), arguments, &meta)
}

pub(crate) fn accept(x: &str) -> Value {
    json!({"action": "accept", "content": {"x": x}})
}

/// The key of the one question of a result: the server's own, or the id of its request.
pub(crate) fn key(asked: &Value) -> String {
    let requests = asked["result"]["inputRequests"].as_object().unwrap_or_else(|| panic!("{asked}"));
    assert_eq!(requests.len(), 1, "{asked}");
    requests.keys().next().unwrap().clone()
}

/// What the upstream was answered.
pub(crate) fn heard(reply: &Value) -> Value {
    serde_json::from_str(&told(reply)).unwrap_or_else(|_| panic!("{reply}"))
}

#[test]
fn a_question_of_either_era_is_a_result_and_its_answer_reaches_who_asked() {
    let mut scene = Scene::new();
    for upstream in BOTH {
        let params = scene.params(upstream, &json!({"do": "ask"}), &able());
        let asked = scene.ask("1", &params);
        let key = &key(&asked);
        let result = &asked["result"];
        assert_eq!(result["resultType"], "input_required", "{asked}");
        let question = &result["inputRequests"][key];
        assert_eq!(question["method"], "elicitation/create");
        let message = question["params"]["message"].as_str().unwrap();
        assert_eq!(message, format!("The server `{upstream}`, not the gateway, asks:\n\nWhich one?"));
        let state = result["requestState"].as_str().unwrap();
        assert!(state.starts_with("alu1.") && !state.contains("state of"), "the upstream's own state stays here: {state}");
        // What does not answer the question is told, and the question stays open.
        for wrong in
            [json!({"action": "accept", "content": {"x": 1}}), json!({"action": "accept", "content": {"x": "a", "y": 1}})]
        {
            let refused = scene.answer("2", &params, &asked, &json!({key: wrong}));
            assert_eq!(
                (&refused["error"]["code"], &refused["error"]["data"]["reason"]),
                (&json!(-32602), &json!("answer_invalid")),
                "{refused}"
            );
        }
        let again = scene.answer("3", &params, &asked, &json!({"other": accept("x")}));
        assert_eq!(again["result"]["inputRequests"], result["inputRequests"], "the same is asked again");
        let done = scene.answer("4", &params, &asked, &json!({key: accept("mine"), "other": {"more": 1}}));
        let expected = match upstream {
            "asks-legacy" => json!({"result": accept("mine")}),
            _ => json!({"responses": {"a": accept("mine")}, "state": heard(&done)["state"]}),
        };
        assert_eq!(heard(&done), expected, "{done}");
        let again = scene.answer("5", &params, &asked, &json!({key: accept("mine")}));
        assert_eq!(
            (&again["error"]["code"], &again["error"]["data"]["reason"]),
            (&json!(-32602), &json!("approval_invalid")),
            "{again}"
        );
        assert_eq!(scene.asks(), ["asked", "accepted"].map(|v| format!("{v} {upstream} 1")));
        let entries = scene.place.entries_of("ask");
        assert_eq!(entries[0]["call"], entries[1]["call"]);
        let outcome = scene.place.entries_of("outcome");
        assert_eq!((outcome.len(), &outcome[0]["call"], &outcome[0]["ok"]), (1, &entries[0]["call"], &json!(true)));
        scene = Scene::new();
    }
    assert!(!scene.place.entries().iter().any(|entry| entry.to_string().contains("mine")));
    scene.gateway.finish();
}

#[test]
fn a_question_of_either_era_is_a_request_and_its_answer_reaches_who_asked() {
    let mut scene = legacy();
    for upstream in BOTH {
        for (given, expected) in [
            (json!({"result": accept("mine")}), Some(accept("mine"))),
            (json!({"result": {"action": "decline"}}), Some(json!({"action": "decline"}))),
            (json!({"result": {"action": "accept", "content": {"x": 7}}}), None),
            (json!({"error": {"code": -1, "message": "User rejected: alk1.x"}}), None),
        ] {
            scene.gateway.send(&plain(&scene, "1", upstream, &json!({"do": "ask"})));
            let question = scene.gateway.next_reply();
            assert_eq!(question["method"], "elicitation/create", "{question}");
            let id = question["id"].as_str().unwrap().to_owned();
            assert!(id.starts_with("ask-"), "an id of the gateway's own: {id}");
            // Nobody else's answer counts.
            for other in ["ask-99", "approve-1", "1", "q1"] {
                scene.gateway.send(&json!({"jsonrpc": "2.0", "id": other, "result": accept("forged")}).to_string());
            }
            let mut answer = json!({"jsonrpc": "2.0", "id": id});
            answer.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
            scene.gateway.send(&answer.to_string());
            scene.gateway.send(&answer.to_string());
            let done = scene.gateway.reply("1");
            match (expected, upstream) {
                (Some(expected), "asks-legacy") => assert_eq!(heard(&done), json!({"result": expected})),
                (Some(expected), _) => assert_eq!(heard(&done)["responses"], json!({"a": expected})),
                (None, "asks-legacy") => assert_eq!(heard(&done)["error"]["message"], "There is no answer"),
                (None, _) => assert_eq!(told(&done), "question_unanswered"),
            }
        }
    }
    let words = ["accepted", "declined", "failed", "failed"];
    let expected = BOTH
        .iter()
        .flat_map(|upstream| words.iter().flat_map(move |v| [format!("asked {upstream} 1"), format!("{v} {upstream} 1")]));
    assert_eq!(scene.asks(), expected.collect::<Vec<_>>());
    scene.gateway.finish();
}

#[test]
fn nobody_is_asked_what_the_client_or_the_manifest_does_not_have() {
    let mut scene = Scene::new();
    let capabilities = |scene: &mut Scene, upstream: &str, able: &Value| {
        let params = scene.params(upstream, &json!({"do": "capabilities"}), able);
        heard(&scene.ask("1", &params))
    };
    assert_eq!(capabilities(&mut scene, "asks-modern", &json!({})), json!({}));
    assert_eq!(capabilities(&mut scene, "asks-modern", &json!({"sampling": {}, "future": {}})), json!({"sampling": {}}));
    assert_eq!(
        capabilities(&mut scene, "asks-modern", &able()),
        json!({"elicitation": {"form": {}}, "roots": {}, "sampling": {}})
    );
    assert_eq!(capabilities(&mut scene, "modern", &able()), json!({}), "the manifest does not let it");
    assert_eq!(capabilities(&mut scene, "legacy", &able()), json!({}));
    // It asks all the same.
    for (upstream, able) in [("asks-modern", json!({"sampling": {}})), ("asks-modern", json!({})), ("modern", able())] {
        let params = scene.params(upstream, &json!({"do": "ask"}), &able);
        assert_eq!(told(&scene.ask("2", &params)), "upstream_asks", "{upstream}");
    }
    for (upstream, able) in [("asks-legacy", json!({"roots": {}})), ("asks-legacy", json!({})), ("legacy", able())] {
        let params = scene.params(upstream, &json!({"do": "ask"}), &able);
        assert_eq!(heard(&scene.ask("3", &params))["error"]["code"], -32601, "{upstream}");
    }
    let roots = json!({"method": "roots/list"}).to_string();
    let params = scene.params("asks-legacy", &json!({"do": "ask", "text": roots}), &json!({"roots": {}}));
    let asked = scene.ask("4", &params);
    let answer = json!({"roots": [{"uri": "file:///srv/work"}]});
    let done = scene.answer("5", &params, &asked, &json!({key(&asked): answer}));
    assert_eq!(heard(&done), json!({"result": answer}));
    scene.gateway.finish();
}

/// An answer for a lease that was revoked meanwhile reaches nobody, and the question has its end in the ledger.
#[test]
fn a_question_whose_answer_does_not_count_is_closed() {
    for is_legacy in [true, false] {
        let mut scene = if is_legacy { legacy() } else { Scene::new() };
        let params = scene.params("asks-legacy", &json!({"do": "ask"}), &able());
        let asked = match is_legacy {
            true => {
                scene.gateway.send(&plain(&scene, "1", "asks-legacy", &json!({"do": "ask"})));
                scene.gateway.next_reply()
            }
            false => scene.ask("1", &params),
        };
        revoke(&scene.place, &scene.lease);
        let done = match is_legacy {
            true => {
                let answer = json!({"jsonrpc": "2.0", "id": asked["id"], "result": accept("mine")});
                scene.gateway.send(&answer.to_string());
                scene.gateway.reply("1")
            }
            false => scene.answer("2", &params, &asked, &json!({key(&asked): accept("mine")})),
        };
        assert!(!done.to_string().contains("mine"), "{done}");
        assert_eq!(scene.asks(), ["asked", "withdrawn"].map(|v| format!("{v} asks-legacy 1")), "{is_legacy}");
        scene.gateway.finish();
    }
}

/// The state names one call of one lease, and is nothing beside a good lease.
#[test]
fn a_state_is_for_one_call_and_replaces_no_lease() {
    let mut scene = Scene::new();
    let params = scene.params("asks-modern", &json!({"do": "ask"}), &able());
    let asked = scene.ask("1", &params);
    let answers = json!({"a": accept("mine")});
    let mut claims = scene.place.claims(&["asks-modern.act", "asks-legacy.act"]);
    claims.dom = Vec::new();
    let other_lease = scene.place.mint(&claims);
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut params = params.clone();
        change(&mut params);
        params
    };
    for (params, code, reason) in [
        (changed(&|params| params["arguments"]["text"] = json!("")), -32602, "approval_invalid"),
        (changed(&|params| params["name"] = json!("asks-legacy.act")), -32602, "approval_invalid"),
        (changed(&|params| params["_meta"]["dev.airlock/lease"] = json!(other_lease)), -32602, "approval_invalid"),
    ] {
        let refused = scene.answer("2", &params, &asked, &answers);
        assert_eq!((&refused["error"]["code"], &refused["error"]["data"]["reason"]), (&json!(code), &json!(reason)), "{refused}");
    }
    for (change, reason) in [
        (changed(&|params| params["_meta"]["dev.airlock/session"] = json!("other")), "lease_session"),
        (changed(&|params| drop(params["_meta"].as_object_mut().unwrap().remove("dev.airlock/lease"))), "lease_missing"),
    ] {
        assert_eq!(told(&scene.answer("3", &change, &asked, &answers)), reason);
    }
    let state = asked["result"]["requestState"].as_str().unwrap().to_owned();
    let (most, last) = state.split_at(state.len() - 1);
    let other = if last == "A" { "B" } else { "A" };
    for forged in [state.replace("alu1", "alq1"), format!("{state}x"), format!("{most}{other}"), "alu1..".into()] {
        let mut asked = asked.clone();
        asked["result"]["requestState"] = json!(forged);
        let refused = scene.answer("4", &params, &asked, &answers);
        assert_eq!(refused["error"]["code"], -32602, "{forged}: {refused}");
    }
    // A state of an approval has another seal, so one of these is none of those; and after all that the right one is good still.
    let done = scene.answer("5", &params, &asked, &answers);
    assert_eq!(heard(&done)["responses"], answers, "{done}");
    scene.gateway.finish();
}

#[test]
fn what_is_asked_is_screened_and_bounded() {
    let mut scene = Scene::new();
    let form = |message: &str, more: Value| {
        let mut params =
            json!({"message": message, "requestedSchema": {"type": "object", "properties": {"x": {"type": "string"}}}});
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"method": "elicitation/create", "params": params}).to_string()
    };
    let of_secret = json!({"requestedSchema": {"type": "object", "properties": {"password": {"type": "string"}}}});
    for (question, why) in [
        (form("@attack", json!({})), "looks like an attempt"),
        (form("a@hidden b", json!({})), "characters that nobody sees"),
        (form("it is @token", json!({})), "holds a secret"),
        (form("Go there", json!({"mode": "url", "url": "https://example.com"})), "leads the user to an address"),
        (form("Go there", json!({"mode": "other"})), "in a way that is not known"),
        (form("x", of_secret), "asks for a secret"),
        (form("@long", json!({})), "longer than what a person reads"),
    ] {
        let params = scene.params("asks-modern", &json!({"do": "ask", "text": question}), &able());
        let refused = scene.ask("1", &params);
        assert_eq!(told(&refused), "question_refused", "{why}");
        assert!(refused.to_string().contains(why), "{refused}");
        let params = scene.params("asks-legacy", &json!({"do": "ask", "text": question}), &able());
        let refused = heard(&scene.ask("2", &params));
        assert!(refused["error"]["code"].is_number(), "{refused}");
    }
    assert!(scene.asks().is_empty(), "nobody was asked");
    let stderr = scene.gateway.finish();
    assert!(stderr.contains("the upstream asks-legacy asked for something and was refused: it holds a secret"), "{stderr}");
    assert!(!stderr.contains(TOKEN), "{stderr}");
}

#[test]
fn questions_without_end_end() {
    let mut scene = legacy();
    for upstream in BOTH {
        scene.gateway.send(&plain(&scene, "on", upstream, &json!({"do": "ask on"})));
        let mut asked = 0;
        let done = loop {
            let message = scene.gateway.next_reply();
            if message["id"] == "on" {
                break message;
            }
            asked += 1;
            scene.gateway.send(&json!({"jsonrpc": "2.0", "id": message["id"], "result": accept("x")}).to_string());
        };
        assert_eq!(asked, 8, "{done}");
        match upstream {
            "asks-legacy" => assert_eq!(heard(&done)["error"]["code"], -32602),
            _ => assert_eq!(told(&done), "question_refused"),
        }
    }
    scene.gateway.finish();
}

#[test]
fn a_flood_of_questions_is_a_few_questions_one_at_a_time() {
    let mut scene = legacy();
    for how in ["flood", "twice"] {
        scene.gateway.send(&plain(&scene, "1", "asks-legacy", &json!({"do": "ask wrong", "text": how})));
        let (mut asked, mut open) = (0, 0);
        let done = loop {
            let message = scene.gateway.next_reply();
            if message["id"] == "1" {
                break message;
            }
            assert_eq!(message["method"], "elicitation/create", "{message}");
            (asked, open) = (asked + 1, open + 1);
            assert_eq!(open, 1, "one at a time");
            scene.gateway.send(&json!({"jsonrpc": "2.0", "id": message["id"], "result": accept("x")}).to_string());
            open -= 1;
        };
        assert!((1..=8).contains(&asked), "{asked}");
        assert_eq!(told(&done), format!("{asked} answered"), "all others were refused");
    }
    for (how, expected) in [("ended", "ended"), ("long", "not waited for")] {
        scene.gateway.send(&plain(&scene, "2", "asks-legacy", &json!({"do": "ask wrong", "text": how})));
        assert_eq!(
            told(&scene.gateway.next_reply()),
            expected,
            "nothing is asked for a call that has ended, and nothing of that length"
        );
    }
    // Whoever goes on without the answer needs it no more: the question is taken back.
    scene.gateway.send(&plain(&scene, "3", "asks-legacy", &json!({"do": "ask wrong", "text": "gone"})));
    let (mut told_all, mut taken_back) = (false, false);
    let mut asked = 0;
    while !told_all {
        let message = scene.gateway.next_reply();
        asked += usize::from(message["method"] == "elicitation/create");
        taken_back |= message["method"] == "notifications/cancelled";
        told_all = message["id"] == "3";
    }
    assert!(asked <= 1 && taken_back == (asked == 1), "{asked} {taken_back}");
    // An end of the upstream is the end of its question.
    scene.gateway.send(&plain(&scene, "4", "asks-legacy", &json!({"do": "ask wrong", "text": "exit"})));
    let question = scene.gateway.next_reply();
    assert_eq!(question["method"], "elicitation/create");
    let closed = scene.gateway.next_reply();
    assert_eq!((&closed["method"], &closed["params"]["requestId"]), (&json!("notifications/cancelled"), &question["id"]));
    assert_eq!(told(&scene.gateway.reply("4")), "upstream_ended");
    scene.gateway.finish();
}

#[test]
fn who_does_not_answer_ends_the_call_and_nothing_waits_for_ever() {
    let mut scene = Scene::new();
    let params = scene.params("asks-legacy", &json!({"do": "ask"}), &able());
    let first = scene.ask("1", &params);
    // It gives way to another call of the same server that can be asked about, since a question does not say which call it is about.
    let second = scene.ask("2", &params);
    let done = scene.answer("3", &params, &second, &json!({key(&second): accept("second")}));
    assert_eq!(heard(&done)["result"], accept("second"));
    let late = std::time::Instant::now() + std::time::Duration::from_secs(15);
    while scene.asks().len() < 4 && std::time::Instant::now() < late {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!(scene.asks().last().map(String::as_str), Some("timeout asks-legacy 1"));
    let refused = scene.answer("4", &params, &first, &json!({key(&first): accept("late")}));
    assert_eq!(refused["error"]["data"]["reason"], "approval_invalid", "{refused}");
    let outcomes: Vec<String> =
        scene.place.entries_of("outcome").iter().map(|entry| entry["status"].as_str().unwrap().to_owned()).collect();
    assert_eq!(outcomes, ["ok", "question_unanswered"]);
    // Whoever leaves has left no call without an end.
    let _ = scene.ask("5", &params);
    let place = scene.place;
    scene.gateway.finish();
    let verdicts: Vec<Value> = place.entries_of("ask").iter().map(|entry| entry["v"].clone()).collect();
    assert_eq!(verdicts.last(), Some(&json!("withdrawn")));
    assert_eq!(place.entries_of("outcome").last().map(|entry| entry["status"].clone()), Some(json!("stopped")));
}

#[test]
fn a_cancelled_call_takes_its_question_along() {
    let mut scene = legacy();
    for upstream in BOTH {
        scene.gateway.send(&plain(&scene, "1", upstream, &json!({"do": "ask"})));
        let question = scene.gateway.next_reply();
        let mut line: Value = serde_json::from_str(&cancel("1")).unwrap();
        line["params"].as_object_mut().unwrap().remove("_meta");
        scene.gateway.send(&line.to_string());
        let closed = scene.gateway.next_reply();
        assert_eq!((&closed["method"], &closed["params"]["requestId"]), (&json!("notifications/cancelled"), &question["id"]));
        scene.gateway.send(&json!({"jsonrpc": "2.0", "id": question["id"], "result": accept("late")}).to_string());
        scene.gateway.send(&plain(&scene, "2", upstream, &json!({"do": "echo", "text": "next"})));
        let next = scene.gateway.next_reply();
        assert_eq!((&next["id"], told(&next)), (&json!("2"), "next".to_owned()));
    }
    assert_eq!(scene.asks().iter().filter(|word| word.starts_with("withdrawn")).count(), 2);
    scene.gateway.finish();
}

/// As many as may wait do; the next upstream is told that nobody can be asked, and other calls go on.
#[test]
fn no_more_wait_than_there_is_room_for() {
    let mut scene = Scene::new();
    let params = scene.params("asks-modern", &json!({"do": "ask"}), &able());
    let waiting = (0..40)
        .map(|n| scene.ask(&format!("w{n}"), &params))
        .filter(|reply| reply["result"]["resultType"] == "input_required")
        .count();
    assert_eq!(waiting, 16);
    let full = scene.ask("full", &params);
    assert_eq!(told(&full), "question_unanswered", "{full}");
    let params = scene.params("asks-modern", &json!({"do": "echo", "text": "on"}), &able());
    assert_eq!(told(&scene.ask("echo", &params)), "on");
    scene.gateway.finish();
}

/// Nor where all of them are asked about at one time, in sessions each of which may have as many questions.
#[test]
fn no_more_wait_than_there_is_room_for_when_all_are_asked_about_at_once() {
    let mut scene = Scene::new();
    let first = scene.params("asks-modern", &json!({"do": "ask later"}), &able());
    let mut second = first.clone();
    let mut claims = scene.place.claims(&["asks-modern.act"]);
    (claims.sid, claims.dom) = ("s-2".into(), Vec::new());
    second["_meta"]["dev.airlock/lease"] = json!(scene.place.mint(&claims));
    second["_meta"]["dev.airlock/session"] = json!("s-2");
    (0..24).for_each(|n| scene.gateway.send(&request(format!("w{n}"), "tools/call", [&first, &second][n % 2])));
    drop(scene.all_asked_about(24));
    assert_eq!(scene.act("asks-modern", "owed"), "on time");
    let replies: Vec<Value> = (0..24).map(|n| scene.gateway.reply(format!("w{n}"))).collect();
    let is_asked = |reply: &Value| reply["result"]["resultType"] == "input_required";
    assert_eq!(replies.iter().filter(|reply| is_asked(reply)).count(), 16);
    let others: Vec<String> = replies.iter().filter(|reply| !is_asked(reply)).map(told).collect();
    assert_eq!(others, vec!["question_unanswered"; 8]);
    assert_eq!(scene.asks(), vec!["asked asks-modern 1"; 16], "of the others nothing is recorded as asked");
    // Room that was taken is given back.
    let at = replies.iter().position(is_asked).unwrap();
    let answer = scene.answer("answer", [&first, &second][at % 2], &replies[at], &json!({"a": accept("x")}));
    assert_eq!(heard(&answer)["responses"], json!({"a": accept("x")}));
    let params = scene.params("asks-modern", &json!({"do": "ask"}), &able());
    assert!(is_asked(&scene.ask("next", &params)));
    assert_eq!(told(&scene.ask("full", &params)), "question_unanswered");
    scene.gateway.finish();
}

/// A client that takes its call back while the question is recorded would never bring an answer.
#[test]
fn a_call_that_is_cancelled_while_its_question_is_recorded_does_not_wait() {
    let mut scene = Scene::new();
    let params = scene.params("asks-modern", &json!({"do": "ask later"}), &able());
    scene.gateway.send(&request("held", "tools/call", &params));
    let head = scene.all_asked_about(1);
    scene.gateway.send(&cancel("held"));
    let hello = scene.gateway.ask(&request("hello", "server/discover", &json!({"_meta": leased(&scene.lease)})));
    assert!(hello["result"].is_object(), "{hello}");
    drop(head);
    assert_eq!(scene.act("asks-modern", "owed"), "on time");
    let begun = std::time::Instant::now();
    let statuses = |scene: &Scene| {
        scene
            .place
            .entries_of("outcome")
            .iter()
            .filter(|entry| entry["status"] != "ok")
            .map(|entry| entry["status"].clone())
            .collect::<Vec<_>>()
    };
    while statuses(&scene).len() < 2 {
        assert!(begun.elapsed() < airlock_tests::DEADLINE, "{:?}", scene.place.entries());
        std::thread::yield_now();
    }
    assert_eq!(statuses(&scene), ["cancelled", "cancelled"]);
    assert_eq!(scene.asks(), ["asked", "withdrawn"].map(|v| format!("{v} asks-modern 1")));
    scene.gateway.finish();
}

/// What of the messages of `log` passes.
fn logged(scene: &mut Scene, id: &str) -> (Vec<Value>, String) {
    let mut messages = Vec::new();
    loop {
        let message = scene.gateway.next_reply();
        if message["id"] == id {
            return (messages, told(&message));
        }
        assert_eq!(message["method"], "notifications/message", "{message}");
        messages.push(message["params"].clone());
    }
}

#[test]
fn log_messages_are_those_that_client_and_manifest_want_and_nothing_that_hides() {
    let calm = |upstream: &str| {
        let logger = format!("{upstream}: l");
        vec![
            json!({"level": "info", "logger": logger, "data": "calm"}),
            json!({"level": "error", "logger": logger, "data": {"code": 7}}),
        ]
    };
    let mut scene = legacy();
    for upstream in BOTH {
        scene.gateway.send(&plain(&scene, "0", upstream, &json!({"do": "log"})));
        assert_eq!(logged(&mut scene, "0"), (Vec::new(), "None None".to_owned()), "nobody asked for any");
    }
    let refused = scene.gateway.ask(&request("1", "logging/setLevel", &json!({"level": "loud"})));
    assert_eq!(refused["error"]["code"], -32602);
    for (level, first) in [("debug", 0), ("error", 1)] {
        let _ = scene.gateway.ask(&request("2", "logging/setLevel", &json!({"level": level})));
        // What the manifest has is the least, whatever the client wants.
        let wanted = if level == "debug" { "info" } else { level };
        for (upstream, said) in [("asks-legacy", format!("{wanted} None")), ("asks-modern", format!("None {wanted}"))] {
            scene.gateway.send(&plain(&scene, "3", upstream, &json!({"do": "log"})));
            assert_eq!(logged(&mut scene, "3"), (calm(upstream)[first..].to_vec(), said));
        }
        scene.gateway.send(&plain(&scene, "4", "legacy", &json!({"do": "log"})));
        assert_eq!(logged(&mut scene, "4"), (Vec::new(), "None None".to_owned()), "the manifest has none of that one");
    }
    scene.gateway.finish();
    let mut scene = Scene::new();
    for upstream in BOTH {
        let mut params = scene.params(upstream, &json!({"do": "log"}), &json!({}));
        params["_meta"]["io.modelcontextprotocol/logLevel"] = json!("error");
        scene.gateway.send(&request("5", "tools/call", &params));
        assert_eq!(logged(&mut scene, "5").0, calm(upstream)[1..].to_vec());
        params["_meta"].as_object_mut().unwrap().remove("io.modelcontextprotocol/logLevel");
        scene.gateway.send(&request("6", "tools/call", &params));
        assert_eq!(logged(&mut scene, "6").0, Vec::<Value>::new());
    }
    scene.gateway.finish();
}
