//! One pass over a ledger, in memory that does not grow with it.

use airlock_runtime::clock::Micros;
use airlock_runtime::ledger::line::Line;
use airlock_runtime::ledger::read::{self, Agent};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::Path;

/// Most bars of the course over time; beyond it neighbours are joined.
const BARS_MAX: usize = 96;
/// Widths of a bar, seconds: each is a multiple of the one before.
const WIDTHS: [u64; 8] = [60, 300, 900, 3600, 4 * 3600, 86_400, 7 * 86_400, 28 * 86_400];
/// Columns of the distribution of risk.
pub(crate) const RISK_BINS: usize = 20;
/// Columns of the distribution of durations: powers of two, from a microsecond to some minutes.
pub(crate) const TIME_BINS: usize = 28;
/// Most reasons and hosts that are kept apart: far more than there are codes, and a page that can still be read.
const NAMES_MAX: usize = 256;
/// The newest examples kept of each reason.
const EXAMPLES: usize = 3;
/// The newest events kept.
const EVENTS: usize = 40;
/// Most policy digests kept apart.
const POLICIES_MAX: usize = 32;
/// Stands for every name that was not kept.
const MORE: &str = "(more)";

/// Everything that a page shows of the entries.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) entries: u64,
    pub(crate) since: Option<Micros>,
    pub(crate) until: Option<Micros>,
    /// Lines that could not be read.
    pub(crate) damaged: u64,
    pub(crate) course: Course,
    pub(crate) agents: Vec<Agent>,
    /// Calls that were refused and made all the same, in shadow mode. They are among the refusals.
    pub(crate) shadow: u64,
    /// Refusals by reason.
    pub(crate) denials: BTreeMap<String, Denials>,
    /// Allowed and denied calls by risk.
    pub(crate) risk: [(u64, u64); RISK_BINS],
    /// Outcomes by the power of two of their duration in microseconds.
    pub(crate) times: [u64; TIME_BINS],
    /// Outcomes that may have reached a host.
    pub(crate) hosts: BTreeMap<String, u64>,
    /// Decisions by policy digest.
    pub(crate) policies: BTreeMap<String, u64>,
    /// What became of questions to users, by verdict.
    pub(crate) questions: BTreeMap<String, u64>,
    pub(crate) events: VecDeque<Event>,
}

/// Refusals for one reason.
#[derive(Debug, Default)]
pub(crate) struct Denials {
    pub(crate) count: u64,
    /// Of these, counted without a line of their own.
    pub(crate) counted: u64,
    pub(crate) examples: VecDeque<Example>,
}

/// A refused call.
#[derive(Debug)]
pub(crate) struct Example {
    pub(crate) seq: u64,
    pub(crate) ts: String,
    pub(crate) sub: String,
    pub(crate) tool: String,
    pub(crate) detail: String,
}

/// Something other than a call.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) seq: u64,
    pub(crate) ts: String,
    pub(crate) what: String,
}

/// Decisions over time.
#[derive(Debug, Default)]
pub(crate) struct Course {
    width: usize,
    bars: BTreeMap<u64, Bar>,
}

/// Decisions within one width.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bar {
    pub(crate) allowed: u64,
    pub(crate) denied: u64,
}

impl Course {
    /// Width of a bar, seconds.
    pub(crate) const fn width(&self) -> u64 {
        WIDTHS[self.width]
    }

    fn add(&mut self, at: Micros, allowed: u64, denied: u64) {
        let bar = self.bars.entry(at.seconds() / self.width()).or_default();
        (bar.allowed, bar.denied) = (bar.allowed + allowed, bar.denied + denied);
        while self.width + 1 < WIDTHS.len() && self.span() > BARS_MAX as u64 {
            let join = WIDTHS[self.width + 1] / WIDTHS[self.width];
            self.width += 1;
            for (at, bar) in std::mem::take(&mut self.bars) {
                let into = self.bars.entry(at / join).or_default();
                (into.allowed, into.denied) = (into.allowed + bar.allowed, into.denied + bar.denied);
            }
        }
    }

    fn span(&self) -> u64 {
        let ends = self.bars.first_key_value().zip(self.bars.last_key_value());
        ends.map_or(0, |((first, _), (last, _))| last - first + 1)
    }

    /// All bars with the empty ones between, and the time at which the first begins, unix seconds.
    pub(crate) fn bars(&self) -> (u64, Vec<Bar>) {
        let first = self.bars.first_key_value().map_or(0, |(first, _)| *first);
        // Even after years beyond the largest width a page stays a page.
        let count = self.span().min(4 * BARS_MAX as u64);
        let bars = (first..first + count).map(|at| self.bars.get(&at).copied().unwrap_or_default());
        (first * self.width(), bars.collect())
    }
}

#[derive(Deserialize)]
struct DecisionRow<'a> {
    #[serde(borrow)]
    d: Cow<'a, str>,
    #[serde(borrow)]
    sub: Cow<'a, str>,
    #[serde(borrow)]
    tool: Cow<'a, str>,
    #[serde(borrow)]
    why: Cow<'a, str>,
    #[serde(borrow, default)]
    detail: Cow<'a, str>,
    #[serde(borrow)]
    pol: Cow<'a, str>,
    risk: u64,
}

#[derive(Deserialize)]
struct OutcomeRow<'a> {
    us: u64,
    #[serde(borrow)]
    hosts: Vec<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct DenialsRow {
    why: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct ApproveRow {
    v: String,
}

/// The members of the rarer entries that a reader is told.
#[derive(Deserialize)]
struct EventRow {
    t: String,
    #[serde(default)]
    what: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    why: serde_json::Value,
    #[serde(default)]
    by: String,
    #[serde(default)]
    on: bool,
    #[serde(default)]
    torn: String,
    #[serde(default)]
    lost: u64,
    #[serde(default)]
    sub: String,
    #[serde(default)]
    tools: Vec<String>,
}

/// Reads a ledger from `since` on.
///
/// # Errors
/// The directory or a segment cannot be read.
pub(crate) fn gather(dir: &Path, since: Micros) -> io::Result<Gathered> {
    let mut out = Gathered::default();
    let mut tally = read::Gathered::new(true);
    let mut json = Vec::new();
    out.damaged = read::walk(dir, since, |line| {
        json.clear();
        json.push(b'{');
        json.extend_from_slice(line.body);
        out.take(line, &json);
        tally.take(line);
    })?;
    out.agents = tally.agents();
    Ok(out)
}

impl Gathered {
    fn take(&mut self, line: &Line<'_>, json: &[u8]) {
        self.entries += 1;
        let at = line.micros();
        self.until = at.or(self.until);
        self.since = self.since.or(at);
        let at = at.unwrap_or(Micros(0));
        let kind = line.body.strip_prefix(b"\"t\":\"").and_then(|rest| rest.split(|b| *b == b'"').next()).unwrap_or_default();
        match kind {
            b"decision" => {
                if let Ok(row) = serde_json::from_slice::<DecisionRow<'_>>(json) {
                    self.decision(line, at, &row);
                }
            }
            b"outcome" => {
                if let Ok(row) = serde_json::from_slice::<OutcomeRow<'_>>(json) {
                    self.times[(row.us.checked_ilog2().unwrap_or(0) as usize).min(TIME_BINS - 1)] += 1;
                    row.hosts.iter().for_each(|host| *bounded(&mut self.hosts, host, NAMES_MAX) += 1);
                }
            }
            b"denials" => {
                if let Ok(row) = serde_json::from_slice::<DenialsRow>(json) {
                    for (why, count) in row.why {
                        let denials = bounded(&mut self.denials, &why, NAMES_MAX);
                        denials.count = denials.count.saturating_add(count);
                        denials.counted = denials.counted.saturating_add(count);
                        self.course.add(at, 0, count);
                    }
                }
            }
            b"approve" => {
                if let Ok(row) = serde_json::from_slice::<ApproveRow>(json) {
                    *bounded(&mut self.questions, &row.v, NAMES_MAX) += 1;
                }
            }
            b"ask" => {
                if let Ok(row) = serde_json::from_slice::<ApproveRow>(json) {
                    *bounded(&mut self.questions, &format!("{} (of an upstream)", row.v), NAMES_MAX) += 1;
                }
            }
            b"genesis" | b"rotate" => {}
            _ => {
                if let Ok(row) = serde_json::from_slice::<EventRow>(json) {
                    self.event(line, &row);
                }
            }
        }
    }

    fn decision(&mut self, line: &Line<'_>, at: Micros, row: &DecisionRow<'_>) {
        *bounded(&mut self.policies, &row.pol, POLICIES_MAX) += 1;
        let bin = usize::try_from(row.risk).map_or(RISK_BINS, |risk| risk * RISK_BINS / 1000).min(RISK_BINS - 1);
        if row.d == "allow" {
            self.risk[bin].0 += 1;
            return self.course.add(at, 1, 0);
        }
        self.shadow += u64::from(row.d == "shadow");
        self.risk[bin].1 += 1;
        self.course.add(at, 0, 1);
        let denials = bounded(&mut self.denials, &row.why, NAMES_MAX);
        denials.count += 1;
        if denials.examples.len() >= EXAMPLES {
            denials.examples.pop_front();
        }
        let text = |text: &Cow<'_, str>| text.clone().into_owned();
        denials.examples.push_back(Example {
            seq: line.seq,
            ts: line.ts.to_owned(),
            sub: text(&row.sub),
            tool: text(&row.tool),
            detail: text(&row.detail),
        });
    }

    fn event(&mut self, line: &Line<'_>, row: &EventRow) {
        let EventRow { t, what, id, why, by, on, torn, lost, sub, tools } = row;
        let said = match t.as_str() {
            "revoke" => format!("{by} revoked {what} {id}: {}", why.as_str().unwrap_or_default()),
            "kill" if *on => "a kill file stops everything".to_owned(),
            "kill" => "the kill file is gone".to_owned(),
            "recover" => format!("after a crash {lost} entries were lost and a bad tail went to torn/{torn}"),
            "redact" => format!("{by} erased evidence: {}", why.as_str().unwrap_or_default()),
            "disk_full" => "the disk was full; everything was refused from here to the next start".to_owned(),
            "issue" => format!("{by} issued a lease to {sub} for {}", tools.join(", ")),
            other => format!("an entry of type {other}"),
        };
        if self.events.len() >= EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(Event { seq: line.seq, ts: line.ts.to_owned(), what: said });
    }
}

/// The value of a name, or of [`MORE`] once there are too many.
fn bounded<'m, T: Default>(map: &'m mut BTreeMap<String, T>, name: &str, most: usize) -> &'m mut T {
    let name = if map.len() < most || map.contains_key(name) { name } else { MORE };
    // A look-up before the insertion spares a text for each entry.
    if !map.contains_key(name) {
        map.insert(name.to_owned(), T::default());
    }
    map.entry(name.to_owned()).or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_course_joins_bars_and_loses_nothing() {
        let mut course = Course::default();
        for minute in 0..5000u64 {
            course.add(Micros(minute * 60_000_000), 1, 2);
        }
        let (begin, bars) = course.bars();
        assert_eq!((begin, course.width()), (0, 3600));
        assert!(bars.len() <= BARS_MAX);
        assert_eq!(
            (bars.iter().map(|bar| bar.allowed).sum::<u64>(), bars.iter().map(|bar| bar.denied).sum::<u64>()),
            (5000, 10_000)
        );
        assert_eq!(bars[0], Bar { allowed: 60, denied: 120 });
    }

    #[test]
    fn a_gap_of_years_is_a_page_and_no_flood() {
        let mut course = Course::default();
        course.add(Micros(0), 1, 0);
        course.add(Micros(200 * 365 * 86_400 * 1_000_000), 1, 0);
        assert!(course.bars().1.len() <= 4 * BARS_MAX);
    }

    #[test]
    fn names_beyond_the_bound_are_one() {
        let mut map: BTreeMap<String, u64> = BTreeMap::new();
        (0..10).for_each(|n| *bounded(&mut map, &n.to_string(), 3) += 1);
        assert_eq!((map.len(), map[MORE]), (4, 7));
    }
}
