//! `airlock witness submit`.

use super::post::{Answer, Place, TOTAL_MAX};
use super::{Trusted, keep, kept, witness};
use crate::command::proof::tree;
use crate::render::{Failure, Outcome};
use airlock_runtime::ledger::WITNESSED;
use airlock_runtime::ledger::note::Checkpoint;
use airlock_runtime::ledger::proof::Tree;
use airlock_runtime::ledger::witnessed::{self, Kept};
use std::path::PathBuf;
use std::time::Instant;

/// Show the newest checkpoint to a witness, with the proof that the ledger only grew, and keep the cosigned checkpoint in the ledger's
/// directory, as `witnessed`.
///
/// Exit codes: 0 cosigned · 1 the witness has seen more entries or others: the ledger was put back or rewritten · 2 no answer. Run it by a
/// timer; keep a copy of `witnessed` elsewhere as well.
#[derive(Debug, clap::Args)]
pub(crate) struct Submit {
    /// Directory of the ledger
    dir: PathBuf,
    /// Verifier key of the witness (name+id+base64), or a file with it
    #[arg(long, value_name = "VKEY|FILE")]
    witness: String,
    /// Address of the witness, to which `/add-checkpoint` is appended: https://, or http:// on this machine
    #[arg(long, value_name = "URL")]
    url: String,
    /// Certificates (PEM) of those who may vouch for the witness's https://, in place of Mozilla's, which are compiled in
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// Most questions in one run. Each further one follows from what the witness said, which others may ask meanwhile.
const ROUNDS: usize = 5;

impl Submit {
    pub(super) fn run(self) -> Outcome {
        let (trusted, place) = (witness(&self.witness)?, Place::parse(&self.url)?.trusting(self.ca.as_deref())?);
        // All questions together: a timer never finds an earlier run still waiting.
        let until = Instant::now() + TOTAL_MAX;
        // The entries are read and compared: only what lies here is shown.
        let mut tree = tree(&self.dir, None)?;
        let seen = witnessed::seen(&self.dir, &trusted);
        let mut old = seen.map_err(|e| Failure::new(format_args!("cannot read `{WITNESSED}`: {e}")))?.unwrap_or(0);
        for _ in 0..ROUNDS {
            if old > tree.len() {
                // A later checkpoint of this ledger may have been shown by somebody else since.
                tree = self.grown(&tree, old)?;
            }
            let answer = post(&place, &tree, old, until)?;
            match judged(&answer, &tree, old)? {
                Judged::Cosigned => return self.keep(&trusted, &tree, &answer.body),
                Judged::Elsewhere(size) => old = size,
            }
        }
        Err(Failure::new("the witness is shown other checkpoints of this ledger all the time").help("run this again later"))
    }

    /// The tree of the newest checkpoint, which must have so many entries.
    fn grown(&self, before: &Tree, entries: u64) -> Result<Tree, Failure> {
        let tree = tree(&self.dir, None)?;
        if tree.len() >= entries && tree.len() > before.len() { Ok(tree) } else { Err(put_back(entries, tree.len())) }
    }

    fn keep(&self, trusted: &Trusted, tree: &Tree, answer: &str) -> Outcome {
        match keep(&self.dir, trusted, tree.note(), answer) {
            Ok(Kept::This) => kept(&self.dir, trusted, tree.len()),
            Ok(Kept::Newer(entries)) => {
                self.grown(tree, entries)?;
                kept(&self.dir, trusted, tree.len())
            }
            Err(unkept) => Err(unkept.told(&self.dir, trusted)),
        }
    }
}

/// What an answer is.
enum Judged {
    /// It has the cosignature, if it is whole.
    Cosigned,
    /// The witness has seen so many entries.
    Elsewhere(u64),
}

fn put_back(seen: u64, entries: u64) -> Failure {
    Failure::no(format_args!(
        "the witness has seen {seen} entries, the ledger has {entries}: it was put back to an earlier state"
    ))
    .help("find out who did that; `airlock verify-log --checkpoint` with a copy of `witnessed` shows the same")
}

fn post(place: &Place, tree: &Tree, old: u64, until: Instant) -> Result<Answer, Failure> {
    let proof = tree.consistency(old).ok_or_else(|| put_back(old, tree.len()))?;
    place.post("add-checkpoint", &proof.to_string(), until)
}

/// The number in an answer that the witness is elsewhere. Without the line feed at its end it was cut: a part of a number is another number.
fn size(answer: &Answer) -> Option<u64> {
    let text = answer.body.strip_suffix('\n')?;
    text.parse().ok().filter(|size: &u64| size.to_string() == text)
}

fn other() -> Failure {
    Failure::no("the witness has seen another history of this ledger").help(
        "somebody has written one with the ledger's log key: keep both, and compare what lies here with copies from elsewhere",
    )
}

/// What the answer to a proof of growth from `old` entries says.
fn judged(answer: &Answer, tree: &Tree, old: u64) -> Result<Judged, Failure> {
    match answer.status {
        200 => Ok(Judged::Cosigned),
        409 => match size(answer) {
            None => Err(Failure::new("the witness refuses (409), and it cannot be read how many entries it has seen")
                .help("nothing was changed; run this again later")),
            // The same tree size as this one, and it refuses: then its tree is another.
            Some(size) if size == old && size == tree.len() => Err(other()),
            Some(size) if size == old => {
                Err(Failure::new(format_args!("the witness says that it has seen {size} entries, and refuses growth from there"))
                    .help("its answer contradicts itself; ask whoever runs it"))
            }
            Some(size) => Ok(Judged::Elsewhere(size)),
        },
        // It finds no growth from the tree that it saw to this one.
        422 => Err(other()),
        403 => Err(Failure::new("the witness does not know the log key")
            .help("its operator has to add the ledger; the key is what --print-key prints")),
        404 => {
            let origin = Checkpoint::claim(tree.note().as_bytes()).map(|checkpoint| checkpoint.origin).unwrap_or_default();
            Err(Failure::new(format_args!("the witness does not know a ledger of the name {origin:?}"))
                .help("its operator has to add it"))
        }
        status => Err(Failure::new(format_args!("the witness answers with status {status}"))
            .help("nothing was changed; run this again later")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_one_spelling() {
        let size = |body: &str| size(&Answer { status: 409, body: body.into() });
        assert_eq!((size("12\n"), size("0\n")), (Some(12), Some(0)));
        let bad = ["", "12", "012\n", "+1\n", "1 \n", "1\n\n", "99999999999999999999\n"];
        assert_eq!(bad.map(size), [None; 7], "cut, or another spelling");
    }
}
