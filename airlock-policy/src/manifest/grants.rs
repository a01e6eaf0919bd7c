//! `[[grant]]`: which subject may obtain a lease for what.

use super::groups::Groups;
use super::{sections, why};
use crate::code::Code;
use crate::diagnostic::{Faults, Span};
use crate::fields::{At, Field, Fields, refuse_twice};
use crate::ir::{HostRule, Issue};
use crate::limits::{EGRESS_MAX, GRANTS_MAX, TOOLS_MAX, USES_DEFAULT, USES_MAX};
use crate::name;

/// One grant.
#[derive(Debug)]
pub(crate) struct GrantDraft {
    pub(crate) span: Span,
    pub(crate) subject: Option<At<String>>,
    pub(crate) tools: Vec<At<String>>,
    pub(crate) issue: Option<At<Issue>>,
    pub(crate) domains: Option<Vec<At<HostRule>>>,
    pub(crate) max_ttl: Option<At<u64>>,
    pub(crate) max_risk: Option<At<u16>>,
    pub(crate) uses: u64,
    pub(crate) why: String,
}

pub(super) fn read(field: &Field<'_>, groups: &Groups, faults: &mut Faults) -> Vec<GrantDraft> {
    sections(field, "[[grant]]", GRANTS_MAX, faults).into_iter().map(|fields| grant(fields, groups, faults)).collect()
}

fn grant(mut fields: Fields<'_>, groups: &Groups, faults: &mut Faults) -> GrantDraft {
    let span = fields.span.clone();
    let subject = fields
        .need("subject", "subject = \"agent:planner\"", faults)
        .and_then(|field| field.checked(Code::BadName, name::subject, faults));
    let tools =
        fields.need("tools", "tools = [\"weather_hourly\"]", faults).map(|field| tools(&field, faults)).unwrap_or_default();
    let words = [("operator", Issue::Operator), ("self", Issue::SelfService), ("human", Issue::Human)];
    let issue = fields.need("issue", "issue = \"operator\"", faults).and_then(|field| field.word(&words, &[], faults));
    let domains = fields.take("domains").map(|field| groups.host_list(&field, 0, EGRESS_MAX, faults).0);
    let max_ttl = fields.take("max_ttl").and_then(|field| field.seconds(faults));
    let max_risk = fields.take("max_risk").and_then(|field| field.risk(faults));
    let uses = fields.take("uses").and_then(|field| field.integer(1, i64::try_from(USES_MAX).unwrap_or(i64::MAX), faults));
    let uses = uses.and_then(|at| u64::try_from(at.value).ok()).unwrap_or(USES_DEFAULT);
    let why = why(&mut fields, faults);
    fields.finish(&["approval", "labels", "pop", "delegate"], faults);
    GrantDraft { span, subject, tools, issue, domains, max_ttl, max_risk, uses, why }
}

fn tools(field: &Field<'_>, faults: &mut Faults) -> Vec<At<String>> {
    let list = field.list(1, TOOLS_MAX, faults).unwrap_or_default();
    let tools: Vec<_> = list.iter().filter_map(|entry| entry.string(faults)).map(|at| at.map(str::to_owned)).collect();
    refuse_twice(&tools, String::clone, faults);
    tools
}
