//! Questions to the user as text: asked in each era, answered, withdrawn, and answered by those who were not asked.

use super::transcripts::play;
use super::{connection, plain};
use crate::wire::ask::OPEN_QUESTIONS_MAX;
use crate::wire::{Answer, Connection, Id, Received, Revision};
use proptest::prelude::*;

const YES: &str = r#"{"action":"accept","content":{"approve":true}}"#;

/// A connection of a client that has `capabilities`.
fn client(date: &str, capabilities: &str) -> (Connection, String) {
    let line = format!(
        r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{{"protocolVersion":"{date}","capabilities":{capabilities},"clientInfo":{{"name":"c","version":"1"}}}}}}"#
    );
    (connection(), line)
}

/// A connection with `count` questions open, about the calls 1 to `count`.
fn asked(count: usize) -> Connection {
    let (mut connection, hello) = client("2025-11-25", r#"{"elicitation":{}}"#);
    assert!(matches!(connection.receive(hello.as_bytes()), Received::Reply(_)));
    for n in 1..=count {
        let call = plain(&n.to_string(), "tools/call", r#""name":"asked""#);
        assert!(matches!(connection.receive(call.as_bytes()), Received::Call(_)));
        let number = connection.reserve(&Id::Int(i64::try_from(n).unwrap())).unwrap();
        assert!(connection.question(number, "May it?").is_some());
    }
    connection
}

fn call(id: u64) -> String {
    plain(&id.to_string(), "tools/call", r#""name":"asked","arguments":{"a":1}"#)
}

fn answer(id: &str, result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":"{id}","result":{result}}}"#)
}

/// A call of revision 2026-07-28 with these client capabilities and further members.
fn modern(id: u64, capabilities: &str, rest: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"asked","_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{capabilities},"io.modelcontextprotocol/clientInfo":{{"name":"c","version":"1"}}}}{rest}}}}}"#
    )
}

#[test]
fn questions_of_connections_with_initialize() {
    for revision in Revision::ALL.into_iter().filter(|revision| !revision.is_modern()) {
        let (mut connection, hello) = client(revision.date(), r#"{"elicitation":{"form":{}}}"#);
        let cancel = |id: u64| format!(r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id}}}}}"#);
        let session = play(
            &mut connection,
            &[
                hello,
                call(1),
                answer("approve-1", YES),
                answer("approve-1", YES),
                answer("approve-2", YES),
                call(2),
                r#"{"jsonrpc":"2.0","id":"approve-2","error":{"code":-32601,"message":"no"}}"#.to_owned(),
                call(3),
                cancel(3),
                answer("approve-3", YES),
                call(4),
                answer("approve-4", r#"{"action":"decline"}"#),
                call(5),
                r#"{"jsonrpc":"2.0","id":"approve-5","result":{"action":"cancel"},"x":1}"#.to_owned(),
                r#"{"id":"approve-5","result":{"action":"cancel"}}"#.to_owned(),
                r#"{"jsonrpc":"2.0","id":5,"result":{"action":"cancel"}}"#.to_owned(),
                r#"{"jsonrpc":"2.0","id":"approve-5","result":{"action":"cancel"},"error":{}}"#.to_owned(),
                r#"{"jsonrpc":"2.0","id":"approve-05","result":{"action":"cancel"}}"#.to_owned(),
                r#"{"jsonrpc":"2.0","id":"approve-5","result":{"action":"cancel","action":"accept"}}"#.to_owned(),
                r#"{"jsonrpc":"2.0","id":"approve-5","result":{"action":"cancel"}}"#.to_owned(),
                plain("6", "tools/call", r#""name":"asked","requestState":"s","inputResponses":{}"#),
            ],
        );
        insta::assert_snapshot!(format!("questions_{}", revision.date()), session);
        assert_eq!(connection.open_calls(), 5);
    }
}

#[test]
fn questions_in_results() {
    let able = r#"{"elicitation":{}}"#;
    let retry =
        |id, state: &str, responses: &str| modern(id, able, &format!(r#","requestState":{state},"inputResponses":{responses}"#));
    let session = play(
        &mut connection(),
        &[
            modern(1, able, ""),
            modern(2, "{}", ""),
            modern(3, r#"{"elicitation":{"url":{}}}"#, ""),
            retry(4, r#""alq1.s""#, &format!(r#"{{"approve":{YES}}}"#)),
            retry(5, r#""alq1.s""#, r#"{"approve":{"action":"decline"},"other":{"action":"accept","content":{"approve":true}}}"#),
            retry(6, r#""alq1.s""#, r#"{"Approve":{"action":"accept","content":{"approve":true}}}"#),
            modern(7, able, r#","requestState":"alq1.s""#),
            retry(8, r#""""#, r#"{"approve":7}"#),
            retry(9, "7", "{}"),
            retry(10, r#""s""#, "[]"),
            modern(11, able, r#","inputResponses":{"approve":{"action":"accept","content":{"approve":true}}}"#),
            answer("approve-1", YES),
        ],
    );
    insta::assert_snapshot!(session);
}

#[test]
fn so_many_questions_are_open_and_no_more() {
    let mut connection = asked(OPEN_QUESTIONS_MAX);
    let more = i64::try_from(OPEN_QUESTIONS_MAX + 1).unwrap();
    let Received::Call(_) = connection.receive(call(more.unsigned_abs()).as_bytes()) else { panic!("no call") };
    assert_eq!(connection.reserve(&Id::Int(more)), None);
    assert!(matches!(connection.receive(answer("approve-3", YES).as_bytes()), Received::Answer(3, Answer::Accepted)));
    let number = connection.reserve(&Id::Int(more)).unwrap();
    assert_eq!(connection.reserve(&Id::Int(more)), None, "one question for each call");
    assert_eq!(number, more.unsigned_abs(), "a number is not used twice");
}

/// Between its number and its leaving a question has no answer, and an answer makes no room for one more.
#[test]
fn what_has_not_left_is_not_answered() {
    let mut connection = asked(OPEN_QUESTIONS_MAX - 1);
    let (last, more) = (OPEN_QUESTIONS_MAX as u64, OPEN_QUESTIONS_MAX as i64 + 1);
    for id in [last, last + 1] {
        let Received::Call(_) = connection.receive(call(id).as_bytes()) else { panic!("no call") };
    }
    let number = connection.reserve(&Id::Int(more - 1)).unwrap();
    let early = answer(&format!("approve-{number}"), YES);
    assert!(matches!(connection.receive(early.as_bytes()), Received::Silence(_)));
    assert_eq!(connection.reserve(&Id::Int(more)), None);
    assert_eq!(connection.withdraw(number, "x"), None, "nothing is taken back of what nobody saw");
    let number = connection.reserve(&Id::Int(more)).unwrap();
    let cancel = format!(r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{more}}}}}"#);
    assert!(matches!(connection.receive(cancel.as_bytes()), Received::Cancel(_)));
    assert_eq!(connection.question(number, "May it?"), None, "nobody is asked about a cancelled call");
}

#[test]
fn a_finished_call_leaves_no_question_behind() {
    let mut connection = asked(1);
    assert!(connection.finish(&Id::Int(1)));
    assert!(matches!(connection.receive(answer("approve-1", YES).as_bytes()), Received::Silence(_)));
    assert_eq!(connection.reserve(&Id::Int(1)), None, "the call is not open");
    assert_eq!((connection.withdraw(1, "x"), connection.dropped().responses), (None, 1));
}

/// Guesses by the thousand find the one open question only under its own id, and leave nothing behind.
#[test]
fn a_storm_of_responses_is_dropped() {
    let mut connection = asked(1);
    for n in 0..20_000u64 {
        for id in [format!("approve-{}", n + 2), format!("approve-{:02}", n), n.to_string()] {
            assert!(matches!(connection.receive(answer(&id, YES).as_bytes()), Received::Silence(_)), "{id}");
        }
        let by_number = format!(r#"{{"jsonrpc":"2.0","id":{n},"result":{YES}}}"#);
        assert!(matches!(connection.receive(by_number.as_bytes()), Received::Silence(_)));
    }
    assert_eq!(connection.dropped().responses, 80_000);
    assert!(matches!(connection.receive(answer("approve-1", YES).as_bytes()), Received::Answer(1, Answer::Accepted)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever happens to an answer on its way, it approves only if any other JSON reader would say that it does.
    #[test]
    fn a_damaged_answer_approves_only_what_it_says(edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..4), 0..4)) {
        let mut line = answer("approve-1", YES).into_bytes();
        for (index, byte, kind) in edits {
            let at = index.index(line.len());
            match kind {
                0 => line[at] = byte,
                1 => line.insert(at, byte),
                2 => line[at] ^= 1 << (byte % 8),
                _ => line.truncate(at.max(1)),
            }
        }
        if let Received::Answer(number, Answer::Accepted) = asked(1).receive(&line) {
            let message: serde_json::Value = serde_json::from_slice(&line).unwrap();
            prop_assert_eq!((number, &message["id"]), (1, &serde_json::json!("approve-1")));
            prop_assert_eq!(&message["result"]["action"], "accept");
            prop_assert_eq!(&message["result"]["content"]["approve"], true);
        }
    }
}
