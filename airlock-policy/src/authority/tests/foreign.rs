//! Tools of upstreams: program, definition, results, arguments.

use super::worlds::foreign::{changed, proxied, world_of};
use super::*;
use crate::definitions::{Definition, schema};
use crate::ir::{Argument, ArgumentKind, Offer, OnRisk, Proxied, Variable, VariableValue};

/// Every call of the small world.
fn cases(policies: [&Policy; 2]) -> Vec<Case> {
    let mut all = Vec::new();
    for policy in policies {
        let request = super::super::face::request(policy, &policy.tools[0], "").unwrap();
        let case = Case {
            request: Some(request.clone()),
            args: BTreeMap::from([("x".into(), Value::Text("ab".into()))]),
            ..plain("a", "u.t")
        };
        let x = [
            None,
            Some(Value::Text("a".into())),
            Some(Value::Text("ab".into())),
            Some(Value::Text("abb".into())),
            Some(Value::Integer(1)),
        ];
        let y = [None, Some(Value::Integer(0)), Some(Value::Integer(2)), Some(Value::Integer(9))];
        let set = |name: &'static str| {
            move |case: &mut Case, value: &Option<Value>| {
                case.args.remove(name);
                case.args.extend(value.clone().map(|value| (name.to_owned(), value)));
            }
        };
        let mut cases = spread(vec![case.clone()], &x, set("x"));
        cases = spread(cases, &y, set("y"));
        cases = spread(cases, &[None, Some(Value::Truth(true))], set("w"));
        cases.extend(spread(vec![case.clone()], &[None, Some(Value::Truth(true))], set("odd")));
        let sizes = spread(vec![case], &[0u64, 1500, 2500], |case, size| {
            case.request.iter_mut().for_each(|request| request.answer_bytes = *size);
        });
        let levels = [Passed::Withheld, Passed::Stripped, Passed::Marked, Passed::Whole];
        let flagged: Vec<(u16, Passed)> = (0..4).flat_map(|risk| levels.map(|level| (risk, level))).collect();
        all.extend(spread(sizes, &flagged, |case, flagged| {
            case.request.iter_mut().for_each(|request| request.answer_risk = Some(*flagged));
        }));
        all.extend(cases);
    }
    all
}

#[test]
fn the_difference_of_tools_of_upstreams_agrees_with_all_calls() {
    runner(300).run(&changed(), |(old, new)| agrees(&old, &new, &cases([&old, &new]))).unwrap();
}

#[test]
fn a_reviewer_reads_what_changed() {
    let old = world_of(
        0,
        proxied(0, 1000, OnRisk::Deny, 1),
        true,
        ruled(vec![("y", vec![ArgRule::Max(2)]), ("z", vec![ArgRule::Forbid])]),
    );
    let change = |change: &dyn Fn(&mut Policy)| {
        let mut new = old.clone();
        change(&mut new);
        let rows = diff(&old, &new).rows.into_iter().filter(|row| row.status == Status::Gained);
        rows.map(|row| format!("{:?}: {} → {}", row.dimension, row.old, row.new)).collect::<Vec<_>>().join("\n")
    };
    let kind = |set: &'static dyn Fn(&mut Proxied)| {
        move |policy: &mut Policy| {
            if let ToolKind::Upstream(proxied) = &mut policy.tools[0].kind {
                set(proxied);
            }
        }
    };
    let told = [
        change(&|policy| policy.upstreams[0].command[1] = "c".into()),
        change(&|policy| policy.upstreams[0].env = vec![Variable { name: "K".into(), value: VariableValue::Secret("S".into()) }]),
        change(&|policy| policy.upstreams[0].max_message = 10),
        change(&kind(&|proxied| {
            let Proxied { pin, definition, .. } = super::worlds::foreign::proxied(1, 1000, OnRisk::Deny, 1);
            (proxied.pin, proxied.definition) = (pin, definition);
        })),
        change(&kind(&|proxied| proxied.max_result = 1001)),
        change(&kind(&|proxied| proxied.on_risk = OnRisk::Mark)),
        change(&kind(&|proxied| proxied.result_threshold = 2)),
        change(&|policy| policy.tools[0].args.clear()),
        change(&|policy| policy.tools[0].strict = false),
        change(&kind(&|proxied| proxied.what = Offer::Resource)),
        change(&kind(&|proxied| proxied.what = Offer::Prompt)),
        change(&kind(&|proxied| proxied.what = Offer::Completion)),
        change(&kind(&|proxied| proxied.what = Offer::Subscription)),
        change(&|policy| policy.tools[0].kind = ToolKind::Builtin(Builtin::AirlockUsageStats)),
    ];
    insta::assert_snapshot!(told.join("\n\n"));
    // What changes nothing that anybody may do is no row.
    assert_eq!(change(&|policy| policy.upstreams[0].why = "y".into()), "");
    assert_eq!(change(&kind(&|proxied| proxied.result_threshold = 0)), "");
}

#[test]
fn a_resource_within_a_listed_one_is_nothing_new() {
    let with = |rule: ArgRule| {
        let definition = Definition::of(
            r#"{"name":"r","inputSchema":{"type":"object","properties":{"uri":{"type":"string"}},"required":["uri"],"additionalProperties":false}}"#,
        )
        .unwrap();
        let arguments = schema::arguments(definition.value());
        let resource = Proxied { what: Offer::Resource, arguments, ..proxied(0, 1000, OnRisk::Deny, 1) };
        world_of(0, resource, true, ruled(vec![("uri", vec![rule])]))
    };
    let start = |text: &str| ArgRule::Prefix(text.into());
    let exact = |text: &str| ArgRule::OneOf(vec![text.into()]);
    let gained = |old: ArgRule, new: ArgRule| diff(&with(old), &with(new)).count(Status::Gained);
    assert_eq!(gained(start("file:///a/"), exact("file:///a/b")), 0);
    assert_eq!(gained(start("file:///a/"), start("file:///a/c/")), 0);
    assert_eq!(gained(exact("file:///a/b"), start("file:///a/")), 1);
    assert_eq!(gained(exact("file:///a/b"), exact("file:///a/c")), 1);
}

#[test]
fn arguments_that_rules_cannot_speak_of_are_left_out_of_cases() {
    let kinds = |kind| Argument { name: "a".into(), kind, required: true };
    let mut one = proxied(0, 1000, OnRisk::Deny, 1);
    one.arguments = vec![kinds(ArgumentKind::Other)];
    let policy = world_of(0, one, true, Vec::new());
    assert!(super::super::reaches(&policy, "a", "u.t").is_some());
}
