//! Shadow mode: calls that would be refused are recorded as that, and made all the same where that is safe.

use super::Gateway;
use crate::account::Context;
use crate::decide::{Permit, let_through};
use crate::ledger::{self, Allowed, LedgerError};
use crate::policy::{EffectClass, Mode, Policy};
use crate::reason::Reason;
use crate::reply::{self, Judged};

/// How the name of such a session begins.
const NAMELESS: &str = "shadow-";

/// A session for the calls of this process that name none, so that a reader of the ledger can keep connections apart.
pub(super) fn nameless(policy: &Policy) -> String {
    match policy.mode {
        Mode::Enforce => String::new(),
        Mode::Shadow => format!("{NAMELESS}{}", reply::call_id()),
    }
}

/// A call that is about to be made.
pub(super) struct Passed {
    pub(super) permit: Permit,
    pub(super) allowed: Allowed,
    /// Its session, where that is remembered.
    pub(super) session: Option<String>,
    /// Why it would have been refused, where it is let through.
    pub(super) shadow: Option<Reason>,
}

impl Gateway {
    /// Gives a call that names no session the one of this process. No condition is tested for it.
    pub(super) fn name<'a>(&'a self, context: &mut Context<'a>) {
        if context.sid.is_empty() {
            context.sid = &self.nameless;
        }
    }

    /// Records a refusal. In shadow mode the call is made all the same, if that is safe; otherwise it is answered with the refusal.
    pub(super) async fn let_through(&self, context: &Context<'_>, reason: Reason) -> Result<Passed, Judged> {
        let policy = self.world.policy;
        let Some(permit) = let_through(policy, context.call, context.authority, &reason, self.drift(context.call)) else {
            return Err(self.deny(context, reason).await);
        };
        let reason = self.unremembered(context, reason).await;
        let effect = context.call.tool.map_or(EffectClass::Send, |tool| tool.effect);
        let entry = ledger::Decision { hosts: permit.hosts(), ..context.entry(&reason) };
        match self.world.ledger.let_through(entry, effect, permit.require().to_vec()).await {
            Ok(allowed) => Ok(Passed { permit, allowed, session: None, shadow: Some(reason) }),
            Err(LedgerError::Unmet(unmet)) => Err(self.deny(context, Reason::of_unmet(&unmet, &[], policy)).await),
            Err(_) => Err(Judged::unrecorded(context.risk.score)),
        }
    }
}
