//! Recognising a secret in foreign text without having it.
//!
//! The secrets of upstreams are in the launcher alone. The judge gets, of every form of a secret, its length, a rolling hash that finds
//! candidates in one pass, and the SHA-256 that settles them.

use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Bytes of a fingerprint in a message.
const BYTES: usize = 2 + 8 + 32;
/// The Mersenne prime 2^61 - 1, so that a product is reduced by shifts.
const PRIME: u64 = (1 << 61) - 1;
/// Base of the rolling hash: any number of the field that no text was made for.
const BASE: u64 = 0x0bad_5eed_0bad_5eed & PRIME;

/// What tells a text without saying it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fingerprint {
    length: u16,
    rolling: u64,
    digest: [u8; 32],
}

impl Fingerprint {
    /// Of a text of 1 to 65,535 bytes; `None` of another.
    pub(super) fn of(text: &[u8]) -> Option<Self> {
        let length = u16::try_from(text.len()).ok().filter(|length| *length > 0)?;
        Some(Self { length, rolling: text.iter().fold(0, |hash, byte| push(hash, *byte)), digest: Sha256::digest(text).into() })
    }

    /// As bytes of a message, after those that are there.
    pub(super) fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.length.to_le_bytes());
        to.extend_from_slice(&self.rolling.to_le_bytes());
        to.extend_from_slice(&self.digest);
    }

    /// All fingerprints in the bytes of a message; `None` if they are none.
    pub(super) fn read(bytes: &[u8]) -> Option<Vec<Self>> {
        let (parts, rest) = bytes.as_chunks::<BYTES>();
        let read = |part: &[u8; BYTES]| {
            let (length, rest) = part.split_first_chunk()?;
            let (rolling, rest) = rest.split_first_chunk()?;
            let (digest, _) = rest.split_first_chunk()?;
            let length = u16::from_le_bytes(*length);
            (length > 0).then(|| Self { length, rolling: u64::from_le_bytes(*rolling), digest: *digest })
        };
        rest.is_empty().then(|| parts.iter().map(read).collect())?
    }
}

/// The secrets of a running upstream, to be looked for.
#[derive(Debug, Clone)]
pub(crate) struct Secrets(pub(super) std::sync::Arc<Fingerprints>);

/// Fingerprints, ready to be looked for.
#[derive(Debug, Default)]
pub(super) struct Fingerprints {
    /// By length: what moves the oldest byte out, and the prints of that length.
    by_length: BTreeMap<u16, (u64, Vec<Fingerprint>)>,
}

impl Fingerprints {
    pub(super) fn new(prints: Vec<Fingerprint>) -> Self {
        let mut by_length: BTreeMap<u16, (u64, Vec<Fingerprint>)> = BTreeMap::new();
        for print in prints {
            let weight = || (0..print.length).fold(1, |power, _| times(power, BASE));
            by_length.entry(print.length).or_insert_with(|| (weight(), Vec::new())).1.push(print);
        }
        Self { by_length }
    }

    /// Does one of the texts stand in this one?
    pub(super) fn stand_in(&self, text: &str) -> bool {
        self.by_length.iter().any(|(length, (weight, prints))| {
            let (text, length) = (text.as_bytes(), usize::from(*length));
            let mut hash = 0;
            text.iter().enumerate().any(|(at, byte)| {
                hash = push(hash, *byte);
                if let Some(oldest) = at.checked_sub(length).and_then(|at| text.get(at)) {
                    let gone = times(u64::from(*oldest) + 1, *weight);
                    hash = (hash + PRIME - gone) % PRIME;
                }
                let Some(window) = (at + 1).checked_sub(length).and_then(|from| text.get(from..=at)) else { return false };
                let mut candidates = prints.iter().filter(|print| print.rolling == hash).peekable();
                candidates.peek().is_some() && {
                    let digest: [u8; 32] = Sha256::digest(window).into();
                    candidates.any(|print| print.digest == digest)
                }
            })
        })
    }
}

/// The hash of a text with one more byte. Bytes count from 1, so that a zero byte is not nothing.
fn push(hash: u64, byte: u8) -> u64 {
    (times(hash, BASE) + u64::from(byte) + 1) % PRIME
}

fn times(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    let prime = u128::from(PRIME);
    // Below 2^122, so both parts are below 2^61.
    let folded = (product & prime) + (product >> 61);
    u64::try_from(folded % prime).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn finds_what_stands_there_and_nothing_else(text in "[ab]{0,40}", one in "[ab]{1,6}", other in "[ab]{1,6}") {
            let prints = [&one, &other].map(|part| Fingerprint::of(part.as_bytes()).unwrap());
            let mut bytes = Vec::new();
            prints.iter().for_each(|print| print.write(&mut bytes));
            let read = Fingerprint::read(&bytes).unwrap();
            prop_assert_eq!(&read[..], &prints[..]);
            prop_assert_eq!(Fingerprints::new(read).stand_in(&text), text.contains(&one) || text.contains(&other));
        }
    }

    #[test]
    fn bytes_that_are_no_fingerprints_are_refused() {
        assert_eq!(Fingerprint::read(&[0; BYTES]), None);
        assert_eq!(Fingerprint::read(&[1; BYTES + 1]), None);
        assert_eq!(Fingerprint::read(&[]), Some(Vec::new()));
        assert_eq!(Fingerprint::of(b""), None);
    }
}
