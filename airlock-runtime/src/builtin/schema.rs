//! Reading arguments of known shape, with a sentence for each way they can be wrong.

use crate::call::{ArgFault, Args};
use serde_json::Value;
use std::ops::RangeInclusive;

/// In [`ArgFault::arg`]: the fault is not of one argument.
pub const ALL: &str = "arguments";

/// Refuses arguments that the schema does not name.
///
/// # Errors
/// Names the accepted arguments; an unknown name is not repeated, because it is the caller's free text.
pub fn only(args: &Args, known: &[&str]) -> Result<(), ArgFault> {
    if args.keys().all(|name| known.contains(&name.as_str())) {
        return Ok(());
    }
    let problem = match known {
        [] => "the tool takes none".to_owned(),
        names => format!("one is not in the tool's schema, which has {}", names.join(", ")),
    };
    Err(ArgFault { arg: ALL, problem })
}

/// A string of a length in characters within `length`.
///
/// # Errors
/// Missing, not a string, or of another length.
pub fn text<'a>(args: &'a Args, arg: &'static str, length: RangeInclusive<usize>) -> Result<&'a str, ArgFault> {
    let (least, most) = (*length.start(), *length.end());
    match args.get(arg) {
        Some(Value::String(text)) if length.contains(&text.chars().count()) => Ok(text),
        Some(_) => Err(ArgFault { arg, problem: format!("must be a string of {least} to {most} characters") }),
        None => Err(ArgFault { arg, problem: format!("is missing; send a string of {least} to {most} characters") }),
    }
}

/// As [`text`], but one line: no control characters, and not only white space.
///
/// # Errors
/// As [`text`].
pub fn line<'a>(args: &'a Args, arg: &'static str, length: RangeInclusive<usize>) -> Result<&'a str, ArgFault> {
    let text = text(args, arg, length)?;
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err(ArgFault { arg, problem: "must not be blank or contain control characters".to_owned() });
    }
    Ok(text)
}

/// An optional integer within `range`.
///
/// # Errors
/// Not an integer, or out of range.
pub fn integer(args: &Args, arg: &'static str, range: RangeInclusive<u64>) -> Result<Option<u64>, ArgFault> {
    match args.get(arg) {
        None => Ok(None),
        Some(value) => match value.as_u64() {
            Some(number) if range.contains(&number) => Ok(Some(number)),
            Some(_) | None => {
                Err(ArgFault { arg, problem: format!("must be an integer from {} to {}", range.start(), range.end()) })
            }
        },
    }
}

/// A list of 1 to `most` different strings, each of 1 to 256 characters.
///
/// # Errors
/// Not such a list.
pub fn texts(arg: &'static str, value: &Value, most: usize) -> Result<Vec<String>, ArgFault> {
    let fault = || ArgFault { arg, problem: format!("must be a list of 1 to {most} different strings") };
    let mut list = Vec::new();
    for item in value.as_array().ok_or_else(fault)? {
        let text = item.as_str().filter(|text| (1..=256).contains(&text.len())).ok_or_else(fault)?.to_owned();
        if list.len() == most || list.contains(&text) {
            return Err(fault());
        }
        list.push(text);
    }
    if list.is_empty() { Err(fault()) } else { Ok(list) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn args(value: Value) -> Args {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn shapes() {
        let given = args(json!({"s": "abc", "n": 7, "f": 1.5, "neg": -1}));
        assert_eq!(text(&given, "s", 1..=3), Ok("abc"));
        assert!(text(&given, "s", 1..=2).is_err());
        assert!(text(&given, "n", 1..=2).is_err());
        assert!(text(&given, "absent", 0..=2).unwrap_err().problem.contains("missing"));
        assert_eq!(integer(&given, "n", 1..=7), Ok(Some(7)));
        assert_eq!(integer(&given, "absent", 1..=7), Ok(None));
        for arg in ["f", "neg", "s"] {
            assert!(integer(&given, arg, 0..=9).is_err(), "{arg}");
        }
    }

    #[test]
    fn lists_are_bounded_and_without_repeats() {
        assert_eq!(texts("t", &json!(["a", "b"]), 2), Ok(vec!["a".into(), "b".into()]));
        for bad in [json!([]), json!(["a", "a"]), json!(["a", "b", "c"]), json!(["a", 1]), json!("a"), json!([""])] {
            assert!(texts("t", &bad, 2).is_err(), "{bad}");
        }
    }

    #[test]
    fn unknown_names_are_refused_without_being_repeated() {
        let fault = only(&args(json!({"evil\u{202e}": 1})), &["url"]).unwrap_err();
        assert!(!fault.problem.contains("evil") && fault.problem.contains("url"));
        assert!(only(&args(json!({})), &[]).is_ok());
    }
}
