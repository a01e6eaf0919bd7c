//! The JSON Schema of manifests, for editors.
//!
//! It declares draft 7, and uses nothing that draft 4 reads differently, because the validators in TOML editors know one of the two.
//! It refuses what a schema can see (unknown keys, types, forms, bounds) and nothing that the checker accepts.

use super::{Absent, Groups, Key, Kind, ROOT, SECTIONS, Section};
use serde_json::{Map, Value, json};

/// The schema, with one definition for each section.
///
/// ```
/// let schema = airlock_policy::keys::schema();
/// assert_eq!(schema["properties"]["gateway"]["$ref"], "#/definitions/gateway");
/// ```
#[must_use]
pub fn schema() -> Value {
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Airlock manifest",
        "description": "A policy that `airlock build` compiles to a gateway.",
    });
    let definitions: Map<String, Value> = SECTIONS.iter().map(|section| (id(section), self::section(section))).collect();
    if let (Some(schema), Value::Object(root)) = (schema.as_object_mut(), section(&ROOT)) {
        schema.extend(root);
        schema.insert("definitions".to_owned(), Value::Object(definitions));
    }
    schema
}

/// Name of the definition of a section: its own, in words without signs.
fn id(section: &Section) -> String {
    let words: Vec<&str> = section.name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join("-").to_lowercase()
}

fn section(section: &'static Section) -> Value {
    let keys = section.all_keys();
    let properties: Map<String, Value> = keys.iter().map(|key| (key.name.to_owned(), self::key(key))).collect();
    let required: Vec<&str> = keys.iter().filter(|key| key.absent == Absent::Error).map(|key| key.name).collect();
    let mut value = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    // Draft 4 takes no empty list here.
    if !required.is_empty() {
        value["required"] = json!(required);
    }
    value
}

/// The type of a key with its words. Beside `$ref`, older drafts read nothing, so words about a table stand with its section.
fn key(key: &Key) -> Value {
    let mut value = kind(&key.kind);
    if value.get("$ref").is_none() {
        value["description"] = json!(words(key));
    }
    value
}

/// Meaning, default and example, in plain text.
fn words(key: &Key) -> String {
    let absent = match key.absent {
        Absent::Error => "Required.".to_owned(),
        Absent::Default(value) => format!("Default: {value}."),
        Absent::Means(words) => format!("Without it: {words}."),
    };
    format!("{}. {absent} Example: {} = {}", capital(key.meaning), key.name, key.example).replace(['`', '*'], "")
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

fn kind(kind: &Kind) -> Value {
    let text = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    match kind {
        Kind::Version(version) => json!({ "enum": [version] }),
        Kind::Prose(longest, _) => json!({ "type": "string", "minLength": 1, "maxLength": longest }),
        Kind::Text(_, pattern) => text(pattern),
        Kind::Word(words) => json!({ "enum": words }),
        Kind::Integer(least, most) => integer(*least, *most),
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Yes => json!({ "enum": [true] }),
        Kind::Duration(..) => text("^[1-9][0-9]*[smh]$"),
        Kind::Risk => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
        Kind::Size(..) => text("^(0|[1-9][0-9]*)(B|KiB|MiB|GiB)$"),
        Kind::Rate => text("^[1-9][0-9]{0,3}/[1-9][0-9]*[smh]$"),
        // Names beyond ASCII are accepted and compiled to their ASCII form.
        Kind::Host(Groups::Refused) => text("^(\\*|(\\*\\.)?[^*@/:\\s]+)$"),
        Kind::Host(Groups::Allowed) => text("^(\\*|(\\*\\.)?[^*@/:\\s]+|@[A-Za-z0-9_.-]{1,64})$"),
        Kind::List(entry, least, most) => {
            json!({ "type": "array", "items": self::kind(entry), "minItems": least, "maxItems": most })
        }
        Kind::Table(section) => json!({ "$ref": format!("#/definitions/{}", id(section)) }),
        Kind::Named(name, entry, most) => {
            let entries = Map::from_iter([((*name).to_owned(), self::kind(entry))]);
            json!({ "type": "object", "patternProperties": entries, "additionalProperties": false, "maxProperties": most })
        }
        Kind::Either(forms) => json!({ "anyOf": forms.iter().map(self::kind).collect::<Vec<_>>() }),
    }
}

/// Bounds of 64 bits are left out: validators that read numbers as fractions would refuse the bounds themselves.
fn integer(least: i64, most: i64) -> Value {
    match (least, most) {
        (i64::MIN, i64::MAX) => json!({ "type": "integer" }),
        _ => json!({ "type": "integer", "minimum": least, "maximum": most }),
    }
}
