//! Entries as the gateway hands them over, and their bytes.
//!
//! Whatever a client or an upstream controls is bounded here: a text or list that does not fit is replaced by its digest, so a
//! line never exceeds its limit and no entry is refused for its length.

use super::asked::{self, Asked};
use super::chain::{Hash, commitment, hex};
use super::evidence;
use super::line::{BODY_MAX, ascii_json, push_number};
use super::members::{Members, is_plain, push_text};
use super::redact::{Redact, redact_body};
use super::revoked::{Target, revoke_body};
use super::sessions::{Mark, STAMP_MAX};
use super::told::{Connections, connections_body, ended_body};
use airlock_core::lease::CAVEATS_MAX;
use airlock_core::policy::evidence::Kept;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;

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
pub const SIGNERS_MAX: usize = 16;
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
    /// Connections that foreign servers asked for, counted.
    Connections(&'a [Connections<'a>]),
    /// A process of the gateway has ended although nobody ended it: `egress`, `clerk` or `launcher`.
    Ended(&'static str),
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
    /// SHA-256 of the kernel profile of each process of the gateway that began the ledger; absent where no gateway did.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) profiles: BTreeMap<&'static str, String>,
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
                Sealed { salt: Some(salt), mark, fold, ..bare(decision_body(d, pol, &salt)) }
            }
            Entry::Outcome(o) => bare(outcome_body(o, pol)),
            Entry::Issue(i) => bare(body(&issue_line(i, pol))),
            Entry::Approve(a) => Sealed { salt: a.args.map(|_| salt), ..bare(body(&approve_line(a, pol, &salt))) },
            Entry::Ask(a) => Sealed { salt: a.text.map(|_| salt), ..bare(body(&asked::line(a, pol, &salt))) },
            Entry::Redact(r) => bare(redact_body(r, pol)),
            Entry::Revoke(r) => bare(revoke_body(&r.target, r.why, r.by)),
            Entry::Connections(of) => bare(connections_body(of, pol)),
            Entry::Ended(role) => bare(ended_body(role, pol)),
        }
    }
}

fn decision_body(d: &Decision<'_>, pol: &str, salt: &[u8; 32]) -> Vec<u8> {
    let mut out = Members::of("decision");
    out.text(
        "d",
        match (d.allow, d.through) {
            (true, _) => "allow",
            (false, true) => "shadow",
            (false, false) => "deny",
        },
    );
    out.text("sid", &short(d.sid));
    out.text("sub", &short(d.sub));
    out.text("tool", &short(d.tool));
    put_list(&mut out, "rid", &d.rid, RIDS_MAX);
    if !d.to.is_empty() {
        put_list(&mut out, "to", &d.to, LIST_MAX);
    }
    out.text("kid", &short(d.kid));
    out.number("risk", d.risk.into());
    put_factors(&mut out, "factors", &d.factors);
    if !d.ignored.is_empty() {
        put_factors(&mut out, "ignored", &d.ignored);
    }
    if !d.from.is_empty() {
        put_sources(&mut out, "from", &d.from);
    }
    out.hash("ac", &commitment(salt, d.args));
    out.text("pol", pol);
    out.text("why", &short(d.why));
    if let Some(detail) = d.detail {
        out.text("detail", &short(detail));
    }
    out.text("call", &short(d.call));
    if let Some(tools) = &d.scope {
        put_list(&mut out, "scope", tools, SCOPE_MAX);
    }
    if let Some(exp) = d.exp {
        out.number("exp", exp);
    }
    if let Some(places) = &d.spends {
        out.list("spends", places.iter().take(1 + CAVEATS_MAX), |out, place| push_number(out, *place as u64));
    }
    if let Some(question) = d.question {
        if d.allow {
            out.text("by", "approval");
        }
        out.text("question", &short(question));
    }
    if let Some((nonce, time)) = &d.presented {
        out.text("pn", &short(nonce));
        out.number("pt", *time);
    }
    if !d.hosts.is_empty() {
        put_list(&mut out, "hosts", &d.hosts, HOSTS_MAX);
    }
    out.body()
}

fn outcome_body(o: &Outcome<'_>, pol: &str) -> Vec<u8> {
    let mut out = Members::of("outcome");
    out.text("call", &short(o.call));
    out.flag("ok", o.ok);
    out.text("status", &short(o.status));
    put_list(&mut out, "hosts", &o.hosts, LIST_MAX);
    out.number("us", o.micros);
    if let Some(result) = &o.result {
        out.hash("result", result);
    }
    out.number("bytes", o.bytes);
    out.text("pol", pol);
    out.body()
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

/// Puts more members at the end of a body; `members` begins with a comma, or is empty.
pub(super) fn put_members(body: &mut Vec<u8>, members: &[u8]) {
    if !members.is_empty()
        && let Some(end) = body.pop()
    {
        body.extend_from_slice(members);
        body.push(end);
    }
}

/// The text itself, or its digest when its JSON form is too long for a line.
pub(super) fn clip(text: &str) -> String {
    short(text).into_owned()
}

/// The same without a copy of a text that fits.
fn short(text: &str) -> Cow<'_, str> {
    // Six bytes of JSON per byte of text is the worst case, so short texts need no measuring.
    if text.len() <= TEXT_MAX / 6 || json_len(text) <= TEXT_MAX { Cow::Borrowed(text) } else { digest(text.as_bytes()).into() }
}

/// Bytes of a text in JSON.
fn json_len(text: &str) -> usize {
    if is_plain(text) { text.len() + 2 } else { ascii_json(&text).len() }
}

/// The items that fit into `max` bytes of JSON; if not all do, the last item is the digest of the whole list.
fn clip_list(items: &[String], max: usize) -> Vec<String> {
    clipped(items, max).map(Cow::into_owned).collect()
}

fn clipped(items: &[String], max: usize) -> impl Iterator<Item = Cow<'_, str>> {
    let kept = fitting(items.iter().map(|item| json_len(&short(item)) + 1), max);
    let rest = (kept < items.len()).then(|| digest(&ascii_json(&items)).into());
    items.iter().take(kept).map(|item| short(item)).chain(rest)
}

/// Writes a list as [`clip_list`] gives it.
fn put_list(out: &mut Members, name: &'static str, items: &[String], max: usize) {
    out.list(name, clipped(items, max), |out, item| push_text(out, &item));
}

/// As [`put_list`] for named numbers.
fn put_factors(out: &mut Members, name: &'static str, factors: &[(String, u16)]) {
    let kept = fitting(factors.iter().map(|(name, _)| json_len(&short(name)) + 9), FACTORS_MAX);
    let rest = (kept < factors.len()).then(|| (digest(&ascii_json(&factors)).into(), 0));
    let all = factors.iter().take(kept).map(|(name, score)| (short(name), *score)).chain(rest);
    out.list(name, all, |out, (name, score)| {
        out.push(b'[');
        push_text(out, &name);
        out.push(b',');
        push_number(out, score.into());
        out.push(b']');
    });
}

/// As [`put_list`] for arguments, each with a source.
fn put_sources(out: &mut Members, name: &'static str, sources: &[(String, String)]) {
    let size = |(arg, source): &(String, String)| json_len(&short(arg)) + json_len(&short(source)) + 4;
    let kept = fitting(sources.iter().map(size), FROM_MAX);
    let rest = (kept < sources.len()).then(|| (digest(&ascii_json(&sources)).into(), Cow::Borrowed("")));
    let all = sources.iter().take(kept).map(|(arg, source)| (short(arg), short(source))).chain(rest);
    out.list(name, all, |out, (arg, source)| {
        out.push(b'[');
        push_text(out, &arg);
        out.push(b',');
        push_text(out, &source);
        out.push(b']');
    });
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
