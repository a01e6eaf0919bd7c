//! What a user is shown is what would be done.

use super::*;
use crate::policy::{Egress, HostRule, Input, InputKind, Method, Pair, Piece, Response, Rest, Select, Slot};

static PAY: Rest = Rest {
    title: "",
    description: "",
    input: &[Input { name: "pay_to", kind: InputKind::String { most: 50 }, required: true }],
    schema: "{}",
    method: Method::Post,
    host: "bank.example.com",
    port: 443,
    path: &[Piece::Literal("/pay")],
    query: &[],
    headers: &[],
    body: &[Pair { name: "pay_to", value: Slot::Input("pay_to") }],
    auth: None,
    response: Response { select: Select::Whole, max_bytes: 1024 },
};

static TOOLS: [Tool; 2] = [
    Tool {
        kind: ToolKind::Rest(&PAY),
        strict: false,
        approval: Some(Approval::Human),
        why: "payments are looked at by a person",
        egress: &[Egress { host: HostRule::Exact("bank.example.com"), ports: &[443], stand_in: None }],
        ..tool("pay", Builtin::UsageStats)
    },
    tool("airlock_issue_capability", Builtin::IssueCapability),
];

static GRANTS: [Grant; 1] =
    [Grant { tools: &["pay"], domains: &["bank.example.com", "idle.example.com"], uses: 77, max_risk: 455, ..super::GRANTS[0] }];

static POLICY: Policy = Policy {
    approvers: &[],
    tools: &TOOLS,
    tool_index: ToolIndex(&|name| TOOLS.iter().position(|tool| tool.name == name)),
    grants: &GRANTS,
    ..policy(120)
};

fn lease() -> String {
    minted(&RootClaims { tools: vec!["pay".into()], dom: vec!["bank.example.com".into()], ..claims_of("s1", 10, 100) })
}

/// The text of the question about one call.
async fn shown(tool: &str, args: &str, carried: &str) -> String {
    shown_in(tempfile::tempdir().unwrap().path(), tool, args, carried).await
}

async fn shown_in(ledger: &Path, tool: &str, args: &str, carried: &str) -> String {
    let gateway = gateway(&POLICY, ledger, 7);
    let mut text = String::new();
    session(&gateway, async |client| {
        let line = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{args},"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{FORMS}{carried}}}}}}}"#
        );
        let reply = client.ask(line).await;
        assert_eq!(short(&reply), "?", "{reply}");
        let message = &reply["result"]["inputRequests"]["approve"]["params"]["message"];
        text = message.as_str().unwrap().to_owned();
    })
    .await;
    text
}

/// A tool that is not strict takes any argument and sends none but its inputs: the others neither stand in the list nor push it out of sight.
#[tokio::test]
async fn arguments_that_are_not_sent_are_not_listed() {
    let lease =
        minted(&RootClaims { tools: vec!["pay".into()], dom: vec!["bank.example.com".into()], ..claims_of("s1", 10, 100) });
    let mut args: Value = (0..80).map(|n| (format!("a{n:02}_calm_words"), json!("a gift to the poor"))).collect();
    args["pay_to"] = json!("mallory");
    let text = shown("pay", &args.to_string(), &format!(",{}", carried(&lease, "s1"))).await;
    assert!(text.contains("    arguments: 1\n      \"pay_to\": \"mallory\"\n") && !text.contains("gift"), "{text}");
    assert!(text.contains("80 more, which the tool does not have; never sent") && !text.contains("NOT EVERYTHING"), "{text}");
}

/// A call for a lease may leave out what the manifest fills in: the user gives the lease, so the user sees all of it.
#[tokio::test]
async fn a_lease_is_shown_with_what_the_manifest_fills_in() {
    let mut args = json!({"session_id": "s9", "subject": "agent:a", "tools": ["pay"], "intent": INTENT});
    let text = shown("airlock_issue_capability", &args.to_string(), "").await;
    for term in [
        r#""subject": "agent:a""#,
        r#""session_id": "s9""#,
        r#""tools": ["pay"]"#,
        r#""domains": ["bank.example.com"]"#,
        r#""max_risk": 0.455"#,
        r#""uses": 77"#,
        r#""ttl_seconds": 300"#,
    ] {
        assert!(text.contains(&format!("\n      {term}\n")), "{term} is not in: {text}");
    }
    args["constraints"] = json!({"domains": [], "max_risk": 0.1, "uses": 2});
    args["ttl_seconds"] = json!(60);
    let text = shown("airlock_issue_capability", &args.to_string(), "").await;
    for term in [r#""domains": []"#, r#""max_risk": 0.1"#, r#""uses": 2"#, r#""ttl_seconds": 60"#] {
        assert!(text.contains(&format!("\n      {term}\n")), "{term} is not in: {text}");
    }
}

/// Whoever has a call's arguments can open the commitment to them: in the form that `docs/ledger.md` gives, and in no other.
#[tokio::test]
async fn a_commitment_opens_with_the_documented_form_of_the_arguments() {
    let dir = tempfile::tempdir().unwrap();
    let lease = lease();
    let sent = format!(
        r#"{{ "pay_to" : "m\u00fc\/\u0008\u007f" , "b":{{"z":1.0,"a":1e2}}, "_capability": "{lease}", "a" : [1.50, -0, 0.1e-6, 9007199254740991, 1E-21],
        "_context":{{"session_id":"s1","intent":"{INTENT}"}} }}"#
    );
    shown_in(dir.path(), "pay", &sent.replace('\n', ""), "").await;
    let form = "{\"a\":[1.5,-0.0,1e-7,9007199254740991,1e-21],\"b\":{\"a\":100.0,\"z\":1.0},\"pay_to\":\"m\u{fc}/\\b\u{7f}\"}";
    let asked = entries(dir.path()).into_iter().find(|entry| entry["v"] == "asked").unwrap();
    let evidence = std::fs::read_dir(dir.path().join("evidence")).unwrap().next().unwrap().unwrap();
    let evidence = std::fs::read_to_string(evidence.path()).unwrap();
    let salts = evidence.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let salt = salts.into_iter().find(|line| line["seq"] == asked["seq"]).unwrap()["salt"].as_str().unwrap().to_owned();
    let salt: [u8; 32] = std::array::from_fn(|at| u8::from_str_radix(&salt[2 * at..2 * at + 2], 16).unwrap());
    let opened = |args: &[u8]| json!(crate::lease::hex(&crate::ledger::chain::commitment(&salt, args)));
    assert_eq!(opened(form.as_bytes()), asked["ac"], "{asked}");
    assert_ne!(opened(sent.as_bytes()), asked["ac"]);
}
