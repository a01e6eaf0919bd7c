//! Why a ledger refuses.

use super::facts::Unmet;
use std::fmt;
use std::path::Path;

/// Why a ledger did not open, or did not record. Nothing may be performed without a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerError {
    /// A file operation failed. During `record` this is final: the ledger answers nothing else from then on.
    Io(String),
    /// The stored ledger is not what it was: changed, cut or incomplete. The sentence says where and what to do.
    Damaged(String),
    /// The directory belongs to the ledger of another gateway, or the name cannot be a ledger's origin.
    Origin(String),
    /// A condition that the caller attached to the entry does not hold; the entry was not written. The ledger is in order.
    Unmet(Unmet),
    /// The disk is full. During `record` this is final, as [`LedgerError::Io`] is.
    Full(String),
    /// There were so many refusals that this one was counted and has no entry of its own. The ledger is in order.
    Folded,
    /// Too many entries wait for the disk; this one was not accepted. The ledger is in order.
    Busy,
    /// The ledger was shut down before it could answer.
    Stopped,
}

impl LedgerError {
    /// Says which operation on which file failed.
    pub(super) fn io(doing: &str, path: &Path, error: impl fmt::Display) -> Self {
        Self::Io(format!("cannot {doing} {}: {error}", path.display()))
    }

    /// True when the ledger itself is in order and later calls may succeed.
    #[must_use]
    pub const fn is_local(&self) -> bool {
        match self {
            Self::Unmet(_) | Self::Busy | Self::Folded => true,
            Self::Io(_) | Self::Damaged(_) | Self::Origin(_) | Self::Full(_) | Self::Stopped => false,
        }
    }
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(text) | Self::Damaged(text) | Self::Origin(text) | Self::Full(text) => f.write_str(text),
            Self::Unmet(unmet) => write!(f, "{unmet}"),
            Self::Folded => f.write_str("refusals come too fast; this one was counted"),
            Self::Busy => f.write_str("too many entries wait for the ledger"),
            Self::Stopped => f.write_str("the ledger is shut down"),
        }
    }
}

impl std::error::Error for LedgerError {}
