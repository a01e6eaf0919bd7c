//! Revisions with `initialize`: the question is a request of ours while the call stays open.

use super::*;
use crate::wire::ask::OPEN_QUESTIONS_MAX;

pub(super) fn hello(date: &str, capabilities: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{{"protocolVersion":"{date}","capabilities":{capabilities},"clientInfo":{{"name":"tester","version":"1"}}}}}}"#
    )
}

pub(super) fn call(id: usize, tool: &str, args: &str, lease: &str, sid: &str) -> String {
    let carried = carried(lease, sid);
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}","arguments":{args},"_meta":{{{carried}}}}}}}"#
    )
}

fn asking(id: usize, lease: &str) -> String {
    call(id, "airlock_audit_tail", "{}", lease, "s1")
}

fn answer(question: &Value, result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, question["id"])
}

pub(super) fn yes(question: &Value) -> String {
    answer(question, r#"{"action":"accept","content":{"approve":true}}"#)
}

/// A session of a client that can be asked.
async fn asked_session(policy: &'static Policy, part: impl AsyncFnOnce(&mut Client, &str)) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway(policy, dir.path(), 7);
    let lease = lease_of("s1", 100, 500);
    session(&gateway, async |client| {
        client.ask(hello("2025-11-25", FORMS)).await;
        part(client, &lease).await;
    })
    .await;
    assert_eq!(gateway.connection.borrow().open_calls(), 0);
    drop(gateway);
    told(dir.path())
}

#[tokio::test]
async fn a_yes_allows_the_call_that_waits() {
    let told = asked_session(&POLICY, async |client, lease| {
        let question = client.ask(asking(1, lease)).await;
        assert_eq!(question["method"], "elicitation/create");
        assert!(question["params"]["message"].as_str().unwrap().contains("agent:a"), "{question}");
        let reply = client.ask(yes(&question)).await;
        assert_eq!((&reply["id"], short(&reply).as_str()), (&json!(1), "ok"));
        client.say(yes(&question)).await;
        let next = client.ask(asking(2, lease)).await;
        assert_ne!(next["id"], question["id"], "a second yes answers nothing");
        client.ask(answer(&next, r#"{"action":"decline"}"#)).await;
    })
    .await;
    assert_eq!(told, ["asked", "accepted", "allow ok approval", "outcome", "asked", "declined", "deny approval_refused"]);
}

#[tokio::test]
async fn whatever_is_no_yes_refuses() {
    for (reply, expected, verdict) in [
        (r#""result":{"action":"decline"}"#, "approval_refused", "declined"),
        (r#""result":{"action":"cancel"}"#, "approval_refused", "cancelled"),
        (r#""result":{"action":"accept","content":{}}"#, "approval_refused", "declined"),
        (r#""result":{}"#, "approval_unavailable", "failed"),
        (r#""error":{"code":-32601,"message":"no"}"#, "approval_unavailable", "failed"),
    ] {
        let told = asked_session(&POLICY, async |client, lease| {
            let question = client.ask(asking(1, lease)).await;
            let told = client.ask(format!(r#"{{"jsonrpc":"2.0","id":{},{reply}}}"#, question["id"])).await;
            assert_eq!(short(&told), expected, "{reply}");
        })
        .await;
        assert_eq!(told[1], verdict, "{reply}");
    }
}

#[tokio::test]
async fn without_an_answer_the_question_is_withdrawn_and_the_call_refused() {
    let told = asked_session(&HASTY, async |client, lease| {
        let question = client.ask(asking(1, lease)).await;
        let closing = client.hear().await;
        assert_eq!((&closing["method"], &closing["params"]["requestId"]), (&json!("notifications/cancelled"), &question["id"]));
        assert_eq!(short(&client.hear().await), "approval_timeout");
    })
    .await;
    assert_eq!(told, ["asked", "timeout", "deny approval_timeout"]);
}

#[tokio::test]
async fn a_cancelled_call_takes_its_question_back_and_is_not_answered() {
    let told = asked_session(&POLICY, async |client, lease| {
        let question = client.ask(asking(1, lease)).await;
        let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
        assert_eq!(client.ask(cancel.to_owned()).await["params"]["requestId"], question["id"]);
        client.say(yes(&question)).await;
        assert_eq!(
            client.ask(r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#.to_owned()).await["id"],
            2,
            "nothing came for the call"
        );
    })
    .await;
    assert_eq!(told, ["asked", "withdrawn", "deny approval_withdrawn"]);
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_questions() {
    let told = asked_session(&POLICY, async |client, lease| {
        for id in 1..=3 {
            client.ask(asking(id, lease)).await;
        }
        client.leave();
        let mut replies = Vec::new();
        for _ in 0..6 {
            let line = client.hear().await;
            if line["method"].is_null() {
                replies.push(short(&line));
            }
        }
        assert_eq!(replies, ["approval_withdrawn"; 3]);
    })
    .await;
    assert_eq!(told.iter().filter(|word| *word == "withdrawn").count(), 3, "{told:?}");
}

#[tokio::test]
async fn other_calls_go_on_while_users_are_asked_and_no_more_are_asked_than_can_wait() {
    let told = asked_session(&POLICY, async |client, lease| {
        let mut questions = Vec::new();
        for id in 1..=OPEN_QUESTIONS_MAX {
            // Each of another session: what one session may ask is bounded too.
            let sid = format!("s{id}");
            questions.push(client.ask(call(id, "airlock_audit_tail", "{}", &lease_of(&sid, 9, 500), &sid)).await);
        }
        let free = client.ask(call(100, "airlock_exposure_report", "{}", lease, "s1")).await;
        assert_eq!((&free["id"], short(&free).as_str()), (&json!(100), "ok"));
        let more = client.ask(call(101, "airlock_audit_tail", "{}", &lease_of("more", 9, 500), "more")).await;
        assert_eq!(short(&more), "too_many_questions");
        // A refused request gives its number back: the next call can be asked about once there is room.
        let spent = lease_of("spent", 1, 500);
        assert_eq!(short(&client.ask(call(102, "airlock_exposure_report", "{}", &spent, "spent")).await), "ok");
        assert_eq!(short(&client.ask(yes(&questions.remove(0))).await), "ok");
        assert_eq!(short(&client.ask(call(103, "airlock_audit_tail", "{}", &spent, "spent")).await), "uses_exhausted");
        questions.push(client.ask(call(104, "airlock_audit_tail", "{}", &lease_of("more", 9, 500), "more")).await);
        assert_eq!(questions[OPEN_QUESTIONS_MAX - 1]["method"], "elicitation/create");
        for question in questions.iter().rev() {
            assert_eq!(short(&client.ask(yes(question)).await), "ok");
        }
    })
    .await;
    assert_eq!(told.iter().filter(|word| *word == "allow ok approval").count(), OPEN_QUESTIONS_MAX + 1);
    assert_eq!(
        told.iter().filter(|word| *word == "asked").count(),
        OPEN_QUESTIONS_MAX + 1,
        "what does not leave is not recorded"
    );
}

/// The decision is made anew after the answer.
#[tokio::test]
async fn a_yes_does_not_prolong_the_lease() {
    let told = asked_session(&POLICY, async |client, _| {
        let short_lived = lease_of("s1", 9, 2);
        let question = client.ask(asking(1, &short_lived)).await;
        let exp = crate::lease::inspect::inspect(&short_lived).unwrap().root.exp;
        while crate::clock::Micros::now().seconds() < exp {
            tokio::task::yield_now().await;
        }
        assert_eq!(short(&client.ask(yes(&question)).await), "lease_expired");
    })
    .await;
    assert_eq!(told, ["asked", "accepted", "deny lease_expired"]);
}

/// Nobody is asked about a call that cannot be made.
#[tokio::test]
async fn a_spent_lease_asks_nobody() {
    let told = asked_session(&POLICY, async |client, _| {
        let once = lease_of("s1", 1, 500);
        assert_eq!(short(&client.ask(call(1, "airlock_exposure_report", "{}", &once, "s1")).await), "ok");
        assert_eq!(short(&client.ask(asking(2, &once)).await), "uses_exhausted");
    })
    .await;
    assert_eq!(told, ["allow ok", "outcome", "deny uses_exhausted"]);
}

/// The budget is spent by another call while the user reads.
#[tokio::test]
async fn a_yes_does_not_renew_a_budget() {
    asked_session(&POLICY, async |client, _| {
        let once = lease_of("s1", 1, 500);
        let question = client.ask(asking(1, &once)).await;
        assert_eq!(short(&client.ask(call(2, "airlock_exposure_report", "{}", &once, "s1")).await), "ok");
        assert_eq!(short(&client.ask(yes(&question)).await), "uses_exhausted");
    })
    .await;
}

#[tokio::test]
async fn who_cannot_ask_is_told_so() {
    for (date, capabilities, detail) in [
        ("2024-11-05", FORMS, "elicitation_no_revision"),
        ("2025-03-26", FORMS, "elicitation_no_revision"),
        ("2025-06-18", "{}", "elicitation_not_declared"),
        ("2025-11-25", r#"{"elicitation":{"url":{}}}"#, "elicitation_not_declared"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let gateway = gateway(&POLICY, dir.path(), 7);
        session(&gateway, async |client| {
            client.ask(hello(date, capabilities)).await;
            let reply = client.ask(asking(1, &lease_of("s1", 9, 500))).await;
            let text = reply["result"]["content"][0]["text"].as_str().unwrap();
            assert!(text.contains("approval_unavailable") && text.contains("elicitation"), "{reply}");
        })
        .await;
        drop(gateway);
        assert_eq!(told(dir.path()), [format!("deny approval_unavailable {detail}")]);
    }
}
