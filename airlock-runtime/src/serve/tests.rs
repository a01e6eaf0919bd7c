//! The loop with a client that misbehaves, and what a decision entry says of its caller.

use super::*;
use crate::effect::{self, Outcome, Product};
use crate::lease::{AudienceKey, KeyRing};
use crate::ledger::{Entry, Ledger, Sync};
use crate::policy::evidence::Evidence;
use crate::policy::{
    Builtin, Durability, Egress, Grant, HostRule, Issue, LeaseRules, LedgerRules, Policy, Tool, ToolIndex, ToolKind, sample,
};
use serde_json::json;

static POLICY: Policy = Policy {
    gateway: "gw",
    instructions: "",
    mode: crate::policy::Mode::Enforce,
    digest: [0; 32],
    compiled_by: "test",
    keys: &[],
    lease: LeaseRules { default_ttl: 300, max_ttl: 600, carrier_meta: true, carrier_arguments: true, carrier_ambient: false },
    ledger: LedgerRules { dir_env: None, dir_default: "ledger", durability: Durability::Process, evidence: Evidence::HASHES },
    limits: sample::LIMITS,
    upstreams: &[],
    flows: &[],
    approvers: &[],
    tools: &[
        tool("airlock_usage_stats", Builtin::UsageStats),
        tool("airlock_issue_capability", Builtin::IssueCapability),
        Tool { egress: EGRESS, ..tool("http_get_json", Builtin::HttpGetJson) },
    ],
    tool_index: ToolIndex(&|name| POLICY.tools.iter().position(|tool| tool.name == name)),
    sandbox: sample::SANDBOX,
    grants: &[
        grant("agent:a"),
        grant("agent:b"),
        Grant { tools: &["http_get_json"], domains: &["api.example.com"], ..grant("agent:fetches") },
    ],
};

const EGRESS: &[Egress] = &[Egress { host: HostRule::Exact("api.example.com"), ports: &[443], stand_in: None }];

const fn tool(name: &'static str, builtin: Builtin) -> Tool {
    Tool { name, kind: ToolKind::Builtin(builtin), ..sample::TOOL }
}

const fn grant(subject: &'static str) -> Grant {
    let tools = &["airlock_usage_stats"];
    Grant { subject, tools, issue: Issue::SelfService, domains: &[], max_ttl: 600, max_risk: 400, uses: 10, why: "test" }
}

/// What a tool of ours gave.
fn own(outcome: Outcome) -> Result<serde_json::Value, effect::Failure> {
    outcome.result.map(|product| match product {
        Product::Own(value) => value,
        #[cfg(feature = "upstream")]
        Product::Foreign(answer) => panic!("an upstream answered: {}", answer.text()),
    })
}

fn gateway(dir: &std::path::Path) -> Rc<Gateway> {
    let ledger = Ledger::open_for(dir, &POLICY).unwrap();
    let keys = KeyRing::new(vec![AudienceKey::new("k1", "gw", [7; 32]).unwrap()]).unwrap();
    Rc::new(Gateway::new(World {
        policy: &POLICY,
        keys,
        ambient: Default::default(),
        ledger,
        #[cfg(target_os = "linux")]
        clerk: crate::clerk::Watch::default(),
        judge: None,
        errands: Default::default(),
        #[cfg(feature = "upstream")]
        upstreams: Default::default(),
    }))
}

/// The guard is only for a loop that hangs; a loop that ends does so at once.
#[tokio::test]
async fn a_client_that_does_not_read_cannot_keep_the_gateway_from_ending() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway(dir.path());
    let (lines, input) = mpsc::channel(8);
    let mut input = Input::Thread(input);
    let (output, _unread) = mpsc::channel(1);
    for id in 0..4 {
        lines.send(Frame::Line(format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#).into_bytes())).await.unwrap();
    }
    let (end, mut tasks) = (Notify::new(), JoinSet::new());
    let signal = async {
        // The second reply waits by now: the first one fills the channel.
        while output.capacity() > 0 {
            tokio::task::yield_now().await;
        }
        end.notify_one();
    };
    let served = async { tokio::join!(gateway.converse(&mut input, &output, &mut tasks, end.notified()), signal) };
    tokio::time::timeout(Duration::from_secs(10), served).await.expect("it ends");
}

#[test]
fn only_who_asks_for_a_lease_is_named_by_its_arguments() {
    let call = |name: &str| {
        let args = json!({"subject": "agent:victim", "session_id": "s1"}).as_object().cloned().unwrap();
        let tool = POLICY.tool(name);
        Call { id: "c".into(), name: name.into(), tool, args, args_bytes: Vec::new() }
    };
    let risk = Risk { score: 0, factors: Vec::new(), ignored: Vec::new() };
    for (name, sub, sid) in
        [("airlock_issue_capability", "agent:victim", "s1"), ("airlock_usage_stats", "", ""), ("no_such_tool", "", "")]
    {
        let call = call(name);
        let context = Context::new(&call, None, None, &risk, None);
        assert_eq!((context.sub, context.sid), (sub, sid), "{name}");
    }
}

/// A call as the wire gives it.
fn request(name: &str, arguments: &serde_json::Value, meta: crate::wire::Carried) -> CallRequest {
    CallRequest {
        id: Id::Int(1),
        revision: crate::wire::Revision::R2025_11_25,
        target: crate::wire::Target::Tool,
        name: name.into(),
        arguments: Some(serde_json::value::to_raw_value(arguments).unwrap()),
        memory: 0,
        meta,
        progress_token: None,
        asking: crate::wire::Asking::NotDeclared,
        client: None,
        retry: None,
        able: Default::default(),
        resume: None,
        log: None,
        approvals: Vec::new(),
    }
}

/// One line of the ledger.
fn line(dir: &std::path::Path, seq: u64) -> serde_json::Value {
    let text = std::fs::read_to_string(dir.join("seg-00000000000000000000.jsonl")).unwrap();
    serde_json::from_str(text.lines().nth(usize::try_from(seq).unwrap()).unwrap()).unwrap()
}

/// The answer to one call, nothing else being open.
async fn answer(gateway: &Rc<Gateway>, request: CallRequest) -> Judged {
    answer_unless(&Notify::new(), gateway, request).await
}

/// The same, of a call that `stop` cancels.
async fn answer_unless(stop: &Notify, gateway: &Rc<Gateway>, mut request: CallRequest) -> Judged {
    let limits = Limits { calls: Arc::new(Semaphore::new(1)), bytes: Arc::new(Semaphore::new(1)) };
    let (output, _replies) = mpsc::channel(1);
    let share = limits.share(0).await.unwrap();
    let mut desk = Desk::new(&mut request, stop, share, &limits, &output);
    gateway.answer(request, &mut desk).await
}

/// The lease that the gateway issues for a new session, or the code of its refusal.
async fn issue(gateway: &Rc<Gateway>, subject: &str, session: &str) -> Result<String, &'static str> {
    issue_for(gateway, "airlock_usage_stats", subject, session).await
}

async fn issue_for(gateway: &Rc<Gateway>, tool: &str, subject: &str, session: &str) -> Result<String, &'static str> {
    let args = json!({"subject": subject, "session_id": session, "tools": [tool], "intent": "count the calls"});
    match answer(gateway, request("airlock_issue_capability", &args, crate::wire::Carried::default())).await {
        Judged::Performed { outcome, .. } => Ok(own(outcome).map_err(|fault| fault.code)?["lease"].as_str().unwrap().into()),
        Judged::Denied { reason, .. } => Err(reason.code()),
        _ => Err("asked"),
    }
}

/// A session and a lease that come along with a request for another lease spend nothing, and nothing is recorded of them.
#[tokio::test]
async fn who_asks_for_a_lease_is_recorded_in_the_session_that_it_is_for() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway(dir.path());
    let lease = issue(&gateway, "agent:a", "x").await.unwrap();
    let args = json!({"subject": "agent:b", "session_id": "y", "tools": ["airlock_usage_stats"], "intent": "count the calls"});
    for lease in [None, Some(lease)] {
        let meta = crate::wire::Carried { lease, session: Some("x".into()), intent: Some("count the calls".into()) };
        let judged = answer(&gateway, request("airlock_issue_capability", &args, meta)).await;
        let Judged::Performed { seq, outcome, .. } = judged else { panic!("{judged:?}") };
        let issued = crate::lease::inspect::inspect(own(outcome).unwrap()["lease"].as_str().unwrap()).unwrap();
        let line = line(dir.path(), seq);
        assert_eq!((&line["d"], &line["sid"], &line["sub"]), (&json!("allow"), &json!("y"), &json!("agent:b")), "{line}");
        assert_eq!((&line["rid"], &line["kid"], &line["exp"]), (&json!([]), &json!(""), &json!(issued.root.exp)), "{line}");
        assert_eq!((&line["spends"], &line["scope"], &line["pn"]), (&json!(null), &json!(null), &json!(null)), "{line}");
    }
}

#[tokio::test]
async fn who_floods_the_gateway_with_sessions_holds_back_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway(dir.path());
    for n in 0..crate::decide::OPEN_LEASES_MAX {
        assert!(issue(&gateway, "agent:a", &format!("s{n}")).await.is_ok());
    }
    assert_eq!(issue(&gateway, "agent:a", "more").await, Err("too_many_leases"));
    let other = issue(&gateway, "agent:b", "more").await;
    assert!(other.is_ok(), "{other:?}");
}

#[tokio::test]
async fn an_allow_tells_how_long_its_budget_is_to_be_kept() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway(dir.path());
    let lease = issue(&gateway, "agent:a", "s1").await.unwrap();
    let exp = crate::lease::inspect::inspect(&lease).unwrap().root.exp;
    // The caveat ends the lease early and has no budget: neither may shorten the life of the root's counter.
    let caveat = lease::Caveat { exp: Some(exp - 200), ..lease::Caveat::default() };
    let lease = lease::attenuate(&lease, &caveat).unwrap();
    let meta = crate::wire::Carried { lease: Some(lease), session: Some("s1".into()), intent: Some("count the calls".into()) };
    let judged = answer(&gateway, request("airlock_usage_stats", &json!({}), meta)).await;
    let Judged::Performed { seq, .. } = judged else { panic!("{judged:?}") };
    let line = line(dir.path(), seq);
    assert_eq!(line["rid"].as_array().unwrap().len(), 2);
    assert_eq!((&line["exp"], &line["spends"]), (&json!(exp), &json!([0])));
}

/// The request of a call that is cancelled, or whose gateway ends, may be out: its host is in both entries.
#[tokio::test]
async fn a_call_that_is_cut_off_names_its_hosts() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway(dir.path());
    let lease = issue_for(&gateway, "http_get_json", "agent:fetches", "s1").await.unwrap();
    for (ending, status) in [(false, "cancelled"), (true, "stopped")] {
        gateway.ending.set(ending);
        let meta = crate::wire::Carried {
            lease: Some(lease.clone()),
            session: Some("s1".into()),
            intent: Some("count the calls".into()),
        };
        let stop = Notify::new();
        // Before the effect begins, so that no test reaches out.
        stop.notify_one();
        let call = request("http_get_json", &json!({"url": "https://api.example.com/"}), meta);
        let judged = answer_unless(&stop, &gateway, call).await;
        let Judged::Performed { seq, outcome, .. } = judged else { panic!("{judged:?}") };
        assert_eq!(outcome.result.unwrap_err().code, status);
        for seq in [seq, seq + 1] {
            let line = line(dir.path(), seq);
            assert_eq!(line["hosts"], json!(["api.example.com"]), "{line}");
        }
    }
}

#[tokio::test]
async fn that_a_lease_is_revoked_comes_before_every_other_reason_and_is_one_entry() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway(dir.path());
    let lease = issue(&gateway, "agent:a", "s1").await.unwrap();
    let call = async |tool: &str, arguments: serde_json::Value| {
        let meta = crate::wire::Carried {
            lease: Some(lease.clone()),
            session: Some("s1".into()),
            intent: Some("count the calls".into()),
        };
        match answer(&gateway, request(tool, &arguments, meta)).await {
            Judged::Performed { .. } => "ok",
            Judged::Denied { reason, .. } => reason.code(),
            _ => "asked",
        }
    };
    assert_eq!(call("airlock_usage_stats", json!({})).await, "ok");
    assert_eq!(call("airlock_usage_stats", json!({"x": 1})).await, "argument_invalid");
    let operator = Ledger::join(dir.path(), None).unwrap();
    let target = ledger::Target::Subject("agent:a".into());
    let entry = Entry::Revoke(ledger::Revoke { target, why: "lost", by: "operator" });
    let revoked = operator.record(&entry, Sync::Durable).wait().unwrap().seq();
    assert_eq!(call("airlock_usage_stats", json!({})).await, "lease_revoked");
    assert_eq!(call("airlock_usage_stats", json!({"x": 1})).await, "lease_revoked");
    assert_eq!(call("no_such_tool", json!({})).await, "lease_revoked");
    assert_eq!(issue(&gateway, "agent:a", "s2").await, Err("lease_revoked"));
    assert!(issue(&gateway, "agent:b", "s2").await.is_ok());
    let text = std::fs::read_to_string(dir.path().join("seg-00000000000000000000.jsonl")).unwrap();
    let lines = text.lines().skip(usize::try_from(revoked).unwrap() + 1).map(|line| serde_json::from_str(line).unwrap());
    let told: Vec<serde_json::Value> = lines.take(4).collect();
    for line in told {
        assert_eq!(
            (&line["d"], &line["why"], &line["detail"]),
            (&json!("deny"), &json!("lease_revoked"), &json!("sub")),
            "{line}"
        );
    }
}

/// The proof covers what the tool gets, wherever the lease travels, and is taken once, over restart and other processes.
#[tokio::test]
async fn a_presentation_is_taken_once() {
    let dir = tempfile::tempdir().unwrap();
    let first = gateway(dir.path());
    let lease = issue(&first, "agent:a", "s1").await.unwrap();
    let bound = lease::attenuate(&lease, &lease::Caveat { pop: Some(true), ..lease::Caveat::default() }).unwrap();
    let none = crate::call::Args::new();
    let how = |byte, ago: u64| lease::Presentation { ts: Micros::now().seconds() - ago, nonce: [byte; 16] };
    let present = |how| lease::present(&bound, &how, "airlock_usage_stats", &none).unwrap();
    let ask = async |gateway: &Rc<Gateway>, lease: &str| {
        let arguments = json!({"_capability": lease, "_context": {"session_id": "s1", "intent": "count the calls"}});
        match answer(gateway, request("airlock_usage_stats", &arguments, crate::wire::Carried::default())).await {
            Judged::Performed { .. } => "ok",
            Judged::Denied { reason, .. } => reason.code(),
            _ => "asked",
        }
    };
    assert_eq!(ask(&first, &bound).await, "lease_possession");
    let shown = present(how(1, 0));
    assert_eq!(ask(&first, &shown).await, "ok");
    assert_eq!(ask(&first, &shown).await, "lease_replayed");
    assert_eq!(ask(&gateway(dir.path()), &shown).await, "lease_replayed", "another process");
    drop(first);
    let again = gateway(dir.path());
    assert_eq!(ask(&again, &shown).await, "lease_replayed", "after a restart");
    assert_eq!(ask(&again, &present(how(2, 0))).await, "ok");
    assert_eq!(ask(&again, &present(how(3, 40))).await, "lease_proof_time");
    let other = lease::present(&bound, &how(4, 0), "airlock_audit_tail", &none).unwrap();
    assert_eq!(ask(&again, &other).await, "lease_invalid", "made for another call");
}

/// A line as a client sends it, to the reply.
async fn converse(gateway: &Rc<Gateway>, line: &serde_json::Value) -> serde_json::Value {
    let (output, mut replies) = mpsc::channel(1);
    let limits = Limits { calls: Arc::new(Semaphore::new(1)), bytes: Arc::new(Semaphore::new(IN_FLIGHT_BYTES_MAX)) };
    let local = LocalSet::new();
    let reply = local.run_until(async {
        let mut tasks = JoinSet::new();
        gateway.take(&Frame::Line(line.to_string().into_bytes()), &output, &mut tasks, &limits).await.unwrap();
        replies.recv().await.unwrap()
    });
    serde_json::from_str(&reply.await).unwrap()
}

fn list_line(id: u8, lease: Option<&str>, session: &str) -> serde_json::Value {
    let mut meta =
        json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}});
    if let Some(lease) = lease {
        meta["dev.airlock/lease"] = json!(lease);
        meta["dev.airlock/session"] = json!(session);
        meta["dev.airlock/intent"] = json!("count the calls");
    }
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/list", "params": {"_meta": meta}})
}

#[tokio::test]
async fn a_list_shows_what_the_lease_can_call() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway(dir.path());
    let entries = || std::fs::read_to_string(dir.path().join("seg-00000000000000000000.jsonl")).unwrap().lines().count();
    let lease = issue(&gateway, "agent:a", "s1").await.unwrap();
    let none = lease::attenuate(&lease, &lease::Caveat { tools: Some(Vec::new()), ..lease::Caveat::default() }).unwrap();
    let bound = lease::attenuate(&lease, &lease::Caveat { pop: Some(true), ..lease::Caveat::default() }).unwrap();
    let how = lease::Presentation { ts: Micros::now().seconds(), nonce: [1; 16] };
    let shown = lease::present(&bound, &how, lease::present::LIST, &Args::new()).unwrap();
    let before = entries();
    for (id, lease, expected) in [
        (1, None, &["airlock_usage_stats", "airlock_issue_capability", "http_get_json"][..]),
        (2, Some(&lease), &["airlock_usage_stats", "airlock_issue_capability"]),
        (3, Some(&none), &["airlock_issue_capability"]),
        (4, Some(&shown), &["airlock_usage_stats", "airlock_issue_capability"]),
    ] {
        let reply = converse(&gateway, &list_line(id, lease.map(String::as_str), "s1")).await;
        let result = &reply["result"];
        let names: Vec<&str> = result["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
        assert_eq!((names.as_slice(), &result["cacheScope"]), (expected, &json!("private")), "{reply}");
        let ttl = result["ttlMs"].as_u64().unwrap();
        assert!((290_000..=300_000).contains(&ttl), "no longer than the lease lives: {ttl}");
    }
    assert_eq!(entries(), before, "a list has no effect and is no entry");
    for (id, lease, session, code) in [
        (5, lease.replacen("k1", "k9", 1), "s1", "lease_invalid"),
        (6, lease.clone(), "s2", "lease_session"),
        (7, bound, "s1", "lease_possession"),
    ] {
        let reply = converse(&gateway, &list_line(id, Some(&lease), session)).await;
        assert_eq!((&reply["error"]["code"], &reply["error"]["data"]["reason"]), (&json!(-32602), &json!(code)), "{reply}");
        assert_eq!(reply["error"]["data"]["ledger_seq"], before + usize::from(id) - 5, "a refused lease is one entry");
    }
}

/// What holds no longer shows nothing, and is refused with an entry as it is in a call.
#[tokio::test]
async fn a_list_is_refused_to_a_lease_that_is_revoked_or_of_an_earlier_epoch_or_killed() {
    let list = async |prepare: &dyn Fn(&std::path::Path)| {
        let dir = tempfile::tempdir().unwrap();
        let gateway = gateway(dir.path());
        let lease = issue(&gateway, "agent:a", "s1").await.unwrap();
        prepare(dir.path());
        let reply = converse(&gateway, &list_line(1, Some(&lease), "s1")).await;
        let told = &reply["error"]["data"];
        let line = line(dir.path(), told["ledger_seq"].as_u64().unwrap_or_else(|| panic!("{reply}")));
        assert_eq!((&line["d"], &line["tool"], &line["why"]), (&json!("deny"), &json!("tools/list"), &told["reason"]));
        told["reason"].as_str().unwrap().to_owned()
    };
    let revoke = |dir: &std::path::Path, target| {
        let entry = Entry::Revoke(ledger::Revoke { target, why: "lost", by: "operator" });
        let _ = Ledger::join(dir, None).unwrap().record(&entry, Sync::Durable).wait().unwrap();
    };
    assert_eq!(list(&|dir| revoke(dir, ledger::Target::Subject("agent:a".into()))).await, "lease_revoked");
    assert_eq!(list(&|dir| revoke(dir, ledger::Target::Epoch(1))).await, "lease_revoked");
    assert_eq!(list(&|dir| std::fs::write(dir.join("kill"), "").unwrap()).await, "killed");
}

/// One bit at each place of both forms: refused, told as nothing but invalid, one entry, and no budget or nonce is touched.
#[tokio::test]
async fn a_changed_bit_is_one_denial_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway(dir.path());
    let lease = issue(&gateway, "agent:a", "s1").await.unwrap();
    let once = lease::attenuate(&lease, &lease::Caveat { uses: Some(2), ..lease::Caveat::default() }).unwrap();
    let how = lease::Presentation { ts: Micros::now().seconds(), nonce: [9; 16] };
    let shown = lease::present(&once, &how, "airlock_usage_stats", &Args::new()).unwrap();
    let entries = || std::fs::read_to_string(dir.path().join("seg-00000000000000000000.jsonl")).unwrap().lines().count();
    let ask = async |lease: String| {
        let meta =
            crate::wire::Carried { lease: Some(lease), session: Some("s1".into()), intent: Some("count the calls".into()) };
        match answer(&gateway, request("airlock_usage_stats", &json!({}), meta)).await {
            Judged::Performed { .. } => "ok",
            Judged::Denied { reason, .. } => reason.code(),
            _ => "asked",
        }
    };
    let before = entries();
    let mut flipped = 0;
    for text in [&once, &shown] {
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            // Bit 7 would make it another encoding than UTF-8, which no string of a message can be.
            bytes[at] ^= 1 << (at % 7);
            assert_eq!(ask(String::from_utf8(bytes).unwrap()).await, "lease_invalid", "byte {at}");
            flipped += 1;
        }
    }
    assert_eq!(entries(), before + flipped, "one entry each");
    assert_eq!(
        [ask(shown.clone()).await, ask(shown).await, ask(once.clone()).await, ask(once).await],
        ["ok", "lease_replayed", "ok", "uses_exhausted"]
    );
}
