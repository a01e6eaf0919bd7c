//! Requests of a judge that was taken over.

use super::super::tests::{GET, TAIL, TICKET, WEATHER, policy};
use super::*;
use serde_json::json;

fn refused(tool: u32, arguments: impl AsRef<[u8]>) -> Refusal {
    admit(policy(None), tool, arguments.as_ref()).map(|(tool, job)| format!("{} {job:?}", tool.name)).unwrap_err()
}

#[test]
fn what_the_manifest_lists_is_admitted() {
    let (tool, job) = admit(policy(None), GET, br#"{"url":"https://api.example.com/a?b","query":{"c":1}}"#).unwrap();
    assert!(matches!(job, Job::Get(target) if target.url().as_str() == "https://api.example.com/a?b&c=1"));
    assert_eq!(tool.name, "http_get_json");
    let (_, job) = admit(policy(None), WEATHER, br#"{"city":"Austin","state":"TX"}"#).unwrap();
    let Job::Weather(_, [geocoding, forecast]) = job else { panic!("{job:?}") };
    assert_eq!((geocoding.host(), forecast.host()), ("geocoding-api.open-meteo.com", "api.open-meteo.com"));
    let (_, job) = admit(policy(None), TICKET, br#"{"id":"x y","trace":"t"}"#).unwrap();
    let Job::Rest(plan, target) = job else { panic!("{job:?}") };
    assert_eq!((target.host(), target.path_and_query()), ("tickets.example.com", "/v1/x%20y"));
    assert_eq!((plan.rest().method.word(), plan.body()), ("POST", Some(r#"{"id":"x y"}"#)));
}

#[test]
fn there_are_no_other_tools() {
    for tool in [TAIL, 4, u32::MAX] {
        assert_eq!(refused(tool, r#"{"url":"https://api.example.com/"}"#), Refusal::Tool, "{tool}");
    }
}

#[test]
fn there_are_no_other_places() {
    for url in [
        "https://evil.example.org/",
        "https://tickets.example.com/v1/x",
        "https://api.example.com:8443/",
        "http://api.example.com/",
        "https://api.example.com@evil.example.org/",
        "https://127.0.0.1/",
        "https://169.254.169.254/latest",
        "file:///etc/passwd",
    ] {
        assert_eq!(refused(GET, json!({"url": url}).to_string()), Refusal::Url, "{url}");
    }
    // A tool whose place the manifest has written cannot be told another one.
    for more in ["url", "host", "path", "method", "headers", "body", "auth"] {
        let arguments = json!({"id": "x", more: "https://evil.example.org/"}).to_string();
        assert_eq!(refused(TICKET, &arguments), Refusal::Arguments, "{more}");
    }
    for id in ["..", "%2e%2e", "a/../../x", "\r\n", ""] {
        assert_eq!(refused(TICKET, json!({"id": id}).to_string()), Refusal::Arguments, "{id:?}");
    }
}

#[test]
fn no_header_has_another_one_in_it() {
    for trace in ["t\r\nauthorization: Basic eA==", "t\nhost: evil", "t\0", "ü"] {
        assert_eq!(refused(TICKET, json!({"id": "x", "trace": trace}).to_string()), Refusal::Arguments, "{trace:?}");
    }
}

#[test]
fn rules_of_the_manifest_hold_here_too() {
    let url = format!("https://api.example.com/{}", "x".repeat(200));
    assert_eq!(refused(GET, json!({"url": url}).to_string()), Refusal::Arguments);
}

#[test]
fn only_arguments_with_one_reading_are_read() {
    let deep = format!(r#"{{"url":{}1{}}}"#, "[".repeat(100), "]".repeat(100));
    let large = format!(r#"{{"url":"https://api.example.com/","query":{{"a":"{}"}}}}"#, "x".repeat(5000));
    let bad: [&[u8]; 9] = [
        b"",
        b"{",
        b"[]",
        b"\"https://api.example.com/\"",
        b"\xff",
        br#"{"url":"https://api.example.com/","url":"https://evil.example.org/"}"#,
        br#"{"url":"https://api.example.com/"} {}"#,
        deep.as_bytes(),
        large.as_bytes(),
    ];
    for arguments in bad {
        assert_eq!(refused(GET, arguments), Refusal::Form, "{}", String::from_utf8_lossy(&arguments[..arguments.len().min(60)]));
    }
}
