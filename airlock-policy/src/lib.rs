//! The manifest of MCP Airlock: text → checked → [`ir::Policy`], with every mistake reported at its place.
//!
//! [`compile`] is the only way in. It reports all mistakes of a file at once, and a file with one mistake yields no policy at all:
//! whoever holds a [`Compiled`] holds a policy that passed every check, with its digest.

mod amount;
mod approver;
pub mod authority;
pub mod automaton;
mod builtin;
mod check;
mod code;
mod diagnostic;
pub mod digest;
pub mod factor;
mod features;
mod fields;
mod host;
pub mod ir;
pub mod keys;
pub mod limits;
mod manifest;
mod name;
mod render;
mod report;
mod secret;
mod text;

pub use approver::key as approver_key;
pub use code::{Code, Severity};
pub use diagnostic::{Diagnostic, Span};
pub use features::features;
pub use render::render;
pub use report::Report;

use std::borrow::Cow;

/// A policy that passed every check, with its digest. Only [`compile`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    policy: ir::Policy,
    digest: [u8; 32],
}

impl Compiled {
    /// The policy as data.
    #[must_use]
    pub const fn policy(&self) -> &ir::Policy {
        &self.policy
    }

    /// The policy digest, see [`digest::policy_digest`].
    #[must_use]
    pub const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The policy digest as 64 lower-case hex digits.
    #[must_use]
    pub fn digest_hex(&self) -> String {
        digest::hex(&self.digest)
    }
}

/// What came of a manifest.
#[derive(Debug)]
pub struct Checked<'t> {
    /// As it was given; with secrets masked where it has any.
    text: Cow<'t, str>,
    file_name: &'t str,
    compiled: Option<Compiled>,
    diagnostics: Vec<Diagnostic>,
    omitted: usize,
}

impl Checked<'_> {
    /// The policy; nothing if there is any error.
    #[must_use]
    pub const fn compiled(&self) -> Option<&Compiled> {
        self.compiled.as_ref()
    }

    /// Takes the policy out; nothing if there is any error.
    #[must_use]
    pub fn into_compiled(self) -> Option<Compiled> {
        self.compiled
    }

    /// Errors and warnings in the order of the file, at most [`limits::DIAGNOSTICS_MAX`].
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// How many diagnostics were left out.
    #[must_use]
    pub const fn omitted(&self) -> usize {
        self.omitted
    }

    /// All diagnostics as text, in the manner of rustc; empty if there are none. `color` adds terminal colours.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let mut text = render(&self.diagnostics, &self.text, self.file_name, color);
        if self.omitted > 0 {
            text.push_str(&format!("\n\n… and {} more", self.omitted));
        }
        text
    }

    /// All diagnostics as a JSON list, one object each; see [`Diagnostic::to_json`].
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        self.diagnostics.iter().map(|diagnostic| diagnostic.to_json(&self.text, self.file_name)).collect()
    }
}

/// Compiles a manifest.
///
/// ```
/// let manifest = "airlock = 1\n[gateway]\nname = \"Weather\"";
/// let checked = airlock_policy::compile(manifest, "airlock.toml");
/// assert!(checked.compiled().is_none());
/// assert!(checked.render(false).contains("airlock.toml:3:8"));
/// ```
///
/// `file_name` is what diagnostics call it; nothing is read from it.
#[must_use]
pub fn compile<'t>(text: &'t str, file_name: &'t str) -> Checked<'t> {
    let mut faults = diagnostic::Faults::default();
    let text = secret::masked(text, &mut faults).map_or(Cow::Borrowed(text), Cow::Owned);
    let policy = manifest::parse(&text, &mut faults).map(|manifest| check::check(manifest, &mut faults));
    let faultless = policy.filter(|_| faults.errors() == 0);
    let compiled = faultless.and_then(|policy| Some(Compiled { digest: digest::policy_digest(&policy).ok()?, policy }));
    let (diagnostics, omitted) = faults.finish();
    Checked { text, file_name, compiled, diagnostics, omitted }
}
