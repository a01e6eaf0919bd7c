//! Tools against `[[egress]]` and `[risk]`.

use super::remarks;
use crate::amount::{duration, risk};
use crate::builtin::{Facts, Network};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults};
use crate::fields::At;
use crate::host::{covers, written};
use crate::ir;
use crate::manifest::{
    ApprovalDraft, Approvers, EgressDraft, Egresses, KindDraft, ProxiedDraft, RestDraft, SignaturesDraft, ToolDraft,
};
use crate::text::nearest;
use std::collections::BTreeSet;

/// The port that tools with fixed hosts call.
const HTTPS: u16 = 443;

/// What each tool is checked against.
#[derive(Debug)]
pub(super) struct Surroundings<'m> {
    /// `[risk] threshold`.
    pub(super) threshold: &'m At<u16>,
    /// `[[egress]]`.
    pub(super) declared: &'m Egresses,
    /// `[limits]`.
    pub(super) limits: &'m ir::Limits,
    /// `[approvers.*]`.
    pub(super) approvers: &'m Approvers,
}

/// The `[[egress]]` entries that some tool uses.
pub(super) type Reached = BTreeSet<ir::HostRule>;

/// Warns of hosts that no tool may reach.
pub(super) fn idle_hosts(declared: &[EgressDraft], reached: &Reached, faults: &mut Faults) {
    for entry in declared.iter().filter(|entry| !reached.contains(&entry.host.value)) {
        let message = format!("nothing reaches `{}`", written(&entry.host.value));
        let diagnostic = Diagnostic::new(Code::UnusedHost, &entry.host.span, message, "not used");
        faults.push(diagnostic.help("remove the entry, or list the host in the `egress` of the tool that needs it"));
    }
}

/// Compiles one tool.
pub(super) fn compile(draft: ToolDraft, around: &Surroundings<'_>, reached: &mut Reached, faults: &mut Faults) -> ir::Tool {
    let Surroundings { threshold: standard, declared, limits, approvers } = around;
    let longest = limits.timeout;
    if let KindDraft::Builtin(facts) = &draft.kind {
        required_hosts(facts, &draft, &declared.known, faults);
        needless_hosts(facts, &draft, faults);
    }
    risks(&draft, standard, faults);
    let ToolDraft {
        name,
        kind,
        threshold,
        base_risk,
        ignored,
        egress,
        egress_faulty: _,
        args,
        origins,
        trusted,
        result,
        effect,
        strict,
        labels,
        approval,
        quota,
        timeout,
        why,
    } = draft;
    let (compiled, effect, mut egress) = of_kind(&name.value, &kind, effect.as_ref(), &egress, around, reached, faults);
    egress.sort_by(|a, b| a.host.cmp(&b.host));
    if let Some(timeout) = &timeout {
        patience(timeout, longest, faults);
    }
    let mut ignored: Vec<_> = ignored.into_iter().map(|at| at.value).collect();
    ignored.sort_by(|a: &ir::IgnoredFactor, b| a.factor.cmp(&b.factor));
    let ApprovalDraft { human, signatures } = approval;
    let threshold_place = threshold.as_ref().map_or(&name.span, |at| &at.span);
    let tool = ir::Tool {
        name: name.value.clone(),
        kind: compiled,
        effect,
        risk_threshold: threshold.as_ref().map_or(standard.value, |at| at.value),
        base_risk: base_risk.map_or(0, |at| at.value),
        ignored,
        egress,
        args,
        origins: origins.into_iter().map(|placed| placed.origin).collect(),
        trusted: trusted.is_some_and(|at| at.value),
        result: result.map_or(ir::Form::default(), |at| at.value),
        strict,
        labels: sorted(&labels),
        approval: human,
        signatures: signatures.map(|draft| signed(&draft, approvers, faults)),
        quota: quota.compiled(),
        timeout: timeout.map_or(longest, |at| at.value),
        why,
    };
    match &kind {
        KindDraft::Builtin(_) => {}
        KindDraft::Rest(draft) => remarks::request(&tool, draft, &name.span, faults),
        KindDraft::Upstream(draft) => remarks::proxied(&tool, draft, &name.span, faults),
    }
    remarks::labels(&tool, &labels, faults);
    remarks::threshold(&tool, threshold_place, faults);
    remarks::quota(&tool, &quota, &limits.quota, faults);
    tool
}

/// What a call does, its effect, and where it sends.
fn of_kind(
    name: &str,
    kind: &KindDraft,
    effect: Option<&At<ir::EffectClass>>,
    egress: &[At<ir::HostRule>],
    around: &Surroundings<'_>,
    reached: &mut Reached,
    faults: &mut Faults,
) -> (ir::ToolKind, ir::EffectClass, Vec<ir::Egress>) {
    let declared = around.declared;
    // The worst where the manifest says nothing.
    let told = effect.map_or(ir::EffectClass::Send, |at| at.value);
    match kind {
        KindDraft::Builtin(facts) => {
            let egress = egress.iter().filter_map(|host| entry(host, declared, reached, faults)).collect();
            (ir::ToolKind::Builtin(facts.builtin), facts.effect, egress)
        }
        KindDraft::Rest(draft) => {
            let egress = destination(name, draft, declared, reached, faults);
            (ir::ToolKind::Rest(draft.rest.clone()), told, egress.into_iter().collect())
        }
        KindDraft::Upstream(draft) => (ir::ToolKind::Upstream(proxied(draft, around.threshold.value)), told, Vec::new()),
    }
}

/// A tool of an upstream; `standard` is `[risk] threshold`. Without a definition there is an error, and nothing of this is kept.
fn proxied(draft: &ProxiedDraft, standard: u16) -> ir::Proxied {
    // Its rule stands with those of the arguments.
    let ProxiedDraft { upstream, what, tool, definition, arguments, rule: _, max_result, on_risk, result_threshold, secrets } =
        draft;
    ir::Proxied {
        upstream: upstream.clone(),
        what: *what,
        tool: tool.clone(),
        pin: definition.as_ref().map(|definition| crate::digest::hex(definition.digest())).unwrap_or_default(),
        definition: definition.as_ref().map(|definition| definition.text().to_owned()).unwrap_or_default(),
        arguments: arguments.clone(),
        max_result: *max_result,
        on_risk: *on_risk,
        result_threshold: result_threshold.as_ref().map_or(standard, |at| at.value),
        secrets: *secrets,
    }
}

/// Who signs.
fn signed(draft: &SignaturesDraft, approvers: &Approvers, faults: &mut Faults) -> ir::Signatures {
    ir::Signatures { count: draft.count.value, of: approvers.resolve(draft, faults), within: draft.within }
}

/// Labels without their places.
fn sorted(labels: &[At<String>]) -> Vec<String> {
    let mut sorted: Vec<String> = labels.iter().map(|at| at.value.clone()).collect();
    sorted.sort();
    sorted
}

/// A tool waits no longer than the gateway.
fn patience(timeout: &At<u64>, longest: u64, faults: &mut Faults) {
    if timeout.value > longest {
        let message = format!("`timeout` is {}, but `[limits] timeout` is {}", duration(timeout.value), duration(longest));
        let diagnostic = Diagnostic::new(Code::BadDuration, &timeout.span, message, "a tool can only say less");
        faults.push(diagnostic.help("shorten it, or raise `[limits] timeout`"));
    }
}

/// Where a REST tool sends its request: the entry for the host itself, or else a wildcard that covers it.
fn destination(
    name: &str,
    draft: &RestDraft,
    declared: &Egresses,
    reached: &mut Reached,
    faults: &mut Faults,
) -> Option<ir::Egress> {
    let (host, port) = (&draft.rest.host, draft.rest.port);
    let exact = declared.known.iter().find(|entry| matches!(&entry.host.value, ir::HostRule::Exact(known) if known == host));
    // Rules are in the order of their width, so the narrowest one that covers the host is the least.
    let covering = || declared.known.iter().filter(|entry| covers(&entry.host.value, host)).min_by_key(|entry| &entry.host.value);
    let Some(entry) = exact.or_else(covering) else {
        if !declared.faulty {
            let message = format!("`{host}` has no `[[egress]]` entry");
            let diagnostic = Diagnostic::new(Code::UndeclaredHost, &draft.url, message, "not declared");
            faults.push(diagnostic.help(format!("add an `[[egress]]` entry with `host = \"{host}\"` and `why`")));
        }
        return None;
    };
    reached.insert(entry.host.value.clone());
    if !entry.ports.contains(&port) {
        let message = format!("`{name}` calls port {port}, which `{}` does not allow", written(&entry.host.value));
        let diagnostic = Diagnostic::new(Code::MissingEgress, &draft.url, message, "port missing");
        faults.push(diagnostic.also(&entry.host.span, "declared here").help(format!("add {port} to the `ports` of the entry")));
    }
    if let (Some(auth), None) = (&draft.auth, exact) {
        let message = format!("`{name}` sends a credential to `{host}`, which only `{}` declares", written(&entry.host.value));
        let diagnostic = Diagnostic::new(Code::WildCredential, auth, message, "sent to this host");
        let diagnostic = diagnostic.also(&entry.host.span, "declared here");
        faults
            .push(diagnostic.help(format!("add an `[[egress]]` entry with `host = \"{host}\"`, so that it is reviewed by name")));
    }
    let host = ir::HostRule::Exact(host.clone());
    Some(ir::Egress { host, ports: vec![port], stand_in: entry.stand_in, why: entry.why.clone() })
}

/// The `[[egress]]` entry that a tool or an upstream names.
pub(super) fn entry(
    host: &At<ir::HostRule>,
    declared: &Egresses,
    reached: &mut Reached,
    faults: &mut Faults,
) -> Option<ir::Egress> {
    if let Some(EgressDraft { host: rule, ports, stand_in, why }) =
        declared.known.iter().find(|entry| entry.host.value == host.value)
    {
        reached.insert(rule.value.clone());
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
fn required_hosts(facts: &Facts, draft: &ToolDraft, declared: &[EgressDraft], faults: &mut Faults) {
    if draft.egress_faulty {
        return;
    }
    let name = facts.name;
    match facts.network {
        Network::None => {}
        Network::Chosen if draft.egress.is_empty() => {
            let diagnostic =
                Diagnostic::new(Code::MissingEgress, &draft.name.span, format!("`{name}` may reach no host"), "needs `egress`");
            faults.push(diagnostic.help("add `egress = [\"api.example.com\"]`, and an `[[egress]]` entry for the host"));
        }
        Network::Chosen => {}
        Network::Fixed(hosts) => {
            let missing: Vec<&str> =
                hosts.iter().copied().filter(|host| !draft.egress.iter().any(|at| covers(&at.value, host))).collect();
            if !missing.is_empty() {
                let message = format!("`{name}` calls {}, but its `egress` does not list it", crate::fields::words(&missing));
                let diagnostic = Diagnostic::new(Code::MissingEgress, &draft.name.span, message, "needs more `egress`");
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
fn needless_hosts(facts: &Facts, draft: &ToolDraft, faults: &mut Faults) {
    let Network::Fixed(hosts) = facts.network else {
        return;
    };
    for at in draft.egress.iter().filter(|at| !hosts.iter().any(|host| covers(&at.value, host))) {
        let message = format!("`{}` never calls `{}`", facts.name, written(&at.value));
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
    let span = draft.base_risk.as_ref().or(draft.threshold.as_ref()).map_or(&draft.name.span, |at| &at.span);
    let message =
        format!("`{}` denies every call: it begins at risk {} and denies at {}", draft.name.value, risk(base), risk(threshold));
    let diagnostic = Diagnostic::new(Code::AlwaysDenied, span, message, "no call can pass");
    faults.push(diagnostic.help("set `base_risk` below `risk_threshold`, or remove the tool"));
}
