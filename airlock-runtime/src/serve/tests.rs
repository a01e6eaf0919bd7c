//! The loop with a client that misbehaves, and what a decision entry says of its caller.

use super::*;
use crate::lease::{AudienceKey, KeyRing};
use crate::ledger::Ledger;
use crate::policy::{Builtin, Durability, Grant, Issue, LeaseRules, LedgerRules, Policy, Tool, ToolIndex, ToolKind, sample};
use serde_json::json;

static POLICY: Policy = Policy {
    gateway: "gw",
    instructions: "",
    digest: [0; 32],
    compiled_by: "test",
    keys: &[],
    lease: LeaseRules { default_ttl: 300, max_ttl: 600, carrier_meta: true, carrier_arguments: true },
    ledger: LedgerRules { dir_env: None, dir_default: "ledger", durability: Durability::Process },
    limits: sample::LIMITS,
    flows: &[],
    tools: &[tool("airlock_usage_stats", Builtin::UsageStats), tool("airlock_issue_capability", Builtin::IssueCapability)],
    tool_index: ToolIndex(&|name| POLICY.tools.iter().position(|tool| tool.name == name)),
    grants: &[grant("agent:a"), grant("agent:b")],
};

const fn tool(name: &'static str, builtin: Builtin) -> Tool {
    Tool { name, kind: ToolKind::Builtin(builtin), ..sample::TOOL }
}

const fn grant(subject: &'static str) -> Grant {
    let tools = &["airlock_usage_stats"];
    Grant { subject, tools, issue: Issue::SelfService, domains: &[], max_ttl: 600, max_risk: 400, uses: 10, why: "test" }
}

fn gateway(dir: &std::path::Path) -> Rc<Gateway> {
    let ledger = Ledger::open_for(dir, &POLICY).unwrap();
    let keys = KeyRing::new(vec![AudienceKey::new("k1", "gw", [7; 32]).unwrap()]).unwrap();
    Rc::new(Gateway::new(World { policy: &POLICY, keys, ledger, ledger_dir: dir.to_owned(), secrets: Default::default() }))
}

/// The guard is only for a loop that hangs; a loop that ends does so at once.
#[tokio::test]
async fn a_client_that_does_not_read_cannot_keep_the_gateway_from_ending() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway(dir.path());
    let (lines, mut input) = mpsc::channel(8);
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
        name: name.into(),
        arguments: Some(serde_json::value::to_raw_value(arguments).unwrap()),
        memory: 0,
        meta,
        progress_token: None,
        asking: crate::wire::Asking::NotDeclared,
        client: None,
        retry: None,
    }
}

/// The answer to one call, nothing else being open.
async fn answer(gateway: &Gateway, mut request: CallRequest) -> Judged {
    let limits = Limits { calls: Arc::new(Semaphore::new(1)), bytes: Arc::new(Semaphore::new(1)) };
    let (stop, (output, _replies)) = (Notify::new(), mpsc::channel(1));
    let share = limits.share(0).await.unwrap();
    let mut desk = Desk::new(&mut request, &stop, share, &limits, &output);
    gateway.answer(request, &mut desk).await
}

/// The lease that the gateway issues for a new session, or the code of its refusal.
async fn issue(gateway: &Gateway, subject: &str, session: &str) -> Result<String, &'static str> {
    let args = json!({"subject": subject, "session_id": session, "tools": ["airlock_usage_stats"], "intent": "count the calls"});
    match answer(gateway, request("airlock_issue_capability", &args, crate::wire::Carried::default())).await {
        Judged::Performed { outcome, .. } => Ok(outcome.result.map_err(|fault| fault.code)?["lease"].as_str().unwrap().into()),
        Judged::Denied { reason, .. } => Err(reason.code()),
        Judged::Asked { .. } => Err("asked"),
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
    let text = std::fs::read_to_string(dir.path().join("seg-00000000000000000000.jsonl")).unwrap();
    let line: serde_json::Value = serde_json::from_str(text.lines().nth(usize::try_from(seq).unwrap()).unwrap()).unwrap();
    assert_eq!(line["rid"].as_array().unwrap().len(), 2);
    assert_eq!((&line["exp"], &line["spends"]), (&json!(exp), &json!([0])));
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
            Judged::Asked { .. } => "asked",
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
