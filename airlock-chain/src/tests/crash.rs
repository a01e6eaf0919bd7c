//! `kill -9` in the middle of appends: no acknowledged entry is lost, whatever else is.

use super::*;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

/// Names the directory for the child; absent in an ordinary test run.
const CHILD: &str = "AIRLOCK_TEST_CRASH_DIR";
const ROUNDS: usize = 20;

/// Not a test by itself: what [`killed_writers_lose_nothing_acknowledged`] starts as processes of their own.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(CHILD) else { return };
    let ledger = open(Path::new(&dir)).unwrap();
    for n in 0u64.. {
        let recorded = ledger.record(&allow(&format!("{}-{n}", std::process::id())), Sync::Durable).wait().unwrap();
        // Straight to the descriptor: the harness captures `println!`.
        writeln!(std::io::stdout(), "acknowledged {}-{n} {}", std::process::id(), recorded.seq()).unwrap();
    }
}

#[test]
fn killed_writers_lose_nothing_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<(String, u64)> = Vec::new();
    for round in 0..ROUNDS {
        let spawn = || {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["tests::crash::child", "--exact", "--nocapture"]).env(CHILD, dir.path());
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
        };
        // Two gateways at once; each is killed right after an acknowledgement, while the next append is under way.
        let mut children = [spawn(), spawn()];
        for child in &mut children {
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let mut seen = 0;
            while seen < 3 + round {
                let line = lines.next().expect("the child ended by itself").unwrap();
                let Some(rest) = line.split("acknowledged ").nth(1) else { continue };
                let (call, seq) = rest.split_once(' ').unwrap();
                acknowledged.push((call.to_owned(), seq.parse().unwrap()));
                seen += 1;
            }
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
    drop(open(dir.path()).unwrap());
    let lines = checked_lines(dir.path());
    assert!(acknowledged.len() > 2 * 3 * ROUNDS);
    for (call, seq) in acknowledged {
        assert_eq!(lines[usize::try_from(seq).unwrap()]["call"], call);
    }
}
