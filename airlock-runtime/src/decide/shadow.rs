//! Shadow mode: which refused calls are made all the same. What [`super::decide`] says of a call is not changed by it.

use super::Permit;
#[cfg(feature = "plan-upstream")]
use super::require::not_revoked;
#[cfg(feature = "plan-upstream")]
use super::{Act, Tempo};
use crate::approve::Refusal;
#[cfg(feature = "plan-upstream")]
use crate::builtin::{self, Plan};
use crate::call::Call;
use crate::lease::Authority;
use crate::policy::{Mode, Policy};
use crate::reason::Reason;
use crate::upstream::Drift;

/// What shadow mode does with a refused call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is recorded, and made all the same.
    Through,
    /// It is refused as in any other gateway.
    Held,
}

impl Fate {
    /// The word in the documentation.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Through => "through",
            Self::Held => "held",
        }
    }

    /// What becomes of a call that is refused for this reason: held is what cannot be done, what an operator or a user stopped, what would
    /// hand on a lease, and what reaches the network by the gateway itself.
    #[must_use]
    pub fn of(reason: &Reason) -> Self {
        match reason {
            Reason::Approval(refusal) => Self::of_approval(*refusal),
            Reason::LeaseMissing
            | Reason::ContextMissing
            | Reason::Lease(_)
            | Reason::Intent(_)
            | Reason::BeyondGrant { .. }
            | Reason::ToolNotInLease { .. }
            | Reason::Argument(_)
            | Reason::Provenance { .. }
            | Reason::CallNotInLease
            | Reason::RiskTooHigh { .. }
            | Reason::Replayed
            | Reason::ReplayCacheFull
            | Reason::UsesExhausted { .. }
            | Reason::SessionPinned
            | Reason::TooManyLeases
            | Reason::TooManySessions
            | Reason::FlowDenied { .. }
            | Reason::RateExceeded { .. }
            | Reason::SessionBudgetSpent { .. }
            | Reason::SessionTooWide => Self::Through,
            Reason::Ok
            | Reason::UnknownTool { .. }
            | Reason::CarrierRefused { .. }
            | Reason::CarrierConflict
            | Reason::CarrierShape { .. }
            | Reason::LeaseInArguments
            | Reason::ClockRollback
            | Reason::UrlRefused { .. }
            | Reason::HostNotAllowed { .. }
            | Reason::HostNotInLease { .. }
            | Reason::Revoked { .. }
            | Reason::RevocationsStale
            | Reason::Killed
            | Reason::ArgumentsTooLarge { .. }
            | Reason::DefinitionDrift { .. }
            | Reason::Unsigned { .. }
            | Reason::LedgerUnavailable => Self::Held,
        }
    }

    /// Nobody could be asked, and the call goes through; somebody was, and did not say yes, and it does not.
    const fn of_approval(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Required
            | Refusal::NotDeclared
            | Refusal::NoSuchRevision
            | Refusal::Failed
            | Refusal::TooMany
            | Refusal::TooLarge => Self::Through,
            Refusal::Refused
            | Refusal::Timeout
            | Refusal::Withdrawn
            | Refusal::State(_)
            | Refusal::Answered
            | Refusal::Signed(_) => Self::Held,
        }
    }
}

/// The permit of a refused call that shadow mode lets through. Whatever else stands against the call is looked at again, because a
/// refusal names the first reason alone: the tool is an upstream's, its definition is the reviewed one, its schema takes the arguments, and
/// they are not too large. That nothing is killed or revoked, and that the clock is right, the ledger tests when it records. What is revoked later
/// ends what goes on after its call, as in any other gateway: that is in what the permit requires.
#[must_use]
#[cfg_attr(not(feature = "plan-upstream"), allow(unused_variables, reason = "a gateway without upstreams lets nothing through"))]
pub fn let_through(
    policy: &'static Policy,
    call: &Call,
    authority: Option<&Authority>,
    reason: &Reason,
    drift: Option<Drift>,
) -> Option<Permit> {
    if policy.mode != Mode::Shadow || Fate::of(reason) != Fate::Through || drift.is_some() || call.is_oversized(policy) {
        return None;
    }
    #[cfg(feature = "plan-upstream")]
    {
        let tool = call.tool?;
        let Ok(Plan::Upstream(plan)) = builtin::plan(tool, &call.args) else { return None };
        let act = Box::new(Act::Upstream(plan, Tempo(tool.timeout)));
        let require = authority.map(not_revoked).into_iter().collect();
        Some(Permit { act, require, signatures: Vec::new(), origins: Vec::new(), asked: Vec::new() })
    }
    #[cfg(not(feature = "plan-upstream"))]
    None
}
