//! The loop with a client that misbehaves, and what a decision entry says of its caller.

use super::*;
use crate::lease::{AudienceKey, KeyRing};
use crate::ledger::Ledger;
use crate::policy::{Builtin, Durability, LeaseRules, LedgerRules, Policy, Tool};
use serde_json::json;

static POLICY: Policy = Policy {
    gateway: "gw",
    instructions: "",
    digest: [0; 32],
    compiled_by: "test",
    keys: &[],
    lease: LeaseRules { default_ttl: 300, max_ttl: 600, carrier_meta: true, carrier_arguments: true },
    ledger: LedgerRules { dir_env: None, dir_default: "ledger", durability: Durability::Process },
    tools: &[tool("airlock_usage_stats", Builtin::UsageStats), tool("airlock_issue_capability", Builtin::IssueCapability)],
    tool_index: |name| POLICY.tools.iter().position(|tool| tool.name == name),
    grants: &[],
};

const fn tool(name: &'static str, builtin: Builtin) -> Tool {
    let check_args: fn(&crate::call::Args) -> Result<(), crate::call::ArgFault> = |_| Ok(());
    Tool { name, why: "test", builtin, effect: EffectClass::Read, risk_threshold: 500, base_risk: 0, egress: &[], check_args }
}

fn gateway(dir: &std::path::Path) -> Rc<Gateway> {
    let ledger = Ledger::open(dir, "gw", &POLICY.digest, POLICY.ledger.durability).unwrap();
    let keys = KeyRing::new(vec![AudienceKey::new("k1", "gw", [7; 32]).unwrap()]).unwrap();
    Rc::new(Gateway::new(World { policy: &POLICY, keys, ledger, ledger_dir: dir.to_owned() }))
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
        let tool = (POLICY.tool_index)(name).map(|index| &POLICY.tools[index]);
        Call { id: "c".into(), name: name.into(), tool, args, args_bytes: Vec::new() }
    };
    let risk = Risk { score: 0, factors: Vec::new() };
    for (name, sub, sid) in
        [("airlock_issue_capability", "agent:victim", "s1"), ("airlock_usage_stats", "", ""), ("no_such_tool", "", "")]
    {
        let call = call(name);
        let context = Context::new(&call, None, None, &risk, None);
        assert_eq!((context.sub, context.sid), (sub, sid), "{name}");
    }
}
