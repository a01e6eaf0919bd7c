//! `airlock lease`.

use crate::render::{Failure, Outcome};

/// Look into leases.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Lease {
    /// Show one.
    Show,
}

impl Lease {
    pub(crate) fn run(self) -> Outcome {
        Err(Failure::new("not built yet"))
    }
}
