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

    /// Its key.
    #[must_use]
    pub const fn key(&self) -> &Key {
        &self.key
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

impl Witness {
    /// The line of an answer by which this witness has cosigned a note. Lines of others are none of its business; an answer without the line
    /// feed at its end was cut.
    #[must_use]
    pub fn line_of<'a>(&self, note: &str, answer: &'a str) -> Option<&'a str> {
        let (text, _) = note.split_once("\n\n")?;
        let holds = |line: &&str| self.verify(format!("{text}\n\n{line}\n").as_bytes()).is_ok();
        answer.strip_suffix('\n').filter(|lines| lines.len() < NOTE_MAX)?.split('\n').find(holds)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use ed25519_dalek::{Signer, SigningKey};

    pub(crate) fn log() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    /// A witness that signs whatever it is given.
    pub(crate) struct Cosigner {
        name: String,
        key: SigningKey,
    }

    impl Cosigner {
        pub(crate) fn new(byte: u8) -> Self {
            Self { name: format!("witness.example.com/w{byte}"), key: SigningKey::from_bytes(&[byte; 32]) }
        }

        fn id(&self, kind: u8) -> [u8; 4] {
            let typed = [&[kind], self.key.verifying_key().as_bytes().as_slice()].concat();
            let id = Sha256::new().chain_update(&self.name).chain_update([b'\n']).chain_update(&typed).finalize();
            [id[0], id[1], id[2], id[3]]
        }

        fn vkey(&self, kind: u8) -> String {
            let typed = [&[kind], self.key.verifying_key().as_bytes().as_slice()].concat();
            format!("{}+{}+{}", self.name, super::super::chain::hex(&self.id(kind)), Base64::encode_string(&typed))
        }

        pub(crate) fn witness(&self) -> Witness {
            Witness::parse(&self.vkey(COSIGNATURE)).unwrap()
        }

        /// The line by which it cosigns a note, with its line feed.
        pub(crate) fn line(&self, note: &str, time: u64) -> String {
            let text = note.split_once("\n\n").unwrap().0;
            let signature = self.key.sign(format!("cosignature/v1\ntime {time}\n{text}\n").as_bytes()).to_bytes();
            let blob = [&self.id(COSIGNATURE), time.to_be_bytes().as_slice(), &signature].concat();
            format!("\u{2014} {} {}\n", self.name, Base64::encode_string(&blob))
        }
    }

    fn cosigned(time: u64) -> (Checkpoint, String) {
        let checkpoint = Checkpoint { origin: "weather".into(), n: 9, root: [3; 32] };
        let note = checkpoint.sign(&log());
        (checkpoint, format!("{note}{}", Cosigner::new(9).line(&note, time)))
    }

    #[test]
    fn a_cosignature_is_of_its_witness_its_time_and_its_checkpoint() {
        let (checkpoint, note) = cosigned(1_795_326_600);
        let witness = Cosigner::new(9).witness();
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
        assert!(Witness::parse(&Cosigner::new(9).vkey(1)).is_none() && Witness::parse("w+00000000+BAAA").is_none());
        let other = Cosigner::new(9).vkey(4).replace("w9", "w8");
        assert!(Witness::parse(&other).is_none(), "the id is of name and key");
    }

    #[test]
    fn of_an_answer_the_witness_s_own_line_is_taken() {
        let (note, one, two) = (cosigned(1).1, Cosigner::new(9), Cosigner::new(10));
        let witness = one.witness();
        let (own, other) = (one.line(&note, 7), two.line(&note, 7));
        assert_eq!(witness.line_of(&note, &own), Some(own.trim_end()));
        assert_eq!(witness.line_of(&note, &format!("{other}{own}")), Some(own.trim_end()), "beside those of others");
        let elsewhere = Checkpoint { origin: "weather".into(), n: 8, root: [3; 32] }.sign(&log());
        for answer in ["", "\n", "ok\n", "\u{2014} a b c\n", "weather\n9\n", &other, own.trim_end(), &one.line(&elsewhere, 7)] {
            assert_eq!(witness.line_of(&note, answer), None, "{answer:?}");
        }
        // Cut anywhere, it is none.
        assert!((0..own.len()).filter_map(|at| own.get(..at)).all(|cut| witness.line_of(&note, cut).is_none()));
    }
}
