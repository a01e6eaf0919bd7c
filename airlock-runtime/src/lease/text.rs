//! The text form: `alk1.kid.B(0)[.B(i)…].B(T)`.

use super::mac::Tag;
use super::{BLOCK_MAX, CAVEATS_MAX, KID_MAX, LeaseFault, TEXT_MAX, base64url};
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
    /// Blocks in base64url with dots between, root first, at least one.
    blocks: &'a str,
    /// MAC in base64url.
    tag: &'a str,
}

/// A lease with its blocks as raw bytes.
pub(crate) struct Raw {
    /// At least one.
    pub(crate) blocks: Blocks,
    /// The MAC that the text carries.
    pub(crate) tag: Tag,
}

/// Block bytes, root first: one after another in one buffer.
#[derive(Default)]
pub(crate) struct Blocks {
    bytes: Vec<u8>,
    /// Where each block ends.
    ends: Vec<usize>,
}

impl Blocks {
    /// The blocks, root first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }

    /// Appends a block.
    pub(crate) fn push(&mut self, block: &[u8]) {
        self.bytes.extend_from_slice(block);
        self.ends.push(self.bytes.len());
    }
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
    let (prefix, rest) = text.split_once('.').unwrap_or((text, ""));
    match prefix {
        BEARER => {}
        BOUND => return Err(LeaseFault::Form),
        _ => return Err(LeaseFault::Spelling("it does not start with \"alk1.\"")),
    }
    // After the prefix: key id, root block, MAC; and the caveats.
    let parts = rest.split_once('.').and_then(|(kid, rest)| Some((kid, rest.rsplit_once('.')?)));
    let Some((kid, (blocks, tag))) = parts.filter(|(_, (blocks, _))| blocks.split('.').count() <= 1 + CAVEATS_MAX) else {
        return Err(LeaseFault::Spelling("it must have 4 to 12 parts between dots"));
    };
    if !is_kid(kid) {
        return Err(LeaseFault::Spelling("its key id is not 1 to 16 of a-z 0-9 -"));
    }
    Ok(Cut { kid, blocks, tag })
}

impl Cut<'_> {
    /// Strict base64url (unpadded, zero trailing bits) and the size limits of blocks.
    pub(crate) fn decode(&self) -> Result<Raw, LeaseFault> {
        let mut blocks = Blocks { bytes: Vec::with_capacity(self.blocks.len()), ends: Vec::with_capacity(1 + CAVEATS_MAX) };
        self.blocks.split('.').try_for_each(|part| decode_block(part, &mut blocks))?;
        // Whoever reads the MAC can narrow the lease, so it alone is decoded in constant time; the blocks are no secret.
        let mut tag = Tag(Zeroizing::new([0; 32]));
        let whole = Base64UrlUnpadded::decode(self.tag, &mut *tag.0).is_ok_and(|bytes| bytes.len() == 32);
        if !whole {
            return Err(LeaseFault::Spelling("its last part is not the base64url of 32 bytes"));
        }
        Ok(Raw { blocks, tag })
    }
}

fn decode_block(part: &str, blocks: &mut Blocks) -> Result<(), LeaseFault> {
    let start = blocks.bytes.len();
    let length = base64url::decoded_len(part);
    blocks.bytes.resize(start + length, 0);
    if !base64url::decode(part, &mut blocks.bytes[start..]) {
        return Err(LeaseFault::Spelling("a block is not strict unpadded base64url"));
    }
    match length {
        1..=BLOCK_MAX => blocks.ends.push(start + length),
        0 => return Err(LeaseFault::Spelling("a block is empty")),
        _ => return Err(LeaseFault::Spelling("a block is longer than 1536 bytes")),
    }
    Ok(())
}

/// Writes the text form.
pub(crate) fn join(kid: &str, blocks: &Blocks, tag: &Tag) -> String {
    let mut text = format!("{BEARER}.{kid}");
    for block in blocks.iter().chain([&tag.0[..]]) {
        text.push('.');
        text.push_str(&Base64UrlUnpadded::encode_string(block));
    }
    text
}

/// `1*16(a-z / 0-9 / "-")`.
pub(crate) fn is_kid(kid: &str) -> bool {
    (1..=KID_MAX).contains(&kid.len()) && kid.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
