//! A request for signatures, as it travels from a gateway through the client to whoever signs.
//!
//! `alr1.` and the base64url of one JSON object in the form of RFC 8785: what the note names, and the arguments themselves in place of
//! their digest. Nothing proves where it comes from, and nothing has to: whoever signs, signs what is shown, and the gateway takes a
//! signature for the call that it would make and for no other.

use super::note::Note;
use super::text::{self, About};
use crate::call::Args;
use crate::clock::Micros;
use crate::lease::{hex, request_digest};
use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};

const PREFIX: &str = "alr1.";
/// Largest arguments that somebody can be asked to sign for, bytes of their JSON: more than a person reads.
pub const SIGNED_ARGS_MAX: usize = 64 * 1024;
/// Longest text of a request: its arguments and names in base64.
pub const REQUEST_TEXT_MAX: usize = 2 * SIGNED_ARGS_MAX;

/// The request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    args: Args,
    aud: String,
    exp: u64,
    log: String,
    nonce: String,
    pol: String,
    rid: String,
    sid: String,
    sub: String,
    tool: String,
}

impl Request {
    /// The request for signatures under a note about a call with these arguments.
    #[must_use]
    pub fn new(note: &Note, args: Args) -> Self {
        let Note { aud, pol, log, sub, sid, rid, tool, rq: _, exp, nonce } = note.clone();
        Self { args, aud, exp, log: hex(&log), nonce, pol: hex(&pol), rid, sid, sub, tool }
    }

    /// Reads the text of a request.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Self, String> {
        if text.len() > REQUEST_TEXT_MAX {
            return Err(format!("it is longer than {REQUEST_TEXT_MAX} bytes"));
        }
        let body = text.strip_prefix(PREFIX).ok_or("a request for signatures begins with `alr1.`")?;
        let bytes = Base64UrlUnpadded::decode_vec(body).map_err(|_| "its second part is not base64url without padding")?;
        let request: Self = serde_json::from_slice(&bytes).map_err(|error| format!("it is not a request: {error}"))?;
        // One spelling: what is shown is all that there is.
        if request.to_bytes() != bytes {
            return Err("it is not in canonical form".into());
        }
        Ok(request)
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{PREFIX}{}", Base64UrlUnpadded::encode_string(&self.to_bytes()))
    }

    fn to_bytes(&self) -> Vec<u8> {
        serde_json_canonicalizer::to_vec(self).unwrap_or_default()
    }

    /// What is signed. The digest of the arguments is computed from the arguments.
    ///
    /// # Errors
    /// The arguments have no digest, or an id is none.
    pub fn note(&self) -> Result<Note, String> {
        let Self { args, aud, exp, log, nonce, pol, rid, sid, sub, tool } = self.clone();
        let rq = request_digest(&aud, &sid, &tool, &args).map_err(|fault| fault.to_string())?;
        let (pol, log) = bytes(&pol).zip(bytes(&log)).ok_or("policy or ledger is not 64 hexadecimal digits")?;
        Ok(Note { aud, pol, log, sub, sid, rid, tool, rq, exp, nonce })
    }

    /// The request for a person: printable, each argument on a line of its own.
    #[must_use]
    pub fn shown(&self, now: u64) -> String {
        let args: Vec<_> = self.args.iter().map(|(name, value)| (name.as_str(), value)).collect();
        let call = text::question(&About {
            gateway: &text::name(&self.aud),
            tool: &text::name(&self.tool),
            subject: &self.sub,
            session: &self.sid,
            because: &[],
            issues: &[],
            args: &args,
            unused: 0,
            seconds: self.exp.saturating_sub(now),
        });
        let until = Micros(self.exp.saturating_mul(1_000_000)).rfc3339();
        let [rid, nonce, pol, log] = [&self.rid, &self.nonce, &self.pol, &self.log].map(|id| text::name(id));
        format!(
            "{call}\n\n    lease:     {rid}\n    request:   {nonce}\n    until:     {until}\n    policy:    {pol}\n    ledger:    {log}"
        )
    }

    /// Has its time passed?
    #[must_use]
    pub const fn is_late(&self, now: u64) -> bool {
        now >= self.exp
    }
}

fn bytes(hex: &str) -> Option<[u8; 32]> {
    let byte = |at: usize| hex.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..64).step_by(2).map(byte).collect();
    let bytes: [u8; 32] = bytes?.try_into().ok()?;
    (self::hex(&bytes) == hex).then_some(bytes)
}
