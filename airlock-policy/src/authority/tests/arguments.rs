//! Declarative tools: inputs of every type with every rule, what is sent and what of the answer is given.

use super::super::face::{Alphabet, InPath, Own};
use super::super::search::Found;
use super::super::texts::{self, Patterns, Texts};
use super::worlds::rest::{changed, input, rest_of, rest_tool, rules};
use super::*;
use crate::ir::{Auth, AuthScheme, InputKind, Method, Pair, Piece, Rest, Select, Slot};

/// Every string of up to five letters: `z` stands for all that no rule names; and some paths and hosts.
fn universe() -> Vec<String> {
    let mut all = vec![String::new()];
    let mut last = all.clone();
    for _ in 0..5 {
        last = last.iter().flat_map(|text| ["a", "b", "z", "/"].map(|c| format!("{text}{c}"))).collect();
        all.extend(last.iter().cloned());
    }
    for text in
        ["/a/./b", "/a/..", "/a/...", "/..b", "a.b.a", "z.b.a", "b.a", "aa.bb", "https://a.b.a", "https://z.b.a/ab", "b.a:443"]
    {
        all.push(text.to_owned());
    }
    all
}

#[test]
fn a_text_beyond_rules_is_found_exactly_when_there_is_one() {
    let (universe, patterns) = (universe(), Patterns::default());
    let own = Own { least: 0, most: 60, items: 64, alphabet: Alphabet::Any, path: InPath::No };
    let result = runner(600).run(&(rules(), rules()), |(new, old)| {
        let (new, old) = (Texts { own, rules: &new, patterns: &patterns }, Texts { own, rules: &old, patterns: &patterns });
        let known = universe.iter().find(|text| new.admits(text) && !old.admits(text));
        match texts::beyond(new, old, None) {
            Found::This(text) => prop_assert!(new.admits(&text) && !old.admits(&text)),
            Found::Nothing => prop_assert_eq!(known, None),
            Found::Unknown => prop_assert!(false, "given up"),
        }
        match texts::common(&[new, old], None) {
            Found::This(text) => prop_assert!(new.admits(&text) && old.admits(&text)),
            Found::Nothing => prop_assert!(!universe.iter().any(|text| new.admits(text) && old.admits(text))),
            Found::Unknown => prop_assert!(false, "given up"),
        }
        Ok(())
    });
    result.unwrap();
}

/// The shapes that occur, by what they send: a case belongs to one.
fn cases(policies: [&Policy; 2]) -> Vec<Case> {
    let mut cases = Vec::new();
    let text = |text: &str| Value::Text(text.into());
    let list = |items: &[&str]| Value::List(items.iter().map(|item| (*item).to_owned()).collect());
    let values = [
        None,
        Some(text("")),
        Some(text("a")),
        Some(text("ab")),
        Some(text("/a/b")),
        Some(text("a.b.a")),
        Some(text("..")),
        Some(text("bab")),
        Some(Value::Integer(0)),
        Some(Value::Integer(2)),
        Some(Value::Real(Real(0.5))),
        Some(Value::Truth(true)),
        Some(list(&[])),
        Some(list(&["a"])),
        Some(list(&["ab", "ab", "ab"])),
    ];
    for tool in policies.iter().flat_map(|policy| &policy.tools) {
        let reads = ["", "/id", "/id/x", "/other"];
        let case = Case { targets: vec![Target { host: "p.x.com".into(), port: 443, stand_in: None }], ..plain("a", "post") };
        let of = |reads: &str, answer_bytes| {
            super::super::face::request(policies[0], tool, reads).map(|request| Request { answer_bytes, ..request })
        };
        for x in &values {
            for y in &values {
                let args = [("x", x), ("y", y)].into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
                cases.push(Case { args: args.collect(), request: of("/id/x", 0), ..case.clone() });
            }
        }
        cases.extend(reads.map(|reads| Case {
            args: BTreeMap::from([("x".into(), text("a"))]),
            request: of(reads, 2000),
            ..case.clone()
        }));
        cases.push(Case { args: BTreeMap::from([("odd".into(), Value::Truth(true))]), request: of("/id/x", 0), ..case });
    }
    cases
}

#[test]
fn the_difference_of_declarative_tools_agrees_with_all_calls() {
    runner(300).run(&changed(), |(old, new)| agrees(&old, &new, &cases([&old, &new]))).unwrap();
}

/// One input with these rules.
fn with(kind: InputKind, rules: Vec<ArgRule>) -> Policy {
    let tool = Tool { args: ruled(vec![("x", rules)]), ..rest_tool("post", rest_of(vec![input("x", kind, true)])) };
    policy(vec![tool], vec![grant_of("a", &["post"], &["p.x.com"])])
}

fn witness(old: &Policy, new: &Policy) -> Option<Value> {
    let rows = gains(old, new);
    assert!(rows.len() <= 1, "{rows:?}");
    rows.first().and_then(|row| row.witness.as_ref()).map(|case| case.args["x"].clone())
}

#[test]
fn rules_that_say_the_same_in_other_words_are_no_gain() {
    use ArgRule::{HostIn, MaxLength, MinLength, OneOf, Prefix, Suffix, Under};
    let matches = |pattern: &str| ArgRule::Matches(pattern.into());
    let host = |text: &str| super::super::places::entry(text);
    let same: Vec<(Vec<ArgRule>, Vec<ArgRule>)> = vec![
        (vec![matches("[a-c]+")], vec![matches("(a|b|c)(a|b|c)*")]),
        (vec![matches("abc.*")], vec![matches("abc.*"), Prefix("abc".into())]),
        (vec![matches("[a-z]{2,4}")], vec![matches("[a-z]+"), MinLength(2), MaxLength(4)]),
        (vec![OneOf(vec!["a".into(), "b".into()])], vec![matches("[ab]")]),
        (vec![matches("x[0-9]*y")], vec![Prefix("x".into()), Suffix("y".into()), matches("(x|z)[0-9]*(y|w)")]),
        (vec![Under("/srv".into())], vec![Under("/srv".into()), matches("/.*")]),
        (vec![HostIn(vec![host("a.x.com"), host("*.x.com")])], vec![HostIn(vec![host("*.x.com")])]),
        (vec![matches("[ab]{1,63}[.]x[.]com")], vec![matches("[ab]+[.]x[.]com"), HostIn(vec![host("*")])]),
    ];
    for (one, other) in same {
        let (one, other) = (with(InputKind::String, one), with(InputKind::String, other));
        assert_eq!((gains(&one, &other), gains(&other, &one)), (vec![], vec![]));
    }
}

#[test]
fn the_shortest_text_that_is_gained_is_shown() {
    use ArgRule::{HostIn, MaxLength, Prefix, Under};
    let matches = |pattern: &str| ArgRule::Matches(pattern.into());
    let host = |text: &str| super::super::places::entry(text);
    for (old, new, text) in [
        (vec![matches("[a-z]{1,8}")], vec![matches("[a-z]{1,9}")], "aaaaaaaaa"),
        (vec![matches("[A-Z]+")], vec![matches("[A-Z0-9]+")], "0"),
        (vec![MaxLength(100)], vec![MaxLength(4000)], &"a".repeat(101)),
        (vec![Under("/srv/work".into())], vec![Under("/srv".into())], "/srv"),
        (vec![Under("/srv/work".into())], vec![Prefix("/srv/work".into())], "/srv/worka"),
        (vec![HostIn(vec![host("a.x.com")])], vec![HostIn(vec![host("*.x.com")])], "b.x.com"),
        (vec![HostIn(vec![host("*.x.com")])], vec![HostIn(vec![host("*")])], "a.a"),
        (vec![HostIn(vec![host("*.x.com")])], vec![matches("[a-z]{60,64}[.]x[.]com")], &format!("{}.x.com", "a".repeat(64))),
        (vec![HostIn(vec![host("*")])], vec![matches("[a-z]+[.](com|local)")], "a.local"),
        (vec![matches("é*")], vec![matches("[éè]*")], "è"),
    ] {
        let found = witness(&with(InputKind::String, old.clone()), &with(InputKind::String, new.clone()));
        assert_eq!(found, Some(Value::Text(text.to_owned())), "{old:?} {new:?}");
    }
    let old = with(InputKind::Integer, vec![ArgRule::Max(5)]);
    assert_eq!(witness(&old, &with(InputKind::Number, vec![ArgRule::Max(5)])), Some(Value::Real(Real(0.5))));
    assert_eq!(witness(&old, &with(InputKind::Integer, vec![ArgRule::Max(7)])), Some(Value::Integer(7)));
    let lists = |most| with(InputKind::Array, vec![ArgRule::MaxItems(most), matches("a")]);
    assert_eq!(witness(&lists(1), &lists(3)), Some(Value::List(vec!["a".into(); 2])));
}

#[test]
fn what_is_sent_and_what_is_read_are_compared() {
    let with = |change: fn(&mut Rest)| {
        let mut rest = rest_of(vec![input("x", InputKind::String, true)]);
        rest.response.select = Select::Fields(vec![("a".into(), "/id".into()), ("b".into(), "/name".into())]);
        change(&mut rest);
        policy(vec![rest_tool("post", rest)], vec![grant_of("a", &["post"], &["p.x.com"])])
    };
    let same = with(|_| {});
    let kinds = |new: &Policy| {
        [gains(&same, new), gains(new, &same)].map(|rows| rows.into_iter().map(|row| row.dimension).collect::<Vec<_>>())
    };
    // Another request is gained and lost.
    let both = [vec![Dimension::Request], vec![Dimension::Request]];
    assert_eq!(kinds(&with(|rest| rest.method = Method::Put)), both);
    assert_eq!(kinds(&with(|rest| rest.auth = Some(Auth { scheme: AuthScheme::Basic, env: "T".into() }))), both);
    assert_eq!(kinds(&with(|rest| rest.path.push(Piece::Literal("/more".into())))), both);
    assert_eq!(kinds(&with(|rest| rest.body.push(Pair { name: "z".into(), value: Slot::Boolean(true) }))), both);
    // A part of what was read is less, other names for it are the same.
    assert_eq!(kinds(&with(|rest| rest.response.select = Select::One("/id/x".into()))), [vec![], vec![Dimension::Answer]]);
    assert_eq!(kinds(&with(|rest| rest.response.select = Select::Whole)), [vec![Dimension::Answer], vec![]]);
    let renamed =
        |rest: &mut Rest| rest.response.select = Select::Fields(vec![("c".into(), "/name".into()), ("d".into(), "/id".into())]);
    assert_eq!(kinds(&with(renamed)), [vec![], vec![]]);
    assert_eq!(kinds(&with(|rest| rest.response.max_bytes = 4096)), [vec![Dimension::AnswerBytes], vec![]]);
    // Texts for people are no authority.
    assert_eq!(kinds(&with(|rest| rest.title = "y".into())), [vec![], vec![]]);
}
