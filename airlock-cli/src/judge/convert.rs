//! A checked policy as the constants of a gateway that nobody builds: what the generator writes as code, made at run time.
//!
//! The runtime decides over `&'static` data, so it is leaked, once for each policy that a command judges. Every struct of the IR is
//! taken apart with all its fields.

use super::foreign;
use crate::render::Failure;
use airlock_policy::automaton::Dfa;
use airlock_policy::ir;
use airlock_runtime::call;
use airlock_runtime::policy as rt;
use airlock_runtime::policy::evidence::Evidence;
use std::collections::HashMap;

/// The constants of the gateway that this policy would be compiled to.
///
/// # Errors
/// A value that no checked policy has.
pub(super) fn policy(policy: &ir::Policy, digest: [u8; 32]) -> Result<&'static rt::Policy, Failure> {
    // The language version decided how the manifest was read, requirements held when it was.
    let ir::Policy {
        airlock: _,
        gateway,
        keys,
        lease,
        ledger,
        limits,
        sandbox,
        approvers,
        upstreams,
        tools,
        flows,
        grants,
        requires: _,
    } = policy;
    let ir::Gateway { name, instructions, mode } = gateway;
    let index: HashMap<String, usize> = tools.iter().enumerate().map(|(at, tool)| (tool.name.clone(), at)).collect();
    let policy = rt::Policy {
        gateway: text(name),
        instructions: text(instructions),
        mode: match mode {
            ir::Mode::Enforce => rt::Mode::Enforce,
            ir::Mode::Shadow => rt::Mode::Shadow,
        },
        digest,
        compiled_by: env!("CARGO_PKG_VERSION"),
        keys: list(keys.iter().map(key).collect::<Result<_, _>>()?),
        lease: lease_rules(lease),
        ledger: ledger_rules(ledger),
        limits: self::limits(limits)?,
        sandbox: self::sandbox(sandbox),
        approvers: list(approvers.iter().map(approver).collect::<Result<_, _>>()?),
        tools: list(tools.iter().map(|tool| self::tool(tool, upstreams)).collect::<Result<_, _>>()?),
        tool_index: rt::ToolIndex(Box::leak(Box::new(move |name: &str| index.get(name).copied()))),
        upstreams: list(upstreams.iter().map(foreign::upstream).collect()),
        flows: list(flows.iter().map(flow).collect()),
        grants: list(grants.iter().map(grant).collect()),
    };
    Ok(Box::leak(Box::new(policy)))
}

pub(super) fn text(text: &str) -> &'static str {
    text.to_owned().leak()
}

pub(super) fn list<T>(list: Vec<T>) -> &'static [T] {
    list.leak()
}

fn texts(all: &[String]) -> &'static [&'static str] {
    list(all.iter().map(|one| text(one)).collect())
}

/// What a checked policy cannot have.
pub(super) fn impossible(what: &str) -> Failure {
    Failure::new(format_args!("this policy has {what}, which no checked policy has"))
}

fn key(key: &ir::Key) -> Result<rt::Key, Failure> {
    let ir::Key { kid, commitment } = key;
    let pinned = |hex: &String| {
        let digit = |at: usize| hex.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let bytes: Option<Vec<u8>> = (0..16).step_by(2).map(digit).collect();
        bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| impossible("a commitment that is not 16 hex digits"))
    };
    Ok(rt::Key { kid: text(kid), commitment: commitment.as_ref().map(pinned).transpose()? })
}

fn approver(approver: &ir::Approver) -> Result<rt::Approver, Failure> {
    let ir::Approver { name, key, why: _ } = approver;
    let key = airlock_policy::approver_key(key).ok_or_else(|| impossible("an approver without a key"))?;
    Ok(rt::Approver { name: text(name), key })
}

const fn lease_rules(lease: &ir::Lease) -> rt::LeaseRules {
    let ir::Lease { default_ttl, max_ttl, carrier_meta, carrier_arguments, carrier_ambient } = lease;
    rt::LeaseRules {
        default_ttl: *default_ttl,
        max_ttl: *max_ttl,
        carrier_meta: *carrier_meta,
        carrier_arguments: *carrier_arguments,
        carrier_ambient: *carrier_ambient,
    }
}

fn ledger_rules(ledger: &ir::Ledger) -> rt::LedgerRules {
    // Nothing is recorded here, so nothing is kept.
    let ir::Ledger { dir_env, dir_default, durability, evidence: _, redact: _, keep_evidence: _ } = ledger;
    let durability = match durability {
        ir::Durability::Power => rt::Durability::Power,
        ir::Durability::Effect => rt::Durability::Effect,
        ir::Durability::Process => rt::Durability::Process,
    };
    rt::LedgerRules {
        dir_env: dir_env.as_deref().map(text),
        dir_default: text(dir_default),
        durability,
        evidence: Evidence::HASHES,
    }
}

fn sandbox(sandbox: &ir::Sandbox) -> rt::Sandbox {
    let ir::Sandbox { allow_missing, unconfined, why: _ } = sandbox;
    let part = |part: &ir::Part| match part {
        ir::Part::Landlock => rt::Part::Landlock,
        ir::Part::Seccomp => rt::Part::Seccomp,
    };
    rt::Sandbox { allow_missing: list(allow_missing.iter().map(part).collect()), unconfined: *unconfined }
}

fn limits(limits: &ir::Limits) -> Result<rt::Limits, Failure> {
    let ir::Limits { max_arguments, in_flight, timeout, approval_timeout, step_ups, quota } = limits;
    Ok(rt::Limits {
        max_arguments: *max_arguments,
        in_flight: usize::try_from(*in_flight).map_err(|_| impossible("more open calls than this machine can count"))?,
        timeout: *timeout,
        approval_timeout: *approval_timeout,
        step_ups: *step_ups,
        quota: self::quota(quota),
    })
}

fn quota(quota: &ir::Quota) -> rt::Quota {
    let ir::Quota { rate, session_rate, session_calls } = quota;
    let bound = |ir::Rate { calls, seconds }: ir::Rate| rt::Rate { calls, seconds };
    rt::Quota { rate: rate.map(bound), session_rate: session_rate.map(bound), session_calls: *session_calls }
}

fn flow(flow: &ir::Flow) -> rt::Flow {
    let ir::Flow { labels, verdict, why } = flow;
    let verdict = match verdict {
        ir::FlowVerdict::Deny => rt::FlowVerdict::Deny,
        ir::FlowVerdict::Ask => rt::FlowVerdict::Ask,
    };
    rt::Flow { labels: texts(labels), verdict, why: text(why) }
}

fn grant(grant: &ir::Grant) -> rt::Grant {
    let ir::Grant { subject, tools, issue, domains, max_ttl, max_risk, uses, why } = grant;
    let issue = match issue {
        ir::Issue::Operator => rt::Issue::Operator,
        ir::Issue::SelfService => rt::Issue::SelfService,
        ir::Issue::Human => rt::Issue::Human,
    };
    rt::Grant {
        subject: text(subject),
        tools: texts(tools),
        issue,
        domains: texts(domains),
        max_ttl: *max_ttl,
        max_risk: *max_risk,
        uses: *uses,
        why: text(why),
    }
}

fn tool(tool: &ir::Tool, upstreams: &[ir::Upstream]) -> Result<rt::Tool, Failure> {
    let ir::Tool {
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
        quota,
        timeout,
        why,
    } = tool;
    let effect = match effect {
        ir::EffectClass::Read => rt::EffectClass::Read,
        ir::EffectClass::Write => rt::EffectClass::Write,
        ir::EffectClass::Send => rt::EffectClass::Send,
    };
    let rules = rules(tool)?.into_iter().map(|(_, rule)| rule).collect();
    // Which factors count nothing is told by name; why stands in the manifest.
    let ignored = ignored.iter().map(|ir::IgnoredFactor { factor, why: _ }| text(factor)).collect();
    Ok(rt::Tool {
        name: text(name),
        why: text(why),
        kind: super::request::kind(kind, args, upstreams)?,
        effect,
        risk_threshold: *risk_threshold,
        base_risk: *base_risk,
        ignored: list(ignored),
        egress: list(egress.iter().map(self::egress).collect()),
        rules: list(rules),
        origins: list(origins.iter().map(origin).collect()),
        trusted: *trusted,
        result: form(*result),
        strict: *strict,
        labels: texts(labels),
        approval: approval.map(|ir::Approval::Human| rt::Approval::Human),
        signatures: signatures.as_ref().map(|ir::Signatures { count, of, within }| rt::Signatures {
            count: *count,
            of: texts(of),
            within: *within,
        }),
        quota: self::quota(quota),
        timeout: *timeout,
    })
}

const fn form(form: ir::Form) -> rt::origin::Form {
    match form {
        ir::Form::Text => rt::origin::Form::Text,
        ir::Form::Json => rt::origin::Form::Json,
        ir::Form::Yaml => rt::origin::Form::Printed(&airlock_runtime::memory::YAML),
        ir::Form::Csv => rt::origin::Form::Printed(&airlock_runtime::memory::CSV),
        ir::Form::Table => rt::origin::Form::Printed(&airlock_runtime::memory::TABLE),
    }
}

fn origin(origin: &ir::Origin) -> rt::origin::Origin {
    let ir::Origin { arg, look, from, otherwise } = origin;
    let look = self::look(*look);
    let from: Vec<rt::origin::Source> = from
        .iter()
        .map(|source| match source {
            ir::Source::Intent => rt::origin::Source::Intent,
            ir::Source::Trusted => rt::origin::Source::Trusted,
            ir::Source::Structured => rt::origin::Source::Structured,
            ir::Source::Screened => rt::origin::Source::Screened,
            ir::Source::Text => rt::origin::Source::Text,
        })
        .collect();
    let otherwise = match otherwise {
        ir::Otherwise::Deny => rt::origin::Otherwise::Deny,
        ir::Otherwise::Ask => rt::origin::Otherwise::Ask,
    };
    rt::origin::Origin {
        arg: text(arg),
        look,
        from: rt::origin::Sources::of(&from),
        otherwise,
        by: &airlock_runtime::memory::TRACING,
    }
}

/// A reading, as the runtime has it.
pub(crate) const fn look(look: ir::Look) -> rt::origin::Look {
    match look {
        ir::Look::Whole(kind) => rt::origin::Look::Whole(kind_of(kind)),
        ir::Look::Inside => rt::origin::Look::Inside,
    }
}

const fn kind_of(kind: ir::ValueKind) -> rt::origin::ValueKind {
    match kind {
        ir::ValueKind::Email => rt::origin::ValueKind::Email,
        ir::ValueKind::Iban => rt::origin::ValueKind::Iban,
        ir::ValueKind::Url => rt::origin::ValueKind::Url,
        ir::ValueKind::Host => rt::origin::ValueKind::Host,
        ir::ValueKind::Path => rt::origin::ValueKind::Path,
        ir::ValueKind::Id => rt::origin::ValueKind::Id,
        ir::ValueKind::Name => rt::origin::ValueKind::Name,
        ir::ValueKind::Amount => rt::origin::ValueKind::Amount,
        ir::ValueKind::Date => rt::origin::ValueKind::Date,
    }
}

pub(super) fn egress(egress: &ir::Egress) -> rt::Egress {
    let ir::Egress { host, ports, stand_in, why: _ } = egress;
    rt::Egress { host: host_rule(host), ports: list(ports.clone()), stand_in: *stand_in }
}

fn host_rule(rule: &ir::HostRule) -> rt::HostRule {
    match rule {
        ir::HostRule::Exact(name) => rt::HostRule::Exact(text(name)),
        ir::HostRule::OneLabel(parent) => rt::HostRule::OneLabel(text(parent)),
        ir::HostRule::AnyPublic => rt::HostRule::AnyPublic,
    }
}

/// A rule with its place: argument and number.
pub(crate) type Placed = ((usize, usize), call::Rule);

/// The rules of a tool in the order in which a gateway checks them, each with the place it has: argument and number.
///
/// # Errors
/// A pattern that does not compile.
pub(crate) fn rules(tool: &ir::Tool) -> Result<Vec<Placed>, Failure> {
    let mut placed = Vec::new();
    for (argument, ir::ArgRules { arg, rules }) in tool.args.iter().enumerate() {
        for (number, rule) in rules.iter().enumerate() {
            placed.push(((argument, number), call::Rule { arg: text(arg), demand: demand(is_number(tool, arg), rule)? }));
        }
    }
    Ok(placed)
}

fn demand(is_number: bool, rule: &ir::ArgRule) -> Result<call::Demand, Failure> {
    Ok(match rule {
        ir::ArgRule::OneOf(accepted) => call::Demand::OneOf(texts(accepted)),
        ir::ArgRule::Prefix(start) => call::Demand::Prefix(text(start)),
        ir::ArgRule::Suffix(end) => call::Demand::Suffix(text(end)),
        ir::ArgRule::MinLength(least) => call::Demand::MinLength(*least),
        ir::ArgRule::MaxLength(most) => call::Demand::MaxLength(*most),
        ir::ArgRule::Min(least) if is_number => call::Demand::MinNumber(*least),
        ir::ArgRule::Max(most) if is_number => call::Demand::MaxNumber(*most),
        ir::ArgRule::Min(least) => call::Demand::Min(*least),
        ir::ArgRule::Max(most) => call::Demand::Max(*most),
        ir::ArgRule::Matches(expression) => call::Demand::Matches(pattern(expression)?),
        ir::ArgRule::Under(root) => call::Demand::Under(text(root)),
        ir::ArgRule::HostIn(hosts) => call::Demand::HostIn(list(hosts.iter().map(host_rule).collect())),
        ir::ArgRule::MaxItems(most) => call::Demand::MaxItems(*most),
        ir::ArgRule::Forbid => call::Demand::Forbid,
    })
}

/// Is the argument one that takes fractions?
fn is_number(tool: &ir::Tool, arg: &str) -> bool {
    match &tool.kind {
        ir::ToolKind::Rest(rest) => rest.input.iter().any(|input| input.name == arg && input.kind == ir::InputKind::Number),
        ir::ToolKind::Builtin(_) => false,
        ir::ToolKind::Upstream(proxied) => {
            proxied.arguments.iter().any(|argument| argument.name == arg && argument.kind == ir::ArgumentKind::Number)
        }
    }
}

fn pattern(expression: &str) -> Result<&'static call::Pattern, Failure> {
    let dfa = Dfa::of_pattern(expression).map_err(|_| impossible("a pattern that does not compile"))?;
    let classes: [u8; 256] = dfa.classes().try_into().map_err(|_| impossible("a pattern without a class for each byte"))?;
    Ok(Box::leak(Box::new(call::Pattern {
        text: text(expression),
        classes: Box::leak(Box::new(classes)),
        width: dfa.width(),
        next: list(dfa.table().iter().flat_map(|state| state.to_le_bytes()).collect()),
        accept: text(&dfa.accepting().iter().map(|accepts| if *accepts { '1' } else { '0' }).collect::<String>()),
    })))
}
