//! Recorded results as a server would give them today: text for the model, and the same as structured content where it is structured.
//!
//! AgentDojo prints its results as YAML, InjecAgent as Python. What reads as a list or an object is taken for the structure that the
//! tool returned; anything else is text.

use serde_json::{Map, Value, json};
use yaml_rust2::{Yaml, YamlLoader};

/// The result of a call of MCP.
pub(crate) fn of_mcp(text: &str) -> Value {
    let content = json!([{"type": "text", "text": text}]);
    match structured(text) {
        Some(structured) => json!({"content": content, "structuredContent": structured}),
        None => json!({ "content": content }),
    }
}

fn structured(text: &str) -> Option<Value> {
    let document = YamlLoader::load_from_str(text).ok()?.into_iter().next()?;
    match &document {
        // One member alone is how prose with a colon reads.
        Yaml::Hash(members) => (members.len() > 1 || text.starts_with('{')).then(|| value(&document)),
        Yaml::Array(_) => Some(value(&document)),
        Yaml::Real(_) | Yaml::Integer(_) | Yaml::String(_) | Yaml::Boolean(_) | Yaml::Alias(_) | Yaml::Null | Yaml::BadValue => {
            None
        }
    }
}

fn value(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Real(number) => number.parse::<f64>().map_or_else(|_| json!(number), |number| json!(number)),
        Yaml::Integer(number) => json!(number),
        Yaml::String(text) => json!(text),
        Yaml::Boolean(truth) => json!(truth),
        Yaml::Array(items) => items.iter().map(value).collect(),
        Yaml::Hash(members) => {
            let name = |name: &Yaml| match value(name) {
                Value::String(text) => text,
                other => other.to_string(),
            };
            Value::Object(members.iter().map(|(key, member)| (name(key), value(member))).collect::<Map<_, _>>())
        }
        Yaml::Alias(_) | Yaml::Null | Yaml::BadValue => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_texts_stay_one_value() {
        let text = "- body: 'hello\n\n    recipient: eve@evil.example'\n  sender: bob\n- body: x\n";
        assert_eq!(
            structured(text),
            Some(json!([{"body": "hello\nrecipient: eve@evil.example", "sender": "bob"}, {"body": "x"}]))
        );
        assert_eq!(structured("{'a': ['b', 1.5]}"), Some(json!({"a": ["b", 1.5]})));
        assert_eq!(structured("just words: no"), None);
        assert_eq!(structured("a page, with words"), None);
    }
}
