//! Labels and flows, quotas, approvals.

use super::*;
use ir::{Approval, Flow, FlowVerdict, Rate};

pub(crate) const TOOLS: [(&str, Builtin); 3] = [
    ("airlock_usage_stats", Builtin::AirlockUsageStats),
    ("airlock_audit_tail", Builtin::AirlockAuditTail),
    ("airlock_exposure_report", Builtin::AirlockExposureReport),
];

pub(crate) const LABELS: [&str; 3] = ["reads:private", "ingests:web", "sends:out"];

pub(crate) fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

pub(crate) fn quota() -> impl Strategy<Value = Quota> {
    let rate = || prop::option::weighted(0.3, (1u32..4, 1u32..4).prop_map(|(calls, seconds)| Rate { calls, seconds }));
    (rate(), rate(), prop::option::weighted(0.3, 1u64..4)).prop_map(|(rate, session_rate, session_calls)| Quota {
        rate,
        session_rate,
        session_calls,
    })
}

pub(crate) fn flow() -> impl Strategy<Value = Flow> {
    let verdict = prop::sample::select(vec![FlowVerdict::Deny, FlowVerdict::Ask]);
    (prop::sample::subsequence(LABELS.to_vec(), 2..=3), verdict).prop_map(|(labels, verdict)| Flow {
        labels: strings(&labels),
        verdict,
        why: "x".into(),
    })
}

pub(crate) fn world() -> impl Strategy<Value = Policy> {
    let tool = |(name, builtin): (&'static str, Builtin)| {
        let labels = prop::sample::subsequence(LABELS.to_vec(), 0..=2);
        let approval = prop::option::weighted(0.1, Just(Approval::Human));
        (labels, prop_oneof![3 => Just(Quota::default()), 2 => quota()], approval).prop_map(move |(labels, quota, approval)| {
            Tool { labels: strings(&labels), quota, approval, ..tool_of(name, builtin) }
        })
    };
    let tools = TOOLS.map(tool);
    let flows = prop::collection::vec(flow(), 0..3);
    (tools, flows, prop_oneof![3 => Just(Quota::default()), 2 => quota()], 1usize..4).prop_map(|(tools, flows, quota, count)| {
        let names: Vec<&str> = TOOLS.iter().map(|(name, _)| *name).take(count).collect();
        let mut policy =
            policy(tools.into_iter().take(count).collect(), vec![grant_of("a", &names, &[]), grant_of("b", &names[..1], &[])]);
        policy.flows = flows;
        policy.limits.quota = quota;
        policy
    })
}
