//! What `--help` says, for every verb that the program lists.
#![allow(clippy::expect_used)] // In a test a panic is the report; clippy sees only functions marked as tests.

use std::process::{Command, Stdio};

fn help(verbs: &[String]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_airlock"))
        .args(verbs)
        .arg("--help")
        .stdin(Stdio::null())
        .env("COLUMNS", "100")
        .output()
        .expect("runs");
    assert!(output.status.success(), "{verbs:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The verbs in the list that a help text gives. The overview of the whole program has them by groups.
fn listed(help: &str) -> Vec<String> {
    if let Some((_, overview)) = help.split_once("To begin:\n") {
        let overview = overview.split("\nOptions:").next().unwrap_or_default();
        let groups = overview.lines().filter_map(|line| line.strip_prefix("  "));
        return groups.flat_map(|line| line.split(", ")).map(str::to_owned).collect();
    }
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // A long description continues further to the right.
    let verbs = list.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    verbs.filter_map(|line| line.split_whitespace().next()).filter(|verb| *verb != "help").map(str::to_owned).collect()
}

#[test]
fn every_verb() {
    let mut left = vec![Vec::new()];
    let mut seen = 0;
    while let Some(verbs) = left.pop() {
        let text = help(&verbs);
        for verb in listed(&text) {
            left.push([verbs.as_slice(), &[verb]].concat());
        }
        let name = [&["airlock".to_owned()], verbs.as_slice()].concat().join("-");
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, text);
        });
        seen += 1;
    }
    assert!(seen >= 15, "only {seen} verbs were found: the list is read wrongly");
}
