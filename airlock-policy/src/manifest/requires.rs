//! `[[require]]`: what must hold of the policy.

use super::tools::{EFFECTS, labels};
use super::{host, sections, why};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults, Span};
use crate::fields::{At, Field, Fields, refuse_twice};
use crate::ir::{Issue, Property, Require, Requirement, Selector};
use crate::limits::{LABELS_MAX, REQUIRES_MAX, TOOLS_MAX};
use crate::name;

/// One requirement with its places.
#[derive(Debug)]
pub(crate) struct RequireDraft {
    pub(crate) require: Require,
    /// `every`, `never` or `mode`.
    pub(crate) span: Span,
    /// Tools that the selector names.
    pub(crate) tools: Vec<At<String>>,
    /// Labels that the selector names.
    pub(crate) labels: Vec<At<String>>,
    /// The subject of `never`.
    pub(crate) subject: Option<At<String>>,
}

/// A selector with its places.
struct Selected {
    selector: Selector,
    tools: Vec<At<String>>,
    labels: Vec<At<String>>,
}

pub(super) fn read(field: &Field<'_>, faults: &mut Faults) -> Vec<RequireDraft> {
    sections(field, "[[require]]", REQUIRES_MAX, faults).into_iter().filter_map(|fields| require(fields, faults)).collect()
}

fn require(mut fields: Fields<'_>, faults: &mut Faults) -> Option<RequireDraft> {
    let place = fields.span.clone();
    let (every, has, never) = (fields.take("every"), fields.take("has"), fields.take("never"));
    let mode = fields.take("mode");
    let why = why(&mut fields, faults);
    fields.finish(&[], faults);
    match (every, has, never, mode) {
        (Some(every), Some(has), None, None) => {
            let mut selected = every.table("`every`", faults)?;
            let Selected { selector, tools, labels } = selector(&mut selected, faults);
            selected.finish(&[], faults);
            let rule = Requirement::Every { tools: selector, has: properties(&has, faults) };
            Some(RequireDraft { require: Require { rule, why }, span: every.span, tools, labels, subject: None })
        }
        (None, None, None, Some(mode)) => {
            // The other word would demand that nothing is refused.
            mode.word(&[("enforce", ())], &[], faults)?;
            let require = Require { rule: Requirement::Enforce, why };
            Some(RequireDraft { require, span: mode.span, tools: Vec::new(), labels: Vec::new(), subject: None })
        }
        (None, None, Some(never), None) => {
            let mut selected = never.table("`never`", faults)?;
            let subject = selected.take("subject").and_then(|field| field.checked(Code::BadName, name::subject, faults));
            let Selected { selector, tools, labels } = selector(&mut selected, faults);
            selected.finish(&[], faults);
            let rule = Requirement::Never { subject: subject.as_ref().map(|at| at.value.clone()), tools: selector };
            Some(RequireDraft { require: Require { rule, why }, span: never.span, tools, labels, subject })
        }
        (Some(_) | None, Some(_) | None, Some(_) | None, Some(_) | None) => {
            let message = "`[[require]]` has either `every` and `has`, or `never`, or `mode`";
            let diagnostic = Diagnostic::new(Code::MissingKey, &place, message, "none of the three, or more than one");
            faults.push(diagnostic.help(
                "write `every = { effect = \"send\" }` and `has = { approval = \"human\" }`, or `never = { subject = \"…\", tools = […] }`, or `mode = \"enforce\"`",
            ));
            None
        }
    }
}

fn selector(fields: &mut Fields<'_>, faults: &mut Faults) -> Selected {
    let tools = fields.take("tools").map(|field| tools(&field, faults)).unwrap_or_default();
    let labels = fields.take("labels").map(|field| labels(&field, 1, LABELS_MAX, faults)).unwrap_or_default();
    let effect = fields.take("effect").and_then(|field| field.word(EFFECTS, &[], faults));
    let credentials = fields.take("credentials").and_then(|field| field.boolean(faults));
    let host = fields.take("host").and_then(|field| host(&field, faults));
    let selector = Selector {
        tools: sorted(&tools),
        labels: sorted(&labels),
        effect: effect.map(|at| at.value),
        credentials: credentials.map(|at| at.value),
        host: host.map(|at| at.value),
    };
    Selected { selector, tools, labels }
}

fn tools(field: &Field<'_>, faults: &mut Faults) -> Vec<At<String>> {
    let list = field.list(1, TOOLS_MAX, faults).unwrap_or_default();
    let tools: Vec<_> = list.iter().filter_map(|entry| entry.string(faults)).map(|at| at.map(str::to_owned)).collect();
    refuse_twice(&tools, String::clone, faults);
    tools
}

fn sorted(list: &[At<String>]) -> Vec<String> {
    let mut values: Vec<String> = list.iter().map(|at| at.value.clone()).collect();
    values.sort();
    values.dedup();
    values
}

/// What each selected tool must have, in the order of the policy.
fn properties(field: &Field<'_>, faults: &mut Faults) -> Vec<Property> {
    let Some(mut fields) = field.table("`has`", faults) else {
        return Vec::new();
    };
    let mut has = Vec::new();
    let approval = fields.take("approval").and_then(|field| field.word(&[("human", ())], &[], faults));
    has.extend(approval.map(|_| Property::Approval));
    for (key, property) in
        [("exact_hosts", Property::ExactHosts), ("limits", Property::Quota), ("provenance", Property::Provenance)]
    {
        has.extend(fields.take(key).and_then(|field| truth(&field, faults)).map(|()| property));
    }
    has.extend(
        fields.take("max_risk_threshold").and_then(|field| field.risk(faults)).map(|at| Property::MaxRiskThreshold(at.value)),
    );
    has.extend(fields.take("labels").map(|field| Property::Labels(sorted(&labels(&field, 1, LABELS_MAX, faults)))));
    let ways = [("operator", Issue::Operator), ("human", Issue::Human), ("self", Issue::SelfService)];
    has.extend(fields.take("issue").and_then(|field| field.word(&ways, &[], faults)).map(|at| Property::Issue(at.value)));
    has.extend(fields.take("max_ttl").and_then(|field| field.seconds(faults)).map(|at| Property::MaxTtl(at.value)));
    let empty = field.value.as_table().is_some_and(|table| table.is_empty());
    if empty {
        faults.error(Code::Count, &field.span, "`has` names no property", "nothing is demanded");
    }
    fields.finish(&[], faults);
    has.sort();
    has
}

/// A property that is demanded by `true`. False would demand nothing.
fn truth(field: &Field<'_>, faults: &mut Faults) -> Option<()> {
    let told = field.boolean(faults)?;
    if !told.value {
        let diagnostic = Diagnostic::new(Code::UnknownWord, &told.span, "`false` demands nothing", "not a demand");
        faults.push(diagnostic.help("write `true`, or remove the key"));
    }
    told.value.then_some(())
}
