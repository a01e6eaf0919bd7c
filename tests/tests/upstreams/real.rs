//! The reference servers behind one gateway: the official clients are told call by call what the servers themselves tell them.

use airlock_tests::clients::{compare, node_servers, program, python_code, python_servers, said};
use airlock_tests::place::Place;
use airlock_tests::upstreams::{Upstream, definitions, gateway};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What the servers work on; the same for every run, so that the gateway is built once.
pub(crate) struct Ground {
    pub(crate) work: PathBuf,
    pub(crate) repo: PathBuf,
    memory: PathBuf,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let home = std::env::temp_dir().join("airlock-upstream-ground");
        let ground = Self { work: home.join("work"), repo: home.join("repo"), memory: home.join("memory") };
        std::fs::create_dir_all(&ground.work).unwrap();
        std::fs::create_dir_all(&ground.repo).unwrap();
        std::fs::create_dir_all(&ground.memory).unwrap();
        std::fs::write(ground.work.join("a.txt"), "one\ntwo\n").unwrap();
        if !ground.repo.join(".git").exists() {
            let git = |arguments: &[&str]| {
                let output = Command::new("git").args(arguments).current_dir(&ground.repo).output().unwrap();
                assert!(output.status.success(), "{}", said(&output));
            };
            git(&["init", "--quiet", "."]);
            git(&["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "--allow-empty", "-m", "first"]);
        }
        ground
    }

    /// Each server's command.
    fn servers(&self) -> BTreeMap<&'static str, Vec<String>> {
        let packages = node_servers().join("node_modules/@modelcontextprotocol");
        let script = |name: &str| packages.join(name).join("dist/index.js").to_str().unwrap().to_owned();
        let python = |name: &str| python_servers().join(name).to_str().unwrap().to_owned();
        let (work, repo) = (self.work.to_str().unwrap().to_owned(), self.repo.to_str().unwrap().to_owned());
        BTreeMap::from([
            ("everything", vec![program("node"), script("server-everything"), "stdio".into()]),
            ("files", vec![program("node"), script("server-filesystem"), work]),
            ("memory", vec![program("node"), script("server-memory")]),
            ("time", vec![python("mcp-server-time")]),
            ("git", vec![python("mcp-server-git"), "--repository".into(), repo]),
            ("fetch", vec![python("mcp-server-fetch")]),
        ])
    }

    fn calls(&self) -> Vec<Value> {
        let text = include_str!("../../upstreams/calls.json");
        let text = text.replace("{work}", self.work.to_str().unwrap()).replace("{repo}", self.repo.to_str().unwrap());
        serde_json::from_str(&text).unwrap()
    }
}

fn name(call: &Value) -> (&str, &str) {
    (call["server"].as_str().unwrap(), call["tool"].as_str().unwrap())
}

/// What came back of calls through a client.
fn replies(mut command: Command, calls: &[Value]) -> Vec<Map<String, Value>> {
    let output = command.env("AIRLOCK_CALLS", json!(calls).to_string()).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|fault| panic!("{fault}: {}", said(&output)))
}

/// A result without what the sides of a connection say of themselves.
fn plain(mut result: Map<String, Value>) -> Map<String, Value> {
    result.retain(|name, _| name != "_meta" && name != "resultType");
    result
}

/// The sandbox of each server: its code, its interpreter's, and what it works on. `fetch` is for the network, which no sandbox gives yet.
fn sandbox(ground: &Ground, server: &str) -> String {
    let path = |path: PathBuf| path.canonicalize().unwrap().to_str().unwrap().to_owned();
    let node = vec![path(node_servers().join("node_modules"))];
    let python = || [vec![path(environment())], python_code()].concat();
    let (work, memory, repo) = (path(ground.work.clone()), path(ground.memory.clone()), path(ground.repo.clone()));
    let (read, write, exec) = match server {
        "files" | "liar" => (node, vec![work], Vec::new()),
        "memory" => (node, vec![memory], Vec::new()),
        "everything" => (node, Vec::new(), Vec::new()),
        "git" => (python(), vec![repo], git()),
        "time" => (python(), Vec::new(), Vec::new()),
        _ => return String::new(),
    };
    let path = match exec.first().and_then(|program| Path::new(program).parent()) {
        Some(dir) => format!("env.PATH = {}\n", json!(dir)),
        None => String::new(),
    };
    format!("{path}confine = {{ read = {}, write = {}, exec = {} }}\n", json!(read), json!(write), json!(exec))
}

/// The virtual environment of the servers in Python, as their first lines name its interpreter.
fn environment() -> PathBuf {
    let script = std::fs::read_to_string(python_servers().join("mcp-server-time")).unwrap();
    let interpreter = script.lines().next().and_then(|line| line.strip_prefix("#!")).unwrap();
    Path::new(interpreter.trim()).ancestors().nth(2).unwrap().to_owned()
}

/// `git` and the programs that it runs.
fn git() -> Vec<String> {
    let output = Command::new("git").arg("--exec-path").output().unwrap();
    vec![program("git"), String::from_utf8(output.stdout).unwrap().trim().to_owned()]
}

/// The gateway of the reference servers, and of one that was started to serve everything.
pub(crate) fn servers_gateway(ground: &Ground) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let (mut servers, calls) = (ground.servers(), ground.calls());
        let liar = servers["files"].iter().map(|word| if *word == ground.work.to_str().unwrap() { "/" } else { word.as_str() });
        let liar: Vec<String> = liar.map(str::to_owned).collect();
        servers.insert("liar", liar);
        let upstreams: Vec<Upstream> = servers
            .iter()
            .map(|(name, command)| {
                let wanted = |tool: &Map<String, Value>| {
                    let tool = tool["name"].as_str().unwrap();
                    let lies = *name == "liar" && ["read_text_file", "write_file"].contains(&tool);
                    lies || calls.iter().any(|call| self::name(call) == (name, tool))
                };
                let tools = definitions(command).into_iter().filter(wanted).collect();
                let mut upstream = Upstream::new(name, command.clone(), tools);
                upstream.tool_lines = "effect = \"read\"\n".into();
                upstream.lines = sandbox(ground, name);
                if *name == "memory" {
                    upstream.lines += "env.MEMORY_FILE_PATH = { from = \"MEMORY_FILE_PATH\" }\n";
                }
                // A refusal, to see that it is one: the rest of the disk is not for this client.
                if *name == "files" {
                    upstream.tool_lines = format!("effect = \"read\"\nargs.path = {{ under = \"{}\" }}\n", ground.work.display());
                    // It takes no path, so it cannot have the rule.
                    upstream.tools.retain(|tool| tool["name"] != "list_allowed_directories");
                }
                upstream
            })
            .collect();
        gateway("servers", &upstreams)
    };
    BUILT.get_or_init(build).clone()
}

#[test]
fn clients_are_told_what_the_servers_tell() {
    let ground = Ground::new();
    let (servers, calls) = (ground.servers(), ground.calls());
    let calls: Vec<Value> = calls.into_iter().filter(|call| call["tool"] != "list_allowed_directories").collect();
    let program = servers_gateway(&ground);
    for (script, modes) in [("compare.py", &["auto", "legacy"][..]), ("compare.mjs", &["2026-07-28", "default", "v1"])] {
        let place = Place::new("servers");
        // In the directory that the sandbox of its server gives.
        let memory = |name: &str| {
            let file = ground.memory.join(format!("{}-{name}.jsonl", std::process::id()));
            let _ = std::fs::remove_file(&file);
            file
        };
        let mut direct: BTreeMap<&str, std::vec::IntoIter<Map<String, Value>>> = BTreeMap::new();
        for (server, command) in &servers {
            let own: Vec<Value> = calls.iter().filter(|call| name(call).0 == *server).cloned().collect();
            let mut client = compare(script, "auto", command);
            client.env("MEMORY_FILE_PATH", memory("direct"));
            direct.insert(server, replies(client, &own).into_iter());
        }
        let direct: Vec<_> = calls.iter().map(|call| plain(direct.get_mut(name(call).0).unwrap().next().unwrap())).collect();
        let behind: Vec<Value> = calls
            .iter()
            .map(|call| json!({"tool": format!("{}.{}", name(call).0, name(call).1), "arguments": call["arguments"]}))
            .chain([json!({"tool": "files.read_text_file", "arguments": {"path": "/etc/hostname"}})])
            .collect();
        for &mode in modes {
            let tools: Vec<&str> = behind.iter().map(|call| call["tool"].as_str().unwrap()).collect();
            let tools: std::collections::BTreeSet<&str> = tools.into_iter().collect();
            let mut claims = place.claims(&tools.into_iter().collect::<Vec<_>>());
            claims.dom = Vec::new();
            let mut client = compare(script, mode, &[program.to_str().unwrap().to_owned()]);
            client.env("AIRLOCK_KEY_FILE", place.key_file()).env("AIRLOCK_LEDGER_DIR", place.ledger());
            client.env("AIRLOCK_LEASE", place.mint(&claims)).env("MEMORY_FILE_PATH", memory(mode));
            let mut told = replies(client, &behind);
            let refused = told.pop().unwrap();
            assert_eq!(refused["structuredContent"]["reason"], "argument_invalid", "{refused:?}");
            assert_eq!(told.len(), direct.len());
            for ((told, direct), call) in told.into_iter().zip(&direct).zip(&calls) {
                assert_eq!(&plain(told), direct, "{script} {mode}: {call}");
            }
        }
    }
}
