//! `[[flow]]`: labels that may not come together in one session.

use super::{sections, tools, why};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults, Span};
use crate::fields::{At, Field, Fields};
use crate::ir::FlowVerdict;
use crate::limits::{FLOW_LABELS_MAX, FLOWS_MAX};

/// One flow.
#[derive(Debug)]
pub(crate) struct FlowDraft {
    pub(crate) span: Span,
    pub(crate) labels: Vec<At<String>>,
    pub(crate) verdict: FlowVerdict,
    pub(crate) why: String,
}

pub(super) fn read(field: &Field<'_>, faults: &mut Faults) -> Vec<FlowDraft> {
    sections(field, "[[flow]]", FLOWS_MAX, faults).into_iter().filter_map(|fields| flow(fields, faults)).collect()
}

fn flow(mut fields: Fields<'_>, faults: &mut Faults) -> Option<FlowDraft> {
    let span = fields.span.clone();
    let (deny, ask) = (fields.take("deny"), fields.take("ask"));
    let why = why(&mut fields, faults);
    fields.finish(&["within", "scope"], faults);
    let (field, verdict) = match (deny, ask) {
        (Some(field), None) => (field, FlowVerdict::Deny),
        (None, Some(field)) => (field, FlowVerdict::Ask),
        (Some(_), Some(ask)) => {
            let diagnostic = Diagnostic::new(Code::UnknownKey, &ask.key, "a flow either denies or asks", "one too many");
            faults.push(diagnostic.help("write two `[[flow]]` sections"));
            return None;
        }
        (None, None) => {
            let diagnostic =
                Diagnostic::new(Code::MissingKey, &span, "`[[flow]]` has no `deny` and no `ask`", "one belongs here");
            faults.push(diagnostic.help("add `deny = [\"reads:private\", \"sends:external\"]`"));
            return None;
        }
    };
    Some(FlowDraft { span, labels: tools::labels(&field, 2, FLOW_LABELS_MAX, faults), verdict, why })
}
