//! Foreign servers and their tools: what is started, and what was reviewed.

use super::words::row;
use crate::amount::{duration, risk, size};
use crate::ir::{
    Argument, ArgumentKind, Confine, Era, Feature, Net, Offer, OnRisk, ProcessLimits, Proxied, Upstream, Variable, VariableValue,
};
use serde_json::Value;

/// The section of one upstream.
pub(super) fn lines(upstream: &Upstream) -> Vec<String> {
    let Upstream { name, command, dir, env, era, start_timeout, max_message, may_ask, ask_hosts, may_tell, log, confine, why } =
        upstream;
    let mut lines = vec![format!("upstream {name}: {why}")];
    let mut words = command.iter();
    lines.extend(words.next().map(|program| row("starts", program)));
    lines.extend(words.map(|word| row("with", format_args!("{word:?}"))));
    lines.push(row("in", dir.as_deref().unwrap_or("/, since the manifest names no directory")));
    lines.extend(env.iter().map(variable));
    let era = match era {
        Era::Auto => "the one that a probe finds",
        Era::Modern => "2026-07-28",
        Era::Legacy => "2025-11-25 or older",
    };
    lines.push(row("revision", era));
    lines.push(row("start", format_args!("{} at most", duration(*start_timeout))));
    lines.push(row("message", format_args!("{max_message} bytes at most")));
    let asked: Vec<&str> = may_ask.iter().map(|question| question.word()).collect();
    lines.extend((!asked.is_empty()).then(|| row("may ask", asked.join(", "))));
    lines.extend(ask_hosts.iter().map(|host| row("may lead to", format_args!("https://{host}, the user who agrees"))));
    let told: Vec<&str> = may_tell.iter().map(|list| list.word()).collect();
    lines.extend((!told.is_empty()).then(|| row("may tell", format_args!("that its list of {} changed", told.join(", ")))));
    lines.extend(log.map(|level| row("logs", format_args!("from {} on", level.word()))));
    lines.extend(confine.as_ref().map_or_else(|| vec![row("kernel", "does not confine it")], confined));
    lines
}

/// What the kernel lets its process touch.
fn confined(confine: &Confine) -> Vec<String> {
    let Confine { system, read, write, exec, net, limits, allow_missing } = confine;
    let ProcessLimits { data, fsize, cpu, files, processes } = limits;
    let mut lines = vec![row("kernel", "refuses it all but this")];
    lines.extend(system.then(|| row("may read", "libraries and shared data of the system")));
    for (what, paths) in [("may read", read), ("may write", write), ("may run", exec)] {
        lines.extend(paths.iter().map(|path| row(what, path)));
    }
    match net {
        Net::None => lines.push(row("network", "none")),
        Net::Proxy(hosts) => {
            lines.push(row("network", "TLS to these hosts, by way of the gateway"));
            lines.extend(hosts.iter().map(super::tool::host));
        }
    }
    lines.push(row("memory", format_args!("{} at most", size(*data))));
    lines.push(row("file", format_args!("{} at most", size(*fsize))));
    lines.extend(cpu.map(|cpu| row("processor", format_args!("{} at most", duration(cpu)))));
    lines.push(row("descriptors", format_args!("{files} at most")));
    lines.push(row("processes", format_args!("{processes} at most, threads among them")));
    lines.extend(allow_missing.iter().map(|feature| match feature {
        Feature::Userns => row("started", "also where the kernel gives it no namespaces"),
    }));
    lines
}

fn variable(variable: &Variable) -> String {
    let Variable { name, value } = variable;
    let value = match value {
        VariableValue::Literal(text) => format!("{text:?}"),
        VariableValue::From(source) => format!("the gateway's ${source}"),
        VariableValue::Secret(source) => format!("the secret in the gateway's ${source}"),
    };
    row("variable", format_args!("{name} = {value}"))
}

/// What is particular to a tool of an upstream.
pub(super) fn proxied(proxied: &Proxied) -> Vec<String> {
    let Proxied { upstream, what, tool, pin, definition, arguments, max_result, on_risk, result_threshold, secrets } = proxied;
    let mut rows = vec![match what {
        Offer::Tool => row("called at", format_args!("{upstream}, as {tool:?}")),
        Offer::Resource => row("read at", format_args!("{upstream}, the resource {tool}")),
        Offer::Completion if crate::definitions::is_template(tool) => {
            row("asked at", format_args!("{upstream}, for parts of the URI {tool:?}"))
        }
        Offer::Completion => row("asked at", format_args!("{upstream}, for arguments of the prompt {tool:?}")),
        Offer::Subscription => row("told of by", format_args!("{upstream}, that the resource {tool} changed")),
        Offer::Prompt => row("got at", format_args!("{upstream}, the prompt {tool:?}")),
    }];
    rows.push(row("pin", format_args!("sha256:{pin}")));
    rows.extend(listed(definition));
    rows.extend(arguments.iter().map(argument));
    rows.push(row("result", format_args!("{max_result} bytes at most")));
    let becomes = match on_risk {
        OnRisk::Deny => "withheld",
        OnRisk::Mark => "passed on behind a warning",
        OnRisk::Strip => "passed on without what looks like an injection",
    };
    rows.push(row("result at risk", format_args!("{becomes} from {} on", risk(*result_threshold))));
    rows.push(row("its program", if *secrets { "is given a secret" } else { "is given no secret" }));
    rows
}

/// What rules take an argument for.
fn argument(argument: &Argument) -> String {
    let Argument { name, kind, required } = argument;
    let kind = match kind {
        ArgumentKind::Text => "string".to_owned(),
        ArgumentKind::Integer(i64::MIN, i64::MAX) => "integer".to_owned(),
        ArgumentKind::Integer(least, most) => format!("integer from {least} to {most}"),
        ArgumentKind::Number => "number".to_owned(),
        ArgumentKind::Boolean => "true or false".to_owned(),
        ArgumentKind::List => "list of strings".to_owned(),
        ArgumentKind::Other => "of a kind without rules".to_owned(),
    };
    row("input", format_args!("{name}, {kind}, {}", if *required { "required" } else { "optional" }))
}

/// The definition with a line for each part, so that a changed word is a changed line.
fn listed(definition: &str) -> Vec<String> {
    let Ok(Value::Object(members)) = serde_json::from_str(definition) else {
        return vec![row("definition", definition)];
    };
    let mut rows = Vec::new();
    for (name, value) in members {
        match (name.as_str(), value) {
            ("inputSchema", Value::Object(mut schema)) => {
                let properties = match schema.remove("properties") {
                    Some(Value::Object(properties)) => properties,
                    Some(other) => {
                        schema.insert("properties".to_owned(), other);
                        serde_json::Map::new()
                    }
                    None => serde_json::Map::new(),
                };
                rows.extend(properties.iter().map(|(name, schema)| row("listed argument", format_args!("{name}: {schema}"))));
                rows.push(row("listed schema", Value::Object(schema)));
            }
            (_, value) => rows.push(row("listed", format_args!("{name}: {value}"))),
        }
    }
    rows
}
