//! Flows and bounds of sessions for subjects that choose their sessions.
//!
//! Whoever has a `self` grant names the session of each lease that it asks for. What is counted or remembered by session is then counted
//! and remembered as that subject likes: it makes the calls that belong together in sessions of their own.

use super::flows::{self, has};
use super::grants;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults, Span};
use crate::ir::{Flow, Grant, Issue, Policy, Tool};
use crate::manifest::QuotaDraft;

/// A bound of sessions with its place.
#[derive(Debug)]
pub(super) struct Bound {
    /// Its tool; without one it is for all tools together.
    tool: Option<String>,
    key: &'static str,
    span: Span,
}

/// The bounds of a quota that count by session.
pub(super) fn bounds(tool: Option<&str>, quota: &QuotaDraft) -> Vec<Bound> {
    let QuotaDraft { rate: _, session_rate, session_calls } = quota;
    let rate = session_rate.as_ref().map(|at| ("session_rate", &at.span));
    let calls = session_calls.as_ref().map(|at| ("session_calls", &at.span));
    let named = |(key, span): (&'static str, &Span)| Bound { tool: tool.map(str::to_owned), key, span: span.clone() };
    rate.into_iter().chain(calls).map(named).collect()
}

/// Warns of each flow and bound that the subject of a `self` grant evades by choosing sessions.
pub(super) fn chosen(policy: &Policy, flows: &flows::Places, bounds: &[Bound], grants: &grants::Places, faults: &mut Faults) {
    let chooses = |(_, grant): &(usize, &Grant)| grant.issue == Issue::SelfService;
    let free: Vec<(usize, &Grant)> = policy.grants.iter().enumerate().filter(chooses).collect();
    let mut remark = |what: String, span: &Span, at: usize, grant: &Grant, help: &str| {
        let message = format!("{what} does not bind `{}`, which chooses its sessions", grant.subject);
        let mut diagnostic = Diagnostic::new(Code::ChosenSession, span, message, "counts by session");
        if let Some(place) = grants.get(at) {
            diagnostic = diagnostic.also(place, "issues to itself");
        }
        faults.push(diagnostic.help(format!("{help}, or write `issue = \"operator\"` or `\"human\"` in the grant")));
    };
    for (flow, span) in policy.flows.iter().zip(flows) {
        if let Some((at, grant)) = free.iter().find(|(_, grant)| splits(policy, grant, flow)) {
            remark("this flow".to_owned(), span, *at, grant, "grant the two sides to different subjects");
        }
    }
    for Bound { tool, key, span } in bounds {
        if let Some((at, grant)) = free.iter().find(|(_, grant)| holds_all(policy, grant, tool.as_deref())) {
            remark(format!("`{key}`"), span, *at, grant, "add a `rate`, which counts all sessions together");
        }
    }
}

/// Can the grant's subject have every label of the flow without any session that has them all? A tool that completes the flow by itself is
/// asked about in every session.
fn splits(policy: &Policy, grant: &Grant, flow: &Flow) -> bool {
    let part = |tool: &&Tool| grant.tools.contains(&tool.name) && !flow.labels.iter().all(|label| has(tool, label));
    let parts: Vec<&Tool> = policy.tools.iter().filter(part).collect();
    flow.labels.iter().all(|label| parts.iter().any(|tool| has(tool, label)))
}

/// Does the grant have the tool, or, where the bound is for all, every tool that any grant has? A `rate` at the same place binds as well.
fn holds_all(policy: &Policy, grant: &Grant, tool: Option<&str>) -> bool {
    let own = |name: &str| grant.tools.iter().any(|tool| tool == name);
    let rated = match tool {
        Some(name) => policy.tools.iter().any(|tool| tool.name == name && tool.quota.rate.is_some()),
        None => policy.limits.quota.rate.is_some(),
    };
    let all = match tool {
        Some(name) => own(name),
        None => policy.grants.iter().flat_map(|grant| &grant.tools).all(|name| own(name)),
    };
    all && !rated
}

#[cfg(test)]
mod tests {
    use crate::Code;

    const HEAD: &str =
        "airlock = 1\n[gateway]\nname = \"g\"\n[keys]\naccept = [\"k1\"]\n[tools.airlock_issue_capability]\nwhy = \"x\"\n";

    /// What is remarked of two tools, two grants and the rest.
    fn remarks(rest: &str, private: &str, public: &str, limits: &str) -> Vec<String> {
        let tools = format!(
            "[tools.airlock_usage_stats]\nlabels = [\"reads:private\"]\nlimits = {{ {limits} }}\nwhy = \"x\"\n[tools.airlock_audit_tail]\nlabels = [\"ingests:untrusted\"]\nwhy = \"x\"\n"
        );
        let grant = |subject: &str, tools: &str, issue: &str| {
            format!("[[grant]]\nsubject = \"{subject}\"\ntools = [{tools}]\nissue = \"{issue}\"\nwhy = \"x\"\n")
        };
        let free = grant("free", "\"airlock_exposure_report\"", "self");
        let all = format!(
            "{HEAD}[tools.airlock_exposure_report]\nwhy = \"x\"\n{tools}{free}{}{}{rest}",
            grant("one", "\"airlock_usage_stats\", \"airlock_audit_tail\"", private),
            grant("two", "\"airlock_audit_tail\"", public)
        );
        let checked = crate::compile(&all, "a.toml");
        assert!(checked.compiled().is_some(), "{}", checked.render(false));
        let told = checked.diagnostics().iter().filter(|diagnostic| diagnostic.code == Code::ChosenSession);
        told.map(|diagnostic| diagnostic.message.clone()).collect()
    }

    const FLOW: &str = "[[flow]]\ndeny = [\"reads:private\", \"ingests:untrusted\"]\nwhy = \"x\"\n";

    #[test]
    fn a_flow_binds_nobody_who_can_split_it_between_sessions() {
        let told = vec!["this flow does not bind `one`, which chooses its sessions".to_owned()];
        assert_eq!(remarks(FLOW, "self", "operator", ""), told);
        assert_eq!(remarks(FLOW, "human", "operator", ""), Vec::<String>::new(), "a person sees each session");
        assert_eq!(remarks(FLOW, "operator", "self", ""), Vec::<String>::new(), "one side alone completes nothing");
    }

    #[test]
    fn bounds_of_sessions_bind_nobody_who_begins_new_ones() {
        let told = |key: &str| vec![format!("`{key}` does not bind `one`, which chooses its sessions")];
        assert_eq!(remarks("", "self", "operator", "session_calls = 3"), told("session_calls"));
        assert_eq!(remarks("", "self", "operator", "session_rate = \"3/1m\""), told("session_rate"));
        assert!(remarks("", "operator", "operator", "session_calls = 3").is_empty());
        assert!(remarks("", "self", "operator", "session_calls = 3, rate = \"9/1h\"").is_empty(), "`rate` binds all sessions");
        // For all tools together: `one` does not have the tool of `free`.
        assert!(remarks("[limits]\nsession_calls = 3\n", "self", "operator", "").is_empty());
        let mine = "[limits]\nsession_calls = 3\n[[grant]]\nsubject = \"one\"\ntools = [\"airlock_usage_stats\", \"airlock_audit_tail\", \"airlock_exposure_report\"]\nissue = \"self\"\nwhy = \"x\"\n";
        assert_eq!(remarks(mine, "operator", "operator", ""), told("session_calls"));
    }
}
