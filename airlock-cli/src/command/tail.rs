//! `airlock tail`.

use crate::render::{Failure, Outcome};

/// Print the newest ledger entries.
#[derive(Debug, clap::Args)]
pub(crate) struct Tail {}

impl Tail {
    pub(crate) fn run(self) -> Outcome {
        Err(Failure::new("not built yet"))
    }
}
