//! Values of inputs: their types, and how each is written as text or JSON.

use crate::call::{ArgFault, Args};
use crate::policy::{Input, InputKind, Slot};
use serde_json::{Number, Value};

/// Checks that an input has the type of the manifest, or is absent and need not be there.
pub(super) fn check(input: &Input, args: &Args) -> Result<(), ArgFault> {
    let Input { name: arg, kind, required } = *input;
    let Some(value) = args.get(arg) else {
        let problem = format!("is missing; send {}", wanted(kind));
        return if required { Err(ArgFault { arg, problem }) } else { Ok(()) };
    };
    let fits = match (kind, value) {
        (InputKind::String { most }, Value::String(text)) => is_within(text, most),
        (InputKind::Integer, Value::Number(number)) => number.as_i64().is_some(),
        (InputKind::Number, Value::Number(_)) | (InputKind::Boolean, Value::Bool(_)) => true,
        (InputKind::Array { items, most }, Value::Array(list)) => {
            list.len() as u64 <= items && list.iter().all(|item| item.as_str().is_some_and(|text| is_within(text, most)))
        }
        (
            InputKind::String { .. } | InputKind::Integer | InputKind::Number | InputKind::Boolean | InputKind::Array { .. },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_),
        ) => false,
    };
    if fits { Ok(()) } else { Err(ArgFault { arg, problem: format!("must be {}", wanted(kind)) }) }
}

fn is_within(text: &str, most: u64) -> bool {
    text.len() as u64 <= most || text.chars().count() as u64 <= most
}

fn wanted(kind: InputKind) -> String {
    match kind {
        InputKind::String { most } => format!("a string of at most {most} characters"),
        InputKind::Integer => "an integer of 64 bits".to_owned(),
        InputKind::Number => "a number".to_owned(),
        InputKind::Boolean => "true or false".to_owned(),
        InputKind::Array { items, most } => format!("a list of at most {items} strings of at most {most} characters"),
    }
}

/// The texts of a slot: none for an input that is not given, one, or as many as its list has.
pub(super) fn texts(args: &Args, slot: &Slot) -> Result<Vec<String>, ArgFault> {
    Ok(match *slot {
        Slot::Text(text) => vec![text.to_owned()],
        Slot::Integer(number) => vec![number.to_string()],
        Slot::Boolean(flag) => vec![flag.to_string()],
        Slot::Input(name) => match args.get(name) {
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Some(_) | None => one(args, name)?.into_iter().collect(),
        },
    })
}

/// The text of an input that is no list.
pub(super) fn one(args: &Args, name: &'static str) -> Result<Option<String>, ArgFault> {
    let unfit = || ArgFault { arg: name, problem: "cannot be sent as a text".to_owned() };
    match args.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Bool(flag)) => Ok(Some(flag.to_string())),
        Some(Value::Number(value)) => number(value).map(Some).ok_or_else(unfit),
        Some(Value::Null | Value::Array(_) | Value::Object(_)) => Err(unfit()),
    }
}

/// The JSON of a slot; `None` for an input that is not given.
pub(super) fn json(args: &Args, slot: &Slot) -> Result<Option<String>, ArgFault> {
    Ok(match *slot {
        Slot::Text(text) => Some(Value::from(text).to_string()),
        Slot::Integer(number) => Some(number.to_string()),
        Slot::Boolean(flag) => Some(flag.to_string()),
        Slot::Input(name) => match args.get(name) {
            Some(Value::Number(_)) => one(args, name)?,
            Some(value) => Some(value.to_string()),
            None => None,
        },
    })
}

/// An integer of 64 bits with all its digits; another number as canonical JSON writes it.
fn number(number: &Number) -> Option<String> {
    number.as_i64().map_or_else(|| serde_json_canonicalizer::to_string(number).ok(), |integer| Some(integer.to_string()))
}
