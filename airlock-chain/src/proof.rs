//! Proofs about a ledger that need neither the ledger nor its other entries: that an entry stands in it, and that it grew without
//! changing (RFC 6962, section 2.1; verification as in RFC 9162, section 2.1).
//!
//! ```text
//! c2sp.org/tlog-proof@v1            old 128
//! index 4                           <base64 hash>
//! <base64 hash>                     …
//! …                                                     (the body that a c2sp.org/tlog-witness takes)
//!                                   <checkpoint>
//! <checkpoint>
//! ```

use super::batch::scan_leaves;
use super::chain::{Hash, Range, first_prev, leaf, node};
use super::cursor::Cursor;
use super::files::{self, End};
use super::note::{Checkpoint, Key, NoteFault, parse_key};
use super::place::read_genesis;
use base64ct::{Base64, Encoding};
use std::fmt;
use std::path::Path;

/// First line of a proof that an entry stands in a ledger.
const INCLUSION: &str = "c2sp.org/tlog-proof@v1";
/// Longest proof read, bytes: 126 hashes and a note of the longest kind.
pub const PROOF_MAX: usize = 80 * 1024;

/// Entry `index` stands in the tree of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inclusion {
    /// Number of the entry.
    pub index: u64,
    /// Audit path.
    pub path: Vec<Hash>,
    /// Signed checkpoint, byte for byte.
    pub note: String,
}

/// The tree of a checkpoint has the tree of the first `old` entries as its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consistency {
    /// Entries of the older tree.
    pub old: u64,
    /// Consistency path.
    pub path: Vec<Hash>,
    /// Signed checkpoint of the newer tree, byte for byte.
    pub note: String,
}

/// A proof of either kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// That an entry stands there.
    Inclusion(Inclusion),
    /// That a ledger only grew.
    Consistency(Consistency),
}

/// Why there is no proof, or why it proves nothing.
#[derive(Debug)]
pub enum ProofFault {
    /// A file cannot be read.
    Io(std::io::Error),
    /// The ledger is not what the checkpoint says, or is damaged before that.
    Ledger(String),
    /// The text is no proof in the one spelling that is accepted.
    Malformed(&'static str),
    /// The checkpoint in it is not signed as it should be.
    Note(NoteFault),
    /// The hashes do not lead to the signed tree head.
    Wrong,
}

impl fmt::Display for ProofFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Ledger(text) => f.write_str(text),
            Self::Malformed(what) => write!(f, "it is not a proof: {what}"),
            Self::Note(NoteFault::Malformed) => f.write_str("what it ends with is not a checkpoint"),
            Self::Note(NoteFault::OtherKey) => f.write_str("its checkpoint is not signed by this key"),
            Self::Note(NoteFault::BadSignature) => f.write_str("the signature of its checkpoint is wrong"),
            Self::Wrong => f.write_str("its hashes do not lead to the signed tree head"),
        }
    }
}

impl From<std::io::Error> for ProofFault {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

/// The tree that a checkpoint covers.
#[derive(Debug)]
pub struct Tree {
    leaves: Vec<Hash>,
    checkpoint: Checkpoint,
    note: String,
}

impl Tree {
    /// Reads the entries that `note` covers, and checks that they are those that were signed. Holds 32 bytes for each.
    ///
    /// # Errors
    /// A file cannot be read; or the entries are fewer or others.
    pub fn read(dir: &Path, note: &[u8]) -> Result<Self, ProofFault> {
        let missing = || ProofFault::Ledger(format!("{} holds no ledger that begins with a genesis entry", dir.display()));
        let segments = files::segments(dir)?;
        let first = segments.first().ok_or_else(missing)?;
        let genesis = read_genesis(&files::open(&first.path)?).ok_or_else(missing)?;
        let key = parse_key(&genesis.pk).ok_or_else(missing)?;
        let checkpoint = Checkpoint::verify(note, &key).map_err(ProofFault::Note)?;
        let note = String::from_utf8_lossy(note).into_owned();
        let mut cursor = Cursor::start(first_prev(&genesis.origin, key.as_bytes()));
        let mut leaves = Vec::new();
        for segment in segments {
            if cursor.range.len() >= checkpoint.n {
                break;
            }
            let file = files::open(&segment.path)?;
            cursor.open_segment();
            let end = scan_leaves(&file, file.metadata()?.len(), |_, text, leaf| {
                if cursor.range.len() >= checkpoint.n {
                    return Err(String::new());
                }
                cursor.accept_with(text, leaf, |_| Ok(())).map(|_| leaves.push(cursor.prev))
            })?;
            match end {
                End::Clean | End::Partial { .. } => {}
                End::Fault { .. } if cursor.range.len() >= checkpoint.n => {}
                End::Fault { at, reason } => {
                    return Err(ProofFault::Ledger(format!(
                        "the line at byte {at} of {} does not fit: {reason}",
                        segment.name()
                    )));
                }
            }
        }
        if cursor.range.len() < checkpoint.n {
            let text = format!("the checkpoint covers {} entries, the ledger has {}", checkpoint.n, cursor.range.len());
            return Err(ProofFault::Ledger(text));
        }
        if cursor.range.root() != checkpoint.root || checkpoint.origin != genesis.origin {
            return Err(ProofFault::Ledger("the entries are not those that the checkpoint was signed over".into()));
        }
        Ok(Self { leaves, checkpoint, note })
    }

    /// Number of entries.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.checkpoint.n
    }

    /// A ledger has its line 0 at least, but a note may cover nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.checkpoint.n == 0
    }

    /// The proof for an entry; `None` if the checkpoint does not cover it.
    #[must_use]
    pub fn inclusion(&self, index: u64) -> Option<Inclusion> {
        let at = usize::try_from(index).ok().filter(|at| *at < self.leaves.len())?;
        Some(Inclusion { index, path: audit_path(&self.leaves, at), note: self.note.clone() })
    }

    /// Are the first entries those that a note states? Whoever signed it.
    #[must_use]
    pub fn has_root(&self, note: &str) -> bool {
        let stated = Checkpoint::claim(note.as_bytes());
        let leaves = |n: u64| self.leaves.get(..usize::try_from(n).ok()?);
        stated.is_some_and(|stated| leaves(stated.n).is_some_and(|leaves| head(leaves) == stated.root))
    }

    /// The signed checkpoint, byte for byte.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }

    /// The proof that it grew from its first `old` entries; `None` if those are more than it has. From nothing to a tree there is nothing to
    /// prove: that is what a witness takes which has seen nothing yet.
    #[must_use]
    pub fn consistency(&self, old: u64) -> Option<Consistency> {
        if old == 0 {
            return Some(Consistency { old, path: Vec::new(), note: self.note.clone() });
        }
        let size = usize::try_from(old).ok().filter(|size| (1..=self.leaves.len()).contains(size))?;
        Some(Consistency { old, path: consistency_path(&self.leaves, size), note: self.note.clone() })
    }
}

/// The largest power of two below `n`, which is at least 2.
const fn split(n: usize) -> usize {
    1 << (n - 1).ilog2()
}

fn head(leaves: &[Hash]) -> Hash {
    let mut range = Range::default();
    leaves.iter().for_each(|leaf| range.push(*leaf));
    range.root()
}

/// RFC 6962, section 2.1.1: `PATH(m, D[n])`, deepest first.
fn audit_path(mut leaves: &[Hash], mut m: usize) -> Vec<Hash> {
    let mut path = Vec::new();
    while leaves.len() > 1 {
        let (left, right) = leaves.split_at(split(leaves.len()));
        if m < left.len() {
            path.push(head(right));
            leaves = left;
        } else {
            path.push(head(left));
            (leaves, m) = (right, m - left.len());
        }
    }
    path.reverse();
    path
}

/// RFC 6962, section 2.1.2: `PROOF(m, D[n])`, deepest first; `m` is at least 1.
fn consistency_path(mut leaves: &[Hash], mut m: usize) -> Vec<Hash> {
    let mut path = Vec::new();
    let mut known = true;
    while m < leaves.len() {
        let (left, right) = leaves.split_at(split(leaves.len()));
        if m <= left.len() {
            path.push(head(right));
            leaves = left;
        } else {
            path.push(head(left));
            (leaves, m, known) = (right, m - left.len(), false);
        }
    }
    if !known {
        path.push(head(leaves));
    }
    path.reverse();
    path
}

impl Inclusion {
    /// The signed checkpoint, if it is signed with `key` and this very line stands at `index` in its tree.
    ///
    /// # Errors
    /// See [`ProofFault`].
    pub fn verify(&self, key: &Key, line: &[u8]) -> Result<Checkpoint, ProofFault> {
        let checkpoint = Checkpoint::verify(self.note.as_bytes(), key).map_err(ProofFault::Note)?;
        if self.index >= checkpoint.n {
            return Err(ProofFault::Wrong);
        }
        // RFC 9162, section 2.1.3.2.
        let (mut at, mut last, mut hash) = (self.index, checkpoint.n - 1, leaf(line));
        for sibling in &self.path {
            if last == 0 {
                return Err(ProofFault::Wrong);
            }
            if at & 1 == 1 || at == last {
                hash = node(sibling, &hash);
                while at & 1 == 0 && at != 0 {
                    (at, last) = (at >> 1, last >> 1);
                }
            } else {
                hash = node(&hash, sibling);
            }
            (at, last) = (at >> 1, last >> 1);
        }
        if last == 0 && hash == checkpoint.root { Ok(checkpoint) } else { Err(ProofFault::Wrong) }
    }
}

impl Consistency {
    /// The newer checkpoint, if it is signed with `key` and its tree begins with that of `older`, which the caller has verified or trusts.
    ///
    /// # Errors
    /// See [`ProofFault`].
    pub fn verify(&self, key: &Key, older: &Checkpoint) -> Result<Checkpoint, ProofFault> {
        let newer = Checkpoint::verify(self.note.as_bytes(), key).map_err(ProofFault::Note)?;
        let fits = older.n == self.old && older.origin == newer.origin && grew(&self.path, older, &newer);
        if fits { Ok(newer) } else { Err(ProofFault::Wrong) }
    }
}

/// RFC 9162, section 2.1.4.2.
fn grew(path: &[Hash], older: &Checkpoint, newer: &Checkpoint) -> bool {
    if older.n == 0 || older.n > newer.n {
        return false;
    }
    if older.n == newer.n {
        return path.is_empty() && older.root == newer.root;
    }
    // Of a perfect tree the older head begins the path, and is left out of it.
    let begin = older.n.is_power_of_two().then_some(older.root);
    let mut path = begin.into_iter().chain(path.iter().copied());
    let Some(first) = path.next() else { return false };
    let (mut at, mut last) = (older.n - 1, newer.n - 1);
    while at & 1 == 1 {
        (at, last) = (at >> 1, last >> 1);
    }
    let (mut old, mut new) = (first, first);
    for hash in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            (old, new) = (node(&hash, &old), node(&hash, &new));
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            new = node(&new, &hash);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && old == older.root && new == newer.root
}

impl fmt::Display for Inclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{INCLUSION}\nindex {}\n", self.index)?;
        write_path(f, &self.path)?;
        write!(f, "\n{}", self.note)
    }
}

impl fmt::Display for Consistency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        write_path(f, &self.path)?;
        write!(f, "\n{}", self.note)
    }
}

fn write_path(f: &mut fmt::Formatter<'_>, path: &[Hash]) -> fmt::Result {
    path.iter().try_for_each(|hash| writeln!(f, "{}", Base64::encode_string(hash)))
}

impl Proof {
    /// Reads a proof of either kind. Numbers and hashes have one spelling; the opaque `extra` line of the format is passed over.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, ProofFault> {
        let fault = ProofFault::Malformed;
        if text.len() > PROOF_MAX {
            return Err(fault("it is too long"));
        }
        let (head, note) = text.split_once("\n\n").ok_or(fault("no empty line ends its hashes"))?;
        let mut lines = head.split('\n').peekable();
        let is_inclusion = lines.next_if_eq(&INCLUSION).is_some();
        if is_inclusion {
            lines.next_if(|line| line.starts_with("extra "));
        }
        let word = if is_inclusion { "index " } else { "old " };
        let number =
            lines.next().and_then(|line| line.strip_prefix(word)).ok_or(fault("its first lines are those of no proof"))?;
        let plain =
            number.parse::<u64>().ok().filter(|n| n.to_string() == number).ok_or(fault("its number is not a plain number"))?;
        let path = lines.map(|line| Base64::decode_vec(line).ok()?.try_into().ok()).collect::<Option<Vec<Hash>>>();
        let path = path.filter(|path| path.len() <= 126).ok_or(fault("one of its hashes is none"))?;
        let note = note.to_owned();
        Ok(match is_inclusion {
            true => Self::Inclusion(Inclusion { index: plain, path, note }),
            false => Self::Consistency(Consistency { old: plain, path, note }),
        })
    }
}

#[cfg(test)]
mod tests;
