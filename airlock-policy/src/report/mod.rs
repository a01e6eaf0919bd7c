//! A compiled policy as stable text for people and for snapshots: every value of it, and what follows for each subject.
//!
//! One fact stands on one line and nothing is padded by its neighbours, so a change of the policy is a change of the lines that
//! speak of it. Every struct of the IR is taken apart with all its fields: what a reader does not see here is not in the policy.
//! The digest is left out on purpose, since it changes with every value.

mod decisions;
mod rest;
mod tool;
mod upstream;
mod words;

pub(crate) use tool::origin;

use crate::ir::{
    Approver, Durability, Evidence, Flow, FlowVerdict, Gateway, Grant, Issue, Key, Lease, Ledger, Limits, Mode, Policy, Property,
    Removed, Require, Requirement, Sandbox, Selector,
};
use std::fmt;
use words::{issue, list, quota, row, verb};

use crate::amount::{days, duration, risk};

/// A policy as text. [`Report::policy`] has every value of it, [`Report::decisions`] what each subject may do.
///
/// ```
/// # let manifest = "airlock = 1\n[gateway]\nname = \"g\"\n[keys]\naccept = [\"k1\"]\n[tools.airlock_usage_stats]\nwhy = \"x\"\n[[grant]]\nsubject = \"agent:a\"\ntools = [\"airlock_usage_stats\"]\nissue = \"operator\"\nwhy = \"x\"";
/// let compiled = airlock_policy::compile(manifest, "airlock.toml").into_compiled().ok_or("errors")?;
/// let report = airlock_policy::Report::of(compiled.policy());
/// assert!(report.decisions().contains("agent:a\n  airlock_usage_stats: allow"));
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    policy: String,
    decisions: String,
}

impl Report {
    /// The report of a policy. It depends on the policy alone.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        Self { policy: values(policy).join("\n"), decisions: decisions::lines(policy).join("\n") }
    }

    /// Every value of the policy: gateway, tools, flows, grants, requirements. Lines without a final line feed.
    #[must_use]
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// The decision table: what each subject may call, and within what. Lines without a final line feed.
    #[must_use]
    pub fn decisions(&self) -> &str {
        &self.decisions
    }
}

/// Both parts, the policy first.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n\n{}", self.policy, self.decisions)
    }
}

fn values(policy: &Policy) -> Vec<String> {
    let Policy { airlock, gateway, keys, lease, ledger, limits, sandbox, approvers, upstreams, tools, flows, grants, requires } =
        policy;
    let Gateway { name, instructions, mode } = gateway;
    let mut lines = vec![format!("gateway {name}"), row("language", airlock)];
    match mode {
        Mode::Enforce => {}
        Mode::Shadow => lines.push(row("SHADOW MODE", "a refused call of an upstream's tool is recorded, and made all the same")),
    }
    if !instructions.is_empty() {
        lines.push(row("tells the model", format_args!("{instructions:?}")));
    }
    lines.extend(keys.iter().map(key));
    lines.extend(lease_rows(lease));
    lines.extend(ledger_rows(ledger));
    lines.extend(limit_rows(limits));
    lines.extend(sandbox_rows(sandbox));
    lines.extend(approvers.iter().map(|Approver { name, key, why }| row("approver", format_args!("{name} {key}: {why}"))));
    for upstream in upstreams {
        lines.push(String::new());
        lines.extend(upstream::lines(upstream));
    }
    for tool in tools {
        lines.push(String::new());
        lines.extend(tool::lines(tool));
    }
    for flow in flows {
        lines.push(String::new());
        lines.extend(flow_lines(flow));
    }
    for grant in grants {
        lines.push(String::new());
        lines.extend(grant_lines(policy, grant));
    }
    for require in requires {
        lines.push(String::new());
        lines.extend(require_lines(require));
    }
    lines
}

fn key(key: &Key) -> String {
    let Key { kid, commitment } = key;
    match commitment {
        None => row("accepts key", format_args!("{kid}, not pinned")),
        Some(pin) => row("accepts key", format_args!("{kid}, only with commitment {pin}")),
    }
}

fn lease_rows(lease: &Lease) -> Vec<String> {
    let Lease { default_ttl, max_ttl, carrier_meta, carrier_arguments, carrier_ambient } = lease;
    let carriers = [(carrier_meta, "params._meta"), (carrier_arguments, "the arguments"), (carrier_ambient, "the lease file")];
    let carriers: Vec<&str> = carriers.into_iter().filter(|(on, _)| **on).map(|(_, name)| name).collect();
    let carriers = if carriers.is_empty() { "nothing".to_owned() } else { carriers.join(" or ") };
    vec![
        row("lease life", format_args!("{} unless asked otherwise", duration(*default_ttl))),
        row("longest life", duration(*max_ttl)),
        row("leases travel in", carriers),
    ]
}

fn ledger_rows(ledger: &Ledger) -> Vec<String> {
    let Ledger { dir_env, dir_default, durability, evidence, redact, keep_evidence } = ledger;
    let dir = match dir_env {
        None => format!("{dir_default:?}"),
        Some(variable) => format!("${variable}, or {dir_default:?}"),
    };
    let durability = match durability {
        Durability::Power => "power",
        Durability::Effect => "effect",
        Durability::Process => "process",
    };
    let mut rows = vec![row("ledger", format_args!("{dir}; durability {durability}"))];
    // A policy that keeps nothing reads as before there was anything to keep.
    if *evidence != Evidence::Hashes {
        rows.push(row("evidence", evidence_words(*evidence)));
    }
    rows.extend(redact.iter().map(|removed| row("removes", removed_words(removed))));
    rows.extend(keep_evidence.map(|seconds| row("keeps evidence", days(seconds))));
    rows
}

const fn evidence_words(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Hashes => "hashes: no arguments, no results",
        Evidence::Redacted => "redacted: copies of arguments and results, without secrets",
        Evidence::Full => "full: arguments and results in clear",
    }
}

fn removed_words(removed: &Removed) -> String {
    match &removed.tool {
        None => format!("every member {:?}", removed.name),
        Some(tool) => format!("{:?} of {tool}", removed.name),
    }
}

fn sandbox_rows(sandbox: &Sandbox) -> Vec<String> {
    let Sandbox { allow_missing, unconfined, why } = sandbox;
    let missing = allow_missing.iter().map(|part| row("starts without", format_args!("{}: {why}", part.word())));
    let any = unconfined.then(|| row("starts without", format_args!("anything that confines it: {why}")));
    missing.chain(any).collect()
}

fn limit_rows(limits: &Limits) -> Vec<String> {
    let Limits { max_arguments, in_flight, timeout, approval_timeout, step_ups, quota: all } = limits;
    let mut rows = vec![
        row("arguments", format_args!("{max_arguments} bytes at most")),
        row("open calls", format_args!("{in_flight} at most")),
        row("timeout", duration(*timeout)),
        row("approval timeout", duration(*approval_timeout)),
    ];
    rows.extend(step_ups.map(|most| row("questions", format_args!("{most} in each session at most"))));
    rows.extend(quota(all).into_iter().map(|bound| row("quota of all tools", bound)));
    rows
}

fn flow_lines(flow: &Flow) -> Vec<String> {
    let Flow { labels, verdict, why } = flow;
    let verdict = match verdict {
        FlowVerdict::Deny => "refuses",
        FlowVerdict::Ask => "asks before",
    };
    vec![format!("flow: {why}"), row(verdict, format_args!("the call that completes {} in one session", list(labels, " + ")))]
}

fn grant_lines(policy: &Policy, grant: &Grant) -> Vec<String> {
    let Grant { subject, tools, issue: how, domains, max_ttl, max_risk, uses, why } = grant;
    let mut lines = vec![format!("grant {subject}: {why}"), row("issued", issue(*how))];
    lines.extend(tools.iter().map(|tool| row("tool", tool)));
    // All hosts of its tools is what the manifest gets when it names none; those stand with the tools.
    match (domains.is_empty(), decisions::hosts_of_tools(policy, tools) == *domains) {
        (true, _) => lines.push(row("host", "none")),
        (false, true) => lines.push(row("host", "every host of these tools")),
        (false, false) => lines.extend(domains.iter().map(|host| row("host", host))),
    }
    lines.push(row("lease", format_args!("{} at most", duration(*max_ttl))));
    lines.push(row("calls", format_args!("{uses} at most")));
    lines.push(row("risk", format_args!("{} at most", risk(*max_risk))));
    lines
}

fn require_lines(require: &Require) -> Vec<String> {
    let Require { rule, why } = require;
    let mut lines = vec![format!("holds: {why}")];
    match rule {
        Requirement::Every { tools, has } => {
            lines.push(row("every tool", selector(tools)));
            lines.extend(has.iter().map(|property| row("has", property_words(property))));
        }
        Requirement::Never { subject, tools } => {
            lines.push(row("never", subject.as_deref().unwrap_or("any subject")));
            lines.push(row("reaches a tool", selector(tools)));
        }
        Requirement::Enforce => lines.push(row("mode", "enforce")),
    }
    lines
}

/// What a selector demands of a tool, in words after "every tool".
fn selector(selector: &Selector) -> String {
    let Selector { tools, labels, effect, credentials, host } = selector;
    let parts = [
        (!tools.is_empty()).then(|| format!("named {}", list(tools, " or "))),
        (!labels.is_empty()).then(|| format!("labelled {}", list(labels, " and "))),
        effect.map(|effect| format!("that {}", verb(effect))),
        credentials.map(|sends| if sends { "that sends a credential" } else { "that sends no credential" }.to_owned()),
        host.as_ref().map(|host| format!("that may reach {}", crate::host::written(host))),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "of this policy".to_owned() } else { parts.join(", ") }
}

fn property_words(property: &Property) -> String {
    match property {
        Property::Approval => "the approval of the connected user".to_owned(),
        Property::Provenance => "`from` on every text and list among its arguments".to_owned(),
        Property::ExactHosts => "only hosts that are named exactly".to_owned(),
        Property::Quota => "a quota of its own".to_owned(),
        Property::MaxRiskThreshold(most) => format!("a risk threshold of {} at most", risk(*most)),
        Property::Labels(labels) => format!("the labels {}", list(labels, ", ")),
        Property::Issue(Issue::Operator) => "leases by the operator only".to_owned(),
        Property::Issue(Issue::Human) => "leases that a person issues or accepts".to_owned(),
        Property::Issue(Issue::SelfService) => "leases of any kind".to_owned(),
        Property::MaxTtl(seconds) => format!("leases of {} at most", duration(*seconds)),
    }
}

#[cfg(test)]
mod tests;
