//! What a client sends: splitter, scan and connection in every era.
//!
//! The first byte chooses the era and how the stream is cut into chunks; the rest is the stream.

use airlock_runtime::wire::scan::scan;
use airlock_runtime::wire::{Connection, Frame, Lines, Received, Revision, ServerInfo, ToolReply};
use serde_json::Value;

/// Feeds one input.
pub fn run(input: &[u8]) {
    let Some((choice, stream)) = input.split_first() else { return };
    let server = ServerInfo { name: "fuzz".to_owned(), version: "0".to_owned(), instructions: None };
    let mut connection = Connection::new(server, Vec::new());
    open(&mut connection, usize::from(choice % 8));
    let mut lines = Lines::with_max(4096);
    for mut chunk in stream.chunks(usize::from(choice / 8) + 1) {
        while let Some(frame) = lines.feed(&mut chunk) {
            let received = match frame {
                Frame::Line(line) => {
                    compare_readers(&line);
                    connection.receive(&line)
                }
                Frame::TooLong { head, .. } => connection.too_long(&head),
            };
            check(&mut connection, received);
        }
    }
}

fn open(connection: &mut Connection, era: usize) {
    let Some(revision) = Revision::ALL.get(era).filter(|revision| !revision.is_modern()) else { return };
    let line = format!(
        r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{{"protocolVersion":"{}","capabilities":{{}},"clientInfo":{{"name":"c","version":"1"}}}}}}"#,
        revision.date()
    );
    assert!(matches!(connection.receive(line.as_bytes()), Received::Reply(_)));
}

/// Whatever the scan lets through, the ordinary reader must read, and writing it again must pass too.
fn compare_readers(line: &[u8]) {
    if let Ok(text) = scan(line) {
        let value: Value = serde_json::from_str(text.text()).expect("scanned text is JSON");
        assert!(scan(value.to_string().as_bytes()).is_ok());
    }
}

fn check(connection: &mut Connection, received: Received) {
    match received {
        Received::Silence(_) | Received::Cancel(_) | Received::Answer(..) | Received::Input(..) => {}
        Received::List(list) => assert!(connection.finish(&list.id), "a list is open until it is answered"),
        Received::Listen(listen) => assert!(connection.finish(&listen.id), "a listen is open until it ends"),
        Received::Unwatch(_, line) => check_line(&line),
        Received::Reply(line) => check_line(&line),
        Received::Call(call) => {
            let text = call.arguments.map(|raw| raw.get().to_owned()).unwrap_or_default();
            let reply = ToolReply { text, structured: Some(Value::Null), ..ToolReply::default() };
            check_line(&connection.reply_result(call.revision, &call.id, &reply));
            // Odd lengths stay open, so that repeated ids and cancellations are reached.
            if reply.text.len().is_multiple_of(2) {
                assert!(connection.finish(&call.id));
            }
        }
    }
}

fn check_line(line: &str) {
    assert!(!line.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')));
    let message: Value = serde_json::from_str(line).expect("a reply is JSON");
    assert!(message["id"].is_i64() || message["id"].is_string());
    assert!(message["result"].is_object() != message["error"].is_object());
}
