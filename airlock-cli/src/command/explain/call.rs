//! The call to explain: from a file, from standard input, or from options.

use crate::cases::{Case, Expect, Seen};
use crate::render::Failure;
use airlock_runtime::wire::scan::scan;
use airlock_runtime::wire::{META_INTENT, META_SESSION};
use serde_json::{Map, Value, json};
use std::fmt::Display;
use std::io::Read;
use std::path::Path;

/// Largest description of a call in bytes: the largest line that a gateway reads.
const CALL_MAX: u64 = 8 * 1024 * 1024;
/// The method of a call in JSON-RPC.
const METHOD: &str = "tools/call";

/// `name=value`. What is JSON must be JSON that a gateway reads; anything else is text.
pub(super) fn argument(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("an argument is written NAME=VALUE")?;
    let value = match scan(value.as_bytes()) {
        Ok(_) => serde_json::from_str(value).map_err(|e| e.to_string())?,
        Err(fault) if fault.flaw.is_json() => return Err(format!("no gateway reads this value: {}", fault.flaw.sentence())),
        Err(_) => json!(value),
    };
    Ok((name.to_owned(), value))
}

/// Where a session has seen a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Structured,
    Trusted,
    Text,
}

impl Place {
    /// The values that were seen there.
    pub(super) const fn of(self, seen: &mut Seen) -> &mut Vec<String> {
        match self {
            Self::Structured => &mut seen.structured,
            Self::Trusted => &mut seen.trusted,
            Self::Text => &mut seen.text,
        }
    }
}

/// `place=value`.
pub(super) fn seen(text: &str) -> Result<(Place, String), String> {
    let (place, value) = text.split_once('=').ok_or("what was seen is written PLACE=VALUE")?;
    let place = match place {
        "structured" => Place::Structured,
        "trusted" => Place::Trusted,
        "text" => Place::Text,
        _ => return Err("a place is `structured`, `trusted` or `text`; the intent is `--intent`".to_owned()),
    };
    Ok((place, value.to_owned()))
}

/// A call from a file.
///
/// # Errors
/// It cannot be read, is JSON that a gateway does not read, or describes no call.
pub(super) fn read(path: &Path) -> Result<Case, Failure> {
    let cannot = |e: &dyn Display| Failure::new(format_args!("cannot read the call {}: {e}", path.display()));
    let mut text = Vec::new();
    let read = match path == Path::new("-") {
        true => std::io::stdin().take(CALL_MAX).read_to_end(&mut text),
        false => std::fs::File::open(path).and_then(|file| file.take(CALL_MAX).read_to_end(&mut text)),
    };
    read.map_err(|e| cannot(&e))?;
    parse(&text).map_err(|problem| cannot(&problem))
}

/// A call from its text, by the same strict reading as on the wire: what two readers could understand in two ways is no call.
fn parse(text: &[u8]) -> Result<Case, Failure> {
    let refused =
        |fault: airlock_runtime::wire::scan::Fault| Failure::new(format_args!("{} (byte {})", fault.flaw.sentence(), fault.at));
    let scanned = scan(text).map_err(refused)?;
    described(serde_json::from_str(scanned.text()).map_err(Failure::new)?)
}

/// A call as a case, as `{tool, args, subject, …}`, or as MCP has it.
///
/// # Errors
/// It has none of these forms.
pub(super) fn described(value: Value) -> Result<Case, Failure> {
    let Value::Object(mut members) = value else { return Err(bad(&"it is not a JSON object")) };
    let method = members.get("method").and_then(Value::as_str).unwrap_or(METHOD);
    if method != METHOD {
        return Err(bad(&format_args!("its method is {method:?} and not {METHOD:?}")));
    }
    if let Some(params) = members.remove("params") {
        let Value::Object(params) = params else { return Err(bad(&"its `params` is not an object")) };
        members = of_mcp(params)?;
    } else if members.contains_key("name") && !members.contains_key("call") && !members.contains_key("tool") {
        members = of_mcp(members)?;
    } else if !members.contains_key("call") {
        let mut call = Map::new();
        for name in ["tool", "args", "stretch"] {
            call.extend(members.remove(name).map(|value| (name.to_owned(), value)));
        }
        members.insert("call".to_owned(), Value::Object(call));
    }
    members.insert("name".to_owned(), json!("call"));
    members.insert("expect".to_owned(), json!(Expect::Allow.word()));
    serde_json::from_value(Value::Object(members)).map_err(|e| bad(&e))
}

/// The parts of `params` that a decision rests on: name, arguments, and session and intent of `_meta`. A lease there is of no use: nobody but its
/// gateway has the key to read it with, so one is signed for the purpose. A gateway ignores all other members, and so does this.
fn of_mcp(mut params: Map<String, Value>) -> Result<Map<String, Value>, Failure> {
    let name = params.remove("name").ok_or_else(|| bad(&"it has no `name`"))?;
    let args = params.remove("arguments").unwrap_or_else(|| json!({}));
    let mut case = Map::from_iter([("call".to_owned(), json!({"tool": name, "args": args}))]);
    for (meta, key) in [(META_SESSION, "session"), (META_INTENT, "intent")] {
        let Some(carried) = params.get("_meta").and_then(|all| all.get(meta)) else { continue };
        let text = carried.as_str().ok_or_else(|| bad(&format_args!("{meta} in its `_meta` is not a string")))?;
        case.insert(key.to_owned(), json!(text));
    }
    Ok(case)
}

fn bad(problem: &dyn Display) -> Failure {
    Failure::new(format_args!("this is no call: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_request_is_read_for_what_a_decision_rests_on() {
        let request =
            br#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t","arguments":{"a":1},"task":{"ttl":1},
            "_meta":{"progressToken":1,"dev.airlock/lease":"alk1.x","dev.airlock/session":"s","dev.airlock/intent":"i"}}}"#;
        let case = parse(request).expect("a call");
        assert_eq!((case.call.tool.as_str(), &case.call.args["a"]), ("t", &json!(1)));
        assert_eq!((case.session.as_deref(), case.intent.as_deref()), (Some("s"), Some("i")));
        let params = parse(br#"{"name":"t","_meta":{},"inputResponses":{}}"#).expect("a call");
        assert!(params.call.args.is_empty() && params.session.is_none());
        let own = parse(br#"{"tool":"t","args":{"a":1},"subject":"x"}"#).expect("a call");
        assert_eq!(own.subject.as_deref(), Some("x"));
    }

    #[test]
    fn what_a_gateway_refuses_to_read_is_no_call() {
        for text in [
            r#"{"tool":"t","args":{"a":1,"a":2}}"#,
            r#"{"tool":"t","args":{"a":1,"\u0061":2}}"#,
            r#"{"tool":"t","args":{"a":"\ud800"}}"#,
            r#"{"tool":"t","args":{"a":1e999}}"#,
            r#"{"method":"tools/list","params":{"name":"t"}}"#,
            r#"{"params":[]}"#,
            r#"{"params":{"arguments":{}}}"#,
            r#"{"name":"t","arguments":[]}"#,
            r#"{"name":"t","arguments":null}"#,
            r#"{"name":"t","_meta":{"dev.airlock/session":null}}"#,
            r#"{"tool":"t","argz":{}}"#,
            "[]",
            "\u{feff}{}",
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse(b"{\"tool\":\"\xff\"}").is_err());
    }

    #[test]
    fn an_argument_is_json_that_a_gateway_reads_or_text() {
        let value = |text: &str| argument(text).map(|(_, value)| value);
        assert_eq!(value("n=4"), Ok(json!(4)));
        assert_eq!(value("n=a=b"), Ok(json!("a=b")));
        assert_eq!(value("n={\"a\":[true]}"), Ok(json!({"a": [true]})));
        assert!(value("n={\"a\":1,\"a\":2}").is_err() && value("n=1e999").is_err() && value("n").is_err());
    }
}
