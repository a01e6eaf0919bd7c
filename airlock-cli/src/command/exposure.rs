//! `airlock exposure`.

use crate::render::{Failure, Outcome};

/// Report per agent and tool what was used, denied and granted.
#[derive(Debug, clap::Args)]
pub(crate) struct Exposure {}

impl Exposure {
    pub(crate) fn run(self) -> Outcome {
        Err(Failure::new("not built yet"))
    }
}
