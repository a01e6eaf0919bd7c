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

/// A reviewed tool, and what the list has of it.
struct Compared {
    name: &'static str,
    reviewed: Map<String, Value>,
    is_listed: bool,
    drift: Option<Drift>,
}

/// Asks for the list and compares. The tools that drifted, by their name at the upstream. Of the list no more is kept than the page that is read.
///
/// # Errors
/// A sentence: the list cannot be had.
pub(super) async fn check(
    link: &Rc<Link>,
    tools: &[&'static Proxied],
    patience: Duration,
) -> Result<HashMap<&'static str, Drift>, String> {
    let compared = |tool: &&'static Proxied| Compared {
        name: tool.name,
        reviewed: serde_json::from_str(tool.definition).unwrap_or_default(),
        is_listed: false,
        drift: None,
    };
    let mut all: Vec<Compared> = tools.iter().map(compared).collect();
    let listed = list(link, |name, today| {
        for one in all.iter_mut().filter(|one| one.name == name) {
            one.is_listed = true;
            // Which of two definitions of one name a call would meet is not known.
            one.drift = one.drift.or_else(|| drift(&one.reviewed, today));
        }
    });
    tokio::time::timeout(patience, listed).await.map_err(|_| "it did not list its tools in time".to_owned())??;
    let found = all.into_iter().filter_map(|one| {
        let drift = if one.is_listed { one.drift } else { Some(Drift::GONE) };
        drift.map(|drift| (one.name, drift))
    });
    Ok(found.collect())
}

/// Hands over each definition with its name.
async fn list(link: &Rc<Link>, mut each: impl FnMut(&str, &Map<String, Value>)) -> Result<(), String> {
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
        for tool in &tools {
            let tool = tool.as_object().ok_or("its list of tools holds what is no tool")?;
            let name = tool.get("name").and_then(Value::as_str).ok_or("its list of tools holds one without a name")?;
            each(name, tool);
        }
        match page["nextCursor"].take() {
            Value::Null => return Ok(()),
            next => cursor = Some(next),
        }
    }
    Err(format!("its list of tools has more than {PAGES_MAX} pages"))
}
