//! What the checker hands to the generator of a gateway's code: a policy that passed every check, and what follows from it.
//!
//! `airlock build` checks a manifest and writes this as JSON into the crate that it generates. So the macro of that crate needs neither the
//! parser of the language nor its checks, which would have to be compiled for every kind of gateway, without optimisation.

use crate::ir;
use serde::Serialize;
use std::collections::BTreeMap;

/// A policy and all that a gateway's code is made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(deny_unknown_fields)]
pub struct Handover {
    /// Policy digest, 64 lower-case hex digits.
    pub digest: String,
    /// The policy.
    pub policy: ir::Policy,
    /// The table of every pattern of the policy, by its text.
    pub tables: BTreeMap<String, Table>,
    /// The keys of the approvers, in their order.
    pub keys: Vec<[u8; 32]>,
    /// How the tokens of known services begin, each with the least characters that follow; empty where the gateway keeps no redacted copies.
    pub tokens: Vec<(String, usize)>,
}

/// A deterministic automaton over bytes. State 0 accepts nothing and leads nowhere else; state 1 is the beginning.
///
/// Bytes are hex digits: a reader that is not optimised takes a string at once, and a list number by number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Class of each byte, 512 hex digits.
    pub classes: String,
    /// How many classes there are.
    pub width: usize,
    /// The next state by `state * width + class`, each in two bytes, the lower one first.
    pub next: String,
    /// Which states accept: `0` or `1` for each.
    pub accept: String,
}

#[cfg(feature = "check")]
mod make {
    use super::{Handover, Table};
    use crate::automaton::Dfa;
    use crate::{Compiled, approver, ir, secret};

    impl Handover {
        /// What a policy hands over; nothing if a key or a pattern is not of the kind that the checker lets through.
        #[must_use]
        pub fn of(compiled: &Compiled) -> Option<Self> {
            let policy = compiled.policy();
            let tables = patterns(policy).map(|text| Some((text.to_owned(), table(&Dfa::of_pattern(text).ok()?))));
            let tokens = match policy.ledger.evidence {
                ir::Evidence::Redacted => secret::prefixes().map(|(prefix, least)| (prefix.to_owned(), least)).collect(),
                ir::Evidence::Hashes | ir::Evidence::Full => Vec::new(),
            };
            Some(Self {
                digest: compiled.digest_hex(),
                tables: tables.collect::<Option<_>>()?,
                keys: policy.approvers.iter().map(|of| approver::key(&of.key)).collect::<Option<_>>()?,
                tokens,
                policy: policy.clone(),
            })
        }
    }

    /// The patterns of all rules.
    fn patterns(policy: &ir::Policy) -> impl Iterator<Item = &str> {
        let rules = policy.tools.iter().flat_map(|tool| &tool.args).flat_map(|arg| &arg.rules);
        rules.filter_map(|rule| if let ir::ArgRule::Matches(text) = rule { Some(text.as_str()) } else { None })
    }

    fn table(dfa: &Dfa) -> Table {
        Table {
            classes: hex(dfa.classes().iter().copied()),
            width: dfa.width(),
            next: hex(dfa.table().iter().flat_map(|state| state.to_le_bytes())),
            accept: dfa.accepting().iter().map(|accepts| if *accepts { '1' } else { '0' }).collect(),
        }
    }

    fn hex(bytes: impl Iterator<Item = u8>) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        bytes.flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
    }
}
