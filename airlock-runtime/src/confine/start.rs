//! What a gateway that cannot be confined does: it does not start, unless its manifest says that it may do without.

use super::Fault;
use crate::policy::{Part, Policy};
use crate::start::{Stop, warn};

/// Exit code of a gateway that the kernel cannot confine.
pub(crate) const UNCONFINED: u8 = 7;

/// Goes on if the process is confined, or may do without what is missing; says on stderr that it does. True: it is confined.
///
/// # Errors
/// It is not, and may not.
pub(crate) fn demand(policy: &Policy, confined: Result<(), Fault>) -> Result<bool, Stop> {
    let missing = missing(policy, confined)?;
    if let Some((part, why)) = &missing {
        warn(&format!("not confined by {}: {why}. The manifest allows that.", part.word()));
    }
    Ok(missing.is_none())
}

/// What is missing that the manifest lets be missing.
///
/// # Errors
/// The process is not confined, and may not be so.
pub(crate) fn missing(policy: &Policy, confined: Result<(), Fault>) -> Result<Option<(Part, String)>, Stop> {
    match confined {
        Ok(()) => Ok(None),
        Err(Fault::Missing(part, why)) if policy.sandbox.allow_missing.contains(&part) => Ok(Some((part, why))),
        Err(fault @ Fault::Missing(part, _)) => Err(refused(&format!(
            "{fault}. It takes Linux 6.12 or newer, or a manifest with `[sandbox] allow_missing = [\"{}\"]`, by which the gateway runs without",
            part.word()
        ))),
        Err(fault @ Fault::Failed(_)) => Err(refused(&fault.to_string())),
    }
}

/// Is this a system on which nothing confines a gateway, and does its manifest accept that?
///
/// # Errors
/// It is, and the manifest does not.
pub(crate) fn excused(policy: &Policy) -> Result<bool, Stop> {
    match (cfg!(target_os = "linux"), policy.sandbox.unconfined) {
        (true, _) => Ok(false),
        (false, true) => {
            warn("nothing confines this gateway: the system is not Linux. The manifest accepts that.");
            Ok(true)
        }
        (false, false) => Err(refused(
            "this system is not Linux, and nothing would confine it. `[sandbox] unconfined` in the manifest says the words that accept that",
        )),
    }
}

fn refused(why: &str) -> Stop {
    Stop { code: UNCONFINED, message: format!("the gateway does not start: {why}") }
}
