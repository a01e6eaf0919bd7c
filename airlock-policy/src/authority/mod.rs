//! What a compiled policy allows, call by call, and the exact difference between two policies.
//!
//! [`verdict`] is the meaning: the rules of the gateway's decision over one [`Case`]. [`diff`] decides inclusion of the two sets of
//! cases and shows a case for each difference. Where a search would be too large it reports a gain without a case, never nothing.

mod across;
mod case;
mod compare;
mod confine;
mod decision;
mod face;
mod flow;
mod foreign;
mod lease;
mod notes;
mod origins;
mod parts;
mod places;
mod query;
mod questions;
mod quota;
mod reach;
mod risks;
mod search;
mod session;
mod shape;
mod signatures;
mod texts;
mod values;
mod verdict;
mod words;

pub use case::{Carrier, Case, IssueCall, Passed, Past, Place, Real, Request, SigningKey, Spotted, Target, Value, Verdict, When};
pub use compare::{Difference, Dimension, Row, Status, diff};
pub use decision::decided;
pub use notes::notes;
pub use origins::reading;
pub use query::{grants_for, reaches, shadowed_by};
pub use verdict::{Judge, verdict};

#[cfg(test)]
mod tests;
