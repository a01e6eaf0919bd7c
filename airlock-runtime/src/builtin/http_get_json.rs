//! `http_get_json`: GET one JSON document from a host that the manifest lists.

use super::{Definition, schema};
use crate::call::{ArgFault, Args};
use crate::egress::url::URL_MAX;
use crate::json::json;
use crate::limits::INTEGER_MAX;
use crate::wire::Annotations;
use serde_json::Value;

/// Most query parameters; more than any API that is read by hand.
const QUERY_MAX: usize = 64;

/// A checked call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    url: String,
}

impl Plan {
    /// The URL to be admitted before the decision.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// Title, description, input schema and annotations as in `tools/list`.
#[must_use]
pub fn definition() -> Definition {
    Definition {
        title: "Get JSON",
        description: "Fetches one JSON document with an HTTPS GET request. Only hosts that this gateway's policy lists can be \
                        reached; redirects are not followed and no credentials are sent.",
        input_schema: json!({
            "type": "object",
            "properties": {
                "url": { "type": "string", "minLength": 1, "maxLength": URL_MAX, "description": "https URL of the document" },
                "query": {
                    "type": "object",
                    "description": "Parameters that are percent-encoded and appended to the URL",
                    "maxProperties": QUERY_MAX,
                    "additionalProperties": { "type": ["string", "number", "boolean"] }
                }
            },
            "required": ["url"],
            "additionalProperties": false
        }),
        annotations: Annotations { read_only: true, destructive: false, idempotent: true, open_world: true },
    }
}

/// Checks the arguments and makes the final URL. Whether the URL may be fetched is decided by `egress::url::admit`.
///
/// # Errors
/// The argument that is missing, unknown or of the wrong kind.
pub fn plan(args: &Args) -> Result<Plan, ArgFault> {
    schema::only(args, &["url", "query"])?;
    let url = schema::line(args, "url", 1..=URL_MAX)?;
    let fault = |problem: &str| ArgFault { arg: "query", problem: problem.to_owned() };
    let pairs = match args.get("query") {
        None => return Ok(Plan { url: url.to_owned() }),
        Some(Value::Object(pairs)) if pairs.len() <= QUERY_MAX => pairs,
        Some(Value::Object(_)) => return Err(fault("has too many parameters")),
        Some(_) => return Err(fault("must be an object")),
    };
    let mut query = String::new();
    for (name, value) in pairs {
        if !query.is_empty() {
            query.push('&');
        }
        form_encode(name, &mut query);
        query.push('=');
        match value {
            Value::String(text) => form_encode(text, &mut query),
            Value::Number(number) => {
                let number = plain_number(number).ok_or_else(|| fault("has a number that cannot be written"))?;
                form_encode(&number, &mut query);
            }
            Value::Bool(flag) => query.push_str(if *flag { "true" } else { "false" }),
            Value::Null | Value::Array(_) | Value::Object(_) => return Err(fault("may hold only strings, numbers and booleans")),
        }
    }
    Ok(Plan { url: with_query(url, &query) })
}

/// Appends a text as `application/x-www-form-urlencoded`, as the WHATWG serializer does (a test holds the two against each other;
/// that one is several times slower).
fn form_encode(text: &str, out: &mut String) {
    const PLAIN: [bool; 256] = {
        let (mut plain, mut byte) = ([false; 256], 0u8);
        while byte < 128 {
            plain[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'*' | b'-' | b'.' | b'_');
            byte += 1;
        }
        plain
    };
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    out.reserve(text.len());
    let mut rest = text;
    while let Some(plain) = rest.bytes().position(|byte| !PLAIN[usize::from(byte)]) {
        let (before, other) = rest.split_at(plain);
        out.push_str(before);
        // A whole character, so that what is left begins with one.
        let length = other.chars().next().map_or(0, char::len_utf8);
        let (other, after) = other.split_at(length);
        for byte in other.bytes() {
            match byte {
                b' ' => out.push('+'),
                byte => out.extend(['%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]),
            }
        }
        rest = after;
    }
    out.push_str(rest);
}

/// A number as canonical JSON writes it. Two spellings of one number have one request digest, so they must make one URL.
fn plain_number(number: &serde_json::Number) -> Option<String> {
    match number.as_i64() {
        Some(int) if int.unsigned_abs() <= INTEGER_MAX => Some(int.to_string()),
        Some(_) | None => serde_json_canonicalizer::to_string(number).ok(),
    }
}

/// Puts the query before the fragment and after a query that is already there.
fn with_query(url: &str, query: &str) -> String {
    let (front, fragment) = url.find('#').map_or((url, ""), |at| url.split_at(at));
    let joint = match front.split_once('?') {
        _ if query.is_empty() => "",
        None => "?",
        Some((_, before)) if before.is_empty() || before.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{front}{joint}{query}{fragment}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn planned(args: Value) -> Result<String, ArgFault> {
        let Value::Object(args) = args else { panic!("an object is needed") };
        plan(&args).map(|plan| plan.url)
    }

    #[test]
    fn the_query_is_encoded_and_appended() {
        for (args, expected) in [
            (json!({"url": "https://a.com/x"}), "https://a.com/x"),
            (json!({"url": "https://a.com/x", "query": {}}), "https://a.com/x"),
            (json!({"url": "https://a.com", "query": {"q": "a b&c=#@/ü"}}), "https://a.com?q=a+b%26c%3D%23%40%2F%C3%BC"),
            (json!({"url": "https://a.com/x?y=1", "query": {"n": 1.5, "flag": true}}), "https://a.com/x?y=1&flag=true&n=1.5"),
            (json!({"url": "https://a.com/x?#part", "query": {"n": 2}}), "https://a.com/x?n=2#part"),
            (json!({"url": "https://a.com/#a?b", "query": {"n": 2}}), "https://a.com/?n=2#a?b"),
        ] {
            assert_eq!(planned(args.clone()).as_deref(), Ok(expected), "{args}");
        }
    }

    /// A lease for one exact call names it by the digest of its arguments.
    #[test]
    fn arguments_of_one_digest_make_one_url() {
        let read = |number: &str| -> crate::call::Args {
            serde_json::from_str(&format!(r#"{{"url":"https://a.com","query":{{"n":{number}}}}}"#)).unwrap()
        };
        for (one, other) in [("1", "1.0"), ("0", "-0"), ("100", "1e2"), ("0.5", "5e-1")] {
            let (one, other) = (read(one), read(other));
            let digest = |args| crate::lease::request_digest("gw", "s", "t", args).unwrap();
            assert_eq!(digest(&one), digest(&other));
            assert_eq!(plan(&one).unwrap(), plan(&other).unwrap());
        }
    }

    proptest! {
        #[test]
        fn pairs_are_encoded_as_browsers_do(pairs in prop::collection::btree_map("\\PC{0,5}|[ -~]{0,9}|[\\x00-\\x7f]{0,3}", "\\PC{0,20}|[ -~]{0,40}", 0..4)) {
            let expected = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            let joint = if pairs.is_empty() { "" } else { "?" };
            let planned = planned(json!({"url": "https://a.com", "query": pairs}));
            prop_assert_eq!(planned, Ok(format!("https://a.com{joint}{expected}")));
        }
    }

    #[test]
    fn faults_name_their_argument() {
        let many: serde_json::Map<String, Value> = (0..=QUERY_MAX).map(|i| (format!("p{i}"), json!(1))).collect();
        for (args, expected) in [
            (json!({}), "url"),
            (json!({"url": 1}), "url"),
            (json!({"url": ""}), "url"),
            (json!({"url": "https://a.com/\n"}), "url"),
            (json!({"url": "x".repeat(URL_MAX + 1)}), "url"),
            (json!({"url": "https://a.com", "query": "x=1"}), "query"),
            (json!({"url": "https://a.com", "query": {"a": null}}), "query"),
            (json!({"url": "https://a.com", "query": {"a": ["b"]}}), "query"),
            (json!({"url": "https://a.com", "query": many}), "query"),
            (json!({"url": "https://a.com", "headers": {}}), "arguments"),
        ] {
            assert_eq!(planned(args.clone()).map_err(|fault| fault.arg), Err(expected), "{args}");
        }
    }
}
