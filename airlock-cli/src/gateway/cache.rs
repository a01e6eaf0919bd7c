//! The cache directory: generated crates, compiled libraries, outputs on their way.
//!
//! ```text
//! sources/<digest>/           what this program carries, unpacked and read-only
//! vendor/<lock digest>/       crates of others, where cargo's configuration takes them from elsewhere
//! cargo-home/<user's home>/   a home for cargo without configuration; links to the user's downloads
//! crates/<digest>             lists of crates, one for each set of features
//! ws/<key>/<unit>/            Cargo.toml Cargo.lock policy/policy.json src/main.rs airlock-<sources>
//! build/<key>/                cargo's intermediate results; key = compiler, flags, C tools
//! out/<unit>.<pid>/           what one build makes; removed when it ends
//! bin/<policy digest>         gateways of `airlock serve`
//! ```

use super::identity::{digest_of, short};
use crate::cargo::c_tools::CTools;
use crate::cargo::toolchain::Toolchain;
use crate::render::Failure;
use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The cache directory. What lies in it becomes part of gateways, so it is not one where anybody else may write.
#[derive(Debug)]
pub(crate) struct Cache {
    root: PathBuf,
}

impl Cache {
    /// The directory that was named, else `$XDG_CACHE_HOME/airlock`, else `~/.cache/airlock`; made when absent.
    ///
    /// # Errors
    /// No directory is named and there is no home, or it cannot be made.
    pub(crate) fn open(named: Option<PathBuf>) -> Result<Self, Failure> {
        let root = place(named).ok_or_else(|| {
            Failure::new("there is no place for the cache: HOME is not set").help("name one with `--cache-dir`")
        })?;
        make(&root)?;
        let cannot = |e: std::io::Error| Failure::new(format_args!("cannot use the cache {}: {e}", root.display()));
        let root = root.canonicalize().map_err(cannot)?;
        match writable(&root).map_err(cannot)? {
            None => {
                let cache = Self { root };
                cache.sweep();
                Ok(cache)
            }
            Some((dir, who)) => {
                let problem =
                    format!("{who} may write to {} in the cache, and what lies there ends up in gateways", dir.display());
                Err(Failure::new(problem).help("`chmod -R go-w` it if it is yours, or name another cache with `--cache-dir`"))
            }
        }
    }

    /// Airlock's own sources with this digest.
    pub(crate) fn sources(&self, digest: &str) -> PathBuf {
        self.root.join("sources").join(digest)
    }

    /// Where cargo's homes are.
    pub(crate) fn homes(&self) -> PathBuf {
        self.root.join("cargo-home")
    }

    /// An output directory for questions to cargo, which make no output.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.root.join("out/none")
    }

    /// The crates of a lockfile, if they were copied here.
    pub(crate) fn vendored(&self, lock: &str) -> Option<PathBuf> {
        let dir = self.root.join("vendor").join(lock);
        dir.is_dir().then_some(dir)
    }

    /// Fills the directory with the crates of a lockfile and gives it; it appears whole or not at all.
    ///
    /// # Errors
    /// `fill` failed, or a file operation.
    pub(crate) fn vendor(&self, lock: &str, fill: impl FnOnce(&Path) -> Result<(), Failure>) -> Result<PathBuf, Failure> {
        let dir = self.root.join("vendor").join(lock);
        let new = dir.with_extension(format!("{}.new", std::process::id()));
        make(&self.root.join("vendor"))?;
        fill(&new)?;
        let renamed = std::fs::rename(&new, &dir);
        if renamed.is_err() {
            let _ = std::fs::remove_dir_all(&new);
        }
        match renamed {
            // Another build was faster.
            Err(_) if dir.is_dir() => Ok(dir),
            other => other.map(|()| dir.clone()).map_err(|e| Failure::new(format_args!("cannot write {}: {e}", dir.display()))),
        }
    }

    /// File for a list of crates.
    ///
    /// # Errors
    /// Its directory cannot be made.
    pub(crate) fn crates(&self, digest: &str) -> Result<PathBuf, Failure> {
        let dir = self.root.join("crates");
        make(&dir)?;
        Ok(dir.join(digest))
    }

    /// Writes a file of the cache whole.
    ///
    /// # Errors
    /// A file operation failed.
    pub(crate) fn keep(&self, file: &Path, bytes: &[u8]) -> Result<(), Failure> {
        crate::scaffold::replace(file, bytes)
            .map_err(|e| Failure::new(format_args!("cannot write to the cache {}: {e}", file.display())))
    }

    /// Removes the outputs of builds that were killed.
    fn sweep(&self) {
        for left in std::fs::read_dir(self.root.join("out")).into_iter().flatten().flatten() {
            let name = left.file_name().to_string_lossy().into_owned();
            let ended = name.rsplit_once('.').is_some_and(|(_, pid)| !Path::new("/proc").join(pid).exists());
            if ended {
                // Another build may sweep at the same time.
                let _ = std::fs::remove_dir_all(left.path());
            }
        }
    }

    /// Directory of a generated crate.
    pub(crate) fn workspace(&self, key: &str, unit: &str) -> PathBuf {
        self.root.join("ws").join(key).join(short(unit))
    }

    /// Cargo's intermediate results.
    pub(crate) fn build_dir(&self, key: &str) -> PathBuf {
        self.root.join("build").join(key)
    }

    /// Place of a gateway that `airlock serve` runs.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub(crate) fn gateway(&self, digest: &str) -> Result<PathBuf, Failure> {
        let dir = self.root.join("bin");
        make(&dir)?;
        Ok(dir.join(digest))
    }

    /// An output directory of this process alone.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn out(&self, unit: &str) -> Result<Out, Failure> {
        let path = self.root.join("out").join(format!("{}.{}", short(unit), std::process::id()));
        make(&path)?;
        Ok(Out(path))
    }
}

/// An output directory; removed when dropped (its files are hard links into the build directory).
#[derive(Debug)]
pub(crate) struct Out(PathBuf);

impl Out {
    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The first of a directory and the directories right in it where somebody else may write, and who.
///
/// # Errors
/// It cannot be read.
pub(crate) fn writable(root: &Path) -> std::io::Result<Option<(PathBuf, String)>> {
    let me = rustix::process::geteuid().as_raw();
    let mut dirs = vec![root.to_owned()];
    for entry in std::fs::read_dir(root)? {
        dirs.push(entry?.path());
    }
    for dir in dirs {
        // What is gone in the meantime was the output of another build.
        let Ok(about) = dir.metadata() else { continue };
        if let Some(who) = others(about.uid(), me, about.mode()).filter(|_| about.is_dir()) {
            return Ok(Some((dir, who)));
        }
    }
    Ok(None)
}

/// Who else may write to a directory of this owner and mode.
fn others(owner: u32, me: u32, mode: u32) -> Option<String> {
    match (owner == me || owner == 0, mode & 0o022) {
        (true, 0) => None,
        (true, 0o020) => Some("a group".to_owned()),
        (true, _) => Some("everybody".to_owned()),
        (false, _) => Some(format!("its owner, user {owner},")),
    }
}

/// What intermediate results depend on beside the crates themselves, as 16 hex digits. Cargo knows nothing of the C tools: with their digest
/// in the name of its directory, it finds no objects that others made. (They are not part of a gateway's unit, which is part of its
/// symbol names: where another C compiler gives the same code, the gateway stays the same.)
pub(crate) fn key(toolchain: &Toolchain, c_tools: &CTools, flags: &[String]) -> String {
    let parts = [&toolchain.identity, &c_tools.digest].into_iter().chain(flags);
    short(&digest_of(&parts.map(|part| part.as_bytes()).collect::<Vec<_>>())).to_owned()
}

/// Where the cache is, made or not.
pub(crate) fn place(named: Option<PathBuf>) -> Option<PathBuf> {
    // The XDG specification: a relative path there is to be ignored.
    let directory = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    named
        .filter(|path| path != Path::new(""))
        .or_else(|| directory("XDG_CACHE_HOME").map(|dir| dir.join("airlock")))
        .or_else(|| directory("HOME").map(|dir| dir.join(".cache/airlock")))
}

fn make(dir: &Path) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|e| {
        Failure::new(format_args!("cannot make the directory {}: {e}", dir.display()))
            .help("name another cache with `--cache-dir`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_cache_that_others_may_fill_is_refused() {
        let dir = tempfile::tempdir().expect("directory");
        for (mode, accepted) in [(0o700, true), (0o755, true), (0o775, false), (0o757, false), (0o1777, false)] {
            set_permissions(dir.path(), Permissions::from_mode(mode)).expect("mode");
            assert_eq!(Cache::open(Some(dir.path().to_owned())).is_ok(), accepted, "{mode:o}");
        }
        set_permissions(dir.path(), Permissions::from_mode(0o755)).expect("mode");
        let build = dir.path().join("build");
        std::fs::create_dir(&build).expect("made");
        for (mode, accepted) in [(0o755, true), (0o775, false), (0o777, false)] {
            set_permissions(&build, Permissions::from_mode(mode)).expect("mode");
            assert_eq!(Cache::open(Some(dir.path().to_owned())).is_ok(), accepted, "build/ {mode:o}");
        }
        assert_eq!(others(1000, 1000, 0o40700), None);
        assert_eq!(others(0, 1000, 0o40755), None);
        assert!(others(1001, 1000, 0o40700).is_some_and(|who| who.contains("1001")));
    }

    #[test]
    fn results_of_other_tools_are_not_found() {
        let toolchain = |identity: &str| Toolchain {
            cargo: PathBuf::new(),
            rustc: PathBuf::new(),
            sysroot: String::new(),
            identity: identity.to_owned(),
            host: String::new(),
            commit: String::new(),
            release: String::new(),
        };
        let tools = |digest: &str| CTools { versions: Vec::new(), digest: digest.to_owned(), packs: true, known: true };
        let keys = [
            key(&toolchain("a"), &tools("1"), &[]),
            key(&toolchain("b"), &tools("1"), &[]),
            key(&toolchain("a"), &tools("2"), &[]),
            key(&toolchain("a"), &tools("1"), &["-Cx".to_owned()]),
        ];
        assert_eq!(keys.iter().collect::<std::collections::BTreeSet<_>>().len(), keys.len(), "{keys:?}");
    }
}
