//! All pages of a server's list of tools.

use super::Offered;
use super::handshake::Peer;
use airlock_policy::definitions::Definition;
use airlock_policy::limits::{DEFINITIONS_MAX, TOOLS_MAX};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Instant;

/// Pages of one list: a server that gives one tool on each still has room.
const PAGES_MAX: usize = TOOLS_MAX;

#[derive(Deserialize)]
struct Page {
    tools: Vec<Box<RawValue>>,
    #[serde(rename = "nextCursor")]
    next: Option<String>,
}

/// Asks for every page.
///
/// # Errors
/// A sentence that says what went wrong.
pub(super) fn tools(peer: &mut Peer, until: Instant) -> Result<Vec<Offered>, String> {
    let (mut all, mut names, mut bytes) = (Vec::new(), BTreeSet::new(), 0);
    let mut cursor: Option<String> = None;
    for _ in 0..PAGES_MAX {
        let params = cursor.as_ref().map_or(json!({}), |cursor| json!({"cursor": cursor}));
        let answer = peer.ask("tools/list", params, until).map_err(|silence| silence.to_string())?;
        let result = answer.map_err(|fault| format!("it answers `tools/list` with the error {}", fault.code))?;
        bytes += result.get().len();
        let page: Page =
            serde_json::from_str(result.get()).map_err(|_| "its answer to `tools/list` is no list of tools".to_owned())?;
        for raw in &page.tools {
            let offered = read(raw.get());
            if !names.insert(offered.name().to_owned()) {
                return Err(format!("it lists two tools of the name {:?}", shown(offered.name())));
            }
            all.push(offered);
        }
        if all.len() > TOOLS_MAX || bytes > DEFINITIONS_MAX {
            return Err(format!("it lists more than {TOOLS_MAX} tools, or more than {DEFINITIONS_MAX} bytes"));
        }
        let is_again = page.next.is_some() && page.next == cursor;
        cursor = page.next.filter(|_| !is_again);
        if cursor.is_none() {
            return Ok(all);
        }
    }
    Err(format!("its list has more than {PAGES_MAX} pages"))
}

fn read(text: &str) -> Offered {
    match Definition::of(text) {
        Ok(definition) => Offered::Tool(Box::new(definition)),
        Err(problem) => {
            let name = serde_json::from_str::<Value>(text).ok().and_then(|tool| Some(tool["name"].as_str()?.to_owned()));
            Offered::Unusable(name.unwrap_or_default(), problem)
        }
    }
}

impl Offered {
    /// Name of the tool at the server.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Tool(definition) => definition.name(),
            Self::Unusable(name, _) => name,
        }
    }
}

/// A foreign name, bounded.
fn shown(name: &str) -> String {
    name.chars().take(60).collect()
}
