//! What whoever verifies a ledger trusts.

use crate::seal::Seed;
use crate::witness::Witness;
use ed25519_dalek::VerifyingKey;

/// What the caller trusts. With nothing of it, nothing can be proven against somebody who could write the directory.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// The log key, kept elsewhere than in the ledger's directory.
    pub key: Option<VerifyingKey>,
    /// The key of epoch 0, kept elsewhere too: without it, or an anchor of its kind, epoch keys prove nothing against who has the log key.
    pub epoch_key: Option<VerifyingKey>,
    /// A checkpoint that was saved earlier, elsewhere.
    pub saved: Option<Vec<u8>>,
    /// The seed of the seal, as `airlock ledger init` told it.
    pub seed: Option<Seed>,
    /// Witnesses outside. One key counts once, by whatever names it is given.
    pub witnesses: Vec<Witness>,
    /// How many of them have to have seen an entry; 0: all.
    pub quorum: usize,
}

impl Trust {
    pub(super) const fn is_none(&self) -> bool {
        self.key.is_none() && self.saved.is_none() && self.seed.is_none() && self.witnesses.is_empty()
    }

    /// Each witness once.
    pub(super) fn distinct(&self) -> Vec<&Witness> {
        let mut distinct: Vec<&Witness> = Vec::new();
        for witness in &self.witnesses {
            if distinct.iter().all(|known| known.key() != witness.key()) {
                distinct.push(witness);
            }
        }
        distinct
    }

    /// How many of these have to agree. More than there are is never reached.
    pub(super) const fn needed(&self, witnesses: usize) -> usize {
        if self.quorum == 0 { witnesses } else { self.quorum }
    }
}
