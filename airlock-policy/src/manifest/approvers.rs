//! `[approvers.*]`: people whose signatures approve calls, and `approval` of a tool, which asks for them.

use super::why;
use crate::approver;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults, Span};
use crate::fields::{At, Field, refuse_twice};
use crate::ir::{Approval, Approver};
use crate::limits::{
    APPROVERS_MAX, APPROVERS_OF_TOOL_MAX, SIGNATURES_MAX, SIGNED_WITHIN_MAX_S, SIGNED_WITHIN_MIN_S, SIGNED_WITHIN_S,
};
use crate::name;
use crate::text::quote;
use std::collections::BTreeMap;

/// All approvers, in the order of the file.
#[derive(Debug, Default)]
pub(crate) struct Approvers {
    pub(crate) known: Vec<At<Approver>>,
    /// Names of entries that were refused: a tool that names one is not to blame.
    pub(crate) refused: Vec<String>,
}

/// `approval` of a tool.
#[derive(Debug, Default)]
pub(crate) struct ApprovalDraft {
    /// The connected user is asked.
    pub(crate) human: Option<Approval>,
    /// Others sign.
    pub(crate) signatures: Option<SignaturesDraft>,
}

/// `signatures = …, of = […]`.
#[derive(Debug)]
pub(crate) struct SignaturesDraft {
    /// Place of the whole value.
    pub(crate) span: Span,
    pub(crate) count: At<u16>,
    pub(crate) of: Vec<At<String>>,
    pub(crate) within: u64,
}

pub(super) fn read(field: &Field<'_>, faults: &mut Faults) -> Approvers {
    let mut approvers = Approvers::default();
    let Some(fields) = field.table("`[approvers]`", faults) else {
        return approvers;
    };
    let entries = fields.entries();
    if entries.len() > APPROVERS_MAX {
        let message = format!("the manifest has {} approvers; at most {APPROVERS_MAX} are allowed", entries.len());
        faults.error(Code::Count, &fields.span, message, "approvers begin here");
        return approvers;
    }
    for (name, field) in entries {
        match entry(name, &field, faults) {
            Some(approver) => approvers.known.push(approver),
            None => approvers.refused.push(name.to_owned()),
        }
    }
    let mut seen: BTreeMap<&str, &At<Approver>> = BTreeMap::new();
    for approver in &approvers.known {
        if let Some(first) = seen.get(approver.value.key.as_str()) {
            let message = format!("`{}` and `{}` have the same key", first.value.name, approver.value.name);
            let diagnostic = Diagnostic::new(Code::SameApprover, &approver.span, message, "the same person again");
            let diagnostic = diagnostic.also(&first.span, "first here");
            faults.push(diagnostic.help("give each approver a key of their own, or remove one: who signs is counted by name"));
            continue;
        }
        seen.insert(&approver.value.key, approver);
    }
    approvers
}

fn entry(name: &str, field: &Field<'_>, faults: &mut Faults) -> Option<At<Approver>> {
    if let Err(problem) = name::approver(name) {
        faults.error(Code::BadName, &field.key, problem, "not accepted");
        return None;
    }
    let mut fields = field.table(format!("`[approvers.{name}]`"), faults)?;
    let key = fields.need("key", "key = \"ed25519:…\"", faults).and_then(|field| key(&field, faults));
    let why = why(&mut fields, faults);
    fields.finish(&[], faults);
    let value = Approver { name: name.to_owned(), key: key?, why };
    Some(At { value, span: field.key.clone() })
}

fn key(field: &Field<'_>, faults: &mut Faults) -> Option<String> {
    let text = field.string(faults)?;
    match approver::read(text.value) {
        Ok(_) => Some(text.value.to_owned()),
        Err(problem) => {
            let diagnostic = Diagnostic::new(Code::ApproverKey, &text.span, problem, "not accepted");
            faults.push(
                diagnostic.help(
                    "`airlock approver new` makes a key pair and prints this line; `airlock approver show` prints it again",
                ),
            );
            None
        }
    }
}

/// `"human"`, or a table.
pub(super) fn approval(field: &Field<'_>, faults: &mut Faults) -> ApprovalDraft {
    if !field.value.is_table() {
        let human = field.word(&[("human", Approval::Human)], &[], faults).map(|at| at.value);
        return ApprovalDraft { human, signatures: None };
    }
    let Some(mut fields) = field.table("`approval`", faults) else {
        return ApprovalDraft::default();
    };
    let human = fields.take("human").and_then(|field| yes(&field, faults)).map(|()| Approval::Human);
    let count = fields.need("signatures", "signatures = 1", faults).and_then(|field| field.integer(1, SIGNATURES_MAX, faults));
    let count = count.and_then(|at| Some(At { value: u16::try_from(at.value).ok()?, span: at.span }));
    let of = fields.need("of", "of = [\"alice\"]", faults).and_then(|field| field.list(1, APPROVERS_OF_TOOL_MAX, faults));
    let of: Option<Vec<At<String>>> = of.map(|list| {
        let names = list.iter().filter_map(|entry| entry.string(faults)).map(|at| at.map(str::to_owned));
        names.collect()
    });
    if let Some(of) = &of {
        refuse_twice(of, String::clone, faults);
    }
    let within = fields.take("within").and_then(|field| field.period(SIGNED_WITHIN_MIN_S, SIGNED_WITHIN_MAX_S, faults));
    fields.finish(&[], faults);
    let within = within.map_or(SIGNED_WITHIN_S, |at| at.value);
    let signatures = count.zip(of).map(|(count, of)| SignaturesDraft { span: field.span.clone(), count, of, within });
    ApprovalDraft { human, signatures }
}

/// `human = true`. False would say nothing.
fn yes(field: &Field<'_>, faults: &mut Faults) -> Option<()> {
    let told = field.boolean(faults)?;
    if !told.value {
        let diagnostic = Diagnostic::new(Code::UnknownWord, &told.span, "`human = false` says nothing", "not a demand");
        faults.push(diagnostic.help("write `true`, or remove the key"));
    }
    told.value.then_some(())
}

impl Approvers {
    /// Reports what a tool asks for and cannot get; the names of those it can get it from, sorted.
    pub(crate) fn resolve(&self, draft: &SignaturesDraft, faults: &mut Faults) -> Vec<String> {
        let SignaturesDraft { span, count, of, within: _ } = draft;
        let names: Vec<&str> = self.known.iter().map(|approver| approver.value.name.as_str()).collect();
        let mut is_whole = true;
        for name in of.iter().filter(|name| !names.contains(&name.value.as_str())) {
            is_whole = false;
            if self.refused.contains(&name.value) {
                continue;
            }
            faults.push_with(Code::UnknownApprover, || {
                let message = format!("there is no approver {}", quote(&name.value));
                let help = crate::fields::meant_or(&name.value, &names, || {
                    format!("add `[approvers.{}]` with `key` and `why`", quote(&name.value))
                });
                Diagnostic::new(Code::UnknownApprover, &name.span, message, "unknown approver").help(help)
            });
        }
        let mut sorted: Vec<String> = of.iter().map(|name| name.value.clone()).collect();
        sorted.sort();
        sorted.dedup();
        if is_whole && usize::from(count.value) > sorted.len() {
            let message = format!("{} signatures of {} approvers can never come together", count.value, sorted.len());
            let diagnostic =
                Diagnostic::new(Code::TooFewApprovers, &count.span, message, "more than there are").also(span, "here");
            faults.push(diagnostic.help("name more approvers, or ask for fewer signatures"));
        }
        sorted
    }

    /// Warns of approvers whom no tool asks.
    pub(crate) fn idle(&self, tools: &[crate::ir::Tool], faults: &mut Faults) {
        let asked = |name: &String| tools.iter().filter_map(|tool| tool.signatures.as_ref()).any(|of| of.of.contains(name));
        for approver in self.known.iter().filter(|approver| !asked(&approver.value.name)) {
            let message = format!("no tool asks for the signature of `{}`", approver.value.name);
            let diagnostic = Diagnostic::new(Code::UnusedApprover, &approver.span, message, "only a lease can ask for it");
            faults.push(
                diagnostic.help("name the approver in the `approval` of a tool, or remove it; allow this if leases demand it"),
            );
        }
    }

    /// As compiled, sorted by name.
    pub(crate) fn compiled(self) -> Vec<Approver> {
        let mut approvers: Vec<Approver> = self.known.into_iter().map(|at| at.value).collect();
        approvers.sort_by(|a, b| a.name.cmp(&b.name));
        approvers
    }
}
