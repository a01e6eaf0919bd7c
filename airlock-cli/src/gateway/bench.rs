//! Everything that a build needs before it knows the manifest: sources, toolchain, crates of others, cache.

use super::cache::{self, Cache, writable};
use super::identity::{Identity, short};
use super::{Link, Options};
use crate::cargo::c_tools::CTools;
use crate::cargo::source::{Home, Source};
use crate::cargo::toolchain::{self, Toolchain};
use crate::cargo::{self, Job, Stopped};
use crate::carried::Carried;
use crate::render::{Failure, note};
use crate::scaffold::{Content, Crate};
use std::path::{Path, PathBuf};

/// Name of the directory with Airlock's own crates in a generated crate begins so; the digest of the sources follows. It is part of
/// symbol names, which keeps two versions of Airlock apart in one build directory.
const OWN: &str = "airlock-";

/// A place to build at.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) carried: Carried,
    pub(crate) cache: Cache,
    pub(crate) toolchain: Toolchain,
    pub(crate) link: Link,
    pub(crate) c_tools: CTools,
    home: Home,
    source: Source,
    offline: bool,
    _mask: Mask,
}

impl Bench {
    /// Unpacks the sources and finds the rest.
    ///
    /// # Errors
    /// The cache cannot be used, or the toolchain is missing or of another release.
    pub(crate) fn set_up(options: &Options) -> Result<Self, Failure> {
        let Options { link, offline, cache_dir, vendor, any_toolchain } = options;
        let mask = Mask::private();
        let carried = Carried::new()?;
        let cache = Cache::open(cache_dir.clone())?;
        carried.ensure(&cache.sources(&carried.digest))?;
        let toolchain = Toolchain::find(&cache.sources(&carried.digest), *offline)?;
        if !any_toolchain {
            toolchain.demand(&carried.release)?;
        }
        let link = choose(*link)?;
        let home = Home::make(&cache.homes())?;
        let source = match vendor.as_deref().filter(|dir| *dir != Path::new("")) {
            Some(dir) => Source::Directory(vendored(dir)?),
            None => cache.vendored(&carried.lock_digest).map_or(Source::Registry, Source::Directory),
        };
        Ok(Self { carried, cache, toolchain, link, c_tools: CTools::find(), home, source, offline: *offline, _mask: mask })
    }

    /// What a gateway with these features is built with here.
    pub(crate) fn identity(&self, features: &[&str]) -> Identity {
        Identity {
            airlock: env!("CARGO_PKG_VERSION").to_owned(),
            sources: self.carried.digest.clone(),
            lockfile: self.carried.lock_digest.clone(),
            compiler: self.toolchain.line().to_owned(),
            target: self.toolchain.host.clone(),
            link: self.link,
            features: features.iter().map(|feature| (*feature).to_owned()).collect(),
        }
    }

    /// Writes a crate and gives the job for it. `unit` is the digest of all that goes into it.
    ///
    /// # Errors
    /// A file operation failed.
    pub(crate) fn job(
        &self,
        unit: &str,
        content: Content<'_>,
        features: &[&str],
        variables: Vec<(&'static str, String)>,
        out: &Path,
    ) -> Result<Job<'_>, Failure> {
        let flags = cargo::flags(&self.toolchain, &self.home, &self.source, self.link, &self.c_tools);
        let key = cache::key(&self.toolchain, &self.c_tools, &flags);
        let own = format!("{OWN}{}", short(&self.carried.digest));
        let written = Crate {
            dir: self.cache.workspace(&key, unit),
            sources: &self.cache.sources(&self.carried.digest),
            own: &own,
            lock: self.carried.lock(),
            content,
            unit,
            features,
            replaces: self.link == Link::Static && self.c_tools.known,
        };
        Ok(Job {
            toolchain: &self.toolchain,
            home: &self.home,
            source: &self.source,
            manifest: written.write()?,
            build_dir: self.cache.build_dir(&key),
            out_dir: out.to_owned(),
            flags,
            variables,
            offline: self.offline,
        })
    }

    /// Does something that needs the crates of others; brings them here if they are missing and the network may be used.
    ///
    /// # Errors
    /// `attempt` failed for another reason, or the crates cannot be had.
    pub(crate) fn with_crates<T>(
        &mut self,
        attempt: impl Fn(&Self) -> Result<Result<T, Stopped>, Failure>,
    ) -> Result<T, Failure> {
        let is_missing = |got: &Result<T, Stopped>| matches!(got, Err(Stopped::CrateMissing(_)));
        let mut got = attempt(self)?;
        if is_missing(&got) && !self.offline && self.source == Source::Registry {
            note("Some crates are not on this machine yet; fetching them.");
            self.everything()?.fetch()?;
            self.home = Home::make(&self.cache.homes())?;
            got = attempt(self)?;
        }
        if is_missing(&got) && !self.offline && self.source == Source::Registry {
            note("Cargo's configuration takes crates from elsewhere; copying them into the cache.");
            let dir = self.cache.vendor(&self.carried.lock_digest, |dir| self.everything()?.vendor(dir))?;
            self.source = Source::Directory(dir);
            got = attempt(self)?;
        }
        got.map_err(Stopped::into_failure)
    }

    /// A crate with every feature of the runtime, for all crates that any gateway may need.
    ///
    /// # Errors
    /// A file operation failed.
    pub(crate) fn everything(&self) -> Result<Job<'_>, Failure> {
        let features = self.carried.features()?;
        let features: Vec<&str> = features.iter().map(String::as_str).collect();
        self.job("everything", Content::default(), &features, Vec::new(), &self.cache.scratch())
    }
}

/// While it lives, everything that this process and cargo make belongs to this user alone. What the user asked for by name (gateway,
/// papers) gets a mode of its own.
#[derive(Debug)]
struct Mask(rustix::fs::Mode);

impl Mask {
    fn private() -> Self {
        Self(rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO))
    }
}

impl Drop for Mask {
    fn drop(&mut self) {
        rustix::process::umask(self.0);
    }
}

/// A directory that `airlock vendor` filled and that nobody else may write to: cargo's checksums are in it, beside the files.
fn vendored(dir: &Path) -> Result<PathBuf, Failure> {
    let none = |e: std::io::Error| {
        Failure::new(format_args!("there are no crates at {}: {e}", dir.display())).help("`airlock vendor DIR` fills a directory")
    };
    let dir = dir.canonicalize().map_err(none)?;
    match writable(&dir).map_err(none)? {
        None => Ok(dir),
        Some((open, who)) => {
            let problem = format!("{who} may write to the crates at {}, and they end up in gateways", open.display());
            Err(Failure::new(problem).help("`chmod -R go-w` it if it is yours, or make another with `airlock vendor`"))
        }
    }
}

fn choose(asked: Option<Link>) -> Result<Link, Failure> {
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

/// The directory that `airlock vendor` fills.
///
/// # Errors
/// It holds something, or cargo failed.
pub(crate) fn vendor(dir: &Path, options: &Options) -> Result<PathBuf, Failure> {
    if std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(
            Failure::new(format_args!("{} is not empty; nothing was written", dir.display())).help("name a new directory")
        );
    }
    let bench = Bench::set_up(options)?;
    let dir = std::path::absolute(dir).map_err(|e| Failure::new(format_args!("cannot use {}: {e}", dir.display())))?;
    bench.everything()?.vendor(&dir)?;
    Ok(dir)
}
