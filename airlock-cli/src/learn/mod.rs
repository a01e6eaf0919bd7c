//! From the ledger of a gateway in shadow mode to a manifest that allows what was used, and nothing else.
//!
//! What is read was written by agents: it counts as evidence of what they did, not as a wish. A call that looks like an attack, that came
//! after text of strangers, or that a rule of the manifest refuses, is set apart and teaches nothing, unless a person names its entry.

pub(crate) mod edit;
pub(crate) mod gather;
pub(crate) mod page;
pub(crate) mod propose;
pub(crate) mod replay;
pub(crate) mod rules;
#[cfg(test)]
mod tests;

use airlock_runtime::clock::Micros;
use serde_json::{Map, Value};

/// A call that was made.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) seq: u64,
    pub(crate) at: Micros,
    /// Session; of a call without a lease the name that the gateway gave its connection.
    pub(crate) sid: String,
    /// Subject of the lease; empty without one.
    pub(crate) sub: String,
    pub(crate) tool: String,
    pub(crate) risk: u16,
    pub(crate) args: Args,
}

/// What is known of the arguments of a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Args {
    /// They are what the entry commits to.
    Proven(Map<String, Value>),
    /// A copy without some values, of which the ledger says nothing.
    Copy(Map<String, Value>),
    /// Nothing, and why.
    Unknown(String),
}

impl Args {
    /// The arguments, as far as there are any.
    pub(crate) const fn known(&self) -> Option<&Map<String, Value>> {
        match self {
            Self::Proven(args) | Self::Copy(args) => Some(args),
            Self::Unknown(_) => None,
        }
    }
}

/// A call that teaches nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Apart {
    pub(crate) seq: u64,
    pub(crate) tool: String,
    /// Why, in words.
    pub(crate) because: String,
}

/// What the command is told beside ledger and manifest.
#[derive(Debug, Clone)]
pub(crate) struct Wishes {
    /// Who made the calls without a lease.
    pub(crate) subject: String,
    /// Entries that a person has looked at: they are not set apart.
    pub(crate) accepted: Vec<(u64, u64)>,
}

impl Wishes {
    /// Has a person named this entry?
    pub(crate) fn accepts(&self, seq: u64) -> bool {
        self.accepted.iter().any(|(first, last)| (*first..=*last).contains(&seq))
    }

    /// Who made a call.
    pub(crate) fn subject<'a>(&'a self, seen: &'a Seen) -> &'a str {
        if seen.sub.is_empty() { &self.subject } else { &seen.sub }
    }
}
