//! A disk that is full is a small one: a file system in memory with a bound, in a namespace of its own.

use super::super::place::{Terms, open as open_store};
use super::super::store::Pending;
use super::super::tests::{ORIGIN, allow, checked_lines, open};
use super::super::verify::{Trust, Verdict, verify};
use super::super::{Decision, Durability, Entry, Ledger, Revoke, Sync, Target, fold, read};
use super::*;
use airlock_core::policy::evidence::{Evidence, Kept};
use std::fs;
use std::process::Command;

/// Names the directory for the child; absent in an ordinary test run.
const CHILD: &str = "AIRLOCK_TEST_FULL_DIR";

fn deny(call: &str) -> Entry<'_> {
    Entry::Decision(Decision { tool: "t", why: "lease_missing", call, ..Decision::default() })
}

/// Not a test by itself: fills a disk of 4 MiB with two writers until nothing is taken any more.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(CHILD) else { return };
    let dir = Path::new(&dir);
    let (ledger, other) = (open(dir).unwrap(), open(dir).unwrap());
    let mut acknowledged = 0;
    let error = loop {
        match ledger.record(&allow("c"), Sync::Durable).wait() {
            Ok(recorded) => acknowledged = recorded.seq(),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, LedgerError::Full(_)), "{error:?}");
    assert!(
        error.to_string().contains("there is no room for the ledger") && !error.to_string().contains("could not be recorded"),
        "{error}"
    );
    assert_eq!(ledger.record(&allow("later"), Sync::Written).wait().unwrap_err(), error, "it is final");
    // There is room again, of what was set aside, but nobody may use it.
    let theirs = other.record(&allow("theirs"), Sync::Written).wait().unwrap_err();
    assert!(theirs.to_string().contains("another process has said so"), "{theirs}");
    assert!(ledger.shutdown().is_err() && other.shutdown().is_err());
    let again = open(dir).map(drop).unwrap_err();
    assert!(matches!(again, LedgerError::Full(_)), "a start needs the room that is set aside: {again:?}");
    let lines = checked_lines(dir);
    let last = lines.last().unwrap();
    assert_eq!((last["t"].as_str(), last["seq"].as_u64()), (Some("disk_full"), Some(acknowledged + 1)));
    let trust = Trust { key: Some(*ledger.key()), ..Trust::default() };
    assert_eq!(verify(dir, &trust).unwrap().verdict, Verdict::Proven, "the last checkpoint covers it");
    fs::remove_file(dir.parent().unwrap().join("ballast")).unwrap();
    let ledger = open(dir).unwrap();
    assert_eq!(ledger.record(&allow("after"), Sync::Durable).wait().unwrap().seq(), acknowledged + 2);
    ledger.shutdown().unwrap();
    assert_eq!(verify(dir, &trust).unwrap().verdict, Verdict::Proven);
}

/// Not a test by itself: as [`child`], with arguments that are kept. They take nothing of what is set aside.
#[test]
fn child_that_keeps_arguments() {
    let Some(dir) = std::env::var_os(CHILD) else { return };
    let dir = Path::new(&dir);
    let keeps = Evidence { kept: Kept::Full, keep: None };
    let store = Store { keeps, ..store(dir) };
    let ledger = Ledger::start(store, "abababababababab".into(), Durability::Power, false).unwrap();
    let args = vec![b'x'; 60_000];
    let entry = Entry::Decision(Decision { allow: true, tool: "t", why: "ok", call: "c", args: &args, ..Decision::default() });
    let mut acknowledged = 0;
    let error = loop {
        match ledger.record(&entry, Sync::Durable).wait() {
            Ok(recorded) => acknowledged = recorded.seq(),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, LedgerError::Full(_)) && !error.to_string().contains("could not be recorded"), "{error}");
    assert!((3..40).contains(&acknowledged), "{acknowledged}");
    assert!(ledger.shutdown().is_err());
    let last = checked_lines(dir).pop().unwrap();
    assert_eq!((last["t"].as_str(), last["seq"].as_u64()), (Some("disk_full"), Some(acknowledged + 1)));
    let trust = Trust { key: Some(*ledger.key()), ..Trust::default() };
    assert_eq!(verify(dir, &trust).unwrap().verdict, Verdict::Proven);
    let evidence = fs::read_to_string(dir.join("evidence/seg-00000000000000000000.jsonl")).unwrap();
    assert!(
        evidence.ends_with('\n') && evidence.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()),
        "whole lines"
    );
    let salts = evidence.lines().filter(|line| line.contains("\"salt\"")).count() as u64;
    assert_eq!(salts, acknowledged, "every salt is there");
}

#[test]
fn a_full_disk_is_recorded_and_ends_everything() {
    on_a_small_disk("child");
}

#[test]
fn kept_arguments_that_fill_the_disk_are_recorded_too() {
    on_a_small_disk("child_that_keeps_arguments");
}

fn on_a_small_disk(child: &str) {
    let dir = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=4m none \"$1\" && head -c 1500000 /dev/zero > \"$1/ballast\" && mkdir -m 700 \"$1/l\" && \
                  exec env AIRLOCK_TEST_FULL_DIR=\"$1/l\" \"$2\" \"room::tests::$3\" --exact --nocapture";
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"])
        .arg(dir.path())
        .arg(std::env::current_exe().unwrap())
        .arg(child);
    let output = command.output().expect("unshare of util-linux");
    let text = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&text));
    assert!(String::from_utf8_lossy(&text).contains("1 passed"));
}

fn store(dir: &Path) -> Store {
    let terms = Terms::unwatched(ORIGIN, "abababababababab", Durability::Power);
    open_store(dir, terms).unwrap().0
}

/// What was counted in a batch that could not be written must not stand behind the line that says so.
#[test]
fn the_last_line_follows_from_what_is_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path());
    let mut lines = Vec::new();
    store.extend(Micros::now(), &allow("lost").seal("x", [0; 32]).body, &mut lines);
    // Later lines would state this revocation, which is lost as well.
    let revoke = Revoke { target: Target::Session("s".into()), why: "", by: "operator" };
    store.extend(Micros::now(), &Entry::Revoke(revoke).seal("x", [0; 32]).body, &mut lines);
    store.file.as_ref().write_all(&lines[..20]).unwrap();
    let error = store.end_full(Micros::now(), &full(dir.path(), &"no space"));
    assert!(error.to_string().ends_with("started again"), "{error}");
    let lines = checked_lines(dir.path());
    assert_eq!((lines.len(), lines[1]["t"].as_str(), lines[1]["cut"].as_u64()), (2, Some("disk_full"), Some(20)));
    assert_eq!(fs::metadata(dir.path().join(files::RESERVE)).unwrap().len(), 0);
    open(dir.path()).unwrap();
    assert!(fs::metadata(dir.path().join(files::RESERVE)).unwrap().blocks() * 512 >= RESERVE);
}

#[test]
fn a_flood_of_refusals_is_counted_and_no_allow_is() {
    const FLOOD: u64 = 3 * fold::DENIALS_AT_ONCE;
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap();
    let mut folded = 0;
    for n in 0..FLOOD {
        match ledger.record(&deny("d"), Sync::Written).wait() {
            Ok(_) => {}
            Err(LedgerError::Folded) => folded += 1,
            Err(error) => panic!("{error}"),
        }
        if n % 100 == 0 {
            let _ = ledger.record(&allow("a"), Sync::Written).wait().unwrap();
        }
    }
    assert!(folded > 0);
    // Another process is bound by the same lines.
    let other: Ledger = open(dir.path()).unwrap();
    let answers: Vec<_> = (0..40).map(|_| other.record(&deny("d"), Sync::Written).wait()).collect();
    folded += answers.iter().filter(|answer| matches!(answer, Err(LedgerError::Folded))).count() as u64;
    assert!(matches!(answers.last(), Some(Err(LedgerError::Folded))));
    ledger.shutdown().unwrap();
    other.shutdown().unwrap();
    let lines = checked_lines(dir.path());
    let counted: u64 =
        lines.iter().filter(|line| line["t"] == "denials").map(|line| line["why"]["lease_missing"].as_u64().unwrap()).sum();
    assert_eq!(counted, folded);
    assert_eq!(lines.iter().filter(|line| line["d"] == "deny").count() as u64, FLOOD + 40 - folded);
    assert_eq!(lines.iter().filter(|line| line["d"] == "allow").count() as u64, FLOOD.div_ceil(100));
    assert_eq!(read::stats(dir.path()).unwrap().counted["lease_missing"], folded);
    let trust = Trust { key: Some(*ledger.key()), ..Trust::default() };
    assert_eq!(verify(dir.path(), &trust).unwrap().verdict, Verdict::Proven, "the last checkpoint covers the last count");
}

#[test]
fn counted_refusals_have_their_line_a_second_later() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path());
    let begin = Micros::now().0;
    let mut append = |at: u64, count: u64| {
        let batch: Vec<_> =
            (0..count).map(|_| Pending { sealed: Some(deny("d").seal("x", [0; 32])), require: Vec::new() }).collect();
        let results = store.append(&batch, || Micros(begin + at)).unwrap();
        results.iter().filter(|result| matches!(result, Err(LedgerError::Folded))).count()
    };
    assert_eq!(append(0, fold::DENIALS_AT_ONCE), 0);
    // A microsecond later there is room for one.
    assert_eq!(append(1, 4), 3);
    assert_eq!(append(fold::FOLD_WITHIN, 1), 0, "four a second have their own lines");
    assert!(checked_lines(dir.path()).iter().all(|line| line["t"] != "denials"));
    append(1 + fold::FOLD_WITHIN, 0);
    let lines = checked_lines(dir.path());
    let last = lines.last().unwrap();
    assert_eq!((last["t"].as_str(), last["n"].as_u64()), (Some("denials"), Some(3)));
}

/// Entries whose salts find no room stand in the segment already, so they are not taken back.
#[test]
fn salts_without_room_use_what_was_set_aside_and_then_all_ends() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path());
    // It takes nothing, ever.
    store.evidence = std::sync::Arc::new(fs::File::options().write(true).open("/dev/full").unwrap());
    let pending = || Pending { sealed: Some(allow("c").seal("x", [0; 32])), require: Vec::new() };
    let error = store.append(&[pending()], Micros::now).unwrap_err();
    assert!(matches!(&error, LedgerError::Io(text) if text.contains("evidence")), "{error:?}");
    assert_eq!(store.room, Room::Used);
    assert_eq!(fs::metadata(dir.path().join(files::RESERVE)).unwrap().len(), 0);
    // With room for the salts the batch is done, and the next one says that there is none left.
    let mut store = super::tests::store(dir.path());
    store.room = Room::Used;
    let error = store.append(&[pending()], Micros::now).unwrap_err();
    assert!(error.to_string().contains("took what was set aside"), "{error}");
    assert_eq!(checked_lines(dir.path()).last().unwrap()["t"], "disk_full");
}
