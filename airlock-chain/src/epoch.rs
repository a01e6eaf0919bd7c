//! Epoch keys: beside the log key, checkpoints are signed with a key that lives for minutes (`docs/ledger.md`, "Epochs").
//!
//! ```text
//! line 0   …,"epk":"<base64 key of epoch 0>"}
//! line n   "t":"keyroll","epoch":e+1,"epk":"<base64 key of epoch e+1>","sig":"<base64>"}
//! sig    = Ed25519(key of epoch e, "airlock/keyroll/v1\0" ‖ be64(n) ‖ tree head of the first n entries ‖ be64(e+1) ‖ key of epoch e+1)
//! ```
//!
//! A `keyroll` line is the last word of a key: it signs all entries before it and names the next key. After that its secret is erased, so
//! whoever takes over the host later cannot sign another history up to there. All that is needed to check it stands in the chain.

use super::chain::Hash;
use super::line::Line;
use airlock_core::clock::Micros;
use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signature, VerifyingKey};
use serde::Deserialize;

/// How the body of a line begins that rolls the key.
pub(super) const KEYROLL: &[u8] = b"\"t\":\"keyroll\",";

/// Time after which the next entry rolls the key, microseconds: what somebody who takes over the host can still sign anew. A roll is one
/// line and five syncs, so that ten minutes cost a busy ledger nothing that can be measured, and an idle one nothing at all.
pub(super) const EPOCH_AGE: u64 = 10 * 60 * 1_000_000;

/// The key that signs at some place of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Epoch {
    /// Counts from 0.
    pub(super) number: u64,
    /// The public key.
    pub(super) key: VerifyingKey,
    /// Entries up to and with the one that names the key. All but that one are signed by the key before.
    pub(super) since: u64,
    /// Time of that entry.
    pub(super) began: Micros,
}

/// The members of line 0 that count here.
#[derive(Deserialize)]
struct First {
    epk: Option<String>,
}

impl Epoch {
    /// What line 0 says. `None`: the ledger has no epoch keys.
    pub(super) fn first(line: &Line<'_>) -> Result<Option<Self>, &'static str> {
        if !line.body.starts_with(b"\"t\":\"genesis\",") {
            return Ok(None);
        }
        let text = [b"{", line.body].concat();
        let first: First = serde_json::from_slice(&text).map_err(|_| "it is not JSON, or its epk is no text")?;
        let Some(epk) = first.epk else { return Ok(None) };
        let key = key_of(&epk).ok_or("its epk is no key")?;
        Ok(Some(Self { number: 0, key, since: 1, began: line.micros().unwrap_or(Micros(0)) }))
    }

    /// What a line says that rolls the key of this epoch, if this key has signed it. `root` is the head of the tree before the line.
    pub(super) fn next(&self, line: &Line<'_>, root: &Hash) -> Result<Self, &'static str> {
        let (number, key, signature) = parse(line.body).ok_or("it is not a keyroll of the one form")?;
        if Some(number) != self.number.checked_add(1) {
            return Err("it names another epoch than the next");
        }
        let message = message(line.seq, root, number, &key);
        self.key.verify_strict(&message, &signature).map_err(
            |_| "the key of the epoch that it ends has not signed it: an entry before it was changed, or somebody else wrote it",
        )?;
        Ok(Self { number, key, since: line.seq + 1, began: line.micros().unwrap_or(self.began) })
    }

    /// Has it, with so many entries in all, one but the entry that began it?
    pub(super) const fn has_entries(&self, entries: u64) -> bool {
        entries > self.since
    }

    /// Is it time for the next key? An epoch without an entry of its own is not ended.
    pub(super) const fn is_over(&self, entries: u64, now: Micros, age: u64) -> bool {
        self.has_entries(entries) && now.0 >= self.began.0.saturating_add(age)
    }
}

/// What the key of an epoch signs at its end.
pub(super) fn message(entries: u64, root: &Hash, number: u64, key: &VerifyingKey) -> Vec<u8> {
    [b"airlock/keyroll/v1\0".as_slice(), &entries.to_be_bytes(), root, &number.to_be_bytes(), key.as_bytes()].concat()
}

/// Body of the line that begins epoch `number`.
pub(super) fn body(number: u64, key: &VerifyingKey, signature: &Signature) -> Vec<u8> {
    let (key, signature) = (Base64::encode_string(key.as_bytes()), Base64::encode_string(&signature.to_bytes()));
    format!("\"t\":\"keyroll\",\"epoch\":{number},\"epk\":\"{key}\",\"sig\":\"{signature}\"}}").into_bytes()
}

fn parse(body: &[u8]) -> Option<(u64, VerifyingKey, Signature)> {
    let text = std::str::from_utf8(body.strip_prefix(KEYROLL)?).ok()?;
    let (digits, rest) = text.strip_prefix("\"epoch\":")?.split_once(",\"epk\":\"")?;
    let number: u64 = digits.parse().ok().filter(|number: &u64| number.to_string() == digits)?;
    let (key, rest) = rest.split_once("\",\"sig\":\"")?;
    let (signature, end) = rest.split_once('"')?;
    let signature = Signature::from_slice(&Base64::decode_vec(signature).ok()?).ok()?;
    // Behind it stands nothing, or what a line says of revocations.
    (end == "}" || end.starts_with(",\"rv\":\"")).then_some((number, key_of(key)?, signature))
}

fn key_of(text: &str) -> Option<VerifyingKey> {
    VerifyingKey::from_bytes(&Base64::decode_vec(text).ok()?.try_into().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line;
    use ed25519_dalek::{Signer, SigningKey};

    fn secret(byte: u8) -> SigningKey {
        SigningKey::from_bytes(&[byte; 32])
    }

    fn line_of(seq: u64, body: &[u8]) -> Vec<u8> {
        line::build(seq, &[1; 32], Micros(7), body)
    }

    fn epoch() -> Epoch {
        Epoch { number: 3, key: secret(3).verifying_key(), since: 2, began: Micros(5) }
    }

    fn roll(by: u8, seq: u64, root: &Hash, number: u64) -> Vec<u8> {
        let key = secret(4).verifying_key();
        line_of(seq, &body(number, &key, &secret(by).sign(&message(seq, root, number, &key))))
    }

    #[test]
    fn a_key_is_followed_by_the_one_that_it_signed_at_that_place() {
        let text = roll(3, 9, &[8; 32], 4);
        let next = epoch().next(&line::parse(&text).unwrap(), &[8; 32]).unwrap();
        assert_eq!(next, Epoch { number: 4, key: secret(4).verifying_key(), since: 10, began: Micros(7) });
        let refused = |text: &[u8], root| epoch().next(&line::parse(text).unwrap(), &root).unwrap_err();
        assert!(refused(&text, [9; 32]).contains("has not signed it"));
        assert!(refused(&roll(4, 9, &[8; 32], 4), [8; 32]).contains("has not signed it"));
        assert!(refused(&roll(3, 9, &[8; 32], 5), [8; 32]).contains("another epoch"));
        let moved = String::from_utf8(text.clone()).unwrap().replacen("\"seq\":9", "\"seq\":8", 1);
        assert!(refused(moved.as_bytes(), [8; 32]).contains("has not signed it"));
        let stamped = String::from_utf8(text.clone()).unwrap().replace("\"}", "\",\"rv\":\"1:00\"}");
        assert!(epoch().next(&line::parse(stamped.as_bytes()).unwrap(), &[8; 32]).is_ok());
        for (from, to) in
            [("\"epoch\":4", "\"epoch\":04"), ("\"sig\"", "\"x\":1,\"sig\""), ("==\"}", "==\",\"epk\":\"\"}"), ("=\",", "\",")]
        {
            let other = String::from_utf8(text.clone()).unwrap().replacen(from, to, 1);
            assert!(refused(other.as_bytes(), [8; 32]).contains("one form"), "{to}");
        }
    }

    #[test]
    fn line_0_names_the_first_key_or_none() {
        let first = |body: &str| Epoch::first(&line::parse(&line_of(0, body.as_bytes())).unwrap());
        assert_eq!(first("\"t\":\"genesis\",\"v\":1}"), Ok(None));
        assert_eq!(first("\"t\":\"other\",\"epk\":\"AA\"}"), Ok(None));
        let key = Base64::encode_string(secret(1).verifying_key().as_bytes());
        assert_eq!(first(&format!("\"t\":\"genesis\",\"epk\":\"{key}\"}}")).unwrap().map(|epoch| epoch.number), Some(0));
        for bad in ["\"AA\"", "7", "\"\""] {
            assert!(first(&format!("\"t\":\"genesis\",\"epk\":{bad}}}")).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_epoch_ends_with_its_time_and_not_while_it_is_empty() {
        let end = Micros(5 + EPOCH_AGE);
        let is_over = |entries, now| epoch().is_over(entries, now, EPOCH_AGE);
        assert!(is_over(3, end) && !is_over(2, end) && !is_over(3, Micros(end.0 - 1)));
    }
}
