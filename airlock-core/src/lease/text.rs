//! The text forms: `alk1.kid.B(0)[.B(i)…].B(T)` for bearers, `alp1.kid.B(0)[.B(i)…].ts.B(nonce).B(P)` for one call.

use super::mac::Tag;
use super::{BLOCK_MAX, CAVEATS_MAX, KID_MAX, LeaseFault, Presentation, TEXT_MAX, base64url};
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
    /// Time and nonce of the bound form.
    proof: Option<(&'a str, &'a str)>,
    /// MAC in base64url: of the last node, or the proof of a presentation.
    tag: &'a str,
}

/// A lease with its blocks as raw bytes.
pub(crate) struct Raw {
    /// At least one.
    pub(crate) blocks: Blocks,
    /// How it is presented, in the bound form.
    pub(crate) proof: Option<Presentation>,
    /// The MAC that the text carries: that of the last node, or of the presentation.
    pub(crate) tag: Tag,
}

/// A presentation with its MAC.
pub(crate) struct Proof {
    pub(crate) how: Presentation,
    pub(crate) mac: Tag,
}

/// Block bytes, root first: one after another in one buffer.
#[derive(Default)]
pub(crate) struct Blocks {
    bytes: Vec<u8>,
    /// Where each block ends: of so many.
    ends: [usize; 1 + CAVEATS_MAX],
    count: usize,
}

impl Blocks {
    /// The blocks, root first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let ends = &self.ends[..self.count];
        let starts = std::iter::once(0).chain(ends.iter().copied());
        starts.zip(ends).map(|(start, end)| &self.bytes[start..*end])
    }

    /// Appends a block. A lease has room for one more, or nothing is appended.
    pub(crate) fn push(&mut self, block: &[u8]) {
        if self.count < self.ends.len() {
            self.bytes.extend_from_slice(block);
            self.end();
        }
    }

    /// Ends a block behind the bytes that are there.
    fn end(&mut self) {
        if let Some(end) = self.ends.get_mut(self.count) {
            *end = self.bytes.len();
            self.count += 1;
        }
    }
}

/// Length, alphabet, prefix, number of parts, key id: in this order.
pub(crate) fn cut(text: &str) -> Result<Cut<'_>, LeaseFault> {
    let (cut, fault) = cut_whatever(text)?;
    fault.map_or(Ok(cut), Err)
}

/// The same, and of a text with a fault what can be cut all the same: whoever must not tell faults apart by their time goes on with it, and
/// refuses in the end. Without any parts there is nothing to go on with.
pub(crate) fn cut_whatever(text: &str) -> Result<(Cut<'_>, Option<LeaseFault>), LeaseFault> {
    const PARTS: LeaseFault = LeaseFault::Spelling("it must have 4 to 12 parts between dots, and 2 more in bound form");
    if text.len() > TEXT_MAX {
        return Err(LeaseFault::Length);
    }
    // Without a stop at the first bad byte the compiler tests many bytes at once; the text is short.
    let bad = |b: u8| !(b.is_ascii_alphanumeric() | (b == b'-') | (b == b'_') | (b == b'.'));
    let has_bad = text.bytes().fold(false, |any, b| any | bad(b));
    let (prefix, rest) = text.split_once('.').unwrap_or((text, ""));
    let cut = if prefix == BOUND { bound(rest) } else { bearer(rest) };
    let first = [
        (has_bad, LeaseFault::Spelling("it has a character outside A-Z a-z 0-9 - _ and dot")),
        (prefix != BEARER && prefix != BOUND, LeaseFault::Spelling("it starts with neither \"alk1.\" nor \"alp1.\"")),
    ];
    let first = first.into_iter().find_map(|(is_wrong, fault)| is_wrong.then_some(fault));
    let Some(cut) = cut.filter(|cut| cut.blocks.split('.').count() <= 1 + CAVEATS_MAX) else {
        return Err(first.unwrap_or(PARTS));
    };
    let last = [
        (!is_kid(cut.kid), LeaseFault::Spelling("its key id is not 1 to 16 of a-z 0-9 -")),
        (cut.proof.is_some_and(|(ts, _)| !is_number(ts)), LeaseFault::Spelling("its time is not a plain number of seconds")),
    ];
    let last = || last.into_iter().find_map(|(is_wrong, fault)| is_wrong.then_some(fault));
    Ok((cut, first.or_else(last)))
}

/// Key id, root block, MAC; and the caveats.
fn bearer(rest: &str) -> Option<Cut<'_>> {
    let (kid, rest) = rest.split_once('.')?;
    let (blocks, tag) = rest.rsplit_once('.')?;
    Some(Cut { kid, blocks, proof: None, tag })
}

/// Key id, root block, time, nonce, proof; and the caveats.
fn bound(rest: &str) -> Option<Cut<'_>> {
    let Cut { kid, blocks, proof: _, tag } = bearer(rest)?;
    let (blocks, nonce) = blocks.rsplit_once('.')?;
    let (blocks, ts) = blocks.rsplit_once('.')?;
    Some(Cut { kid, blocks, proof: Some((ts, nonce)), tag })
}

/// Decimal digits without leading zeros, at most those of 2^53 - 1.
fn is_number(text: &str) -> bool {
    (1..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'))
}

impl Cut<'_> {
    /// Is it the form for one call?
    pub(crate) const fn is_bound(&self) -> bool {
        self.proof.is_some()
    }

    /// Strict base64url (unpadded, zero trailing bits) and the size limits of blocks.
    pub(crate) fn decode(&self) -> Result<Raw, LeaseFault> {
        let (raw, fault) = self.decode_whatever();
        fault.map_or(Ok(raw), Err)
    }

    /// The same; of a text with a fault, something of the same size, with the first fault. It always decodes all.
    pub(crate) fn decode_whatever(&self) -> (Raw, Option<LeaseFault>) {
        let mut blocks = Blocks { bytes: Vec::with_capacity(self.blocks.len()), ..Blocks::default() };
        let of_blocks = self.blocks.split('.').fold(None, |fault, part| fault.or(decode_block(part, &mut blocks)));
        // Whoever reads the MAC can narrow the lease, so it alone is decoded in constant time; the blocks are no secret.
        let mut tag = Tag(Zeroizing::new([0; 32]));
        let whole = Base64UrlUnpadded::decode(self.tag, &mut *tag.0).is_ok_and(|bytes| bytes.len() == 32);
        let of_tag = (!whole).then_some(LeaseFault::Spelling("its last part is not the base64url of 32 bytes"));
        let (proof, of_proof) = self.proof.map(|(ts, nonce)| presentation(ts, nonce)).unzip();
        (Raw { blocks, proof, tag }, of_blocks.or(of_tag).or(of_proof.flatten()))
    }
}

fn presentation(ts: &str, nonce: &str) -> (Presentation, Option<LeaseFault>) {
    let mut bytes = [0; 16];
    let whole = base64url::decoded_len(nonce) == bytes.len() && base64url::decode(nonce, &mut bytes);
    let ts = ts.parse();
    let fault = LeaseFault::Spelling("its nonce is not the base64url of 16 bytes");
    let is_right = whole && ts.is_ok();
    (Presentation { ts: ts.unwrap_or(0), nonce: bytes }, (!is_right).then_some(fault))
}

fn decode_block(part: &str, blocks: &mut Blocks) -> Option<LeaseFault> {
    let start = blocks.bytes.len();
    let length = base64url::decoded_len(part);
    blocks.bytes.resize(start + length, 0);
    let is_strict = base64url::decode(part, &mut blocks.bytes[start..]);
    blocks.end();
    match length {
        _ if !is_strict => Some(LeaseFault::Spelling("a block is not strict unpadded base64url")),
        1..=BLOCK_MAX => None,
        0 => Some(LeaseFault::Spelling("a block is empty")),
        _ => Some(LeaseFault::Spelling("a block is longer than 1536 bytes")),
    }
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

/// Writes the bound form.
pub(crate) fn join_bound(kid: &str, blocks: &Blocks, proof: &Proof) -> String {
    let mut text = format!("{BOUND}.{kid}");
    for block in blocks.iter() {
        text.push('.');
        text.push_str(&Base64UrlUnpadded::encode_string(block));
    }
    let mac = Base64UrlUnpadded::encode_string(&proof.mac.0[..]);
    format!("{text}.{}.{}.{mac}", proof.how.ts, proof.how.nonce_text())
}

/// `1*16(a-z / 0-9 / "-")`.
pub(crate) fn is_kid(kid: &str) -> bool {
    (1..=KID_MAX).contains(&kid.len()) && kid.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
