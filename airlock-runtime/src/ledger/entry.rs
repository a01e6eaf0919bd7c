//! Entries as the gateway hands them over, and their bytes.
//!
//! Whatever a client or an upstream controls is bounded here: a text or list that does not fit is replaced by its digest, so a
//! line never exceeds its limit and no entry is refused for its length.

use super::asked::{self, Asked};
use super::chain::{Hash, commitment, hex};
use super::evidence;
use super::line::{BODY_MAX, ascii_json};
use super::redact::{Redact, redact_body};
use super::revoked::{Target, revoke_body};
use super::sessions::{Mark, STAMP_MAX};
use crate::lease::CAVEATS_MAX;
use crate::policy::evidence::Kept;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// Longest text member in bytes of its JSON form; a tool name has at most 128 characters, a lease string 256 bytes.
const TEXT_MAX: usize = 320;
/// Most bytes of JSON for the hosts of an outcome.
const LIST_MAX: usize = 2048;
/// Most bytes of JSON for the hosts of an allow: two names of 253 characters, and room for a digest.
const HOSTS_MAX: usize = 640;
/// Most bytes of JSON for the ids of a lease chain, nine at most, of 64 digits each.
const RIDS_MAX: usize = 1024;
/// Most bytes of JSON for factors, of which there are a dozen; and for those that a tool ignores.
const FACTORS_MAX: usize = 1024;
/// Most signatures of one approval: as many as one call may bring. A name has at most 32 characters, a signature 86.
pub(crate) const SIGNERS_MAX: usize = 16;
/// Most bytes of JSON for the sources of arguments: a dozen of names and words.
const FROM_MAX: usize = 384;
/// Most bytes of JSON for a list of tools or domains: a lease has at most 32 of each.
const SCOPE_MAX: usize = 4096;

const _: () = assert!(
    9 * TEXT_MAX + RIDS_MAX + LIST_MAX + HOSTS_MAX + 2 * FACTORS_MAX + FROM_MAX + SCOPE_MAX + STAMP_MAX + 1024 <= BODY_MAX
        && 12 * TEXT_MAX + 1024 <= BODY_MAX
        && 8 * TEXT_MAX + LIST_MAX + 2 * SCOPE_MAX + 1024 <= BODY_MAX
        && 7 * TEXT_MAX + SIGNERS_MAX * 160 + 1024 <= BODY_MAX,
    "the largest entry must fit a line"
);

/// What is recorded.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "one value for each entry, borrowed by its sealing and kept nowhere")]
pub enum Entry<'a> {
    /// A call was judged.
    Decision(Decision<'a>),
    /// An allowed call ended.
    Outcome(Outcome<'a>),
    /// A lease was issued.
    Issue(Issue<'a>),
    /// The user was asked about a call, or answered.
    Approve(Approve<'a>),
    /// An upstream asked something of the client, or was answered.
    Ask(Asked<'a>),
    /// Something was revoked, for good.
    Revoke(Revoke<'a>),
    /// Evidence is erased, for good.
    Redact(Redact<'a>),
}

/// A revocation.
#[derive(Debug, Clone)]
pub struct Revoke<'a> {
    /// What is revoked.
    pub target: Target,
    /// Why, in the words of who did it.
    pub why: &'a str,
    /// Who did it.
    pub by: &'a str,
}

/// A judged call, allowed or denied.
#[derive(Debug, Clone, Default)]
pub struct Decision<'a> {
    /// Verdict.
    pub allow: bool,
    /// Refused, and made all the same: the gateway is in shadow mode.
    pub through: bool,
    /// Session id; empty when the call named none.
    pub sid: &'a str,
    /// Subject of the lease; empty when there was no valid lease.
    pub sub: &'a str,
    /// Name of the tool as asked for.
    pub tool: &'a str,
    /// Public ids of the lease chain, root first, in hexadecimal or base64url.
    pub rid: Vec<String>,
    /// Expiry of the root of the lease, unix seconds; of an allow with a lease. Its counters are kept as long.
    pub exp: Option<u64>,
    /// Which places of `rid` have a budget that this allow spends from; `None`: all.
    pub spends: Option<Vec<usize>>,
    /// Delegates that the lease was narrowed for, first to last.
    pub to: Vec<String>,
    /// Nonce (base64url) and time (unix seconds) of a lease in bound form.
    pub presented: Option<(String, u64)>,
    /// Key id of the lease.
    pub kid: &'a str,
    /// Risk score in thousandths.
    pub risk: u16,
    /// Named contributions to the score.
    pub factors: Vec<(String, u16)>,
    /// The arguments without carriers, written anew as `decide::Call::args_bytes` says. The line has a salted commitment to them,
    /// `evidence/` the salt, and what the policy keeps of them.
    pub args: &'a [u8],
    /// The arguments hold the lease of the call, so that nothing of them may be kept.
    pub has_lease: bool,
    /// Stable reason code, `ok` for an allow.
    pub why: &'a str,
    /// More about the reason, for the ledger alone (what an outsider must not learn).
    pub detail: Option<&'a str>,
    /// UUID of the call; its outcome names it again.
    pub call: &'a str,
    /// Tools of the lease, given the first time this process sees the lease, so that unused authority can be reported.
    pub scope: Option<Vec<String>>,
    /// Id of the question that the user was asked about the call. An allow has it if the user's yes is what allowed it.
    pub question: Option<&'a str>,
    /// Factors of the risk that the tool ignores: they are in no sum.
    pub ignored: Vec<(String, u16)>,
    /// Of an allow: arguments whose values may come from some places only, each with the weakest place that it needed.
    pub from: Vec<(String, String)>,
    /// Labels of the tool. An allow states all that its session has come to.
    pub labels: &'static [&'static str],
    /// Hosts that an allowed call may reach, two at most. They stand here too because a call that is cut off has no outcome.
    pub hosts: Vec<String>,
}

/// The end of an allowed call.
#[derive(Debug, Clone, Default)]
pub struct Outcome<'a> {
    /// UUID of the call as in its decision.
    pub call: &'a str,
    /// The effect succeeded.
    pub ok: bool,
    /// Stable status code (`ok`, `timeout`, `http_404`, …).
    pub status: &'a str,
    /// Hosts that may have been reached.
    pub hosts: Vec<String>,
    /// Duration in microseconds.
    pub micros: u64,
    /// SHA-256 of the result as sent, if there was one.
    pub result: Option<Hash>,
    /// Length of the result in bytes.
    pub bytes: u64,
    /// The result as sent, for what the policy keeps of it.
    pub text: Option<&'a [u8]>,
}

/// A lease issued by the gateway itself, or by the operator with `airlock issue`.
#[derive(Debug, Clone, Default)]
pub struct Issue<'a> {
    /// Session id.
    pub sid: &'a str,
    /// Subject.
    pub sub: &'a str,
    /// Tools.
    pub tools: Vec<String>,
    /// Hosts the lease may reach.
    pub dom: Vec<String>,
    /// Intent hash in hexadecimal.
    pub ih: &'a str,
    /// Public id of the lease.
    pub rid: &'a str,
    /// Key id.
    pub kid: &'a str,
    /// Expiry, unix seconds.
    pub exp: u64,
    /// Risk ceiling in thousandths.
    pub risk: u16,
    /// Number of calls it allows.
    pub uses: u64,
    /// How it came about (`self`, `human`, `operator`).
    pub by: &'a str,
}

/// A question to the user about one call, or what became of it.
#[derive(Debug, Clone, Default)]
pub struct Approve<'a> {
    /// What happened.
    pub verdict: Verdict,
    /// Id of the question, in hexadecimal.
    pub question: &'a str,
    /// Session id.
    pub sid: &'a str,
    /// Subject of the lease; the one that is claimed where the call needs no lease.
    pub sub: &'a str,
    /// What the client calls itself.
    pub client: &'a str,
    /// Tool.
    pub tool: &'a str,
    /// Public id of the lease as presented; empty without one.
    pub rid: &'a str,
    /// How it is asked: `elicitation` of the connected user, `signature` of approvers elsewhere.
    pub how: &'static str,
    /// Approvers who signed, each with the signature in base64url; of an accepted request for signatures alone.
    pub by: &'a [(&'static str, String)],
    /// The arguments; of a question, and of signatures, which are for them. See [`Decision::args`].
    pub args: Option<&'a [u8]>,
    /// When an answer is too late, unix seconds; of a question alone.
    pub exp: Option<u64>,
    /// UUID of the call that was answered with the question, or that brought the answer.
    pub call: &'a str,
}

/// What happened to a question.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Verdict {
    /// The user is being asked.
    #[default]
    Asked,
    /// Yes.
    Accepted,
    /// No.
    Declined,
    /// The user closed it without a choice.
    Cancelled,
    /// There was no answer in time.
    Timeout,
    /// The client answered with an error, or with something that is no answer.
    Failed,
    /// The call was cancelled, or the client is gone.
    Withdrawn,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 7] =
        [Self::Asked, Self::Accepted, Self::Declined, Self::Cancelled, Self::Timeout, Self::Failed, Self::Withdrawn];

    /// The word in the ledger.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Cancelled => "cancelled",
            Self::Timeout => "timeout",
            Self::Failed => "failed",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// Line 0.
#[derive(Debug, Serialize)]
pub(super) struct Genesis<'a> {
    pub(super) t: &'static str,
    pub(super) v: u32,
    pub(super) origin: &'a str,
    pub(super) pk: &'a str,
    pub(super) pol: &'a str,
    pub(super) durability: &'a str,
    /// Names the seed of the seal; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seal: Option<String>,
    /// Key of epoch 0, base64; absent in ledgers that were begun without epoch keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) epk: Option<&'a str>,
}

/// What recovery found and did.
#[derive(Debug, Serialize)]
pub(super) struct Recover<'a> {
    pub(super) t: &'static str,
    /// File in `torn/` with what was cut off; empty if nothing was.
    pub(super) torn: &'a str,
    /// Its length.
    pub(super) bytes: u64,
    /// Its SHA-256.
    pub(super) digest: &'a str,
    /// Entries that had been written but not synced before a power cut, and are gone.
    pub(super) lost: u64,
}

/// The bytes of an entry, ready to be given a number and a place in the chain.
#[derive(Debug, Clone)]
pub(super) struct Sealed {
    /// From `"t":` to the closing brace.
    pub(super) body: Vec<u8>,
    /// Opens the argument commitment.
    pub(super) salt: Option<[u8; 32]>,
    /// What is kept of arguments or result, as members of a line.
    pub(super) kept: Option<String>,
    /// Of an allow: whose session it is.
    pub(super) mark: Option<Mark>,
    /// Of a refusal: its reason, by which it is counted when there are too many.
    pub(super) fold: Option<String>,
}

#[derive(Serialize)]
struct DecisionLine<'a> {
    t: &'static str,
    d: &'static str,
    sid: String,
    sub: String,
    tool: String,
    rid: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    to: Vec<String>,
    kid: String,
    risk: u16,
    factors: Vec<(String, u16)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ignored: Vec<(String, u16)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    from: Vec<(String, String)>,
    ac: String,
    pol: &'a str,
    why: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    call: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spends: Option<Vec<usize>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    question: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pt: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hosts: Vec<String>,
}

#[derive(Serialize)]
struct OutcomeLine<'a> {
    t: &'static str,
    call: String,
    ok: bool,
    status: String,
    hosts: Vec<String>,
    us: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<String>,
    bytes: u64,
    pol: &'a str,
}

#[derive(Serialize)]
struct IssueLine<'a> {
    t: &'static str,
    sid: String,
    sub: String,
    tools: Vec<String>,
    dom: Vec<String>,
    ih: String,
    rid: String,
    kid: String,
    exp: u64,
    risk: u16,
    uses: u64,
    by: String,
    pol: &'a str,
}

#[derive(Serialize)]
struct ApproveLine<'a> {
    t: &'static str,
    v: &'static str,
    question: String,
    sid: String,
    sub: String,
    client: String,
    tool: String,
    rid: String,
    how: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    by: Vec<(&'static str, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ac: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<u64>,
    call: String,
    pol: &'a str,
}

impl Entry<'_> {
    /// Renders the entry of a ledger that keeps salts alone.
    #[cfg(any(test, feature = "explain"))]
    pub(super) fn seal(&self, pol: &str, salt: [u8; 32]) -> Sealed {
        self.seal_with(pol, salt, &Kept::Hashes)
    }

    /// Renders the entry, with what is kept of it; `salt` is fresh randomness, used only for entries with arguments.
    pub(super) fn seal_with(&self, pol: &str, salt: [u8; 32], kept: &Kept) -> Sealed {
        let bare = |body| Sealed { body, salt: None, kept: evidence::members(self, kept), mark: None, fold: None };
        match self {
            Entry::Decision(d) => {
                let mark = d.allow.then(|| Mark { sid: clip(d.sid), tool: clip(d.tool), labels: d.labels });
                // What is made has a line of its own, refused or not.
                let fold = (!d.allow && !d.through).then(|| clip(d.why));
                Sealed { salt: Some(salt), mark, fold, ..bare(body(&decision_line(d, pol, &salt))) }
            }
            Entry::Outcome(o) => bare(body(&outcome_line(o, pol))),
            Entry::Issue(i) => bare(body(&issue_line(i, pol))),
            Entry::Approve(a) => Sealed { salt: a.args.map(|_| salt), ..bare(body(&approve_line(a, pol, &salt))) },
            Entry::Ask(a) => Sealed { salt: a.text.map(|_| salt), ..bare(body(&asked::line(a, pol, &salt))) },
            Entry::Redact(r) => bare(redact_body(r, pol)),
            Entry::Revoke(r) => bare(revoke_body(&r.target, r.why, r.by)),
        }
    }
}

fn decision_line<'a>(d: &Decision<'_>, pol: &'a str, salt: &[u8; 32]) -> DecisionLine<'a> {
    DecisionLine {
        t: "decision",
        d: match (d.allow, d.through) {
            (true, _) => "allow",
            (false, true) => "shadow",
            (false, false) => "deny",
        },
        sid: clip(d.sid),
        sub: clip(d.sub),
        tool: clip(d.tool),
        rid: clip_list(&d.rid, RIDS_MAX),
        to: clip_list(&d.to, LIST_MAX),
        kid: clip(d.kid),
        risk: d.risk,
        factors: clip_factors(&d.factors),
        ignored: clip_factors(&d.ignored),
        from: clip_sources(&d.from),
        ac: hex(&commitment(salt, d.args)),
        pol,
        why: clip(d.why),
        detail: d.detail.map(clip),
        call: clip(d.call),
        scope: d.scope.as_ref().map(|tools| clip_list(tools, SCOPE_MAX)),
        exp: d.exp,
        spends: d.spends.as_ref().map(|places| places.iter().copied().take(1 + CAVEATS_MAX).collect()),
        by: d.question.filter(|_| d.allow).map(|_| "approval"),
        question: d.question.map(clip),
        pn: d.presented.as_ref().map(|(nonce, _)| clip(nonce)),
        pt: d.presented.as_ref().map(|(_, ts)| *ts),
        hosts: clip_list(&d.hosts, HOSTS_MAX),
    }
}

fn outcome_line<'a>(o: &Outcome<'_>, pol: &'a str) -> OutcomeLine<'a> {
    OutcomeLine {
        t: "outcome",
        call: clip(o.call),
        ok: o.ok,
        status: clip(o.status),
        hosts: clip_list(&o.hosts, LIST_MAX),
        us: o.micros,
        result: o.result.as_ref().map(|digest| hex(digest)),
        bytes: o.bytes,
        pol,
    }
}

fn issue_line<'a>(i: &Issue<'_>, pol: &'a str) -> IssueLine<'a> {
    IssueLine {
        t: "issue",
        sid: clip(i.sid),
        sub: clip(i.sub),
        tools: clip_list(&i.tools, SCOPE_MAX),
        dom: clip_list(&i.dom, SCOPE_MAX),
        ih: clip(i.ih),
        rid: clip(i.rid),
        kid: clip(i.kid),
        exp: i.exp,
        risk: i.risk,
        uses: i.uses,
        by: clip(i.by),
        pol,
    }
}

fn approve_line<'a>(a: &Approve<'_>, pol: &'a str, salt: &[u8; 32]) -> ApproveLine<'a> {
    ApproveLine {
        t: "approve",
        v: a.verdict.word(),
        question: clip(a.question),
        sid: clip(a.sid),
        sub: clip(a.sub),
        client: clip(a.client),
        tool: clip(a.tool),
        rid: clip(a.rid),
        how: a.how,
        by: a.by.iter().take(SIGNERS_MAX).map(|(name, signature)| (*name, clip(signature))).collect(),
        ac: a.args.map(|args| hex(&commitment(salt, args))),
        exp: a.exp,
        call: clip(a.call),
        pol,
    }
}

/// JSON of a struct whose first field is `t`, without its opening brace.
pub(super) fn body(value: &impl Serialize) -> Vec<u8> {
    let mut json = ascii_json(value);
    if !json.is_empty() {
        json.remove(0);
    }
    json
}

/// A body with more members at its end; `members` begins with a comma, or is empty.
pub(super) fn with_members<'a>(body: &'a [u8], members: &[u8]) -> Cow<'a, [u8]> {
    match body.split_last() {
        Some((end, before)) if !members.is_empty() => [before, members, &[*end]].concat().into(),
        Some(_) | None => Cow::Borrowed(body),
    }
}

/// The text itself, or its digest when its JSON form is too long for a line.
pub(super) fn clip(text: &str) -> String {
    // Six bytes of JSON per byte of text is the worst case, so short texts need no measuring.
    if text.len() <= TEXT_MAX / 6 || ascii_json(&text).len() <= TEXT_MAX { text.to_owned() } else { digest(text.as_bytes()) }
}

/// The items that fit into `max` bytes of JSON; if not all do, the last item is the digest of the whole list.
fn clip_list(items: &[String], max: usize) -> Vec<String> {
    let kept = fitting(items.iter().map(|item| ascii_json(&clip(item)).len() + 1), max);
    let mut out: Vec<String> = items.iter().take(kept).map(|item| clip(item)).collect();
    if kept < items.len() {
        out.push(digest(&ascii_json(&items)));
    }
    out
}

/// As [`clip_list`] for named numbers.
fn clip_factors(factors: &[(String, u16)]) -> Vec<(String, u16)> {
    let kept = fitting(factors.iter().map(|(name, _)| ascii_json(&clip(name)).len() + 9), FACTORS_MAX);
    let mut out: Vec<(String, u16)> = factors.iter().take(kept).map(|(name, score)| (clip(name), *score)).collect();
    if kept < factors.len() {
        out.push((digest(&ascii_json(&factors)), 0));
    }
    out
}

fn clip_sources(sources: &[(String, String)]) -> Vec<(String, String)> {
    let size = |(arg, source): &(String, String)| ascii_json(&clip(arg)).len() + ascii_json(&clip(source)).len() + 4;
    let kept = fitting(sources.iter().map(size), FROM_MAX);
    let mut out: Vec<(String, String)> = sources.iter().take(kept).map(|(arg, source)| (clip(arg), clip(source))).collect();
    if kept < sources.len() {
        out.push((digest(&ascii_json(&sources)), String::new()));
    }
    out
}

/// How many of the first sizes sum up to at most `max`, less the room for a digest.
fn fitting(sizes: impl Iterator<Item = usize>, max: usize) -> usize {
    const DIGEST_ROOM: usize = 96;
    let mut room = max - DIGEST_ROOM;
    sizes
        .take_while(|size| {
            let fits = *size <= room;
            room = room.saturating_sub(*size);
            fits
        })
        .count()
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

#[cfg(test)]
mod tests;
