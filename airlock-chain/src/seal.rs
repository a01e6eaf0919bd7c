//! The seal: a forward-secure aggregate MAC over the lines (`docs/ledger.md`, "Seal").
//!
//! ```text
//! tag_n   = HMAC(A_n, "airlock/seal/v1\0" ‖ be64(n) ‖ leaf_n)
//! mu_n+1  = SHA-256("airlock/agg/v1\0" ‖ mu_n ‖ tag_n)
//! A_n+1   = SHA-256("airlock/next/v1\0" ‖ A_n)
//! ```
//!
//! Whoever takes over the machine finds `A_n` and `mu_n` of now. He can go on from there, but neither `A` of earlier lines nor `mu` of
//! fewer lines can be computed from them, so no earlier line can be changed or cut off without the holder of `A_0` noticing.

use super::LedgerError;
use super::chain::{Hash, hex};
use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// Bytes of a seed, of every later key, and of the aggregate.
pub(super) const SEED_LEN: usize = 32;

/// `A_0`: what proves a sealed ledger. It is shown once and kept by nobody but the operator.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed(Zeroizing<[u8; SEED_LEN]>);

/// Never the seed.
impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Seed").field(&self.id()).finish()
    }
}

impl Seed {
    /// A new one.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn fresh() -> Result<Self, LedgerError> {
        let mut bytes = Zeroizing::new([0; SEED_LEN]);
        getrandom::fill(bytes.as_mut()).map_err(|e| LedgerError::Io(format!("the system gives no random bytes: {e}")))?;
        Ok(Self(bytes))
    }

    /// Reads what [`Seed::text`] gives; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; SEED_LEN]);
        let length = Base64::decode(text.trim(), bytes.as_mut()).ok()?.len();
        (length == SEED_LEN).then_some(Self(bytes))
    }

    /// Base64, 44 characters.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(Base64::encode_string(self.0.as_ref()))
    }

    /// Names the seed without telling it: line 0 of a sealed ledger has this, so that a wrong seed is told from a broken seal.
    #[must_use]
    pub fn id(&self) -> String {
        hex(&Sha256::new().chain_update(b"airlock/seed/v1\0").chain_update(self.0.as_ref()).finalize())
    }
}

/// The seal over the first lines.
#[derive(Clone, PartialEq, Eq)]
pub struct Seal {
    n: u64,
    key: Zeroizing<[u8; SEED_LEN]>,
    mu: Hash,
}

/// Never the key.
impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal").field("n", &self.n).field("mu", &hex(&self.mu)).finish_non_exhaustive()
    }
}

impl Seal {
    /// Before line 0. The first aggregate is 32 zero bytes.
    #[must_use]
    pub fn start(seed: &Seed) -> Self {
        Self { n: 0, key: seed.0.clone(), mu: [0; 32] }
    }

    /// A seal read back from the head.
    pub(super) fn from_parts(n: u64, key: &[u8; SEED_LEN], mu: Hash) -> Self {
        Self { n, key: Zeroizing::new(*key), mu }
    }

    /// Number of lines under the seal.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.n
    }

    /// True before line 0.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// The aggregate over them. It tells nothing about the key.
    #[must_use]
    pub const fn mu(&self) -> &Hash {
        &self.mu
    }

    /// The key of the next line.
    pub(super) fn key(&self) -> &[u8; SEED_LEN] {
        &self.key
    }

    /// Takes in the next line by its leaf hash. The key that sealed it is gone with that.
    pub fn push(&mut self, leaf: &Hash) {
        // A MAC of this kind takes a key of any length; without one the aggregate would match nothing, which every reader refuses.
        let tag = Hmac::<Sha256>::new_from_slice(self.key.as_ref()).map(|mut mac| {
            mac.update(b"airlock/seal/v1\0");
            mac.update(&self.n.to_be_bytes());
            mac.update(leaf);
            mac.finalize().into_bytes()
        });
        let mut aggregate = Sha256::new().chain_update(b"airlock/agg/v1\0").chain_update(self.mu);
        if let Ok(tag) = tag {
            aggregate.update(tag);
        }
        self.mu = aggregate.finalize().into();
        let next: [u8; SEED_LEN] =
            Sha256::new().chain_update(b"airlock/next/v1\0").chain_update(self.key.as_ref()).finalize().into();
        *self.key = next;
        self.n += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Seed {
        /// A known one.
        pub(crate) fn of(bytes: [u8; SEED_LEN]) -> Self {
            Self(Zeroizing::new(bytes))
        }
    }

    #[test]
    fn a_seed_is_read_as_it_is_printed_and_never_printed_otherwise() {
        let seed = Seed::fresh().unwrap();
        assert_eq!(Seed::parse(&format!(" {}\n", seed.text().as_str())), Some(seed.clone()));
        assert!(Seed::parse("").is_none() && Seed::parse("AAAA").is_none() && Seed::parse(&seed.text()[1..]).is_none());
        assert!(!format!("{:?}", Seed::of([7; 32])).contains("0707"));
    }

    fn sealed(leaves: &[Hash]) -> Seal {
        let mut seal = Seal::start(&Seed::of([7; 32]));
        leaves.iter().for_each(|leaf| seal.push(leaf));
        seal
    }

    /// Written out from the formulas, with no code of this module.
    #[test]
    fn the_first_two_lines_by_the_formulas() {
        let mac = |key: &[u8], n: u64, leaf: &Hash| {
            let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
            mac.update(&[b"airlock/seal/v1\0".as_slice(), &n.to_be_bytes(), leaf].concat());
            mac.finalize().into_bytes()
        };
        let sha = |parts: &[&[u8]]| -> Hash { Sha256::digest(parts.concat()).into() };
        let (one, two) = ([1; 32], [2; 32]);
        let next = sha(&[b"airlock/next/v1\0", &[7; 32]]);
        let first = sha(&[b"airlock/agg/v1\0", &[0; 32], &mac(&[7; 32], 0, &one)]);
        let second = sha(&[b"airlock/agg/v1\0", &first, &mac(&next, 1, &two)]);
        let seal = sealed(&[one, two]);
        assert_eq!((seal.len(), *seal.mu()), (2, second));
        assert_eq!(*seal.key(), sha(&[b"airlock/next/v1\0", &next]));
    }

    #[test]
    fn every_leaf_its_place_and_the_number_of_them_count() {
        let (one, two) = ([1; 32], [2; 32]);
        let all = [sealed(&[one, two]), sealed(&[two, one]), sealed(&[one]), sealed(&[one, one]), sealed(&[one, two, two])];
        for (n, a) in all.iter().enumerate() {
            assert!(all[n + 1..].iter().all(|b| a.mu() != b.mu()));
        }
    }

    #[test]
    fn the_key_is_not_printed() {
        assert!(!format!("{:?}", sealed(&[])).contains(&hex(&[7; 32])[..8]));
    }
}
