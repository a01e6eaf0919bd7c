use super::*;

fn show(config: &str) -> String {
    match translate(config, "gateway") {
        Ok(Translation { manifest, report }) => format!("{report}\n---\n{manifest}"),
        Err(problem) => format!("error: {problem}"),
    }
}

#[test]
fn a_whole_configuration() {
    insta::assert_snapshot!(show(
        r#"{"secret_key": "change-me-in-production", "provenance_log": "/var/log/airlock/provenance.jsonl", "max_ttl_seconds": 900,
            "default_risk_threshold": 0.55, "tools": {
              "http_get_json": {"require_capability": true, "risk_threshold": 0.45, "allowed_domains": ["api.open-meteo.com", "API.GitHub.com"]},
              "weather_hourly": {"require_capability": true, "risk_threshold": 0.7, "allowed_domains": ["api.open-meteo.com", "geocoding-api.open-meteo.com"]},
              "airlock_issue_capability": {"require_capability": false, "risk_threshold": 0.9},
              "airlock_audit_tail": {}, "airlock_usage_stats": {}, "airlock_exposure_report": {}}}"#
    ));
}

#[test]
fn the_least_configuration() {
    insta::assert_snapshot!(show(r#"{"tools": {"weather_hourly": {}}}"#));
}

#[test]
fn what_cannot_be_carried_is_said() {
    insta::assert_snapshot!(show(
        r#"{"secret_key": "x", "provenance_log": "~/log.jsonl", "max_ttl_seconds": 1000000, "default_risk_threshold": 1.5, "debug": true,
            "tools": {"shell_exec": {"allowed_domains": ["*"]}, "airlock_audit_tail": {"allowed_domains": ["a.com"], "risk_threshold": "high"},
              "http_get_json": {"allowed_domains": ["*", "*.example.com", "*.com", "127.0.0.1", "localhost", "https://a.com", 7, "a\u001b[2Jb"],
                                "risk_threshold": 0.12345, "timeout": 5, "require_capability": false},
              "weather_hourly": {"allowed_domains": ["evil.com"], "risk_threshold": -3}}}"#
    ));
}

#[test]
fn a_wildcard_alone_leaves_no_tool() {
    insta::assert_snapshot!(show(r#"{"tools": {"http_get_json": {"allowed_domains": ["*"]}, "airlock_issue_capability": {}}}"#));
}

#[test]
fn broken_json_is_placed() {
    insta::assert_snapshot!(
        ["{\n  \"tools\": {\n    \"weather_hourly\": {,}\n", "[]", "", "{\"tools\": []}", "{}"].map(show).join("\n")
    );
}

#[test]
fn names_that_are_no_gateway_names_are_refused() {
    for name in ["", "Gateway", "airlock", "a\"\nb", "-x"] {
        assert!(translate(r#"{"tools": {"airlock_usage_stats": {}}}"#, name).is_err(), "{name:?}");
    }
}

#[test]
fn no_part_of_the_old_key_reaches_the_output() {
    let output = show(r#"{"secret_key": "hunter2", "tools": {"weather_hourly": {}}}"#);
    assert!(output.contains("secret_key: a new random key was made") && !output.contains("hunter2"), "{output}");
}
