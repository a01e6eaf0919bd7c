//! Where the crates of others come from: this user's registry directory, or a directory that `airlock vendor` filled.
//!
//! Cargo compiles with a home directory of Airlock's own, so no configuration of the user has a say. Of the user's home it has the downloads
//! alone, by links; fetching is done with the user's own, where mirrors and proxies are configured.

use crate::gateway::identity::{digest_of, short};
use crate::render::Failure;
use crate::scaffold::link;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// What of the user's home cargo shares: the downloads, and the locks that keep two cargos from unpacking one at the same time.
const SHARED: [&str; 3] = ["registry", ".package-cache", ".package-cache-mutate"];
/// Place of crates in a gateway's messages. The last part is how cargo names the directory of crates.io.
const REMAPPED: &str = "/airlock/dep/index.crates.io-1949cf8c6b5b557f";

/// A place with the crates of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// Where cargo downloads to; seen through the directory that [`Home`] made.
    Registry,
    /// A directory made by `airlock vendor`, absolute.
    Directory(PathBuf),
}

/// A home directory for cargo.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    /// Without configuration; for compiling.
    pub(crate) own: PathBuf,
    /// The user's; for downloads. Nothing if there is none.
    pub(crate) users: Option<PathBuf>,
}

impl Home {
    /// Makes a home below `root`, one for each home of a user.
    ///
    /// # Errors
    /// A file operation failed.
    pub(crate) fn make(root: &Path) -> Result<Self, Failure> {
        let users = std::env::var_os("CARGO_HOME").map(PathBuf::from).filter(|home| home.is_absolute());
        let users = users
            .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")).filter(|home| home.is_absolute()));
        let name = users
            .as_ref()
            .map_or_else(|| "none".to_owned(), |home| short(&digest_of(&[home.as_os_str().as_encoded_bytes()])).to_owned());
        let own = root.join(name);
        let cannot = |e: io::Error| Failure::new(format_args!("cannot make {}: {e}", own.display()));
        fs::create_dir_all(&own).map_err(cannot)?;
        if let Some(users) = &users {
            // Without downloads there is nothing to share yet; `--vendor` needs none, and a fetch comes back here.
            for name in SHARED.iter().filter(|name| users.join(name).exists()) {
                let at = own.join(name);
                // A cargo that ran before there was anything to share has made its own.
                if at.symlink_metadata().is_ok_and(|about| about.is_dir()) {
                    fs::remove_dir_all(&at).map_err(cannot)?;
                }
                link(&users.join(name), &at).map_err(cannot)?;
            }
        }
        Ok(Self { own, users })
    }
}

impl Source {
    /// Cargo's settings for it.
    pub(crate) fn settings(&self) -> Vec<String> {
        match self {
            Self::Registry => Vec::new(),
            Self::Directory(dir) => {
                let quoted = toml_edit::Value::from(dir.to_string_lossy().as_ref()).to_string();
                vec!["source.crates-io.replace-with='airlock'".to_owned(), format!("source.airlock.directory={}", quoted.trim())]
            }
        }
    }

    /// Flag that keeps its path out of gateways, so that both places give the same bytes.
    pub(crate) fn remap(&self, home: &Home) -> String {
        match self {
            Self::Registry => {
                let registry = home.own.join("registry/src/index.crates.io-1949cf8c6b5b557f");
                format!("--remap-path-prefix={}={REMAPPED}", registry.display())
            }
            Self::Directory(dir) => format!("--remap-path-prefix={}={REMAPPED}", dir.display()),
        }
    }
}
