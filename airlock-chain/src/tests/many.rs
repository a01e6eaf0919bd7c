//! Many processes, many entries, one order.

use super::super::verify::{Trust, Verdict, verify};
use super::*;
use std::process::{Command, Stdio};

/// Names the directory for the child; absent in an ordinary test run.
const CHILD: &str = "AIRLOCK_TEST_MANY_DIR";
const PROCESSES: usize = 8;
const EACH: usize = 10_000;
/// Entries that a process has on their way at once, as a busy gateway.
const OPEN: usize = 256;

/// Not a test by itself: one of the processes.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(CHILD) else { return };
    let ledger = Ledger::open(Path::new(&dir), ORIGIN, &[0xab; 32], Durability::Process).unwrap();
    for begin in (0..EACH).step_by(OPEN) {
        let names: Vec<String> = (begin..EACH.min(begin + OPEN)).map(|n| format!("{}-{n}", std::process::id())).collect();
        let tickets: Vec<_> = names.iter().map(|name| ledger.record(&allow(name), Sync::Written)).collect();
        tickets.into_iter().for_each(|ticket| drop(ticket.wait().unwrap()));
    }
    ledger.shutdown().unwrap();
}

#[test]
fn eight_processes_of_ten_thousand_entries_give_one_chain() {
    let dir = tempfile::tempdir().unwrap();
    let spawn = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["tests::many::child", "--exact"]).env(CHILD, dir.path()).stdout(Stdio::null()).spawn().unwrap()
    };
    let children: Vec<_> = (0..PROCESSES).map(|_| spawn()).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let ledger = Ledger::open(dir.path(), ORIGIN, &[0xab; 32], Durability::Process).unwrap();
    let trust = Trust { key: Some(*ledger.key()), ..Trust::default() };
    ledger.shutdown().unwrap();
    let report = verify(dir.path(), &trust).unwrap();
    assert_eq!((report.verdict, report.entries), (Verdict::Proven, (1 + PROCESSES * EACH) as u64), "{report:?}");
    // Each process's entries are all there, in its own order.
    let mut next = std::collections::HashMap::new();
    for line in &checked_lines(dir.path())[1..] {
        let (process, n) = line["call"].as_str().unwrap().split_once('-').unwrap();
        let expected = next.entry(process.to_owned()).or_insert(0);
        assert_eq!(n.parse::<usize>().unwrap(), *expected);
        *expected += 1;
    }
    assert_eq!(next.values().copied().collect::<Vec<_>>(), [EACH; PROCESSES]);
}
