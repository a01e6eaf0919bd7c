//! `airlock client adopt`: servers of a client behind a gateway, and back again.
#![allow(clippy::unwrap_used, reason = "a step that fails must fail the test")]

mod built;
mod told;

use built::text;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Output;

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/server.sh");
const TOOLS: &str = r#"[{"name":"read","description":"Reads","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}},{"name":"write","description":"Writes","inputSchema":{"type":"object"}}]"#;
const URL: &str = "https://example.com/mcp";
const SECRET: &str = "s3cret-of-the-server";

fn airlock(home: &Path, arguments: &[&str]) -> Output {
    let mut command = built::airlock(home, arguments);
    command.env(
        "RUSTUP_HOME",
        std::env::var_os("RUSTUP_HOME").unwrap_or_else(|| Path::new(&std::env::var_os("HOME").unwrap()).join(".rustup").into()),
    );
    command.env(
        "CARGO_HOME",
        std::env::var_os("CARGO_HOME").unwrap_or_else(|| Path::new(&std::env::var_os("HOME").unwrap()).join(".cargo").into()),
    );
    command.env("HOME", home).env_remove("XDG_STATE_HOME").output().unwrap()
}

const ADOPT: [&str; 8] = ["client", "adopt", "cursor", "--config", "mcp.json", "--dir", "gate", "--offline"];

/// A client's file with a server that can be adopted, and some that stay where they are, each for another reason.
fn config(home: &Path) -> String {
    let files = json!({"command": "sh", "args": [SERVER, "legacy", TOOLS], "env": {"API_TOKEN": SECRET, "REGION": "eu"}});
    let path_of_mine = json!({"command": "sh", "env": {"PATH": "/evil"}});
    let switched_off = json!({"command": "sh", "disabled": true, "env": {"X_TOKEN": SECRET}});
    let servers = json!({"files": files, "other": {"url": URL}, "path": path_of_mine, "off\u{1b}[2J\u{202e}": switched_off});
    let text = format!("{:#}\n", json!({"mcpServers": servers, "keep": SECRET}));
    fs::write(home.join("mcp.json"), &text).unwrap();
    text
}

/// What a command prints as JSON, held to the docs.
fn facts(home: &Path, verb: &str, arguments: &[&str]) -> Value {
    let output = airlock(home, &[arguments, &["--format", "json"]].concat());
    assert!(
        output.status.success() && !text(&output.stdout).contains(SECRET),
        "{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    let facts: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told::faults(verb, &facts), Vec::<String>::new());
    facts
}

#[test]
fn a_server_that_cannot_be_taken_whole_stays_and_the_reason_is_told() {
    let home = tempfile::tempdir().unwrap();
    config(home.path());
    let dry = airlock(home.path(), &[&ADOPT[..], &["--dry-run"]].concat());
    assert!(dry.status.success() && text(&dry.stderr).contains("with API_TOKEN, REGION"), "{}", text(&dry.stderr));
    assert!(!text(&dry.stderr).contains(SECRET) && !home.path().join("gate").exists());
    let left = [
        "\"other\": the client does not start it",
        "\"path\": its variable PATH would change",
        "[2J\\u202e\": it is switched off",
    ];
    for left in left {
        assert!(
            text(&dry.stderr).lines().any(|line| line.starts_with("left where it is: ") && line.contains(left)),
            "{left}\n{}",
            text(&dry.stderr)
        );
    }
    assert!(!text(&dry.stderr).contains('\u{1b}') && !text(&dry.stderr).contains('\u{202e}'));
    let facts = facts(home.path(), "client install", &[&ADOPT[..], &["--dry-run"]].concat());
    assert_eq!((&facts["entry"]["adopted"], facts["entry"]["left"].as_array().unwrap().len()), (&json!(["files"]), 3));
    for named in ["path", "other", "nobody"] {
        let refused = airlock(home.path(), &[&ADOPT[..3], &[named], &ADOPT[3..], &["--yes"]].concat());
        assert_eq!(refused.status.code(), Some(2), "{named}: {}", text(&refused.stderr));
    }
    assert!(!home.path().join("gate").exists(), "nothing was started for a server that stays");
    let asked = airlock(home.path(), &ADOPT);
    assert_eq!(asked.status.code(), Some(2), "without a terminal and without --yes nothing is started");
    assert!(!home.path().join("gate").exists());
}

#[test]
fn servers_go_behind_a_gateway_and_come_back() {
    let _cache = built::lock();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("mcp.json");
    let before = config(home.path());
    let done = airlock(home.path(), &[&ADOPT[..], &["--yes"]].concat());
    assert!(done.status.success(), "{}{}", text(&done.stdout), text(&done.stderr));
    let shown = [text(&done.stdout), text(&done.stderr)].concat();
    assert!(!shown.contains(SECRET), "what is shown has no values of servers: {shown}");
    assert!(shown.contains("\"API_TOKEN\": \"…\"") && shown.contains("/gate.key"), "{shown}");
    let after: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(
        (&after["keep"], &after["mcpServers"]["other"], after["mcpServers"].as_object().unwrap().len()),
        (&json!(SECRET), &json!({"url": URL}), 4)
    );
    let entry = &after["mcpServers"]["gate"];
    assert_eq!(
        (&entry["env"]["API_TOKEN"], &entry["env"]["REGION"]),
        (&json!(SECRET), &json!("eu")),
        "the values stay in this file"
    );
    assert!(Path::new(entry["command"].as_str().unwrap()).is_file());
    let manifest = fs::read_to_string(home.path().join("gate/airlock.toml")).unwrap();
    assert!(
        manifest.contains("env.API_TOKEN = { secret = \"API_TOKEN\" }")
            && manifest.contains("env.REGION = { from = \"REGION\" }"),
        "{manifest}"
    );
    assert!(manifest.contains("[upstreams.files.tools.read]") && manifest.contains("# [upstreams.files.tools.write]"));
    for entry in fs::read_dir(home.path().join("gate")).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file())
    {
        let bytes = fs::read(&entry).unwrap();
        assert!(!bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()), "{} has the secret", entry.display());
    }
    let install = ["client", "install", "vscode", "gate/gate", "--key", "gate/gate.key", "--config", "v.json", "--yes"];
    assert_eq!(facts(home.path(), "client install", &install)["written"], true);
    facts(home.path(), "client rollback", &["client", "rollback", "cursor", "--config", "mcp.json", "--yes"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
}
