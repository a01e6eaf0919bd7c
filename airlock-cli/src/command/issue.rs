//! `airlock issue`.

use crate::render::{Failure, Outcome};

/// Issue a lease with the issuer key.
#[derive(Debug, clap::Args)]
pub(crate) struct Issue {}

impl Issue {
    pub(crate) fn run(self) -> Outcome {
        Err(Failure::new("not built yet"))
    }
}
