use super::*;
use airlock_runtime::ledger::read::Usage;
use std::process::Command;

const TEXT: &str = include_str!("../../../../examples/weather/airlock.toml");

fn agent(subject: &str, tool: &str) -> Agent {
    let usage = Usage { tool: tool.into(), calls: 3, allowed: 3, ..Usage::default() };
    Agent { subject: subject.into(), tools: vec![usage], unused: Vec::new() }
}

fn found(agents: &[Agent]) -> Vec<Granted> {
    let compiled = airlock_policy::compile(TEXT, "airlock.toml").into_compiled().unwrap();
    let mut found = granted(TEXT, "airlock.toml", compiled.policy(), agents);
    found.sort_by_key(|granted| granted.place);
    found
}

/// What a patch program makes of the manifest.
fn applied(patch: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("airlock.toml"), TEXT).unwrap();
    std::fs::write(dir.path().join("p"), patch).unwrap();
    let git = Command::new("git").args(["apply", "p"]).current_dir(dir.path()).output().unwrap();
    assert!(git.status.success(), "{}\n{patch}", String::from_utf8_lossy(&git.stderr));
    std::fs::read_to_string(dir.path().join("airlock.toml")).unwrap()
}

#[test]
fn an_unused_tool_leaves_its_grant_and_nothing_else_changes() {
    let found = found(&[agent("agent:planner", "weather_hourly"), agent("agent:other", "http_get_json")]);
    assert_eq!(found[0].tools, [("http_get_json".into(), 0), ("weather_hourly".into(), 3)]);
    let changed = applied(found[0].patch.as_ref().unwrap());
    assert_eq!(changed, TEXT.replace("[\"weather_hourly\", \"http_get_json\"]", "[\"weather_hourly\"]"));
    insta::assert_snapshot!(found[0].patch.as_ref().unwrap());
}

#[test]
fn a_grant_of_nothing_goes_as_a_whole() {
    let found = found(&[agent("agent:planner", "weather_hourly")]);
    let changed = applied(found[1].patch.as_ref().unwrap());
    assert!(changed.contains("agent:planner") && !changed.contains("operator:auditor"), "{changed}");
    assert!(airlock_policy::compile(&changed, "airlock.toml").into_compiled().is_some());
}

#[test]
fn what_is_used_gets_no_patch() {
    let tools = ["airlock_audit_tail", "airlock_usage_stats", "airlock_exposure_report"];
    let tools = tools.map(|tool| Usage { tool: tool.into(), calls: 1, allowed: 1, ..Usage::default() });
    let auditor = Agent { subject: "operator:auditor".into(), tools: tools.into(), unused: Vec::new() };
    assert_eq!(found(&[auditor])[1].patch, None);
}
