//! Leases that no writer of ours makes, after `docs/lease.md` alone: the MAC is right, what it covers is not acceptable.

use crate::place::KEY_BYTES;
use sha2::{Digest, Sha256};

/// A lease of these blocks, signed with the tests' key `k1`.
pub fn lease(root: &[u8], caveats: &[&[u8]]) -> String {
    let named = [b"k1\0", root].concat();
    let mut tag = hmac(&KEY_BYTES, &[b"airlock/lease/v1/root\0", &[0; 4], &length(&named), &named]);
    let mut text = format!("alk1.k1.{}", base64url(root));
    for (block, index) in caveats.iter().zip(1u32..) {
        tag = hmac(&tag, &[b"airlock/lease/v1/caveat\0", &index.to_be_bytes(), &length(block), block]);
        text = format!("{text}.{}", base64url(block));
    }
    format!("{text}.{}", base64url(&tag))
}

/// The root block of a lease of ours, as text.
pub fn root(lease: &str) -> String {
    let block = lease.split('.').nth(2).unwrap();
    let value = |digit: u8| u32::try_from(DIGITS.iter().position(|known| *known == digit).unwrap()).unwrap();
    let mut bytes = Vec::new();
    for group in block.as_bytes().chunks(4) {
        let bits = group.iter().fold(0, |bits, digit| bits << 6 | value(*digit)) << (6 * (4 - group.len()));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    String::from_utf8(bytes).unwrap()
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn base64url(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0usize, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - group.len()));
        let digits = (0..=group.len()).map(|n| char::from(DIGITS[bits >> (18 - 6 * n) & 63]));
        text.extend(digits);
    }
    text
}

fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap().to_be_bytes()
}

/// HMAC-SHA256 (RFC 2104) with a key of 32 bytes.
fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let pad = |with: u8| {
        let mut block = [with; 64];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = parts.iter().fold(Sha256::new().chain_update(pad(0x36)), |digest, part| digest.chain_update(part)).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}
