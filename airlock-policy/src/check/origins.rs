//! What rules on where values come from are worth in this manifest.

use crate::builtin::ISSUE_TOOL;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults, Span};
use crate::fields::At;
use crate::ir::{Form, Grant, Issue, Policy, Source, Tool};

/// Places of the rules, of `trusted` and of `result` of one tool.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// For each of its rules.
    pub(super) from: Vec<Span>,
    pub(super) trusted: Option<At<bool>>,
    pub(super) result: Option<At<Form>>,
}

/// Rules on a call that has no session: nothing is seen before a lease is asked for.
pub(super) fn sessionless(tool: &Tool, places: Option<&Places>, faults: &mut Faults) {
    let rules = places.filter(|_| tool.name == ISSUE_TOOL).map_or(&[][..], |places| &places.from);
    for place in rules {
        let message = format!("a call of `{ISSUE_TOOL}` comes before its session: its values were seen nowhere");
        let diagnostic = Diagnostic::new(Code::OriginSession, place, message, "can never hold");
        faults.push(diagnostic.help("remove `from`; what a lease may say is bounded by its grant"));
    }
}

/// Remarks on a whole policy.
pub(super) fn remarks(policy: &Policy, places: &[Places], faults: &mut Faults) {
    let all =
        || {
            policy.tools.iter().zip(places).flat_map(|(tool, places)| {
                tool.origins.iter().zip(&places.from).map(move |(origin, place)| (tool, origin, place))
            })
        };
    let trusts = policy.tools.iter().any(|tool| tool.trusted);
    for (tool, origin, place) in all() {
        let has = |source: Source| origin.from.contains(&source);
        if !has(Source::Intent) {
            let message =
                format!("`{}` of `{}` may not come from the intent: what the user says does not count", origin.arg, tool.name);
            let diagnostic = Diagnostic::new(Code::OriginIntent, place, message, "without `intent`");
            faults.push(diagnostic.help("add `\"intent\"`, or allow this where the user never names the value"));
        }
        if has(Source::Trusted) && !trusts {
            let message = "no tool says `trusted = true`, so nothing comes from a trusted result";
            let diagnostic = Diagnostic::new(Code::IdleSource, place, message, "feeds nothing");
            faults.push(
                diagnostic.help("remove `\"trusted\"`, or say `trusted = true` for a tool whose results nobody else writes"),
            );
        }
        if let Some(grant) = chosen(policy, tool).filter(|_| has(Source::Intent)) {
            let message = format!(
                "`{}` words the intent of its leases itself, so a value of `{}` may come from anywhere",
                grant.subject, origin.arg
            );
            let diagnostic = Diagnostic::new(Code::ChosenIntent, place, message, "`intent` binds it to nothing");
            faults.push(diagnostic.help("issue such leases by a person (`issue = \"human\"` or `\"operator\"`)"));
        }
    }
    let wanted = |source: Source| all().any(|(_, origin, _)| origin.from.contains(&source));
    let (wants, has_members) = (wanted(Source::Trusted), wanted(Source::Structured));
    for (tool, places) in policy.tools.iter().zip(places) {
        if let Some(trusted) = places.trusted.as_ref().filter(|trusted| trusted.value && !wants) {
            let message = format!("no argument may come from a trusted result, so nothing is gained by trusting `{}`", tool.name);
            let diagnostic = Diagnostic::new(Code::IdleSource, &trusted.span, message, "has no use");
            faults.push(diagnostic.help("remove it, or add `\"trusted\"` to the `from` of an argument"));
        }
        if let Some(result) = places.result.as_ref().filter(|_| !has_members) {
            let message = format!(
                "no argument may come from a member of a result, so it does not matter how those of `{}` are read",
                tool.name
            );
            let diagnostic = Diagnostic::new(Code::IdleSource, &result.span, message, "has no use");
            faults.push(diagnostic.help("remove it, or add `\"structured\"` to the `from` of an argument"));
        }
    }
}

/// A grant by which a subject issues itself leases for the tool.
fn chosen<'p>(policy: &'p Policy, tool: &Tool) -> Option<&'p Grant> {
    policy.grants.iter().find(|grant| grant.issue == Issue::SelfService && grant.tools.contains(&tool.name))
}
