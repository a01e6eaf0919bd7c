//! What becomes of a refused call.

use serde::Serialize;

/// `[gateway] mode`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It is refused.
    #[default]
    Enforce,
    /// A refused call of an upstream's tool is recorded as refused and made all the same, where that is safe.
    Shadow,
}

impl Mode {
    /// The word in manifests and reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Shadow => "shadow",
        }
    }

    /// The default is left out, so that policies from before keep their digests.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
    pub(super) fn is_enforce(&self) -> bool {
        *self == Self::Enforce
    }
}
