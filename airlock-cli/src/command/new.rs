//! `airlock new`.

use crate::render::{Failure, Outcome};

/// Write a starter manifest.
#[derive(Debug, clap::Args)]
pub(crate) struct New {}

impl New {
    pub(crate) fn run(self) -> Outcome {
        Err(Failure::new("not built yet"))
    }
}
