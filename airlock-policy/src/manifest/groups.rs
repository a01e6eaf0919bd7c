//! `[hosts.*]` and `[args.*]`: names for lists of hosts and for sets of rules. Both are resolved while reading; a policy has neither.

use super::pattern::Patterns;
use super::rules::{self, Rule};
use super::{host, why};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults, Span};
use crate::fields::{At, Field, Fields, meant_or, refuse_twice, words};
use crate::ir::HostRule;
use crate::limits::{GROUPS_MAX, HOSTS_MAX};
use crate::name;
use crate::text::quote;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

/// Everything in a manifest that has a name and is referred to by it.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    hosts: BTreeMap<String, Group<Vec<HostRule>>>,
    rules: BTreeMap<String, Group<Vec<Rule>>>,
    /// Tables of all patterns so far.
    pub(super) patterns: Patterns,
}

/// A group with the place of its name.
#[derive(Debug)]
struct Group<T> {
    name: Span,
    entries: T,
    /// Something refers to it.
    used: Cell<bool>,
}

impl<T> Group<T> {
    const fn new(name: Span, entries: T) -> Self {
        Self { name, entries, used: Cell::new(false) }
    }
}

/// Reads both sections. Rule sets may name host groups, so those come first.
pub(super) fn read(root: &mut Fields<'_>, faults: &mut Faults) -> Groups {
    let mut groups = Groups::default();
    for (name, field) in named(root.take("hosts"), "hosts", faults) {
        let hosts = field.table(format!("`[hosts.{name}]`"), faults).map(|fields| group(fields, faults)).unwrap_or_default();
        groups.hosts.insert(name, Group::new(field.key.clone(), hosts));
    }
    for (name, field) in named(root.take("args"), "args", faults) {
        let Some(mut fields) = field.table(format!("`[args.{name}]`"), faults) else { continue };
        let rules = rules::take(&mut fields, &groups, faults);
        fields.finish(&[], faults);
        if fields_empty(&field) {
            faults.error(Code::Count, &field.span, format!("the rule set `{name}` has no rule"), "nothing is restricted");
        }
        groups.rules.insert(name, Group::new(field.key.clone(), rules));
    }
    groups
}

fn fields_empty(field: &Field<'_>) -> bool {
    field.value.as_table().is_some_and(|table| table.is_empty())
}

/// The entries of a section whose keys are names.
fn named<'t>(section: Option<Field<'t>>, word: &str, faults: &mut Faults) -> Vec<(String, Field<'t>)> {
    let Some(fields) = section.and_then(|field| field.table(format!("`[{word}]`"), faults)) else {
        return Vec::new();
    };
    let entries = fields.entries();
    if entries.len() > GROUPS_MAX {
        let message = format!("`[{word}]` has {} names; at most {GROUPS_MAX} are allowed", entries.len());
        faults.error(Code::Count, &fields.span, message, "begins here");
        return Vec::new();
    }
    let mut kept = Vec::new();
    for (name, field) in entries {
        match name::tool(name) {
            Ok(()) => kept.push((name.to_owned(), field)),
            Err(problem) => faults.error(Code::BadName, &field.key, problem, "not accepted"),
        }
    }
    kept
}

/// The hosts of one group.
fn group(mut fields: Fields<'_>, faults: &mut Faults) -> Vec<HostRule> {
    let list = fields.need("hosts", "hosts = [\"api.example.com\"]", faults);
    let list = list.and_then(|field| field.list(1, HOSTS_MAX, faults)).unwrap_or_default();
    let mut hosts = Vec::new();
    for entry in &list {
        if entry.value.as_str().is_some_and(|text| text.starts_with('@')) {
            let diagnostic = Diagnostic::new(Code::BadHost, &entry.span, "a group cannot name a group", "not a host");
            faults.push(diagnostic.help("write its hosts here"));
            continue;
        }
        hosts.extend(host(entry, faults));
    }
    refuse_twice(&hosts, crate::host::written, faults);
    why(&mut fields, faults);
    fields.finish(&[], faults);
    hosts.into_iter().map(|at| at.value).collect()
}

impl Groups {
    /// A list of hosts, with the groups that it names taken apart; and whether some entry was refused.
    pub(super) fn host_list(
        &self,
        field: &Field<'_>,
        least: usize,
        most: usize,
        faults: &mut Faults,
    ) -> (Vec<At<HostRule>>, bool) {
        let Some(list) = field.list(least, most, faults) else {
            return (Vec::new(), true);
        };
        let (mut written, mut names, mut grouped) = (Vec::new(), Vec::new(), Vec::new());
        let mut faulty = false;
        for entry in &list {
            match entry.value.as_str().and_then(|text| text.strip_prefix('@')) {
                Some(name) => match self.hosts_of(name, &entry.span, faults) {
                    Some(hosts) => {
                        names.push(At { value: format!("@{name}"), span: entry.span.clone() });
                        grouped.extend(hosts.iter().map(|host| At { value: host.clone(), span: entry.span.clone() }));
                    }
                    None => faulty = true,
                },
                None => match host(entry, faults) {
                    Some(host) => written.push(host),
                    None => faulty = true,
                },
            }
        }
        refuse_twice(&written, crate::host::written, faults);
        refuse_twice(&names, String::clone, faults);
        // A host may stand in a group and beside it: it is the same host.
        let mut seen: BTreeSet<HostRule> = written.iter().map(|at| at.value.clone()).collect();
        written.extend(grouped.into_iter().filter(|at| seen.insert(at.value.clone())));
        (written, faulty)
    }

    fn hosts_of(&self, name: &str, span: &Span, faults: &mut Faults) -> Option<&[HostRule]> {
        let Some(group) = self.hosts.get(name) else {
            let known: Vec<&str> = self.hosts.keys().map(String::as_str).collect();
            let message = format!("there is no group of hosts {}", quote(name));
            let help = meant_or(name, &known, || format!("the groups are {}", words(&known)));
            faults.push(Diagnostic::new(Code::UnknownGroup, span, message, "not declared").help(help));
            return None;
        };
        group.used.set(true);
        Some(&group.entries)
    }

    /// Adds the rules of a set to those that an argument gives itself.
    pub(super) fn join(&self, name: &At<&str>, own: &mut Vec<Rule>, faults: &mut Faults) {
        let Some(group) = self.rules.get(name.value) else {
            let known: Vec<&str> = self.rules.keys().map(String::as_str).collect();
            let message = format!("there is no rule set {}", quote(name.value));
            let help =
                meant_or(name.value, &known, || format!("the rule sets are {}; declare it as `[args.<name>]`", words(&known)));
            faults.push(Diagnostic::new(Code::UnknownRuleSet, &name.span, message, "not declared").help(help));
            return;
        };
        group.used.set(true);
        for rule in &group.entries {
            match own.iter().find(|other| other.name == rule.name) {
                None => own.push(Rule { used: Some(name.span.clone()), ..rule.clone() }),
                Some(other) if other.value == rule.value => {}
                Some(other) => {
                    let message = format!("`{}` is given here and, with another value, in `{}`", rule.name, name.value);
                    let diagnostic =
                        Diagnostic::new(Code::RuleSetConflict, &other.key, message, "here").also(&rule.key, "in the rule set");
                    faults.push(diagnostic.help("both would have to hold; keep one of the two"));
                }
            }
        }
    }

    /// Warns of names that nothing refers to.
    pub(crate) fn idle(&self, faults: &mut Faults) {
        for (name, group) in self.hosts.iter().filter(|(_, group)| !group.used.get()) {
            let message = format!("nothing refers to the hosts `@{name}`");
            let diagnostic = Diagnostic::new(Code::UnusedGroup, &group.name, message, "not used");
            faults.push(diagnostic.help("remove the group, or name it in a list of hosts"));
        }
        for (name, group) in self.rules.iter().filter(|(_, group)| !group.used.get()) {
            let message = format!("no argument refers to the rule set `{name}`");
            let diagnostic = Diagnostic::new(Code::UnusedRuleSet, &group.name, message, "restricts nothing");
            faults.push(diagnostic.help("remove the set, or refer to it: `args.<argument> = \"…\"`"));
        }
    }
}
