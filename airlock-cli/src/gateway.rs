//! From a checked manifest to a gateway in its place: generated crate, cargo, note, publication.

mod cache;
mod lock;
mod note;
mod publish;

pub(crate) use publish::replaceable;

use crate::cargo::toolchain::{self, Toolchain};
use crate::cargo::{self, Job, Stopped};
use crate::manifest::Accepted;
use crate::render::{Failure, note};
use crate::scaffold::Crate;
use cache::Cache;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// How the C library gets into the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Link {
    /// Into the file: it runs in an empty root directory.
    Static,
    /// From the machine that runs it.
    Dynamic,
}

impl Link {
    /// The word used in reports.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Dynamic => "dynamic",
        }
    }
}

/// Where things are and what is allowed, from the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How to link the C library [default: static where this machine has libc.a]
    #[arg(long, value_enum)]
    pub(crate) link: Option<Link>,
    /// Never use the network, not even when a crate is missing
    #[arg(long)]
    pub(crate) offline: bool,
    /// Where generated crates and compiled libraries are kept [default: $XDG_CACHE_HOME/airlock or ~/.cache/airlock]
    #[arg(long, value_name = "DIR", env = "AIRLOCK_CACHE", hide_env_values = true)]
    pub(crate) cache_dir: Option<PathBuf>,
}

/// A gateway that was built.
#[derive(Debug)]
pub(crate) struct Gateway {
    /// The file.
    pub(crate) path: PathBuf,
    /// Size in bytes.
    pub(crate) size: usize,
    /// SHA-256 of the file, 64 hex digits.
    pub(crate) sha256: String,
    /// How it is linked.
    pub(crate) link: Link,
    /// Features of the runtime that are in it.
    pub(crate) features: Vec<&'static str>,
    /// Version line of the compiler.
    pub(crate) compiler: String,
}

/// Where the gateway goes.
#[derive(Debug)]
pub(crate) enum Target {
    /// To this file.
    File(PathBuf),
    /// Into the cache, under the digest of its policy.
    Cache,
}

/// Builds the gateway of a checked manifest and puts it in its place.
///
/// # Errors
/// Sources or toolchain are missing, cargo failed, or what it made is not the gateway of this manifest.
pub(crate) fn build(accepted: &Accepted, target: Target, options: &Options) -> Result<Gateway, Failure> {
    let source = source()?;
    let toolchain = Toolchain::find(&source)?;
    let link = link(options.link)?;
    let cache = Cache::open(options.cache_dir.clone())?;
    let path = match target {
        Target::File(path) => path,
        Target::Cache => cache.gateway(&accepted.compiled.digest_hex())?,
    };
    replaceable(&path)?;
    let features = airlock_policy::features(accepted.compiled.policy());
    let out = cache.out(&accepted.compiled.digest_hex())?;
    let plan =
        Plan { accepted, source: &source, toolchain: &toolchain, link, cache: &cache, features: &features, out: out.path() };

    let binary = compile(&plan, options.offline)?;
    let published = publish::publish(&binary, &path, accepted.compiled.digest())?;
    Ok(Gateway {
        path,
        size: published.size,
        sha256: airlock_policy::digest::hex(&published.sha256),
        link,
        features,
        compiler: toolchain.identity.lines().next().unwrap_or_default().to_owned(),
    })
}

/// Generates and compiles; gives cargo's output. Goes to the network only if a crate is missing and it may.
fn compile(plan: &Plan<'_>, offline: bool) -> Result<PathBuf, Failure> {
    let mut job = plan.job(offline)?;
    if !cargo::has_registry() {
        // The names of the registries' directories are among the flags.
        job.fetch()?;
        job = plan.job(offline)?;
    }
    let mut built = job.build()?;
    if matches!(built, Err(Stopped::CrateMissing(_))) && !offline {
        note("Some crates are not on this machine yet; fetching them.");
        job.fetch()?;
        job = plan.job(offline)?;
        built = job.build()?;
    }
    let binary = built.map_err(Stopped::into_failure)?;
    lock::check(&job.manifest.with_file_name("Cargo.lock"), &plan.source.join("Cargo.lock"))?;
    let found = std::fs::read(&binary).map_err(|e| e.to_string()).and_then(|bytes| note::policy_digest(&bytes));
    if found.as_ref() == Ok(plan.accepted.compiled.digest()) {
        return Ok(binary);
    }
    // Cargo took another manifest's gateway for this one. It is asked once more; `publish` reads the note again and decides.
    job.forget()?;
    job.build()?.map_err(Stopped::into_failure)
}

/// All that a job is made from.
struct Plan<'a> {
    accepted: &'a Accepted,
    source: &'a Path,
    toolchain: &'a Toolchain,
    link: Link,
    cache: &'a Cache,
    features: &'a [&'static str],
    out: &'a Path,
}

impl<'a> Plan<'a> {
    /// Writes the generated crate and gives the job that builds it.
    fn job(&self, offline: bool) -> Result<Job<'a>, Failure> {
        let Self { accepted, source, toolchain, link, cache, features, out } = *self;
        let flags = cargo::flags(toolchain, source, link == Link::Static);
        let key = cache::key(source, toolchain, &flags);
        let digest = accepted.compiled.digest_hex();
        let dir = cache.workspace(&key, &digest);
        let manifest = Crate { dir, source, manifest: &accepted.text, digest: &digest, features }.write()?;
        Ok(Job { toolchain, manifest, build_dir: cache.build_dir(&key), out_dir: out.to_owned(), flags, digest, offline })
    }
}

/// Root of Airlock's sources: `AIRLOCK_SOURCE`, else where this program was compiled.
fn source() -> Result<PathBuf, Failure> {
    let named: Option<OsString> = std::env::var_os("AIRLOCK_SOURCE").filter(|value| !value.is_empty());
    let root = named.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), PathBuf::from);
    let help = "set AIRLOCK_SOURCE to a checkout of Airlock of this version; gateways are compiled from it";
    let gone = |problem: &dyn std::fmt::Display| {
        Failure::new(format_args!("the sources of Airlock are not at {}: {problem}", root.display())).help(help)
    };
    let found = root.canonicalize().map_err(|e| gone(&e))?;
    let manifest = std::fs::read_to_string(found.join("Cargo.toml")).map_err(|e| gone(&e))?;
    let document: toml_edit::DocumentMut = manifest.parse().map_err(|e: toml_edit::TomlError| gone(&e))?;
    let version =
        document.get("workspace").and_then(|w| w.get("package")).and_then(|p| p.get("version")).and_then(|v| v.as_str());
    match version {
        Some(env!("CARGO_PKG_VERSION")) => Ok(found),
        Some(other) => Err(gone(&format_args!("that is version {other}, this is {}", env!("CARGO_PKG_VERSION")))),
        None => Err(gone(&"its Cargo.toml is another project's")),
    }
}

fn link(asked: Option<Link>) -> Result<Link, Failure> {
    let help = "install it (Debian: `apt install libc6-dev`) or build with `--link dynamic`";
    match (asked, toolchain::has_static_libc()?) {
        (Some(Link::Dynamic), _) => Ok(Link::Dynamic),
        (Some(Link::Static) | None, true) => Ok(Link::Static),
        (Some(Link::Static), false) => {
            Err(Failure::new("this machine has no libc.a, so nothing can be linked statically").help(help))
        }
        (None, false) => {
            note("This machine has no libc.a: the gateway is linked dynamically and needs the C library of its host.");
            Ok(Link::Dynamic)
        }
    }
}
