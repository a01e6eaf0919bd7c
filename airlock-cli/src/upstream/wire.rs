//! Messages of a server, as far as a client that asks for tools reads them.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// The revision that has an envelope on every request.
pub(super) const MODERN: &str = "2026-07-28";
/// The revisions before it, newest first.
pub(super) const LEGACY: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

/// Longest id of a server that is repeated to it, bytes.
const ID_MAX: usize = 128;

/// One message.
#[derive(Debug, Deserialize)]
pub(super) struct Message {
    id: Option<Value>,
    method: Option<String>,
    result: Option<Box<RawValue>>,
    error: Option<Fault>,
}

/// An error of JSON-RPC. Its text is not shown: it is foreign.
#[derive(Debug, Deserialize)]
pub(super) struct Fault {
    /// Its number.
    pub(super) code: i64,
    /// What else it says.
    pub(super) data: Option<Value>,
}

impl Message {
    /// Reads a line; nothing if it is no message. Other members are not looked at.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    pub(super) fn is_answer_to(&self, id: u64) -> bool {
        self.method.is_none() && self.id.as_ref().and_then(Value::as_u64) == Some(id)
    }

    /// The result, or the error; an answer with neither is one with an error.
    pub(super) fn outcome(self) -> Result<Box<RawValue>, Fault> {
        match (self.result, self.error) {
            (Some(result), None) => Ok(result),
            (_, Some(fault)) => Err(fault),
            (None, None) => Err(Fault { code: 0, data: None }),
        }
    }

    /// What must be said to a request of the server: it lives, and everything else is not here.
    pub(super) fn reply(&self) -> Option<Value> {
        let (method, id) = (self.method.as_deref()?, self.id.as_ref()?);
        let is_short = id.as_str().is_some_and(|id| id.len() <= ID_MAX) || id.is_number();
        if !is_short {
            return None;
        }
        Some(match method {
            "ping" => json!({"jsonrpc": "2.0", "id": id, "result": {}}),
            _ => json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "not available"}}),
        })
    }
}

/// A request. Of the newest revision each carries what it is and what it can do; this client can do nothing.
pub(super) fn request(id: u64, method: &str, mut params: Value, modern: bool) -> Value {
    if modern {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientInfo": client(),
            "io.modelcontextprotocol/clientCapabilities": {},
        });
    }
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

/// Who asks.
pub(super) fn client() -> Value {
    json!({"name": "airlock", "version": env!("CARGO_PKG_VERSION")})
}
