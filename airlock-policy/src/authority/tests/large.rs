//! Policies of the size that people may write, and at the limits of the language: compared without giving up, and exactly.

use super::worlds::rest::{rest_of, rest_tool};
use super::*;
use crate::ir::{HostRule, Input, InputKind};

/// Tools with two inputs of two rules each, and a grant for every ten.
fn many(count: usize) -> Policy {
    let input = |name: &str| Input { name: name.into(), kind: InputKind::String, required: true, description: String::new() };
    let tool = |at: usize| {
        let rules = |arg: &str| vec![ArgRule::MaxLength(200), ArgRule::Matches(format!("{arg}{at}-[a-z0-9]{{1,20}}"))];
        let args = ruled(vec![("x", rules("x")), ("y", rules("y"))]);
        Tool { args, ..rest_tool(&format!("tool{at}"), rest_of(vec![input("x"), input("y")])) }
    };
    let names: Vec<String> = (0..count).map(|at| format!("tool{at}")).collect();
    let grant = |(at, names): (usize, &[String])| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        grant_of(&format!("agent{at}"), &names, &["p.x.com"])
    };
    let grants = names.chunks(10).enumerate().map(grant).collect();
    policy((0..count).map(tool).collect(), grants)
}

#[test]
fn one_rule_of_two_thousand_is_found() {
    let old = many(500);
    let mut new = old.clone();
    new.tools[321].args[1].rules[1] = ArgRule::Matches("y321-[a-z0-9_]{1,20}".into());
    let rows = diff(&old, &new).rows;
    let changed: Vec<&Row> = rows.iter().filter(|row| row.status != Status::Unchanged).collect();
    assert_eq!((changed.len(), changed[0].tool.as_str(), rows.len()), (1, "tool321", 500));
    assert!(changed[0].witness.as_ref().is_some_and(|case| case.args["y"] == Value::Text("y321-_".into())));
    // Every rule of every tool another one.
    for tool in &mut new.tools {
        for rules in &mut tool.args {
            rules.rules[0] = ArgRule::MaxLength(15);
        }
    }
    let rows = diff(&new, &old).rows;
    assert_eq!(rows.iter().filter(|row| row.status == Status::Gained && row.witness.is_some()).count(), 1000);
}

#[test]
fn a_policy_at_the_limits_is_compared() {
    let with = |last: u16| {
        let ports: Vec<u16> = (0..15).map(|port| 9000 + port).chain([last]).collect();
        let entry = |at: usize| Egress {
            host: HostRule::OneLabel(format!("x{at}.com")),
            ports: ports.clone(),
            stand_in: None,
            why: "x".into(),
        };
        let mut egress: Vec<Egress> = (0..32).map(entry).collect();
        egress.sort_by(|a, b| a.host.cmp(&b.host));
        let rules = vec![ArgRule::MaxLength(2000), ArgRule::Matches("https://.*/v1/.*".into())];
        let http = Tool { egress, args: ruled(vec![("url", rules)]), ..tool_of("http_get_json", Builtin::HttpGetJson) };
        let domains: Vec<String> = (0..32).map(|at| format!("*.x{at}.com")).collect();
        let domains: Vec<&str> = domains.iter().map(String::as_str).collect();
        let grants = (0..256).map(|at| grant_of(&format!("agent{at}"), &["http_get_json"], &domains)).collect();
        policy(vec![http], grants)
    };
    let difference = diff(&with(9100), &with(9200));
    // For each subject: a port gained at 32 places, one lost, fifteen as before.
    assert_eq!([Status::Gained, Status::Lost, Status::Unchanged].map(|status| difference.count(status)), [256, 256, 256]);
    assert!(difference.rows.iter().all(|row| row.places.len() == if row.status == Status::Unchanged { 480 } else { 32 }));
    assert!(difference.rows.iter().all(|row| row.witness.is_some() || row.status == Status::Unchanged));
}
