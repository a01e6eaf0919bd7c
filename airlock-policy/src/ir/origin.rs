//! Where the value of an argument may come from.

use serde::Serialize;

/// `from` of an argument: its value must have been seen in the session before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
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
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// The whole value, read as this kind; of a list, each item.
    Whole(ValueKind),
    /// Every URL, mail address and account number inside a text.
    Inside,
}

/// How a value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
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
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The intent text of the lease.
    Intent,
    /// A result of a tool with `trusted = true`.
    Trusted,
    /// A whole member of a structured result.
    Structured,
    /// Anywhere in a result in which the risk score finds no sign of an injection.
    Screened,
    /// Anywhere in a result.
    Text,
}

/// `otherwise`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum Otherwise {
    /// The call is refused.
    Deny,
    /// The connected user is asked.
    Ask,
}

/// How results of a tool are read: what in them counts as a whole member.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// As words alone: nothing of them is a member.
    Text,
    /// As JSON where they are JSON.
    #[default]
    Json,
    /// Also their texts as YAML.
    Yaml,
    /// Also their texts as CSV.
    Csv,
    /// Also their texts as a table of Markdown or of aligned columns.
    Table,
}

impl Form {
    /// Those that a text is printed in.
    pub const PRINTED: [Self; 3] = [Self::Yaml, Self::Csv, Self::Table];

    /// What stands where the manifest says nothing. Its absence leaves the digests of such policies as they are.
    #[must_use]
    pub const fn is_json(&self) -> bool {
        matches!(self, Self::Json)
    }
}

/// Most policies do not have such a rule; its absence leaves their digests as they are.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(super) const fn is_false(flag: &bool) -> bool {
    !*flag
}
