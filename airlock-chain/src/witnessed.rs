//! The newest checkpoint that witnesses have cosigned, kept beside the ledger.
//!
//! What lies there is proof against whoever puts the host back, so nothing weaker takes its place: not a checkpoint of fewer entries, and never
//! another one of as many.

use super::files::{self, WITNESSED};
use super::note::{Checkpoint, Key, NOTE_MAX};
use super::place::{durable_file, read_genesis};
use super::witness::Witness;
use base64ct::{Base64, Encoding};
use rustix::fs::{FlockOperation, flock};
use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::{Duration, Instant};

/// Longest wait for another process that keeps a checkpoint here.
const LOCK_MAX: Duration = Duration::from_secs(10);

/// What lies there now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// The checkpoint that was given, with the cosignatures of other witnesses for it that were there.
    This,
    /// One of so many entries, more than were given: another process was quicker.
    Newer(u64),
}

/// Why a cosigned checkpoint is not kept.
#[derive(Debug)]
pub enum KeepFault {
    /// A file operation failed.
    Io(io::Error),
    /// It is not signed by the ledger's log key, or it does not fit a note.
    NotOurs,
    /// Another checkpoint of as many entries lies there, signed by the log key as well: two histories of one ledger.
    Other(u64),
}

impl fmt::Display for KeepFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::NotOurs => {
                f.write_str("the checkpoint is not signed by the log key of this ledger, or has too many signatures")
            }
            Self::Other(n) => write!(f, "`{WITNESSED}` has another checkpoint of {n} entries, signed by the log key too"),
        }
    }
}

impl From<io::Error> for KeepFault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Keeps a checkpoint with the line by which a witness has cosigned it.
///
/// # Errors
/// See [`KeepFault`]; then what lay there lies there still.
pub fn keep(dir: &Path, note: &str, line: &str) -> Result<Kept, KeepFault> {
    let key = log_key(dir)?;
    let given = Checkpoint::verify(note.as_bytes(), &key).map_err(|_| KeepFault::NotOurs)?;
    // Two timers may end at the same time. The lock of commits is not taken: no witness keeps a gateway waiting.
    let directory = File::open(dir)?;
    lock(&directory)?;
    let path = dir.join(WITNESSED);
    let present = match files::read_note(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let text = match Checkpoint::verify(&present, &key) {
        Ok(there) if there.n > given.n => return Ok(Kept::Newer(there.n)),
        Ok(there) if there.n == given.n && there != given => return Err(KeepFault::Other(there.n)),
        Ok(there) if there == given => merged(&String::from_utf8_lossy(&present), line),
        // Of fewer entries; or somebody has put something there that the log key has not signed.
        Ok(_) | Err(_) => format!("{note}{line}\n"),
    };
    if text.len() > NOTE_MAX {
        return Err(KeepFault::NotOurs);
    }
    durable_file(&path, text.as_bytes()).map_err(io::Error::other)?;
    Ok(Kept::This)
}

/// The number of entries of what a witness has cosigned here, if the log key signed it too.
///
/// # Errors
/// What lies there cannot be read.
pub fn seen(dir: &Path, witness: &Witness) -> io::Result<Option<u64>> {
    match files::read_note(&dir.join(WITNESSED)) {
        Ok(note) => Ok(witness.verify(&note).ok().map(|seen| seen.checkpoint.n)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A note with one more cosignature. An older one of the same name and key is the same statement of an earlier time.
fn merged(note: &str, line: &str) -> String {
    let (text, lines) = note.split_once("\n\n").unwrap_or((note, ""));
    let others = lines.lines().filter(|there| signer(there) != signer(line));
    let others = others.fold(String::new(), |all, there| all + there + "\n");
    format!("{text}\n\n{others}{line}\n")
}

/// Name and key id of a signature line.
fn signer(line: &str) -> Option<(&str, [u8; 4])> {
    let (name, signed) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    Some((name, *Base64::decode_vec(signed).ok()?.first_chunk()?))
}

fn log_key(dir: &Path) -> Result<Key, KeepFault> {
    let none =
        || io::Error::new(ErrorKind::NotFound, format!("{} holds no ledger that begins with a genesis entry", dir.display()));
    let first = files::segments(dir)?.into_iter().next().ok_or_else(none)?;
    let genesis = read_genesis(&files::open(&first.path)?).ok_or_else(none)?;
    Ok(super::note::parse_key(&genesis.pk).ok_or_else(none)?)
}

fn lock(directory: &File) -> io::Result<()> {
    let begun = Instant::now();
    loop {
        match flock(directory, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(()),
            Err(_) if begun.elapsed() < LOCK_MAX => std::thread::sleep(Duration::from_millis(20)),
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests;
