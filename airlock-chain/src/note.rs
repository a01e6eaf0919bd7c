//! Checkpoints: a C2SP signed note (`tlog-checkpoint`) over the size and the head of the tree.
//!
//! ```text
//! weather
//! 256
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!
//! — weather Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
//! ```

use super::chain::{Hash, Range};
use super::epoch::Epoch;
use base64ct::{Base64, Encoding};
pub use ed25519_dalek::VerifyingKey as Key;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use std::fmt;

/// Longest note read: a checkpoint with a dozen cosignatures has 2 KiB.
pub(super) const NOTE_MAX: usize = 64 * 1024;
/// Type byte of Ed25519 in key ids and verifier keys.
const ED25519: u8 = 1;

/// A statement about a ledger: its first `n` entries have this tree head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Name of the gateway.
    pub origin: String,
    /// Number of entries.
    pub n: u64,
    /// Merkle tree head.
    pub root: Hash,
}

/// Why a note proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteFault {
    /// It is not a checkpoint in the one spelling that is accepted.
    Malformed,
    /// No signature line is of the given key.
    OtherKey,
    /// The signature of the given key does not fit the text.
    BadSignature,
}

impl Checkpoint {
    /// The statement about a range.
    pub(super) fn of(origin: &str, range: &Range) -> Self {
        Self { origin: origin.to_owned(), n: range.len(), root: range.root() }
    }

    pub(super) fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.n, Base64::encode_string(&self.root))
    }

    /// The signed note; the key's name is the origin.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> String {
        let text = self.text();
        let mut signed = key_id(&self.origin, &key.verifying_key()).to_vec();
        signed.extend_from_slice(&key.sign(text.as_bytes()).to_bytes());
        format!("{text}\n\u{2014} {} {}\n", self.origin, Base64::encode_string(&signed))
    }

    /// Reads a note and verifies the signature of `key`; lines of other keys are left alone.
    ///
    /// # Errors
    /// See [`NoteFault`].
    pub fn verify(note: &[u8], key: &VerifyingKey) -> Result<Self, NoteFault> {
        let (checkpoint, signatures) = Self::split(note).ok_or(NoteFault::Malformed)?;
        checkpoint.signed_by(signatures, &checkpoint.origin, key)?;
        Ok(checkpoint)
    }

    /// Verifies that a note is signed by the key of an epoch too.
    pub(super) fn verify_epoch(note: &[u8], epoch: &Epoch) -> Result<(), NoteFault> {
        let (checkpoint, signatures) = Self::split(note).ok_or(NoteFault::Malformed)?;
        checkpoint.signed_by(signatures, &checkpoint.epoch_name(epoch), &epoch.key)
    }

    /// Looks for the line of a name and a key, and verifies it. A line of the same id that does not hold is passed over: ids are short.
    fn signed_by(&self, signatures: &str, named: &str, key: &VerifyingKey) -> Result<(), NoteFault> {
        let mut fault = NoteFault::OtherKey;
        for line in signatures.lines() {
            let (name, signed) = line.strip_prefix("\u{2014} ").and_then(|l| l.split_once(' ')).ok_or(NoteFault::Malformed)?;
            let signed = Base64::decode_vec(signed).map_err(|_| NoteFault::Malformed)?;
            let Some((id, signature)) = signed.split_first_chunk::<4>() else { return Err(NoteFault::Malformed) };
            if name != named || *id != key_id(name, key) {
                continue;
            }
            fault = NoteFault::BadSignature;
            if let Ok(signature) = Signature::from_slice(signature)
                && key.verify_strict(self.text().as_bytes(), &signature).is_ok()
            {
                return Ok(());
            }
        }
        Err(fault)
    }

    /// The signature line of an epoch key.
    pub(super) fn epoch_line(&self, epoch: &Epoch, signature: &Signature) -> String {
        let name = self.epoch_name(epoch);
        let signed = [key_id(&name, &epoch.key).as_slice(), &signature.to_bytes()].concat();
        format!("\u{2014} {name} {}\n", Base64::encode_string(&signed))
    }

    /// The name of an epoch key, so that a reader of notes tells it from the log key.
    fn epoch_name(&self, epoch: &Epoch) -> String {
        format!("{}/epoch-{}", self.origin, epoch.number)
    }

    /// Reads what a note says, whoever signed it. Only [`Checkpoint::verify`] makes it a proof.
    #[must_use]
    pub fn claim(note: &[u8]) -> Option<Self> {
        Self::split(note).map(|(checkpoint, _)| checkpoint)
    }

    pub(super) fn split(note: &[u8]) -> Option<(Self, &str)> {
        if note.len() > NOTE_MAX {
            return None;
        }
        let (text, signatures) = std::str::from_utf8(note).ok()?.split_once("\n\n")?;
        let mut lines = text.split('\n');
        let (origin, n, root) = (lines.next()?, lines.next()?, lines.next()?);
        let root = Base64::decode_vec(root).ok()?.try_into().ok()?;
        let checkpoint = Self { origin: origin.to_owned(), n: n.parse().ok()?, root };
        let is_signature = |line: &str| {
            let parts = line.strip_prefix("\u{2014} ").and_then(|line| line.split_once(' '));
            parts.is_some_and(|(name, signed)| !name.is_empty() && !signed.is_empty() && !signed.contains(char::is_whitespace))
        };
        // Only the canonical text is accepted: it is rebuilt and compared. Extension lines are not used here, and behind the text there are
        // signatures and nothing else.
        let fits =
            checkpoint.text().strip_suffix('\n') == Some(text) && signatures.strip_suffix('\n')?.split('\n').all(is_signature);
        fits.then_some((checkpoint, signatures))
    }
}

/// First four bytes of `SHA-256(name ‖ LF ‖ 0x01 ‖ public key)`.
fn key_id(name: &str, key: &VerifyingKey) -> [u8; 4] {
    let digest = Sha256::new().chain_update(name).chain_update([b'\n', ED25519]).chain_update(key.as_bytes()).finalize();
    [digest[0], digest[1], digest[2], digest[3]]
}

/// The key as other note tools take it: `name+hex id+base64(0x01 ‖ key)`.
#[must_use]
pub fn verifier_key(origin: &str, key: &VerifyingKey) -> String {
    let id = u32::from_be_bytes(key_id(origin, key));
    let typed: Vec<u8> = [&[ED25519], key.as_bytes().as_slice()].concat();
    format!("{origin}+{id:08x}+{}", Base64::encode_string(&typed))
}

/// The plain form: base64 of the 32 bytes.
#[must_use]
pub fn plain_key(key: &VerifyingKey) -> String {
    Base64::encode_string(key.as_bytes())
}

/// Reads a public key in either form.
#[must_use]
pub fn parse_key(text: &str) -> Option<VerifyingKey> {
    let text = text.trim();
    let bytes = match Base64::decode_vec(text) {
        Ok(bytes) if bytes.len() == 32 => bytes,
        _ => {
            // `name+id+key`: the key itself may hold a plus, the first two parts may not.
            let encoded = text.splitn(3, '+').nth(2)?;
            let typed = Base64::decode_vec(encoded).ok()?;
            typed.strip_prefix(&[ED25519])?.to_vec()
        }
    };
    VerifyingKey::from_bytes(&bytes.try_into().ok()?).ok()
}

/// What an operator keeps elsewhere of a ledger: the log key and, where it has epoch keys, the first of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin {
    /// The log key.
    pub key: VerifyingKey,
    /// The key of epoch 0.
    pub epoch: Option<VerifyingKey>,
}

/// `KEY` or `KEY,EPOCHKEY`, both base64.
impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&plain_key(&self.key))?;
        self.epoch.map_or(Ok(()), |epoch| write!(f, ",{}", plain_key(&epoch)))
    }
}

impl Pin {
    /// Reads one or both keys, each in either form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(key) = parse_key(text) {
            return Some(Self { key, epoch: None });
        }
        let (key, epoch) = text.rsplit_once(',')?;
        Some(Self { key: parse_key(key)?, epoch: Some(parse_key(epoch)?) })
    }
}

/// True for a name that a note can carry: 1–128 printable ASCII bytes without space and plus.
pub(super) fn is_origin(name: &str) -> bool {
    (1..=128).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic() && b != b'+')
}

#[cfg(test)]
mod tests {
    use super::*;
    use signed_note::{Note, StandardVerifier, VerifierList};

    fn sample() -> (Checkpoint, SigningKey) {
        (Checkpoint { origin: "weather".into(), n: 256, root: [9; 32] }, SigningKey::from_bytes(&[7; 32]))
    }

    /// The oracle is an independent implementation of signed notes, given the verifier key alone.
    #[test]
    fn our_note_verifies_elsewhere() {
        let (checkpoint, key) = sample();
        let vkey = verifier_key("weather", &key.verifying_key());
        let verifiers = VerifierList::new(vec![Box::new(StandardVerifier::new(&vkey).unwrap())]);
        let note = Note::from_bytes(checkpoint.sign(&key).as_bytes()).unwrap();
        let (verified, unknown) = note.verify(&verifiers).unwrap();
        assert_eq!((verified.len(), unknown.len()), (1, 0));
    }

    #[test]
    fn a_note_comes_back_and_no_changed_byte_is_accepted() {
        let (checkpoint, key) = sample();
        let note = checkpoint.sign(&key).into_bytes();
        assert_eq!(Checkpoint::verify(&note, &key.verifying_key()), Ok(checkpoint));
        for at in 0..note.len() {
            let mut bad = note.clone();
            bad[at] ^= 1;
            assert!(Checkpoint::verify(&bad, &key.verifying_key()).is_err(), "byte {at}");
        }
        let other = SigningKey::from_bytes(&[8; 32]).verifying_key();
        assert_eq!(Checkpoint::verify(&note, &other), Err(NoteFault::OtherKey));
    }

    #[test]
    fn other_spellings_are_refused() {
        let (checkpoint, key) = sample();
        let note = checkpoint.sign(&key);
        for (from, to) in [("\n256\n", "\n0256\n"), ("\n256\n", "\n+256\n"), ("\n\n", "\nextra\n\n"), ("\n\n", "\r\n\n")] {
            assert_eq!(Checkpoint::claim(note.replacen(from, to, 1).as_bytes()), None, "{to:?}");
        }
    }

    #[test]
    fn both_forms_of_a_key_are_read() {
        let key = sample().1.verifying_key();
        assert_eq!(parse_key(&plain_key(&key)), Some(key));
        assert_eq!(parse_key(&format!(" {}\n", verifier_key("weather", &key))), Some(key));
        assert_eq!(parse_key("weather+0+AA=="), None);
        let pin = Pin { key, epoch: Some(SigningKey::from_bytes(&[8; 32]).verifying_key()) };
        assert_eq!(Pin::parse(&format!("{pin}\n")), Some(pin));
        assert_eq!(Pin::parse(&plain_key(&key)), Some(Pin { key, epoch: None }));
        assert!(Pin::parse(&format!("{},", plain_key(&key))).is_none() && Pin::parse(&format!("{pin},AA==")).is_none());
        assert!(is_origin("weather") && !is_origin("") && !is_origin("a b") && !is_origin("a+b") && !is_origin("a\u{e9}"));
    }
}
