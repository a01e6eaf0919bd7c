//! The digest of one call, for `call` caveats and approvals.

use crate::call::Args;
use crate::limits::{INTEGER_MAX, JSON_DEPTH_MAX};
use serde::Serialize;
use serde_json::{Number, Value};
use sha2::{Digest, Sha256};

/// Why arguments have no digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestFault {
    /// A whole number beyond ±(2^53 - 1): JSON readers disagree on it.
    Integer,
    /// Nested deeper than [`JSON_DEPTH_MAX`].
    Depth,
    /// Not representable in canonical JSON.
    Form,
}

impl RequestFault {
    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Integer => "args_integer",
            Self::Depth => "args_depth",
            Self::Form => "args_form",
        }
    }
}

impl std::fmt::Display for RequestFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Integer => f.write_str("an argument has a whole number beyond 2^53 - 1; send it as a string"),
            Self::Depth => write!(f, "the arguments are nested deeper than {JSON_DEPTH_MAX}"),
            Self::Form => f.write_str("the arguments have no canonical JSON form"),
        }
    }
}

impl std::error::Error for RequestFault {}

/// `SHA-256("airlock/request/v1\0" ‖ JCS({"args":…,"sid":…,"srv":…,"tool":…}))`, where `srv` is the gateway name.
///
/// # Errors
/// [`RequestFault`]. Fractions are fine; a number of at least 2^53 is refused even with a fraction part or exponent, because a
/// parser may already have rounded it.
pub fn request_digest(srv: &str, sid: &str, tool: &str, args: &Args) -> Result<[u8; 32], RequestFault> {
    for value in args.values() {
        check(value, 1)?;
    }
    let request = Request { args, sid, srv, tool };
    let canonical = serde_json_canonicalizer::to_vec(&request).map_err(|_| RequestFault::Form)?;
    Ok(Sha256::new().chain_update(b"airlock/request/v1\0").chain_update(canonical).finalize().into())
}

/// What is digested.
#[derive(Serialize)]
struct Request<'a> {
    args: &'a Args,
    sid: &'a str,
    srv: &'a str,
    tool: &'a str,
}

fn check(value: &Value, depth: usize) -> Result<(), RequestFault> {
    if depth > JSON_DEPTH_MAX {
        return Err(RequestFault::Depth);
    }
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
        Value::Number(number) => check_number(number),
        Value::Array(items) => items.iter().try_for_each(|item| check(item, depth + 1)),
        Value::Object(map) => map.values().try_for_each(|item| check(item, depth + 1)),
    }
}

fn check_number(number: &Number) -> Result<(), RequestFault> {
    /// 2^53: the first double whose neighbour is not one away.
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    let exact = match (number.as_u64(), number.as_i64(), number.as_f64()) {
        (Some(int), _, _) => int <= INTEGER_MAX,
        (None, Some(int), _) => int.unsigned_abs() <= INTEGER_MAX,
        (None, None, Some(float)) => float.abs() < LIMIT,
        (None, None, None) => false,
    };
    if exact { Ok(()) } else { Err(RequestFault::Integer) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(text: &str) -> Result<[u8; 32], RequestFault> {
        request_digest("weather", "s1", "http_get_json", &serde_json::from_str(text).unwrap())
    }

    #[test]
    fn order_and_spelling_do_not_matter() {
        assert_eq!(digest(r#"{"a":1,"b":[0.5,"é"]}"#), digest(r#"{ "b":[5e-1,"\u00e9"], "a":1.0 }"#));
        assert_ne!(digest(r#"{"a":1}"#), digest(r#"{"a":"1"}"#));
        let args = Args::new();
        assert_ne!(request_digest("a", "b", "c", &args), request_digest("a", "c", "b", &args));
    }

    #[test]
    fn numbers_that_readers_disagree_on_are_refused() {
        for text in ["9007199254740992", "-9007199254740992", "18446744073709551616", "[{\"x\":1e20}]", "9007199254740993.0"] {
            assert_eq!(digest(&format!("{{\"a\":{text}}}")), Err(RequestFault::Integer), "{text}");
        }
        for text in ["9007199254740991", "-9007199254740991", "0.1", "-1e-7"] {
            assert!(digest(&format!("{{\"a\":{text}}}")).is_ok(), "{text}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nest = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        assert!(digest(&nest(JSON_DEPTH_MAX)).is_ok());
        assert_eq!(digest(&nest(JSON_DEPTH_MAX + 1)), Err(RequestFault::Depth));
    }
}
