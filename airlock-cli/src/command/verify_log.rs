//! `airlock verify-log`.

use crate::render::{Failure, Outcome};

/// Verify a ledger.
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyLog {}

impl VerifyLog {
    pub(crate) fn run(self) -> Outcome {
        Err(Failure::new("not built yet"))
    }
}
