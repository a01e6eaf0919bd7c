//! The result of a call as an upstream gave it.

use crate::wire::foreign::ForeignResult;
use serde_json::Value;

/// A result that was checked and screened, so that the client may have it.
#[derive(Debug)]
pub struct Answer {
    /// The same, parsed: what screening and memory look at.
    pub value: Value,
    result: ForeignResult,
}

impl Answer {
    pub(crate) fn new(value: Value, result: ForeignResult) -> Self {
        Self { value, result }
    }

    /// Did the tool say that it failed?
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.value.get("isError") == Some(&Value::Bool(true))
    }

    /// The text that the ledger commits to.
    #[must_use]
    pub fn text(&self) -> String {
        self.result.text()
    }

    /// Says something to whoever reads the result, behind what it says itself. The ledger commits to the result as it came.
    pub(crate) fn note(&mut self, text: &str) {
        self.result.append_text(text);
    }

    pub(crate) const fn result(&self) -> &ForeignResult {
        &self.result
    }
}
