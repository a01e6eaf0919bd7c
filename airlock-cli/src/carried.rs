//! The sources that this program carries: the crates that gateways are compiled from, their lockfile and the toolchain they ask for.
//!
//! On disk they are a directory with one crate per subdirectory, manifests without a workspace around them. Nothing in it may be
//! written, and every file has the same old time: cargo goes by times, and a gateway's libraries would be compiled again.

mod normal;

use crate::gateway::identity::digest_of;
use crate::render::Failure;
use rustix::fs::{Timespec, Timestamps};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Path below `carried/` and content, sorted; made by `build.rs`.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/carried.rs"));
/// Time of every unpacked file, in seconds since 1970 (2020-01-01): older than anything that is compiled from it.
const TIME: i64 = 1_577_836_800;

/// What is carried, as it stands on disk.
#[derive(Debug)]
pub(crate) struct Carried {
    files: BTreeMap<PathBuf, Vec<u8>>,
    /// SHA-256 over names and contents, 64 hex digits.
    pub(crate) digest: String,
    /// SHA-256 of `Cargo.lock`, 64 hex digits.
    pub(crate) lock_digest: String,
    /// The compiler release that `rust-toolchain.toml` asks for.
    pub(crate) release: String,
}

impl Carried {
    /// Takes the files out of this program.
    ///
    /// # Errors
    /// A manifest has a shape that `normal` does not know; a test reads all of them.
    pub(crate) fn new() -> Result<Self, Failure> {
        let bytes = |name: &str| FILES.iter().find(|(path, _)| *path == name).map_or(&b""[..], |(_, bytes)| *bytes);
        let text = |name: &str| String::from_utf8_lossy(bytes(name)).into_owned();
        let faulty = |e: String| Failure::new(format_args!("the sources in this program are faulty: {e}"));
        let workspace = text("workspace.toml");
        let mut files = BTreeMap::new();
        for (path, bytes) in FILES {
            let path = Path::new(path);
            match path.file_name().and_then(|name| name.to_str()) {
                Some("workspace.toml") => {}
                Some("workspace.lock") => drop(files.insert(PathBuf::from("Cargo.lock"), bytes.to_vec())),
                Some("manifest.toml") => {
                    let manifest = normal::standalone(&String::from_utf8_lossy(bytes), &workspace).map_err(faulty)?;
                    files.insert(path.with_file_name("Cargo.toml"), manifest.into_bytes());
                }
                Some(_) | None => drop(files.insert(path.to_owned(), bytes.to_vec())),
            }
        }
        let parts: Vec<Vec<u8>> =
            files.iter().flat_map(|(path, bytes)| [path.as_os_str().as_encoded_bytes().to_vec(), bytes.clone()]).collect();
        let digest = digest_of(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let lock_digest = airlock_policy::digest::hex(&Sha256::digest(bytes("workspace.lock")).into());
        let release = normal::channel(&text("rust-toolchain.toml")).map_err(faulty)?;
        Ok(Self { files, digest, lock_digest, release })
    }

    /// The lockfile.
    pub(crate) fn lock(&self) -> &[u8] {
        self.files.get(Path::new("Cargo.lock")).map_or(&[], Vec::as_slice)
    }

    /// All features of the runtime.
    ///
    /// # Errors
    /// Its manifest has another shape; a test reads it.
    pub(crate) fn features(&self) -> Result<Vec<String>, Failure> {
        let manifest = self.files.get(Path::new("airlock-runtime/Cargo.toml")).map(|bytes| String::from_utf8_lossy(bytes));
        normal::features(&manifest.unwrap_or_default())
            .map_err(|e| Failure::new(format_args!("the sources in this program are faulty: {e}")))
    }

    /// Makes sure that `dir` holds exactly these files. A directory that differs in any way is written anew.
    ///
    /// # Errors
    /// A file operation failed.
    pub(crate) fn ensure(&self, dir: &Path) -> Result<(), Failure> {
        let cannot = |e: io::Error| {
            Failure::new(format_args!("cannot unpack the sources of Airlock to {}: {e}", dir.display()))
                .help("name another cache with `--cache-dir`")
        };
        if self.is_in(dir) {
            return Ok(());
        }
        if let Some(parent) = dir.parent() {
            fs::create_dir_all(parent).map_err(cannot)?;
        }
        let new = dir.with_extension(format!("{}.new", std::process::id()));
        let old = dir.with_extension(format!("{}.old", std::process::id()));
        let written = self.write(&new).and_then(|()| lock_up(&new));
        // What is there differs; another process may be compiling from it, so its files stay until it is out of the way.
        let moved = written.and_then(|()| if dir.exists() { fs::rename(dir, &old) } else { Ok(()) });
        let placed = moved.and_then(|()| fs::rename(&new, dir));
        remove(&old);
        remove(&new);
        match placed {
            // Another process may have put the same there in the meantime.
            Err(_) if self.is_in(dir) => Ok(()),
            other => other.map_err(cannot),
        }
    }

    /// Writes the files into a directory that is empty or not there yet, for people to read and build with.
    ///
    /// # Errors
    /// The directory holds something, or a file operation failed.
    pub(crate) fn unpack(&self, dir: &Path) -> Result<(), Failure> {
        let shown = dir.display();
        if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
            let help = match self.is_like(dir) {
                true => format!("it has sources of another airlock: `rm -r {shown}` removes them, then run this again"),
                false => "name a new directory".to_owned(),
            };
            return Err(Failure::new(format_args!("{shown} is not empty; nothing was written")).help(help));
        }
        self.write(dir).map_err(|e| Failure::new(format_args!("cannot write the sources to {shown}: {e}")))
    }

    /// Whether a directory has nothing at its top but what the sources have there, and both crates of theirs: no file of somebody else is
    /// lost with it.
    fn is_like(&self, dir: &Path) -> bool {
        let own: BTreeSet<&OsStr> = self.files.keys().filter_map(|path| path.iter().next()).collect();
        let mut all = fs::read_dir(dir).into_iter().flatten();
        let has = |name: &str| dir.join(name).join("Cargo.toml").is_file();
        all.all(|entry| entry.is_ok_and(|entry| own.contains(entry.file_name().as_os_str())))
            && has("airlock-policy")
            && has("airlock-runtime")
    }

    fn write(&self, dir: &Path) -> io::Result<()> {
        for (name, bytes) in &self.files {
            let path = dir.join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(&path, bytes)?;
        }
        Ok(())
    }

    /// Whether `dir` holds these files with their times, and nothing else: a stray `build.rs` would be compiled.
    fn is_in(&self, dir: &Path) -> bool {
        let mut found = Vec::new();
        let is_listed = list(dir, &mut found).is_ok();
        let same = |path: &PathBuf| {
            let expected = path.strip_prefix(dir).ok().and_then(|name| self.files.get(name));
            expected.is_some_and(|expected| fs::read(path).is_ok_and(|bytes| bytes == *expected))
        };
        is_listed && found.len() == self.files.len() && found.iter().all(same)
    }
}

/// Every file below `dir`, if all of them and all directories are as [`lock_up`] leaves them.
fn list(dir: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let about = path.symlink_metadata()?;
        if about.is_dir() {
            list(&path, found)?;
        } else if about.is_file() && about.mtime() == TIME && about.mode() & 0o222 == 0 {
            found.push(path);
        } else {
            return Err(io::Error::other("a file of another kind, time or mode"));
        }
    }
    Ok(())
}

/// Gives every file below `dir` the old time, and takes the right to write from files and directories.
fn lock_up(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            lock_up(&path)?;
        } else {
            let time = Timespec { tv_sec: TIME, tv_nsec: 0 };
            rustix::fs::utimensat(
                rustix::fs::CWD,
                &path,
                &Timestamps { last_access: time, last_modification: time },
                rustix::fs::AtFlags::empty(),
            )?;
            fs::set_permissions(&path, Permissions::from_mode(0o444))?;
        }
    }
    fs::set_permissions(dir, Permissions::from_mode(0o555))
}

/// Removes a directory that [`lock_up`] closed; what stays is only in the way of nothing.
fn remove(dir: &Path) {
    fn open(dir: &Path) {
        let _ = fs::set_permissions(dir, Permissions::from_mode(0o700));
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open(&entry.path());
            }
        }
    }
    if dir.is_dir() {
        open(dir);
        let _ = fs::remove_dir_all(dir);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unpacked_is_all_that_is_needed_and_nothing_else() {
        let carried = Carried::new().expect("carried");
        for name in ["Cargo.lock", "airlock-macros/Cargo.toml", "airlock-policy/src/lib.rs", "airlock-runtime/src/lib.rs"] {
            assert!(carried.files.contains_key(Path::new(name)), "{name}");
        }
        assert!(carried.files.keys().all(|path| path.extension().is_none_or(|ending| ending != "snap")));
        assert!(carried.features().expect("features").contains(&"http".to_owned()));
        assert_eq!((carried.digest.len(), carried.lock_digest.len()), (64, 64));
        let pinned = include_str!("../../rust-toolchain.toml");
        assert!(pinned.contains(&format!("channel = {:?}", carried.release)));
    }

    #[test]
    fn a_directory_that_differs_in_anything_is_written_anew() {
        let dir = tempfile::tempdir().expect("directory");
        let (carried, sdk) = (Carried::new().expect("carried"), dir.path().join("sdk"));
        let file = sdk.join("airlock-policy/src/lib.rs");
        let open = |path: &Path| fs::set_permissions(path, Permissions::from_mode(0o755)).expect("mode");
        let faults: [(&str, &dyn Fn()); 6] = [
            ("absent", &|| {}),
            ("byte", &|| {
                open(&file);
                fs::write(&file, "// other").expect("written");
            }),
            ("time", &|| {
                open(&file);
                fs::File::options()
                    .append(true)
                    .open(&file)
                    .and_then(|f| f.set_modified(std::time::SystemTime::now()))
                    .expect("set");
                fs::set_permissions(&file, Permissions::from_mode(0o444)).expect("mode");
            }),
            ("stray", &|| {
                open(&sdk.join("airlock-policy"));
                fs::write(sdk.join("airlock-policy/build.rs"), "").expect("written");
            }),
            ("gone", &|| {
                open(&sdk.join("airlock-policy/src"));
                fs::remove_file(&file).expect("removed");
            }),
            ("link", &|| {
                open(&sdk.join("airlock-policy/src"));
                fs::remove_file(&file).expect("removed");
                std::os::unix::fs::symlink("/dev/null", &file).expect("linked");
            }),
        ];
        for (name, fault) in faults {
            fault();
            assert!(!carried.is_in(&sdk), "{name}");
            carried.ensure(&sdk).expect("written");
            assert!(carried.is_in(&sdk), "{name}");
            assert_eq!(fs::read_dir(dir.path()).expect("listing").count(), 1, "{name}: nothing else stays");
        }
        remove(&sdk);
    }

    #[test]
    fn a_directory_with_something_in_it_is_left_alone() {
        let dir = tempfile::tempdir().expect("directory");
        fs::write(dir.path().join("mine"), "").expect("written");
        let refused = Carried::new().expect("carried").unpack(dir.path()).expect_err("refused");
        assert!(!format!("{refused:?}").contains("rm -r"), "nobody is told to remove what is not ours");
        assert_eq!(fs::read_dir(dir.path()).expect("listing").count(), 1);
        let sources = dir.path().join("sources");
        Carried::new().expect("carried").unpack(&sources).expect("written");
        let refused = Carried::new().expect("carried").unpack(&sources).expect_err("refused");
        assert!(format!("{refused:?}").contains("rm -r"), "an upgrade has to get past it");
        fs::write(sources.join("mine"), "").expect("written");
        let refused = Carried::new().expect("carried").unpack(&sources).expect_err("refused");
        assert!(!format!("{refused:?}").contains("rm -r"), "{refused:?}");
    }
}
