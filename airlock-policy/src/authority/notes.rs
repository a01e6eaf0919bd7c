//! What differs between two policies and is no authority that rows compare.

use crate::amount::{days, duration};
use crate::host::written;
use crate::ir::{EffectClass, Ledger, Policy, Require, Tool};

/// A part of a policy as text.
type Text = fn(&Policy) -> String;

/// What differs outside the authority that rows compare, each as what it is, its old and its new text: the name (the audience of
/// leases), texts for the model, ledger, default life, time limits, approvers, effects and labels of tools, requirements, and hosts whose
/// mention in an argument counts as no risk.
#[must_use]
pub fn notes(old: &Policy, new: &Policy) -> Vec<(&'static str, String, String)> {
    let each: [(&'static str, Text); 15] = [
        ("gateway name (audience of leases)", |policy| policy.gateway.name.clone()),
        ("instructions", |policy| policy.gateway.instructions.clone()),
        ("ledger", |policy| {
            let Ledger { dir_env, dir_default, durability, evidence: _, redact: _, keep_evidence: _ } = &policy.ledger;
            format!("{dir_env:?} {dir_default:?} {durability:?}")
        }),
        ("arguments and results kept beside the ledger", |policy| kept(&policy.ledger)),
        ("default life of a lease", |policy| duration(policy.lease.default_ttl)),
        ("longest life of any lease", |policy| duration(policy.lease.max_ttl)),
        ("listed hosts (a URL of another host in an argument adds risk)", |policy| {
            of_tools(policy, |tool| tool.egress.iter().map(|entry| written(&entry.host)).collect::<Vec<_>>().join(" "))
        }),
        ("why upstreams are there", |policy| {
            policy.upstreams.iter().map(|upstream| format!("{}: {}", upstream.name, upstream.why)).collect::<Vec<_>>().join("; ")
        }),
        ("calls open at once", |policy| policy.limits.in_flight.to_string()),
        ("time for an approval", |policy| duration(policy.limits.approval_timeout)),
        ("time for signatures", |policy| {
            of_tools(policy, |tool| tool.signatures.as_ref().map(|signatures| duration(signatures.within)).unwrap_or_default())
        }),
        ("approvers (leases may demand the signature of each)", |policy| {
            policy.approvers.iter().map(|approver| format!("{} {}", approver.name, approver.key)).collect::<Vec<_>>().join("; ")
        }),
        ("time for a request", |policy| of_tools(policy, |tool| duration(tool.timeout))),
        ("effects, labels and descriptions of tools", |policy| of_tools(policy, described)),
        ("requirements", |policy| policy.requires.iter().map(required).collect::<Vec<_>>().join("; ")),
    ];
    let both = |(what, text): (&'static str, Text)| (what, text(old), text(new));
    each.into_iter().map(both).filter(|(_, old, new)| old != new).collect()
}

fn of_tools(policy: &Policy, text: fn(&Tool) -> String) -> String {
    let lines = policy.tools.iter().map(|tool| (&tool.name, text(tool))).filter(|(_, text)| !text.is_empty());
    lines.map(|(name, text)| format!("{name}: {text}")).collect::<Vec<_>>().join("; ")
}

fn described(tool: &Tool) -> String {
    let effect = match tool.effect {
        EffectClass::Read => "read",
        EffectClass::Write => "write",
        EffectClass::Send => "send",
    };
    let words = super::face::rest(tool).map(|rest| {
        let inputs = rest.input.iter().map(|input| input.description.clone());
        [rest.title.clone(), rest.description.clone()].into_iter().chain(inputs).filter(|text| !text.is_empty())
    });
    let parts = [effect.to_owned()].into_iter().chain(tool.labels.iter().cloned()).chain(words.into_iter().flatten());
    parts.collect::<Vec<_>>().join(", ")
}

/// The mode, what is removed, and for how long.
fn kept(ledger: &Ledger) -> String {
    let Ledger { dir_env: _, dir_default: _, durability: _, evidence, redact, keep_evidence } = ledger;
    let removed = redact.iter().map(|removed| match &removed.tool {
        None => removed.name.clone(),
        Some(tool) => format!("{tool}.{}", removed.name),
    });
    let removed = removed.collect::<Vec<_>>().join(" ");
    let without = if removed.is_empty() { String::new() } else { format!(", without {removed}") };
    let time = keep_evidence.map_or_else(|| "for ever".to_owned(), |seconds| format!("for {}", days(seconds)));
    format!("{}{without}, {time}", evidence.word())
}

fn required(require: &Require) -> String {
    format!("{:?}", require.rule)
}
