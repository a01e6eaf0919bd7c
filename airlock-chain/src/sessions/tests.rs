//! Quotas and flows from the lines alone, with the clock of the lines.

use super::super::facts::{Facts, Require};
use super::super::line;
use super::*;
use airlock_core::clock::Micros;
use airlock_core::policy::evidence::Evidence;
use airlock_core::policy::{Durability, Flow, FlowVerdict, LeaseRules, LedgerRules, Limits, Tool, ToolIndex, sample};

/// A moment, unix seconds.
const T: u64 = 1_795_326_600;
const SECOND: u64 = 1_000_000;
const TICKET: Quota = Quota {
    rate: Some(Rate { calls: 3, seconds: 60 }),
    session_rate: Some(Rate { calls: 2, seconds: 60 }),
    session_calls: Some(3),
};
const ALL: Quota = Quota { rate: Some(Rate { calls: 5, seconds: 10 }), session_rate: None, session_calls: Some(4) };
const SENDS: &[&str] = &["sends:external"];

static POLICY: Policy = Policy {
    gateway: "gw",
    instructions: "",
    mode: airlock_core::policy::Mode::Enforce,
    digest: [0; 32],
    compiled_by: "test",
    keys: &[],
    lease: LeaseRules { default_ttl: 300, max_ttl: 600, carrier_meta: true, carrier_arguments: true, carrier_ambient: false },
    ledger: LedgerRules { dir_env: None, dir_default: "ledger", durability: Durability::Process, evidence: Evidence::HASHES },
    limits: Limits { quota: ALL, ..sample::LIMITS },
    approvers: &[],
    tools: &[
        Tool { name: "ticket", quota: TICKET, labels: SENDS, ..sample::TOOL },
        Tool { name: "read", labels: &["reads:private"], ..sample::TOOL },
    ],
    tool_index: ToolIndex(&|_| None),
    upstreams: &[],
    flows: &[Flow { labels: &["reads:private", "sends:external"], verdict: FlowVerdict::Deny, why: "test" }],
    sandbox: sample::SANDBOX,
    grants: &[],
};

/// A ledger in memory: what is allowed is written as the store writes it, and read as any reader reads it.
struct Bench {
    facts: Facts,
    lines: Vec<Vec<u8>>,
}

impl Bench {
    fn new() -> Self {
        Self { facts: Facts::watching(&POLICY), lines: Vec::new() }
    }

    /// What another process knows that has read the lines since `from`.
    fn restarted(&self, from: usize) -> Self {
        let mut facts = Facts::watching(&POLICY);
        for text in &self.lines[from..] {
            facts.absorb(&line::parse(text).unwrap());
        }
        Self { facts, lines: self.lines.clone() }
    }

    /// Makes a call at this time, microseconds, of a session whose lease ends at `exp`, seconds.
    fn call(&mut self, sid: &str, tool: &'static str, exp: u64, at: u64) -> Result<(), Unmet> {
        let labels = POLICY.tools.iter().find(|known| known.name == tool).map_or(&[][..], |known| known.labels);
        let mut require = vec![
            Require::Room { sid: sid.into(), tool, labels },
            Require::Flow {
                sid: sid.into(),
                lacks: POLICY.flows[0].lacks(labels).collect(),
                flow: 0,
                verdict: FlowVerdict::Deny,
            },
        ];
        let mut bounds = |quota: &Quota, tool: Option<&'static str>| {
            require.extend(quota.session_calls.map(|most| Require::Budget { sid: sid.into(), tool, most }));
            let in_session = quota.session_rate.map(|rate| (Some(sid.to_owned()), rate));
            let in_all = quota.rate.map(|rate| (None, rate));
            for (sid, rate) in in_session.into_iter().chain(in_all) {
                require.push(Require::Rate { scope: Scope { sid, tool }, rate });
            }
        };
        bounds(&ALL, None);
        bounds(
            if tool == "ticket" { &TICKET } else { &Quota { rate: None, session_rate: None, session_calls: None } },
            Some(tool),
        );
        self.facts.check(&require, Micros(at), Micros(at))?;
        let mark = Mark { sid: sid.into(), tool: tool.into(), labels };
        let stamp = String::from_utf8(self.facts.stamp(&mark, Micros(at), Micros(at))).unwrap();
        let body =
            format!(r#""t":"decision","d":"allow","sid":"{sid}","tool":"{tool}","rid":[],"exp":{exp},"spends":[]{stamp}}}"#);
        let text = line::build(0, &[0; 32], Micros(at), body.as_bytes());
        self.facts.absorb(&line::parse(&text).unwrap());
        self.lines.push(text);
        Ok(())
    }
}

fn rate(result: &Result<(), Unmet>) -> Option<(Option<&str>, Option<&str>, u64)> {
    match result {
        Err(Unmet::Rate { scope, wait, .. }) => Some((scope.sid.as_deref(), scope.tool, *wait)),
        Ok(()) | Err(_) => None,
    }
}

#[test]
fn rates_are_exact_in_a_session_and_over_all() {
    let mut bench = Bench::new();
    let at = T * SECOND;
    assert_eq!(bench.call("a", "ticket", T + 600, at), Ok(()));
    assert_eq!(bench.call("a", "ticket", T + 600, at + 1), Ok(()));
    assert_eq!(rate(&bench.call("a", "ticket", T + 600, at + 2)), Some((Some("a"), Some("ticket"), 60)));
    assert_eq!(bench.call("b", "ticket", T + 600, at + 3), Ok(()));
    assert_eq!(rate(&bench.call("b", "ticket", T + 600, at + 4)), Some((None, Some("ticket"), 60)), "over all sessions");
    // To the microsecond: the first call leaves the period.
    assert_eq!(rate(&bench.call("b", "ticket", T + 600, at + 60 * SECOND - 1)), Some((None, Some("ticket"), 1)));
    assert_eq!(bench.call("b", "ticket", T + 600, at + 60 * SECOND), Ok(()));
    // A refused call spends nothing, and every reader of the lines comes to the same.
    assert_eq!(bench.lines.len(), 4);
    assert_eq!(rate(&bench.restarted(0).call("b", "ticket", T + 600, at + 60 * SECOND)), Some((Some("b"), Some("ticket"), 1)));
}

#[test]
fn budgets_of_a_session_are_spent_for_good() {
    let mut bench = Bench::new();
    for n in 0..3 {
        assert_eq!(bench.call("a", "ticket", T + 9999, (T + 100 * n) * SECOND), Ok(()));
    }
    let ticket = Err(Unmet::Budget { tool: Some("ticket"), most: 3 });
    assert_eq!(bench.call("a", "ticket", T + 9999, (T + 500) * SECOND), ticket);
    assert_eq!(bench.call("b", "read", T + 9999, (T + 500) * SECOND), Ok(()), "another session");
    // The newest line states it all, for a reader who knows nothing else.
    assert_eq!(bench.restarted(2).call("a", "ticket", T + 9999, (T + 500) * SECOND), ticket);
}

#[test]
fn the_budget_of_all_tools_counts_each_of_them() {
    let mut bench = Bench::new();
    for n in 0..4 {
        assert_eq!(bench.call("a", "read", T + 9999, (T + 100 * n) * SECOND), Ok(()));
    }
    let spent = Err(Unmet::Budget { tool: None, most: 4 });
    assert_eq!(bench.call("a", "read", T + 9999, (T + 900) * SECOND), spent);
    assert_eq!(bench.restarted(3).call("a", "read", T + 9999, (T + 900) * SECOND), spent);
}

#[test]
fn a_flow_is_refused_in_its_session_whatever_comes_between() {
    let mut bench = Bench::new();
    assert_eq!(bench.call("a", "read", T + 60, T * SECOND), Ok(()));
    assert_eq!(bench.call("b", "ticket", T + 60, T * SECOND + 1), Ok(()), "another session never read");
    assert_eq!(bench.call("a", "ticket", T + 60, T * SECOND + 2), Err(Unmet::Flow(0)));
    assert_eq!(bench.call("a", "read", T + 60, T * SECOND + 3), Ok(()), "what adds nothing goes on");
    assert_eq!(bench.call("b", "read", T + 60, T * SECOND + 4), Err(Unmet::Flow(0)), "in the other order as well");
    assert_eq!(bench.restarted(2).call("a", "ticket", T + 60, T * SECOND + 5), Err(Unmet::Flow(0)));
}

/// Its leases are over, so its labels say nothing about the one that begins; but rates of the hour still count.
#[test]
fn a_session_ends_with_its_last_lease() {
    let mut bench = Bench::new();
    assert_eq!(bench.call("a", "read", T + 3600, T * SECOND), Ok(()));
    let over = T + 3600 + 30;
    assert_eq!(bench.call("a", "ticket", T + 9999, (over - 1) * SECOND), Err(Unmet::Flow(0)));
    assert_eq!(bench.call("a", "ticket", T + 9999, over * SECOND), Ok(()));
    assert_eq!(
        bench.lines.last().map(|text| text.ends_with(br#","lab":["sends:external"],"calls":1,"spent":{"ticket":1}}"#)),
        Some(true)
    );
}

/// A lease of a second does not end the minute of a rate.
#[test]
fn a_session_lasts_as_long_as_its_longest_period() {
    let mut bench = Bench::new();
    for n in 0..2 {
        assert_eq!(bench.call("a", "ticket", T + 1, T * SECOND + n), Ok(()));
    }
    assert!(rate(&bench.call("a", "ticket", T + 99, (T + 59) * SECOND)).is_some());
    assert_eq!(bench.call("a", "ticket", T + 99, (T + 61) * SECOND), Ok(()));
}

/// A session that is renewed for days states at each call what it came to, so a start that reads the last 25 hours forgets nothing.
#[test]
fn what_a_long_session_did_is_carried_from_line_to_line() {
    let mut bench = Bench::new();
    let hour = 3600;
    assert_eq!(bench.call("a", "read", T + 24 * hour, T * SECOND), Ok(()));
    for n in 1..4 {
        let at = T + 20 * hour * n;
        assert_eq!(bench.call("a", "read", at + 24 * hour, at * SECOND), Ok(()), "{n}");
    }
    let mut late = bench.restarted(3);
    assert_eq!(late.call("a", "ticket", T + 99 * hour, (T + 61 * hour) * SECOND), Err(Unmet::Flow(0)));
    assert_eq!(late.call("a", "read", T + 99 * hour, (T + 61 * hour) * SECOND), Err(Unmet::Budget { tool: None, most: 4 }));
}

#[test]
fn a_flood_of_sessions_is_refused_and_ends_with_their_leases() {
    let mut bench = Bench::new();
    for n in 0..SESSIONS_MAX {
        let session = Session { until: T + 60 + (n as u64 % 2) * 600, ..Session::default() };
        bench.facts.sessions.open.insert(n.to_string(), session);
    }
    assert_eq!(bench.call("new", "read", T + 60, T * SECOND), Err(Unmet::Full));
    assert_eq!(bench.call("7", "read", T + 60, T * SECOND), Ok(()), "who is known goes on");
    assert_eq!(bench.call("new", "read", T + 90, (T + 60) * SECOND), Ok(()));
    assert_eq!(bench.facts.sessions.open.len(), SESSIONS_MAX / 2 + 1);
}

#[test]
fn times_of_calls_are_bounded_and_go_with_their_period() {
    let mut bench = Bench::new();
    assert_eq!(bench.call("a", "ticket", T + 600, T * SECOND), Ok(()));
    assert_eq!(bench.facts.sessions.times, 1);
    bench.facts.sessions.times = TIMES_MAX;
    assert_eq!(bench.call("b", "read", T + 600, T * SECOND + 1), Ok(()), "counted anew: only one was kept");
    assert_eq!(bench.facts.sessions.times, 1);
    bench.facts.sessions.times = TIMES_MAX;
    assert_eq!(bench.call("b", "read", T + 600, T * SECOND + 2), Err(Unmet::Full), "once for each second of the ledger");
    assert_eq!(bench.call("b", "read", T + 600, (T + 61) * SECOND), Ok(()));
    assert_eq!(bench.facts.sessions.times, 0);
}

#[test]
fn a_session_states_no_more_than_fits_a_line() {
    let mut bench = Bench::new();
    let labels: Vec<String> = (0..60).map(|n| format!("reads:{}-{n}", "x".repeat(28))).collect();
    let body = format!(
        r#""t":"decision","d":"allow","sid":"a","tool":"read","rid":[],"exp":{},"lab":{}}}"#,
        T + 60,
        serde_json::json!(labels)
    );
    bench.facts.absorb(&line::parse(&line::build(0, &[0; 32], Micros(T * SECOND), body.as_bytes())).unwrap());
    assert_eq!(bench.call("a", "read", T + 60, T * SECOND), Err(Unmet::Wide));
    assert_eq!(bench.call("b", "read", T + 60, T * SECOND), Ok(()));
}

/// An older gateway, or one of another policy, states nothing; its calls count all the same.
#[test]
fn a_line_without_statements_counts_as_one_call() {
    let mut bench = Bench::new();
    for n in 0..3 {
        let body = format!(r#""t":"decision","d":"allow","sid":"a","tool":"ticket","rid":[],"exp":{}}}"#, T + 600);
        bench.facts.absorb(&line::parse(&line::build(n, &[0; 32], Micros((T + n * 100) * SECOND), body.as_bytes())).unwrap());
    }
    assert_eq!(bench.call("a", "ticket", T + 600, (T + 300) * SECOND), Err(Unmet::Budget { tool: Some("ticket"), most: 3 }));
}
