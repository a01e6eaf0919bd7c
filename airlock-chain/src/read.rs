//! Reading a ledger for people and reports: the newest entries, counts per tool, exposure per agent.
//!
//! Nothing here proves anything (that is [`super::verify`]): a line that cannot be read is counted and passed over. A ledger
//! that is being written may be read; a last line without its line feed is not there yet.

mod follow;
mod tally;

pub use follow::Follower;

use super::files;
use super::folder::{Folder, Place};
use super::line::{self, Line};
use airlock_core::clock::Micros;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
pub use tally::Gathered;

/// Most entries that `tail` gives at once: 10,000 of the longest are 160 MiB.
pub const TAIL_MAX: usize = 10_000;

/// The newest entries, oldest of them first.
#[derive(Debug, Clone, Serialize)]
pub struct Tail {
    /// Entries exactly as they stand in the ledger (printable ASCII).
    pub entries: Vec<Box<RawValue>>,
    /// Lines that could not be read.
    pub damaged: u64,
}

/// Counts of one tool, or of one tool as used by one agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Tool.
    pub tool: String,
    /// Calls judged.
    pub calls: u64,
    /// Of these, allowed.
    pub allowed: u64,
    /// Of these, denied.
    pub denied: u64,
    /// Of these, refused and made all the same: the gateway was in shadow mode.
    #[serde(skip_serializing_if = "is_none")]
    pub shadow: u64,
    /// Calls that were made and whose effect failed.
    pub failed: u64,
    /// Denials by reason code, those that were let through among them.
    pub reasons: BTreeMap<String, u64>,
    /// Median duration in microseconds, rounded up by less than an eighth; absent without an outcome.
    pub p50_us: Option<u64>,
    /// The duration that 95 of 100 calls stay under, equally rounded.
    pub p95_us: Option<u64>,
    /// Hosts that allowed calls may have reached.
    pub hosts: BTreeSet<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
const fn is_none(count: &u64) -> bool {
    *count == 0
}

/// Counts per tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Entries of all types.
    pub entries: u64,
    /// Time of the first of them.
    pub since: Option<String>,
    /// Time of the last.
    pub until: Option<String>,
    /// Lines that could not be read.
    pub damaged: u64,
    /// Refusals that were counted only, by reason code: they are of no tool.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub counted: BTreeMap<String, u64>,
    /// Per tool, by name.
    pub tools: Vec<Usage>,
}

/// What the agents used, were denied, and hold without using it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exposure {
    /// Hours looked back.
    pub lookback_hours: u64,
    /// Lines that could not be read.
    pub damaged: u64,
    /// Per agent, by name; the empty name stands for calls without a valid lease.
    pub agents: Vec<Agent>,
}

/// One agent (subject of leases).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Agent {
    /// Subject.
    pub subject: String,
    /// Per tool, by name.
    pub tools: Vec<Usage>,
    /// Tools that its leases name and no call that was made used: candidates for a narrower grant.
    pub unused: Vec<String>,
}

/// The newest `count` entries, at most [`TAIL_MAX`].
///
/// # Errors
/// The directory or a segment cannot be read.
pub fn tail(folder: impl Into<Folder>, count: usize) -> io::Result<Tail> {
    let folder = folder.into();
    let count = count.min(TAIL_MAX);
    let mut out = Tail { entries: Vec::new(), damaged: 0 };
    for segment in folder.segments()?.iter().rev() {
        let missing = count - out.entries.len();
        if missing == 0 {
            break;
        }
        let mut found = Vec::new();
        for text in last_lines(&folder.read(Place::Segment(segment.first))?, missing)? {
            let readable = line::parse(&text).ok().and_then(|_| serde_json::from_slice::<Box<RawValue>>(&text).ok());
            match readable {
                Some(entry) => found.push(entry),
                None => out.damaged += 1,
            }
        }
        found.append(&mut out.entries);
        out.entries = found;
    }
    Ok(out)
}

/// The last whole lines of a file, read from its end.
fn last_lines(file: &File, count: usize) -> io::Result<Vec<Vec<u8>>> {
    const STEP: u64 = 64 * 1024;
    let size = files::size(file)?;
    let (mut from, mut bytes) = (size, Vec::new());
    // One line feed more than lines, to know where the first one begins.
    while from > 0 && bytes.iter().filter(|b| **b == b'\n').count() <= count {
        let begin = from.saturating_sub(STEP.max(bytes.len() as u64));
        let mut chunk = files::bytes(file, begin, from)?;
        chunk.append(&mut bytes);
        (bytes, from) = (chunk, begin);
    }
    let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    let mut lines: Vec<&[u8]> = bytes[..whole].split_inclusive(|b| *b == b'\n').collect();
    if from > 0 && !lines.is_empty() {
        lines.remove(0);
    }
    Ok(lines[lines.len().saturating_sub(count)..].iter().map(|line| line[..line.len() - 1].to_vec()).collect())
}

/// Counts over the whole ledger, per tool.
///
/// # Errors
/// The directory or a segment cannot be read.
pub fn stats(folder: impl Into<Folder>) -> io::Result<Stats> {
    let mut gathered = Gathered::new(false);
    let (mut entries, mut since, mut until) = (0, None, None);
    let damaged = walk(folder, Micros(0), |line| {
        entries += 1;
        until = line.micros();
        since = since.or(until);
        gathered.take(line);
    })?;
    let counted = gathered.counted();
    let tools = gathered.agents().into_iter().flat_map(|agent| agent.tools).collect();
    Ok(Stats { entries, since: since.map(Micros::rfc3339), until: until.map(Micros::rfc3339), damaged, counted, tools })
}

/// What happened in the last hours, per agent and tool.
///
/// # Errors
/// The directory or a segment cannot be read.
pub fn exposure(folder: impl Into<Folder>, lookback_hours: u64) -> io::Result<Exposure> {
    const HOUR: u64 = 3600 * 1_000_000;
    let since = Micros(Micros::now().0.saturating_sub(lookback_hours.saturating_mul(HOUR)));
    let mut gathered = Gathered::new(true);
    let damaged = walk(folder, since, |line| gathered.take(line))?;
    Ok(Exposure { lookback_hours, damaged, agents: gathered.agents() })
}

/// Gives every readable line from `since` on; returns how many could not be read.
///
/// # Errors
/// The directory or a segment cannot be read.
pub fn walk(folder: impl Into<Folder>, since: Micros, mut each: impl FnMut(&Line<'_>)) -> io::Result<u64> {
    let folder = folder.into();
    let mut damaged = 0;
    let earliest = since.rfc3339();
    for segment in folder.segments()? {
        let file = folder.read(Place::Segment(segment.first))?;
        let size = files::size(&file)?;
        let end = files::scan(&file, files::seek(&file, size, since)?, size, |_, text| {
            match line::parse(text) {
                Ok(line) if line.ts >= earliest.as_str() => each(&line),
                Ok(_) => {}
                Err(_) => damaged += 1,
            }
            Ok(())
        })?;
        if let files::End::Fault { .. } = end {
            damaged += 1;
        }
    }
    Ok(damaged)
}

#[cfg(test)]
mod tests;
