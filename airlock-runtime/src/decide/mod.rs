//! The decision: a pure function of policy, call, authority and facts. Tests, replay, `airlock explain` and the gateway call the same
//! function.

mod admit;
mod check;
mod grants;
mod origin;
mod require;
mod shadow;

pub use check::{Check, Traced};
#[cfg(feature = "gateway")]
pub(crate) use grants::listed;
#[cfg(feature = "plan-issue")]
pub(crate) use grants::{covered, over};
pub use origin::Problem;
pub(crate) use origin::sentence;
#[cfg(feature = "issue")]
pub(crate) use require::issue_requirements;
#[cfg(feature = "gateway")]
pub(crate) use require::not_revoked;
pub use shadow::{Fate, let_through};

use crate::approve::{Approved, Quorum};
use crate::builtin;
use crate::call::Call;
use crate::clock::Micros;
#[cfg(all(feature = "gateway", feature = "plan-issue"))]
use crate::json::json;
#[cfg(feature = "plan-issue")]
use crate::lease::RootClaims;
use crate::lease::{self, Authority, LeaseFault};
use crate::ledger::Require;
use crate::limits::{CLOCK_ROLLBACK_S, RISK_MAX};
use crate::memory::Seen;
use crate::policy::origin::Source;
use crate::policy::{Approval, FlowVerdict, Policy, Signatures, Tool};
use crate::reason::{Reason, risk_too_high};
use crate::risk::{self, Risk};
use crate::upstream::Drift;
use check::Steps;

/// Most unexpired leases that one subject may have issued to itself. Agents open sessions by the dozen; and whoever asks for a
/// lease needs none, so without a bound one client takes the room that the ledger has for the sessions of all.
pub const OPEN_LEASES_MAX: usize = 256;

/// Most leases that one subject may have issued to itself in one session within an hour: one a minute, and some for retries.
pub const SESSION_ISSUES_MAX: usize = 64;
/// Most leases that one subject may have issued to itself within an hour, over all sessions. Leases of a minute would pass
/// [`OPEN_LEASES_MAX`] without end, and every issue is a synced entry of the ledger.
pub const HOUR_ISSUES_MAX: usize = 1024;

/// What the judge knows of the world, read once before deciding.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The clock.
    pub now: Micros,
    /// Time of the newest ledger entry.
    pub newest_entry: Micros,
    /// How the tool's definition at its upstream differs from the reviewed one, as far as is known: an upstream that was not started
    /// yet has said nothing.
    pub drift: Option<Drift>,
    /// What the session of the call has seen.
    pub seen: Seen<'a>,
}

/// The decision.
#[derive(Debug)]
#[must_use]
pub enum Decision {
    /// The effect may be performed, once, within the permit.
    Allow(Permit),
    /// It may be performed after the connected user accepted it.
    Ask(Ask),
    /// It may not.
    Deny(Reason),
}

/// Proof that [`decide`] allowed a call, with the terms of the allowance. It can be made nowhere else and is spent by one effect.
///
/// What only the ledger can know across processes (budgets, labels of the session, its intent) is demanded here and tested by the
/// ledger under its lock, in the same step that records the allow.
#[derive(Debug)]
#[must_use]
pub struct Permit {
    #[cfg_attr(not(feature = "gateway"), allow(dead_code, reason = "a judge without effects never opens an act"))]
    act: Box<Act>,
    require: Vec<Require>,
    /// Who must have signed.
    signatures: Vec<Quorum>,
    origins: Vec<(&'static str, Source)>,
    /// Arguments about whose values the user is asked, because they do not come from where they may.
    asked: Vec<&'static str>,
}

/// What a permit allows.
#[derive(Debug)]
#[cfg_attr(
    not(all(feature = "http", feature = "issue", feature = "upstream")),
    allow(dead_code, reason = "a judge without an effect never opens its act")
)]
pub(crate) enum Act {
    /// Mint a lease of these terms.
    #[cfg(feature = "plan-issue")]
    Issue(Box<RootClaims>, crate::policy::Issue),
    /// Read the newest entries.
    AuditTail(crate::builtin::audit::Tail),
    /// Count.
    UsageStats,
    /// Report.
    ExposureReport(crate::builtin::audit::Exposure),
    /// Do what a tool does that reaches the network.
    #[cfg(feature = "plan-http")]
    Errand(Errand),
    /// Forward one call to an upstream.
    #[cfg(feature = "plan-upstream")]
    Upstream(crate::upstream::Plan, Tempo),
}

/// A call of a tool that reaches the network, as it was judged. Whoever makes it plans it anew from the arguments.
#[cfg(feature = "plan-http")]
#[derive(Debug)]
#[cfg_attr(not(feature = "http"), allow(dead_code, reason = "a judge without requests sends nobody"))]
pub(crate) struct Errand {
    /// The tool.
    pub(crate) tool: &'static Tool,
    /// As [`Call::args_bytes`].
    pub(crate) arguments: Vec<u8>,
    /// Hosts that were admitted: one, or two.
    pub(crate) hosts: Vec<String>,
}

/// Seconds for each request of an act, with its name lookup; for a call of an upstream, seconds for all of it.
#[cfg(any(feature = "plan-http", feature = "plan-upstream"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    not(any(feature = "http", feature = "upstream")),
    allow(dead_code, reason = "a judge without requests needs no time for them")
)]
pub(crate) struct Tempo(pub(crate) u64);

impl Permit {
    /// What must hold in the ledger for the allow to be recorded.
    #[must_use]
    pub fn require(&self) -> &[Require] {
        &self.require
    }

    /// Arguments whose values may come from some sources only, each with the weakest source that one of its values needed.
    #[must_use]
    pub fn origins(&self) -> &[(&'static str, Source)] {
        &self.origins
    }

    /// Arguments whose values the user accepted instead.
    #[must_use]
    pub fn asked(&self) -> &[&'static str] {
        &self.asked
    }

    /// Expiry of the lease that the permit would issue, unix seconds.
    #[must_use]
    pub fn issues_until(&self) -> Option<u64> {
        match &*self.act {
            #[cfg(feature = "plan-issue")]
            Act::Issue(claims, _) => Some(claims.exp),
            Act::AuditTail(_) | Act::UsageStats | Act::ExposureReport(_) => None,
            #[cfg(feature = "plan-http")]
            Act::Errand(_) => None,
            #[cfg(feature = "plan-upstream")]
            Act::Upstream(..) => None,
        }
    }

    /// The lease that the permit would issue and the way it comes about, for calls that nobody made. No gateway has it.
    #[cfg(feature = "explain")]
    pub(crate) fn issuing(&self) -> Option<(&RootClaims, crate::policy::Issue)> {
        match &*self.act {
            Act::Issue(claims, how) => Some((claims, *how)),
            Act::AuditTail(_) | Act::UsageStats | Act::ExposureReport(_) => None,
            Act::Errand(_) | Act::Upstream(..) => None,
        }
    }

    /// Hosts that the effect may reach: none, one, or two.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        match &*self.act {
            #[cfg(feature = "plan-issue")]
            Act::Issue(..) => Vec::new(),
            Act::AuditTail(_) | Act::UsageStats | Act::ExposureReport(_) => Vec::new(),
            #[cfg(feature = "plan-http")]
            Act::Errand(errand) => errand.hosts.clone(),
            // What the foreign program reaches is bounded by its own confinement, not by the call.
            #[cfg(feature = "plan-upstream")]
            Act::Upstream(..) => Vec::new(),
        }
    }

    /// Terms of the lease that the permit would issue, in the words of the tool's result; empty if it issues none. They hold what the
    /// manifest fills in where the call says nothing.
    #[cfg(feature = "gateway")]
    fn issues(&self) -> Vec<(&'static str, serde_json::Value)> {
        match &*self.act {
            #[cfg(feature = "plan-issue")]
            Act::Issue(claims, _) => {
                let RootClaims { sub, sid, ih: _, tools, dom, risk, uses, dep: _, ep: _, iat, nbf: _, exp } = &**claims;
                vec![
                    ("subject", json!(sub)),
                    ("session_id", json!(sid)),
                    ("tools", json!(tools)),
                    ("domains", json!(dom)),
                    ("max_risk", json!(f64::from(*risk) / f64::from(RISK_MAX))),
                    ("uses", json!(uses)),
                    ("ttl_seconds", json!(exp.saturating_sub(*iat))),
                ]
            }
            Act::AuditTail(_) | Act::UsageStats | Act::ExposureReport(_) => Vec::new(),
            #[cfg(feature = "plan-http")]
            Act::Errand(_) => Vec::new(),
            #[cfg(feature = "plan-upstream")]
            Act::Upstream(..) => Vec::new(),
        }
    }

    /// Spends the permit.
    #[cfg_attr(not(feature = "gateway"), allow(dead_code, reason = "a judge without effects never opens an act"))]
    pub(crate) fn into_act(self) -> Act {
        *self.act
    }
}

/// A call that somebody has to approve: the connected user, approvers elsewhere, or both.
#[derive(Debug)]
#[must_use]
pub struct Ask {
    /// Why the connected user: the reasons of the manifest that demand it.
    pub because: Vec<String>,
    /// Digest of the call: session, tool and arguments. An approval is for exactly this.
    pub digest: [u8; 32],
    permit: Permit,
}

impl Ask {
    /// Who must sign.
    #[must_use]
    pub fn signatures(&self) -> &[Quorum] {
        &self.permit.signatures
    }

    /// Everything that is asked for, in words: the reasons of the manifest, then who must sign.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        let signed = self.permit.signatures.iter().map(|quorum| format!("signed by {}", quorum.words()));
        self.because.iter().cloned().chain(signed).collect()
    }

    /// The permit, if this is the yes to exactly this call, of everybody who has to say it. The flows that the user was asked about are settled with it; one that
    /// came to ask since is not.
    #[must_use]
    pub fn approved(self, approved: &Approved) -> Option<Permit> {
        let Permit { act, require, signatures, origins, asked } = self.permit;
        if !approved.covers(&self.digest, !self.because.is_empty(), &signatures) {
            return None;
        }
        let is_settled = |require: &Require| require.asking_flow().is_some_and(|flow| approved.settles(flow));
        let require = require.into_iter().filter(|require| !is_settled(require)).collect();
        Some(Permit { act, require, signatures, origins, asked })
    }

    /// The permit as if the user had accepted whatever would be asked, for calls that nobody made. No gateway has it.
    #[cfg(feature = "explain")]
    pub(crate) fn supposed(self) -> Permit {
        let Permit { act, require, signatures, origins, asked } = self.permit;
        let require = require.into_iter().filter(|require| require.asking_flow().is_none()).collect();
        Permit { act, require, signatures, origins, asked }
    }

    /// The permit as if those had signed who must; what else would be asked is still asked. For calls that nobody made. No gateway has it.
    #[cfg(feature = "explain")]
    pub(crate) fn signed(self) -> Permit {
        self.permit
    }

    /// Arguments that are asked about because their values do not come from where they may.
    #[must_use]
    pub fn origins(&self) -> &[&'static str] {
        &self.permit.asked
    }

    /// Terms of the lease that a yes would issue; empty if it issues none.
    #[cfg(feature = "gateway")]
    pub(crate) fn issues(&self) -> Vec<(&'static str, serde_json::Value)> {
        self.permit.issues()
    }

    /// What must hold in the ledger, approved or not.
    #[must_use]
    pub fn require(&self) -> &[Require] {
        &self.permit.require
    }
}

/// Decides one call.
///
/// `authority` is the verified lease, or why there is none; `risk` is that of [`assess`]. The order of checks is that of the lease
/// contract: the lease itself came first; then tool, grant, arguments, hosts, risk; what counts uses comes last, so that a refused call
/// spends nothing.
pub fn decide(
    policy: &'static Policy,
    call: &Call,
    authority: Result<&Authority, &Reason>,
    risk: &Risk,
    facts: &Facts<'_>,
) -> Decision {
    verdict(policy, call, authority, judge(policy, call, authority, risk, facts, &mut Steps::unseen()))
}

/// Decides as [`decide`] does, and tells every check on the way, up to the first that refuses.
pub fn trace(
    policy: &'static Policy,
    call: &Call,
    authority: Result<&Authority, &Reason>,
    risk: &Risk,
    facts: &Facts<'_>,
) -> Traced {
    let mut steps = Steps::seen();
    let judged = judge(policy, call, authority, risk, facts, &mut steps);
    Traced { checks: steps.into_checks(), decision: verdict(policy, call, authority, judged) }
}

/// A judged call whose user has to be asked, for what the ledger found: the question is the same as of a tool that always asks.
///
/// # Errors
/// The arguments have no digest.
pub fn ask(
    policy: &'static Policy,
    call: &Call,
    authority: Option<&Authority>,
    permit: Permit,
    because: Vec<String>,
) -> Result<Ask, Reason> {
    let tool = call.tool.map_or("", |tool| tool.name);
    let sid = sid(call, authority);
    let digest = lease::request_digest(policy.gateway, sid, tool, &call.args).map_err(|fault| Reason::no_digest(&fault))?;
    Ok(Ask { because, digest, permit })
}

/// The session of a call: that of its lease. Who asks for a lease names the session that it is for, whatever lease comes along.
#[must_use]
pub fn sid<'a>(call: &'a Call, authority: Option<&'a Authority>) -> &'a str {
    let sid = match call.tool.is_some_and(|tool| !tool.needs_lease()) {
        true => call.args.get("session_id").and_then(serde_json::Value::as_str),
        false => authority.map(|authority| authority.root.sid.as_str()),
    };
    sid.unwrap_or_default()
}

/// A permit, and why the user must be asked before it is spent.
type Judged = Result<(Permit, Vec<String>), Reason>;

fn verdict(policy: &'static Policy, call: &Call, authority: Result<&Authority, &Reason>, judged: Judged) -> Decision {
    match judged {
        Ok((permit, because)) if because.is_empty() && permit.signatures.is_empty() => Decision::Allow(permit),
        Ok((permit, because)) => match ask(policy, call, authority.ok(), permit, because) {
            Ok(ask) => Decision::Ask(ask),
            Err(reason) => Decision::Deny(reason),
        },
        Err(reason) => Decision::Deny(reason),
    }
}

fn judge(
    policy: &'static Policy,
    call: &Call,
    authority: Result<&Authority, &Reason>,
    risk: &Risk,
    facts: &Facts<'_>,
    steps: &mut Steps,
) -> Judged {
    let tool = call.tool.ok_or_else(|| Reason::UnknownTool { name: call.name.clone() });
    let tool = steps.take("tool", tool, |tool| format!("{} is compiled in", tool.name))?;
    steps
        .hold("arguments_size", !call.is_oversized(policy), || Reason::ArgumentsTooLarge { most: policy.limits.max_arguments })?;
    let is_behind = facts.now.0.saturating_add(CLOCK_ROLLBACK_S * 1_000_000) < facts.newest_entry.0;
    steps.hold("clock", !is_behind, || Reason::ClockRollback)?;
    let authority = match (tool.needs_lease(), authority) {
        (false, _) => None,
        (true, Ok(authority)) => Some(authority),
        (true, Err(reason)) => return steps.take("lease", Err(reason.clone()), |_| String::new()),
    };
    if let Some(authority) = authority {
        steps.passed("lease", || format!("of {} for the session {}", authority.root.sub, authority.root.sid));
        let grant = grants::within_some(policy.grants, authority);
        steps.take("grant", grant, |grant| grant.why.to_owned())?;
        let names_tool = authority.permits_tool(tool.name);
        steps.hold("lease_tool", names_tool, || Reason::ToolNotInLease { tool: tool.name })?;
    }
    if let Some(drift) = facts.drift {
        steps.take("definition", Err(Reason::DefinitionDrift { tool: tool.name, drift }), |()| String::new())?;
    }
    let plan = builtin::plan(tool, &call.args).map_err(Reason::Argument);
    let plan = steps.take("arguments", plan, |_| "as the tool's schema says".to_owned())?;
    let rules = crate::call::check(tool.rules, &call.args).map_err(Reason::Argument);
    steps.take("argument_rules", rules, |()| "every rule holds".to_owned())?;
    let admitted = admit::plan(policy, (tool, call), plan, authority, facts, steps)?;
    if let Some(authority) = authority {
        if authority.names_call() {
            let request = lease::request_digest(policy.gateway, &authority.root.sid, tool.name, &call.args);
            let is_that = request.is_ok_and(|digest| authority.permits_call(&digest));
            steps.hold("lease_call", is_that, || Reason::CallNotInLease)?;
        }
        steps.hold("lease_risk", risk.score <= authority.risk, || risk_too_high(risk, authority.risk, "lease ceiling"))?;
    }
    steps.hold("risk", risk.score < tool.risk_threshold, || risk_too_high(risk, tool.risk_threshold, "tool threshold"))?;
    let traced = origin::check(tool, &call.args, &facts.seen, steps)?;
    let mut because = questions(policy, tool, admitted.asked);
    let (asked, asks): (Vec<_>, Vec<_>) = traced.asks.into_iter().unzip();
    because.extend(asks);
    let signatures = quorums(policy, tool, authority, risk);
    let signatures = steps.take("approval", signatures, |signatures| asked_words(&because, signatures))?;
    let require = require::of(policy, tool, sid(call, authority), &admitted.act, authority);
    Ok((Permit { require, act: Box::new(admitted.act), signatures, origins: traced.satisfied, asked }, because))
}

/// Why the user must be asked whatever the session did before.
fn questions(policy: &'static Policy, tool: &'static Tool, of_grant: Option<&'static str>) -> Vec<String> {
    let of_tool = tool.approval.map(|Approval::Human| tool.why);
    let alone = policy.flows.iter().filter(|flow| flow.verdict == FlowVerdict::Ask && flow.lacks(tool.labels).next().is_none());
    of_tool.into_iter().chain(of_grant).chain(alone.map(|flow| flow.why)).map(str::to_owned).collect()
}

/// Who must sign a call: those whom its tool asks, and those whom the lease demands at this risk. A lease that demands more than this
/// gateway has is good for no such call.
fn quorums(
    policy: &'static Policy,
    tool: &'static Tool,
    authority: Option<&Authority>,
    risk: &Risk,
) -> Result<Vec<Quorum>, Reason> {
    let of_tool = tool.signatures.map(|Signatures { count, of, within }| Quorum { count: count.into(), of: of.to_vec(), within });
    let demanded = authority.map_or(&[][..], |authority| &authority.approvals);
    let of_lease = demanded.iter().filter(|appr| appr.n > 0 && risk.score >= appr.r).map(|appr| {
        let of: Vec<&str> =
            policy.approvers.iter().map(|approver| approver.name).filter(|name| appr.k.iter().any(|k| k == name)).collect();
        let count = usize::try_from(appr.n).unwrap_or(usize::MAX);
        match count <= of.len() && appr.ttl > 0 {
            true => Ok(Quorum { count, of, within: appr.ttl }),
            false => Err(Reason::Lease(LeaseFault::Approval)),
        }
    });
    of_tool.map(Ok).into_iter().chain(of_lease).collect()
}

fn asked_words(because: &[String], signatures: &[Quorum]) -> String {
    let signed = signatures.iter().map(|quorum| format!("signed by {}", quorum.words()));
    let asked = (!because.is_empty()).then(|| format!("asked: {}", because.join("; ")));
    let words: Vec<String> = asked.into_iter().chain(signed).collect();
    if words.is_empty() { "not needed".into() } else { words.join("; ") }
}

/// The risk of a call from its arguments; an unknown tool has no egress and no base. Factors that the tool ignores count nothing.
#[must_use]
pub fn assess(call: &Call) -> Risk {
    let egress = call.tool.map_or(&[][..], |tool| tool.egress);
    weighed(
        call,
        risk::score(&risk::Input {
            base: call.tool.map_or(0, |tool| tool.base_risk),
            args: &call.args,
            args_bytes: call.args_bytes.len(),
            listed: &|host| egress.iter().any(|entry| entry.host.covers(host)),
        }),
    )
}

/// The risk of a call that is supposed to have these factors beside the base of its tool, weighed like any other. No gateway has it.
#[cfg(feature = "explain")]
pub(crate) fn supposed_risk(call: &Call, factors: &[(String, u16)]) -> Risk {
    weighed(call, risk::supposed(call.tool.map_or(0, |tool| tool.base_risk), factors))
}

/// Without the factors that the tool ignores.
fn weighed(call: &Call, mut risk: Risk) -> Risk {
    let ignored = call.tool.map_or(&[][..], |tool| tool.ignored);
    if !ignored.is_empty() {
        (risk.ignored, risk.factors) = risk.factors.into_iter().partition(|factor| ignored.contains(&factor.name));
        risk.score = risk.factors.iter().fold(0u16, |sum, factor| sum.saturating_add(factor.points)).min(RISK_MAX);
    }
    risk
}

#[cfg(test)]
#[cfg(all(feature = "plan-http", feature = "plan-issue"))]
mod tests;
