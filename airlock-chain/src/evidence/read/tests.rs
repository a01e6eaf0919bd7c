use super::super::copy::tests::REDACTION;
use super::super::{ARGUMENTS_KEPT_MAX, EVIDENCE_MAX, Lines, REFUSED_KEPT_MAX};
use super::*;
use crate::place::{Terms, open as open_store};
use crate::redact::{Redact, redact};
use crate::store::Store;
use crate::tests::{ORIGIN, allow};
use crate::verify::{Trust, Verdict, verify};
use crate::{Decision, Durability, Entry, Ledger, Outcome, Sync};
use airlock_core::policy::evidence::{Evidence, Kept as Mode};
use std::fs;
use std::io::Write;

fn open(dir: &Path, kept: Mode) -> Ledger {
    let terms = Terms::unwatched(ORIGIN, "abababababababab", Durability::Power);
    let store = Store { keeps: Evidence { kept, keep: None }, ..open_store(dir, terms).unwrap().0 };
    Ledger::start(store, "abababababababab".into(), Durability::Power, false).unwrap()
}

fn record(ledger: &Ledger, entry: &Entry<'_>) -> u64 {
    ledger.record(entry, Sync::Durable).wait().unwrap().seq()
}

fn outcome<'a>(call: &'a str, text: &'a [u8]) -> Entry<'a> {
    let result = Some(Sha256::digest(text).into());
    Entry::Outcome(Outcome { call, ok: true, status: "ok", result, text: Some(text), ..Outcome::default() })
}

fn deny<'a>(args: &'a [u8], has_lease: bool) -> Entry<'a> {
    Entry::Decision(Decision { tool: "mail.send", why: "x", args, has_lease, ..Decision::default() })
}

/// State and text of everything that is kept of an entry, and of its outcome.
fn seen(dir: &Path, seq: u64) -> Vec<(&'static str, State, String)> {
    let texts = look(dir, seq).unwrap().into_iter().flat_map(|found| found.texts);
    texts.map(|text| (text.what, text.state, String::from_utf8(text.bytes).unwrap())).collect()
}

fn evidence(dir: &Path) -> std::path::PathBuf {
    dir.join("evidence/seg-00000000000000000000.jsonl")
}

const ARGS: &str = "{\"url\":\"https://api.example.com/\"}";

#[test]
fn what_is_kept_whole_opens_until_it_is_changed_or_erased() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), Mode::Full);
    assert_eq!((record(&ledger, &allow("c")), record(&ledger, &outcome("c", b"{\"ok\":1}"))), (1, 2));
    let whole = [("arguments", State::Opened, ARGS.to_owned()), ("result", State::Opened, "{\"ok\":1}".to_owned())];
    assert_eq!(seen(dir.path(), 1), whole);
    assert_eq!(seen(dir.path(), 2), whole[1..]);
    assert_eq!((seen(dir.path(), 0), look(dir.path(), 9).unwrap()), (Vec::new(), Vec::new()));

    let text = fs::read_to_string(evidence(dir.path())).unwrap();
    let changed = text.replace(&Base64::encode_string(b"{\"ok\":1}"), &Base64::encode_string(b"{\"ok\":2}"));
    fs::write(evidence(dir.path()), &changed).unwrap();
    assert_eq!(seen(dir.path(), 2), [("result", State::DoesNotOpen, "{\"ok\":2}".to_owned())]);
    fs::write(evidence(dir.path()), &text).unwrap();

    // The gateway goes on meanwhile, with the file that it has open.
    let why = Redact { from: 1, to: 2, why: "asked to be forgotten", by: "operator" };
    let (seq, erased) = redact(dir.path(), &why).unwrap();
    assert_eq!((seq, erased.salts, erased.texts), (3, 1, 2));
    assert_eq!(seen(dir.path(), 1), [("arguments", State::Erased, String::new()), ("result", State::Erased, String::new())]);
    assert_eq!(fs::metadata(evidence(dir.path())).unwrap().len(), text.len() as u64, "in their places");
    assert_eq!(record(&ledger, &allow("d")), 4);
    assert_eq!(seen(dir.path(), 4), [("arguments", State::Opened, ARGS.to_owned())]);
    let key = Some(*ledger.key());
    ledger.shutdown().unwrap();
    assert_eq!(verify(dir.path(), &Trust { key, ..Trust::default() }).unwrap().verdict, Verdict::Proven);
}

#[test]
fn copies_lack_what_is_named_and_open_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), Mode::Redacted(REDACTION));
    record(&ledger, &deny(b"{\"password\":\"hunter2\",\"to\":\"a@b.org\",\"x\":1}", false));
    assert_eq!(
        seen(dir.path(), 1),
        [("arguments", State::Redacted, "{\"password\":\"[removed]\",\"to\":\"[removed]\",\"x\":1}".to_owned())]
    );
    let long = vec![b' '; super::super::COPIED_MAX + 1];
    record(&ledger, &outcome("c", &long));
    assert_eq!(seen(dir.path(), 2), [("result", State::Left("size".into()), String::new())]);
}

#[test]
fn a_lease_is_kept_in_no_mode() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), Mode::Full);
    let lease = format!("alk1.k1.{}.{}", "A".repeat(80), "S".repeat(43));
    record(&ledger, &deny(format!("{{\"q\":\"{lease}\"}}").as_bytes(), false));
    record(&ledger, &deny(format!("{{\"q\":\"{}\"}}", "S".repeat(43)).as_bytes(), true));
    record(&ledger, &outcome("c", lease.as_bytes()));
    assert_eq!(seen(dir.path(), 1), [("arguments", State::Redacted, "{\"q\":\"[removed]\"}".to_owned())]);
    assert_eq!(seen(dir.path(), 2), [("arguments", State::Left("lease".into()), String::new())]);
    assert_eq!(seen(dir.path(), 3), [("result", State::Redacted, "[removed]".to_owned())]);
}

#[test]
fn every_text_has_its_bound_and_says_what_was_cut() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), Mode::Full);
    let long = vec![b'x'; 10 * ARGUMENTS_KEPT_MAX];
    let size = || usize::try_from(fs::metadata(evidence(dir.path())).unwrap().len()).unwrap();
    record(&ledger, &deny(&long, false));
    let refused = size();
    assert!(refused <= REFUSED_KEPT_MAX * 4 / 3 + 200, "{refused}");
    let allowed = Entry::Decision(Decision { allow: true, tool: "t", why: "ok", call: "c", args: &long, ..Decision::default() });
    record(&ledger, &allowed);
    assert!(size() - refused <= ARGUMENTS_KEPT_MAX * 4 / 3 + 300);
    for (seq, kept) in [(1, REFUSED_KEPT_MAX), (2, ARGUMENTS_KEPT_MAX)] {
        let [(_, state, text)] = &seen(dir.path(), seq)[..] else { panic!("one text") };
        assert_eq!((state, text.len()), (&State::Cut(long.len() as u64), kept));
    }
    // In a file that is full, the salt alone.
    let mut lines = Lines::behind(EVIDENCE_MAX - 60);
    lines.add(7, Some(&[1; 32]), Some(",\"args\":\"aaaa\""));
    lines.add(8, Some(&[1; 32]), Some(&format!(",\"args\":\"{}\"", "a".repeat(60))));
    assert_eq!(lines.salts.iter().filter(|byte| **byte == b'\n').count(), 2);
    assert_eq!(String::from_utf8(lines.texts).unwrap(), "{\"seq\":7,\"args\":\"aaaa\"}\n{\"seq\":8,\"left\":\"room\"}\n");
}

#[test]
fn a_line_that_a_dead_writer_left_spoils_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), Mode::Full);
    record(&ledger, &allow("c"));
    let tear =
        || fs::File::options().append(true).open(evidence(dir.path())).unwrap().write_all(b"{\"seq\":2,\"args\":\"eyJ").unwrap();
    tear();
    record(&ledger, &allow("d"));
    assert_eq!(seen(dir.path(), 2), [("arguments", State::Opened, ARGS.to_owned())], "of another process, meanwhile");
    tear();
    ledger.shutdown().unwrap();
    let ledger = open(dir.path(), Mode::Hashes);
    record(&ledger, &allow("e"));
    assert_eq!(seen(dir.path(), 3), [("arguments", State::Salt, String::new())], "before a start");
    // A line longer than any of ours is passed over.
    let mut file = fs::File::options().append(true).open(evidence(dir.path())).unwrap();
    file.write_all(&vec![b'x'; 3 * ARGUMENTS_KEPT_MAX]).unwrap();
    file.write_all(b"\n").unwrap();
    record(&ledger, &allow("f"));
    assert_eq!(seen(dir.path(), 4), [("arguments", State::Salt, String::new())]);
    fs::remove_file(evidence(dir.path())).unwrap();
    assert_eq!(seen(dir.path(), 4), [("arguments", State::Gone, String::new())]);
}
