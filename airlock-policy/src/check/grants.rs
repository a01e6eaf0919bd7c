//! Grants against tools, hosts and `[lease]`.

use super::Listed;
use super::requires::issue_word;
use crate::amount::risk;
use crate::authority::shadowed_by;
use crate::builtin::{ISSUE_TOOL, find};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults, Span};
use crate::fields::{At, meant_or, words};
use crate::host::written;
use crate::ir::{Grant, Issue, Policy};
use crate::manifest::{GrantDraft, LeaseDraft, ttl_order};
use crate::text::quote;
use std::collections::{BTreeMap, BTreeSet};

/// What grants are checked against.
#[derive(Debug)]
pub(super) struct Surroundings<'m> {
    pub(super) listed: &'m Listed,
    pub(super) lease: &'m LeaseDraft,
    pub(super) threshold: u16,
}

/// Where each grant stands.
pub(super) type Places = Vec<Span>;

/// Compiles all grants, in the order of the file.
pub(super) fn compile(drafts: Vec<GrantDraft>, around: &Surroundings<'_>, faults: &mut Faults) -> (Vec<Grant>, Places) {
    issue_tool(&drafts, around, faults);
    duplicates(&drafts, faults);
    let places = drafts.iter().map(|draft| draft.span.clone()).collect();
    (drafts.into_iter().map(|draft| grant(draft, around, faults)).collect(), places)
}

fn grant(draft: GrantDraft, around: &Surroundings<'_>, faults: &mut Faults) -> Grant {
    let GrantDraft { span, subject, tools, issue, domains, max_ttl, max_risk, uses, why } = draft;
    for tool in &tools {
        tool_exists(tool, around, faults);
    }
    let reachable = reachable(&tools, around);
    let domains = match domains {
        Some(domains) => {
            let faulty = tools.iter().any(|tool| around.listed.refused.contains(&tool.value));
            domains
                .iter()
                .filter(|_| !faulty)
                .for_each(|domain| domain_reached(&domain.span, &written(&domain.value), &reachable, faults));
            domains.iter().map(|domain| written(&domain.value)).collect()
        }
        None => reachable,
    };
    if let Some(ttl) = &max_ttl {
        ttl_order(ttl, "max_ttl", &around.lease.max_ttl, faults);
    }
    let tools: BTreeSet<String> = tools.into_iter().map(|tool| tool.value).collect();
    let place = max_risk.as_ref().map_or(&span, |at| &at.span).clone();
    let grant = Grant {
        subject: subject.map(|at| at.value).unwrap_or_default(),
        tools: tools.into_iter().collect(),
        issue: issue.map_or(Issue::Operator, |at| at.value),
        domains: domains.into_iter().collect(),
        max_ttl: max_ttl.map_or(around.lease.max_ttl.value, |at| at.value),
        max_risk: max_risk.map_or(around.threshold, |at| at.value),
        uses,
        why,
    };
    ceiling(&grant, &place, around, faults);
    grant
}

/// All hosts of some tools, as written, sorted.
fn reachable(tools: &[At<String>], around: &Surroundings<'_>) -> BTreeSet<String> {
    let named = tools.iter().filter_map(|at| around.listed.find(&at.value));
    named.flat_map(|(tool, _)| &tool.egress).map(|egress| written(&egress.host)).collect()
}

fn tool_exists(tool: &At<String>, around: &Surroundings<'_>, faults: &mut Faults) {
    if tool.value == ISSUE_TOOL {
        let message = format!("`{ISSUE_TOOL}` is not granted: it is how a subject obtains a lease");
        let diagnostic = Diagnostic::new(Code::GrantIssueTool, &tool.span, message, "not a tool of a lease");
        faults.push(diagnostic.help("remove it here and write `issue = \"self\"` or `\"human\"`"));
        return;
    }
    if around.listed.knows(&tool.value) {
        return;
    }
    let known: Vec<&str> = around.listed.tools.iter().map(|known| known.name.as_str()).collect();
    let help = match find(&tool.value) {
        Some(facts) => format!("add `[tools.{}]` with its `why`", facts.name),
        None => meant_or(&tool.value, &known, || format!("the manifest has {}", words(&known))),
    };
    let message = format!("the manifest has no tool {}", quote(&tool.value));
    faults.push(Diagnostic::new(Code::GrantTool, &tool.span, message, "not in the manifest").help(help));
}

fn domain_reached(span: &Span, domain: &str, reachable: &BTreeSet<String>, faults: &mut Faults) {
    if reachable.contains(domain) {
        return;
    }
    let reachable: Vec<&str> = reachable.iter().map(String::as_str).collect();
    let help = match reachable.is_empty() {
        true => "its tools use no network; write `domains = []` or leave `domains` out".to_owned(),
        false => format!("they reach {}; write a host exactly as in `[[egress]]`", words(&reachable)),
    };
    let message = format!("no tool of this grant reaches `{domain}`");
    faults.push(Diagnostic::new(Code::GrantDomain, span, message, "not reached").help(help));
}

/// The issuing tool is in the gateway exactly when a grant needs it.
fn issue_tool(drafts: &[GrantDraft], around: &Surroundings<'_>, faults: &mut Faults) {
    let by_tool = drafts.iter().filter_map(|draft| draft.issue.as_ref()).find(|at| at.value != Issue::Operator);
    let listed = around.listed.find(ISSUE_TOOL);
    let unclear = drafts.iter().any(|draft| draft.issue.is_none());
    match (by_tool, listed) {
        (Some(issue), None) => {
            let message = format!("a grant says `{}`, but `{ISSUE_TOOL}` is not a tool of this gateway", issue_word(issue.value));
            let diagnostic = Diagnostic::new(Code::IssueToolMissing, &issue.span, message, "nothing could issue this lease");
            faults.push(diagnostic.help(format!("add `[tools.{ISSUE_TOOL}]`, or write \"operator\"")));
        }
        (None, Some((_, name))) if !unclear => {
            let message = format!("`{ISSUE_TOOL}` has no use: no grant says `issue = \"self\"` or `\"human\"`");
            let diagnostic = Diagnostic::new(Code::IssueToolIdle, name, message, "would refuse every call");
            faults.push(diagnostic.help("remove the tool, or let a grant say `issue = \"self\"`"));
        }
        (Some(_), Some(_)) | (None, Some(_) | None) => {}
    }
}

/// Warns of grants that give nothing, wholly or for one of their tools.
pub(super) fn shadowed(policy: &Policy, places: &Places, faults: &mut Faults) {
    for (at, place) in places.iter().enumerate() {
        let Some(other) = shadowed_by(policy, at).and_then(|other| places.get(other)) else { continue };
        let message = "another grant of the same subject gives everything that this one gives";
        let diagnostic = Diagnostic::new(Code::ShadowedGrant, place, message, "gives nothing more").also(other, "this grant");
        faults.push(diagnostic.help("remove it; if it should narrow something, narrow the other one: grants only add"));
    }
}

/// Warns of tools whose every call is above the risk that a lease of this grant can bear.
fn ceiling(grant: &Grant, at: &Span, around: &Surroundings<'_>, faults: &mut Faults) {
    for (tool, name) in grant.tools.iter().filter_map(|tool| around.listed.find(tool)) {
        if tool.base_risk > grant.max_risk {
            let (base, most) = (risk(tool.base_risk), risk(grant.max_risk));
            let message = format!("`{}` begins at risk {base}, but leases of this grant bear at most {most}", tool.name);
            let diagnostic = Diagnostic::new(Code::GrantRisk, at, message, "denies every call of it").also(name, "the tool");
            faults.push(diagnostic.help("raise `max_risk`, or remove the tool from the grant"));
        }
    }
}

/// Warns of tools that nobody can call.
pub(super) fn idle_tools(listed: &Listed, grants: &[Grant], faults: &mut Faults) {
    let granted: BTreeSet<&str> = grants.iter().flat_map(|grant| &grant.tools).map(String::as_str).collect();
    for (tool, name) in listed.all() {
        if tool.name != ISSUE_TOOL && !granted.contains(tool.name.as_str()) {
            let message = format!("no grant reaches `{}`", tool.name);
            let diagnostic = Diagnostic::new(Code::UnreachableTool, name, message, "nobody can call this");
            faults.push(diagnostic.help("list it in the `tools` of a grant, or remove it"));
        }
    }
}

/// Two grants for the same subject, tools and way of issuing leave open which limits hold.
fn duplicates(drafts: &[GrantDraft], faults: &mut Faults) {
    let mut seen = BTreeMap::new();
    for draft in drafts {
        let (Some(subject), Some(issue)) = (&draft.subject, &draft.issue) else {
            continue;
        };
        let tools: BTreeSet<&str> = draft.tools.iter().map(|at| at.value.as_str()).collect();
        let key = (&subject.value, issue.value, tools);
        match seen.get(&key) {
            None => {
                seen.insert(key, &draft.span);
            }
            Some(first) => {
                let message = format!("{} has two grants for the same tools", quote(&subject.value));
                let diagnostic =
                    Diagnostic::new(Code::DuplicateGrant, &draft.span, message, "again here").also(first, "first here");
                faults.push(diagnostic.help("merge them: otherwise it is open which limits hold"));
            }
        }
    }
}
