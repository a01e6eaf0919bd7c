//! The end of an epoch where nothing asks for it: a gateway that is idle, that appends past its writer's thread, that shares a ledger with one
//! that has ended, and whose clock is set. Epochs of 300 ms stand for those of ten minutes.

use super::super::place::{Terms, open as open_store};
use super::super::roll::Left;
use super::super::room;
use super::super::store::Store;
use super::super::verify::{Trust, Verdict, verify};
use super::*;
use std::time::{Duration, Instant};

const LENGTH: u64 = 300_000;
const TERMS: Terms<'static> = Terms::unwatched(ORIGIN, "abababababababab", Durability::Process);

fn store(dir: &Path) -> Store {
    Store { epoch_age: LENGTH, ..open_store(dir, TERMS).unwrap().0 }
}

fn add(store: &mut Store, call: &str, at: Micros) {
    let pending = Pending { sealed: Some(allow(call).seal("x", [0; 32])), require: Vec::new() };
    let _ = store.append(&[pending], || at).unwrap();
}

fn start(store: Store) -> Ledger {
    Ledger::start(store, TERMS.pol.into(), Durability::Process, false).unwrap()
}

fn types(dir: &Path) -> Vec<String> {
    fs::read_to_string(segment(dir)).unwrap().lines().map(|line| line.split('"').nth(13).unwrap().to_owned()).collect()
}

/// Waits until the ledger has so many rolls and nothing behind the last one; gives how long it took.
fn until_rolled(dir: &Path, rolls: usize) -> Duration {
    let begun = Instant::now();
    loop {
        let types = types(dir);
        let found = types.iter().filter(|t| *t == "keyroll").count();
        if found >= rolls && types.last().unwrap() == "keyroll" {
            return begun.elapsed();
        }
        // A machine under load is slow, and a timer that is not set never ends.
        assert!(begun.elapsed() < Duration::from_secs(30), "{rolls} rolls: {types:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Number of the only secret in the file, once the one before is gone: that comes a moment after the line.
fn present(dir: &Path) -> u64 {
    let begun = Instant::now();
    loop {
        let bytes = fs::read(dir.join("keys/epoch.key")).unwrap();
        let slots: Vec<&[u8]> =
            [0, 4096].iter().filter_map(|at| bytes.get(*at..at + 56)).filter(|slot| slot.iter().any(|b| *b != 0)).collect();
        if let [only] = slots[..] {
            return u64::from_be_bytes(only[8..16].try_into().unwrap());
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "the secret of the epoch before stays");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What is told to the writer of one entry must not be lost for the next: here the second entry comes while the writer still has the sync or the
/// checkpoint of the first to do, so it is told nothing.
#[test]
fn entries_past_the_writer_end_their_epoch_each() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = start(store(dir.path()));
    for rolls in 1..4 {
        let _ = ledger.record(&allow("here"), Sync::Written).wait().unwrap();
        until_rolled(dir.path(), rolls);
    }
    assert!(present(dir.path()) >= 3);
    ledger.shutdown().unwrap();
    let pin = ledger.pin();
    let report = verify(dir.path(), &Trust { key: Some(pin.key), epoch_key: pin.epoch, ..Trust::default() }).unwrap();
    assert_eq!((report.verdict, report.past_epochs), (Verdict::Proven, report.entries - 1), "{report:?}");
}

#[test]
fn an_idle_gateway_ends_the_epoch_of_one_that_has_ended() {
    let dir = tempfile::tempdir().unwrap();
    let idle = start(store(dir.path()));
    for rolls in 1..3 {
        let mut other = store(dir.path());
        add(&mut other, "theirs", Micros::now());
        drop(other);
        until_rolled(dir.path(), rolls);
    }
    idle.shutdown().unwrap();
    // And what a process left that ended before this one began.
    let mut other = store(dir.path());
    add(&mut other, "theirs", Micros::now());
    drop(other);
    let later = start(store(dir.path()));
    until_rolled(dir.path(), 3);
    later.shutdown().unwrap();
}

/// The ledger's own time stands where the clock once was, and waits there until the clock has come back to it.
#[test]
fn a_clock_that_was_set_back_keeps_no_key_alive() {
    let dir = tempfile::tempdir().unwrap();
    let mut ahead = store(dir.path());
    let hour = Micros(Micros::now().0 + 3_600_000_000);
    add(&mut ahead, "one", hour);
    add(&mut ahead, "two", Micros(hour.0 + 2 * LENGTH));
    add(&mut ahead, "three", Micros(hour.0 + 2 * LENGTH));
    assert_eq!(types(dir.path()), ["genesis", "decision", "keyroll", "decision", "decision"]);
    let Left::Open { number: 1, left } = ahead.roll(None).unwrap() else { panic!("its epoch has entries") };
    assert_eq!(left, Duration::from_micros(LENGTH), "by the ledger's time it has just begun");
    assert_eq!(ahead.roll(Some(0)).unwrap(), Left::Open { number: 1, left }, "another epoch than the one that was open so long");
    let ledger = start(ahead);
    until_rolled(dir.path(), 2);
    assert_eq!(present(dir.path()), 2);
    ledger.shutdown().unwrap();
}

/// A timer that fires a moment before the clock says so looks again after that moment, not after another epoch.
#[test]
fn what_is_left_of_an_epoch_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store { epoch_age: 3_600_000_000, ..store(dir.path()) };
    assert_eq!(store.roll(None).unwrap(), Left::Empty);
    add(&mut store, "one", Micros::now());
    let Left::Open { number: 0, left } = store.roll(None).unwrap() else { panic!("it has an entry") };
    assert!(left <= Duration::from_secs(3600) && left > Duration::from_secs(3000), "{left:?}");
    assert_eq!(store.roll(Some(0)).unwrap(), Left::Empty, "it was open for its whole length by another clock");
    assert_eq!(types(dir.path()), ["genesis", "decision", "keyroll"]);
}

/// Nothing follows the line that says that the disk is full: no roll, no counted refusals; and no key of a past epoch outlives it.
#[test]
fn a_full_disk_ends_epochs_and_leaves_no_past_key() {
    let dir = tempfile::tempdir().unwrap();
    let (mut one, mut two) = (store(dir.path()), store(dir.path()));
    add(&mut one, "c", Micros::now());
    let old = fs::read(dir.path().join("keys/epoch.key")).unwrap()[..56].to_vec();
    assert_eq!(one.roll(Some(0)).unwrap(), Left::Empty);
    // A writer that died, or found no room for the checkpoint, left it.
    let keys = fs::File::options().write(true).open(dir.path().join("keys/epoch.key")).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&keys, &old, 0).unwrap();
    // Not even the checkpoint can be written: a directory lies in the place of its draft.
    fs::create_dir(dir.path().join("checkpoint.draft")).unwrap();
    let error = one.end_full(Micros::now(), &room::full(dir.path(), &"no space"));
    assert!(error.to_string().contains("could not be recorded"), "{error}");
    assert_eq!(present(dir.path()), 1, "the secret of epoch 0 is overwritten all the same");
    two.folded.add("lease_missing", Micros::now());
    assert_eq!(two.roll(Some(1)).unwrap(), Left::Nothing);
    assert!(two.unfold().unwrap_err().to_string().contains("there is no room for the ledger"));
    assert_eq!(types(dir.path()), ["genesis", "decision", "keyroll", "disk_full"]);
}

/// One of as many entries is a second history, whoever wrote it with the log key; it is evidence, and is left where it is.
#[test]
fn another_checkpoint_of_as_many_entries_is_never_replaced() {
    use super::super::note::Checkpoint;
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path());
    add(&mut store, "c", Micros::now());
    let path = dir.path().join("checkpoint");
    let other = |n| Checkpoint { origin: ORIGIN.into(), n, root: [9; 32] }.sign(&store.key);
    let (same, fewer, more) = (other(2), other(1), other(9));
    fs::write(&path, &fewer).unwrap();
    store.publish(&store.statement()).unwrap();
    assert!(fs::read_to_string(&path).unwrap().starts_with("weather\n2\n"));
    fs::write(&path, &same).unwrap();
    let said = store.publish(&store.statement()).unwrap_err().to_string();
    assert!(said.contains("they are not these 2"), "{said}");
    assert_eq!(fs::read_to_string(&path).unwrap(), same);
    drop(store);
    // Nor does a start go on beside it, or beside one of entries that are gone.
    for (note, why) in [(&same, "they are not these 2"), (&more, "its checkpoint is of 9 entries, and there are 2")] {
        fs::write(&path, note).unwrap();
        let said = open_store(dir.path(), TERMS).map(drop).unwrap_err().to_string();
        assert!(said.contains(why), "{said}");
        assert_eq!(fs::read_to_string(&path).unwrap(), *note);
    }
    // Not even where everything else was taken away.
    for gone in ["head", "seg-00000000000000000000.jsonl"] {
        fs::remove_file(dir.path().join(gone)).unwrap();
        assert!(open_store(dir.path(), TERMS).is_err(), "without {gone}");
    }
    assert!(!segment(dir.path()).exists() || fs::metadata(segment(dir.path())).unwrap().len() == 0, "nothing was begun anew");
}
