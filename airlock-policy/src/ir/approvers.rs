//! Who signs, as plain data.

use serde::Serialize;

/// `[approvers.*]`: a person whose signature can approve a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct Approver {
    /// Name, as tools, leases and the ledger have it.
    pub name: String,
    /// Ed25519 public key as in the manifest; see [`crate::approver_key`].
    pub key: String,
    /// Reason.
    pub why: String,
}

/// `approval = { signatures = …, of = […] }`: who must sign each call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct Signatures {
    /// How many different approvers.
    pub count: u16,
    /// Names of those who may, sorted.
    pub of: Vec<String>,
    /// Time from the request to the approved call, seconds.
    pub within: u64,
}
