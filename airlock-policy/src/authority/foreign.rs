//! Tools of foreign servers: what is called, what was reviewed, and what becomes of results.

use super::case::{Case, Passed, Request};
use super::compare::{Dimension, Row, Step};
use super::reach::Meeting;
use super::{face, values};
use crate::amount::{duration, risk};
use crate::definitions::{Definition, changes};
use crate::ir::{ArgRule, ArgumentKind, Era, Offer, OnRisk, Policy, Proxied, Tool, Upstream, Variable, VariableValue};

/// What is called, line by line.
pub(super) fn calls(policy: &Policy, proxied: &Proxied) -> Vec<String> {
    let mut lines = policy.upstreams.iter().find(|upstream| upstream.name == proxied.upstream).map(program).unwrap_or_default();
    lines.push(match proxied.what {
        Offer::Tool => format!("tool {:?}", proxied.tool),
        // Which ones is said by the rules of its argument.
        Offer::Resource => "resources".to_owned(),
        Offer::Prompt => format!("prompt {:?}", proxied.tool),
        Offer::Completion => format!("completion of {} {:?}", completed(proxied), proxied.tool),
        Offer::Subscription => "changes of resources".to_owned(),
    });
    lines.push(format!("definition sha256:{}", proxied.pin));
    lines
}

/// What a completion is of: a prompt, or a template.
fn completed(proxied: &Proxied) -> &'static str {
    if crate::definitions::is_template(&proxied.tool) { "template" } else { "prompt" }
}

/// How an upstream is started and spoken with.
pub(super) fn program(upstream: &Upstream) -> Vec<String> {
    let Upstream {
        name: _,
        command,
        dir,
        env,
        era,
        start_timeout,
        max_message,
        may_ask: _,
        ask_hosts: _,
        may_tell: _,
        log: _,
        confine: _,
        why: _,
    } = upstream;
    let words: Vec<String> = command.iter().map(|word| format!("{word:?}")).collect();
    let mut lines = vec![format!("program {}", words.join(" "))];
    lines.extend(dir.iter().map(|dir| format!("directory {dir:?}")));
    lines.extend(env.iter().map(|Variable { name, value }| match value {
        VariableValue::Literal(text) => format!("variable {name} = {text:?}"),
        VariableValue::From(source) => format!("variable {name} from ${source}"),
        VariableValue::Secret(source) => format!("variable {name} from the secret ${source}"),
    }));
    lines.push(match era {
        Era::Auto => "any revision of MCP".to_owned(),
        Era::Modern => "revision 2026-07-28 of MCP".to_owned(),
        Era::Legacy => "revisions of MCP before 2026-07-28".to_owned(),
    });
    lines.push(format!("started within {}", duration(*start_timeout)));
    lines.push(format!("messages of {max_message} bytes at most"));
    lines
}

/// What becomes of a result of this risk.
pub(super) fn passed(proxied: &Proxied, at: u16) -> Passed {
    match (at >= proxied.result_threshold, proxied.on_risk) {
        (false, _) => Passed::Whole,
        (true, OnRisk::Deny) => Passed::Withheld,
        (true, OnRisk::Strip) => Passed::Stripped,
        (true, OnRisk::Mark) => Passed::Marked,
    }
}

/// Rows where both policies let the subject call the tool, and it is one of an upstream in both.
pub(super) fn rows(step: &Step<'_>, meeting: &Meeting<'_>, case: &Case, rows: &mut Vec<Row>) {
    let Some(from) = meeting.from else { return };
    let (theirs, ours) = match (face::proxied(from), face::proxied(meeting.to)) {
        (Some(theirs), Some(ours)) => (theirs, ours),
        (None, None) => return,
        // Another thing altogether goes by the same name.
        (Some(_), None) | (None, Some(_)) => {
            let words = |lines: Option<Vec<String>>| lines.map_or_else(|| "a built-in tool".to_owned(), |lines| lines.join("; "));
            let (old, new) = (face::outside(step.from.policy, from), face::outside(step.to.policy, meeting.to));
            rows.push(step.row(Dimension::Program, &words(old), &words(new), case.clone()));
            return;
        }
    };
    let Some(request) = &case.request else { return };
    let (old, new) = (calls(step.from.policy, theirs), calls(step.to.policy, ours));
    let only = |some: &[String], others: &[String]| {
        let lines: Vec<&str> = some.iter().filter(|line| !others.contains(line)).map(String::as_str).collect();
        if lines.is_empty() { "the rest alone".to_owned() } else { lines.join("; ") }
    };
    let programs = |lines: &[String]| lines.iter().filter(|line| !line.starts_with("definition ")).cloned().collect::<Vec<_>>();
    let (before, after) = (programs(&old), programs(&new));
    if before != after {
        rows.push(step.row(Dimension::Program, &only(&before, &after), &only(&after, &before), case.clone()));
    }
    // Members in another order are the same definition.
    if theirs.pin != ours.pin {
        let (low, high) = (format!("sha256:{}", theirs.pin), format!("sha256:{}", ours.pin));
        let text = match (Definition::of(&theirs.definition), Definition::of(&ours.definition)) {
            (Ok(old), Ok(new)) => format!("{high} ({})", short(&changes(&old, &new).join("; "))),
            (Ok(_) | Err(_), Ok(_) | Err(_)) => high,
        };
        rows.push(step.row(Dimension::Definition, &low, &text, case.clone()));
    }
    let with = |request: Request| Case { request: Some(request), ..case.clone() };
    if ours.max_result > theirs.max_result {
        let case = with(Request { answer_bytes: ours.max_result, ..request.clone() });
        rows.push(step.row(Dimension::AnswerBytes, &bytes(theirs.max_result), &bytes(ours.max_result), case));
    }
    screening(step, (theirs, ours), request, &with, rows);
    forbidden(step, (from, meeting.to), &case.subject, rows);
}

/// Characters of a change of a definition that a row has; the files have all of it.
const CHANGE_MAX: usize = 600;

fn short(text: &str) -> String {
    match text.char_indices().nth(CHANGE_MAX) {
        Some((at, _)) => format!("{}… and more", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn bytes(size: u64) -> String {
    format!("{size} bytes at most")
}

/// A result that passes in a fuller form than before. Its treatment changes at the two thresholds alone.
fn screening(
    step: &Step<'_>,
    (theirs, ours): (&Proxied, &Proxied),
    request: &Request,
    with: &dyn Fn(Request) -> Case,
    rows: &mut Vec<Row>,
) {
    let edges = [0, theirs.result_threshold, ours.result_threshold, ours.result_threshold.saturating_sub(1)];
    let Some(at) = edges.into_iter().find(|at| passed(ours, *at) > passed(theirs, *at)) else { return };
    let words = |proxied: &Proxied| {
        let becomes = match proxied.on_risk {
            OnRisk::Deny => "withheld",
            OnRisk::Strip => "stripped",
            OnRisk::Mark => "marked",
        };
        format!("{becomes} from risk {} on", risk(proxied.result_threshold))
    };
    let case = with(Request { answer_risk: Some((at, passed(ours, at))), ..request.clone() });
    rows.push(step.row(Dimension::Screening, &words(theirs), &words(ours), case));
}

/// Arguments of kinds that no case has: all that rules can say of them is that they may not be given.
fn forbidden(step: &Step<'_>, (from, to): (&Tool, &Tool), subject: &str, rows: &mut Vec<Row>) {
    let forbids = |tool: &Tool, arg: &str| values::rules(tool, arg).contains(&ArgRule::Forbid);
    let others = face::proxied(to).into_iter().flat_map(|proxied| &proxied.arguments);
    for argument in others.filter(|argument| argument.kind == ArgumentKind::Other) {
        if forbids(from, &argument.name) && !forbids(to, &argument.name) {
            let dimension = Dimension::Argument(argument.name.clone());
            rows.push(step.row_of(dimension, "not given", "no rule", None, (subject, &to.name)));
        }
    }
}
