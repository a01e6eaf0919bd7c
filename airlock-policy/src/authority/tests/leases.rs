//! Policies that differ in everything about leases: keys, carriers, limits, how they are issued, which risk counts.

use super::*;
use crate::ir::{Approval, IgnoredFactor};

fn key() -> impl Strategy<Value = Key> {
    let pin = prop::sample::select(vec![None, Some("00000000000000aa"), Some("00000000000000bb")]);
    (prop::sample::select(vec!["k1", "k2"]), pin)
        .prop_map(|(kid, pin)| Key { kid: kid.into(), commitment: pin.map(str::to_owned) })
}

fn keys() -> impl Strategy<Value = Vec<Key>> {
    prop::collection::vec(key(), 1..3).prop_map(|mut keys| {
        keys.sort_by(|a, b| a.kid.cmp(&b.kid));
        keys.dedup_by(|a, b| a.kid == b.kid);
        keys
    })
}

fn audit() -> impl Strategy<Value = Tool> {
    let ignored = prop::sample::subsequence(vec!["deep_nesting", "role_play"], 0..=2);
    let approval = prop::option::weighted(0.2, Just(Approval::Human));
    (1u16..4, 0u16..2, bound(ArgRule::Min, 1..4), bound(ArgRule::Max, 1..4), ignored, approval).prop_map(
        |(threshold, base, min, max, ignored, approval)| Tool {
            risk_threshold: threshold,
            base_risk: base,
            args: ruled(vec![("limit", min.into_iter().chain(max).collect())]),
            ignored: ignored.into_iter().map(|factor| IgnoredFactor { factor: factor.into(), why: "x".into() }).collect(),
            approval,
            ..tool_of("airlock_audit_tail", Builtin::AirlockAuditTail)
        },
    )
}

fn issue() -> impl Strategy<Value = Tool> {
    let names = texts(&["s", "st", "t"], &["s", "t"]);
    let subject = texts(&["a", "b"], &["a"]);
    let approval = prop::option::weighted(0.2, Just(Approval::Human));
    let named = prop::option::weighted(0.2, prop::sample::select(vec!["airlock_audit_tail", "airlock_usage_stats"]));
    (1u16..4, 0u16..2, (names, named), subject, bound(ArgRule::Min, 1..4), bound(ArgRule::Max, 1..4), approval).prop_map(
        |(threshold, base, (session, named), subject, min, max, approval)| Tool {
            risk_threshold: threshold,
            base_risk: base,
            args: ruled(vec![
                ("session_id", session),
                ("tools", named.map(|name| ArgRule::OneOf(vec![name.into()])).into_iter().collect()),
                ("subject", subject),
                ("ttl_seconds", min.into_iter().chain(max).collect()),
            ]),
            approval,
            ..tool_of(ISSUE_TOOL, Builtin::AirlockIssueCapability)
        },
    )
}

fn world() -> impl Strategy<Value = Policy> {
    let stats = Just(tool_of("airlock_usage_stats", Builtin::AirlockUsageStats));
    let tools = (prop::option::weighted(0.8, audit()), prop::option::weighted(0.3, stats), prop::option::weighted(0.7, issue()))
        .prop_map(|(audit, stats, issue)| [audit, stats, issue].into_iter().flatten().collect::<Vec<_>>());
    let grants = prop::collection::vec(any_grant(&["airlock_audit_tail", "airlock_usage_stats"], &[]), 1..4);
    let carriers = prop::sample::select(vec![(true, false), (false, true), (true, true)]);
    (keys(), carriers, 1u64..4, tools, grants).prop_map(
        |(keys, (carrier_meta, carrier_arguments), default_ttl, tools, grants)| Policy {
            keys,
            lease: Lease { default_ttl, max_ttl: 3, carrier_meta, carrier_arguments },
            ..policy(tools, grants)
        },
    )
}

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
    let doors: Vec<_> = signers.iter().flat_map(|key| [(key, Carrier::Meta), (key, Carrier::Arguments)]).collect();
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
