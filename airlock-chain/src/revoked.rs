//! What is revoked, and whether the kill file is there: both are read from the ledger's own lines, so there is no second list
//! whose age or place could differ from the ledger's.
//!
//! Revocations form a chain of their own: a `revoke` or `kill` line ends with the mark of the revocations before it, the next
//! mark is a digest of that line, and *every* later line of any kind states the newest mark. A line that states other
//! revocations than stand before it is refused, so a revocation cannot be taken out without rewriting everything behind it; and
//! a start that reads the last day only knows from the first line it reads whether older revocations exist, and which.

use super::chain::{push_hex, unhex};
use super::entry::{body, clip};
use super::line::{Line, push_number};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashSet;

/// Most revocations of one ledger. They are never forgotten, so they must have a bound: 65,536 are about 10 MiB, and read in a
/// second at start. Long before that, raising the epoch ends every lease at once.
pub const REVOCATIONS_MAX: u64 = 65_536;

/// How the body of a revocation begins.
const REVOKE: &[u8] = b"\"t\":\"revoke\",";
/// How the body of a change of the kill file begins.
const KILL: &[u8] = b"\"t\":\"kill\",";
/// How the stamp begins that ends every body once something was revoked.
const STAMP: &[u8] = b",\"rv\":\"";
/// Bytes of a digest in a stamp, as hexadecimal digits.
const DIGITS: usize = 64;

/// What is revoked. Everything that a lease of this kind allows is refused from then on, for good.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// A node of a lease chain by its public id, with all its descendants.
    Rid(String),
    /// A root by its random id (base64url), with all its descendants.
    Jti(String),
    /// All leases of a session.
    Session(String),
    /// All leases of a subject, and issuing to it.
    Subject(String),
    /// All leases signed with a key id.
    Key(String),
    /// All leases of an earlier epoch than this.
    Epoch(u64),
}

impl Target {
    /// The word in the ledger.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Rid(_) => "rid",
            Self::Jti(_) => "jti",
            Self::Session(_) => "sid",
            Self::Subject(_) => "sub",
            Self::Key(_) => "kid",
            Self::Epoch(_) => "epoch",
        }
    }

    fn id(&self) -> String {
        match self {
            Self::Rid(id) | Self::Jti(id) | Self::Session(id) | Self::Subject(id) | Self::Key(id) => clip(id),
            Self::Epoch(floor) => floor.to_string(),
        }
    }

    fn read(word: &str, id: String) -> Option<Self> {
        Some(match word {
            "rid" => Self::Rid(id),
            "jti" => Self::Jti(id),
            "sid" => Self::Session(id),
            "sub" => Self::Subject(id),
            "kid" => Self::Key(id),
            "epoch" => Self::Epoch(id.parse().ok()?),
            _ => return None,
        })
    }
}

/// What can be revoked about the lease of one call, or about a lease that is to be issued.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holder {
    /// Public ids of the chain, root first.
    pub rid: Vec<String>,
    /// Random id of the root; empty before there is one.
    pub jti: String,
    /// Session id.
    pub sid: String,
    /// Subject.
    pub sub: String,
    /// Key id; empty before a key is chosen.
    pub kid: String,
    /// Epoch; `None` before a lease states one.
    pub ep: Option<u64>,
}

/// A `revoke` line without its stamp.
#[derive(Debug, Serialize)]
struct RevokeLine<'a> {
    t: &'static str,
    what: &'a str,
    id: String,
    why: String,
    by: String,
}

#[derive(Deserialize)]
struct Revoke {
    what: String,
    id: String,
}

#[derive(Debug, Serialize)]
struct KillLine {
    t: &'static str,
    on: bool,
}

#[derive(Deserialize)]
struct Kill {
    on: bool,
}

/// Body of a `revoke` line.
pub(super) fn revoke_body(target: &Target, why: &str, by: &str) -> Vec<u8> {
    body(&RevokeLine { t: "revoke", what: target.word(), id: target.id(), why: clip(why), by: clip(by) })
}

/// Body of a `kill` line: the kill file has appeared, or has gone.
pub(super) fn kill_body(on: bool) -> Vec<u8> {
    body(&KillLine { t: "kill", on })
}

/// How many revocations stand before a line, and the digest of the last of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mark {
    count: u64,
    digest: [u8; 32],
}

impl Mark {
    /// The mark that a body states. Without a stamp nothing was revoked.
    ///
    /// A stamp is outside any string: within one, its quotes would be escaped.
    pub(super) fn of(body: &[u8]) -> Result<Self, &'static str> {
        const FAULT: &str = "what it states about revocations is malformed";
        // The end of a stamped body: `,"rv":"<count>:<64 digits>"}`.
        let Some(digits) = body.strip_suffix(b"\"}").and_then(|rest| rest.split_last_chunk::<DIGITS>()) else {
            return Ok(Self::default());
        };
        let (rest, digits) = digits;
        let Some(rest) = rest.strip_suffix(b":") else { return Ok(Self::default()) };
        let count = rest.len() - rest.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        let (rest, number) = rest.split_at(count);
        if !rest.ends_with(STAMP) {
            return Ok(Self::default());
        }
        let count = std::str::from_utf8(number).ok().and_then(|text| text.parse().ok()).filter(|_| !number.starts_with(b"0"));
        let (Some(count), Some(digest)) = (count, unhex(digits)) else { return Err(FAULT) };
        Ok(Self { count, digest })
    }

    /// A body that is about to be written, with the mark.
    pub(super) fn stamp(&self, body: &[u8]) -> Vec<u8> {
        let mut out = body.to_vec();
        self.put(&mut out);
        out
    }

    /// Adds it to a body at the end of `out`.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        if self.is_some() && out.pop().is_some() {
            out.extend_from_slice(STAMP);
            push_number(out, self.count);
            out.push(b':');
            push_hex(out, &self.digest);
            out.extend_from_slice(b"\"}");
        }
    }

    /// Does it state that something was revoked?
    pub(super) const fn is_some(&self) -> bool {
        self.count > 0
    }

    fn next(&self, body: &[u8]) -> Self {
        let digest = Sha256::new().chain_update(b"airlock/revoked/v1\0").chain_update(body).finalize();
        Self { count: self.count + 1, digest: digest.into() }
    }
}

/// Is this a line that changes what is revoked?
pub(super) fn is_revocation(body: &[u8]) -> bool {
    body.starts_with(REVOKE) || body.starts_with(KILL)
}

/// The revocations of the lines read so far.
#[derive(Debug, Default)]
pub(super) struct Revocations {
    targets: HashSet<Target>,
    epoch: u64,
    killed: bool,
    mark: Mark,
}

impl Revocations {
    /// Adds the stamp to a body that is about to be written.
    #[cfg(test)]
    pub(super) fn stamp(&self, body: &[u8]) -> Vec<u8> {
        self.mark.stamp(body)
    }

    /// May this line follow the lines read so far?
    ///
    /// # Errors
    /// A sentence fragment: it states other revocations than there are, or is one that cannot be read.
    pub(super) fn admits(&self, line: &Line<'_>) -> Result<(), &'static str> {
        if Mark::of(line.body)? != self.mark {
            return Err("it states other revocations than stand before it: one was taken out or put in");
        }
        if is_revocation(line.body) && read(line.body).is_none() { Err("it is a revocation that cannot be read") } else { Ok(()) }
    }

    /// Takes in a line that [`Revocations::admits`].
    pub(super) fn absorb(&mut self, line: &Line<'_>) {
        if !is_revocation(line.body) {
            return;
        }
        match read(line.body) {
            Some(Change::Revoke(Target::Epoch(floor))) => self.epoch = self.epoch.max(floor),
            Some(Change::Revoke(target)) => drop(self.targets.insert(target)),
            Some(Change::Kill(on)) => self.killed = on,
            None => {}
        }
        self.mark = self.mark.next(line.body);
    }

    /// The mark of the newest revocation.
    pub(super) const fn mark(&self) -> &Mark {
        &self.mark
    }

    /// Leases of an earlier epoch are refused.
    pub(super) const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Was the kill file there when it was last looked at?
    pub(super) const fn killed(&self) -> bool {
        self.killed
    }

    /// Is there room for one more?
    pub(super) const fn has_room(&self) -> bool {
        self.mark.count < REVOCATIONS_MAX
    }

    /// Does it change nothing to revoke this?
    pub(super) fn covers(&self, target: &Target) -> bool {
        match target {
            Target::Epoch(floor) => *floor <= self.epoch,
            Target::Rid(_) | Target::Jti(_) | Target::Session(_) | Target::Subject(_) | Target::Key(_) => {
                Target::read(target.word(), target.id()).is_some_and(|clipped| self.targets.contains(&clipped))
            }
        }
    }

    /// By which word is this lease revoked, if it is?
    pub(super) fn by(&self, holder: &Holder) -> Option<&'static str> {
        if holder.ep.is_some_and(|ep| ep < self.epoch) {
            return Some("epoch");
        }
        if self.targets.is_empty() {
            return None;
        }
        let Holder { rid, jti, sid, sub, kid, ep: _ } = holder;
        let named = [Target::Jti(clip(jti)), Target::Session(clip(sid)), Target::Subject(clip(sub)), Target::Key(clip(kid))];
        let nodes = rid.iter().map(|rid| Target::Rid(clip(rid)));
        nodes.chain(named).find(|target| self.targets.contains(target)).map(|target| target.word())
    }

    /// Does the lease name an epoch that this ledger has not come to? Then revocations of its issuer are missing here.
    pub(super) fn is_behind(&self, holder: &Holder) -> bool {
        holder.ep.is_some_and(|ep| ep > self.epoch)
    }
}

enum Change {
    Revoke(Target),
    Kill(bool),
}

/// What a revocation line says.
fn read(body: &[u8]) -> Option<Change> {
    // The opening brace is part of the fixed beginning; the parser needs one.
    let json = [b"{", body].concat();
    if body.starts_with(KILL) {
        return serde_json::from_slice::<Kill>(&json).ok().map(|kill| Change::Kill(kill.on));
    }
    let revoke = serde_json::from_slice::<Revoke>(&json).ok()?;
    Target::read(&revoke.what, revoke.id).map(Change::Revoke)
}

#[cfg(test)]
mod tests {
    use super::super::line;
    use super::*;
    use airlock_core::clock::Micros;

    /// Writes a body as the ledger does.
    fn write(revoked: &mut Revocations, body: &[u8]) -> Vec<u8> {
        let line = line::build(0, &[0; 32], Micros(0), &revoked.stamp(body));
        let parts = line::parse(&line).unwrap();
        revoked.admits(&parts).unwrap();
        revoked.absorb(&parts);
        line
    }

    fn revoke(target: Target) -> Vec<u8> {
        revoke_body(&target, "lost laptop", "operator")
    }

    fn holder() -> Holder {
        let text = str::to_owned;
        Holder { rid: vec![text("r0"), text("r1")], jti: text("j"), sid: text("s"), sub: text("a"), kid: text("k"), ep: Some(3) }
    }

    #[test]
    fn each_kind_is_found_by_its_own_name_alone() {
        assert_eq!(Revocations::default().by(&holder()), None);
        let all = ["r0", "r1", "j", "s", "a", "k"].map(str::to_owned);
        for (target, found) in [
            (Target::Rid("r0".into()), "rid"),
            (Target::Rid("r1".into()), "rid"),
            (Target::Jti("j".into()), "jti"),
            (Target::Session("s".into()), "sid"),
            (Target::Subject("a".into()), "sub"),
            (Target::Key("k".into()), "kid"),
            (Target::Epoch(4), "epoch"),
        ] {
            let mut revoked = Revocations::default();
            write(&mut revoked, &revoke(target.clone()));
            assert_eq!(revoked.by(&holder()), Some(found), "{target:?}");
            assert!(revoked.covers(&target));
            assert_ne!(revoked.is_behind(&holder()), found == "epoch");
        }
        for target in [Target::Rid("j".into()), Target::Jti("r0".into()), Target::Key("a".into()), Target::Epoch(3)] {
            let mut revoked = Revocations::default();
            write(&mut revoked, &revoke(target.clone()));
            assert_eq!(revoked.by(&holder()), None, "{target:?} of {all:?}");
        }
    }

    #[test]
    fn an_epoch_never_goes_back() {
        let mut revoked = Revocations::default();
        for floor in [2, 5, 3] {
            write(&mut revoked, &revoke(Target::Epoch(floor)));
        }
        assert_eq!(revoked.epoch(), 5);
        let of = |ep| Holder { ep: Some(ep), ..Holder::default() };
        assert_eq!((revoked.by(&of(4)), revoked.by(&of(5)), revoked.by(&of(6))), (Some("epoch"), None, None));
        assert_eq!((revoked.is_behind(&of(5)), revoked.is_behind(&of(6))), (false, true));
    }

    /// Every later line states what was revoked, so that no line can stand there without it.
    #[test]
    fn a_line_that_states_other_revocations_is_not_admitted() {
        let (mut one, mut two, mut none) = (Revocations::default(), Revocations::default(), Revocations::default());
        write(&mut one, &revoke(Target::Session("s".into())));
        write(&mut two, &revoke(Target::Session("t".into())));
        let other = b"\"t\":\"outcome\",\"call\":\"c\"}";
        let (after_one, after_none) = (write(&mut one, other), write(&mut none, other));
        let admits = |revoked: &Revocations, text: &[u8]| revoked.admits(&line::parse(text).unwrap()).is_ok();
        assert!(admits(&one, &after_one) && admits(&none, &after_none));
        assert!(!admits(&one, &after_none) && !admits(&none, &after_one) && !admits(&two, &after_one));
        let unreadable = line::build(0, &[0; 32], Micros(0), b"\"t\":\"revoke\",\"what\":\"all\",\"id\":\"\"}");
        assert!(!admits(&none, &unreadable), "a revocation that is not understood is not passed over");
    }

    /// Only the last member is a stamp: whatever a client puts into a string has its quotes escaped.
    #[test]
    fn a_text_of_a_client_is_no_stamp() {
        let fake = format!("x\",\"rv\":\"7:{}", "0".repeat(64));
        let line = line::ascii_json(&serde_json::json!({ "call": fake }));
        assert_eq!(Mark::of(&line), Ok(Mark::default()));
        let real = format!("\"t\":\"x\",\"rv\":\"7:{}\"}}", "0".repeat(64));
        assert_eq!(Mark::of(real.as_bytes()), Ok(Mark { count: 7, digest: [0; 32] }));
        for bad in [real.replace("7:", "0:"), real.replace("7:", ":"), real.replace("00", "0A"), real.replace("7:", "07:x")] {
            assert!(Mark::of(bad.as_bytes()).is_err() || bad.contains('x'), "{bad}");
        }
    }

    #[test]
    fn the_kill_file_comes_and_goes() {
        let mut revoked = Revocations::default();
        write(&mut revoked, &kill_body(true));
        assert!(revoked.killed());
        write(&mut revoked, &kill_body(false));
        assert!(!revoked.killed() && revoked.mark().count == 2);
    }
}
