use super::*;
use airlock_core::policy::evidence::{Removed, Token};
use proptest::prelude::*;
use serde_json::json;

pub(in crate::evidence) const REDACTION: Redaction = Redaction {
    copy,
    removed: &[
        Removed { tool: None, name: "password" },
        Removed { tool: Some("mail.send"), name: "body.text" },
        Removed { tool: Some("mail.send"), name: "to" },
    ],
    tokens: &[Token { prefix: "ghp_", least: 36 }, Token { prefix: "sk-", least: 32 }, Token { prefix: "AKIA", least: 16 }],
};

fn copied(tool: Option<&str>, value: &Value) -> Value {
    serde_json::from_slice(&copy(&REDACTION, tool, value.to_string().as_bytes())).unwrap()
}

#[test]
fn named_values_go_with_all_that_is_in_them() {
    let given = json!({"to": ["a@b.org"], "body": {"text": "hello", "kind": "plain"}, "login": [{"Password": {"deep": 1}}]});
    let wanted = json!({"to": REMOVED, "body": {"text": REMOVED, "kind": "plain"}, "login": [{"Password": REMOVED}]});
    assert_eq!(copied(Some("mail.send"), &given), wanted);
    // Of another tool, and of a result, only what is named everywhere.
    let wanted = json!({"to": ["a@b.org"], "body": {"text": "hello", "kind": "plain"}, "login": [{"Password": REMOVED}]});
    assert_eq!(copied(Some("mail"), &given), wanted);
    assert_eq!(copied(None, &given), wanted);
}

#[test]
fn json_in_a_string_is_looked_through() {
    let inner = json!({"password": "x", "n": 1}).to_string();
    let given = json!({"content": [{"type": "text", "text": format!(" {inner}")}]});
    let text = copied(None, &given)["content"][0]["text"].as_str().unwrap().to_owned();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json!({"password": REMOVED, "n": 1}));
}

#[test]
fn forms_of_secrets_go_from_every_text() {
    let body = "a1B2c3D4e5F6g7H8i9J0a1B2c3D4e5F6g7H8";
    let lease = format!("alk1.k1.{body}.{body}");
    for (given, wanted) in [
        (format!("use ghp_{body} now"), "use [removed] now".to_owned()),
        (format!("key=AKIA{}", "ABCDEFGH12345678"), "key=[removed]".to_owned()),
        (format!("?q%3D{lease}&x"), "?q%3D[removed]&x".to_owned()),
        (lease.to_uppercase(), REMOVED.to_owned()),
        (format!("alp1.k1.{body}.1"), REMOVED.to_owned()),
        ("https://user:hunter2@api.example.com/x".to_owned(), "https://[removed]@api.example.com/x".to_owned()),
        (format!("a -----BEGIN RSA {0}-----\n{body}\n-----END RSA {0}----- b", "PRIVATE KEY"), "a [removed] b".to_owned()),
        (format!("a -----BEGIN {}-----\n{body}", "PRIVATE KEY"), "a [removed]".to_owned()),
        ("-----BEGIN CERTIFICATE-----".to_owned(), "-----BEGIN CERTIFICATE-----".to_owned()),
        (
            "task-based sk-learn https://a.org/@b ghp_short".to_owned(),
            "task-based sk-learn https://a.org/@b ghp_short".to_owned(),
        ),
    ] {
        assert_eq!(copied(None, &json!({"t": given})), json!({"t": wanted}), "{given}");
        assert_eq!(copied(None, &json!({given.clone(): 1})), json!({wanted.clone(): 1}), "as the name of a member");
        assert_eq!(String::from_utf8(copy(&REDACTION, None, given.as_bytes())).unwrap(), wanted, "as plain text");
    }
}

#[test]
fn a_text_without_leases_is_left_as_it_is() {
    assert_eq!(without_leases(b"{\"a\":\"alk1.k1\"}"), None, "too short for one");
    assert_eq!(without_leases(b"\xff alk1.k1.AAAAAAAAAAAAAAAAAAAA \xff").unwrap(), b"\xff [removed] \xff");
}

proptest! {
    #[test]
    fn no_token_survives_in_any_text(
        before in "(?s)[^A-Za-z0-9]{0,3}.{0,40}[^A-Za-z0-9]",
        after in "(?s)([^A-Za-z0-9._-].{0,40})?",
    ) {
        let token = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0a1B2c3D4e5F6g7H8");
        let text = format!("{before}{token}{after}");
        for text in [text.clone(), Value::String(text.clone()).to_string(), json!({"a": [text]}).to_string()] {
            let copy = String::from_utf8(copy(&REDACTION, Some("t"), text.as_bytes())).unwrap();
            prop_assert!(!copy.contains(&token), "{copy}");
        }
    }
}
