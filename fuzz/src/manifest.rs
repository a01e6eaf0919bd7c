//! Any text as a manifest: a policy or errors, never both and never neither; every report renders; a comment changes nothing.

use airlock_policy::limits::DIAGNOSTICS_MAX;
use airlock_policy::{Severity, compile, features};

/// Feeds one input.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let checked = compile(text, "airlock.toml");
    let found = checked.diagnostics();
    assert!(found.len() <= DIAGNOSTICS_MAX);
    assert_eq!(checked.compiled().is_none(), found.iter().any(|one| one.severity == Severity::Error));
    assert_eq!(checked.to_json().as_array().map(Vec::len), Some(found.len()));
    assert_eq!(checked.render(true).is_empty(), found.is_empty());
    for one in found {
        assert!(one.span.start <= one.span.end && one.span.end <= text.len(), "{one:?}");
    }
    let Some(compiled) = checked.compiled() else { return };
    assert!(features(compiled.policy()).contains(&"gateway"));
    let commented = format!("{text}\n# one more line\n");
    if let Some(again) = compile(&commented, "airlock.toml").compiled() {
        assert_eq!(again.digest(), compiled.digest());
    }
}
