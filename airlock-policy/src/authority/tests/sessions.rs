//! What came before a call: labels and flows, quotas, approvals.

use super::worlds::sessions::{TOOLS, strings, world};
use super::*;
use crate::ir::{Approval, Flow, FlowVerdict, Rate};

/// Every session of up to four calls of these tools, in the same second, a second apart, or far apart, in one session or several.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut sessions: Vec<Vec<&str>> = vec![vec![]];
    for _ in 0..3 {
        let longer: Vec<Vec<&str>> =
            sessions.iter().flat_map(|calls| TOOLS.map(|(name, _)| [calls.clone(), vec![name]].concat())).collect();
        sessions.extend(longer);
    }
    sessions.sort_unstable();
    sessions.dedup();
    for calls in &sessions {
        for (last, _) in TOOLS {
            for (apart, same_session) in [(Some(0), true), (Some(1), true), (None, true), (Some(0), false), (Some(1), false)] {
                let at = |place: usize| apart.map(|step: u64| step * place as u64);
                let past = |(place, name): (usize, &&str)| Past {
                    call: plain("a", name),
                    times: 1,
                    when: at(place).map_or(When::Apart, When::At),
                    same_session,
                };
                let earlier = calls.iter().enumerate().map(past).collect();
                cases.push(Case { at: at(calls.len()).unwrap_or(0), earlier, ..plain("a", last) });
            }
        }
    }
    cases
}

#[test]
fn the_difference_of_sessions_agrees_with_all_sequences_of_calls() {
    holds(500, world(), &cases());
}

fn tool(at: usize, labels: &[&str]) -> Tool {
    Tool { labels: strings(labels), ..tool_of(TOOLS[at].0, TOOLS[at].1) }
}

fn three() -> Policy {
    let tools = vec![tool(0, &["reads:private"]), tool(1, &["ingests:web"]), tool(2, &["sends:out"])];
    policy(tools, vec![grant_of("a", &TOOLS.map(|(name, _)| name), &[])])
}

fn flow_of(labels: &[&str], verdict: FlowVerdict) -> Flow {
    Flow { labels: strings(labels), verdict, why: "x".into() }
}

#[test]
fn a_flow_that_is_gone_shows_the_session_that_it_stopped() {
    let with = |flows: Vec<Flow>| Policy { flows, ..three() };
    let all = || flow_of(&["ingests:web", "reads:private", "sends:out"], FlowVerdict::Deny);
    let rows = gains(&with(vec![all()]), &with(vec![]));
    let told: Vec<(&str, usize)> =
        rows.iter().map(|row| (row.tool.as_str(), row.witness.as_ref().map_or(0, |case| case.earlier.len()))).collect();
    assert_eq!(told, [(TOOLS[0].0, 2), (TOOLS[1].0, 2), (TOOLS[2].0, 2)]);
    // A flow of fewer labels is stricter: what it replaces was no gain, and going back is one.
    let two = || flow_of(&["reads:private", "sends:out"], FlowVerdict::Deny);
    assert_eq!(gains(&with(vec![all()]), &with(vec![two()])), []);
    assert_eq!(gains(&with(vec![two()]), &with(vec![all()])).len(), 2);
    // From a refusal to a question is a gain, and the row says so.
    let asks = |labels: &[&str]| flow_of(labels, FlowVerdict::Ask);
    let rows = gains(&with(vec![two()]), &with(vec![asks(&["reads:private", "sends:out"])]));
    assert!(rows.iter().all(|row| row.new == "asked about") && rows.len() == 2, "{rows:?}");
    // A tool that loses its label does not meet the flow any more, whether it comes first or last.
    let mut less = with(vec![two()]);
    less.tools[0].labels.clear();
    assert_eq!(gains(&with(vec![two()]), &less).len(), 2);
}

#[test]
fn quotas_are_compared_by_what_they_let_through() {
    let with = |tool: Quota, all: Quota| {
        let mut policy = three();
        policy.tools[0].quota = tool;
        policy.limits.quota = all;
        policy
    };
    let rate = |calls, seconds| Quota { rate: Some(Rate { calls, seconds }), ..Quota::default() };
    let none = Quota::default;
    // A bound on the tool moves to all tools: the tool gains nothing.
    assert_eq!(gains(&with(rate(5, 60), none()), &with(none(), rate(5, 60))), []);
    // Ten in a minute are no more than five in thirty seconds, in any minute; the other way round ten come at once.
    assert_eq!(gains(&with(rate(10, 60), none()), &with(rate(5, 30), none())), []);
    let rows = gains(&with(rate(5, 30), none()), &with(rate(10, 60), none()));
    assert_eq!((rows.len(), &rows[0].dimension), (1, &Dimension::Rate));
    let witness = rows[0].witness.clone().unwrap();
    assert_eq!((witness.at, witness.earlier[0].times), (0, 5));
    // Six in a minute for one tool, and six for another: together they exceed ten for all.
    let mut loose = with(rate(6, 60), none());
    loose.tools[1].quota = rate(6, 60);
    loose.tools.truncate(2);
    loose.grants[0].tools.truncate(2);
    let tight = Policy { limits: Limits { quota: rate(10, 60), ..loose.limits.clone() }, ..loose.clone() };
    let rows = gains(&tight, &loose);
    assert_eq!((rows.len(), rows[0].tool.as_str()), (1, "*"));
    let calls = |most| Quota { session_calls: Some(most), ..Quota::default() };
    let rows = gains(&with(calls(1_000), none()), &with(calls(1_000_000), calls(5_000)));
    assert_eq!((rows.len(), rows[0].witness.as_ref().map(|case| case.earlier[0].times)), (1, Some(1_000)));
}

#[test]
fn approval_is_between_allow_and_deny() {
    let mut asked = three();
    asked.tools[2].approval = Some(Approval::Human);
    let rows = gains(&asked, &three());
    assert_eq!((rows.len(), &rows[0].dimension), (1, &Dimension::Approval));
    assert_eq!(gains(&three(), &asked), []);
    // A tool that is asked about is more than a tool that cannot be used.
    let mut without = three();
    without.grants[0].tools.truncate(2);
    let rows = gains(&without, &asked);
    assert_eq!((rows.len(), &rows[0].dimension), (1, &Dimension::Reach));
    assert!(rows[0].new.contains("approves"), "{rows:?}");
}
