//! What is sent, what comes back, and what never does.

use crate::scene::{KEY, LOGIN, TOKEN, ask, command, end, sent_with, start, start_with};
use airlock_tests::message::request;
use airlock_tests::place::Place;
use airlock_tests::process::Gateway;
use airlock_tests::recorder::{header, recorder};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_request_is_the_declared_one_with_its_credential() {
    let place = Place::new("rest");
    let mut gateway = start(&place);
    let arguments = json!({"project": "A b", "title": "say \"hi\"", "note": "plain", "tag": ["x&y", "z"], "count": 9_007_199_254_740_993_i64});
    let reply = ask(&mut gateway, &place, "s", "post", arguments);
    let told = &reply["result"]["structuredContent"];
    assert_eq!(
        (end(&reply), told["status"].as_u64(), told["host"].as_str()),
        ("ok", Some(200), Some("tickets.example.com")),
        "{reply}"
    );
    assert_eq!(told["json"]["body"], r#"{"count":9007199254740993,"title":"say \"hi\""}"#);
    let sent = recorder().of("/echo/A%20b/").pop().unwrap();
    assert!(sent.starts_with("POST /echo/A%20b/items?tag=x%26y&tag=z HTTP/1.1\r\n"), "{sent}");
    for (name, value) in [
        ("host", "tickets.example.com"),
        ("authorization", &format!("Bearer {TOKEN}")),
        ("content-type", "application/json"),
        ("accept", "application/json"),
        ("x-note", "plain"),
    ] {
        assert_eq!(header(&sent, name), Some(value), "{sent}");
    }
    assert!(header(&sent, "x-api-key").is_none() && header(&sent, "cookie").is_none());

    // The other two schemes; an argument that is no input is ignored where the manifest says so, and an empty answer is null.
    let reply = ask(&mut gateway, &place, "t", "find", json!({"text": "a=b", "authorization": "mine", "x-api-key": "mine"}));
    assert_eq!(reply["result"]["structuredContent"]["json"], "/echo/find?q=a%3Db", "{reply}");
    let sent = recorder().of("/echo/find?q=a%3Db").pop().unwrap();
    assert_eq!((header(&sent, "x-api-key"), header(&sent, "authorization")), (Some(KEY), None), "{sent}");
    assert!(!sent.contains("mine"));
    let reply = ask(&mut gateway, &place, "t", "remove", json!({"id": 7}));
    assert_eq!((end(&reply), &reply["result"]["structuredContent"]["json"]), ("ok", &Value::Null), "{reply}");
    let sent = recorder().of("/empty/7").pop().unwrap();
    assert!(
        sent.starts_with("DELETE /empty/7 HTTP/1.1") && header(&sent, "authorization").unwrap().starts_with("Basic "),
        "{sent}"
    );
    let outcome = place.entries_of("outcome").pop().unwrap();
    assert_eq!((&outcome["ok"], &outcome["hosts"]), (&json!(true), &json!(["tickets.example.com"])), "{outcome}");
    gateway.finish();
}

#[test]
fn no_argument_leaves_its_place() {
    let place = Place::new("rest");
    let token = "tok-of-arguments-that-stay-in-place";
    let mut gateway = start_with(&place, token);
    for (member, value) in [
        ("project", json!("..")),
        ("project", json!("")),
        ("project", json!("../../admin")),
        ("project", json!("..%2f..%2fadmin")),
        ("project", json!("a\r\nX-Evil: 1")),
        ("project", json!(["a"])),
        ("note", json!("a\r\nAuthorization: Bearer mine")),
        ("note", json!("\u{e9}")),
        ("title", json!({"a": 1})),
        ("title", json!("x".repeat(101))),
        ("count", json!(0)),
        ("count", json!(1.5)),
        ("tag", json!("x")),
        ("host", json!("evil.example.org")),
        ("url", json!("https://evil.example.org/")),
    ] {
        let mut arguments = json!({"project": "p", "title": "t"});
        arguments[member] = value.clone();
        let reply = ask(&mut gateway, &place, "s", "post", arguments);
        assert_eq!(end(&reply), "argument_invalid", "{member} {value}: {reply}");
    }
    assert_eq!(sent_with(token), 0, "a refused call was sent");
    // What may be sent stays where it stands.
    let arguments =
        json!({"project": "a/b?c#d%2F&\u{202e}", "title": "\"},\"admin\":true,{\"x\":\"", "tag": ["a&admin=1", "b#c", "d\r\ne"]});
    let reply = ask(&mut gateway, &place, "s", "post", arguments.clone());
    assert_eq!(end(&reply), "ok", "{reply}");
    let sent = recorder().of("/echo/a%2Fb%3Fc%23d%252F%26%E2%80%AE/items").pop().unwrap();
    assert!(sent.contains("?tag=a%26admin%3D1&tag=b%23c&tag=d%0D%0Ae HTTP/1.1"), "{sent}");
    let body: Value = serde_json::from_str(sent.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!((body, sent_with(token)), (json!({"title": arguments["title"]}), 1));
    gateway.finish();
}

/// The manifest gives the tool its host; the lease still has to name it.
#[test]
fn a_lease_without_the_host_does_not_reach_it() {
    let place = Place::new("rest");
    let token = "tok-of-a-lease-without-the-host";
    let mut gateway = start_with(&place, token);
    let mut claims = place.claims(&["post"]);
    (claims.dom, claims.risk) = (vec!["a.files.example.com".into()], 1000);
    let arguments = json!({"project": "p", "title": "t"});
    let reply = gateway.ask(&airlock_tests::message::call("post:1", "post", &arguments, &place.mint(&claims)));
    assert_eq!((end(&reply), sent_with(token)), ("host_not_in_lease", 0), "{reply}");
    gateway.finish();
}

#[test]
fn answers_that_do_not_fit_fail_with_a_code() {
    let place = Place::new("rest");
    let mut gateway = start(&place);
    for (tool, expected, said) in [("pick", "select_missing", "/none"), ("much", "too_large", "1024 bytes")] {
        let reply = ask(&mut gateway, &place, "s", tool, json!({}));
        assert_eq!(end(&reply), expected, "{reply}");
        assert!(reply["result"]["content"][0]["text"].as_str().unwrap().contains(said), "{reply}");
        assert_eq!(place.entries_of("outcome").pop().unwrap()["status"], expected);
    }
    gateway.finish();
}

/// Neither what is told, nor stderr, nor the ledger, nor the compiled policy has a credential in any form.
#[test]
fn a_credential_is_given_away_by_nothing() {
    let place = Place::new("rest");
    let mut gateway = start(&place);
    let mut told = String::new();
    for how in ["plain", "name", "escaped", "error", "moved", "type", "text"] {
        let reply = ask(&mut gateway, &place, "s", "mirror", json!({ "how": how }));
        assert_eq!(end(&reply), "secret_in_answer", "{how}: {reply}");
        told += &reply.to_string();
    }
    let reply = ask(&mut gateway, &place, "s", "mirror", json!({"how": "fine"}));
    assert_eq!(end(&reply), "ok", "{reply}");
    told += &gateway.ask(&request("l", "tools/list", &json!({"_meta": airlock_tests::message::meta()}))).to_string();
    told += &gateway.finish();
    let policy = command(&place).arg("--policy").output().unwrap();
    told += &String::from_utf8(policy.stdout).unwrap();
    assert!(told.contains("\"bearer_env\": \"REST_TOKEN\""), "the policy names the variable");
    for entry in std::fs::read_dir(place.ledger()).unwrap().chain(std::fs::read_dir(place.ledger().join("evidence")).unwrap()) {
        told +=
            &std::fs::read(entry.unwrap().path()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    }
    let base64 = "dG9rLTdkMWMvOSthYTU1LW9mLXRoZS10ZXN0cz0";
    for needle in [TOKEN, KEY, LOGIN, "correct-horse-of-the-tests", "tok-7d1c%2F9%2Baa55-of-the-tests%3D", base64, "of-the-tests"]
    {
        assert!(!told.contains(needle), "{needle} was given away");
    }
}

#[test]
fn a_gateway_does_not_start_without_its_credentials() {
    let place = Place::new("rest");
    let stopped = |change: &dyn Fn(&mut std::process::Command)| {
        let mut command = command(&place);
        change(&mut command);
        let (status, stderr) = Gateway::start(command).end();
        assert_eq!(status.code(), Some(5), "{stderr}");
        assert!(!place.ledger().exists(), "nothing is left behind");
        for secret in [TOKEN, KEY, "correct-horse"] {
            assert!(!stderr.contains(secret), "{stderr}");
        }
        stderr
    };
    assert!(
        stopped(&|command| {
            command.env_remove("REST_TOKEN");
        })
        .contains("REST_TOKEN is not set")
    );
    assert!(
        stopped(&|command| {
            command.env("REST_LOGIN", "correct-horse");
        })
        .contains("REST_LOGIN is not of the form user:password")
    );
    let file = place.dir().join("token");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let from_file = |command: &mut std::process::Command| {
        command.env_remove("REST_TOKEN").env("REST_TOKEN_FILE", &file);
    };
    assert!(stopped(&from_file).contains("may be read by others"));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut command = command(&place);
    from_file(&mut command);
    let mut gateway = Gateway::start(command);
    let reply = ask(&mut gateway, &place, "s", "post", json!({"project": "from-file", "title": "t"}));
    assert_eq!(end(&reply), "ok", "{reply}");
    assert_eq!(header(&recorder().of("/echo/from-file/").pop().unwrap(), "authorization"), Some(&*format!("Bearer {TOKEN}")));
    gateway.finish();
}

#[test]
fn tools_are_listed_with_all_that_the_model_needs() {
    let place = Place::new("rest");
    let mut gateway = start(&place);
    let reply = gateway.ask(&request("l", "tools/list", &json!({"_meta": airlock_tests::message::meta()})));
    let tools = reply["result"]["tools"].as_array().unwrap();
    let tool = |name: &str| tools.iter().find(|tool| tool["name"] == name).unwrap();
    let find = tool("find");
    assert_eq!((&find["title"], &find["annotations"]["readOnlyHint"]), (&json!("Find"), &json!(true)), "{find}");
    assert_eq!(find["inputSchema"]["additionalProperties"], true);
    let post = tool("post");
    assert_eq!(
        post["annotations"],
        json!({"readOnlyHint": false, "destructiveHint": true, "idempotentHint": false, "openWorldHint": true})
    );
    assert_eq!(post["inputSchema"]["properties"]["title"], json!({"type": "string", "maxLength": 100}));
    assert_eq!(post["inputSchema"]["properties"]["count"], json!({"type": "integer", "minimum": 1}));
    assert_eq!(post["inputSchema"]["required"], json!(["project", "title"]));
    assert_eq!(post["inputSchema"]["additionalProperties"], false);
    assert!(post.get("title").is_none() && !reply.to_string().contains("REST_TOKEN"));
    gateway.finish();
}
