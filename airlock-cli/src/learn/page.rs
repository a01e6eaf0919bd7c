//! What is told of a proposal, beside its text.

use super::edit::commented;
use super::gather::{Gathered, unlabelled};
use super::propose::evidence;
use super::replay::Replay;
use super::{Apart, Seen, Wishes};
use crate::shown::plain;
use airlock_policy::ir::{Policy, ToolKind};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Calls set apart that are named one by one.
const APART_SHOWN: usize = 100;

/// A proposal that was checked and replayed.
#[derive(Debug)]
pub(crate) struct Proposal<'a> {
    /// The manifest as it was.
    pub(crate) policy: &'a Policy,
    pub(crate) wishes: &'a Wishes,
    pub(crate) found: &'a Gathered,
    /// Calls that it rests on.
    pub(crate) seen: &'a [Seen],
    /// Calls that it does not rest on.
    pub(crate) apart: &'a [Apart],
    pub(crate) replay: &'a Replay,
    /// Without rules, thresholds and bounds, because with them it had errors.
    pub(crate) is_wide: bool,
}

impl Proposal<'_> {
    /// The manifest with a head that says what it is, and a list of what was set apart.
    pub(crate) fn text(&self, manifest: &str) -> String {
        let head = format!(
            "# Proposed by `airlock learn`. It allows what was seen in shadow mode, which is not the same as what is right: read every line.\n{}",
            commented(&self.replayed())
        );
        let apart = self.lines_apart();
        let apart = if apart.is_empty() { String::new() } else { format!("\n# Not proposed:\n{}", commented(&apart.join("\n"))) };
        format!("{head}{manifest}{apart}")
    }

    /// What the replay came to.
    pub(crate) fn replayed(&self) -> String {
        let Replay { judged, unknown, refused } = self.replay;
        let (first, last) = self.found.span.unwrap_or_default();
        let unknown = if *unknown > 0 {
            format!("; {unknown} could not be replayed, since their arguments are not known")
        } else {
            String::new()
        };
        format!(
            "Entries {first} to {last}: {} calls to learn from, {judged} replayed under this manifest, {} allowed{unknown}.",
            self.seen.len(),
            judged - refused.len()
        )
    }

    fn lines_apart(&self) -> Vec<String> {
        let line = |apart: &Apart| format!("entry {}, {}: {}", apart.seq, plain(&apart.tool), plain(&apart.because));
        let mut lines: Vec<String> = self.apart.iter().take(APART_SHOWN).map(line).collect();
        if self.apart.len() > APART_SHOWN {
            lines.push(format!("and {} more", self.apart.len() - APART_SHOWN));
        }
        lines
    }

    /// What a reader should know, for stderr.
    pub(crate) fn remarks(&self) -> Vec<String> {
        let mut lines = vec![self.replayed()];
        if self.is_wide {
            lines.push("Rules, thresholds and bounds were left out: with them the manifest had errors.".to_owned());
        }
        if !self.apart.is_empty() {
            lines.push(format!(
                "Set apart, not proposed: {} calls. --accept takes those that you have looked at.",
                self.apart.len()
            ));
            lines.extend(self.lines_apart().into_iter().map(|line| format!("  {line}")));
        }
        for (why, count) in &self.found.held {
            lines.push(format!("Held in shadow mode too: {count} x {}", plain(why)));
        }
        if self.found.others > 0 {
            lines.push(format!("Calls of tools that are no upstream's in this manifest: {}", self.found.others));
        }
        let trusted = unlabelled(self.policy, self.seen);
        if !trusted.is_empty() {
            let names: Vec<&str> = trusted.into_iter().collect();
            lines.push(format!("Counted as tools whose results nobody else writes, by their labels: {}", names.join(", ")));
        }
        lines
    }

    /// The same for scripts.
    pub(crate) fn json(&self, manifest: &str) -> Value {
        let mut by_tool: BTreeMap<&str, Vec<&Seen>> = BTreeMap::new();
        self.seen.iter().for_each(|seen| by_tool.entry(&seen.tool).or_default().push(seen));
        let of_tool = |(tool, calls): (&&str, &Vec<&Seen>)| {
            let seqs: Vec<u64> = calls.iter().map(|seen| seen.seq).collect();
            json!({"tool": tool, "calls": calls.len(), "seqs": seqs, "evidence": evidence(calls, self.wishes)})
        };
        let is_unused = |tool: &&airlock_policy::ir::Tool| {
            matches!(tool.kind, ToolKind::Upstream(_)) && !by_tool.contains_key(tool.name.as_str())
        };
        let unused: Vec<&str> = self.policy.tools.iter().filter(is_unused).map(|tool| tool.name.as_str()).collect();
        let apart = |apart: &Apart| json!({"seq": apart.seq, "tool": apart.tool, "because": apart.because});
        json!({
            "manifest": manifest,
            "tools": by_tool.iter().map(of_tool).collect::<Vec<_>>(),
            "unused": unused,
            "not_proposed": self.apart.iter().map(apart).collect::<Vec<_>>(),
            "held": self.found.held,
            "replayed": {"calls": self.replay.judged, "allowed": self.replay.judged - self.replay.refused.len(),
                         "unknown": self.replay.unknown},
            "narrowed": !self.is_wide,
        })
    }
}
