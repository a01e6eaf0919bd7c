//! Small policies at random, for properties of everything that reads a policy. The command line holds the gateway's decision to them too,
//! so this is written in terms of what the module around it brings: `definitions`, `digest` and `ir` of the compiler.

pub(crate) mod foreign;
pub(crate) mod leases;
pub(crate) mod network;
pub(crate) mod origins;
pub(crate) mod rest;
pub(crate) mod sessions;

use super::{definitions, digest, ir};
use ir::{
    ArgRule, ArgRules, Builtin, Durability, EffectClass, Egress, Evidence, Gateway, Grant, HostRule, Issue, Key, Lease, Ledger,
    Limits, Policy, Quota, Sandbox, Tool, ToolKind,
};
use proptest::prelude::*;

/// The tool that issues leases.
pub(crate) const ISSUE_TOOL: &str = "airlock_issue_capability";

/// A host as manifests write it.
pub(crate) fn rule(text: &str) -> HostRule {
    match (text, text.strip_prefix("*.")) {
        ("*", _) => HostRule::AnyPublic,
        (_, Some(parent)) => HostRule::OneLabel(parent.to_owned()),
        (_, None) => HostRule::Exact(text.to_owned()),
    }
}

pub(crate) fn tool_of(name: &str, builtin: Builtin) -> Tool {
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
        result: ir::Form::Json,
        strict: true,
        labels: Vec::new(),
        approval: None,
        signatures: None,
        quota: Quota::default(),
        timeout: 10,
        why: "x".into(),
    }
}

pub(crate) fn policy(tools: Vec<Tool>, grants: Vec<Grant>) -> Policy {
    Policy {
        upstreams: Vec::new(),
        airlock: 1,
        gateway: Gateway { name: "g".into(), instructions: String::new(), mode: ir::Mode::Enforce },
        keys: vec![Key { kid: "k1".into(), commitment: None }],
        lease: Lease { default_ttl: 1, max_ttl: 3, carrier_meta: true, carrier_arguments: false, carrier_ambient: false },
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
        sandbox: Sandbox::default(),
        approvers: Vec::new(),
        tools,
        flows: Vec::new(),
        grants,
        requires: Vec::new(),
    }
}

pub(crate) fn grant_of(subject: &str, tools: &[&str], domains: &[&str]) -> Grant {
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

pub(crate) fn any_grant(tools: &'static [&'static str], domains: &'static [&'static str]) -> impl Strategy<Value = Grant> {
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

pub(crate) fn bound(kind: fn(i64) -> ArgRule, range: std::ops::Range<i64>) -> impl Strategy<Value = Option<ArgRule>> {
    prop::option::of(range.prop_map(kind))
}

pub(crate) fn texts(values: &'static [&'static str], ends: &'static [&'static str]) -> impl Strategy<Value = Vec<ArgRule>> {
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

pub(crate) fn ruled(rules: Vec<(&str, Vec<ArgRule>)>) -> Vec<ArgRules> {
    let full = rules.into_iter().filter(|(_, rules)| !rules.is_empty());
    full.map(|(arg, rules)| ArgRules { arg: arg.into(), rules }).collect()
}

/// Two policies of which the second is often the first with a few parts changed, so that small differences are met.
pub(crate) fn pair(policy: impl Strategy<Value = Policy> + Clone) -> impl Strategy<Value = (Policy, Policy)> {
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

/// A world that can be drawn from twice.
pub(crate) fn shared(world: impl Strategy<Value = Policy> + 'static) -> impl Strategy<Value = Policy> + Clone {
    std::rc::Rc::new(world.boxed())
}
