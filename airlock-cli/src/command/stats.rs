//! `airlock stats`.

use crate::render::{Failure, Outcome};

/// Count decisions per tool and reason.
#[derive(Debug, clap::Args)]
pub(crate) struct Stats {}

impl Stats {
    pub(crate) fn run(self) -> Outcome {
        Err(Failure::new("not built yet"))
    }
}
