//! Large manifests compile, and those at the limits are answered.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "large/mod.rs"]
mod generated;

use airlock_policy::limits::MANIFEST_MAX;
use airlock_policy::{Code, compile};
use generated::manifest;

#[test]
fn five_hundred_tools_with_two_thousand_rules_compile() {
    let text = manifest(500);
    let checked = compile(&text, "large.toml");
    let policy = checked.compiled().unwrap_or_else(|| panic!("{}", checked.render(false))).policy();
    assert_eq!(checked.render(false), "");
    assert_eq!(policy.tools.len(), 500);
    assert_eq!(policy.tools.iter().flat_map(|tool| &tool.args).map(|arg| arg.rules.len()).sum::<usize>(), 2000);
    assert_eq!((policy.grants.len(), policy.flows.len(), policy.requires.len()), (50, 2, 2));
}

#[test]
fn more_tools_than_allowed_are_refused_as_a_whole() {
    let text = manifest(1025);
    assert!(text.len() < MANIFEST_MAX);
    let checked = compile(&text, "large.toml");
    assert!(checked.compiled().is_none());
    assert!(checked.diagnostics().iter().any(|one| one.code == Code::Count && one.message.contains("1025 tools")));
}
