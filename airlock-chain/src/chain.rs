//! The formulas of the ledger: leaf, link, Merkle tree head and argument commitment (`docs/ledger.md`, "Formulas").

use sha2::{Digest, Sha256};

/// A SHA-256 value.
pub type Hash = [u8; 32];

/// `SHA-256(0x00 ‖ line)`: the chain link and, at once, the RFC 6962 leaf. `line` has no line feed.
#[must_use]
pub fn leaf(line: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(line).finalize().into()
}

/// `SHA-256(0x01 ‖ left ‖ right)`: an inner node of the tree.
#[must_use]
pub fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// What line 0 names as its predecessor: it binds the chain to the gateway's name and to the log key.
#[must_use]
pub fn first_prev(origin: &str, log_key: &[u8; 32]) -> Hash {
    Sha256::new()
        .chain_update(b"airlock/ledger/v1\0")
        .chain_update(origin)
        .chain_update([0])
        .chain_update(log_key)
        .finalize()
        .into()
}

/// Hiding commitment to `x`, the arguments as `call::Call::args_bytes` has them; `salt` is 32 random bytes that stay in `evidence/`.
#[must_use]
pub fn commitment(salt: &[u8; 32], x: &[u8]) -> Hash {
    let length = u64::try_from(x.len()).unwrap_or(u64::MAX).to_be_bytes();
    Sha256::new().chain_update(b"airlock/commit/v1\0").chain_update(salt).chain_update(length).chain_update(x).finalize().into()
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    airlock_core::lease::hex(bytes)
}

/// The same behind what is there already.
pub(super) fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let begin = out.len();
    out.resize(begin + 2 * bytes.len(), 0);
    for (pair, byte) in out[begin..].as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    }
}

/// Value of each lower-case hexadecimal digit; a verifier looks up 64 of them per line. 16 and above: no digit.
const DIGIT: [u8; 256] = {
    let mut table = [0x10; 256];
    let mut value = 0;
    while value < 16 {
        table[b"0123456789abcdef"[value as usize] as usize] = value;
        value += 1;
    }
    table
};

/// Reads 64 lower-case hexadecimal digits; upper case is another spelling and is refused.
#[must_use]
pub fn unhex(text: &[u8]) -> Option<Hash> {
    let text: &[u8; 64] = text.try_into().ok()?;
    let mut out = [0; 32];
    let mut seen = 0;
    for (byte, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        let (high, low) = (DIGIT[usize::from(pair[0])], DIGIT[usize::from(pair[1])]);
        seen |= high | low;
        *byte = high << 4 | low;
    }
    (seen < 16).then_some(out)
}

/// The compact range of a tree of `n` leaves: the roots of its perfect subtrees, largest first, one per set bit of `n`.
///
/// It is all a writer must keep to append leaves and to know the tree head, 64 hashes at most.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Range {
    n: u64,
    peaks: Vec<Hash>,
}

impl Range {
    /// A range read back from storage; `None` when the number of peaks does not belong to `n`.
    #[must_use]
    pub fn from_parts(n: u64, peaks: Vec<Hash>) -> Option<Self> {
        (usize::try_from(n.count_ones()) == Ok(peaks.len())).then_some(Self { n, peaks })
    }

    /// Number of leaves.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.n
    }

    /// True before the first leaf.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Roots of the perfect subtrees, largest first.
    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Appends a leaf. Each trailing one bit of the old size is a subtree of equal size to merge with.
    pub fn push(&mut self, leaf: Hash) {
        let mut right = leaf;
        for _ in 0..self.n.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                right = node(&left, &right);
            }
        }
        self.peaks.push(right);
        self.n += 1;
    }

    /// The RFC 6962 Merkle tree head; of no leaves it is the digest of nothing.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => Sha256::digest([]).into(),
            Some(smallest) => peaks.fold(*smallest, |right, left| node(left, &right)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The oracle is an independent RFC 6962 implementation.
    #[test]
    fn roots_agree_with_ct_merkle() {
        let mut ours = Range::default();
        let mut theirs = ct_merkle::mem_backed_tree::MemoryBackedTree::<Sha256, Vec<u8>>::new();
        for size in 1..=600u64 {
            let line = format!("{{\"seq\":{size}}}").into_bytes();
            ours.push(leaf(&line));
            theirs.push(line);
            assert_eq!(ours.root().as_slice(), theirs.root().as_bytes().as_slice(), "size {size}");
            assert_eq!(Range::from_parts(ours.len(), ours.peaks().to_vec()), Some(ours.clone()));
        }
    }

    #[test]
    fn a_range_with_a_wrong_number_of_peaks_is_refused() {
        assert_eq!(Range::from_parts(3, vec![[0; 32]]), None);
    }

    #[test]
    fn hexadecimal_has_one_spelling() {
        let hash = leaf(b"x");
        assert_eq!(unhex(hex(&hash).as_bytes()), Some(hash));
        let mut behind = b"x".to_vec();
        push_hex(&mut behind, &hash);
        assert_eq!(behind, [b"x", hex(&hash).as_bytes()].concat());
        assert_eq!(unhex(hex(&hash).to_uppercase().as_bytes()), None);
        assert_eq!(unhex(b"00"), None);
    }

    #[test]
    fn a_commitment_depends_on_salt_and_bytes() {
        let base = commitment(&[1; 32], b"{}");
        assert_ne!(base, commitment(&[2; 32], b"{}"));
        assert_ne!(base, commitment(&[1; 32], b"{ }"));
    }
}
