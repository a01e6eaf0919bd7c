//! What must hold in the ledger when the allow is recorded, over all processes that share it.

use super::Act;
#[cfg(feature = "plan-issue")]
use super::{HOUR_ISSUES_MAX, OPEN_LEASES_MAX, SESSION_ISSUES_MAX};
use crate::lease::{Authority, Rid, Terms};
#[cfg(feature = "plan-issue")]
use crate::lease::{RootClaims, hex};
use crate::ledger::{Holder, Require, Scope};
use crate::policy::{FlowVerdict, Policy, Quota, Tool};

/// The life of the lease and every counter of the chain, root first; for issuing, what [`issue_requirements`] says; then what
/// the policy bounds for the session and for all. Flows that ask come last: nobody is asked about a call that cannot be made.
pub(super) fn of(
    policy: &'static Policy,
    tool: &'static Tool,
    sid: &str,
    act: &Act,
    authority: Option<&Authority>,
) -> Vec<Require> {
    let uses = authority.map_or(&[][..], |authority| &authority.uses);
    let issue = match act {
        #[cfg(feature = "plan-issue")]
        Act::Issue(claims, _) => issue_requirements(claims, "", None),
        Act::AuditTail(_) | Act::UsageStats | Act::ExposureReport(_) => Vec::new(),
        #[cfg(feature = "plan-http")]
        Act::Errand(_) => Vec::new(),
        #[cfg(feature = "plan-upstream")]
        Act::Upstream(..) => Vec::new(),
    };
    let budgets = uses.iter().map(|(rid, uses)| Require::Unspent { rid: rid.text(), uses: *uses });
    let life = authority.map(|authority| [not_revoked(authority), Require::Unexpired(authority.exp)]);
    let mut require: Vec<Require> =
        life.into_iter().flatten().chain(authority.and_then(fresh)).chain(budgets).chain(issue).collect();
    require.extend(room(policy, tool, sid));
    require.extend(flows(policy, tool, sid, FlowVerdict::Deny));
    require.extend(quota(&policy.limits.quota, None, sid));
    require.extend(quota(&tool.quota, Some(tool.name), sid));
    require.extend(flows(policy, tool, sid, FlowVerdict::Ask));
    require
}

/// A lease in bound form is taken once for each nonce of its last node.
fn fresh(authority: &Authority) -> Option<Require> {
    let presentation = authority.presentation()?;
    // Without a node there is no lease; the empty name is one that no lease has.
    let rid = authority.rid.last().map(Rid::text).unwrap_or_default();
    Some(Require::Fresh { rid, nonce: presentation.nonce_text(), ts: presentation.ts })
}

/// Nothing about this lease is revoked. Tested before everything else about it, also when the call is refused for another reason.
#[cfg_attr(not(feature = "gateway"), allow(dead_code, reason = "a judge without a ledger records no denials"))]
pub(crate) fn not_revoked(authority: &Authority) -> Require {
    let Terms { rid, kid, root, .. } = authority.terms();
    Require::NotRevoked(Box::new(Holder {
        rid: rid.iter().map(Rid::text).collect(),
        jti: root.jti_text(),
        sid: root.sid.clone(),
        sub: root.sub.clone(),
        kid: kid.clone(),
        ep: Some(root.ep),
    }))
}

/// What must hold for a lease to be issued: nothing about it is revoked, room for one more of the subject, and the session's intent.
/// Key and epoch are chosen after the decision, and tested again with the issue.
#[cfg(feature = "plan-issue")]
pub(crate) fn issue_requirements(claims: &RootClaims, kid: &str, ep: Option<u64>) -> Vec<Require> {
    let (sid, sub, kid) = (claims.sid.clone(), claims.sub.clone(), kid.to_owned());
    vec![
        Require::NotRevoked(Box::new(Holder { sid, sub, kid, ep, ..Holder::default() })),
        Require::OpenLeases {
            sub: claims.sub.clone(),
            sid: claims.sid.clone(),
            most: OPEN_LEASES_MAX,
            in_session: SESSION_ISSUES_MAX,
            in_hour: HOUR_ISSUES_MAX,
        },
        Require::Intent { sid: claims.sid.clone(), ih: hex(&claims.ih) },
    ]
}

/// A call that adds to a session needs room there; so does one that counts within a period.
fn room(policy: &'static Policy, tool: &'static Tool, sid: &str) -> Option<Require> {
    let counts = |quota: &Quota| quota.session_rate.is_some() || quota.session_calls.is_some();
    let traces = policy.tools.iter().any(|tool| !tool.origins.is_empty());
    let remembers =
        traces || !policy.flows.is_empty() || counts(&policy.limits.quota) || policy.tools.iter().any(|tool| counts(&tool.quota));
    remembers.then(|| Require::Room { sid: sid.to_owned(), tool: tool.name, labels: tool.labels })
}

/// The flows that a call of the tool takes part in. One that asks and that the tool completes alone is asked about without the ledger.
fn flows<'a>(
    policy: &'static Policy,
    tool: &'static Tool,
    sid: &'a str,
    verdict: FlowVerdict,
) -> impl Iterator<Item = Require> + use<'a> {
    let of_verdict = policy.flows.iter().enumerate().filter(move |(_, flow)| flow.verdict == verdict);
    of_verdict.filter_map(move |(at, flow)| {
        let lacks: Vec<&str> = flow.lacks(tool.labels).collect();
        let takes_part = lacks.len() < flow.labels.len();
        let is_settled = lacks.is_empty() && verdict == FlowVerdict::Ask;
        (takes_part && !is_settled).then(|| Require::Flow { sid: sid.to_owned(), lacks, flow: at, verdict })
    })
}

fn quota(quota: &Quota, tool: Option<&'static str>, sid: &str) -> impl Iterator<Item = Require> + use<> {
    let Quota { rate, session_rate, session_calls } = *quota;
    let session = sid.to_owned();
    let budget = session_calls.map(|most| Require::Budget { sid: sid.to_owned(), tool, most });
    let in_session = session_rate.map(|rate| Require::Rate { scope: Scope { sid: Some(session), tool }, rate });
    let in_all = rate.map(|rate| Require::Rate { scope: Scope { sid: None, tool }, rate });
    budget.into_iter().chain(in_session).chain(in_all)
}
