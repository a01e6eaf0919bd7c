//! Witnesses: outside parties that cosign checkpoints of a ledger they have seen grow (c2sp.org/tlog-cosignature, Ed25519).
//!
//! ```text
//! text      = "cosignature/v1" ⏎ "time " seconds ⏎ checkpoint text
//! signature = be64(seconds) ‖ Ed25519(text)
//! line      = "— " name " " base64(key id ‖ signature) ;  key id = first 4 bytes of SHA-256(name ⏎ 0x04 key)
//! ```
//!
//! A witness signs no smaller tree than it has signed before and no other history, so what it cosigned cannot be rolled back or shown
//! otherwise to somebody else, whoever has the keys of the host.

use super::note::{Checkpoint, Key, NOTE_MAX, NoteFault};
use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

/// Type byte of cosignatures by Ed25519.
const COSIGNATURE: u8 = 4;

/// A witness that is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    name: String,
    key: Key,
    id: [u8; 4],
}

/// A checkpoint that a witness has cosigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    /// What it cosigned.
    pub checkpoint: Checkpoint,
    /// When, by its own clock, unix seconds.
    pub time: u64,
}

impl Witness {
    /// Reads a verifier key, `name+hex id+base64(0x04 ‖ key)`; `None` for anything else, and for a key of a log.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().splitn(3, '+');
        let (name, id, encoded) = (parts.next()?, parts.next()?, parts.next()?);
        let typed = Base64::decode_vec(encoded).ok()?;
        let key = VerifyingKey::from_bytes(typed.strip_prefix(&[COSIGNATURE])?.try_into().ok()?).ok()?;
        let digest = Sha256::new().chain_update(name).chain_update([b'\n', COSIGNATURE]).chain_update(key.as_bytes()).finalize();
        let own = [digest[0], digest[1], digest[2], digest[3]];
        let named = !name.is_empty() && !name.contains(char::is_whitespace);
        (named && id == format!("{:08x}", u32::from_be_bytes(own))).then(|| Self { name: name.to_owned(), key, id: own })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The checkpoint of a note, if this witness has cosigned it. Who signed it beside, [`Checkpoint::verify`] tells.
    ///
    /// # Errors
    /// See [`NoteFault`].
    pub fn verify(&self, note: &[u8]) -> Result<Cosigned, NoteFault> {
        let (checkpoint, lines) = Checkpoint::split(note).ok_or(NoteFault::Malformed)?;
        let mut fault = NoteFault::OtherKey;
        for line in lines.lines() {
            let (name, signed) =
                line.strip_prefix("\u{2014} ").and_then(|line| line.split_once(' ')).ok_or(NoteFault::Malformed)?;
            let signed = Base64::decode_vec(signed).map_err(|_| NoteFault::Malformed)?;
            let Some((id, rest)) = signed.split_first_chunk::<4>() else { return Err(NoteFault::Malformed) };
            if name != self.name || *id != self.id {
                continue;
            }
            fault = NoteFault::BadSignature;
            if let Some((time, signature)) = rest.split_first_chunk::<8>()
                && let Ok(signature) = Signature::from_slice(signature)
            {
                let time = u64::from_be_bytes(*time);
                let text = format!("cosignature/v1\ntime {time}\n{}", checkpoint.text());
                if self.key.verify_strict(text.as_bytes(), &signature).is_ok() {
                    return Ok(Cosigned { checkpoint, time });
                }
            }
        }
        Err(fault)
    }
}

/// A note with the cosignatures that a witness answered, one line each; `None` if the answer is none or does not fit.
#[must_use]
pub fn with_cosignatures(note: &str, answer: &str) -> Option<String> {
    let lines = answer.strip_suffix('\n').unwrap_or(answer);
    let is_line = |line: &str| line.strip_prefix("\u{2014} ").is_some_and(|line| line.split(' ').count() == 2);
    let fits = lines.lines().all(is_line) && !lines.is_empty() && note.len() + answer.len() < NOTE_MAX;
    fits.then(|| format!("{note}{lines}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer, SigningKey};

    const NAME: &str = "witness.example.com/w1";

    fn log() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn own() -> SigningKey {
        SigningKey::from_bytes(&[9; 32])
    }

    fn vkey(kind: u8) -> String {
        let typed = [&[kind], own().verifying_key().as_bytes().as_slice()].concat();
        let id = Sha256::new().chain_update(NAME).chain_update([b'\n']).chain_update(&typed).finalize();
        format!("{NAME}+{}+{}", super::super::chain::hex(&id[..4]), Base64::encode_string(&typed))
    }

    fn cosigned(time: u64) -> (Checkpoint, String) {
        let checkpoint = Checkpoint { origin: "weather".into(), n: 9, root: [3; 32] };
        let note = checkpoint.sign(&log());
        let text = note.split_once("\n\n").unwrap().0;
        let signature = own().sign(format!("cosignature/v1\ntime {time}\n{text}\n").as_bytes()).to_bytes();
        let id = Witness::parse(&vkey(4)).unwrap().id;
        let blob = [&id, time.to_be_bytes().as_slice(), &signature].concat();
        (checkpoint, with_cosignatures(&note, &format!("\u{2014} {NAME} {}\n", Base64::encode_string(&blob))).unwrap())
    }

    #[test]
    fn a_cosignature_is_of_its_witness_its_time_and_its_checkpoint() {
        let (checkpoint, note) = cosigned(1_795_326_600);
        let witness = Witness::parse(&vkey(4)).unwrap();
        assert_eq!(witness.verify(note.as_bytes()), Ok(Cosigned { checkpoint: checkpoint.clone(), time: 1_795_326_600 }));
        assert_eq!(
            Checkpoint::verify(note.as_bytes(), &log().verifying_key()),
            Ok(checkpoint.clone()),
            "the log's line is there too"
        );
        assert_eq!(witness.verify(checkpoint.sign(&log()).as_bytes()), Err(NoteFault::OtherKey));
        for at in 0..note.len() {
            let mut bad = note.clone().into_bytes();
            bad[at] ^= 1;
            let of_log = Checkpoint::verify(&bad, &log().verifying_key()).is_ok();
            assert!(!(of_log && witness.verify(&bad).is_ok()), "byte {at}");
        }
    }

    #[test]
    fn a_key_of_a_log_is_none_of_a_witness() {
        assert!(Witness::parse(&vkey(1)).is_none() && Witness::parse("w+00000000+BAAA").is_none());
        let other = vkey(4).replace("w1", "w2");
        assert!(Witness::parse(&other).is_none(), "the id is of name and key");
    }

    #[test]
    fn only_signature_lines_are_added() {
        let note = cosigned(1).1;
        for answer in ["", "\n", "ok\n", "\u{2014} a b c\n", "weather\n9\n"] {
            assert_eq!(with_cosignatures(&note, answer), None, "{answer:?}");
        }
    }
}
