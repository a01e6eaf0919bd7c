//! Counting, in memory that does not grow with the ledger.

use super::{Agent, Usage};
use crate::fold::Denials;
use crate::line::Line;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Most rows (agent and tool): far more than a policy names. What comes beyond is counted under [`MORE`], because a client may
/// ask for any number of tools that do not exist.
const ROWS_MAX: usize = 2048;
/// Most reasons, hosts or tools kept per row.
const NAMES_MAX: usize = 256;
/// Most allowed calls that wait for their outcome.
const OPEN_MAX: usize = 65_536;
/// Stands for every name that was not kept.
const MORE: &str = "(more)";

#[derive(Deserialize)]
struct DecisionRow {
    d: String,
    sub: String,
    tool: String,
    why: String,
    call: String,
    scope: Option<Vec<String>>,
    #[serde(default)]
    hosts: Vec<String>,
}

#[derive(Deserialize)]
struct OutcomeRow {
    call: String,
    ok: bool,
    hosts: Vec<String>,
    us: u64,
}

#[derive(Deserialize)]
struct IssueRow {
    sub: String,
    tools: Vec<String>,
}

/// Counts so far.
#[derive(Debug)]
pub struct Gathered {
    by_agent: bool,
    rows: BTreeMap<(String, String), Row>,
    granted: BTreeMap<String, BTreeSet<String>>,
    open: HashMap<String, (String, String)>,
    counted: BTreeMap<String, u64>,
}

#[derive(Debug, Default)]
struct Row {
    usage: Usage,
    durations: Durations,
}

impl Gathered {
    /// Counts per agent and tool, or per tool alone.
    #[must_use]
    pub fn new(by_agent: bool) -> Self {
        Self { by_agent, rows: BTreeMap::new(), granted: BTreeMap::new(), open: HashMap::new(), counted: BTreeMap::new() }
    }

    /// Counts one line. A line whose members have other types than ours is no entry of ours.
    pub fn take(&mut self, line: &Line<'_>) {
        if line.body.starts_with(b"\"t\":\"decision\",") {
            if let Some(row) = members::<DecisionRow>(line.body) {
                self.decision(row);
            }
        } else if line.body.starts_with(b"\"t\":\"outcome\",") {
            if let Some(row) = members::<OutcomeRow>(line.body) {
                self.outcome(row);
            }
        } else if line.body.starts_with(b"\"t\":\"issue\",")
            && let Some(row) = members::<IssueRow>(line.body)
        {
            self.grant(row.sub, row.tools);
        } else if line.body.starts_with(b"\"t\":\"denials\",")
            && let Some(row) = members::<Denials>(line.body)
        {
            for (why, count) in row.why {
                let known = self.counted.len() < NAMES_MAX || self.counted.contains_key(&why);
                let sum = self.counted.entry(if known { why } else { MORE.to_owned() }).or_default();
                *sum = sum.saturating_add(count);
            }
        }
    }

    /// Refusals without lines of their own, by reason.
    pub fn counted(&mut self) -> BTreeMap<String, u64> {
        std::mem::take(&mut self.counted)
    }

    fn decision(&mut self, decision: DecisionRow) {
        let agent = if self.by_agent { decision.sub } else { String::new() };
        if let Some(tools) = decision.scope {
            self.grant(agent.clone(), tools);
        }
        let mut key = (agent, decision.tool);
        if self.rows.len() >= ROWS_MAX && !self.rows.contains_key(&key) {
            key = (MORE.to_owned(), MORE.to_owned());
        }
        let usage = &mut self.rows.entry(key.clone()).or_default().usage;
        usage.calls += 1;
        let is_made = decision.d == "allow" || decision.d == "shadow";
        if is_made {
            usage.reach(decision.hosts);
            if self.open.len() < OPEN_MAX {
                self.open.insert(decision.call, key);
            }
        }
        if decision.d == "allow" {
            usage.allowed += 1;
        } else {
            *(if is_made { &mut usage.shadow } else { &mut usage.denied }) += 1;
            let known = usage.reasons.len() < NAMES_MAX || usage.reasons.contains_key(&decision.why);
            *usage.reasons.entry(if known { decision.why } else { MORE.to_owned() }).or_default() += 1;
        }
    }

    fn outcome(&mut self, outcome: OutcomeRow) {
        let Some(row) = self.open.remove(&outcome.call).and_then(|key| self.rows.get_mut(&key)) else { return };
        row.usage.failed += u64::from(!outcome.ok);
        row.durations.add(outcome.us);
        row.usage.reach(outcome.hosts);
    }

    fn grant(&mut self, agent: String, tools: Vec<String>) {
        let agent = if self.granted.len() < ROWS_MAX || self.granted.contains_key(&agent) { agent } else { MORE.to_owned() };
        let held = self.granted.entry(agent).or_default();
        for tool in tools {
            if held.len() < NAMES_MAX {
                held.insert(tool);
            }
        }
    }

    /// The counts, sorted by agent and tool.
    #[must_use]
    pub fn agents(self) -> Vec<Agent> {
        let mut agents: BTreeMap<String, Agent> = BTreeMap::new();
        for ((subject, tool), Row { usage, durations }) in self.rows {
            let usage = Usage { tool, p50_us: durations.percentile(50), p95_us: durations.percentile(95), ..usage };
            agents.entry(subject).or_default().tools.push(usage);
        }
        for (subject, tools) in self.granted {
            let agent = agents.entry(subject).or_default();
            let used = |tool: &String| agent.tools.iter().any(|usage| usage.tool == *tool && usage.allowed + usage.shadow > 0);
            agent.unused = tools.into_iter().filter(|tool| !used(tool)).collect();
        }
        agents.into_iter().map(|(subject, agent)| Agent { subject, ..agent }).collect()
    }
}

impl Usage {
    fn reach(&mut self, hosts: Vec<String>) {
        for host in hosts {
            let known = self.hosts.len() < NAMES_MAX || self.hosts.contains(&host);
            self.hosts.insert(if known { host } else { MORE.to_owned() });
        }
    }
}

/// The members of a body, whose opening brace is in the fixed beginning of the line.
fn members<T: for<'a> Deserialize<'a>>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(&[b"{", body].concat()).ok()
}

/// Durations by size class: eight classes per power of two, so a percentile is at most an eighth too large.
#[derive(Debug, Default)]
struct Durations {
    classes: BTreeMap<u32, u64>,
    count: u64,
}

impl Durations {
    fn add(&mut self, micros: u64) {
        *self.classes.entry(class(micros)).or_default() += 1;
        self.count += 1;
    }

    /// The largest value of the class in which the percentile lies.
    fn percentile(&self, percent: u64) -> Option<u64> {
        let rank = (self.count * percent).div_ceil(100);
        let mut seen = 0;
        self.classes.iter().find_map(|(class, count)| {
            seen += count;
            (seen >= rank).then(|| largest(*class))
        })
    }
}

/// Below 16 each value is its own class.
fn class(micros: u64) -> u32 {
    let Some(power) = micros.checked_ilog2().filter(|power| *power >= 4) else { return (micros & 15) as u32 };
    let eighth = (micros >> (power - 3)) & 7;
    16 + (power - 4) * 8 + eighth as u32
}

fn largest(class: u32) -> u64 {
    let Some(above) = class.checked_sub(16) else { return u64::from(class) };
    let (power, eighth) = (above / 8 + 4, u64::from(above % 8));
    let begin = (8 + eighth) << (power - 3);
    begin + ((1 << (power - 3)) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_class_holds_its_values_and_is_narrow(micros in any::<u64>()) {
            let top = largest(class(micros));
            prop_assert!(top >= micros);
            prop_assert!(top - micros <= micros / 8);
            prop_assert_eq!(class(top), class(micros));
        }
    }

    #[test]
    fn percentiles_are_of_the_ranked_values() {
        let mut durations = Durations::default();
        assert_eq!(durations.percentile(50), None);
        (1..=10).for_each(|micros| durations.add(micros));
        assert_eq!((durations.percentile(50), durations.percentile(95)), (Some(5), Some(10)));
    }

    #[test]
    fn a_flood_of_names_does_not_grow_the_table() {
        let mut gathered = Gathered::new(true);
        for n in 0..ROWS_MAX + 100 {
            let body = format!(r#""t":"decision","d":"deny","sub":"a","tool":"t{n}","why":"w","call":"c"}}"#);
            let line = crate::line::build(0, &[0; 32], airlock_core::clock::Micros(0), body.as_bytes());
            gathered.take(&crate::line::parse(&line).unwrap());
        }
        assert_eq!(gathered.rows.len(), ROWS_MAX + 1);
        let agents = gathered.agents();
        assert_eq!((agents[0].subject.as_str(), agents[0].tools[0].calls), (MORE, 100));
    }
}
