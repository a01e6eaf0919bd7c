//! Whole sessions with a connection: transcripts per era, questions to the user, shapes of everything that is sent, hostile lines.

mod era;
mod hostile;
mod offers;
mod questions;
mod shapes;
mod transcripts;

use super::{Annotations, Connection, Received, Revision, ServerInfo, ToolListing};
use serde_json::json;

/// The required envelope of revision 2026-07-28.
const ENVELOPE: &str =
    r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}"#;

fn connection() -> Connection {
    let server = ServerInfo {
        name: "weather".to_owned(),
        version: "0.1.0".to_owned(),
        instructions: Some("Ask for a lease first.".to_owned()),
    };
    let read = ToolListing {
        name: "weather_hourly".to_owned(),
        title: Some("Hourly weather".to_owned()),
        description: "Forecast\u{2028}for a city".to_owned(),
        input_schema: json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": false}),
        annotations: Some(Annotations { read_only: true, destructive: false, idempotent: true, open_world: true }),
    };
    let plain = ToolListing {
        name: "airlock_audit_tail".to_owned(),
        title: None,
        description: "Newest ledger lines".to_owned(),
        input_schema: json!({"type": "object"}),
        annotations: None,
    };
    Connection::new(server, vec![read.into(), plain.into()])
}

fn legacy(revision: Revision) -> Connection {
    let mut connection = connection();
    let line = initialize(revision.date());
    let Received::Reply(_) = connection.receive(line.as_bytes()) else { panic!("initialize was not answered") };
    connection
}

fn initialize(date: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{{"protocolVersion":"{date}","capabilities":{{}},"clientInfo":{{"name":"c","version":"1"}}}}}}"#
    )
}

/// A modern request; `params` are further members, each with its comma in front.
fn modern(id: &str, method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{"_meta":{{{ENVELOPE}}}{params}}}}}"#)
}

fn plain(id: &str, method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{params}}}}}"#)
}
