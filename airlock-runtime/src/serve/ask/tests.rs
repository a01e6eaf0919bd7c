//! Whole sessions with questions, over the lines of both sides and the ledger behind them.

mod again;
mod aged;
mod flows;
mod legacy;
mod modern;
mod shown;

use crate::effect::World;
use crate::lease::{AudienceKey, KeyRing, RootClaims, fresh_jti, intent_hash, mint};
use crate::ledger::Ledger;
use crate::policy::evidence::Evidence;
use crate::policy::{
    Approval, Builtin, Durability, Flow, FlowVerdict, Grant, Issue, LeaseRules, LedgerRules, Limits, Policy, Tool, ToolIndex,
    ToolKind, sample,
};
use crate::serve::Gateway;
use crate::stdio::Input;
use crate::wire::Frame;
use serde_json::{Value, json};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::task::{JoinSet, LocalSet};

const INTENT: &str = "count the calls";
const FORMS: &str = r#"{"elicitation":{}}"#;

static POLICY: Policy = policy(120);
/// Every answer is too late.
static HASTY: Policy = policy(0);

static TOOLS: [Tool; 4] = [
    Tool {
        approval: Some(Approval::Human),
        why: "counts are looked at by a person",
        ..tool("airlock_usage_stats", Builtin::UsageStats)
    },
    Tool {
        approval: Some(Approval::Human),
        why: "entries are looked at by a person",
        ..tool("airlock_audit_tail", Builtin::AuditTail)
    },
    Tool { labels: &["reads:private"], ..tool("airlock_exposure_report", Builtin::ExposureReport) },
    tool("airlock_issue_capability", Builtin::IssueCapability),
];

static GRANTS: [Grant; 1] = [Grant {
    subject: "agent:a",
    tools: &["airlock_usage_stats", "airlock_audit_tail", "airlock_exposure_report"],
    issue: Issue::Human,
    domains: &[],
    max_ttl: 600,
    max_risk: 400,
    uses: 1000,
    why: "a person gives the leases",
}];

const fn policy(approval_timeout: u64) -> Policy {
    Policy {
        gateway: "gw",
        instructions: "",
        mode: crate::policy::Mode::Enforce,
        digest: [0; 32],
        compiled_by: "test",
        keys: &[],
        lease: LeaseRules { default_ttl: 300, max_ttl: 600, carrier_meta: true, carrier_arguments: true, carrier_ambient: false },
        ledger: LedgerRules { dir_env: None, dir_default: "ledger", durability: Durability::Process, evidence: Evidence::HASHES },
        limits: Limits { approval_timeout, in_flight: 1, ..sample::LIMITS },
        sandbox: sample::SANDBOX,
        upstreams: &[],
        flows: &[],
        approvers: &[],
        tools: &TOOLS,
        tool_index: ToolIndex(&|name| TOOLS.iter().position(|tool| tool.name == name)),
        grants: &GRANTS,
    }
}

const fn tool(name: &'static str, builtin: Builtin) -> Tool {
    Tool { name, kind: ToolKind::Builtin(builtin), ..sample::TOOL }
}

fn key(byte: u8) -> AudienceKey {
    AudienceKey::new("k1", "gw", [byte; 32]).unwrap()
}

fn gateway(policy: &'static Policy, dir: &Path, key_byte: u8) -> Rc<Gateway> {
    let ledger = Ledger::open_for(dir, policy).unwrap();
    let keys = KeyRing::new(vec![key(key_byte)]).unwrap();
    Rc::new(Gateway::new(World {
        policy,
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

/// A lease of this session for all tools.
fn lease_of(sid: &str, uses: u64, life: u64) -> String {
    minted(&claims_of(sid, uses, life))
}

fn minted(claims: &RootClaims) -> String {
    mint(&key(7), claims, fresh_jti().unwrap()).unwrap()
}

fn claims_of(sid: &str, uses: u64, life: u64) -> RootClaims {
    let now = crate::clock::Micros::now().seconds();
    RootClaims {
        sub: "agent:a".into(),
        sid: sid.into(),
        ih: intent_hash(INTENT).unwrap(),
        tools: GRANTS[0].tools.iter().map(|&tool| tool.to_owned()).collect(),
        dom: Vec::new(),
        risk: 400,
        uses,
        dep: 8,
        ep: 0,
        iat: now,
        nbf: now,
        exp: now + life,
    }
}

/// A client's side of a gateway that serves it.
struct Client {
    lines: Option<mpsc::Sender<Frame>>,
    replies: mpsc::Receiver<String>,
}

impl Client {
    async fn say(&self, line: String) {
        self.lines.as_ref().unwrap().send(Frame::Line(line.into_bytes())).await.unwrap();
    }

    /// The next line of the gateway; the deadline is for one that hangs.
    async fn hear(&mut self) -> Value {
        let line = tokio::time::timeout(Duration::from_secs(60), self.replies.recv()).await.expect("a line in time");
        serde_json::from_str(&line.expect("the gateway is there")).unwrap()
    }

    async fn ask(&mut self, line: String) -> Value {
        self.say(line).await;
        self.hear().await
    }

    /// Closes the client's end of stdin.
    fn leave(&mut self) {
        self.lines = None;
    }
}

/// Runs a session until the client's part is done, then the gateway to its end.
async fn session(gateway: &Rc<Gateway>, part: impl AsyncFnOnce(&mut Client)) {
    let (lines, input) = mpsc::channel(1);
    let mut input = Input::Thread(input);
    let (output, replies) = mpsc::channel(64);
    let mut client = Client { lines: Some(lines), replies };
    let served = async {
        let (mut tasks, never) = (JoinSet::new(), Notify::new());
        let end = gateway.converse(&mut input, &output, &mut tasks, never.notified()).await;
        gateway.waiting.close();
        gateway.drain(tasks, end).await;
        drop(output);
    };
    let talk = async {
        part(&mut client).await;
        client.leave();
        while client.replies.recv().await.is_some() {}
    };
    LocalSet::new().run_until(async { tokio::join!(served, talk) }).await;
}

fn carried(lease: &str, sid: &str) -> String {
    format!(r#""dev.airlock/lease":"{lease}","dev.airlock/session":"{sid}","dev.airlock/intent":"{INTENT}""#)
}

/// The entries of a ledger, as what a test looks at: type, verdict, and the members that belong together.
fn entries(dir: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(dir.join("seg-00000000000000000000.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What happened, in the ledger's words, without genesis.
fn told(dir: &Path) -> Vec<String> {
    let word = |entry: &Value| {
        let member = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        match entry["t"].as_str().unwrap() {
            "approve" => member("v"),
            "decision" => [member("d"), member("why"), member("detail"), member("by")]
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join(" "),
            other => other.to_owned(),
        }
    };
    entries(dir).iter().skip(1).map(word).collect()
}

/// The result or error of a reply in short: `ok`, the reason of a refusal, or `?` for a question.
fn short(reply: &Value) -> String {
    if let Some(code) = reply["error"]["code"].as_i64() {
        return format!("{code} {}", reply["error"]["data"]["reason"].as_str().unwrap_or_default());
    }
    let result = &reply["result"];
    match result["structuredContent"]["reason"].as_str() {
        Some(reason) => reason.to_owned(),
        None if result["resultType"] == "input_required" => "?".to_owned(),
        None => if result["isError"] == json!(false) { "ok" } else { "failed" }.to_owned(),
    }
}
