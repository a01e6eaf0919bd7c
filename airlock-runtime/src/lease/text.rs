//! The text form: `alk1.kid.B(0)[.B(i)…].B(T)`.

use super::mac::Tag;
use super::{BLOCK_MAX, CAVEATS_MAX, KID_MAX, LeaseFault, TEXT_MAX};
use base64ct::{Base64UrlUnpadded, Encoding};
use zeroize::Zeroizing;

/// Prefix of the bearer form.
const BEARER: &str = "alk1";
/// Prefix of the bound form.
const BOUND: &str = "alp1";

/// A text cut at its dots: nothing decoded, nothing parsed.
pub(crate) struct Cut<'a> {
    /// Key id, of the right shape.
    pub(crate) kid: &'a str,
    /// Blocks in base64url, root first, at least one.
    blocks: Vec<&'a str>,
    /// MAC in base64url.
    tag: &'a str,
}

/// A lease with its blocks as raw bytes.
pub(crate) struct Raw {
    /// Block bytes, root first, at least one.
    pub(crate) blocks: Vec<Vec<u8>>,
    /// The MAC that the text carries.
    pub(crate) tag: Tag,
}

/// Length, alphabet, prefix, number of parts, key id: in this order.
pub(crate) fn cut(text: &str) -> Result<Cut<'_>, LeaseFault> {
    if text.len() > TEXT_MAX {
        return Err(LeaseFault::Length);
    }
    // Without a stop at the first bad byte the compiler tests many bytes at once; the text is short.
    let bad = |b: u8| !(b.is_ascii_alphanumeric() | (b == b'-') | (b == b'_') | (b == b'.'));
    if text.bytes().fold(false, |any, b| any | bad(b)) {
        return Err(LeaseFault::Spelling("it has a character outside A-Z a-z 0-9 - _ and dot"));
    }
    let mut parts: Vec<&str> = text.split('.').collect();
    match parts[0] {
        BEARER => {}
        BOUND => return Err(LeaseFault::Form),
        _ => return Err(LeaseFault::Spelling("it does not start with \"alk1.\"")),
    }
    // Prefix, key id, root block, MAC; and the caveats.
    if !(4..=4 + CAVEATS_MAX).contains(&parts.len()) {
        return Err(LeaseFault::Spelling("it must have 4 to 12 parts between dots"));
    }
    if !is_kid(parts[1]) {
        return Err(LeaseFault::Spelling("its key id is not 1 to 16 of a-z 0-9 -"));
    }
    let kid = parts[1];
    let tag = parts.pop().unwrap_or_default();
    Ok(Cut { kid, blocks: parts.split_off(2), tag })
}

impl Cut<'_> {
    /// Strict base64url (unpadded, zero trailing bits) and the size limits of blocks.
    pub(crate) fn decode(&self) -> Result<Raw, LeaseFault> {
        let blocks = self.blocks.iter().map(|part| decode_block(part)).collect::<Result<_, _>>()?;
        let mut tag = Tag(Zeroizing::new([0; 32]));
        let whole = Base64UrlUnpadded::decode(self.tag, &mut *tag.0).is_ok_and(|bytes| bytes.len() == 32);
        if !whole {
            return Err(LeaseFault::Spelling("its last part is not the base64url of 32 bytes"));
        }
        Ok(Raw { blocks, tag })
    }
}

fn decode_block(part: &str) -> Result<Vec<u8>, LeaseFault> {
    let block =
        Base64UrlUnpadded::decode_vec(part).map_err(|_| LeaseFault::Spelling("a block is not strict unpadded base64url"))?;
    match block.len() {
        1..=BLOCK_MAX => Ok(block),
        0 => Err(LeaseFault::Spelling("a block is empty")),
        _ => Err(LeaseFault::Spelling("a block is longer than 1536 bytes")),
    }
}

/// Writes the text form.
pub(crate) fn join(kid: &str, blocks: &[Vec<u8>], tag: &Tag) -> String {
    let mut text = format!("{BEARER}.{kid}");
    for block in blocks.iter().map(Vec::as_slice).chain([&tag.0[..]]) {
        text.push('.');
        text.push_str(&Base64UrlUnpadded::encode_string(block));
    }
    text
}

/// `1*16(a-z / 0-9 / "-")`.
pub(crate) fn is_kid(kid: &str) -> bool {
    (1..=KID_MAX).contains(&kid.len()) && kid.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
