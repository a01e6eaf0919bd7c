//! Questions that lead the user to an address, several at once, and whose they are where a server does not say it.

use crate::asks::{BOTH, accept, heard, key, legacy_with, plain};
use crate::scene::{Scene, told};
use airlock_tests::message::request;
use serde_json::{Value, json};

const URL: &str = "https://accounts.example.org/in?state=a%20b";

fn lead(url: &str) -> String {
    let params = json!({"mode": "url", "message": "Sign in.", "url": url, "elicitationId": "theirs"});
    json!({"method": "elicitation/create", "params": params}).to_string()
}

fn able() -> Value {
    json!({"elicitation": {"form": {}, "url": {}}})
}

fn is_led(upstream: &str, params: &Value) {
    assert_eq!((&params["mode"], &params["url"]), (&json!("url"), &json!(URL)), "{params}");
    let message = params["message"].as_str().unwrap();
    let words = format!("The server `{upstream}`, not the gateway, wants you to open a page at accounts.example.org.");
    assert!(message.starts_with(&words) && message.ends_with("Sign in."), "{message}");
}

/// Only to listed hosts, only where the client says that it can, and with the words of the gateway in front.
#[test]
fn a_user_is_led_to_a_listed_host_by_a_client_that_can() {
    let mut scene = Scene::new();
    for upstream in BOTH {
        let params = scene.params(upstream, &json!({"do": "ask", "text": lead(URL)}), &able());
        let asked = scene.ask("1", &params);
        let key = key(&asked);
        let question = &asked["result"]["inputRequests"][&key]["params"];
        is_led(upstream, question);
        assert!(question.get("elicitationId").is_none(), "this revision has none: {question}");
        let agreed = json!({key.clone(): {"action": "accept", "content": {"x": "more than a yes"}}});
        let done = heard(&scene.answer("2", &params, &asked, &agreed));
        let said = if upstream == "asks-legacy" { &done["result"] } else { &done["responses"]["a"] };
        assert_eq!(*said, json!({"action": "accept"}), "{done}");
        for (url, able) in [
            ("https://example.org/", able()),
            ("http://accounts.example.org/", able()),
            ("https://accounts.example.org@evil.org/", able()),
            (URL, json!({"elicitation": {}})),
        ] {
            let params = scene.params(upstream, &json!({"do": "ask", "text": lead(url)}), &able);
            let refused = scene.ask("3", &params);
            match upstream {
                "asks-legacy" => assert_eq!(heard(&refused)["error"]["code"], -32602, "{url}"),
                _ => assert_eq!(told(&refused), "question_refused", "{url}"),
            }
        }
        // A client that shows addresses alone is shown no form.
        let params = scene.params(upstream, &json!({"do": "ask"}), &json!({"elicitation": {"url": {}}}));
        let refused = scene.ask("4", &params);
        match upstream {
            "asks-legacy" => assert_eq!(heard(&refused)["error"]["code"], -32602),
            _ => assert_eq!(told(&refused), "question_refused"),
        }
    }
    let kinds: Vec<Value> = scene.place.entries_of("ask").iter().map(|entry| entry["kinds"].clone()).collect();
    assert_eq!(kinds, vec![json!(["url"]); 4]);
    scene.gateway.finish();
    let mut old = legacy_with(&able());
    for upstream in BOTH {
        old.gateway.send(&plain(&old, "1", upstream, &json!({"do": "ask", "text": lead(URL)})));
        let question = old.gateway.next_reply();
        is_led(upstream, &question["params"]);
        assert_eq!(question["params"]["elicitationId"], question["id"], "one of the gateway's own");
        old.gateway.send(&json!({"jsonrpc": "2.0", "id": question["id"], "result": {"action": "decline"}}).to_string());
        let done = heard(&old.gateway.reply("1"));
        let said = if upstream == "asks-legacy" { &done["result"] } else { &done["responses"]["a"] };
        assert_eq!(*said, json!({"action": "decline"}), "{done}");
    }
    old.gateway.finish();
}

/// Pages that the server wants its user at before it does what it is asked (error -32042).
fn first(urls: &[(&str, &str)]) -> Value {
    let page = |(id, url): &(&str, &str)| json!({"mode": "url", "elicitationId": id, "url": url, "message": "Sign in."});
    json!({"do": "page first", "text": Value::from(urls.iter().map(page).collect::<Vec<_>>()).to_string()})
}

/// The server says that it is done with these pages; its answer to the call that made it say so is awaited.
fn visit(scene: &mut Scene, id: &str, pages: &str, is_modern: bool) -> Vec<Value> {
    let arguments = json!({"do": "visited", "text": pages});
    match is_modern {
        true => scene.gateway.send(&request(id, "tools/call", &scene.params("asks-legacy", &arguments, &able()))),
        false => scene.gateway.send(&plain(scene, id, "asks-legacy", &arguments)),
    }
    let mut before = Vec::new();
    loop {
        let reply = scene.gateway.next_reply();
        if reply["id"] == id {
            assert_eq!(told(&reply), "told");
            return before;
        }
        before.push(reply);
    }
}

/// A server that refuses a call until its user was at a page: the user is asked, and the call goes on when the server says that he was there.
#[test]
fn a_call_that_needs_its_user_at_a_page_first_goes_on_when_he_was_there() {
    let mut scene = Scene::new();
    let params = scene.params("asks-legacy", &first(&[("p", URL)]), &able());
    let asked = scene.ask("1", &params);
    is_led("asks-legacy", &asked["result"]["inputRequests"]["page-1"]["params"]);
    let mut retry = params.clone();
    retry["requestState"] = asked["result"]["requestState"].clone();
    retry["inputResponses"] = json!({"page-1": {"action": "accept"}});
    scene.gateway.send(&request("2", "tools/call", &retry));
    let mut early = visit(&mut scene, "3", "p", true);
    assert!(early.iter().all(|reply| reply["id"] == "2"), "this revision has no notification: {early:?}");
    let done = early.pop().unwrap_or_else(|| scene.gateway.reply("2"));
    assert_eq!(told(&done), "after the page", "{done}");
    // A no, a host that is not listed, a client that cannot be led.
    let asked = scene.ask("4", &scene.params("asks-legacy", &first(&[("q", URL)]), &able()));
    let params = scene.params("asks-legacy", &first(&[("q", URL)]), &able());
    let declined = scene.answer("5", &params, &asked, &json!({"page-1": {"action": "decline"}}));
    assert!(told(&declined).contains("-32042: Go there first."), "{declined}");
    let elsewhere = first(&[("r", URL), ("s", "https://example.org/")]);
    assert_eq!(told(&scene.ask("6", &scene.params("asks-legacy", &elsewhere, &able()))), "question_refused");
    let unable = scene.ask("7", &scene.params("asks-legacy", &first(&[("t", URL)]), &json!({"elicitation": {}})));
    assert!(told(&unable).contains("-32042"), "{unable}");
    let asks: Vec<(Value, Value)> =
        scene.place.entries_of("ask").iter().map(|entry| (entry["v"].clone(), entry["kinds"].clone())).collect();
    let expected = ["asked", "accepted", "asked", "declined"].map(|verdict| (json!(verdict), json!(["url"])));
    assert_eq!(asks, expected);
    // One call, however often its server was asked.
    let calls =
        |t: &str| scene.place.entries_of(t).iter().filter(|entry| entry["tool"] == "asks-legacy.act" || t == "outcome").count();
    assert_eq!((calls("decision"), calls("outcome")), (5, 5));
    scene.gateway.finish();
}

/// A client of 2025-11-25 is asked by a request, and told of the end of that page under the id that it knows, once; of others it hears nothing.
#[test]
fn the_end_of_a_page_is_told_who_was_led_there() {
    let mut scene = legacy_with(&able());
    assert_eq!(visit(&mut scene, "0", "p theirs ask-1", false), [Value::Null; 0], "nobody was led anywhere");
    let asks = json!({"do": "ask", "text": lead(URL)});
    for (page, arguments) in [("q", first(&[("q", URL)])), ("theirs", asks)] {
        scene.gateway.send(&plain(&scene, "1", "asks-legacy", &arguments));
        let question = scene.gateway.next_reply();
        is_led("asks-legacy", &question["params"]);
        let accepted = json!({"jsonrpc": "2.0", "id": question["id"], "result": {"action": "accept"}});
        scene.gateway.send(&accepted.to_string());
        scene.gateway.send(&plain(&scene, "2", "asks-legacy", &json!({"do": "visited", "text": page})));
        let mut all: Vec<Value> = (0..3).map(|_| scene.gateway.next_reply()).collect();
        all.sort_by_key(|message| message["id"].to_string());
        let id = &question["params"]["elicitationId"];
        let ended = json!({"jsonrpc": "2.0", "method": "notifications/elicitation/complete", "params": {"elicitationId": id}});
        assert!(all[2] == ended, "{all:?}");
        match page {
            "q" => assert_eq!(told(&all[0]), "after the page"),
            _ => assert_eq!(heard(&all[0])["result"], json!({"action": "accept"})),
        }
        // Told once: what would come now stands before the next question.
        assert_eq!(visit(&mut scene, "3", page, false), [Value::Null; 0]);
    }
    scene.gateway.finish();
}

/// What a server with a handshake asks at once is one result, under the ids of its requests.
#[test]
fn what_is_asked_together_is_one_result() {
    let mut scene = Scene::new();
    let all = json!({"elicitation": {}, "sampling": {}, "roots": {}});
    let params = scene.params("asks-legacy", &json!({"do": "ask wrong", "text": "together"}), &all);
    let asked = scene.ask("1", &params);
    let requests = asked["result"]["inputRequests"].as_object().unwrap_or_else(|| panic!("{asked}"));
    assert_eq!(requests.keys().collect::<Vec<_>>(), ["fa", "fb", "fc"]);
    let answers = json!({"fa": accept("x"), "fb": accept("y"), "fc": {"action": "cancel"}});
    let partly = scene.answer("2", &params, &asked, &json!({"fa": accept("x")}));
    assert_eq!(partly["result"]["inputRequests"], asked["result"]["inputRequests"], "the same is asked again");
    assert_eq!(told(&scene.answer("3", &params, &asked, &answers)), "3 answered");
    scene.gateway.finish();
}

/// A question is of the one call that is open, or of none.
#[test]
fn a_question_is_never_of_another_call() {
    let mut scene = legacy_with(&json!({"elicitation": {}}));
    // One call is open and does nothing; what the other asks could be its.
    scene.gateway.send(&plain(&scene, "open", "asks-legacy", &json!({"do": "late"})));
    scene.gateway.send(&plain(&scene, "1", "asks-legacy", &json!({"do": "ask"})));
    assert_eq!(heard(&scene.gateway.reply("1"))["error"]["code"], -32601);
    scene.gateway.send(&plain(&scene, "2", "asks-legacy", &json!({"do": "owed"})));
    assert!(told(&scene.gateway.reply("open")).contains("late"));
    let _ = scene.gateway.reply("2");
    // One call waits for its user; a second question, of whichever, is nobody's, and the first goes on.
    scene.gateway.send(&plain(&scene, "3", "asks-legacy", &json!({"do": "ask"})));
    let question = scene.gateway.next_reply();
    scene.gateway.send(&plain(&scene, "4", "asks-legacy", &json!({"do": "ask"})));
    assert_eq!(heard(&scene.gateway.reply("4"))["error"]["code"], -32601);
    scene.gateway.send(&json!({"jsonrpc": "2.0", "id": question["id"], "result": accept("mine")}).to_string());
    assert_eq!(heard(&scene.gateway.reply("3"))["result"], accept("mine"));
    scene.gateway.finish();
    // A call that waits for a request which may never come gives way, and its server knows.
    let mut scene = Scene::new();
    let params = scene.params("asks-legacy", &json!({"do": "ask"}), &json!({"elicitation": {}}));
    let first = scene.ask("1", &params);
    let second = scene.ask("2", &params);
    let done = scene.answer("3", &params, &first, &json!({key(&first): accept("first")}));
    assert_eq!(told(&done), "question_unanswered", "{done}");
    let done = scene.answer("4", &params, &second, &json!({key(&second): accept("second")}));
    assert_eq!(heard(&done)["result"], accept("second"));
    scene.gateway.finish();
}

/// A server with a handshake that asks in vain and fails: the client is told what it would have to declare.
#[test]
fn what_a_client_does_not_declare_is_named_where_a_call_fails_for_it() {
    let mut scene = Scene::new();
    for (able, code) in [(json!({}), Some(-32021)), (json!({"sampling": {}}), Some(-32021)), (json!({"elicitation": {}}), None)] {
        let params = scene.params("asks-legacy", &json!({"do": "ask wrong", "text": "needed"}), &able);
        let reply = scene.ask("1", &params);
        match code {
            Some(code) => {
                assert_eq!(reply["error"]["code"], code, "{reply}");
                assert_eq!(reply["error"]["data"]["requiredCapabilities"], json!({"elicitation": {"form": {}}}), "{reply}");
            }
            None => assert_eq!(reply["result"]["resultType"], "input_required", "{reply}"),
        }
    }
    scene.gateway.finish();
}
