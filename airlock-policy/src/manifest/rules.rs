//! Rules that narrow an argument beyond what the tool itself accepts: `args.<name> = { … }`, `[args.*]`, and those in `input.<name>`.

use super::contradictions;
use super::groups::Groups;
use super::origin::{self, OriginDraft};
use crate::automaton::{PatternFault, STATES_MAX};
use crate::builtin::ArgKind;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults, Span};
use crate::fields::{At, Field, Fields, refuse_twice};
use crate::ir::{ArgRule, ArgRules, HostRule, InputKind};
use crate::limits::{HOSTS_MAX, ITEMS_MAX, ONE_OF_MAX, RULE_TEXT_MAX};
use crate::name;

/// One rule as it was written.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    pub(crate) key: Span,
    pub(crate) span: Span,
    pub(crate) value: ArgRule,
    /// Places of the values of `one_of`, in their order.
    pub(crate) items: Vec<Span>,
    /// Where an argument refers to the set that has the rule.
    pub(crate) used: Option<Span>,
}

/// What a rule can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// An absolute `https` URL in a string.
    Url,
    /// An integer within these bounds.
    Integer(i64, i64),
    Number,
    Boolean,
    /// A list of strings.
    List,
    Object,
}

impl From<ArgKind> for Kind {
    fn from(kind: ArgKind) -> Self {
        match kind {
            ArgKind::Text => Self::Text,
            ArgKind::Url => Self::Url,
            ArgKind::Integer(least, most) => Self::Integer(least, most),
            ArgKind::List => Self::List,
            ArgKind::Object => Self::Object,
        }
    }
}

impl From<InputKind> for Kind {
    fn from(kind: InputKind) -> Self {
        match kind {
            InputKind::String => Self::Text,
            InputKind::Integer => Self::Integer(i64::MIN, i64::MAX),
            InputKind::Number => Self::Number,
            InputKind::Boolean => Self::Boolean,
            InputKind::Array => Self::List,
        }
    }
}

/// The argument that rules are for.
#[derive(Debug)]
pub(super) struct Argument<'a> {
    pub(super) name: &'a str,
    pub(super) kind: Kind,
    pub(super) required: bool,
}

/// Takes every rule out of a table. Whether they fit an argument is seen by [`fit`].
pub(super) fn take(fields: &mut Fields<'_>, groups: &Groups, faults: &mut Faults) -> Vec<Rule> {
    let mut rules = Vec::new();
    let length = i64::try_from(RULE_TEXT_MAX).unwrap_or(i64::MAX);
    for (name, make) in [("prefix", ArgRule::Prefix as fn(String) -> ArgRule), ("suffix", ArgRule::Suffix)] {
        let at = |field: &Field<'_>, faults: &mut Faults| field.prose(RULE_TEXT_MAX, false, faults);
        rules.extend(fields.take(name).and_then(|field| Some(rule(name, &field, make(at(&field, faults)?.value)))));
    }
    let counts = [
        ("min_length", length, ArgRule::MinLength as fn(u64) -> ArgRule),
        ("max_length", length, ArgRule::MaxLength),
        ("max_items", ITEMS_MAX, ArgRule::MaxItems),
    ];
    for (name, most, make) in counts {
        let at = |field: &Field<'_>, faults: &mut Faults| u64::try_from(field.integer(0, most, faults)?.value).ok();
        rules.extend(fields.take(name).and_then(|field| Some(rule(name, &field, make(at(&field, faults)?)))));
    }
    for (name, make) in [("min", ArgRule::Min as fn(i64) -> ArgRule), ("max", ArgRule::Max)] {
        let at = |field: &Field<'_>, faults: &mut Faults| field.integer(i64::MIN, i64::MAX, faults);
        rules.extend(fields.take(name).and_then(|field| Some(rule(name, &field, make(at(&field, faults)?.value)))));
    }
    rules.extend(fields.take("one_of").and_then(|field| one_of(&field, faults)));
    rules.extend(fields.take("matches").and_then(|field| matches(&field, groups, faults)));
    let path = fields.take("under").and_then(|field| Some((field.checked(Code::BadPath, name::under, faults)?.value, field)));
    rules.extend(path.map(|(path, field)| rule("under", &field, ArgRule::Under(path))));
    rules.extend(fields.take("host_in").and_then(|field| host_in(&field, groups, faults)));
    rules.extend(fields.take("forbid").and_then(|field| forbid(&field, faults)));
    rules
}

fn rule(name: &'static str, field: &Field<'_>, value: ArgRule) -> Rule {
    Rule { name, key: field.key.clone(), span: field.span.clone(), value, items: Vec::new(), used: None }
}

fn one_of(field: &Field<'_>, faults: &mut Faults) -> Option<Rule> {
    let list = field.list(1, ONE_OF_MAX, faults)?;
    let mut values: Vec<_> = list.iter().filter_map(|entry| entry.prose(RULE_TEXT_MAX, false, faults)).collect();
    refuse_twice(&values, String::clone, faults);
    values.sort_by(|a, b| a.value.cmp(&b.value));
    let (values, items) = values.into_iter().map(|at| (at.value, at.span)).unzip();
    Some(Rule { items, ..rule("one_of", field, ArgRule::OneOf(values)) })
}

fn host_in(field: &Field<'_>, groups: &Groups, faults: &mut Faults) -> Option<Rule> {
    let (hosts, faulty) = groups.host_list(field, 1, HOSTS_MAX, faults);
    if let Some(any) = hosts.iter().find(|at| at.value == HostRule::AnyPublic) {
        let diagnostic =
            Diagnostic::new(Code::AnyHost, &any.span, "`host_in` with `*` accepts every host", "no host is excluded");
        faults.push(diagnostic.help("name the hosts that a value may have"));
    }
    let mut hosts: Vec<_> = hosts.into_iter().map(|at| at.value).collect();
    hosts.sort();
    (!faulty).then(|| rule("host_in", field, ArgRule::HostIn(hosts)))
}

/// `forbid = true`. False would say nothing.
fn forbid(field: &Field<'_>, faults: &mut Faults) -> Option<Rule> {
    let told = field.boolean(faults)?;
    if !told.value {
        let diagnostic = Diagnostic::new(Code::Forbid, &told.span, "`forbid = false` says nothing", "not a rule");
        faults.push(diagnostic.help("remove it, or write `forbid = true`"));
    }
    told.value.then(|| rule("forbid", field, ArgRule::Forbid))
}

fn matches(field: &Field<'_>, groups: &Groups, faults: &mut Faults) -> Option<Rule> {
    let pattern = field.prose(RULE_TEXT_MAX, false, faults)?;
    let diagnostic = match groups.patterns.table(&pattern.value) {
        Ok(_) => return Some(rule("matches", field, ArgRule::Matches(pattern.value))),
        Err(PatternFault::Syntax(problem, _)) => {
            Diagnostic::new(Code::BadPattern, &pattern.span, format!("not a regular expression: {problem}"), "not accepted")
                .help("the syntax is that of Rust's `regex`; a literal string ('…') needs no doubled backslashes")
        }
        Err(PatternFault::Look) => {
            let message = "anchors and word boundaries have no meaning here: the whole value must match";
            Diagnostic::new(Code::BadPattern, &pattern.span, message, "has one").help("remove `^`, `$`, `\\b` and their like")
        }
        Err(PatternFault::Empty) => {
            Diagnostic::new(Code::EmptyPattern, &pattern.span, "no text matches this pattern", "can never hold")
                .help("correct the class that is empty, or write `forbid = true`")
        }
        Err(PatternFault::TooLarge) => {
            let message =
                format!("the table of this pattern has more than {STATES_MAX} states, or all patterns together have too many");
            Diagnostic::new(Code::LargePattern, &pattern.span, message, "too large")
                .help("take lower repetitions and smaller classes (`[a-z]` for `\\w`), and `max_length` for the length")
        }
    };
    faults.push(diagnostic);
    None
}

/// The rules of one argument: those that fit it, that can hold together, in the order of the policy.
pub(super) fn fit(argument: &Argument<'_>, rules: Vec<Rule>, groups: &Groups, faults: &mut Faults) -> Vec<ArgRule> {
    let errors = faults.errors();
    let fitting: Vec<Rule> = rules.into_iter().filter(|rule| fits(argument, rule, faults)).collect();
    forbidden(argument, &fitting, faults);
    if faults.errors() == errors {
        contradictions::report(&fitting, &groups.patterns, faults);
    }
    if matches!(argument.kind, Kind::Text | Kind::Url | Kind::List) {
        contradictions::open_prefix(argument, &fitting, faults);
    }
    let mut rules: Vec<ArgRule> = fitting.into_iter().map(|rule| rule.value).collect();
    rules.sort();
    rules
}

/// Whether a rule is for the type of the argument, and within the bounds of the tool.
fn fits(argument: &Argument<'_>, rule: &Rule, faults: &mut Faults) -> bool {
    let Argument { name, kind, required: _ } = argument;
    let text = matches!(kind, Kind::Text | Kind::Url | Kind::List);
    let fitting = match &rule.value {
        ArgRule::OneOf(_)
        | ArgRule::Prefix(_)
        | ArgRule::Suffix(_)
        | ArgRule::MinLength(_)
        | ArgRule::MaxLength(_)
        | ArgRule::Matches(_)
        | ArgRule::Under(_)
        | ArgRule::HostIn(_) => text,
        ArgRule::Min(_) | ArgRule::Max(_) => matches!(kind, Kind::Integer(..) | Kind::Number),
        ArgRule::MaxItems(_) => *kind == Kind::List,
        ArgRule::Forbid => true,
    };
    if !fitting {
        let message = format!("`{}` does not fit `{name}`, which is {}", rule.name, word(*kind));
        let diagnostic = Diagnostic::new(Code::RuleType, &rule.key, message, "does not fit").help(rules_for(*kind));
        faults.push(used_at(diagnostic, rule));
        return false;
    }
    if let (ArgRule::Min(bound) | ArgRule::Max(bound), Kind::Integer(least, most)) = (&rule.value, kind)
        && !(*least..=*most).contains(bound)
    {
        let message = format!("`{}` must be from {least} to {most}", rule.name);
        faults.push(used_at(Diagnostic::new(Code::BadNumber, &rule.span, message, "out of bounds"), rule));
        return false;
    }
    true
}

fn used_at(diagnostic: Diagnostic, rule: &Rule) -> Diagnostic {
    match &rule.used {
        Some(span) => diagnostic.also(span, "referred to here"),
        None => diagnostic,
    }
}

/// For messages.
pub(super) const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Url => "a string",
        Kind::Integer(..) => "an integer",
        Kind::Number => "a number",
        Kind::Boolean => "true or false",
        Kind::List => "a list",
        Kind::Object => "an object",
    }
}

const fn rules_for(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Url => {
            "rules for a string are `one_of`, `prefix`, `suffix`, `min_length`, `max_length`, `matches`, `under` and `host_in`"
        }
        Kind::Integer(..) | Kind::Number => "rules for a number are `min` and `max`",
        Kind::List => "rules for a list are `max_items`, and those for a string, which speak of each item",
        Kind::Boolean | Kind::Object => "the only rule for it is `forbid`",
    }
}

/// `forbid` is for arguments that may be absent, and leaves nothing for other rules.
fn forbidden(argument: &Argument<'_>, rules: &[Rule], faults: &mut Faults) {
    let Some(forbid) = rules.iter().find(|rule| rule.value == ArgRule::Forbid) else {
        return;
    };
    if argument.required {
        let message = format!("`{}` is required: every call would be refused", argument.name);
        let diagnostic = Diagnostic::new(Code::Forbid, &forbid.key, message, "can never hold");
        faults.push(used_at(diagnostic, forbid).help("forbid only arguments that a call may leave out"));
    }
    if let Some(other) = rules.iter().find(|rule| rule.value != ArgRule::Forbid) {
        let message = format!("`{}` is forbidden, so `{}` has no use", argument.name, other.name);
        let diagnostic = Diagnostic::new(Code::Forbid, &other.key, message, "no use").also(&forbid.key, "forbidden here");
        faults.push(diagnostic.help("keep one of the two"));
    }
}

/// The rules that `args.<name>` gives: a set by its name, or a table that may refer to one.
pub(super) fn of_argument(
    name: &str,
    field: &Field<'_>,
    groups: &Groups,
    faults: &mut Faults,
) -> Option<(Vec<Rule>, Option<OriginDraft>)> {
    if let Some(set) = field.value.as_str() {
        let mut rules = Vec::new();
        groups.join(&At { value: set, span: field.span.clone() }, &mut rules, faults);
        return Some((rules, None));
    }
    let mut fields = field.table(format!("the rules of `{name}`"), faults)?;
    if fields.entries().is_empty() {
        faults.error(Code::Count, &field.span, format!("`{name}` has no rule"), "nothing is restricted");
    }
    let rules = with_set(&mut fields, groups, faults);
    let origin = origin::take(&mut fields, faults);
    fields.finish(&[], faults);
    Some((rules, origin))
}

/// Rules of a table together with those of the set that its `use` names.
pub(super) fn with_set(fields: &mut Fields<'_>, groups: &Groups, faults: &mut Faults) -> Vec<Rule> {
    let set = fields.take("use");
    let mut rules = take(fields, groups, faults);
    if let Some(set) = set.and_then(|field| field.string(faults)) {
        groups.join(&set, &mut rules, faults);
    }
    rules
}

/// Rules with the argument that they are for.
pub(super) fn named(name: &str, rules: Vec<ArgRule>) -> Option<ArgRules> {
    (!rules.is_empty()).then(|| ArgRules { arg: name.to_owned(), rules })
}

/// Adds rules that stand at another place of the tool. A rule that stands at both must be the same.
pub(super) fn join(own: &mut Vec<Rule>, more: Vec<Rule>, faults: &mut Faults) {
    for rule in more {
        match own.iter().find(|other| other.name == rule.name) {
            None => own.push(rule),
            Some(other) if other.value == rule.value => {}
            Some(other) => {
                let message = format!("`{}` is given here and, with another value, at the input", rule.name);
                let diagnostic =
                    Diagnostic::new(Code::RuleSetConflict, &rule.key, message, "here").also(&other.key, "at the input");
                faults.push(diagnostic.help("both would have to hold; keep one of the two"));
            }
        }
    }
}
