//! The process for requests: who has which socket and which secret, and that neither process goes on without the other.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use airlock_tests::DEADLINE;
use airlock_tests::built::{abuse, rest, strict};
use airlock_tests::message::{cancel, discover, get};
use airlock_tests::place::Place;
use airlock_tests::process::Gateway;
use airlock_tests::upstreams::{descendants, is_alive, named};
use airlock_tests::web::web;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Credentials of the gateway `rest`, which occur nowhere by chance.
const CREDENTIALS: [(&str, &str); 3] =
    [("REST_TOKEN", "tok-of-egress-5f2b9d"), ("REST_KEY", "key-of-egress-0c81aa"), ("REST_LOGIN", "robot:login-of-egress-77e3")];

fn kill(pid: u32, signal: Signal) {
    kill_process(i32::try_from(pid).ok().and_then(Pid::from_raw).unwrap(), signal).unwrap();
}

fn assert_gone(pid: u32) {
    let begun = Instant::now();
    while is_alive(pid) {
        assert!(begun.elapsed() < DEADLINE, "{pid} is left");
        std::thread::yield_now();
    }
}

/// A gateway that waits for the answer to `/held/<name>`, and its egress.
fn held(place: &Place, name: &str) -> (Gateway, u32) {
    let gateway = place.start(&abuse());
    let path = format!("/held/{name}");
    let before = web().come(&path);
    gateway.send(&get("held", &path, &place.lease(&["http_get_json"])));
    web().wait_for(&path, before + 1);
    let (all, egress) = (descendants(gateway.pid()), named(gateway.pid(), "egress"));
    assert_eq!(all.len(), 2, "egress and clerk beside the judge: {all:?}");
    (gateway, egress)
}

/// Inodes of the sockets of a process.
fn sockets(pid: u32) -> BTreeSet<String> {
    let links = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let inode = |link: &Path| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned());
    links.filter_map(|link| inode(&link)).collect()
}

/// Inodes in a table of sockets of the kernel, without those that have a name in the file system.
fn listed(pid: u32, table: &str, column: usize, columns: usize) -> BTreeSet<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
    let rows = text.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row.len() <= columns).filter_map(|row| row.get(column).map(|&inode| inode.to_owned())).collect()
}

#[test]
fn the_judge_has_no_socket_but_pairs_while_a_request_is_out() {
    let place = Place::new("abuse");
    let (mut gateway, egress) = held(&place, "sockets");
    let (of_judge, of_egress) = (sockets(gateway.pid()), sockets(egress));
    let pairs = listed(gateway.pid(), "unix", 6, 7);
    assert!(!of_judge.is_empty() && of_judge.is_subset(&pairs), "{of_judge:?} are not all in {pairs:?}");
    let tcp = listed(egress, "tcp", 9, usize::MAX);
    assert!(of_egress.intersection(&tcp).count() >= 1, "the search finds the connection of egress: {of_egress:?} in {tcp:?}");
    web().release("/held/sockets");
    assert_eq!(gateway.reply("held")["result"]["isError"], false);
    gateway.finish();
    assert_gone(egress);
}

/// What the two processes ask of the kernel, by a tracer where there is one.
#[test]
fn the_judge_connects_to_nobody() {
    if !Command::new("strace").args(["-o", "/dev/null", "true"]).status().is_ok_and(|status| status.success()) {
        return;
    }
    let place = Place::new("abuse");
    let trace = place.dir().join("trace");
    let mut command = place.command(Path::new("strace"));
    command
        .args(["-f", "-e", "trace=socket,connect,bind,listen,accept,accept4,socketpair,execve", "-o"])
        .arg(&trace)
        .arg(abuse());
    let mut gateway = Gateway::start(command);
    let lease = place.lease(&["http_get_json"]);
    for n in 0..20 {
        assert_eq!(gateway.ask(&get(n, "/traced", &lease))["result"]["isError"], false);
    }
    gateway.finish();
    let text = fs::read_to_string(trace).unwrap();
    let judge = text.split_whitespace().next().unwrap();
    let calls = |of_judge: bool, name: &str| {
        let of = |line: &&str| (line.split_whitespace().next() == Some(judge)) == of_judge;
        text.lines().filter(of).filter(|line| line.contains(&format!(" {name}("))).count()
    };
    assert!(calls(false, "socket") >= 20 && calls(false, "connect") >= 20, "the search finds what egress does: {text}");
    for name in ["socket", "connect", "bind", "listen", "accept", "accept4"] {
        assert_eq!(calls(true, name), 0, "{name} of the judge: {text}");
    }
    assert!(calls(true, "socketpair") >= 1, "{text}");
}

#[test]
fn a_killed_egress_is_the_end_of_its_calls_and_of_the_gateway() {
    let place = Place::new("abuse");
    let (mut gateway, egress) = held(&place, "killed");
    kill(egress, Signal::KILL);
    let reply = gateway.reply("held");
    assert_eq!(reply["result"]["structuredContent"]["outcome"], "egress_ended", "{reply}");
    assert_eq!(reply["result"]["isError"], true);
    assert_eq!(gateway.line(), None, "nothing more is said");
    let (status, stderr) = gateway.end();
    assert_eq!(status.code(), Some(8), "{stderr}");
    assert!(stderr.contains("the process for requests has ended"), "{stderr}");
    assert_gone(egress);
    let outcome = place.entries_of("outcome").pop().unwrap();
    assert_eq!(
        (&outcome["ok"], &outcome["status"], &outcome["hosts"]),
        (&json!(false), &json!("egress_ended"), &json!(["api.open-meteo.com"]))
    );
}

#[test]
fn a_killed_egress_is_missed_though_nobody_calls() {
    let place = Place::new("abuse");
    let mut gateway = place.start(&abuse());
    gateway.ask(&discover("there"));
    kill(named(gateway.pid(), "egress"), Signal::KILL);
    assert_eq!(gateway.end().0.code(), Some(8));
    let ended = place.entries_of("ended");
    assert_eq!((ended.len(), &ended[0]["role"]), (1, &json!("egress")));
}

#[test]
fn a_killed_judge_leaves_nobody() {
    for signal in [None, Some(Signal::STOP)] {
        let place = Place::new("abuse");
        let (mut gateway, egress) = held(&place, "left");
        if let Some(signal) = signal {
            kill(egress, signal);
        }
        gateway.kill();
        // Its stderr is not waited for: one that is left holds it open.
        assert_gone(egress);
    }
}

/// A terminal and a service manager signal every process of a gateway. Its calls are finished all the same.
#[test]
fn egress_ends_with_the_judge_and_not_before() {
    let place = Place::new("abuse");
    let (mut gateway, egress) = held(&place, "signals");
    for signal in [Signal::TERM, Signal::INT] {
        kill(egress, signal);
    }
    web().release("/held/signals");
    assert_eq!(gateway.reply("held")["result"]["isError"], false);
    gateway.terminate();
    assert_eq!(gateway.end().0.code(), Some(0));
    assert_gone(egress);
}

#[test]
fn a_cancelled_call_is_called_back() {
    let place = Place::new("abuse");
    let (mut gateway, egress) = held(&place, "cancelled");
    let begun = Instant::now();
    let connected = || sockets(egress).intersection(&listed(egress, "tcp", 9, usize::MAX)).count();
    assert_eq!(connected(), 1);
    gateway.send(&cancel("held"));
    while connected() > 0 {
        assert!(begun.elapsed().as_secs() < 8, "the request ran into its own limit, or is still out");
        std::thread::yield_now();
    }
    gateway.ask(&discover("still there"));
    gateway.finish();
    assert_eq!(place.entries_of("outcome").pop().unwrap()["status"], "cancelled");
}

fn with_credentials(place: &Place) -> Command {
    let mut command = place.command(&rest());
    command.envs(CREDENTIALS).env("SOMETHING_ELSE", "else").env("https_proxy", "http://127.0.0.1:1");
    command
}

#[test]
fn variables_are_where_they_are_needed() {
    let place = Place::new("rest");
    let mut gateway = Gateway::start(with_credentials(&place));
    gateway.ask(&discover("there"));
    let judge = gateway.pid();
    let egress = named(judge, "egress");
    let variables = |pid: u32| {
        let bytes = fs::read(format!("/proc/{pid}/environ")).unwrap();
        let names = bytes.split(|byte| *byte == 0).map(|entry| String::from_utf8_lossy(entry).into_owned());
        names.filter(|entry| !entry.is_empty()).collect::<BTreeSet<_>>()
    };
    let held = CREDENTIALS.map(|(name, value)| format!("{name}={value}"));
    assert_eq!(variables(egress), held.iter().cloned().collect(), "nothing else is in egress");
    let of_judge = variables(judge);
    assert!(of_judge.contains("SOMETHING_ELSE=else") && held.iter().all(|entry| !of_judge.contains(entry)), "{of_judge:?}");
    let comm = |pid: u32| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
    let program = rest();
    let name = program.file_name().unwrap().to_str().unwrap();
    assert_eq!((comm(judge).trim(), comm(egress).trim()), (name, "egress"), "it has the name of its program");
    gateway.finish();
}

/// Exit code and stderr of a run with closed stdin.
fn run(command: &mut Command) -> (Option<i32>, String) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.stdout.is_empty());
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn roles_are_for_the_gateway_alone() {
    let parent = std::process::id().to_string();
    for (audience, program, arguments) in [
        ("abuse", abuse(), vec!["--egress", &parent]),
        ("rest", rest(), vec!["--judge"]),
        // No secrets, so there is no first process that becomes a judge; no requests, so there is no egress.
        ("abuse", abuse(), vec!["--judge"]),
        ("strict", strict(), vec!["--egress", &parent]),
        ("strict", strict(), vec!["--judge"]),
        ("strict", strict(), vec!["--clerk", &parent]),
        ("abuse", abuse(), vec!["--clerk", &parent]),
    ] {
        let place = Place::new(audience);
        let (code, stderr) = run(place.command(&program).args(&arguments));
        assert_eq!(code, Some(2), "{audience} {arguments:?}: {stderr}");
        assert!(!place.ledger().exists(), "{audience} {arguments:?}");
    }
}

/// Without `/proc` the program cannot start itself, and what cannot start its egress does not serve.
#[test]
fn without_egress_there_is_no_gateway() {
    let place = Place::new("abuse");
    let root = place.dir().join("root");
    fs::create_dir_all(root.join("ledger")).unwrap();
    fs::copy(abuse(), root.join("gateway")).unwrap();
    fs::copy(place.key_file(), root.join("key")).unwrap();
    let own = Command::new("unshare").args(["--user", "--map-root-user", "true"]).status().is_ok_and(|status| status.success());
    let mut command = Command::new(if own { "unshare" } else { "chroot" });
    if own {
        command.args(["--user", "--map-root-user", "chroot"]);
    }
    command.arg(&root).arg("/gateway").env("AIRLOCK_KEY_FILE", "/key").env("AIRLOCK_LEDGER_DIR", "/ledger");
    let (code, stderr) = run(&mut command);
    assert_eq!(code, Some(8), "{stderr}");
    assert!(stderr.contains("the process for requests could not be started"), "{stderr}");
    assert_eq!(fs::read_dir(root.join("ledger")).unwrap().count(), 0, "and leaves no trace");
}
