//! The entry that an issue leaves in the gateway's ledger.

use crate::render::Failure;
use airlock_runtime::lease::inspect::inspect;
use airlock_runtime::lease::{AudienceKey, RootClaims};
use airlock_runtime::ledger::{Entry, Holder, Issue, Ledger, LedgerError, Require, Sync, Unmet};
use std::path::Path;

/// Opens the ledger of the gateway that the lease is for.
///
/// # Errors
/// There is none in the directory, it is another gateway's, or it cannot be written.
pub(super) fn join(dir: &Path, gateway: &str, digest: Option<&[u8; 32]>) -> Result<Ledger, Failure> {
    let ledger = Ledger::join(dir, digest).map_err(unusable)?;
    if ledger.origin() == gateway {
        return Ok(ledger);
    }
    Err(Failure::new(format_args!("{} is the ledger of {:?}, and the lease is for {gateway:?}", dir.display(), ledger.origin())))
}

/// Records the issue before the lease is printed. The operator is not held to the limits of an agent that issues to itself, but a
/// session keeps its intent, and what is revoked is not issued.
///
/// # Errors
/// The session is pinned to another intent, or subject, session, key or epoch are revoked (exit 1); or the ledger cannot be written.
pub(super) fn record(ledger: &Ledger, key: &AudienceKey, claims: &RootClaims, text: &str) -> Result<(), Failure> {
    let seen = inspect(text).map_err(Failure::new)?;
    let ih: String = claims.ih.iter().map(|byte| format!("{byte:02x}")).collect();
    let entry = Entry::Issue(Issue::of(claims, &ih, &seen.rid, key.kid(), "operator"));
    let holder = Holder {
        rid: vec![seen.rid.clone()],
        jti: seen.root.jti_text(),
        sid: claims.sid.clone(),
        sub: claims.sub.clone(),
        kid: key.kid().to_owned(),
        ep: Some(claims.ep),
    };
    let pinned = Require::Intent { sid: claims.sid.clone(), ih: ih.clone() };
    let require = vec![Require::Clock, Require::NotRevoked(Box::new(holder)), pinned];
    let recorded = ledger.record_if(&entry, Sync::Durable, require).wait().map(|recorded| recorded.seq());
    match recorded {
        Ok(_) => ledger.shutdown().map_err(unusable),
        Err(LedgerError::Unmet(unmet @ (Unmet::Revoked(_) | Unmet::Intent(_)))) => {
            Err(Failure::no(format_args!("no lease was issued: {unmet}")))
        }
        Err(fault) => Err(unusable(fault)),
    }
}

fn unusable(fault: LedgerError) -> Failure {
    Failure::new(format_args!("no lease was issued: {fault}")).help(
        "name the directory of the gateway's ledger, which its first start makes, and run this as the user that the gateway runs as; or leave \
         --ledger out",
    )
}
