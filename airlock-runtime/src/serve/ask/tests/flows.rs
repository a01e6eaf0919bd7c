//! Questions that come from what a session did before, and from grants.

use super::*;

const FLOWS: &[Flow] = &[
    Flow { verdict: FlowVerdict::Ask, labels: &["reads:private", "sends:external"], why: "private data leaves" },
    Flow { verdict: FlowVerdict::Ask, labels: &["ingests:untrusted", "sends:external"], why: "a stranger may have asked for it" },
];

/// One tool reads, one ingests, one sends; two flows ask when they come together.
static POLICY: Policy = Policy { flows: FLOWS, tools: &TOOLS, tool_index: ToolIndex(&index), ..policy(120) };

static TOOLS: [Tool; 4] = [
    Tool { labels: &["reads:private"], ..tool("airlock_usage_stats", Builtin::UsageStats) },
    Tool { labels: &["ingests:untrusted"], ..tool("airlock_audit_tail", Builtin::AuditTail) },
    Tool { labels: &["sends:external"], ..tool("airlock_exposure_report", Builtin::ExposureReport) },
    tool("airlock_issue_capability", Builtin::IssueCapability),
];

fn index(name: &str) -> Option<usize> {
    TOOLS.iter().position(|tool| tool.name == name)
}

const YES: &str = r#"{"approve":{"action":"accept","content":{"approve":true}}}"#;

fn line(tool: &str, lease: &str, rest: &str) -> String {
    let carried = carried(lease, "s1");
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{{}},"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{FORMS},{carried}}}{rest}}}}}"#
    )
}

fn retry(state: &str) -> String {
    format!(r#","requestState":"{state}","inputResponses":{YES}"#)
}

/// State and text of a question.
fn question(reply: &Value) -> (String, String) {
    assert_eq!(short(reply), "?", "{reply}");
    let text = &reply["result"]["inputRequests"]["approve"]["params"]["message"];
    (reply["result"]["requestState"].as_str().unwrap().to_owned(), text.as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_flow_asks_when_it_is_complete_and_a_yes_settles_what_was_asked() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway(&POLICY, dir.path(), 7);
    let lease = lease_of("s1", 100, 500);
    session(&gateway, async |client| {
        let send = "airlock_exposure_report";
        assert_eq!(short(&client.ask(line("airlock_usage_stats", &lease, "")).await), "ok");
        let (state, text) = question(&client.ask(line(send, &lease, "")).await);
        assert!(text.contains("private data leaves") && !text.contains("stranger"), "{text}");
        // While the user reads, the session takes in what makes another flow complete: the yes was not to that.
        assert_eq!(short(&client.ask(line("airlock_audit_tail", &lease, "")).await), "ok");
        let (wider, text) = question(&client.ask(line(send, &lease, &retry(&state))).await);
        assert!(text.contains("private data leaves") && text.contains("a stranger may have asked for it"), "{text}");
        assert_eq!(short(&client.ask(line(send, &lease, &retry(&wider))).await), "ok");
        assert_eq!(short(&client.ask(line(send, &lease, &retry(&state))).await), "-32602 approval_invalid");
        let (_, text) = question(&client.ask(line("airlock_usage_stats", &lease, "")).await);
        assert!(text.contains("private data leaves"), "whichever of the two comes last: {text}");
    })
    .await;
    drop(gateway);
    let told = told(dir.path());
    let asked: Vec<&str> = told.iter().map(String::as_str).filter(|word| *word != "outcome" && *word != "allow ok").collect();
    assert_eq!(
        asked,
        ["asked", "accepted", "asked", "accepted", "allow ok approval", "deny approval_invalid approval_answered", "asked"]
    );
}

/// The state says which flows it was about, under its MAC: nobody can make a yes wider.
#[tokio::test]
async fn the_flows_of_a_state_cannot_be_widened() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway(&POLICY, dir.path(), 7);
    let lease = lease_of("s1", 100, 500);
    session(&gateway, async |client| {
        client.ask(line("airlock_usage_stats", &lease, "")).await;
        let (state, _) = question(&client.ask(line("airlock_exposure_report", &lease, "")).await);
        let mut bytes = vec![0; 64];
        let body = state.strip_prefix("alq1.k1.").unwrap();
        assert_eq!(
            base64ct::Decoder::<base64ct::Base64UrlUnpadded>::new(body.as_bytes()).unwrap().decode(&mut bytes).unwrap().len(),
            64
        );
        bytes[31] |= 2;
        let mut text = [0; 86];
        let wider = <base64ct::Base64UrlUnpadded as base64ct::Encoding>::encode(&bytes, &mut text).unwrap();
        let forged = format!("alq1.k1.{wider}");
        assert_ne!(forged, state);
        assert_eq!(short(&client.ask(line("airlock_exposure_report", &lease, &retry(&forged))).await), "-32602 approval_invalid");
    })
    .await;
}

/// A request for a lease of this session, by a client that can be asked.
fn issue_line(sid: &str, rest: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"airlock_issue_capability","arguments":{{"session_id":"{sid}","subject":"agent:a","tools":["airlock_usage_stats"],"intent":"{INTENT}"}},"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{FORMS}}}{rest}}}}}"#
    )
}

/// A new session for each request does not make the user be asked without end, and takes nothing from those who hold a lease.
#[tokio::test]
async fn who_names_its_sessions_asks_so_often_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway(&POLICY, dir.path(), 7);
    session(&gateway, async |client| {
        for n in 0..crate::ledger::SUBJECT_QUESTIONS_MAX {
            assert_eq!(short(&client.ask(issue_line(&format!("s{n}"), "")).await), "?", "{n}");
        }
        assert_eq!(short(&client.ask(issue_line("new", "")).await), "too_many_questions");
        let lease = lease_of("s1", 100, 500);
        assert_eq!(short(&client.ask(line("airlock_usage_stats", &lease, "")).await), "ok");
        assert_eq!(short(&client.ask(line("airlock_exposure_report", &lease, "")).await), "?");
    })
    .await;
}

/// The grant says `human`: the lease is the user's to give.
#[tokio::test]
async fn a_lease_is_given_by_the_user() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway(&POLICY, dir.path(), 7);
    let asking = |rest: &str| issue_line("s9", rest);
    session(&gateway, async |client| {
        let (state, text) = question(&client.ask(asking("")).await);
        assert!(text.contains("a person gives the leases") && text.contains("\"s9\""), "{text}");
        let reply = client.ask(asking(&retry(&state))).await;
        let lease = reply["result"]["structuredContent"]["lease"].as_str().unwrap();
        assert!(lease.starts_with("alk1."), "{reply}");
        assert_eq!(short(&client.ask(asking(&retry(&state))).await), "-32602 approval_invalid", "one yes, one lease");
    })
    .await;
    drop(gateway);
    let issue = entries(dir.path()).into_iter().find(|entry| entry["t"] == "issue").unwrap();
    assert_eq!((&issue["by"], &issue["sub"]), (&json!("human"), &json!("agent:a")));
}
