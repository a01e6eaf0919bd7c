//! Policies that differ in everything about leases: keys, carriers, limits, how they are issued, which risk counts.

use super::worlds::leases::world;
use super::*;

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for subject in ["a", "b"] {
        cases.push(plain(subject, "airlock_usage_stats"));
        let audit = plain(subject, "airlock_audit_tail");
        cases.extend(spread(vec![audit], &[None, Some(1), Some(3)], |case, limit| {
            case.args.extend(limit.map(|limit| ("limit".to_owned(), Value::Integer(limit))));
        }));
    }
    let cases = spread(cases, &[1, 3], |case, ttl| case.ttl = *ttl);
    let cases = spread(cases, &[1, 3], |case, uses| case.uses = *uses);
    let cases = spread(
        cases,
        &[points(0), points(2), BTreeMap::from([("tool_abuse".into(), 1), ("deep_nesting".into(), 9)])],
        |case, risk| {
            case.risk.clone_from(risk);
        },
    );
    let call = |session: &str, risk| Some(IssueCall { session_id: session.into(), intent: "i".into(), risk: points(risk) });
    let mut cases = spread(cases, &[None, call("s", 0), call("st", 1)], |case, issue| case.issue.clone_from(issue));
    // Keys and carriers matter alike for all calls, so some have to do.
    let signers =
        [("k1", "00000000000000aa"), ("k1", "00000000000000bb"), ("k1", "00000000000000cc"), ("k2", "00000000000000aa")];
    let doors: Vec<_> =
        signers.iter().flat_map(|key| [(key, Carrier::Meta), (key, Carrier::Arguments), (key, Carrier::Ambient)]).collect();
    for (at, case) in cases.iter_mut().enumerate() {
        let ((kid, commitment), carrier) = doors[at % doors.len()];
        case.key = SigningKey { kid: (*kid).into(), commitment: (*commitment).into() };
        case.carrier = carrier;
    }
    cases
}

#[test]
fn the_difference_of_leases_agrees_with_all_calls() {
    holds(1_500, world(), &cases());
}

#[test]
fn a_request_without_a_life_comes_under_the_first_grant_that_covers_it() {
    // Nobody may ask for more than a second, and who asks for nothing gets three.
    let with = |second: Option<Grant>| {
        let args = ruled(vec![("ttl_seconds", vec![ArgRule::Max(1)])]);
        let issue = Tool { args, ..tool_of(ISSUE_TOOL, Builtin::AirlockIssueCapability) };
        let stats = tool_of("airlock_usage_stats", Builtin::AirlockUsageStats);
        let first = Grant { issue: Issue::SelfService, max_ttl: 1, ..grant_of("a", &["airlock_usage_stats"], &[]) };
        let mut policy = policy(vec![stats, issue], [first].into_iter().chain(second).collect());
        policy.lease.default_ttl = 3;
        policy
    };
    let longer = || Grant { issue: Issue::SelfService, ..grant_of("a", &["airlock_usage_stats"], &[]) };
    let by_itself = |second: Grant| {
        let rows = gains(&with(None), &with(Some(second)));
        rows.iter().filter(|row| row.dimension == Dimension::Ttl && row.new.contains("by itself")).count()
    };
    assert_eq!(by_itself(longer()), 0, "the first grant covers whatever is asked for");
    assert_eq!(by_itself(Grant { uses: 4, ..longer() }), 1, "it does not cover four calls");
    assert_eq!(by_itself(Grant { issue: Issue::Human, ..longer() }), 0);
}
