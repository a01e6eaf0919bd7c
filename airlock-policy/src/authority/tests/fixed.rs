//! Single differences that were once missed or are easily missed, and the queries.

use super::*;
use crate::ir::{Approval, Gateway, IgnoredFactor, Mode, Part, Sandbox};

fn audit(args: Vec<ArgRules>) -> Tool {
    Tool { args, ..tool_of("airlock_audit_tail", Builtin::AirlockAuditTail) }
}

#[test]
fn a_longer_life_by_asking_is_a_gain() {
    let with = |most| {
        let args = ruled(vec![("ttl_seconds", vec![ArgRule::Max(most)])]);
        let issue = Tool { args, ..tool_of(ISSUE_TOOL, Builtin::AirlockIssueCapability) };
        let grant = Grant { issue: Issue::SelfService, ..grant_of("a", &["airlock_audit_tail"], &[]) };
        policy(vec![issue, audit(Vec::new())], vec![grant])
    };
    let rows = gains(&with(1), &with(3));
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0].dimension, Dimension::Ttl);
    assert!(rows[0].witness.as_ref().is_some_and(|case| case.issue.is_some() && case.ttl == 3));
    assert_eq!(gains(&with(3), &with(1)), []);
}

#[test]
fn who_must_agree_to_a_lease_is_compared() {
    let with = |issue, approval| {
        let tool = Tool { approval, ..tool_of(ISSUE_TOOL, Builtin::AirlockIssueCapability) };
        policy(vec![tool, audit(Vec::new())], vec![Grant { issue, ..grant_of("a", &["airlock_audit_tail"], &[]) }])
    };
    let kinds = |old: &Policy, new: &Policy| -> Vec<Dimension> { gains(old, new).into_iter().map(|row| row.dimension).collect() };
    let (operator, human, own) = (with(Issue::Operator, None), with(Issue::Human, None), with(Issue::SelfService, None));
    assert_eq!(kinds(&operator, &human), [Dimension::SelfIssue]);
    assert_eq!(kinds(&human, &own), [Dimension::Consent]);
    assert_eq!(kinds(&own, &human), []);
    // A person who approves the issuing call is asked as well.
    let asked = with(Issue::SelfService, Some(Approval::Human));
    assert_eq!(kinds(&human, &asked), []);
    assert_eq!(kinds(&asked, &own), [Dimension::Consent]);
}

#[test]
fn an_ignored_factor_is_a_gain_of_what_it_hides() {
    let with = |ignored: &[&str]| {
        let ignored = ignored.iter().map(|factor| IgnoredFactor { factor: (*factor).into(), why: "x".into() }).collect();
        let tool = Tool { ignored, risk_threshold: 550, ..audit(Vec::new()) };
        policy(vec![tool], vec![Grant { max_risk: 550, ..grant_of("a", &["airlock_audit_tail"], &[]) }])
    };
    let rows = gains(&with(&[]), &with(&["deep_nesting"]));
    assert_eq!((rows.len(), &rows[0].dimension), (1, &Dimension::Risk));
    let risk = rows[0].witness.as_ref().map(|case| case.risk.clone()).unwrap_or_default();
    assert_eq!((risk.get("deep_nesting"), risk.values().sum::<u16>()), (Some(&150), 150 + 549));
    assert!(rows[0].new.ends_with("not counting deep_nesting"), "{}", rows[0].new);
    assert_eq!(gains(&with(&["deep_nesting"]), &with(&[])), []);
}

#[test]
fn larger_arguments_count_only_where_a_tool_takes_them() {
    let sized = |policy: Policy, most| Policy { limits: Limits { max_arguments: most, ..policy.limits.clone() }, ..policy };
    let small = || policy(vec![audit(Vec::new())], vec![grant_of("a", &["airlock_audit_tail"], &[])]);
    assert_eq!(gains(&sized(small(), 1024), &sized(small(), 4096)), []);
    let input =
        crate::ir::Input { name: "x".into(), kind: crate::ir::InputKind::String, required: true, description: String::new() };
    let tool = || super::worlds::rest::rest_tool("post", super::worlds::rest::rest_of(vec![input.clone()]));
    let large = |most| sized(policy(vec![tool()], vec![grant_of("a", &["post"], &["p.x.com"])]), most);
    let rows = gains(&large(1024), &large(4096));
    assert_eq!((rows.len(), &rows[0].dimension), (1, &Dimension::ArgumentBytes));
    assert_eq!(gains(&large(1024 * 1024), &large(2 * 1024 * 1024)), []);
    // What a tool ignores can be of any size.
    let loose = |most| {
        let tool = Tool { strict: false, ..tool() };
        sized(policy(vec![tool], vec![grant_of("a", &["post"], &["p.x.com"])]), most)
    };
    assert_eq!(gains(&loose(1024 * 1024), &loose(2 * 1024 * 1024)).len(), 1);
}

#[test]
fn queries_find_who_reaches_what() {
    let tools = vec![audit(Vec::new()), tool_of("airlock_usage_stats", Builtin::AirlockUsageStats)];
    let narrow = Grant { max_ttl: 1, ..grant_of("a", &["airlock_audit_tail"], &[]) };
    let wide = grant_of("a", &["airlock_audit_tail", "airlock_usage_stats"], &[]);
    let other = grant_of("b", &["airlock_audit_tail"], &[]);
    let policy = policy(tools, vec![narrow, wide, other]);
    let case = reaches(&policy, "b", "airlock_audit_tail").unwrap();
    assert_eq!(verdict(&policy, &Case { key: plain("b", "").key, ..case }), Verdict::Allow);
    assert_eq!(reaches(&policy, "b", "airlock_usage_stats"), None);
    assert_eq!(reaches(&policy, "a", ISSUE_TOOL), None);
    assert_eq!(grants_for(&policy, "a", "airlock_audit_tail"), [0, 1]);
    assert_eq!((0..3).map(|at| shadowed_by(&policy, at)).collect::<Vec<_>>(), [Some(1), None, None]);
    // No key, no call.
    assert!(reaches(&Policy { keys: Vec::new(), ..policy }, "b", "airlock_audit_tail").is_some());
}

#[test]
fn rules_about_tools_of_a_lease_and_the_query_are_compared() {
    let with = |rules: Vec<ArgRule>| {
        let issue = Tool { args: ruled(vec![("tools", rules)]), ..tool_of(ISSUE_TOOL, Builtin::AirlockIssueCapability) };
        policy(
            vec![issue, audit(Vec::new())],
            vec![Grant { issue: Issue::SelfService, ..grant_of("a", &["airlock_audit_tail"], &[]) }],
        )
    };
    let other = vec![ArgRule::OneOf(vec!["airlock_usage_stats".into()])];
    let rows = gains(&with(other), &with(Vec::new()));
    assert_eq!((rows.len(), &rows[0].dimension), (1, &Dimension::SelfIssue));
    let host = super::super::places::entry("q.net");
    let http = |rules: Vec<ArgRule>| {
        let egress = vec![Egress { host: host.clone(), ports: vec![443], stand_in: None, why: "x".into() }];
        let tool = Tool { egress, args: ruled(vec![("query", rules)]), ..tool_of("http_get_json", Builtin::HttpGetJson) };
        policy(vec![tool], vec![grant_of("a", &["http_get_json"], &["q.net"])])
    };
    let rows = gains(&http(vec![ArgRule::Forbid]), &http(Vec::new()));
    assert_eq!((rows.len(), &rows[0].dimension), (1, &Dimension::Argument("query".into())));
}

/// Shadow mode changes no decision, and what is done with one.
#[test]
fn shadow_mode_widens() {
    let enforce = policy(vec![audit(Vec::new())], vec![grant_of("a", &["airlock_audit_tail"], &[])]);
    let shadow = Policy { gateway: Gateway { mode: Mode::Shadow, ..enforce.gateway.clone() }, ..enforce.clone() };
    let changed = |old: &Policy, new: &Policy| {
        let all = diff(old, new);
        let rows = all.rows.iter().filter(|row| row.dimension == Dimension::Mode && row.status != Status::Unchanged);
        (all.widens(), rows.map(|row| (row.status, row.new.clone())).collect::<Vec<_>>())
    };
    let made = "recorded, and made all the same at an upstream".to_owned();
    assert_eq!(changed(&enforce, &shadow), (true, vec![(Status::Gained, made)]));
    assert_eq!(changed(&shadow, &enforce), (false, vec![(Status::Lost, "refused".to_owned())]));
    assert_eq!(changed(&shadow, &shadow), (false, Vec::new()));
}

/// What a policy lets be missing is an authority of whoever takes the gateway over, so it is no note.
#[test]
fn a_part_that_may_be_missing_widens() {
    let whole = policy(vec![audit(Vec::new())], vec![grant_of("a", &["airlock_audit_tail"], &[])]);
    let with = |allow_missing: &[Part], unconfined| Policy {
        sandbox: Sandbox { allow_missing: allow_missing.to_vec(), unconfined, why: "x".into() },
        ..whole.clone()
    };
    let changed = |old: &Policy, new: &Policy| {
        let all = diff(old, new);
        let rows = all.rows.iter().filter(|row| row.dimension == Dimension::Confinement && row.status != Status::Unchanged);
        (all.widens(), rows.map(|row| (row.status, row.new.clone())).collect::<Vec<_>>())
    };
    let landlock = with(&[Part::Landlock], false);
    let gained = vec![(Status::Gained, "starts without landlock".to_owned())];
    assert_eq!(changed(&whole, &landlock), (true, gained));
    assert_eq!(changed(&landlock, &landlock), (false, vec![]));
    let lost = vec![(Status::Lost, "does not start without landlock".to_owned())];
    assert_eq!(changed(&landlock, &whole), (false, lost));
    let (widens, rows) = changed(&landlock, &with(&[Part::Seccomp], true));
    assert!(widens && rows.len() == 3, "{rows:?}");
}

/// What an upstream may ask of the client, and tell it, is an authority of whoever wrote the upstream.
#[test]
fn what_an_upstream_may_ask_and_say_widens() {
    use super::worlds::foreign::{proxied, world_of};
    use crate::ir::{Level, OnRisk, Question};
    let with = |may_ask: &[Question], log| {
        let mut policy = world_of(0, proxied(0, 1000, OnRisk::Deny, 1), true, Vec::new());
        policy.upstreams[0].may_ask = may_ask.to_vec();
        policy.upstreams[0].log = log;
        policy
    };
    let changed = |old: &Policy, new: &Policy| {
        let all = diff(old, new);
        let rows = all.rows.iter().filter(|row| row.dimension == Dimension::Questions && row.status != Status::Unchanged);
        let rows: Vec<String> = rows.map(|row| format!("{:?}: {} → {}", row.status, row.old, row.new)).collect();
        (all.widens(), rows)
    };
    let (none, one) = (with(&[], None), with(&[Question::Elicitation], None));
    let both = with(&[Question::Elicitation, Question::Sampling], None);
    assert_eq!(changed(&none, &one), (true, vec!["Gained: refused, u → elicitation, u".to_owned()]));
    assert_eq!(changed(&one, &both), (true, vec!["Gained: refused, u → sampling, u".to_owned()]));
    assert!(!changed(&both, &one).0);
    assert_eq!(changed(&one, &one), (false, Vec::new()));
    let mut leads = one.clone();
    leads.upstreams[0].ask_hosts = vec!["a.org".to_owned()];
    assert_eq!(changed(&one, &leads), (true, vec!["Gained: nowhere, u → the user to a.org, u".to_owned()]));
    assert!(!changed(&leads, &one).0);
    let mut tells = none.clone();
    tells.upstreams[0].may_tell = vec![crate::ir::Listed::Tools];
    assert_eq!(changed(&none, &tells), (true, vec!["Gained: nothing told, u → changes of tools told, u".to_owned()]));
    assert!(!changed(&tells, &none).0);
    let (grave, all) = (with(&[], Some(Level::Error)), with(&[], Some(Level::Debug)));
    assert_eq!(changed(&none, &grave), (true, vec!["Gained: no log messages, u → log messages from error on, u".to_owned()]));
    assert!(changed(&grave, &all).0);
    assert!(!changed(&all, &grave).0);
    assert!(!changed(&all, &none).0);
}
