//! The manifest that allows what was seen.

use super::edit::{above, at, comment, commented, cut, parse};
use super::rules::{self, Proposed};
use super::{Seen, Wishes};
use crate::judge::because::place_of;
use crate::render::Failure;
use crate::shown::plain;
use airlock_policy::ir::{Grant, Policy, Tool, ToolKind};
use std::collections::{BTreeMap, BTreeSet};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value};

/// Entries that are named one by one as evidence.
const ENTRIES_SHOWN: usize = 6;
/// Subjects and sessions that are named one by one.
const NAMES_SHOWN: usize = 4;

/// A proposal under way.
struct Draft<'a> {
    document: DocumentMut,
    policy: &'a Policy,
    /// The calls of each tool, in the order of their entries.
    seen: BTreeMap<&'a str, Vec<&'a Seen>>,
    wishes: &'a Wishes,
    /// What was taken out, as comments.
    removed: String,
}

/// The text of the manifest that allows these calls. `narrows`: with rules for arguments, thresholds and bounds.
///
/// # Errors
/// The manifest has a form that cannot be changed in place.
pub(crate) fn propose(
    text: &str,
    name: &str,
    policy: &Policy,
    seen: &[Seen],
    wishes: &Wishes,
    narrows: bool,
) -> Result<String, Failure> {
    let mut by_tool: BTreeMap<&str, Vec<&Seen>> = BTreeMap::new();
    seen.iter().for_each(|seen| by_tool.entry(&seen.tool).or_default().push(seen));
    let mut draft = Draft { document: parse(text, name)?, policy, seen: by_tool, wishes, removed: String::new() };
    draft.enforce();
    for tool in &policy.tools {
        draft.tool(tool, narrows)?;
    }
    draft.flows()?;
    draft.grants()?;
    let Draft { document, removed, .. } = draft;
    let unused = if removed.is_empty() { String::new() } else { format!("\n# Not used, so not allowed:\n#\n{removed}") };
    Ok(document.to_string() + &unused)
}

/// Calls as evidence: how many, in which entries, by whom.
pub(crate) fn evidence(calls: &[&Seen], wishes: &Wishes) -> String {
    let entries: Vec<String> = calls.iter().take(ENTRIES_SHOWN).map(|seen| seen.seq.to_string()).collect();
    let more = if calls.len() > ENTRIES_SHOWN { ", \u{2026}" } else { "" };
    let sessions: BTreeSet<&str> = calls.iter().map(|seen| seen.sid.as_str()).collect();
    let subjects: BTreeSet<String> = calls
        .iter()
        .map(
            |seen| {
                if seen.sub.is_empty() { format!("no lease, counted for {}", plain(&wishes.subject)) } else { plain(&seen.sub) }
            },
        )
        .collect();
    let some = |names: Vec<String>| {
        let rest = names.len().saturating_sub(NAMES_SHOWN);
        let shown = names.into_iter().take(NAMES_SHOWN).collect::<Vec<_>>().join(", ");
        if rest > 0 { format!("{shown} and {rest} more") } else { shown }
    };
    let times = if calls.len() == 1 { "once".to_owned() } else { format!("{} times", calls.len()) };
    format!(
        "seen {times}: seqs {}{more}; sessions {}; by {}",
        entries.join(", "),
        some(sessions.into_iter().map(plain).collect()),
        some(subjects.into_iter().collect())
    )
}

impl<'a> Draft<'a> {
    fn calls(&self, tool: &str) -> Vec<&'a Seen> {
        self.seen.get(tool).cloned().unwrap_or_default()
    }

    fn enforce(&mut self) {
        if let Some(gateway) = at(&mut self.document, &["gateway"]) {
            gateway.remove("mode");
        }
        if let Some(lints) = at(&mut self.document, &["lints"]) {
            lints.remove("shadow-mode");
        }
    }

    fn remove(&mut self, path: &[&str]) -> Result<(), Failure> {
        let text = cut(&mut self.document, path)
            .ok_or_else(|| Failure::new(format_args!("`{}` does not stand in a table of its own", path.join("."))))?;
        self.removed.push_str(&commented(&text));
        self.removed.push_str("#\n");
        Ok(())
    }

    fn tool(&mut self, tool: &Tool, narrows: bool) -> Result<(), Failure> {
        let ToolKind::Upstream(proxied) = &tool.kind else { return Ok(()) };
        let (table, key) = place_of(proxied);
        let path = ["upstreams", &proxied.upstream, table, &key];
        let calls = self.calls(&tool.name);
        if calls.is_empty() {
            return self.remove(&path);
        }
        let proposed = if narrows { rules::propose(tool, &calls) } else { Proposed::default() };
        let mut lines = vec![evidence(&calls, self.wishes)];
        lines.extend(proposed.notes.iter().map(|note| plain(note)));
        let table =
            at(&mut self.document, &path).ok_or_else(|| Failure::new(format_args!("`{}` is no table", path.join("."))))?;
        if let Some(threshold) = proposed.risk_threshold {
            table.insert("risk_threshold", Item::Value(Value::from(f64::from(threshold) / 1000.0)));
        }
        if let Some(limits) = proposed.limits {
            table.insert("limits", Item::Value(Value::InlineTable(limits)));
        }
        if !proposed.args.is_empty() {
            let args = table.entry("args").or_insert_with(|| Item::Value(Value::InlineTable(InlineTable::new())));
            let args =
                args.as_table_like_mut().ok_or_else(|| Failure::new(format_args!("`{}.args` is no table", path.join("."))))?;
            for (argument, rules) in proposed.args {
                args.insert(&argument, Item::Value(Value::InlineTable(rules)));
            }
        }
        comment(&mut self.document, &path, &lines);
        Ok(())
    }

    /// Flows that speak of a label which no tool has any more would be an error.
    fn flows(&mut self) -> Result<(), Failure> {
        let left: BTreeSet<&str> = self.left().flat_map(|tool| tool.labels.iter().map(String::as_str)).collect();
        let Some(flows) = self.document.get_mut("flow").and_then(Item::as_array_of_tables_mut) else { return Ok(()) };
        let is_idle = |table: &Table| {
            let labels = ["deny", "ask"].iter().filter_map(|key| table.get(key)?.as_array()).flatten();
            labels.filter_map(Value::as_str).any(|label| !left.contains(label))
        };
        let idle: Vec<usize> = (0..flows.len()).filter(|place| flows.get(*place).is_some_and(is_idle)).collect();
        for place in idle.into_iter().rev() {
            let table = flows.get(place).cloned().unwrap_or_default();
            flows.remove(place);
            self.removed.push_str(&commented(&format!("[[flow]]\n{table}")));
            self.removed.push_str("#\n");
        }
        Ok(())
    }

    /// Tools that stay: those that were used, and those of the gateway itself, of which shadow mode says nothing.
    fn left(&self) -> impl Iterator<Item = &'a Tool> {
        let used: BTreeSet<&str> = self.seen.keys().copied().collect();
        self.policy.tools.iter().filter(move |tool| used.contains(tool.name.as_str()) || !is_foreign(tool))
    }

    fn grants(&mut self) -> Result<(), Failure> {
        let own: BTreeSet<String> = self.left().filter(|tool| !is_foreign(tool)).map(|tool| tool.name.clone()).collect();
        let mut used: BTreeMap<&str, BTreeMap<&str, Vec<&Seen>>> = BTreeMap::new();
        for (tool, calls) in &self.seen {
            for seen in calls {
                used.entry(self.wishes.subject(seen)).or_default().entry(tool).or_default().push(seen);
            }
        }
        let Some(grants) = self.document.get_mut("grant").and_then(Item::as_array_of_tables_mut) else {
            return Err(Failure::new("the grants of this manifest are not written as `[[grant]]`"));
        };
        let mut granted: BTreeSet<(String, String)> = BTreeSet::new();
        let mut idle = Vec::new();
        for (place, table) in grants.iter_mut().enumerate() {
            let subject = table.get("subject").and_then(Item::as_str).unwrap_or_default().to_owned();
            let theirs = used.get(subject.as_str());
            let Some(tools) = table.get_mut("tools").and_then(Item::as_array_mut) else { continue };
            let is_used = |tool: &str| own.contains(tool) || theirs.is_some_and(|theirs| theirs.contains_key(tool));
            let before = tools.len();
            if !tools.iter().filter_map(Value::as_str).any(is_used) {
                idle.push(place);
                continue;
            }
            tools.retain(|tool| tool.as_str().is_none_or(is_used));
            if tools.len() < before && !tools.to_string().contains('\n') {
                // What is left keeps no gap where another stood before it.
                tools.fmt();
            }
            granted.extend(tools.iter().filter_map(Value::as_str).map(|tool| (subject.clone(), tool.to_owned())));
            let calls = in_order(theirs.into_iter().flat_map(BTreeMap::values).flatten().copied());
            if !calls.is_empty() {
                above(table, &commented(&evidence(&calls, self.wishes)));
            }
        }
        for place in idle.into_iter().rev() {
            let table = grants.get(place).cloned().unwrap_or_default();
            grants.remove(place);
            self.removed.push_str(&commented(&format!("[[grant]]\n{table}")));
            self.removed.push_str("#\n");
        }
        for (subject, tools) in &used {
            let missing: BTreeMap<&str, &Vec<&Seen>> = tools
                .iter()
                .filter(|(tool, _)| !granted.contains(&((*subject).to_owned(), (**tool).to_owned())))
                .map(|(tool, calls)| (*tool, calls))
                .collect();
            if !missing.is_empty() {
                grants.push(grant(self.policy, subject, &missing, self.wishes));
            }
        }
        Ok(())
    }
}

/// A grant for what no grant gave. It is issued by the operator: that is the strictest way.
fn grant(policy: &Policy, subject: &str, tools: &BTreeMap<&str, &Vec<&Seen>>, wishes: &Wishes) -> Table {
    let calls = in_order(tools.values().flat_map(|calls| calls.iter().copied()));
    let of_subject = |grant: &&Grant| grant.subject == subject;
    let ceiling = policy.grants.iter().filter(of_subject).map(|grant| grant.max_risk).max();
    let mut table = Table::new();
    table.insert("subject", toml_edit::value(subject));
    table.insert("tools", toml_edit::value(tools.keys().copied().collect::<Array>()));
    table.insert("issue", toml_edit::value("operator"));
    if let Some(ceiling) = ceiling {
        table.insert("max_risk", toml_edit::value(f64::from(ceiling) / 1000.0));
    }
    table.insert("why", toml_edit::value("seen in shadow mode; replace this by the reason in your own words"));
    table.decor_mut().set_prefix(format!("\n{}", commented(&evidence(&calls, wishes))));
    table
}

fn in_order<'s>(calls: impl Iterator<Item = &'s Seen>) -> Vec<&'s Seen> {
    let mut calls: Vec<&Seen> = calls.collect();
    calls.sort_by_key(|seen| seen.seq);
    calls
}

const fn is_foreign(tool: &Tool) -> bool {
    matches!(tool.kind, ToolKind::Upstream(_))
}
