//! Authority that a manifest grants and nobody used, and the change of the manifest that takes it away.

use airlock_policy::ir::Policy;
use airlock_runtime::ledger::read::Agent;
use std::fmt::Write as _;
use toml_edit::DocumentMut;

/// One grant beside what was used of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Granted {
    /// Place among the manifest's `[[grant]]`, from 0.
    pub(crate) place: usize,
    pub(crate) subject: String,
    pub(crate) why: String,
    /// Tools with the allowed calls of this subject.
    pub(crate) tools: Vec<(String, u64)>,
    /// What to change, as a unified diff; absent where every tool was used, or where the manifest without them would have errors.
    pub(crate) patch: Option<String>,
}

/// Every grant of a manifest, in its order.
pub(crate) fn granted(text: &str, name: &str, policy: &Policy, agents: &[Agent]) -> Vec<Granted> {
    let used = |subject: &str, tool: &str| {
        let agent = agents.iter().find(|agent| agent.subject == subject);
        agent
            .and_then(|agent| agent.tools.iter().find(|usage| usage.tool == tool))
            .map_or(0, |usage| usage.allowed + usage.shadow)
    };
    let places = places(text, policy);
    policy
        .grants
        .iter()
        .zip(places)
        .map(|(grant, place)| {
            let tools: Vec<_> = grant.tools.iter().map(|tool| (tool.clone(), used(&grant.subject, tool))).collect();
            let idle: Vec<&str> = tools.iter().filter(|(_, count)| *count == 0).map(|(tool, _)| tool.as_str()).collect();
            let patch = place.filter(|_| !idle.is_empty()).and_then(|place| patch(text, name, place, &idle));
            Granted { place: place.unwrap_or(usize::MAX), subject: grant.subject.clone(), why: grant.why.clone(), tools, patch }
        })
        .collect()
}

/// Where each grant of the policy stands in the text: the compiled order is another, and a text may say the same twice.
fn places(text: &str, policy: &Policy) -> Vec<Option<usize>> {
    let Ok(document) = text.parse::<DocumentMut>() else { return vec![None; policy.grants.len()] };
    let written: Vec<(String, Vec<String>)> = document
        .get("grant")
        .and_then(|item| item.as_array_of_tables())
        .into_iter()
        .flatten()
        .map(|table| {
            let mut tools: Vec<String> = table
                .get("tools")
                .and_then(|tools| tools.as_array())
                .into_iter()
                .flatten()
                .filter_map(|tool| tool.as_str().map(str::to_owned))
                .collect();
            tools.sort();
            (table.get("subject").and_then(|subject| subject.as_str()).unwrap_or_default().to_owned(), tools)
        })
        .collect();
    let mut free: Vec<bool> = vec![true; written.len()];
    let mut find = |subject: &str, tools: &[String]| {
        let at = (0..written.len()).find(|at| free[*at] && written[*at].0 == subject && written[*at].1 == tools)?;
        free[at] = false;
        Some(at)
    };
    policy.grants.iter().map(|grant| find(&grant.subject, &grant.tools)).collect()
}

/// The manifest without these tools in that grant, as a unified diff that `patch` takes. A grant of nothing goes as a whole.
fn patch(text: &str, name: &str, place: usize, idle: &[&str]) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    let grants = document.get_mut("grant")?.as_array_of_tables_mut()?;
    let tools = grants.get_mut(place)?.get_mut("tools")?.as_array_mut()?;
    let on_one_line = !tools.to_string().contains('\n');
    tools.retain(|tool| tool.as_str().is_none_or(|tool| !idle.contains(&tool)));
    if on_one_line {
        // What is left keeps no gap where another stood before it.
        tools.fmt();
    }
    if tools.is_empty() {
        grants.remove(place);
    }
    let changed = document.to_string();
    let compiles = airlock_policy::compile(&changed, name).into_compiled().is_some();
    compiles.then(|| diff(text, &changed, name)).flatten()
}

/// A unified diff of one hunk: what two texts have in common at their beginning and end is left out but for three lines.
fn diff(old: &str, new: &str, name: &str) -> Option<String> {
    const CONTEXT: usize = 3;
    let (a, b): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let begin = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    if begin == a.len() && begin == b.len() {
        return None;
    }
    let end = a[begin..].iter().rev().zip(b[begin..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (from, until) = (begin.saturating_sub(CONTEXT), end.saturating_sub(CONTEXT));
    let (a_len, b_len) = (a.len() - from - until, b.len() - from - until);
    let mut out = format!("--- a/{name}\n+++ b/{name}\n@@ -{},{a_len} +{},{b_len} @@\n", from + 1, from + 1);
    let lines = [
        (' ', &a[from..begin]),
        ('-', &a[begin..a.len() - end]),
        ('+', &b[begin..b.len() - end]),
        (' ', &a[a.len() - end..a.len() - until]),
    ];
    for (sign, lines) in lines {
        lines.iter().for_each(|line| {
            let _ = writeln!(out, "{sign}{line}");
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests;
