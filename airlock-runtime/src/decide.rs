//! The decision: a pure function of policy, call, authority and facts. Tests, replay and the gateway call the same function.

use crate::builtin::Plan;
use crate::call::Args;
use crate::clock::Micros;
use crate::lease::{self, Authority};
use crate::limits::CLOCK_ROLLBACK_S;
use crate::policy::{Builtin, Grant, Policy, Tool};
use crate::reason::{Reason, risk_too_high};
use crate::risk::{self, Risk};

#[cfg(feature = "http")]
use crate::effect::url::{Target, admit};

/// A call with its tool resolved and its carriers taken out.
#[derive(Debug)]
pub struct Call {
    /// Id of the call in the ledger.
    pub id: String,
    /// Tool name as asked for.
    pub name: String,
    /// The table entry, if there is one.
    pub tool: Option<&'static Tool>,
    /// Arguments without carriers.
    pub args: Args,
    /// The same as canonical JSON: what the ledger commits to.
    pub args_bytes: Vec<u8>,
}

/// What the judge knows of the world, read once before deciding.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The clock.
    pub now: Micros,
    /// Time of the newest ledger entry.
    pub newest_entry: Micros,
    /// How often the nodes of the lease were used, in the order of [`Authority`]'s `uses`.
    pub spent: &'a [u64],
    /// Intent hash (hex) that the requested session is pinned to; for issuing only.
    pub pinned_intent: Option<&'a str>,
}

/// A decision with all that the ledger and the caller are told of it.
#[derive(Debug)]
#[must_use]
pub struct Decision {
    /// Allow or deny.
    pub verdict: Verdict,
    /// Score and factors, whatever the verdict.
    pub risk: Risk,
}

/// The verdict.
#[derive(Debug)]
#[must_use]
pub enum Verdict {
    /// The effect may be performed, once, within the permit.
    Allow(Permit),
    /// It may not.
    Deny(Reason),
}

/// Proof that [`decide`] allowed a call, with the terms of the allowance. It can be made nowhere else and is spent by one effect.
#[derive(Debug)]
#[must_use]
pub struct Permit {
    act: Act,
}

/// What a permit allows.
#[derive(Debug)]
pub(crate) enum Act {
    /// Mint a lease of these terms.
    #[cfg(feature = "issue")]
    Issue(crate::builtin::issue::Terms),
    /// Read the newest entries.
    AuditTail(crate::builtin::audit::Tail),
    /// Count.
    UsageStats,
    /// Report.
    ExposureReport(crate::builtin::audit::Exposure),
    /// Fetch one admitted URL.
    #[cfg(feature = "http")]
    HttpGetJson(Target),
    /// Fetch from the two admitted hosts.
    #[cfg(feature = "http")]
    WeatherHourly(crate::builtin::weather_hourly::Plan, Vec<Target>),
}

impl Permit {
    /// Spends the permit.
    pub(crate) fn into_act(self) -> Act {
        self.act
    }
}

/// Decides one call.
///
/// `authority` is the verified lease, or why there is none. The order of checks is that of the lease contract: the lease itself
/// came first; then tool, grant, arguments, hosts, risk; what counts uses comes last, so that a refused call spends nothing.
pub fn decide(policy: &'static Policy, call: &Call, authority: Result<&Authority, &Reason>, facts: &Facts<'_>) -> Decision {
    let risk = assess(call);
    let verdict = match judge(policy, call, authority, &risk, facts) {
        Ok(permit) => Verdict::Allow(permit),
        Err(reason) => Verdict::Deny(reason),
    };
    Decision { verdict, risk }
}

fn judge(
    policy: &'static Policy,
    call: &Call,
    authority: Result<&Authority, &Reason>,
    risk: &Risk,
    facts: &Facts<'_>,
) -> Result<Permit, Reason> {
    let tool = call.tool.ok_or_else(|| Reason::UnknownTool { name: call.name.clone() })?;
    if facts.now.0 + CLOCK_ROLLBACK_S * 1_000_000 < facts.newest_entry.0 {
        return Err(Reason::ClockRollback);
    }
    let authority = match (tool.builtin.needs_lease(), authority) {
        (false, _) => None,
        (true, Ok(authority)) => Some(authority),
        (true, Err(reason)) => return Err(reason.clone()),
    };
    if let Some(authority) = authority {
        within_some_grant(policy.grants, authority)?;
        if !authority.tools().contains(tool.name) {
            return Err(Reason::ToolNotInLease { tool: tool.name });
        }
    }
    let plan = tool.builtin.plan(&call.args).map_err(Reason::Argument)?;
    (tool.check_args)(&call.args).map_err(Reason::Argument)?;
    let act = admit_plan(policy, tool, plan, authority, facts)?;
    if let Some(authority) = authority {
        let request = lease::request_digest(policy.gateway, authority.sid(), tool.name, &call.args);
        if !request.is_ok_and(|digest| authority.permits_call(&digest)) {
            return Err(Reason::CallNotInLease);
        }
        if risk.score > authority.risk() {
            return Err(risk_too_high(risk, authority.risk(), "lease ceiling"));
        }
    }
    if risk.score >= tool.risk_threshold {
        return Err(risk_too_high(risk, tool.risk_threshold, "tool threshold"));
    }
    if let Some(authority) = authority {
        let exhausted = authority.uses().iter().zip(facts.spent).find(|((_, uses), spent)| *spent >= uses);
        if let Some(((_, uses), _)) = exhausted {
            return Err(Reason::UsesExhausted { uses: *uses });
        }
    }
    Ok(Permit { act })
}

/// Score of the call; an unknown tool has no egress and no base.
fn assess(call: &Call) -> Risk {
    let egress = call.tool.map_or(&[][..], |tool| tool.egress);
    risk::score(&risk::Input {
        base: call.tool.map_or(0, |tool| tool.base_risk),
        args: &call.args,
        args_bytes: call.args_bytes.len(),
        listed: &|host| egress.iter().any(|entry| entry.host.covers(host)),
    })
}

/// A lease beyond every grant is refused even if its MAC is right: a stolen key cannot exceed the manifest.
fn within_some_grant(grants: &[Grant], authority: &Authority) -> Result<(), Reason> {
    let of_subject: Vec<_> = grants.iter().filter(|grant| grant.subject == authority.sub()).collect();
    let bounds: Vec<String> = of_subject.iter().filter_map(|grant| beyond(grant, authority)).collect();
    if bounds.len() < of_subject.len() {
        return Ok(());
    }
    let bound = bounds.into_iter().next().unwrap_or_else(|| "the manifest has no grant for this subject".into());
    Err(Reason::BeyondGrant { subject: authority.sub().to_owned(), bound })
}

/// The first bound of `grant` that the root of the lease exceeds.
fn beyond(grant: &Grant, authority: &Authority) -> Option<String> {
    let root = authority.root();
    if let Some(tool) = root.tools.iter().find(|tool| !grant.tools.contains(&tool.as_str())) {
        return Some(format!("the grant does not name the tool {tool}"));
    }
    if let Some(host) = root.dom.iter().find(|host| !covered(grant.domains, host)) {
        return Some(format!("the grant does not name the host {host}"));
    }
    over(grant, root.ttl, root.risk, root.uses)
}

/// The first numeric bound of `grant` that is exceeded.
pub(crate) fn over(grant: &Grant, ttl: u64, risk: u16, uses: u64) -> Option<String> {
    if ttl > grant.max_ttl {
        return Some(format!("a lease of {ttl} seconds, where the grant allows at most {}", grant.max_ttl));
    }
    if risk > grant.max_risk {
        return Some(format!("a risk ceiling of {risk} thousandths, where the grant allows at most {}", grant.max_risk));
    }
    if uses > grant.uses {
        return Some(format!("{uses} uses, where the grant allows at most {}", grant.uses));
    }
    None
}

/// Does some entry of `outer` cover all that the entry `inner` covers?
pub(crate) fn covered(outer: &[&str], inner: &str) -> bool {
    outer.iter().any(|entry| lease::entry_within(inner, entry))
}

/// Turns a plan into the act that a permit will allow; URLs are admitted here, before any look-up.
fn admit_plan(
    policy: &'static Policy,
    tool: &'static Tool,
    plan: Plan,
    authority: Option<&Authority>,
    facts: &Facts<'_>,
) -> Result<Act, Reason> {
    Ok(match plan {
        #[cfg(feature = "issue")]
        Plan::IssueCapability(request) => Act::Issue(crate::builtin::issue::within_grant(policy, request, facts)?),
        Plan::AuditTail(tail) => Act::AuditTail(tail),
        Plan::UsageStats => Act::UsageStats,
        Plan::ExposureReport(exposure) => Act::ExposureReport(exposure),
        #[cfg(feature = "http")]
        Plan::HttpGetJson(plan) => Act::HttpGetJson(admit_url(plan.url(), tool, authority)?),
        #[cfg(feature = "http")]
        Plan::WeatherHourly(plan) => {
            let targets = plan.urls().iter().map(|url| admit_url(url, tool, authority)).collect::<Result<_, _>>()?;
            Act::WeatherHourly(plan, targets)
        }
    })
}
