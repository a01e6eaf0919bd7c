//! Tools of upstreams: program, definition, results, arguments.

use super::*;
use definitions::{Definition, schema};
use ir::{Era, Offer, OnRisk, Proxied, Upstream, Variable, VariableValue};

pub(crate) const DEFINITIONS: [&str; 3] = [
    r#"{"name":"t","description":"d","inputSchema":{"type":"object","properties":{"x":{"type":"string"},"y":{"type":"integer"},"z":{"type":"object"}},"required":["x"]}}"#,
    r#"{"name":"t","description":"other","inputSchema":{"type":"object","properties":{"x":{"type":"string"},"y":{"type":"integer"},"z":{"type":"object"}},"required":["x"]}}"#,
    r#"{"name":"t","description":"d","inputSchema":{"type":"object","properties":{"x":{"type":"string"},"w":{"type":"boolean"}}}}"#,
];

pub(crate) fn upstream(program: usize) -> Upstream {
    let literal = |text: &str| vec![Variable { name: "A".into(), value: VariableValue::Literal(text.into()) }];
    Upstream {
        name: "u".into(),
        command: vec!["/bin/u".into(), ["a", "b"][program % 2].into()],
        dir: None,
        env: if program > 1 { literal("x") } else { Vec::new() },
        era: Era::Auto,
        start_timeout: 5,
        max_message: 9,
        may_ask: Vec::new(),
        ask_hosts: Vec::new(),
        may_tell: Vec::new(),
        log: None,
        confine: None,
        why: "x".into(),
    }
}

pub(crate) fn proxied(definition: usize, max_result: u64, on_risk: OnRisk, result_threshold: u16) -> Proxied {
    let definition = Definition::of(DEFINITIONS[definition]).unwrap();
    Proxied {
        upstream: "u".into(),
        what: Offer::Tool,
        tool: "t".into(),
        pin: digest::hex(definition.digest()),
        arguments: schema::arguments(definition.value()),
        definition: definition.text().into(),
        max_result,
        on_risk,
        result_threshold,
        secrets: false,
    }
}

pub(crate) fn world_of(program: usize, proxied: Proxied, strict: bool, args: Vec<ArgRules>) -> Policy {
    let names: Vec<&str> = proxied.arguments.iter().map(|argument| argument.name.as_str()).collect();
    let args = args.into_iter().filter(|rules| names.contains(&rules.arg.as_str())).collect();
    let tool = Tool { kind: ToolKind::Upstream(proxied), strict, args, ..tool_of("u.t", Builtin::HttpGetJson) };
    Policy { upstreams: vec![upstream(program)], ..policy(vec![tool], vec![grant_of("a", &["u.t"], &[])]) }
}

pub(crate) fn world() -> impl Strategy<Value = Policy> {
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

/// Two of them, the second often the first with a part changed.
pub(crate) fn changed() -> impl Strategy<Value = (Policy, Policy)> {
    (world(), world(), any::<[bool; 4]>()).prop_map(|(old, mut new, [program, kind, args, strict])| {
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
    })
}
