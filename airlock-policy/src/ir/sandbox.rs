//! What of its confinement a gateway may do without.

use serde::Serialize;

/// `[sandbox]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct Sandbox {
    /// Parts of the kernel without which the gateway starts, sorted.
    pub allow_missing: Vec<Part>,
    /// It starts on a system where nothing confines it.
    pub unconfined: bool,
    /// Reason; empty where nothing is given up.
    pub why: String,
}

impl Sandbox {
    /// Nothing is given up. Such a section is left out, so that policies from before keep their digests.
    pub(super) fn is_whole(&self) -> bool {
        self == &Self::default()
    }
}

/// A part of the kernel that confines a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Rules on files, ports and signals.
    Landlock,
    /// Filters of system calls.
    Seccomp,
}

impl Part {
    /// The word in manifests and reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Landlock => "landlock",
            Self::Seccomp => "seccomp",
        }
    }
}
