//! The MAC chain and the public ids of its nodes.

use super::text::Blocks;
use super::{CAVEATS_MAX, Rid};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// The MAC of one node. Whoever has it can attenuate from that node, so it is wiped on drop and never printed.
pub(crate) struct Tag(pub(crate) Zeroizing<[u8; 32]>);

impl Tag {
    /// The public id of the node.
    pub(crate) fn rid(&self) -> Rid {
        let digest = Sha256::new().chain_update(b"airlock/lease/v1/id\0").chain_update(*self.0).finalize();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        Rid(id)
    }

    /// Equality in constant time.
    pub(crate) fn is(&self, other: &Self) -> bool {
        bool::from(self.0.ct_eq(&*other.0))
    }
}

/// `T0 = HMAC(Ka, "airlock/lease/v1/root\0" ‖ be32(0) ‖ be32(|M0|) ‖ M0)` with `M0 = kid ‖ 0x00 ‖ B0`.
pub(crate) fn root(audience_key: &Keyed, kid: &str, block: &[u8]) -> Tag {
    let mut mac = audience_key.clone();
    mac.update(b"airlock/lease/v1/root\0");
    mac.update(&0u32.to_be_bytes());
    mac.update(&length(kid.len() + 1 + block.len()));
    mac.update(kid.as_bytes());
    mac.update(&[0]);
    mac.update(block);
    Tag(Zeroizing::new(mac.finalize().into_bytes().into()))
}

/// `Ti = HMAC(T(i-1), "airlock/lease/v1/caveat\0" ‖ be32(i) ‖ be32(|Bi|) ‖ Bi)`.
pub(crate) fn caveat(previous: &Tag, index: u32, block: &[u8]) -> Tag {
    let mut mac = keyed(&previous.0);
    mac.update(b"airlock/lease/v1/caveat\0");
    mac.update(&index.to_be_bytes());
    mac.update(&length(block.len()));
    mac.update(block);
    Tag(Zeroizing::new(mac.finalize().into_bytes().into()))
}

/// The proof of a presentation, see [`super::Presentation`].
pub(crate) fn presentation(node: &Tag, ts: u64, nonce: &[u8; 16], request: &[u8; 32]) -> Tag {
    let mut mac = keyed(&node.0);
    mac.update(b"airlock/lease/v1/use\0");
    mac.update(&ts.to_be_bytes());
    mac.update(nonce);
    mac.update(request);
    Tag(Zeroizing::new(mac.finalize().into_bytes().into()))
}

/// All tags, root first, for at least one block.
pub(crate) fn chain(audience_key: &Keyed, kid: &str, blocks: &Blocks) -> Vec<Tag> {
    // Room is made once: a tag that a growing vector leaves behind would not be wiped.
    let mut tags: Vec<Tag> = Vec::with_capacity(1 + CAVEATS_MAX);
    for (index, block) in (0u32..).zip(blocks.iter()) {
        tags.push(match tags.last() {
            None => root(audience_key, kid, block),
            Some(previous) => caveat(previous, index, block),
        });
    }
    tags
}

/// `HMAC(K, "airlock/aud/v1\0" ‖ audience)`.
#[cfg(feature = "mint")]
pub(crate) fn audience_key(issuer_key: &[u8; 32], audience: &str) -> [u8; 32] {
    let mut mac = keyed(issuer_key);
    mac.update(b"airlock/aud/v1\0");
    mac.update(audience.as_bytes());
    mac.finalize().into_bytes().into()
}

/// HMAC-SHA256 with its key taken in, which costs as much as two blocks of text: done once for each audience key. Wiped on drop.
pub(crate) type Keyed = Hmac<Sha256>;

/// HMAC-SHA256 under a 32-byte key. Padding it to the block size is what HMAC itself does, and cannot fail.
pub(crate) fn keyed(key: &[u8; 32]) -> Keyed {
    let mut padded = [0u8; 64];
    padded[..32].copy_from_slice(key);
    let mac = Hmac::<Sha256>::new(&padded.into());
    padded.zeroize();
    mac
}

/// Length prefix. Blocks are bounded far below 4 GiB before they come here.
fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2, with its key padded by hand: the padding in [`keyed`] changes nothing.
    #[test]
    fn padded_key_is_the_same_hmac() {
        let mut key = [0u8; 32];
        key[..4].copy_from_slice(b"Jefe");
        let mut mac = keyed(&key);
        mac.update(b"what do ya want for nothing?");
        assert_eq!(
            crate::lease::hex(&mac.finalize().into_bytes()),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn index_length_and_label_are_bound() {
        let key = [7u8; 32];
        let root_tag = root(&keyed(&key), "k1", b"{}");
        assert!(!root_tag.is(&root(&keyed(&key), "k", b"1{}")));
        assert!(!caveat(&root_tag, 1, b"{}").is(&caveat(&root_tag, 2, b"{}")));
        assert!(!caveat(&Tag(Zeroizing::new(key)), 0, b"k1\0{}").is(&root_tag));
    }
}
