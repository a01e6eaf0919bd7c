//! Rules, limits and conditions in words.

use super::case::Verdict;
use super::compare::{Dimension, most};
use super::face;
use super::reach::{Corner, Limits};
use super::session::Labels;
use super::signatures;
use super::values;
use super::verdict::{Judge, asked, flows};
use crate::amount::{duration, risk};
use crate::ir::{ArgRule, Argument, ArgumentKind, InputKind, Policy, Rate, Select, Tool};

/// Limits of leases; the largest of each where there are several.
pub(super) fn limits(corners: &[Corner]) -> String {
    let risk = points(most(corners, |corner| u64::from(corner.points)));
    format!("{}, {} calls, risk {risk}", duration(most(corners, |corner| corner.ttl)), most(corners, |corner| corner.uses))
}

/// What a person has to do for a call of a tool.
pub(super) fn condition(judge: &Judge<'_>, tool: &Tool) -> String {
    let asked = if always_asked(judge, tool) { ", a person approves each call" } else { "" };
    let signed = tool.signatures.as_ref().map(|_| format!(", {}", signatures::words(judge.policy, tool)));
    format!("{asked}{}", signed.unwrap_or_default())
}

pub(super) fn self_issue(limits: &Limits) -> String {
    match limits.freely.is_empty() {
        true => format!("{}, with a person's consent", self::limits(&limits.caller)),
        false => self::limits(&limits.caller),
    }
}

/// Whether a person is asked about every call of a tool.
pub(super) fn always_asked(judge: &Judge<'_>, tool: &Tool) -> bool {
    asked(tool).min(flows(judge.policy, &Labels::default(), tool)) < Verdict::Allow
}

pub(super) fn always_asked_of(judge: &Judge<'_>, tool: Option<&Tool>) -> bool {
    tool.is_some_and(|tool| always_asked(judge, tool))
}

pub(super) fn points(points: u64) -> String {
    risk(u16::try_from(points).unwrap_or(u16::MAX))
}

pub(super) fn bytes(number: u64) -> String {
    match number {
        number if number >= 1 << 20 && number.is_multiple_of(1 << 20) => format!("{} MiB", number >> 20),
        number if number >= 1 << 10 && number.is_multiple_of(1 << 10) => format!("{} KiB", number >> 10),
        number => format!("{number} bytes"),
    }
}

pub(super) fn rate(rate: Option<Rate>) -> String {
    rate.map_or_else(|| "any number".to_owned(), |rate| format!("{} in {}", rate.calls, duration(u64::from(rate.seconds))))
}

pub(super) fn select(select: &Select) -> String {
    match select {
        Select::Whole => "all of the answer".to_owned(),
        Select::One(pointer) => format!("{pointer:?} of the answer"),
        Select::Fields(fields) => {
            fields.iter().map(|(_, pointer)| format!("{pointer:?}")).collect::<Vec<_>>().join(", ") + " of the answer"
        }
    }
}

pub(super) fn key(policy: &Policy, kid: &str) -> String {
    match policy.keys.iter().find(|key| key.kid == kid) {
        None => "denied".to_owned(),
        Some(key) => key.commitment.as_ref().map_or_else(|| format!("{kid}, any key"), |pin| format!("{kid}, pinned {pin}")),
    }
}

/// Old and new rules of what a row about arguments speaks of.
pub(super) fn arguments((old, new): (&Tool, &Tool), dimension: &Dimension) -> (String, String) {
    match dimension {
        Dimension::Argument(arg) => (rules(old, arg), rules(new, arg)),
        Dimension::Unnamed if face::proxied(new).is_some() => ("refused".to_owned(), "as the schema says".to_owned()),
        Dimension::Unnamed => ("refused".to_owned(), "ignored".to_owned()),
        Dimension::Reach
        | Dimension::Ttl
        | Dimension::Uses
        | Dimension::Risk
        | Dimension::Together
        | Dimension::SelfIssue
        | Dimension::Consent
        | Dimension::Approval
        | Dimension::Provenance(_)
        | Dimension::ArgumentBytes
        | Dimension::Request
        | Dimension::Program
        | Dimension::Definition
        | Dimension::Screening
        | Dimension::Questions
        | Dimension::Answer
        | Dimension::AnswerBytes
        | Dimension::StepUps
        | Dimension::Rate
        | Dimension::SessionRate
        | Dimension::SessionCalls
        | Dimension::Flow
        | Dimension::Key
        | Dimension::Carrier
        | Dimension::Confinement
        | Dimension::Mode => Default::default(),
    }
}

fn foreign_type(argument: &Argument) -> String {
    let Argument { name: _, kind, required } = argument;
    let kind = match kind {
        ArgumentKind::Text => "string",
        ArgumentKind::Integer(..) => "integer",
        ArgumentKind::Number => "number",
        ArgumentKind::Boolean => "boolean",
        ArgumentKind::List => "list of strings",
        ArgumentKind::Other => "of a kind without rules",
    };
    if *required { kind.to_owned() } else { format!("{kind}, optional") }
}

/// Type and rules of an argument.
pub(super) fn rules(tool: &Tool, arg: &str) -> String {
    let foreign = face::proxied(tool);
    let named = foreign.and_then(|proxied| proxied.arguments.iter().find(|argument| argument.name == arg));
    if foreign.is_some() && named.is_none() {
        return if tool.strict { "not an argument" } else { "as the schema says" }.to_owned();
    }
    let rest = face::rest(tool);
    let input = rest.and_then(|rest| rest.input.iter().find(|input| input.name == arg));
    if rest.is_some() && input.is_none() {
        return if tool.strict { "not an argument" } else { "ignored" }.to_owned();
    }
    let typed = input.map(|input| {
        let kind = match input.kind {
            InputKind::String => "string",
            InputKind::Integer => "integer",
            InputKind::Number => "number",
            InputKind::Boolean => "boolean",
            InputKind::Array => "list of strings",
        };
        if input.required { kind.to_owned() } else { format!("{kind}, optional") }
    });
    let typed = typed.or(named.map(foreign_type));
    let list = |items: &[String]| items.iter().map(|item| format!("{item:?}")).collect::<Vec<_>>().join(", ");
    let ruled = values::rules(tool, arg).iter().map(|rule| match rule {
        ArgRule::OneOf(values) => format!("one of {}", list(values)),
        ArgRule::Prefix(text) => format!("begins with {text:?}"),
        ArgRule::Suffix(text) => format!("ends with {text:?}"),
        ArgRule::MinLength(length) => format!("at least {length} characters"),
        ArgRule::MaxLength(length) => format!("at most {length} characters"),
        ArgRule::Min(bound) => format!("at least {bound}"),
        ArgRule::Max(bound) => format!("at most {bound}"),
        ArgRule::Matches(pattern) => format!("matches {pattern:?}"),
        ArgRule::Under(path) => format!("under {path:?}"),
        ArgRule::HostIn(hosts) => format!("host in {}", list(&hosts.iter().map(crate::host::written).collect::<Vec<_>>())),
        ArgRule::MaxItems(most) => format!("at most {most} items"),
        ArgRule::Forbid => "not given".to_owned(),
    });
    let words: Vec<String> = typed.into_iter().chain(ruled).collect();
    if words.is_empty() { "no rule".to_owned() } else { words.join(", ") }
}
