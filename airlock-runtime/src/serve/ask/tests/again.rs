//! A call that was approved is judged again. The clock of the judge moves while the user reads; that of the ledger's thread does not, so
//! every condition that the ledger tests still holds, and nothing but the second judgement can refuse.

use super::legacy::{call, hello, yes};
use super::*;
use crate::call::Args;
use crate::clock::set_ahead;
use crate::lease::{Caveat, Presentation, attenuate, present};

const TOOL: &str = "airlock_audit_tail";

/// What becomes of a call with this lease whose user says yes after so many seconds.
async fn approved_after(seconds: u64, lease: &str) -> (String, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway(&POLICY, dir.path(), 7);
    let mut end = String::new();
    session(&gateway, async |client| {
        client.ask(hello("2025-11-25", FORMS)).await;
        let question = client.ask(call(1, TOOL, "{}", lease, "s1")).await;
        assert_eq!(question["method"], "elicitation/create", "{question}");
        set_ahead(seconds);
        end = short(&client.ask(yes(&question)).await);
        set_ahead(0);
    })
    .await;
    drop(gateway);
    (end, told(dir.path()))
}

#[tokio::test]
async fn a_lease_that_ends_while_the_user_reads_allows_nothing() {
    let (end, told) = approved_after(59, &lease_of("s1", 100, 90)).await;
    assert_eq!((end.as_str(), told.last().unwrap().as_str()), ("ok", "outcome"));
    let (end, told) = approved_after(91, &lease_of("s1", 100, 90)).await;
    assert_eq!(end, "lease_expired");
    assert_eq!(told, ["asked", "accepted", "deny lease_expired"]);
}

/// The proof of a bound lease is good for half a minute, whatever time the user has.
#[tokio::test]
async fn a_bound_lease_waits_half_a_minute_for_its_user() {
    let bound = || {
        let lease = attenuate(&lease_of("s1", 100, 500), &Caveat { pop: Some(true), ..Caveat::default() }).unwrap();
        let how = Presentation { ts: crate::clock::Micros::now().seconds(), nonce: fresh_jti().unwrap() };
        present(&lease, &how, TOOL, &Args::new()).unwrap()
    };
    let (end, told) = approved_after(25, &bound()).await;
    assert_eq!((end.as_str(), told.last().unwrap().as_str()), ("ok", "outcome"));
    let (end, told) = approved_after(35, &bound()).await;
    assert_eq!(end, "lease_proof_time");
    assert_eq!(told, ["asked", "accepted", "deny lease_proof_time"]);
}
