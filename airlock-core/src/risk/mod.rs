//! Risk: a score in thousandths for the arguments of one call, as a sum of named factors.
//!
//! The score is a signal, not the gate. Fixed phrases catch careless and recycled attacks and nothing else (measured figures and
//! their limits: `docs/risk.md`); what a stolen or confused agent can do is bounded by the policy, the lease and the egress list.
//! Scoring is a pure function, takes time linear in the arguments, and never keeps or prints an argument's text.

mod decode;
#[cfg(test)]
mod eval;
mod learned;
mod lexicon;
mod normalise;
mod phrases;
#[cfg(feature = "explain")]
mod place;
mod places;
mod reading;
mod score;
mod signatures;
mod words;

use serde_json::{Map, Value};

/// What the program that learns the weights has to know. No gateway has it.
#[cfg(feature = "explain")]
pub mod learning {
    pub use super::learned::features;

    /// Places of the table of weights.
    pub const SLOTS: usize = super::learned::SLOTS;
    /// The sum from which a text counts in full.
    pub const FULL: i32 = super::learned::FULL;
    /// The part of a sum that is lost at each word, one in so many.
    pub const FADE: i32 = super::learned::FADE;
}

/// Stages of the score by themselves, for those who measure them. No gateway has it.
#[cfg(feature = "stages")]
pub mod stages {
    use super::phrases::PHRASES;
    use super::reading::Places;
    use super::words::{Way, Words};

    /// Takes a text apart and looks for all phrases; says how many steps of them were found complete.
    #[must_use]
    pub fn patterns(text: &str) -> usize {
        let (mut words, mut found) = (Words::default(), 0);
        words.fill(text, &PHRASES);
        PHRASES.read(&words, Way::Straight, &mut Places::default(), &mut |_| found += 1);
        found
    }

    /// Takes a text apart and adds up the learned weights; gives the highest of the sums.
    #[must_use]
    pub fn learned(text: &str) -> i32 {
        let mut words = Words::default();
        words.fill(text, &PHRASES);
        super::learned::peak(&words)
    }
}

#[cfg(feature = "explain")]
pub use place::{of_text, place};
#[cfg(feature = "explain")]
pub use score::supposed;
pub use score::{FACTORS, score};

/// What is scored. `listed` tells whether a canonical host name is in the tool's egress.
pub struct Input<'a> {
    /// Risk that every call of the tool starts with, thousandths.
    pub base: u16,
    /// Arguments after the carriers were taken out.
    pub args: &'a Map<String, Value>,
    /// Bytes of the arguments as received.
    pub args_bytes: usize,
    /// Whether a host (lower case, no port, no trailing dot) is in the tool's egress.
    pub listed: &'a dyn Fn(&str) -> bool,
}

/// The outcome: a score and what it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Risk {
    /// 0-1000: the sum of the factors, saturating.
    pub score: u16,
    /// In a fixed order; no factor has zero points, and each name occurs once.
    pub factors: Vec<Factor>,
    /// What the tool ignores: found, and counted in no sum. [`score`] leaves it empty.
    pub ignored: Vec<Factor>,
}

/// A named contribution to the score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Factor {
    /// Stable name, one of those in `docs/risk.md`.
    pub name: &'static str,
    /// Thousandths.
    pub points: u16,
    /// What was found, in words of ours: never text from the arguments.
    pub note: String,
}
