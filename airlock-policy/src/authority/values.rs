//! Sets of values of one argument, and of arguments of a call: a member, and a member of one set that another lacks.

use super::case::{Real, Value};
use super::face::{Field, ITEMS_MAX, Kind};
use super::search::Found;
use super::texts::{self, Aim, Patterns, Texts};
use crate::ir::{ArgRule, Tool};

/// Values of an argument that its type and rules accept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Values<'p> {
    pub(super) kind: Kind,
    pub(super) rules: &'p [ArgRule],
    pub(super) patterns: &'p Patterns,
}

/// Rules of an argument.
pub(super) fn rules<'p>(tool: &'p Tool, arg: &str) -> &'p [ArgRule] {
    tool.args.iter().find(|rules| rules.arg == arg).map_or(&[], |rules| &rules.rules)
}

impl<'p> Values<'p> {
    pub(super) fn of(tool: &'p Tool, field: &Field<'_>, patterns: &'p Patterns) -> Self {
        Self { kind: field.kind, rules: rules(tool, field.name), patterns }
    }

    /// Whether no value at all is accepted.
    pub(super) fn forbidden(&self) -> bool {
        self.rules.contains(&ArgRule::Forbid)
    }

    pub(super) fn admits(&self, value: &Value) -> bool {
        let typed = match (self.kind, value) {
            (Kind::Text(_), Value::Text(text)) => self.texts().is_some_and(|texts| texts.admits(text)),
            (Kind::List(_), Value::List(items)) => {
                let count = u64::try_from(items.len()).unwrap_or(u64::MAX);
                count <= self.items_max() && self.texts().is_some_and(|texts| items.iter().all(|item| texts.admits(item)))
            }
            (Kind::Integer(..) | Kind::Number, Value::Integer(number)) => {
                let (least, most) = self.bounds();
                least.is_none_or(|least| *number >= least) && most.is_none_or(|most| *number <= most)
            }
            (Kind::Number, Value::Real(Real(number))) => {
                let (least, most) = self.bounds();
                number.is_finite()
                    && least.is_none_or(|least| at_least(*number, least))
                    && most.is_none_or(|most| at_most(*number, most))
            }
            (Kind::Truth, Value::Truth(_)) => true,
            (
                Kind::Text(_) | Kind::List(_) | Kind::Integer(..) | Kind::Number | Kind::Truth,
                Value::Text(_) | Value::List(_) | Value::Integer(_) | Value::Real(_) | Value::Truth(_),
            ) => false,
        };
        typed && !self.forbidden()
    }

    pub(super) fn texts(&self) -> Option<Texts<'p>> {
        match self.kind {
            Kind::Text(own) | Kind::List(own) => Some(Texts { own, rules: self.rules, patterns: self.patterns }),
            Kind::Integer(..) | Kind::Number | Kind::Truth => None,
        }
    }

    pub(super) fn items_max(&self) -> u64 {
        let own = match self.kind {
            Kind::List(own) => own.items,
            Kind::Text(_) | Kind::Integer(..) | Kind::Number | Kind::Truth => ITEMS_MAX,
        };
        self.rules.iter().fold(own, |most, rule| if let ArgRule::MaxItems(items) = rule { most.min(*items) } else { most })
    }

    /// Least and most of a number, where there is a bound.
    fn bounds(&self) -> (Option<i64>, Option<i64>) {
        let own = match self.kind {
            Kind::Integer(least, most) => (Some(least), Some(most)),
            Kind::Text(_) | Kind::List(_) | Kind::Number | Kind::Truth => (None, None),
        };
        self.rules.iter().fold(own, |(least, most), rule| match rule {
            ArgRule::Min(bound) => (Some(least.map_or(*bound, |least: i64| least.max(*bound))), most),
            ArgRule::Max(bound) => (least, Some(most.map_or(*bound, |most: i64| most.min(*bound)))),
            ArgRule::OneOf(_)
            | ArgRule::Prefix(_)
            | ArgRule::Suffix(_)
            | ArgRule::MinLength(_)
            | ArgRule::MaxLength(_)
            | ArgRule::Matches(_)
            | ArgRule::Under(_)
            | ArgRule::HostIn(_)
            | ArgRule::MaxItems(_)
            | ArgRule::Forbid => (least, most),
        })
    }

    /// The longest life a caller may ask for, and the like: bounds of an integer.
    pub(super) fn range(&self) -> (i64, i64) {
        let (least, most) = self.bounds();
        (least.unwrap_or(i64::MIN), most.unwrap_or(i64::MAX))
    }
}

/// Exact comparison: the bound is a whole number, so it lies below a number exactly when it lies below the whole part.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a float that does not fit becomes the nearest bound of i128, far beyond i64"
)]
fn at_least(number: f64, bound: i64) -> bool {
    number.floor() as i128 >= i128::from(bound)
}

#[expect(clippy::cast_possible_truncation, reason = "as above")]
fn at_most(number: f64, bound: i64) -> bool {
    number.ceil() as i128 <= i128::from(bound)
}

/// A value that all of these sets have.
pub(super) fn common(sets: &[Values<'_>], aim: Aim<'_>) -> Found<Value> {
    let accept = |value: &Value| sets.iter().all(|set| set.admits(value));
    let Some(first) = sets.first() else { return Found::Nothing };
    if sets.iter().any(Values::forbidden) {
        return Found::Nothing;
    }
    match first.kind {
        Kind::Text(_) => {
            let texts: Option<Vec<_>> =
                sets.iter().map(|set| matches!(set.kind, Kind::Text(_)).then(|| set.texts()).flatten()).collect();
            texts.map_or(Found::Nothing, |texts| texts::common(&texts, aim).map(Value::Text))
        }
        Kind::List(_) => Some(Value::List(Vec::new())).filter(accept).into(),
        Kind::Integer(..) | Kind::Number => numbers(sets).into_iter().find(accept).into(),
        Kind::Truth => Some(Value::Truth(true)).filter(accept).into(),
    }
}

/// A value of `to` that `from` lacks.
pub(super) fn beyond(to: Values<'_>, from: Values<'_>, aim: Aim<'_>) -> Found<Value> {
    if to.forbidden() {
        return Found::Nothing;
    }
    let accept = |value: &Value| to.admits(value) && !from.admits(value);
    let (Some(texts), Some(other), false) = (to.texts(), from.texts(), from.forbidden()) else {
        // Any value of another type, and every value of a forbidden argument.
        let any = || common(&[to], aim);
        return match (to.kind, from.forbidden()) {
            (Kind::Integer(..) | Kind::Number, false) => numbers(&[to, from]).into_iter().find(accept).into(),
            (Kind::Truth, false) => [true, false].map(Value::Truth).into_iter().find(accept).into(),
            (Kind::Text(_) | Kind::List(_), false) | (_, true) => any(),
        };
    };
    match (to.kind, from.kind) {
        (Kind::Text(_), Kind::Text(_)) => texts::beyond(texts, other, aim).map(Value::Text),
        (Kind::List(_), Kind::List(_)) => list_beyond(to, from, texts, other),
        (Kind::Text(_) | Kind::List(_) | Kind::Integer(..) | Kind::Number | Kind::Truth, _) => common(&[to], aim),
    }
}

/// A list is beyond another set when an item is, or when it is longer.
fn list_beyond(to: Values<'_>, from: Values<'_>, texts: Texts<'_>, other: Texts<'_>) -> Found<Value> {
    let item = || {
        if to.items_max() == 0 { Found::Nothing } else { texts::beyond(texts, other, None).map(|item| Value::List(vec![item])) }
    };
    let longer = || match usize::try_from(from.items_max()) {
        Ok(most) if to.items_max() > from.items_max() => {
            texts::common(&[texts], None).map(|item| Value::List(vec![item; most + 1]))
        }
        Ok(_) | Err(_) => Found::Nothing,
    };
    item().or_else(longer)
}

/// Numbers among which every difference of two ranges shows: the ends, what lies just beyond them, fractions next to them.
fn numbers(sets: &[Values<'_>]) -> Vec<Value> {
    let ends: Vec<i64> = sets.iter().map(Values::bounds).flat_map(|(least, most)| [least, most]).flatten().collect();
    let near = ends.iter().flat_map(|end| [Some(*end), end.checked_add(1), end.checked_sub(1)]).flatten();
    let whole = [0, 1].into_iter().chain(near).chain([i64::MAX, i64::MIN]).map(Value::Integer);
    #[expect(clippy::cast_precision_loss, reason = "a candidate only; large ends are tried as integers")]
    let fractions = ends.iter().flat_map(|end| [*end as f64 + 0.5, *end as f64 - 0.5, *end as f64]);
    let reals = [0.5, 1e300, -1e300].into_iter().chain(fractions).map(|number| Value::Real(Real(number)));
    whole.chain(reals).collect()
}
