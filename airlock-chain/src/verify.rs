//! Verification of a ledger by someone who trusts neither the machine it lay on nor this program's writer: one pass, constant
//! memory, no key but the one the caller brings.

mod trust;

pub use trust::Trust;

use super::batch::scan_leaves;
use super::chain::{Hash, first_prev, hex};
use super::cursor::Cursor;
use super::files::{self, End, Segment};
use super::head::{Head, Slot};
use super::line::LINE_MAX;
use super::note::{Checkpoint, NoteFault, Pin, parse_key, plain_key};
use super::place::{GenesisLine, VERSION, read_genesis};
use super::revoked::Revocations;
use super::seal::Seal;
use super::sealed::{Marks, Missing};
use super::witness::Witness;
use ed25519_dalek::VerifyingKey;
use serde::Serialize;
use std::cmp::Ordering;
use std::io;
use std::path::Path;

/// The answer. Its number is the exit code of `airlock verify-log`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All that was asked for is proven.
    Proven = 0,
    /// Something was changed.
    Tampered = 1,
    /// Nothing contradicts, but less is proven than was asked for.
    Weaker = 3,
    /// The end is missing.
    Truncated = 4,
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// First bad entry, where it can be told.
    pub seq: Option<u64>,
    /// File the finding is about.
    pub file: String,
    /// A sentence.
    pub reason: String,
}

/// Bytes behind the last committed entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TornTail {
    /// File.
    pub file: String,
    /// Offset of its first byte.
    pub at: u64,
    /// Length.
    pub bytes: u64,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The answer.
    pub verdict: Verdict,
    /// Name of the gateway, as line 0 says.
    pub origin: String,
    /// Log key as line 0 says, base64. No proof of anything by itself.
    pub key: String,
    /// What an allow survived before its effect: `power`, `effect` or `process`.
    pub durability: String,
    /// First digits of the digest of the policy that created the ledger.
    pub policy: String,
    /// Entries that form an unbroken chain from line 0.
    pub entries: u64,
    /// Merkle tree head over them, hexadecimal.
    pub root: String,
    /// Time of the newest of them.
    pub newest: String,
    /// How many of the first entries a trusted checkpoint covers.
    pub anchored: u64,
    /// How many of the last entries no trusted checkpoint covers.
    pub unsealed: u64,
    /// How many of the first entries the trusted witness has cosigned; absent without one.
    pub witnessed: Option<u64>,
    /// How many of the first entries the seal covers; absent without a seed.
    pub sealed: Option<u64>,
    /// Number of the epoch of the newest entry; absent without epoch keys.
    pub epoch: Option<u64>,
    /// How many of the first entries are signed by epoch keys since erased, if it is proven which key was the first and nothing is wrong.
    pub past_epochs: u64,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Bytes behind the last committed entry, left by a crash or a write under way.
    pub torn: Option<TornTail>,
    /// What this run proves.
    pub proven: Vec<String>,
    /// What it does not prove, and why.
    pub not_proven: Vec<String>,
}

/// Name of a checkpoint that the caller brought.
const SAVED: &str = "saved checkpoint";

/// A statement about the first entries, and what came of it.
struct Anchor {
    file: &'static str,
    note: Vec<u8>,
    checkpoint: Checkpoint,
    trusted: bool,
    /// The witnesses, of those that are trusted, that have cosigned it.
    cosigned: Vec<VerifyingKey>,
    /// They are as many as are demanded.
    is_seen: bool,
    root: Option<Hash>,
    /// What is wrong with the signature of the epoch key.
    epoch_fault: Option<&'static str>,
}

impl Anchor {
    /// The reading stands behind the entries that it is about.
    fn meet(&mut self, cursor: &Cursor) {
        self.root = Some(cursor.range.root());
        let found = cursor.epoch.as_ref().map(|epoch| Checkpoint::verify_epoch(&self.note, epoch));
        self.epoch_fault = match found {
            Some(Err(NoteFault::BadSignature)) => Some("the signature of its epoch key is wrong"),
            // A witness may hand out notes without lines that it does not know.
            Some(Err(NoteFault::OtherKey | NoteFault::Malformed)) if self.file != SAVED => {
                Some("it is not signed by the key of its epoch")
            }
            Some(Err(NoteFault::OtherKey | NoteFault::Malformed) | Ok(())) | None => None,
        };
    }
}

/// One verification under way.
struct Check {
    anchors: Vec<Anchor>,
    slot: Option<Slot>,
    /// Leaf of the entry that the head names, once reached.
    slot_leaf: Option<Hash>,
    findings: Vec<Finding>,
    torn: Option<TornTail>,
    revoked: Revocations,
    marks: Marks,
}

/// Verifies the ledger in `dir`.
///
/// # Errors
/// A file cannot be read, or there is no ledger: the answer is unknown, not "no".
pub fn verify(dir: &Path, trust: &Trust) -> io::Result<Report> {
    // Claims first, entries second: a gateway that runs meanwhile only adds entries behind them.
    let note = optional(&dir.join(files::CHECKPOINT))?;
    let witnessed = optional(&dir.join(files::WITNESSED))?;
    let slot = match files::open(&dir.join(files::HEAD)) {
        Ok(file) => Head::new(file, dir.join(files::HEAD)).read().map_err(io::Error::other)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let segments = files::segments(dir)?;
    let Some(first) = segments.first() else {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("{} holds no segment (seg-….jsonl)", dir.display())));
    };
    let genesis = read_genesis(&files::open(&first.path)?).filter(|genesis| genesis.v == VERSION);
    let stated = genesis.as_ref().and_then(|genesis| parse_key(&genesis.pk));
    let marks = if trust.seed.is_some() {
        Marks::read(dir, slot.as_ref().and_then(|slot| slot.seal.as_ref()))?
    } else {
        Marks::default()
    };
    let mut check = Check {
        anchors: Vec::new(),
        slot,
        slot_leaf: None,
        findings: Vec::new(),
        torn: None,
        revoked: Revocations::default(),
        marks,
    };
    let (Some(genesis), Some(stated)) = (genesis, stated) else {
        let size = first.path.metadata()?.len();
        if check.slot.is_none() && note.is_none() && trust.is_none() && is_begun(first, size)? {
            check.tail(first, 0, size);
            return Ok(check.report(&Cursor::start([0; 32]), None, trust));
        }
        check.find(Some(0), &first.path, "line 0 is not a genesis entry of this version of the format");
        return Ok(check.report(&Cursor::start([0; 32]), None, trust));
    };
    let notes = [
        (files::CHECKPOINT, note.as_deref(), trust.key.is_some()),
        (files::WITNESSED, witnessed.as_deref(), trust.key.is_some()),
        (SAVED, trust.saved.as_deref(), true),
    ];
    for (name, note, trusted) in notes {
        if let Some(note) = note {
            check.anchor(name, note, &genesis.origin, trust, &stated, trusted);
        }
    }
    if trust.key.is_some_and(|pinned| pinned != stated) {
        check.find(Some(0), &first.path, "line 0 names another log key than the pinned one: another ledger, or a rewritten one");
    }
    if trust.epoch_key.is_some() && trust.epoch_key != genesis.epk.as_deref().and_then(parse_key) {
        check.find(Some(0), &first.path, "line 0 names another first epoch key than the pinned one, or none: it was rewritten");
    }
    let mut cursor = Cursor::start(first_prev(&genesis.origin, stated.as_bytes()));
    match &trust.seed {
        Some(seed) if genesis.seal.as_deref() == Some(&seed.id()) => cursor.seal = Some(Seal::start(seed)),
        Some(_) => {
            check.find(Some(0), &first.path, "line 0 does not name this seed: another ledger, or a rewritten one");
        }
        None => {}
    }
    for (n, segment) in segments.iter().enumerate() {
        if !check.segment(segment, &mut cursor, n + 1 == segments.len())? {
            break;
        }
    }
    Ok(check.report(&cursor, Some(&genesis), trust))
}

/// Did the very first start end within line 0? Nothing was told from such a ledger, so nothing can be missing from it. Who pins a
/// key or saved a checkpoint has seen a line 0, and for them this is no excuse.
fn is_begun(first: &Segment, size: u64) -> io::Result<bool> {
    Ok(size <= LINE_MAX as u64 && !files::bytes(&files::open(&first.path)?, 0, size)?.contains(&b'\n'))
}

impl Check {
    fn find(&mut self, seq: Option<u64>, file: &Path, reason: impl Into<String>) {
        let file = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.findings.push(Finding { seq, file, reason: reason.into() });
    }

    /// Takes a checkpoint in, if its signature holds.
    fn anchor(&mut self, name: &'static str, note: &[u8], origin: &str, trust: &Trust, stated: &VerifyingKey, trusted: bool) {
        let key = trust.key.as_ref().unwrap_or(stated);
        let witnesses = trust.distinct();
        let mut cosigned = Vec::new();
        for witness in &witnesses {
            match witness.verify(note) {
                Ok(_) => cosigned.push(*witness.key()),
                Err(NoteFault::BadSignature) => {
                    return self.find(None, Path::new(name), format!("the signature of the witness {} is wrong", witness.name()));
                }
                Err(NoteFault::OtherKey | NoteFault::Malformed) => {}
            }
        }
        let is_seen = !witnesses.is_empty() && cosigned.len() >= trust.needed(witnesses.len());
        let trusted = trusted || is_seen;
        let reason = match Checkpoint::verify(note, key) {
            Ok(checkpoint) if checkpoint.origin == origin => {
                let note = note.to_vec();
                let anchor = Anchor { file: name, note, checkpoint, trusted, cosigned, is_seen, root: None, epoch_fault: None };
                return self.anchors.push(anchor);
            }
            Ok(_) => "it is a checkpoint of another ledger",
            Err(NoteFault::Malformed) => "it is not a checkpoint",
            Err(NoteFault::OtherKey) => "it is not signed by the log key",
            Err(NoteFault::BadSignature) => "its signature is wrong",
        };
        self.find(None, Path::new(name), reason);
    }

    /// Reads one segment; false when the rest cannot be followed.
    fn segment(&mut self, segment: &Segment, cursor: &mut Cursor, is_last: bool) -> io::Result<bool> {
        let file = files::open(&segment.path)?;
        let size = file.metadata()?.len();
        if segment.first != cursor.range.len() {
            let reason =
                format!("its name says that it begins with entry {}, but entry {} follows", segment.first, cursor.range.len());
            self.find(Some(cursor.range.len()), &segment.path, reason);
            return Ok(false);
        }
        cursor.open_segment();
        let end = scan_leaves(&file, size, |_, text, leaf| {
            let line = cursor.accept_with(text, leaf, |line| self.revoked.admits(line))?;
            self.revoked.absorb(&line);
            self.pass(cursor);
            Ok(())
        })?;
        // Of a later segment than the head speaks of, nothing was committed.
        let committed = self.slot.as_ref().filter(|_| is_last).and_then(|slot| match slot.segment.cmp(&segment.first) {
            Ordering::Less => Some(0),
            Ordering::Equal => Some(slot.offset),
            Ordering::Greater => None,
        });
        match end {
            End::Clean if is_last || cursor.is_closed() => Ok(true),
            End::Clean => {
                let reason = "its last line does not end it, and more segments follow";
                self.find(Some(cursor.range.len()), &segment.path, reason);
                Ok(false)
            }
            End::Partial { at } if is_last => {
                self.tail(segment, at, size);
                Ok(true)
            }
            // What no head describes was never acknowledged: recovery will cut it off.
            End::Fault { at, .. } if committed.is_some_and(|offset| at >= offset) => {
                self.tail(segment, at, size);
                Ok(true)
            }
            End::Partial { .. } => {
                self.find(Some(cursor.range.len()), &segment.path, "its last line is cut short, and more segments follow");
                Ok(false)
            }
            End::Fault { at, reason } => {
                self.find(Some(cursor.range.len()), &segment.path, format!("the line at byte {at} does not fit: {reason}"));
                Ok(false)
            }
        }
    }

    /// Notes tree heads and leaves that a claim is about when the cursor stands there.
    fn pass(&mut self, cursor: &Cursor) {
        for anchor in self.anchors.iter_mut().filter(|anchor| anchor.checkpoint.n == cursor.range.len()) {
            anchor.meet(cursor);
        }
        if self.slot.as_ref().is_some_and(|slot| slot.range.len() == cursor.range.len()) {
            self.slot_leaf = Some(cursor.prev);
        }
        if let Some(seal) = &cursor.seal {
            self.marks.pass(seal);
        }
    }

    fn tail(&mut self, segment: &Segment, at: u64, size: u64) {
        let file = segment.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.torn = Some(TornTail { file, at, bytes: size - at });
    }

    /// Compares the claims with what was read; gives what is missing at the end, if anything is.
    fn compare(&mut self, entries: u64) -> Option<Finding> {
        let mut short = None;
        for anchor in std::mem::take(&mut self.anchors) {
            let (n, file) = (anchor.checkpoint.n, anchor.file.to_owned());
            if n > entries {
                short = Some(Finding {
                    seq: Some(entries),
                    file,
                    reason: format!("it covers {n} entries, the ledger has {entries}"),
                });
            } else if n > 0 && anchor.root != Some(anchor.checkpoint.root) {
                let reason = format!("at least one of the first {n} entries is not the one that was signed");
                self.findings.push(Finding { seq: None, file, reason });
            } else if let Some(reason) = anchor.epoch_fault {
                self.findings.push(Finding { seq: None, file, reason: reason.to_owned() });
            } else {
                self.anchors.push(anchor);
            }
        }
        if let Some(slot) = &self.slot {
            let named = slot.range.len();
            if named > entries {
                let reason = format!("it says that {named} entries were committed, the ledger has {entries}");
                short = Some(Finding { seq: Some(entries), file: files::HEAD.into(), reason });
            } else if named > 0 && self.slot_leaf != Some(slot.leaf) {
                let reason = "entry is not the one that the head describes";
                self.findings.push(Finding { seq: Some(named - 1), file: files::HEAD.into(), reason: reason.into() });
            }
        }
        match self.marks.end(entries) {
            None => {}
            Some((Missing::Cut, finding)) => short = Some(finding),
            Some((Missing::Broken, finding)) => self.findings.push(finding),
        }
        short
    }

    /// How many of the first entries as many of the trusted witnesses have seen as are demanded, each at a checkpoint of its own, perhaps.
    fn witnessed(&self, trust: &Trust) -> Option<u64> {
        let witnesses = trust.distinct();
        let newest = |witness: &&Witness| {
            let seen = self.anchors.iter().filter(|anchor| anchor.cosigned.contains(witness.key()));
            seen.map(|anchor| anchor.checkpoint.n).max().unwrap_or(0)
        };
        let mut seen: Vec<u64> = witnesses.iter().map(newest).collect();
        seen.sort_unstable_by(|a, b| b.cmp(a));
        let needed = trust.needed(witnesses.len());
        (!witnesses.is_empty()).then(|| seen.get(needed.saturating_sub(1)).copied().unwrap_or(0))
    }

    fn report(mut self, cursor: &Cursor, genesis: Option<&GenesisLine>, trust: &Trust) -> Report {
        let entries = cursor.range.len();
        // A broken chain stops the reading early: then nothing can be said about its end.
        let broken = !self.findings.is_empty();
        let short = self.compare(entries).filter(|_| !broken);
        let anchored = self.anchors.iter().filter(|anchor| anchor.trusted).map(|anchor| anchor.checkpoint.n).max().unwrap_or(0);
        let sealed = trust.seed.as_ref().map(|_| self.marks.covered());
        let witnessed = self.witnessed(trust);
        // Each root that was given has to reach the end.
        let signed = (trust.key.is_none() && trust.saved.is_none()) || anchored == entries;
        let whole = !trust.is_none() && signed && [sealed, witnessed].iter().flatten().all(|covered| *covered == entries);
        let verdict = match (self.findings.is_empty(), &short) {
            (false, _) => Verdict::Tampered,
            (true, Some(_)) => Verdict::Truncated,
            (true, None) if whole && self.torn.is_none() => Verdict::Proven,
            (true, None) => Verdict::Weaker,
        };
        // Which key was the first is proven by whatever proves line 0 without the log key.
        let is_saved = |anchor: &Anchor| (anchor.is_seen || anchor.file == SAVED) && anchor.checkpoint.n > 0;
        let rooted = trust.epoch_key.is_some() || sealed > Some(0) || self.anchors.iter().any(is_saved);
        // Beside a finding it is not: the key may be that of another history.
        let is_clean = self.findings.is_empty() && short.is_none();
        let epoch = cursor.epoch.as_ref();
        let mut report = Report {
            verdict,
            origin: genesis.map(|g| g.origin.clone()).unwrap_or_default(),
            key: genesis.and_then(|g| parse_key(&g.pk)).as_ref().map(plain_key).unwrap_or_default(),
            durability: genesis.map(|g| g.durability.clone()).unwrap_or_default(),
            policy: genesis.map(|g| g.pol.clone()).unwrap_or_default(),
            entries,
            root: hex(&cursor.range.root()),
            newest: cursor.newest().rfc3339(),
            anchored,
            unsealed: entries - anchored,
            witnessed,
            sealed,
            epoch: epoch.map(|epoch| epoch.number),
            past_epochs: epoch.filter(|_| rooted && is_clean).map_or(0, |epoch| epoch.since - 1),
            findings: self.findings.into_iter().chain(short).collect(),
            torn: self.torn,
            proven: Vec::new(),
            not_proven: Vec::new(),
        };
        report.explain(trust, self.slot.is_some());
        report.explain_epochs(rooted);
        report
    }
}

impl Report {
    /// Says in words what follows and what does not. Nothing is claimed beside a finding.
    fn explain(&mut self, trust: &Trust, has_head: bool) {
        let (entries, anchored, unsealed) = (self.entries, self.anchored, self.unsealed);
        if entries == 0 && self.findings.is_empty() {
            self.proven.push("nothing: the first start ended before it had written line 0".into());
        } else if self.findings.is_empty() {
            self.proven.push(format!("{entries} entries form one unbroken chain from line 0"));
            if anchored > 0 && trust.key.is_some() {
                self.proven.push(format!("the first {anchored} entries are those that the holder of the pinned log key signed"));
            } else if anchored > 0 && trust.saved.is_some() {
                self.proven.push(format!("the first {anchored} entries are those that the saved checkpoint covers"));
            }
            if let Some(seen) = self.witnessed.filter(|seen| *seen > 0) {
                self.proven.push(match (trust.distinct().len(), trust.needed(trust.distinct().len())) {
                    (1, _) => {
                        format!("the first {seen} entries are those that the witness saw, and it has seen no others in their place")
                    }
                    (all, needed) => format!(
                        "the first {seen} entries are those that {needed} of {all} witnesses saw, and these have seen no others in their place"
                    ),
                });
            }
            if let Some(sealed) = self.sealed.filter(|sealed| *sealed > 0) {
                self.proven.push(format!(
                    "the first {sealed} entries are those that were sealed, none changed and none cut off, whoever has had the log key since"
                ));
            }
        } else {
            self.proven.push(format!("only that the first {entries} entries are consistent with each other"));
        }
        let not = &mut self.not_proven;
        if trust.is_none() {
            not.push("who wrote it: no trust root was given (--key, --checkpoint, --seed-file or --witness), and a key found in the ledger's own directory is none; the whole ledger may have been rewritten".into());
        } else if unsealed > 0 && (trust.key.is_some() || trust.saved.is_some()) {
            not.push(format!("the last {unsealed} entries: no trusted checkpoint covers them; they may have been rewritten or more of them cut off"));
        }
        if let Some(open) = self.sealed.map(|sealed| entries - sealed).filter(|open| *open > 0) {
            not.push(format!("the last {open} entries: they are not under the seal yet, or there is no readable head; they may have been rewritten or cut off"));
        }
        if !has_head {
            not.push("that nothing is missing at the end: there is no readable head".into());
        }
        if let Some(torn) = &self.torn {
            not.push(format!(
                "{} bytes behind the last entry in {}: a write under way or cut off by a crash; they are no entry",
                torn.bytes, torn.file
            ));
        }
        if self.sealed.is_none() && self.past_epochs == 0 {
            not.push("that nobody held the log key: who reads the gateway's files can sign another history up to now".into());
        } else if self.sealed.is_some() {
            not.push("that nobody held the machine when the newest entries were written, or the seed: only older entries are beyond him".into());
        }
        match self.witnessed {
            None => not.push("that everybody is shown this same history: that takes a witness outside".into()),
            Some(seen) if seen < entries => {
                not.push(format!(
                    "the last {} entries: too few witnesses have seen them; somebody else may be shown others",
                    entries - seen
                ));
            }
            Some(_) => {}
        }
        not.push("that what the entries say is true: only that it was written then and not changed since".into());
    }

    /// The same of epoch keys.
    fn explain_epochs(&mut self, rooted: bool) {
        let past = self.past_epochs;
        if self.findings.is_empty() && past > 0 {
            self.proven.push(format!(
                "the first {past} entries are those that epoch keys signed which are erased, whoever has had the log key and all files since"
            ));
        }
        self.not_proven.push(match self.epoch {
            None => "that past entries are beyond who has the log key now: the ledger has no epoch keys".into(),
            Some(_) if !rooted => {
                "that past entries are beyond who has the log key now: that takes the first epoch key, which --print-key prints beside the \
                 log key, a saved checkpoint, a witness or the seed"
                    .into()
            }
            Some(epoch) => {
                format!("the last {} entries against who has the key of epoch {epoch}, which is still there", self.entries - past)
            }
        });
    }
}

/// The bytes of a file that need not be there.
fn optional(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match files::read_note(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The keys that line 0 names, for pinning them elsewhere, and the ledger's origin.
///
/// # Errors
/// There is no ledger, or its line 0 is no genesis entry.
pub fn stated(dir: &Path) -> io::Result<(String, Pin)> {
    let segments = files::segments(dir)?;
    let genesis = segments.first().map(|first| files::open(&first.path)).transpose()?.and_then(|file| read_genesis(&file));
    let found = genesis.and_then(|genesis| {
        let epoch = genesis.epk.as_deref().map(|epk| parse_key(epk).ok_or(())).transpose().ok()?;
        Some((Pin { key: parse_key(&genesis.pk)?, epoch }, genesis.origin))
    });
    let (pin, origin) = found.ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidData, format!("{} holds no ledger that begins with a genesis entry", dir.display()))
    })?;
    Ok((origin, pin))
}

#[cfg(test)]
mod quorum;
#[cfg(test)]
mod tests;
