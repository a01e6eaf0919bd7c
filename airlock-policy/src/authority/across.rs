//! Rows that hold for every subject: keys, carriers, sizes, quotas, flows.

use super::case::{Case, Place, Spotted, Value, Verdict};
use super::compare::{Dimension, Row, Step, by_tool, subjects};
use super::face::{self, Kind};
use super::search::Found;
use super::values::Values;
use super::{confine, flow, lease, questions, quota, texts, verdict, words};
use crate::builtin::ISSUE_TOOL;
use crate::ir::{FlowVerdict, Issue, Mode, Tool};

/// Longest form of one character in JSON, in bytes: `\u0001`.
const CHAR_BYTES: u64 = 6;

pub(super) fn rows(step: &Step<'_>, rows: &mut Vec<Row>) {
    if let Some(case) = first(step) {
        lease::doors(step, &case, rows);
    }
    mode(step, rows);
    confinement(step, rows);
    confine::rows(step, rows);
    questions::rows(step, rows);
    let needed = needs(step);
    if !needed {
        return;
    }
    let shared = shared(step);
    sizes(step, &shared, rows);
    quota::rows(step, &shared, rows);
    flow::rows(step, &shared, rows);
    questions(step, &shared, rows);
}

/// A row where more questions may be asked: with a call that asks by itself, or whose values were seen nowhere. Where only a flow or a
/// grant asks, the row has no case.
fn questions(step: &Step<'_>, shared: &[Case], rows: &mut Vec<Row>) {
    let (low, high) = (step.from.policy.limits.step_ups, step.to.policy.limits.step_ups);
    let Some(most) = low.filter(|low| high.is_none_or(|high| high > *low)) else { return };
    let unseen = |case: &Case| {
        let origins = step.to.tool(&case.tool).map_or(&[][..], |tool| &tool.origins);
        let spotted = origins.iter().map(|origin| (origin.arg.clone(), Spotted { look: origin.look, place: Place::Nowhere }));
        Case { seen: spotted.collect(), questions: most, ..case.clone() }
    };
    let cases = shared.iter().flat_map(|case| [Case { questions: most, ..case.clone() }, unseen(case)]);
    let found = cases.into_iter().find(|case| step.confirms(case));
    let words = |bound: Option<u64>| bound.map_or_else(|| "any number".to_owned(), |bound| bound.to_string());
    let policy = step.to.policy;
    let may_ask = policy.flows.iter().any(|flow| flow.verdict == FlowVerdict::Ask)
        || policy.grants.iter().any(|grant| grant.issue == Issue::Human);
    if found.is_some() || may_ask {
        rows.push(step.row_of(Dimension::StepUps, &words(low), &words(high), found, ("*", "*")));
    }
}

/// A row where refused calls come to be made. What is decided about a call is the same, so no case shows it.
fn mode(step: &Step<'_>, rows: &mut Vec<Row>) {
    if let (Mode::Shadow, Mode::Enforce) = (step.to.policy.gateway.mode, step.from.policy.gateway.mode) {
        let (refused, made) = ("refused", "recorded, and made all the same at an upstream");
        rows.push(step.row_of(Dimension::Mode, refused, made, None, ("*", "*")));
    }
}

/// A row for each part of the kernel's confinement that only one policy lets be missing. No call shows it: what a gateway may do is the
/// same, what somebody may do who took it over is not.
fn confinement(step: &Step<'_>, rows: &mut Vec<Row>) {
    let (to, from) = (&step.to.policy.sandbox, &step.from.policy.sandbox);
    let parts = to.allow_missing.iter().filter(|part| !from.allow_missing.contains(part)).map(|part| part.word());
    let any = (to.unconfined && !from.unconfined).then_some("anything that confines it");
    for part in parts.chain(any) {
        let (needed, without) = (format!("does not start without {part}"), format!("starts without {part}"));
        rows.push(step.row_of(Dimension::Confinement, &needed, &without, None, ("*", "*")));
    }
}

/// Whether anything that this module compares can have become wider.
fn needs(step: &Step<'_>) -> bool {
    let (to, from) = (step.to.policy, step.from.policy);
    let differs =
        |tool: &Tool| step.from.tool(&tool.name).is_some_and(|other| other.quota != tool.quota || other.labels != tool.labels);
    to.limits.max_arguments > from.limits.max_arguments
        || to.limits.quota != from.limits.quota
        || to.limits.step_ups != from.limits.step_ups
        || to.flows != from.flows
        || to.tools.iter().any(differs)
}

/// Some call that the one policy lets through.
fn first(step: &Step<'_>) -> Option<Case> {
    subjects(step.to.policy).into_iter().find_map(|subject| {
        let tools = by_tool(step.to, subject);
        let mut cases = step.to.policy.tools.iter().filter(|tool| tools.contains_key(tool.name.as_str())).flat_map(|tool| {
            let meeting = step.meetings.get(tool.name.as_str());
            meeting.into_iter().flat_map(|meeting| meeting.spots.iter().map(|spot| step.case(subject, meeting, spot)))
        });
        cases.find(|case| step.to.verdict(case) > Verdict::Deny)
    })
}

/// For each tool a call that both policies let through, in the order of the manifest; the issuing tool included.
fn shared(step: &Step<'_>) -> Vec<Case> {
    let passes = |case: &Case| step.to.verdict(case) > Verdict::Deny && step.from.verdict(case) > Verdict::Deny;
    let subjects: Vec<_> = subjects(step.to.policy)
        .into_iter()
        .map(|subject| (subject, by_tool(step.to, subject), by_tool(step.from, subject)))
        .collect();
    let of_tool = |tool: &Tool| {
        let name = tool.name.as_str();
        if name == ISSUE_TOOL {
            let calls = || step.issuing.call.iter().chain(&step.issuing.other);
            let case = |subject: &str, call| Case {
                issue: Some(call),
                key: step.key.clone(),
                carrier: step.carrier,
                ..Case::of(subject, ISSUE_TOOL)
            };
            return subjects.iter().flat_map(|(subject, ..)| calls().map(|call| case(subject, call.clone()))).find(passes);
        }
        let meeting = step.meetings.get(name)?;
        let granted = subjects.iter().filter(|(_, ours, theirs)| ours.contains_key(name) && theirs.contains_key(name));
        let spots = || meeting.spots.iter().filter(|spot| spot.known);
        granted.flat_map(|(subject, ..)| spots().map(|spot| step.case(subject, meeting, spot))).find(passes)
    };
    step.to.policy.tools.iter().filter_map(of_tool).collect()
}

/// A row for larger arguments, if any tool takes arguments of that size.
fn sizes(step: &Step<'_>, shared: &[Case], rows: &mut Vec<Row>) {
    let (low, high) = (step.from.policy.limits.max_arguments, step.to.policy.limits.max_arguments);
    if high <= low {
        return;
    }
    let mut unsure = false;
    for case in shared.iter().filter(|case| case.tool != ISSUE_TOOL) {
        let Some(tool) = step.to.tool(&case.tool) else { continue };
        let (found, possible) = larger(step, tool, case, low);
        let confirmed = found.filter(|case| step.confirms(case));
        if confirmed.is_some() {
            let row = step.row_of(Dimension::ArgumentBytes, &words::bytes(low), &words::bytes(high), confirmed, ("*", "*"));
            rows.push(row);
            return;
        }
        unsure |= possible;
    }
    if unsure {
        rows.push(step.row_of(Dimension::ArgumentBytes, &words::bytes(low), &words::bytes(high), None, ("*", "*")));
    }
}

/// A call with more than so many bytes of arguments, and whether there may be one that was not found.
fn larger(step: &Step<'_>, tool: &Tool, case: &Case, low: u64) -> (Option<Case>, bool) {
    let now = verdict::args_bytes(&case.args);
    let missing = low.saturating_add(1).saturating_sub(now);
    if missing <= face::slack(tool) {
        return (Some(Case { more_bytes: missing, ..case.clone() }), false);
    }
    let fields = face::fields(tool);
    let most = |field: &face::Field<'_>| match field.kind {
        Kind::Text(own) => own.most as u64 * CHAR_BYTES,
        Kind::List(own) => (own.most as u64 * CHAR_BYTES).saturating_mul(own.items),
        Kind::Integer(..) | Kind::Number | Kind::Truth => 32,
    };
    let bounds = fields.iter().map(|field| most(field).saturating_add(16 + field.name.len() as u64 * CHAR_BYTES));
    let bound = bounds.fold(0, u64::saturating_add);
    if bound <= low {
        return (None, false);
    }
    let mut full = case.clone();
    for field in &fields {
        let values = Values::of(tool, field, &step.to.patterns);
        let (Some(set), false) = (values.texts(), values.forbidden() || field.name == "url") else { continue };
        let longest = longest(set);
        match (field.kind, longest) {
            (Kind::Text(_), Some(text)) => drop(full.args.insert(field.name.to_owned(), Value::Text(text))),
            (Kind::List(_), Some(text)) => {
                let items = usize::try_from(values.items_max()).unwrap_or(0);
                full.args.insert(field.name.to_owned(), Value::List(vec![text; items]));
            }
            (Kind::Text(_) | Kind::List(_) | Kind::Integer(..) | Kind::Number | Kind::Truth, _) => {}
        }
    }
    trim(step, tool, &mut full, low);
    (Some(full), true)
}

/// A long text of a set: of its greatest length, or half of it and so on.
fn longest(set: texts::Texts<'_>) -> Option<String> {
    let (_, most) = set.lengths();
    let lengths = std::iter::successors(Some(most), |length| Some(length / 2).filter(|length| *length > 0));
    let plain = |length: usize| Some("a".repeat(length)).filter(|text| set.admits(text));
    let found = |length: usize| match texts::longer(&[set], None, length, &|text| set.admits(text)) {
        Found::This(text) => Some(text),
        Found::Nothing | Found::Unknown => None,
    };
    lengths.clone().find_map(|length| plain(length).or_else(|| found(length)))
}

/// Takes arguments away that are not needed to be larger than the limit, so that the other limit is not exceeded too.
fn trim(step: &Step<'_>, tool: &Tool, case: &mut Case, low: u64) {
    let high = step.to.policy.limits.max_arguments;
    let names: Vec<String> = case.args.keys().cloned().collect();
    for name in names {
        if verdict::args_bytes(&case.args) <= high {
            return;
        }
        let Some(field) = face::fields(tool).into_iter().find(|field| field.name == name) else { continue };
        let values = Values::of(tool, &field, &step.to.patterns);
        let over = usize::try_from(verdict::args_bytes(&case.args).saturating_sub(low + 1)).unwrap_or(0);
        let shorter = match case.args.get(&name) {
            Some(Value::Text(text)) => Value::Text(text.chars().take(text.chars().count().saturating_sub(over)).collect()),
            Some(Value::List(items)) => {
                let each = items.first().map_or(1, |item| item.len() + 3);
                Value::List(items.iter().take(items.len().saturating_sub(over / each)).cloned().collect())
            }
            Some(Value::Integer(_) | Value::Real(_) | Value::Truth(_)) | None => continue,
        };
        if values.admits(&shorter) {
            case.args.insert(name, shorter);
        }
    }
}
