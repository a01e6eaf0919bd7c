//! Arguments and results against the reviewed schemas of a tool.
//!
//! A schema is compiled once, when it is first needed. References outside it are not followed: there is no code for it. Patterns are
//! matched in linear time, so a pattern that needs back-tracking makes the schema unusable, and with it the tool. A fault names its
//! place by names that stand in the schema, and never the value.

use crate::builtin::schema::ALL;
use crate::call::{ArgFault, Args};
use crate::policy::upstream::Proxied;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

/// Largest compiled pattern, bytes; that of the crate is ten times as much, and a schema may have hundreds.
const PATTERN_MAX: usize = 1024 * 1024;
/// Longest place in a sentence, in characters.
const PLACE_MAX: usize = 120;

/// Which schema of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Which {
    Input,
    #[cfg(feature = "upstream")]
    Output,
}

impl Which {
    const fn member(self) -> &'static str {
        match self {
            Self::Input => "inputSchema",
            #[cfg(feature = "upstream")]
            Self::Output => "outputSchema",
        }
    }
}

/// A compiled schema.
struct Schema {
    validator: Validator,
    /// Names that stand as keys in the schema: a sentence may repeat them.
    names: HashSet<String>,
    /// Names of the properties of the root.
    properties: HashSet<String>,
}

/// What is known of a schema: compiled, not there, or of no use.
type Known = Result<Option<Arc<Schema>>, &'static str>;

/// Address and length of a definition, which is a constant of the program, and which schema of it.
type Key = (usize, usize, Which);

/// Schemas that were asked for.
static KNOWN: RwLock<Option<HashMap<Key, Known>>> = RwLock::new(None);

/// Checks the arguments of a call.
///
/// # Errors
/// The first fault. A strict tool refuses an argument that the schema does not name.
pub(super) fn check(proxied: &'static Proxied, strict: bool, args: &Args) -> Result<(), ArgFault> {
    let refused = |problem: String| ArgFault { arg: ALL, problem };
    let schema = known(proxied, Which::Input).map_err(|problem| refused(problem.to_owned()))?;
    let schema = schema.ok_or_else(|| refused("the reviewed definition has no schema for them".to_owned()))?;
    if strict && !args.keys().all(|name| schema.properties.contains(name)) {
        return Err(refused("one is not in the tool's schema".to_owned()));
    }
    let value = Value::Object(args.clone());
    schema.validator.validate(&value).map_err(|fault| refused(sentence(&schema, &fault)))
}

/// Checks structured content of a result. Without a schema everything holds.
///
/// # Errors
/// The first fault, or the schema cannot be used.
#[cfg(feature = "upstream")]
pub(super) fn check_output(proxied: &'static Proxied, content: Option<&Value>) -> Result<(), String> {
    let Some(schema) = known(proxied, Which::Output)? else { return Ok(()) };
    let content = content.ok_or("it has no structured content, and the reviewed definition promises some")?;
    schema.validator.validate(content).map_err(|fault| sentence(&schema, &fault))
}

fn known(proxied: &'static Proxied, which: Which) -> Known {
    let key = (proxied.definition.as_ptr().addr(), proxied.definition.len(), which);
    let read = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = read.as_ref().and_then(|known| known.get(&key)) {
        return found.clone();
    }
    drop(read);
    let compiled = compile(proxied.definition, which);
    let mut write = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    write.get_or_insert_default().entry(key).or_insert(compiled).clone()
}

fn compile(definition: &str, which: Which) -> Known {
    let unusable = "the reviewed schema of the tool cannot be used, so no call can be checked";
    let definition: Value = serde_json::from_str(definition).map_err(|_| unusable)?;
    let Some(schema) = definition.get(which.member()) else { return Ok(None) };
    let validator = build(schema).ok_or(unusable)?;
    let mut names = HashSet::new();
    collect(schema, &mut names);
    let properties = schema.get("properties").and_then(Value::as_object);
    let properties = properties.into_iter().flat_map(|names| names.keys().cloned()).collect();
    Ok(Some(Arc::new(Schema { validator, names, properties })))
}

/// Compiles a schema. Nothing where it cannot be used.
pub(super) fn build(schema: &Value) -> Option<Validator> {
    let patterns = PatternOptions::regex().size_limit(PATTERN_MAX);
    jsonschema::options().with_pattern_options(patterns).build(schema).ok()
}

fn collect(value: &Value, names: &mut HashSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                names.insert(name.clone());
                collect(value, names);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn sentence(schema: &Schema, fault: &ValidationError<'_>) -> String {
    let what = match fault.kind() {
        ValidationErrorKind::Type { kind: TypeKind::Single(kind) } => format!("must be of the type {kind}"),
        ValidationErrorKind::Required { property } => format!("lacks {property}"),
        ValidationErrorKind::AdditionalProperties { .. } | ValidationErrorKind::UnevaluatedProperties { .. } => {
            "has a member that the schema does not name".to_owned()
        }
        ValidationErrorKind::Enum { .. } => "is none of the values that the schema lists".to_owned(),
        other => format!("does not hold to `{}` of the schema", other.keyword()),
    };
    format!("{} {what}", place(schema, fault.instance_path().as_str()))
}

/// A JSON pointer with `*` for every name that is the caller's own.
fn place(schema: &Schema, pointer: &str) -> String {
    if pointer.is_empty() {
        return "the whole".to_owned();
    }
    let plain = |part: &str| part.replace("~1", "/").replace("~0", "~");
    let is_shown = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()) || schema.names.contains(&plain(part));
    let parts = pointer.split('/').skip(1).map(|part| if is_shown(part) { part } else { "*" });
    let shown = parts.fold(String::new(), |shown, part| shown + "/" + part);
    match shown.char_indices().nth(PLACE_MAX) {
        Some((end, _)) => format!("`{}…`", &shown[..end]),
        None => format!("`{shown}`"),
    }
}

#[cfg(test)]
mod tests;
