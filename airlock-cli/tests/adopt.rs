//! `airlock client adopt`: servers of a client behind a gateway, and back again.
#![allow(clippy::unwrap_used, reason = "a step that fails must fail the test")]

mod built;

use built::text;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Output;

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/server.sh");
const TOOLS: &str = r#"[{"name":"read","description":"Reads","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}},{"name":"write","description":"Writes","inputSchema":{"type":"object"}}]"#;
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

#[test]
fn servers_go_behind_a_gateway_and_come_back() {
    let _cache = built::lock();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("mcp.json");
    let files = json!({"command": "sh", "args": [SERVER, "legacy", TOOLS], "env": {"API_TOKEN": SECRET, "REGION": "eu"}});
    let other = json!({"url": "https://example.com/mcp"});
    let config = json!({"mcpServers": {"files": files, "other": other}, "keep": true});
    let before = format!("{config:#}\n");
    fs::write(&path, &before).unwrap();
    let adopt = ["client", "adopt", "cursor", "--config", "mcp.json", "--dir", "gate", "--offline"];
    let dry = airlock(home.path(), &[&adopt[..], &["--dry-run"]].concat());
    assert!(dry.status.success() && text(&dry.stderr).contains("with API_TOKEN, REGION"), "{}", text(&dry.stderr));
    assert!(!text(&dry.stderr).contains(SECRET) && !home.path().join("gate").exists());
    let asked = airlock(home.path(), &adopt);
    assert_eq!(asked.status.code(), Some(2), "without a terminal and without --yes nothing is started");
    assert!(!home.path().join("gate").exists());
    let done = airlock(home.path(), &[&adopt[..], &["--yes"]].concat());
    assert!(done.status.success(), "{}{}", text(&done.stdout), text(&done.stderr));
    let after: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(
        (&after["keep"], &after["mcpServers"]["other"], after["mcpServers"].as_object().unwrap().len()),
        (&json!(true), &other, 2)
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
    let back = airlock(home.path(), &["client", "rollback", "cursor", "--config", "mcp.json", "--yes"]);
    assert!(back.status.success(), "{}", text(&back.stderr));
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
}
