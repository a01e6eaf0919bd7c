//! The difference against every call of small worlds.

mod arguments;
mod confine;
mod fixed;
mod foreign;
mod large;
mod leases;
mod network;
mod origins;
mod sessions;
mod signatures;
mod worlds;

use super::places::Classes;
use super::*;
use crate::ir::{ArgRule, ArgRules, Builtin, Egress, Grant, Issue, Limits, Policy, Quota, Tool, ToolKind};
use crate::{definitions, digest, ir};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::collections::BTreeMap;
use worlds::*;

/// Pairs of policies that a property looks at: `PROPTEST_CASES`, or a few thousand so that the suite stays quick.
fn runner(standard: u32) -> TestRunner {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(standard);
    TestRunner::new(ProptestConfig { failure_persistence: None, max_shrink_iters: 500, ..ProptestConfig::with_cases(cases) })
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

/// Runs a property over pairs of policies of a world.
fn holds(standard: u32, world: impl Strategy<Value = Policy> + 'static, cases: &[Case]) {
    let strategy = pair(shared(world));
    runner(standard).run(&strategy, |(old, new)| agrees(&old, &new, cases)).unwrap();
}

fn gains(old: &Policy, new: &Policy) -> Vec<Row> {
    agrees(old, new, &[]).unwrap();
    diff(old, new).rows.into_iter().filter(|row| row.status == Status::Gained).collect()
}
