//! Checks of strings and lists.

use super::{ArgFault, Args, every};
use serde_json::Value;

/// Accepted values that a fault lists; a longer list is cut so that a refusal stays readable.
const LISTED_MAX: usize = 20;

/// Checks that the argument is one of these strings.
///
/// # Errors
/// The argument is there and is not one of them.
pub(super) fn one_of(args: &Args, arg: &'static str, accepted: &[&str]) -> Result<(), ArgFault> {
    let demand = || {
        let listed: Vec<String> = accepted.iter().take(LISTED_MAX).map(|item| format!("{item:?}")).collect();
        let more = match accepted.len().saturating_sub(LISTED_MAX) {
            0 => String::new(),
            n => format!(" or {n} more"),
        };
        format!("must be one of {}{more}", listed.join(", "))
    };
    every(args, arg, demand, |value| accepted.contains(&value))
}

/// Checks that the argument is a string that starts with `prefix`.
///
/// # Errors
/// The argument is there and does not start so.
pub(super) fn prefix(args: &Args, arg: &'static str, prefix: &str) -> Result<(), ArgFault> {
    every(args, arg, || format!("must start with {prefix:?}"), |value| value.starts_with(prefix))
}

/// Checks that the argument is a string that ends with `suffix`.
///
/// # Errors
/// The argument is there and does not end so.
pub(super) fn suffix(args: &Args, arg: &'static str, suffix: &str) -> Result<(), ArgFault> {
    every(args, arg, || format!("must end with {suffix:?}"), |value| value.ends_with(suffix))
}

/// Checks that the argument is a string of at least `least` characters (Unicode scalar values).
///
/// # Errors
/// The argument is there and is shorter, or not a string.
pub(super) fn min_length(args: &Args, arg: &'static str, least: u64) -> Result<(), ArgFault> {
    every(args, arg, || format!("must have at least {least} characters"), |value| length(value) >= least)
}

/// Checks that the argument is a string of at most `most` characters (Unicode scalar values).
///
/// # Errors
/// The argument is there and is longer, or not a string.
pub(super) fn max_length(args: &Args, arg: &'static str, most: u64) -> Result<(), ArgFault> {
    every(args, arg, || format!("must have at most {most} characters"), |value| length(value) <= most)
}

/// Checks that the argument is a list of at most `most` items.
///
/// # Errors
/// The argument is there and has more items, or is no list.
pub(super) fn max_items(args: &Args, arg: &'static str, most: u64) -> Result<(), ArgFault> {
    match args.get(arg) {
        None => Ok(()),
        Some(Value::Array(items)) if items.len() as u64 <= most => Ok(()),
        Some(_) => Err(ArgFault { arg, problem: format!("must be a list of at most {most} items") }),
    }
}

/// Checks that the argument is not given, not even as null.
///
/// # Errors
/// The argument is there.
pub(super) fn forbid(args: &Args, arg: &'static str) -> Result<(), ArgFault> {
    if args.contains_key(arg) { Err(ArgFault { arg, problem: "may not be given here; leave it out".to_owned() }) } else { Ok(()) }
}

fn length(text: &str) -> u64 {
    text.chars().count() as u64
}
