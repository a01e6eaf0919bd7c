//! Keys, carriers, limits, how leases are issued, which risk counts.

use super::*;
use ir::{Approval, IgnoredFactor};

pub(crate) fn key() -> impl Strategy<Value = Key> {
    let pin = prop::sample::select(vec![None, Some("00000000000000aa"), Some("00000000000000bb")]);
    (prop::sample::select(vec!["k1", "k2"]), pin)
        .prop_map(|(kid, pin)| Key { kid: kid.into(), commitment: pin.map(str::to_owned) })
}

pub(crate) fn keys() -> impl Strategy<Value = Vec<Key>> {
    prop::collection::vec(key(), 1..3).prop_map(|mut keys| {
        keys.sort_by(|a, b| a.kid.cmp(&b.kid));
        keys.dedup_by(|a, b| a.kid == b.kid);
        keys
    })
}

pub(crate) fn audit() -> impl Strategy<Value = Tool> {
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

pub(crate) fn issue() -> impl Strategy<Value = Tool> {
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

pub(crate) fn world() -> impl Strategy<Value = Policy> {
    let stats = Just(tool_of("airlock_usage_stats", Builtin::AirlockUsageStats));
    let tools = (prop::option::weighted(0.8, audit()), prop::option::weighted(0.3, stats), prop::option::weighted(0.7, issue()))
        .prop_map(|(audit, stats, issue)| [audit, stats, issue].into_iter().flatten().collect::<Vec<_>>());
    let grants = prop::collection::vec(any_grant(&["airlock_audit_tail", "airlock_usage_stats"], &[]), 1..4);
    let carriers = prop::sample::select(vec![
        (true, false, false),
        (false, true, false),
        (true, true, false),
        (true, false, true),
        (false, false, true),
    ]);
    (keys(), carriers, 1u64..4, tools, grants).prop_map(
        |(keys, (carrier_meta, carrier_arguments, carrier_ambient), default_ttl, tools, grants)| Policy {
            keys,
            lease: Lease { default_ttl, max_ttl: 3, carrier_meta, carrier_arguments, carrier_ambient },
            ..policy(tools, grants)
        },
    )
}
