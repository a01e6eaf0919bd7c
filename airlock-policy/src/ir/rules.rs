//! What arguments may be and where their values may come from, as plain data.

use super::HostRule;
use serde::Serialize;

/// Rules for one argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct ArgRules {
    /// Argument name.
    pub arg: String,
    /// Rules that must all hold, in the order of the enum.
    pub rules: Vec<ArgRule>,
}

/// One argument rule. Lengths are Unicode scalar values. Of a list, rules for strings speak of each item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
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

/// `from` of an argument: its value must have been seen in the session before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Origin {
    /// Argument name.
    pub arg: String,
    /// What of the argument is looked at.
    pub look: Look,
    /// Where it may have been seen, the strongest first; at least one.
    pub from: Vec<Source>,
    /// What happens to a call whose value was not seen there.
    pub otherwise: Otherwise,
}

/// What of an argument is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// The whole value, read as this kind; of a list, each item.
    Whole(ValueKind),
    /// Every URL, mail address and account number inside a text.
    Inside,
}

/// How a value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum ValueKind {
    /// A mail address.
    Email,
    /// An account number.
    Iban,
    /// A URL.
    Url,
    /// A host, or that of a URL.
    Host,
    /// A path or the name of a file.
    Path,
    /// An identifier.
    Id,
    /// A name of some words.
    Name,
    /// A number.
    Amount,
    /// A day.
    Date,
}

/// Where a value can have been seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The intent text of the lease.
    Intent,
    /// A result of a tool with `trusted = true`.
    Trusted,
    /// A whole member of a structured result.
    Structured,
    /// Anywhere in a result.
    Text,
}

/// `otherwise`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum Otherwise {
    /// The call is refused.
    Deny,
    /// The connected user is asked.
    Ask,
}
