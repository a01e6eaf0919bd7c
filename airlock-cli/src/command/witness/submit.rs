//! `airlock witness submit`.

use super::post::{Answer, Place};
use super::{keep, witness};
use crate::args::Format;
use crate::command::proof::{read, tree};
use crate::render::{Failure, Outcome};
use airlock_runtime::ledger::WITNESSED;
use airlock_runtime::ledger::note::Checkpoint;
use airlock_runtime::ledger::proof::Tree;
use std::path::PathBuf;

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
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Submit {
    pub(super) fn run(self) -> Outcome {
        let (trusted, place) = (witness(&self.witness)?, Place::parse(&self.url)?);
        // The entries are read and compared: only what lies here is shown.
        let tree = tree(&self.dir, None)?;
        let kept = read(&self.dir.join(WITNESSED)).ok();
        let seen = kept.and_then(|note| trusted.verify(&note).ok()).map_or(0, |seen| seen.checkpoint.n);
        let answer = ask(&place, &tree, seen)?;
        keep(&self.dir, &trusted, tree.note(), &answer, tree.len(), self.format)
    }
}

/// Asks for a cosignature. A witness that has seen another number of entries than is known here says which, and is asked once more.
fn ask(place: &Place, tree: &Tree, seen: u64) -> Result<String, Failure> {
    let first = post(place, tree, seen)?;
    if first.status != 409 {
        return judged(&first, tree);
    }
    let size =
        size(&first).ok_or_else(|| Failure::new("the witness refuses (409) and does not say how many entries it has seen"))?;
    if size == seen {
        return Err(other());
    }
    judged(&post(place, tree, size)?, tree)
}

fn post(place: &Place, tree: &Tree, old: u64) -> Result<Answer, Failure> {
    let proof = tree.consistency(old).ok_or_else(|| {
        Failure::no(format_args!(
            "the witness has seen {old} entries, the ledger has {}: it was put back to an earlier state",
            tree.len()
        ))
        .help("find out who did that; `airlock verify-log --checkpoint` with a copy of `witnessed` shows the same")
    })?;
    place.post("add-checkpoint", &proof.to_string())
}

/// The number in an answer that the witness is elsewhere.
fn size(answer: &Answer) -> Option<u64> {
    let text = answer.body.strip_suffix('\n').unwrap_or(&answer.body);
    text.parse().ok().filter(|size: &u64| size.to_string() == text)
}

fn other() -> Failure {
    Failure::no("the witness has seen another history of this ledger").help(
        "somebody has written one with the ledger's log key: keep both, and compare what lies here with copies from elsewhere",
    )
}

fn judged(answer: &Answer, tree: &Tree) -> Result<String, Failure> {
    match answer.status {
        200 => Ok(answer.body.clone()),
        // It holds the tree that it saw against this one, of the same size, or finds no growth from the one to the other.
        409 | 422 => Err(other()),
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
        assert_eq!((size("12\n"), size("12"), size("0\n")), (Some(12), Some(12), Some(0)));
        assert_eq!(
            [size(""), size("012\n"), size("+1\n"), size("1 \n"), size("1\n\n"), size("99999999999999999999\n")],
            [None; 6]
        );
    }
}
