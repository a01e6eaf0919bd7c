//! Refusals: each is recorded, and told with the reason that comes first.

use super::Gateway;
use crate::account::Context;
use crate::decide::{Problem, not_revoked};
use crate::ledger::{Entry, LedgerError, Require, Sync, Unmet};
use crate::reason::Reason;
use crate::reply::Judged;

impl Gateway {
    /// Records a refusal and answers with it. That the lease is revoked comes before every other reason about it.
    pub(super) async fn deny(&self, context: &Context<'_>, reason: Reason) -> Judged {
        let reason = self.unremembered(context, reason).await;
        let revocation = context.authority.filter(|_| !matches!(reason, Reason::Revoked { .. })).map(not_revoked);
        let entry = Entry::Decision(context.entry(&reason));
        let denied = |seq, reason| Judged::Denied { seq, risk: context.risk.score, reason };
        match self.world.ledger.record_if(&entry, Sync::Written, revocation.into_iter().collect()).await {
            Err(LedgerError::Unmet(unmet)) => {
                let revoked = Reason::of_unmet(&unmet, &[], self.world.policy);
                match self.world.ledger.record(&Entry::Decision(context.entry(&revoked)), Sync::Written).await {
                    Ok(recorded) => denied(Some(recorded.seq()), revoked),
                    Err(LedgerError::Folded) => denied(None, revoked),
                    Err(_) => Judged::unrecorded(context.risk.score),
                }
            }
            Ok(recorded) => denied(Some(recorded.seq()), reason),
            // One of so many that it is only counted; the client is told the reason all the same.
            Err(LedgerError::Folded) => denied(None, reason),
            Err(_) => Judged::unrecorded(context.risk.score),
        }
    }

    /// A scope that was not recorded is to be recorded the next time.
    pub(super) fn forget(&self, context: &Context<'_>) {
        if let Some(rid) = context.rid.last().filter(|_| context.scope.is_some()) {
            self.seen.borrow_mut().remove(rid);
        }
    }

    /// A value that was not seen may have been, in a call that another process made or this one before a restart; then the refusal says so.
    pub(super) async fn unremembered(&self, context: &Context<'_>, reason: Reason) -> Reason {
        let (Reason::Provenance { origin, kind, problem: Problem::Unseen }, Some(authority)) = (&reason, context.authority)
        else {
            return reason;
        };
        let calls = self.memory.borrow().allowed(&authority.root.sid);
        let remembered = Require::Remembered { sid: authority.root.sid.clone(), calls };
        match self.world.ledger.test(vec![remembered]).await {
            Err(LedgerError::Unmet(Unmet::Forgotten(_))) => Reason::Provenance { origin, kind: *kind, problem: Problem::Unknown },
            Ok(()) | Err(_) => reason,
        }
    }
}
