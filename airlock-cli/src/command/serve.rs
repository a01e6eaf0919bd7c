//! `airlock serve`.

use crate::render::{Failure, Outcome};

/// Build if needed, then run the gateway of a manifest on stdio.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {}

impl Serve {
    pub(crate) fn run(self) -> Outcome {
        Err(Failure::new("not built yet"))
    }
}
