//! The difference against every call of small worlds.

mod arguments;
mod fixed;
mod foreign;
mod large;
mod leases;
mod network;
mod origins;
mod sessions;
mod signatures;

use super::places::Classes;
use super::*;
use crate::builtin::ISSUE_TOOL;
use crate::ir::{
    ArgRule, ArgRules, Builtin, Durability, EffectClass, Egress, Evidence, Gateway, Grant, Issue, Key, Lease, Ledger, Limits,
    Policy, Quota, Tool, ToolKind,
};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::collections::BTreeMap;

/// Pairs of policies that a property looks at: `PROPTEST_CASES`, or a few thousand so that the suite stays quick.
fn runner(standard: u32) -> TestRunner {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(standard);
    TestRunner::new(ProptestConfig { failure_persistence: None, max_shrink_iters: 500, ..ProptestConfig::with_cases(cases) })
}

fn tool_of(name: &str, builtin: Builtin) -> Tool {
    Tool {
        name: name.to_owned(),
        kind: ToolKind::Builtin(builtin),
        effect: EffectClass::Read,
        risk_threshold: 2,
        base_risk: 0,
        ignored: Vec::new(),
        egress: Vec::new(),
        args: Vec::new(),
        origins: Vec::new(),
        trusted: false,
        strict: true,
        labels: Vec::new(),
        approval: None,
        signatures: None,
        quota: Quota::default(),
        timeout: 10,
        why: "x".into(),
    }
}

fn policy(tools: Vec<Tool>, grants: Vec<Grant>) -> Policy {
    Policy {
        upstreams: Vec::new(),
        airlock: 1,
        gateway: Gateway { name: "g".into(), instructions: String::new() },
        keys: vec![Key { kid: "k1".into(), commitment: None }],
        lease: Lease { default_ttl: 1, max_ttl: 3, carrier_meta: true, carrier_arguments: false },
        ledger: Ledger {
            dir_env: None,
            dir_default: "l".into(),
            durability: Durability::Power,
            evidence: Evidence::Hashes,
            redact: Vec::new(),
            keep_evidence: None,
        },
        limits: Limits {
            max_arguments: 1000,
            in_flight: 1,
            timeout: 10,
            approval_timeout: 10,
            step_ups: None,
            quota: Quota::default(),
        },
        approvers: Vec::new(),
        tools,
        flows: Vec::new(),
        grants,
        requires: Vec::new(),
    }
}

fn grant_of(subject: &str, tools: &[&str], domains: &[&str]) -> Grant {
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Grant {
        subject: subject.into(),
        tools: list(tools),
        issue: Issue::Operator,
        domains: list(domains),
        max_ttl: 3,
        max_risk: 3,
        uses: 3,
        why: "x".into(),
    }
}

fn any_grant(tools: &'static [&'static str], domains: &'static [&'static str]) -> impl Strategy<Value = Grant> {
    (
        prop::sample::select(vec!["a", "b"]),
        prop::sample::subsequence(tools.to_vec(), 1..=tools.len()),
        prop::sample::select(vec![Issue::Operator, Issue::SelfService, Issue::Human]),
        prop::sample::subsequence(domains.to_vec(), 0..=domains.len()),
        1u64..4,
        0u16..4,
        1u64..4,
    )
        .prop_map(|(subject, tools, issue, domains, max_ttl, max_risk, uses)| Grant {
            issue,
            max_ttl,
            max_risk,
            uses,
            ..grant_of(subject, &tools, &domains)
        })
}

fn bound(kind: fn(i64) -> ArgRule, range: std::ops::Range<i64>) -> impl Strategy<Value = Option<ArgRule>> {
    prop::option::of(range.prop_map(kind))
}

fn texts(values: &'static [&'static str], ends: &'static [&'static str]) -> impl Strategy<Value = Vec<ArgRule>> {
    let word = |list: &'static [&'static str]| prop::option::weighted(0.4, prop::sample::select(list.to_vec()));
    let listed = prop::option::weighted(0.2, prop::sample::subsequence(values.to_vec(), 1..=values.len().min(4)));
    (listed, word(values), word(ends), prop::option::weighted(0.2, 0u64..4), prop::option::weighted(0.2, 0u64..30)).prop_map(
        |(one_of, prefix, suffix, least, most)| {
            let strings = |list: Vec<&str>| ArgRule::OneOf(list.into_iter().map(str::to_owned).collect());
            let affixes = [prefix.map(|text| ArgRule::Prefix(text.into())), suffix.map(|text| ArgRule::Suffix(text.into()))];
            let lengths = [least.map(ArgRule::MinLength), most.map(ArgRule::MaxLength)];
            one_of.map(strings).into_iter().chain(affixes.into_iter().flatten()).chain(lengths.into_iter().flatten()).collect()
        },
    )
}

fn ruled(rules: Vec<(&str, Vec<ArgRule>)>) -> Vec<ArgRules> {
    let full = rules.into_iter().filter(|(_, rules)| !rules.is_empty());
    full.map(|(arg, rules)| ArgRules { arg: arg.into(), rules }).collect()
}

/// A call of the smallest lease, signed with a key that nobody pins.
fn plain(subject: &str, tool: &str) -> Case {
    let key = SigningKey { kid: "k1".into(), commitment: "00000000000000aa".into() };
    Case { key, ..Case::of(subject, tool) }
}

fn points(points: u16) -> BTreeMap<String, u16> {
    if points == 0 { BTreeMap::new() } else { BTreeMap::from([("role_play".to_owned(), points)]) }
}

/// Every combination of some changes.
fn spread<T>(cases: Vec<Case>, values: &[T], change: impl Fn(&mut Case, &T)) -> Vec<Case> {
    let mut all = Vec::with_capacity(cases.len() * values.len());
    for case in cases {
        for value in values {
            let mut case = case.clone();
            change(&mut case, value);
            all.push(case);
        }
    }
    all
}

/// The difference against every call of a small world: each widening is in a row about its subject and tool, and each gained or
/// lost row has a call that the evaluator confirms. Together: the two agree.
fn agrees(old: &Policy, new: &Policy, cases: &[Case]) -> Result<(), TestCaseError> {
    let difference = diff(old, new);
    let judges = [Judge::of(old), Judge::of(new)];
    for row in &difference.rows {
        let confirmed = row.witness.as_ref().map(|case| judges[1].verdict(case).cmp(&judges[0].verdict(case)));
        let expected = match row.status {
            Status::Gained => Some(std::cmp::Ordering::Greater),
            Status::Lost => Some(std::cmp::Ordering::Less),
            Status::Unchanged => None,
        };
        prop_assert_eq!(confirmed, expected, "{:?}", row);
    }
    for case in cases {
        let status = match judges[1].verdict(case).cmp(&judges[0].verdict(case)) {
            std::cmp::Ordering::Greater => Status::Gained,
            std::cmp::Ordering::Less => Status::Lost,
            std::cmp::Ordering::Equal => continue,
        };
        if same_before(&judges, case) {
            told(old, new, &difference, case, status)?;
        }
    }
    Ok(())
}

/// Whether both policies let the calls before it through; otherwise the rows about those calls tell enough.
fn same_before(judges: &[Judge<'_>; 2], case: &Case) -> bool {
    let before = case.earlier.iter().enumerate().map(|(at, past)| {
        let time = match past.when {
            When::At(time) => time,
            When::Apart => 0,
        };
        Case { at: time, earlier: case.earlier[..at].to_vec(), ..past.call.clone() }
    });
    before.into_iter().all(|case| judges.iter().all(|judge| judge.verdict(&case) > Verdict::Deny))
}

/// Some row tells of the change, and none calls it unchanged.
fn told(old: &Policy, new: &Policy, difference: &Difference, case: &Case, status: Status) -> Result<(), TestCaseError> {
    let everywhere = |row: &Row| row.subject == "*" || row.tool == ISSUE_TOOL;
    let speaks = |row: &Row| {
        (row.subject == case.subject || row.subject == "*")
            && (row.tool == case.tool || row.tool == "*" || row.tool == ISSUE_TOOL)
    };
    prop_assert!(
        difference.rows.iter().any(|row| row.status == status && speaks(row)),
        "{:?} {:?} {:#?}",
        status,
        case,
        difference
    );
    if difference.rows.iter().any(|row| row.status == status && everywhere(row)) {
        return Ok(());
    }
    let tools: Vec<&Tool> = [new, old].iter().flat_map(|policy| &policy.tools).filter(|tool| tool.name == case.tool).collect();
    let classes = Classes::of([old, new], &tools);
    let place = |target: &Target| format!("{}:{}", crate::host::written(&classes.class(&target.host)), target.port);
    let places: Vec<String> = case.targets.iter().map(place).collect();
    for same in difference.rows.iter().filter(|row| row.status == Status::Unchanged && speaks(row)) {
        let here = same.places.iter().any(|known| places.iter().any(|place| known == place));
        prop_assert!(!here && !places.is_empty(), "called unchanged: {:?} {:?}", case, same);
    }
    Ok(())
}

/// Two policies of which the second is often the first with a few parts changed, so that small differences are met.
fn pair(policy: impl Strategy<Value = Policy> + Clone) -> impl Strategy<Value = (Policy, Policy)> {
    (policy.clone(), policy, any::<[bool; 4]>()).prop_map(|(old, mut new, [keys, lease, tools, grants])| {
        if keys {
            new.keys.clone_from(&old.keys);
        }
        if lease {
            new.lease = old.lease.clone();
            new.limits = old.limits.clone();
            new.flows.clone_from(&old.flows);
        }
        if tools {
            new.tools.clone_from(&old.tools);
        }
        if grants {
            new.grants.clone_from(&old.grants);
        }
        (old, new)
    })
}

/// Runs a property over pairs of policies of a world.
fn holds(standard: u32, world: impl Strategy<Value = Policy> + 'static, cases: &[Case]) {
    let strategy = pair(std::rc::Rc::new(world.boxed()));
    runner(standard).run(&strategy, |(old, new)| agrees(&old, &new, cases)).unwrap();
}

fn gains(old: &Policy, new: &Policy) -> Vec<Row> {
    agrees(old, new, &[]).unwrap();
    diff(old, new).rows.into_iter().filter(|row| row.status == Status::Gained).collect()
}
