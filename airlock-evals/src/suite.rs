//! The policy of a suite: a manifest written from its list of tools, by one rule for every tool and every suite.
//!
//! Nobody tunes it by hand. What a tool does (`effect`) and which parameters are sensitive, and as what, comes from the labels of the
//! data. Every tool stands behind one made-up service, since none is performed.

use crate::data::{Args, Tool};
use crate::judge;
use airlock_runtime::policy::Policy;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Where values may come from, and what that is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rules {
    /// Tools alone decide.
    Scope,
    /// The intent.
    Intent,
    /// The intent and whole members of results.
    Structured,
    /// Also the text of results in which the risk score finds no sign of an injection.
    Screened,
    /// Also the text of any result.
    Text,
}

impl Rules {
    pub(crate) const ALL: [Self; 5] = [Self::Scope, Self::Intent, Self::Structured, Self::Screened, Self::Text];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Scope => "lease scope alone",
            Self::Intent => "+ from intent",
            Self::Structured => "+ from intent, structured",
            Self::Screened => "+ from intent, structured, screened",
            Self::Text => "+ from intent, structured, text",
        }
    }

    const fn from(self) -> Option<&'static str> {
        match self {
            Self::Scope => None,
            Self::Intent => Some(r#"["intent"]"#),
            Self::Structured => Some(r#"["intent", "structured"]"#),
            Self::Screened => Some(r#"["intent", "structured", "screened"]"#),
            Self::Text => Some(r#"["intent", "structured", "text"]"#),
        }
    }
}

/// A compiled suite.
pub(crate) struct Suite {
    pub(crate) policy: &'static Policy,
    pub(crate) manifest: String,
    types: BTreeMap<String, BTreeMap<String, String>>,
    reads: BTreeSet<String>,
}

impl Suite {
    /// Writes and compiles the manifest. `yaml` are the tools that print YAML.
    ///
    /// # Errors
    /// The compiler refuses it.
    pub(crate) fn of(tools: &[&Tool], yaml: &BTreeSet<&str>, rules: Rules) -> Result<Self, String> {
        let manifest = manifest(tools, yaml, rules);
        let checked = airlock_policy::compile(&manifest, "suite.toml");
        let compiled = checked.compiled().ok_or_else(|| checked.render(false))?;
        let policy = judge::policy(compiled)?;
        let types = tools.iter().map(|tool| (tool.tool.clone(), types(tool))).collect();
        let reads = tools.iter().filter(|tool| tool.effect == "read").map(|tool| tool.tool.clone()).collect();
        Ok(Self { policy, manifest, types, reads })
    }

    /// The tools that read.
    pub(crate) fn reads(&self) -> impl Iterator<Item = &str> {
        self.reads.iter().map(String::as_str)
    }

    /// Arguments as the manifest's types have them: null is absent, an object in a list stands for its identifier.
    pub(crate) fn args(&self, tool: &str, args: &Args) -> Args {
        let Some(types) = self.types.get(tool) else { return args.clone() };
        let known = args.iter().filter(|(name, value)| types.contains_key(*name) && !value.is_null());
        known.map(|(name, value)| (name.clone(), typed(value, &types[name]))).collect()
    }
}

fn typed(value: &Value, kind: &str) -> Value {
    match (kind, value) {
        ("array", Value::Array(items)) => items.iter().map(|item| json!(text(item))).collect(),
        ("array", other) => json!([text(other)]),
        ("integer" | "number" | "boolean", value) => value.clone(),
        (_, value) => json!(text(value)),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(members) => {
            let id = members.iter().find(|(name, _)| name.ends_with("id"));
            id.map_or_else(|| value.to_string(), |(_, id)| text(id))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => value.to_string(),
    }
}

/// The parameters of a tool and their types in the words of the manifest.
fn types(tool: &Tool) -> BTreeMap<String, String> {
    let properties = tool.input_schema.get("properties").and_then(Value::as_object);
    let kind = |schema: &Value| {
        let forms = schema.get("anyOf").and_then(Value::as_array).cloned().unwrap_or_else(|| vec![schema.clone()]);
        let named = forms.iter().filter_map(|form| form.get("type").and_then(Value::as_str)).find(|kind| *kind != "null");
        match named {
            Some(kind @ ("integer" | "number" | "boolean" | "array")) => kind.to_owned(),
            Some(_) | None => "string".to_owned(),
        }
    };
    properties.into_iter().flatten().map(|(name, schema)| (name.clone(), kind(schema))).collect()
}

fn manifest(tools: &[&Tool], yaml: &BTreeSet<&str>, rules: Rules) -> String {
    let mut text =
        "airlock = 1\n[gateway]\nname = \"evaluation\"\n[keys]\naccept = [\"k1\"]\n[risk]\nthreshold = 1.0\n[[egress]]\n\
                    host = \"tools.example.com\"\nwhy = \"stands for every service of the suite\"\n"
            .to_owned();
    let mut names = Vec::new();
    for tool in tools {
        names.push(format!("{:?}", tool.tool));
        let types = types(tool);
        let effect = match tool.effect.as_str() {
            "read" => "read",
            "write" => "write",
            _ => "send",
        };
        let body: Vec<String> = types.keys().map(|name| format!("{name:?}")).collect();
        let body = if body.is_empty() { String::new() } else { format!(", body = [{}]", body.join(", ")) };
        let path: String = tool.tool.chars().filter(char::is_ascii_alphanumeric).collect();
        let _ = write!(
            text,
            "[tools.{:?}]\ndescription = \"a tool of the suite\"\nhttp = {{ method = \"POST\", url = \"https://tools.example.com/{path}\"{body} }}\n\
             effect = \"{effect}\"\nstrict = false\nwhy = \"part of the suite\"\n",
            tool.tool
        );
        if yaml.contains(tool.tool.as_str()) {
            text.push_str("result = \"yaml\"\n");
        }
        for (name, kind) in &types {
            let origin = rules.from().and_then(|from| origin(tool, name, kind, from)).unwrap_or_default();
            let _ = writeln!(text, "input.{name:?} = {{ type = \"{kind}\", required = false{origin} }}");
        }
    }
    let _ = write!(
        text,
        "[[grant]]\nsubject = \"agent:user\"\ntools = [{}]\nissue = \"operator\"\nmax_risk = 1.0\nuses = 1_000_000\nmax_ttl = \"1h\"\nwhy = \"the user's agent\"\n\
         [lease]\nmax_ttl = \"1h\"\n",
        names.join(", ")
    );
    text
}

/// The rule of a parameter: sensitive ones by their label, every other text of a tool that writes or sends for what stands inside.
fn origin(tool: &Tool, name: &str, kind: &str, from: &str) -> Option<String> {
    if tool.effect == "read" {
        return None;
    }
    let rule = match tool.sensitive_params.get(name).and_then(Value::as_str) {
        Some("email") => "kind = \"email\"",
        Some("iban") => "kind = \"iban\"",
        Some("url") => "kind = \"url\"",
        Some("name") if kind != "integer" => "kind = \"name\"",
        Some(_) => "kind = \"id\"",
        None if kind == "string" || kind == "array" => "inside = true",
        None => return None,
    };
    Some(format!(", from = {from}, otherwise = \"ask\", {rule}"))
}
