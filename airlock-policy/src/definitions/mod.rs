//! The reviewed definitions of an upstream's tools: the file that `airlock pin` writes and a manifest pins.
//!
//! ```json
//! {
//!   "airlock_definitions": 1,
//!   "tools": {
//!     "read_text_file": { "name": "read_text_file", "description": "…", "inputSchema": { "type": "object" } }
//!   }
//! }
//! ```
//!
//! A definition has the members `name`, `title`, `description`, `inputSchema`, `outputSchema` and `annotations`, as far as the server gives
//! them. Its digest, the pin, is SHA-256 over the canonical JSON (RFC 8785) of these.

mod changes;
mod json;
pub mod schema;
pub mod screen;
mod signs;

pub use changes::{changes, shown};

use crate::digest::hex;
use crate::limits::{DEFINITION_MAX, DEFINITIONS_MAX, TOOLS_MAX};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;

/// Version of the file's format.
const VERSION: u64 = 1;
/// Members of a definition; a server may send more, which clients are never shown.
const MEMBERS: [&str; 6] = ["name", "title", "description", "inputSchema", "outputSchema", "annotations"];

/// The definition of a tool, as it was reviewed or as a server gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    name: String,
    text: String,
    value: Value,
    digest: [u8; 32],
}

impl Definition {
    /// Takes the definition out of a tool as a server lists it: the members that count, in their order.
    ///
    /// # Errors
    /// It is no JSON object with a name and an input schema whose root is an object, has a name twice in an object, or is too large.
    pub fn of(text: &str) -> Result<Self, String> {
        if text.len() > DEFINITION_MAX {
            return Err(format!("it has {} bytes; at most {DEFINITION_MAX} are read", text.len()));
        }
        json::parse(text)?;
        let Members(members) = serde_json::from_str(text).map_err(|_| "it is no JSON object".to_owned())?;
        let kept: Vec<String> = members
            .iter()
            .filter(|(name, _)| MEMBERS.contains(&name.as_str()))
            .map(|(name, raw)| format!("{:?}:{}", name, json::compact(raw.get())))
            .collect();
        let text = format!("{{{}}}", kept.join(","));
        let value = json::parse(&text)?;
        let name = value["name"].as_str().filter(|name| !name.is_empty()).ok_or("it has no name")?.to_owned();
        for member in ["title", "description"] {
            if value.get(member).is_some_and(|value| !value.is_string()) {
                return Err(format!("its `{member}` is no text"));
            }
        }
        if value["inputSchema"]["type"] != "object" {
            return Err("its `inputSchema` is no schema of an object: `\"type\": \"object\"` is missing".to_owned());
        }
        let canonical = serde_json_canonicalizer::to_vec(&value).map_err(|fault| fault.to_string())?;
        Ok(Self { name, text, value, digest: Sha256::digest(canonical).into() })
    }

    /// Name of the tool at the upstream.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The definition as JSON without spaces, members in the order of the server.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The definition as a value.
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.value
    }

    /// SHA-256 over its canonical JSON.
    #[must_use]
    pub const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The digest as a manifest pins it.
    #[must_use]
    pub fn pin(&self) -> String {
        format!("sha256:{}", hex(&self.digest))
    }
}

/// Is this the template of URIs that a completion is of, rather than the name of a prompt?
pub(crate) fn is_template(of: &str) -> bool {
    of.contains(':') && of.contains('{')
}

/// Members of an object in their order, each with its text.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Members, A::Error> {
                let mut all = Vec::new();
                while let Some(member) = members.next_entry()? {
                    all.push(member);
                }
                Ok(Members(all))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// A file of definitions, by the names of the tools at the upstream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Definitions {
    tools: BTreeMap<String, Definition>,
}

impl Definitions {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it. It never repeats words of the file at length.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > DEFINITIONS_MAX {
            return Err(format!("it has more than {DEFINITIONS_MAX} bytes"));
        }
        let value = json::parse(text).map_err(|fault| format!("it is not JSON as it is read here: {fault}"))?;
        if value.get("airlock_definitions").and_then(Value::as_u64) != Some(VERSION) {
            return Err(format!("`\"airlock_definitions\": {VERSION}` is missing: it is of another version, or something else"));
        }
        let strange =
            value.as_object().and_then(|file| file.keys().find(|key| !matches!(key.as_str(), "airlock_definitions" | "tools")));
        if let Some(key) = strange {
            return Err(format!("it has the unknown member {}", crate::text::quote(key)));
        }
        #[derive(serde::Deserialize)]
        struct File {
            tools: Members,
        }
        let File { tools: Members(members) } = serde_json::from_str(text).map_err(|_| "`tools` is no object".to_owned())?;
        if members.len() > TOOLS_MAX {
            return Err(format!("it has {} tools; at most {TOOLS_MAX} are read", members.len()));
        }
        let mut tools = BTreeMap::new();
        for (name, raw) in members {
            let quoted = crate::text::quote(&name);
            let definition = Definition::of(raw.get()).map_err(|problem| format!("the tool {quoted}: {problem}"))?;
            if definition.name != name {
                return Err(format!("the tool {quoted} has another name in its definition"));
            }
            tools.insert(name, definition);
        }
        Ok(Self { tools })
    }

    /// The definition of a tool.
    #[must_use]
    pub fn get(&self, tool: &str) -> Option<&Definition> {
        self.tools.get(tool)
    }

    /// All definitions, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Definition> {
        self.tools.values()
    }

    /// Adds a definition, or puts it in the place of the one of that name.
    pub fn insert(&mut self, definition: Definition) {
        self.tools.insert(definition.name.clone(), definition);
    }

    /// The text of the file: tools sorted by name, indented for review, with a line feed at its end.
    #[must_use]
    pub fn to_text(&self) -> String {
        let tools: Vec<String> =
            self.tools.iter().map(|(name, definition)| format!("{}:{}", Value::from(name.as_str()), definition.text)).collect();
        let text = format!("{{\"airlock_definitions\":{VERSION},\"tools\":{{{}}}}}", tools.join(","));
        format!("{}\n", json::indented(&text))
    }
}

#[cfg(test)]
mod tests;
