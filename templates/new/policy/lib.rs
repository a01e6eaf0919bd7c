//! The policy beside this crate, as its report: a change of `airlock.toml` is a change of `snapshots/`, line by line.
#![cfg(test)]

use airlock_policy::{Report, beside, compile_with};

fn report() -> Report {
    let files = beside(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let checked = compile_with(include_str!("../airlock.toml"), "airlock.toml", &files);
    let mistakes = checked.render(false);
    Report::of(checked.into_compiled().unwrap_or_else(|| panic!("{mistakes}")).policy())
}

fn hold(name: &str, text: &str) {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn the_policy_is_as_reviewed() {
    hold("policy", report().policy());
}

#[test]
fn the_decisions_are_as_reviewed() {
    hold("decisions", report().decisions());
}
