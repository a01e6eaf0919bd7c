//! Completions that their shell accepts, and manual pages that name every verb.

#![allow(clippy::unwrap_used, reason = "a step that fails must fail the test")]

use std::process::{Command, Output};

fn airlock(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_airlock")).args(arguments).output().unwrap()
}

#[test]
fn every_shell_gets_the_verbs() {
    for shell in ["bash", "zsh", "fish"] {
        let output = airlock(&["completions", shell]);
        assert!(output.status.success());
        let script = String::from_utf8(output.stdout).unwrap();
        for verb in ["verify-build", "rollback", "dry-run"] {
            assert!(script.contains(verb), "{shell} lacks {verb}");
        }
    }
    let script = airlock(&["completions", "bash"]).stdout;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("airlock");
    std::fs::write(&file, script).unwrap();
    // Completes the verb after `airlock verify-b` as an interactive shell would.
    let ask = "source \"$0\" && COMP_WORDS=(airlock verify-b) COMP_CWORD=1 && _airlock airlock verify-b airlock && echo \"${COMPREPLY[@]}\"";
    let output = Command::new("bash").args(["-c", ask]).arg(&file).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "verify-build", "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_verb_has_a_page() {
    let dir = tempfile::tempdir().unwrap();
    let pages = dir.path().join("man1");
    let output = airlock(&["man", pages.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for page in ["airlock.1", "airlock-build.1", "airlock-client-install.1", "airlock-key-derive.1"] {
        let text = std::fs::read_to_string(pages.join(page)).unwrap();
        assert!(text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"), "{page}");
    }
}
