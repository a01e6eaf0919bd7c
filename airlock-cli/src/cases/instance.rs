//! Values that hold to a schema of a reviewed definition, made up from the schema. Whether they do is seen by asking the gateway.

use super::samples::matching;
use airlock_policy::definitions::schema::resolve;
use serde_json::{Map, Value, json};

/// How deep schemas are followed: as deep as arguments that people write, and no recursion goes on for ever.
const DEPTH_MAX: usize = 8;
/// Most items of a made-up list: who demands more writes the case by hand.
const ITEMS_MAX: u64 = 64;
/// Longest made-up text, in characters, for the same reason.
const TEXT_MAX: usize = 4096;

/// A value for one property of the arguments of a definition; nothing where none comes to mind.
pub(super) fn of_property(definition: &str, name: &str) -> Option<Value> {
    let definition: Value = serde_json::from_str(definition).ok()?;
    let root = definition.get("inputSchema")?;
    of(root, root.get("properties")?.get(name)?, DEPTH_MAX)
}

fn of(root: &Value, schema: &Value, depth: usize) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    let Some(members) = schema.as_object() else { return (schema == &json!(true)).then(|| json!("sample")) };
    if let Some(target) = schema["$ref"].as_str() {
        return of(root, resolve(root, target)?, depth);
    }
    if let Some(only) = members.get("const") {
        return Some(only.clone());
    }
    let listed = |name: &str| schema[name].as_array().and_then(|values| values.first());
    if let Some(value) = listed("enum").or(members.get("default").filter(|value| !value.is_null())).or(listed("examples")) {
        return Some(value.clone());
    }
    for name in ["anyOf", "oneOf"] {
        let forms = schema[name].as_array().map_or(&[][..], Vec::as_slice);
        if let Some(found) = forms.iter().filter(|form| form["type"] != "null").find_map(|form| of(root, form, depth)) {
            return Some(merged(of_type(root, schema, depth).filter(|_| schema.get("properties").is_some()), found));
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let parts = parts.iter().filter_map(|part| of(root, part, depth));
        let own = schema.get("properties").and_then(|_| of_type(root, schema, depth));
        return parts.fold(own, |sum, part| Some(merged(sum, part)));
    }
    of_type(root, schema, depth)
}

/// Both, where both are objects; else the second.
fn merged(first: Option<Value>, second: Value) -> Value {
    match (first, second) {
        (Some(Value::Object(first)), Value::Object(second)) => Value::Object(first.into_iter().chain(second).collect()),
        (_, second) => second,
    }
}

fn of_type(root: &Value, schema: &Value, depth: usize) -> Option<Value> {
    let words = match &schema["type"] {
        Value::String(word) => vec![word.as_str()],
        Value::Array(words) => words.iter().filter_map(Value::as_str).filter(|word| *word != "null").collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    };
    match words.first().copied() {
        Some("string") => text(schema).map(Value::String),
        Some("integer" | "number") => Some(number(schema)),
        Some("boolean") => Some(json!(true)),
        Some("null") => Some(Value::Null),
        Some("array") => {
            let count = schema["minItems"].as_u64().unwrap_or(1).max(1).min(schema["maxItems"].as_u64().unwrap_or(ITEMS_MAX));
            let any = json!(true);
            let item = |at: u64| {
                let place = usize::try_from(at).ok()?;
                let first = schema["prefixItems"].as_array().and_then(|items| items.get(place));
                of(root, first.unwrap_or_else(|| schema.get("items").unwrap_or(&any)), depth)
            };
            let items: Option<Vec<Value>> = (0..count.min(ITEMS_MAX)).map(item).collect();
            Some(Value::Array(items.unwrap_or_default()))
        }
        Some("object") => object(root, schema, depth),
        Some(_) => None,
        None if schema.get("properties").is_some() => object(root, schema, depth),
        None => Some(json!("sample")),
    }
}

/// The members that must be there.
fn object(root: &Value, schema: &Value, depth: usize) -> Option<Value> {
    let any = json!(true);
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let member = |name: &str| {
        let known = schema["properties"].get(name).unwrap_or(&any);
        Some((name.to_owned(), of(root, known, depth)?))
    };
    Some(Value::Object(required.map(member).collect::<Option<Map<String, Value>>>()?))
}

fn number(schema: &Value) -> Value {
    let whole = |name: &str| schema[name].as_f64().filter(|bound| bound.abs() < 1e15);
    let least = whole("minimum").map(f64::ceil).or(whole("exclusiveMinimum").map(|bound| bound.floor() + 1.0));
    let most = whole("maximum").map(f64::floor).or(whole("exclusiveMaximum").map(|bound| bound.ceil() - 1.0));
    let step = whole("multipleOf").filter(|step| *step > 0.0).unwrap_or(1.0);
    let wanted = least.unwrap_or(1.0).max(1.0_f64.min(most.unwrap_or(1.0)));
    let found = (wanted / step).ceil() * step;
    #[expect(clippy::cast_possible_truncation, reason = "bounds beyond 1e15 were left out above")]
    let plain = found as i64;
    #[expect(clippy::cast_precision_loss, reason = "as above")]
    let is_whole = (plain as f64 - found).abs() < f64::EPSILON;
    if is_whole { json!(plain) } else { json!(found) }
}

fn text(schema: &Value) -> Option<String> {
    let length = |name: &str| schema[name].as_u64().and_then(|length| usize::try_from(length).ok());
    let (least, most) = (length("minLength").unwrap_or(0), length("maxLength").unwrap_or(TEXT_MAX));
    if least > TEXT_MAX {
        return None;
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        let (begins, ends) = (pattern.starts_with('^'), pattern.ends_with('$') && !pattern.ends_with(r"\$"));
        let inner = &pattern[usize::from(begins)..pattern.len() - usize::from(ends)];
        let before = if begins { "" } else { ".*" };
        let after = if ends { "" } else { ".*" };
        return matching(&format!("{before}({inner}){after}"), least);
    }
    let plain = match schema["format"].as_str().unwrap_or_default() {
        "date-time" => "2026-01-02T03:04:05Z",
        "date" => "2026-01-02",
        "time" => "03:04:05Z",
        "email" => "ann@example.com",
        "hostname" => "www.example.com",
        "uri" | "url" | "iri" => "https://www.example.com/",
        "uuid" => "00000000-0000-4000-8000-000000000000",
        "ipv4" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        _ => "sample",
    };
    let mut text: String = plain.chars().take(most).collect();
    while text.chars().count() < least {
        text.push('a');
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_up_holds_to_its_schema() {
        let definition = json!({"name": "t", "inputSchema": {
            "type": "object",
            "$defs": {"who": {"type": "object", "required": ["mail", "role"], "properties": {
                "mail": {"type": "string", "format": "email"},
                "role": {"enum": ["reader", "writer"]},
                "boss": {"$ref": "#/$defs/who"},
            }}},
            "properties": {
                "who": {"$ref": "#/$defs/who"},
                "all": {"type": "array", "minItems": 2, "items": {"$ref": "#/$defs/who"}},
                "code": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]+$", "minLength": 5},
                "part": {"type": "string", "pattern": "[0-9]"},
                "long": {"type": "string", "minLength": 9},
                "size": {"type": "integer", "minimum": 7, "multipleOf": 5},
                "share": {"type": "number", "exclusiveMaximum": 1, "minimum": 0},
                "form": {"anyOf": [{"type": "null"}, {"type": "array", "items": {"type": "integer"}}]},
                "both": {"allOf": [{"$ref": "#/$defs/who"}, {"type": "object", "required": ["n"], "properties": {"n": {"const": 4}}}]},
                "endless": {"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#/properties/endless"}}},
            },
        }});
        let made = |name: &str| of_property(&definition.to_string(), name);
        let who = json!({"mail": "ann@example.com", "role": "reader"});
        assert_eq!(made("who"), Some(who.clone()));
        assert_eq!(made("all"), Some(json!([who, who])));
        assert_eq!(made("code"), Some(json!("AA-00")));
        assert_eq!(made("part"), Some(json!("0")));
        assert_eq!(made("long"), Some(json!("sampleaaa")));
        assert_eq!(made("size"), Some(json!(10)));
        assert_eq!(made("share"), Some(json!(0)));
        assert_eq!(made("form"), Some(json!([1])));
        assert_eq!(made("both"), Some(json!({"mail": "ann@example.com", "role": "reader", "n": 4})));
        // No value ends this one.
        assert_eq!(made("endless"), None);
        assert_eq!(made("absent"), None);
    }
}
