//! `airlock build`.

use crate::args::Format;
use crate::gateway::identity::Identity;
use crate::gateway::{self, Gateway, Options, Said, Target};
use crate::manifest::{Manifest, capabilities};
use crate::render::{Outcome, say};
use airlock_policy::Compiled;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Build a gateway from a manifest.
///
/// Checks the manifest, generates a crate for it alone and compiles that with the Rust toolchain of this machine. The first build
/// compiles every library; a later one takes less than a second.
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
    #[command(flatten)]
    options: Options,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

impl Build {
    pub(crate) fn run(self) -> Outcome {
        let accepted = Manifest::read(&self.manifest)?.accept()?;
        let beside = || self.manifest.with_file_name(&accepted.compiled.policy().gateway.name);
        let target = self.output.clone().unwrap_or_else(beside);
        let gateway = gateway::build(&accepted, Target::File(target), self.note, &self.options)?;
        match self.format {
            Format::Json => say(as_json(&accepted.compiled, &gateway)),
            Format::Table => say(as_table(&accepted.compiled, &gateway)),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn as_json(compiled: &Compiled, gateway: &Gateway) -> serde_json::Value {
    let Gateway { path, size, sha256, link, identity, crates } = gateway;
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
        "tools": compiled.policy().tools.iter().map(|tool| &tool.name).collect::<Vec<_>>(),
    })
}

fn as_table(compiled: &Compiled, gateway: &Gateway) -> String {
    let Gateway { path, size, sha256, link, identity, crates } = gateway;
    let Identity { airlock: _, sources, lockfile, compiler, target, link: _, features } = identity;
    format!(
        "{}\n  size           {size} bytes, {} linked\n  sha256         {sha256}\n  policy digest  {}\n  compiler       {compiler}, {target}\n  \
         lockfile       {lockfile}\n  sources        {sources}\n  runtime        {}; {} crates are linked\n{}",
        shown(path),
        link.word(),
        compiled.digest_hex(),
        features.join(", "),
        crates.linked().len(),
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
