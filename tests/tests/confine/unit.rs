//! The calls that the emitted unit lets a gateway make, as this systemd reads them, are those that it needs.

use crate::missing::{WITHOUT, manifest};
use airlock_tests::built::{gateway, run};
use airlock_tests::message::{call, reason};
use airlock_tests::place::Place;
use airlock_tests::process::Gateway;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Whom the gateway is run as where the tests are run by root.
const NOBODY: u32 = 65534;
/// Where the numbers of calls stand.
const NUMBERS: &str = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h";

/// The calls of a word of a filter: a set by its name, with the sets in it, or one call.
fn calls(word: &str) -> BTreeSet<String> {
    if !word.starts_with('@') {
        return BTreeSet::from([word.to_owned()]);
    }
    let output = Command::new("systemd-analyze").args(["--no-pager", "syscall-filter", word]).output().unwrap();
    assert!(output.status.success(), "{word}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let words = text.lines().filter(|line| line.starts_with(' ')).map(str::trim).filter(|line| !line.starts_with('#'));
    words.flat_map(calls).collect()
}

/// What the lines of a unit come to.
fn allowed(unit: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for line in unit.lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")) {
        match line.strip_prefix('~') {
            Some(denied) => {
                let denied: BTreeSet<String> = denied.split(' ').flat_map(calls).collect();
                all.retain(|call| !denied.contains(call));
            }
            None => all.extend(line.split(' ').flat_map(calls)),
        }
    }
    all
}

#[test]
fn a_gateway_serves_under_the_filter_of_its_unit() {
    let has = Command::new("systemd-analyze").arg("--version").output().is_ok_and(|output| output.status.success());
    let Some(header) = std::fs::read_to_string(NUMBERS).ok().filter(|_| has) else { return };
    let text = manifest("whole", "");
    let (program, place) = (gateway(&text), Place::new("whole"));
    let file = place.dir().join("unit.toml");
    std::fs::write(&file, &text).unwrap();
    let output = run(&["unit", file.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let unit = String::from_utf8(output.stdout).unwrap();
    let allowed = allowed(&unit);
    assert!(allowed.contains("openat") && allowed.contains("seccomp") && !allowed.contains("setrlimit"), "{allowed:?}");
    let numbers: BTreeMap<&str, &str> =
        header.lines().filter_map(|line| line.strip_prefix("#define __NR_")?.split_once(' ')).collect();
    let denied: Vec<&str> =
        numbers.iter().filter(|(name, _)| !allowed.contains(**name)).map(|(_, number)| number.trim()).collect();
    assert!(denied.len() > 60, "{denied:?}");
    let mut command = place.command(Path::new(WITHOUT));
    command.arg(format!("eperm:{}", denied.join(","))).arg(&program);
    // The unit's user has no capabilities, so nothing has to give them up.
    if rustix::process::geteuid().is_root() {
        for path in [place.dir().to_owned(), place.key_file()] {
            std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        command.uid(NOBODY).gid(NOBODY);
    }
    let mut served = Gateway::start(command);
    let mut claims = place.claims(&["airlock_usage_stats"]);
    (claims.sub, claims.dom, claims.risk, claims.uses) = ("agent:auditor".into(), Vec::new(), 500, 1000);
    let reply = served.ask(&call(1, "airlock_usage_stats", &json!({}), &place.mint(&claims)));
    assert!(reply["result"]["isError"] != true, "{} {reply}", reason(&reply));
    // Long enough for a checkpoint.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert!(place.ledger().join("checkpoint").exists());
    let stderr = served.finish();
    assert!(!stderr.contains("not confined") && !stderr.contains("failed"), "{stderr}");
}
