//! Definitions and results of foreign tools: what policy does not touch is passed on byte for byte, in the form that each revision knows.

use super::jsonrpc::Id;
use super::members::{is_object, members};
use super::reply::{put_name, spliced};
use super::revision::Revision;
use crate::json::json;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// A foreign tool as clients see it: its reviewed definition under the name that the manifest gives it.
#[derive(Debug, Clone)]
pub struct ForeignListing {
    name: String,
    /// Members of the definition in their order, as JSON text of one line.
    members: Vec<(String, String)>,
}

impl ForeignListing {
    /// `definition`: JSON text of an object. `announce` may add to its input schema; where it does, the schema is written anew.
    /// `None` if the text is not a definition.
    #[must_use]
    pub fn new(name: &str, definition: &str, announce: impl FnOnce(&mut Value) -> bool) -> Option<Self> {
        let mut all: Vec<(String, String)> =
            members(definition)?.into_iter().map(|(name, value)| (name, one_line(value.get()))).collect();
        let schema = all.iter_mut().find(|(name, _)| name == "inputSchema")?;
        let mut parsed = serde_json::from_str(&schema.1).ok()?;
        if announce(&mut parsed) {
            schema.1 = parsed.to_string();
        }
        if let Some(own) = all.iter_mut().find(|(name, _)| name == "name") {
            own.1 = json!(name).to_string();
        }
        Some(Self { name: name.to_owned(), members: all })
    }

    /// Name on the wire.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The entry of the list as JSON text, without the members that the revision does not know. Before 2026-07-28 an output schema had
    /// to be one of an object.
    pub(crate) fn listed(&self, revision: Revision) -> String {
        let is_known = |name: &str, text: &str| match name {
            "title" => revision.has_structured_content(),
            "annotations" => revision.has_annotations(),
            "outputSchema" => revision.structures_any_value() || revision.has_structured_content() && promises_object(text),
            _ => true,
        };
        let known = self.members.iter().filter(|(name, text)| is_known(name, text));
        let parts: Vec<String> = known.map(|(name, text)| format!("{}:{text}", json!(name))).collect();
        format!("{{{}}}", parts.join(","))
    }
}

/// Does a schema say that its root is an object?
fn promises_object(schema: &str) -> bool {
    serde_json::from_str::<Value>(schema).is_ok_and(|schema| schema.get("type") == Some(&json!("object")))
}

/// JSON text without line ends: outside strings they are white space, and within them JSON has none.
fn one_line(text: &str) -> String {
    // Nearly all are of one line, and bytes are found far quicker than characters.
    let has = |byte: u8| text.as_bytes().contains(&byte);
    if has(b'\n') || has(b'\r') { text.replace(['\n', '\r'], " ") } else { text.to_owned() }
}

/// The result of a call as an upstream gave it, after it was checked and screened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ForeignResult {
    /// Members in their order as JSON text of one line, without those that are the gateway's.
    members: Vec<(String, String)>,
    /// Members of its `_meta`.
    meta: Vec<(String, String)>,
}

/// Members that are the gateway's to set. Those of a question are for a result that asks one, which this is not: no client is to take it for one.
const OURS: [&str; 6] = ["resultType", "_meta", "ttlMs", "cacheScope", "inputRequests", "requestState"];

/// Is a key of `_meta` one that a server behind the gateway may not set: the protocol's, or ours?
fn is_reserved(key: &str) -> bool {
    let Some((prefix, _)) = key.split_once('/') else { return false };
    prefix == "dev.airlock" || matches!(prefix.split('.').nth(1), Some("modelcontextprotocol" | "mcp"))
}

#[cfg_attr(not(feature = "upstream"), allow(dead_code, reason = "only upstreams have foreign results"))]
impl ForeignResult {
    /// `result`: JSON text of an object; `None` if it is none.
    pub(crate) fn new(result: &str) -> Option<Self> {
        let all = members(result)?;
        let meta = all.iter().find(|(name, value)| name == "_meta" && is_object(value));
        let meta = meta.and_then(|(_, value)| members(value.get())).unwrap_or_default();
        let text = |(name, value): (String, &RawValue)| (name, one_line(value.get()));
        Some(Self {
            members: all.into_iter().filter(|(name, _)| !OURS.contains(&name.as_str())).map(text).collect(),
            meta: meta.into_iter().filter(|(name, _)| !is_reserved(name)).map(text).collect(),
        })
    }

    /// Puts another value in the place of a member, or at the end.
    pub(crate) fn replace(&mut self, name: &str, value: &Value) {
        let text = value.to_string();
        match self.members.iter_mut().find(|(other, _)| other == name) {
            Some(member) => member.1 = text,
            None => self.members.push((name.to_owned(), text)),
        }
    }

    /// Puts one more block of text at the end of `content`; what is there stays byte for byte.
    pub(crate) fn append_text(&mut self, text: &str) {
        let block = json!({"type": "text", "text": text}).to_string();
        let content = self.members.iter_mut().find(|(name, _)| name == "content");
        let list = content.and_then(|(_, content)| Some((content.trim_end().strip_suffix(']')?.len(), content)));
        match list {
            Some((end, content)) => {
                content.truncate(end);
                let comma = if content.trim_end().ends_with('[') { "" } else { "," };
                content.push_str(&format!("{comma}{block}]"));
            }
            None => self.replace("content", &json!([{"type": "text", "text": text}])),
        }
    }

    /// Takes a member and all of `_meta` out.
    pub(crate) fn forget(&mut self, name: &str) {
        self.members.retain(|(other, _)| other != name);
        self.meta.clear();
    }

    /// What a ledger commits to: the members, and those of `_meta`, as one text.
    pub(crate) fn text(&self) -> String {
        let all = self.members.iter().chain(&self.meta);
        let mut out = String::with_capacity(all.map(|(name, text)| name.len() + text.len() + 4).sum::<usize>() + 16);
        let put = |out: &mut String, members: &[(String, String)]| {
            for (at, (name, text)) in members.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                put_name(out, name);
                out.push(':');
                out.push_str(text);
            }
        };
        out.push('{');
        put(&mut out, &self.members);
        if !self.meta.is_empty() {
            out.push_str(",\"_meta\":{");
            put(&mut out, &self.meta);
            out.push('}');
        }
        out.push('}');
        out
    }

    /// The reply line. `body` has what the gateway itself says, its `_meta` included.
    pub(super) fn reply(&self, id: &Id, revision: Revision, mut body: Map<String, Value>) -> String {
        let wrapped = |text: &str| format!("{{\"result\":{text}}}");
        let mut raw: Vec<(&str, std::borrow::Cow<'_, str>)> = Vec::with_capacity(self.members.len() + 1);
        for (name, text) in &self.members {
            let text = text.as_str();
            match name.as_str() {
                "structuredContent" if !revision.has_structured_content() => {}
                "structuredContent" if !revision.structures_any_value() && !text.starts_with('{') => {
                    raw.push((name, wrapped(text).into()));
                }
                _ => raw.push((name, text.into())),
            }
        }
        if !self.meta.is_empty() {
            // Both lists are of names that the other cannot have.
            let ours = body.remove("_meta");
            let ours = ours.as_ref().and_then(Value::as_object);
            let ours = ours.into_iter().flatten().map(|(name, value)| format!("{}:{value}", json!(name)));
            let theirs = self.meta.iter().map(|(name, text)| format!("{}:{text}", json!(name)));
            let all: Vec<String> = theirs.chain(ours).collect();
            raw.push(("_meta", format!("{{{}}}", all.join(",")).into()));
        }
        let raw: Vec<(&str, &str)> = raw.iter().map(|(name, text)| (*name, text.as_ref())).collect();
        spliced(id, &body, &raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFINITION: &str = r#"{"name":"read","title":"T","inputSchema":{"type":"object","b":1.0,"a":12345678901234567890123},"outputSchema":{"type":"array"},"annotations":{"readOnlyHint":true},"icons":[]}"#;

    #[test]
    fn a_definition_is_listed_byte_for_byte_but_for_its_name() {
        let listing = ForeignListing::new("files.read", DEFINITION, |_| false).unwrap();
        assert_eq!(listing.listed(Revision::MODERN), DEFINITION.replace(r#""read""#, r#""files.read""#));
        let old = listing.listed(Revision::R2024_11_05);
        assert!(!old.contains("title") && !old.contains("annotations") && !old.contains("outputSchema"), "{old}");
        assert!(!listing.listed(Revision::R2025_11_25).contains("outputSchema"), "its root is no object");
        assert!(listing.listed(Revision::R2025_11_25).contains("12345678901234567890123"));
    }

    #[test]
    fn a_definition_is_one_line() {
        let listing =
            ForeignListing::new("r", "{\"name\":\"r\",\r\n\"inputSchema\":{\r\"type\":\n\"object\"}}", |_| false).unwrap();
        assert!(!listing.listed(Revision::MODERN).contains(['\r', '\n']));
        assert!(ForeignListing::new("r", "[]", |_| false).is_none());
    }

    fn reply(result: &str, revision: Revision) -> String {
        let body = Map::from_iter([("_meta".to_owned(), json!({"dev.airlock/decision": 1}))]);
        ForeignResult::new(result).unwrap().reply(&Id::Int(1), revision, body)
    }

    #[test]
    fn results_take_the_form_of_the_revision() {
        let result =
            r#"{"resultType":"complete","content":[{"z":1.0,"type":"text"}],"structuredContent":[1],"new":null,"ttlMs":1}"#;
        let modern = reply(result, Revision::MODERN);
        assert!(modern.contains(r#""content":[{"z":1.0,"type":"text"}],"structuredContent":[1],"new":null"#), "{modern}");
        assert!(!modern.contains("ttlMs") && modern.matches("resultType").count() == 0, "the caller says that it is complete");
        assert!(reply(result, Revision::R2025_11_25).contains(r#""structuredContent":{"result":[1]}"#));
        assert!(!reply(result, Revision::R2025_03_26).contains("structuredContent"));
    }

    #[test]
    fn a_text_comes_behind_what_is_there() {
        let noted = |result: &str| {
            let mut result = ForeignResult::new(result).unwrap();
            result.append_text("n");
            result.text()
        };
        let block = r#"{"text":"n","type":"text"}"#;
        assert_eq!(noted(r#"{"content":[{"z":1.0}] ,"a":1}"#), format!(r#"{{"content":[{{"z":1.0}},{block}],"a":1}}"#));
        assert_eq!(noted(r#"{"content":[ ]}"#), format!(r#"{{"content":[ {block}]}}"#));
        assert_eq!(noted(r#"{"content":[["["]]}"#), format!(r#"{{"content":[["["],{block}]}}"#));
        assert_eq!(noted(r#"{"a":1}"#), format!(r#"{{"a":1,"content":[{block}]}}"#));
    }

    #[test]
    fn an_upstream_says_nothing_in_the_names_of_others() {
        let result = r#"{"content":[],"inputRequests":{"a":{"method":"roots/list"}},"requestState":"theirs","_meta":{"dev.airlock/decision":2,"io.modelcontextprotocol/serverInfo":3,"com.mcp.x/y":4,"com.example.mcp/z":5,"trace":6}}"#;
        let reply: Value = serde_json::from_str(&reply(result, Revision::MODERN)).unwrap();
        assert_eq!(
            reply["result"],
            json!({"content": [], "_meta": {"dev.airlock/decision": 1, "com.example.mcp/z": 5, "trace": 6}})
        );
    }
}
