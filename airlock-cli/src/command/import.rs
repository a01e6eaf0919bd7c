//! `airlock import`.

use crate::render::{Failure, Outcome};

/// Turn the original MCP Airlock's JSON configuration into a manifest and a key file.
#[derive(Debug, clap::Args)]
pub(crate) struct Import {}

impl Import {
    pub(crate) fn run(self) -> Outcome {
        Err(Failure::new("not built yet"))
    }
}
