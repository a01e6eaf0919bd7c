//! Definitions of tools: what a pin covers, and what differs between the reviewed definition and today's.

use super::drift::{Drift, MEMBERS};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// The part of a definition that a pin covers: `name`, `title`, `description`, `inputSchema`, `outputSchema` and `annotations`, as far
/// as given. `null` is given.
#[must_use]
pub fn pinned(definition: &Map<String, Value>) -> Map<String, Value> {
    MEMBERS.iter().filter_map(|name| Some(((*name).to_owned(), definition.get(*name)?.clone()))).collect()
}

/// SHA-256 over the RFC 8785 form of the pinned part of a definition; `None` if it has no such form.
#[must_use]
pub fn digest(definition: &Map<String, Value>) -> Option<[u8; 32]> {
    let bytes = serde_json_canonicalizer::to_vec(&pinned(definition)).ok()?;
    Some(Sha256::digest(bytes).into())
}

/// What differs between a reviewed definition and the one that an upstream gives today. Numbers are compared by value, as RFC 8785
/// does: `1.0` is `1`.
#[must_use]
pub fn drift(reviewed: &Map<String, Value>, today: &Map<String, Value>) -> Option<Drift> {
    let canonical = |definition: &Map<String, Value>, name: &str| {
        definition.get(name).map(|value| serde_json_canonicalizer::to_vec(value).unwrap_or_default())
    };
    Drift::of(|name| canonical(reviewed, name) != canonical(today, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn a_pin_covers_the_six_members_and_nothing_else() {
        let reviewed = object(json!({"name": "a", "description": "d", "inputSchema": {"type": "object", "maximum": 1}}));
        let same =
            object(json!({"name": "a", "description": "d", "inputSchema": {"maximum": 1.0, "type": "object"}, "icons": []}));
        assert_eq!((digest(&same), drift(&reviewed, &same)), (digest(&reviewed), None));
        for (member, value) in [
            ("name", json!("b")),
            ("title", json!("t")),
            ("description", json!("D")),
            ("inputSchema", json!({"type": "object"})),
            ("outputSchema", json!({"type": "object"})),
            ("annotations", json!({"readOnlyHint": true})),
            ("title", Value::Null),
        ] {
            let mut today = reviewed.clone();
            today.insert(member.to_owned(), value);
            assert_ne!(digest(&today), digest(&reviewed), "{member}");
            assert_eq!(drift(&reviewed, &today).map(|drift| drift.members().collect::<Vec<_>>()), Some(vec![member]));
        }
    }
}
