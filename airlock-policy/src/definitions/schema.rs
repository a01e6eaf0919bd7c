//! What the input schema of a definition says of the arguments, as far as rules can speak of them, and what no gateway could check.

use crate::ir::{Argument, ArgumentKind as Kind};
use crate::limits::REF_STEPS_MAX;
use crate::text::quote;
use serde_json::Value;

/// Dialects that a gateway checks arguments by. Without `$schema` it is the newest.
const DIALECTS: [&str; 4] = [
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "http://json-schema.org/draft-07/schema",
    "http://json-schema.org/draft-06/schema",
];

/// The arguments of a definition, sorted by name.
#[must_use]
pub fn arguments(definition: &Value) -> Vec<Argument> {
    let root = &definition["inputSchema"];
    let required: Vec<&str> = root["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = root["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, schema)| Argument {
            name: name.clone(),
            kind: kind(root, schema, 0),
            required: required.contains(&name.as_str()),
        })
        .collect()
}

fn kind(root: &Value, schema: &Value, steps: usize) -> Kind {
    if steps > REF_STEPS_MAX {
        return Kind::Other;
    }
    if let Some(target) = schema["$ref"].as_str() {
        return resolve(root, target).map_or(Kind::Other, |schema| kind(root, schema, steps + 1));
    }
    let is_null = |schema: &&Value| schema["type"] == "null" || schema["const"].is_null() && schema.get("const").is_some();
    if let Some(forms) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
        // `string or null`, as generators write an optional argument.
        let mut others = forms.iter().filter(|form| !is_null(form));
        return match (others.next(), others.next()) {
            (Some(only), None) => kind(root, only, steps + 1),
            (Some(_) | None, Some(_) | None) => Kind::Other,
        };
    }
    let word = match &schema["type"] {
        Value::String(word) => word.as_str(),
        Value::Array(words) => {
            let mut words = words.iter().filter_map(Value::as_str).filter(|word| *word != "null");
            match (words.next(), words.next()) {
                (Some(only), None) => only,
                (Some(_) | None, Some(_) | None) => return Kind::Other,
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            let values = schema["enum"].as_array().map_or(&[][..], Vec::as_slice);
            let is_text = !values.is_empty() && values.iter().all(Value::is_string) || schema["const"].is_string();
            return if is_text { Kind::Text } else { Kind::Other };
        }
    };
    match word {
        "string" => Kind::Text,
        "integer" => {
            let bound = |name: &str, step: i64| {
                let inclusive = schema[name].as_i64();
                let exclusive = schema[format!("exclusive{}{}", name[..1].to_uppercase(), &name[1..])].as_i64();
                inclusive.or(exclusive.map(|bound| bound.saturating_add(step)))
            };
            Kind::Integer(bound("minimum", 1).unwrap_or(i64::MIN), bound("maximum", -1).unwrap_or(i64::MAX))
        }
        "number" => Kind::Number,
        "boolean" => Kind::Boolean,
        "array" if kind(root, &schema["items"], steps + 1) == Kind::Text => Kind::List,
        _ => Kind::Other,
    }
}

/// What a reference within a document leads to: `#`, a pointer, or the name of an anchor.
#[must_use]
pub fn resolve<'v>(root: &'v Value, target: &str) -> Option<&'v Value> {
    let fragment = target.strip_prefix('#')?;
    if fragment.is_empty() || fragment.starts_with('/') {
        return root.pointer(&percent_decoded(fragment)?);
    }
    let mut open = vec![root];
    while let Some(at) = open.pop() {
        match at {
            Value::Object(members) => {
                let named =
                    ["$anchor", "$dynamicAnchor"].iter().any(|key| members.get(*key).is_some_and(|name| name == fragment));
                if named || members.get("$id").is_some_and(|id| id == target) {
                    return Some(at);
                }
                open.extend(members.values());
            }
            Value::Array(list) => open.extend(list),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    None
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// What of the schemas of a definition a gateway cannot check: references that lead out of the document or to nothing, dialects that it does
/// not know, and patterns that need back-tracking. Sentences.
#[must_use]
pub fn faults(definition: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for member in ["inputSchema", "outputSchema"] {
        let Some(root) = definition.get(member) else { continue };
        if let Some(dialect) = root["$schema"].as_str() {
            let plain = dialect.trim_end_matches('#');
            if !DIALECTS.contains(&plain) {
                faults.push(format!("`{member}` is of the dialect {}, which is not known here", quote(dialect)));
            }
        }
        references(root, root, member, &mut faults);
    }
    faults.sort();
    faults.dedup();
    faults
}

/// Follows nothing: every reference of the document is looked at where it stands. Values of `enum`, `const`, `default` and `examples` are
/// data, and the keys of `properties` and their like are names.
fn references(root: &Value, at: &Value, member: &str, faults: &mut Vec<String>) {
    const NAMED: [&str; 5] = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];
    const DATA: [&str; 4] = ["enum", "const", "default", "examples"];
    match at {
        Value::Array(list) => list.iter().for_each(|value| references(root, value, member, faults)),
        Value::Object(members) => {
            for (name, value) in members {
                match (name.as_str(), value) {
                    ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(target)) => {
                        faults.extend(reference(root, target, member));
                    }
                    ("pattern", Value::String(pattern)) => faults.extend(unmatched(pattern, member)),
                    (name, Value::Object(named)) if NAMED.contains(&name) => {
                        let patterns = named.keys().filter(|_| name == "patternProperties");
                        faults.extend(patterns.filter_map(|pattern| unmatched(pattern, member)));
                        named.values().for_each(|value| references(root, value, member, faults));
                    }
                    (name, _) if DATA.contains(&name) => {}
                    (_, value) => references(root, value, member, faults),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A gateway matches patterns in linear time: there is no looking around and no reference back.
fn unmatched(pattern: &str, member: &str) -> Option<String> {
    let is_plain = regex_syntax::Parser::new().parse(pattern).is_ok();
    (!is_plain).then(|| format!("`{member}` has the pattern {}, which cannot be matched in linear time", quote(pattern)))
}

fn reference(root: &Value, target: &str, member: &str) -> Option<String> {
    let quoted = quote(target);
    match (target.starts_with('#'), resolve(root, target)) {
        (true, Some(_)) => None,
        (true, None) => Some(format!("`{member}` refers to {quoted}, which is not in it")),
        (false, _) => Some(format!("`{member}` refers to {quoted} outside of itself; nothing is fetched to check arguments")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kinds(properties: Value) -> Vec<(String, Kind)> {
        let definition = json!({"inputSchema": {"type": "object", "properties": properties,
            "$defs": {"name": {"type": "string", "$anchor": "n"}, "loop": {"$ref": "#/$defs/loop"}}}});
        arguments(&definition).into_iter().map(|argument| (argument.name, argument.kind)).collect()
    }

    #[test]
    fn types_are_those_that_rules_speak_of() {
        let found = kinds(json!({
            "a": {"type": "string"}, "b": {"type": ["string", "null"]}, "c": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "d": {"enum": ["x", "y"]}, "e": {"$ref": "#/$defs/name"}, "f": {"type": "integer", "minimum": 1, "exclusiveMaximum": 10},
            "g": {"type": "number"}, "h": {"type": "boolean"}, "i": {"type": "array", "items": {"type": "string"}},
            "j": {"type": "array", "items": {"type": "integer"}}, "k": {"type": ["string", "integer"]}, "l": {}, "m": true,
            "n": {"$ref": "#/$defs/loop"}, "o": {"type": "array", "items": {"$ref": "#n"}}, "p": {"type": "object"},
        }));
        use Kind::{Boolean, Integer, List, Number, Other, Text};
        let wanted =
            [Text, Text, Text, Text, Text, Integer(1, 9), Number, Boolean, List, Other, Other, Other, Other, Other, List, Other];
        assert_eq!(found.iter().map(|(_, kind)| *kind).collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn references_stay_in_the_document() {
        let of = |schema: Value| faults(&json!({"inputSchema": schema}));
        assert!(
            of(json!({"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"a": {"$ref": "#/definitions/x~1y"},
            "$ref": {"type": "string"}}, "definitions": {"x/y": {"$ref": "#"}}, "default": {"$ref": "https://x.example/"}}))
            .is_empty()
        );
        let faults = of(
            json!({"$schema": "https://example.com/own", "items": [{"$ref": "#/nowhere"}, {"$ref": "https://x.example/s.json"},
            {"pattern": "(?!x)"}, {"patternProperties": {"(a)\\1": true}}, {"pattern": "^[a-z]\\d+$"}, {"$dynamicRef": "#gone"}, {"not": {"$ref": "other.json#/a"}}]}),
        );
        insta::assert_snapshot!(faults.join("\n"));
    }
}
