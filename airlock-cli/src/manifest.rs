//! A manifest from a file, its diagnostics, and what it allows in a few lines.

use crate::gateway::note::{self, Notes};
use crate::render::{self, Failure};
use airlock_policy::ir::{HostRule, Issue, Mode, Policy, ToolKind};
use airlock_policy::{Checked, Compiled, Severity};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

/// A manifest as it was read.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// Name for diagnostics.
    name: String,
    text: String,
    beside: Beside,
}

/// Where the files are that a manifest names.
#[derive(Debug)]
enum Beside {
    /// Below this directory.
    Dir(PathBuf),
    /// In the note of a gateway, by path.
    Note(BTreeMap<String, String>),
}

impl Beside {
    fn read(&self, path: &str) -> Result<String, String> {
        match self {
            Self::Dir(dir) => airlock_policy::beside(dir)(path),
            Self::Note(files) => files.get(path).cloned().ok_or_else(|| "the gateway's note does not have it".to_owned()),
        }
    }
}

/// A manifest without errors.
#[derive(Debug)]
pub(crate) struct Accepted {
    /// Name for diagnostics.
    pub(crate) name: String,
    /// Its text, byte for byte.
    pub(crate) text: String,
    /// What it says.
    pub(crate) compiled: Compiled,
    /// The files that it names, by their paths relative to it.
    pub(crate) files: BTreeMap<String, String>,
}

impl Manifest {
    /// Reads a manifest; `-` is standard input.
    ///
    /// # Errors
    /// It cannot be read, or is not UTF-8.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let name = if path == Path::new("-") { "<stdin>".to_owned() } else { path.display().to_string() };
        // One byte more than the language allows is enough for the checker to refuse the file.
        let bound = u64::try_from(airlock_policy::limits::MANIFEST_MAX).unwrap_or(u64::MAX).saturating_add(1);
        let mut bytes = Vec::new();
        let read = match path == Path::new("-") {
            true => std::io::stdin().take(bound).read_to_end(&mut bytes),
            false => std::fs::File::open(path).and_then(|file| file.take(bound).read_to_end(&mut bytes)),
        };
        read.map_err(|e| {
            Failure::new(format_args!("cannot read the manifest {name}: {e}"))
                .help("name the manifest, or go to the directory that has it; `airlock new <dir>` writes one to start from")
        })?;
        // A file beyond the limit is refused for its size, also when the cut went through a character.
        let is_cut = u64::try_from(bytes.len()).is_ok_and(|len| len >= bound);
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(e) if is_cut => String::from_utf8_lossy(e.as_bytes()).into_owned(),
            Err(e) => return Err(Failure::new(format_args!("the manifest {name} is not UTF-8: {e}"))),
        };
        // A manifest on standard input stands where the command is run.
        let dir = path.parent().map(Path::to_owned).unwrap_or_default();
        Ok(Self { name, text, beside: Beside::Dir(dir) })
    }

    /// A manifest that is written down nowhere yet, with the files that it names.
    pub(crate) fn of_text(name: &str, text: String, files: BTreeMap<String, String>) -> Self {
        Self { name: name.to_owned(), text, beside: Beside::Note(files) }
    }

    /// The manifest in a gateway's note.
    ///
    /// # Errors
    /// The gateway was built with `--note digest`.
    pub(crate) fn of_notes(notes: &Notes, path: &Path) -> Result<Self, Failure> {
        let Some(text) = &notes.manifest else {
            let digest = airlock_policy::digest::hex(&notes.policy);
            let problem = format!("{} carries only its policy digest, {digest}", path.display());
            return Err(
                Failure::new(problem).help("name the manifest it was built from; `airlock build --note manifest` puts it in")
            );
        };
        Ok(Self {
            name: format!("{} (its manifest)", path.display()),
            text: text.clone(),
            beside: Beside::Note(notes.definitions.clone()),
        })
    }

    /// As [`Self::accept`], for a text that is known to have given this policy digest.
    fn accept_as(self, digest: &[u8; 32]) -> Result<Accepted, Failure> {
        let name = self.name.clone();
        let accepted = self.accept()?;
        match accepted.compiled.digest() == digest {
            true => Ok(accepted),
            false => Err(Failure::no(format_args!(
                "{name} compiles to the policy {}, but the gateway's note says {}",
                accepted.compiled.digest_hex(),
                airlock_policy::digest::hex(digest)
            ))
            .help(
                "the gateway was built by another version of airlock, or its notes were changed; `airlock inspect` shows both",
            )),
        }
    }

    /// Its text, byte for byte.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Paths of the definitions that it names, relative to it, as far as it can be read.
    pub(crate) fn definitions(&self) -> Vec<String> {
        let checked = self.check();
        checked.upstreams().into_iter().flatten().map(|declared| declared.definitions.clone()).collect()
    }

    /// Checks it; every diagnostic is in the result.
    pub(crate) fn check(&self) -> Checked<'_> {
        airlock_policy::compile_with(&self.text, &self.name, &|path| self.beside.read(path))
    }

    /// Checks it for a command that needs the policy: diagnostics go to stderr.
    ///
    /// # Errors
    /// It has errors (exit 1).
    pub(crate) fn accept(self) -> Result<Accepted, Failure> {
        let checked = self.check();
        report(&checked);
        let count = count(&checked);
        let files = checked.files().clone();
        match checked.into_compiled() {
            Some(compiled) => Ok(Accepted { compiled, text: self.text, name: self.name, files }),
            None => Err(Failure::no(format_args!("{}: {count}; nothing was built", self.name))),
        }
    }
}

/// The policy of a path: a manifest, or a built gateway. A gateway is not run: the text in its note is compiled again, and must give the
/// policy digest in its other note. `-` is a manifest on standard input.
///
/// # Errors
/// The file cannot be read, the manifest has errors (exit 1), or the gateway has no text, or text of another policy.
pub(crate) fn policy_of(path: &Path) -> Result<Accepted, Failure> {
    match is_program(path) {
        false => Manifest::read(path)?.accept(),
        true => {
            let (_, notes) = note::open(path)?;
            Manifest::of_notes(&notes, path)?.accept_as(&notes.policy)
        }
    }
}

/// Whether a file begins as every ELF file does; a manifest cannot.
pub(crate) fn is_program(path: &Path) -> bool {
    let mut magic = [0; 4];
    let is_stdin = path == Path::new("-");
    !is_stdin && std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == *b"\x7fELF"
}

/// Writes all diagnostics to stderr, in colour on a terminal.
pub(crate) fn report(checked: &Checked<'_>) {
    let stderr = std::io::stderr();
    let rendered = checked.render(stderr.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()));
    if !rendered.is_empty() {
        render::note_drawn(format_args!("{rendered}\n"));
    }
}

/// How many errors and warnings a manifest has. Diagnostics past the limit of the list are counted as errors.
pub(crate) fn tally(checked: &Checked<'_>) -> (usize, usize) {
    let warnings = checked.diagnostics().iter().filter(|d| d.severity == Severity::Warning).count();
    (checked.diagnostics().len() - warnings + checked.omitted(), warnings)
}

/// `no errors`, `2 errors, 1 warning`.
pub(crate) fn count(checked: &Checked<'_>) -> String {
    match tally(checked) {
        (0, 0) => "no errors".to_owned(),
        (0, warnings) => format!("no errors, {}", counted(warnings, "warning")),
        (errors, 0) => counted(errors, "error"),
        (errors, warnings) => format!("{}, {}", counted(errors, "error"), counted(warnings, "warning")),
    }
}

/// One line about a manifest that passed.
pub(crate) fn summary(compiled: &Compiled) -> String {
    let Policy {
        gateway,
        upstreams,
        tools,
        grants,
        airlock: _,
        keys: _,
        lease: _,
        ledger: _,
        limits: _,
        flows: _,
        requires: _,
        approvers: _,
        sandbox: _,
    } = compiled.policy();
    let (tools, grants) = (counted(tools.len(), "tool"), counted(grants.len(), "grant"));
    let upstreams = if upstreams.is_empty() { String::new() } else { format!("{}, ", counted(upstreams.len(), "upstream")) };
    format!("{}: {upstreams}{tools}, {grants}, policy digest {}", gateway.name, compiled.digest_hex())
}

/// What is compiled in: tools with their hosts, grants.
pub(crate) fn capabilities(policy: &Policy) -> String {
    let upstreams = policy.upstreams.iter().map(|upstream| {
        let words: Vec<String> = upstream.command.iter().skip(1).map(|word| format!(" {word:?}")).collect();
        format!("  upstream       {} → {}{}", upstream.name, upstream.command.first().map_or("", String::as_str), words.concat())
    });
    let tools = policy.tools.iter().map(|tool| {
        let hosts: Vec<String> = tool.egress.iter().map(|egress| host(&egress.host)).collect();
        let reach = match (&tool.kind, hosts.is_empty()) {
            (ToolKind::Upstream(proxied), _) => format!("{} of the upstream {}", proxied.tool, proxied.upstream),
            (ToolKind::Builtin(_) | ToolKind::Rest(_), true) => "no network".to_owned(),
            (ToolKind::Builtin(_) | ToolKind::Rest(_), false) => hosts.join(", "),
        };
        format!("  tool           {} → {reach}", tool.name)
    });
    let grants = policy.grants.iter().map(|grant| {
        let issue = match grant.issue {
            Issue::Operator => "issued by the operator",
            Issue::SelfService => "issued to whoever asks",
            Issue::Human => "issued once the connected user accepts",
        };
        format!("  grant          {} → {}, {issue}", grant.subject, grant.tools.join(", "))
    });
    let shadow = (policy.gateway.mode == Mode::Shadow)
        .then(|| "  SHADOW MODE    refused calls of upstreams are recorded, and made all the same".to_owned());
    shadow.into_iter().chain(upstreams).chain(tools).chain(grants).collect::<Vec<_>>().join("\n")
}

fn host(rule: &HostRule) -> String {
    match rule {
        HostRule::Exact(name) => name.clone(),
        HostRule::OneLabel(parent) => format!("*.{parent}"),
        HostRule::AnyPublic => "any public host".to_owned(),
    }
}

/// `1 tool`, `2 tools`.
pub(crate) fn counted<N: Display + PartialEq + From<u8>>(n: N, what: &str) -> String {
    let s = if n == N::from(1) { "" } else { "s" };
    format!("{n} {what}{s}")
}
