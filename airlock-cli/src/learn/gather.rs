//! Reading a ledger for what was done: calls that were made, their arguments, and what speaks against learning from them.

use super::{Apart, Args, Seen, Wishes};
use crate::command::pin::SPOKEN;
use crate::shown::plain;
use airlock_policy::ir::{Policy, Tool, ToolKind};
use airlock_runtime::clock::Micros;
use airlock_runtime::ledger::evidence::copy::REMOVED;
use airlock_runtime::ledger::evidence::read::{State, arguments};
use airlock_runtime::ledger::line::Line;
use airlock_runtime::ledger::read::walk;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::Path;

/// Most calls that are learned from: some weeks of one busy agent, and few enough to be replayed in seconds.
pub(crate) const CALLS_MAX: usize = 20_000;
/// Most bytes of arguments that are held for it.
const ARGUMENTS_MAX: usize = 64 * 1024 * 1024;
/// The label of tools whose results were written by strangers.
pub(crate) const UNTRUSTED: &str = "ingests:untrusted";
/// How the names of the gateway's own tools begin.
const OWN: &str = "airlock_";
/// Outcomes that say the same of one result.
const RISKY_RESULT: &str = "result_risky";

/// What a ledger tells of upstreams' tools.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// Calls to learn from, in the order of their entries.
    pub(crate) seen: Vec<Seen>,
    /// Calls that were made and teach nothing.
    pub(crate) apart: Vec<Apart>,
    /// Calls that were not made, by reason.
    pub(crate) held: BTreeMap<String, u64>,
    /// Calls of tools that are no upstream's in this manifest.
    pub(crate) others: u64,
    /// First and last entry that was read.
    pub(crate) span: Option<(u64, u64)>,
}

#[derive(Deserialize)]
struct Decision {
    d: String,
    #[serde(default)]
    sid: String,
    #[serde(default)]
    sub: String,
    tool: String,
    why: String,
    risk: u16,
    #[serde(default)]
    factors: Vec<(String, u16)>,
    ac: String,
    call: String,
}

#[derive(Deserialize)]
struct Outcome {
    call: String,
    status: String,
}

/// Reading under way.
struct Reading<'p> {
    tools: HashMap<&'p str, &'p Tool>,
    wishes: &'p Wishes,
    /// Entries before this are read for what sessions had come by already, and for nothing else.
    since: Micros,
    found: Gathered,
    /// Commitments to the arguments of the calls that were made.
    commitments: BTreeMap<u64, String>,
    /// Session and tool of calls without an outcome yet.
    open: HashMap<String, (String, String)>,
    /// Sessions that came by text of strangers, each with the entry of the first outcome that had some.
    tainted: HashMap<String, u64>,
    too_many: bool,
}

/// Reads a ledger for the calls from `since` on. It is read from its beginning: a session may have come by text of strangers before.
///
/// # Errors
/// It cannot be read, or has too many calls.
pub(crate) fn gather(dir: &Path, since: Micros, policy: &Policy, wishes: &Wishes) -> io::Result<Gathered> {
    let mut reading = Reading {
        tools: policy.tools.iter().map(|tool| (tool.name.as_str(), tool)).collect(),
        wishes,
        since,
        found: Gathered::default(),
        commitments: BTreeMap::new(),
        open: HashMap::new(),
        tainted: HashMap::new(),
        too_many: false,
    };
    let damaged = walk(dir, Micros(0), |line| reading.take(line))?;
    if damaged > 0 {
        return Err(io::Error::other(format!("{damaged} lines are no entries")));
    }
    if reading.too_many {
        return Err(io::Error::other(format!("it has more than {CALLS_MAX} calls; look back less far with --lookback-hours")));
    }
    let mut found = reading.found;
    let texts = arguments(dir, &reading.commitments, ARGUMENTS_MAX)?;
    for seen in &mut found.seen {
        seen.args =
            texts.get(&seen.seq).map_or_else(|| unknown("no evidence is kept of it"), |text| read(&text.state, &text.bytes));
    }
    Ok(found)
}

impl Reading<'_> {
    fn take(&mut self, line: &Line<'_>) {
        // A line whose time cannot be read is not left out by it.
        let is_asked_for = line.micros().is_none_or(|at| at >= self.since);
        if is_asked_for {
            let (first, _) = *self.found.span.get_or_insert((line.seq, line.seq));
            self.found.span = Some((first, line.seq));
        }
        let json = [b"{", line.body].concat();
        if line.body.starts_with(b"\"t\":\"decision\",") {
            if let Ok(decision) = serde_json::from_slice::<Decision>(&json) {
                self.decision(line, decision, is_asked_for);
            }
        } else if line.body.starts_with(b"\"t\":\"outcome\",")
            && let Ok(outcome) = serde_json::from_slice::<Outcome>(&json)
            && let Some((sid, tool)) = self.open.remove(&outcome.call)
            && (self.is_by_strangers(&tool) || outcome.status == RISKY_RESULT)
        {
            self.tainted.entry(sid).or_insert(line.seq);
        }
    }

    /// Whether what a tool gives back was written by strangers: by its label, whatever kind of tool it is. Of a tool that the manifest does not
    /// have any more nothing is known, but for the gateway's own.
    fn is_by_strangers(&self, tool: &str) -> bool {
        match self.tools.get(tool) {
            Some(tool) => tool.labels.iter().any(|label| label == UNTRUSTED),
            None => !tool.starts_with(OWN),
        }
    }

    fn decision(&mut self, line: &Line<'_>, decision: Decision, is_asked_for: bool) {
        let Decision { d, sid, sub, tool, why, risk, factors, ac, call } = decision;
        let is_made = d == "allow" || d == "shadow";
        if is_made {
            self.open.insert(call, (sid.clone(), tool.clone()));
        }
        if !is_asked_for {
            return;
        }
        if !is_made {
            *self.found.held.entry(why).or_default() += 1;
            return;
        }
        let Some(known) = self.tools.get(tool.as_str()).filter(|tool| matches!(tool.kind, ToolKind::Upstream(_))) else {
            self.found.others += 1;
            return;
        };
        let because = self.objection(line.seq, &sid, risk, known.risk_threshold, &factors);
        if self.found.seen.len() + self.found.apart.len() >= CALLS_MAX {
            self.too_many = true;
            return;
        }
        match because.filter(|_| !self.wishes.accepts(line.seq)) {
            Some(because) => self.found.apart.push(Apart { seq: line.seq, tool, because }),
            None => {
                self.commitments.insert(line.seq, ac);
                let at = line.micros().unwrap_or(Micros(0));
                self.found.seen.push(Seen { seq: line.seq, at, sid, sub, tool, risk, args: unknown("") });
            }
        }
    }

    /// Why nothing should be learned from a call.
    fn objection(&self, seq: u64, sid: &str, risk: u16, threshold: u16, factors: &[(String, u16)]) -> Option<String> {
        let spoken = factors.iter().find(|(name, points)| *points > 0 && SPOKEN.contains(&name.as_str()));
        if let Some((name, _)) = spoken {
            return Some(format!("its arguments speak like an attack ({})", plain(name)));
        }
        if risk >= threshold {
            return Some(format!("its risk of {risk} thousandths reached the threshold of {threshold}"));
        }
        let since = self.tainted.get(sid).filter(|since| **since < seq)?;
        Some(format!("it came after results that strangers wrote (entry {since})"))
    }
}

fn unknown(why: &str) -> Args {
    Args::Unknown(why.to_owned())
}

/// What the kept bytes are worth.
fn read(state: &State, bytes: &[u8]) -> Args {
    let parsed = || serde_json::from_slice::<Map<String, Value>>(bytes).ok();
    match state {
        State::Opened => parsed().map_or_else(|| unknown("they are no object"), Args::Proven),
        State::Redacted => parsed().map_or_else(|| unknown("the copy is no object"), Args::Copy),
        State::DoesNotOpen => unknown("what is kept is not what the entry commits to"),
        State::Cut(_) => unknown("only their beginning is kept"),
        State::Erased => unknown("they were erased"),
        State::Salt => unknown("evidence = \"hashes\" keeps none; \"redacted\" or \"full\" would"),
        State::Left(why) => unknown(&format!("they were left out ({})", plain(why))),
        State::Gone => unknown("no evidence is kept of them"),
    }
}

/// Does a value hold the mark of something that was removed from it?
pub(crate) fn is_redacted(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(REMOVED),
        Value::Array(items) => items.iter().any(is_redacted),
        Value::Object(members) => members.values().any(is_redacted),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Names of tools whose results count as trusted, because no label says otherwise.
pub(crate) fn unlabelled<'p>(policy: &'p Policy, seen: &[Seen]) -> BTreeSet<&'p str> {
    let names: BTreeSet<&str> = seen.iter().map(|seen| seen.tool.as_str()).collect();
    let used = |tool: &&Tool| names.contains(tool.name.as_str());
    let labelled = |tool: &&Tool| tool.labels.iter().any(|label| label == UNTRUSTED);
    policy.tools.iter().filter(used).filter(|tool| !labelled(tool)).map(|tool| tool.name.as_str()).collect()
}
