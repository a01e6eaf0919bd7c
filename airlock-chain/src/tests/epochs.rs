//! Epoch keys against somebody who has every file of now, and through crashes at each step of a roll.

use super::super::cursor::Cursor;
use super::super::epoch::{self, EPOCH_AGE, Epoch};
use super::super::epochkey::Keys;
use super::super::files;
use super::super::head::Head;
use super::super::note::{Checkpoint, Pin};
use super::super::place::{Terms, load_key, open as open_store};
use super::super::roll::Left;
use super::super::store::Store;
use super::super::verify::{Report, Trust, Verdict, stated, verify};
use super::super::{chain, line};
use super::*;
use std::fs::File;

const TERMS: Terms<'static> = Terms::unwatched(ORIGIN, "abababababababab", Durability::Power);

fn store(dir: &Path) -> Store {
    open_store(dir, TERMS).unwrap().0
}

fn add(store: &mut Store, call: &str, at: Micros) {
    let pending = Pending { sealed: Some(allow(call).seal("x", [0; 32])), require: Vec::new() };
    let _ = store.append(&[pending], || at).unwrap();
}

/// The time so many epochs from now.
fn later(epochs: u64) -> Micros {
    Micros(Micros::now().0 + epochs * EPOCH_AGE)
}

/// A ledger of three epochs with two entries each, at rest; the clock of its writer ran ahead.
fn rolled() -> (tempfile::TempDir, Pin) {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path());
    for epoch in 0..3 {
        add(&mut store, &format!("c-{epoch}-0"), later(epoch));
        add(&mut store, &format!("c-{epoch}-1"), later(epoch));
    }
    drop(store);
    let ledger = open(dir.path()).unwrap();
    let pin = ledger.pin();
    ledger.shutdown().unwrap();
    (dir, pin)
}

fn check(dir: &Path, pin: Pin) -> Report {
    verify(dir, &Trust { key: Some(pin.key), epoch_key: pin.epoch, ..Trust::default() }).unwrap()
}

fn log_key_alone(dir: &Path, pin: Pin) -> Report {
    check(dir, Pin { epoch: None, ..pin })
}

/// Both verifiers, which have to agree.
fn verdict(dir: &Path, pin: Pin) -> Verdict {
    let report = check(dir, pin);
    let (code, said) = vectors::python(dir, &["--key", &pin.to_string()]);
    assert_eq!(code, report.verdict as i32, "{said} {report:?}");
    report.verdict
}

fn types(dir: &Path) -> Vec<String> {
    checked_lines(dir).iter().map(|line| line["t"].as_str().unwrap().to_owned()).collect()
}

fn slots(dir: &Path) -> Vec<Option<u64>> {
    let bytes = fs::read(dir.join("keys/epoch.key")).unwrap();
    let number = |slot: &[u8]| u64::from_be_bytes(slot[8..16].try_into().unwrap());
    let slot = |at: usize| bytes.get(at..at + 56).filter(|slot| !slot.iter().all(|byte| *byte == 0));
    [slot(0).map(number), slot(4096).map(number)].to_vec()
}

#[test]
fn a_roll_signs_all_before_it_and_leaves_no_older_key() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = store(dir.path());
    let pin = first.pin();
    let secret = fs::read(dir.path().join("keys/epoch.key")).unwrap()[16..48].to_vec();
    add(&mut first, "c-0", Micros::now());
    add(&mut first, "c-1", later(1));
    assert_eq!(types(dir.path()), ["genesis", "decision", "keyroll", "decision"]);
    assert_eq!(slots(dir.path()), [None, Some(1)]);
    let note = fs::read_to_string(dir.path().join(files::CHECKPOINT)).unwrap();
    assert!(note.starts_with("weather\n3\n") && note.contains("\u{2014} weather/epoch-1 "), "the roll is under it: {note}");
    drop(first);
    open(dir.path()).unwrap().shutdown().unwrap();
    let report = check(dir.path(), pin);
    assert_eq!((report.verdict, report.epoch, report.past_epochs), (Verdict::Proven, Some(1), 2), "{report:?}");
    assert_eq!(verdict(dir.path(), pin), Verdict::Proven);
    assert_eq!(log_key_alone(dir.path(), pin).past_epochs, 0, "which key was the first is not proven");
    for item in ["head", "checkpoint", "keys/epoch.key", "keys/log.key", "seg-00000000000000000000.jsonl"] {
        let bytes = fs::read(dir.path().join(item)).unwrap();
        assert!(!bytes.windows(32).any(|window| window == secret), "{item} has the key of epoch 0");
    }
    // An epoch of nothing but its own line is not ended.
    let mut again = store(dir.path());
    add(&mut again, "c-2", later(3));
    assert_eq!(types(dir.path())[4..], ["keyroll", "decision"]);
    again.epoch_age = 0;
    assert_eq!([again.roll(None).unwrap(), again.roll(None).unwrap()], [Left::Empty; 2]);
    assert_eq!(types(dir.path())[6..], ["keyroll"], "without an entry that waits for it, once");
}

#[test]
fn a_saved_checkpoint_or_the_seed_proves_the_first_key_too() {
    let (dir, pin) = rolled();
    let saved = fs::read(dir.path().join(files::CHECKPOINT)).unwrap();
    let report = verify(dir.path(), &Trust { saved: Some(saved.clone()), ..Trust::default() }).unwrap();
    assert_eq!((report.verdict, report.past_epochs), (Verdict::Proven, 6));
    let without = String::from_utf8(saved)
        .unwrap()
        .lines()
        .filter(|line| !line.contains("/epoch-"))
        .fold(String::new(), |all, line| all + line + "\n");
    let report = verify(dir.path(), &Trust { saved: Some(without.into_bytes()), ..Trust::default() }).unwrap();
    assert_eq!((report.verdict, report.past_epochs), (Verdict::Proven, 6), "a witness may hand out the lines that it knows");
    assert_eq!(check(dir.path(), Pin { epoch: Some(pin.key), ..pin }).findings[0].seq, Some(0));
}

/// What the forger has: bodies of the lines, the log key, and the key of the epoch of now.
struct Forger {
    dir: tempfile::TempDir,
    pin: Pin,
    bodies: Vec<Vec<u8>>,
}

impl Forger {
    fn new() -> Self {
        let (dir, pin) = rolled();
        let text = fs::read_to_string(segment(dir.path())).unwrap();
        let bodies = text.lines().map(|line| line.as_bytes()[line.find("\"t\":").unwrap()..].to_vec()).collect();
        Self { dir, pin, bodies }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn edit(&mut self, n: usize) {
        self.bodies[n] = String::from_utf8(self.bodies[n].clone()).unwrap().replacen("allow", "deny", 1).into_bytes();
    }

    /// Writes chain, head and checkpoint anew; the note has the lines that he can make.
    fn write(&self, epoch_line: bool) {
        let dir = self.path();
        let key = load_key(dir).unwrap().unwrap();
        let mut cursor = Cursor::start(first_prev(ORIGIN, key.verifying_key().as_bytes()));
        let old = fs::read_to_string(segment(dir)).unwrap();
        let times: Vec<_> = old.lines().map(|text| line::parse(text.as_bytes()).unwrap().micros().unwrap()).collect();
        let text: Vec<u8> =
            self.bodies.iter().zip(times).flat_map(|(body, at)| [cursor.extend(at, body), b"\n".to_vec()].concat()).collect();
        fs::write(segment(dir), text).unwrap();
        fs::remove_file(dir.join(files::HEAD)).unwrap();
        let checkpoint = Checkpoint::of(ORIGIN, &cursor.range);
        let mut note = checkpoint.sign(&key);
        if epoch_line {
            let last = self.present();
            let signature = Keys::open(dir).unwrap().sign(&last, checkpoint.text().as_bytes()).unwrap();
            note.push_str(&checkpoint.epoch_line(&last, &signature));
        }
        fs::write(dir.join(files::CHECKPOINT), note).unwrap();
    }

    /// The epoch of now, as the ledger was before.
    fn present(&self) -> Epoch {
        let last = self.bodies.iter().rposition(|body| body.starts_with(epoch::KEYROLL)).unwrap();
        let text: Value = serde_json::from_slice(&[b"{", self.bodies[last].as_slice()].concat()).unwrap();
        let key = super::super::note::parse_key(text["epk"].as_str().unwrap()).unwrap();
        Epoch { number: text["epoch"].as_u64().unwrap(), key, since: 0, began: Micros(0) }
    }
}

#[test]
fn whoever_has_every_file_cannot_change_a_past_epoch() {
    // An entry of epoch 0, and one of epoch 1: the roll behind it does not hold.
    for (at, roll) in [(1, 3), (4, 6)] {
        let mut forger = Forger::new();
        assert_eq!(verdict(forger.path(), forger.pin), Verdict::Proven);
        forger.edit(at);
        forger.write(true);
        let report = check(forger.path(), forger.pin);
        assert_eq!((report.verdict, report.findings[0].seq), (Verdict::Tampered, Some(roll)), "{report:?}");
        assert!(report.findings[0].reason.contains("has not signed it"), "{report:?}");
        assert_eq!(report.past_epochs, 0, "nothing is claimed beside a finding");
        assert_eq!(verdict(forger.path(), forger.pin), Verdict::Tampered);
        assert_eq!(log_key_alone(forger.path(), forger.pin).verdict, Verdict::Tampered, "the chain itself does not hold");
    }
    // The rolls taken out, or the last one: what is left is of an epoch whose key is gone.
    for keep in [0, 1] {
        let mut forger = Forger::new();
        let present = forger.present();
        let mut seen = 0;
        forger.bodies.retain(|body| {
            seen += usize::from(body.starts_with(epoch::KEYROLL));
            !body.starts_with(epoch::KEYROLL) || seen <= keep
        });
        forger.write(false);
        let findings = check(forger.path(), forger.pin).findings;
        assert!(findings[0].reason.contains("not signed by the key of its epoch"), "{findings:?}");
        assert_eq!(verdict(forger.path(), forger.pin), Verdict::Tampered);
        // Nor does the line of a key that he has help.
        let note = fs::read_to_string(forger.path().join(files::CHECKPOINT)).unwrap();
        let checkpoint = Checkpoint::claim(note.as_bytes()).unwrap();
        let signature = Keys::open(forger.path()).unwrap().sign(&present, checkpoint.text().as_bytes()).unwrap();
        fs::write(forger.path().join(files::CHECKPOINT), note + &checkpoint.epoch_line(&present, &signature)).unwrap();
        assert_eq!(verdict(forger.path(), forger.pin), Verdict::Tampered);
    }
}

#[test]
fn a_ledger_written_anew_with_keys_of_its_own_is_found_by_the_first_key_alone() {
    let mut forger = Forger::new();
    let genesis = String::from_utf8(forger.bodies[0].clone()).unwrap();
    let old = forger.pin.epoch.map(|key| super::super::note::plain_key(&key)).unwrap();
    let present = Epoch { number: 0, ..forger.present() };
    forger.bodies =
        vec![genesis.replace(&old, &super::super::note::plain_key(&present.key)).into_bytes(), forger.bodies[1].clone()];
    // His own key, in the slot of epoch 0.
    let path = forger.path().join("keys/epoch.key");
    let secret = fs::read(&path).unwrap()[16..48].to_vec();
    forger.write(false);
    let signer = ed25519_dalek::SigningKey::from_bytes(secret.as_slice().try_into().unwrap());
    let note = fs::read_to_string(forger.path().join(files::CHECKPOINT)).unwrap();
    let checkpoint = Checkpoint::claim(note.as_bytes()).unwrap();
    let signature = ed25519_dalek::Signer::sign(&signer, checkpoint.text().as_bytes());
    fs::write(forger.path().join(files::CHECKPOINT), note + &checkpoint.epoch_line(&present, &signature)).unwrap();
    assert_eq!(log_key_alone(forger.path(), forger.pin).verdict, Verdict::Proven, "to the log key alone it looks right");
    assert_eq!(verdict(forger.path(), forger.pin), Verdict::Tampered);
    assert_eq!(check(forger.path(), forger.pin).findings[0].seq, Some(0));
}

/// What epoch keys do not show, so that nobody believes it: the epoch of now.
#[test]
fn the_present_epoch_is_at_the_mercy_of_who_has_its_key() {
    let mut forger = Forger::new();
    forger.edit(8);
    forger.write(true);
    let report = check(forger.path(), forger.pin);
    assert_eq!((report.verdict, report.past_epochs), (Verdict::Proven, 6), "{report:?}");
    assert!(
        report.not_proven.iter().any(|text| text.contains("the last 3 entries against who has the key of epoch 2")),
        "{report:?}"
    );
}

/// Nor do they show that a ledger was put back as a whole, with all files of an earlier time: that is a matter of what was kept.
#[test]
fn a_whole_state_of_earlier_is_found_by_what_was_kept_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = store(dir.path());
    let pin = first.pin();
    add(&mut first, "a", Micros::now());
    add(&mut first, "b", later(1));
    drop(first);
    open(dir.path()).unwrap().shutdown().unwrap();
    let early = tempfile::tempdir().unwrap();
    assert!(std::process::Command::new("cp").args(["-a", "-T"]).args([dir.path(), early.path()]).status().unwrap().success());
    let mut first = store(dir.path());
    add(&mut first, "c", later(2));
    drop(first);
    open(dir.path()).unwrap().shutdown().unwrap();
    let kept = fs::read(dir.path().join(files::CHECKPOINT)).unwrap();
    assert_eq!(verdict(early.path(), pin), Verdict::Proven, "it is whole, and shorter");
    let trust = Trust { key: Some(pin.key), epoch_key: pin.epoch, saved: Some(kept), ..Trust::default() };
    assert_eq!(verify(early.path(), &trust).unwrap().verdict, Verdict::Truncated);
    // But without a checkpoint of then he cannot make such a state of what he finds.
    for item in ["checkpoint", "keys/epoch.key"] {
        fs::copy(dir.path().join(item), early.path().join(item)).unwrap();
    }
    assert_eq!(verdict(early.path(), pin), Verdict::Truncated);
    fs::remove_file(early.path().join(files::CHECKPOINT)).unwrap();
    assert_eq!(verdict(early.path(), pin), Verdict::Weaker);
    assert!(open(early.path()).map(drop).unwrap_err().to_string().contains("has not the key of epoch 1"));
}

#[test]
fn the_line_of_the_epoch_key_is_missed_and_not_taken_from_another_note() {
    let (dir, pin) = rolled();
    let path = dir.path().join(files::CHECKPOINT);
    let note = fs::read_to_string(&path).unwrap();
    let at = note.find("\u{2014} weather/epoch-2").unwrap();
    for bad in [
        note[..at].to_owned(),
        note.replace("/epoch-2", "/epoch-1"),
        format!("{}{}", &note[..at], note[at..].replacen('A', "B", 1)),
    ] {
        fs::write(&path, &bad).unwrap();
        if bad != note {
            assert_eq!(verdict(dir.path(), pin), Verdict::Tampered, "{bad}");
        }
    }
}

/// Each place where a roll can end, as the files are then.
#[test]
fn a_roll_that_ended_at_any_step_is_gone_on_with() {
    for step in 0..5 {
        let dir = tempfile::tempdir().unwrap();
        let mut first = store(dir.path());
        let pin = first.pin();
        add(&mut first, "c-0", Micros::now());
        let epoch = first.cursor.epoch.clone().unwrap();
        let old = fs::read(dir.path().join("keys/epoch.key")).unwrap()[..56].to_vec();
        let head = fs::read(dir.path().join(files::HEAD)).unwrap();
        first.epoch_age = 0;
        if step == 0 {
            // The next key is there, and no line names it.
            Keys::open(dir.path()).unwrap().put_fresh(1).unwrap();
        } else {
            let _ = first.roll(None).unwrap();
            // The old key was not erased yet.
            let keys = File::options().write(true).open(dir.path().join("keys/epoch.key")).unwrap();
            std::os::unix::fs::FileExt::write_all_at(&keys, &old, 0).unwrap();
        }
        if step <= 3 {
            let _ = fs::remove_file(dir.path().join(files::CHECKPOINT));
        }
        if step <= 2 {
            fs::write(dir.path().join(files::HEAD), &head).unwrap();
        }
        if step == 1 {
            // Half of the line.
            let text = fs::read(segment(dir.path())).unwrap();
            fs::write(segment(dir.path()), &text[..text.len() - 40]).unwrap();
        }
        drop(first);
        let ledger = open(dir.path()).unwrap();
        let _ = ledger.record(&allow("after"), Sync::Durable).wait().unwrap();
        ledger.shutdown().unwrap();
        let expected: &[&str] = match step {
            0 => &["genesis", "decision", "decision"],
            1 => &["genesis", "decision", "recover", "decision"],
            _ => &["genesis", "decision", "keyroll", "decision"],
        };
        assert_eq!(types(dir.path()), expected, "step {step}");
        assert_eq!(verdict(dir.path(), pin), Verdict::Proven, "step {step}");
        assert_eq!(slots(dir.path())[0].is_none(), step > 1, "the old key is gone once another one is named; step {step}");
        // And the next roll is one as any other.
        let mut next = store(dir.path());
        next.epoch_age = 0;
        assert_eq!(next.roll(None).unwrap(), Left::Empty);
        assert_eq!(slots(dir.path()).iter().flatten().count(), 1, "step {step}");
        assert_eq!((verdict(dir.path(), pin), epoch.number), (Verdict::Proven, 0), "step {step}");
    }
}

/// A power cut never takes a roll back whose old key is gone: the line was on disk before.
#[test]
fn a_power_cut_after_a_roll_leaves_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = store(dir.path());
    let pin = first.pin();
    add(&mut first, "c-0", Micros::now());
    let head = fs::read(dir.path().join(files::HEAD)).unwrap();
    first.epoch_age = 0;
    assert_eq!(first.roll(None).unwrap(), Left::Empty);
    let on_disk = first.durable;
    assert_eq!(on_disk, fs::metadata(segment(dir.path())).unwrap().len(), "the head may not be there yet, the line is");
    first.epoch_age = EPOCH_AGE;
    add(&mut first, "lost", Micros::now());
    File::options().write(true).open(segment(dir.path())).unwrap().set_len(on_disk).unwrap();
    // The disk has the head of before, and another boot begins.
    fs::write(dir.path().join(files::HEAD), head).unwrap();
    let path = dir.path().join(files::HEAD);
    let head = Head::new(File::options().read(true).write(true).open(&path).unwrap(), path);
    let mut slot = head.read().unwrap().unwrap();
    (slot.boot, slot.generation) = ([0xee; 16], slot.generation + 1);
    head.write(&slot).unwrap();
    open(dir.path()).unwrap().shutdown().unwrap();
    assert_eq!((verdict(dir.path(), pin), types(dir.path()).last().unwrap().as_str()), (Verdict::Proven, "keyroll"));
}

#[test]
fn several_writers_roll_one_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let (mut one, mut two) = (store(dir.path()), store(dir.path()));
    let pin = one.pin();
    add(&mut one, "a", Micros::now());
    add(&mut two, "b", Micros::now());
    let stale = two.statement();
    one.epoch_age = 0;
    assert_eq!(one.roll(None).unwrap(), Left::Empty);
    two.publish(&stale).unwrap();
    assert_eq!(slots(dir.path()), [None, Some(1)]);
    add(&mut two, "c", Micros::now());
    two.publish(&two.statement()).unwrap();
    drop((one, two));
    assert_eq!(verdict(dir.path(), pin), Verdict::Proven);
    std::thread::scope(|scope| {
        for name in ["x", "y", "z"] {
            let dir = dir.path();
            scope.spawn(move || {
                let store = Store { epoch_age: 0, ..store(dir) };
                let ledger = Ledger::start(store, "abababababababab".into(), Durability::Power, false).unwrap();
                (0..20).for_each(|_| drop(ledger.record(&allow(name), Sync::Durable).wait().unwrap()));
                ledger.shutdown().unwrap();
            });
        }
    });
    assert_eq!(verdict(dir.path(), pin), Verdict::Proven);
    assert!(types(dir.path()).iter().filter(|t| *t == "keyroll").count() > 10);
    assert_eq!(slots(dir.path()).iter().flatten().count(), 1);
}

#[test]
fn a_writer_without_its_epoch_key_stops_and_does_not_start() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = store(dir.path());
    add(&mut first, "a", Micros::now());
    fs::write(dir.path().join("keys/epoch.key"), [0; 8192]).unwrap();
    let error = first.publish(&first.statement()).unwrap_err().to_string();
    assert!(error.contains("has not the key of epoch 0"), "{error}");
    assert!(open(dir.path()).map(drop).unwrap_err().to_string().contains("has not the key of epoch 0"));
    // Somebody who may write the segment, and has no key, rolls to one of his own: that is no entry.
    let dir = tempfile::tempdir().unwrap();
    let mut first = store(dir.path());
    let key = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
    let message = epoch::message(1, &first.cursor.range.root(), 1, &key.verifying_key());
    let body = epoch::body(1, &key.verifying_key(), &ed25519_dalek::Signer::sign(&key, &message));
    let text = [line::build(1, &first.cursor.prev, Micros::now(), &body), b"\n".to_vec()].concat();
    std::io::Write::write_all(&mut File::options().append(true).open(segment(dir.path())).unwrap(), &text).unwrap();
    // Behind the head it is what recovery cuts off; both verifiers say so.
    let pin = first.pin();
    first.publish(&first.statement()).unwrap();
    assert_eq!(verdict(dir.path(), pin), Verdict::Weaker);
    add(&mut first, "b", Micros::now());
    assert_eq!(types(dir.path()), ["genesis", "recover", "decision"]);
}

/// Ledgers of earlier versions: no epoch keys, and a head of the first form.
#[test]
fn a_ledger_that_was_begun_without_epoch_keys_goes_on_and_says_so() {
    let (dir, pin) = rolled();
    let text = fs::read_to_string(segment(dir.path())).unwrap();
    let genesis = text.lines().next().unwrap();
    let body = format!("{}}}", &genesis[genesis.find("\"t\":").unwrap()..genesis.find(",\"epk\"").unwrap()]);
    crate::rewritten::rewrite_at(dir.path(), &[&body, "\"t\":\"decision\",\"d\":\"allow\",\"call\":\"old\"}"], Micros::now());
    fs::remove_file(dir.path().join("keys/epoch.key")).unwrap();
    let path = dir.path().join(files::HEAD);
    let slot = Head::new(File::open(&path).unwrap(), path.clone()).read().unwrap().unwrap();
    assert_eq!(slot.epoch, None);
    // As the first version wrote it: no segment, and nothing behind the peaks.
    let mut old = b"alkhead1".to_vec();
    for number in [slot.generation, slot.range.len(), slot.offset, slot.durable, slot.newest.0] {
        old.extend_from_slice(&number.to_be_bytes());
    }
    old.extend_from_slice(&slot.boot);
    old.extend_from_slice(&slot.leaf);
    old.push(u8::try_from(slot.range.peaks().len()).unwrap());
    slot.range.peaks().iter().for_each(|peak| old.extend_from_slice(peak));
    old.extend_from_slice(&<sha2::Sha256 as sha2::Digest>::digest(&old)[..8]);
    fs::write(&path, &old).unwrap();
    let report = check(dir.path(), Pin { epoch: None, ..pin });
    assert_eq!((report.verdict, report.entries), (Verdict::Weaker, 2), "it is read as it is: {report:?}");
    let ledger = open(dir.path()).unwrap();
    assert_eq!(ledger.record(&allow("new"), Sync::Durable).wait().unwrap().seq(), 2);
    assert_eq!(ledger.pin().epoch, None);
    ledger.shutdown().unwrap();
    let bytes = fs::read(&path).unwrap();
    assert!(bytes[..8] == *b"alkhead2" && bytes[4096..4104] == *b"alkhead2", "the next commits write the form of now");
    let report = check(dir.path(), Pin { epoch: None, ..pin });
    assert_eq!((report.verdict, report.epoch), (Verdict::Proven, None));
    assert!(report.not_proven.iter().any(|text| text.contains("has no epoch keys")), "{report:?}");
    assert_eq!(verdict(dir.path(), Pin { epoch: None, ..pin }), Verdict::Proven);
    assert_eq!(verdict(dir.path(), pin), Verdict::Tampered, "who pinned an epoch key does not take this for it");
    // A head of the first form with one changed byte is none.
    for at in 0..old.len() {
        let mut bad = old.clone();
        bad[at] ^= 1;
        fs::write(&path, &bad).unwrap();
        assert_eq!(Head::new(File::open(&path).unwrap(), path.clone()).read().unwrap(), None, "byte {at}");
    }
    assert_eq!(chain::hex(&slot.leaf).len(), 64);
    assert!(stated(dir.path()).unwrap().1.epoch.is_none());
}
