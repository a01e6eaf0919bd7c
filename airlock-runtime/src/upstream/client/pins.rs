//! What an upstream says of its tools today, against what was reviewed.

use super::handshake::envelope;
use super::link::{Beside, Link, Reply};
use crate::json::json;
use crate::policy::upstream::Proxied;
use crate::upstream::Drift;
use crate::upstream::definition::drift;
use crate::wire::Able;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

/// Pages of one list. A server that goes on for ever is not waited for.
const PAGES_MAX: usize = 64;
/// Tools of one list.
const TOOLS_MAX: usize = 4096;

/// Asks for the list and compares. The tools that drifted, by their name at the upstream.
///
/// # Errors
/// A sentence: the list cannot be had.
pub(super) async fn check(
    link: &Rc<Link>,
    tools: &[&'static Proxied],
    patience: Duration,
) -> Result<HashMap<&'static str, Drift>, String> {
    let listed =
        tokio::time::timeout(patience, list(link)).await.map_err(|_| "it did not list its tools in time".to_owned())??;
    let compared = tools.iter().filter_map(|tool| {
        let reviewed: Map<String, Value> = serde_json::from_str(tool.definition).unwrap_or_default();
        let found = match listed.get(tool.name) {
            None => Some(Drift::GONE),
            // Which of two definitions of one name a call would meet is not known.
            Some(today) => today.iter().find_map(|today| drift(&reviewed, today)),
        };
        found.map(|drift| (tool.name, drift))
    });
    Ok(compared.collect())
}

/// All definitions by name.
async fn list(link: &Rc<Link>) -> Result<HashMap<String, Vec<Map<String, Value>>>, String> {
    let mut listed: HashMap<String, Vec<Map<String, Value>>> = HashMap::new();
    let (mut cursor, mut count) = (None, 0);
    for _ in 0..PAGES_MAX {
        let mut params = Map::new();
        if link.is_modern.get() {
            params.insert("_meta".to_owned(), envelope(Able::default()));
        }
        if let Some(cursor) = cursor.take() {
            params.insert("cursor".to_owned(), cursor);
        }
        let page = match link.ask("tools/list", |_| json!(params).to_string(), Beside::default()).await {
            Ok(Reply::Result(line, place)) => line.get(place).and_then(|text| serde_json::from_str::<Value>(text).ok()),
            Ok(Reply::Error(fault)) => return Err(format!("it answers tools/list with the error {}", fault.code)),
            Ok(Reply::Unusable(why)) => return Err(why.into()),
            Err(end) => return Err(end.words().into()),
        };
        let mut page = page.unwrap_or_default();
        let Some(tools) = page["tools"].as_array_mut().map(std::mem::take) else {
            return Err("its list of tools is none".into());
        };
        count += tools.len();
        if count > TOOLS_MAX {
            return Err(format!("it lists more than {TOOLS_MAX} tools"));
        }
        for tool in tools {
            let Value::Object(tool) = tool else { return Err("its list of tools holds what is no tool".into()) };
            let Some(name) = tool.get("name").and_then(Value::as_str).map(str::to_owned) else {
                return Err("its list of tools holds one without a name".into());
            };
            listed.entry(name).or_default().push(tool);
        }
        match page["nextCursor"].take() {
            Value::Null => return Ok(listed),
            next => cursor = Some(next),
        }
    }
    Err(format!("its list of tools has more than {PAGES_MAX} pages"))
}
