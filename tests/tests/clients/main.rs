//! The official MCP clients against a built gateway: one session, every client, every way of negotiating, the same replies.
//!
//! The session is `clients/session.json`; what it must give is the snapshot. The first run on a machine installs the clients.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../../../airlock-cli/src/standin.rs"]
mod standin;

mod account;

use account::{Account, Recording};
use airlock_runtime::lease::intent_hash;
use airlock_tests::built;
use airlock_tests::clients::{CLIENTS, Client, LEGACY, MODERN, SCRIPTS, python, said};
use airlock_tests::place::Place;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// What the gateways reach: the stand-in of the weather service, and a server that accepts and never answers.
struct Stage {
    weather: standin::StandIn,
    silent: TcpListener,
}

static STAGE: LazyLock<Stage> = LazyLock::new(|| Stage {
    weather: standin::StandIn::start(0, usize::MAX).unwrap(),
    silent: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap(),
});

/// The gateway `clients`, built once.
fn gateway() -> PathBuf {
    let silent = STAGE.silent.local_addr().unwrap().port();
    let manifest = include_str!("../../clients/airlock.toml");
    let manifest = manifest.replace("127.0.0.1:1\"", &format!("127.0.0.1:{}\"", STAGE.weather.port()));
    built::gateway(&manifest.replace("127.0.0.1:2\"", &format!("127.0.0.1:{silent}\"")))
}

/// The session of a client against the gateway that `server` starts, with a lease that only an operator can issue.
fn session(client: Client, server: &Path, place: &Place, name: &str) -> Command {
    let mut claims = place.claims(&["airlock_usage_stats"]);
    claims.sub = "operator:auditor".into();
    claims.sid = "review".into();
    claims.ih = intent_hash("Compare the clients.").unwrap();
    claims.dom = Vec::new();
    claims.risk = 500;
    claims.uses = 10;
    let mut command = client.session(server);
    command
        .env("AIRLOCK_KEY_FILE", place.key_file())
        .env("AIRLOCK_LEDGER_DIR", place.ledger())
        .env("AIRLOCK_SESSION", name)
        .env("AIRLOCK_OPERATOR_LEASE", place.mint(&claims));
    command
}

/// Runs a session to its end and reads its account. The end is that of the gateway too, which holds the client's stderr.
fn account(client: Client, command: &mut Command) -> Account {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}: {}\n{}", client.name, output.status, said(&output));
    Account::read(&output)
}

/// The ledger must verify, to its end, with the command that people use.
fn verify(place: &Place) {
    let output = built::run(&["verify-log", place.ledger().to_str().unwrap(), "--key", &log_key(place)]);
    assert!(output.status.success(), "{}", said(&output));
}

/// The public key that line 0 of the ledger names.
fn log_key(place: &Place) -> String {
    place.entries_of("genesis")[0]["pk"].as_str().unwrap().to_owned()
}

#[test]
fn every_client_is_told_the_same() {
    let gateway = gateway();
    let mut first = None;
    for client in CLIENTS {
        let place = Place::new("clients");
        let account = account(client, &mut session(client, &gateway, &place, "session-1"));
        assert_eq!(account.negotiated["version"], client.revision, "{}", client.name);
        if client.knows_server() {
            assert_eq!(account.negotiated["server"], "clients", "{}", client.name);
            assert_eq!(
                account.negotiated["instructions"], "Ask for a lease first, then send it with every call.",
                "{}",
                client.name
            );
            assert_eq!(account.negotiated["capabilities"], json!({"tools": {}}), "{}", client.name);
        }
        verify(&place);
        // Told once at least, also where a probe whose stderr nobody reads has made the ledger.
        assert!(
            account.stderr.contains(&format!("Its public key is {}", log_key(&place))),
            "{}: {}",
            client.name,
            account.stderr
        );
        let (expected, by) = first.get_or_insert_with(|| (account.clone(), client.name));
        for (found, expected) in account.steps.iter().zip(&expected.steps) {
            assert_eq!(found, expected, "{} is told something else than {by}", client.name);
        }
        assert_eq!(account.steps.len(), expected.steps.len());
        assert_eq!(account.tools, expected.tools, "{} sees other tools than {by}", client.name);
    }
    insta::assert_snapshot!(first.unwrap().0.text());
}

#[test]
fn the_bytes_are_valid_and_the_same() {
    let (gateway, tap) = (gateway(), Path::new(SCRIPTS).join("tap.sh"));
    let mut first: Option<(Vec<Value>, &str)> = None;
    for client in CLIENTS {
        let place = Place::new("clients");
        let wires = tempfile::tempdir().unwrap();
        let mut command = session(client, &tap, &place, "session-1");
        account(client, command.env("AIRLOCK_GATEWAY", &gateway).env("AIRLOCK_TAP", wires.path()));

        let validated = python(&Path::new(SCRIPTS).join("validate.py")).arg(wires.path()).output().unwrap();
        assert!(validated.status.success(), "{}: {}", client.name, said(&validated));
        let counts: BTreeMap<String, u64> = serde_json::from_slice(&validated.stdout).unwrap();
        assert!(counts[&format!("tools/call {}", client.revision)] > 30 && counts["schema"] >= 4, "{}: {counts:?}", client.name);

        let recordings = Recording::read_all(wires.path());
        assert_eq!(recordings.len(), client.processes, "{} starts so many processes", client.name);
        let mut calls: Vec<&Recording> = recordings.iter().filter(|recording| recording.calls() > 0).collect();
        let recording = calls.pop().unwrap();
        assert!(calls.is_empty(), "{} calls tools in one process", client.name);
        let replies = recording.replies(client.revision);
        let (expected, by) = first.get_or_insert_with(|| (replies.clone(), client.name));
        for (found, expected) in replies.iter().zip(expected.iter()) {
            assert_eq!(found, expected, "{} gets something else than {by}", client.name);
        }
        assert_eq!(replies.len(), expected.len());
    }
}

#[test]
fn all_clients_at_once_share_one_ledger() {
    let (gateway, place) = (gateway(), Place::new("clients"));
    std::thread::scope(|scope| {
        let sessions = CLIENTS.map(|client| {
            let mut command = session(client, &gateway, &place, &client.name.replace(' ', "-"));
            scope.spawn(move || account(client, &mut command))
        });
        let mut accounts = sessions.into_iter().map(|session| session.join().unwrap());
        let mut first = accounts.next().unwrap();
        // The last step counts what all of them did so far.
        assert_eq!(first.steps.pop().unwrap()["step"], "what was recorded");
        for mut account in accounts {
            account.steps.pop().unwrap();
            for (found, expected) in account.steps.iter().zip(&first.steps) {
                assert_eq!(found, expected);
            }
            assert_eq!(account.steps.len(), first.steps.len());
        }
    });
    verify(&place);
    let decisions = place.entries_of("decision");
    let asked = Account::calls_of_the_session();
    assert_eq!(decisions.len(), CLIENTS.len() * asked);
    assert_eq!(place.entries_of("issue").len(), CLIENTS.len() * 4);
    let cancelled = place.entries_of("outcome").iter().filter(|entry| entry["status"] == "cancelled").count();
    assert_eq!(cancelled, CLIENTS.len(), "each client gave up one call");
    assert_eq!(place.entries_of("genesis").len(), 1);
}

#[test]
fn a_gateway_without_its_key_stops_every_client() {
    let gateway = gateway();
    for client in CLIENTS {
        let place = Place::new("clients");
        std::fs::remove_file(place.key_file()).unwrap();
        let output = session(client, &gateway, &place, "session-1").output().unwrap();
        let code = output.status.code();
        assert!(code.is_some_and(|code| code != 0 && code != 124), "{} goes on, or hangs: {code:?}", client.name);
        assert!(!place.ledger().exists(), "{}: no key, no trace", client.name);
    }
}

#[test]
fn the_example_agent_does_what_its_page_says() {
    let stand_in = format!("stand_in = \"127.0.0.1:{}\"\nwhy", STAGE.weather.port());
    let manifest = include_str!("../../../examples/weather/airlock.toml");
    let (head, tools) = manifest.split_once("# The tools.").unwrap();
    let gateway = built::gateway(&format!("{}# The tools.{tools}", head.replace("\nwhy", &format!("\n{stand_in}"))));
    let agent = Path::new(SCRIPTS).join("../../examples/agent_integration/agent.py");
    for (mode, revision) in [("auto", MODERN), ("legacy", LEGACY)] {
        let place = Place::new("weather");
        let mut command = python(&agent);
        command.args(["--mode", mode]).arg(&gateway);
        command.env("AIRLOCK_KEY_FILE", place.key_file()).env("AIRLOCK_LEDGER_DIR", place.ledger());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{mode}: {}", said(&output));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(&format!("revision {revision}")), "{text}");
        let decisions = place.entries_of("decision");
        let reasons: Vec<&str> = decisions.iter().map(|entry| entry["why"].as_str().unwrap()).collect();
        assert_eq!(reasons, ["ok", "ok", "ok", "risk_too_high", "host_not_allowed", "lease_missing"], "{text}");
        for reason in reasons.iter().filter(|reason| **reason != "ok") {
            assert!(text.contains(&format!("({reason})")), "{reason} is not shown: {text}");
        }
        verify(&place);
    }
}
