//! Kernels that lack a part: the gateway does not start, and names it, unless its manifest lets exactly that be missing.

use airlock_tests::built::gateway;
use airlock_tests::message::{call, reason};
use airlock_tests::place::Place;
use airlock_tests::process::Gateway;
use std::path::Path;
use std::process::{Command, Stdio};

pub(crate) const WITHOUT: &str = env!("CARGO_BIN_EXE_airlock-without");
/// `landlock_create_ruleset`, `landlock_add_rule`, `landlock_restrict_self`.
const LANDLOCK: &str = "444,445,446";
/// `seccomp`.
const SECCOMP: &str = "317";

pub(crate) fn manifest(name: &str, sandbox: &str) -> String {
    let text = include_str!("../../gateways/audit.toml").replace("{name}", name);
    text.replacen("[ledger]", &format!("{sandbox}[ledger]"), 1)
}

fn allowing(name: &str, parts: &str) -> String {
    manifest(name, &format!("[sandbox]\nallow_missing = [{parts}]\nwhy = \"tests of old kernels\"\n"))
}

/// The command of a gateway on a kernel without these calls.
fn without(place: &Place, program: &Path, numbers: &str) -> Command {
    let mut command = place.command(Path::new(WITHOUT));
    command.arg(numbers).arg(program);
    command
}

fn refused(place: &Place, program: &Path, numbers: &str) -> String {
    let output = without(place, program, numbers).stdin(Stdio::null()).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(7), "{stderr}");
    assert!(output.stdout.is_empty());
    stderr
}

#[test]
fn a_gateway_does_not_start_on_a_kernel_that_lacks_a_part() {
    let program = gateway(&manifest("whole", ""));
    let place = Place::new("whole");
    for (numbers, word) in [(LANDLOCK, "landlock"), ("444", "landlock"), (SECCOMP, "seccomp")] {
        let stderr = refused(&place, &program, numbers);
        assert!(stderr.contains(&format!("this kernel has no {word} as it is needed")), "{stderr}");
        assert!(stderr.contains(&format!("allow_missing = [\"{word}\"]")), "{stderr}");
    }
    // One that has the first step and not the last does not pass for one that has none.
    for numbers in ["445", "446"] {
        let stderr = refused(&place, &program, numbers);
        assert!(stderr.contains("does not start") && !stderr.contains("allow_missing"), "{stderr}");
    }
    assert!(place.entries_of("decision").is_empty(), "nothing was served");
}

#[test]
fn a_manifest_lets_exactly_what_it_names_be_missing() {
    for (name, word, numbers, other) in
        [("no-landlock", "landlock", LANDLOCK, SECCOMP), ("no-seccomp", "seccomp", SECCOMP, LANDLOCK)]
    {
        let program = gateway(&allowing(name, &format!("{word:?}")));
        let place = Place::new(name);
        refused(&place, &program, other);
        let mut served = Gateway::start(without(&place, &program, numbers));
        let mut claims = place.claims(&["airlock_usage_stats"]);
        (claims.sub, claims.dom, claims.risk, claims.uses) = ("agent:auditor".into(), Vec::new(), 500, 1000);
        let reply = served.ask(&call(1, "airlock_usage_stats", &serde_json::json!({}), &place.mint(&claims)));
        assert!(reply["result"]["isError"] != true, "{} {reply}", reason(&reply));
        let stderr = served.finish();
        assert!(stderr.contains(&format!("not confined by {word}")) && stderr.contains("The manifest allows that."), "{stderr}");
        // Where the kernel has it, it is used all the same.
        let confined = place.start(&program).finish();
        assert!(!confined.contains("not confined"), "{confined}");
    }
}
