//! The policy digest: SHA-256 over the canonical JSON (RFC 8785) of the compiled policy.
//!
//! It depends on every value that reaches the gateway and on nothing else: comments, spelling of numbers and the order of keys in
//! the manifest leave it unchanged.

use crate::ir::Policy;
use sha2::{Digest, Sha256};

/// Separates this digest from every other use of SHA-256.
const DOMAIN: &[u8] = b"airlock/policy/v1\0";

/// Digest of a policy, 32 bytes.
///
/// # Errors
/// When a policy cannot be written as JSON; no policy made by [`crate::compile`] is of that kind.
pub fn policy_digest(policy: &Policy) -> serde_json::Result<[u8; 32]> {
    let canonical = serde_json_canonicalizer::to_vec(policy)?;
    Ok(Sha256::new().chain_update(DOMAIN).chain_update(canonical).finalize().into())
}

/// A digest as 64 lower-case hex digits.
#[must_use]
pub fn hex(digest: &[u8; 32]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    digest.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}
