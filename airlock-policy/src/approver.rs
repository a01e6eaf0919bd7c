//! Keys of approvers: Ed25519 public keys in a manifest.

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::VerifyingKey;

/// How the text of a key begins.
const PREFIX: &str = "ed25519:";

/// The bytes of a key from its text, `ed25519:` and the base64url of 32 bytes; nothing for any other text, and for bytes that are no
/// point of the curve, another spelling of one, or a point with a part of small order, for which signatures verify that its holder
/// never made.
#[must_use]
pub fn key(text: &str) -> Option<[u8; 32]> {
    read(text).ok()
}

/// The same, with what is wrong.
pub(crate) fn read(text: &str) -> Result<[u8; 32], &'static str> {
    let mut bytes = [0; 32];
    let body = text.strip_prefix(PREFIX).ok_or("a key is `ed25519:` and 43 characters of base64url")?;
    if !Base64UrlUnpadded::decode(body, &mut bytes).is_ok_and(|read| read.len() == 32) {
        return Err("a key is `ed25519:` and the base64url of 32 bytes: 43 characters, no padding");
    }
    let point =
        VerifyingKey::from_bytes(&bytes).map_err(|_| "these 32 bytes are no Ed25519 public key: no point of the curve")?;
    let edwards = point.to_edwards();
    if edwards.compress().to_bytes() != bytes {
        return Err("these 32 bytes are another spelling of an Ed25519 public key");
    }
    if point.is_weak() || !edwards.is_torsion_free() {
        return Err("this point has a part of small order: others could make signatures that verify under it");
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8; 32]) -> String {
        format!("{PREFIX}{}", Base64UrlUnpadded::encode_string(bytes))
    }

    fn from_hex(hex: &str) -> [u8; 32] {
        std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
    }

    #[test]
    fn honest_keys_are_read() {
        // RFC 8032, 7.1, test 1.
        let known = from_hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        assert_eq!(read(&text(&known)), Ok(known));
    }

    #[test]
    fn points_that_others_can_sign_for_are_refused() {
        // The eight points of small order, as they are commonly listed, and spellings of them beyond the field.
        let small = [
            "0100000000000000000000000000000000000000000000000000000000000000",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000080",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ];
        for hex in small {
            assert!(read(&text(&from_hex(hex))).is_err(), "{hex}");
        }
        // An honest point and one of order 8 together.
        let honest = VerifyingKey::from_bytes(&from_hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"));
        let order_8 = VerifyingKey::from_bytes(&from_hex(small[4])).unwrap().to_edwards();
        let mixed = (honest.unwrap().to_edwards() + order_8).compress().to_bytes();
        assert!(!VerifyingKey::from_bytes(&mixed).unwrap().is_weak(), "the simple test does not see it");
        assert!(read(&text(&mixed)).is_err());
    }

    #[test]
    fn a_key_has_one_spelling() {
        let good = text(&from_hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"));
        let respelled = format!("{}b", &good[..good.len() - 1]);
        for bad in [
            "",
            "ed25519:",
            &good[8..],
            &format!("{good}="),
            &good.replace("ed25519", "Ed25519"),
            &respelled,
            &format!("{good}A"),
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
