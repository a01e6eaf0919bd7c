//! Looking into a lease for a person. What this shows is not verified unless a key is given; no decision may rest on it.

use super::block::{Caveat, Root};
use super::{KeyRing, LeaseFault, Rid, text, verify};

/// The decoded parts of a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Key id.
    pub kid: String,
    /// Root block.
    pub root: Root,
    /// Caveats, first to last.
    pub caveats: Vec<Caveat>,
    /// Public id of the last node. The ids above it take the key.
    pub rid: String,
}

/// Decodes a lease without checking its signature.
///
/// # Errors
/// [`LeaseFault`] for a text that is not a lease in bearer form, or blocks that are not canonical.
pub fn inspect(lease: &str) -> Result<Inspection, LeaseFault> {
    let spelled = text::cut(lease)?;
    let raw = spelled.decode()?;
    if raw.proof.is_some() {
        return Err(LeaseFault::Form);
    }
    let (root, caveats) = verify::parse(&raw.blocks)?;
    Ok(Inspection { kid: spelled.kid.to_owned(), root, caveats, rid: raw.tag.rid().text() })
}

/// Checks the signature alone, not the times or what the lease is for, and gives the ids of all nodes, root first.
///
/// # Errors
/// [`LeaseFault`].
pub fn check_signature(lease: &str, keys: &KeyRing) -> Result<Vec<String>, LeaseFault> {
    let terms = verify::authenticate(lease, keys, || None)?.fold()?;
    Ok(terms.rid.iter().map(Rid::text).collect())
}
