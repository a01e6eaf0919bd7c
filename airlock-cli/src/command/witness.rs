//! `airlock witness`.

mod post;
mod submit;

use super::proof::{read, tree};
use crate::args::Format;
use crate::render::{Failure, Outcome, note, say};
use airlock_runtime::ledger::WITNESSED;
use airlock_runtime::ledger::note::Checkpoint;
use airlock_runtime::ledger::witness::{Witness as Trusted, with_cosignatures};
use serde_json::json;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
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
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
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
        keep(&self.dir, &trusted, checkpoint, &String::from_utf8_lossy(&answer), tree.len(), self.format)
    }
}

/// Keeps a checkpoint with the cosignature that a witness answered, if it is one, of a ledger that has this many entries.
fn keep(dir: &Path, trusted: &Trusted, note_of_log: &str, answer: &str, entries: u64, format: Format) -> Outcome {
    let cosigned = with_cosignatures(note_of_log, answer).ok_or_else(|| {
        Failure::no("the answer is not that of a witness which has cosigned")
            .help("a witness that has seen another history, or a later one, answers with an error: then find out which is right")
    })?;
    let seen = trusted
        .verify(cosigned.as_bytes())
        .map_err(|_| Failure::no(format_args!("the answer is not a cosignature of {} for this checkpoint", trusted.name())))?;
    let path = dir.join(WITNESSED);
    let present = read(&path).ok().and_then(|bytes| Checkpoint::claim(&bytes)).map_or(0, |present| present.n);
    if seen.checkpoint.n > entries || seen.checkpoint.n < present {
        return Err(Failure::no(format_args!(
            "the witness has seen {} entries; the ledger has {entries} and a cosigned checkpoint of {present}",
            seen.checkpoint.n
        )));
    }
    let draft = dir.join(format!("{WITNESSED}.draft"));
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft);
    let written = file.and_then(|mut file| {
        file.write_all(cosigned.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&draft, &path)
    });
    written.map_err(|e| Failure::new(format_args!("cannot write {}: {e}", path.display())))?;
    match format {
        Format::Json => say(json!({"witness": trusted.name(), "entries": seen.checkpoint.n, "file": path})),
        Format::Table => {
            say(format_args!("{} has seen the first {} entries", trusted.name(), seen.checkpoint.n));
            note(format_args!("keep a copy of {} elsewhere", path.display()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A witness given by its verifier key or by the name of a file with it.
pub(crate) fn witness(text: &str) -> Result<Trusted, Failure> {
    let of_file = || std::fs::read_to_string(Path::new(text)).ok().as_deref().and_then(Trusted::parse);
    Trusted::parse(text).or_else(of_file).ok_or_else(|| {
        Failure::new("--witness is neither a verifier key of a witness nor a file that holds one")
            .help("it has the form name+id+base64, and its key begins with the byte 4; the witness publishes it")
    })
}
