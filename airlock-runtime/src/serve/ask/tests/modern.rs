//! Revision 2026-07-28: the question is a result, the answer comes with the call made anew.

use super::*;
use crate::lease::{Caveat, attenuate};

const YES: &str = r#"{"action":"accept","content":{"approve":true}}"#;

/// What a call is made of; tests change one thing.
#[derive(Clone)]
struct Made {
    tool: &'static str,
    args: String,
    lease: String,
    sid: &'static str,
    capabilities: &'static str,
    rest: String,
}

impl Made {
    fn new() -> Self {
        let (tool, sid) = ("airlock_audit_tail", "s1");
        Self {
            tool,
            args: r#"{"limit":3}"#.into(),
            lease: lease_of(sid, 100, 500),
            sid,
            capabilities: FORMS,
            rest: String::new(),
        }
    }

    fn with(&self, state: &str, answers: &str) -> Self {
        Self { rest: format!(r#","requestState":"{state}","inputResponses":{answers}"#), ..self.clone() }
    }

    fn answered(&self, state: &str, answer: &str) -> Self {
        self.with(state, &format!(r#"{{"approve":{answer}}}"#))
    }

    fn line(&self) -> String {
        let Self { tool, args, lease, sid, capabilities, rest } = self;
        let carried = carried(lease, sid);
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{args},"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{capabilities},"io.modelcontextprotocol/clientInfo":{{"name":"tester","version":"1"}},{carried}}}{rest}}}}}"#
        )
    }
}

/// The state of a question.
async fn state_of(client: &mut Client, made: &Made) -> String {
    let reply = client.ask(made.line()).await;
    assert_eq!(short(&reply), "?", "{reply}");
    reply["result"]["requestState"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_yes_allows_exactly_one_call() {
    let dir = tempfile::tempdir().unwrap();
    let (gateway, made) = (gateway(&POLICY, dir.path(), 7), Made::new());
    session(&gateway, async |client| {
        let reply = client.ask(made.line()).await;
        let question = &reply["result"]["inputRequests"]["approve"];
        assert!(question["params"]["message"].as_str().unwrap().contains("\n    tool:      airlock_audit_tail\n"), "{reply}");
        let state = reply["result"]["requestState"].as_str().unwrap().to_owned();
        assert_eq!(short(&client.ask(made.answered(&state, YES).line()).await), "ok");
        assert_eq!(
            short(&client.ask(made.answered(&state, YES).line()).await),
            "-32602 approval_invalid",
            "an answer counts once"
        );
    })
    .await;
    drop(gateway);
    assert_eq!(
        told(dir.path()),
        ["asked", "accepted", "allow ok approval", "outcome", "deny approval_invalid approval_answered"]
    );
    let entries = entries(dir.path());
    let (asked, accepted, allow) = (&entries[1], &entries[2], &entries[3]);
    assert!(asked["question"].is_string() && asked["ac"].is_string() && asked["exp"].is_u64(), "{asked}");
    for later in [accepted, allow] {
        assert_eq!(later["question"], asked["question"]);
    }
    for entry in [asked, accepted] {
        let who = [&entry["sub"], &entry["client"], &entry["sid"], &entry["tool"], &entry["how"]];
        assert_eq!(who, ["agent:a", "tester", "s1", "airlock_audit_tail", "elicitation"]);
        assert_eq!(entry["rid"], allow["rid"][0]);
    }
    assert_ne!(asked["call"], accepted["call"], "the call was made anew");
    assert_eq!(accepted["call"], allow["call"]);
}

#[tokio::test]
async fn whatever_is_no_yes_refuses() {
    for (answer, expected, verdict) in [
        (r#"{"action":"decline"}"#, "approval_refused", "declined"),
        (r#"{"action":"accept","content":{"approve":false}}"#, "approval_refused", "declined"),
        (r#"{"action":"accept","content":{}}"#, "approval_refused", "declined"),
        (r#"{"action":"cancel"}"#, "approval_refused", "cancelled"),
        (r#"{"action":"yes"}"#, "approval_unavailable", "failed"),
        ("7", "approval_unavailable", "failed"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (gateway, made) = (gateway(&POLICY, dir.path(), 7), Made::new());
        session(&gateway, async |client| {
            let state = state_of(client, &made).await;
            assert_eq!(short(&client.ask(made.answered(&state, answer).line()).await), expected, "{answer}");
            let again = client.ask(made.answered(&state, YES).line()).await;
            assert_eq!(short(&again), "-32602 approval_invalid", "no second thoughts after {answer}");
        })
        .await;
        drop(gateway);
        let told = told(dir.path());
        assert_eq!((told[1].as_str(), told.len()), (verdict, 4), "{told:?}");
        assert!(told[2].starts_with(&format!("deny {expected}")), "{told:?}");
    }
}

/// Some SDKs accept a state that comes back with other arguments.
#[tokio::test]
async fn an_answer_is_for_the_call_that_was_asked_about() {
    let dir = tempfile::tempdir().unwrap();
    let (gateway, made) = (gateway(&POLICY, dir.path(), 7), Made::new());
    let narrowed = attenuate(&made.lease, &Caveat { uses: Some(5), ..Caveat::default() }).unwrap();
    let others = [
        Made { args: r#"{"limit":4}"#.into(), ..made.clone() },
        Made { args: "{}".into(), ..made.clone() },
        Made { tool: "airlock_usage_stats", args: "{}".into(), ..made.clone() },
        Made { lease: lease_of("s1", 100, 500), ..made.clone() },
        Made { lease: narrowed, ..made.clone() },
        Made { lease: lease_of("s2", 100, 500), sid: "s2", ..made.clone() },
        // It needs no yes, and the answer is judged all the same.
        Made { tool: "airlock_exposure_report", args: "{}".into(), ..made.clone() },
    ];
    session(&gateway, async |client| {
        let state = state_of(client, &made).await;
        for other in others {
            assert_eq!(
                short(&client.ask(other.answered(&state, YES).line()).await),
                "-32602 approval_invalid",
                "{}",
                other.line()
            );
        }
        let spaced = Made { args: r#"{ "limit" : 3.0 }"#.replace(".0", ""), ..made.clone() };
        assert_eq!(
            short(&client.ask(spaced.answered(&state, YES).line()).await),
            "ok",
            "spelling does not matter, and nothing was used up"
        );
    })
    .await;
    drop(gateway);
    let told = told(dir.path());
    assert_eq!(told.iter().filter(|word| *word == "deny approval_invalid state_mac").count(), 7, "{told:?}");
}

#[tokio::test]
async fn forged_states_are_refused() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (here, made) = (gateway(&POLICY, dir.path(), 7), Made::new());
    let mut foreign = String::new();
    let there = gateway(&POLICY, elsewhere.path(), 7);
    session(&there, async |client| foreign = state_of(client, &made).await).await;
    session(&here, async |client| {
        let state = state_of(client, &made).await;
        let flipped = state.replace(&state[state.len() - 20..], &state[state.len() - 20..].chars().rev().collect::<String>());
        let truncated = &state[..state.len() - 1];
        for forged in [foreign.as_str(), &flipped, truncated, "", "alq1.k1.AAAA", &"A".repeat(4000)] {
            assert_eq!(short(&client.ask(made.answered(forged, YES).line()).await), "-32602 approval_invalid", "{forged}");
        }
    })
    .await;
    drop(here);
    let told = told(dir.path());
    assert_eq!(told[1], "deny approval_invalid state_mac", "the same key and another ledger");
    assert!(told[3..].iter().all(|word| word == "deny approval_invalid state_form"), "{told:?}");
}

#[tokio::test]
async fn a_gateway_with_another_key_does_not_know_the_question() {
    let dir = tempfile::tempdir().unwrap();
    let made = Made::new();
    let mut state = String::new();
    let first = gateway(&POLICY, dir.path(), 7);
    session(&first, async |client| state = state_of(client, &made).await).await;
    let world = World {
        policy: &POLICY,
        // The lease is verified with k1; the state says k1 too, and was sealed with another key of that name.
        keys: KeyRing::new(vec![key(7)]).unwrap(),
        ambient: Default::default(),
        ledger: Ledger::open_for(dir.path(), &POLICY).unwrap(),
        ledger_dir: dir.path().to_owned(),
        judge: None,
        errands: Default::default(),
        #[cfg(feature = "upstream")]
        upstreams: Default::default(),
    };
    let second = Rc::new(Gateway::new(world));
    let sealed_by_another = {
        let other = gateway(&POLICY, dir.path(), 9);
        let ticket = crate::approve::seal::Ticket { id: [1; 16], exp: u64::MAX, flows: Default::default() };
        let bound = crate::approve::seal::Bound {
            gateway: "gw",
            policy: &POLICY.digest,
            log: other.world.ledger.key().as_bytes(),
            rid: &crate::lease::inspect::inspect(&made.lease).unwrap().rid,
            sid: "s1",
            tool: made.tool,
            request: &crate::lease::request_digest("gw", "s1", made.tool, &serde_json::from_str(&made.args).unwrap()).unwrap(),
        };
        // The same, sealed with the right key, is a state; but nobody asked that question.
        let right = crate::approve::seal::seal(crate::approve::seal::Kind::Approval, &key(7), &bound, ticket).unwrap();
        [crate::approve::seal::seal(crate::approve::seal::Kind::Approval, &key(9), &bound, ticket).unwrap(), right]
    };
    session(&second, async |client| {
        for forged in &sealed_by_another {
            assert_eq!(short(&client.ask(made.answered(forged, YES).line()).await), "-32602 approval_invalid");
        }
        assert_eq!(short(&client.ask(made.answered(&state, YES).line()).await), "ok", "a restart forgets no question");
    })
    .await;
    drop((first, second));
    assert_eq!(told(dir.path())[1..3], ["deny approval_invalid state_mac", "deny approval_invalid approval_answered"]);
}

/// Two processes with one ledger and the same answer: one call is made.
#[tokio::test]
async fn an_answer_counts_once_over_all_processes() {
    let dir = tempfile::tempdir().unwrap();
    let made = Made::new();
    let (one, two) = (gateway(&POLICY, dir.path(), 7), gateway(&POLICY, dir.path(), 7));
    for _ in 0..8 {
        let mut state = String::new();
        session(&one, async |client| state = state_of(client, &made).await).await;
        let retry = made.answered(&state, YES).line();
        let (mut first, mut second) = (String::new(), String::new());
        tokio::join!(
            session(&one, async |client| first = short(&client.ask(retry.clone()).await)),
            session(&two, async |client| second = short(&client.ask(retry.clone()).await)),
        );
        let mut both = [first, second];
        both.sort();
        assert_eq!(both, ["-32602 approval_invalid", "ok"]);
    }
}

#[tokio::test]
async fn a_missing_answer_asks_again_with_the_same_question() {
    let dir = tempfile::tempdir().unwrap();
    let (gateway, made) = (gateway(&POLICY, dir.path(), 7), Made::new());
    session(&gateway, async |client| {
        let state = state_of(client, &made).await;
        for answers in ["{}", r#"{"other":{"action":"accept","content":{"approve":true}}}"#] {
            assert_eq!(state_of(client, &made.with(&state, answers)).await, state);
        }
        assert_eq!(short(&client.ask(made.answered(&state, YES).line()).await), "ok");
    })
    .await;
    drop(gateway);
    assert_eq!(told(dir.path()), ["asked", "accepted", "allow ok approval", "outcome"]);
}

#[tokio::test]
async fn an_answer_after_its_time_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (gateway, made) = (gateway(&HASTY, dir.path(), 7), Made::new());
    session(&gateway, async |client| {
        let state = state_of(client, &made).await;
        assert_eq!(short(&client.ask(made.answered(&state, YES).line()).await), "approval_timeout");
        assert_eq!(short(&client.ask(made.answered(&state, r#"{"action":"decline"}"#).line()).await), "approval_timeout");
    })
    .await;
    drop(gateway);
    assert_eq!(told(dir.path()), ["asked", "deny approval_timeout", "deny approval_timeout"]);
}

#[tokio::test]
async fn who_cannot_ask_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway(&POLICY, dir.path(), 7);
    session(&gateway, async |client| {
        for capabilities in ["{}", r#"{"elicitation":{"url":{}}}"#] {
            let reply = client.ask(Made { capabilities, ..Made::new() }.line()).await;
            assert_eq!(short(&reply), "-32021 approval_unavailable");
            assert_eq!(reply["error"]["data"]["requiredCapabilities"], json!({"elicitation": {"form": {}}}));
        }
    })
    .await;
    drop(gateway);
    assert_eq!(told(dir.path()), ["deny approval_unavailable elicitation_not_declared"; 2]);
}

#[tokio::test]
async fn a_session_is_asked_so_often_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let (gateway, made) = (gateway(&POLICY, dir.path(), 7), Made::new());
    session(&gateway, async |client| {
        for _ in 0..crate::ledger::SESSION_QUESTIONS_MAX {
            let state = state_of(client, &made).await;
            assert_eq!(short(&client.ask(made.answered(&state, r#"{"action":"decline"}"#).line()).await), "approval_refused");
        }
        assert_eq!(short(&client.ask(made.line()).await), "too_many_questions");
        let other = Made { lease: lease_of("s2", 100, 500), sid: "s2", ..made.clone() };
        assert_eq!(short(&client.ask(other.line()).await), "?", "another session is not held back");
    })
    .await;
}

#[tokio::test]
async fn what_a_person_cannot_read_is_not_asked_about() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway(&POLICY, dir.path(), 7);
    session(&gateway, async |client| {
        let large = Made { rest: format!(r#","x":"{}""#, "x".repeat(crate::limits::ASKED_BYTES_MAX)), ..Made::new() };
        assert_eq!(short(&client.ask(large.line()).await), "approval_too_large");
    })
    .await;
    drop(gateway);
    assert_eq!(told(dir.path()), ["deny approval_too_large"]);
}
