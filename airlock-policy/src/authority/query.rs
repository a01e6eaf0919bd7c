//! Questions that checks ask of a policy: who reaches a tool, and which grants give nothing that another does not give.

use super::case::{Case, IssueCall, Verdict};
use super::compare::by_tool;
use super::lease;
use super::places;
use super::reach::{self, Issuing, Meeting};
use super::verdict::Judge;
use crate::builtin::ISSUE_TOOL;
use crate::ir::{Grant, Issue, Policy};

/// A call by which the subject (its exact name) reaches the tool; nothing when no grant lets it through.
///
/// The issuing tool is reached by whoever may issue itself a lease, with or without a person's consent. Whoever asks often uses
/// [`Judge::reaches`].
#[must_use]
pub fn reaches(policy: &Policy, subject: &str, tool: &str) -> Option<Case> {
    Judge::of(policy).reaches(subject, tool)
}

impl Judge<'_> {
    /// As [`reaches`].
    #[must_use]
    pub fn reaches(&self, subject: &str, name: &str) -> Option<Case> {
        let tool = self.tool(name)?;
        let (key, carrier) = lease::doors_of(self, self);
        if name == ISSUE_TOOL {
            let call: IssueCall = Issuing::of(self, self).call?;
            let case = Case { issue: Some(call), key, carrier, ..Case::of(subject, name) };
            return Some(case).filter(|case| self.verdict(case) > Verdict::Deny);
        }
        let grants = by_tool(self, subject).remove(name)?;
        let meeting = Meeting::of(self, self, tool);
        let open = |spot: &&reach::Spot| !reach::limits(self, &grants, tool, &spot.place, Verdict::Deny).operator.is_empty();
        let spot = meeting.spots.iter().find(open)?;
        Some(Case { key, carrier, ..reach::case(self.policy, subject, [tool, tool], &spot.place, spot.args.clone()) })
    }
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
    let mut grants = policy.grants.iter().enumerate();
    grants.find(|(at, outer)| *at != index && within(inner, outer) && earlier(*at, outer)).map(|(at, _)| at)
}

/// Whether every lease of the one grant is a lease of the other, obtained in no harder way.
fn within(inner: &Grant, outer: &Grant) -> bool {
    let host = |entry: &String| {
        let entry = places::entry(entry);
        outer.domains.iter().any(|other| places::covers(&places::entry(other), &entry))
    };
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
