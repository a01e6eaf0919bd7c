//! Everything that the gateway writes, in the form that each revision knows.
//!
//! A message is one line: `render` escapes what some line reader might take for a line end, so text from tools stays data.

use super::ask;
use super::foreign::{ForeignListing, ForeignResult};
use super::jsonrpc::Id;
use super::offer::{Catalogue, Target};
use super::params::ProgressToken;
use super::revision::Revision;
use crate::json::json;
use serde_json::{Map, Value};

/// How long a client may keep the tool list and the discovery result, in milliseconds. Both are constants of the binary; five minutes bounds
/// how long a client shows those of a gateway that was replaced.
pub const CACHE_TTL_MS: u64 = 300_000;
/// The list names what one policy permits; that is nobody else's business.
const CACHE_SCOPE: &str = "private";
const META_SERVER: &str = "io.modelcontextprotocol/serverInfo";

/// How the gateway introduces itself.
#[derive(Debug, Clone)]
pub struct ServerInfo {
    /// Gateway name.
    pub name: String,
    /// Version of the gateway.
    pub version: String,
    /// Text for the model.
    pub instructions: Option<String>,
}

/// An entry of the tool list.
#[derive(Debug, Clone)]
pub enum Listing {
    /// A tool whose definition is ours to write.
    Ours(ToolListing),
    /// A tool of an upstream.
    Foreign(ForeignListing),
}

impl Listing {
    /// Name on the wire.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Ours(tool) => &tool.name,
            Self::Foreign(tool) => tool.name(),
        }
    }

    /// The entry as JSON text, in the form of a revision.
    pub(crate) fn listed(&self, revision: Revision) -> String {
        match self {
            Self::Ours(tool) => tool.listed(revision).to_string(),
            Self::Foreign(tool) => tool.listed(revision),
        }
    }
}

impl From<ToolListing> for Listing {
    fn from(tool: ToolListing) -> Self {
        Self::Ours(tool)
    }
}

/// A tool as clients see it.
#[derive(Debug, Clone)]
pub struct ToolListing {
    /// Name on the wire.
    pub name: String,
    /// Name for people; sent from revision 2025-06-18 on.
    pub title: Option<String>,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of the arguments; its root must say `"type": "object"`.
    pub input_schema: Value,
    /// Hints; sent from revision 2025-03-26 on.
    pub annotations: Option<Annotations>,
}

/// Hints about a tool. They bind nobody; what the gateway enforces is in its policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Annotations {
    /// Changes nothing.
    pub read_only: bool,
    /// May destroy or overwrite.
    pub destructive: bool,
    /// Doing it twice is doing it once.
    pub idempotent: bool,
    /// Reaches beyond this machine.
    pub open_world: bool,
}

/// What a call produced, before it takes the form of a revision.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToolReply {
    /// Text for the model; becomes one text block.
    pub text: String,
    /// The same as data. Left out before revision 2025-06-18.
    pub structured: Option<Value>,
    /// The call was refused or failed in a way that the model can react to.
    pub is_error: bool,
    /// Members of the result's `_meta`; keys need a reverse-DNS prefix.
    pub meta: Map<String, Value>,
}

/// One message as one line without its LF: no control characters, and none of NEL, U+2028 and U+2029, at which Node's `readline` and
/// Python's `splitlines` would cut.
pub(crate) fn render(message: &Value) -> String {
    escape(message.to_string())
}

pub(super) fn escape(line: String) -> String {
    // All of them begin with one of these bytes, which are found far quicker than characters.
    let may_have = |first: u8| line.as_bytes().contains(&first);
    if !(may_have(0xc2) || may_have(0xe2)) || !line.contains(['\u{85}', '\u{2028}', '\u{2029}']) {
        return line;
    }
    // These characters can only stand inside strings, where the escape means the same.
    line.replace('\u{85}', "\\u0085").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

pub(crate) fn result(id: &Id, result: Map<String, Value>) -> String {
    render(&json!({"jsonrpc": "2.0", "id": id, "result": result}))
}

/// A result with members that are JSON text already: they stand where `body` has members of their names, the others at the end. The
/// texts are of one line.
pub(crate) fn spliced(id: &Id, body: &Map<String, Value>, raw: &[(&str, &str)]) -> String {
    let named = |name: &str| raw.iter().find(|(other, _)| *other == name).map(|(_, text)| *text);
    let room = raw.iter().map(|(name, text)| name.len() + text.len() + 8).sum::<usize>() + 512;
    let mut line = String::with_capacity(room);
    line.push_str("{\"id\":");
    put_value(&mut line, &json!(id));
    line.push_str(",\"jsonrpc\":\"2.0\",\"result\":{");
    let mut is_first = true;
    let mut name_of = |line: &mut String, name: &str| {
        if !std::mem::replace(&mut is_first, false) {
            line.push(',');
        }
        put_name(line, name);
        line.push(':');
    };
    for (name, value) in body {
        name_of(&mut line, name);
        match named(name) {
            Some(text) => line.push_str(text),
            None => put_value(&mut line, value),
        }
    }
    for (name, text) in raw.iter().filter(|(name, _)| !body.contains_key(*name)) {
        name_of(&mut line, name);
        line.push_str(text);
    }
    line.push_str("}}");
    escape(line)
}

/// Adds a text as JSON. Nearly all names of members are of characters that stand for themselves.
pub(super) fn put_name(line: &mut String, name: &str) {
    let is_plain = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'"' && byte != b'\\';
    if !name.bytes().all(is_plain) {
        return line.push_str(&Value::from(name).to_string());
    }
    line.push('"');
    line.push_str(name);
    line.push('"');
}

/// Adds a value as JSON, piece by piece to what is there.
fn put_value(line: &mut String, value: &Value) {
    match value {
        Value::String(text) => put_name(line, text),
        Value::Object(members) => {
            line.push('{');
            for (at, (name, value)) in members.iter().enumerate() {
                if at > 0 {
                    line.push(',');
                }
                put_name(line, name);
                line.push(':');
                put_value(line, value);
            }
            line.push('}');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => line.push_str(&value.to_string()),
    }
}

impl ServerInfo {
    fn implementation(&self) -> Value {
        json!({"name": self.name, "version": self.version})
    }

    /// Makes a result one of `revision`: from 2026-07-28 on it says that it is complete and who made it.
    pub(super) fn finish(
        &self,
        revision: Revision,
        mut body: Map<String, Value>,
        mut meta: Map<String, Value>,
    ) -> Map<String, Value> {
        if revision.is_modern() {
            body.insert("resultType".to_owned(), json!("complete"));
            meta.insert(META_SERVER.to_owned(), self.implementation());
        }
        if !meta.is_empty() {
            body.insert("_meta".to_owned(), Value::Object(meta));
        }
        body
    }

    /// A result that is a question, in revision 2026-07-28.
    pub(crate) fn input_required(&self, message: &str, state: &str) -> Map<String, Value> {
        let mut body = ask::input_required(message, state);
        body.insert("resultType".to_owned(), json!("input_required"));
        body.insert("_meta".to_owned(), json!({META_SERVER: self.implementation()}));
        body
    }

    /// A result that has questions of an upstream, in revision 2026-07-28. `requests`: JSON text of an object, of one line.
    #[cfg_attr(not(feature = "upstream"), allow(dead_code, reason = "only upstreams ask"))]
    pub(crate) fn inputs_required(&self, id: &Id, requests: &str, state: &str) -> String {
        let mut body = Map::from_iter([("requestState".to_owned(), json!(state)), ("inputRequests".to_owned(), Value::Null)]);
        body.insert("resultType".to_owned(), json!("input_required"));
        body.insert("_meta".to_owned(), json!({META_SERVER: self.implementation()}));
        spliced(id, &body, &[("inputRequests", requests)])
    }

    pub(crate) fn discover(&self, capabilities: Value) -> Map<String, Value> {
        let mut body = cacheable(CACHE_TTL_MS);
        body.insert("supportedVersions".to_owned(), json!([Revision::MODERN.date()]));
        self.introduce(&mut body, capabilities);
        self.finish(Revision::MODERN, body, Map::new())
    }

    pub(crate) fn initialize(&self, revision: Revision, capabilities: Value) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("protocolVersion".to_owned(), json!(revision.date()));
        body.insert("serverInfo".to_owned(), self.implementation());
        self.introduce(&mut body, capabilities);
        body
    }

    fn introduce(&self, body: &mut Map<String, Value>, capabilities: Value) {
        body.insert("capabilities".to_owned(), capabilities);
        if let Some(instructions) = &self.instructions {
            body.insert("instructions".to_owned(), json!(instructions));
        }
    }

    /// The reply to a list. `ttl`: how long a client may keep it, milliseconds.
    pub(crate) fn list(&self, id: &Id, revision: Revision, what: Catalogue, entries: &[String], ttl: u64) -> String {
        let mut body = if revision.is_modern() { cacheable(ttl) } else { Map::new() };
        body.insert(what.member().to_owned(), Value::Null);
        let body = self.finish(revision, body, Map::new());
        spliced(id, &body, &[(what.member(), &format!("[{}]", entries.join(",")))])
    }

    /// The reply to a call with the result of an upstream, in the form of a revision. `meta` goes beside what the upstream's own has.
    pub(crate) fn foreign_result(
        &self,
        id: &Id,
        revision: Revision,
        target: &Target,
        result: &ForeignResult,
        meta: Map<String, Value>,
    ) -> String {
        // A resource may be another one the next moment, and each read is judged.
        let hints = match target {
            Target::Resource(_) if revision.is_modern() => cacheable(0),
            Target::Resource(_)
            | Target::Tool
            | Target::Prompt
            | Target::Completion(_)
            | Target::Template(_)
            | Target::Subscription(_) => Map::new(),
        };
        let body = self.finish(revision, hints, meta);
        result.reply(id, revision, body)
    }

    pub(crate) fn call_result(&self, revision: Revision, reply: &ToolReply) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("content".to_owned(), json!([{"type": "text", "text": reply.text}]));
        body.insert("isError".to_owned(), json!(reply.is_error));
        if let Some(structured) = reply.structured.as_ref().filter(|_| revision.has_structured_content()) {
            let fits = structured.is_object() || revision.structures_any_value();
            let structured = if fits { structured.clone() } else { json!({"result": structured}) };
            body.insert("structuredContent".to_owned(), structured);
        }
        self.finish(revision, body, reply.meta.clone())
    }
}

impl ToolListing {
    fn listed(&self, revision: Revision) -> Value {
        let mut tool = json!({"name": self.name, "description": self.description, "inputSchema": self.input_schema});
        if let Some(title) = self.title.as_ref().filter(|_| revision.has_structured_content()) {
            tool["title"] = json!(title);
        }
        if let Some(hints) = self.annotations.filter(|_| revision.has_annotations()) {
            tool["annotations"] = json!({
                "readOnlyHint": hints.read_only,
                "destructiveHint": hints.destructive,
                "idempotentHint": hints.idempotent,
                "openWorldHint": hints.open_world,
            });
        }
        tool
    }
}

fn cacheable(ttl: u64) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("ttlMs".to_owned(), json!(ttl));
    body.insert("cacheScope".to_owned(), json!(CACHE_SCOPE));
    body
}

/// A whole number as one: `1`, not `1.0`.
#[allow(clippy::cast_possible_truncation, reason = "what is compared is within the integers of a double")]
fn number(value: f64) -> Value {
    const WHOLE_MAX: f64 = 9_007_199_254_740_991.0;
    if value.fract() == 0.0 && value.abs() <= WHOLE_MAX { json!(value as i64) } else { json!(value) }
}

/// A log message of an upstream. `data`: JSON text of one line.
#[cfg_attr(not(feature = "upstream"), allow(dead_code, reason = "only upstreams have log messages"))]
pub(crate) fn log(level: &str, logger: &str, data: &str) -> String {
    let (level, logger) = (json!(level), json!(logger));
    escape(format!(
        "{{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{{\"data\":{data},\"level\":{level},\"logger\":{logger}}}}}"
    ))
}

/// A progress notification. `progress` must grow from one to the next, and none may follow the reply. `message` is left out
/// before revision 2025-03-26.
#[must_use]
pub fn progress(revision: Revision, token: &ProgressToken, progress: f64, total: Option<f64>, message: Option<&str>) -> String {
    let mut params = json!({"progressToken": token.0, "progress": number(progress)});
    if let Some(total) = total {
        params["total"] = number(total);
    }
    if let Some(message) = message.filter(|_| revision.has_annotations()) {
        params["message"] = json!(message);
    }
    render(&json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}))
}
