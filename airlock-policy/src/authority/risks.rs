//! Risk factors as far as a policy speaks of them: which count, and up to how many points each can reach.

use crate::factor::{self, Factor};
use crate::ir::Tool;
use crate::limits::RISK_MAX;
use std::collections::{BTreeMap, BTreeSet};

/// Points of a call that count for a tool.
pub(super) fn counted(tool: &Tool, risk: &BTreeMap<String, u16>) -> u32 {
    risk.iter().filter(|(factor, _)| !ignores(tool, factor)).map(|(_, points)| u32::from(*points)).sum()
}

/// Points beyond the base that are still let through: below the threshold and within the ceiling of the lease.
pub(super) fn highest(tool: &Tool, ceiling: u16) -> Option<u32> {
    tool.risk_threshold.checked_sub(1)?.min(ceiling).min(RISK_MAX).checked_sub(tool.base_risk).map(u32::from)
}

fn ignores(tool: &Tool, factor: &str) -> bool {
    tool.ignored.iter().any(|ignored| ignored.factor == factor)
}

/// How one tool weighs what another lets through: the same tool in two policies.
#[derive(Debug, Clone, Default)]
pub(super) struct Weights {
    /// Factors that count nothing for the one and something for the other, with their most points.
    free: Vec<(&'static str, u16)>,
    /// Factors that count for both.
    shared: Vec<(&'static str, u16)>,
}

impl Weights {
    pub(super) fn of(to: &Tool, from: &Tool) -> Self {
        let pick = |free: bool| {
            let kept = move |factor: &&Factor| ignores(to, factor.name) == free && !ignores(from, factor.name);
            factor::ALL.iter().filter(kept).map(|factor| (factor.name, factor.most)).collect()
        };
        Self { free: pick(true), shared: pick(false) }
    }

    /// The most points, counted by the other, of a call that the one counts at most so many points for.
    pub(super) fn heaviest(&self, points: u32) -> u32 {
        let sum = |list: &[(&str, u16)]| list.iter().map(|(_, most)| u32::from(*most)).sum::<u32>();
        sum(&self.free) + points.min(sum(&self.shared))
    }

    /// The factors of that call.
    pub(super) fn factors(&self, points: u32) -> BTreeMap<String, u16> {
        let mut left = points;
        let shared = self.shared.iter().map(|(factor, most)| {
            let given = u16::try_from(left).unwrap_or(u16::MAX).min(*most);
            left -= u32::from(given);
            (*factor, given)
        });
        let both: Vec<_> = shared.collect();
        self.free
            .iter()
            .copied()
            .chain(both)
            .filter(|(_, points)| *points > 0)
            .map(|(name, points)| (name.to_owned(), points))
            .collect()
    }
}

/// Factors that count nothing, in words; empty when all count.
pub(super) fn ignored_text(tool: &Tool) -> String {
    let names: BTreeSet<&str> = tool.ignored.iter().map(|ignored| ignored.factor.as_str()).collect();
    match names.is_empty() {
        true => String::new(),
        false => format!(", not counting {}", names.into_iter().collect::<Vec<_>>().join(" and ")),
    }
}
