//! `airlock verify-build`.

use crate::args::Format;
use crate::gateway::note::{self as notes, Notes};
use crate::gateway::provenance::{self, About, Envelope, compare::compare};
use crate::gateway::{self, Options, Rebuilt, Said};
use crate::manifest::{Accepted, policy_of};
use crate::render::{Failure, NO, Outcome, note, say};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Build a gateway again and compare every byte.
///
/// The answer is in the SHA-256 of the whole file, not in what the file says of itself. When it differs, what the two were built with is
/// compared, and the sections of the files.
/// Exit codes: 0 the same bytes · 1 other bytes · 2 it could not be built.
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyBuild {
    /// The gateway
    gateway: PathBuf,
    /// The manifest that was reviewed
    #[arg(long, value_name = "FILE", default_value = "airlock.toml")]
    manifest: PathBuf,
    /// Also check that this provenance is, word for word, what this build would say of these bytes
    #[arg(long, value_name = "FILE")]
    provenance: Option<PathBuf>,
    /// Demand that the provenance is signed by this Ed25519 key (PEM)
    #[arg(long, value_name = "FILE", requires = "provenance")]
    public_key: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
    /// How the answer is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

impl VerifyBuild {
    pub(crate) fn run(self) -> Outcome {
        let (bytes, said_by_file) = notes::open(&self.gateway)?;
        let accepted = policy_of(&self.manifest)?;
        let statement = self.provenance.as_deref().map(|path| self.statement(path)).transpose()?;
        let said = if said_by_file.manifest.is_some() { Said::Manifest } else { Said::Digest };
        // Built as the gateway says it was, unless the command line knows better.
        let link = self.options.link.or(said_by_file.build.as_ref().map(|identity| identity.link));
        let options = Options { link, ..self.options.clone() };
        let again = gateway::bytes(&accepted, said, &options)?;
        let [found, rebuilt] = [&bytes, &again.bytes].map(|bytes| airlock_policy::digest::hex(&Sha256::digest(bytes).into()));
        let mut differences =
            if bytes == again.bytes { Vec::new() } else { differences(&said_by_file, &accepted, &again, &bytes) };
        if let Some(statement) = &statement {
            let here = provenance::statement(&About {
                name: &accepted.compiled.policy().gateway.name,
                policy: &accepted.compiled.digest_hex(),
                manifest: &accepted.text,
                files: &accepted.files,
                said,
                sha256: &found,
                identity: &again.identity,
                crates: &again.crates,
                c_tools: &again.c_tools.versions,
            });
            let compared = compare(statement, &here);
            if let Some(tools) = compared.c_tools {
                note(format_args!("The provenance is of a machine with other C tools: {tools}."));
            }
            differences.extend(compared.contradictions.into_iter().map(|text| ("provenance", text)));
        }
        let is_same = differences.is_empty();
        match self.format {
            Format::Json => say(json!({
                "same": is_same,
                "sha256": found,
                "rebuilt_sha256": rebuilt,
                "policy_digest": accepted.compiled.digest_hex(),
                "differences": differences.iter().map(|(what, text)| json!({"what": what, "text": text})).collect::<Vec<_>>(),
            })),
            Format::Table if is_same => say(format_args!(
                "{}: the same bytes as a build of {} here\n  sha256         {found}\n  policy digest  {}",
                self.gateway.display(),
                self.manifest.display(),
                accepted.compiled.digest_hex(),
            )),
            Format::Table => {
                let lines: Vec<String> = differences.iter().map(|(what, text)| format!("  {what:<14} {text}")).collect();
                say(format_args!(
                    "{}: NOT what a build of {} here gives\n  sha256         {found}\n  rebuilt        {rebuilt}\n{}",
                    self.gateway.display(),
                    self.manifest.display(),
                    lines.join("\n")
                ));
            }
        }
        Ok(if is_same { ExitCode::SUCCESS } else { ExitCode::from(NO) })
    }

    /// The statement in the provenance.
    fn statement(&self, path: &Path) -> Result<Value, Failure> {
        let envelope = Envelope::read(path)?;
        let key = self.public_key.as_deref().map(provenance::public_key).transpose()?;
        match (&key, envelope.is_signed()) {
            (Some(_), _) => {}
            (None, true) => note("The provenance is signed, but no key was named to check it with (`--public-key`)."),
            (None, false) => note("The provenance is not signed: anybody can have written it."),
        }
        envelope.open(key.as_ref()).map_err(|e| Failure::no(format_args!("the provenance {} is refused: {e}", path.display())))
    }
}

/// What differs, from the causes to the bytes: each with a name and a sentence.
fn differences(notes: &Notes, accepted: &Accepted, again: &Rebuilt, found: &[u8]) -> Vec<(&'static str, String)> {
    let Rebuilt { bytes, identity: here, crates: _, c_tools } = again;
    let mut all = Vec::new();
    if notes.policy != *accepted.compiled.digest() {
        let (of_file, of_manifest) = (airlock_policy::digest::hex(&notes.policy), accepted.compiled.digest_hex());
        all.push(("manifest", format!("another policy: the gateway's digest is {of_file}, the manifest's {of_manifest}")));
    } else if notes.manifest.as_ref().is_some_and(|text| *text != accepted.text) {
        all.push(("manifest", "the same policy from another text: comments or spelling differ".to_owned()));
    } else if notes.manifest.is_some() && notes.definitions != accepted.files {
        all.push(("definitions", "the same policy from other files of definitions: spelling or unused tools differ".to_owned()));
    }
    match &notes.build {
        None => all.push(("build", "the gateway does not say what it was built with".to_owned())),
        Some(there) => {
            let pairs = there.fields().into_iter().zip(here.fields()).filter(|((_, there), (_, here))| there != here);
            all.extend(
                pairs.map(|((name, there), (_, here))| (name, format!("the gateway says {there:?}, here it is {here:?}"))),
            );
        }
    }
    if all.is_empty() {
        let tools = c_tools.versions.join("; ");
        all.push((
            "C tools",
            format!("all of the above agree; the C compiler or library may differ (here: {tools}), or the file was changed"),
        ));
    }
    all.extend(bytes_that_differ(found, bytes));
    all
}

/// Sections that differ, with the place of the first other byte.
fn bytes_that_differ(found: &[u8], again: &[u8]) -> Vec<(&'static str, String)> {
    let (Ok(found_sections), Ok(again_sections)) = (notes::sections(found), notes::sections(again)) else {
        return vec![("bytes", "the sections of a file cannot be read".to_owned())];
    };
    let names = |sections: &[(String, Vec<u8>)]| sections.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    if names(&found_sections) != names(&again_sections) {
        return vec![("bytes", "the files have different sections".to_owned())];
    }
    let pairs = found_sections.iter().zip(&again_sections).filter(|((_, found), (_, again))| found != again);
    let mut all: Vec<(&'static str, String)> = pairs
        .map(|((name, found), (_, again))| {
            let at = found.iter().zip(again).position(|(a, b)| a != b).unwrap_or(found.len().min(again.len()));
            ("bytes", format!("{name}: {} and {} bytes, the first difference at {at:#x}", found.len(), again.len()))
        })
        .collect();
    if all.is_empty() {
        let at = found.iter().zip(again).position(|(a, b)| a != b).unwrap_or(found.len().min(again.len()));
        all.push(("bytes", format!("outside of all sections, the first difference at {at:#x} of the file")));
    }
    all
}
