//! Witnesses that have to agree: the only defence against who had the host from the beginning and shows each reader another history, and it holds
//! as long as fewer of them are his than are demanded.

use super::super::WITNESSED;
use super::super::tests::{allow, open};
use super::super::witness::tests::Cosigner;
use super::super::{Ledger, Sync};
use super::*;
use std::fs;

/// A ledger with so many entries beside line 0, and its newest checkpoint.
fn ledger(dir: &Path, calls: &[&str]) -> String {
    let ledger: Ledger = open(dir).unwrap();
    for call in calls {
        let _ = ledger.record(&allow(call), Sync::Durable).wait().unwrap();
    }
    ledger.shutdown().unwrap();
    fs::read_to_string(dir.join(files::CHECKPOINT)).unwrap()
}

fn copy(from: &Path, to: &Path) {
    assert!(std::process::Command::new("cp").args(["-a", "-T"]).arg(from).arg(to).status().unwrap().success());
}

fn cosigned(note: &str, by: &[&Cosigner]) -> String {
    by.iter().fold(note.to_owned(), |all, witness| all + &witness.line(note, 7))
}

fn check(dir: &Path, saved: Option<&str>, witnesses: &[&Cosigner], quorum: usize) -> Report {
    let witnesses = witnesses.iter().map(|witness| witness.witness()).collect();
    let saved = saved.map(|note| note.as_bytes().to_vec());
    verify(dir, &Trust { witnesses, quorum, saved, ..Trust::default() }).unwrap()
}

#[test]
fn as_many_witnesses_as_are_demanded_have_to_have_seen_an_entry() {
    let dir = tempfile::tempdir().unwrap();
    let [a, b, c] = [9, 10, 11].map(Cosigner::new);
    let first = ledger(dir.path(), &["one"]);
    fs::write(dir.path().join(WITNESSED), cosigned(&first, &[&a, &b])).unwrap();
    let all = [&a, &b, &c];
    let seen = |witnesses: &[&Cosigner], quorum| {
        let report = check(dir.path(), None, witnesses, quorum);
        (report.verdict, report.witnessed)
    };
    for (witnesses, quorum, expected) in [
        (&all[..1], 0, (Verdict::Proven, Some(2))),
        (&all[..2], 0, (Verdict::Proven, Some(2))),
        (&all[..], 0, (Verdict::Weaker, Some(0))),
        (&all[..], 1, (Verdict::Proven, Some(2))),
        (&all[..], 2, (Verdict::Proven, Some(2))),
        (&all[..], 3, (Verdict::Weaker, Some(0))),
        (&all[..], 4, (Verdict::Weaker, Some(0))),
        // One witness is one, however often it is named.
        (&[&a, &a, &a], 2, (Verdict::Weaker, Some(0))),
        (&[&a, &c, &a], 2, (Verdict::Weaker, Some(0))),
    ] {
        assert_eq!(seen(witnesses, quorum), expected, "{} witnesses, {quorum} demanded", witnesses.len());
    }
    // Each may have seen the ledger at a time of its own: what counts is how far so many of them came.
    let second = ledger(dir.path(), &["two", "three"]);
    fs::write(dir.path().join(WITNESSED), cosigned(&second, &[&c])).unwrap();
    let kept = cosigned(&first, &[&a, &b]);
    for (quorum, expected) in [(1, (Verdict::Proven, Some(4))), (2, (Verdict::Weaker, Some(2))), (3, (Verdict::Weaker, Some(2)))]
    {
        let report = check(dir.path(), Some(&kept), &all, quorum);
        // The saved checkpoint has to reach the end too.
        assert_eq!(report.witnessed, expected.1, "{quorum}");
        assert_eq!(
            check(dir.path(), None, &all, quorum).verdict,
            if quorum == 1 { expected.0 } else { Verdict::Weaker },
            "{quorum}"
        );
    }
    // A line with a name and key of theirs that does not hold is a finding, whatever the others say.
    let bad = cosigned(&second, &[&a, &b]) + &c.line(&first, 7);
    fs::write(dir.path().join(WITNESSED), bad).unwrap();
    let report = check(dir.path(), None, &all, 2);
    assert!(report.findings[0].reason.contains("w11 is wrong"), "{report:?}");
}

/// He has had every key from the first line on, so each of his histories is whole by itself. One witness is his.
#[test]
fn a_second_history_needs_more_false_witnesses_than_are_tolerated() {
    let (shown, hidden) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let [honest, other, his] = [9, 10, 11].map(Cosigner::new);
    let all = [&honest, &other, &his];
    ledger(shown.path(), &["common"]);
    copy(shown.path(), hidden.path());
    let first = ledger(shown.path(), &["as it was"]);
    let second = ledger(hidden.path(), &["as he likes it"]);
    fs::write(shown.path().join(WITNESSED), cosigned(&first, &all)).unwrap();
    // The honest ones have signed a tree of as many entries and sign no other.
    fs::write(hidden.path().join(WITNESSED), cosigned(&second, &[&his])).unwrap();
    assert_eq!(check(shown.path(), None, &all, 2).verdict, Verdict::Proven);
    assert_eq!(
        check(hidden.path(), None, &[&his], 0).verdict,
        Verdict::Proven,
        "to who trusts that witness alone, it looks right"
    );
    assert_eq!(check(hidden.path(), None, &all, 1).verdict, Verdict::Proven, "and to who is content with any one");
    let report = check(hidden.path(), None, &all, 2);
    assert_eq!((report.verdict, report.witnessed), (Verdict::Weaker, Some(0)), "{report:?}");
    // Whoever kept what the honest ones signed has proof that there are two.
    let kept = cosigned(&first, &[&honest, &other]);
    let report = check(hidden.path(), Some(&kept), &all, 2);
    assert_eq!(report.verdict, Verdict::Tampered);
    assert!(report.findings[0].reason.contains("is not the one that was signed"), "{report:?}");
    // The same of a host that was put back: a quorum has seen more.
    let back = tempfile::tempdir().unwrap();
    ledger(back.path(), &["common"]);
    copy(shown.path(), back.path());
    let newer = ledger(shown.path(), &["later"]);
    let kept = cosigned(&newer, &[&honest, &other]);
    assert_eq!(check(back.path(), Some(&kept), &all, 2).verdict, Verdict::Truncated);
    assert_eq!(check(shown.path(), Some(&kept), &all, 2).verdict, Verdict::Proven);
}
