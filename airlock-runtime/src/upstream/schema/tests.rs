use super::*;
use crate::policy::upstream::{Offer, OnRisk};
use serde_json::json;

fn proxied(definition: Value) -> &'static Proxied {
    let definition = definition.to_string().leak();
    Box::leak(Box::new(Proxied {
        upstream: 0,
        what: Offer::Tool,
        name: "t",
        pin: [0; 32],
        definition,
        max_result: 1024,
        on_risk: OnRisk::Deny,
        result_threshold: 500,
    }))
}

fn with_schema(schema: Value) -> &'static Proxied {
    proxied(json!({"name": "t", "inputSchema": schema}))
}

fn problem(tool: &'static Proxied, strict: bool, args: Value) -> String {
    let args = args.as_object().cloned().unwrap();
    check(tool, strict, &args).map_or_else(|fault| fault.problem, |()| "ok".to_owned())
}

#[test]
fn faults_name_places_and_never_values() {
    let tool = with_schema(json!({
        "type": "object", "required": ["path"],
        "properties": {"path": {"type": "string"}, "mode": {"enum": ["a", "b"]},
                       "edits": {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "integer"}}}},
        "additionalProperties": false,
    }));
    let told = |args| problem(tool, true, args);
    assert_eq!(told(json!({"path": "x", "mode": "a"})), "ok");
    assert_eq!(told(json!({})), "the whole lacks \"path\"");
    assert_eq!(told(json!({"path": 1})), "`/path` must be of the type string");
    assert_eq!(told(json!({"path": "x", "mode": "s3cret"})), "`/mode` is none of the values that the schema lists");
    let nested = told(json!({"path": "x", "edits": [{"s3cret": "s3cret"}]}));
    assert_eq!(nested, "`/edits/0/*` must be of the type integer");
    assert_eq!(problem(tool, false, json!({"path": "x", "s3cret": 1})), "the whole has a member that the schema does not name");
}

#[test]
fn a_strict_tool_takes_what_its_schema_names() {
    let open = with_schema(json!({"type": "object", "properties": {"a": {}}}));
    assert_eq!(problem(open, false, json!({"a": 1, "b": 2})), "ok");
    assert_eq!(problem(open, true, json!({"a": 1, "b": 2})), "one is not in the tool's schema");
}

#[test]
fn the_dialect_is_that_of_the_schema() {
    // `dependencies` is of draft-07 alone, `dependentRequired` of later ones.
    let old = with_schema(
        json!({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "dependencies": {"a": ["b"]}}),
    );
    assert_ne!(problem(old, false, json!({"a": 1})), "ok");
    let new = with_schema(json!({"type": "object", "dependentRequired": {"a": ["b"]}}));
    assert_ne!(problem(new, false, json!({"a": 1})), "ok");
}

#[test]
fn what_cannot_be_checked_is_refused() {
    for schema in [
        json!({"type": "object", "properties": {"a": {"$ref": "https://example.com/schema.json"}}}),
        json!({"type": "object", "properties": {"a": {"$ref": "file:///etc/passwd"}}}),
        json!({"$schema": "https://example.com/dialect", "type": "object"}),
        json!({"type": "object", "properties": {"a": {"type": "string", "pattern": "(?=x)y"}}}),
        json!({"type": "nothing"}),
    ] {
        let told = problem(with_schema(schema.clone()), false, json!({"a": "x"}));
        assert!(told.contains("cannot be used"), "{schema}: {told}");
    }
    assert!(problem(proxied(json!({"name": "t"})), false, json!({})).contains("no schema"));
}

#[test]
fn patterns_take_linear_time() {
    let tool = with_schema(json!({"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}));
    assert_ne!(problem(tool, false, json!({"a": format!("{}!", "a".repeat(100_000))})), "ok");
}
