//! Ends that a crash can leave, one after another: what was known to be on disk is never lost, what was not is kept apart and told.

use super::super::head::Head;
use super::super::place::{Terms, open as open_store};
use super::*;
use proptest::prelude::*;
use std::fs::File;

/// A ledger whose last batch of two entries was written and not synced, its bytes, and how many of them are known to be on disk.
fn unsynced() -> (tempfile::TempDir, Vec<u8>, usize) {
    let dir = tempfile::tempdir().unwrap();
    let terms = Terms::unwatched(ORIGIN, "abababababababab", Durability::Power);
    let mut store = open_store(dir.path(), terms).unwrap().0;
    let batch =
        |names: [&str; 2]| names.map(|name| Pending { sealed: Some(allow(name).seal("x", [0; 32])), require: Vec::new() });
    let _ = store.append(&batch(["c-0", "c-1"]), Micros::now).unwrap();
    store.durable = store.cursor.offset;
    let durable = usize::try_from(store.durable).unwrap();
    let _ = store.append(&batch(["c-2", "c-3"]), Micros::now).unwrap();
    let bytes = fs::read(segment(dir.path())).unwrap();
    assert!(bytes.len() > durable);
    (dir, bytes, durable)
}

/// As if the machine had been started again.
fn power_cut(dir: &Path) {
    let path = dir.join("head");
    let head = Head::new(File::options().read(true).write(true).open(&path).unwrap(), path);
    let mut slot = head.read().unwrap().unwrap();
    (slot.boot, slot.generation) = ([0xee; 16], slot.generation + 1);
    head.write(&slot).unwrap();
}

fn calls(lines: &[Value]) -> Vec<&str> {
    lines.iter().filter_map(|line| line["call"].as_str()).collect()
}

/// Opens, appends, and gives all lines.
fn go_on(dir: &Path) -> Vec<Value> {
    let ledger = open(dir).unwrap();
    let _ = ledger.record(&allow("after"), Sync::Durable).wait().unwrap();
    ledger.shutdown().unwrap();
    checked_lines(dir)
}

#[test]
fn a_power_cut_at_every_byte_of_the_last_batch() {
    let (dir, bytes, durable) = unsynced();
    let head = fs::read(dir.path().join("head")).unwrap();
    for end in durable..=bytes.len() {
        fs::write(segment(dir.path()), &bytes[..end]).unwrap();
        fs::write(dir.path().join("head"), &head).unwrap();
        let _ = fs::remove_file(dir.path().join("checkpoint"));
        power_cut(dir.path());
        let lines = go_on(dir.path());
        let whole = bytes[..end].iter().filter(|b| **b == b'\n').count();
        let expected: Vec<&str> = ["c-0", "c-1", "c-2", "c-3"][..whole - 1].iter().copied().chain(["after"]).collect();
        assert_eq!(calls(&lines), expected, "cut to {end} of {}", bytes.len());
        let recovered: Vec<&Value> = lines.iter().filter(|line| line["t"] == "recover").collect();
        assert_eq!(recovered.len(), usize::from(end < bytes.len()), "cut to {end}");
        assert!(recovered.iter().all(|line| line["lost"] == 5 - whole), "{recovered:?}");
    }
    // One byte less, and what was known to be on disk is not all there.
    fs::write(segment(dir.path()), &bytes[..durable - 1]).unwrap();
    fs::write(dir.path().join("head"), &head).unwrap();
    power_cut(dir.path());
    assert!(matches!(open(dir.path()).map(drop), Err(LedgerError::Damaged(_))));
}

#[test]
fn a_writer_that_died_at_every_byte_of_its_batch() {
    let (dir, bytes, durable) = unsynced();
    // The head of before the batch.
    let path = dir.path().join("head");
    let mut head = fs::read(&path).unwrap();
    let newest = Head::new(File::open(&path).unwrap(), path.clone()).read().unwrap().unwrap().generation;
    head[usize::try_from(newest % 2).unwrap() * 4096..][..8].fill(0);
    for end in durable..=bytes.len() {
        fs::write(segment(dir.path()), &bytes[..end]).unwrap();
        fs::write(&path, &head).unwrap();
        let _ = fs::remove_file(dir.path().join("checkpoint"));
        let lines = go_on(dir.path());
        let whole = bytes[..end].iter().filter(|b| **b == b'\n').count();
        assert_eq!(calls(&lines).len(), whole, "whole lines are taken up; cut to {end}");
        let is_torn = !bytes[..end].ends_with(b"\n");
        assert_eq!(lines.iter().filter(|line| line["t"] == "recover").count(), usize::from(is_torn), "cut to {end}");
    }
}

#[test]
fn a_last_sector_of_zeros() {
    let (dir, bytes, durable) = unsynced();
    let mut spoilt = bytes.clone();
    let from = durable.max((bytes.len() - 1) / 512 * 512);
    spoilt[from..].fill(0);
    fs::write(segment(dir.path()), &spoilt).unwrap();
    power_cut(dir.path());
    let lines = go_on(dir.path());
    assert_eq!(calls(&lines)[..2], ["c-0", "c-1"]);
    let recover = lines.iter().find(|line| line["t"] == "recover").unwrap();
    let torn = fs::read(dir.path().join("torn").join(recover["torn"].as_str().unwrap())).unwrap();
    assert!(spoilt.ends_with(&torn) && torn.ends_with(&[0, 0]), "nothing is dropped without a trace");
    // Zeros where entries were on disk: no power cut does that.
    let (dir, mut bytes, durable) = unsynced();
    bytes[durable - 1] = 0;
    fs::write(segment(dir.path()), &bytes).unwrap();
    power_cut(dir.path());
    assert!(matches!(open(dir.path()).map(drop), Err(LedgerError::Damaged(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_garbage_behind_the_end(garbage in prop::collection::vec(any::<u8>(), 1..600), feeds in prop::collection::vec(0usize..600, 0..4)) {
        let (dir, mut bytes, _) = unsynced();
        let mut garbage = garbage;
        for at in feeds {
            let at = at % garbage.len();
            garbage[at] = b'\n';
        }
        bytes.extend_from_slice(&garbage);
        fs::write(segment(dir.path()), &bytes).unwrap();
        let lines = go_on(dir.path());
        prop_assert_eq!(calls(&lines), ["c-0", "c-1", "c-2", "c-3", "after"]);
        let recover = lines.iter().find(|line| line["t"] == "recover").unwrap();
        let torn = fs::read(dir.path().join("torn").join(recover["torn"].as_str().unwrap())).unwrap();
        prop_assert_eq!(torn, garbage);
    }
}
