//! What a client was told and what went over its wire, without what differs between two runs: numbers, times, leases, weather.

use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;
use std::process::Output;

/// `_meta` key under which a gateway of 2026-07-28 names itself.
const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
/// `_meta` key of the decision.
const DECISION: &str = "dev.airlock/decision";

/// What a client printed.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    /// Version, server, instructions, capabilities.
    pub(crate) negotiated: Value,
    /// Tool definitions.
    pub(crate) tools: Value,
    /// The other steps: label and reply.
    pub(crate) steps: Vec<Value>,
    /// What the gateway said on stderr, as the client's user sees it.
    pub(crate) stderr: String,
}

impl Account {
    /// Reads the one JSON value that a session prints.
    pub(crate) fn read(output: &Output) -> Self {
        let mut steps: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        let negotiated = steps.remove(0);
        let tools = steps.remove(0)["tools"].take();
        assert!(tools.as_array().is_some_and(|tools| !tools.is_empty()));
        for step in &mut steps {
            if let Some(replies) = step.get_mut("replies").and_then(Value::as_array_mut) {
                replies.iter_mut().for_each(plain);
            } else {
                plain(step);
            }
        }
        Self { negotiated, tools, steps, stderr: String::from_utf8(output.stderr.clone()).unwrap() }
    }

    /// How many calls one session makes.
    pub(crate) fn calls_of_the_session() -> usize {
        let session: Value = serde_json::from_str(include_str!("../../clients/session.json")).unwrap();
        let calls = session["steps"].as_array().unwrap().iter().map(|step| match step["do"].as_str().unwrap() {
            "negotiate" | "list" => 0,
            "together" => step["hours"].as_array().unwrap().len(),
            _ => 1,
        });
        calls.sum()
    }

    /// The steps for people, with the code of each refusal. Its words are pinned where they are written.
    pub(crate) fn text(&self) -> String {
        let tools = self.tools.as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap());
        let mut text = format!("tools: {}\n", tools.collect::<Vec<_>>().join(", "));
        for step in &self.steps {
            let _ = writeln!(text, "\n{}", step["step"].as_str().unwrap());
            let replies = step.get("replies").map_or_else(|| std::slice::from_ref(step), |replies| replies.as_array().unwrap());
            for reply in replies {
                let _ = writeln!(text, "    {}", summary(reply));
            }
        }
        text
    }
}

fn summary(reply: &Value) -> String {
    let (result, error) = (&reply["result"], &reply["error"]);
    let told = &result["structuredContent"];
    match (error["code"].as_i64(), result["isError"].as_bool()) {
        (Some(code), _) => format!("error {code}: {}", error["data"]["reason"]),
        (None, Some(false)) => format!("{told}"),
        (None, Some(true)) if told["decision"] == "allow" => format!("failed: {}", told["outcome"]),
        (None, Some(true)) => format!("refused: {}", told["reason"]),
        (None, None) => format!("cancelled: {}", reply["cancelled"]),
    }
}

/// Reduces a reply to what must be the same for all clients.
fn plain(reply: &mut Value) {
    by_value(reply);
    if let Some(error) = reply.get_mut("error") {
        // Some clients put the code before the message.
        let message = error["message"].as_str().unwrap();
        let code = format!("MCP error {}: ", error["code"]);
        error["message"] = json!(message.strip_prefix(&code).unwrap_or(message));
        still(&mut error["data"]);
    }
    let Some(result) = reply.get_mut("result").and_then(Value::as_object_mut) else { return };
    let mut told = Map::new();
    let mut structured = result.remove("structuredContent").unwrap();
    let [content] = result["content"].as_array().unwrap().as_slice() else { panic!("one block of text: {result:?}") };
    assert_eq!(content["type"], "text");
    let text = content["text"].as_str().unwrap();
    let is_error = result["isError"].as_bool().unwrap();
    if is_error {
        let (before, seq) = text.split_once(" Ledger entry ").map_or((text, None), |(before, seq)| (before, Some(seq)));
        told.insert("text".into(), json!(before));
        assert!(seq.is_none_or(|seq| seq == format!("{}.", structured["ledger_seq"])), "{text}");
    } else {
        let mut same: Value = serde_json::from_str(text).unwrap();
        by_value(&mut same);
        assert_eq!(same, structured, "the text repeats the structured content");
    }
    still(&mut structured);
    told.insert("isError".into(), json!(is_error));
    told.insert("structuredContent".into(), structured);
    if let Some(mut decision) = result.get("_meta").and_then(|meta| meta.get(DECISION)).cloned() {
        still(&mut decision);
        told.insert("decision".into(), decision);
    }
    reply["result"] = Value::Object(told);
}

/// Writes every number in one way: JavaScript has one kind of number, and prints `1.0` as `1`.
fn by_value(value: &mut Value) {
    match value {
        Value::Number(number) => *value = serde_json::from_str(&number.as_f64().unwrap().to_string()).unwrap(),
        Value::Array(items) => items.iter_mut().for_each(by_value),
        Value::Object(members) => members.values_mut().for_each(by_value),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// Replaces what differs between two runs and keeps its kind, and the number of hours.
fn still(value: &mut Value) {
    let Some(members) = value.as_object_mut() else { return };
    for (name, value) in members {
        match (name.as_str(), &*value) {
            ("lease", Value::String(lease)) if lease.starts_with("alk1.k1.") => *value = json!("a lease"),
            ("session_id", Value::String(_)) => *value = json!("the session"),
            ("lease_id", Value::String(id)) if id.len() == 32 => *value = json!("an id"),
            ("expires_at" | "since" | "until", Value::String(time)) if time.ends_with('Z') => *value = json!("a time"),
            ("ledger_seq" | "entries", Value::Number(_)) => *value = json!("a number"),
            // Too few calls give no quantile.
            ("p50_us" | "p95_us", Value::Number(_) | Value::Null) => *value = json!("microseconds or null"),
            ("hours", Value::Array(hours)) => *value = json!(format!("{} hours", hours.len())),
            ("summary", Value::String(_)) => *value = json!("a sentence"),
            ("hourly", Value::Object(columns)) => *value = json!(format!("{} columns", columns.len())),
            ("tools", Value::Array(_)) => value.as_array_mut().unwrap().iter_mut().for_each(still),
            _ => still(value),
        }
    }
}

/// What went over the wire of one gateway process.
#[derive(Debug)]
pub(crate) struct Recording {
    sent: Vec<Value>,
    received: HashMap<String, Value>,
}

impl Recording {
    /// All recordings in a directory.
    pub(crate) fn read_all(dir: &Path) -> Vec<Self> {
        let lines = |path: &Path| {
            let text = std::fs::read_to_string(path).unwrap();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
        };
        let paths = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        let inputs = paths.filter(|path| path.extension().is_some_and(|end| end == "in"));
        let recording = |path: std::path::PathBuf| {
            let received = lines(&path.with_extension("out"));
            Self { sent: lines(&path), received: received.into_iter().map(|reply| (reply["id"].to_string(), reply)).collect() }
        };
        inputs.map(recording).collect()
    }

    /// Number of tool calls.
    pub(crate) fn calls(&self) -> usize {
        self.requests().count()
    }

    fn requests(&self) -> impl Iterator<Item = &Value> {
        self.sent.iter().filter(|message| message["method"] == "tools/call")
    }

    /// The reply to each call, in the order of the calls, with the members that only one era has checked and taken out.
    pub(crate) fn replies(&self, revision: &str) -> Vec<Value> {
        let is_modern = revision == airlock_tests::clients::MODERN;
        let reply = |request: &Value| {
            let mut reply =
                self.received.get(&request["id"].to_string()).cloned().unwrap_or_else(|| json!({"id": 0, "none": true}));
            reply.as_object_mut().unwrap().remove("id").unwrap();
            if let Some(result) = reply.get_mut("result").and_then(Value::as_object_mut) {
                assert_eq!(result.remove("resultType"), is_modern.then(|| json!("complete")));
                let server = result.get_mut("_meta").and_then(Value::as_object_mut).and_then(|meta| meta.remove(SERVER_INFO));
                assert_eq!(server.map(|server| server["name"].clone()), is_modern.then(|| json!("clients")));
                let known = |name: &&String| ["_meta", "content", "isError", "structuredContent"].contains(&name.as_str());
                assert_eq!(result.keys().filter(|name| !known(name)).count(), 0, "{result:?}");
            }
            plain(&mut reply);
            reply
        };
        self.requests().map(reply).collect()
    }
}
