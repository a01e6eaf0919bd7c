//! What any line of ours must look like, checked by hand against the schema of each revision.

use super::{Connection, connection, legacy, modern, plain};
use crate::wire::jsonrpc::Id;
use crate::wire::reply::{ToolReply, progress};
use crate::wire::{Code, Received, Revision};
use serde_json::{Map, Value, json};

const CODES: [i64; 7] = [-32700, -32600, -32601, -32602, -32603, -32021, -32022];

/// Panics unless `line` is one well-formed answer of `revision` (of any revision, if it is an error).
pub(super) fn check(line: &str, revision: Revision) {
    let cuts = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    assert!(!line.contains(cuts), "a line reader could cut here: {line:?}");
    let message: Map<String, Value> = serde_json::from_str(line).unwrap();
    assert_eq!(message["jsonrpc"], "2.0");
    if message.contains_key("method") {
        return check_request(&message, revision);
    }
    let id = &message["id"];
    assert!(id.is_i64() || id.is_string(), "{line}");
    assert_eq!(message.len(), 3, "{line}");
    if let Some(error) = message.get("error") {
        check_error(error);
    } else {
        check_result(&message["result"], revision);
    }
}

/// The one request that we make: the form, in revisions that know it as a request.
fn check_request(message: &Map<String, Value>, revision: Revision) {
    assert!([Revision::R2025_06_18, Revision::R2025_11_25].contains(&revision), "a request of ours in {revision:?}");
    assert_eq!(message.len(), 4, "{message:?}");
    assert!(message["id"].is_string() && message["method"] == "elicitation/create", "{message:?}");
    assert_eq!(message["params"].as_object().unwrap().len(), 2, "{message:?}");
    check_form(&message["params"]);
}

fn check_form(params: &Value) {
    let schema = &params["requestedSchema"];
    assert!(params["message"].is_string() && schema["type"] == "object", "{params}");
    assert_eq!(schema["properties"]["approve"]["type"], "boolean");
    assert_eq!(schema["required"], json!(["approve"]));
}

fn check_error(error: &Value) {
    let code = error["code"].as_i64().unwrap();
    assert!(CODES.contains(&code), "{error}");
    assert!(!error["message"].as_str().unwrap().is_empty());
    let members = error.as_object().unwrap();
    assert!(members.keys().all(|key| ["code", "message", "data"].contains(&key.as_str())), "{error}");
    if code == -32022 {
        assert_eq!(error["data"]["supported"], json!(["2026-07-28"]));
        assert!(error["data"]["requested"].is_string());
    }
}

fn check_result(result: &Value, revision: Revision) {
    let members = result.as_object().unwrap();
    let server = json!({"name": "weather", "version": "0.1.0"});
    if let Some(questions) = members.get("inputRequests").and_then(Value::as_object) {
        assert!(
            revision.is_modern() && result["resultType"] == "input_required" && result["requestState"].is_string(),
            "{result}"
        );
        assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"], server);
        assert_eq!((members.len(), questions.len()), (4, 1), "{result}");
        let question = questions["approve"].as_object().unwrap();
        assert!(
            question.len() == 2 && question["method"] == "elicitation/create" && question["params"]["mode"] == "form",
            "{result}"
        );
        return check_form(&question["params"]);
    }
    if revision.is_modern() {
        assert_eq!(result["resultType"], "complete");
        assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"], server);
        assert!(!members.contains_key("serverInfo"), "identity is in _meta only");
    } else {
        assert!(
            ["resultType", "ttlMs", "cacheScope", "supportedVersions"].iter().all(|key| !members.contains_key(*key)),
            "{result}"
        );
        assert!(!result.to_string().contains("io.modelcontextprotocol/"), "{result}");
    }
    let is_cacheable = members.contains_key("tools") || members.contains_key("supportedVersions");
    assert_eq!(
        is_cacheable && revision.is_modern(),
        members.contains_key("ttlMs") && members.contains_key("cacheScope"),
        "{result}"
    );
    if is_cacheable && revision.is_modern() {
        assert!(result["ttlMs"].as_u64().is_some() && ["public", "private"].contains(&result["cacheScope"].as_str().unwrap()));
    }
    if let Some(versions) = members.get("supportedVersions") {
        assert_eq!(versions, &json!(["2026-07-28"]));
        assert!(result["capabilities"].is_object());
    }
    if let Some(version) = members.get("protocolVersion") {
        assert_eq!(version, revision.date());
        assert_eq!(result["serverInfo"], server);
    }
    for tool in members.get("tools").map(|tools| tools.as_array().unwrap()).into_iter().flatten() {
        check_tool(tool, revision);
    }
    if let Some(content) = members.get("content") {
        assert!(content.as_array().unwrap().iter().all(|block| block["type"] == "text" && block["text"].is_string()));
        assert!(result["isError"].is_boolean());
    }
    match (members.get("structuredContent"), revision) {
        (None, _) | (Some(_), Revision::R2026_07_28) => {}
        (Some(content), Revision::R2025_06_18 | Revision::R2025_11_25) => assert!(content.is_object(), "{result}"),
        (Some(_), Revision::R2024_11_05 | Revision::R2025_03_26) => panic!("structured content is younger: {result}"),
    }
}

fn check_tool(tool: &Value, revision: Revision) {
    let known = ["name", "title", "description", "inputSchema", "annotations"];
    let members = tool.as_object().unwrap();
    assert!(members.keys().all(|key| known.contains(&key.as_str())), "{tool}");
    assert!(tool["name"].is_string() && tool["inputSchema"]["type"] == "object", "{tool}");
    assert!(!members.contains_key("title") || revision >= Revision::R2025_06_18, "{tool}");
    assert!(!members.contains_key("annotations") || revision >= Revision::R2025_03_26, "{tool}");
}

/// A connection of `revision` and a `tools/list` for it.
fn in_era(revision: Revision) -> (Connection, String) {
    if revision.is_modern() {
        (connection(), modern("1", "tools/list", ""))
    } else {
        (legacy(revision), plain("1", "tools/list", ""))
    }
}

#[test]
fn lists_hold_what_their_revision_knows() {
    for revision in Revision::ALL {
        let (mut connection, list) = in_era(revision);
        let Received::Reply(line) = connection.receive(list.as_bytes()) else { panic!("no list") };
        check(&line, revision);
        assert!(line.contains("\\u2028"), "the separator in the description is escaped");
        assert_eq!(line.contains("Hourly weather"), revision >= Revision::R2025_06_18);
        assert_eq!(line.contains("openWorldHint"), revision >= Revision::R2025_03_26);
    }
}

#[test]
fn tool_replies_hold_what_their_revision_knows() {
    let text = "{\"jsonrpc\":\"2.0\"}\n\r\u{0}\u{85}\u{2028}\u{2029}\u{1b}".to_owned();
    for structured in [None, Some(json!({"a": [1]})), Some(json!([1])), Some(Value::Null)] {
        let meta = Map::from_iter([("dev.airlock/decision".to_owned(), json!("d1"))]);
        let reply = ToolReply { text: text.clone(), structured: structured.clone(), is_error: true, meta };
        for revision in Revision::ALL {
            let line = connection().reply_result(revision, &Id::Str("a\nb".to_owned()), &reply);
            check(&line, revision);
            let message: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(message["id"], "a\nb");
            assert_eq!(message["result"]["content"][0]["text"], text.as_str(), "text comes back as it was");
            assert_eq!(message["result"]["_meta"]["dev.airlock/decision"], "d1");
            let expected = structured
                .clone()
                .filter(|_| revision >= Revision::R2025_06_18)
                .map(|value| if value.is_object() || revision.is_modern() { value } else { json!({"result": value}) });
            assert_eq!(message["result"].get("structuredContent"), expected.as_ref());
        }
    }
}

#[test]
fn a_tool_cannot_pose_as_another_server() {
    let meta = Map::from_iter([("io.modelcontextprotocol/serverInfo".to_owned(), json!({"name": "bank", "version": "1"}))]);
    let reply = ToolReply { meta, ..ToolReply::default() };
    check(&connection().reply_result(Revision::MODERN, &Id::Int(1), &reply), Revision::MODERN);
}

#[test]
fn errors_and_progress_are_well_formed() {
    let line = connection().reply_error(&Id::Int(1), Code::MissingCapability, "m", Some(json!({"requiredCapabilities": {}})));
    check(&line, Revision::MODERN);
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","_meta":{"progressToken":0}}}"#;
    let Received::Call(call) = legacy(Revision::R2025_11_25).receive(call.as_bytes()) else { panic!("no call") };
    let token = call.progress_token.unwrap();
    let read = |revision| serde_json::from_str::<Value>(&progress(revision, &token, 1.0, Some(3.0), Some("m\u{2028}"))).unwrap();
    let params = json!({"progressToken": 0, "progress": 1, "total": 3, "message": "m\u{2028}"});
    assert_eq!(read(Revision::MODERN), json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}));
    assert!(read(Revision::R2024_11_05)["params"].get("message").is_none());
    assert_eq!(
        progress(Revision::MODERN, &token, 2.0, None, None),
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":2,"progressToken":0}}"#
    );
}
