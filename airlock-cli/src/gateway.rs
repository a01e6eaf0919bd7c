//! From a checked manifest to a gateway in its place: generated crate, cargo, notes, publication.

pub(crate) mod bench;
pub(crate) mod cache;
pub(crate) mod crates;
pub(crate) mod identity;
mod lock;
pub(crate) mod note;
pub(crate) mod provenance;
mod publish;
pub(crate) mod sbom;
mod unit;

pub(crate) use publish::{beside_whole, replaceable};

use crate::cargo::c_tools::CTools;
use crate::manifest::Accepted;
use crate::render::Failure;
use bench::Bench;
use crates::Crates;
use identity::Identity;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How the C library gets into the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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

/// What a gateway says of its manifest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Said {
    /// Its text and its policy digest.
    #[default]
    Manifest,
    /// Its policy digest alone: comments of the manifest change nothing, and who has the file does not have the text.
    Digest,
}

impl Said {
    /// What the macro is told.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Digest => "digest",
        }
    }
}

/// Where things are and what is allowed, from the command line.
#[derive(Debug, Clone, clap::Args)]
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
    /// Take the crates of others from this directory, which `airlock vendor` filled
    #[arg(long, value_name = "DIR", env = "AIRLOCK_VENDOR", hide_env_values = true)]
    pub(crate) vendor: Option<PathBuf>,
    /// Compile with another Rust release than the one this airlock is made for; the bytes will differ
    #[arg(long)]
    pub(crate) any_toolchain: bool,
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
    /// What it was built with; it says so itself.
    pub(crate) identity: Identity,
    /// What is linked.
    pub(crate) crates: Crates,
    /// What of this machine beside Rust decided its bytes.
    pub(crate) c_tools: CTools,
}

/// A gateway that was built to be compared; it stands nowhere.
#[derive(Debug)]
pub(crate) struct Rebuilt {
    /// The whole file.
    pub(crate) bytes: Vec<u8>,
    /// What it was built with.
    pub(crate) identity: Identity,
    /// What is linked.
    pub(crate) crates: Crates,
    /// What of this machine beside Rust decided its bytes.
    pub(crate) c_tools: CTools,
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
/// The toolchain or crates are missing, cargo failed, or what it made is not the gateway of this manifest.
pub(crate) fn build(accepted: &Accepted, target: Target, said: Said, options: &Options) -> Result<Gateway, Failure> {
    let mut bench = Bench::set_up(options)?;
    let path = match target {
        Target::File(path) => path,
        Target::Cache => bench.cache.gateway(&accepted.compiled.digest_hex())?,
    };
    replaceable(&path)?;
    let unit::Built { file, identity, crates, _out } = unit::build(&mut bench, accepted, said)?;
    let published = publish::publish(&file, &path, accepted.compiled.digest())?;
    Ok(Gateway {
        path,
        size: published.size,
        sha256: airlock_policy::digest::hex(&published.sha256),
        link: identity.link,
        identity,
        crates,
        c_tools: bench.c_tools.clone(),
    })
}

/// Builds the gateway of a checked manifest and gives its bytes alone.
///
/// # Errors
/// As [`build`].
pub(crate) fn bytes(accepted: &Accepted, said: Said, options: &Options) -> Result<Rebuilt, Failure> {
    let mut bench = Bench::set_up(options)?;
    let unit::Built { file, identity, crates, _out } = unit::build(&mut bench, accepted, said)?;
    let bytes =
        std::fs::read(&file).map_err(|e| Failure::new(format_args!("cannot read the built gateway {}: {e}", file.display())))?;
    Ok(Rebuilt { bytes, identity, crates, c_tools: bench.c_tools.clone() })
}
