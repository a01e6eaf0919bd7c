//! The input schema of a REST tool: its inputs with their types, and of the argument rules what JSON Schema can say.
//!
//! It tells a model what is accepted. What is accepted is decided by the gateway's code, which knows more: paths, hosts, lengths in
//! a path. Rules that the schema cannot say stand in the description.

use crate::tables::rest::{most_characters, most_items, rules};
use airlock_policy::ir;
use serde_json::{Map, Value, json};

/// JSON Schema 2020-12 of the arguments.
pub(crate) fn of_inputs(rest: &ir::Rest, tool: &ir::Tool) -> Value {
    let forbidden = |input: &&ir::Input| rules(&input.name, &tool.args).any(|rule| *rule == ir::ArgRule::Forbid);
    let listed: Vec<&ir::Input> = rest.input.iter().filter(|input| !forbidden(input)).collect();
    let properties: Map<String, Value> = listed.iter().map(|input| (input.name.clone(), property(input, &tool.args))).collect();
    let required: Vec<&str> = listed.iter().filter(|input| input.required).map(|input| input.name.as_str()).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": !tool.strict,
    })
}

fn property(input: &ir::Input, args: &[ir::ArgRules]) -> Value {
    let ir::Input { name, kind, required: _, description } = input;
    let mut said = Said::default();
    rules(name, args).for_each(|rule| said.rule(rule));
    let word = match kind {
        ir::InputKind::String => {
            said.text.insert("maxLength".into(), json!(most_characters(name, args)));
            "string"
        }
        ir::InputKind::Integer => "integer",
        ir::InputKind::Number => "number",
        ir::InputKind::Boolean => "boolean",
        ir::InputKind::Array => {
            said.text.insert("maxLength".into(), json!(most_characters(name, args)));
            said.whole.insert("maxItems".into(), json!(most_items(name, args)));
            "array"
        }
    };
    let Said { mut whole, mut text, patterns, words } = said;
    match patterns.as_slice() {
        [] => {}
        [one] => drop(text.insert("pattern".into(), json!(one))),
        several => {
            let each: Vec<Value> = several.iter().map(|pattern| json!({ "pattern": pattern })).collect();
            text.insert("allOf".into(), json!(each));
        }
    }
    whole.insert("type".into(), json!(word));
    if *kind == ir::InputKind::Array {
        text.insert("type".into(), json!("string"));
        whole.insert("items".into(), Value::Object(text));
    } else {
        whole.append(&mut text);
    }
    let sentences: Vec<&str> =
        [description.as_str()].into_iter().chain(words.iter().map(String::as_str)).filter(|s| !s.is_empty()).collect();
    if !sentences.is_empty() {
        whole.insert("description".into(), json!(sentences.join(" ")));
    }
    Value::Object(whole)
}

/// What a schema says of one input.
#[derive(Default)]
struct Said {
    /// Of the value.
    whole: Map<String, Value>,
    /// Of the string, or of each item of a list.
    text: Map<String, Value>,
    patterns: Vec<String>,
    words: Vec<String>,
}

impl Said {
    fn rule(&mut self, rule: &ir::ArgRule) {
        match rule {
            ir::ArgRule::OneOf(accepted) => drop(self.text.insert("enum".into(), json!(accepted))),
            ir::ArgRule::Prefix(text) => self.patterns.push(format!("^{}", literal(text))),
            ir::ArgRule::Suffix(text) => self.patterns.push(format!("{}$", literal(text))),
            ir::ArgRule::MinLength(least) => drop(self.text.insert("minLength".into(), json!(least))),
            ir::ArgRule::Min(least) => drop(self.whole.insert("minimum".into(), json!(least))),
            ir::ArgRule::Max(most) => drop(self.whole.insert("maximum".into(), json!(most))),
            ir::ArgRule::Matches(pattern) => self.patterns.push(format!("^(?:{pattern})$")),
            ir::ArgRule::Under(path) => self.words.push(format!("An absolute path: {path} or below it.")),
            ir::ArgRule::HostIn(hosts) => {
                let hosts: Vec<String> = hosts.iter().map(host).collect();
                self.words.push(format!("A host of this list, or an https URL of one: {}.", hosts.join(", ")));
            }
            // Their bounds stand in the schema in any case; what may not be given is not in it.
            ir::ArgRule::MaxLength(_) | ir::ArgRule::MaxItems(_) | ir::ArgRule::Forbid => {}
        }
    }
}

fn host(rule: &ir::HostRule) -> String {
    match rule {
        ir::HostRule::Exact(name) => name.clone(),
        ir::HostRule::OneLabel(parent) => format!("*.{parent}"),
        ir::HostRule::AnyPublic => "*".to_owned(),
    }
}

/// A text as a regular expression that matches it and nothing else.
fn literal(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if "\\^$.|?*+()[]{}/".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
