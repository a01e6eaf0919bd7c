//! The envelope: which kind of message a line is, its id, and answers that are errors.
//!
//! The one rule for silence: a line gets an answer only if an id could be read from it and it is not itself an answer. An error without
//! an id tells no client which of its requests failed, is not valid before revision 2025-11-25, and lets two confused peers answer each
//! other's errors for ever. Whatever is not answered is not executed either, and is counted.

use super::members::{Picked, pick, string};
use super::reply::render;
use super::scan::{Fault, Scanned};
use crate::json::json;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Longest string accepted as an id or progress token, in bytes. SDKs use integers or short counters; the id is stored while a call is
/// open and echoed in its answer.
pub const ID_MAX: usize = 256;
/// Longest piece of the client's text repeated in an error message, in bytes.
const ECHO_MAX: usize = 64;

/// The id of a request: a string or an integer, never null (MCP narrows JSON-RPC here).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Id {
    /// Written as an integer, without fraction or exponent.
    Int(i64),
    /// A string of at most [`ID_MAX`] bytes after decoding.
    Str(String),
}

impl Id {
    /// `None` for null, fractions, exponents, other kinds of value, integers beyond `i64` and strings beyond [`ID_MAX`].
    pub(crate) fn read(value: &RawValue) -> Option<Self> {
        let text = value.get();
        if text.starts_with('"') {
            return string(value).filter(|id| id.len() <= ID_MAX).map(Self::Str);
        }
        text.parse().ok().map(Self::Int)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Int(id) => serializer.serialize_i64(*id),
            Self::Str(id) => serializer.serialize_str(id),
        }
    }
}

/// Codes of error answers. Nothing else of the range reserved for the protocol may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// -32700: the line is not JSON.
    Parse,
    /// -32600: JSON, but not a request that may be made now.
    InvalidRequest,
    /// -32601: no such method, or one whose capability is not advertised.
    MethodNotFound,
    /// -32602: parameters of the wrong shape, a missing envelope key, an unknown tool.
    InvalidParams,
    /// -32002: no such resource (before revision 2026-07-28).
    NoSuchResource,
    /// -32603: the gateway failed.
    Internal,
    /// -32021: the request lacks a client capability; `data.requiredCapabilities` names it (revision 2026-07-28).
    MissingCapability,
    /// -32022: `data.supported` has the revisions to choose from (revision 2026-07-28).
    UnsupportedVersion,
}

impl Code {
    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> i32 {
        match self {
            Self::Parse => -32700,
            Self::InvalidRequest => -32600,
            Self::MethodNotFound => -32601,
            Self::InvalidParams => -32602,
            Self::NoSuchResource => -32002,
            Self::Internal => -32603,
            Self::MissingCapability => -32021,
            Self::UnsupportedVersion => -32022,
        }
    }
}

/// An error on its way to a reply.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    pub(crate) message: Cow<'static, str>,
    pub(crate) data: Option<Value>,
}

impl Problem {
    pub(crate) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    pub(crate) fn invalid_params(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidParams, message)
    }
}

/// A message whose envelope is right.
#[derive(Debug)]
pub(crate) enum Message<'a> {
    Request {
        id: Id,
        method: String,
        params: Option<&'a RawValue>,
    },
    Notification {
        method: String,
        params: Option<&'a RawValue>,
    },
    /// A result or error from the client. `id` and `result` are `None` unless it is whole and answers with a result.
    Response {
        id: Option<Id>,
        result: Option<&'a RawValue>,
    },
}

/// A line that is not a message; it is answered when `id` could be read.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) id: Option<Id>,
    pub(crate) problem: Problem,
}

/// Members that a message from a client may have.
const MEMBERS: [&str; 6] = ["jsonrpc", "id", "method", "params", "result", "error"];

/// Reads the envelope of scanned text.
pub(crate) fn read(text: Scanned<'_>) -> Result<Message<'_>, Refused> {
    let invalid = |id: Option<Id>, why: &'static str| Err(Refused { id, problem: Problem::new(Code::InvalidRequest, why) });
    let Picked { values: [version, raw_id, method, params, result, error], named: _, has_others, has_repeats, is_whole } =
        pick(text.text(), MEMBERS);
    if !is_whole || has_repeats {
        return invalid(None, "A message is one JSON object; batches are not served.");
    }
    let is_answer = result.is_some() || error.is_some();
    if method.is_none() && is_answer {
        // What is not a response by the letter keeps no id, so it answers nothing.
        let is_one = version.and_then(string).as_deref() == Some("2.0") && !has_others && result.is_some() != error.is_some();
        return Ok(Message::Response { id: raw_id.filter(|_| is_one).and_then(Id::read), result });
    }
    let id = raw_id.and_then(Id::read);
    if raw_id.is_some() && id.is_none() {
        return invalid(None, "`id` must be a string or an integer.");
    }
    if has_others {
        return invalid(id, "Unknown member beside jsonrpc, id, method and params. Extra data belongs in params._meta.");
    }
    if version.and_then(string).as_deref() != Some("2.0") {
        return invalid(id, "`jsonrpc` must be \"2.0\".");
    }
    let Some(method) = method.and_then(string) else {
        return invalid(id, "`method` must be a string.");
    };
    if is_answer {
        return invalid(id, "A message has either `method`, or `result` or `error`.");
    }
    Ok(match id {
        Some(id) => Message::Request { id, method, params },
        None => Message::Notification { method, params },
    })
}

/// What to answer to a line that the scan refused. The id is looked for in what can be read of it: everything if only the scan's
/// own rules were broken, else what stands before the fault.
pub(crate) fn refuse(line: &[u8], fault: Fault) -> Refused {
    let code = if fault.flaw.is_json() { Code::InvalidRequest } else { Code::Parse };
    let message = format!("{} (byte {} of the line)", fault.flaw.sentence(), fault.at);
    Refused { id: salvage(line), problem: Problem::new(code, message) }
}

/// The id of a request in a line that is damaged or cut off: present once, and nothing read so far makes the line an answer.
pub(crate) fn salvage(line: &[u8]) -> Option<Id> {
    let text = match std::str::from_utf8(line) {
        Ok(text) => text,
        Err(fault) => std::str::from_utf8(&line[..fault.valid_up_to()]).ok()?,
    };
    let Picked { values: [id, _, _], named: [_, has_result, has_error], has_others: _, has_repeats, is_whole } =
        pick(text, ["id", "result", "error"]);
    let id = id?;
    // A number on which the text ends may have lost its last digits.
    let is_cut = !is_whole && text.ends_with(id.get());
    if is_cut || has_repeats || has_result || has_error {
        return None;
    }
    Id::read(id)
}

/// One line that answers `id` with an error.
#[must_use]
pub fn reply_error(id: &Id, code: Code, message: &str, data: Option<Value>) -> String {
    let mut error = json!({"code": code.number(), "message": message});
    if let Some(data) = data {
        error["data"] = data;
    }
    render(&json!({"jsonrpc": "2.0", "id": id, "error": error}))
}

/// A piece of the client's text as an error message may repeat it: printable ASCII of bounded length, quoted.
pub(crate) fn quoted(text: &str) -> String {
    let short = text.len() <= ECHO_MAX && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'`');
    if short { format!("`{text}`") } else { "(a name that is too long or not plain ASCII)".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::scan::scan;

    fn outcome(line: &str) -> String {
        match read(scan(line.as_bytes()).unwrap()) {
            Ok(Message::Request { id, method, params }) => format!("request {id:?} {method} {:?}", params.map(RawValue::get)),
            Ok(Message::Notification { method, .. }) => format!("notification {method}"),
            Ok(Message::Response { id, result }) => format!("response {id:?} {:?}", result.map(RawValue::get)),
            Err(refused) => format!("{:?} {} {}", refused.id, refused.problem.code.number(), refused.problem.message),
        }
    }

    #[test]
    fn ids_are_integers_or_short_strings() {
        let read = |text: &str| Id::read(&RawValue::from_string(text.to_owned()).unwrap());
        assert_eq!(read("1152921504606846976"), Some(Id::Int(1 << 60)));
        assert_eq!(read("-9223372036854775808"), Some(Id::Int(i64::MIN)));
        assert_eq!(read(r#""\u0041""#), Some(Id::Str("A".to_owned())));
        assert_eq!(read(&format!("\"{}\"", "é".repeat(128))), Some(Id::Str("é".repeat(128))));
        let long = format!("\"{}\"", "é".repeat(129));
        for text in ["null", "true", "1.5", "1.0", "1e3", "9223372036854775808", "[]", "{}", &long] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn presence_decides_the_kind() {
        assert_eq!(
            outcome(r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{ "a":1 }}"#),
            r#"request Int(1) m Some("{ \"a\":1 }")"#
        );
        assert_eq!(outcome(r#"{"jsonrpc":"2.0","method":"m"}"#), "notification m");
        assert_eq!(outcome(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#), r#"response Some(Int(1)) Some("{}")"#);
        assert_eq!(outcome(r#"{"jsonrpc":"2.0","id":"a","error":{}}"#), r#"response Some(Str("a")) None"#);
        for no_response in [
            r#"{"jsonrpc":"2.0","id":null,"error":{}}"#,
            r#"{"jsonrpc":"2.0","error":{}}"#,
            r#"{"jsonrpc":"1.0","id":1,"error":{}}"#,
            r#"{"jsonrpc":"2.0","id":1,"error":{},"x":1}"#,
            r#"{"jsonrpc":"2.0","id":1,"error":{},"result":{}}"#,
        ] {
            assert!(outcome(no_response).starts_with("response None"), "{no_response}");
        }
        assert!(outcome(r#"{"jsonrpc":"2.0","id":1,"method":"m","result":{}}"#).starts_with("Some(Int(1)) -32600"));
        assert!(outcome(r#"{"jsonrpc":"2.0","id":1}"#).starts_with("Some(Int(1)) -32600"));
        assert!(outcome(r#"{"jsonrpc":"2.0","id":null,"method":"m"}"#).starts_with("None -32600 `id`"));
        assert!(outcome("[]").starts_with("None -32600"));
    }

    #[test]
    fn salvage_finds_the_id_of_requests_only() {
        assert_eq!(salvage(br#"{"jsonrpc":"2.0","id":5,"method":"m","params":{"n":NaN}}"#), Some(Id::Int(5)));
        assert_eq!(salvage(br#"{"params":{"a":1,"a":2},"id":"x"}"#), Some(Id::Str("x".to_owned())));
        assert_eq!(salvage(b"{\"id\":5,\"x\":\"\xFF\"}"), Some(Id::Int(5)));
        let not_requests =
            [&br#"{"id":1,"id":2}"#[..], br#"{"id":1,"result":{"a":"#, br#"{"id":1"#, br#"{"id":1.5,"a":NaN}"#, b"[1", b"\xFF"];
        for line in not_requests {
            assert_eq!(salvage(line), None, "{}", String::from_utf8_lossy(line));
        }
    }

    #[test]
    fn errors_repeat_only_short_plain_text() {
        assert_eq!(quoted("foo/bar"), "`foo/bar`");
        assert_eq!(quoted("a`b"), quoted("é"));
        assert_eq!(quoted(&"a".repeat(65)), quoted("a\u{1b}[31m"));
    }
}
