//! One server of a client.

use super::clients::Shape;
use serde_json::{Map, Value, json};

/// The variable that tells a gateway from other servers: only a gateway has it.
pub(crate) const KEY_FILE: &str = "AIRLOCK_KEY_FILE";
/// The variable with the file that has a lease, its session and its intent.
pub(crate) const LEASE_FILE: &str = "AIRLOCK_LEASE_FILE";
/// Seconds that Goose waits for an answer; what its own file has for its extensions.
const GOOSE_TIMEOUT_S: u64 = 300;

/// A server as clients know it: a name, a command, its arguments and its variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// Its name at the client.
    pub(crate) name: String,
    /// Its command; nothing where the entry has none, as those of remote servers.
    pub(crate) command: Option<String>,
    /// Its arguments.
    pub(crate) args: Vec<String>,
    /// Its variables, in the order of the file.
    pub(crate) env: Vec<(String, String)>,
    /// Its directory, if the entry says one.
    pub(crate) dir: Option<String>,
    /// Why the entry is not all that is known of the server, or says more than is understood. Such a server is left where it is.
    pub(crate) doubt: Option<String>,
}

/// Members of an entry that say nothing about what is started: names, and how long the client waits.
const SILENT: [&str; 9] = [
    "name",
    "display_name",
    "description",
    "timeout",
    "startup_timeout_sec",
    "startup_timeout_ms",
    "tool_timeout_sec",
    "bundled",
    "note",
];

impl Server {
    /// A gateway: a command without arguments.
    pub(crate) const fn gateway(name: String, command: String, env: Vec<(String, String)>) -> Self {
        Self { name, command: Some(command), args: Vec::new(), env, dir: None, doubt: None }
    }

    /// Whether it is a gateway, by the variable that only those have.
    pub(crate) fn is_gateway(&self) -> bool {
        self.env.iter().any(|(name, _)| name == KEY_FILE)
    }

    /// The value of one of its variables.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.env.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn read(name: String, value: &Value, shape: Shape) -> Self {
        let (command, env) = match shape {
            Shape::Plain | Shape::Typed => ("command", "env"),
            Shape::Goose => ("cmd", "envs"),
        };
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Self {
            name,
            command: value[command].as_str().map(str::to_owned),
            args: value["args"].as_array().into_iter().flatten().map(text).collect(),
            env: value[env].as_object().into_iter().flatten().map(|(name, value)| (name.clone(), text(value))).collect(),
            dir: value["cwd"].as_str().map(str::to_owned),
            doubt: doubt(value, command, env),
        }
    }

    pub(super) fn written(&self, shape: Shape) -> Value {
        let Self { name, command, args, env, dir: _, doubt: _ } = self;
        let env: Map<String, Value> = env.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
        match shape {
            Shape::Plain => json!({"command": command, "args": args, "env": env}),
            Shape::Typed => json!({"type": "stdio", "command": command, "args": args, "env": env}),
            Shape::Goose => json!({"type": "stdio", "name": name, "enabled": true, "cmd": command, "args": args, "envs": env,
                                   "timeout": GOOSE_TIMEOUT_S}),
        }
    }
}

/// Why an entry is not understood whole, the first reason. Half of an entry is another server than the client starts: without its switch, its
/// list of tools, its arguments.
fn doubt(value: &Value, command: &str, env: &str) -> Option<String> {
    let Some(members) = value.as_object() else { return Some("it is no object".to_owned()) };
    if !members.contains_key(command) {
        return Some("the client does not start it as a program".to_owned());
    }
    members.iter().find_map(|(key, value)| {
        let texts = |mut values: Box<dyn Iterator<Item = &Value> + '_>| values.all(Value::is_string);
        let is_understood = match (key.as_str(), value) {
            ("disabled", Value::Bool(true)) | ("enabled", Value::Bool(false)) => return Some("it is switched off".to_owned()),
            ("disabled" | "enabled", Value::Bool(_)) => true,
            ("type", Value::String(kind)) => kind == "stdio",
            ("source", Value::String(source)) => source == "custom",
            ("cwd", Value::String(_)) => true,
            (key, Value::String(text)) if key == command => !text.is_empty(),
            ("args", Value::Array(list)) => texts(Box::new(list.iter())),
            (key, Value::Object(variables)) if key == env => texts(Box::new(variables.values())),
            (key, value) if SILENT.contains(&key) => !value.is_null(),
            (_, Value::Array(list)) => list.is_empty(),
            (_, Value::Object(inner)) => inner.is_empty(),
            (_, Value::String(text)) => text.is_empty(),
            (_, Value::Null | Value::Bool(_) | Value::Number(_)) => false,
        };
        let known = ["type", "source", "cwd", "args", "disabled", "enabled", command, env];
        match (is_understood, key.as_str()) {
            (true, _) => expanded(key, value),
            (false, "") => Some("a line of it is not understood".to_owned()),
            (false, key) if known.contains(&key) => Some(format!("its {key:?} is written in a form that is not understood here")),
            (false, key) => Some(format!("it has {key:?}, and what that means is not known here")),
        }
    })
}

/// Clients replace `$NAME`, `${NAME}` and the like; nothing here does.
fn expanded(key: &str, value: &Value) -> Option<String> {
    let is_one = |text: &str| {
        text.match_indices('$').any(|(at, _)| text[at + 1..].starts_with(|c: char| c.is_ascii_alphabetic() || "_{(".contains(c)))
    };
    let has_one = match value {
        Value::String(text) => is_one(text),
        Value::Array(list) => list.iter().filter_map(Value::as_str).any(is_one),
        Value::Object(members) => members.values().filter_map(Value::as_str).any(is_one),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    };
    has_one.then(|| format!("its {key:?} has a `$` that the client may replace"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubt_of(value: Value) -> Option<String> {
        Server::read("s".into(), &value, Shape::Plain).doubt
    }

    #[test]
    fn only_an_entry_that_is_understood_whole_is_without_doubt() {
        for good in [
            json!({"command": "x"}),
            json!({"type": "stdio", "command": "x", "args": ["-y", "a$"], "env": {"A": "b"}, "cwd": "/x", "disabled": false, "timeout": 5}),
            json!({"command": "x", "enabled": true, "description": "d", "autoApprove": []}),
        ] {
            assert_eq!(doubt_of(good.clone()), None, "{good}");
        }
        for (bad, why) in [
            (json!([]), "no object"),
            (json!({"url": "https://example.com"}), "does not start it"),
            (json!({"command": "x", "disabled": true}), "switched off"),
            (json!({"command": "x", "enabled": false}), "switched off"),
            (json!({"command": "x", "disabled": "yes"}), "\"disabled\" is written in a form"),
            (json!({"command": {"path": "x"}}), "\"command\" is written in a form"),
            (json!({"command": "x", "args": ["a", 1]}), "\"args\" is written in a form"),
            (json!({"command": "x", "args": null}), "\"args\" is written in a form"),
            (json!({"command": "x", "env": {"A": 1}}), "\"env\" is written in a form"),
            (json!({"command": "x", "type": "sse"}), "\"type\" is written in a form"),
            (json!({"command": "x", "envFile": ".env"}), "\"envFile\""),
            (json!({"command": "x", "enabled_tools": ["a"]}), "\"enabled_tools\""),
            (json!({"command": "x", "trust": true}), "\"trust\""),
            (json!({"command": "x", "env": {"A": "${input:a}"}}), "has a `$`"),
            (json!({"command": "x", "args": ["--dir", "$HOME/x"]}), "has a `$`"),
        ] {
            let found = doubt_of(bad.clone()).unwrap_or_default();
            assert!(found.contains(why), "{bad}: {found}");
        }
    }
}
