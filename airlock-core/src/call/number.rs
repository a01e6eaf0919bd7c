//! Checks of numbers. Bounds are integers, and every comparison is exact: no number is rounded to be compared.

use super::{ArgFault, Args};
use serde_json::{Number, Value};
use std::cmp::Ordering;

/// 2^63: the first double above every integer of 64 bits.
const BEYOND: f64 = 9_223_372_036_854_775_808.0;

/// Checks that the argument is an integer of at least `least`.
///
/// # Errors
/// The argument is there and is less, or not an integer.
pub(super) fn min(args: &Args, arg: &'static str, least: i64) -> Result<(), ArgFault> {
    match integer(args, arg)? {
        Some(value) if value < least => Err(ArgFault { arg, problem: format!("must be at least {least}") }),
        Some(_) | None => Ok(()),
    }
}

/// Checks that the argument is an integer of at most `most`.
///
/// # Errors
/// The argument is there and is more, or not an integer.
pub(super) fn max(args: &Args, arg: &'static str, most: i64) -> Result<(), ArgFault> {
    match integer(args, arg)? {
        Some(value) if value > most => Err(ArgFault { arg, problem: format!("must be at most {most}") }),
        Some(_) | None => Ok(()),
    }
}

/// Checks that the argument is a number, with a fraction or without, of at least `least`.
///
/// # Errors
/// The argument is there and is less, or not a number.
pub(super) fn min_number(args: &Args, arg: &'static str, least: i64) -> Result<(), ArgFault> {
    match number(args, arg)? {
        Some(value) if order(value, least) == Ordering::Less => {
            Err(ArgFault { arg, problem: format!("must be at least {least}") })
        }
        Some(_) | None => Ok(()),
    }
}

/// Checks that the argument is a number, with a fraction or without, of at most `most`.
///
/// # Errors
/// The argument is there and is more, or not a number.
pub(super) fn max_number(args: &Args, arg: &'static str, most: i64) -> Result<(), ArgFault> {
    match number(args, arg)? {
        Some(value) if order(value, most) == Ordering::Greater => {
            Err(ArgFault { arg, problem: format!("must be at most {most}") })
        }
        Some(_) | None => Ok(()),
    }
}

/// `3.0` is not an integer here, and neither is what exceeds 64 bits: a rule about numbers is exact or refuses.
fn integer(args: &Args, arg: &'static str) -> Result<Option<i64>, ArgFault> {
    let Some(value) = args.get(arg) else { return Ok(None) };
    value.as_i64().map(Some).ok_or_else(|| ArgFault { arg, problem: "must be an integer".to_owned() })
}

fn number<'a>(args: &'a Args, arg: &'static str) -> Result<Option<&'a Number>, ArgFault> {
    match args.get(arg) {
        None => Ok(None),
        Some(Value::Number(number)) => Ok(Some(number)),
        Some(_) => Err(ArgFault { arg, problem: "must be a number".to_owned() }),
    }
}

/// How a JSON number stands to an integer. A double between two integers is compared by the nearer whole number on the far side.
fn order(value: &Number, bound: i64) -> Ordering {
    if let Some(integer) = value.as_i64() {
        return integer.cmp(&bound);
    }
    let float = value.as_f64().unwrap_or(f64::NAN);
    // What no integer of 64 bits reaches, and what is no number: beyond every bound on its side, above when there is no side.
    if float < -BEYOND {
        return Ordering::Less;
    }
    if float.is_nan() || float >= BEYOND {
        return Ordering::Greater;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a whole double within ±2^63 is an integer of 64 bits")]
    let floor = float.floor() as i64;
    floor.cmp(&bound).then(if float.fract() == 0.0 { Ordering::Equal } else { Ordering::Greater })
}
