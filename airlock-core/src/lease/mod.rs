//! Capability leases: short-lived, signed rights that anyone may narrow and nobody without the key may widen.
//!
//! The format is `docs/lease.md`. Nothing here does I/O but [`keyfile`] and [`keysource`], so the gateway (which verifies), the command line (which
//! mints, attenuates and shows) and a broker run the same code. A text becomes an [`Authority`] only in [`verify()`]: the MAC is
//! checked over the raw bytes before anything is parsed, and every block is folded in, so a later block can only narrow.
//!
//! The signing path ([`mint()`] and everything about issuer keys) exists with feature `mint` only; a gateway whose grants are all
//! `operator` is built without it.

pub mod attenuate;
pub mod authority;
mod base64url;
pub mod block;
pub mod domain;
pub mod fault;
pub mod guard;
pub mod inspect;
pub mod intent;
mod json;
pub mod key;
pub mod keyfile;
pub mod keysource;
pub mod locked;
mod mac;
#[cfg(feature = "mint")]
pub mod mint;
pub mod present;
pub mod request;
mod rid;
pub mod term;
mod text;
pub mod verify;

pub use attenuate::{AttenuateFault, attenuate};
pub use authority::{Authority, Terms};
pub use block::{Approval, Caveat, Root};
pub use domain::{domain_covers, entry_within};
pub use fault::LeaseFault;
pub use intent::{IntentFault, intent_hash};
#[cfg(feature = "mint")]
pub use key::IssuerKey;
pub use key::{AudienceKey, KeyFault, KeyRing};
pub use keysource::KeySource;
#[cfg(feature = "mint")]
pub use mint::{MintFault, RootClaims, fresh_jti, mint};
pub use present::{PresentFault, Presentation, present};
pub use request::{RequestFault, request_digest};
pub use rid::Rid;
pub use term::{Stage, Term};
pub use verify::{Expect, verify, verify_call};

/// Longest lease text in bytes: fits any JSON line with room, and bounds the work an unauthenticated sender can cause.
pub const TEXT_MAX: usize = 4096;
/// Longest block in bytes; a root block with 32 tool names of ordinary length fits.
pub const BLOCK_MAX: usize = 1536;
/// Most caveats of one lease: deeper delegation than any agent hierarchy seen.
pub const CAVEATS_MAX: usize = 8;
/// Most entries of a list in a block.
pub const LIST_MAX: usize = 32;
/// Longest string in a block, in bytes: a host name (253) fits.
pub const STRING_MAX: usize = 256;
/// Longest key id in bytes.
pub const KID_MAX: usize = 16;

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = vec![0; 2 * bytes.len()];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    // Nothing but digits, so always UTF-8.
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
#[cfg(feature = "mint")]
mod properties;
#[cfg(test)]
mod vectors;
