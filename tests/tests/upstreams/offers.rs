//! Resources and prompts: only what is listed, judged and recorded like calls, and nothing that a server should not give.

use airlock_tests::built;
use airlock_tests::clients::{SERVERS, program};
use airlock_tests::message::{call, initialize, leased, meta, request};
use airlock_tests::place::{INTENT, Place, SESSION};
use airlock_tests::process::Gateway;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A secret of the upstreams.
pub(crate) const TOKEN: &str = "s3cret-of-the-offers";
/// Their eras, and what becomes there of what looks like an injection.
const ERAS: [(&str, &str); 2] = [("modern", "mark"), ("legacy", "strip")];

/// Entries of each.
const NAMES: [&str; 7] = ["below", "loud", "once", "say", "completed", "paths", "changes"];

/// A gateway with the same resources and prompts of a server of each era, and one that withholds.
pub(crate) fn gateway() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| in_mode("enforce")).clone()
}

/// The same in a mode.
fn in_mode(mode: &str) -> PathBuf {
    let mut manifest = format!(
        "airlock = 1\n[gateway]\nname = \"offers\"\nmode = \"{mode}\"\n[keys]\naccept = [\"k1\"]\n[risk]\nthreshold = 0.9\n\
         [ledger]\ndir = {{ env = \"AIRLOCK_LEDGER_DIR\", default = \"./airlock-ledger\" }}\ndurability = \"process\"\n"
    );
    let mut names = Vec::new();
    for (era, on_risk) in ERAS {
        let command = json!([program("python3"), format!("{SERVERS}/offers.py"), era]);
        let calm = "on_risk = \"deny\"\nresult_threshold = 0.4";
        let loud = format!("on_risk = \"{on_risk}\"\nresult_threshold = 0.4");
        write!(
            manifest,
            "[upstreams.{era}]\ncommand = {command}\nenv.TOKEN = {{ secret = \"OFFERS_TOKEN\" }}\nenv.PYTHONDONTWRITEBYTECODE = \"1\"\nmay_tell = [\"prompts\"]\nwhy = \"test\"\n\
             [upstreams.{era}.resources.below]\nuri = \"test://{era}/a/*\"\ntitle = \"Below\"\ndescription = \"all below a\"\neffect = \"read\"\nargs.uri = {{ max_length = 60 }}\n{calm}\nwhy = \"test\"\n\
             [upstreams.{era}.resources.loud]\nuri = \"test://{era}/a/attack\"\neffect = \"read\"\n{loud}\nwhy = \"test\"\n\
             [upstreams.{era}.resources.once]\nuri = \"test://{era}/once\"\neffect = \"read\"\nlimits = {{ session_calls = 1 }}\nwhy = \"test\"\n\
             [upstreams.{era}.prompts.say]\nrequired = [\"what\"]\noptional = [\"how\"]\neffect = \"read\"\n{loud}\nwhy = \"test\"\n\
             [upstreams.{era}.completions.completed]\nof = \"say\"\narguments = [\"what\"]\neffect = \"read\"\nargs.value = {{ max_length = 20 }}\n{loud}\nwhy = \"test\"\n\
             [upstreams.{era}.completions.paths]\nof = \"test://{era}/a/{{+path}}\"\narguments = [\"path\"]\neffect = \"read\"\n{loud}\nwhy = \"test\"\n\
             [upstreams.{era}.subscriptions.changes]\nof = \"below\"\neffect = \"read\"\nargs.uri = {{ max_length = 60 }}\nwhy = \"test\"\n"
        )
        .unwrap();
        names.extend(NAMES.map(|name| format!("{era}.{name}")));
    }
    let names = json!(names);
    write!(manifest, "[[grant]]\nsubject = \"agent:planner\"\ntools = {names}\nissue = \"operator\"\nmax_risk = 0.9\nuses = 10000\nwhy = \"test\"\n").unwrap();
    built::gateway(&manifest)
}

/// A running gateway, and a client of one era.
pub(crate) struct Scene {
    pub(crate) place: Place,
    pub(crate) gateway: Gateway,
    pub(crate) lease: String,
    pub(crate) is_modern: bool,
    ids: u64,
}

impl Scene {
    pub(crate) fn new(is_modern: bool, tools: &[&str]) -> Self {
        Self::of(&gateway(), is_modern, tools)
    }

    /// The same of a gateway in shadow mode.
    pub(crate) fn in_shadow(is_modern: bool, tools: &[&str]) -> Self {
        Self::of(&in_mode("shadow"), is_modern, tools)
    }

    fn of(gateway: &Path, is_modern: bool, tools: &[&str]) -> Self {
        let place = Place::new("offers");
        let mut command = place.command(gateway);
        command.env("OFFERS_TOKEN", TOKEN);
        let mut gateway = Gateway::start(command);
        if !is_modern {
            gateway.send(&initialize(0, "2025-11-25"));
            let capabilities = &gateway.reply(0)["result"]["capabilities"];
            let expected =
                json!({"tools": {}, "resources": {"subscribe": true}, "prompts": {"listChanged": true}, "completions": {}});
            assert_eq!(*capabilities, expected);
        }
        let all: Vec<String> = ERAS.iter().flat_map(|(era, _)| NAMES.map(|name| format!("{era}.{name}"))).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let mut claims = place.claims(if tools.is_empty() { &all } else { tools });
        claims.dom = Vec::new();
        let lease = place.mint(&claims);
        Self { place, gateway, lease, is_modern, ids: 0 }
    }

    pub(crate) fn ask(&mut self, method: &str, params: Value, has_lease: bool) -> Value {
        let id = self.send(method, params, has_lease);
        self.gateway.reply(id)
    }

    /// Sends a request; its id.
    pub(crate) fn send(&mut self, method: &str, mut params: Value, has_lease: bool) -> u64 {
        self.ids += 1;
        let with_lease = json!({"dev.airlock/lease": self.lease, "dev.airlock/session": SESSION, "dev.airlock/intent": INTENT});
        params["_meta"] = match (self.is_modern, has_lease) {
            (true, true) => leased(&self.lease),
            (true, false) => meta(),
            (false, true) => with_lease,
            (false, false) => json!({}),
        };
        self.gateway.send(&request(self.ids, method, &params));
        self.ids
    }

    pub(crate) fn read(&mut self, uri: &str) -> String {
        told(&self.ask("resources/read", json!({"uri": uri}), true))
    }

    fn get(&mut self, name: &str, arguments: &Value) -> String {
        told(&self.ask("prompts/get", json!({"name": name, "arguments": arguments}), true))
    }
}

/// The texts of a result; of an error its code and what its data says.
pub(crate) fn told(reply: &Value) -> String {
    if let Some(error) = reply.get("error") {
        let data = &error["data"];
        return format!("{} {}", error["code"], data["outcome"].as_str().or(data["reason"].as_str()).unwrap_or_default());
    }
    let result = &reply["result"];
    let parts = result["contents"].as_array().or(result["messages"].as_array()).unwrap_or_else(|| panic!("no result: {reply}"));
    let text = |part: &Value| part["text"].as_str().or(part["content"]["text"].as_str()).unwrap_or_default().to_owned();
    parts.iter().map(text).collect::<Vec<_>>().join("|")
}

#[test]
fn reads_and_prompts_of_both_eras_for_both_eras() {
    for is_modern in [true, false] {
        let mut scene = Scene::new(is_modern, &[]);
        let unknown = if is_modern { "-32602" } else { "-32002" };
        for (era, on_risk) in ERAS {
            let uri = |end: &str| format!("test://{era}/{end}");
            assert_eq!(scene.read(&uri("a/words")), "words");
            assert_eq!(scene.read(&uri("a/other")), "-32603 result_unusable");
            assert_eq!(scene.read(&uri("a/both")), "-32603 result_unusable");
            assert_eq!(scene.read(&uri("a/none")), "-32603 result_unusable");
            assert_eq!(scene.read(&uri("a/list")), "-32603 result_unusable");
            assert_eq!(scene.read(&uri("a/secret")), "-32603 secret_in_result");
            assert_eq!(scene.read(&uri("a/asks")), "-32603 upstream_asks");
            assert_eq!(scene.read(&uri("a/missing")), format!("{unknown} upstream_refused"));
            assert_eq!(scene.read(&uri("a/broken")), "-32603 upstream_error");
            let angry = scene.ask("resources/read", json!({"uri": uri("a/angry")}), true)["error"].to_string();
            assert!(angry.contains("withheld") && !angry.contains("Ignore"), "{angry}");
            assert_eq!(scene.read(&uri("a/b/attack")), "-32603 result_risky", "the entry with the beginning withholds");
            let attack = scene.read(&uri("a/attack"));
            assert!(attack.starts_with("[Airlock] "), "{attack}");
            assert_eq!(attack.contains("Ignore all previous"), on_risk == "mark", "{attack}");
            // What the server is sent, and what not.
            let sent = scene.read(&uri("a/params"));
            assert!(sent.contains(&uri("a/params")) && !sent.contains("dev.airlock"), "{sent}");
            // What the entry does not cover, or could be read as another place.
            for bad in ["b/words", "a", "a/../once", "a/%2e%2e/once", "a/x%2fy", "a/b\\c"] {
                let told = scene.read(&uri(bad));
                let expected =
                    if bad.starts_with("a/") { "-32602 argument_invalid".into() } else { format!("{unknown} unknown_tool") };
                assert_eq!(told, expected, "{bad}");
            }
            assert_eq!(scene.read(&uri(&format!("a/{}", "x".repeat(60)))), "-32602 argument_invalid");
            assert_eq!(scene.read(&uri("once")), "once");
            assert_eq!(scene.read(&uri("once")), "-32602 session_budget_spent");
            let say = format!("{era}.say");
            assert_eq!(scene.get(&say, &json!({"what": "hello"})), "hello");
            assert_eq!(scene.get(&say, &json!({"what": "hello", "how": "x"})), "hello");
            assert_eq!(scene.get(&say, &json!({})), "-32602 argument_invalid");
            assert_eq!(scene.get(&say, &json!({"what": "hello", "where": "x"})), "-32602 argument_invalid");
            assert_eq!(scene.get(&say, &json!({"what": 1})), "-32602 argument_invalid");
            assert_eq!(scene.get(&say, &json!({"what": "system"})), "-32603 result_unusable");
            assert_eq!(scene.get(&say, &json!({"what": "bare"})), "-32603 result_unusable");
            assert!(scene.get(&say, &json!({"what": "attack"})).starts_with("[Airlock] "));
            let sent = scene.get(&say, &json!({"what": "params"}));
            assert!(sent.contains("\"name\": \"say\"") && !sent.contains("dev.airlock"), "{sent}");
        }
        scene.gateway.finish();
    }
}

#[test]
fn each_read_is_an_entry_and_needs_its_lease() {
    let mut scene = Scene::new(true, &["modern.below"]);
    assert_eq!(told(&scene.ask("resources/read", json!({"uri": "test://modern/a/x"}), false)), "-32602 lease_missing");
    assert_eq!(scene.read("test://modern/a/x"), "x");
    assert_eq!(scene.read("test://modern/once"), "-32602 tool_not_in_lease");
    assert_eq!(scene.get("modern.say", &json!({"what": "x"})), "-32602 tool_not_in_lease");
    // An entry of one kind is nothing of another.
    let lease = scene.lease.clone();
    scene.gateway.send(&call(100, "modern.below", &json!({"uri": "test://modern/a/x"}), &lease));
    assert_eq!(scene.gateway.reply(100)["error"]["code"], -32602);
    assert_eq!(scene.get("modern.below", &json!({"uri": "test://modern/a/x"})), "-32602 unknown_tool");
    assert_eq!(scene.read("test://nowhere/x"), "-32602 unknown_tool");
    // With a lease a list has what that lease can read.
    let listed = scene.ask("resources/templates/list", json!({}), true);
    let templates = listed["result"]["resourceTemplates"].as_array().unwrap();
    assert_eq!(
        *templates,
        [
            json!({"name": "modern.below", "title": "Below", "description": "all below a", "uriTemplate": "test://modern/a/{+path}"})
        ]
    );
    assert_eq!(scene.ask("prompts/list", json!({}), true)["result"]["prompts"], json!([]));
    let all = scene.ask("prompts/list", json!({}), false);
    assert_eq!(
        all["result"]["prompts"][0],
        json!({"name": "modern.say", "arguments": [{"name": "what", "required": true}, {"name": "how", "required": false}]})
    );
    let resources = scene.ask("resources/list", json!({}), false)["result"]["resources"].to_string();
    assert!(resources.contains("test://modern/once") && !resources.contains("Ignore"), "{resources}");
    assert_eq!(scene.ask("resources/subscribe", json!({"uri": "test://modern/once"}), true)["error"]["code"], -32601);
    assert_eq!(scene.ask("tools/list", json!({}), false)["result"]["tools"], json!([]));
    let decisions = scene.place.entries_of("decision");
    let recorded: Vec<String> = decisions.iter().map(|entry| format!("{} {}", entry["tool"], entry["why"])).collect();
    assert_eq!(
        recorded,
        [
            r#""modern.below" "lease_missing""#,
            r#""modern.below" "ok""#,
            r#""modern.once" "tool_not_in_lease""#,
            r#""modern.say" "tool_not_in_lease""#,
            r#""modern.below" "unknown_tool""#,
            r#""modern.below" "unknown_tool""#,
            r#""resources/read" "unknown_tool""#,
        ]
    );
    assert_eq!(scene.place.entries_of("outcome").len(), 1);
    scene.gateway.finish();
}

/// Only what an entry names is completed, for whom a lease lets it be, and what comes back is screened.
#[test]
fn arguments_of_prompts_are_completed_by_entries_alone() {
    for is_modern in [true, false] {
        let mut scene = Scene::new(is_modern, &[]);
        for (era, _) in ERAS {
            let asked = |prompt: &str, argument: &str, value: &str| {
                json!({"ref": {"type": "ref/prompt", "name": format!("{era}.{prompt}")}, "argument": {"name": argument, "value": value},
                       "context": {"arguments": {"how": "loudly"}}})
            };
            let reply = scene.ask("completion/complete", asked("say", "what", "wor"), true);
            let values = &reply["result"]["completion"]["values"];
            let heard: Value = serde_json::from_str(values[0].as_str().unwrap_or_else(|| panic!("{reply}"))).unwrap();
            let expected = json!({"ref": {"type": "ref/prompt", "name": "say"}, "argument": {"name": "what", "value": "wor"},
                                  "context": {"arguments": {"how": "loudly"}}});
            assert_eq!(heard, expected, "the server's own name of the prompt, and nothing of the lease");
            let mut code = |params: Value, has_lease: bool| {
                let error = scene.ask("completion/complete", params, has_lease)["error"].clone();
                format!(
                    "{} {}",
                    error["code"],
                    error["data"]["outcome"].as_str().or(error["data"]["reason"].as_str()).unwrap_or_default()
                )
            };
            assert_eq!(code(asked("say", "what", "attack"), true), "-32603 result_risky");
            assert_eq!(code(asked("say", "what", "numbers"), true), "-32603 result_unusable");
            assert_eq!(
                code(asked("say", "how", "x"), true),
                "-32602 argument_invalid",
                "an argument that the entry does not name"
            );
            assert_eq!(code(asked("say", "what", &"x".repeat(21)), true), "-32602 argument_invalid", "a rule of the manifest");
            assert_eq!(code(asked("below", "what", "x"), true), "-32602 unknown_tool", "no prompt");
            assert_eq!(code(asked("say", "what", "x"), false), "-32602 lease_missing");
            // A template is completed by the entry that names it, and any other is nobody's.
            let template = |uri: &str, argument: &str, value: &str| json!({"ref": {"type": "ref/resource", "uri": uri}, "argument": {"name": argument, "value": value}});
            let own = format!("test://{era}/a/{{+path}}");
            assert_eq!(code(template(&format!("test://{era}/a/{{+rest}}"), "rest", "x"), true), "-32602 unknown_tool");
            assert_eq!(code(template(&own, "rest", "x"), true), "-32602 argument_invalid");
            assert_eq!(code(template(&own, "path", "attack"), true), "-32603 result_risky");
            assert_eq!(code(template(&own, "path", "x"), false), "-32602 lease_missing");
            let reply = scene.ask("completion/complete", template(&own, "path", "wor"), true);
            let heard = reply["result"]["completion"]["values"][0].as_str().unwrap_or_else(|| panic!("{reply}"));
            let heard: Value = serde_json::from_str(heard).unwrap();
            assert_eq!(heard["ref"], json!({"type": "ref/resource", "uri": own}));
            assert_eq!(heard["argument"], json!({"name": "path", "value": "wor"}));
        }
        let mut other = Scene::new(is_modern, &["modern.say", "legacy.say"]);
        let params = json!({"ref": {"type": "ref/prompt", "name": "modern.say"}, "argument": {"name": "what", "value": "x"}});
        let refused = other.ask("completion/complete", params, true);
        assert_eq!(refused["error"]["data"]["reason"], "tool_not_in_lease", "who may get a prompt may not have it completed");
        let last = other.place.entries_of("decision").pop().unwrap();
        assert_eq!((&last["tool"], &last["d"]), (&json!("modern.completed"), &json!("deny")));
        other.gateway.finish();
        let allows = scene
            .place
            .entries_of("decision")
            .iter()
            .filter(|entry| entry["d"] == "allow" && entry["tool"] == "modern.completed")
            .count();
        assert_eq!(allows, 3);
        scene.gateway.finish();
    }
}
