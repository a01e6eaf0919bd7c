//! A gateway that serves, seen from outside.

use airlock_tests::built::gateway;
use airlock_tests::message::call;
use airlock_tests::place::Place;
use airlock_tests::process::Gateway;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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
