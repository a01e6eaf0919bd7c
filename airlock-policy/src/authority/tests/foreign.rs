//! Tools of upstreams: program, definition, results, arguments.

use super::*;
use crate::definitions::{Definition, schema};
use crate::ir::{Argument, ArgumentKind, Era, OnRisk, Proxied, Upstream, Variable, VariableValue};

const DEFINITIONS: [&str; 3] = [
    r#"{"name":"t","description":"d","inputSchema":{"type":"object","properties":{"x":{"type":"string"},"y":{"type":"integer"},"z":{"type":"object"}},"required":["x"]}}"#,
    r#"{"name":"t","description":"other","inputSchema":{"type":"object","properties":{"x":{"type":"string"},"y":{"type":"integer"},"z":{"type":"object"}},"required":["x"]}}"#,
    r#"{"name":"t","description":"d","inputSchema":{"type":"object","properties":{"x":{"type":"string"},"w":{"type":"boolean"}}}}"#,
];

fn upstream(program: usize) -> Upstream {
    let literal = |text: &str| vec![Variable { name: "A".into(), value: VariableValue::Literal(text.into()) }];
    Upstream {
        name: "u".into(),
        command: vec!["/bin/u".into(), ["a", "b"][program % 2].into()],
        dir: None,
        env: if program > 1 { literal("x") } else { Vec::new() },
        era: Era::Auto,
        start_timeout: 5,
        max_message: 9,
        resources: Vec::new(),
        prompts: Vec::new(),
        confine: None,
        why: "x".into(),
    }
}

fn proxied(definition: usize, max_result: u64, on_risk: OnRisk, result_threshold: u16) -> Proxied {
    let definition = Definition::of(DEFINITIONS[definition]).unwrap();
    Proxied {
        upstream: "u".into(),
        tool: "t".into(),
        pin: crate::digest::hex(definition.digest()),
        arguments: schema::arguments(definition.value()),
        definition: definition.text().into(),
        max_result,
        on_risk,
        result_threshold,
        secrets: false,
    }
}

fn world_of(program: usize, proxied: Proxied, strict: bool, args: Vec<ArgRules>) -> Policy {
    let names: Vec<&str> = proxied.arguments.iter().map(|argument| argument.name.as_str()).collect();
    let args = args.into_iter().filter(|rules| names.contains(&rules.arg.as_str())).collect();
    let tool = Tool { kind: ToolKind::Upstream(proxied), strict, args, ..tool_of("u.t", Builtin::HttpGetJson) };
    Policy { upstreams: vec![upstream(program)], ..policy(vec![tool], vec![grant_of("a", &["u.t"], &[])]) }
}

/// One tool of one upstream.
pub(super) fn plain_world() -> Policy {
    world_of(0, proxied(0, 1000, OnRisk::Deny, 1), true, Vec::new())
}

fn world() -> impl Strategy<Value = Policy> {
    let results = (
        prop::sample::select(vec![1000u64, 2000]),
        prop::sample::select(vec![OnRisk::Deny, OnRisk::Mark, OnRisk::Strip]),
        0u16..3,
    );
    let numbers =
        (bound(ArgRule::Min, 0..2), bound(ArgRule::Max, 1..3)).prop_map(|(least, most)| least.into_iter().chain(most).collect());
    let args = (texts(&["a", "ab"], &["b"]), numbers).prop_map(|(x, y): (_, Vec<ArgRule>)| ruled(vec![("x", x), ("y", y)]));
    let parts = (0usize..4, 0usize..3, results, any::<bool>(), args);
    parts.prop_map(|(program, definition, (most, on_risk, threshold), strict, args)| {
        world_of(program, proxied(definition, most, on_risk, threshold), strict, args)
    })
}

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
    let strategy = (world(), world(), any::<[bool; 4]>()).prop_map(|(old, mut new, [program, kind, args, strict])| {
        if program {
            new.upstreams.clone_from(&old.upstreams);
        }
        let (before, after) = (&old.tools[0], &mut new.tools[0]);
        if kind {
            after.kind = before.kind.clone();
            after.args.clone_from(&before.args);
        }
        if args && kind {
            // Only results are treated otherwise.
            if let ToolKind::Upstream(proxied) = &mut after.kind {
                proxied.on_risk = OnRisk::Strip;
                proxied.result_threshold = 1;
            }
        }
        if strict {
            after.strict = before.strict;
        }
        (old, new)
    });
    runner(300).run(&strategy, |(old, new)| agrees(&old, &new, &cases([&old, &new]))).unwrap();
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
            let Proxied { pin, definition, .. } = super::foreign::proxied(1, 1000, OnRisk::Deny, 1);
            (proxied.pin, proxied.definition) = (pin, definition);
        })),
        change(&kind(&|proxied| proxied.max_result = 1001)),
        change(&kind(&|proxied| proxied.on_risk = OnRisk::Mark)),
        change(&kind(&|proxied| proxied.result_threshold = 2)),
        change(&|policy| policy.tools[0].args.clear()),
        change(&|policy| policy.tools[0].strict = false),
        change(&|policy| policy.upstreams[0].resources = vec!["file:///a/*".into()]),
        change(&|policy| policy.upstreams[0].prompts = vec!["p".into()]),
        change(&|policy| policy.tools[0].kind = ToolKind::Builtin(Builtin::AirlockUsageStats)),
    ];
    insta::assert_snapshot!(told.join("\n\n"));
    // What changes nothing that anybody may do is no row.
    assert_eq!(change(&|policy| policy.upstreams[0].why = "y".into()), "");
    assert_eq!(change(&kind(&|proxied| proxied.result_threshold = 0)), "");
}

#[test]
fn a_resource_within_a_listed_one_is_nothing_new() {
    let with = |resources: &[&str]| {
        let mut policy = world_of(0, proxied(0, 1000, OnRisk::Deny, 1), true, Vec::new());
        policy.upstreams[0].resources = resources.iter().map(|uri| (*uri).to_owned()).collect();
        policy
    };
    let gained = |old: &[&str], new: &[&str]| diff(&with(old), &with(new)).count(Status::Gained);
    assert_eq!(gained(&["file:///a/*"], &["file:///a/b", "file:///a/c/*"]), 0);
    assert_eq!(gained(&["file:///a/b"], &["file:///a/*"]), 1);
    assert_eq!(gained(&[], &["file:///a/b"]), 1);
}

#[test]
fn arguments_that_rules_cannot_speak_of_are_left_out_of_cases() {
    let kinds = |kind| Argument { name: "a".into(), kind, required: true };
    let mut one = proxied(0, 1000, OnRisk::Deny, 1);
    one.arguments = vec![kinds(ArgumentKind::Other)];
    let policy = world_of(0, one, true, Vec::new());
    assert!(super::super::reaches(&policy, "a", "u.t").is_some());
}
