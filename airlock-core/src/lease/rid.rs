//! The public id of a node.

use super::hex;

/// First 16 bytes of `SHA-256("airlock/lease/v1/id\0" ‖ T)`, in lower-case hex wherever it is written. Safe to log, revoke and count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rid(pub(super) [u8; 16]);

impl Rid {
    /// 32 hex digits.
    #[must_use]
    pub fn text(&self) -> String {
        hex(&self.0)
    }
}
