//! What becomes of a refused call.

/// `[gateway] mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It is refused.
    Enforce,
    /// A refused call of an upstream's tool is recorded as one, and made all the same where the decision of the runtime (`decide::let_through`) says so.
    Shadow,
}

impl Mode {
    /// The word used in manifests and reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Shadow => "shadow",
        }
    }
}
