//! The table "Era" of `docs/wire.md`, row by row.

use super::{connection, initialize, legacy, modern, plain};
use crate::wire::mcp::Era;
use crate::wire::{Connection, Received, Revision};

const OTHER_VERSION: &str =
    r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2025-11-25","io.modelcontextprotocol/clientCapabilities":{}}"#;
const HALF_ENVELOPE: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#;
const LEGACY: Revision = Revision::R2025_03_26;

fn modern_connection() -> Connection {
    let mut connection = connection();
    let Received::Reply(_) = connection.receive(modern("1", "tools/list", "").as_bytes()) else { panic!("no list") };
    connection
}

/// `ok`, `call` or the code of the error, and the era afterwards.
fn outcome(mut connection: Connection, line: &str) -> (String, Era) {
    let what = match connection.receive(line.as_bytes()) {
        Received::Reply(reply) => {
            let reply: serde_json::Value = serde_json::from_str(&reply).unwrap();
            reply["error"]["code"].as_i64().map_or("ok".to_owned(), |code| code.to_string())
        }
        Received::Call(_) => "call".to_owned(),
        Received::List(_) => "list".to_owned(),
        Received::Listen(_) | Received::Unwatch(..) => "changes".to_owned(),
        other @ (Received::Silence(_) | Received::Cancel(_) | Received::Answer(..) | Received::Input(..)) => format!("{other:?}"),
    };
    (what, connection.era())
}

#[test]
fn every_row_of_the_table() {
    let name = r#","name":"t""#;
    let rows = [
        (plain("1", "tools/call", HALF_ENVELOPE), ["-32602", "-32602", "-32600"]),
        (plain("1", "tools/call", OTHER_VERSION), ["-32022", "-32022", "-32600"]),
        (plain("1", "server/discover", OTHER_VERSION), ["-32022", "-32022", "-32600"]),
        (modern("1", "server/discover", ""), ["ok", "ok", "-32600"]),
        (modern("1", "tools/list", ""), ["ok", "ok", "-32600"]),
        (modern("1", "tools/call", name), ["call", "call", "-32600"]),
        (modern("1", "tools/call", ""), ["-32602", "-32602", "-32600"]),
        (modern("1", "initialize", ""), ["-32601", "-32601", "-32600"]),
        (modern("1", "ping", ""), ["-32601", "-32601", "-32600"]),
        (modern("1", "prompts/list", ""), ["-32601", "-32601", "-32600"]),
        (initialize(LEGACY.date()), ["ok", "-32022", "-32600"]),
        (plain("1", "initialize", ""), ["-32602", "-32022", "-32600"]),
        (plain("1", "ping", ""), ["ok", "-32602", "ok"]),
        (plain("1", "tools/list", ""), ["-32602", "-32602", "ok"]),
        (plain("1", "tools/call", &name[1..]), ["-32602", "-32602", "call"]),
        (plain("1", "server/discover", ""), ["-32602", "-32602", "-32601"]),
        (plain("1", "prompts/list", ""), ["-32602", "-32602", "-32601"]),
    ];
    for (line, [undecided, modern, old]) in rows {
        let (what, era) = outcome(connection(), &line);
        assert_eq!(what, undecided, "undecided: {line}");
        let decides = match (line.contains("initialize"), line.contains("tools/"), what.starts_with('-')) {
            (true, _, false) => Era::Legacy(LEGACY),
            (false, true, false) => Era::Modern,
            (_, _, true) | (false, false, false) => Era::Undecided,
        };
        assert_eq!(era, decides, "{line}");
        assert_eq!(outcome(modern_connection(), &line), (modern.to_owned(), Era::Modern), "modern: {line}");
        assert_eq!(outcome(legacy(LEGACY), &line), (old.to_owned(), Era::Legacy(LEGACY)), "legacy: {line}");
    }
}
