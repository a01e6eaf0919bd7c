//! `airlock proof`.

use super::trust::pinned;
use crate::render::{Failure, NO, Outcome, say};
use airlock_runtime::ledger::note::Checkpoint;
use airlock_runtime::ledger::proof::{PROOF_MAX, Proof as Text, ProofFault, Tree};
use airlock_runtime::ledger::{CHECKPOINT, read_note};
use rustix::fs::OFlags;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Prove single facts about a ledger to somebody who has not got it.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Proof {
    Inclusion(Inclusion),
    Consistency(Consistency),
    Verify(Verify),
}

/// Prove that an entry stands in the ledger, in the form of c2sp.org/tlog-proof.
///
/// Hand it over with the entry itself (`airlock tail --format json`, or the line of the segment) and nothing else of the ledger.
#[derive(Debug, clap::Args)]
pub(crate) struct Inclusion {
    /// Directory of the ledger
    dir: PathBuf,
    /// Number of the entry
    #[arg(long, value_name = "N")]
    seq: u64,
    /// Checkpoint that the proof leads to [default: the newest of the ledger]
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
}

/// Prove that the ledger has only grown since an older checkpoint, in the form that a c2sp.org/tlog-witness takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Consistency {
    /// Directory of the ledger
    dir: PathBuf,
    /// The older checkpoint [default: none, for a witness that has seen nothing yet]
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
    /// Checkpoint that the proof leads to [default: the newest of the ledger]
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
}

/// Verify a proof without the ledger.
///
/// Exit codes: 0 it holds · 1 it does not · 2 wrong usage, or a file cannot be read.
#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// The proof
    file: PathBuf,
    /// Log key that you kept: base64, a verifier key (name+id+base64), or a file with either
    #[arg(long, value_name = "BASE64|FILE")]
    key: String,
    /// Of a proof that an entry stands in a ledger: a file with that one line
    #[arg(long, value_name = "FILE")]
    entry: Option<PathBuf>,
    /// Of a proof that a ledger only grew: the older checkpoint that you kept
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
}

impl Proof {
    pub(crate) fn run(self) -> Outcome {
        match self {
            Self::Inclusion(verb) => verb.run(),
            Self::Consistency(verb) => verb.run(),
            Self::Verify(verb) => verb.run(),
        }
    }
}

impl Inclusion {
    fn run(self) -> Outcome {
        let tree = tree(&self.dir, self.checkpoint.as_deref())?;
        let proof = tree.inclusion(self.seq).ok_or_else(|| {
            Failure::new(format_args!("the checkpoint covers {} entries, and entry {} is none of them", tree.len(), self.seq))
                .help("a running gateway signs a checkpoint within about a second of an entry")
        })?;
        say(proof.to_string().trim_end_matches('\n'));
        Ok(ExitCode::SUCCESS)
    }
}

impl Consistency {
    fn run(self) -> Outcome {
        let older = match &self.since {
            None => 0,
            Some(path) => {
                let none = || Failure::new(format_args!("{} is not a checkpoint", path.display()));
                Checkpoint::claim(&read(path)?).ok_or_else(none)?.n
            }
        };
        let tree = tree(&self.dir, self.checkpoint.as_deref())?;
        let proof = tree.consistency(older).ok_or_else(|| {
            Failure::no(format_args!(
                "there is no such proof: the older checkpoint covers {} entries, the newer {}",
                older,
                tree.len()
            ))
        })?;
        say(proof.to_string().trim_end_matches('\n'));
        Ok(ExitCode::SUCCESS)
    }
}

impl Verify {
    fn run(self) -> Outcome {
        let key = pinned(&self.key)?.key;
        let text = String::from_utf8(read(&self.file)?).unwrap_or_default();
        let verified = match (Text::parse(&text), &self.entry, &self.since) {
            (Ok(Text::Inclusion(proof)), Some(entry), None) => {
                let line = read(entry)?;
                let line = line.strip_suffix(b"\n").unwrap_or(&line);
                let said =
                    |checkpoint: Checkpoint| format!("entry {} stands in the first {} entries of", proof.index, checkpoint.n);
                proof.verify(&key, line).map(|checkpoint| format!("{} {}", said(checkpoint.clone()), checkpoint.origin))
            }
            (Ok(Text::Consistency(proof)), None, Some(since)) => {
                let older = Checkpoint::verify(&read(since)?, &key).map_err(ProofFault::Note);
                older.and_then(|older| proof.verify(&key, &older)).map(|newer| {
                    format!("the {} entries of {} begin with the same {} entries as before", newer.n, newer.origin, proof.old)
                })
            }
            (Ok(Text::Inclusion(_)), _, _) => {
                return Err(Failure::new(
                    "this proves that an entry stands in a ledger: name that entry with --entry, and no --since",
                ));
            }
            (Ok(Text::Consistency(_)), _, _) => {
                return Err(Failure::new(
                    "this proves that a ledger only grew: name the older checkpoint with --since, and no --entry",
                ));
            }
            (Err(fault), _, _) => Err(fault),
        };
        match verified {
            Ok(sentence) => {
                say(sentence);
                Ok(ExitCode::SUCCESS)
            }
            Err(fault) => {
                say(format_args!("not proven: {fault}"));
                Ok(ExitCode::from(NO))
            }
        }
    }
}

pub(super) fn tree(dir: &Path, checkpoint: Option<&Path>) -> Result<Tree, Failure> {
    let note = match checkpoint {
        Some(path) => read(path)?,
        None => {
            let path = dir.join(CHECKPOINT);
            read_note(&path).map_err(|e| Failure::new(format_args!("cannot read {}: {e}", path.display())))?
        }
    };
    Tree::read(dir, &note).map_err(|fault| match fault {
        ProofFault::Io(error) => Failure::new(format_args!("cannot read the ledger {}: {error}", dir.display())),
        ProofFault::Ledger(_) | ProofFault::Malformed(_) | ProofFault::Note(_) | ProofFault::Wrong => {
            Failure::no(format_args!("there is no such proof: {fault}"))
                .help(format_args!("run `airlock verify-log {}`", dir.display()))
        }
    })
}

/// A file that the user names, up to the length of the longest proof. It has to be a regular one: a pipe would keep the command waiting.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let bound = u64::try_from(PROOF_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let (mut bytes, flags) = (Vec::new(), i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0));
    let opened =
        std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path).and_then(|file| match file.metadata()?.is_file() {
            true => Ok(file),
            false => Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is not a regular file")),
        });
    let read = opened.and_then(|file| file.take(bound).read_to_end(&mut bytes));
    read.map_err(|e| Failure::new(format_args!("cannot read {}: {e}", path.display())))?;
    Ok(bytes)
}
