//! Forms that an upstream wants filled in: flat objects of texts, numbers, yes or no, and choices.

use super::{Form, Refused};
use crate::json::json;
use crate::upstream::schema;
use serde_json::{Map, Value};

/// Most fields of a form.
const FIELDS_MAX: usize = 32;
/// Most choices of a field.
const CHOICES_MAX: usize = 128;
/// Does a value fit a member of a field?
type Fits = fn(&Value) -> bool;
/// Members of a field that pass, each with the type of its value.
const PLAIN: [(&str, Fits); 11] = [
    ("title", Value::is_string),
    ("description", Value::is_string),
    ("minLength", Value::is_u64),
    ("maxLength", Value::is_u64),
    ("format", Value::is_string),
    ("minimum", Value::is_number),
    ("maximum", Value::is_number),
    ("minItems", Value::is_u64),
    ("maxItems", Value::is_u64),
    ("default", |value| value.is_string() || value.is_number() || value.is_boolean() || is_texts(value)),
    ("enumNames", is_texts),
];
/// What a form never asks for: the revision forbids it, and whoever asks all the same is turned away. Names, titles and formats are compared in small
/// letters, without what separates words. Descriptions and the message are not: they are sentences, and honest ones have these words ("never your
/// password"), while who wants a secret finds others.
const SECRETS: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "apikey",
    "privatekey",
    "accesskey",
    "accesstoken",
    "authtoken",
    "credential",
    "cardnumber",
    "creditcard",
    "onetimecode",
    "recoverycode",
];

/// Reads the parameters of a question in form mode. They say whose question it is.
pub(super) fn read(upstream: &str, params: &Map<String, Value>) -> Result<(Value, Option<Form>), Refused> {
    if params.get("mode").is_some_and(|mode| mode != "form") {
        return Err(Refused("is asked in a way that is not known here"));
    }
    let message = params.get("message").and_then(Value::as_str).ok_or(Refused("has no message"))?;
    let schema = params.get("requestedSchema").and_then(Value::as_object).ok_or(Refused("has no form"))?;
    let (schema, names) = flat(schema)?;
    let validator = schema::build(&schema).ok_or(Refused("has a form that cannot be checked"))?;
    let message = format!("The server `{upstream}`, not the gateway, asks:\n\n{message}");
    let asked = json!({"mode": "form", "message": message, "requestedSchema": schema});
    Ok((asked, Some(Form { validator, names })))
}

/// The schema of a form with what is known of it, and the names of its fields.
fn flat(schema: &Map<String, Value>) -> Result<(Value, Vec<String>), Refused> {
    let fields = schema.get("properties").and_then(Value::as_object).filter(|_| schema.get("type") == Some(&json!("object")));
    let fields = fields.ok_or(Refused("has a form that is no list of fields"))?;
    if fields.len() > FIELDS_MAX {
        return Err(Refused("has a form with too many fields"));
    }
    let mut known = Map::new();
    for (name, given) in fields {
        let given = given.as_object().ok_or(Refused("has a field that is none"))?;
        let text = |member: &str| given.get(member).and_then(Value::as_str).unwrap_or_default();
        if [name, text("title"), text("format")].into_iter().any(asks_secret) {
            return Err(Refused("asks for a secret, which no form may"));
        }
        known.insert(name.clone(), field(given)?);
    }
    let names: Vec<String> = known.keys().cloned().collect();
    let mut flat = json!({"type": "object", "properties": known});
    if let Some(required) = schema.get("required") {
        let listed = required.as_array().filter(|list| {
            list.len() <= FIELDS_MAX && list.iter().all(|name| name.as_str().is_some_and(|name| fields.contains_key(name)))
        });
        flat["required"] = json!(listed.ok_or(Refused("requires fields that its form does not have"))?);
    }
    Ok((flat, names))
}

fn asks_secret(text: &str) -> bool {
    let plain: String = text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    SECRETS.iter().any(|secret| plain.contains(secret))
}

fn is_texts(value: &Value) -> bool {
    value.as_array().is_some_and(|list| list.len() <= CHOICES_MAX && list.iter().all(Value::is_string))
}

/// One field: its type, its choices, and the members that pass as they are.
fn field(given: &Map<String, Value>) -> Result<Value, Refused> {
    const WRONG: Refused = Refused("has a field of a kind that no form has");
    let kind = given.get("type").and_then(Value::as_str).ok_or(WRONG)?;
    let mut field = Map::from_iter([("type".to_owned(), json!(kind))]);
    for (name, fits) in PLAIN {
        if let Some(value) = given.get(name) {
            field.insert(name.to_owned(), fits(value).then(|| value.clone()).ok_or(WRONG)?);
        }
    }
    match kind {
        "string" => field.extend(choices(given, "oneOf")?),
        "number" | "integer" | "boolean" => {}
        "array" => {
            let items = given.get("items").and_then(Value::as_object).ok_or(WRONG)?;
            let mut chosen = choices(items, "anyOf")?;
            if chosen.is_empty() {
                return Err(WRONG);
            }
            if items.get("type").is_some_and(|kind| kind != "string") {
                return Err(WRONG);
            }
            chosen.extend(items.get("type").map(|kind| ("type".to_owned(), kind.clone())));
            field.insert("items".to_owned(), Value::Object(chosen));
        }
        _ => return Err(WRONG),
    }
    Ok(Value::Object(field))
}

/// The choices of a field: `enum`, or constants with titles under `titled`. None where anything may be written.
fn choices(given: &Map<String, Value>, titled: &str) -> Result<Map<String, Value>, Refused> {
    const WRONG: Refused = Refused("has a field with choices that are none");
    let mut chosen = Map::new();
    if let Some(list) = given.get("enum") {
        chosen.insert("enum".to_owned(), is_texts(list).then(|| list.clone()).ok_or(WRONG)?);
    }
    if let Some(list) = given.get(titled) {
        let list = list.as_array().filter(|list| list.len() <= CHOICES_MAX).ok_or(WRONG)?;
        let one = |choice: &Value| {
            let (value, title) = (choice.get("const")?.as_str()?, choice.get("title")?.as_str()?);
            Some(json!({"const": value, "title": title}))
        };
        let list: Option<Vec<Value>> = list.iter().map(one).collect();
        chosen.insert(titled.to_owned(), json!(list.ok_or(WRONG)?));
    }
    Ok(chosen)
}
