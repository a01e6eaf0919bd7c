//! A gateway that serves, seen from outside.

use airlock_tests::built::gateway;
use airlock_tests::message::call;
use airlock_tests::place::Place;
use airlock_tests::process::Gateway;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

fn program() -> PathBuf {
    gateway(&include_str!("../../gateways/audit.toml").replace("{name}", "bare"))
}

fn lease(place: &Place) -> String {
    let mut claims = place.claims(&["airlock_usage_stats", "airlock_audit_tail"]);
    (claims.sub, claims.dom, claims.risk, claims.uses) = ("agent:auditor".into(), Vec::new(), 500, 1000);
    place.mint(&claims)
}

/// A line of the kernel's status of a process or thread.
fn status(at: &Path, name: &str) -> String {
    let text = fs::read_to_string(at.join("status")).unwrap();
    text.lines().find_map(|line| line.strip_prefix(&format!("{name}:"))).unwrap().trim().to_owned()
}

#[test]
fn every_thread_is_confined_before_the_client_is_read() {
    let (program, place) = (program(), Place::new("bare"));
    let mut command = place.command(Path::new("sh"));
    // Whoever starts it left descriptors open.
    command.args(["-c", "exec 7</etc/passwd 9</etc/passwd \"$0\""]).arg(&program);
    let mut served = Gateway::start(command);
    let reply = served.ask(&call(1, "airlock_usage_stats", &json!({}), &lease(&place)));
    assert!(reply["result"]["isError"] != true, "{reply}");
    let process = PathBuf::from(format!("/proc/{}", served.pid()));
    let threads: Vec<PathBuf> = fs::read_dir(process.join("task")).unwrap().map(|task| task.unwrap().path()).collect();
    assert!(threads.len() >= 4, "{threads:?}");
    for thread in &threads {
        for (name, wanted) in [("NoNewPrivs", "1"), ("Seccomp", "2")] {
            assert_eq!(status(thread, name), wanted, "{name} of {}", thread.display());
        }
        for name in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
            assert_eq!(status(thread, name), "0000000000000000", "{name}");
        }
    }
    assert_eq!(status(&process, "Umask"), "0077");
    if rustix::process::geteuid().is_root() {
        assert_eq!(status(&process, "CapBnd"), "0000000000000000");
    }
    let limits = fs::read_to_string(process.join("limits")).unwrap();
    let limit =
        |name: &str| limits.lines().find(|line| line.starts_with(name)).unwrap().split_whitespace().nth(4).unwrap().to_owned();
    assert_eq!(limit("Max core file size"), "0");
    assert_eq!(limit("Max open files"), "1088");
    let open = fs::read_dir(process.join("fd")).unwrap().map(|entry| fs::read_link(entry.unwrap().path()).unwrap_or_default());
    assert_eq!(open.filter(|target| target == Path::new("/etc/passwd")).count(), 0);
    served.finish();
}

/// Names are looked up by the C library, on threads that start while the gateway serves, with whatever it asks of the kernel for that.
#[test]
fn a_name_is_looked_up_inside_the_profile() {
    let host = "nowhere.example.com";
    let text = include_str!("../../gateways/audit.toml").replace("{name}", "looks-up");
    let tool = format!(
        "[[egress]]\nhost = {host:?}\nwhy = \"nobody\"\n[tools.http_get_json]\negress = [{host:?}]\nwhy = \"ask\"\n[[grant]]"
    );
    let text = text.replacen("[[grant]]", &tool, 1).replacen("tools = [", "tools = [\"http_get_json\", ", 1);
    let (program, place) = (gateway(&text), Place::new("looks-up"));
    let mut served = place.start(&program);
    let mut claims = place.claims(&["http_get_json"]);
    (claims.sub, claims.dom, claims.risk, claims.uses) = ("agent:auditor".into(), vec![host.into()], 500, 1000);
    let lease = place.mint(&claims);
    for id in 1..=3 {
        let url = format!("https://{host}/{id}");
        let reply = served.ask(&call(id, "http_get_json", &json!({ "url": url }), &lease));
        assert!(reply.to_string().contains("dns_failed"), "{reply}");
    }
    served.finish();
}

/// Calls that take a path, list a directory, or cut a file off: none of them is the judge's once it serves, whatever it does. What it needs of
/// that, the clerk does.
#[test]
fn a_thousand_calls_open_no_path_in_the_judge() {
    if !Command::new("strace").args(["-o", "/dev/null", "true"]).status().is_ok_and(|status| status.success()) {
        return;
    }
    let (program, place) = (program(), Place::new("bare"));
    let trace = place.dir().join("trace");
    let mut command = place.command(Path::new("strace"));
    command.args(["-f", "--seccomp-bpf", "-e", "trace=%file,getdents64,ftruncate,seccomp", "-o"]).arg(&trace).arg(&program);
    let mut served = Gateway::start(command);
    let lease = lease(&place);
    for id in 0..1000 {
        let tool = ["airlock_usage_stats", "airlock_audit_tail"][id % 2];
        let reply = served.ask(&call(id, tool, &json!({}), &lease));
        assert!(reply["result"]["isError"] != true, "{reply}");
    }
    // Strace is the parent of the gateway, and that of its clerk.
    let judge = airlock_tests::upstreams::descendants(served.pid())[0];
    let threads: Vec<String> = fs::read_dir(format!("/proc/{judge}/task"))
        .unwrap()
        .map(|task| task.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(threads.len() >= 6, "the event loop, the ledger, four helpers: {threads:?}");
    served.finish();
    let text = fs::read_to_string(&trace).unwrap();
    let of = |line: &&str| threads.iter().any(|thread| line.split_whitespace().next() == Some(thread));
    let judge: Vec<&str> = text.lines().filter(of).collect();
    let sealed = judge.iter().rposition(|line| line.contains("seccomp(")).unwrap();
    assert!(judge[..sealed].iter().any(|line| line.contains("openat(")), "the search finds what it opened before");
    assert_eq!(judge[sealed + 1..].iter().filter(|line| line.contains('(')).collect::<Vec<_>>(), [&""; 0]);
    let clerk = text.lines().filter(|line| !of(line));
    assert!(
        clerk.filter(|line| line.contains("openat(") && line.contains("seg-")).count() >= 1000,
        "it reads the ledger for each call"
    );
    assert_eq!(place.entries_of("decision").len(), 1000);
}

/// Pages that the judge may touch for the first time until its first reply: what it needs, and a third more.
const TOUCHED_MAX: u64 = 195;

/// The kernel clears a page that is touched for the first time, and that was the most of what a start took: buffers and queues whose whole length
/// was written, for a ledger of one line and a key file of one key.
#[test]
fn a_start_touches_few_pages() {
    if rustix::param::page_size() != 4096 {
        return;
    }
    let (program, place) = (program(), Place::new("bare"));
    // The first start makes the ledger.
    let touched = [(); 2].map(|()| {
        let mut served = Gateway::start(place.command(&program));
        served.ask(&airlock_tests::message::discover(1));
        let stat = fs::read_to_string(format!("/proc/{}/stat", served.pid())).unwrap();
        served.finish();
        // The tenth field; the name before it may have blanks.
        stat.rsplit(") ").next().unwrap().split(' ').nth(7).unwrap().parse::<u64>().unwrap()
    });
    assert!((80..TOUCHED_MAX).contains(&touched[1]), "{touched:?}");
}

fn clerk(served: &Gateway) -> u32 {
    airlock_tests::upstreams::named(served.pid(), "clerk")
}

fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

fn assert_gone(pid: u32) {
    let begun = std::time::Instant::now();
    while airlock_tests::upstreams::is_alive(pid) {
        assert!(begun.elapsed() < airlock_tests::DEADLINE, "{pid} is left");
        std::thread::yield_now();
    }
}

#[test]
fn a_killed_clerk_is_the_end_of_the_gateway_and_stands_in_the_ledger() {
    let (program, place) = (program(), Place::new("bare"));
    let mut served = place.start(&program);
    served.ask(&call(1, "airlock_usage_stats", &json!({}), &lease(&place)));
    signal(clerk(&served), rustix::process::Signal::KILL);
    let (status, stderr) = served.end();
    assert_eq!(status.code(), Some(8), "{stderr}");
    assert!(stderr.contains("the process that opens the ledger's files has ended"), "{stderr}");
    let ended = place.entries_of("ended");
    assert_eq!((ended.len(), &ended[0]["role"]), (1, &json!("clerk")));
    // The next start goes on.
    let mut served = place.start(&program);
    let reply = served.ask(&call(1, "airlock_usage_stats", &json!({}), &lease(&place)));
    assert!(reply["result"]["isError"] != true, "{reply}");
    served.finish();
}

/// One that was stopped holds nobody for longer than a disk may take, and nothing is allowed without it.
#[test]
fn a_stopped_clerk_is_waited_for_as_long_as_a_disk_may_take() {
    let (program, place) = (program(), Place::new("bare"));
    let mut served = place.start(&program);
    let lease = lease(&place);
    let ask = |served: &mut Gateway, id| served.ask(&call(id, "airlock_usage_stats", &json!({}), &lease));
    assert!(ask(&mut served, 1)["result"]["isError"] != true);
    signal(clerk(&served), rustix::process::Signal::STOP);
    let begun = std::time::Instant::now();
    for id in 2..5 {
        let reply = ask(&mut served, id);
        assert!(reply["result"]["isError"] == true, "{reply}");
    }
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
    served.kill();
}

#[test]
fn a_clerk_outlives_no_gateway_and_takes_no_orders_to_end() {
    use rustix::process::Signal;
    let program = program();
    for (to_clerk, ends) in [(None, true), (Some(Signal::STOP), false), (None, false)] {
        let place = Place::new("bare");
        let mut served = place.start(&program);
        served.ask(&call(1, "airlock_usage_stats", &json!({}), &lease(&place)));
        let clerk = clerk(&served);
        if let Some(to_clerk) = to_clerk {
            signal(clerk, to_clerk);
        }
        if ends {
            served.finish();
        } else {
            served.kill();
        }
        assert_gone(clerk);
    }
}

/// What a gateway was when it began its ledger can be compared with what its binary says.
#[test]
fn the_first_line_names_the_profiles() {
    let (program, place) = (program(), Place::new("bare"));
    place.start(&program).finish();
    let genesis = place.entries_of("genesis").remove(0);
    let output = Command::new(&program).arg("--policy").output().unwrap();
    let policy: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let profiles = &policy["sandbox"]["profiles"];
    assert_eq!(genesis["profiles"], json!({"clerk": profiles["clerk"], "judge": profiles["judge"]}));
}

#[test]
fn a_gateway_says_which_profile_it_enters() {
    let program = program();
    let printed = |argument: &str| {
        let output = Command::new(&program).arg(argument).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let policy: serde_json::Value = serde_json::from_str(&printed("--policy")).unwrap();
    let digest = policy["sandbox"]["profiles"]["judge"].as_str().unwrap();
    assert_eq!(digest.len(), 64);
    assert_eq!(policy["sandbox"]["allow_missing"], json!([]));
    assert!(printed("--version").contains(&format!("judge profile {digest}\n")), "{}", printed("--version"));
}
