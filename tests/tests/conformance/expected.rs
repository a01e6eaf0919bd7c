//! What is expected to fail behind the gateway, with the reason.

use airlock_tests::clients::CONFORMANCE;
use serde::Deserialize;
use std::collections::BTreeSet;

/// The file `expected.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    fails: Vec<Fails>,
}

/// Scenarios that fail for one reason.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fails {
    /// Revision of the client.
    revision: String,
    /// Eras of the upstream.
    upstream: Vec<String>,
    scenarios: Vec<String>,
    why: String,
}

impl Expected {
    pub(crate) fn read() -> Self {
        let text = std::fs::read_to_string(format!("{CONFORMANCE}/expected.toml")).unwrap();
        let read: Self = toml::from_str(&text).unwrap();
        for entry in &read.fails {
            assert!(!entry.why.is_empty() && !entry.scenarios.is_empty(), "{entry:?}");
        }
        read
    }

    /// The scenarios of one leg.
    pub(crate) fn of(&self, revision: &str, upstream: &str) -> BTreeSet<String> {
        let is_of = |entry: &&Fails| entry.revision == revision && entry.upstream.iter().any(|era| era == upstream);
        self.fails.iter().filter(is_of).flat_map(|entry| entry.scenarios.iter().cloned()).collect()
    }
}
