//! What somebody kept elsewhere of a ledger, and holds it to.

use super::ledger::read_seed;
use super::proof::read;
use super::witness::witness;
use crate::render::Failure;
use airlock_runtime::ledger::note::Pin;
use airlock_runtime::ledger::verify::Trust;
use airlock_runtime::ledger::witness::Witness;
use std::path::{Path, PathBuf};

/// The options of every command that verifies a ledger.
#[derive(Debug, clap::Args)]
pub(crate) struct Kept {
    /// Log key that you kept elsewhere: base64, a verifier key (name+id+base64), or a file with either; with a comma and the first epoch
    /// key behind it, as `verify-log --print-key` prints them, entries of past epochs are proven too
    #[arg(long, value_name = "KEYS|FILE")]
    key: Option<String>,
    /// Checkpoint that you kept elsewhere
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Verifier key of a witness (name+id+base64), or a file with it: the ledger's cosigned checkpoint, or that of --checkpoint, must be
    /// cosigned by it. May be given several times
    #[arg(long, value_name = "VKEY|FILE")]
    witness: Vec<String>,
    /// How many of the witnesses must have seen an entry [default: all]
    #[arg(long, value_name = "N", requires = "witness")]
    quorum: Option<usize>,
    /// File with the seed that `airlock ledger init` printed
    #[arg(long, value_name = "FILE")]
    seed_file: Option<PathBuf>,
}

impl Kept {
    /// Reads what the options name.
    ///
    /// # Errors
    /// A file cannot be read, or has something else in it.
    pub(crate) fn read(&self) -> Result<Trust, Failure> {
        let saved = self.checkpoint.as_deref().map(read);
        let mut witnesses = Vec::new();
        for text in &self.witness {
            let witness = witness(text)?;
            if witnesses.iter().any(|known: &Witness| known.key() == witness.key()) {
                return Err(Failure::new(format_args!("--witness: the key of {} is given twice", witness.name()))
                    .help("one witness counts once; name others"));
            }
            witnesses.push(witness);
        }
        if self.quorum.is_some_and(|quorum| !(1..=witnesses.len()).contains(&quorum)) {
            return Err(Failure::new(format_args!(
                "--quorum is a number from 1 to {}, the witnesses that are given",
                witnesses.len()
            )));
        }
        let pin = self.key.as_deref().map(pinned).transpose()?;
        Ok(Trust {
            key: pin.map(|pin| pin.key),
            epoch_key: pin.and_then(|pin| pin.epoch),
            saved: saved.transpose()?,
            witnesses,
            quorum: self.quorum.unwrap_or(0),
            seed: self.seed_file.as_deref().map(read_seed).transpose()?,
        })
    }
}

/// Keys given by themselves or by the name of a file.
pub(crate) fn pinned(text: &str) -> Result<Pin, Failure> {
    let of_file = || read(Path::new(text)).ok().and_then(|bytes| Pin::parse(&String::from_utf8_lossy(&bytes)));
    Pin::parse(text).or_else(of_file).ok_or_else(|| {
        Failure::new("--key is neither a public log key in base64, with or without an epoch key behind a comma, nor a file that holds that")
            .help("`airlock verify-log --print-key DIR` prints the keys of a ledger you trust now; keep them elsewhere")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use airlock_runtime::ledger::note::{plain_key, verifier_key};
    use airlock_runtime::ledger::verify::stated;

    const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/ledger");

    #[test]
    fn a_key_is_read_from_text_or_file() {
        let dir = tempfile::tempdir().unwrap();
        let (file, key) = (dir.path().join("log.pub"), stated(Path::new(VECTORS)).unwrap().1.key);
        std::fs::write(&file, format!("{}\n", plain_key(&key))).unwrap();
        assert_eq!(pinned(file.to_str().unwrap()).unwrap().key, key);
        assert_eq!(pinned(&verifier_key("weather", &key)).unwrap().key, key);
        assert!(pinned("no such file").is_err());
    }
}
