//! `airlock check`.

use crate::render::{Failure, Outcome};

/// Check a manifest and report every mistake.
#[derive(Debug, clap::Args)]
pub(crate) struct Check {}

impl Check {
    pub(crate) fn run(self) -> Outcome {
        Err(Failure::new("not built yet"))
    }
}
