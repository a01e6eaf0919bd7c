//! `airlock build`.

use crate::render::{Failure, Outcome};

/// Build a gateway from a manifest.
#[derive(Debug, clap::Args)]
pub(crate) struct Build {}

impl Build {
    pub(crate) fn run(self) -> Outcome {
        Err(Failure::new("not built yet"))
    }
}
