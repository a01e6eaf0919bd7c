//! `airlock demo`.

use crate::render::{Failure, Outcome};

/// Build the weather example and watch it refuse six attacks.
#[derive(Debug, clap::Args)]
pub(crate) struct Demo {}

impl Demo {
    pub(crate) fn run(self) -> Outcome {
        Err(Failure::new("not built yet"))
    }
}
