//! Parts of an append by themselves, for those who measure them. No gateway has this.

use super::entry::Entry;
use super::facts::Facts;
use super::line::Line;
use super::place::{self, Terms};
use super::seal::Seed;
use super::store::{Pending, Store};
use super::{LedgerError, salts};
use airlock_core::clock::Micros;
use airlock_core::policy::Durability;
use airlock_core::policy::evidence::Kept;
use std::path::Path;

/// Name of the gateway, and what stands for the digest of its policy.
const ORIGIN: &str = "bench";
const POL: &str = "0000000000000000";

/// JSON of an entry, with the commitment to its arguments.
#[must_use]
pub fn body(entry: &Entry<'_>, salt: [u8; 32]) -> Vec<u8> {
    entry.seal_with(POL, salt, &Kept::Hashes).body
}

/// What a ledger remembers for its conditions.
#[derive(Debug, Default)]
pub struct Remembered(Facts);

impl Remembered {
    /// Takes in one line.
    pub fn absorb(&mut self, line: &Line<'_>) {
        self.0.absorb(line);
    }
}

/// A ledger without its thread: no queue, no ticket, no wake, no checkpoint.
#[derive(Debug)]
pub struct Alone {
    store: Store,
    salts: salts::Salts,
}

impl Alone {
    /// Begins a sealed ledger.
    ///
    /// # Errors
    /// As [`super::Ledger::init`].
    pub fn init(dir: &Path, seed: &Seed) -> Result<Self, LedgerError> {
        let terms = Terms::unwatched(ORIGIN, POL, Durability::Process);
        Ok(Self { store: place::init(dir, terms, seed)?, salts: salts::Salts::default() })
    }

    /// Appends so many entries as one batch.
    ///
    /// # Errors
    /// As [`super::Ledger::record`].
    pub fn append<'a>(&mut self, entries: impl Iterator<Item = Entry<'a>>) -> Result<(), LedgerError> {
        let seal = |entry: Entry<'_>| {
            let sealed = entry.seal_with(POL, self.salts.take()?, &Kept::Hashes);
            Ok(Pending { sealed: Some(sealed), require: Vec::new() })
        };
        let batch = entries.map(seal).collect::<Result<Vec<_>, LedgerError>>()?;
        self.store.append(&batch, Micros::now)?.into_iter().collect::<Result<Vec<_>, _>>().map(drop)
    }
}
