//! A gateway whose ledger is older than what a start reads of it.

use super::legacy::{call, hello};
use super::*;
use crate::clock::Micros;
use crate::ledger::rewritten::rewrite_at;
use crate::ledger::{Entry, Revoke, Sync, Target};

/// Longer ago than the 25 hours that a start reads, microseconds.
const AGE: u64 = 26 * 3600 * 1_000_000;
/// A tool that nobody is asked about.
const TOOL: &str = "airlock_exposure_report";

async fn both(gateway: &Rc<Gateway>) -> [String; 2] {
    let mut ends = Default::default();
    session(gateway, async |client| {
        client.ask(hello("2025-11-25", FORMS)).await;
        let mut end =
            async |sid| short(&client.ask(call(1, TOOL, r#"{"lookback_hours":1}"#, &lease_of(sid, 100, 500), sid)).await);
        ends = [end("revoked").await, end("other").await];
    })
    .await;
    ends
}

/// From the wire to the reply, and over another start that finds newer entries: an old revocation holds, and nothing else is refused.
#[tokio::test]
async fn a_revocation_older_than_what_a_start_reads_still_holds() {
    let dir = tempfile::tempdir().unwrap();
    let first = gateway(&POLICY, dir.path(), 7);
    assert_eq!(both(&first).await, ["ok", "ok"]);
    let target = Target::Session("revoked".into());
    let revoke = Entry::Revoke(Revoke { target, why: "lost", by: "operator" });
    let _ = first.world.ledger.record(&revoke, Sync::Written).wait().unwrap();
    assert_eq!(both(&first).await, ["lease_revoked", "ok"]);
    drop(first);
    let lines = std::fs::read_to_string(dir.path().join("seg-00000000000000000000.jsonl")).unwrap();
    let mut bodies: Vec<&str> = lines.lines().map(|line| &line[line.find("\"t\":").unwrap()..]).collect();
    // A start looks for its first line to within 64 KiB: more than that stands behind the revocation.
    bodies.extend(std::iter::repeat_n(bodies[bodies.len() - 1], 1000));
    rewrite_at(dir.path(), &bodies, Micros(Micros::now().0 - AGE));
    // Without any newer entry, and then with some.
    for _ in 0..2 {
        assert_eq!(both(&gateway(&POLICY, dir.path(), 7)).await, ["lease_revoked", "ok"]);
    }
}
