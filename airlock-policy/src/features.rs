//! Which parts of the runtime a policy needs; what it does not need is not in the gateway's binary.

use crate::ir::{ArgRule, Builtin, Issue, Net, Policy, ToolKind, Upstream};

/// Cargo features of `airlock-runtime` for this policy, sorted: `gateway` always, `upstream` for foreign servers, `http` for a tool or a foreign server that reaches the network,
/// `issue` for a tool or a grant that signs leases, `plan-http` (which `http` includes) for a rule that reads hosts.
#[must_use]
pub fn features(policy: &Policy) -> Vec<&'static str> {
    let is_proxied = |upstream: &Upstream| upstream.confine.as_ref().is_some_and(|confine| matches!(confine.net, Net::Proxy(_)));
    let http = policy.tools.iter().any(|tool| reaches_network(&tool.kind)) || policy.upstreams.iter().any(is_proxied);
    let issue_tool = policy.tools.iter().any(|tool| tool.kind == ToolKind::Builtin(Builtin::AirlockIssueCapability));
    let issue = issue_tool || policy.grants.iter().any(|grant| grant.issue != Issue::Operator);
    let rules = policy.tools.iter().flat_map(|tool| &tool.args).flat_map(|of_arg| &of_arg.rules);
    let hosts = !http && rules.into_iter().any(|rule| matches!(rule, ArgRule::HostIn(_)));
    [("gateway", true), ("http", http), ("issue", issue), ("plan-http", hosts), ("upstream", !policy.upstreams.is_empty())]
        .into_iter()
        .filter(|(_, needed)| *needed)
        .map(|(name, _)| name)
        .collect()
}

const fn reaches_network(kind: &ToolKind) -> bool {
    match kind {
        ToolKind::Rest(_) | ToolKind::Builtin(Builtin::HttpGetJson | Builtin::WeatherHourly) => true,
        ToolKind::Builtin(
            Builtin::AirlockIssueCapability
            | Builtin::AirlockAuditTail
            | Builtin::AirlockUsageStats
            | Builtin::AirlockExposureReport,
        )
        | ToolKind::Upstream(_) => false,
    }
}
