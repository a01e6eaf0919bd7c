//! Upstreams and their tools in `--policy`: of a secret, where it comes from.

use crate::json::json;
use crate::policy::upstream::{Confine, EraRule, Feature, Net, Offer, OnRisk, ProcessLimits, Proxied, Upstream, Value, Variable};

pub(super) fn upstream(upstream: &Upstream) -> serde_json::Value {
    let Upstream { name, command, dir, env, era, start_timeout, max_message, may_ask, log, confine, why } = upstream;
    let env: serde_json::Map<_, _> = env
        .iter()
        .map(|Variable { name, value }| {
            let value = match value {
                Value::Literal(text) => json!(text),
                Value::From(variable) => json!({ "from": variable }),
                Value::Secret(variable) => json!({ "secret": variable }),
            };
            ((*name).to_owned(), value)
        })
        .collect();
    let era = match era {
        EraRule::Auto => "auto",
        EraRule::Modern => "modern",
        EraRule::Legacy => "legacy",
    };
    let mut shown = json!({"name": name, "command": command, "dir": dir, "env": env, "era": era, "start_timeout_s": start_timeout,
           "max_message": max_message, "why": why});
    if !may_ask.is_empty() {
        shown["may_ask"] = may_ask.iter().map(|question| question.word()).collect();
    }
    if let Some(level) = log {
        shown["log"] = json!(level.word());
    }
    if let Some(confine) = confine {
        shown["confine"] = confined(confine);
    }
    shown
}

fn confined(confine: &Confine) -> serde_json::Value {
    let Confine { system, read, write, exec, net, limits, allow_missing } = confine;
    let ProcessLimits { data, fsize, cpu, files, processes } = limits;
    let net = match net {
        Net::None => json!("none"),
        Net::Proxy(hosts) => json!({ "proxy": hosts.iter().map(super::host).collect::<Vec<_>>() }),
    };
    let missing: Vec<&str> = allow_missing.iter().map(|feature: &Feature| feature.word()).collect();
    json!({"system": system, "read": read, "write": write, "exec": exec, "net": net, "allow_missing": missing,
           "limits": {"data": data, "fsize": fsize, "cpu_s": cpu, "files": files, "processes": processes}})
}

#[cfg_attr(not(feature = "plan-upstream"), allow(dead_code, reason = "no tool of such a gateway has one"))]
pub(super) fn proxied(proxied: &Proxied) -> serde_json::Value {
    let Proxied { upstream, what, name, pin, definition, max_result, on_risk, result_threshold } = proxied;
    let on_risk = match on_risk {
        OnRisk::Deny => "deny",
        OnRisk::Mark => "mark",
        OnRisk::Strip => "strip",
    };
    let what = match what {
        Offer::Tool => "tool",
        Offer::Resource => "resource",
        Offer::Prompt => "prompt",
        Offer::Completion => "completion",
    };
    json!({"upstream": upstream, "what": what, "name": name, "pin": format!("sha256:{}", crate::lease::hex(pin)),
           "definition": serde_json::from_str::<serde_json::Value>(definition).ok(), "max_result": max_result,
           "on_risk": on_risk, "result_threshold": result_threshold})
}
