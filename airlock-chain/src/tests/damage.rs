//! What a start refuses, what it repairs, and what a failing disk does.

use super::super::files;
use super::super::head::Head;
use super::super::place::{Terms, open as open_store};
use super::super::store::Store;
use super::*;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

fn ledger_of(entries: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap();
    for n in 0..entries {
        let _ = ledger.record(&allow(&format!("c-{n}")), Sync::Durable).wait().unwrap();
    }
    drop(ledger);
    dir
}

fn append(dir: &Path, bytes: &[u8]) {
    OpenOptions::new().append(true).open(segment(dir)).unwrap().write_all(bytes).unwrap();
}

fn store(dir: &Path) -> Store {
    open_store(dir, Terms::unwatched(ORIGIN, "abababababababab", Durability::Power)).unwrap().0
}

#[test]
fn a_torn_tail_is_kept_cut_and_recorded() {
    let dir = ledger_of(3);
    append(dir.path(), b"{\"seq\":4,\"prev\":\"half a li");
    let ledger = open(dir.path()).unwrap();
    let _ = ledger.record(&allow("after"), Sync::Durable).wait().unwrap();
    drop(ledger);
    let lines = checked_lines(dir.path());
    assert_eq!((lines[4]["t"].as_str(), lines[4]["bytes"].as_u64()), (Some("recover"), Some(26)));
    assert_eq!(lines[5]["call"], "after");
    let torn = fs::read(dir.path().join("torn").join(lines[4]["torn"].as_str().unwrap())).unwrap();
    assert_eq!(torn, b"{\"seq\":4,\"prev\":\"half a li");
}

#[test]
fn a_running_writer_repairs_the_tail_of_another_that_died() {
    let dir = ledger_of(1);
    let ledger = open(dir.path()).unwrap();
    append(dir.path(), b"a line that is whole but does not fit\n");
    assert_eq!(ledger.record(&allow("next"), Sync::Durable).wait().unwrap().seq(), 3);
    drop(ledger);
    let lines = checked_lines(dir.path());
    assert_eq!((lines[2]["t"].as_str(), lines[3]["call"].as_str()), (Some("recover"), Some("next")));
}

#[test]
fn a_whole_entry_without_a_head_is_rolled_forward() {
    let dir = ledger_of(2);
    let mut cursor = store(dir.path()).cursor;
    let line = cursor.extend(Micros::now(), b"\"t\":\"decision\",\"d\":\"allow\",\"rid\":[\"00ff\"]}");
    append(dir.path(), &[line, b"\n".to_vec()].concat());
    let ledger = open(dir.path()).unwrap();
    assert_eq!(ledger.facts().unwrap().spent("00ff"), 3);
    assert_eq!(ledger.record(&allow("next"), Sync::Durable).wait().unwrap().seq(), 4);
    drop(ledger);
    assert!(checked_lines(dir.path()).iter().all(|line| line["t"] != "recover"));
}

#[test]
fn a_changed_cut_or_headless_ledger_is_not_opened() {
    let refusal = |spoil: &dyn Fn(&Path)| {
        let dir = ledger_of(4);
        spoil(dir.path());
        let before = fs::read(segment(dir.path())).unwrap_or_default();
        let error = open(dir.path()).map(drop).unwrap_err();
        assert!(matches!(error, LedgerError::Damaged(_)), "{error:?}");
        assert_eq!(fs::read(segment(dir.path())).unwrap_or_default(), before, "a refused ledger is left as it is");
        error.to_string()
    };
    let rewrite = |dir: &Path, change: &dyn Fn(String) -> String| {
        let text = fs::read_to_string(segment(dir)).unwrap();
        fs::write(segment(dir), change(text)).unwrap();
    };
    let edited = refusal(&|dir| rewrite(dir, &|text| text.replacen("\"c-1\"", "\"c-9\"", 1)));
    assert!(edited.contains("does not fit"), "{edited}");
    let last = refusal(&|dir| rewrite(dir, &|text| text.replacen("\"c-3\"", "\"c-9\"", 1)));
    assert!(last.contains("is not the one that the head describes"), "{last}");
    let cut = refusal(&|dir| rewrite(dir, &|text| text.lines().take(3).map(|line| format!("{line}\n")).collect()));
    assert!(cut.contains("it was truncated"), "{cut}");
    assert!(refusal(&|dir| fs::write(dir.join("head"), b"").unwrap()).contains("head is missing or damaged"));
    assert!(refusal(&|dir| fs::remove_file(dir.join("head")).unwrap()).contains("head is missing or damaged"));
    assert!(refusal(&|dir| fs::remove_file(segment(dir)).unwrap()).contains("there is no segment"));
    assert!(refusal(&|dir| fs::remove_file(dir.join("keys/log.key")).unwrap()).contains("log.key is missing"));
    let spoilt = refusal(&|dir| fs::write(dir.join("keys/log.key"), "AAAA\n").unwrap());
    assert!(spoilt.contains("is not a key"), "{spoilt}");
    let other = format!("{}=\n", "A".repeat(43));
    let changed = refusal(&|dir| fs::write(dir.join("keys/log.key"), &other).unwrap());
    assert!(changed.contains("is not the key that line 0 names"), "{changed}");
}

#[test]
fn truncation_under_a_running_writer_stops_it() {
    let dir = ledger_of(4);
    let ledger = open(dir.path()).unwrap();
    let size = fs::metadata(segment(dir.path())).unwrap().len();
    File::options().write(true).open(segment(dir.path())).unwrap().set_len(size - 10).unwrap();
    let error = ledger.record(&allow("x"), Sync::Durable).wait().unwrap_err();
    assert!(error.to_string().contains("it was truncated"), "{error}");
    assert_eq!(ledger.record(&allow("y"), Sync::Durable).wait().unwrap_err(), error, "a failure is final");
    assert_eq!(ledger.facts().map(drop).unwrap_err(), error);
    assert_eq!(ledger.shutdown().unwrap_err(), error);
}

#[test]
fn a_head_of_an_earlier_time_stops_a_running_writer() {
    let dir = ledger_of(1);
    let ledger = open(dir.path()).unwrap();
    let early = fs::read(dir.path().join("head")).unwrap();
    for _ in 0..3 {
        let _ = ledger.record(&allow("x"), Sync::Durable).wait().unwrap();
    }
    fs::write(dir.path().join("head"), early).unwrap();
    let error = ledger.record(&allow("y"), Sync::Durable).wait().unwrap_err();
    assert!(error.to_string().contains("the head went back"), "{error}");
}

/// Makes the head look as if the machine had been started again since.
fn other_boot(dir: &Path, durable: u64) {
    // A checkpoint is of entries that are on disk, which some of these are said not to be.
    let _ = fs::remove_file(dir.join("checkpoint"));
    let path = dir.join("head");
    let head = Head::new(File::options().read(true).write(true).open(&path).unwrap(), path);
    let mut slot = head.read().unwrap().unwrap();
    (slot.boot, slot.durable, slot.generation) = ([0xee; 16], durable, slot.generation + 1);
    head.write(&slot).unwrap();
}

#[test]
fn after_a_power_cut_only_what_was_not_durable_may_be_missing() {
    let ends = |dir: &Path| {
        let text = fs::read_to_string(segment(dir)).unwrap();
        text.match_indices('\n').map(|(at, _)| at as u64 + 1).collect::<Vec<_>>()
    };
    let cut_to = |dir: &Path, size: u64| File::options().write(true).open(segment(dir)).unwrap().set_len(size).unwrap();
    // Entries 3 and 4 were written, not synced; 4 and a part of 3 are gone.
    let dir = ledger_of(4);
    let end = ends(dir.path());
    other_boot(dir.path(), end[2]);
    cut_to(dir.path(), end[3] - 7);
    drop(open(dir.path()).unwrap());
    let lines = checked_lines(dir.path());
    assert_eq!((lines.len(), lines[3]["t"].as_str(), lines[3]["lost"].as_u64()), (4, Some("recover"), Some(2)));
    // The same, but the head knows that entry 3 was on disk.
    let dir = ledger_of(4);
    other_boot(dir.path(), ends(dir.path())[3]);
    cut_to(dir.path(), end[3] - 7);
    assert!(open(dir.path()).map(drop).unwrap_err().to_string().contains("it was truncated"));
    // All bytes are there, but one that was on disk is another: no power cut does that.
    let dir = ledger_of(4);
    other_boot(dir.path(), ends(dir.path())[3]);
    let changed = fs::read_to_string(segment(dir.path())).unwrap().replacen("\"c-1\"", "\"c-9\"", 1);
    fs::write(segment(dir.path()), changed).unwrap();
    assert!(open(dir.path()).map(drop).unwrap_err().to_string().contains("were safely on disk"));
    // Without a restart of the machine nothing may be missing at all.
    let dir = ledger_of(4);
    cut_to(dir.path(), end[3]);
    assert!(open(dir.path()).map(drop).unwrap_err().to_string().contains("it was truncated"));
}

/// Starts a ledger whose segment is another file, as if the disk failed.
fn with_file(dir: &Path, file: File) -> Ledger {
    let mut store = store(dir);
    store.file = Arc::new(file);
    Ledger::start(store, "abababababababab".into(), Durability::Power, false).unwrap()
}

#[test]
fn a_failed_write_is_final() {
    let dir = ledger_of(1);
    // Opened for reading alone, so `write` fails.
    let ledger = with_file(dir.path(), File::open(segment(dir.path())).unwrap());
    let error = ledger.record(&allow("x"), Sync::Written).wait().unwrap_err();
    assert!(error.to_string().starts_with("cannot append to"), "{error}");
    assert_eq!(ledger.record(&allow("y"), Sync::Written).wait().unwrap_err(), error);
    assert_eq!(checked_lines(dir.path()).len(), 2);
}

#[test]
fn a_failed_sync_is_final_and_acknowledges_nothing() {
    let dir = ledger_of(1);
    let mut store = store(dir.path());
    // A socket takes bytes and cannot be synced. Its length reads as 0, so the position is made to agree.
    let (socket, _peer) = UnixStream::pair().unwrap();
    store.file = Arc::new(File::from(std::os::fd::OwnedFd::from(socket)));
    store.cursor.offset = 0;
    store.write_head().unwrap();
    let ledger = Ledger::start(store, "abababababababab".into(), Durability::Power, false).unwrap();
    let error = ledger.record(&allow("x"), Sync::Durable).wait().unwrap_err();
    assert!(error.to_string().starts_with("cannot sync the ledger"), "{error}");
    assert_eq!(ledger.record(&allow("y"), Sync::Written).wait().unwrap_err(), error);
}

#[test]
fn a_start_that_died_before_line_0_is_taken_up_again() {
    let dir = ledger_of(1);
    let genesis = fs::read_to_string(segment(dir.path())).unwrap().lines().next().unwrap().to_owned();
    for left in ["", &genesis[..40], &format!("{genesis}\n")] {
        fs::write(segment(dir.path()), left).unwrap();
        fs::write(dir.path().join("head"), b"").unwrap();
        let _ = fs::remove_file(dir.path().join(files::CHECKPOINT));
        let ledger = open(dir.path()).unwrap();
        assert_eq!(ledger.record(&allow("x"), Sync::Durable).wait().unwrap().seq(), 1);
        drop(ledger);
        assert_eq!(checked_lines(dir.path()).len(), 2);
    }
}

#[test]
fn a_link_in_place_of_a_file_is_refused() {
    for name in ["head", "seg-00000000000000000000.jsonl", "evidence/seg-00000000000000000000.jsonl"] {
        let dir = ledger_of(1);
        let elsewhere = dir.path().join("elsewhere");
        fs::rename(dir.path().join(name), &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, dir.path().join(name)).unwrap();
        assert!(matches!(open(dir.path()).map(drop), Err(LedgerError::Io(_))), "{name}");
    }
}
