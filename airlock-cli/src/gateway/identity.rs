//! What a gateway was built with: one JSON object in its note, and the key of everything that depends on it.

use super::Link;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What decides a gateway's bytes beside the manifest, as far as this machine's C compiler does not (see `docs/build.md`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// Version of Airlock.
    pub(crate) airlock: String,
    /// Digest of the sources that it carries, 64 hex digits.
    pub(crate) sources: String,
    /// Digest of the lockfile among them, 64 hex digits.
    pub(crate) lockfile: String,
    /// First line of `rustc -vV`.
    pub(crate) compiler: String,
    /// Target triple.
    pub(crate) target: String,
    /// How the C library is linked.
    pub(crate) link: Link,
    /// Features of the runtime.
    pub(crate) features: Vec<String>,
}

impl Identity {
    /// The note's content: one line, keys in the order above.
    ///
    /// # Errors
    /// Never for these types; the caller reports it as any other fault.
    pub(crate) fn to_note(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// Each field with its name, as text for a comparison.
    pub(crate) fn fields(&self) -> [(&'static str, String); 7] {
        let Self { airlock, sources, lockfile, compiler, target, link, features } = self;
        [
            ("airlock", airlock.clone()),
            ("sources", sources.clone()),
            ("lockfile", lockfile.clone()),
            ("compiler", compiler.clone()),
            ("target", target.clone()),
            ("link", link.word().to_owned()),
            ("features", features.join(", ")),
        ]
    }
}

/// SHA-256 over parts, 64 hex digits.
pub(crate) fn digest_of(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // The length keeps two parts from being read as other two.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    airlock_policy::digest::hex(&hash.finalize().into())
}

/// First 16 of 64 hex digits: they name directories and packages, and are never what is compared.
pub(crate) fn short(digest: &str) -> &str {
    digest.get(..16).unwrap_or(digest)
}
