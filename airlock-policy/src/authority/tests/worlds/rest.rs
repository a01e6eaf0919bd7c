//! Declarative tools: inputs of every type with every rule, what is sent and what of the answer is given.

use super::*;
use ir::{Auth, AuthScheme, Input, InputKind, Method, Pair, Piece, Response, Rest, Select, Slot};

pub(crate) fn word() -> impl Strategy<Value = String> {
    "[ab]{0,3}"
}

pub(crate) const PATTERNS: &[&str] = &["a*", "(ab)*", "[ab]{2,3}", "a.*b", ".*ba.*", "[^a]*", "(a|b)(a|b)", "b?a+"];

pub(crate) const PATHS: &[&str] = &["/", "/a", "/a/b", "/b"];

pub(crate) const HOSTS: &[&str] = &["*", "*.b.a", "a.b.a", "b.a"];

pub(crate) fn optional<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    prop::option::weighted(0.3, strategy)
}

pub(crate) fn rules() -> impl Strategy<Value = Vec<ArgRule>> {
    let pick = |list: &'static [&'static str]| prop::sample::select(list.to_vec()).prop_map(str::to_owned);
    let hosts =
        prop::sample::subsequence(HOSTS.to_vec(), 1..3).prop_map(|hosts| ArgRule::HostIn(hosts.into_iter().map(rule).collect()));
    let affixes = (optional("[ab/]{0,2}".prop_map(ArgRule::Prefix)), optional("[ab]{0,2}".prop_map(ArgRule::Suffix)));
    let lengths = (optional((0u64..3).prop_map(ArgRule::MinLength)), optional((0u64..5).prop_map(ArgRule::MaxLength)));
    let listed = prop::option::weighted(0.2, prop::collection::vec(word(), 1..6).prop_map(ArgRule::OneOf));
    let rare = (
        optional(pick(PATTERNS).prop_map(ArgRule::Matches)),
        prop::option::weighted(0.15, pick(PATHS).prop_map(ArgRule::Under)),
        prop::option::weighted(0.15, hosts),
    );
    (listed, affixes, lengths, rare).prop_map(|(one_of, (prefix, suffix), (least, most), (matches, under, hosts))| {
        [one_of, prefix, suffix, least, most, matches, under, hosts].into_iter().flatten().collect()
    })
}

pub(crate) fn input(name: &str, kind: InputKind, required: bool) -> Input {
    Input { name: name.into(), kind, required, description: String::new() }
}

pub(crate) fn rest_of(input: Vec<Input>) -> Rest {
    let from = |input: &Input| Pair { name: input.name.clone(), value: Slot::Input(input.name.clone()) };
    Rest {
        title: String::new(),
        description: "x".into(),
        method: Method::Post,
        host: "p.x.com".into(),
        port: 443,
        path: vec![Piece::Literal("/v1/send".into())],
        query: Vec::new(),
        headers: Vec::new(),
        body: input.iter().map(from).collect(),
        auth: None,
        response: Response { select: Select::Whole, max_bytes: 2048 },
        input,
    }
}

#[expect(clippy::useless_conversion, reason = "the variant may hold a box")]
pub(crate) fn rest_tool(name: &str, rest: Rest) -> Tool {
    let egress = vec![Egress { host: HostRule::Exact(rest.host.clone()), ports: vec![443], stand_in: None, why: "x".into() }];
    Tool { kind: ToolKind::Rest(rest.into()), egress, effect: EffectClass::Send, ..tool_of(name, Builtin::HttpGetJson) }
}

pub(crate) fn shape() -> impl Strategy<Value = Rest> {
    let kinds = vec![InputKind::String, InputKind::Integer, InputKind::Number, InputKind::Boolean, InputKind::Array];
    let kinds = prop::collection::vec((prop::sample::select(kinds), any::<bool>()), 1..3);
    let other = prop::sample::select(vec![
        (Method::Post, None),
        (Method::Put, None),
        (Method::Post, Some("T")),
        (Method::Post, Some("U")),
    ]);
    let selects = vec![
        Select::Whole,
        Select::One("/id".into()),
        Select::One("/id/x".into()),
        Select::Fields(vec![("i".into(), "/id".into())]),
    ];
    (kinds, prop::option::weighted(0.2, other), prop::sample::select(selects), 1u64..3, prop::bool::weighted(0.2)).prop_map(
        |(kinds, other, select, size, path)| {
            let names = ["x", "y"];
            let mut rest =
                rest_of(kinds.into_iter().zip(names).map(|((kind, required), name)| input(name, kind, required)).collect());
            rest.response = Response { select, max_bytes: size * 1024 };
            if let Some((method, env)) = other {
                rest.method = method;
                rest.auth = env.map(|env| Auth { scheme: AuthScheme::Bearer, env: env.into() });
            }
            let first = &mut rest.input[0];
            if path && matches!(first.kind, InputKind::String | InputKind::Integer | InputKind::Boolean) {
                first.required = true;
                rest.body.remove(0);
                rest.path = vec![Piece::Literal("/v1/".into()), Piece::Input("x".into())];
            }
            rest
        },
    )
}

pub(crate) fn world() -> impl Strategy<Value = Policy> {
    let of_input = (
        rules(),
        bound(ArgRule::Min, -1..3),
        bound(ArgRule::Max, -1..3),
        prop::option::weighted(0.2, 0u64..3),
        prop::bool::weighted(0.1),
    );
    let rules = prop::collection::vec(of_input, 2);
    let tool = (shape(), rules, prop::bool::weighted(0.7)).prop_map(|(rest, rules, strict)| {
        let ruled = rest.input.iter().zip(rules).map(|(input, (texts, min, max, items, forbid))| {
            let numbers = || min.into_iter().chain(max);
            let rules = match input.kind {
                _ if forbid && !input.required => vec![ArgRule::Forbid],
                InputKind::String => texts,
                InputKind::Array => texts.into_iter().chain(items.map(ArgRule::MaxItems)).collect(),
                InputKind::Integer | InputKind::Number => numbers().collect(),
                InputKind::Boolean => Vec::new(),
            };
            ArgRules { arg: input.name.clone(), rules }
        });
        let args = ruled.collect();
        Tool { args, strict, ..rest_tool("post", rest) }
    });
    tool.prop_map(|tool| policy(vec![tool], vec![grant_of("a", &["post"], &["p.x.com"])]))
}

/// Two of them, the second often the first with a part changed.
pub(crate) fn changed() -> impl Strategy<Value = (Policy, Policy)> {
    (world(), world(), any::<[bool; 3]>()).prop_map(|(old, mut new, [kind, answer, args])| {
        let (mut before, after) = (old.tools[0].clone(), &mut new.tools[0]);
        if kind {
            // Only the answer, or nothing, is another.
            if let (ToolKind::Rest(before), ToolKind::Rest(after), true) = (&mut before.kind, &after.kind, answer) {
                before.response = after.response.clone();
            }
            after.kind = before.kind;
            after.args.clone_from(&old.tools[0].args);
        }
        if args {
            after.strict = old.tools[0].strict;
        }
        (old, new)
    })
}
