//! Narrowing a lease offline: no key is needed, and what comes out can never allow more than what went in.

use super::block::Caveat;
use super::domain::is_entry;
use super::{BLOCK_MAX, CAVEATS_MAX, LeaseFault, TEXT_MAX, mac, text, verify};

/// Why a lease was not narrowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttenuateFault {
    /// The text is not a lease, or its blocks are not canonical.
    Lease(LeaseFault),
    /// The caveat says nothing, or something a gateway would refuse.
    Caveat(&'static str),
    /// The issuer allows no more caveats.
    Depth,
    /// The result would be larger than a gateway accepts.
    Size,
}

impl std::fmt::Display for AttenuateFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lease(fault) => fault.fmt(f),
            Self::Caveat(problem) => write!(f, "this caveat cannot be added: {problem}"),
            Self::Depth => f.write_str("the issuer allows no more caveats on this lease"),
            Self::Size => write!(f, "the lease would be larger than {TEXT_MAX} bytes"),
        }
    }
}

impl std::error::Error for AttenuateFault {}

/// Appends a caveat. The MAC of the given lease is not checked (that takes the key); the gateway checks the whole chain.
///
/// # Errors
/// [`AttenuateFault`].
pub fn attenuate(lease: &str, caveat: &Caveat) -> Result<String, AttenuateFault> {
    let spelled = text::cut(lease).map_err(AttenuateFault::Lease)?;
    let mut raw = spelled.decode().map_err(AttenuateFault::Lease)?;
    if raw.proof.is_some() {
        // A presentation has no MAC to go on from: that it cannot be narrowed is its point.
        return Err(AttenuateFault::Lease(LeaseFault::Form));
    }
    let (root, before) = verify::parse(&raw.blocks).map_err(AttenuateFault::Lease)?;
    if before.len() == CAVEATS_MAX || u64::try_from(before.len()).is_ok_and(|added| added >= root.dep) {
        return Err(AttenuateFault::Depth);
    }
    if caveat.dom.iter().flatten().any(|entry| !is_entry(entry)) {
        return Err(AttenuateFault::Caveat("a host is not in canonical form"));
    }
    let block = caveat.to_bytes();
    if block.len() > BLOCK_MAX {
        return Err(AttenuateFault::Size);
    }
    let index = u8::try_from(1 + before.len()).map_err(|_| AttenuateFault::Depth)?;
    Caveat::parse(&block, index).map_err(|fault| match fault {
        LeaseFault::Block { problem, .. } => AttenuateFault::Caveat(problem),
        other => AttenuateFault::Lease(other),
    })?;
    let tag = mac::caveat(&raw.tag, u32::from(index), &block);
    raw.blocks.push(&block);
    let narrowed = text::join(spelled.kid, &raw.blocks, &tag);
    if narrowed.len() > TEXT_MAX { Err(AttenuateFault::Size) } else { Ok(narrowed) }
}
