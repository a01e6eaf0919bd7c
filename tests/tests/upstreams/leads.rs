//! Questions that lead the user to an address, several at once, and whose they are where a server does not say it.

use crate::asks::{BOTH, accept, heard, key, legacy_with, plain};
use crate::scene::{Scene, told};
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
