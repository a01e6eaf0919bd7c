//! Properties over arbitrary and damaged lines.

use super::{ENVELOPE, connection, initialize, legacy, modern, plain, shapes};
use crate::wire::{Connection, Id, Received, Revision};
use proptest::prelude::*;

/// Whatever comes out must be well-formed; a call must have been scanned.
fn check(connection: &mut Connection, line: &[u8], revision: Revision) -> Result<(), TestCaseError> {
    match connection.receive(line) {
        Received::Silence(_) | Received::Cancel(_) => {}
        Received::Answer(..) | Received::Input(..) => prop_assert!(false, "nothing was asked"),
        Received::List(list) => assert!(connection.finish(&list.id)),
        Received::Listen(listen) => assert!(connection.finish(&listen.id)),
        Received::Unwatch(_, reply) => shapes::check(&reply, revision),
        Received::Reply(reply) if reply.ends_with(r#""result":{}}"#) => {}
        Received::Reply(reply) => shapes::check(&reply, revision),
        Received::Call(call) => {
            prop_assert!(call.arguments.as_ref().is_none_or(|raw| crate::wire::scan::scan(raw.get().as_bytes()).is_ok()));
            prop_assert!(connection.finish(&call.id));
        }
    }
    Ok(())
}

fn seeds() -> Vec<String> {
    let carried = format!(
        r#""_meta":{{{ENVELOPE},"dev.airlock/lease":"l","progressToken":3}},"name":"t","arguments":{{"a":[1,"\u00e9"]}}"#
    );
    vec![
        modern("1", "server/discover", ""),
        modern("\"x\"", "tools/list", ""),
        plain("2", "tools/call", &carried),
        plain("3", "tools/call", r#""name":"weather_hourly","arguments":{"city":"Bonn"}"#),
        initialize("2025-06-18"),
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":5,"result":{"a":null}}"#.to_owned(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn any_bytes_have_an_outcome(line in proptest::collection::vec(any::<u8>(), 0..200)) {
        check(&mut connection(), &line, Revision::MODERN)?;
        check(&mut connection(), &line, Revision::MODERN)?;
        let _ = connection().too_long(&line);
    }

    #[test]
    fn damaged_messages_have_an_outcome(seed in prop::sample::select(seeds()), edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..3), 0..5)) {
        let mut line = seed.into_bytes();
        for (index, byte, kind) in edits {
            let at = index.index(line.len());
            match kind {
                0 => line[at] = byte,
                1 => line.insert(at, byte),
                _ => line.truncate(at.max(1)),
            }
        }
        let mut fresh = connection();
        check(&mut fresh, &line, match fresh_revision(&line) { Some(revision) => revision, None => Revision::MODERN })?;
        check(&mut legacy(Revision::R2025_06_18), &line, Revision::R2025_06_18)?;
        let _ = connection().too_long(&line);
    }

    #[test]
    fn ids_come_back_as_they_were(id in prop_oneof![any::<i64>().prop_map(Id::Int), ".{0,60}".prop_map(Id::Str)]) {
        let text = serde_json::to_string(&id).unwrap();
        let Received::Reply(reply) = connection().receive(plain(&text, "ping", "").as_bytes()) else { panic!("no reply") };
        let reply: serde_json::Value = serde_json::from_str(&reply).unwrap();
        prop_assert_eq!(&reply["id"], &serde_json::to_value(&id).unwrap());
    }
}

/// The revision that a damaged `initialize` settles on.
fn fresh_revision(line: &[u8]) -> Option<Revision> {
    let mut probe = connection();
    let _ = probe.receive(line);
    match probe.era() {
        crate::wire::mcp::Era::Legacy(revision) => Some(revision),
        crate::wire::mcp::Era::Undecided | crate::wire::mcp::Era::Modern => None,
    }
}

#[test]
fn a_cancelled_call_stays_open_until_it_is_finished_and_then_has_no_reply() {
    let mut connection = legacy(Revision::R2025_11_25);
    let call = plain("1", "tools/call", r#""name":"t""#);
    let Received::Call(_) = connection.receive(call.as_bytes()) else { panic!("no call") };
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    let Received::Cancel(id) = connection.receive(cancel.as_bytes()) else { panic!("no cancel") };
    assert_eq!((id.clone(), connection.open_calls()), (Id::Int(1), 1));
    let Received::Reply(reply) = connection.receive(call.as_bytes()) else { panic!("the id was free") };
    assert!(reply.contains("-32600"));
    assert!(!connection.finish(&id), "nothing may be sent after a cancellation");
    assert!(!connection.finish(&id), "a call is finished once");
    let Received::Call(_) = connection.receive(call.as_bytes()) else { panic!("the id was not free") };
    assert!(connection.finish(&id));
}

#[test]
fn a_lease_is_not_in_debug_output() {
    let mut connection = legacy(Revision::R2025_11_25);
    let call = plain(
        "1",
        "tools/call",
        r#""name":"t","arguments":{"_capability":"al1.secret"},"_meta":{"dev.airlock/lease":"al1.secret"}"#,
    );
    let Received::Call(call) = connection.receive(call.as_bytes()) else { panic!("no call") };
    assert_eq!(call.meta.lease.as_deref(), Some("al1.secret"));
    assert!(!format!("{call:?}").contains("secret"));
}
