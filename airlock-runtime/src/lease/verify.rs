//! From a text to an [`Authority`], in the order of checks that the format fixes.
//!
//! Length, alphabet, key id, base64, MAC over the raw bytes, and only then a parser. Revocation, tools, hosts, risk and counters
//! are decided later, from the [`Authority`]; this part has no state.

use super::mac::{self, Tag};
use super::text::{self, Blocks, Cut, Raw};
use super::{AudienceKey, Authority, Caveat, KeyRing, LeaseFault, Root, TEXT_MAX, Terms};
use crate::clock::Micros;
use crate::limits::CLOCK_SKEW_S;

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

/// Verifies a lease in bearer form.
///
/// # Errors
/// The first check that fails, in the order of [`LeaseFault`]'s variants.
pub fn verify(text: &str, keys: &KeyRing, expect: &Expect<'_>) -> Result<Authority, LeaseFault> {
    let authentic = authenticate(text, keys)?;
    let terms = authentic.fold()?;
    let seconds = expect.now.seconds();
    // Authentic means that the key was found; without one nothing is accepted.
    keys.find(&terms.kid).ok_or(LeaseFault::UnknownKey)?.term().accepts(terms.iat, seconds)?;
    let from = terms.nbf.max(terms.iat);
    if seconds.saturating_add(CLOCK_SKEW_S) < from {
        return Err(LeaseFault::NotYet(from));
    }
    if seconds >= terms.exp {
        return Err(LeaseFault::Expired(terms.exp));
    }
    if terms.root.aud != expect.aud {
        return Err(LeaseFault::Audience);
    }
    if terms.sid != expect.sid {
        return Err(LeaseFault::Session);
    }
    if terms.root.ih != expect.intent {
        return Err(LeaseFault::Intent);
    }
    if terms.pop {
        return Err(LeaseFault::Possession);
    }
    if !terms.approvals.is_empty() {
        return Err(LeaseFault::Approval);
    }
    Ok(Authority::new(terms))
}

/// Blocks whose MAC is right, not parsed yet.
pub(crate) struct Authentic<'a> {
    pub(crate) kid: &'a str,
    blocks: Blocks,
    tags: Vec<Tag>,
}

/// Everything before the parser. Every refusal costs about one MAC, so that its time does not tell which check refused.
pub(crate) fn authenticate<'a>(text: &'a str, keys: &KeyRing) -> Result<Authentic<'a>, LeaseFault> {
    let spelled = text::cut(text).inspect_err(|_| spend(text))?;
    let key = keys.find(spelled.kid);
    let (key, raw) = match (key, spelled.decode()) {
        // The key id is looked at before the base64, so its fault comes first.
        (None, decoded) => {
            match decoded {
                Ok(raw) => drop(mac::chain(&mac::keyed(&DUMMY_KEY), spelled.kid, &raw.blocks)),
                Err(_) => spend(text),
            }
            return Err(LeaseFault::UnknownKey);
        }
        (Some(_), Err(fault)) => {
            spend(text);
            return Err(fault);
        }
        (Some(key), Ok(raw)) => (key, raw),
    };
    check_mac(&spelled, key, raw)
}

fn check_mac<'a>(spelled: &Cut<'a>, key: &AudienceKey, raw: Raw) -> Result<Authentic<'a>, LeaseFault> {
    let tags = mac::chain(key.keyed(), spelled.kid, &raw.blocks);
    match tags.last() {
        Some(last) if last.is(&raw.tag) => Ok(Authentic { kid: spelled.kid, blocks: raw.blocks, tags }),
        Some(_) | None => Err(LeaseFault::Mac),
    }
}

/// A key that no lease is signed with: what is computed with it is thrown away.
const DUMMY_KEY: [u8; 32] = [0; 32];

/// Spends the time of a MAC over a text that has none to check.
fn spend(text: &str) {
    let bytes = text.as_bytes();
    drop(mac::root(&mac::keyed(&DUMMY_KEY), "", std::hint::black_box(&bytes[..bytes.len().min(TEXT_MAX)])));
}

impl Authentic<'_> {
    /// Parses every block and folds them: the terms are the conjunction of all.
    pub(crate) fn fold(&self) -> Result<Terms, LeaseFault> {
        let mut nodes = self.blocks.iter().zip(&self.tags);
        let (first, tag) = nodes.next().ok_or(NO_ROOT)?;
        let mut terms = Terms::of_root(self.kid, Root::parse(first)?, tag.rid());
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
