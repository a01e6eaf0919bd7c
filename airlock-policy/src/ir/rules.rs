//! What arguments may be, as plain data.

use super::HostRule;
use serde::Serialize;

/// Rules for one argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct ArgRules {
    /// Argument name.
    pub arg: String,
    /// Rules that must all hold, in the order of the enum.
    pub rules: Vec<ArgRule>,
}

/// One argument rule. Lengths are Unicode scalar values. Of a list, rules for strings speak of each item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "snake_case")]
pub enum ArgRule {
    /// The value is one of these strings.
    OneOf(Vec<String>),
    /// The string starts with this.
    Prefix(String),
    /// The string ends with this.
    Suffix(String),
    /// At least this many characters.
    MinLength(u64),
    /// At most this many characters.
    MaxLength(u64),
    /// Number at least this.
    Min(i64),
    /// Number at most this.
    Max(i64),
    /// The whole string matches this regular expression; see [`crate::automaton`].
    Matches(String),
    /// The string is this absolute path or one below it, in normal form: no empty, `.` or `..` segment.
    Under(String),
    /// The string is a host, or an `https` URL with a host, that one of these covers; sorted.
    HostIn(Vec<HostRule>),
    /// At most this many items.
    MaxItems(u64),
    /// The argument may not be given.
    Forbid,
}
