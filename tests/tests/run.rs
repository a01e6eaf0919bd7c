//! `airlock run`: an agent whose client knows nothing about leases has one while it runs, and nobody has it afterwards.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use airlock_tests::built;
use airlock_tests::clients::{SCRIPTS, python};
use airlock_tests::place::Place;
use airlock_tests::process::Gateway;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const MANIFEST: &str = "airlock = 1\n[gateway]\nname = \"around\"\n[keys]\naccept = [\"k1\"]\n[lease]\ncarriers = [\"meta\", \"ambient\"]\n\
    [tools.airlock_usage_stats]\nwhy = \"counts\"\n[tools.airlock_audit_tail]\nwhy = \"entries\"\n\
    [[grant]]\nsubject = \"agent:a\"\ntools = [\"airlock_usage_stats\"]\nissue = \"operator\"\nmax_ttl = \"10m\"\nwhy = \"the agent looks\"\n\
    [[grant]]\nsubject = \"operator:auditor\"\ntools = [\"airlock_audit_tail\"]\nissue = \"operator\"\nwhy = \"review\"\n";
const INTENT: &str = "Look at the counts, \"quickly\"";

/// `airlock run` with an agent in this mode. The agent is the script; what bounds its time is outside, so signals reach it.
fn run(place: &Place, gateway: &Path, mode: &str) -> Command {
    let mut command = built::airlock(&["run", "--intent", INTENT, "--grant", "agent:a"]);
    command.arg("--gateway").arg(gateway).arg("--key").arg(place.key_file()).arg("--ledger").arg(place.ledger());
    // The agent's client has no entry for the gateway, so it is told where the key is.
    command.arg("--gateway-key").arg(place.key_file());
    let agent = python(&Path::new(SCRIPTS).join("ambient.py"));
    let interpreter = agent.get_args().find(|word| word.to_string_lossy().ends_with("python")).unwrap();
    command.arg("--").arg(interpreter).arg(Path::new(SCRIPTS).join("ambient.py")).arg(mode).arg(gateway);
    command.env("XDG_RUNTIME_DIR", place.dir()).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn lease_file(place: &Place) -> PathBuf {
    place.dir().join("airlock/around.lease")
}

fn counted(place: &Place, kind: &str) -> usize {
    place.entries().iter().filter(|entry| entry["t"] == kind).count()
}

#[test]
fn an_agent_has_a_lease_while_it_runs() {
    let gateway = built::gateway(MANIFEST);
    let place = Place::new("around");
    let kept = place.dir().join("kept");
    let output = run(&place, &gateway, &format!("keep={}", kept.display())).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(7), "the exit code of the agent is passed on: {said}");
    let replies: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(replies["airlock_usage_stats"]["refused"], false, "{replies}\n{said}");
    assert_eq!(replies["airlock_audit_tail"]["refused"], true, "the grant does not have it: {replies}");
    assert!(replies["airlock_audit_tail"]["text"].as_str().unwrap().contains("tool_not_in_lease"), "{replies}");
    assert!(!lease_file(&place).exists());
    assert_eq!((counted(&place, "issue"), counted(&place, "revoke")), (1, 1));
    let copied: Value = serde_json::from_slice(&std::fs::read(&kept).unwrap()).unwrap();
    assert_eq!(copied["intent"], INTENT);
    assert!(!said.contains(copied["lease"].as_str().unwrap()), "the lease is not printed");
    // Who copied the file has nothing any more, and without the file there is no lease.
    assert_eq!(refused(&place, &gateway, &kept), "lease_revoked");
    assert_eq!(refused(&place, &gateway, &lease_file(&place)), "lease_missing");
    std::fs::write(&kept, "{}").unwrap();
    let mut command = place.command(&gateway);
    command.env("AIRLOCK_LEASE_FILE", &kept);
    let (status, said) = Gateway::start(command).end();
    assert_eq!(status.code(), Some(3), "{said}");
    assert!(said.contains("the lease file"), "{said}");
}

/// What is listed to a client that shows no lease is what that of its surroundings can call; of a lease that is good no longer it is told.
#[test]
fn lists_are_those_of_the_lease_around() {
    let gateway = built::gateway(MANIFEST);
    let place = Place::new("around");
    let kept = place.dir().join("kept");
    let listed = |file: Option<&Path>| {
        let mut command = place.command(&gateway);
        if let Some(file) = file {
            command.env("AIRLOCK_LEASE_FILE", file);
        }
        let mut gateway = Gateway::start(command);
        let params = json!({"_meta": airlock_tests::message::meta()});
        let reply = gateway.ask(&airlock_tests::message::request("l", "tools/list", &params));
        gateway.finish();
        let names = |tools: &Vec<Value>| tools.iter().map(|tool| tool["name"].clone()).collect::<Value>();
        reply["result"]["tools"].as_array().map_or_else(|| reply["error"]["data"]["reason"].clone(), names)
    };
    assert_eq!(listed(None), json!(["airlock_usage_stats", "airlock_audit_tail"]), "without a lease around everything is listed");
    let claims = place.claims(&["airlock_usage_stats"]);
    // Within the first grant.
    let lease = place.mint(&airlock_runtime::lease::RootClaims {
        sub: "agent:a".into(),
        dom: Vec::new(),
        risk: 500,
        uses: 1000,
        ..claims
    });
    let intent = airlock_tests::place::INTENT;
    let text = airlock_runtime::carrier::ambient::text(&lease, airlock_tests::place::SESSION, intent);
    std::fs::write(&kept, text).unwrap();
    std::fs::set_permissions(&kept, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(listed(Some(&kept)), json!(["airlock_usage_stats"]));
    std::fs::write(&kept, airlock_runtime::carrier::ambient::text(&lease, "another", intent)).unwrap();
    assert_eq!(listed(Some(&kept)), json!("lease_session"));
}

/// Why a call that carries nothing is refused by a gateway whose surroundings name this file.
fn refused(place: &Place, gateway: &Path, file: &Path) -> String {
    let mut command = place.command(gateway);
    command.env("AIRLOCK_LEASE_FILE", file);
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
                      "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"}});
    let params = json!({"name": "airlock_usage_stats", "arguments": {}, "_meta": meta});
    let mut gateway = Gateway::start(command);
    let reply = gateway.ask(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string());
    reply["result"]["structuredContent"]["reason"].as_str().unwrap_or_else(|| panic!("{reply}")).to_owned()
}

#[test]
fn a_signal_ends_agent_and_lease() {
    let gateway = built::gateway(MANIFEST);
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let place = Place::new("around");
        let mut child =
            run(&place, &gateway, "wait").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("airlock_usage_stats"), "{line}");
        let mode = std::fs::metadata(lease_file(&place)).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o7777, 0o600);
        // A second run of the same gateway would take the file away from the first.
        let second = run(&place, &gateway, "calls").output().unwrap();
        assert_eq!(second.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&second.stderr).contains("another `airlock run`"));
        kill_process(Pid::from_child(&child), signal).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(code), "{signal:?}");
        assert!(!lease_file(&place).exists());
        assert_eq!((counted(&place, "issue"), counted(&place, "revoke")), (1, 1), "the second run issued nothing");
    }
}

#[test]
fn a_run_that_cannot_begin_leaves_nothing() {
    let gateway = built::gateway(MANIFEST);
    let place = Place::new("around");
    let with = |grant: &str, program: &str| {
        let mut command = built::airlock(&["run", "--intent", INTENT, "--grant", grant]);
        command.arg("--gateway").arg(&gateway).arg("--key").arg(place.key_file()).arg("--ledger").arg(place.ledger());
        command.args(["--", program]).env("XDG_RUNTIME_DIR", place.dir());
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = with("agent:nobody", "true");
    assert_eq!((code, counted(&place, "issue")), (Some(1), 0), "{said}");
    let (code, said) = with("agent:a", "/nowhere/agent");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("cannot start /nowhere/agent"), "{said}");
    assert_eq!((counted(&place, "issue"), counted(&place, "revoke")), (1, 1), "what was issued is revoked");
    assert!(!lease_file(&place).exists());
    let (code, said) = with("agent:a", "true");
    assert_eq!(code, Some(0), "{said}");
}
