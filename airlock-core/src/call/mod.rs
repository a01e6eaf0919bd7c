//! Arguments of a call as the judge sees them, and the rules that a manifest gives for them.
//!
//! Each check looks at one argument. An argument that is absent is not checked (whether it must be there is the tool's own
//! schema's business); one of the wrong type is a fault. Of a list, a check for strings looks at every item. Faults say what would
//! be accepted and never repeat the value.

mod number;
mod pattern;
mod place;
mod rule;
mod text;

pub use pattern::Pattern;
pub use rule::{Demand, Rule, check};

use crate::policy::{Policy, Tool};
use serde_json::{Map, Value};

/// The arguments of one call, after the carriers were taken out.
pub type Args = Map<String, Value>;

/// A call with its tool resolved and its carriers taken out.
#[derive(Debug)]
pub struct Call {
    /// Id of the call in the ledger.
    pub id: String,
    /// Tool name as asked for.
    pub name: String,
    /// The table entry, if there is one.
    pub tool: Option<&'static Tool>,
    /// Arguments without carriers.
    pub args: Args,
    /// The same as compact JSON, the members of objects in byte order of their names: what the ledger commits to. Numbers and strings are
    /// as `serde_json` writes them, which is not canonical JSON: `1.0` stays `1.0`.
    pub args_bytes: Vec<u8>,
}

impl Call {
    /// A call of the tool of this name with arguments that carry no lease any more.
    #[must_use]
    pub fn new(policy: &'static Policy, id: String, name: String, args: Args) -> Self {
        let args_bytes = serde_json::to_vec(&args).unwrap_or_default();
        Self { id, tool: policy.tool(&name), name, args, args_bytes }
    }

    /// Does the manifest say where values of its arguments may come from?
    #[must_use]
    pub const fn is_traced(&self) -> bool {
        match self.tool {
            Some(tool) => !tool.origins.is_empty(),
            None => false,
        }
    }

    /// Are the arguments larger than the manifest accepts?
    #[must_use]
    pub const fn is_oversized(&self, policy: &Policy) -> bool {
        self.args_bytes.len() as u64 > policy.limits.max_arguments
    }
}

/// An argument that a rule refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgFault {
    /// Argument name as in the schema.
    pub arg: &'static str,
    /// What is wrong and what would be accepted, without the value itself.
    pub problem: String,
}

/// Tests a string, or every string of a list. `demand` says what must hold, as in `must start with "a"`.
fn every(args: &Args, arg: &'static str, demand: impl Fn() -> String, test: impl Fn(&str) -> bool) -> Result<(), ArgFault> {
    let problem = match args.get(arg) {
        None => return Ok(()),
        Some(Value::String(text)) if test(text) => return Ok(()),
        Some(Value::Array(items)) if items.iter().all(|item| item.as_str().is_some_and(&test)) => return Ok(()),
        Some(Value::String(_)) => demand(),
        Some(Value::Array(items)) if items.iter().all(Value::is_string) => format!("is a list, and each item {}", demand()),
        Some(Value::Array(_)) => "must hold nothing but strings".to_owned(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => "must be a string".to_owned(),
    };
    Err(ArgFault { arg, problem })
}

#[cfg(test)]
mod tests;
