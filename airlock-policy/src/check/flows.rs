//! Flows against the labels of tools.

use super::Listed;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults, Span};
use crate::fields::{At, meant_or, words};
use crate::ir::{Flow, FlowVerdict, Policy, Tool};
use crate::manifest::FlowDraft;
use crate::text::quote;
use std::collections::BTreeSet;

/// Where each flow stands.
pub(super) type Places = Vec<Span>;

/// Compiles all flows, in the order of the file.
pub(super) fn compile(drafts: Vec<FlowDraft>, listed: &Listed, faults: &mut Faults) -> (Vec<Flow>, Places) {
    let places = drafts.iter().map(|draft| draft.span.clone()).collect();
    (drafts.into_iter().map(|draft| flow(draft, listed, faults)).collect(), places)
}

/// Warns of flows that decide nothing: no session can have all their labels, or another flow denies the same calls.
pub(super) fn idle(places: &Places, policy: &Policy, faults: &mut Faults) {
    let granted: BTreeSet<&str> = policy.grants.iter().flat_map(|grant| &grant.tools).map(String::as_str).collect();
    let called = |tool: &&Tool| granted.contains(tool.name.as_str()) || tool.name == crate::builtin::ISSUE_TOOL;
    let reached: BTreeSet<&str> = policy.tools.iter().filter(called).flat_map(|tool| &tool.labels).map(String::as_str).collect();
    for (at, (flow, place)) in policy.flows.iter().zip(places).enumerate() {
        let mut remark = |message: String, other: Option<&Span>, help: &str| {
            let mut diagnostic = Diagnostic::new(Code::IdleFlow, place, message, "never decides");
            if let Some(other) = other {
                diagnostic = diagnostic.also(other, "decides first");
            }
            faults.push(diagnostic.help(help));
        };
        if let Some(label) = flow.labels.iter().find(|label| !reached.contains(label.as_str())) {
            let message = format!("no session can have the label `{label}`: no grant reaches a tool that has it");
            remark(message, None, "grant such a tool, or remove the flow");
            continue;
        }
        let covers = |(other_at, other): &(usize, &Flow)| {
            let within = other.labels.iter().all(|label| flow.labels.contains(label));
            let narrower = other.labels.len() < flow.labels.len() || *other_at < at || other.verdict != flow.verdict;
            let graver = other.verdict == FlowVerdict::Deny || flow.verdict == FlowVerdict::Ask;
            *other_at != at && within && narrower && graver
        };
        if let Some((other, _)) = policy.flows.iter().enumerate().find(covers) {
            let message = "another flow has no label that this one lacks, and decides at least as strictly".to_owned();
            remark(message, places.get(other), "remove this flow, or add what makes it different");
        }
    }
}

fn flow(draft: FlowDraft, listed: &Listed, faults: &mut Faults) -> Flow {
    let FlowDraft { span: _, labels, verdict, why } = draft;
    let known = labels_of(&listed.tools);
    for label in labels.iter().filter(|label| !known.contains(label.value.as_str())) {
        // With a refused tool it is open which labels it has.
        if listed.refused.is_empty() {
            unknown_label(label, &known, "the flow can never happen", faults);
        }
    }
    let wanted: BTreeSet<&str> = labels.iter().map(|at| at.value.as_str()).collect();
    if verdict == FlowVerdict::Deny && !wanted.is_empty() {
        for (tool, name) in listed.all().filter(|(tool, _)| wanted.iter().all(|label| has(tool, label))) {
            let message = format!("`{}` completes a flow that is denied, all by itself", tool.name);
            let mut diagnostic = Diagnostic::new(Code::FlowWithinTool, name, message, "could never be called");
            if let Some(first) = labels.first() {
                diagnostic = diagnostic.also(&first.span, "the flow");
            }
            faults.push(diagnostic.help("split the tool, correct its labels, or let the flow `ask`"));
        }
    }
    let labels: BTreeSet<String> = labels.into_iter().map(|at| at.value).collect();
    Flow { labels: labels.into_iter().collect(), verdict, why }
}

/// Every label of some tool.
pub(super) fn labels_of(tools: &[Tool]) -> BTreeSet<&str> {
    tools.iter().flat_map(|tool| &tool.labels).map(String::as_str).collect()
}

pub(super) fn has(tool: &Tool, label: &str) -> bool {
    tool.labels.iter().any(|own| own == label)
}

/// Reports a label that no tool has: what is said of it restricts nothing.
pub(super) fn unknown_label(label: &At<String>, known: &BTreeSet<&str>, consequence: &str, faults: &mut Faults) {
    let known: Vec<&str> = known.iter().copied().collect();
    let help =
        meant_or(&label.value, &known, || format!("labels of tools are {}; add it to the `labels` of a tool", words(&known)));
    let message = format!("no tool has the label {}: {consequence}", quote(&label.value));
    faults.push(Diagnostic::new(Code::UnknownLabel, &label.span, message, "nobody has it").help(help));
}
