//! From the text of a manifest to a policy that passed every check.

use crate::{Code, Diagnostic, ReadFile, Severity, check, diagnostic, digest, files, ir, manifest, render, secret};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// How tokens and keys of known services begin, each with the least characters that follow: what a gateway removes from the copies that it
/// keeps of arguments and results.
pub fn secret_prefixes() -> impl Iterator<Item = (&'static str, usize)> {
    secret::prefixes()
}

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
    files: BTreeMap<String, String>,
    upstreams: Vec<Declared>,
}

/// An upstream as the manifest declares it, whether or not its tools are pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// What the gateway starts.
    pub upstream: ir::Upstream,
    /// Path of its definitions, relative to the manifest.
    pub definitions: String,
    /// Names of the tools that the manifest lists, as the upstream calls them.
    pub tools: Vec<String>,
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

    /// Errors and warnings in the order of the file, at most [`crate::limits::DIAGNOSTICS_MAX`].
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// How many diagnostics were left out.
    #[must_use]
    pub const fn omitted(&self) -> usize {
        self.omitted
    }

    /// The text of every file of definitions that was read, by its path relative to the manifest.
    #[must_use]
    pub const fn files(&self) -> &BTreeMap<String, String> {
        &self.files
    }

    /// The upstreams; nothing if anything but pins and definitions is wrong with the manifest.
    #[must_use]
    pub fn upstreams(&self) -> Option<&[Declared]> {
        let is_other = |one: &Diagnostic| one.severity == Severity::Error && !PINNING.contains(&one.code);
        (self.omitted == 0 && !self.diagnostics.iter().any(is_other)).then_some(&self.upstreams)
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

/// What `airlock pin` mends.
const PINNING: &[Code] = &[
    Code::MissingPin,
    Code::BadPin,
    Code::PinMismatch,
    Code::BadDefinitions,
    Code::MissingDefinition,
    Code::BadSchema,
    Code::UnknownArgument,
    Code::RuleType,
    Code::PoisonedDefinition,
];

/// Compiles a manifest that has no files beside it.
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
    compile_with(text, file_name, &files::none)
}

/// Compiles a manifest with the files that it names: definitions of the tools of its upstreams. `read` gives the text of a file by its
/// path relative to the manifest, see [`crate::beside`].
#[must_use]
pub fn compile_with<'t>(text: &'t str, file_name: &'t str, read: &ReadFile<'_>) -> Checked<'t> {
    let files = files::Files::new(read);
    let mut faults = diagnostic::Faults::default();
    let text = secret::masked(text, &mut faults).map_or(Cow::Borrowed(text), Cow::Owned);
    let manifest = manifest::parse(&text, &files, &mut faults);
    let upstreams = manifest.as_ref().map(manifest::Manifest::declared).unwrap_or_default();
    let policy = manifest.map(|manifest| check::check(manifest, &mut faults));
    let faultless = policy.filter(|_| faults.errors() == 0);
    let compiled = faultless.and_then(|policy| Some(Compiled { digest: digest::policy_digest(&policy).ok()?, policy }));
    let (diagnostics, omitted) = faults.finish();
    Checked { text, file_name, compiled, diagnostics, omitted, files: files.into_known(), upstreams }
}
