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
}

impl Server {
    /// A gateway: a command without arguments.
    pub(crate) const fn gateway(name: String, command: String, env: Vec<(String, String)>) -> Self {
        Self { name, command: Some(command), args: Vec::new(), env, dir: None }
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
        }
    }

    pub(super) fn written(&self, shape: Shape) -> Value {
        let Self { name, command, args, env, dir: _ } = self;
        let env: Map<String, Value> = env.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
        match shape {
            Shape::Plain => json!({"command": command, "args": args, "env": env}),
            Shape::Typed => json!({"type": "stdio", "command": command, "args": args, "env": env}),
            Shape::Goose => json!({"type": "stdio", "name": name, "enabled": true, "cmd": command, "args": args, "envs": env,
                                   "timeout": GOOSE_TIMEOUT_S}),
        }
    }
}
