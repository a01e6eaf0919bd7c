//! The checks of a decision, one by one, for those who want to see them. The decision itself is the same with and without a witness.

use super::Decision;
use crate::reason::Reason;

/// One check of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What is checked: `tool`, `arguments_size`, `clock`, `lease`, `grant`, `lease_tool`, `definition` (only where it drifted), `arguments`,
    /// `argument_rules`, `issue`, `host` (once for each request), `lease_call`, `lease_risk`, `risk`, `provenance` (once for each rule), `approval`.
    pub name: &'static str,
    /// Did it pass?
    pub passed: bool,
    /// What was found, or the sentence of the refusal. May be empty.
    pub detail: String,
}

/// A decision with the checks that led to it.
#[derive(Debug)]
pub struct Traced {
    /// In their order; the last one is the one that refused, if one did.
    pub checks: Vec<Check>,
    /// As [`super::decide`] gives it.
    pub decision: Decision,
}

/// The way of a decision. With a witness every check is kept; without one nothing is.
pub(super) struct Steps {
    checks: Option<Vec<Check>>,
}

impl Steps {
    pub(super) const fn unseen() -> Self {
        Self { checks: None }
    }

    pub(super) const fn seen() -> Self {
        Self { checks: Some(Vec::new()) }
    }

    pub(super) fn into_checks(self) -> Vec<Check> {
        self.checks.unwrap_or_default()
    }

    /// A check that gives something.
    pub(super) fn take<T>(
        &mut self,
        name: &'static str,
        outcome: Result<T, Reason>,
        found: impl FnOnce(&T) -> String,
    ) -> Result<T, Reason> {
        if let Some(checks) = &mut self.checks {
            let detail = outcome.as_ref().map_or_else(Reason::detail, found);
            checks.push(Check { name, passed: outcome.is_ok(), detail });
        }
        outcome
    }

    /// A check that holds or does not.
    pub(super) fn hold(&mut self, name: &'static str, holds: bool, reason: impl FnOnce() -> Reason) -> Result<(), Reason> {
        let outcome = if holds { Ok(()) } else { Err(reason()) };
        self.take(name, outcome, |()| String::new())
    }

    /// A check that cannot fail here.
    pub(super) fn passed(&mut self, name: &'static str, found: impl FnOnce() -> String) {
        if let Some(checks) = &mut self.checks {
            checks.push(Check { name, passed: true, detail: found() });
        }
    }
}
