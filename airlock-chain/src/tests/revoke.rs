//! Revocations and the kill file: at once for every writer, kept over a restart, and not to be taken out unnoticed.

use super::*;
use crate::resume::revocations_before;
use crate::{Holder, Revoke, Target, segments, verify};

fn holder(sid: &str) -> Holder {
    Holder { rid: vec!["00ff".into()], sid: sid.into(), sub: "agent:planner".into(), ep: Some(0), ..Holder::default() }
}

/// Asks for an allow of a lease of this session.
fn ask(ledger: &Ledger, sid: &str) -> Result<u64, LedgerError> {
    let require = vec![Require::NotKilled, Require::NotRevoked(Box::new(holder(sid)))];
    ledger.record_if(&allow("c"), Sync::Written, require).wait().map(|recorded| recorded.seq())
}

fn revoke(ledger: &Ledger, target: Target) -> Result<u64, LedgerError> {
    let require = vec![Require::Revocable(target.clone())];
    let entry = Entry::Revoke(Revoke { target, why: "lost", by: "operator" });
    ledger.record_if(&entry, Sync::Durable, require).wait().map(|recorded| recorded.seq())
}

fn unmet<T>(answer: Result<T, LedgerError>) -> Unmet {
    match answer {
        Err(LedgerError::Unmet(unmet)) => unmet,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was recorded"),
    }
}

#[test]
fn what_one_writer_revokes_no_other_allows_from_then_on() {
    let dir = tempfile::tempdir().unwrap();
    let (gateway, operator) = (open(dir.path()).unwrap(), Ledger::join(dir.path(), None));
    let operator = operator.unwrap();
    assert_eq!(operator.origin(), ORIGIN);
    assert!(ask(&gateway, "s-1").is_ok());
    assert_eq!(revoke(&operator, Target::Session("s-1".into())), Ok(2));
    assert_eq!(unmet(ask(&gateway, "s-1")), Unmet::Revoked("sid"));
    assert!(ask(&gateway, "s-2").is_ok(), "another session goes on");
    assert_eq!(unmet(revoke(&operator, Target::Session("s-1".into()))), Unmet::AlreadyRevoked);
    assert_eq!(revoke(&operator, Target::Epoch(2)), Ok(4));
    assert_eq!(unmet(ask(&gateway, "s-2")), Unmet::Revoked("epoch"));
    assert_eq!((gateway.epoch(), operator.epoch()), (2, 2));
    drop((gateway, operator));
    let again = open(dir.path()).unwrap();
    assert_eq!(again.epoch(), 2);
    assert_eq!(unmet(ask(&again, "s-3")), Unmet::Revoked("epoch"));
    let lines = checked_lines(dir.path());
    assert_eq!((&lines[2]["what"], &lines[2]["id"], &lines[2]["why"]), (&"sid".into(), &"s-1".into(), &"lost".into()));
    assert!(lines[2].get("rv").is_none() && lines[3]["rv"].as_str().unwrap().starts_with("1:"));
    assert!(lines[5..].iter().all(|line| line["rv"].as_str().unwrap().starts_with("2:")));
}

#[test]
fn a_ledger_is_joined_and_never_made() {
    let dir = tempfile::tempdir().unwrap();
    let missing = Ledger::join(dir.path(), None).unwrap_err();
    assert!(missing.to_string().contains("there is no ledger in"), "{missing}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn a_kill_file_stops_everything_and_both_its_ends_are_entries() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap();
    assert!(ask(&ledger, "s").is_ok());
    let kill = dir.path().join("kill");
    // Whatever lies there under this name counts.
    fs::create_dir(&kill).unwrap();
    assert_eq!(unmet(ask(&ledger, "s")), Unmet::Killed);
    assert_eq!(unmet(ask(&open(dir.path()).unwrap(), "s")), Unmet::Killed, "after a restart");
    assert!(ledger.record(&Entry::Decision(Decision::default()), Sync::Written).wait().is_ok(), "a denial is recorded");
    fs::remove_dir(&kill).unwrap();
    assert!(ask(&ledger, "s").is_ok());
    drop(ledger);
    let told: Vec<_> = checked_lines(dir.path()).iter().filter_map(|line| line["on"].as_bool()).collect();
    assert_eq!(told, [true, false]);
}

/// The ledger with one revocation in line 2 of five.
fn revoked() -> (tempfile::TempDir, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap();
    ask(&ledger, "s").unwrap();
    revoke(&ledger, Target::Session("t".into())).unwrap();
    ask(&ledger, "s").unwrap();
    ask(&ledger, "s").unwrap();
    drop(ledger);
    let lines = fs::read_to_string(segment(dir.path())).unwrap().lines().map(str::to_owned).collect();
    (dir, lines)
}

/// Puts other lines there, chained anew, with a head that describes them: all that somebody can do who may write everything in
/// the directory but has no key.
fn rewrite(dir: &Path, bodies: &[&str]) {
    crate::rewritten::rewrite_at(dir, bodies, Micros::now());
}

#[test]
fn a_revocation_that_is_taken_out_of_a_rechained_ledger_is_missed() {
    let (dir, lines) = revoked();
    let bodies: Vec<&str> = lines.iter().map(|line| &line[line.find("\"t\":").unwrap()..]).collect();
    rewrite(dir.path(), &bodies);
    assert!(open(dir.path()).is_ok(), "the same lines, chained anew, are accepted");
    rewrite(dir.path(), &[bodies[0], bodies[1], bodies[3], bodies[4]]);
    let fault = open(dir.path()).unwrap_err().to_string();
    assert!(fault.contains("it states other revocations than stand before it"), "{fault}");
    let report = verify::verify(dir.path(), &verify::Trust::default()).unwrap();
    assert_eq!(report.verdict, verify::Verdict::Tampered);
    let other = bodies[2].replace("\"t\"}", "").replace("\"id\":\"t\"", "\"id\":\"u\"");
    rewrite(dir.path(), &[bodies[0], bodies[1], &other, bodies[3], bodies[4]]);
    assert!(open(dir.path()).is_err(), "a changed one is missed too");
}

/// A start reads the last day; what was revoked before that day is found by what the first line of it states.
#[test]
fn revocations_older_than_the_window_are_read_and_checked() {
    let (dir, lines) = revoked();
    let first = segments(dir.path()).unwrap().remove(0);
    let at = |n: usize| lines[..n].iter().map(|line| line.len() as u64 + 1).sum::<u64>();
    for n in [1, 2] {
        let older = revocations_before(&first, at(n)).unwrap();
        assert_eq!(older.by(&holder("t")), None, "the revocation is line 2");
    }
    for n in [3, 4] {
        let older = revocations_before(&first, at(n)).unwrap();
        assert_eq!(older.by(&holder("t")), Some("sid"));
    }
    // The same bytes with another session in line 2: its own line is no longer what line 3 states.
    let text = lines.join("\n").replacen("\"id\":\"t\"", "\"id\":\"u\"", 1) + "\n";
    fs::write(segment(dir.path()), text).unwrap();
    let fault = revocations_before(&first, at(3)).unwrap_err().to_string();
    assert!(fault.contains("its revocations are not those that later entries state"), "{fault}");
}
