//! `airlock explain`.

use crate::args::Format;
use crate::manifest::policy_of;
use crate::render::{Outcome, say};
use airlock_policy::ir::{ArgRule, EffectClass, Egress, Grant, HostRule, Issue, Key, Lease, Ledger, Policy, Tool};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Show the whole policy of a manifest as a readable table, with every default filled in.
///
/// Exit codes: 0 shown · 1 the manifest has errors · 2 it could not be read.
#[derive(Debug, clap::Args)]
pub(crate) struct Explain {
    /// The manifest, or a built gateway; `-` reads standard input
    #[arg(default_value = "airlock.toml")]
    manifest: PathBuf,
    /// How the policy is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

impl Explain {
    pub(crate) fn run(self) -> Outcome {
        let compiled = policy_of(&self.manifest)?.compiled;
        match self.format {
            Format::Json => say(json!({"policy_digest": compiled.digest_hex(), "policy": compiled.policy()})),
            Format::Table => say(page(compiled.policy(), &compiled.digest_hex())),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The policy in sections. Everything in it is named, so that what a reader does not see here is not in the policy.
fn page(policy: &Policy, digest: &str) -> String {
    let Policy { airlock, gateway, keys, lease, ledger, tools, grants, .. } = policy;
    let mut lines = vec![format!("gateway {} (language version {airlock}, policy digest {digest})", gateway.name)];
    if !gateway.instructions.is_empty() {
        lines.push(format!("  tells the model   {:?}", gateway.instructions));
    }
    lines.extend(keys.iter().map(key));
    lines.extend(lease_lines(lease));
    lines.push(ledger_line(ledger));
    lines.push(String::new());
    lines.push(format!("tools ({}); code for any other is not in the gateway", tools.len()));
    lines.extend(tools.iter().flat_map(|tool| tool_lines(tool, grants)));
    lines.push(String::new());
    lines.push(format!("grants ({}); a lease beyond all of them is refused even if it is signed", grants.len()));
    lines.extend(grants.iter().flat_map(grant_lines));
    lines.join("\n")
}

fn key(key: &Key) -> String {
    let Key { kid, commitment } = key;
    match commitment {
        None => format!("  accepts key       {kid}, not pinned"),
        Some(pin) => format!("  accepts key       {kid}, only with commitment {pin}"),
    }
}

fn lease_lines(lease: &Lease) -> [String; 2] {
    let Lease { default_ttl, max_ttl, carrier_meta, carrier_arguments } = lease;
    let carriers = [(carrier_meta, "params._meta"), (carrier_arguments, "the arguments")];
    let carriers: Vec<&str> = carriers.into_iter().filter(|(on, _)| **on).map(|(_, name)| name).collect();
    [
        format!("  leases live       {} unless asked otherwise, {} at most", duration(*default_ttl), duration(*max_ttl)),
        format!("  leases travel in  {}", carriers.join(" or ")),
    ]
}

fn ledger_line(ledger: &Ledger) -> String {
    let Ledger { dir_env, dir_default, durability } = ledger;
    let dir = match dir_env {
        None => format!("{dir_default:?}"),
        Some(variable) => format!("${variable}, or {dir_default:?}"),
    };
    format!("  ledger            {dir}; durability {}", format!("{durability:?}").to_lowercase())
}

fn tool_lines(tool: &Tool, grants: &[Grant]) -> Vec<String> {
    let Tool { name, effect, risk_threshold, base_risk, egress, args, why, .. } = tool;
    let effect = match effect {
        EffectClass::Read => "reads",
        EffectClass::Write => "writes",
        EffectClass::Send => "sends",
    };
    let mut lines = vec![
        format!("  {name}: {why}"),
        format!("    {effect}; denied from risk {} on, begins at {}", risk(*risk_threshold), risk(*base_risk)),
    ];
    match egress.is_empty() {
        true => lines.push("    no network".to_owned()),
        false => lines.extend(egress.iter().map(|entry| format!("    reaches {}", host(entry)))),
    }
    let rules = args.iter().map(|argument| {
        let rules: Vec<String> = argument.rules.iter().map(rule).collect();
        format!("    {} must {}", argument.arg, rules.join(" and "))
    });
    lines.extend(rules);
    let mut subjects: Vec<&str> =
        grants.iter().filter(|grant| grant.tools.contains(name)).map(|grant| grant.subject.as_str()).collect();
    let mut seen = std::collections::BTreeSet::new();
    subjects.retain(|subject| seen.insert(*subject));
    if !subjects.is_empty() {
        lines.push(format!("    granted to {}", subjects.join(", ")));
    }
    lines
}

fn host(egress: &Egress) -> String {
    let Egress { host, ports, stand_in, why } = egress;
    let host = match host {
        HostRule::Exact(name) => name.clone(),
        HostRule::OneLabel(parent) => format!("*.{parent} (one label more)"),
        HostRule::AnyPublic => "any public host".to_owned(),
    };
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    let local = stand_in.map(|port| format!(", in truth 127.0.0.1:{port} without TLS")).unwrap_or_default();
    format!("{host}, port {}{local}: {why}", ports.join(", "))
}

fn rule(rule: &ArgRule) -> String {
    match rule {
        ArgRule::OneOf(values) => {
            format!("be one of {}", values.iter().map(|value| format!("{value:?}")).collect::<Vec<_>>().join(", "))
        }
        ArgRule::Prefix(text) => format!("start with {text:?}"),
        ArgRule::Suffix(text) => format!("end with {text:?}"),
        ArgRule::MinLength(length) => format!("have at least {length} characters"),
        ArgRule::MaxLength(length) => format!("have at most {length} characters"),
        ArgRule::Min(bound) => format!("be at least {bound}"),
        ArgRule::Max(bound) => format!("be at most {bound}"),
        ArgRule::Matches(pattern) => format!("match {pattern:?}"),
        ArgRule::Under(path) => format!("be a path under {path:?}"),
        ArgRule::HostIn(hosts) => format!("name a host of {hosts:?}"),
        ArgRule::MaxItems(most) => format!("have at most {most} items"),
        ArgRule::Forbid => "be absent".to_owned(),
    }
}

fn grant_lines(grant: &Grant) -> Vec<String> {
    let Grant { subject, tools, issue, domains, max_ttl, max_risk, uses, why } = grant;
    let issue = match issue {
        Issue::Operator => "issued by the operator",
        Issue::SelfService => "issued to whoever asks, through airlock_issue_capability",
        Issue::Human => "issued once the connected user accepts, through airlock_issue_capability",
    };
    let domains = if domains.is_empty() { "no host".to_owned() } else { domains.join(", ") };
    vec![
        format!("  {subject}: {why}"),
        format!("    may call {}", tools.join(", ")),
        format!("    at {domains}"),
        format!("    up to {}, {uses} calls, risk {}; {issue}", duration(*max_ttl), risk(*max_risk)),
    ]
}

/// Seconds in the largest unit that divides them.
fn duration(seconds: u64) -> String {
    match (seconds % 3600, seconds % 60) {
        (0, _) => format!("{}h", seconds / 3600),
        (_, 0) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

fn risk(thousandths: u16) -> String {
    format!("{}.{:03}", thousandths / 1000, thousandths % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_in_a_policy_is_shown() {
        for (name, text) in [
            ("weather", include_str!("../../../examples/weather/airlock.toml")),
            ("every-key", include_str!("../../../tests/manifests/good/every-key.toml")),
        ] {
            let checked = airlock_policy::compile(text, "airlock.toml");
            let report = checked.render(false);
            let compiled = checked.into_compiled().unwrap_or_else(|| panic!("{report}"));
            insta::assert_snapshot!(name, page(compiled.policy(), &compiled.digest_hex()));
        }
    }
}
