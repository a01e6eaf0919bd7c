//! Every witness is put to the gateway's own decision, under both policies.
//!
//! The comparison has an evaluator of its own. If what it says of a witness is not what the gateway decides, one of them is wrong, and the
//! reader is told so. What no decision looks at (what is sent, which program answers) cannot be seen this way, and is told as well.

use super::complete::{Complete, plain};
use super::play::{Said, Setting, play};
use crate::judge::Judge;
use airlock_policy::authority::{Case, Difference, Dimension, Row, Status, Verdict, decided, verdict};
use airlock_policy::ir::ToolKind;
use serde_json::{Map, Value, json};

/// What became of running a witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Proof {
    /// Both policies said what the row says.
    Both(Vec<&'static str>),
    /// Both said what they should, but what the row is about is no part of a decision.
    Partly([Verdict; 2], &'static str),
    /// The calls were not made, for this reason.
    NotRun(String),
    /// The comparison and the gateway do not agree: what each says, old and new.
    Contradiction(Box<[(Verdict, Said); 2]>),
}

/// A witness that was run, or why it was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checked {
    pub(super) proof: Proof,
    /// The arguments of the call, complete but for what only makes them larger.
    pub(super) args: Map<String, Value>,
}

/// Runs the witness of every row. Rows without one have nothing here.
pub(super) fn all(old: &Judge<'_>, new: &Judge<'_>, difference: &Difference) -> Vec<Option<Checked>> {
    difference.rows.iter().map(|row| row.witness.as_ref().map(|case| of(old, new, row, case))).collect()
}

/// How many of these calls were judged otherwise than the comparison says.
pub(super) fn contradictions(checked: &[Option<Checked>]) -> usize {
    checked.iter().flatten().filter(|checked| matches!(checked.proof, Proof::Contradiction(_))).count()
}

fn of(old: &Judge<'_>, new: &Judge<'_>, row: &Row, case: &Case) -> Checked {
    let (freer, other) = match row.status {
        Status::Gained | Status::Unchanged => (new, old),
        Status::Lost => (old, new),
    };
    let complete = Complete { freer, other, dimension: &row.dimension };
    let args = match complete.arguments(&Case { more_bytes: 0, ..case.clone() }) {
        Ok(args) => args,
        Err(failure) => return Checked { proof: Proof::NotRun(failure.to_string()), args: plain(case) },
    };
    let proof = run([old, new], freer, row, case, &complete).unwrap_or_else(Proof::NotRun);
    Checked { proof, args }
}

fn run([old, new]: [&Judge<'_>; 2], freer: &Judge<'_>, row: &Row, case: &Case, complete: &Complete<'_>) -> Result<Proof, String> {
    // A case is what one call of the witness is; all are made up before, so that none fails on the way.
    let calls = case.earlier.iter().map(|past| &past.call).chain([case]);
    let made = calls
        .map(|call| Ok((call.clone(), complete.arguments(call)?)))
        .collect::<Result<Vec<(Case, Map<String, Value>)>, crate::render::Failure>>()
        .map_err(|failure| failure.to_string())?;
    for (call, args) in &made {
        if let (Some(Err(fault)), true) = (freer.takes(&call.tool, args), is_foreign(freer, &call.tool)) {
            return Err(format!("the reviewed schema of {} refuses such arguments: {}", call.tool, fault.problem));
        }
    }
    let sent = |call: &Case| made.iter().find(|(known, _)| known == call).map(|(_, args)| args.clone()).unwrap_or_default();
    let setting = Setting::of([old.policy, new.policy], case);
    let expected = [old, new].map(|judge| verdict(judge.policy, &decided(judge.policy, case)));
    let said = [play(old, case, &setting, &sent)?, play(new, case, &setting, &sent)?];
    let [first, second] = said;
    if [first.verdict, second.verdict] != expected {
        if setting.is_torn() {
            return Err("the calls are further apart than a session lives".to_owned());
        }
        return Ok(Proof::Contradiction(Box::new([(expected[0], first), (expected[1], second)])));
    }
    match row.verdicts == Some(expected) {
        true => Ok(Proof::Both(supposing([old, new], case, &sent(case)))),
        false => Ok(Proof::Partly(expected, beyond([old, new], row, case))),
    }
}

fn is_foreign(judge: &Judge<'_>, name: &str) -> bool {
    judge.policy.tools.iter().any(|tool| tool.name == name && matches!(tool.kind, ToolKind::Upstream(_)))
}

/// What tells the two verdicts of a row apart that no decision looks at.
fn beyond(judges: [&Judge<'_>; 2], row: &Row, case: &Case) -> &'static str {
    match row.dimension {
        Dimension::Request => "what is sent",
        Dimension::Program => "which program is called",
        Dimension::Definition => "which definition was reviewed",
        Dimension::Screening => "what becomes of a result",
        Dimension::Answer => "what is read of an answer",
        Dimension::AnswerBytes => "the size of an answer",
        Dimension::StepUps => "how often the user was asked before",
        Dimension::Key => "which key stands behind an id",
        Dimension::Confinement => "what the kernel denies",
        Dimension::Questions => "what an upstream may ask of the client and tell it",
        Dimension::Mode => "what becomes of a refused call",
        Dimension::Reach
        | Dimension::Ttl
        | Dimension::Uses
        | Dimension::Risk
        | Dimension::Together
        | Dimension::SelfIssue
        | Dimension::Consent
        | Dimension::Approval
        | Dimension::Argument(_)
        | Dimension::Provenance(_)
        | Dimension::Unnamed
        | Dimension::ArgumentBytes
        | Dimension::Rate
        | Dimension::SessionRate
        | Dimension::SessionCalls
        | Dimension::Flow
        | Dimension::Carrier => {
            let seen = judges.map(|judge| decided(judge.policy, case));
            if seen.iter().any(|seen| seen.key != case.key) {
                "which key stands behind an id"
            } else if seen.iter().any(|seen| seen.targets != case.targets) {
                "where a stand-in listens"
            } else {
                "what is sent"
            }
        }
    }
}

/// What the calls were supposed to be, beyond their text.
fn supposing(judges: [&Judge<'_>; 2], case: &Case, args: &Map<String, Value>) -> Vec<&'static str> {
    let tools = || judges.iter().flat_map(|judge| &judge.policy.tools).filter(|tool| tool.name == case.tool);
    let base = |judge: &Judge<'_>| judge.policy.tools.iter().find(|tool| tool.name == case.tool).map(|tool| tool.base_risk);
    let has_other_risk = |judge: &&Judge<'_>| base(judge).is_some_and(|base| judge.risk(&case.tool, args) != base);
    let risk = !case.risk.is_empty() || judges.iter().any(has_other_risk);
    let seen = tools().flat_map(|tool| &tool.origins).any(|origin| args.contains_key(&origin.arg));
    let signed = tools().any(|tool| tool.signatures.is_some());
    let all = [(risk, "its risk"), (seen, "where its values were seen"), (signed, "who signed it")];
    all.into_iter().filter(|(is_so, _)| *is_so).map(|(_, what)| what).collect()
}

/// One line about a witness.
pub(super) fn line(checked: &Checked) -> String {
    match &checked.proof {
        Proof::Both(supposing) if supposing.is_empty() => "checked by running both".to_owned(),
        Proof::Both(supposing) => format!("checked by running both, supposing {}", supposing.join(" and ")),
        Proof::Partly([old, new], what) if old == new => {
            format!("run, and {} by both: {what} is no part of a decision", word(*old))
        }
        Proof::Partly([old, new], what) => {
            format!("run, and {} by the old policy, {} by the new: {what} is no part of a decision", word(*old), word(*new))
        }
        Proof::NotRun(why) => format!("not run: {why}"),
        Proof::Contradiction(both) => {
            let [old, new] = both.as_ref();
            let side = |(expected, said): &(Verdict, Said)| match expected == &said.verdict {
                true => format!("{} as expected", word(said.verdict)),
                false if said.why.is_empty() => format!("{}, expected {}", word(said.verdict), word(*expected)),
                false => format!("{}, expected {} ({})", word(said.verdict), word(*expected), said.why),
            };
            format!("CONTRADICTION: run, and by the old policy {}; by the new {}", side(old), side(new))
        }
    }
}

/// A contradiction, expected and said under the old policy and the new one.
#[cfg(test)]
pub(super) fn contradicted(both: [(Verdict, Verdict); 2]) -> Checked {
    let side = |(expected, verdict)| (expected, Said { verdict, why: "code: why".to_owned() });
    Checked { proof: Proof::Contradiction(Box::new(both.map(side))), args: Map::new() }
}

/// A verdict in a sentence about a call.
pub(super) const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Deny => "denied",
        Verdict::Ask => "asked about",
        Verdict::Allow => "allowed",
    }
}

/// How many witnesses were run, in a sentence; empty where there is none.
pub(super) fn summary(checked: &[Option<Checked>]) -> String {
    let count = |is: fn(&Proof) -> bool| checked.iter().flatten().filter(|checked| is(&checked.proof)).count();
    let all = checked.iter().flatten().count();
    if all == 0 {
        return String::new();
    }
    let parts = [
        (count(|proof| matches!(proof, Proof::Both(_))), "checked by running both policies"),
        (count(|proof| matches!(proof, Proof::Partly(..))), "run for what a decision looks at"),
        (count(|proof| matches!(proof, Proof::NotRun(_))), "not run"),
        (count(|proof| matches!(proof, Proof::Contradiction(_))), "CONTRADICTED by the run"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    format!("calls: {}", parts.collect::<Vec<_>>().join(", "))
}

/// A witness that was run, for scripts.
pub(super) fn json(checked: &Checked) -> Value {
    let said = |said: [Verdict; 2]| json!(said);
    match &checked.proof {
        Proof::Both(supposing) => json!({"run": "both", "supposing": supposing, "arguments": checked.args}),
        Proof::Partly(verdicts, what) => {
            json!({"run": "partly", "said": said(*verdicts), "beyond": what, "arguments": checked.args})
        }
        Proof::NotRun(why) => json!({"run": "not", "why": why, "arguments": checked.args}),
        Proof::Contradiction(both) => json!({
            "run": "contradiction",
            "said": said([both[0].1.verdict, both[1].1.verdict]),
            "why": line(checked),
            "arguments": checked.args,
        }),
    }
}
