use super::super::place::{Terms, open as open_store};
use super::super::store::Pending;
use super::super::tests::{ORIGIN, allow, checked_lines};
use super::super::verify::{Trust, Verdict, verify};
use super::super::{Durability, Ledger, segments};
use super::*;
use airlock_core::policy::evidence::Evidence;
use std::path::Path;

const DAY: u64 = 24 * 3600 * 1_000_000;
const KEEP: Evidence = Evidence { kept: Kept::Full, keep: Some(30 * 24 * 3600) };

fn store(dir: &Path, keeps: Evidence) -> Store {
    let terms = Terms::unwatched(ORIGIN, "abababababababab", Durability::Power);
    Store { keeps, ..open_store(dir, terms).unwrap().0 }
}

fn record(store: &mut Store, at: Micros) -> u64 {
    let sealed = allow("c").seal_with("abababababababab", [7; 32], &store.keeps.kept);
    let batch = [Pending { sealed: Some(sealed), require: Vec::new() }];
    store.append(&batch, || at).unwrap().pop().unwrap().unwrap()
}

/// First entries of the segments that have evidence.
fn left(dir: &Path) -> Vec<u64> {
    let has = |segment: &Segment| dir.join(files::EVIDENCE).join(segment.name()).metadata().is_ok_and(|meta| meta.len() > 0);
    segments(dir).unwrap().iter().filter(|segment| has(segment)).map(|segment| segment.first).collect()
}

#[test]
fn old_evidence_goes_with_an_entry_and_everything_still_verifies() {
    let dir = tempfile::tempdir().unwrap();
    let now = Micros::now().0 + 100 * DAY;
    let mut store = store(dir.path(), KEEP);
    for day in [0, 1, 2, 31, 33, 34] {
        record(&mut store, Micros(now + day * DAY));
    }
    let redactions: Vec<_> = checked_lines(dir.path()).into_iter().filter(|line| line["t"] == "redact").collect();
    let told: Vec<_> = redactions.iter().map(|line| (line["from"].as_u64(), line["to"].as_u64(), line["by"].as_str())).collect();
    let all = segments(dir.path()).unwrap();
    // Segment 0 holds line 0 alone, which is of today. Day 33 is more than 30 days after the end of what was written on days 0 and 1.
    let ends: Vec<u64> = all.iter().map(|segment| segment.first).collect();
    assert!(!told.is_empty() && told.iter().all(|(_, _, by)| *by == Some("keep_evidence")), "{told:?}");
    assert_eq!(told.first().unwrap().0, Some(ends[1]), "the first segment has none");
    for pair in told.windows(2) {
        assert_eq!(pair[0].1.map(|to| to + 1), pair[1].0, "each entry is in one of them");
    }
    let gone = told.last().unwrap().1.unwrap() + 1;
    assert!(ends.contains(&gone));
    assert_eq!(left(dir.path()), ends.iter().copied().filter(|first| *first >= gone).collect::<Vec<_>>());
    assert!(left(dir.path()).len() >= 3 && left(dir.path()).len() < ends.len(), "{:?} of {ends:?}", left(dir.path()));
    let key = store.key.verifying_key();
    drop(store);
    let ledger = Ledger::open(dir.path(), ORIGIN, &[0xab; 32], Durability::Power).unwrap();
    ledger.shutdown().unwrap();
    assert_eq!(verify(dir.path(), &Trust { key: Some(key), ..Trust::default() }).unwrap().verdict, Verdict::Proven);
}

#[test]
fn nothing_goes_without_the_key_and_a_crash_before_the_removal_is_made_up_for() {
    let dir = tempfile::tempdir().unwrap();
    let now = Micros::now().0 + 100 * DAY;
    let mut without = store(dir.path(), Evidence { keep: None, ..KEEP });
    for day in [0, 40, 80] {
        record(&mut without, Micros(now + day * DAY));
    }
    let before = left(dir.path());
    assert_eq!(before.len() + 1, segments(dir.path()).unwrap().len(), "line 0 has none");
    drop(without);
    // The entry was written, and the machine stopped before the file was gone: to the next writer it looks the same.
    let mut keeps = store(dir.path(), KEEP);
    keeps.expire(Micros(now + 80 * DAY)).unwrap();
    let after = left(dir.path());
    assert!(after.len() < before.len());
    let lines = checked_lines(dir.path()).len();
    keeps.expire(Micros(now + 80 * DAY)).unwrap();
    assert_eq!(checked_lines(dir.path()).len(), lines, "what is gone is not told again");
}
