//! Every key of the manifest language, as data: what the schema and `docs/manifest.md` are made of.
//!
//! The parser does not read this table, since its messages and checks need more than a table can say. Tests hold both together, in
//! both directions: the parser takes the example of every key, and knows no key that is not here.

mod args;
mod confine;
mod gateway;
mod grants;
mod network;
mod page;
mod rest;
mod root;
mod sandbox;
mod schema;
mod tools;
mod upstreams;

use crate::code::Code;

pub use page::page;
pub use root::{ROOT, SECTIONS};
pub use schema::schema;

/// A table of the manifest.
#[derive(Debug)]
pub struct Section {
    /// How the documentation calls it: `[gateway]`.
    pub name: &'static str,
    /// What it is for, as Markdown.
    pub about: &'static str,
    /// Its own keys, in the order of the documentation.
    pub keys: &'static [Key],
    /// A section whose keys it has as well.
    pub also: Option<&'static Self>,
    /// TOML that shows it; empty = none.
    pub example: &'static str,
    /// What else there is to say, as Markdown.
    pub more: &'static str,
}

impl Section {
    /// Its own keys and those of the sections that it includes.
    #[must_use]
    pub fn all_keys(&self) -> Vec<&'static Key> {
        let included = self.also.map(Self::all_keys).unwrap_or_default();
        self.keys.iter().chain(included).collect()
    }
}

/// A key of a section.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// Type of its value, with its bounds.
    pub kind: Kind,
    /// What holds when it is absent.
    pub absent: Absent,
    /// A value in TOML that differs from the default.
    pub example: &'static str,
    /// What it means, one sentence.
    pub meaning: &'static str,
    /// Diagnostics about its value, beyond those of its type.
    pub codes: &'static [Code],
}

/// What holds when a key is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// An error.
    Error,
    /// As if this value, written in TOML, stood there.
    Default(&'static str),
    /// What the words say.
    Means(&'static str),
}

/// Type of a value.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// The number of the language version.
    Version(i64),
    /// A string for people or for the model: at most so many characters; with or without line feeds.
    Prose(usize, Lines),
    /// A string of this form: in words, and as a regular expression that every accepted value matches.
    Text(&'static str, &'static str),
    /// One of these strings.
    Word(&'static [&'static str]),
    /// An integer within these bounds.
    Integer(i64, i64),
    /// True or false.
    Boolean,
    /// `true`: to say `false` would say nothing.
    Yes,
    /// `"15m"`, within these bounds in seconds.
    Duration(u64, u64),
    /// A number from 0 to 1 with at most three decimals.
    Risk,
    /// `"64KiB"`, within these bounds in bytes.
    Size(u64, u64),
    /// `"60/1m"`.
    Rate,
    /// A host rule; or, where it is said, `"@group"`.
    Host(Groups),
    /// A list of so many entries.
    List(&'static Self, usize, usize),
    /// A table with the keys of a section.
    Table(&'static Section),
    /// A table of at most so many entries, whose keys are names of this form, given as a regular expression.
    Named(&'static str, &'static Self, usize),
    /// One of several forms.
    Either(&'static [Self]),
}

/// Whether a text may have several lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// One.
    One,
    /// Several.
    Several,
}

/// Whether a list of hosts may name groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Groups {
    /// It may.
    Allowed,
    /// It may not.
    Refused,
}

impl Key {
    /// A key that must be there.
    const fn required(
        name: &'static str,
        kind: Kind,
        example: &'static str,
        meaning: &'static str,
        codes: &'static [Code],
    ) -> Self {
        Self { name, kind, absent: Absent::Error, example, meaning, codes }
    }

    /// A key with a default, written in TOML.
    const fn default(
        name: &'static str,
        kind: Kind,
        default: &'static str,
        example: &'static str,
        meaning: &'static str,
        codes: &'static [Code],
    ) -> Self {
        Self { name, kind, absent: Absent::Default(default), example, meaning, codes }
    }

    /// A key whose absence is not the same as any value.
    const fn optional(
        name: &'static str,
        kind: Kind,
        absent: &'static str,
        example: &'static str,
        meaning: &'static str,
        codes: &'static [Code],
    ) -> Self {
        Self { name, kind, absent: Absent::Means(absent), example, meaning, codes }
    }

    /// Every diagnostic that speaks of its value: those of its type, then its own; sorted.
    #[must_use]
    pub fn all_codes(&self) -> Vec<Code> {
        let mut codes = self.kind.codes();
        codes.extend(self.codes);
        codes.sort_unstable();
        codes.dedup();
        codes
    }
}

impl Kind {
    /// Diagnostics about values of this type, without those that any key can have.
    fn codes(&self) -> Vec<Code> {
        match self {
            Self::Version(_) => vec![Code::LanguageVersion],
            Self::Prose(..) => vec![Code::BadText],
            Self::Word(_) => vec![Code::UnknownWord],
            Self::Integer(..) => vec![Code::BadNumber],
            Self::Duration(..) => vec![Code::BadDuration],
            Self::Risk => vec![Code::BadRisk],
            Self::Size(..) => vec![Code::BadSize],
            Self::Rate => vec![Code::BadRate],
            Self::Host(Groups::Refused) => vec![Code::BadHost, Code::PrivateHost, Code::BroadHost],
            Self::Host(Groups::Allowed) => vec![Code::BadHost, Code::PrivateHost, Code::BroadHost, Code::UnknownGroup],
            // Tables of a list are told apart by what stands in them, which has diagnostics of its own.
            Self::List(Self::Table(_), ..) => vec![Code::Count],
            Self::List(entry, ..) => [entry.codes(), vec![Code::Count, Code::DuplicateEntry]].concat(),
            Self::Named(..) => vec![Code::Count],
            Self::Either(forms) => forms.iter().flat_map(Self::codes).collect(),
            Self::Yes => vec![Code::UnknownWord],
            Self::Text(..) | Self::Boolean | Self::Table(_) => Vec::new(),
        }
    }
}

/// `why`, which every grant, tool, host and rule has.
const fn why(meaning: &'static str) -> Key {
    Key::required("why", Kind::Prose(crate::limits::WHY_MAX, Lines::One), "\"plan trips\"", meaning, &[])
}

#[cfg(test)]
mod tests;
