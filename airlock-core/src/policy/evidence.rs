//! What a gateway keeps beside its ledger of arguments and results.

/// `[ledger] evidence` and `keep_evidence`.
#[derive(Debug, Clone, Copy)]
pub struct Evidence {
    /// What is kept beside the salts.
    pub kept: Kept,
    /// For how long, seconds; nothing = for ever.
    pub keep: Option<u64>,
}

impl Evidence {
    /// Salts alone, for ever.
    pub const HASHES: Self = Self { kept: Kept::Hashes, keep: None };
}

/// What is kept of the arguments and the result of a call.
#[derive(Debug, Clone, Copy)]
pub enum Kept {
    /// Nothing.
    Hashes,
    /// A copy without some values.
    Redacted(Redaction),
    /// All as it was.
    Full,
}

impl Kept {
    /// The word in manifests and reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hashes => "hashes",
            Self::Redacted(_) => "redacted",
            Self::Full => "full",
        }
    }
}

/// How a copy is made.
#[derive(Debug, Clone, Copy)]
pub struct Redaction {
    /// The code that makes it, named here so that a gateway that makes no copies does not have it.
    pub copy: Copier,
    /// Values that it does not have.
    pub removed: &'static [Removed],
    /// How tokens begin that it does not have.
    pub tokens: &'static [Token],
}

/// Makes a copy: of the arguments of this tool, or of a result, which is of none.
pub type Copier = fn(&Redaction, tool: Option<&str>, text: &[u8]) -> Vec<u8>;

/// A value that a copy does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// Of the arguments of this tool alone. Nothing: of the arguments and results of every tool.
    pub tool: Option<&'static str>,
    /// Of one tool, names from the arguments down, with dots between them. Otherwise the name of a member, wherever it stands.
    pub name: &'static str,
}

/// A form of token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// How it begins.
    pub prefix: &'static str,
    /// Least characters that follow.
    pub least: usize,
}
