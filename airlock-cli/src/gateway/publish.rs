//! Puts a built gateway in its place: whole, verified and read-only, or not at all.

use super::note;
use crate::render::Failure;
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A gateway in its place.
#[derive(Debug)]
pub(crate) struct Published {
    /// Size in bytes.
    pub(crate) size: usize,
    /// SHA-256 of the file.
    pub(crate) sha256: [u8; 32],
}

/// Copies `built` to `target` once its note says `digest`.
///
/// The copy is written beside the target and renamed over it, so a gateway that runs from `target` keeps its own file, and
/// nobody sees half of one. (Cargo's own outputs are hard links into its build directory; they must not leave the cache.)
///
/// # Errors
/// The note says something else, the target is something else than a gateway, or a file operation failed.
pub(crate) fn publish(built: &Path, target: &Path, digest: &[u8; 32]) -> Result<Published, Failure> {
    replaceable(target)?;
    sweep(target);
    let bytes =
        fs::read(built).map_err(|e| Failure::new(format_args!("cannot read the built gateway {}: {e}", built.display())))?;
    let failed = |e: std::io::Error| {
        Failure::new(format_args!("cannot write {}: {e}", target.display())).help("choose another place with `-o`")
    };
    let temporary = temporary(target, &bytes).map_err(failed)?;
    let written = fs::read(&temporary.0).map_err(failed)?;
    match note::policy_digest(&written) {
        Ok(found) if found == *digest => {}
        Ok(_) => return Err(Failure::new("the built gateway carries another policy than the manifest; nothing was written")),
        Err(problem) => return Err(Failure::new(format_args!("the built file is no gateway ({problem}); nothing was written"))),
    }
    place(&temporary, target, 0o555).map_err(failed)?;
    Ok(Published { size: written.len(), sha256: Sha256::digest(&written).into() })
}

/// Writes a paper beside a gateway, whole or not at all. Everybody may read it, as the gateway.
///
/// # Errors
/// A file operation failed.
pub(crate) fn beside_whole(target: &Path, bytes: &[u8]) -> std::io::Result<()> {
    sweep(target);
    let temporary = temporary(target, bytes)?;
    place(&temporary, target, 0o644)
}

/// A new file beside the target with this content, on the disk. `create_new`: whatever has that name is not written into.
fn temporary(target: &Path, bytes: &[u8]) -> std::io::Result<Temporary> {
    let temporary = Temporary(beside(target));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary.0)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(temporary)
}

fn place(temporary: &Temporary, target: &Path, mode: u32) -> std::io::Result<()> {
    fs::set_permissions(&temporary.0, Permissions::from_mode(mode))?;
    fs::rename(&temporary.0, target)?;
    // The rename itself survives a power cut only with its directory.
    File::open(parent(target)).and_then(|dir| dir.sync_all())
}

/// Refuses to replace what no `airlock build` has written: `-o airlock.toml` must not cost the manifest.
///
/// # Errors
/// There is a directory, or a file that is no gateway.
pub(crate) fn replaceable(target: &Path) -> Result<(), Failure> {
    let shown = target.display();
    let Ok(existing) = fs::metadata(target) else { return Ok(()) };
    if existing.is_dir() {
        return Err(Failure::new(format_args!("{shown} is a directory")).help("give `-o` the name of a file"));
    }
    let is_readable = existing.is_file() && existing.len() <= note::GATEWAY_MAX;
    let is_gateway = is_readable && fs::read(target).is_ok_and(|bytes| note::policy_digest(&bytes).is_ok());
    match is_gateway {
        true => Ok(()),
        false => {
            Err(Failure::new(format_args!("{shown} exists and is not a gateway"))
                .help("remove it or choose another name with `-o`"))
        }
    }
}

/// Removed when dropped; after the rename there is nothing left to remove.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Removes what publications to this target left that were killed.
fn sweep(target: &Path) {
    let prefix = format!(".{}.", target.file_name().unwrap_or_default().to_string_lossy());
    for left in fs::read_dir(parent(target)).into_iter().flatten().flatten() {
        let name = left.file_name().to_string_lossy().into_owned();
        let pid = name.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(".tmp")).filter(|pid| pid.parse::<u32>().is_ok());
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            // Another publication may sweep at the same time.
            let _ = fs::remove_file(left.path());
        }
    }
}

fn beside(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    parent(target).join(format!(".{name}.{}.tmp", std::process::id()))
}

fn parent(target: &Path) -> &Path {
    match target.parent() {
        Some(dir) if dir != Path::new("") => dir,
        Some(_) | None => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_gateway_is_neither_published_nor_replaced() {
        let dir = tempfile::tempdir().expect("directory");
        let own = std::env::current_exe().expect("path");
        let target = dir.path().join("gateway");
        assert!(publish(&own, &target, &[0; 32]).is_err());
        assert_eq!(fs::read_dir(dir.path()).expect("listing").count(), 0, "no half of a file stays");

        // What a killed build left goes away with the next one; 4194305 is above the kernel's largest process id.
        let (dead, other) = (dir.path().join(".gateway.4194305.tmp"), dir.path().join(".gateway.mine.tmp"));
        fs::write(&dead, "").and_then(|()| fs::write(&other, "")).expect("written");
        assert!(publish(&own, &target, &[0; 32]).is_err());
        assert_eq!((dead.exists(), other.exists()), (false, true));

        let manifest = dir.path().join("airlock.toml");
        fs::write(&manifest, "airlock = 1\n").expect("written");
        assert!(replaceable(&manifest).is_err());
        assert!(replaceable(dir.path()).is_err());
        assert!(replaceable(&target).is_ok());
    }
}
