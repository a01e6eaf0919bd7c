//! What a script sees when the answer cannot be printed.
#![allow(clippy::expect_used)] // In a test a panic is the report; clippy sees only functions marked as tests.

use std::fs::OpenOptions;
use std::process::{Command, Stdio};

/// The vectors are a ledger that the key of its own line 0 proves; a device that is full takes no line.
#[cfg(target_os = "linux")]
#[test]
fn an_answer_that_cannot_be_printed_is_not_a_yes() {
    let vectors = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/ledger");
    let airlock = || Command::new(env!("CARGO_BIN_EXE_airlock"));
    let key = airlock().args(["verify-log", "--print-key", vectors]).output().expect("runs");
    let key = String::from_utf8(key.stdout).expect("a key");
    let verify =
        |stdout: Stdio| airlock().args(["verify-log", "--key", key.trim(), vectors]).stdout(stdout).output().expect("runs");
    assert_eq!(verify(Stdio::piped()).status.code(), Some(0));
    let full = OpenOptions::new().write(true).open("/dev/full").expect("a device");
    let ended = verify(full.into());
    assert_eq!(ended.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("cannot write to stdout"));
}
