//! What upstreams ask of the client, in the ledger: that it was asked, by whom and about which call, and what became of it. Of the words of
//! either side it has a salted commitment and their length.

use super::chain::{commitment, hex};
use super::entry::{Verdict, clip};
use serde::Serialize;

/// How the body of such an entry begins.
pub(super) const ASK: &[u8] = b"\"t\":\"ask\",";
/// How it is asked: tells these questions from those of approvals.
pub const HOW: &str = "upstream";

/// What an upstream asked of the client while a call ran, or what came back. `accepted` is an answer, whatever it says.
#[derive(Debug, Clone, Default)]
pub struct Asked<'a> {
    /// What happened.
    pub verdict: Verdict,
    /// Id of the question, in hexadecimal.
    pub question: &'a str,
    /// Session id.
    pub sid: &'a str,
    /// Subject of the lease.
    pub sub: &'a str,
    /// What the client calls itself.
    pub client: &'a str,
    /// Tool whose call it is about.
    pub tool: &'a str,
    /// Name of the upstream.
    pub upstream: &'a str,
    /// What is asked for: `elicitation`, `url` for one that leads to an address, `sampling`, `roots`.
    pub kinds: &'a [&'static str],
    /// Public id of the lease as presented; empty without one.
    pub rid: &'a str,
    /// What was asked as the client has it, or the answer as the upstream has it.
    pub text: Option<&'a [u8]>,
    /// When an answer is too late, unix seconds; of a question alone.
    pub exp: Option<u64>,
    /// Nonce (base64url) and time (unix seconds) of the bound form of the lease that came with the answer.
    pub presented: Option<(String, u64)>,
    /// UUID of the call.
    pub call: &'a str,
}

#[derive(Serialize)]
pub(super) struct AskedLine<'a> {
    t: &'static str,
    v: &'static str,
    question: String,
    sid: String,
    sub: String,
    client: String,
    tool: String,
    upstream: String,
    kinds: &'a [&'static str],
    rid: String,
    how: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ac: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pt: Option<u64>,
    call: String,
    pol: &'a str,
}

/// The line of an entry; `salt` opens its commitment.
pub(super) fn line<'a>(asked: &Asked<'a>, pol: &'a str, salt: &[u8; 32]) -> AskedLine<'a> {
    AskedLine {
        t: "ask",
        v: asked.verdict.word(),
        question: clip(asked.question),
        sid: clip(asked.sid),
        sub: clip(asked.sub),
        client: clip(asked.client),
        tool: clip(asked.tool),
        upstream: clip(asked.upstream),
        kinds: asked.kinds,
        rid: clip(asked.rid),
        how: HOW,
        ac: asked.text.map(|text| hex(&commitment(salt, text))),
        bytes: asked.text.map(|text| text.len() as u64),
        exp: asked.exp,
        pn: asked.presented.as_ref().map(|(nonce, _)| clip(nonce)),
        pt: asked.presented.as_ref().map(|(_, ts)| *ts),
        call: clip(asked.call),
        pol,
    }
}
