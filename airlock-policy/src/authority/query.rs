//! Questions that checks ask of a policy: who reaches a tool, and which grants give nothing that another does not give.

use super::{Carrier, Case, Reach, SigningKey, places};
use crate::builtin::ISSUE_TOOL;
use crate::ir::{Grant, Issue, Policy};
use std::collections::BTreeMap;

/// A call by which the subject (its exact name) reaches the tool; nothing when no grant lets it through.
///
/// The issuing tool is reached by whoever may issue itself a lease, with or without a person's consent.
#[must_use]
pub fn reaches(policy: &Policy, subject: &str, tool: &str) -> Option<Case> {
    if tool == ISSUE_TOOL {
        super::issue_tool(policy)?;
        let asks = |grant: &&Grant| grant.subject == subject && grant.issue != Issue::Operator;
        return policy.grants.iter().find(asks).map(|_| plain(subject, tool));
    }
    let places = places::of_tool([policy, policy], tool);
    let found = places.iter().find_map(|place| Some((Reach::of(policy, subject, tool, place)?, place)));
    if let Some((reach, place)) = found {
        return Some(Case { targets: place.clone(), args: reach.args, ..plain(subject, tool) });
    }
    let grants = policy.grants.iter().any(|grant| grant.subject == subject && grant.tools.iter().any(|name| name == tool));
    let modelled = crate::builtin::find(tool).is_some();
    (grants && !modelled).then(|| plain(subject, tool))
}

/// The places in `policy.grants` of the grants of the subject that name the tool, in the order of the manifest.
#[must_use]
pub fn grants_for(policy: &Policy, subject: &str, tool: &str) -> Vec<usize> {
    let names = |grant: &Grant| {
        grant.subject == subject
            && (grant.tools.iter().any(|name| name == tool) || tool == ISSUE_TOOL && grant.issue != Issue::Operator)
    };
    policy.grants.iter().enumerate().filter(|(_, grant)| names(grant)).map(|(at, _)| at).collect()
}

/// A grant (its place in `policy.grants`) that gives everything which the grant at `index` gives; nothing when there is none.
/// Of two grants that give the same, the first is not shadowed.
#[must_use]
pub fn shadowed_by(policy: &Policy, index: usize) -> Option<usize> {
    let inner = policy.grants.get(index)?;
    let earlier = |at: usize, outer: &Grant| at < index || !within(outer, inner);
    policy
        .grants
        .iter()
        .enumerate()
        .find(|(at, outer)| *at != index && within(inner, outer) && earlier(*at, outer))
        .map(|(at, _)| at)
}

/// Whether every lease of the one grant is a lease of the other, obtained in no harder way.
fn within(inner: &Grant, outer: &Grant) -> bool {
    let host = |entry: &String| outer.domains.iter().any(|other| other == entry || places::entry_covers(other, entry));
    inner.subject == outer.subject
        && inner.tools.iter().all(|tool| outer.tools.contains(tool))
        && ease(inner.issue) <= ease(outer.issue)
        && inner.domains.iter().all(host)
        && inner.max_ttl <= outer.max_ttl
        && inner.max_risk <= outer.max_risk
        && inner.uses <= outer.uses
}

/// How easily a lease is had: the operator can issue under every grant.
const fn ease(issue: Issue) -> u8 {
    match issue {
        Issue::Operator => 0,
        Issue::Human => 1,
        Issue::SelfService => 2,
    }
}

fn plain(subject: &str, tool: &str) -> Case {
    Case {
        subject: subject.to_owned(),
        tool: tool.to_owned(),
        targets: Vec::new(),
        args: BTreeMap::new(),
        points: 0,
        ttl: 1,
        uses: 1,
        key: SigningKey { kid: String::new(), commitment: String::new() },
        carrier: Carrier::Meta,
        issue: None,
    }
}
