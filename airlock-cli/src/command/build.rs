//! `airlock build`.

mod papers;
mod watch;

use crate::args::Format;
use crate::gateway::identity::Identity;
use crate::gateway::{self, Gateway, Options, Said, Target, provenance};
use crate::manifest::{Manifest, capabilities};
use crate::render::{Failure, Outcome, say};
use airlock_policy::Compiled;
use ed25519_dalek::SigningKey;
use papers::Papers;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Build a gateway from a manifest.
///
/// Checks the manifest, generates a crate for it alone and compiles that with the Rust toolchain of this machine. The first build
/// compiles every library, and the first one with other parts (HTTP tools, foreign servers) what those need; a later one takes less than a
/// second.
#[derive(Debug, clap::Args)]
pub(crate) struct Build {
    /// The manifest
    #[arg(default_value = "airlock.toml")]
    manifest: PathBuf,
    /// Where the gateway goes [default: beside the manifest, named like the gateway]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What the gateway says of its manifest in its ELF notes
    #[arg(long, value_enum, default_value = "manifest")]
    note: Said,
    /// Write a bill of materials (CycloneDX 1.6 JSON) [default: the gateway's path with .cdx.json]
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    sbom: Option<Option<PathBuf>>,
    /// Write SLSA v1 provenance in a DSSE envelope [default: the gateway's path with .intoto.json]
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    provenance: Option<Option<PathBuf>>,
    /// Sign the provenance with this Ed25519 key (PEM, PKCS#8); without it, it is unsigned and says so
    #[arg(long, value_name = "FILE", requires = "provenance")]
    sign_key: Option<PathBuf>,
    /// Build again whenever the manifest changes, until interrupted
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    options: Options,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

impl Build {
    pub(crate) fn run(self) -> Outcome {
        // A key that cannot be read is found before the minutes of a first build.
        let key = self.sign_key.as_deref().map(provenance::signing_key).transpose()?;
        match self.watch {
            false => self.once(key.as_ref()).map(|()| ExitCode::SUCCESS),
            true => watch::each_change(
                &self.manifest,
                || self.named(),
                || {
                    if let Err(failure) = self.once(key.as_ref()) {
                        failure.report();
                    }
                },
            ),
        }
    }

    /// The files beside the manifest that it names, as far as it can be read.
    fn named(&self) -> Vec<PathBuf> {
        let manifest = Manifest::read(&self.manifest).ok();
        let files = manifest.map(|manifest| manifest.definitions()).unwrap_or_default();
        files.iter().map(|file| self.manifest.with_file_name(file)).collect()
    }

    fn once(&self, key: Option<&SigningKey>) -> Result<(), Failure> {
        let accepted = Manifest::read(&self.manifest)?.accept()?;
        let beside = || self.manifest.with_file_name(&accepted.compiled.policy().gateway.name);
        let target = self.output.clone().unwrap_or_else(beside);
        // A place that cannot be used is found before the minutes of a first build, as a bad key is.
        let files: Vec<PathBuf> = accepted.files.keys().map(|file| self.manifest.with_file_name(file)).collect();
        let own = [Some(&self.manifest), self.sign_key.as_ref()].into_iter().flatten();
        let read: Vec<&Path> = own.chain(&files).map(PathBuf::as_path).collect();
        let papers = Papers::places(&target, &self.sbom, &self.provenance, &read)?;
        let gateway = gateway::build(&accepted, Target::File(target), self.note, &self.options)?;
        let papers = papers.write(&accepted, self.note, &gateway, key)?;
        match self.format {
            Format::Json => say(as_json(&accepted.compiled, &gateway, &papers)),
            Format::Table => say(as_table(&accepted.compiled, &gateway, &papers)),
        }
        Ok(())
    }
}

fn as_json(compiled: &Compiled, gateway: &Gateway, papers: &[(&'static str, PathBuf)]) -> serde_json::Value {
    let Gateway { path, size, sha256, link, identity, crates, c_tools: _ } = gateway;
    let Identity { airlock: _, sources, lockfile, compiler, target, link: _, features } = identity;
    json!({
        "gateway": compiled.policy().gateway.name,
        "path": path,
        "size": size,
        "sha256": sha256,
        "policy_digest": compiled.digest_hex(),
        "link": link.word(),
        "features": features,
        "compiler": compiler,
        "target": target,
        "lockfile": lockfile,
        "sources": sources,
        "crates": crates.linked().len(),
        "papers": papers.iter().map(|(what, path)| json!({"what": what, "path": path})).collect::<Vec<_>>(),
        "tools": compiled.policy().tools.iter().map(|tool| &tool.name).collect::<Vec<_>>(),
    })
}

fn as_table(compiled: &Compiled, gateway: &Gateway, papers: &[(&'static str, PathBuf)]) -> String {
    let Gateway { path, size, sha256, link, identity, crates, c_tools: _ } = gateway;
    let Identity { airlock: _, sources, lockfile, compiler, target, link: _, features } = identity;
    format!(
        "{}\n  size           {size} bytes, {} linked\n  sha256         {sha256}\n  policy digest  {}\n  compiler       {compiler}, {target}\n  \
         lockfile       {lockfile}\n  sources        {sources}\n  runtime        {}; {} crates are linked{}\n{}",
        shown(path),
        link.word(),
        compiled.digest_hex(),
        features.join(", "),
        crates.linked().len(),
        papers.iter().map(|(what, path)| format!("\n  {what:<14} {}", path.display())).collect::<String>(),
        capabilities(compiled.policy()),
    )
}

/// `./weather` rather than `weather`: it can be pasted into a shell.
fn shown(path: &Path) -> String {
    match path.parent() {
        Some(dir) if dir == Path::new("") => format!("./{}", path.display()),
        Some(_) | None => path.display().to_string(),
    }
}
