//! The tables of `docs/json.md`, and whether an output is what they say.
#![allow(clippy::expect_used, dead_code)] // In a test a panic is the report; not every test program uses everything.

use serde_json::Value;
use std::collections::BTreeMap;

/// The page.
pub(crate) const DOCS: &str = include_str!("../../../docs/json.md");

/// Types of the members of each command's output.
fn tables() -> BTreeMap<String, BTreeMap<String, String>> {
    let mut tables: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut verb = None;
    for line in DOCS.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            verb = heading.strip_prefix("`airlock ").and_then(|rest| rest.strip_suffix('`')).map(str::to_owned);
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let (Some(verb), ["", name, kind, meaning, ""]) = (&verb, cells.as_slice())
            && let Some(name) = name.strip_prefix('`').and_then(|name| name.strip_suffix('`'))
        {
            assert!(!meaning.is_empty(), "{verb}: {name}");
            tables.entry(verb.clone()).or_default().insert(name.to_owned(), (*kind).to_owned());
        }
    }
    tables
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "truth",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

/// What is wrong with an output, by the tables.
pub(crate) fn faults(verb: &str, output: &Value) -> Vec<String> {
    let tables = tables();
    let Some(table) = tables.get(verb) else { return vec![format!("docs/json.md says nothing of {verb}")] };
    let Some(members) = output.as_object() else { return vec![format!("{verb}: no object, {output}")] };
    let missing = table.keys().filter(|name| !members.contains_key(*name)).map(|name| format!("{verb}: {name} is missing"));
    let wrong = members.iter().filter_map(|(name, value)| match table.get(name) {
        None => Some(format!("{verb}: {name} is not in the docs")),
        Some(types) if types.split(" or ").any(|one| one == kind(value)) => None,
        Some(types) => Some(format!("{verb}: {name} is {}, the docs say {types}", kind(value))),
    });
    missing.chain(wrong).collect()
}
