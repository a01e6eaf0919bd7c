//! From a compiled manifest to the constants of a gateway: the files of `airlock test` itself, not a copy of them.

#[path = "../../../airlock-cli/src/judge/convert.rs"]
#[allow(dead_code, reason = "the command line uses more of it")]
mod convert;
#[path = "../../../airlock-cli/src/judge/foreign.rs"]
mod foreign;
#[path = "../../../airlock-cli/src/judge/request.rs"]
mod request;

use airlock_policy::Compiled;
use airlock_runtime::policy::Policy;

/// What a gateway of this manifest would have compiled in.
///
/// # Errors
/// A value that no checked policy has.
pub(crate) fn policy(compiled: &Compiled) -> Result<&'static Policy, String> {
    convert::policy(compiled.policy(), *compiled.digest()).map_err(|failure| failure.to_string())
}
