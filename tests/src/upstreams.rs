//! Manifests of gateways with upstreams, and the upstreams' definitions.

use crate::built;
use airlock_runtime::upstream::definition;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// An upstream of a test.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// Name in the manifest.
    pub name: &'static str,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Definitions of the tools that the manifest lists.
    pub tools: Vec<Map<String, Value>>,
    /// Further lines of its table.
    pub lines: String,
    /// Further lines of each of its tools.
    pub tool_lines: String,
}

impl Upstream {
    /// An upstream with these tools.
    pub fn new(name: &'static str, command: Vec<String>, tools: Vec<Map<String, Value>>) -> Self {
        Self { name, command, tools, lines: String::new(), tool_lines: String::new() }
    }
}

/// The part of a manifest that is the same for all of them. Leases travel in `_meta` alone, so that definitions are listed as they are.
pub fn head(gateway: &str) -> String {
    format!(
        "airlock = 1\n[gateway]\nname = \"{gateway}\"\n[keys]\naccept = [\"k1\"]\n[lease]\ncarriers = [\"meta\"]\n[risk]\nthreshold = 0.9\n\
         [sandbox]\nallow_missing = [\"landlock\", \"seccomp\"]\nwhy = \"tests take parts of the kernel away\"\n\
         [ledger]\ndir = {{ env = \"AIRLOCK_LEDGER_DIR\", default = \"./airlock-ledger\" }}\ndurability = \"process\"\n[limits]\ntimeout = \"30s\"\napproval_timeout = \"8s\"\n"
    )
}

/// Builds the gateway of these upstreams. Its one grant is for `agent:planner`, whom [`crate::place::Place::claims`] names, and for all tools.
pub fn gateway(name: &str, upstreams: &[Upstream]) -> PathBuf {
    let (manifest, files) = manifest(&head(name), name, upstreams);
    built::gateway_with(&manifest, &files)
}

/// The manifest of these upstreams behind a head like [`head`], and the files beside it.
pub fn manifest(head: &str, name: &str, upstreams: &[Upstream]) -> (String, Vec<(String, String)>) {
    let (mut manifest, mut files, mut names) = (head.to_owned(), Vec::new(), Vec::new());
    for Upstream { name: upstream, command, tools, lines, tool_lines } in upstreams {
        let path = format!("airlock-pins/{name}-{upstream}.json");
        let command = json!(command);
        write!(manifest, "[upstreams.{upstream}]\ncommand = {command}\ndefinitions = \"{path}\"\nwhy = \"test\"\n{lines}")
            .unwrap();
        let mut pinned = Map::new();
        for tool in tools {
            let own = tool["name"].as_str().expect("a name");
            let digest = definition::digest(tool).expect("a digest").map(|byte| format!("{byte:02x}")).concat();
            write!(manifest, "[upstreams.{upstream}.tools.{own}]\npin = \"sha256:{digest}\"\nwhy = \"test\"\n{tool_lines}")
                .unwrap();
            pinned.insert(own.to_owned(), Value::Object(definition::pinned(tool)));
            names.push(format!("{upstream}.{own}"));
        }
        files.push((path, json!({"airlock_definitions": 1, "tools": pinned}).to_string()));
    }
    let names = json!(names);
    write!(manifest, "[[grant]]\nsubject = \"agent:planner\"\ntools = {names}\nissue = \"operator\"\nmax_risk = 0.9\nuses = 10000\nwhy = \"test\"\n").unwrap();
    (manifest, files)
}

/// The tools that a server lists, asked without any gateway: with 2026-07-28 if it speaks that, else after `initialize`.
pub fn definitions(command: &[String]) -> Vec<Map<String, Value>> {
    let mut server = Command::new(&command[0]);
    server.args(&command[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = server.spawn().unwrap_or_else(|fault| panic!("{command:?}: {fault}"));
    let mut stdin = server.stdin.take().expect("a pipe");
    let mut stdout = BufReader::new(server.stdout.take().expect("a pipe"));
    let mut ask = |id: u64, method: &str, params: Value| {
        writeln!(stdin, "{}", json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).expect("it reads");
        loop {
            let mut line = String::new();
            assert!(stdout.read_line(&mut line).expect("UTF-8") > 0, "{command:?} ended");
            let message: Value = serde_json::from_str(&line).expect("JSON");
            if message["id"] == id && message.get("method").is_none() {
                return message["result"].clone();
            }
        }
    };
    let modern = json!({"_meta": crate::message::meta()});
    let listed = match ask(1, "server/discover", modern.clone()) {
        Value::Null => {
            let client = json!({"name": "tests", "version": "1"});
            ask(2, "initialize", json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}));
            ask(3, "tools/list", json!({}))
        }
        _ => ask(3, "tools/list", modern),
    };
    drop(stdin);
    let _ = server.kill();
    let _ = server.wait();
    listed["tools"].as_array().expect("a list").iter().map(|tool| tool.as_object().expect("a tool").clone()).collect()
}

/// Is there a process of this number that has not ended?
pub fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['Z', 'X']))
}

/// All descendants of a process, parents first.
pub fn descendants(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(Path::new("/proc").join(pid.to_string()).join("task"));
    let children = tasks.into_iter().flatten().flatten().flat_map(|task| {
        let listed = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        listed.split_whitespace().filter_map(|child| child.parse().ok()).collect::<Vec<u32>>()
    });
    let mut all: Vec<u32> = children.collect();
    for child in all.clone() {
        all.extend(descendants(child));
    }
    all
}
