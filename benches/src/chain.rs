//! The floor of a lease check: its HMAC chain alone, over blocks that are cut and decoded already. Written from `docs/lease.md`, so
//! it also shows that the format can be checked without our code.

use crate::Fault;
use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A lease cut at its dots and decoded.
pub struct Decoded {
    kid: String,
    blocks: Vec<Vec<u8>>,
    tag: Vec<u8>,
}

/// Cuts and decodes `alk1.<kid>.<block>…​.<tag>`.
///
/// # Errors
/// Not base64url.
pub fn decode(lease: &str) -> Result<Decoded, Fault> {
    let mut parts = lease.split('.').skip(1);
    let kid = parts.next().ok_or("no key id")?.to_owned();
    let mut blocks = parts.map(Base64UrlUnpadded::decode_vec).collect::<Result<Vec<_>, _>>().map_err(|e| e.to_string())?;
    let tag = blocks.pop().ok_or("no tag")?;
    Ok(Decoded { kid, blocks, tag })
}

impl Decoded {
    /// Computes the chain; true if its end is the tag of the lease.
    #[must_use]
    pub fn holds(&self, key: &[u8; 32]) -> bool {
        let mut tag = *key;
        for (index, block) in (0u32..).zip(&self.blocks) {
            let mut mac = Hmac::<Sha256>::new_from_slice(&tag).expect("any length is a key");
            let (label, head): (&[u8], &[&[u8]]) = match index {
                0 => (b"airlock/lease/v1/root\0", &[self.kid.as_bytes(), &[0]]),
                _ => (b"airlock/lease/v1/caveat\0", &[]),
            };
            let length = head.iter().map(|part| part.len()).sum::<usize>() + block.len();
            mac.update(label);
            mac.update(&index.to_be_bytes());
            mac.update(&u32::try_from(length).expect("a short block").to_be_bytes());
            head.iter().for_each(|part| mac.update(part));
            mac.update(block);
            tag = mac.finalize().into_bytes().into();
        }
        self.tag == tag
    }
}
