//! Arguments of a call as the judge sees them, and the checks that generated code uses.

use serde_json::{Map, Value};

/// The arguments of one call, after the carriers were taken out.
pub type Args = Map<String, Value>;

/// An argument that a rule refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgFault {
    /// Argument name as in the schema.
    pub arg: &'static str,
    /// What is wrong and what would be accepted, without the value itself.
    pub problem: String,
}
