//! Decisions over a small policy, with real leases.

use super::*;
use crate::call::{Demand, Rule};
use crate::lease::{AudienceKey, Caveat, Expect, KeyRing, attenuate, intent_hash, mint, request_digest, verify};
use crate::ledger::Holder;
use crate::memory::Seen;
use crate::policy::Grant;
use crate::policy::evidence::Evidence;
use crate::policy::{Durability, Egress, HostRule, Issue, Key, LeaseRules, LedgerRules, ToolIndex, ToolKind, sample};
use crate::risk::Factor;
use proptest::prelude::*;
use serde_json::{Value, json};

const EGRESS: &[Egress] = &[
    Egress { host: HostRule::Exact("api.example.com"), ports: &[443], stand_in: None },
    Egress { host: HostRule::OneLabel("cdn.example.com"), ports: &[443], stand_in: None },
];

static POLICY: Policy = Policy {
    gateway: "gw",
    instructions: "",
    mode: crate::policy::Mode::Enforce,
    digest: [0; 32],
    compiled_by: "test",
    keys: &[Key { kid: "k1", commitment: None }],
    lease: LeaseRules { default_ttl: 300, max_ttl: 600, carrier_meta: true, carrier_arguments: true, carrier_ambient: false },
    ledger: LedgerRules { dir_env: None, dir_default: "ledger", durability: Durability::Power, evidence: Evidence::HASHES },
    limits: sample::LIMITS,
    upstreams: &[],
    flows: &[],
    approvers: &[],
    tools: &[
        tool("http_get_json", crate::policy::Builtin::HttpGetJson, EGRESS),
        tool("airlock_audit_tail", crate::policy::Builtin::AuditTail, &[]),
        tool("airlock_issue_capability", crate::policy::Builtin::IssueCapability, &[]),
    ],
    tool_index: ToolIndex(&|name| POLICY.tools.iter().position(|tool| tool.name == name)),
    sandbox: sample::SANDBOX,
    grants: &[
        grant("agent:a", &["http_get_json"], Issue::SelfService, &["api.example.com", "*.cdn.example.com"]),
        grant("auditor", &["airlock_audit_tail"], Issue::Operator, &[]),
    ],
};

const fn tool(name: &'static str, builtin: crate::policy::Builtin, egress: &'static [Egress]) -> Tool {
    let rules = &[Rule { arg: "url", demand: Demand::MaxLength(200) }];
    Tool { name, kind: ToolKind::Builtin(builtin), egress, rules, ..sample::TOOL }
}

const fn grant(subject: &'static str, tools: &'static [&'static str], issue: Issue, domains: &'static [&'static str]) -> Grant {
    Grant { subject, tools, issue, domains, max_ttl: 600, max_risk: 400, uses: 10, why: "test" }
}

const NOW: Micros = Micros(1_800_000_000_000_000);
const CALM: Risk = Risk { score: 0, factors: Vec::new(), ignored: Vec::new() };

fn claims() -> RootClaims {
    RootClaims {
        sub: "agent:a".into(),
        sid: "s1".into(),
        ih: intent_hash("read the api").unwrap(),
        tools: vec!["http_get_json".into()],
        dom: vec!["api.example.com".into(), "*.cdn.example.com".into()],
        risk: 400,
        uses: 10,
        dep: 8,
        ep: 0,
        iat: NOW.seconds(),
        nbf: NOW.seconds(),
        exp: NOW.seconds() + 600,
    }
}

fn key() -> AudienceKey {
    AudienceKey::new("k1", "gw", [7; 32]).unwrap()
}

fn lease(claims: &RootClaims) -> String {
    mint(&key(), claims, [9; 16]).unwrap()
}

fn authority(lease: &str) -> Result<Authority, Reason> {
    let ring = KeyRing::new(vec![key()]).unwrap();
    let intent = intent_hash("read the api").unwrap();
    verify(lease, &ring, &Expect { aud: "gw", sid: "s1", intent, now: NOW }).map_err(Reason::Lease)
}

fn call(name: &str, args: Value) -> Call {
    let Value::Object(args) = args else { panic!("an object is needed") };
    let tool = POLICY.tool(name);
    Call { id: "c".into(), name: name.into(), tool, args_bytes: serde_json::to_vec(&args).unwrap(), args }
}

fn get(url: &str) -> Call {
    call("http_get_json", json!({ "url": url }))
}

fn decided(call: &Call, authority: Result<&Authority, &Reason>, risk: &Risk, newest_entry: Micros) -> &'static str {
    match decide(&POLICY, call, authority, risk, &Facts { now: NOW, newest_entry, drift: None, seen: Seen::default() }) {
        Decision::Allow(_) => "ok",
        Decision::Deny(reason) => reason.code(),
        Decision::Ask(_) => "ask",
    }
}

/// The decision for a root lease of these claims.
fn with(claims: &RootClaims, call: &Call) -> &'static str {
    decided(call, authority(&lease(claims)).as_ref(), &CALM, NOW)
}

const URL: &str = "https://api.example.com/v1";

#[test]
fn an_ordinary_call_is_allowed_and_spends_from_its_root() {
    let authority = authority(&lease(&claims())).unwrap();
    let Decision::Allow(permit) = decide(
        &POLICY,
        &get(URL),
        Ok(&authority),
        &CALM,
        &Facts { now: NOW, newest_entry: NOW, drift: None, seen: Seen::default() },
    ) else {
        panic!("must be allowed")
    };
    let budget = Require::Unspent { rid: authority.rid[0].text(), uses: 10 };
    let (sid, sub, kid) = ("s1".into(), "agent:a".into(), "k1".into());
    let holder = Holder { rid: vec![authority.rid[0].text()], jti: authority.root.jti_text(), sid, sub, kid, ep: Some(0) };
    let live = Require::NotRevoked(Box::new(holder));
    assert_eq!(permit.require(), [live, Require::Unexpired(NOW.seconds() + 600), budget]);
    assert!(matches!(permit.into_act(), Act::Errand(errand) if errand.hosts == ["api.example.com"]));
}

#[test]
fn a_lease_beyond_every_grant_is_refused_though_its_signature_is_right() {
    let base = claims();
    for (beyond, what) in [
        (RootClaims { sub: "agent:b".into(), ..base.clone() }, "subject"),
        (RootClaims { tools: vec!["http_get_json".into(), "airlock_audit_tail".into()], ..base.clone() }, "tool"),
        (RootClaims { dom: vec!["evil.example.org".into()], ..base.clone() }, "host"),
        (RootClaims { dom: vec!["*".into()], ..base.clone() }, "any host"),
        (RootClaims { exp: NOW.seconds() + 601, ..base.clone() }, "life"),
        (RootClaims { risk: 401, ..base.clone() }, "risk"),
        (RootClaims { uses: 11, ..base.clone() }, "uses"),
    ] {
        assert_eq!(with(&beyond, &get(URL)), "beyond_grant", "{what}");
    }
    assert_eq!(with(&RootClaims { dom: vec!["x.cdn.example.com".into()], ..base }, &get("https://x.cdn.example.com/")), "ok");
}

#[test]
fn tool_arguments_and_hosts() {
    let base = claims();
    for (call, expected) in [
        (call("airlock_audit_tail", json!({})), "tool_not_in_lease"),
        (call("nope", json!({})), "unknown_tool"),
        (call("http_get_json", json!({})), "argument_invalid"),
        (call("http_get_json", json!({"url": URL, "method": "POST"})), "argument_invalid"),
        (get(&format!("{URL}/{}", "x".repeat(200))), "argument_invalid"),
        (get("http://api.example.com/"), "url_refused"),
        (get("https://api.example.com:8443/"), "url_refused"),
        (get("https://169.254.169.254/latest"), "url_refused"),
        (get("https://evil.example.org/"), "host_not_allowed"),
        (get("https://a.b.cdn.example.com/"), "host_not_allowed"),
        (get("https://x.cdn.example.com/"), "ok"),
    ] {
        assert_eq!(with(&base, &call), expected, "{} {}", call.name, Value::Object(call.args.clone()));
    }
    let narrow = RootClaims { dom: vec!["api.example.com".into()], ..base.clone() };
    assert_eq!(with(&narrow, &get("https://x.cdn.example.com/")), "host_not_in_lease");
    assert_eq!(with(&RootClaims { dom: vec![], ..base }, &get(URL)), "host_not_in_lease");
}

#[test]
fn the_lease_is_judged_before_the_arguments() {
    assert_eq!(decided(&call("http_get_json", json!({})), Err(&Reason::LeaseMissing), &CALM, NOW), "lease_missing");
}

#[test]
fn risk_bounds() {
    let authority = authority(&lease(&claims())).unwrap();
    let at =
        |score| Risk { score, factors: vec![Factor { name: "base", points: score, note: String::new() }], ignored: Vec::new() };
    for (score, expected) in [(400, "ok"), (401, "risk_too_high"), (500, "risk_too_high")] {
        assert_eq!(decided(&get(URL), Ok(&authority), &at(score), NOW), expected, "{score}");
    }
    let issue = call("airlock_issue_capability", request());
    for (score, expected) in [(499, "ok"), (500, "risk_too_high")] {
        assert_eq!(decided(&issue, Err(&Reason::LeaseMissing), &at(score), NOW), expected, "{score}");
    }
}

#[test]
fn a_clock_far_behind_the_ledger_denies_everything() {
    let authority = authority(&lease(&claims())).unwrap();
    let newest = |ahead: u64| Micros(NOW.0 + ahead);
    assert_eq!(decided(&get(URL), Ok(&authority), &CALM, newest(5_000_000)), "ok");
    assert_eq!(decided(&get(URL), Ok(&authority), &CALM, newest(5_000_001)), "clock_rollback");
    let issue = call("airlock_issue_capability", request());
    assert_eq!(decided(&issue, Err(&Reason::LeaseMissing), &CALM, newest(5_000_001)), "clock_rollback");
}

#[test]
fn a_lease_for_one_call_allows_that_call() {
    let this = get(URL);
    let digest = request_digest("gw", "s1", "http_get_json", &this.args).unwrap();
    let narrowed = attenuate(&lease(&claims()), &Caveat { call: Some(digest), ..Caveat::default() }).unwrap();
    let authority = authority(&narrowed);
    assert_eq!(decided(&this, authority.as_ref(), &CALM, NOW), "ok");
    assert_eq!(decided(&get("https://api.example.com/v2"), authority.as_ref(), &CALM, NOW), "call_not_in_lease");
}

fn request() -> Value {
    json!({"session_id": "s1", "subject": "agent:a", "tools": ["http_get_json"], "intent": "read the api"})
}

#[test]
fn issuing_stays_within_a_self_grant_and_pins_the_intent() {
    let no_lease = Err(Reason::LeaseMissing);
    let issue = call("airlock_issue_capability", request());
    let Decision::Allow(permit) = decide(
        &POLICY,
        &issue,
        no_lease.as_ref(),
        &CALM,
        &Facts { now: NOW, newest_entry: NOW, drift: None, seen: Seen::default() },
    ) else {
        panic!("must be allowed")
    };
    let ih = lease::hex(&intent_hash("read the api").unwrap());
    let (sub, sid) = ("agent:a".to_owned(), "s1".to_owned());
    let live = Require::NotRevoked(Box::new(Holder { sub: sub.clone(), sid: sid.clone(), ..Holder::default() }));
    let (most, in_session, in_hour) = (OPEN_LEASES_MAX, SESSION_ISSUES_MAX, HOUR_ISSUES_MAX);
    let room = Require::OpenLeases { sub, sid: sid.clone(), most, in_session, in_hour };
    assert_eq!(permit.require(), [live, room, Require::Intent { sid, ih }]);
    let Act::Issue(claims, Issue::SelfService) = permit.into_act() else { panic!("must issue") };
    assert_eq!((claims.exp - claims.iat, claims.risk, claims.uses), (300, 400, 10));
    for (member, value, expected) in [
        ("subject", json!("auditor"), "beyond_grant"),
        ("subject", json!("agent:x"), "beyond_grant"),
        ("tools", json!(["airlock_audit_tail"]), "beyond_grant"),
        ("ttl_seconds", json!(601), "beyond_grant"),
        ("ttl_seconds", json!(600), "ok"),
        ("constraints", json!({"uses": 11}), "beyond_grant"),
        ("constraints", json!({"max_risk": 0.401}), "beyond_grant"),
        ("constraints", json!({"domains": ["evil.example.org"]}), "beyond_grant"),
        ("constraints", json!({"domains": ["x.cdn.example.com"], "max_risk": 0.1, "uses": 1}), "ok"),
        ("intent", json!("a\u{202e}b"), "intent_invalid"),
        ("extra", json!(1), "argument_invalid"),
    ] {
        let mut request = request();
        request[member] = value.clone();
        let issue = call("airlock_issue_capability", request);
        assert_eq!(decided(&issue, no_lease.as_ref(), &CALM, NOW), expected, "{member} {value}");
    }
}

fn caveat() -> impl Strategy<Value = Caveat> {
    let host = prop::sample::select(vec!["api.example.com", "*.cdn.example.com", "x.cdn.example.com", "*", "evil.example.org"]);
    let hosts = prop::collection::btree_set(host.prop_map(str::to_owned), 0..3).prop_map(Vec::from_iter);
    let tool = prop::sample::select(vec!["http_get_json", "airlock_audit_tail"]);
    let tools = prop::collection::btree_set(tool.prop_map(str::to_owned), 0..3).prop_map(Vec::from_iter);
    let exp = prop::option::of((NOW.seconds() - 5)..(NOW.seconds() + 10_000));
    (prop::option::of(hosts), prop::option::of(tools), exp, prop::option::of(0u16..=1000), prop::option::of(0u64..100)).prop_map(
        |(dom, tools, exp, risk, uses)| Caveat { dom, tools, exp, risk, uses, to: Some("child".into()), ..Caveat::default() },
    )
}

proptest! {
    #[test]
    fn narrowing_never_widens_a_decision(
        chain in prop::collection::vec(caveat(), 1..4),
        url in prop::sample::select(vec![URL, "https://x.cdn.example.com/", "https://evil.example.org/"]),
        score in 0u16..600,
        is_audit in any::<bool>(),
    ) {
        let call = if is_audit { call("airlock_audit_tail", json!({})) } else { get(url) };
        let risk = Risk { score, factors: Vec::new(), ignored: Vec::new() };
        let mut text = lease(&claims());
        let mut parent = decided(&call, authority(&text).as_ref(), &risk, NOW) == "ok";
        for caveat in &chain {
            text = attenuate(&text, caveat).unwrap();
            let child = decided(&call, authority(&text).as_ref(), &risk, NOW) == "ok";
            prop_assert!(parent || !child, "{caveat:?} widened");
            parent = child;
        }
    }
}
