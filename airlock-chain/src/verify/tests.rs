use super::super::tests::{allow, open, segment};
use super::super::{Ledger, Sync, line};
use super::*;
use airlock_core::clock::Micros;
use std::fs;
use std::fs::File;

struct Sample {
    dir: tempfile::TempDir,
    trust: Trust,
}

/// A ledger of `entries` entries, its writer shut down, so that a checkpoint covers all.
fn sample(entries: usize) -> Sample {
    let dir = tempfile::tempdir().unwrap();
    let ledger: Ledger = open(dir.path()).unwrap();
    for n in 1..entries {
        let _ = ledger.record(&allow(&format!("c-{n}")), Sync::Written).wait().unwrap();
    }
    let trust = Trust { key: Some(*ledger.key()), ..Trust::default() };
    ledger.shutdown().unwrap();
    Sample { dir, trust }
}

impl Sample {
    fn path(&self) -> std::path::PathBuf {
        segment(self.dir.path())
    }

    fn verdict(&self) -> Verdict {
        verify(self.dir.path(), &self.trust).unwrap().verdict
    }

    fn lines(&self) -> Vec<String> {
        fs::read_to_string(self.path()).unwrap().lines().map(str::to_owned).collect()
    }

    fn put(&self, lines: &[String]) {
        fs::write(self.path(), lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    }

    /// The lines chained anew from line `from` on, as somebody with write access and no key can do.
    fn rechain(&self, lines: &mut [String], from: usize) {
        for n in from.max(1)..lines.len() {
            let prev = super::super::chain::leaf(lines[n - 1].as_bytes());
            let parts = line::parse(lines[n].as_bytes()).unwrap();
            let rebuilt = line::build(n as u64, &prev, parts.micros().unwrap(), parts.body);
            lines[n] = String::from_utf8(rebuilt).unwrap();
        }
        self.put(lines);
    }
}

#[test]
fn an_untouched_ledger_is_proven_with_the_key_and_weaker_without() {
    let sample = sample(6);
    let report = verify(sample.dir.path(), &sample.trust).unwrap();
    assert_eq!((report.verdict, report.entries, report.anchored, report.unsealed), (Verdict::Proven, 6, 6, 0), "{report:?}");
    let without = verify(sample.dir.path(), &Trust::default()).unwrap();
    assert_eq!((without.verdict, without.anchored, without.unsealed), (Verdict::Weaker, 0, 6));
    assert!(without.not_proven[0].contains("no trust root"));
}

/// Every bit pattern of one flip per byte, over segment and checkpoint alike.
#[test]
fn a_flip_of_any_byte_is_found() {
    let sample = sample(5);
    for path in [sample.path(), sample.dir.path().join(files::CHECKPOINT)] {
        let good = fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            fs::write(&path, &bad).unwrap();
            let verdict = sample.verdict();
            assert!(matches!(verdict, Verdict::Tampered | Verdict::Truncated), "byte {at} of {}: {verdict:?}", path.display());
        }
        fs::write(&path, good).unwrap();
        assert_eq!(sample.verdict(), Verdict::Proven);
    }
}

#[test]
fn deleted_moved_inserted_and_repeated_lines_are_named() {
    let sample = sample(6);
    let good = sample.lines();
    let first_bad = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines = good.clone();
        change(&mut lines);
        sample.put(&lines);
        let report = verify(sample.dir.path(), &sample.trust).unwrap();
        assert_eq!(report.verdict, Verdict::Tampered);
        report.findings[0].seq
    };
    assert_eq!(first_bad(&|lines| drop(lines.remove(2))), Some(2));
    assert_eq!(first_bad(&|lines| lines.swap(3, 4)), Some(3));
    assert_eq!(first_bad(&|lines| lines.insert(4, good[1].clone())), Some(4));
    assert_eq!(first_bad(&|lines| lines[2] = lines[2].replacen("allow", "deny", 1)), Some(3), "its successor names its hash");
    assert_eq!(first_bad(&|lines| drop(lines.remove(0))), Some(0));
}

#[test]
fn a_whole_rewrite_is_caught_by_the_signature_and_only_by_it() {
    let sample = sample(6);
    let mut lines = sample.lines();
    lines[2] = lines[2].replacen("\"allow\"", "\"deny\"", 1);
    sample.rechain(&mut lines, 3);
    fs::remove_file(sample.dir.path().join(files::HEAD)).unwrap();
    let report = verify(sample.dir.path(), &sample.trust).unwrap();
    assert_eq!(report.verdict, Verdict::Tampered);
    assert!(report.findings[0].reason.contains("is not the one that was signed"), "{:?}", report.findings);
    // Without its checkpoint it is consistent with itself, and said to be no more than that.
    fs::remove_file(sample.dir.path().join(files::CHECKPOINT)).unwrap();
    let report = verify(sample.dir.path(), &sample.trust).unwrap();
    assert_eq!((report.verdict, report.unsealed), (Verdict::Weaker, 6));
}

#[test]
fn truncation_is_found_against_head_checkpoint_and_saved_checkpoint() {
    let mut sample = sample(6);
    let (head, checkpoint) = (sample.dir.path().join(files::HEAD), sample.dir.path().join(files::CHECKPOINT));
    let good = sample.lines();
    sample.put(&good[..4]);
    let report = verify(sample.dir.path(), &sample.trust).unwrap();
    assert_eq!((report.verdict, report.findings[0].seq), (Verdict::Truncated, Some(4)));
    // Each of the two finds it alone.
    let note = fs::read(&checkpoint).unwrap();
    fs::remove_file(&checkpoint).unwrap();
    assert_eq!(sample.verdict(), Verdict::Truncated);
    fs::remove_file(&head).unwrap();
    assert_eq!(sample.verdict(), Verdict::Weaker, "nothing is left to compare with");
    // A checkpoint kept elsewhere finds it when all in the directory was put back consistently.
    sample.trust.saved = Some(note.clone());
    assert_eq!(sample.verdict(), Verdict::Truncated);
    sample.put(&good);
    assert_eq!(sample.verdict(), Verdict::Proven);
    sample.trust.key = None;
    assert_eq!(sample.verdict(), Verdict::Proven, "a saved checkpoint is a trust root of its own");
    fs::write(&checkpoint, note).unwrap();
    sample.trust.saved = None;
    sample.put(&good[..4]);
    assert_eq!(sample.verdict(), Verdict::Truncated);
}

#[test]
fn another_key_or_another_ledger_is_no_match() {
    let (one, two) = (sample(3), sample(3));
    assert_eq!(verify(one.dir.path(), &two.trust).unwrap().verdict, Verdict::Tampered);
    let saved =
        Trust { key: one.trust.key, saved: Some(fs::read(two.dir.path().join(files::CHECKPOINT)).unwrap()), ..Trust::default() };
    assert_eq!(verify(one.dir.path(), &saved).unwrap().verdict, Verdict::Tampered);
    // A forged ledger put in place with its own key and checkpoint.
    for file in ["seg-00000000000000000000.jsonl", files::HEAD, files::CHECKPOINT] {
        fs::copy(two.dir.path().join(file), one.dir.path().join(file)).unwrap();
    }
    assert_eq!(one.verdict(), Verdict::Tampered);
    assert_eq!(verify(one.dir.path(), &Trust::default()).unwrap().verdict, Verdict::Weaker);
}

#[test]
fn a_torn_tail_is_named_and_costs_the_proof() {
    let sample = sample(3);
    let good = fs::read(sample.path()).unwrap();
    for tail in [&b"{\"seq\":3,\"pr"[..], b"whole but no entry\n"] {
        fs::write(sample.path(), [&good, tail].concat()).unwrap();
        let report = verify(sample.dir.path(), &sample.trust).unwrap();
        assert_eq!((report.verdict, report.entries), (Verdict::Weaker, 3));
        assert_eq!(report.torn.map(|torn| (torn.at, torn.bytes)), Some((good.len() as u64, tail.len() as u64)));
    }
}

#[test]
fn entries_behind_the_checkpoint_are_counted_as_unsealed() {
    let sample = sample(3);
    let mut cursor = Cursor::start([0; 32]);
    let text = fs::read_to_string(sample.path()).unwrap();
    let last = text.lines().last().unwrap();
    (cursor.prev, cursor.range) = (super::super::chain::leaf(last.as_bytes()), head_range(&sample));
    let more = cursor.extend(Micros::now(), b"\"t\":\"decision\",\"d\":\"allow\"}");
    fs::write(sample.path(), [text.as_bytes(), &more, b"\n"].concat()).unwrap();
    let report = verify(sample.dir.path(), &sample.trust).unwrap();
    assert_eq!((report.verdict, report.anchored, report.unsealed), (Verdict::Weaker, 3, 1));
}

fn head_range(sample: &Sample) -> super::super::chain::Range {
    let path = sample.dir.path().join(files::HEAD);
    Head::new(File::open(&path).unwrap(), path).read().unwrap().unwrap().range
}

#[test]
fn no_ledger_is_an_error_and_not_an_answer() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(verify(dir.path(), &Trust::default()).unwrap_err().kind(), io::ErrorKind::NotFound);
    assert!(stated(dir.path()).is_err());
    let sample = sample(1);
    let (origin, pin) = stated(sample.dir.path()).unwrap();
    assert_eq!((origin.as_str(), Some(pin.key)), ("weather", sample.trust.key));
    assert!(pin.epoch.is_some());
}
