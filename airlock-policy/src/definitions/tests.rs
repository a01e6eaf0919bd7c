//! Definitions: what counts, what is refused, what a pin is over.

use super::*;

const TOOL: &str = r#"{
  "name": "read", "description": "Reads a file", "icons": [1], "_meta": {"a": 1},
  "inputSchema": {"type": "object", "required": ["path"], "properties": {"path": {"type": "string"}, "head": {"type": "integer"}}},
  "annotations": {"readOnlyHint": true}
}"#;

fn of(text: &str) -> Definition {
    Definition::of(text).unwrap_or_else(|problem| panic!("{problem}"))
}

#[test]
fn the_order_of_the_server_stays_and_the_pin_does_not_depend_on_it() {
    let definition = of(TOOL);
    assert_eq!(definition.name(), "read");
    assert!(
        definition.text().starts_with(r#"{"name":"read","description":"Reads a file","inputSchema":{"type":"object","required""#)
    );
    assert!(!definition.text().contains("icons") && !definition.text().contains("_meta"));
    let other = TOOL
        .replace(r#""type": "object", "required": ["path"], "#, r#""required": ["path"], "type": "object", "#)
        .replace("[1]", "[2]");
    assert_ne!(other, TOOL);
    assert_ne!(of(&other).text(), definition.text());
    assert_eq!(of(&other).pin(), definition.pin());
    // SHA-256 of the canonical form, made by other tools.
    let canonical = r#"{"annotations":{"readOnlyHint":true},"description":"Reads a file","inputSchema":{"properties":{"head":{"type":"integer"},"path":{"type":"string"}},"required":["path"],"type":"object"},"name":"read"}"#;
    assert_eq!(definition.pin(), format!("sha256:{}", hex(&Sha256::digest(canonical).into())));
}

#[test]
fn every_member_that_counts_changes_the_pin() {
    let pin = of(TOOL).pin();
    for (from, to) in [
        ("\"name\": \"read\"", "\"name\": \"reads\""),
        ("Reads a file", "Reads a file."),
        ("\"integer\"", "\"number\""),
        ("\"readOnlyHint\": true", "\"readOnlyHint\": false"),
        ("\"icons\": [1]", "\"title\": \"Read\""),
        ("\"icons\": [1]", "\"outputSchema\": {}"),
    ] {
        assert!(TOOL.contains(from));
        assert_ne!(of(&TOOL.replace(from, to)).pin(), pin, "{from} → {to}");
    }
}

#[test]
fn what_is_no_definition_is_refused() {
    for (text, problem) in [
        ("[]", "no JSON object"),
        ("{}", "no name"),
        (r#"{"name":"a"}"#, "schema of an object"),
        (r#"{"name":"a","inputSchema":{"type":"string"}}"#, "schema of an object"),
        (r#"{"name":"a","description":1,"inputSchema":{"type":"object"}}"#, "`description` is no text"),
        (r#"{"name":"a","name":"b","inputSchema":{"type":"object"}}"#, "stands twice"),
        (r#"{"name":"a","inputSchema":{"type":"object","properties":{"x":1,"x":2}}}"#, "stands twice"),
        (&" ".repeat(DEFINITION_MAX + 1), "at most"),
    ] {
        let found = Definition::of(text).expect_err(text);
        assert!(found.contains(problem), "{text}: {found}");
    }
}

#[test]
fn a_file_reads_back_and_mistakes_are_told() {
    let mut file = Definitions::default();
    file.insert(of(TOOL));
    file.insert(of(r#"{"name":"a\u202eb","inputSchema":{"type":"object","required":[]}}"#));
    let text = file.to_text();
    insta::assert_snapshot!(text);
    assert_eq!(Definitions::parse(&text), Ok(file));
    for (text, problem) in [
        ("{", "not JSON"),
        ("[]", "`\"airlock_definitions\": 1` is missing"),
        (r#"{"airlock_definitions":2,"tools":{}}"#, "another version"),
        (r#"{"airlock_definitions":1,"tools":{},"more":1}"#, "unknown member `more`"),
        (r#"{"airlock_definitions":1,"tools":[]}"#, "`tools` is no object"),
        (r#"{"airlock_definitions":1,"tools":{"b":{"name":"a","inputSchema":{"type":"object"}}}}"#, "another name"),
        (r#"{"airlock_definitions":1,"tools":{"b":{}}}"#, "the tool `b`: it has no name"),
        (r#"{"airlock_definitions":1,"tools":{},"tools":{}}"#, "stands twice"),
        (&" ".repeat(DEFINITIONS_MAX + 1), "more than"),
    ] {
        let found = Definitions::parse(text).expect_err(text);
        assert!(found.contains(problem), "{found}");
    }
}

#[test]
fn changes_are_told_place_by_place() {
    let new = TOOL
        .replace("Reads a file", "Reads a file and mails it")
        .replace(r#", "head": {"type": "integer"}"#, r#", "tail": {"type": "integer"}"#)
        .replace("true", "false");
    insta::assert_snapshot!(changes(&of(TOOL), &of(&new)).join("\n"));
    assert!(changes(&of(TOOL), &of(TOOL)).is_empty());
}
