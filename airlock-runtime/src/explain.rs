//! What a gateway says of itself: `--policy` and `--version`.

use crate::lease::hex;
use crate::policy::{Builtin, EffectClass, Egress, Grant, Issue, Key, LeaseRules, LedgerRules, Policy, Tool};
use serde_json::{Value, json};

/// `--version`: name, versions and policy digest.
#[must_use]
pub fn version(policy: &Policy) -> String {
    format!(
        "{} (compiled by airlock {}, runtime {})\npolicy digest {}\n",
        policy.gateway,
        policy.compiled_by,
        env!("CARGO_PKG_VERSION"),
        hex(&policy.digest)
    )
}

/// `--policy`: the compiled policy as indented JSON, with every bound that the gateway enforces.
#[must_use]
pub fn policy(policy: &Policy) -> String {
    let Policy { gateway, instructions, digest, compiled_by, keys, lease, ledger, tools, tool_index: _, grants } = policy;
    let LeaseRules { default_ttl, max_ttl, carrier_meta, carrier_arguments } = lease;
    let LedgerRules { dir_env, dir_default, durability } = ledger;
    let whole = json!({
        "gateway": gateway,
        "instructions": instructions,
        "policy_digest": hex(digest),
        "compiled_by": compiled_by,
        "keys": keys.iter().map(key).collect::<Vec<_>>(),
        "lease": {"default_ttl_s": default_ttl, "max_ttl_s": max_ttl,
                  "carriers": {"meta": carrier_meta, "arguments": carrier_arguments}},
        "ledger": {"dir_env": dir_env, "dir_default": dir_default, "durability": durability.word()},
        "tools": tools.iter().map(tool).collect::<Vec<_>>(),
        "grants": grants.iter().map(grant).collect::<Vec<_>>(),
    });
    format!("{whole:#}\n")
}

fn key(key: &Key) -> Value {
    let Key { kid, commitment } = key;
    json!({"kid": kid, "commitment": commitment.map(|bytes| hex(&bytes))})
}

fn tool(tool: &Tool) -> Value {
    let Tool { name, why, builtin, effect, risk_threshold, base_risk, egress, check_args: _ } = tool;
    json!({
        "name": name,
        "why": why,
        "builtin": builtin_word(*builtin),
        "effect": effect_word(*effect),
        "needs_lease": builtin.needs_lease(),
        "risk_threshold": risk_threshold,
        "base_risk": base_risk,
        "egress": egress.iter().map(host).collect::<Vec<_>>(),
    })
}

fn host(egress: &Egress) -> Value {
    let Egress { host, ports, stand_in } = egress;
    json!({"host": host.entry(), "ports": ports, "stand_in": stand_in})
}

fn grant(grant: &Grant) -> Value {
    let Grant { subject, tools, issue, domains, max_ttl, max_risk, uses, why } = grant;
    json!({"subject": subject, "tools": tools, "issue": issue_word(*issue), "domains": domains, "max_ttl_s": max_ttl,
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

const fn issue_word(issue: Issue) -> &'static str {
    match issue {
        Issue::Operator => "operator",
        #[cfg(feature = "plan-issue")]
        Issue::SelfService => "self",
    }
}
