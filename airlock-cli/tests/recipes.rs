//! The recipes of docs/lease.md, as they stand there, against leases of the real program.

#![allow(clippy::unwrap_used, reason = "a step that fails must fail the test")]

use airlock_runtime::clock::Micros;
use airlock_runtime::lease::{
    Authority, Expect, KeyRing, KeySource, LeaseFault, intent_hash, keyfile, request_digest, verify_call,
};
use airlock_runtime::policy;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

const INTENT: &str = "Plan a picnic in Zürich";

/// The code blocks of a language on the page, in their order.
fn recipes(language: &str) -> Vec<String> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/lease.md")).unwrap();
    let fence = format!("```{language}\n");
    page.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

fn run(mut command: Command) -> String {
    let output = command.output().unwrap_or_else(|fault| panic!("{command:?}: {fault}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn airlock(dir: &Path, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_airlock"));
    command.args(args).current_dir(dir);
    run(command)
}

/// A key directory and a lease from it.
fn issued() -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    airlock(dir.path(), &["key", "new", "--out", "issuer.key"]);
    airlock(dir.path(), &["key", "derive", "--issuer-key", "issuer.key", "--audience", "weather", "--out", "weather.key"]);
    let terms = r#"{"domains":["api.example.com"],"max_risk":0.5,"uses":10}"#;
    let words = ["issue", "--key", "weather.key", "--session-id", "s1", "--subject", "a", "--tools", "t,u", "--intent", INTENT];
    let lease = airlock(dir.path(), &[&words[..], &["--ttl-seconds", "600", "--constraints", terms]].concat());
    (dir, lease)
}

/// What a gateway says to the lease with a call.
fn judged(dir: &Path, lease: &str, tool: &str, arguments: &Value) -> Result<Authority, LeaseFault> {
    let source = KeySource::File(dir.join("weather.key"));
    let ring: KeyRing = keyfile::read_ring(&source, "weather", &[policy::Key { kid: "k1", commitment: None }]).unwrap();
    let expect = Expect { aud: "weather", sid: "s1", intent: intent_hash(INTENT).unwrap(), now: Micros::now() };
    let digest = || request_digest("weather", "s1", tool, arguments.as_object().unwrap()).ok();
    verify_call(lease, &ring, &expect, digest)
}

fn python(source: &str) -> Command {
    let mut command = Command::new("python3");
    command.args(["-c", source]);
    command
}

/// Narrows with both recipes and compares their texts, which are the same because nothing in them is random.
fn narrow(dir: &Path, lease: &str, caveat: &Value) -> String {
    let source = format!("{}\nprint(narrow({lease:?}, **json.loads({:?})))", recipes("python")[0], caveat.to_string());
    let by_python = run(python(&source));
    let script = dir.join("narrow.mjs");
    std::fs::write(&script, format!("{}\nconsole.log(narrow({lease:?}, {caveat}));", recipes("javascript")[0])).unwrap();
    let mut node = Command::new("node");
    node.arg(script);
    assert_eq!(by_python, run(node));
    by_python
}

#[test]
fn narrowing_in_python_and_javascript() {
    let (dir, lease) = issued();
    let child = narrow(dir.path(), &lease, &json!({"uses": 3, "tools": ["t"], "to": "agent:wörker", "risk": 100}));
    let grandchild = narrow(dir.path(), &child, &json!({"dom": [], "to": "agent:\"2\"\n"}));
    let authority = judged(dir.path(), &grandchild, "t", &json!({})).unwrap();
    assert_eq!((authority.tools(), authority.risk), (vec!["t"], 100));
    assert!(!authority.permits_host("api.example.com"), "no host is left");
    assert_eq!(authority.to, ["agent:wörker", "agent:\"2\"\n"]);
    assert_eq!(authority.uses.iter().map(|(_, most)| *most).collect::<Vec<_>>(), [10, 3]);
    // A recipe that wrote anything else than the canonical form would be refused as this is.
    let spaced = recipes("python")[0].replace("(\",\", \":\")", "(\", \", \": \")");
    let wrong = run(python(&format!("{spaced}\nprint(narrow({lease:?}, uses=3, risk=1))")));
    assert!(matches!(judged(dir.path(), &wrong, "t", &json!({})), Err(LeaseFault::Block { index: 1, .. })));
}

#[test]
fn presenting_in_python_and_on_the_command_line() {
    let (dir, lease) = issued();
    let bound = narrow(dir.path(), &lease, &json!({"pop": 1}));
    let arguments = json!({"url": "https://api.example.com/ü", "n": 3, "deep": {"b": [true, null], "a": ""}});
    let call = json!({"tool": "t", "arguments": arguments}).to_string();
    std::fs::write(dir.path().join("call.json"), call).unwrap();
    let source = format!(
        "{}\nprint(present({bound:?}, 'weather', 's1', 't', json.loads({:?})))",
        recipes("python")[1],
        arguments.to_string()
    );
    let shown = [run(python(&source)), airlock(dir.path(), &["present", &bound, "--call", "call.json"])];
    for text in &shown {
        assert!(judged(dir.path(), text, "t", &arguments).unwrap().presentation().is_some());
        assert_eq!(judged(dir.path(), text, "u", &arguments).unwrap_err(), LeaseFault::Mac, "made for another tool");
        assert_eq!(judged(dir.path(), text, "t", &json!({})).unwrap_err(), LeaseFault::Mac, "made for other arguments");
    }
    assert_ne!(shown[0].rsplit('.').nth(1), shown[1].rsplit('.').nth(1), "each has a nonce of its own");
    assert_eq!(judged(dir.path(), &bound, "t", &arguments).unwrap_err(), LeaseFault::Possession);
}

/// Twelve lines or so: the page promises no more than that.
#[test]
fn the_recipes_are_short() {
    for recipe in recipes("python").iter().chain(&recipes("javascript")) {
        assert!(recipe.lines().filter(|line| !line.is_empty()).count() <= 14, "{recipe}");
    }
    assert_eq!((recipes("python").len(), recipes("javascript").len()), (2, 1));
}
