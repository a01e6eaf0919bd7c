//! What an approver signs, and a signature as it travels.
//!
//! ```text
//! note       = "airlock/approval/v1" LF *( key " " value LF )      keys in this order: aud pol log sub sid rid tool rq exp nonce
//! signature  = "als1." name "." base64url(note) "." base64url( Ed25519(note) )
//! ```
//! A note names one call completely: gateway, policy digest, log key of the ledger, subject, session, lease, tool, request digest, and
//! the request by its random id and the time until which it is good. Names that others choose are JSON strings, so that no value can
//! end its line. A gateway never parses a note: it writes the one that the call would need and compares line by line, so that there is
//! one spelling and the first line that differs says what the signature is for instead.

#[cfg(feature = "gateway")]
use super::SignedFault;
use crate::json::json;
use crate::lease::hex;
#[cfg(feature = "gateway")]
use crate::policy::Approver;
use base64ct::{Base64UrlUnpadded, Encoding};
#[cfg(feature = "gateway")]
use ed25519_dalek::{Signature, VerifyingKey};

/// First line.
const HEAD: &str = "airlock/approval/v1";
/// Prefix of a signature.
const PREFIX: &str = "als1";
/// Longest text of a signature: a note of two names of 256 bytes, each byte escaped, in base64, and the rest.
pub const SIGNED_TEXT_MAX: usize = 8192;

/// One call that somebody is to approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Gateway.
    pub aud: String,
    /// Policy digest.
    pub pol: [u8; 32],
    /// Public key of the ledger that has the request.
    pub log: [u8; 32],
    /// Subject of the lease.
    pub sub: String,
    /// Session id.
    pub sid: String,
    /// Public id of the lease as presented.
    pub rid: String,
    /// Tool.
    pub tool: String,
    /// Request digest: gateway, session, tool and exact arguments.
    pub rq: [u8; 32],
    /// Until when the call must be made, unix seconds.
    pub exp: u64,
    /// Random id of the request, 32 hexadecimal digits.
    pub nonce: String,
}

impl Note {
    /// The values as they stand, each with its key.
    fn lines(&self) -> [(&'static str, String); 10] {
        let Self { aud, pol, log, sub, sid, rid, tool, rq, exp, nonce } = self;
        let quoted = |text: &String| serde_json_canonicalizer::to_string(&json!(text)).unwrap_or_default();
        [
            ("aud", quoted(aud)),
            ("pol", hex(pol)),
            ("log", hex(log)),
            ("sub", quoted(sub)),
            ("sid", quoted(sid)),
            ("rid", quoted(rid)),
            ("tool", quoted(tool)),
            ("rq", hex(rq)),
            ("exp", exp.to_string()),
            ("nonce", quoted(nonce)),
        ]
    }

    /// The bytes that are signed.
    #[must_use]
    pub fn text(&self) -> String {
        self.lines().iter().fold(format!("{HEAD}\n"), |text, (key, value)| format!("{text}{key} {value}\n"))
    }
}

/// The text of a signature over a note.
#[must_use]
pub fn join(name: &str, note: &Note, signature: &[u8; 64]) -> String {
    let [note, signature] = [note.text().as_bytes(), signature].map(Base64UrlUnpadded::encode_string);
    format!("{PREFIX}.{name}.{note}.{signature}")
}

/// A note that somebody has signed.
#[cfg(feature = "gateway")]
#[derive(Debug)]
pub(crate) struct Signed {
    /// The approver.
    pub(crate) by: &'static str,
    /// The signature in base64url.
    pub(crate) signature: String,
    text: String,
}

/// Reads a signature and verifies it under the key of the approver that it names.
///
/// # Errors
/// Not the form of one, nobody of this name, or a wrong signature.
#[cfg(feature = "gateway")]
pub(crate) fn verify(text: &str, approvers: &'static [Approver]) -> Result<Signed, SignedFault> {
    if text.len() > SIGNED_TEXT_MAX {
        return Err(SignedFault::Form);
    }
    let mut parts = text.split('.');
    let (Some(PREFIX), Some(name), Some(note), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(SignedFault::Form);
    };
    let note = Base64UrlUnpadded::decode_vec(note).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let note = note.ok_or(SignedFault::Form)?;
    let mut bytes = [0; 64];
    if !Base64UrlUnpadded::decode(signature, &mut bytes).is_ok_and(|read| read.len() == 64) {
        return Err(SignedFault::Form);
    }
    let approver = approvers.iter().find(|approver| approver.name == name).ok_or(SignedFault::Approver)?;
    let key = VerifyingKey::from_bytes(&approver.key).map_err(|_| SignedFault::Signature)?;
    // Strict: no point of small order, no second spelling of a signature.
    key.verify_strict(note.as_bytes(), &Signature::from_bytes(&bytes)).map_err(|_| SignedFault::Signature)?;
    Ok(Signed { by: approver.name, signature: signature.to_owned(), text: note })
}

#[cfg(feature = "gateway")]
impl Signed {
    /// Id and end of the request that it answers, if the note is about this call: `note` has any id and any end.
    ///
    /// # Errors
    /// The note is about something else; or is none.
    pub(crate) fn is_about(&self, note: &Note) -> Result<(String, u64), SignedFault> {
        let mut lines = self.text.strip_suffix('\n').ok_or(SignedFault::Form)?.split('\n');
        if lines.next() != Some(HEAD) {
            return Err(SignedFault::Form);
        }
        let mut found = (String::new(), 0);
        for (key, expected) in note.lines() {
            let line = lines.next().and_then(|line| line.strip_prefix(key)?.strip_prefix(' ')).ok_or(SignedFault::Form)?;
            match key {
                "exp" => found.1 = number(line).ok_or(SignedFault::Form)?,
                "nonce" => found.0 = id(line).ok_or(SignedFault::Form)?.to_owned(),
                _ if line == expected => {}
                "aud" | "pol" | "log" => return Err(SignedFault::Gateway),
                "sid" => return Err(SignedFault::Session),
                "sub" | "rid" => return Err(SignedFault::Lease),
                "tool" => return Err(SignedFault::Tool),
                _ => return Err(SignedFault::Arguments),
            }
        }
        if lines.next().is_some() { Err(SignedFault::Form) } else { Ok(found) }
    }
}

/// Decimal digits as they are written.
#[cfg(feature = "gateway")]
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

/// 32 lower-case hexadecimal digits in quotes.
#[cfg(feature = "gateway")]
fn id(text: &str) -> Option<&str> {
    let id = text.strip_prefix('"')?.strip_suffix('"')?;
    (id.len() == 32 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))).then_some(id)
}

#[cfg(test)]
#[cfg(feature = "gateway")]
mod tests;
