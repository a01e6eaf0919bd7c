//! Keys and their ids. Key bytes are wiped on drop and have no way into a message.

use super::locked::{Locked, Unlockable, scrub};
use super::mac::{Keyed, keyed};
use super::text::is_kid;
use super::{Stage, Term, hex};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

/// The key of one gateway: verifies its leases, and with feature `mint` issues them.
pub struct AudienceKey {
    kid: String,
    audience: String,
    term: Term,
    secret: Locked<Secret>,
}

/// Everything that is as good as the key.
struct Secret {
    bytes: Zeroizing<[u8; 32]>,
    keyed: Keyed,
}

/// Why a key or key ring is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyFault {
    /// Not 1 to 16 of `a-z 0-9 -`.
    Kid,
    /// Empty or longer than a lease can carry.
    Audience,
    /// Two keys with this id in one ring.
    DuplicateKid(String),
    /// No key at all.
    Empty,
    /// The system's random source failed.
    Random,
    /// There is no memory that keys may stand in.
    Memory,
}

impl From<Unlockable> for KeyFault {
    fn from(_: Unlockable) -> Self {
        Self::Memory
    }
}

impl std::fmt::Display for KeyFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Kid => f.write_str("a key id must be 1 to 16 characters of a-z, 0-9 and -"),
            Self::Audience => {
                f.write_str("an audience (gateway name) must be 1 to 256 bytes without spaces or control characters")
            }
            Self::DuplicateKid(kid) => write!(f, "two keys have the id {kid}; give each key its own id"),
            Self::Empty => f.write_str("there is no key"),
            Self::Random => f.write_str("the system's random source failed"),
            Self::Memory => f.write_str(
                "the system gives no memory that stays out of swap and core files; allow the process to lock 256 KiB (`ulimit -l`, \
                 `LimitMEMLOCK=`)",
            ),
        }
    }
}

impl std::error::Error for KeyFault {}

impl AudienceKey {
    /// A key from its parts.
    ///
    /// # Errors
    /// [`KeyFault::Kid`], [`KeyFault::Audience`], [`KeyFault::Memory`].
    pub fn new(kid: &str, audience: &str, mut bytes: [u8; 32]) -> Result<Self, KeyFault> {
        let key = Self::of(kid, audience, &bytes);
        bytes.zeroize();
        key
    }

    /// The same from bytes that stay the caller's.
    pub(crate) fn of(kid: &str, audience: &str, bytes: &[u8; 32]) -> Result<Self, KeyFault> {
        if !is_kid(kid) {
            return Err(KeyFault::Kid);
        }
        if !is_audience(audience) {
            return Err(KeyFault::Audience);
        }
        let secret = Secret::locked(bytes);
        scrub();
        Ok(Self { kid: kid.to_owned(), audience: audience.to_owned(), term: Term::ALWAYS, secret: secret? })
    }

    /// The same key with dates.
    #[must_use]
    pub fn with_term(self, term: Term) -> Self {
        Self { term, ..self }
    }

    /// When it signs and verifies.
    #[must_use]
    pub const fn term(&self) -> &Term {
        &self.term
    }

    /// Key id.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Gateway name.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// First eight bytes of `SHA-256("airlock/key/v1\0" ‖ Ka)`: pins the key in a manifest and says nothing about it.
    #[must_use]
    pub fn commitment(&self) -> [u8; 8] {
        let digest = Sha256::new().chain_update(b"airlock/key/v1\0").chain_update(*self.secret.bytes).finalize();
        let mut out = [0; 8];
        out.copy_from_slice(&digest[..8]);
        out
    }

    /// [`AudienceKey::commitment`] as 16 hex digits, the form in a manifest.
    #[must_use]
    pub fn commitment_hex(&self) -> String {
        hex(&self.commitment())
    }

    /// The key taken into HMAC-SHA256.
    pub(crate) fn keyed(&self) -> &Keyed {
        &self.secret.keyed
    }

    /// The key itself, from which keys for other purposes are derived.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.secret.bytes
    }
}

impl Secret {
    /// A frame of its own, so that what the move leaves lies below the caller.
    #[inline(never)]
    fn locked(bytes: &[u8; 32]) -> Result<Locked<Self>, Unlockable> {
        Locked::new(Self { bytes: Zeroizing::new(*bytes), keyed: keyed(bytes) })
    }
}

impl std::fmt::Debug for AudienceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AudienceKey {{ kid: {:?}, audience: {:?}, .. }}", self.kid, self.audience)
    }
}

/// The key that audience keys are derived from. It never goes to a gateway.
#[cfg(feature = "mint")]
pub struct IssuerKey {
    kid: String,
    term: Term,
    bytes: Locked<Zeroizing<[u8; 32]>>,
}

#[cfg(feature = "mint")]
impl IssuerKey {
    /// A key from its parts.
    ///
    /// # Errors
    /// [`KeyFault::Kid`], [`KeyFault::Memory`].
    pub fn new(kid: &str, mut bytes: [u8; 32]) -> Result<Self, KeyFault> {
        let key = Self::of(kid, &bytes);
        bytes.zeroize();
        key
    }

    /// The same from bytes that stay the caller's.
    pub(crate) fn of(kid: &str, bytes: &[u8; 32]) -> Result<Self, KeyFault> {
        if !is_kid(kid) {
            return Err(KeyFault::Kid);
        }
        // Filled where it stays.
        let mut locked = Locked::new(Zeroizing::new([0; 32]))?;
        locked.copy_from_slice(bytes);
        Ok(Self { kid: kid.to_owned(), term: Term::ALWAYS, bytes: locked })
    }

    /// A new key from the system's random source.
    ///
    /// # Errors
    /// [`KeyFault::Kid`], [`KeyFault::Random`], [`KeyFault::Memory`].
    pub fn generate(kid: &str) -> Result<Self, KeyFault> {
        let mut key = Self::new(kid, [0; 32])?;
        getrandom::fill(&mut **key.bytes).map_err(|_| KeyFault::Random)?;
        Ok(key)
    }

    /// Key id.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The same key with dates.
    #[must_use]
    pub fn with_term(self, term: Term) -> Self {
        Self { term, ..self }
    }

    /// When it signs and verifies; the keys derived from it have the same dates.
    #[must_use]
    pub const fn term(&self) -> &Term {
        &self.term
    }

    /// The key of the gateway `audience`: `HMAC(K, "airlock/aud/v1\0" ‖ audience)`.
    ///
    /// # Errors
    /// [`KeyFault::Audience`].
    pub fn derive(&self, audience: &str) -> Result<AudienceKey, KeyFault> {
        let bytes = Zeroizing::new(super::mac::audience_key(&self.bytes, audience));
        let key = AudienceKey::of(&self.kid, audience, &bytes)?;
        Ok(key.with_term(self.term))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

#[cfg(feature = "mint")]
impl std::fmt::Debug for IssuerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IssuerKey {{ kid: {:?}, .. }}", self.kid)
    }
}

/// The keys that a gateway accepts, each found by its exact id and never by trial.
pub struct KeyRing {
    keys: Vec<AudienceKey>,
    /// A key that no lease is signed with: what is computed with it takes time and is thrown away.
    nobody: Keyed,
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRing").field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl KeyRing {
    /// A ring of at least one key, each id once.
    ///
    /// # Errors
    /// [`KeyFault::Empty`], [`KeyFault::DuplicateKid`].
    pub fn new(keys: Vec<AudienceKey>) -> Result<Self, KeyFault> {
        if keys.is_empty() {
            return Err(KeyFault::Empty);
        }
        for (at, key) in keys.iter().enumerate() {
            if keys[..at].iter().any(|other| other.kid == key.kid) {
                return Err(KeyFault::DuplicateKid(key.kid.clone()));
            }
        }
        Ok(Self { keys, nobody: keyed(&[0; 32]) })
    }

    pub(crate) const fn nobody(&self) -> &Keyed {
        &self.nobody
    }

    /// The key with exactly this id.
    #[must_use]
    pub fn find(&self, kid: &str) -> Option<&AudienceKey> {
        self.keys.iter().find(|key| key.kid == kid)
    }

    /// The key that signs at `now`, unix seconds: of several the one that began last, of those the first.
    #[must_use]
    pub fn signer(&self, now: u64) -> Option<&AudienceKey> {
        let signing = self.keys.iter().rev().filter(|key| key.term.stage(now) == Stage::Signs);
        signing.max_by_key(|key| key.term.sign_from)
    }

    /// All keys, in the order given.
    #[must_use]
    pub fn keys(&self) -> &[AudienceKey] {
        &self.keys
    }
}

/// An audience stands in key files, separated by spaces, so it has none.
fn is_audience(audience: &str) -> bool {
    (1..=super::STRING_MAX).contains(&audience.len()) && !audience.chars().any(|c| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_has_each_id_once() {
        let key = |kid| AudienceKey::new(kid, "weather", [1; 32]).unwrap();
        assert_eq!(KeyRing::new(vec![]).unwrap_err(), KeyFault::Empty);
        assert_eq!(KeyRing::new(vec![key("a"), key("b"), key("a")]).unwrap_err(), KeyFault::DuplicateKid("a".into()));
        let ring = KeyRing::new(vec![key("a"), key("ab")]).unwrap();
        assert_eq!(ring.find("a").map(AudienceKey::kid), Some("a"));
        assert!(ring.find("").is_none() && ring.find("A").is_none());
    }

    #[test]
    fn debug_has_no_key_bytes() {
        let key = AudienceKey::new("k1", "weather", [0xab; 32]).unwrap();
        assert_eq!(format!("{key:?}"), "AudienceKey { kid: \"k1\", audience: \"weather\", .. }");
    }

    #[test]
    fn names_are_checked() {
        for kid in ["", "K1", "k_1", "12345678901234567", "k 1"] {
            assert_eq!(AudienceKey::new(kid, "w", [0; 32]).unwrap_err(), KeyFault::Kid, "{kid}");
        }
        for audience in ["", "a b", "a\n", &"x".repeat(257)] {
            assert_eq!(AudienceKey::new("k", audience, [0; 32]).unwrap_err(), KeyFault::Audience, "{audience:?}");
        }
    }
}
