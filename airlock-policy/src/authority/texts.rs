//! Sets of strings as argument rules make them: membership, a member of two sets, and a member of one that the other lacks.

use super::face::Own;
use super::parts::Part;
use super::places::{self, Classes, Place};
use super::search::{Found, Wanted, shortest};
use crate::automaton::Dfa;
use crate::ir::{ArgRule, HostRule};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Tables of patterns, each made once.
#[derive(Debug, Default)]
pub(super) struct Patterns(RefCell<BTreeMap<String, Option<Rc<Dfa>>>>);

impl Patterns {
    /// The table of a pattern; nothing if it has none, which no checked policy has.
    fn table(&self, pattern: &str) -> Option<Rc<Dfa>> {
        if let Some(known) = self.0.borrow().get(pattern) {
            return known.clone();
        }
        let table = Dfa::of_pattern(pattern).ok().map(Rc::new);
        self.0.borrow_mut().insert(pattern.to_owned(), table.clone());
        table
    }
}

/// The strings that all rules of an argument accept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Texts<'p> {
    pub(super) own: Own,
    pub(super) rules: &'p [ArgRule],
    pub(super) patterns: &'p Patterns,
}

/// Where a URL has to lead.
pub(super) type Aim<'a> = Option<(&'a Classes, &'a Place)>;

impl<'p> Texts<'p> {
    pub(super) fn admits(&self, text: &str) -> bool {
        self.own.admits(text) && self.rules.iter().all(|rule| self.holds(rule, text))
    }

    fn holds(&self, rule: &ArgRule, text: &str) -> bool {
        let length = || u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
        match rule {
            ArgRule::OneOf(values) => values.iter().any(|value| value == text),
            ArgRule::Prefix(prefix) => text.starts_with(prefix),
            ArgRule::Suffix(suffix) => text.ends_with(suffix),
            ArgRule::MinLength(least) => length() >= *least,
            ArgRule::MaxLength(most) => length() <= *most,
            ArgRule::Matches(pattern) => self.patterns.table(pattern).is_some_and(|table| table.admits(text)),
            ArgRule::Under(path) => under(path, text),
            ArgRule::HostIn(hosts) => {
                places::host_of(text).is_some_and(|host| hosts.iter().any(|rule| crate::host::covers(rule, &host)))
            }
            ArgRule::Min(_) | ArgRule::Max(_) | ArgRule::MaxItems(_) | ArgRule::Forbid => true,
        }
    }

    fn values(&self) -> Option<&'p [String]> {
        self.rules.iter().find_map(|rule| match rule {
            ArgRule::OneOf(values) => Some(values.as_slice()),
            ArgRule::Prefix(_)
            | ArgRule::Suffix(_)
            | ArgRule::MinLength(_)
            | ArgRule::MaxLength(_)
            | ArgRule::Min(_)
            | ArgRule::Max(_)
            | ArgRule::Matches(_)
            | ArgRule::Under(_)
            | ArgRule::HostIn(_)
            | ArgRule::MaxItems(_)
            | ArgRule::Forbid => None,
        })
    }

    /// Least and most characters.
    pub(super) fn lengths(&self) -> (usize, usize) {
        let size = |length: u64| usize::try_from(length).unwrap_or(usize::MAX);
        self.rules.iter().fold((self.own.least, self.own.most), |(least, most), rule| match rule {
            ArgRule::MinLength(length) => (least.max(size(*length)), most),
            ArgRule::MaxLength(length) => (least, most.min(size(*length))),
            ArgRule::OneOf(_)
            | ArgRule::Prefix(_)
            | ArgRule::Suffix(_)
            | ArgRule::Min(_)
            | ArgRule::Max(_)
            | ArgRule::Matches(_)
            | ArgRule::Under(_)
            | ArgRule::HostIn(_)
            | ArgRule::MaxItems(_)
            | ArgRule::Forbid => (least, most),
        })
    }

    /// The machine of a rule that is none of lengths. `all`: where it is not exact, it accepts too much rather than too little.
    fn part(&self, rule: &ArgRule, all: bool) -> Option<Result<Part, ()>> {
        let table = |pattern: &str| self.patterns.table(pattern).map(Part::Table).ok_or(());
        match rule {
            ArgRule::OneOf(values) => Some(Ok(Part::words(values.iter().map(String::as_str)))),
            ArgRule::Prefix(text) => Some(Ok(Part::prefix(text))),
            ArgRule::Suffix(text) => Some(Ok(Part::suffix(text))),
            ArgRule::Matches(pattern) => Some(table(pattern)),
            ArgRule::Under(path) => Some(table(&under_pattern(path))),
            ArgRule::HostIn(hosts) if hosts.is_empty() => Some(Ok(Part::words([]))),
            ArgRule::HostIn(hosts) => Some(table(&places::host_pattern(hosts, all))),
            ArgRule::MinLength(_)
            | ArgRule::MaxLength(_)
            | ArgRule::Min(_)
            | ArgRule::Max(_)
            | ArgRule::MaxItems(_)
            | ArgRule::Forbid => None,
        }
    }

    /// The machines of all rules, but those that a place decides.
    fn parts(&self, aim: Aim<'_>) -> Result<Vec<Part>, ()> {
        let own = self.own.patterns().map(|pattern| self.patterns.table(pattern).map(Part::Table).ok_or(()));
        let open = self.rules.iter().filter(|rule| at_place(rule, aim).is_none());
        let ruled = open.filter_map(|rule| self.part(rule, true));
        own.chain(ruled).collect()
    }
}

/// Whether a rule about hosts holds for every URL that leads to a place, or for none; nothing for other rules, and without a place.
fn at_place(rule: &ArgRule, aim: Aim<'_>) -> Option<bool> {
    let (ArgRule::HostIn(hosts), Some((_, place))) = (rule, aim) else { return None };
    Some(place.targets.iter().all(|(class, _, _)| hosts.iter().any(|outer| places::covers(outer, class))))
}

/// Whether a URL leads to a place; every text leads nowhere in particular.
fn leads(aim: Aim<'_>, text: &str) -> bool {
    let Some((classes, place)) = aim else { return true };
    let Some((host, port)) = places::target_of(text) else { return false };
    place.targets.iter().any(|(class, wanted, _)| *wanted == port && classes.class(&host) == *class)
}

fn machines(aim: Aim<'_>) -> Vec<Part> {
    let Some((classes, place)) = aim else { return Vec::new() };
    place.targets.iter().flat_map(|(class, port, _)| classes.machines(class, *port)).collect()
}

/// The texts that a person would try first, so that most searches need no machine.
fn ordinary(aim: Aim<'_>) -> Vec<String> {
    let of_place = |(class, port, _): &(HostRule, u16, Option<u16>)| {
        let HostRule::Exact(host) = class else { return Vec::new() };
        let port = if *port == 443 { String::new() } else { format!(":{port}") };
        vec![format!("https://{host}{port}/"), format!("https://{host}{port}")]
    };
    match aim {
        Some((_, place)) => place.targets.iter().flat_map(of_place).collect(),
        None => vec!["a".to_owned()],
    }
}

/// A text that every one of these sets has.
pub(super) fn common(sets: &[Texts<'_>], aim: Aim<'_>) -> Found<String> {
    let accept = |text: &str| sets.iter().all(|set| set.admits(text)) && leads(aim, text);
    longer(sets, aim, 0, &accept)
}

/// A text of at least so many characters that every one of these sets has and that is accepted.
pub(super) fn longer(sets: &[Texts<'_>], aim: Aim<'_>, least: usize, accept: &dyn Fn(&str) -> bool) -> Found<String> {
    if let Some(values) = sets.iter().find_map(Texts::values) {
        let fitting = values.iter().find(|value| value.chars().count() >= least && accept(value));
        return fitting.map_or(Found::Nothing, |value| Found::This(value.clone()));
    }
    if sets.iter().flat_map(|set| set.rules).any(|rule| at_place(rule, aim) == Some(false)) {
        return Found::Nothing;
    }
    if least <= 1
        && let Some(text) = ordinary(aim).into_iter().find(|text| accept(text))
    {
        return Found::This(text);
    }
    let Ok(parts) = sets.iter().map(|set| set.parts(aim)).collect::<Result<Vec<_>, ()>>() else {
        return Found::Unknown;
    };
    let (least, most) = sets.iter().map(Texts::lengths).fold((least, usize::MAX), |a, b| (a.0.max(b.0), a.1.min(b.1)));
    let all = parts.into_iter().flatten().chain(machines(aim)).collect();
    let rules: Vec<ArgRule> = sets.iter().flat_map(|set| set.rules).cloned().collect();
    exact(Wanted { all, none: None, least, most }, &rules, accept)
}

/// A text of `to` that `from` lacks. Exact: one set lies within another exactly when it lies within each of its rules.
pub(super) fn beyond(to: Texts<'_>, from: Texts<'_>, aim: Aim<'_>) -> Found<String> {
    let accept = |text: &str| to.admits(text) && !from.admits(text) && leads(aim, text);
    if to.rules == from.rules && to.own == from.own {
        return Found::Nothing;
    }
    if let Some(values) = to.values() {
        return values.iter().find(|value| accept(value)).map_or(Found::Nothing, |value| Found::This(value.clone()));
    }
    if to.rules.iter().any(|rule| at_place(rule, aim) == Some(false)) {
        return Found::Nothing;
    }
    let Ok(mut parts) = to.parts(aim) else { return Found::Unknown };
    parts.extend(machines(aim));
    let ((least, most), (low, high)) = (to.lengths(), from.lengths());
    let search = |all: &[Part], none: Option<Part>, least: usize, most: usize| {
        exact(Wanted { all: all.to_vec(), none, least, most }, to.rules, &accept)
    };
    let mut found = Vec::new();
    if high < most {
        found.push(search(&parts, None, least.max(high + 1), most));
    }
    if low > least {
        found.push(search(&parts, None, least, most.min(low - 1)));
    }
    let own = from.own.patterns().filter(|pattern| !to.own.patterns().any(|other| other == *pattern));
    for pattern in own {
        found.push(
            from.patterns.table(pattern).map_or(Found::Unknown, |table| search(&parts, Some(Part::Table(table)), least, most)),
        );
    }
    for rule in from.rules.iter().filter(|rule| !to.rules.contains(rule)) {
        if found.iter().any(|found| matches!(found, Found::This(_))) {
            break;
        }
        match at_place(rule, aim) {
            Some(true) => continue,
            Some(false) => {
                found.push(search(&parts, None, least, most));
                continue;
            }
            None => {}
        }
        let Some(part) = from.part(rule, false) else { continue };
        let Ok(all) = narrowed(to, rule, &parts) else { continue };
        found.push(part.map_or(Found::Unknown, |part| search(&all, Some(part), least, most)));
        if matches!(rule, ArgRule::HostIn(_)) {
            found.push(search(&all, Some(Part::Lengths), least, most));
        }
    }
    let unknown = found.contains(&Found::Unknown);
    let text = found.into_iter().find(|found| matches!(found, Found::This(_)));
    text.unwrap_or(if unknown { Found::Unknown } else { Found::Nothing })
}

/// A search in which the lengths of host names count only where they have to: few rules leave room for names that are too long.
fn exact(mut wanted: Wanted, rules: &[ArgRule], accept: &dyn Fn(&str) -> bool) -> Found<String> {
    let hosts = rules.iter().any(|rule| matches!(rule, ArgRule::HostIn(_)));
    match shortest(&wanted, accept) {
        Found::Unknown if hosts => {
            wanted.all.push(Part::Lengths);
            shortest(&wanted, accept)
        }
        found => found,
    }
}

/// The machines of `to`, for a search against one rule. Against a list of hosts, hosts that it covers need no search; an error when
/// none is left.
fn narrowed(to: Texts<'_>, rule: &ArgRule, parts: &[Part]) -> Result<Vec<Part>, ()> {
    let ArgRule::HostIn(known) = rule else { return Ok(parts.to_vec()) };
    let mut parts = parts.to_vec();
    for other in to.rules {
        let ArgRule::HostIn(hosts) = other else { continue };
        let left =
            hosts.iter().filter(|host| !known.iter().any(|outer| places::covers(outer, host))).cloned().collect::<Vec<_>>();
        if left.is_empty() {
            return Err(());
        }
        parts.extend(to.part(&ArgRule::HostIn(left), true).and_then(Result::ok));
    }
    Ok(parts)
}

/// Whether a text is a path in normal form that is `top` or lies below it.
fn under(top: &str, text: &str) -> bool {
    let normal = text.strip_prefix('/').is_some_and(|rest| {
        rest.is_empty()
            || rest.split('/').all(|segment| !matches!(segment, "" | "." | "..") && !segment.chars().any(char::is_control))
    });
    let below = text.strip_prefix(top.trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    normal && (below || top == "/")
}

/// The same as a pattern.
fn under_pattern(top: &str) -> String {
    let other = r"[^/\x00-\x1f\x7f-\x{9f}]";
    let first = r"[^/.\x00-\x1f\x7f-\x{9f}]";
    let segment = format!(r"(?:{first}{other}*|\.{first}{other}*|\.\.{other}+)");
    match top.trim_end_matches('/') {
        "" => format!("/(?:{segment}(?:/{segment})*)?"),
        top => format!("{}(?:/{segment})*", regex_syntax::escape(top)),
    }
}
