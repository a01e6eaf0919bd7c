//! From a text to an [`Authority`], in the order of checks that the format fixes.
//!
//! Length, alphabet, key id, base64, MAC over the raw bytes, and only then a parser. Revocation, tools, hosts, risk and counters
//! are decided later, from the [`Authority`]; this part has no state.

use super::mac::{self, Keyed, Tag};
use super::text::{self, Blocks, Cut, Raw};
use super::{AudienceKey, Authority, Caveat, KeyRing, LeaseFault, Presentation, Root, TEXT_MAX, Terms};
use crate::clock::Micros;
use crate::limits::CLOCK_SKEW_S;
use std::hint::black_box;

/// What the lease must have been issued for.
#[derive(Debug, Clone, Copy)]
pub struct Expect<'a> {
    /// Name of this gateway.
    pub aud: &'a str,
    /// Session id that the caller claims.
    pub sid: &'a str,
    /// [`super::intent_hash`] of the intent that the caller claims.
    pub intent: [u8; 32],
    /// Now.
    pub now: Micros,
}

/// Verifies a lease in bearer form; [`verify_call`] takes both forms.
///
/// # Errors
/// The first check that fails, in the order of [`LeaseFault`]'s variants.
pub fn verify(text: &str, keys: &KeyRing, expect: &Expect<'_>) -> Result<Authority, LeaseFault> {
    verify_call(text, keys, expect, || None)
}

/// Verifies a lease that came with a call. `request` gives the request digest of that call ([`super::request_digest`]), or nothing
/// if it has none; it is asked for the bound form alone. Whether the nonce of that form is fresh is decided later, with the counters.
///
/// # Errors
/// The first check that fails, in the order of [`LeaseFault`]'s variants.
pub fn verify_call(
    text: &str,
    keys: &KeyRing,
    expect: &Expect<'_>,
    request: impl FnOnce() -> Option<[u8; 32]>,
) -> Result<Authority, LeaseFault> {
    let authentic = authenticate(text, keys, request)?;
    let terms = authentic.fold()?;
    let seconds = expect.now.seconds();
    // Authentic means that the key was found; without one nothing is accepted.
    keys.find(&terms.kid).ok_or(LeaseFault::UnknownKey)?.term().accepts(terms.root.iat, seconds)?;
    let from = terms.nbf.max(terms.root.iat);
    if seconds.saturating_add(CLOCK_SKEW_S) < from {
        return Err(LeaseFault::NotYet(from));
    }
    if seconds >= terms.exp {
        return Err(LeaseFault::Expired(terms.exp));
    }
    if terms.root.aud != expect.aud {
        return Err(LeaseFault::Audience);
    }
    if terms.root.sid != expect.sid {
        return Err(LeaseFault::Session);
    }
    if terms.root.ih != expect.intent {
        return Err(LeaseFault::Intent);
    }
    match &authentic.proof {
        Some(proof) => proof.check_time(seconds)?,
        None if terms.pop => return Err(LeaseFault::Possession),
        None => {}
    }
    Ok(Authority::new(terms, authentic.proof))
}

/// Blocks whose MAC is right, not parsed yet.
pub(crate) struct Authentic<'a> {
    pub(crate) kid: &'a str,
    blocks: Blocks,
    tags: Vec<Tag>,
    proof: Option<Presentation>,
}

/// Everything before the parser. Whatever is wrong with a text, it is decoded and the chain of its blocks is computed, under a key that
/// signs nothing if there is no other, and only then is it refused: so the time of a refusal does not tell which fault it was. What has no
/// parts to compute a chain of gets MACs over its characters instead. The longest text is [`TEXT_MAX`] bytes, so no text is expensive.
pub(crate) fn authenticate<'a>(
    text: &'a str,
    keys: &KeyRing,
    request: impl FnOnce() -> Option<[u8; 32]>,
) -> Result<Authentic<'a>, LeaseFault> {
    let (spelled, misspelled) = text::cut_whatever(text).inspect_err(|_| spend(text, keys))?;
    let request = if spelled.is_bound() { request() } else { None };
    let key = keys.find(spelled.kid);
    let (raw, undecodable) = spelled.decode_whatever();
    let checked = check_mac(spelled, key.map_or(keys.nobody(), AudienceKey::keyed), raw, request);
    // In the order that the format fixes. Used as if it mattered, or the compiler would leave out what is thrown away.
    let unknown = key.is_none().then_some(LeaseFault::UnknownKey);
    match misspelled.or(unknown).or(undecodable) {
        Some(fault) => {
            drop(black_box(checked));
            Err(fault)
        }
        None => checked,
    }
}

/// The chain must end in the MAC of the text, or in one that the proof of the text was made with.
fn check_mac<'a>(spelled: Cut<'a>, key: &Keyed, raw: Raw, request: Option<[u8; 32]>) -> Result<Authentic<'a>, LeaseFault> {
    let Raw { blocks, proof, tag } = raw;
    let tags = mac::chain(key, spelled.kid, &blocks);
    let last = tags.last().ok_or(LeaseFault::Mac)?;
    let is_right = match (&proof, request) {
        (None, _) => last.is(&tag),
        (Some(how), Some(request)) => how.proof(last, &request).is(&tag),
        (Some(_), None) => return Err(LeaseFault::Form),
    };
    if is_right { Ok(Authentic { kid: spelled.kid, blocks, tags, proof }) } else { Err(LeaseFault::Mac) }
}

/// Spends the time of a check on a text that has no parts to check. Nothing of it is decoded: MACs over two and a half times its characters
/// take about as long as decoding a lease of this length with one caveat, and computing its chain. What each refusal takes is measured
/// (`timing` in `benches`).
fn spend(text: &str, keys: &KeyRing) {
    let bytes = text.as_bytes();
    let all = &bytes[..bytes.len().min(TEXT_MAX)];
    for part in [all, all, &all[..all.len() / 2]] {
        drop(black_box(mac::root(keys.nobody(), "", part)));
    }
}

impl Authentic<'_> {
    /// Parses every block and folds them: the terms are the conjunction of all.
    pub(crate) fn fold(&self) -> Result<Terms, LeaseFault> {
        let mut nodes = self.blocks.iter().zip(&self.tags);
        let (first, tag) = nodes.next().ok_or(NO_ROOT)?;
        let mut terms = Terms::of_root(self.kid, Root::parse(first)?, tag.rid(), self.tags.len());
        let mut added = 0;
        for (index, (block, tag)) in (1u8..).zip(nodes) {
            terms.narrow(Caveat::parse(block, index)?, tag.rid());
            added += 1;
        }
        check_depth(added, &terms.root)?;
        Ok(terms)
    }
}

const NO_ROOT: LeaseFault = LeaseFault::Spelling("it has no root block");

/// Parses every block, and checks the number of caveats.
pub(crate) fn parse(blocks: &Blocks) -> Result<(Root, Vec<Caveat>), LeaseFault> {
    let mut blocks = blocks.iter();
    let root = Root::parse(blocks.next().ok_or(NO_ROOT)?)?;
    let caveats: Vec<Caveat> = (1u8..).zip(blocks).map(|(index, block)| Caveat::parse(block, index)).collect::<Result<_, _>>()?;
    check_depth(caveats.len() as u64, &root)?;
    Ok((root, caveats))
}

/// The issuer says how many caveats may be added.
const fn check_depth(added: u64, root: &Root) -> Result<(), LeaseFault> {
    if added <= root.dep { Ok(()) } else { Err(LeaseFault::Depth) }
}
