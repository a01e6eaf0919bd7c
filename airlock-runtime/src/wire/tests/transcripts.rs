//! Sessions as text: what was sent, what came back. Every reply is also checked for its shape.

use super::{ENVELOPE, connection, initialize, legacy, modern, plain, shapes};
use crate::wire::mcp::Era;
use crate::wire::{Asking, CallRequest, Connection, Frame, Lines, Received, Revision, ToolReply};
use std::fmt::Write as _;

/// Longest piece of a line shown.
const SHOWN: usize = 180;

/// Plays lines as bytes of a stream (LF is added) and renders the session. Calls are answered at once unless their name is `held`; those of
/// the name `asked` are asked about, and their question is withdrawn when they are cancelled.
pub(super) fn play(connection: &mut Connection, lines: &[impl AsRef<[u8]>]) -> String {
    let mut out = String::new();
    for line in lines {
        let mut splitter = Lines::new();
        let stream = [line.as_ref(), b"\n"].concat();
        let mut rest = &stream[..];
        while let Some(frame) = splitter.feed(&mut rest) {
            let (shown, received) = match frame {
                Frame::Line(line) => (show(&line), connection.receive(&line)),
                Frame::TooLong { head, bytes, .. } => (format!("{} ({bytes} bytes)", show(&head)), connection.too_long(&head)),
            };
            writeln!(out, "→ {shown}").unwrap();
            answer(connection, received, &mut out);
        }
    }
    out
}

fn answer(connection: &mut Connection, received: Received, out: &mut String) {
    let revision = match connection.era() {
        Era::Undecided | Era::Modern => Revision::MODERN,
        Era::Legacy(revision) => revision,
    };
    match received {
        Received::Silence(why) => writeln!(out, "· {why:?}").unwrap(),
        Received::Cancel(id) => {
            writeln!(out, "x cancel {id:?}").unwrap();
            for line in (1..20).filter_map(|question| connection.withdraw(question, "the call was cancelled")) {
                writeln!(out, "← {line}").unwrap();
            }
        }
        Received::Answer(question, answer) => writeln!(out, "= answer {question} {answer:?}").unwrap(),
        Received::Input(question, answer) => writeln!(out, "= input {question} {answer:?}").unwrap(),
        Received::List(list) => writeln!(out, "? list {:?}", list.meta).unwrap(),
        Received::Listen(listen) => writeln!(out, "? listen {listen:?}").unwrap(),
        Received::Unwatch(uri, reply) => writeln!(out, "= unwatch {uri} {reply}").unwrap(),
        Received::Reply(line) => {
            let is_ping = line.ends_with(r#""result":{}}"#);
            if !is_ping {
                shapes::check(&line, revision);
            }
            writeln!(out, "← {line}").unwrap();
        }
        Received::Call(call) => {
            let arguments = call.arguments.as_ref().map(|raw| raw.get());
            writeln!(
                out,
                "= call {:?} {} {:?} {arguments:?} {:?} {:?}",
                call.id, call.name, call.revision, call.meta, call.progress_token
            )
            .unwrap();
            if call.retry.is_some() || call.name == "asked" {
                writeln!(out, "= by {:?}, {:?}, {:?}", call.client, call.asking, call.retry).unwrap();
            }
            if call.name == "asked" {
                ask(connection, &call, revision, out);
            } else if call.name != "held" {
                assert!(connection.finish(&call.id));
                let reply = ToolReply { text: "ok".to_owned(), structured: Some(serde_json::json!([1])), ..ToolReply::default() };
                let line = connection.reply_result(call.revision, &call.id, &reply);
                shapes::check(&line, revision);
                writeln!(out, "← {line}").unwrap();
            }
        }
    }
}

/// Asks about a call in the way of its revision. A request leaves it open.
fn ask(connection: &mut Connection, call: &CallRequest, revision: Revision, out: &mut String) {
    let line = match call.asking {
        Asking::InResult => {
            assert!(connection.finish(&call.id));
            connection.reply_question(&call.id, "May it be\ndone\u{2028}?", "alq1.state")
        }
        Asking::ByRequest => match connection.reserve(&call.id) {
            Some(number) => connection.question(number, "May it be\ndone\u{2028}?").unwrap(),
            None => return writeln!(out, "· not asked").unwrap(),
        },
        Asking::NoSuchRevision | Asking::NotDeclared => {
            assert_eq!(connection.reserve(&call.id), None);
            return writeln!(out, "· not asked").unwrap();
        }
    };
    shapes::check(&line, revision);
    writeln!(out, "← {line}").unwrap();
}

fn show(line: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(line).chars().take(SHOWN).collect();
    let cut = if line.len() > text.len() { " …" } else { "" };
    format!("{}{cut}", text.replace('\r', "\\r").replace('\u{feff}', "<BOM>").replace(ENVELOPE, "ENVELOPE"))
}

#[test]
fn modern_session() {
    let call = |id: &str, rest: &str| modern(id, "tools/call", rest);
    let carried = format!(
        r#"{{"method":"tools/call","params":{{"_meta":{{{ENVELOPE},"dev.airlock/lease":"al1.secret","dev.airlock/session":"s","dev.airlock/intent":"plan","progressToken":"t","x/y":[1]}},"name":"weather_hourly","arguments":{{ "city" : "Bonn", "n": 1.0 }}}},"jsonrpc":"2.0","id":"a"}}"#
    );
    insta::assert_snapshot!(play(
        &mut connection(),
        &[
            modern("\"d1\"", "server/discover", ""),
            modern("1", "tools/list", ""),
            carried,
            call("2", r#","name":"weather_hourly","unknown":1"#),
            call("3", r#","name":"held","arguments":{}"#),
            call("3", r#","name":"weather_hourly""#),
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":3,"reason":"r"}}"#.to_owned(),
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":3}}"#.to_owned(),
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99}}"#.to_owned(),
            initialize("2025-11-25"),
            plain("4", "tools/list", ""),
            plain("5", "ping", ""),
            modern("6", "ping", ""),
        ]
    ));
}

#[test]
fn modern_faults() {
    let envelope = |meta: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{{"_meta":{meta}}}}}"#);
    let version = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28""#;
    let mut lines = vec![
        envelope(&format!("{{{version}}}")),
        envelope(r#"{"io.modelcontextprotocol/clientCapabilities":{}}"#),
        envelope(r#"{"io.modelcontextprotocol/protocolVersion":"2099-01-01","io.modelcontextprotocol/clientCapabilities":{}}"#),
        envelope(r#"{"io.modelcontextprotocol/protocolVersion":"2025-11-25","io.modelcontextprotocol/clientCapabilities":{}}"#),
        envelope(r#"{"io.modelcontextprotocol/protocolVersion":7,"io.modelcontextprotocol/clientCapabilities":{}}"#),
        envelope(&format!(r#"{{{version},"io.modelcontextprotocol/clientCapabilities":null}}"#)),
        envelope(&format!(r#"{{{ENVELOPE},"io.modelcontextprotocol/clientInfo":{{"name":"c"}}}}"#)),
        envelope(&format!(r#"{{{ENVELOPE},"io.modelcontextprotocol/logLevel":"loud"}}"#)),
        envelope(&format!(r#"{{{ENVELOPE},"progressToken":1.5}}"#)),
        envelope("[]"),
        modern("2", "initialize", r#","protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}"#),
        modern("3", "tools/list", r#","cursor":"""#),
        modern("4", "tools/call", ""),
        modern("5", "tools/call", r#","name":"a b""#),
        modern("6", "tools/call", &format!(r#","name":"{}""#, "a".repeat(129))),
        modern("7", "tools/call", r#","name":"t","arguments":[]"#),
        modern("8", "tools/call", r#","name":"t","arguments":null"#),
        modern("10", "tools/call", r#","name":"t","inputResponses":{}"#),
        format!(
            r#"{{"jsonrpc":"2.0","id":11,"method":"tools/call","params":{{"name":"t","_meta":{{{ENVELOPE},"dev.airlock/lease":1}}}}}}"#
        ),
    ];
    for method in [
        "logging/setLevel",
        "resources/list",
        "prompts/list",
        "completion/complete",
        "subscriptions/listen",
        "tasks/get",
        "x\u{9b}",
    ] {
        lines.push(modern("12", method, ""));
    }
    let mut connection = connection();
    insta::assert_snapshot!(play(&mut connection, &lines));
    assert_eq!(connection.era(), Era::Undecided, "a refused request decides nothing");
}

#[test]
fn before_the_era_is_decided() {
    insta::assert_snapshot!(play(
        &mut connection(),
        &[
            plain("1", "ping", ""),
            plain("2", "tools/list", ""),
            plain("3", "tools/call", r#""name":"weather_hourly""#),
            plain("4", "server/discover", ""),
            plain("5", "initialize", ""),
            plain("6", "initialize", r#""protocolVersion":"2025-11-25""#),
            plain("7", "initialize", r#""protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{}"#),
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.to_owned(),
            modern("8", "server/discover", ""),
            initialize("2026-07-28"),
        ]
    ));
}

#[test]
fn legacy_sessions() {
    for revision in Revision::ALL.into_iter().filter(|revision| !revision.is_modern()) {
        let session = play(
            &mut connection(),
            &[
                initialize(revision.date()),
                r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.to_owned(),
                plain("\"p\"", "ping", ""),
                r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#.to_owned(),
                plain("2", "tools/list", r#""cursor":"x""#),
                plain("3", "tools/call", r#""name":"weather_hourly","arguments":{"city":"Bonn"},"task":{"ttl":1}"#),
                plain("4", "tools/call", r#""name":"held","_meta":{"progressToken":0,"dev.airlock/lease":"al1.secret"}"#),
                r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":4}}"#.to_owned(),
                modern("5", "tools/list", ""),
                modern("6", "server/discover", ""),
                plain("7", "server/discover", ""),
                plain("8", "logging/setLevel", r#""level":"debug""#),
                plain("9", "resources/list", ""),
                initialize(revision.date()),
                r#"{"jsonrpc":"2.0","id":10,"method":"tools/list","params":[]}"#.to_owned(),
                r#"{"jsonrpc":"2.0","id":11,"result":{}}"#.to_owned(),
            ],
        );
        insta::assert_snapshot!(format!("legacy_{}", revision.date()), session);
    }
}

#[test]
fn abused_wire() {
    let call = |arguments: &str| plain("7", "tools/call", &format!(r#""name":"t","arguments":{arguments}"#)).into_bytes();
    let list = |id: &str| plain(id, "tools/list", "").into_bytes();
    let mut lines: Vec<Vec<u8>> = vec![
        [&b"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":\""[..], &vec![b'x'; 10 << 20], b"\"}}"]
            .concat(),
        [&b"{\"params\":{\"name\":\""[..], &vec![b'x'; 10 << 20], b"\"},\"jsonrpc\":\"2.0\",\"id\":7}"].concat(),
        [&b"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"a\":\""[..], &vec![b'x'; 10 << 20], b"\"}}"].concat(),
        call(&format!("{}{}", "[".repeat(200_000), "]".repeat(200_000))),
        call(&"{\"a\":".repeat(200_000)),
        call(r#"{"a":1,"a":2}"#),
        call(r#"{"x":[{"a":1,"\u0061":2}]}"#),
        br#"{"jsonrpc":"2.0","id":7,"id":8,"method":"tools/list"}"#.to_vec(),
        br#"{"jsonrpc":"2.0","id":7,"\u0069d":8,"method":"tools/list"}"#.to_vec(),
        br#"{"jsonrpc":"2.0","method":"tools/call","params":{"a":1,"a":2}}"#.to_vec(),
        call(r#"{"a":"\ud800"}"#),
        call(r#"{"a":NaN}"#),
        call(r#"{"a":1e999}"#),
        call("{\"a\":\"\u{1}\"}"),
        br#"{"method":"tools/call","params":{"n":NaN},"jsonrpc":"2.0","id":7}"#.to_vec(),
        b"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"\xff\"}".to_vec(),
        b"\xff\xfe".to_vec(),
    ];
    lines.extend(["null", "1.5", "1.0", "true", "{}", "1152921504606846976", "9223372036854775808", "\"\"", "-0"].map(list));
    lines.extend(
        [
            r#"[{"jsonrpc":"2.0","id":7,"method":"tools/list"}]"#,
            "[]",
            "{}",
            "7",
            "",
            " \t\r",
            "\u{feff}{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}",
            "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}\r",
            "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}{}",
            "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\",\"params\":{\"a\":\"one\nline\"}}",
            r#"{"jsonrpc":"2.0","id":7,"method":"ping","lease":"al1.x"}"#,
            r#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#,
            r#"{"id":7,"method":"ping"}"#,
            r#"{"jsonrpc":"1.0","method":"notifications/cancelled"}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":["ping"]}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":"ping","result":{}}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":null}"#,
            r#"{"\u006asonrpc":"2.0","id":7,"method":"\u0070ing"}"#,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"m"}}"#,
            "Listening on port 8080",
        ]
        .map(|line| line.as_bytes().to_vec()),
    );
    let mut connection = legacy(Revision::R2025_06_18);
    insta::assert_snapshot!(play(&mut connection, &lines));
    assert_eq!(connection.open_calls(), 0);
}
