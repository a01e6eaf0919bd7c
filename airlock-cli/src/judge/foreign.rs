//! Foreign servers and their tools, as a gateway has them.

use super::convert::{impossible, list, text};
use crate::render::Failure;
use airlock_policy::ir;
use airlock_runtime::policy::upstream as rt;

pub(super) fn upstream(upstream: &ir::Upstream) -> rt::Upstream {
    let ir::Upstream {
        name,
        command,
        dir,
        env,
        era,
        start_timeout,
        max_message,
        may_ask,
        ask_hosts,
        may_tell,
        log,
        confine,
        why,
    } = upstream;
    let texts = |all: &[String]| list(all.iter().map(|one| text(one)).collect());
    rt::Upstream {
        name: text(name),
        command: texts(command),
        dir: dir.as_deref().map(text),
        env: list(env.iter().map(variable).collect()),
        era: match era {
            ir::Era::Auto => rt::EraRule::Auto,
            ir::Era::Modern => rt::EraRule::Modern,
            ir::Era::Legacy => rt::EraRule::Legacy,
        },
        start_timeout: *start_timeout,
        max_message: *max_message,
        log: log.map(level),
        may_ask: list(may_ask.iter().map(question).collect()),
        ask_hosts: texts(ask_hosts),
        may_tell: list(may_tell.iter().map(listed).collect()),
        confine: confine.as_ref().map(confined),
        why: text(why),
    }
}

const fn level(level: ir::Level) -> rt::Level {
    match level {
        ir::Level::Debug => rt::Level::Debug,
        ir::Level::Info => rt::Level::Info,
        ir::Level::Notice => rt::Level::Notice,
        ir::Level::Warning => rt::Level::Warning,
        ir::Level::Error => rt::Level::Error,
        ir::Level::Critical => rt::Level::Critical,
        ir::Level::Alert => rt::Level::Alert,
        ir::Level::Emergency => rt::Level::Emergency,
    }
}

const fn listed(listed: &ir::Listed) -> rt::Listed {
    match listed {
        ir::Listed::Tools => rt::Listed::Tools,
        ir::Listed::Resources => rt::Listed::Resources,
        ir::Listed::Prompts => rt::Listed::Prompts,
    }
}

const fn question(question: &ir::Question) -> rt::Question {
    match question {
        ir::Question::Elicitation => rt::Question::Elicitation,
        ir::Question::Sampling => rt::Question::Sampling,
        ir::Question::Roots => rt::Question::Roots,
    }
}

fn confined(given: &ir::Confine) -> rt::Confine {
    let ir::Confine { system, read, write, exec, net, limits, allow_missing } = given;
    let ir::ProcessLimits { data, fsize, cpu, files, processes } = limits;
    let texts = |all: &[String]| list(all.iter().map(|one| text(one)).collect());
    let feature = |feature: &ir::Feature| match feature {
        ir::Feature::Userns => rt::Feature::Userns,
    };
    rt::Confine {
        system: *system,
        read: texts(read),
        write: texts(write),
        exec: texts(exec),
        net: match net {
            ir::Net::None => rt::Net::None,
            ir::Net::Proxy(hosts) => rt::Net::Proxy(list(hosts.iter().map(super::convert::egress).collect())),
        },
        limits: rt::ProcessLimits { data: *data, fsize: *fsize, cpu: *cpu, files: *files, processes: *processes },
        allow_missing: list(allow_missing.iter().map(feature).collect()),
    }
}

fn variable(variable: &ir::Variable) -> rt::Variable {
    let ir::Variable { name, value } = variable;
    let value = match value {
        ir::VariableValue::Literal(value) => rt::Value::Literal(text(value)),
        ir::VariableValue::From(source) => rt::Value::From(text(source)),
        ir::VariableValue::Secret(source) => rt::Value::Secret(text(source)),
    };
    rt::Variable { name: text(name), value }
}

/// What is particular to a tool of an upstream.
///
/// # Errors
/// A value that no checked policy has.
pub(super) fn proxied(proxied: &ir::Proxied, upstreams: &[ir::Upstream]) -> Result<rt::Proxied, Failure> {
    let ir::Proxied { upstream, what, tool, pin, definition, arguments: _, max_result, on_risk, result_threshold, secrets: _ } =
        proxied;
    let at = upstreams.iter().position(|known| known.name == *upstream);
    let digit = |at: usize| pin.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..64).step_by(2).map(digit).collect();
    let pin = bytes.and_then(|bytes| bytes.try_into().ok());
    Ok(rt::Proxied {
        upstream: at.ok_or_else(|| impossible("a tool of an upstream that it does not have"))?,
        what: match what {
            ir::Offer::Tool => rt::Offer::Tool,
            ir::Offer::Resource => rt::Offer::Resource,
            ir::Offer::Prompt => rt::Offer::Prompt,
            ir::Offer::Completion => rt::Offer::Completion,
            ir::Offer::Subscription => rt::Offer::Subscription,
        },
        name: text(tool),
        pin: pin.ok_or_else(|| impossible("a pin that is not 64 hex digits"))?,
        definition: text(definition),
        max_result: *max_result,
        on_risk: match on_risk {
            ir::OnRisk::Deny => rt::OnRisk::Deny,
            ir::OnRisk::Mark => rt::OnRisk::Mark,
            ir::OnRisk::Strip => rt::OnRisk::Strip,
        },
        result_threshold: *result_threshold,
    })
}
