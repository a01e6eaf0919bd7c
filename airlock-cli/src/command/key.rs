//! `airlock key`.

use crate::render::{Failure, Outcome};

/// Make and show keys.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Key {
    /// Show one.
    Show,
}

impl Key {
    pub(crate) fn run(self) -> Outcome {
        Err(Failure::new("not built yet"))
    }
}
