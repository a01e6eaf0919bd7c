//! Refusals cost their caller nothing, and each is a line: without a bound, whoever may call fills the disk. So refusals beyond a rate are
//! counted, and once a second one line says how many there were and why. An allow is never counted in place of its line.
//!
//! How many were recorded lately is read from the lines, so the bound holds over all processes and starts.

use super::entry::body;
use airlock_core::clock::Micros;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Refusals recorded one by one at once: far more than an agent that tries its way through a policy makes, and about 1 MiB.
pub const DENIALS_AT_ONCE: u64 = 2048;
/// Microseconds until one more may be: four a second over time, some 150 MiB a day.
pub const DENIAL_EVERY: u64 = 250_000;
/// Longest that a counted refusal waits for its line, microseconds.
pub(super) const FOLD_WITHIN: u64 = 1_000_000;
/// Most reasons named in one line; there are some dozens.
const REASONS_MAX: usize = 64;
/// Stands for the others.
const MORE: &str = "(more)";

/// How the body of a refusal begins.
const DENY: &[u8] = b"\"t\":\"decision\",\"d\":\"deny\",";

/// Refusals recorded lately.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When the present ones would have come at the slow rate, microseconds.
    upto: u64,
}

impl Pace {
    /// Takes in a line.
    pub(super) fn absorb(&mut self, body: &[u8], at: u64) {
        if body.starts_with(DENY) {
            self.upto = self.upto.max(at).saturating_add(DENIAL_EVERY);
        }
    }

    /// May one more be recorded by itself?
    pub(super) const fn has_room(&self, at: u64) -> bool {
        self.upto.saturating_sub(at) < DENIALS_AT_ONCE * DENIAL_EVERY
    }
}

/// Refusals of this process that were counted and are not recorded yet.
#[derive(Debug, Default)]
pub(super) struct Folded {
    why: BTreeMap<String, u64>,
    since: Option<Micros>,
}

#[derive(Debug, Serialize)]
struct DenialsLine<'a> {
    t: &'static str,
    n: u64,
    why: &'a BTreeMap<String, u64>,
    since: String,
}

/// The members of such a line that are counted again.
#[derive(Debug, Deserialize)]
pub(super) struct Denials {
    pub(super) why: BTreeMap<String, u64>,
}

impl Folded {
    /// Counts one more.
    pub(super) fn add(&mut self, why: &str, now: Micros) {
        self.since.get_or_insert(now);
        let known = self.why.len() < REASONS_MAX || self.why.contains_key(why);
        *self.why.entry(if known { why } else { MORE }.to_owned()).or_default() += 1;
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.since.is_none()
    }

    /// The body of the line that is due at `now`, which then stands for them.
    pub(super) fn take_due(&mut self, now: Micros) -> Option<Vec<u8>> {
        self.since.filter(|since| now.0 >= since.0.saturating_add(FOLD_WITHIN))?;
        self.take()
    }

    /// As [`Self::take_due`], however new they are.
    pub(super) fn take(&mut self) -> Option<Vec<u8>> {
        let since = self.since.take()?.rfc3339();
        let why = std::mem::take(&mut self.why);
        Some(body(&DenialsLine { t: "denials", n: why.values().sum(), why: &why, since }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"\"t\":\"decision\",\"d\":\"deny\",\"why\":\"x\"}";

    #[test]
    fn a_flood_is_recorded_at_the_slow_rate_after_its_beginning() {
        let mut pace = Pace::default();
        let begin = 1_795_326_600_000_000;
        let mut recorded = |from: u64, to: u64| {
            let mut count = 0;
            for at in (from..to).step_by(1000) {
                if pace.has_room(begin + at) {
                    pace.absorb(BODY, begin + at);
                    count += 1;
                }
            }
            count
        };
        // A thousand a second for a minute.
        assert_eq!(recorded(0, 60_000_000), DENIALS_AT_ONCE + 60 * 4);
        assert_eq!(recorded(60_000_000, 61_000_000), 4);
        // After eight and a half quiet minutes the beginning is free again.
        assert_eq!(recorded(600_000_000, 602_048_000), DENIALS_AT_ONCE);
    }

    #[test]
    fn an_allow_takes_no_room() {
        let mut pace = Pace::default();
        pace.absorb(b"\"t\":\"decision\",\"d\":\"allow\",\"why\":\"ok\"}", 5);
        assert_eq!(pace.upto, 0);
    }

    #[test]
    fn the_line_names_every_reason_and_never_more_than_fit() {
        let mut folded = Folded::default();
        for n in 0..3 * REASONS_MAX {
            folded.add(&format!("reason_{n}_{}", "x".repeat(40)), Micros(n as u64));
        }
        assert_eq!(folded.take_due(Micros(FOLD_WITHIN - 1)), None);
        let line = folded.take_due(Micros(FOLD_WITHIN)).unwrap();
        assert!(line.len() < super::super::line::BODY_MAX, "{}", line.len());
        let denials: Denials = super::super::facts::read(&line).unwrap();
        assert_eq!((denials.why.len(), denials.why[MORE]), (REASONS_MAX + 1, 2 * REASONS_MAX as u64));
        assert!(folded.is_empty() && folded.take().is_none());
    }
}
