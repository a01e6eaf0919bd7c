//! Minting a lease that the judge allowed. The lease is given to the caller alone: the ledger gets its public id.

use super::{Failure, Outcome, Product, World};
use crate::clock::Micros;
use crate::decide::issue_requirements;
use crate::json::json;
use crate::lease::inspect::inspect;
use crate::lease::{RootClaims, hex, mint};
use crate::ledger::{Entry, Issue, LedgerError, Recorded, Require, Sync};
use crate::policy;
use crate::reason::Reason;
use serde_json::Value;

/// Mints with the key that signs now and records the issue before the lease leaves the gateway.
pub(super) async fn perform(claims: &RootClaims, how: policy::Issue, world: &World) -> Outcome {
    let result = issue(claims, how, world).await;
    Outcome { result: result.map(Product::Own), hosts: Vec::new(), commit: false }
}

async fn issue(claims: &RootClaims, how: policy::Issue, world: &World) -> Result<Value, Failure> {
    let failed = |code, detail: String| Failure { code, detail: format!("No lease was issued: {detail}.") };
    // An epoch that was raised meanwhile refuses this issue, and the next request has the new one.
    let claims = &RootClaims { ep: world.ledger.epoch(), ..claims.clone() };
    let key = world.keys.signer(claims.iat);
    let key =
        key.ok_or_else(|| failed("no_key", "none of the gateway's keys signs at this time; see `airlock key show`".into()))?;
    let mut jti = [0; 16];
    getrandom::fill(&mut jti).map_err(|fault| failed("no_random", fault.to_string()))?;
    let lease = mint(key, claims, jti).map_err(|fault| failed("mint", fault.to_string()))?;
    let rid = inspect(&lease).map_err(|fault| failed("mint", fault.to_string()))?.rid;
    let ih = hex(&claims.ih);
    let entry = Entry::Issue(Issue::of(claims, &ih, &rid, key.kid(), how.word()));
    // Two requests may have passed the decision together; pin and count change with this line, so they are tested with it.
    let always = [Require::NotKilled, Require::Clock];
    let require = always.into_iter().chain(issue_requirements(claims, key.kid(), Some(claims.ep))).collect();
    // The record allows this lease to leave; it is spent here.
    let _: Recorded = match world.ledger.record_if(&entry, Sync::Durable, require).await {
        Ok(recorded) => recorded,
        Err(LedgerError::Unmet(unmet)) => {
            let reason = Reason::of_unmet(&unmet, &[], world.policy);
            return Err(Failure { code: reason.code(), detail: reason.detail() });
        }
        Err(fault) => return Err(failed("ledger", fault.to_string())),
    };
    Ok(json!({
        "lease": lease,
        "lease_id": rid,
        "subject": claims.sub,
        "session_id": claims.sid,
        "tools": claims.tools,
        "domains": claims.dom,
        "max_risk": f64::from(claims.risk) / 1000.0,
        "uses": claims.uses,
        "expires_at": Micros(claims.exp.saturating_mul(1_000_000)).rfc3339(),
    }))
}
