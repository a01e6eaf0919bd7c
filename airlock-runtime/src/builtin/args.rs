//! Checks of arguments that the built-in tools share. A fault never repeats the value.

use crate::call::{ArgFault, Args};

/// Refuses arguments that the tool does not have, so that nothing unlooked-at passes a rule.
pub(super) fn only(args: &Args, known: &[&str]) -> Result<(), ArgFault> {
    if args.keys().all(|name| known.contains(&name.as_str())) {
        return Ok(());
    }
    Err(ArgFault { arg: "arguments", problem: format!("an argument is unknown; this tool has {}", known.join(", ")) })
}

/// A required string of 1 to `max` characters without control characters.
pub(super) fn text<'a>(args: &'a Args, arg: &'static str, max: usize) -> Result<&'a str, ArgFault> {
    let fault = |problem: String| ArgFault { arg, problem };
    let value = args.get(arg).ok_or_else(|| fault("is required".to_owned()))?;
    let text = value.as_str().ok_or_else(|| fault("must be a string".to_owned()))?;
    if text.trim().is_empty() || text.chars().count() > max {
        return Err(fault(format!("must have 1 to {max} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(fault("must not contain control characters".to_owned()));
    }
    Ok(text)
}

/// An optional whole number within bounds.
pub(super) fn whole(args: &Args, arg: &'static str, min: u64, max: u64, default: u64) -> Result<u64, ArgFault> {
    let Some(value) = args.get(arg) else { return Ok(default) };
    let number = value.as_u64().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| ArgFault { arg, problem: format!("must be a whole number from {min} to {max}") })
}
