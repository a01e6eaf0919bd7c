//! One tool: what it does, where, with which arguments, at which risk.

use super::words::{list, quota, row, verb};
use super::{rest, upstream};
use crate::amount::{duration, risk};
use crate::host::written;
use crate::ir::{
    Approval, ArgRule, ArgRules, Builtin, Egress, Form, IgnoredFactor, Look, Origin, Otherwise, Signatures, Source, Tool,
    ToolKind,
};
use crate::manifest::{form_word, kind_word};

/// The section of one tool.
pub(super) fn lines(tool: &Tool) -> Vec<String> {
    let Tool {
        name,
        kind,
        effect,
        risk_threshold,
        base_risk,
        ignored,
        egress,
        args,
        origins,
        trusted,
        result,
        strict,
        labels,
        approval,
        signatures,
        quota: bounds,
        timeout,
        why,
    } = tool;
    let mut lines = vec![format!("tool {name}: {why}")];
    match kind {
        ToolKind::Builtin(builtin) => lines.push(row("built in", self::builtin(*builtin))),
        ToolKind::Rest(request) => lines.extend(rest::rows(request)),
        ToolKind::Upstream(proxied) => lines.extend(upstream::proxied(proxied)),
    }
    lines.push(row("effect", verb(*effect)));
    lines.extend(args.iter().flat_map(argument));
    lines.extend(origins.iter().map(|origin| row("provenance", self::origin(origin))));
    if *trusted {
        lines.push(row("results", "trusted: a value of them counts wherever it stands"));
    }
    match result {
        Form::Json => {}
        Form::Text => lines.push(row("results", "read as text: nothing of them counts as a member")),
        Form::Yaml | Form::Csv | Form::Table => {
            lines.push(row(
                "results",
                format_args!("read as {}: what stands alone in their texts counts as a member", form_word(*result)),
            ));
        }
    }
    let others = match (strict, kind) {
        (true, _) => "refused",
        (false, ToolKind::Builtin(_) | ToolKind::Rest(_)) => "ignored, never sent",
        (false, ToolKind::Upstream(_)) => "sent as far as the schema allows",
    };
    lines.push(row("other arguments", others));
    match (egress.is_empty(), kind) {
        (true, ToolKind::Builtin(_) | ToolKind::Rest(_)) => lines.push(row("host", "none, no network")),
        (true, ToolKind::Upstream(_)) => lines.push(row("host", "whatever its program reaches")),
        (false, _) => lines.extend(egress.iter().map(host)),
    }
    lines.push(row("risk", format_args!("denied from {} on", risk(*risk_threshold))));
    lines.push(row("risk begins at", risk(*base_risk)));
    lines.extend(ignored.iter().map(|IgnoredFactor { factor, why }| row("risk ignores", format_args!("{factor}: {why}"))));
    if !labels.is_empty() {
        lines.push(row("labels", list(labels, ", ")));
    }
    match approval {
        None => {}
        Some(Approval::Human) => lines.push(row("approval", "each call by the connected user")),
    }
    lines.extend(signatures.iter().map(|Signatures { count, of, within }| {
        row("signed", format_args!("each call by {count} of {}, within {}", list(of, ", "), duration(*within)))
    }));
    lines.extend(quota(bounds).into_iter().map(|bound| row("quota", bound)));
    lines.push(row("timeout", duration(*timeout)));
    lines
}

const fn builtin(builtin: Builtin) -> &'static str {
    match builtin {
        Builtin::AirlockIssueCapability => "airlock_issue_capability",
        Builtin::AirlockAuditTail => "airlock_audit_tail",
        Builtin::AirlockUsageStats => "airlock_usage_stats",
        Builtin::AirlockExposureReport => "airlock_exposure_report",
        Builtin::HttpGetJson => "http_get_json",
        Builtin::WeatherHourly => "weather_hourly",
    }
}

/// One line for each rule, so that a changed rule is a changed line.
fn argument(argument: &ArgRules) -> Vec<String> {
    let ArgRules { arg, rules } = argument;
    match rules.is_empty() {
        true => vec![row("argument", format_args!("{arg} has no rule"))],
        false => rules.iter().map(|rule| row("argument", format_args!("{arg} must {}", self::rule(rule)))).collect(),
    }
}

/// Where the value of an argument may come from.
pub(crate) fn origin(origin: &Origin) -> String {
    let Origin { arg, look, from, otherwise } = origin;
    let what = match look {
        Look::Whole(kind) => format!("{arg}, read as {}, must have been seen in", kind_word(*kind)),
        Look::Inside => format!("every URL, address and account number in {arg} must have been seen in"),
    };
    let places: Vec<&str> = from.iter().map(|source| place(*source)).collect();
    let end = match otherwise {
        Otherwise::Deny => "denied",
        Otherwise::Ask => "the user is asked",
    };
    format!("{what} {}; otherwise {end}", places.join(" or "))
}

/// A source in words.
const fn place(source: Source) -> &'static str {
    match source {
        Source::Intent => "the intent",
        Source::Trusted => "a trusted result",
        Source::Structured => "a structured result",
        Source::Screened => "a result without signs of an injection",
        Source::Text => "the text of a result",
    }
}

pub(super) fn host(egress: &Egress) -> String {
    let Egress { host, ports, stand_in, why } = egress;
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    let local = stand_in.map(|port| format!(", in truth 127.0.0.1:{port} without TLS")).unwrap_or_default();
    row("host", format_args!("{}, port {}{local}: {why}", written(host), ports.join(" ")))
}

/// A rule in words after "must".
pub(super) fn rule(rule: &ArgRule) -> String {
    let quoted = |texts: &[String]| texts.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(", ");
    match rule {
        ArgRule::OneOf(values) => format!("be one of {}", quoted(values)),
        ArgRule::Prefix(text) => format!("start with {text:?}"),
        ArgRule::Suffix(text) => format!("end with {text:?}"),
        ArgRule::MinLength(length) => format!("have at least {length} characters"),
        ArgRule::MaxLength(length) => format!("have at most {length} characters"),
        ArgRule::Min(bound) => format!("be at least {bound}"),
        ArgRule::Max(bound) => format!("be at most {bound}"),
        ArgRule::Matches(pattern) => format!("match {pattern:?} from end to end"),
        ArgRule::Under(path) => format!("be {path:?} or a path below it"),
        ArgRule::HostIn(hosts) => format!("name the host {}", hosts.iter().map(written).collect::<Vec<_>>().join(" or ")),
        ArgRule::MaxItems(most) => format!("have at most {most} items"),
        ArgRule::Forbid => "be absent".to_owned(),
    }
}
