//! Lines of a client, in the form of revision 2026-07-28 unless a function says otherwise.

use crate::place::{INTENT, SESSION};
use serde_json::{Value, json};

/// Key of the protocol version in `_meta`.
pub const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
/// Key of the client's capabilities in `_meta`.
pub const CAPABILITIES_KEY: &str = "io.modelcontextprotocol/clientCapabilities";

/// `_meta` of a request without lease.
pub fn meta() -> Value {
    json!({VERSION_KEY: "2026-07-28", CAPABILITIES_KEY: {}})
}

/// `_meta` of a call with a lease for [`SESSION`] and [`INTENT`].
pub fn leased(lease: &str) -> Value {
    let mut meta = meta();
    for (key, value) in [("lease", lease), ("session", SESSION), ("intent", INTENT)] {
        meta[format!("dev.airlock/{key}")] = json!(value);
    }
    meta
}

/// A request.
pub fn request(id: impl Into<Value>, method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id.into(), "method": method, "params": params}).to_string()
}

/// `server/discover`, which is answered at once whatever else goes on.
pub fn discover(id: impl Into<Value>) -> String {
    request(id, "server/discover", &json!({"_meta": meta()}))
}

/// `tools/call` with a given `_meta`.
pub fn call_with(id: impl Into<Value>, tool: &str, arguments: &Value, meta: &Value) -> String {
    request(id, "tools/call", &json!({"name": tool, "arguments": arguments, "_meta": meta}))
}

/// `tools/call` with a lease.
pub fn call(id: impl Into<Value>, tool: &str, arguments: &Value, lease: &str) -> String {
    call_with(id, tool, arguments, &leased(lease))
}

/// A call of `http_get_json` for a path of the stand-in ([`crate::web`]).
pub fn get(id: impl Into<Value>, path: &str, lease: &str) -> String {
    call(id, "http_get_json", &json!({"url": format!("https://api.open-meteo.com{path}")}), lease)
}

/// `notifications/cancelled`.
pub fn cancel(id: impl Into<Value>) -> String {
    json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id.into(), "_meta": meta()}})
        .to_string()
}

/// `tools/call` in the form of the revisions with a handshake.
pub fn plain_call(id: impl Into<Value>, tool: &str, arguments: &Value) -> String {
    request(id, "tools/call", &json!({"name": tool, "arguments": arguments}))
}

/// `initialize`.
pub fn initialize(id: impl Into<Value>, revision: &str) -> String {
    let client = json!({"name": "tests", "version": "1"});
    request(id, "initialize", &json!({"protocolVersion": revision, "capabilities": {}, "clientInfo": client}))
}

/// The reason code of a refusal, `ok` for an allowed call, `error <code>` for a JSON-RPC error.
pub fn reason(reply: &Value) -> String {
    let told = &reply["result"]["structuredContent"];
    match (&reply["error"]["code"], told["reason"].as_str()) {
        (Value::Null, Some(reason)) if told["decision"] == "deny" => reason.to_owned(),
        (Value::Null, _) => reply["result"]["_meta"]["dev.airlock/decision"]["decision"].as_str().map_or_else(
            || panic!("no decision in {reply}"),
            |decision| if decision == "allow" { "ok" } else { decision }.to_owned(),
        ),
        (code, _) => format!("error {code}"),
    }
}

/// Number of the decision in the ledger, as the reply tells it.
pub fn seq(reply: &Value) -> Option<u64> {
    let result = &reply["result"];
    let of_refusal = result["structuredContent"]["ledger_seq"].as_u64();
    result["_meta"]["dev.airlock/decision"]["ledger_seq"].as_u64().or(of_refusal)
}
