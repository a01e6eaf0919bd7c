//! One line from an upstream. Total: any bytes are something, and nothing here trusts them.

use crate::policy::upstream::{Level, Listed};
use crate::upstream::question::QUESTION_MAX;
use crate::wire::jsonrpc::Id;
use crate::wire::listen;
use crate::wire::members::{Picked, pick, string};
use crate::wire::scan::scan;
use serde_json::value::RawValue;
use std::ops::Range;

/// Longest message of an error that is kept, in bytes. Less of it is told, but a secret has to be seen whole to be known.
const MESSAGE_MAX: usize = 64 * 1024;
/// Longest data of an error that is kept, in bytes.
const DATA_MAX: usize = 2000;
/// The error of a server of 2025-11-25 whose user has to go to pages first; its data names them.
pub(super) const PAGES_FIRST: i64 = -32042;

/// What a line says.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    /// The answer to our request of this number: the place of the result in the line.
    Result(i64, Range<usize>),
    /// Our request of this number failed.
    Error(i64, Fault),
    /// A request: its id and method, and the place of its parameters in the line. Most are refused.
    Request(Id, String, Option<Range<usize>>),
    /// Progress of the request with this token of ours.
    Progress(i64, Progress),
    /// A log message.
    Log(Log),
    /// A list is another one.
    Changed(Listed),
    /// A resource is another one; and which listen of ours this is for, where it says so.
    Updated(String, Option<i64>),
    /// Our listen of this number is honoured for these resources.
    Acknowledged(i64, Vec<String>),
    /// Nothing more comes for our request of this number.
    Cancelled(i64),
    /// The page that the server calls so is done with.
    Completed(String),
    /// Another notification.
    Notification,
    /// Not a message. It may be meant as the answer to this request.
    Broken(Option<i64>),
    /// Nothing but white space.
    Blank,
}

/// A JSON-RPC error.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fault {
    pub(super) code: i64,
    pub(super) message: String,
    /// `data`, if it is not long.
    pub(super) data: Option<String>,
}

/// A log message. It says nothing of the request that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Log {
    pub(crate) level: Level,
    pub(crate) logger: Option<String>,
    /// JSON text without line ends.
    pub(crate) data: String,
}

/// What a progress notification says; numbers as they were written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Progress {
    pub(crate) progress: f64,
    pub(crate) total: Option<f64>,
    pub(crate) message: Option<String>,
}

pub(super) fn read(line: &[u8]) -> Line {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Line::Blank;
    }
    let Ok(scanned) = scan(line) else { return Line::Broken(meant(line)) };
    let text = scanned.text();
    let Picked { values: [version, id, method, params, result, error], is_whole, .. } =
        pick(text, ["jsonrpc", "id", "method", "params", "result", "error"]);
    if !is_whole || version.and_then(string).as_deref() != Some("2.0") {
        return Line::Broken(meant(line));
    }
    let number = id.and_then(number);
    match (method.and_then(string), id, result, error) {
        (Some(method), None, None, None) => notification(&method, params),
        (Some(method), Some(id), None, None) => {
            Id::read(id).map_or(Line::Broken(None), |id| Line::Request(id, method, params.map(|params| place(text, params))))
        }
        (None, Some(_), Some(result), None) => number.map_or(Line::Broken(None), |id| Line::Result(id, place(text, result))),
        (None, Some(_), None, Some(error)) => match (number, fault(error)) {
            (Some(id), Some(fault)) => Line::Error(id, fault),
            (id, _) => Line::Broken(id),
        },
        _ => Line::Broken(number),
    }
}

fn number(id: &RawValue) -> Option<i64> {
    id.get().parse().ok()
}

/// Where a part of the line stands in it.
fn place(line: &str, part: &RawValue) -> Range<usize> {
    let from = part.get().as_ptr().addr() - line.as_ptr().addr();
    from..from + part.get().len()
}

fn fault(error: &RawValue) -> Option<Fault> {
    let [code, message, data] = pick(error.get(), ["code", "message", "data"]).values;
    let code = code?.get().parse().ok()?;
    let mut message = message.and_then(string)?;
    message.truncate(message.floor_char_boundary(MESSAGE_MAX));
    let max = if code == PAGES_FIRST { QUESTION_MAX } else { DATA_MAX };
    let data = data.map(|data| data.get().to_owned()).filter(|data| data.len() <= max);
    Some(Fault { code, message, data })
}

fn notification(method: &str, params: Option<&RawValue>) -> Line {
    match method {
        "notifications/tools/list_changed" => Line::Changed(Listed::Tools),
        "notifications/resources/list_changed" => Line::Changed(Listed::Resources),
        "notifications/prompts/list_changed" => Line::Changed(Listed::Prompts),
        "notifications/resources/updated" => updated(params).unwrap_or(Line::Notification),
        "notifications/subscriptions/acknowledged" => acknowledged(params).unwrap_or(Line::Notification),
        "notifications/cancelled" => cancelled(params).unwrap_or(Line::Notification),
        "notifications/elicitation/complete" => completed(params).unwrap_or(Line::Notification),
        "notifications/message" => log(params).unwrap_or(Line::Notification),
        "notifications/progress" => progress(params).unwrap_or(Line::Notification),
        _ => Line::Notification,
    }
}

/// The number of the listen of ours that a notification is for.
fn listen_of(params: &RawValue) -> Option<i64> {
    match listen::subscription(params)? {
        Id::Int(id) => Some(id),
        Id::Str(_) => None,
    }
}

fn updated(params: Option<&RawValue>) -> Option<Line> {
    let params = params?;
    Some(Line::Updated(listen::about(params)?, listen_of(params)))
}

fn acknowledged(params: Option<&RawValue>) -> Option<Line> {
    let params = params?;
    Some(Line::Acknowledged(listen_of(params)?, listen::honoured(params)))
}

fn cancelled(params: Option<&RawValue>) -> Option<Line> {
    let [id] = pick(params?.get(), ["requestId"]).values;
    Some(Line::Cancelled(number(id?)?))
}

fn completed(params: Option<&RawValue>) -> Option<Line> {
    let [id] = pick(params?.get(), ["elicitationId"]).values;
    Some(Line::Completed(string(id?)?))
}

fn log(params: Option<&RawValue>) -> Option<Line> {
    let [level, logger, data] = pick(params?.get(), ["level", "logger", "data"]).values;
    let word = string(level?)?;
    let level = Level::ALL.into_iter().find(|level| level.word() == word)?;
    Some(Line::Log(Log { level, logger: logger.and_then(string), data: data?.get().replace(['\n', '\r'], " ") }))
}

fn progress(params: Option<&RawValue>) -> Option<Line> {
    let [token, progress, total, message] = pick(params?.get(), ["progressToken", "progress", "total", "message"]).values;
    let float = |value: &RawValue| value.get().parse().ok().filter(|number: &f64| number.is_finite());
    let progress = Progress { progress: float(progress?)?, total: total.and_then(float), message: message.and_then(string) };
    Some(Line::Progress(number(token?)?, progress))
}

/// The request that a line which is no message may be meant to answer.
fn meant(line: &[u8]) -> Option<i64> {
    let readable = std::str::from_utf8(line).unwrap_or_else(|fault| {
        // Valid up to there.
        std::str::from_utf8(&line[..fault.valid_up_to()]).unwrap_or_default()
    });
    let Picked { values: [id, _], named: [_, has_method], has_repeats, .. } = pick(readable, ["id", "method"]);
    match has_method || has_repeats {
        true => None,
        false => id.and_then(number).or_else(|| ends_with_id(line)),
    }
}

/// The request that a line of more bytes than are kept answers: its id stands in the beginning, or in the end.
pub(super) fn cut(head: &[u8], tail: &[u8]) -> Option<i64> {
    meant(head).or_else(|| ends_with_id(tail))
}

/// The id at the end of a line, where it is the last member of the outermost object: the one brace that follows it closes that.
fn ends_with_id(line: &[u8]) -> Option<i64> {
    let text = line.trim_ascii_end().strip_suffix(b"}")?.trim_ascii_end();
    let digits = text.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (before, digits) = text.split_at(text.len() - digits);
    let before = before.trim_ascii_end().strip_suffix(b":")?.trim_ascii_end();
    before.ends_with(b"\"id\"").then(|| std::str::from_utf8(digits).ok()?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(text: &str) -> Line {
        read(text.as_bytes())
    }

    #[test]
    fn messages() {
        let text = r#"{"result":{"a":[1]},"jsonrpc":"2.0","id":7}"#;
        assert_eq!(line(text), Line::Result(7, 10..19));
        assert_eq!(&text[10..19], r#"{"a":[1]}"#);
        let error = line(r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"no","data":{"x":1}}}"#);
        assert_eq!(error, Line::Error(7, Fault { code: -32601, message: "no".into(), data: Some(r#"{"x":1}"#.into()) }));
        assert_eq!(
            line(r#"{"jsonrpc":"2.0","id":0,"method":"roots/list"}"#),
            Line::Request(Id::Int(0), "roots/list".into(), None)
        );
        let asks = r#"{"jsonrpc":"2.0","id":"a","method":"elicitation/create","params":{"a":1}}"#;
        assert_eq!(line(asks), Line::Request(Id::Str("a".into()), "elicitation/create".into(), Some(65..72)));
        assert_eq!(line(r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#), Line::Changed(Listed::Tools));
        let notified = |method: &str, params: &str| {
            line(&format!(r#"{{"jsonrpc":"2.0","method":"notifications/{method}","params":{params}}}"#))
        };
        let meta = r#""_meta":{"io.modelcontextprotocol/subscriptionId":7}"#;
        assert_eq!(notified("resources/updated", r#"{"uri":"a:b"}"#), Line::Updated("a:b".into(), None));
        assert_eq!(notified("resources/updated", &format!(r#"{{"uri":"a:b",{meta}}}"#)), Line::Updated("a:b".into(), Some(7)));
        let honoured = format!(r#"{{"notifications":{{"resourceSubscriptions":["a:b"]}},{meta}}}"#);
        assert_eq!(notified("subscriptions/acknowledged", &honoured), Line::Acknowledged(7, vec!["a:b".into()]));
        assert_eq!(notified("subscriptions/acknowledged", &format!("{{{meta}}}")), Line::Acknowledged(7, Vec::new()));
        assert_eq!(notified("cancelled", r#"{"requestId":7}"#), Line::Cancelled(7));
        assert_eq!(notified("elicitation/complete", r#"{"elicitationId":"p"}"#), Line::Completed("p".into()));
        for (method, params) in [
            ("resources/updated", r#"{"uri":7}"#),
            ("subscriptions/acknowledged", r#"{"notifications":{}}"#),
            ("cancelled", r#"{"requestId":"7"}"#),
            ("elicitation/complete", r#"{"elicitationId":7}"#),
        ] {
            assert_eq!(notified(method, params), Line::Notification, "{method} {params}");
        }
        assert_eq!(line(r#"{"jsonrpc":"2.0","method":"notifications/message","params":{}}"#), Line::Notification);
        let log = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","logger":"l","data":{"a":1}}}"#;
        assert_eq!(line(log), Line::Log(Log { level: Level::Info, logger: Some("l".into()), data: r#"{"a":1}"#.into() }));
        let progress =
            line(r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":3,"progress":1,"total":2.5}}"#);
        assert_eq!(progress, Line::Progress(3, Progress { progress: 1.0, total: Some(2.5), message: None }));
        assert_eq!(line(" \r"), Line::Blank);
    }

    #[test]
    fn long_data_of_an_error_is_kept_where_it_is_a_question() {
        let data = |code: i64, length: usize| {
            let text =
                format!(r#"{{"jsonrpc":"2.0","id":7,"error":{{"code":{code},"message":"m","data":"{}"}}}}"#, "x".repeat(length));
            match line(&text) {
                Line::Error(7, fault) => fault.data.is_some(),
                other => panic!("{other:?}"),
            }
        };
        assert!(data(-1, DATA_MAX - 2) && !data(-1, DATA_MAX - 1));
        assert!(data(PAGES_FIRST, QUESTION_MAX - 2) && !data(PAGES_FIRST, QUESTION_MAX - 1));
    }

    #[test]
    fn what_is_no_message_may_still_be_meant_as_an_answer() {
        for (text, meant) in [
            ("Server running on stdio", None),
            ("[]", None),
            (r#"[{"jsonrpc":"2.0","id":7,"result":{}}]"#, None),
            (r#"{"jsonrpc":"2.0","id":7,"result":{"a":1,"a":2}}"#, Some(7)),
            (r#"{"jsonrpc":"2.0","id":7,"result":{"a":"\ud800"}}"#, Some(7)),
            (r#"{"jsonrpc":"2.0","id":7,"result":{},"error":{}}"#, Some(7)),
            (r#"{"jsonrpc":"1.0","id":7,"result":{}}"#, Some(7)),
            (r#"{"jsonrpc":"2.0","id":7,"result":NaN}"#, Some(7)),
            (r#"{"jsonrpc":"2.0","result":NaN,"id":7}"#, Some(7)),
            (r#"{"jsonrpc":"2.0","result":NaN,"x":{"id":7}}"#, None),
            (r#"{"jsonrpc":"2.0","id":7,"method":"ping","result":NaN}"#, None),
            (r#"{"jsonrpc":"2.0","id":"7","result":{}}"#, None),
            (r#"{"jsonrpc":"2.0","id":7.0,"result":{}}"#, None),
        ] {
            assert_eq!(line(text), Line::Broken(meant), "{text}");
        }
    }

    #[test]
    fn the_id_of_a_line_that_is_not_kept() {
        assert_eq!(cut(br#"{"jsonrpc":"2.0","id":7,"result":{"x":"aaaa"#, b"aaaa"), Some(7));
        assert_eq!(cut(br#"{"result":{"x":"aaaa"#, br#"aaa"},"jsonrpc":"2.0","id":12}"#), Some(12));
        assert_eq!(cut(br#"{"result":{"x":"aaaa"#, br#"aaa","id":12}}"#), None, "it closes the result");
        assert_eq!(cut(b"aaaa", b"aaaa"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_something(line in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&line);
            let _ = cut(&line, &line);
        }

        #[test]
        fn damaged_messages_are_something(at in 0..60_usize, byte: u8) {
            let mut line = br#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"x"}]}}"#.to_vec();
            line[at] = byte;
            if let Line::Result(_, place) = read(&line) {
                prop_assert!(place.end <= line.len());
            }
        }
    }
}
