//! Where values come from.

use super::worlds::origins::{LOOKS, world};
use super::*;
use crate::ir::{Form, Origin, Otherwise, Source};

/// Every place under every reading, for one argument and for both.
fn cases() -> Vec<Case> {
    let tools = [None, Some("airlock_audit_tail"), Some("airlock_usage_stats")].map(|tool| tool.map(str::to_owned));
    let results = tools.iter().flat_map(|tool| {
        let printed = Form::PRINTED.map(|form| Place::Printed(tool.clone(), form));
        [Place::Structured(tool.clone()), Place::Screened(tool.clone()), Place::Text(tool.clone())].into_iter().chain(printed)
    });
    let places: Vec<Place> = [Place::Nowhere, Place::Intent].into_iter().chain(results).collect();
    let spotted: Vec<Option<Spotted>> = std::iter::once(None)
        .chain(places.iter().flat_map(|place| LOOKS.map(|look| Some(Spotted { look, place: place.clone() }))))
        .collect();
    let cases = spread(vec![plain("a", "airlock_audit_tail")], &spotted, |case, spotted| {
        case.seen.extend(spotted.clone().map(|spotted| ("limit".to_owned(), spotted)));
    });
    spread(cases, &spotted, |case, spotted| case.seen.extend(spotted.clone().map(|spotted| ("other".to_owned(), spotted))))
}

#[test]
fn the_difference_of_origins_agrees_with_all_places() {
    holds(400, world(), &cases());
}

#[test]
fn more_questions_are_a_gain_where_something_asks() {
    let with = |step_ups: Option<u64>, otherwise: Otherwise| {
        let origins = vec![Origin { arg: "limit".into(), look: LOOKS[0], from: vec![Source::Intent], otherwise }];
        let tool = Tool { origins, ..tool_of("airlock_audit_tail", Builtin::AirlockAuditTail) };
        let mut policy = policy(vec![tool], vec![grant_of("a", &["airlock_audit_tail"], &[])]);
        policy.limits.step_ups = step_ups;
        policy
    };
    assert_eq!(gains(&with(None, Otherwise::Ask), &with(Some(2), Otherwise::Ask)), []);
    for wider in [Some(3), None] {
        let rows = gains(&with(Some(2), Otherwise::Ask), &with(wider, Otherwise::Ask));
        let told: Vec<_> =
            rows.iter().map(|row| (row.dimension.clone(), row.witness.as_ref().map(|case| case.questions))).collect();
        assert_eq!(told, [(Dimension::StepUps, Some(2))]);
    }
}

#[test]
fn fewer_sources_and_a_refusal_instead_of_a_question_are_no_gain() {
    let with = |from: &[Source], otherwise: Otherwise, trusted: bool| {
        let origins = vec![Origin { arg: "limit".into(), look: LOOKS[0], from: from.to_vec(), otherwise }];
        let tools = vec![
            Tool { origins, ..tool_of("airlock_audit_tail", Builtin::AirlockAuditTail) },
            Tool { trusted, ..tool_of("airlock_usage_stats", Builtin::AirlockUsageStats) },
        ];
        policy(tools, vec![grant_of("a", &["airlock_audit_tail", "airlock_usage_stats"], &[])])
    };
    let (wide, narrow) = ([Source::Intent, Source::Text], [Source::Intent]);
    assert_eq!(gains(&with(&wide, Otherwise::Ask, false), &with(&narrow, Otherwise::Ask, false)), []);
    assert_eq!(gains(&with(&wide, Otherwise::Ask, false), &with(&wide, Otherwise::Deny, false)), []);
    for (old, new, place) in [
        (with(&narrow, Otherwise::Deny, false), with(&wide, Otherwise::Deny, false), Place::Structured(None)),
        (with(&narrow, Otherwise::Deny, false), with(&narrow, Otherwise::Ask, false), Place::Nowhere),
        (
            with(&[Source::Trusted], Otherwise::Deny, false),
            with(&[Source::Trusted], Otherwise::Deny, true),
            Place::Structured(Some("airlock_usage_stats".into())),
        ),
    ] {
        let rows = gains(&old, &new);
        let seen: Vec<_> =
            rows.iter().filter_map(|row| row.witness.as_ref()?.seen.get("limit").map(|it| it.place.clone())).collect();
        assert_eq!(seen, [place], "{rows:?}");
        assert_eq!(rows[0].dimension, Dimension::Provenance("limit".into()));
    }
}

#[test]
fn a_form_that_makes_members_is_a_gain_and_one_that_makes_none_is_not() {
    let with = |result: Form| {
        let origins =
            vec![Origin { arg: "limit".into(), look: LOOKS[0], from: vec![Source::Structured], otherwise: Otherwise::Deny }];
        let tools = vec![
            Tool { origins, ..tool_of("airlock_audit_tail", Builtin::AirlockAuditTail) },
            Tool { result, ..tool_of("airlock_usage_stats", Builtin::AirlockUsageStats) },
        ];
        policy(tools, vec![grant_of("a", &["airlock_audit_tail", "airlock_usage_stats"], &[])])
    };
    let tool = || Some("airlock_usage_stats".to_owned());
    for (old, new, place) in [
        (Form::Text, Form::Json, Some(Place::Structured(tool()))),
        (Form::Json, Form::Yaml, Some(Place::Printed(tool(), Form::Yaml))),
        (Form::Yaml, Form::Csv, Some(Place::Printed(tool(), Form::Csv))),
        (Form::Csv, Form::Table, Some(Place::Printed(tool(), Form::Table))),
        (Form::Table, Form::Json, None),
        (Form::Json, Form::Text, None),
        (Form::Yaml, Form::Yaml, None),
    ] {
        let rows = gains(&with(old), &with(new));
        let seen: Vec<_> =
            rows.iter().filter_map(|row| row.witness.as_ref()?.seen.get("limit").map(|it| it.place.clone())).collect();
        assert_eq!(seen, Vec::from_iter(place), "{old:?} {new:?} {rows:?}");
    }
}
