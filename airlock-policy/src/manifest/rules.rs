//! `args.<name> = { … }`: rules that narrow an argument beyond what the tool itself accepts.

use crate::builtin::{ArgKind, Facts};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults};
use crate::fields::{At, Field, Fields, meant_or, refuse_twice, words};
use crate::ir::{ArgRule, ArgRules};
use crate::limits::{ONE_OF_MAX, RULE_TEXT_MAX};
use crate::text::quote;

/// Rules of the language that this version does not compile.
const LATER: &[&str] = &["under", "host_in", "matches", "max_items", "forbid", "from", "otherwise"];

/// The rules of one argument while they are read.
#[derive(Debug, Default)]
struct Draft {
    one_of: Vec<At<String>>,
    prefix: Option<At<String>>,
    suffix: Option<At<String>>,
    min_length: Option<At<i64>>,
    max_length: Option<At<i64>>,
    min: Option<At<i64>>,
    max: Option<At<i64>>,
}

/// Reads the `args` of a tool; sorted by argument.
pub(super) fn read(facts: &Facts, field: &Field<'_>, faults: &mut Faults) -> Vec<ArgRules> {
    let Some(fields) = field.table("`args`", faults) else {
        return Vec::new();
    };
    let mut args: Vec<_> = fields.entries().iter().filter_map(|(name, field)| argument(facts, name, field, faults)).collect();
    args.sort_by(|a, b| a.arg.cmp(&b.arg));
    args
}

fn argument(facts: &Facts, name: &str, field: &Field<'_>, faults: &mut Faults) -> Option<ArgRules> {
    let Some((_, kind)) = facts.args.iter().find(|(known, _)| *known == name) else {
        faults.push_with(Code::UnknownArgument, || {
            let known: Vec<&str> = facts.args.iter().map(|(known, _)| *known).collect();
            let help = meant_or(name, &known, || format!("its arguments are {}", words(&known)));
            let message = format!("`{}` has no argument {}", facts.name, quote(name));
            Diagnostic::new(Code::UnknownArgument, &field.key, message, "unknown argument").help(help)
        });
        return None;
    };
    let place = format!("the rules of `{name}`");
    let fields = field.table(place, faults)?;
    if fields.entries().is_empty() {
        faults.error(Code::Count, &field.span, format!("`{name}` has no rule"), "nothing is restricted");
    }
    let draft = draft(name, *kind, fields, faults);
    contradictions(&draft, faults);
    if *kind == ArgKind::Url {
        open_prefix(&draft, faults);
    }
    Some(ArgRules { arg: name.to_owned(), rules: compiled(draft) })
}

fn draft(name: &str, kind: ArgKind, mut fields: Fields<'_>, faults: &mut Faults) -> Draft {
    let mut text = |key, faults: &mut Faults| {
        let field = fits(name, kind, matches!(kind, ArgKind::Text | ArgKind::Url), fields.take(key), key, faults)?;
        field.prose(RULE_TEXT_MAX, false, faults)
    };
    let (prefix, suffix) = (text("prefix", faults), text("suffix", faults));
    let mut length = |key, faults: &mut Faults| {
        let field = fits(name, kind, matches!(kind, ArgKind::Text | ArgKind::Url), fields.take(key), key, faults)?;
        field.integer(0, i64::try_from(RULE_TEXT_MAX).unwrap_or(i64::MAX), faults)
    };
    let (min_length, max_length) = (length("min_length", faults), length("max_length", faults));
    let mut bound = |key, faults: &mut Faults| {
        let (fitting, least, most) = match kind {
            ArgKind::Integer(least, most) => (true, least, most),
            ArgKind::Text | ArgKind::Url | ArgKind::List | ArgKind::Object => (false, 0, 0),
        };
        fits(name, kind, fitting, fields.take(key), key, faults)?.integer(least, most, faults)
    };
    let (min, max) = (bound("min", faults), bound("max", faults));
    let one_of = fits(name, kind, matches!(kind, ArgKind::Text | ArgKind::Url), fields.take("one_of"), "one_of", faults);
    let one_of: Vec<_> = one_of
        .and_then(|field| field.list(1, ONE_OF_MAX, faults))
        .unwrap_or_default()
        .iter()
        .filter_map(|entry| entry.prose(RULE_TEXT_MAX, false, faults))
        .collect();
    refuse_twice(&one_of, String::clone, faults);
    fields.finish(LATER, faults);
    Draft { one_of, prefix, suffix, min_length, max_length, min, max }
}

/// Passes the rule on if it fits the type of the argument.
fn fits<'t>(
    name: &str,
    kind: ArgKind,
    fitting: bool,
    field: Option<Field<'t>>,
    rule: &str,
    faults: &mut Faults,
) -> Option<Field<'t>> {
    let field = field?;
    if fitting {
        return Some(field);
    }
    let message = format!("`{rule}` does not fit `{name}`, which is {}", kind.word());
    let help = match kind {
        ArgKind::Text | ArgKind::Url => "rules for a string are `one_of`, `prefix`, `suffix`, `min_length` and `max_length`",
        ArgKind::Integer(..) => "rules for an integer are `min` and `max`",
        ArgKind::List | ArgKind::Object => "this version has no rules for lists and objects; remove it",
    };
    faults.push(Diagnostic::new(Code::RuleType, &field.key, message, "does not fit").help(help));
    None
}

/// Reports rules that no value, or not this value of `one_of`, can meet.
fn contradictions(draft: &Draft, faults: &mut Faults) {
    let mut report = |at: &crate::diagnostic::Span, message: String, other: &crate::diagnostic::Span, label: &str| {
        let diagnostic = Diagnostic::new(Code::RuleContradiction, at, message, "can never hold").also(other, label);
        faults.push(diagnostic.help("all rules of an argument must hold at once; change one of the two"));
    };
    for (low, high, names) in
        [(&draft.min, &draft.max, ("min", "max")), (&draft.min_length, &draft.max_length, ("min_length", "max_length"))]
    {
        if let (Some(low), Some(high)) = (low, high)
            && low.value > high.value
        {
            report(&low.span, format!("`{}` is above `{}`", names.0, names.1), &high.span, "the upper bound");
        }
    }
    for affix in [&draft.prefix, &draft.suffix].into_iter().flatten() {
        if let Some(most) = draft.max_length.as_ref().filter(|most| length(&affix.value) > most.value) {
            report(&affix.span, format!("{} is longer than `max_length`", quote(&affix.value)), &most.span, "the longest value");
        }
    }
    for value in &draft.one_of {
        let failing = [
            draft.prefix.as_ref().filter(|at| !value.value.starts_with(&at.value)).map(|at| &at.span),
            draft.suffix.as_ref().filter(|at| !value.value.ends_with(&at.value)).map(|at| &at.span),
            draft.min_length.as_ref().filter(|at| length(&value.value) < at.value).map(|at| &at.span),
            draft.max_length.as_ref().filter(|at| length(&value.value) > at.value).map(|at| &at.span),
        ];
        if let Some(rule) = failing.into_iter().flatten().next() {
            report(&value.span, format!("{} breaks another rule", quote(&value.value)), rule, "this rule");
        }
    }
}

/// Length in characters, as the gateway counts.
fn length(text: &str) -> i64 {
    i64::try_from(text.chars().count()).unwrap_or(i64::MAX)
}

/// A prefix that ends inside the host lets a longer host name pass: `https://api.example.com` also begins
/// `https://api.example.com.evil.net`. Egress rules still hold, so this is a warning.
fn open_prefix(draft: &Draft, faults: &mut Faults) {
    let Some(prefix) = &draft.prefix else {
        return;
    };
    let open = prefix.value.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.contains('/'));
    if open {
        let diagnostic = Diagnostic::new(
            Code::OpenPrefix,
            &prefix.span,
            "this prefix ends inside the host name",
            "longer host names begin like this too",
        );
        faults.push(diagnostic.help(format!("end it with a slash: {}", quote(&format!("{}/", prefix.value)))));
    }
}

fn compiled(draft: Draft) -> Vec<ArgRule> {
    let Draft { one_of, prefix, suffix, min_length, max_length, min, max } = draft;
    let length = |at: At<i64>| u64::try_from(at.value).ok();
    let mut values: Vec<String> = one_of.into_iter().map(|at| at.value).collect();
    values.sort();
    let one_of = (!values.is_empty()).then_some(ArgRule::OneOf(values));
    [
        one_of,
        prefix.map(|at| ArgRule::Prefix(at.value)),
        suffix.map(|at| ArgRule::Suffix(at.value)),
        min_length.and_then(length).map(ArgRule::MinLength),
        max_length.and_then(length).map(ArgRule::MaxLength),
        min.map(|at| ArgRule::Min(at.value)),
        max.map(|at| ArgRule::Max(at.value)),
    ]
    .into_iter()
    .flatten()
    .collect()
}
