//! Tools against `[[egress]]` and `[risk]`.

use crate::amount::risk;
use crate::builtin::Network;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults};
use crate::fields::At;
use crate::host::{covers, written};
use crate::ir;
use crate::manifest::{EgressDraft, Egresses, ToolDraft};
use crate::text::nearest;
use std::collections::BTreeSet;

/// The port that tools with fixed hosts call.
const HTTPS: u16 = 443;

/// Warns of hosts that no tool may reach.
pub(super) fn idle_hosts(declared: &[EgressDraft], tools: &[ir::Tool], faults: &mut Faults) {
    let reached: BTreeSet<&ir::HostRule> = tools.iter().flat_map(|tool| &tool.egress).map(|egress| &egress.host).collect();
    for entry in declared.iter().filter(|entry| !reached.contains(&entry.host.value)) {
        let message = format!("no tool reaches `{}`", written(&entry.host.value));
        let diagnostic = Diagnostic::new(Code::UnusedHost, &entry.host.span, message, "not used");
        faults.push(diagnostic.help("remove the entry, or list the host in the `egress` of the tool that needs it"));
    }
}

/// Compiles one tool.
pub(super) fn compile(draft: ToolDraft, standard: &At<u16>, declared: &Egresses, faults: &mut Faults) -> ir::Tool {
    required_hosts(&draft, &declared.known, faults);
    needless_hosts(&draft, faults);
    risks(&draft, standard, faults);
    let ToolDraft { facts, name: _, threshold, base_risk, egress, egress_faulty: _, args, why } = draft;
    let mut egress: Vec<_> = egress.iter().filter_map(|host| entry(host, declared, faults)).collect();
    egress.sort_by(|a, b| a.host.cmp(&b.host));
    ir::Tool {
        name: facts.name.to_owned(),
        kind: ir::ToolKind::Builtin(facts.builtin),
        effect: facts.effect,
        risk_threshold: threshold.map_or(standard.value, |at| at.value),
        base_risk: base_risk.map_or(0, |at| at.value),
        ignored: Vec::new(),
        egress,
        args,
        strict: true,
        labels: Vec::new(),
        approval: None,
        quota: ir::Quota::default(),
        timeout: crate::limits::TIMEOUT_S,
        why,
    }
}

/// The `[[egress]]` entry that a tool names.
fn entry(host: &At<ir::HostRule>, declared: &Egresses, faults: &mut Faults) -> Option<ir::Egress> {
    if let Some(EgressDraft { host: rule, ports, stand_in, why }) =
        declared.known.iter().find(|entry| entry.host.value == host.value)
    {
        return Some(ir::Egress { host: rule.value.clone(), ports: ports.clone(), stand_in: *stand_in, why: why.clone() });
    }
    if declared.faulty {
        return None;
    }
    let name = written(&host.value);
    let known: Vec<String> = declared.known.iter().map(|entry| written(&entry.host.value)).collect();
    let diagnostic =
        Diagnostic::new(Code::UndeclaredHost, &host.span, format!("`{name}` has no `[[egress]]` entry"), "not declared");
    let help = match nearest(&name, known.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean `{meant}`? Otherwise add an `[[egress]]` entry with `host = \"{name}\"` and `why`"),
        None => format!("add an `[[egress]]` entry with `host = \"{name}\"` and `why`"),
    };
    faults.push(diagnostic.help(help));
    None
}

/// A tool that cannot reach what it calls would fail at every call.
fn required_hosts(draft: &ToolDraft, declared: &[EgressDraft], faults: &mut Faults) {
    if draft.egress_faulty {
        return;
    }
    let name = draft.facts.name;
    match draft.facts.network {
        Network::None => {}
        Network::Chosen if draft.egress.is_empty() => {
            let diagnostic =
                Diagnostic::new(Code::MissingEgress, &draft.name, format!("`{name}` may reach no host"), "needs `egress`");
            faults.push(diagnostic.help("add `egress = [\"api.example.com\"]`, and an `[[egress]]` entry for the host"));
        }
        Network::Chosen => {}
        Network::Fixed(hosts) => {
            let missing: Vec<&str> =
                hosts.iter().copied().filter(|host| !draft.egress.iter().any(|at| covers(&at.value, host))).collect();
            if !missing.is_empty() {
                let message = format!("`{name}` calls {}, but its `egress` does not list it", crate::fields::words(&missing));
                let diagnostic = Diagnostic::new(Code::MissingEgress, &draft.name, message, "needs more `egress`");
                faults.push(diagnostic.help(format!("add {} to its `egress`", crate::fields::words(&missing))));
            }
            for at in &draft.egress {
                let closed = |entry: &&EgressDraft| entry.host.value == at.value && !entry.ports.contains(&HTTPS);
                if let Some(entry) = declared.iter().find(closed).filter(|_| hosts.iter().any(|host| covers(&at.value, host))) {
                    let message = format!("`{name}` calls port {HTTPS}, which `{}` does not allow", written(&at.value));
                    let diagnostic = Diagnostic::new(Code::MissingEgress, &at.span, message, "port missing")
                        .also(&entry.host.span, "declared here");
                    faults.push(diagnostic.help(format!("add {HTTPS} to the `ports` of the host")));
                }
            }
        }
    }
}

/// A host that a tool with fixed hosts never calls widens what a flaw in it could reach.
fn needless_hosts(draft: &ToolDraft, faults: &mut Faults) {
    let Network::Fixed(hosts) = draft.facts.network else {
        return;
    };
    for at in draft.egress.iter().filter(|at| !hosts.iter().any(|host| covers(&at.value, host))) {
        let message = format!("`{}` never calls `{}`", draft.facts.name, written(&at.value));
        faults.push(Diagnostic::new(Code::UnusedHost, &at.span, message, "not used").help("remove the host from its `egress`"));
    }
}

/// A call whose risk is at or above the threshold is denied, so a base risk there denies every call.
fn risks(draft: &ToolDraft, standard: &At<u16>, faults: &mut Faults) {
    let threshold = draft.threshold.as_ref().map_or(standard.value, |at| at.value);
    let base = draft.base_risk.as_ref().map_or(0, |at| at.value);
    if base < threshold {
        return;
    }
    let span = draft.base_risk.as_ref().or(draft.threshold.as_ref()).map_or(&draft.name, |at| &at.span);
    let message =
        format!("`{}` denies every call: it begins at risk {} and denies at {}", draft.facts.name, risk(base), risk(threshold));
    let diagnostic = Diagnostic::new(Code::AlwaysDenied, span, message, "no call can pass");
    faults.push(diagnostic.help("set `base_risk` below `risk_threshold`, or remove the tool"));
}
