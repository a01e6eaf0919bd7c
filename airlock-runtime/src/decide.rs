//! The decision: a pure function of policy, call, authority and facts. Tests, replay and the gateway call the same function.

use crate::approve::{Approved, Refusal};
use crate::builtin::Plan;
use crate::call::Args;
use crate::clock::Micros;
#[cfg(feature = "plan-issue")]
use crate::lease::RootClaims;
use crate::lease::{self, Authority};
use crate::ledger::Require;
use crate::limits::CLOCK_ROLLBACK_S;
use crate::policy::{Grant, Policy, Tool};
use crate::reason::{Reason, risk_too_high};
use crate::risk::{self, Risk};

#[cfg(feature = "plan-http")]
use crate::egress::url::{Target, UrlFault, UrlRules, admit};

/// Most unexpired leases that one subject may have issued to itself. Agents open sessions by the dozen; and whoever asks for a
/// lease needs none, so without a bound one client takes the room that the ledger has for the sessions of all.
pub const OPEN_LEASES_MAX: usize = 256;

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
pub struct Facts {
    /// The clock.
    pub now: Micros,
    /// Time of the newest ledger entry.
    pub newest_entry: Micros,
}

/// The decision.
#[derive(Debug)]
#[must_use]
pub enum Decision {
    /// The effect may be performed, once, within the permit.
    Allow(Permit),
    /// It may be if the user says yes to exactly this call.
    Ask(Ask),
    /// It may not.
    Deny(Reason),
}

/// Proof that [`decide`] allowed a call, with the terms of the allowance. It can be made nowhere else and is spent by one effect.
///
/// What only the ledger can know across processes (budgets, the session's intent) is demanded here and tested by the ledger
/// under its lock, in the same step that records the allow.
#[derive(Debug)]
#[must_use]
pub struct Permit {
    #[cfg_attr(not(feature = "gateway"), allow(dead_code, reason = "a judge without effects never opens an act"))]
    act: Box<Act>,
    require: Vec<Require>,
}

/// What a permit allows.
#[derive(Debug)]
#[cfg_attr(
    not(all(feature = "http", feature = "issue")),
    allow(dead_code, reason = "a judge without an effect never opens its act")
)]
#[cfg_attr(feature = "plan-http", expect(clippy::large_enum_variant, reason = "one value for each call, boxed by its permit"))]
pub(crate) enum Act {
    /// Mint a lease of these terms.
    #[cfg(feature = "plan-issue")]
    Issue(Box<RootClaims>),
    /// Read the newest entries.
    AuditTail(crate::builtin::audit::Tail),
    /// Count.
    UsageStats,
    /// Report.
    ExposureReport(crate::builtin::audit::Exposure),
    /// Fetch one admitted URL.
    #[cfg(feature = "plan-http")]
    HttpGetJson(Target),
    /// Fetch from the two admitted hosts.
    #[cfg(feature = "plan-http")]
    WeatherHourly(crate::builtin::weather_hourly::Plan, [Target; 2]),
}

/// A permit that lacks the user's yes.
#[derive(Debug)]
#[must_use]
pub struct Ask {
    permit: Permit,
    why: String,
    request: [u8; 32],
}

impl Decision {
    /// The decision once the user said yes: to exactly this call, or it is none.
    pub fn approved(self, approved: &Approved) -> Self {
        match self {
            Self::Ask(ask) => match ask.approve(approved) {
                Ok(permit) => Self::Allow(permit),
                Err(reason) => Self::Deny(reason),
            },
            Self::Allow(_) | Self::Deny(_) => self,
        }
    }
}

impl Ask {
    /// Why the user is asked.
    #[must_use]
    pub fn why(&self) -> &str {
        &self.why
    }

    /// Digest of tool and arguments in their session.
    #[must_use]
    pub const fn request(&self) -> &[u8; 32] {
        &self.request
    }

    /// The permit, if this is the yes to exactly this call.
    ///
    /// # Errors
    /// It is the yes to another call.
    fn approve(self, approved: &Approved) -> Result<Permit, Reason> {
        if approved.covers(&self.request) { Ok(self.permit) } else { Err(Reason::Approval(Refusal::Answered)) }
    }
}

impl Permit {
    /// What must hold in the ledger for the allow to be recorded.
    #[must_use]
    pub fn require(&self) -> &[Require] {
        &self.require
    }

    /// Spends the permit.
    #[cfg_attr(not(feature = "gateway"), allow(dead_code, reason = "a judge without effects never opens an act"))]
    pub(crate) fn into_act(self) -> Act {
        *self.act
    }
}

/// Decides one call.
///
/// `authority` is the verified lease, or why there is none; `risk` is that of [`assess`]. The order of checks is that of the lease contract: the lease itself
/// came first; then tool, grant, arguments, hosts, risk; what counts uses comes last, so that a refused call spends nothing.
pub fn decide(
    policy: &'static Policy,
    call: &Call,
    authority: Result<&Authority, &Reason>,
    risk: &Risk,
    facts: &Facts,
) -> Decision {
    match judge(policy, call, authority, risk, facts) {
        Ok(permit) => match call.tool.filter(|tool| tool.why.contains("HACK")) {
            Some(tool) => {
                let sid = authority.map_or("", |authority| authority.sid.as_str());
                match lease::request_digest(policy.gateway, sid, tool.name, &call.args) {
                    Ok(request) => Decision::Ask(Ask { permit, why: "each call of this tool needs an approval".into(), request }),
                    Err(_) => Decision::Deny(Reason::CallNotInLease),
                }
            }
            None => Decision::Allow(permit),
        },
        Err(reason) => Decision::Deny(reason),
    }
}

fn judge(
    policy: &'static Policy,
    call: &Call,
    authority: Result<&Authority, &Reason>,
    risk: &Risk,
    facts: &Facts,
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
        if !authority.permits_tool(tool.name) {
            return Err(Reason::ToolNotInLease { tool: tool.name });
        }
    }
    let plan = tool.builtin.plan(&call.args).map_err(Reason::Argument)?;
    tool.check_args.check(&call.args).map_err(Reason::Argument)?;
    let act = admit_plan(policy, tool, plan, authority, facts)?;
    if let Some(authority) = authority {
        if authority.names_call() {
            let request = lease::request_digest(policy.gateway, &authority.sid, tool.name, &call.args);
            if !request.is_ok_and(|digest| authority.permits_call(&digest)) {
                return Err(Reason::CallNotInLease);
            }
        }
        if risk.score > authority.risk {
            return Err(risk_too_high(risk, authority.risk, "lease ceiling"));
        }
    }
    if risk.score >= tool.risk_threshold {
        return Err(risk_too_high(risk, tool.risk_threshold, "tool threshold"));
    }
    Ok(Permit { require: requirements(&act, authority), act: Box::new(act) })
}

/// The life of the lease and every counter of the chain, root first; for issuing, what [`issue_requirements`] says.
fn requirements(act: &Act, authority: Option<&Authority>) -> Vec<Require> {
    let uses = authority.map_or(&[][..], |authority| &authority.uses);
    let issue = match act {
        #[cfg(feature = "plan-issue")]
        Act::Issue(claims) => issue_requirements(claims),
        Act::AuditTail(_) | Act::UsageStats | Act::ExposureReport(_) => Vec::new(),
        #[cfg(feature = "plan-http")]
        Act::HttpGetJson(_) | Act::WeatherHourly(..) => Vec::new(),
    };
    let budgets = uses.iter().map(|(rid, uses)| Require::Unspent { rid: rid.clone(), uses: *uses });
    let life = authority.map(|authority| Require::Unexpired(authority.exp));
    life.into_iter().chain(budgets).chain(issue).collect()
}

/// What must hold for a lease to be issued: room for one more of the subject, and the session's intent.
#[cfg(feature = "plan-issue")]
pub(crate) fn issue_requirements(claims: &RootClaims) -> Vec<Require> {
    vec![
        Require::OpenLeases { sub: claims.sub.clone(), most: OPEN_LEASES_MAX },
        Require::Intent { sid: claims.sid.clone(), ih: lease::hex(&claims.ih) },
    ]
}

/// The risk of a call from its arguments; an unknown tool has no egress and no base.
#[must_use]
pub fn assess(call: &Call) -> Risk {
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
    let of_subject: Vec<_> = grants.iter().filter(|grant| grant.subject == authority.sub).collect();
    let bounds: Vec<String> = of_subject.iter().filter_map(|grant| beyond(grant, authority)).collect();
    if bounds.len() < of_subject.len() {
        return Ok(());
    }
    let bound = bounds.into_iter().next().unwrap_or_else(|| "the manifest has no grant for this subject".into());
    Err(Reason::BeyondGrant { subject: authority.sub.clone(), bound })
}

/// The first bound of `grant` that the root of the lease exceeds.
fn beyond(grant: &Grant, authority: &Authority) -> Option<String> {
    let root = &authority.root;
    if let Some(tool) = root.tools.iter().find(|tool| !grant.tools.contains(&tool.as_str())) {
        return Some(format!("the grant does not name the tool {tool}"));
    }
    if let Some(host) = root.dom.iter().find(|host| !covered(grant.domains, host)) {
        return Some(format!("the grant does not name the host {host}"));
    }
    over(grant, root.exp.saturating_sub(root.iat), root.risk, root.uses)
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
#[cfg_attr(
    not(all(feature = "plan-http", feature = "plan-issue")),
    expect(unused_variables, reason = "a gateway without these tools needs less to decide")
)]
fn admit_plan(
    policy: &'static Policy,
    tool: &'static Tool,
    plan: Plan,
    authority: Option<&Authority>,
    facts: &Facts,
) -> Result<Act, Reason> {
    Ok(match plan {
        #[cfg(feature = "plan-issue")]
        Plan::IssueCapability(request) => Act::Issue(Box::new(crate::builtin::issue::within_grant(policy, &request, facts.now)?)),
        Plan::AuditTail(tail) => Act::AuditTail(tail),
        Plan::UsageStats => Act::UsageStats,
        Plan::ExposureReport(exposure) => Act::ExposureReport(exposure),
        #[cfg(feature = "plan-http")]
        Plan::HttpGetJson(plan) => Act::HttpGetJson(admit_url(plan.url(), tool, authority)?),
        #[cfg(feature = "plan-http")]
        Plan::WeatherHourly(plan) => {
            let [geocoding, forecast] = plan.urls();
            let targets = [admit_url(geocoding, tool, authority)?, admit_url(forecast, tool, authority)?];
            Act::WeatherHourly(plan, targets)
        }
    })
}

/// Admits one URL: well-formed, https, a host of the tool's egress, and one that the lease covers.
#[cfg(feature = "plan-http")]
fn admit_url(url: &str, tool: &'static Tool, authority: Option<&Authority>) -> Result<Target, Reason> {
    let target = admit(url, &UrlRules::https(tool.egress)).map_err(|fault| match fault {
        UrlFault::HostNotListed(host) => Reason::HostNotAllowed { host, tool: tool.name },
        other => Reason::UrlRefused { problem: other.to_string() },
    })?;
    if authority.is_some_and(|authority| authority.permits_host(target.host())) {
        Ok(target)
    } else {
        Err(Reason::HostNotInLease { host: target.host().to_owned() })
    }
}

#[cfg(test)]
#[cfg(all(feature = "plan-http", feature = "plan-issue"))]
mod tests;
