//! Every value of the IR is in the report, and the reports of the manifests that people start from are as reviewed.

use super::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A policy in which every field and every variant that carries a value stands somewhere; tests hold it to that. Variants without a
/// value need not: the test puts each in the place of the others.
fn everything() -> Value {
    json!({
        "airlock": 1,
        "gateway": {"name": "gate", "instructions": "ask"},
        "keys": [{"kid": "k1", "commitment": null}, {"kid": "k2", "commitment": "00112233445566ff"}],
        "lease": {"default_ttl": 60, "max_ttl": 120, "carrier_meta": true, "carrier_arguments": true},
        "ledger": {"dir_env": "DIR", "dir_default": "./ledger", "durability": "power"},
        "limits": {"max_arguments": 1024, "in_flight": 4, "timeout": 5, "approval_timeout": 60, "step_ups": 5,
            "quota": {"rate": {"calls": 9, "seconds": 60}, "session_rate": null, "session_calls": 7}},
        "approvers": [{"name": "alice", "key": "ed25519:a", "why": "w"}],
        "upstreams": [
            {"name": "files", "command": ["/opt/files", "--all"], "dir": "/srv", "era": "auto", "start_timeout": 5, "max_message": 9,
                "env": [{"name": "A", "value": {"literal": "x"}}, {"name": "B", "value": {"from": "X"}}, {"name": "C", "value": {"secret": "Y"}}],
                "why": "w",
                "confine": {"system": true, "read": ["/a"], "write": ["/b"], "exec": ["/c"], "net": {"proxy": [{"host": {"exact": "n.example.com"}, "ports": [443], "stand_in": 8080, "why": "m"}]}, "allow_missing": ["userns"],
                    "limits": {"data": 1_073_741_824, "fsize": 1024, "cpu": 60, "files": 9, "processes": 20}}},
            {"name": "bare", "command": ["/opt/bare"], "dir": null, "env": [], "era": "legacy", "start_timeout": 5, "max_message": 9,
                "why": "w"},
        ],
        "tools": [proxied(), tool(), builtin("airlock_issue_capability"), builtin("http_get_json"), rest("read", "GET", json!("bearer"), json!("whole")),
            rest("put", "PUT", json!({"header": "x-key"}), json!({"one": "/a"}))],
        "flows": [{"labels": ["reads:a", "sends:b"], "verdict": "deny", "why": "f"}, {"labels": ["reads:a", "sends:c"], "verdict": "ask", "why": "g"}],
        "grants": [grant("operator"), grant("self"), grant("human")],
        "requires": [
            {"rule": {"every": {"tools": {"tools": ["a"], "labels": ["reads:a"], "effect": "send", "credentials": true, "host": {"exact": "a.com"}},
                "has": ["approval", "exact_hosts", "quota", "provenance", {"max_risk_threshold": 5}, {"labels": ["reads:a"]}, {"issue": "operator"}, {"max_ttl": 9}]}}, "why": "w"},
            {"rule": {"never": {"subject": null, "tools": {"tools": [], "labels": [], "effect": null, "credentials": null, "host": null}}}, "why": "w"},
        ],
    })
}

fn grant(issue: &str) -> Value {
    json!({"subject": format!("agent:{issue}"), "tools": ["http_get_json", "send"], "issue": issue, "domains": ["*.b.com", "a.com"],
        "max_ttl": 60, "max_risk": 500, "uses": 9, "why": "w"})
}

fn builtin(name: &str) -> Value {
    json!({"name": name, "effect": "read", "risk_threshold": 600, "base_risk": 0, "ignored": [], "kind": {"builtin": name}, "egress": [],
        "args": [], "strict": true, "labels": [], "approval": null, "quota": {"rate": null, "session_rate": null, "session_calls": null},
        "timeout": 10, "why": "w"})
}

fn rest(name: &str, method: &str, scheme: Value, select: Value) -> Value {
    let mut value = tool();
    value["name"] = json!(name);
    value["args"] = json!([{"arg": "a", "rules": []}]);
    value["kind"]["rest"]["method"] = json!(method);
    value["kind"]["rest"]["auth"]["scheme"] = scheme;
    value["kind"]["rest"]["response"]["select"] = select;
    value
}

fn proxied() -> Value {
    let argument = |name: &str, kind: Value| json!({"name": name, "kind": kind, "required": true});
    let definition =
        json!({"name": "read", "description": "d", "inputSchema": {"type": "object", "properties": {"a": {"type": "string"}}}});
    let mut value = tool();
    value["name"] = json!("files.read");
    value["egress"] = json!([]);
    value["kind"] = json!({"upstream": {
        "upstream": "files", "tool": "read", "pin": "00ff", "definition": definition.to_string(),
        "arguments": [argument("a", json!("text")), argument("b", json!({"integer": [1, 9]})), argument("c", json!("other")), argument("d", json!("list"))],
        "max_result": 9, "on_risk": "deny", "result_threshold": 500, "secrets": true,
    }});
    value
}

fn tool() -> Value {
    let input = |name: &str, kind: &str| json!({"name": name, "kind": kind, "required": true, "description": "d"});
    json!({
        "name": "send", "effect": "send", "risk_threshold": 600, "base_risk": 10, "ignored": [{"factor": "f", "why": "w"}],
        "kind": {"rest": {
            "title": "t", "description": "d",
            "input": [input("a", "string"), input("b", "integer"), input("c", "number"), input("d", "boolean"), input("e", "array")],
            "method": "POST", "host": "a.com", "port": 443, "path": [{"literal": "/v1/"}, {"input": "a"}],
            "query": [{"name": "q", "value": {"input": "b"}}], "headers": [{"name": "h", "value": {"text": "x"}}],
            "body": [{"name": "i", "value": {"integer": 1}}, {"name": "j", "value": {"boolean": true}}],
            "auth": {"scheme": "bearer", "env": "TOKEN"},
            "response": {"select": {"fields": [["id", "/id"], ["link", "/link"]]}, "max_bytes": 9},
        }},
        "egress": [
            {"host": {"exact": "a.com"}, "ports": [443, 8443], "stand_in": null, "why": "w"},
            {"host": {"one_label": "b.com"}, "ports": [443], "stand_in": 80, "why": "w"},
            {"host": "any_public", "ports": [443], "stand_in": null, "why": "w"},
        ],
        "args": [{"arg": "a", "rules": [{"one_of": ["x", "y"]}, {"prefix": "x"}, {"suffix": "x"}, {"min_length": 1}, {"max_length": 2}, {"min": 1},
            {"max": 2}, {"matches": "x"}, {"under": "/x"}, {"host_in": [{"exact": "a.com"}]}, {"max_items": 3}, "forbid"]}],
        "origins": [{"arg": "a", "look": {"whole": "email"}, "from": ["intent", "structured", "text"], "otherwise": "ask"},
            {"arg": "e", "look": "inside", "from": ["intent", "trusted"], "otherwise": "deny"}],
        "trusted": true, "strict": true, "labels": ["reads:a", "sends:z"], "approval": "human", "signatures": {"count": 2, "of": ["alice", "bob"], "within": 900},
        "quota": {"rate": null, "session_rate": {"calls": 2, "seconds": 60}, "session_calls": null}, "timeout": 5, "why": "w",
    })
}

/// What an absent value may become, whatever its type.
fn candidates() -> [Value; 9] {
    [
        json!("x"),
        json!("human"),
        json!("send"),
        json!(1),
        json!(true),
        json!({"calls": 1, "seconds": 1}),
        json!({"count": 1, "of": ["alice"], "within": 60}),
        json!({"exact": "x.com"}),
        json!({"scheme": "bearer", "env": "X"}),
    ]
}

/// The variants that serde names when it does not know `word`.
fn variants(root: &Value, pointer: &str, renamed: Value) -> Vec<String> {
    let mut copy = root.clone();
    *copy.pointer_mut(pointer).unwrap() = renamed;
    let fault = serde_json::from_value::<Policy>(copy).err().map(|fault| fault.to_string()).unwrap_or_default();
    match fault.strip_prefix("unknown variant `unknown`, expected ") {
        Some(list) => list.split('`').skip(1).step_by(2).map(str::to_owned).collect(),
        None => Vec::new(),
    }
}

/// The word that may be the variant of an enum at this place, with the value in which another word stands for it.
fn tagged(value: &Value) -> Option<(String, impl Fn(&str) -> Value)> {
    let (word, inner) = match value {
        Value::String(word) => (word.clone(), None),
        Value::Object(members) if members.len() == 1 => {
            members.iter().next().map(|(word, inner)| (word.clone(), Some(inner.clone())))?
        }
        _ => return None,
    };
    let with = move |other: &str| match &inner {
        None => json!(other),
        Some(inner) => json!({ other: inner }),
    };
    Some((word, with))
}

/// Every value that differs from `value` in one step.
fn changed(root: &Value, pointer: &str, value: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    if let Some((_, with)) = tagged(value) {
        let others = variants(root, pointer, with("unknown"));
        all.extend(
            others
                .iter()
                .flat_map(|word| [with(word), json!(word), json!({ word: "x" }), json!({ word: "email" }), json!({ word: 1 })]),
        );
    }
    match value {
        Value::Null => all.extend(candidates()),
        Value::Bool(truth) => all.push(json!(!truth)),
        Value::Number(number) => all.extend([1, -1].map(|step| json!(number.as_i64().unwrap() + step))),
        Value::String(text) => all.push(json!(format!("{text}x"))),
        Value::Array(items) => {
            let more = entries_elsewhere(root, pointer).into_iter().chain([json!("x")]);
            all.extend(more.map(|entry| json!([items.as_slice(), &[entry]].concat())));
            for at in 0..items.len() {
                let mut shorter = items.clone();
                shorter.remove(at);
                all.push(json!(shorter));
                let mut turned = items.clone();
                turned.swap(at, (at + 1) % items.len());
                all.push(json!(turned));
            }
        }
        Value::Object(_) => {}
    }
    all.push(Value::Null);
    all.retain(|other| other != value);
    all
}

/// Entries of the lists that have the same name as the one at this place.
fn entries_elsewhere(root: &Value, pointer: &str) -> Vec<Value> {
    let mut all = Vec::new();
    places(root, String::new(), &mut all);
    let name = |pointer: &str| pointer.rsplit('/').next().map(str::to_owned);
    let alike = all.iter().filter(|other| name(other) == name(pointer));
    alike.filter_map(|other| root.pointer(other)?.as_array()?.first().cloned()).collect()
}

/// Every place in a value, as JSON pointers.
fn places(value: &Value, pointer: String, all: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, inner)| places(inner, format!("{pointer}/{name}"), all)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, inner)| places(inner, format!("{pointer}/{at}"), all));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    all.push(pointer);
}

#[test]
fn every_value_of_a_policy_is_in_its_report() {
    let root = everything();
    let policy: Policy = serde_json::from_value(root.clone()).unwrap();
    assert_eq!(serde_json::to_value(&policy).unwrap(), root, "the sample has every field");
    let report = Report::of(&policy).policy().to_owned();
    let mut all = Vec::new();
    places(&root, String::new(), &mut all);
    let mut changes = 0;
    for pointer in &all {
        let value = root.pointer(pointer).unwrap();
        // A word that has no other yet cannot be another.
        let only = tagged(value).is_some_and(|(_, with)| variants(&root, pointer, with("unknown")).len() == 1);
        let mut possible = value.is_object() || only;
        for other in changed(&root, pointer, value) {
            let mut copy = root.clone();
            *copy.pointer_mut(pointer).unwrap() = other.clone();
            // What the types do not take, no policy can have.
            let Ok(changed) = serde_json::from_value::<Policy>(copy) else { continue };
            assert_ne!(policy, changed, "{pointer}: {value} → {other}");
            assert_ne!(report, Report::of(&changed).policy(), "{pointer}: {value} → {other} changes nothing");
            possible = true;
            changes += 1;
        }
        assert!(possible, "the test knows no other value for {pointer}: {value}");
    }
    assert!(changes > 1000, "{changes}");
}

#[test]
fn the_sample_has_every_variant_that_carries_a_value() {
    let root = everything();
    let mut all = Vec::new();
    places(&root, String::new(), &mut all);
    let mut known: BTreeSet<String> = BTreeSet::new();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for pointer in &all {
        let Some((word, with)) = tagged(root.pointer(pointer).unwrap()) else { continue };
        let variants = variants(&root, pointer, with("unknown"));
        let carries = |word: &str| {
            let mut copy = root.clone();
            *copy.pointer_mut(pointer).unwrap() = json!(word);
            serde_json::from_value::<Policy>(copy).is_err()
        };
        let list = variants.join(" ");
        known.extend(variants.iter().filter(|word| carries(word)).map(|word| format!("{word} of {list}")));
        if !variants.is_empty() && carries(&word) {
            seen.insert(format!("{word} of {list}"));
        }
    }
    assert!(known.len() >= 20, "{known:#?}");
    assert_eq!(seen, known);
}

fn report(text: &str) -> String {
    let checked = crate::compile(text, "airlock.toml");
    let rendered = checked.render(false);
    Report::of(checked.into_compiled().unwrap_or_else(|| panic!("{rendered}")).policy()).to_string()
}

#[test]
fn reports_are_as_reviewed() {
    insta::assert_snapshot!("weather", report(include_str!("../../../examples/weather/airlock.toml")));
    insta::assert_snapshot!("every-key", report(include_str!("../../../tests/manifests/good/every-key.toml")));
    insta::assert_snapshot!("everything", report(include_str!("../../../tests/manifests/good/everything.toml")));
    let policy: Policy = serde_json::from_value(everything()).unwrap();
    insta::assert_snapshot!("every_variant", Report::of(&policy));
}

#[test]
fn one_changed_host_is_one_changed_line() {
    let text = include_str!("../../../tests/manifests/good/every-key.toml");
    let old = report(text);
    let new = report(&text.replace("geocoding-api.open-meteo.com", "other.open-meteo.com").replace("Geocoding-API", "other"));
    let old: Vec<&str> = old.lines().collect();
    let new: Vec<&str> = new.lines().collect();
    let differ: Vec<_> = old.iter().zip(&new).filter(|(old, new)| old != new).collect();
    assert_eq!(old.len(), new.len());
    assert_eq!(differ.len(), 1, "{differ:?}");
}
