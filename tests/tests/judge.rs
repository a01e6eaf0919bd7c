//! `airlock test` and a built gateway say the same: the cases that one writes for every clause of a policy are played against the other.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

use airlock_policy::ir::{Grant, HostRule, Policy};
use airlock_runtime::lease::RootClaims;
use airlock_tests::built::{gateway, run};
use airlock_tests::message::{call, call_with, meta};
use airlock_tests::place::Place;
use airlock_tests::process::Gateway;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::net::TcpListener;

#[derive(Deserialize)]
struct File {
    case: Vec<Case>,
}

/// As `airlock test` writes it, with the members that the policy of this test brings about.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    subject: Option<String>,
    #[serde(default)]
    lease: Terms,
    #[serde(default)]
    history: Vec<Earlier>,
    call: Call,
    expect: String,
    reason: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Terms {
    uses: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    tool: String,
    args: Map<String, Value>,
    #[serde(default)]
    stretch: BTreeMap<String, usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Earlier {
    tool: String,
    args: Map<String, Value>,
    #[serde(default = "once")]
    times: u64,
    session: Option<String>,
}

const fn once() -> u64 {
    1
}

/// A lease as wide as the grant for one tool.
fn lease(place: &Place, policy: &Policy, case: &Case, tool: &str, session: &str) -> Option<String> {
    let subject = case.subject.as_deref()?;
    let of_subject = |grant: &&Grant| grant.subject == subject;
    let naming = policy.grants.iter().find(|grant| of_subject(grant) && grant.tools.iter().any(|name| name == tool));
    let grant = naming.or_else(|| policy.grants.iter().find(of_subject)).expect("a grant of the subject");
    let hosts = policy.tools.iter().filter(|one| one.name == tool).flat_map(|tool| &tool.egress);
    let hosts = hosts.map(|entry| if let HostRule::Exact(host) = &entry.host { host.clone() } else { panic!("{entry:?}") });
    let claims = place.claims(&[tool]);
    Some(place.mint(&RootClaims {
        sub: subject.to_owned(),
        sid: session.to_owned(),
        dom: hosts.filter(|host| grant.domains.contains(host)).collect(),
        risk: grant.max_risk,
        uses: case.lease.uses.unwrap_or(grant.uses),
        exp: claims.iat + grant.max_ttl,
        ..claims
    }))
}

/// Decision and reason of a call, asked as a client without elicitation.
fn ask(
    gateway: &mut Gateway,
    id: u64,
    tool: &str,
    args: &Map<String, Value>,
    lease: Option<&str>,
    session: &str,
) -> (String, String) {
    let arguments = Value::Object(args.clone());
    let line = match lease {
        Some(lease) => call(id, tool, &arguments, lease).replace("\"s-1\"", &format!("{session:?}")),
        None => call_with(id, tool, &arguments, &meta()),
    };
    let reply = gateway.ask(&line);
    let told = airlock_tests::proof::told(&reply).unwrap_or_else(|| panic!("{reply}"));
    (told["decision"].as_str().unwrap().to_owned(), told["reason"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_gateway_decides_every_case_as_airlock_test_does() {
    // Nobody answers there: an allowed request fails at once, and that it was allowed is all that counts here.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let manifest = include_str!("../gateways/judged.toml").replace("{port}", &port.to_string());
    let dir = tempfile::tempdir().unwrap();
    let (source, cases) = (dir.path().join("judged.toml"), dir.path().join("judged.cases.toml"));
    std::fs::write(&source, &manifest).unwrap();
    let written = run(&["test", source.to_str().unwrap(), "--generate"]);
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let tested = run(&["test", source.to_str().unwrap(), "--min-coverage", "100"]);
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stdout));
    let File { case: cases } = toml::from_str(&std::fs::read_to_string(&cases).unwrap()).unwrap();
    let compiled = airlock_policy::compile(&manifest, "judged.toml").into_compiled().unwrap();
    let program = gateway(&manifest);
    let (mut played, mut id) = (0, 0);
    for case in &cases {
        let place = Place::new("judged");
        let mut command = place.command(&program);
        command.env("TICKETS_TOKEN", "a-token-of-the-tests");
        let mut gateway = Gateway::start(command);
        for earlier in &case.history {
            let session = earlier.session.as_deref().unwrap_or("s-1");
            let lease = lease(&place, compiled.policy(), case, &earlier.tool, session);
            for _ in 0..earlier.times {
                id += 1;
                let (decision, reason) = ask(&mut gateway, id, &earlier.tool, &earlier.args, lease.as_deref(), session);
                assert_eq!(decision, "allow", "{}: {} of its history, {reason}", case.name, earlier.tool);
            }
        }
        let mut args = case.call.args.clone();
        for (name, length) in &case.call.stretch {
            let text = args[name].as_str().unwrap();
            let longer = format!("{text}{}", text.chars().last().unwrap().to_string().repeat(length - text.chars().count()));
            args.insert(name.clone(), longer.into());
        }
        id += 1;
        let lease = lease(&place, compiled.policy(), case, &case.call.tool, "s-1");
        let (decision, reason) = ask(&mut gateway, id, &case.call.tool, &args, lease.as_deref(), "s-1");
        match (case.expect.as_str(), &case.reason) {
            ("deny", Some(expected)) => assert_eq!((decision.as_str(), &reason), ("deny", expected), "{}", case.name),
            ("ask", None) => assert!(decision == "deny" && reason.starts_with("approval"), "{}: {decision} {reason}", case.name),
            ("allow", None) => assert_eq!(decision, "allow", "{}: {reason}", case.name),
            (other, reason) => panic!("{}: {other} {reason:?}", case.name),
        }
        gateway.finish();
        played += 1;
    }
    assert!(played >= 30, "{played}");
}
