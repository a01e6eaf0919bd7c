//! The decision table: what follows from the policy for each subject and tool.
//!
//! Rules of arguments and hosts stand with the tool; here stands what a grant adds to them, and the verdict.

use super::words::issue;
use crate::amount::{duration, risk};
use crate::host::{covers, written};
use crate::ir::{Approval, Builtin, Flow, FlowVerdict, Grant, HostRule, Policy, Tool, ToolKind};
use std::collections::BTreeSet;

/// The whole table, subjects in the order of their first grant, tools in that of the manifest.
pub(super) fn lines(policy: &Policy) -> Vec<String> {
    let mut lines = vec!["decisions: what is not listed is denied".to_owned()];
    if let Some(tool) = policy.tools.iter().find(|tool| tool.kind == ToolKind::Builtin(Builtin::AirlockIssueCapability)) {
        let verdict = verdict(policy, tool).word();
        lines.push(format!("anyone\n  {}: {verdict}, without a lease, within the grants issued so", tool.name));
    }
    let mut seen = BTreeSet::new();
    for subject in policy.grants.iter().map(|grant| grant.subject.as_str()).filter(|subject| seen.insert(*subject)) {
        lines.push(subject.to_owned());
        let of_subject: Vec<&Grant> = policy.grants.iter().filter(|grant| grant.subject == subject).collect();
        for tool in &policy.tools {
            let naming = of_subject.iter().filter(|grant| grant.tools.contains(&tool.name));
            lines.extend(naming.flat_map(|grant| entry(policy, grant, tool)));
        }
        lines.push("  any other tool: deny".to_owned());
    }
    lines.push("any other subject: deny".to_owned());
    lines
}

/// What happens to a call that meets every rule.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Allow,
    Ask,
    Deny(String),
}

impl Verdict {
    fn word(&self) -> String {
        match self {
            Self::Allow => "allow".to_owned(),
            Self::Ask => "ask".to_owned(),
            Self::Deny(because) => format!("deny, {because}"),
        }
    }
}

/// One grant and one tool that it names.
fn entry(policy: &Policy, grant: &Grant, tool: &Tool) -> Vec<String> {
    let Grant { subject: _, tools: _, issue: how, domains: _, max_ttl, max_risk, uses, why: _ } = grant;
    let hosts = hosts(tool, grant);
    let refused = match (tool.base_risk > *max_risk, hosts.is_empty() && !tool.egress.is_empty()) {
        (true, _) => Some("the risk of every call is above what the grant allows"),
        (false, true) => Some("the grant names none of its hosts"),
        (false, false) => None,
    };
    let verdict = refused.map_or_else(|| verdict(policy, tool), |because| Verdict::Deny(because.to_owned()));
    let mut lines = vec![format!("  {}: {}", tool.name, verdict.word())];
    if matches!(verdict, Verdict::Deny(_)) {
        return lines;
    }
    lines.push(format!("    with a lease issued {}, {} and {uses} calls at most", issue(*how), duration(*max_ttl)));
    // The threshold itself is denied, the ceiling of a lease is not.
    let below = match *max_risk < tool.risk_threshold {
        true => format!("up to {}", risk(*max_risk)),
        false => format!("below {}", risk(tool.risk_threshold)),
    };
    lines.push(format!("    at a risk {below}"));
    match (tool.egress.is_empty(), hosts.iter().eq(tool.egress.iter().map(|entry| &entry.host))) {
        (true, _) => {}
        (false, true) => lines.push("    at every host of the tool".to_owned()),
        (false, false) => lines.extend(hosts.iter().map(|host| format!("    at {}", written(host)))),
    }
    lines.extend(policy.flows.iter().filter_map(|flow| flow_line(flow, tool)));
    lines
}

fn verdict(policy: &Policy, tool: &Tool) -> Verdict {
    let completes = |wanted: FlowVerdict| {
        policy.flows.iter().any(|flow| flow.verdict == wanted && flow.labels.iter().all(|label| tool.labels.contains(label)))
    };
    if tool.base_risk >= tool.risk_threshold {
        Verdict::Deny("the risk of every call is at its threshold".to_owned())
    } else if completes(FlowVerdict::Deny) {
        Verdict::Deny("its own labels complete a flow".to_owned())
    } else if tool.approval == Some(Approval::Human) || tool.signatures.is_some() || completes(FlowVerdict::Ask) {
        Verdict::Ask
    } else {
        Verdict::Allow
    }
}

/// What a flow does to a tool that has some of its labels.
fn flow_line(flow: &Flow, tool: &Tool) -> Option<String> {
    let Flow { labels, verdict, why: _ } = flow;
    let (own, others): (Vec<&String>, Vec<&String>) = labels.iter().partition(|label| tool.labels.contains(label));
    if own.is_empty() || others.is_empty() {
        return None;
    }
    let word = match verdict {
        FlowVerdict::Deny => "deny",
        FlowVerdict::Ask => "ask",
    };
    let others: Vec<&str> = others.into_iter().map(String::as_str).collect();
    Some(format!("    {word} once the session has {}", others.join(" and ")))
}

/// The hosts of a tool that leases of a grant can name, in the order of the tool.
fn hosts(tool: &Tool, grant: &Grant) -> Vec<HostRule> {
    let mut hosts = Vec::new();
    for entry in &tool.egress {
        for domain in grant.domains.iter().filter_map(|text| crate::host::rule(text).ok()) {
            let narrower = if within(&entry.host, &domain) { entry.host.clone() } else { domain.clone() };
            if (within(&entry.host, &domain) || within(&domain, &entry.host)) && !hosts.contains(&narrower) {
                hosts.push(narrower);
            }
        }
    }
    hosts
}

/// Does the second rule cover every host of the first?
fn within(inner: &HostRule, outer: &HostRule) -> bool {
    match (inner, outer) {
        (_, HostRule::AnyPublic) => true,
        (HostRule::AnyPublic, HostRule::Exact(_) | HostRule::OneLabel(_)) => false,
        (HostRule::OneLabel(inner), HostRule::OneLabel(outer)) => inner == outer,
        (HostRule::OneLabel(_), HostRule::Exact(_)) => false,
        (HostRule::Exact(host), HostRule::Exact(_) | HostRule::OneLabel(_)) => covers(outer, host),
    }
}

/// All hosts of some tools as a grant holds them: written out, sorted, each once.
pub(super) fn hosts_of_tools(policy: &Policy, names: &[String]) -> Vec<String> {
    let tools = policy.tools.iter().filter(|tool| names.contains(&tool.name));
    let hosts: BTreeSet<String> = tools.flat_map(|tool| tool.egress.iter().map(|entry| written(&entry.host))).collect();
    hosts.into_iter().collect()
}
