//! Rows about where values come from: a value seen in one place, under one reading, which the one policy takes and the other does not.
//!
//! A value seen in several places is accepted if one of them is, so places are looked at one by one; and the rules of a call must all
//! hold, so arguments are looked at one by one as well. Which results count as trusted, and how they are read, is part of the policy.

use super::case::{Case, Place, Spotted, Verdict};
use super::compare::{Dimension, Row, Step};
use super::reach::Meeting;
use super::verdict::Judge;
use crate::ir::{Form, Look, Origin, Otherwise, Policy, Source, Tool};
use std::collections::{BTreeMap, BTreeSet};

/// What the rules of a tool say to a call whose values were seen where the case says.
pub(super) fn verdict(judge: &Judge<'_>, tool: &Tool, case: &Case) -> Verdict {
    let rules = tool.origins.iter().filter_map(|origin| Some((origin, case.seen.get(&origin.arg)?)));
    rules.map(|(origin, spotted)| of_rule(judge, origin, spotted)).min().unwrap_or(Verdict::Allow)
}

fn of_rule(judge: &Judge<'_>, origin: &Origin, spotted: &Spotted) -> Verdict {
    let Origin { arg: _, look, from, otherwise } = origin;
    let trusts = |tool: &Option<String>| tool.as_ref().and_then(|name| judge.tool(name)).is_some_and(|tool| tool.trusted);
    let has = |source: Source| from.contains(&source);
    let text = |tool: &Option<String>| has(Source::Text) || has(Source::Trusted) && trusts(tool);
    let form = |tool: &Option<String>| form(tool.as_ref().and_then(|name| judge.tool(name)));
    let holds = *look == spotted.look
        && match &spotted.place {
            Place::Nowhere => false,
            Place::Intent => has(Source::Intent),
            // A member of a result that shows signs of an injection: the least of its kind.
            Place::Structured(tool) => has(Source::Structured) && form(tool) != Form::Text || text(tool),
            Place::Printed(tool, printed) => has(Source::Structured) && form(tool) == *printed || text(tool),
            Place::Screened(tool) => has(Source::Screened) || text(tool),
            Place::Text(tool) => text(tool),
        };
    match (holds, otherwise) {
        (true, Otherwise::Deny | Otherwise::Ask) => Verdict::Allow,
        (false, Otherwise::Ask) => Verdict::Ask,
        (false, Otherwise::Deny) => Verdict::Deny,
    }
}

/// How a policy reads results of a tool; those of one that it does not have, as where nothing is said.
fn form(tool: Option<&Tool>) -> Form {
    tool.map_or_else(Form::default, |tool| tool.result)
}

/// Rows where both policies let the subject call the tool.
pub(super) fn rows(step: &Step<'_>, meeting: &Meeting<'_>, case: &Case, rows: &mut Vec<Row>) {
    let Some(from) = meeting.from else { return };
    let args: BTreeSet<&str> =
        [from, meeting.to].iter().flat_map(|tool| &tool.origins).map(|origin| origin.arg.as_str()).collect();
    // Looking at every tool for each tool takes seconds where there are many.
    if args.is_empty() {
        return;
    }
    let places = places([step.from.policy, step.to.policy]);
    for arg in args {
        let of = |tool: &Tool| tool.origins.iter().find(|origin| origin.arg == arg).cloned();
        let (old, new) = (of(from), of(meeting.to));
        let looks = [&old, &new].into_iter().flatten().map(|origin| origin.look);
        let cases = looks.flat_map(|look| {
            places.iter().map(move |place| Case {
                seen: [(arg.to_owned(), Spotted { look, place: place.clone() })].into(),
                ..case.clone()
            })
        });
        if let Some(case) = cases.into_iter().find(|case| step.confirms(case)) {
            rows.push(step.row(Dimension::Provenance(arg.to_owned()), &words(old.as_ref()), &words(new.as_ref()), case));
        }
    }
}

/// Places that a policy may tell apart: results of a tool that neither trusts, and of tools that one or both trust or read in another form.
fn places(policies: [&Policy; 2]) -> Vec<Place> {
    let known = policies.map(|policy| policy.tools.iter().map(|tool| (tool.name.as_str(), tool)).collect::<BTreeMap<_, _>>());
    let kind = |tool: Option<&&Tool>| (tool.is_some_and(|tool| tool.trusted), form(tool.copied()));
    let mut kinds = BTreeSet::from([[kind(None); 2]]);
    let mut places = vec![Place::Nowhere, Place::Intent];
    let mut add = |tool: Option<&str>, forms: [Form; 2]| {
        let tool = tool.map(str::to_owned);
        places.push(Place::Structured(tool.clone()));
        let printed = Form::PRINTED.into_iter().filter(|form| forms.contains(form));
        places.extend(printed.map(|form| Place::Printed(tool.clone(), form)));
        places.extend([Place::Screened(tool.clone()), Place::Text(tool)]);
    };
    add(None, [Form::default(); 2]);
    for name in policies.iter().flat_map(|policy| &policy.tools).map(|tool| tool.name.as_str()) {
        let of = known.each_ref().map(|known| kind(known.get(name)));
        if kinds.insert(of) {
            add(Some(name), of.map(|(_, form)| form));
        }
    }
    places
}

fn words(origin: Option<&Origin>) -> String {
    origin.map_or_else(|| "from anywhere".to_owned(), crate::report::origin)
}

/// The reading of a rule, for the description of a case.
#[must_use]
pub fn reading(look: Look) -> &'static str {
    match look {
        Look::Whole(kind) => crate::manifest::kind_word(kind),
        Look::Inside => "inside",
    }
}

/// The form of a result, for the description of a case.
#[must_use]
pub const fn printed(form: Form) -> &'static str {
    crate::manifest::form_word(form)
}
