use super::super::place::{Terms, open as open_store};
use super::super::tests::{ORIGIN, allow, checked_lines, open, segment};
use super::super::verify::{Trust, Verdict, verify};
use super::super::{Durability, Ledger, Sync, files, read, segments};
use super::*;
use std::fs;
use std::io::Write;
use std::path::Path;

fn store(dir: &Path) -> Store {
    let terms = Terms::unwatched(ORIGIN, "abababababababab", Durability::Power);
    open_store(dir, terms).unwrap().0
}

/// A writer that begins a new segment with every second or third entry.
fn small(dir: &Path) -> Ledger {
    let store = Store { segment_max: 1000, ..store(dir) };
    Ledger::start(store, "abababababababab".into(), Durability::Power, false).unwrap()
}

fn record(ledger: &Ledger, calls: impl IntoIterator<Item = usize>) {
    for n in calls {
        let _ = ledger.record(&allow(&format!("c-{n}")), Sync::Durable).wait().unwrap();
    }
}

fn verdict(dir: &Path, ledger: &Ledger) -> Verdict {
    verify(dir, &Trust { key: Some(*ledger.key()), ..Trust::default() }).unwrap().verdict
}

#[test]
fn the_chain_goes_on_over_segments_for_every_writer_and_reader() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (small(dir.path()), small(dir.path()));
    record(&one, 0..9);
    // The other one has followed none of these segments yet.
    record(&two, 9..12);
    record(&one, 12..13);
    assert_eq!(two.facts().unwrap().spent("00ff"), 13, "a reader that only looks follows too");
    one.shutdown().unwrap();
    two.shutdown().unwrap();
    let lines = checked_lines(dir.path());
    let calls: Vec<_> = lines.iter().filter_map(|line| line["call"].as_str()).collect();
    assert_eq!(calls, (0..13).map(|n| format!("c-{n}")).collect::<Vec<_>>());
    assert!(segments(dir.path()).unwrap().len() > 4);
    assert_eq!(verdict(dir.path(), &one), Verdict::Proven);
    let again = open(dir.path()).unwrap();
    assert_eq!(again.facts().unwrap().spent("00ff"), 13, "a start reads the segments of the last day");
    let tail = read::tail(dir.path(), 7).unwrap();
    assert_eq!((tail.entries.len(), read::stats(dir.path()).unwrap().entries), (7, lines.len() as u64));
    for segment in segments(dir.path()).unwrap() {
        assert!(dir.path().join("evidence").join(segment.name()).exists());
    }
}

#[test]
fn who_follows_a_ledger_sees_every_entry_once() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = small(dir.path());
    record(&ledger, 0..3);
    let mut follower = read::Follower::at_end(dir.path()).unwrap();
    let seqs = |entries: &[Box<serde_json::value::RawValue>]| {
        let seq =
            |entry: &serde_json::value::RawValue| serde_json::from_str::<serde_json::Value>(entry.get()).unwrap()["seq"].as_u64();
        entries.iter().map(|entry| seq(entry).unwrap()).collect::<Vec<_>>()
    };
    let begin = checked_lines(dir.path()).len() as u64;
    let mut seen = Vec::new();
    for n in 3..12 {
        assert_eq!(follower.more().unwrap().1, 0);
        record(&ledger, n..n + 1);
        seen.extend(seqs(&follower.more().unwrap().0));
    }
    // Several segments at once, and half a line that is not there yet.
    record(&ledger, 12..20);
    let last = segments(dir.path()).unwrap().pop().unwrap().path;
    fs::File::options().append(true).open(last).unwrap().write_all(b"{\"seq\":").unwrap();
    seen.extend(seqs(&follower.more().unwrap().0));
    assert!(segments(dir.path()).unwrap().len() > 6 && follower.more().unwrap().0.is_empty());
    assert_eq!(seen, (begin..begin + seen.len() as u64).collect::<Vec<_>>());
    assert_eq!(seen.len(), read::tail(dir.path(), 100).unwrap().entries.len() - usize::try_from(begin).unwrap());
}

#[test]
fn a_day_ends_a_segment() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path());
    let begin = store.cursor.began;
    let mut append = |at| {
        let sealed = allow("c").seal("abababababababab", [0; 32]);
        store.append(&[super::super::store::Pending { sealed: Some(sealed), require: Vec::new() }], || Micros(at)).unwrap();
        segments(dir.path()).unwrap().len()
    };
    assert_eq!(append(begin.0 + SEGMENT_AGE - 1), 1);
    assert_eq!(append(begin.0 + SEGMENT_AGE), 2);
    assert_eq!(append(begin.0 + SEGMENT_AGE + 5), 2);
}

/// Every state that a crash within a rotation can leave: the segment has ended and there is no next one, or an empty one, or (after a
/// power cut that took the head back) one with entries.
#[test]
fn a_crash_within_a_rotation_is_taken_up() {
    for next in [None, Some(0), Some(2)] {
        let dir = tempfile::tempdir().unwrap();
        let mut at = store(dir.path());
        record(&open(dir.path()).unwrap(), 0..2);
        let _ = at.append(&[], Micros::now).unwrap();
        let ended = at.cursor.extend(Micros::now(), &rotate_body(at.cursor.range.len()));
        let mut text = fs::read(segment(dir.path())).unwrap();
        text.extend([ended.as_slice(), b"\n"].concat());
        fs::write(segment(dir.path()), text).unwrap();
        if let Some(count) = next {
            at.cursor.open_segment();
            let first = at.cursor.range.len();
            let lines = (0..count).map(|_| at.cursor.extend(Micros::now(), &allow("late").seal("x", [0; 32]).body));
            let text: Vec<u8> = lines.flat_map(|line| [line, b"\n".to_vec()].concat()).collect();
            fs::write(dir.path().join(files::segment_name(first)), text).unwrap();
        }
        let ledger = open(dir.path()).unwrap();
        record(&ledger, 2..3);
        assert_eq!(ledger.facts().unwrap().spent("00ff"), 3 + next.unwrap_or(0));
        ledger.shutdown().unwrap();
        let lines = checked_lines(dir.path());
        assert_eq!(
            (lines.len() as u64, lines.last().unwrap()["call"].as_str()),
            (5 + next.unwrap_or(0), Some("c-2")),
            "{next:?}"
        );
        assert!(lines.iter().all(|line| line["t"] != "recover"));
        assert_eq!(verdict(dir.path(), &ledger), Verdict::Proven);
    }
}

#[test]
fn half_a_line_in_the_newest_segment_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    record(&small(dir.path()), 0..4);
    let last = segments(dir.path()).unwrap().pop().unwrap();
    let good = fs::read(&last.path).unwrap();
    fs::write(&last.path, [&good, b"{\"seq\":".as_slice()].concat()).unwrap();
    let ledger = open(dir.path()).unwrap();
    record(&ledger, 4..5);
    drop(ledger);
    let lines = checked_lines(dir.path());
    assert_eq!(lines.iter().filter(|line| line["t"] == "recover").count(), 1);
    assert!(lines.iter().any(|line| line["torn"].as_str().is_some_and(|name| name.starts_with(&last.name()[4..24]))));
}

/// A ledger of several segments, and what its start and its verification say once something of it is changed.
#[test]
fn a_segment_that_is_missing_moved_or_added_is_found() {
    type Change = fn(&Path, &[Segment]);
    let cases: [(&str, Change); 5] = [
        ("the newest", |_, all| fs::remove_file(&all.last().unwrap().path).unwrap()),
        ("one in the middle", |_, all| fs::remove_file(&all[1].path).unwrap()),
        ("the end of one in the middle", |_, all| {
            let text = fs::read_to_string(&all[1].path).unwrap();
            let cut = text[..text.len() - 1].rfind('\n').unwrap();
            fs::write(&all[1].path, &text[..=cut]).unwrap();
        }),
        ("one added", |dir, all| {
            fs::copy(&all[1].path, dir.join(files::segment_name(999))).unwrap();
        }),
        ("a line behind the end of one", |_, all| {
            let text = fs::read_to_string(&all[1].path).unwrap();
            fs::write(&all[1].path, format!("{text}{}\n", text.lines().next().unwrap())).unwrap();
        }),
    ];
    for (what, change) in cases {
        let dir = tempfile::tempdir().unwrap();
        let ledger = small(dir.path());
        record(&ledger, 0..8);
        ledger.shutdown().unwrap();
        assert_eq!(verdict(dir.path(), &ledger), Verdict::Proven);
        change(dir.path(), &segments(dir.path()).unwrap());
        assert!(matches!(open(dir.path()).map(drop), Err(LedgerError::Damaged(_))), "{what}");
        let found = verdict(dir.path(), &ledger);
        assert!(matches!(found, Verdict::Tampered | Verdict::Truncated), "{what}: {found:?}");
    }
}
