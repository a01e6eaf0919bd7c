//! How the definition of a tool at its upstream differs from the reviewed one.

use std::fmt;

/// What differs: some members of the definition, or all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drift(u8);

/// Members of a definition that a pin covers, in the order in which they are told.
pub(crate) const MEMBERS: [&str; 6] = ["name", "title", "description", "inputSchema", "outputSchema", "annotations"];
/// The upstream does not list the tool any more.
const GONE: u8 = 1 << MEMBERS.len();

impl Drift {
    /// The upstream does not list the tool.
    pub const GONE: Self = Self(GONE);

    /// The drift for which these members differ; `None` if none does.
    #[must_use]
    pub fn of(differs: impl Fn(&str) -> bool) -> Option<Self> {
        let bits = MEMBERS.iter().enumerate().filter(|(_, name)| differs(name)).fold(0, |bits, (at, _)| bits | 1 << at);
        (bits != 0).then_some(Self(bits))
    }

    /// Is the tool gone?
    #[must_use]
    pub const fn is_gone(self) -> bool {
        self.0 & GONE != 0
    }

    /// Names of the members that differ.
    pub fn members(self) -> impl Iterator<Item = &'static str> {
        MEMBERS.into_iter().enumerate().filter(move |(at, _)| self.0 >> at & 1 == 1).map(|(_, name)| name)
    }
}

/// As the end of a sentence about the tool: `is not listed …`, or what changed.
impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_gone() {
            return f.write_str("is not listed by its upstream any more");
        }
        let names: Vec<&str> = self.members().collect();
        write!(f, "has another definition at its upstream than the reviewed one: {} changed", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drift_names_what_changed() {
        assert_eq!(Drift::of(|_| false), None);
        let drift = Drift::of(|name| name == "description" || name == "annotations").unwrap();
        assert!(!drift.is_gone());
        assert!(drift.to_string().ends_with("description, annotations changed"), "{drift}");
        assert!(Drift::GONE.is_gone() && Drift::GONE.members().next().is_none());
    }
}
