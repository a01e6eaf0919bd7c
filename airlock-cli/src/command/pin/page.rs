//! What `airlock pin` shows. Every text of a server is quoted or escaped.

use super::{Asked, State, Tool};
use airlock_policy::definitions::{Definition, shown};
use serde_json::{Value, json};

/// Names of tools that are not listed, as far as they are shown.
const OTHERS_SHOWN: usize = 40;

pub(super) fn table(asked: &[Asked]) -> String {
    asked.iter().map(upstream).collect::<Vec<_>>().join("\n\n")
}

fn upstream(asked: &Asked) -> String {
    let stray = match asked.stray {
        0 => String::new(),
        lines => format!(", {lines} lines that are no messages"),
    };
    let mut lines = vec![format!("{}: {} tools in the manifest, MCP {}{stray}", asked.name, asked.tools.len(), asked.revision)];
    for tool in &asked.tools {
        lines.extend(self::tool(tool));
    }
    if !asked.others.is_empty() {
        let names: Vec<String> = asked.others.iter().take(OTHERS_SHOWN).map(|name| shown(&Value::from(name.as_str()))).collect();
        let more = asked.others.len().saturating_sub(OTHERS_SHOWN);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        lines.push(format!("  not in the manifest: {}{more}", names.join(", ")));
    }
    lines.join("\n")
}

fn tool(tool: &Tool) -> Vec<String> {
    let (word, details) = match &tool.state {
        State::New(definition) => ("new", described(definition)),
        State::Same if tool.is_pinned => ("unchanged", Vec::new()),
        State::Same => ("unchanged, but the manifest has another pin", Vec::new()),
        State::Changed(lines) => ("CHANGED", lines.clone()),
        State::Gone => ("GONE: the server does not list it", Vec::new()),
        State::Unusable(problem) => ("UNUSABLE", vec![problem.clone()]),
    };
    let mut lines = vec![format!("  {:<24} {word}", shown(&Value::from(tool.name.as_str())).trim_matches('"'))];
    lines.extend(details.into_iter().map(|line| format!("      {line}")));
    lines.extend(tool.remarks.iter().map(|remark| format!("    ! {remark}")));
    lines
}

/// A definition that was not there before: all that models will be told of it.
fn described(definition: &Definition) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, value) in definition.value().as_object().into_iter().flatten().filter(|(name, _)| *name != "name") {
        match (name.as_str(), &value["properties"]) {
            ("inputSchema", Value::Object(properties)) => {
                let required = value["required"].as_array();
                lines.extend(properties.iter().map(|(name, schema)| {
                    let is_required = required.is_some_and(|required| required.iter().any(|one| one == name));
                    let need = if is_required { "required" } else { "optional" };
                    format!("argument {} ({need}): {}", shown(&Value::from(name.as_str())), shown(schema))
                }));
            }
            (name, _) => lines.push(format!("{name}: {}", shown(value))),
        }
    }
    lines
}

pub(super) fn json(asked: &[Asked], written: bool) -> Value {
    let tool = |tool: &Tool| {
        let (state, details) = match &tool.state {
            State::New(definition) => ("new", vec![definition.text().to_owned()]),
            State::Same => ("unchanged", Vec::new()),
            State::Changed(lines) => ("changed", lines.clone()),
            State::Gone => ("gone", Vec::new()),
            State::Unusable(problem) => ("unusable", vec![problem.clone()]),
        };
        json!({"tool": tool.name, "state": state, "details": details, "remarks": tool.remarks, "pin": tool.pin, "pinned": tool.is_pinned})
    };
    let upstream = |asked: &Asked| {
        json!({
            "upstream": asked.name,
            "revision": asked.revision,
            "definitions": asked.file,
            "current": asked.is_current(),
            "tools": asked.tools.iter().map(tool).collect::<Vec<_>>(),
            "others": asked.others,
        })
    };
    json!({"written": written, "upstreams": asked.iter().map(upstream).collect::<Vec<_>>()})
}
