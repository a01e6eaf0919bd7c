//! `[ledger] evidence`, `redact`.

use serde::Serialize;

/// `[ledger] evidence`: what is kept beside the ledger of the arguments and results of calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// Nothing but what opens a commitment.
    #[default]
    Hashes,
    /// A copy without named values and without what looks like a secret.
    Redacted,
    /// Everything, as it was.
    Full,
}

impl Evidence {
    /// The word in manifests and reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hashes => "hashes",
            Self::Redacted => "redacted",
            Self::Full => "full",
        }
    }

    pub(super) fn is_hashes(&self) -> bool {
        *self == Self::Hashes
    }
}

/// A value that a copy does not have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct Removed {
    /// Of the arguments of this tool alone. Nothing: of the arguments and results of every tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Of one tool, names from the arguments down, with dots between them. Otherwise the name of a member, wherever it stands.
    pub name: String,
}
