//! The seal against somebody who has taken over the machine: he has every file, the log key, and the seal of now. All that he can write
//! he writes with the project's own code.

use super::super::chain::hex;
use super::super::cursor::Cursor;
use super::super::epochkey::Keys;
use super::super::files;
use super::super::head::{Head, Slot};
use super::super::note::{Checkpoint, Key};
use super::super::place::{Terms, load_key, open as open_store};
use super::super::seal::{Seal, Seed};
use super::super::sealed::MARK_EVERY;
use super::super::store::Store;
use super::super::verify::{Report, Trust, Verdict, verify};
use super::*;
use std::fs::File;

fn seed() -> Seed {
    Seed::of([0x5e; 32])
}

fn sealed_dir() -> (tempfile::TempDir, Key) {
    let dir = tempfile::tempdir().unwrap();
    let key = Ledger::init(dir.path(), ORIGIN, &[0xab; 32], Durability::Power, &seed()).unwrap();
    (dir, key.key)
}

fn record(ledger: &Ledger, count: usize) {
    for n in 0..count {
        let _ = ledger.record(&allow(&format!("c-{n}")), Sync::Written).wait().unwrap();
    }
}

/// A sealed ledger with so many entries beside line 0, at rest.
fn sealed(count: usize) -> (tempfile::TempDir, Key) {
    let (dir, key) = sealed_dir();
    let ledger = open(dir.path()).unwrap();
    record(&ledger, count);
    ledger.shutdown().unwrap();
    (dir, key)
}

fn check(dir: &Path) -> Report {
    verify(dir, &Trust { seed: Some(seed()), ..Trust::default() }).unwrap()
}

fn head(dir: &Path) -> Head {
    let path = dir.join(files::HEAD);
    Head::new(File::options().read(true).write(true).open(&path).unwrap(), path)
}

fn bodies(dir: &Path) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(segment(dir)).unwrap();
    text.lines().map(|line| line.as_bytes()[line.find("\"t\":").unwrap()..].to_vec()).collect()
}

/// Writes another history: chain, tree, head and checkpoint fit, and the seal is what he makes of the one he found.
fn forge(dir: &Path, bodies: &[Vec<u8>], seal: impl Fn(Seal, u64) -> Option<Seal>) {
    let key = load_key(dir).unwrap().unwrap();
    let text = fs::read_to_string(segment(dir)).unwrap();
    let times: Vec<_> = text.lines().map(|line| super::super::line::parse(line.as_bytes()).unwrap().micros().unwrap()).collect();
    let mut cursor = Cursor::start(first_prev(ORIGIN, key.verifying_key().as_bytes()));
    let mut lines = Vec::new();
    for (n, body) in bodies.iter().enumerate() {
        lines.extend(cursor.extend(*times.get(n).unwrap_or(times.last().unwrap()), body));
        lines.push(b'\n');
    }
    fs::write(segment(dir), lines).unwrap();
    let found = head(dir).read().unwrap().unwrap();
    let slot = Slot {
        generation: found.generation + 1,
        offset: cursor.offset,
        durable: cursor.offset,
        leaf: cursor.prev,
        range: cursor.range.clone(),
        epoch: cursor.epoch.clone(),
        seal: seal(found.seal.clone().unwrap(), cursor.range.len()),
        ..found
    };
    head(dir).write(&slot).unwrap();
    let (checkpoint, epoch) = (Checkpoint::of(ORIGIN, &cursor.range), cursor.epoch.as_ref().unwrap());
    let by_epoch = Keys::open(dir).unwrap().sign(epoch, checkpoint.text().as_bytes()).unwrap();
    fs::write(dir.join(files::CHECKPOINT), checkpoint.sign(&key) + &checkpoint.epoch_line(epoch, &by_epoch)).unwrap();
}

#[test]
fn a_sealed_ledger_is_proven_by_the_seed_alone() {
    let (dir, key) = sealed_dir();
    assert!(Ledger::init(dir.path(), ORIGIN, &[0; 32], Durability::Power, &seed()).is_err(), "never over another one");
    // Two writers, several segments, a start in between.
    let small = || {
        let terms = Terms::unwatched(ORIGIN, "abababababababab", Durability::Power);
        let store = Store { segment_max: 4000, ..open_store(dir.path(), terms).unwrap().0 };
        Ledger::start(store, "abababababababab".into(), Durability::Power, false).unwrap()
    };
    for _ in 0..2 {
        let (one, two) = (small(), small());
        std::thread::scope(|scope| [&one, &two].map(|ledger| drop(scope.spawn(|| record(ledger, 30)))));
    }
    assert!(super::super::segments(dir.path()).unwrap().len() > 3);
    let entries = checked_lines(dir.path()).len() as u64;
    let report = check(dir.path());
    assert_eq!((report.verdict, report.sealed, report.anchored), (Verdict::Proven, Some(entries), 0), "{report:?}");
    let both = Trust { key: Some(key), seed: Some(seed()), ..Trust::default() };
    assert_eq!(verify(dir.path(), &both).unwrap().verdict, Verdict::Proven);
    assert_eq!(verify(dir.path(), &Trust { key: Some(key), ..Trust::default() }).unwrap().verdict, Verdict::Proven);
    let other = Trust { seed: Some(Seed::of([1; 32])), ..Trust::default() };
    let report = verify(dir.path(), &other).unwrap();
    assert_eq!(report.verdict, Verdict::Tampered);
    assert!(report.findings[0].reason.contains("does not name this seed"), "{report:?}");
}

/// The log key alone is no defence here: to who trusts that, each of these histories is proven.
#[test]
fn whoever_has_every_file_can_neither_change_nor_cut_nor_replace_what_was_sealed() {
    // So many that the first mark is not of all of them, wherever the checkpoint came that made it.
    let count = 2 * usize::try_from(MARK_EVERY).unwrap() + 10;
    let marks = |dir: &Path| {
        let text = fs::read_to_string(dir.join(files::SEALS)).unwrap();
        let line: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        (line["n"].as_u64().unwrap(), unhex(line["mu"].as_str().unwrap().as_bytes()).unwrap())
    };
    type Forgery = fn(&Path);
    let forgeries: [(&str, Forgery); 6] = [
        ("one entry changed", |dir| {
            let mut all = bodies(dir);
            all[300] = String::from_utf8(all[300].clone()).unwrap().replacen("allow", "deny", 1).into_bytes();
            forge(dir, &all, |found, _| Some(found));
        }),
        ("the end cut off, the seal as it was", |dir| forge(dir, &bodies(dir)[..400], |found, _| Some(found))),
        ("the end cut off, the seal said to be of fewer", |dir| {
            forge(dir, &bodies(dir)[..400], |found, n| Some(Seal::from_parts(n, found.key(), *found.mu())));
        }),
        ("cut and continued, the seal taken further", |dir| {
            let mut all = bodies(dir);
            all.truncate(400);
            all.resize(700, b"\"t\":\"decision\",\"d\":\"deny\",\"forged\":1}".to_vec());
            forge(dir, &all, |mut found, n| {
                (found.len()..n).for_each(|_| found.push(&[9; 32]));
                Some(found)
            });
        }),
        ("everything written anew, with a seed of his own", |dir| {
            let all = bodies(dir);
            forge(dir, &all[..50], |_, n| {
                let mut own = Seal::start(&Seed::of([1; 32]));
                (0..n).for_each(|_| own.push(&[9; 32]));
                Some(own)
            });
        }),
        ("the seal taken out of the head", |dir| forge(dir, &bodies(dir)[..400], |_, _| None)),
    ];
    for (what, forgery) in forgeries {
        let (dir, key) = sealed(count);
        assert_eq!(check(dir.path()).verdict, Verdict::Proven);
        forgery(dir.path());
        assert_eq!(verify(dir.path(), &Trust { key: Some(key), ..Trust::default() }).unwrap().verdict, Verdict::Proven, "{what}");
        let report = check(dir.path());
        match what {
            "the end cut off, the seal as it was" => {
                assert_eq!((report.verdict, report.findings[0].seq), (Verdict::Truncated, Some(400)), "{report:?}");
            }
            // The aggregates beside it are of more entries than there are.
            "the seal taken out of the head" => assert_ne!(report.verdict, Verdict::Proven, "{report:?}"),
            _ => assert_eq!(report.verdict, Verdict::Tampered, "{what}: {report:?}"),
        }
    }
    // An aggregate of fewer entries lies open beside the ledger: without the key of that time it is worth nothing.
    let (dir, _) = sealed(count);
    let (n, mu) = marks(dir.path());
    let fewer = usize::try_from(n).unwrap();
    fs::remove_file(dir.path().join(files::SEALS)).unwrap();
    forge(dir.path(), &bodies(dir.path())[..fewer], |found, n| Some(Seal::from_parts(n, found.key(), mu)));
    assert_eq!(check(dir.path()).verdict, Verdict::Tampered, "cut to {fewer} of {count}");
}

#[test]
fn the_place_of_a_change_is_told_to_a_few_hundred_entries() {
    let every = usize::try_from(MARK_EVERY).unwrap();
    let dir = sealed_dir().0;
    for _ in 0..4 {
        let ledger = open(dir.path()).unwrap();
        record(&ledger, every + 10);
        ledger.shutdown().unwrap();
    }
    let at = 2 * every + 40;
    let mut all = bodies(dir.path());
    all[at] = String::from_utf8(all[at].clone()).unwrap().replacen("allow", "deny", 1).into_bytes();
    forge(dir.path(), &all, |found, _| Some(found));
    let report = check(dir.path());
    let from = usize::try_from(report.findings[0].seq.unwrap()).unwrap();
    assert!(from <= at && at - from < 2 * every, "{report:?}");
    assert!(report.findings[0].reason.contains("is one of"), "{report:?}");
}

/// Another writer that only appends must not put an older key back into the head.
#[test]
fn the_seal_of_the_head_never_goes_back() {
    let (dir, _) = sealed_dir();
    let terms = Terms::unwatched(ORIGIN, "abababababababab", Durability::Power);
    let store = |segment_max| Store { segment_max, ..open_store(dir.path(), terms).unwrap().0 };
    let (mut one, mut two) = (store(1), store(u64::MAX));
    let pending = || Pending { sealed: Some(allow("c").seal("x", [0; 32])), require: Vec::new() };
    let mut before = 0;
    for _ in 0..4 {
        for writer in [&mut one, &mut two] {
            let _ = writer.append(&[pending()], Micros::now).unwrap();
            let slot = head(dir.path()).read().unwrap().unwrap();
            let now = slot.seal.unwrap().len();
            assert!(now >= before && now >= slot.segment, "{now} after {before}, in the segment of {}", slot.segment);
            before = now;
        }
    }
    drop((one, two));
    open(dir.path()).unwrap().shutdown().unwrap();
    assert_eq!(check(dir.path()).verdict, Verdict::Proven);
}

/// The keys of all sealed lines are gone from every file.
#[test]
fn no_key_of_a_sealed_line_is_left() {
    let (dir, _) = sealed(20);
    let ledger = open(dir.path()).unwrap();
    record(&ledger, 21);
    ledger.shutdown().unwrap();
    let mut seal = Seal::start(&seed());
    let mut keys = Vec::new();
    for line in fs::read_to_string(segment(dir.path())).unwrap().lines() {
        keys.push(*seal.key());
        seal.push(&leaf(line.as_bytes()));
    }
    let sealed: std::collections::HashSet<&[u8]> = keys.iter().map(|key| key.as_slice()).collect();
    let spelled: Vec<String> = keys.iter().map(|key| hex(key)).collect();
    let mut left = Vec::new();
    for item in fs::read_dir(dir.path()).unwrap().map(|item| item.unwrap().path()).filter(|path| path.is_file()) {
        let bytes = fs::read(&item).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        if bytes.windows(32).any(|window| sealed.contains(window)) || spelled.iter().any(|key| text.contains(key)) {
            left.push(item.clone());
        }
        if item.ends_with(files::HEAD) {
            assert!(bytes.windows(32).any(|window| window == seal.key()), "the key of the next line is there");
        }
    }
    assert_eq!(left, Vec::<std::path::PathBuf>::new());
}

/// The same while the gateway runs, as soon as a checkpoint was signed: both slots are written.
#[test]
fn a_checkpoint_leaves_no_older_key_in_the_head() {
    let (dir, _) = sealed_dir();
    let terms = Terms::unwatched(ORIGIN, "abababababababab", Durability::Power);
    let mut store = open_store(dir.path(), terms).unwrap().0;
    for _ in 0..3 {
        let pending = Pending { sealed: Some(allow("c").seal("x", [0; 32])), require: Vec::new() };
        let _ = store.append(&[pending], Micros::now).unwrap();
    }
    let before = head(dir.path()).read().unwrap().unwrap().seal.unwrap();
    let holds = |key: &[u8; 32]| fs::read(dir.path().join(files::HEAD)).unwrap().windows(32).any(|window| window == key);
    assert!(holds(before.key()) && before.len() < store.cursor.range.len());
    (store.durable, store.sealed) = (store.cursor.offset, store.cursor.seal.clone());
    store.settle().unwrap();
    assert!(!holds(before.key()) && holds(store.cursor.seal.as_ref().unwrap().key()));
}

/// Entries that were written and not synced are not under the seal of the head, so a power cut that takes them leaves a seal that holds.
#[test]
fn a_seal_survives_a_power_cut_and_a_writer_that_died() {
    let (dir, _) = sealed(5);
    let size = fs::metadata(segment(dir.path())).unwrap().len();
    let at_rest = head(dir.path()).read().unwrap().unwrap();
    let terms = Terms::unwatched(ORIGIN, "abababababababab", Durability::Power);
    let mut store = open_store(dir.path(), terms).unwrap().0;
    for n in 0..3 {
        let pending = Pending { sealed: Some(allow(&format!("late-{n}")).seal("x", [0; 32])), require: Vec::new() };
        let _ = store.append(&[pending], Micros::now).unwrap();
    }
    let written = fs::read(segment(dir.path())).unwrap();
    // A writer died between its lines and its head.
    let slot = head(dir.path()).read().unwrap().unwrap();
    assert_eq!((slot.range.len(), slot.seal.as_ref().map(Seal::len)), (9, Some(6)));
    head(dir.path()).write(&Slot { generation: slot.generation + 1, ..at_rest.clone() }).unwrap();
    open(dir.path()).unwrap().shutdown().unwrap();
    assert_eq!((check(dir.path()).verdict, check(dir.path()).sealed), (Verdict::Proven, Some(9)));
    // The power failed: the head speaks of entries that are not there.
    let later = Slot { generation: slot.generation + 90, boot: [0xee; 16], ..slot };
    head(dir.path()).write(&later).unwrap();
    fs::remove_file(dir.path().join(files::CHECKPOINT)).unwrap();
    fs::write(segment(dir.path()), &written[..usize::try_from(size).unwrap() + 30]).unwrap();
    open(dir.path()).unwrap().shutdown().unwrap();
    let report = check(dir.path());
    assert_eq!((report.verdict, report.sealed), (Verdict::Proven, Some(7)), "{report:?}");
    assert_eq!(checked_lines(dir.path())[6]["lost"], 3);
}
