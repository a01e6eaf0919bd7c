//! The gateway `hostile`: one upstream for each way in which `hostile.py` begins.

use airlock_tests::built::target;
use airlock_tests::clients::{SERVERS, program, python_code};
use airlock_tests::message::{call, call_with, leased};
use airlock_tests::place::Place;
use airlock_tests::process::Gateway;
use airlock_tests::upstreams::{Upstream, definitions, gateway};
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{LazyLock, OnceLock};

/// A secret of the upstreams; searched for in all output.
pub(crate) const TOKEN: &str = "s3cret-of-the-upstream";
/// Ways to begin, and what the manifest says besides.
const ERAS: [(&str, &str); 15] = [
    ("legacy", "on_risk = \"deny\"\n"),
    ("modern", "on_risk = \"mark\"\n"),
    ("exits", "on_risk = \"strip\"\n"),
    ("silent", ""),
    ("foreign", ""),
    ("drifted", ""),
    ("banners", ""),
    ("endless", ""),
    ("pinned-modern", ""),
    ("pinned-legacy", ""),
    ("free", PATIENT),
    ("confined", PATIENT),
    ("lenient", PATIENT),
    ("asks-legacy", PATIENT),
    ("asks-modern", PATIENT),
];
/// For what takes its time.
pub(crate) const PATIENT: &str = "limits = { timeout = \"30s\" }\n";

pub(crate) fn hostile_command(era: &str) -> Vec<String> {
    // The manifest's word for the era is the other one than the server's.
    let begins = match era {
        "pinned-modern" | "free" | "confined" | "lenient" | "asks-legacy" => "legacy",
        "pinned-legacy" | "asks-modern" => "modern",
        other => other,
    };
    vec![program("python3"), format!("{SERVERS}/hostile.py"), begins.to_owned()]
}

/// The definitions of `hostile.py` as they were reviewed. `tools/list` has them on two pages; these are both.
pub(crate) fn reviewed() -> Vec<Map<String, Value>> {
    static BOTH: OnceLock<Vec<Map<String, Value>>> = OnceLock::new();
    let first = || definitions(&hostile_command("legacy")).remove(0);
    let act = json!({"name": "act", "description": "Does what it is told.", "inputSchema": {"type": "object", "properties": {
        "do": {"type": "string"}, "text": {"type": "string"}, "n": {"type": "integer"}}, "required": ["do"], "additionalProperties": false}});
    BOTH.get_or_init(|| vec![act.as_object().unwrap().clone(), first()]).clone()
}

/// The directory that confined upstreams may write to.
pub(crate) fn work() -> PathBuf {
    let work = target().join("tmp/confined");
    std::fs::create_dir_all(&work).unwrap();
    work.canonicalize().unwrap()
}

/// The sandbox of `hostile.py`: its code, that of its interpreter, and one directory.
pub(crate) fn confine(more: &str) -> String {
    let read = [vec![SERVERS_DIR.clone()], python_code()].concat();
    format!(
        "confine = {{ read = {}, write = {}, limits = {{ data = \"1GiB\", fsize = \"1MiB\", files = 64, processes = 48 }}{more} }}\n",
        json!(read),
        json!([work()])
    )
}

/// Where tests keep their servers, without links.
static SERVERS_DIR: LazyLock<String> = LazyLock::new(|| std::fs::canonicalize(SERVERS).unwrap().to_str().unwrap().to_owned());

/// The program of the gateway.
pub(crate) fn hostile() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let upstreams = ERAS.map(|(era, tool)| {
        let mut upstream = Upstream::new(era, hostile_command(era), reviewed());
        upstream.lines = format!("env.TOKEN = {{ secret = \"UPSTREAM_TOKEN\" }}\nenv.LANG = \"C.UTF-8\"\nstart_timeout = \"15s\"\nmax_message = \"2MiB\"\n{}", match era {
            "pinned-modern" => "era = \"modern\"\n",
            "pinned-legacy" => "era = \"legacy\"\n",
            _ => "",
        });
        let limits = if tool == PATIENT { "" } else { "limits = { timeout = \"8s\" }\n" };
        upstream.tool_lines = format!("effect = \"read\"\n{limits}max_result = \"1MiB\"\n{tool}");
        match era {
            "asks-legacy" | "asks-modern" => {
                upstream.lines.push_str("may_ask = [\"elicitation\", \"sampling\", \"roots\"]\nask_hosts = [\"accounts.example.org\"]\nlog = \"info\"\n");
            }
            "confined" => upstream.lines.push_str(&confine("")),
            "lenient" => upstream.lines.push_str(&confine(", allow_missing = [\"userns\"]")),
            _ => {}
        }
        upstream
    });
    BUILT.get_or_init(|| gateway("hostile", &upstreams)).clone()
}

/// A running gateway, and who speaks with it.
pub(crate) struct Scene {
    pub(crate) place: Place,
    pub(crate) gateway: Gateway,
    pub(crate) lease: String,
    ids: u64,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let place = Place::new("hostile");
        let gateway = Gateway::start(start(&place));
        Self::of(place, gateway)
    }

    pub(crate) fn of(place: Place, gateway: Gateway) -> Self {
        let tools: Vec<String> = ERAS.iter().flat_map(|(era, _)| ["act", "fixed"].map(|tool| format!("{era}.{tool}"))).collect();
        Self::with(place, gateway, &tools.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// A scene of another gateway, with a lease for these tools.
    pub(crate) fn with(place: Place, gateway: Gateway, tools: &[&str]) -> Self {
        let mut claims = place.claims(tools);
        claims.dom = Vec::new();
        let lease = place.mint(&claims);
        Self { place, gateway, lease, ids: 0 }
    }

    /// Sends a call; its id.
    pub(crate) fn send(&mut self, tool: &str, arguments: &Value) -> u64 {
        self.ids += 1;
        self.gateway.send(&call(self.ids, tool, arguments, &self.lease));
        self.ids
    }

    /// Sends a call that wants progress under this token.
    pub(crate) fn send_listening(&mut self, tool: &str, arguments: &Value, token: &str) -> u64 {
        self.ids += 1;
        let mut meta = leased(&self.lease);
        meta["progressToken"] = json!(token);
        self.gateway.send(&call_with(self.ids, tool, arguments, &meta));
        self.ids
    }

    pub(crate) fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        let id = self.send(tool, arguments);
        self.gateway.reply(id)
    }

    /// Has `act` of an upstream do something; what the reply says, in short.
    pub(crate) fn act(&mut self, upstream: &str, what: &str) -> String {
        told(&self.call(&format!("{upstream}.act"), &json!({"do": what})))
    }

    /// As [`Self::act`], with a text.
    pub(crate) fn say(&mut self, upstream: &str, what: &str, text: &str) -> String {
        told(&self.call(&format!("{upstream}.act"), &json!({"do": what, "text": text})))
    }
}

/// The command that starts the gateway.
pub(crate) fn start(place: &Place) -> Command {
    let mut command = place.command(&hostile());
    command.env("UPSTREAM_TOKEN", TOKEN);
    command
}

/// The texts of a result one after the other; of a refusal or a failure its code.
pub(crate) fn told(reply: &Value) -> String {
    let result = &reply["result"];
    let structured = &result["structuredContent"];
    if let Some(code) = structured["reason"].as_str().or(structured["outcome"].as_str()) {
        return code.to_owned();
    }
    let blocks = result["content"].as_array().unwrap_or_else(|| panic!("no result: {reply}"));
    blocks.iter().map(|block| block["text"].as_str().unwrap_or_default()).collect::<Vec<_>>().join("|")
}
