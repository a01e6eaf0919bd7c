//! `airlock witness`.

mod post;
mod submit;

use super::proof::{read, tree};
use crate::render::{Failure, Outcome, note, say};
use airlock_runtime::ledger::WITNESSED;
use airlock_runtime::ledger::note::Checkpoint;
use airlock_runtime::ledger::witness::Witness as Trusted;
use airlock_runtime::ledger::witnessed::{self, KeepFault, Kept};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Longest answer of a witness that is read, bytes.
const ANSWER_MAX: u64 = 16 * 1024;

/// Have checkpoints cosigned by an outside party, so that the host cannot go back behind them.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Witness {
    Submit(submit::Submit),
    Add(Add),
}

/// Put the answer of a witness to a checkpoint of the ledger, and keep both in the ledger's directory, as `witnessed`: `submit` in two
/// steps, for a host that does not reach the witness.
///
/// The question is what `airlock proof consistency DIR --since DIR/witnessed` prints, posted to `<witness>/add-checkpoint`
/// (c2sp.org/tlog-witness). Keep a copy of `witnessed` elsewhere as well: whoever takes over the host can put an older one there.
///
/// Exit codes: 0 kept · 1 the ledger has fewer entries than were cosigned, or others · 2 the answer is no cosignature, or a file cannot be read.
#[derive(Debug, clap::Args)]
pub(crate) struct Add {
    /// Directory of the ledger
    dir: PathBuf,
    /// Verifier key of the witness (name+id+base64), or a file with it
    #[arg(long, value_name = "VKEY|FILE")]
    witness: String,
    /// What was posted: its checkpoint is the one that was cosigned
    #[arg(long, value_name = "FILE")]
    posted: PathBuf,
    /// What the witness answered [default: standard input]
    #[arg(long, value_name = "FILE")]
    answer: Option<PathBuf>,
}

impl Witness {
    pub(crate) fn run(self) -> Outcome {
        match self {
            Self::Submit(verb) => verb.run(),
            Self::Add(verb) => verb.run(),
        }
    }
}

impl Add {
    fn run(self) -> Outcome {
        let trusted = witness(&self.witness)?;
        let answer = match &self.answer {
            Some(path) => read(path)?,
            None => {
                let mut bytes = Vec::new();
                let read = std::io::stdin().take(ANSWER_MAX).read_to_end(&mut bytes);
                read.map_err(|e| Failure::new(format_args!("cannot read the answer: {e}")))?;
                bytes
            }
        };
        let posted = read(&self.posted)?;
        let posted = String::from_utf8_lossy(&posted);
        let (_, checkpoint) = posted.split_once("\n\n").ok_or_else(|| {
            Failure::new(format_args!("{} is not what was posted", self.posted.display()))
                .help("`airlock proof consistency` prints it")
        })?;
        // The entries are read and compared: a witness vouches for what it was shown, not for what lies here.
        let tree = tree(&self.dir, None)?;
        let put_back = |n: u64| {
            Failure::no(format_args!("a checkpoint of {n} entries was cosigned, the ledger has {}: it was put back", tree.len()))
                .help("find out who did that; `airlock verify-log --checkpoint` with a copy of `witnessed` shows the same")
        };
        match Checkpoint::claim(checkpoint.as_bytes()).map(|posted| posted.n) {
            Some(n) if n > tree.len() => return Err(put_back(n)),
            Some(n) if !tree.has_root(checkpoint) => {
                return Err(Failure::no(format_args!("the first {n} entries are not those that were posted"))
                    .help(format_args!("run `airlock verify-log {}`", self.dir.display())));
            }
            Some(_) | None => {}
        }
        match keep(&self.dir, &trusted, checkpoint, &String::from_utf8_lossy(&answer)) {
            Ok(Kept::This) => kept(&self.dir, &trusted, Checkpoint::claim(checkpoint.as_bytes()).map_or(0, |posted| posted.n)),
            Ok(Kept::Newer(n)) if n > tree.len() => Err(put_back(n)),
            Ok(Kept::Newer(n)) => kept(&self.dir, &trusted, n),
            Err(unkept) => Err(unkept.told(&self.dir, &trusted)),
        }
    }
}

/// Why a cosigned checkpoint is not kept: an answer that shows something about the ledger, or one that shows nothing.
enum Unkept {
    /// The answer is no cosignature of this witness for what was posted. It may have been cut, or be of something else.
    Unsigned,
    /// Another checkpoint of as many entries lies there.
    Finding(KeepFault),
    /// It cannot be kept.
    Failed(KeepFault),
}

impl Unkept {
    fn told(self, dir: &Path, trusted: &Trusted) -> Failure {
        match self {
            Self::Unsigned => Failure::new(format_args!("the answer is not a cosignature of {} for this checkpoint", trusted.name()))
                .help("it may have been cut short; nothing was changed, run this again. A witness that refuses says so by its status"),
            Self::Finding(fault) => Failure::no(format_args!("{} is left as it is: {fault}", dir.join(WITNESSED).display()))
                .help("somebody has written another history with the ledger's log key: keep both, and compare with copies from elsewhere"),
            Self::Failed(fault) => Failure::new(format_args!("cannot keep {}: {fault}", dir.join(WITNESSED).display())),
        }
    }
}

/// Keeps a checkpoint with the cosignature that a witness answered, if it is one. Gives what lies there now.
fn keep(dir: &Path, trusted: &Trusted, note_of_log: &str, answer: &str) -> Result<Kept, Unkept> {
    let line = trusted.line_of(note_of_log, answer).ok_or(Unkept::Unsigned)?;
    witnessed::keep(dir, note_of_log, line).map_err(|fault| match fault {
        KeepFault::Other(_) => Unkept::Finding(fault),
        KeepFault::Io(_) | KeepFault::NotOurs => Unkept::Failed(fault),
    })
}

/// Says what is kept now.
fn kept(dir: &Path, trusted: &Trusted, entries: u64) -> Outcome {
    say(format_args!("{} has seen the first {entries} entries", trusted.name()));
    note(format_args!("keep a copy of {} elsewhere", dir.join(WITNESSED).display()));
    Ok(ExitCode::SUCCESS)
}

/// A witness given by its verifier key or by the name of a file with it.
pub(crate) fn witness(text: &str) -> Result<Trusted, Failure> {
    let of_file = || read(Path::new(text)).ok().and_then(|bytes| Trusted::parse(&String::from_utf8_lossy(&bytes)));
    Trusted::parse(text).or_else(of_file).ok_or_else(|| {
        Failure::new("--witness is neither a verifier key of a witness nor a file that holds one")
            .help("it has the form name+id+base64, and its key begins with the byte 4; the witness publishes it")
    })
}
