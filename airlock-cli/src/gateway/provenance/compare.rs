//! A statement that was handed over against the one that a rebuild gives: all of it must be the same, but for the C tools of the machine.

use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Marks a material that is a C tool.
const C_TOOL: &str = "C tool";
/// Where materials are in a statement.
const MATERIALS: &str = "/predicate/buildDefinition/resolvedDependencies";
/// How many differences are told; a statement of something else differs in every line.
const SHOWN: usize = 20;
/// Longest text of a value that is told, in characters.
const TEXT_MAX: usize = 100;

/// A C tool as a material.
pub(super) fn c_tool(version: &str) -> Value {
    json!({"name": version, "annotations": {"kind": C_TOOL}})
}

/// What comparing two statements gave.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Compared {
    /// What the statement says that is not so; nothing if it is about this gateway, this manifest and this build.
    pub(crate) contradictions: Vec<String>,
    /// C tools that it names where this machine has others. They decide bytes, but the bytes are compared themselves.
    pub(crate) c_tools: Option<String>,
}

/// Compares a statement with the one that was made here.
pub(crate) fn compare(said: &Value, here: &Value) -> Compared {
    let (said, said_tools) = without_c_tools(said);
    let (here, here_tools) = without_c_tools(here);
    let mut all = Vec::new();
    walk("", &said, &here, &mut all);
    if all.len() > SHOWN {
        let more = all.len() - SHOWN;
        all.truncate(SHOWN);
        all.push(format!("and {more} more"));
    }
    let other = said_tools != here_tools;
    Compared {
        contradictions: all,
        c_tools: other.then(|| format!("it says {}, here are {}", listed(&said_tools), listed(&here_tools))),
    }
}

/// The statement without the materials that are exactly C tools as we write them, and their versions.
fn without_c_tools(statement: &Value) -> (Value, Vec<String>) {
    let mut rest = statement.clone();
    let mut tools = Vec::new();
    if let Some(Value::Array(materials)) = rest.pointer_mut(MATERIALS) {
        materials.retain(|material| {
            let version = material["name"].as_str().filter(|version| *material == c_tool(version));
            tools.extend(version.map(str::to_owned));
            version.is_none()
        });
    }
    (rest, tools)
}

/// Adds a line for every value that differs.
fn walk(at: &str, said: &Value, here: &Value, all: &mut Vec<String>) {
    match (said, here) {
        (Value::Object(left), Value::Object(right)) => {
            let names: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for name in names {
                walk(&below(at, name), left.get(name).unwrap_or(&Value::Null), right.get(name).unwrap_or(&Value::Null), all);
            }
        }
        // Materials are a set with names: one that is missing must not make all that follow differ.
        (Value::Array(left), Value::Array(right)) if left.len() != right.len() => {
            let (mut extra, mut missing) = (left.clone(), right.clone());
            extra.retain(|one| !take(&mut missing, one));
            all.extend(extra.iter().map(|one| format!("{at}: it says {}, which is not so here", short(one))));
            all.extend(missing.iter().map(|one| format!("{at}: it does not say {}", short(one))));
        }
        (Value::Array(left), Value::Array(right)) => {
            for (place, (left, right)) in left.iter().zip(right).enumerate() {
                let name = right["name"].as_str().map_or_else(|| place.to_string(), str::to_owned);
                walk(&below(at, &name), left, right, all);
            }
        }
        (said, here) if said == here => {}
        (said, here) => all.push(format!("{at}: it says {}, here it is {}", short(said), short(here))),
    }
}

/// Takes one such value out of a list.
fn take(list: &mut Vec<Value>, one: &Value) -> bool {
    list.iter().position(|other| other == one).map(|at| list.remove(at)).is_some()
}

/// `predicate` and `buildDefinition` stand above everything and say nothing.
fn below(at: &str, name: &str) -> String {
    match (at, name) {
        (_, "predicate" | "buildDefinition") => at.to_owned(),
        ("", name) => name.to_owned(),
        (at, name) => format!("{at}/{}", clean(name)),
    }
}

fn listed(tools: &[String]) -> String {
    match tools {
        [] => "none".to_owned(),
        tools => tools.iter().map(|tool| clean(tool)).collect::<Vec<_>>().join("; "),
    }
}

fn short(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => clean(text),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => clean(&value.to_string()),
    }
}

/// Text of a file that anybody may have written, for a terminal.
fn clean(text: &str) -> String {
    let cut: String = text.chars().take(TEXT_MAX).collect();
    cut.escape_debug().to_string().replace("\\\"", "\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement() -> Value {
        json!({
            "subject": [{"name": "gate", "digest": {"sha256": "aa"}}],
            "predicate": {
                "buildDefinition": {
                    "externalParameters": {"link": "static", "note": "manifest"},
                    "resolvedDependencies": [
                        {"name": "manifest", "digest": {"sha256": "bb"}},
                        {"name": "Cargo.lock", "digest": {"sha256": "cc"}},
                        c_tool("cc 1"),
                        {"uri": "pkg:cargo/serde@1.0.0"},
                    ],
                },
                "runDetails": {"builder": {"id": "x#airlock-1"}},
            },
        })
    }

    #[test]
    fn every_value_is_compared() {
        fn leaves(at: &str, value: &Value, all: &mut Vec<String>) {
            match value {
                Value::Object(map) => map.iter().for_each(|(name, value)| leaves(&format!("{at}/{name}"), value, all)),
                Value::Array(list) => list.iter().enumerate().for_each(|(n, value)| leaves(&format!("{at}/{n}"), value, all)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => all.push(at.to_owned()),
            }
        }
        let here = statement();
        assert_eq!(compare(&here, &here), Compared::default());
        let mut all = Vec::new();
        leaves("", &here, &mut all);
        assert_eq!(all.len(), 12);
        for leaf in all {
            let mut said = here.clone();
            *said.pointer_mut(&leaf).unwrap() = json!("other");
            let compared = compare(&said, &here);
            let is_tool = leaf.ends_with("/2/name");
            assert_eq!(compared.contradictions.is_empty(), is_tool, "{leaf}: {compared:?}");
            assert_eq!(compared.c_tools.is_some(), leaf.contains("/2/"), "{leaf}: {compared:?}");
        }
    }

    #[test]
    fn what_is_added_or_left_out_is_found() {
        let here = statement();
        let changed = |change: &dyn Fn(&mut Vec<Value>)| {
            let mut said = here.clone();
            change(said.pointer_mut(MATERIALS).unwrap().as_array_mut().unwrap());
            compare(&said, &here)
        };
        let second = changed(&|all| all.push(json!({"name": "manifest", "digest": {"sha256": "dd"}})));
        assert!(second.contradictions[0].contains("dd") && second.contradictions.len() == 1, "{second:?}");
        let fewer = changed(&|all| drop(all.remove(1)));
        assert!(fewer.contradictions[0].contains("does not say") && fewer.contradictions.len() == 1, "{fewer:?}");
        // A tool with anything more to it is no tool.
        let smuggled = changed(&|all| all[2]["digest"] = json!({"sha256": "ee"}));
        assert!(!smuggled.contradictions.is_empty(), "{smuggled:?}");
        let other = changed(&|all| all[2] = c_tool("cc 2"));
        let said = Some("it says cc 2, here are cc 1".to_owned());
        assert_eq!(other, Compared { contradictions: Vec::new(), c_tools: said });
        let mut extra = here.clone();
        extra["predicate"]["runDetails"]["metadata"] = json!({"invocationId": "\u{1b}[2J"});
        let compared = compare(&extra, &here);
        assert!(compared.contradictions[0].contains("metadata"), "{compared:?}");
        assert!(!compared.contradictions[0].contains('\u{1b}'), "a terminal would run it");
    }
}
