//! Which line of the manifest decides a call.

use super::{Judge, Ruling};
use crate::cases::Expect;
use crate::places::{Line, Places, Step, steps};
use crate::render::Failure;
use airlock_policy::definitions::Definition;
use airlock_policy::ir::{ArgRule, Flow, FlowVerdict, Grant, Offer, Policy, Proxied, Tool, ToolKind};
use airlock_runtime::call::Args;
use airlock_runtime::reason::Reason;
use serde_json::Value;

/// The tool that issues leases.
const ISSUE_TOOL: &str = "airlock_issue_capability";

/// What was called, as far as a manifest speaks of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Called<'a> {
    /// Tool.
    pub(crate) tool: &'a str,
    /// Its arguments.
    pub(crate) args: &'a Args,
    /// Whose lease it carried.
    pub(crate) subject: Option<&'a str>,
}

impl Judge<'_> {
    /// The line that decides, where there is one: a fault of the lease itself has none.
    ///
    /// # Errors
    /// See [`super::rules`].
    pub(crate) fn line(&self, places: &Places<'_>, called: &Called<'_>, ruling: &Ruling) -> Result<Option<Line>, Failure> {
        let paths = self.paths(places, called, ruling)?;
        let whole = paths.iter().find(|path| places.has(path));
        Ok(whole.or(paths.first()).and_then(|path| places.line(path)))
    }

    /// Places that may decide, the likeliest first.
    fn paths(&self, places: &Places<'_>, called: &Called<'_>, ruling: &Ruling) -> Result<Vec<Vec<Step>>, Failure> {
        let policy = self.policy;
        let tool = called.tool;
        let of_tool = |key: &str| of_tool(policy, tool, &[key]);
        let grant = |key: &str| grant_at(policy, called, key);
        if ruling.verdict == Expect::Ask {
            let traced = self.policy.tools.iter().find(|known| known.name == tool).map_or(&[][..], |known| &known.origins);
            let asking = traced.iter().filter(|origin| ruling.origins.contains(&origin.arg.as_str()));
            return Ok([
                asking.flat_map(|origin| origin_paths(policy, tool, &origin.arg)).collect(),
                vec![of_tool("approval")],
                ruling.flows.iter().map(|at| steps!["flow", *at, "ask"]).collect(),
                grant("issue"),
            ]
            .concat());
        }
        Ok(match &ruling.reason {
            Reason::Ok => grant("tools"),
            Reason::UnknownTool { .. } => vec![steps!["tools"], steps!["upstreams"]],
            Reason::ArgumentsTooLarge { .. } => vec![steps!["limits", "max_arguments"]],
            Reason::CarrierRefused { .. } => vec![steps!["lease", "carriers"], steps!["lease"]],
            Reason::BeyondGrant { .. } => grant("subject"),
            Reason::ToolNotInLease { .. } => grant("tools"),
            Reason::HostNotInLease { .. } => grant("domains"),
            Reason::UsesExhausted { .. } => grant("uses"),
            Reason::Argument(fault) => self.rule_paths(places, called, fault.arg)?,
            Reason::Provenance { origin, .. } => origin_paths(policy, tool, origin.arg),
            Reason::HostNotAllowed { .. } => vec![of_tool("egress"), self::of_tool(policy, tool, &["http", "url"])],
            Reason::UrlRefused { .. } => vec![of_tool("egress")],
            Reason::RiskTooHigh { bound, .. } => match *bound {
                "lease ceiling" => [grant("max_risk"), vec![steps!["risk", "threshold"]]].concat(),
                _ => vec![of_tool("risk_threshold"), steps!["risk", "threshold"], self::of_tool(policy, tool, &[])],
            },
            Reason::FlowDenied { labels, why } => {
                let is_it =
                    |flow: &Flow| flow.verdict == FlowVerdict::Deny && flow.why == *why && flow.labels.iter().eq(labels.iter());
                let flow = policy.flows.iter().position(is_it);
                flow.map(|at| steps!["flow", at, "deny"]).into_iter().collect()
            }
            Reason::RateExceeded { scope, .. } => {
                let key = if scope.sid.is_some() { "session_rate" } else { "rate" };
                vec![limit(policy, scope.tool, key)]
            }
            Reason::SessionBudgetSpent { tool, .. } => vec![limit(policy, *tool, "session_calls")],
            Reason::Approval(_) | Reason::Unsigned { .. } => vec![of_tool("approval")],
            Reason::DefinitionDrift { .. } => vec![of_tool("pin")],
            Reason::LeaseMissing
            | Reason::ContextMissing
            | Reason::CarrierConflict
            | Reason::CarrierShape { .. }
            | Reason::LeaseInArguments
            | Reason::Lease(_)
            | Reason::Intent(_)
            | Reason::ClockRollback
            | Reason::CallNotInLease
            | Reason::SessionPinned
            | Reason::SessionTooWide
            | Reason::TooManyLeases
            | Reason::TooManySessions
            | Reason::Revoked { .. }
            | Reason::RevocationsStale
            | Reason::Killed
            | Reason::Replayed
            | Reason::ReplayCacheFull
            | Reason::LedgerUnavailable => Vec::new(),
        })
    }

    /// The rule that refuses an argument. Without one the tool itself does, and its section is shown.
    fn rule_paths(&self, places: &Places<'_>, called: &Called<'_>, arg: &str) -> Result<Vec<Vec<Step>>, Failure> {
        let Some(tool) = self.policy.tools.iter().find(|tool| tool.name == called.tool) else { return Ok(Vec::new()) };
        let refusing = refusing(tool, called.args)?.into_iter().find(|(argument, _)| tool.args[*argument].arg == arg);
        let sections = ["args", "input"].map(|key| of_tool(self.policy, &tool.name, &[key, arg]));
        let Some((argument, number)) = refusing else {
            return Ok([&sections[1..], &[of_tool(self.policy, &tool.name, &[])]].concat());
        };
        let key = key(&tool.args[argument].rules[number]);
        let mut paths: Vec<Vec<Step>> = Vec::new();
        for section in sections {
            let with = |more: &str| [section.as_slice(), &[Step::from(more)]].concat();
            let set = places.string(&section).or_else(|| places.string(&with("use")));
            paths.push(with(key));
            paths.extend(set.map(|set| steps!["args", set.as_str(), key]));
        }
        Ok(paths)
    }
}

/// The rules of a tool that refuse these arguments, by argument and number.
///
/// # Errors
/// See [`super::rules`].
pub(crate) fn refusing(tool: &Tool, args: &Args) -> Result<Vec<(usize, usize)>, Failure> {
    Ok(super::rules(tool)?.into_iter().filter(|(_, rule)| rule.check(args).is_err()).map(|(place, _)| place).collect())
}

/// A key of the first grant of the subject that names the tool, else of its first grant. Who asks for a lease is the subject in the
/// arguments, and the tools are those that the lease is asked for.
fn grant_at(policy: &Policy, called: &Called<'_>, key: &str) -> Vec<Vec<Step>> {
    let asks = called.tool == ISSUE_TOOL;
    let subject = if asks { called.args.get("subject").and_then(Value::as_str) } else { called.subject };
    let wanted: Vec<&str> = match called.args.get("tools").and_then(Value::as_array).filter(|_| asks) {
        Some(tools) => tools.iter().filter_map(Value::as_str).collect(),
        None => vec![called.tool],
    };
    let of_subject = |grant: &&Grant| subject == Some(grant.subject.as_str());
    let names_all = |grant: &Grant| wanted.iter().all(|wanted| grant.tools.iter().any(|tool| tool == wanted));
    let naming = policy.grants.iter().position(|grant| of_subject(&grant) && names_all(grant));
    let any = policy.grants.iter().position(|grant| of_subject(&grant));
    naming.or(any).map(|at| vec![steps!["grant", at, key], steps!["grant", at]]).unwrap_or_default()
}

/// A key in the section of a tool, or the section itself: tools of upstreams stand under their own names there.
pub(crate) fn of_tool(policy: &Policy, name: &str, keys: &[&str]) -> Vec<Step> {
    let proxied = policy.tools.iter().find(|tool| tool.name == name).and_then(|tool| match &tool.kind {
        ToolKind::Upstream(proxied) => Some(proxied),
        ToolKind::Builtin(_) | ToolKind::Rest(_) => None,
    });
    let section = match proxied {
        Some(proxied) => {
            let (table, own) = place_of(proxied);
            steps!["upstreams", proxied.upstream.as_str(), table, own.as_str()]
        }
        None => steps!["tools", name],
    };
    section.into_iter().chain(keys.iter().map(|key| Step::from(*key))).collect()
}

/// Where what an upstream offers stands in its section: the table, and the key in it.
pub(crate) fn place_of(proxied: &Proxied) -> (&'static str, String) {
    let table = match proxied.what {
        Offer::Tool => "tools",
        Offer::Resource => "resources",
        Offer::Prompt => "prompts",
        Offer::Completion => "completions",
        Offer::Subscription => "subscriptions",
    };
    // The key of a resource is not what the upstream calls it.
    let definition = Definition::of(&proxied.definition).ok();
    (table, definition.map_or_else(|| proxied.tool.clone(), |definition| definition.name().to_owned()))
}

/// Where the rule stands about where an argument comes from.
fn origin_paths(policy: &Policy, tool: &str, arg: &str) -> Vec<Vec<Step>> {
    ["args", "input"].map(|place| of_tool(policy, tool, &[place, arg, "from"])).into()
}

fn limit(policy: &Policy, tool: Option<&str>, key: &str) -> Vec<Step> {
    match tool {
        Some(tool) => of_tool(policy, tool, &["limits", key]),
        None => steps!["limits", key],
    }
}

/// The key of a rule in the manifest.
pub(crate) const fn key(rule: &ArgRule) -> &'static str {
    match rule {
        ArgRule::OneOf(_) => "one_of",
        ArgRule::Prefix(_) => "prefix",
        ArgRule::Suffix(_) => "suffix",
        ArgRule::MinLength(_) => "min_length",
        ArgRule::MaxLength(_) => "max_length",
        ArgRule::Min(_) => "min",
        ArgRule::Max(_) => "max",
        ArgRule::Matches(_) => "matches",
        ArgRule::Under(_) => "under",
        ArgRule::HostIn(_) => "host_in",
        ArgRule::MaxItems(_) => "max_items",
        ArgRule::Forbid => "forbid",
    }
}
