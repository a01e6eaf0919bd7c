//! What a gateway says of itself: `--policy` and `--version`.

use crate::json::json;
use crate::lease::hex;
use crate::policy::evidence::{Evidence, Kept, Redaction, Removed};
use crate::policy::origin::{Look, Origin, Source};
use crate::policy::{
    Approval, Approver, Builtin, EffectClass, Egress, Flow, FlowVerdict, Grant, Key, LeaseRules, LedgerRules, Limits, Mode, Part,
    Policy, Quota, Rate, Sandbox, Signatures, Tool, ToolKind,
};
#[cfg(feature = "plan-http")]
use crate::policy::{Auth, AuthScheme, Pair, Piece, Response, Rest, Select, Slot};
use serde_json::Value;

mod upstreams;

/// `--version`: name, versions and policy digest.
#[must_use]
pub fn version(policy: &Policy) -> String {
    let profiles = profiles(policy);
    let judge = profiles["judge"].as_str().map(|digest| format!("judge profile {digest}\n")).unwrap_or_default();
    let mode = match policy.mode {
        Mode::Enforce => "",
        Mode::Shadow => "SHADOW MODE: refused calls of upstreams are recorded, and made all the same\n",
    };
    format!(
        "{} (compiled by airlock {}, runtime {})\npolicy digest {}\n{judge}{mode}",
        policy.gateway,
        policy.compiled_by,
        env!("CARGO_PKG_VERSION"),
        hex(&policy.digest)
    )
}

/// `--policy`: the compiled policy as indented JSON, with every bound that the gateway enforces.
#[must_use]
pub fn policy(policy: &Policy) -> String {
    let Policy {
        gateway,
        instructions,
        mode,
        digest,
        compiled_by,
        keys,
        lease,
        ledger,
        limits,
        sandbox,
        approvers,
        tools,
        tool_index: _,
        upstreams,
        flows,
        grants,
    } = policy;
    let LeaseRules { default_ttl, max_ttl, carrier_meta, carrier_arguments, carrier_ambient } = lease;
    let LedgerRules { dir_env, dir_default, durability, evidence } = ledger;
    let Limits { max_arguments, in_flight, timeout, approval_timeout, step_ups, quota } = limits;
    let Sandbox { allow_missing, unconfined } = sandbox;
    let mut whole = json!({
        "gateway": gateway,
        "instructions": instructions,
        "mode": mode.word(),
        "policy_digest": hex(digest),
        "compiled_by": compiled_by,
        "keys": keys.iter().map(key).collect::<Vec<_>>(),
        "lease": {"default_ttl_s": default_ttl, "max_ttl_s": max_ttl,
                  "carriers": {"meta": carrier_meta, "arguments": carrier_arguments, "ambient": carrier_ambient}},
        "ledger": {"dir_env": dir_env, "dir_default": dir_default, "durability": durability.word(),
                   "evidence": self::evidence(evidence)},
        "limits": {"max_arguments": max_arguments, "in_flight": in_flight, "timeout_s": timeout, "approval_timeout_s": approval_timeout, "step_ups": step_ups,
                   "quota": self::quota(quota)},
        "sandbox": {"allow_missing": allow_missing.iter().map(|part: &Part| part.word()).collect::<Vec<_>>(), "unconfined": unconfined, "profiles": profiles(policy)},
        "approvers": approvers.iter().map(|Approver { name, key }| json!({"name": name, "key": hex(key)})).collect::<Vec<_>>(),
        "tools": tools.iter().map(tool).collect::<Vec<_>>(),
        "flows": flows.iter().map(flow).collect::<Vec<_>>(),
        "grants": grants.iter().map(grant).collect::<Vec<_>>(),
    });
    if !upstreams.is_empty() {
        whole["upstreams"] = upstreams.iter().map(self::upstreams::upstream).collect();
    }
    format!("{whole:#}\n")
}

/// Digests of the profiles that processes of this gateway enter. The command line explains policies of gateways that it does not run.
#[cfg(feature = "confine")]
fn profiles(policy: &Policy) -> Value {
    let all = crate::confine::profiles(policy);
    json!({"judge": all.get("judge"), "clerk": all.get("clerk"), "egress": all.get("egress"), "launcher": all.get("launcher")})
}

#[cfg(not(feature = "confine"))]
fn profiles(_policy: &Policy) -> Value {
    json!({})
}

/// What is kept of arguments and results. Of the forms of tokens only how many there are.
fn evidence(evidence: &Evidence) -> Value {
    let Evidence { kept, keep } = evidence;
    let mut shown = json!({"kept": kept.word(), "keep_s": keep});
    if let Kept::Redacted(Redaction { copy: _, removed, tokens }) = kept {
        shown["removed"] = removed.iter().map(|Removed { tool, name }| json!({"tool": tool, "name": name})).collect();
        shown["token_forms"] = json!(tokens.len());
    }
    shown
}

fn key(key: &Key) -> Value {
    let Key { kid, commitment } = key;
    json!({"kid": kid, "commitment": commitment.map(|bytes| hex(&bytes))})
}

fn quota(quota: &Quota) -> Value {
    let Quota { rate, session_rate, session_calls } = quota;
    let rate_of = |rate: &Option<Rate>| rate.map(|Rate { calls, seconds }| json!({"calls": calls, "seconds": seconds}));
    json!({"rate": rate_of(rate), "session_rate": rate_of(session_rate), "session_calls": session_calls})
}

fn tool(tool: &Tool) -> Value {
    let Tool {
        name,
        why,
        kind,
        effect,
        risk_threshold,
        base_risk,
        ignored,
        egress,
        rules: _,
        origins,
        trusted,
        result,
        strict,
        labels,
        approval,
        signatures,
        quota,
        timeout,
    } = tool;
    let mut shown = json!({
        "name": name,
        "why": why,
        "effect": effect_word(*effect),
        "needs_lease": tool.needs_lease(),
        "risk_threshold": risk_threshold,
        "base_risk": base_risk,
        "ignored_factors": ignored,
        "egress": egress.iter().map(host).collect::<Vec<_>>(),
        "origins": origins.iter().map(origin).collect::<Vec<_>>(),
        "trusted": trusted,
        "result": result.word(),
        "strict": strict,
        "labels": labels,
        "approval": approval.map(|Approval::Human| "human"),
        "signatures": signatures.map(|Signatures { count, of, within }| json!({"count": count, "of": of, "within_s": within})),
        "quota": self::quota(quota),
        "timeout_s": timeout,
    });
    match kind {
        ToolKind::Builtin(builtin) => shown["builtin"] = json!(builtin_word(*builtin)),
        #[cfg(feature = "plan-http")]
        ToolKind::Rest(rest) => shown["http"] = request(rest),
        #[cfg(feature = "plan-upstream")]
        ToolKind::Upstream(proxied) => shown["upstream"] = upstreams::proxied(proxied),
    }
    shown
}

/// A REST tool; of its credential, where it comes from.
#[cfg(feature = "plan-http")]
fn request(rest: &Rest) -> Value {
    let Rest { title, description, input: _, schema, method, host, port, path, query, headers, body, auth, response } = rest;
    let Response { select, max_bytes } = response;
    let path: String = path
        .iter()
        .map(|piece| match piece {
            Piece::Literal(text) => (*text).to_owned(),
            Piece::Input(name) => format!("{{{name}}}"),
        })
        .collect();
    let select = match select {
        Select::Whole => json!(""),
        Select::One(pointer) => json!(pointer),
        Select::Fields(fields) => fields.iter().map(|(name, pointer)| ((*name).to_owned(), json!(pointer))).collect(),
    };
    let auth = auth.map(|Auth { scheme, env }| match scheme {
        AuthScheme::Bearer => json!({"bearer_env": env}),
        AuthScheme::Basic => json!({"basic_env": env}),
        AuthScheme::Header(name) => json!({"header": name, "env": env}),
    });
    json!({
        "title": title, "description": description, "method": method.word(), "host": host, "port": port, "path": path,
        "query": pairs(query), "headers": pairs(headers), "body": pairs(body), "auth": auth,
        "response": {"select": select, "max_bytes": max_bytes},
        "input_schema": serde_json::from_str::<Value>(schema).ok(),
    })
}

#[cfg(feature = "plan-http")]
fn pairs(pairs: &[Pair]) -> Value {
    let shown = |Pair { name, value }: &Pair| {
        let value = match value {
            Slot::Input(input) => json!({ "input": input }),
            Slot::Text(text) => json!({ "const": text }),
            Slot::Integer(number) => json!({ "const": number }),
            Slot::Boolean(flag) => json!({ "const": flag }),
        };
        json!([name, value])
    };
    pairs.iter().map(shown).collect()
}

fn origin(origin: &Origin) -> Value {
    let Origin { arg, look, from, otherwise, by: _ } = origin;
    let kind = match look {
        Look::Whole(kind) => json!(kind.word()),
        Look::Inside => json!(null),
    };
    let from: Vec<&str> = from.iter().map(Source::word).collect();
    json!({"argument": arg, "kind": kind, "inside": *look == Look::Inside, "from": from, "otherwise": otherwise.word()})
}

fn host(egress: &Egress) -> Value {
    let Egress { host, ports, stand_in } = egress;
    json!({"host": host.entry(), "ports": ports, "stand_in": stand_in})
}

fn flow(flow: &Flow) -> Value {
    let Flow { labels, verdict, why } = flow;
    let verdict = match verdict {
        FlowVerdict::Deny => "deny",
        FlowVerdict::Ask => "ask",
    };
    json!({verdict: labels, "why": why})
}

fn grant(grant: &Grant) -> Value {
    let Grant { subject, tools, issue, domains, max_ttl, max_risk, uses, why } = grant;
    json!({"subject": subject, "tools": tools, "issue": issue.word(), "domains": domains, "max_ttl_s": max_ttl,
           "max_risk": max_risk, "uses": uses, "why": why})
}

const fn builtin_word(builtin: Builtin) -> &'static str {
    match builtin {
        #[cfg(feature = "plan-issue")]
        Builtin::IssueCapability => "airlock_issue_capability",
        Builtin::AuditTail => "airlock_audit_tail",
        Builtin::UsageStats => "airlock_usage_stats",
        Builtin::ExposureReport => "airlock_exposure_report",
        #[cfg(feature = "plan-http")]
        Builtin::HttpGetJson => "http_get_json",
        #[cfg(feature = "plan-http")]
        Builtin::WeatherHourly => "weather_hourly",
    }
}

const fn effect_word(effect: EffectClass) -> &'static str {
    match effect {
        EffectClass::Read => "read",
        EffectClass::Write => "write",
        EffectClass::Send => "send",
    }
}
