//! Arguments of a call as the judge sees them, and the checks that generated code uses.
//!
//! Each check looks at one argument. An argument that is absent is not checked (whether it must be there is the tool's own
//! schema's business); one of the wrong type is a fault. Faults say what would be accepted and never repeat the value.

use serde_json::{Map, Value};

/// The arguments of one call, after the carriers were taken out.
pub type Args = Map<String, Value>;

/// An argument that a rule refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgFault {
    /// Argument name as in the schema.
    pub arg: &'static str,
    /// What is wrong and what would be accepted, without the value itself.
    pub problem: String,
}

/// Accepted values that a fault lists; a longer list is cut so that a refusal stays readable.
const LISTED_MAX: usize = 20;

/// Checks that the argument is one of these strings.
///
/// # Errors
/// The argument is there and is not one of them.
pub fn one_of(args: &Args, arg: &'static str, accepted: &[&str]) -> Result<(), ArgFault> {
    let Some(value) = string(args, arg)? else { return Ok(()) };
    if accepted.contains(&value) {
        return Ok(());
    }
    let listed: Vec<String> = accepted.iter().take(LISTED_MAX).map(|item| format!("{item:?}")).collect();
    let more = match accepted.len().saturating_sub(LISTED_MAX) {
        0 => String::new(),
        n => format!(" or {n} more"),
    };
    Err(ArgFault { arg, problem: format!("must be one of {}{more}", listed.join(", ")) })
}

/// Checks that the argument is a string that starts with `prefix`.
///
/// # Errors
/// The argument is there and does not start so.
pub fn prefix(args: &Args, arg: &'static str, prefix: &str) -> Result<(), ArgFault> {
    match string(args, arg)? {
        Some(value) if !value.starts_with(prefix) => Err(ArgFault { arg, problem: format!("must start with {prefix:?}") }),
        Some(_) | None => Ok(()),
    }
}

/// Checks that the argument is a string that ends with `suffix`.
///
/// # Errors
/// The argument is there and does not end so.
pub fn suffix(args: &Args, arg: &'static str, suffix: &str) -> Result<(), ArgFault> {
    match string(args, arg)? {
        Some(value) if !value.ends_with(suffix) => Err(ArgFault { arg, problem: format!("must end with {suffix:?}") }),
        Some(_) | None => Ok(()),
    }
}

/// Checks that the argument is a string of at least `least` characters (Unicode scalar values).
///
/// # Errors
/// The argument is there and is shorter, or not a string.
pub fn min_length(args: &Args, arg: &'static str, least: u64) -> Result<(), ArgFault> {
    match string(args, arg)? {
        Some(value) if length(value) < least => Err(ArgFault { arg, problem: format!("must have at least {least} characters") }),
        Some(_) | None => Ok(()),
    }
}

/// Checks that the argument is a string of at most `most` characters (Unicode scalar values).
///
/// # Errors
/// The argument is there and is longer, or not a string.
pub fn max_length(args: &Args, arg: &'static str, most: u64) -> Result<(), ArgFault> {
    match string(args, arg)? {
        Some(value) if length(value) > most => Err(ArgFault { arg, problem: format!("must have at most {most} characters") }),
        Some(_) | None => Ok(()),
    }
}

/// Checks that the argument is an integer of at least `least`.
///
/// # Errors
/// The argument is there and is less, or not an integer.
pub fn min(args: &Args, arg: &'static str, least: i64) -> Result<(), ArgFault> {
    match integer(args, arg)? {
        Some(value) if value < least => Err(ArgFault { arg, problem: format!("must be at least {least}") }),
        Some(_) | None => Ok(()),
    }
}

/// Checks that the argument is an integer of at most `most`.
///
/// # Errors
/// The argument is there and is more, or not an integer.
pub fn max(args: &Args, arg: &'static str, most: i64) -> Result<(), ArgFault> {
    match integer(args, arg)? {
        Some(value) if value > most => Err(ArgFault { arg, problem: format!("must be at most {most}") }),
        Some(_) | None => Ok(()),
    }
}

fn string<'a>(args: &'a Args, arg: &'static str) -> Result<Option<&'a str>, ArgFault> {
    let Some(value) = args.get(arg) else { return Ok(None) };
    value.as_str().map(Some).ok_or_else(|| ArgFault { arg, problem: "must be a string".to_owned() })
}

/// `3.0` is not an integer here, and neither is what exceeds 64 bits: a rule about numbers is exact or refuses.
fn integer(args: &Args, arg: &'static str) -> Result<Option<i64>, ArgFault> {
    let Some(value) = args.get(arg) else { return Ok(None) };
    value.as_i64().map(Some).ok_or_else(|| ArgFault { arg, problem: "must be an integer".to_owned() })
}

fn length(text: &str) -> u64 {
    text.chars().count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    type Check = fn(&Args) -> Result<(), ArgFault>;

    fn args(value: &Value) -> Args {
        match value {
            Value::Object(map) => map.clone(),
            other => panic!("arguments are an object, not {other}"),
        }
    }

    const CHECKS: [Check; 7] = [
        |a| one_of(a, "x", &["red", "green"]),
        |a| prefix(a, "x", "re"),
        |a| suffix(a, "x", "d"),
        |a| min_length(a, "x", 3),
        |a| max_length(a, "x", 3),
        |a| min(a, "x", -2),
        |a| max(a, "x", 168),
    ];

    #[test]
    fn an_absent_argument_is_not_checked() {
        for check in CHECKS {
            assert_eq!(check(&args(&json!({"y": "anything", "xx": 4}))), Ok(()));
        }
    }

    #[test]
    fn the_wrong_type_is_a_fault_of_every_check() {
        for wrong in [json!(null), json!(true), json!(["red"]), json!({"red": "red"}), json!(2.0), json!(1e300)] {
            for check in CHECKS {
                let fault = check(&args(&json!({"x": wrong}))).expect_err("refused");
                assert!(fault.problem == "must be a string" || fault.problem == "must be an integer", "{fault:?}");
            }
        }
        assert_eq!(max(&args(&json!({"x": "3"})), "x", 9).expect_err("refused").problem, "must be an integer");
        assert_eq!(max(&args(&json!({"x": u64::MAX})), "x", i64::MAX).expect_err("refused").problem, "must be an integer");
        assert_eq!(prefix(&args(&json!({"x": 3})), "x", "3").expect_err("refused").problem, "must be a string");
    }

    #[test]
    fn faults_say_what_is_accepted_and_never_the_value() {
        let cases: [(Check, Value, &str); 7] = [
            (CHECKS[0], json!("hunter2"), r#"must be one of "red", "green""#),
            (CHECKS[1], json!("hunter2"), r#"must start with "re""#),
            (CHECKS[2], json!("hunter2"), r#"must end with "d""#),
            (CHECKS[3], json!("hu"), "must have at least 3 characters"),
            (CHECKS[4], json!("hunter2"), "must have at most 3 characters"),
            (CHECKS[5], json!(-3), "must be at least -2"),
            (CHECKS[6], json!(169), "must be at most 168"),
        ];
        for (check, value, problem) in cases {
            let fault = check(&args(&json!({"x": value}))).expect_err("refused");
            assert_eq!(fault, ArgFault { arg: "x", problem: problem.to_owned() });
        }
    }

    #[test]
    fn bounds_are_inclusive_and_lengths_count_characters() {
        // Three characters, nine bytes.
        for check in &CHECKS[3..5] {
            assert_eq!(check(&args(&json!({"x": "日本語"}))), Ok(()));
        }
        assert_eq!(min(&args(&json!({"x": -2})), "x", -2), Ok(()));
        assert_eq!(max(&args(&json!({"x": 168})), "x", 168), Ok(()));
        assert_eq!(one_of(&args(&json!({"x": "green"})), "x", &["red", "green"]), Ok(()));
        assert!(one_of(&args(&json!({"x": "Green"})), "x", &["red", "green"]).is_err(), "case counts");
    }

    #[test]
    fn a_long_list_is_cut() {
        let fault = one_of(&args(&json!({"x": "no"})), "x", &["a"; LISTED_MAX + 2]).expect_err("refused");
        assert!(fault.problem.ends_with(r#""a" or 2 more"#), "{}", fault.problem);
    }
}
