//! The lease of a running agent: a private file while it runs, revoked and removed when it ends.

use crate::command::client::install::lease_place;
use crate::render::Failure;
use airlock_runtime::carrier::ambient;
use airlock_runtime::ledger::{Entry, Ledger, LedgerError, Require, Revoke, Sync, Target, Unmet};
use rustix::fs::{FlockOperation, Mode, OFlags, flock, fstat};
use std::fs::{DirBuilder, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A file that is locked and empty, for one lease.
pub(super) struct Place {
    path: PathBuf,
    /// Whether the file is still to be removed. Once it is, another run may have one of the same name.
    is_there: bool,
    /// Locked as long as the agent runs. A file without a lock was left by a run that was killed, and is used again.
    file: File,
    /// The directory that was made for it, if one was: removed with this value.
    _dir: Option<tempfile::TempDir>,
}

impl Place {
    /// Takes the file that is named, or the gateway's in the directory of the user's session, or one in a new directory.
    ///
    /// # Errors
    /// Another run has it, or it cannot be made private.
    pub(super) fn claim(named: Option<PathBuf>, gateway: &str) -> Result<Self, Failure> {
        let (path, dir) = match (named, lease_place(gateway)) {
            (Some(path), _) => {
                (std::path::absolute(&path).map_err(|e| Failure::new(format_args!("cannot use {}: {e}", path.display())))?, None)
            }
            (None, Some(path)) => {
                let made = path.parent().map(|dir| DirBuilder::new().recursive(true).mode(0o700).create(dir)).transpose();
                made.map_err(|e| Failure::new(format_args!("cannot make the directory of {}: {e}", path.display())))?;
                (path, None)
            }
            (None, None) => {
                // Made with mode 0700 and a name that nobody knows before.
                let dir = tempfile::Builder::new().prefix("airlock-run-").tempdir();
                let dir = dir.map_err(|e| Failure::new(format_args!("cannot make a directory for the lease: {e}")))?;
                (dir.path().join(format!("{gateway}.lease")), Some(dir))
            }
        };
        let cannot = |e: std::io::Error| Failure::new(format_args!("cannot use {} for the lease: {e}", path.display()));
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR).map_err(|e| cannot(e.into()))?);
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
            Failure::new(format_args!("another `airlock run` uses {}", path.display()))
                .help("wait for its end, or name another file with --lease-file and to the client")
        })?;
        let stat = fstat(&file).map_err(|e| cannot(e.into()))?;
        let is_mine = file.metadata().map_err(cannot)?.is_file()
            && stat.st_uid == rustix::process::geteuid().as_raw()
            && std::fs::symlink_metadata(&path).is_ok_and(|now| std::os::unix::fs::MetadataExt::ino(&now) == stat.st_ino);
        if !is_mine {
            return Err(
                Failure::new(format_args!("{} is no file of this user", path.display())).help("name another with --lease-file")
            );
        }
        file.set_permissions(Permissions::from_mode(0o600)).and_then(|()| file.set_len(0)).map_err(cannot)?;
        Ok(Self { path, is_there: true, file, _dir: dir })
    }

    fn remove(&mut self) -> std::io::Result<()> {
        match std::mem::take(&mut self.is_there) {
            true => std::fs::remove_file(&self.path),
            false => Ok(()),
        }
    }
}

/// A run that fails before the agent starts leaves no file either.
impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.remove();
    }
}

/// A lease that an agent has.
pub(super) struct Lent {
    place: Place,
    ledger: PathBuf,
    rid: String,
}

impl Lent {
    /// Writes the lease to its place.
    ///
    /// # Errors
    /// It cannot be written; it is revoked then.
    pub(super) fn of(
        place: Place,
        lease: &str,
        session: &str,
        intent: &str,
        ledger: &Path,
        rid: String,
    ) -> Result<Self, Failure> {
        let mut lent = Self { place, ledger: ledger.to_owned(), rid };
        let text = ambient::text(lease, session, intent);
        match lent.place.file.write_all(text.as_bytes()).and_then(|()| lent.place.file.sync_all()) {
            Ok(()) => Ok(lent),
            Err(e) => {
                let path = lent.place.path.display().to_string();
                lent.end()?;
                Err(Failure::new(format_args!("cannot write the lease to {path}: {e}")))
            }
        }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.place.path
    }

    /// Revokes the lease and removes its file; the file also where it cannot be revoked.
    ///
    /// # Errors
    /// It cannot be revoked: then it is good until its life ends, for whoever has it.
    pub(super) fn end(self) -> Result<(), Failure> {
        let Self { mut place, ledger, rid } = self;
        let removed = place.remove();
        revoke(&ledger, &rid).map_err(|fault| {
            Failure::new(format_args!("the lease {rid} is not revoked, and good until its life ends: {fault}"))
                .help(format_args!("airlock revoke --ledger {} --rid {rid}", ledger.display()))
        })?;
        removed.map_err(|e| Failure::new(format_args!("{} is not removed: {e}; its lease is revoked", place.path.display())))
    }
}

fn revoke(dir: &Path, rid: &str) -> Result<(), LedgerError> {
    let ledger = Ledger::join(dir, None)?;
    let target = Target::Rid(rid.to_owned());
    let entry = Entry::Revoke(Revoke { target: target.clone(), why: "the agent has ended", by: "operator" });
    match ledger.record_if(&entry, Sync::Durable, vec![Require::Clock, Require::Revocable(target)]).wait() {
        Ok(_) | Err(LedgerError::Unmet(Unmet::AlreadyRevoked)) => ledger.shutdown(),
        Err(fault) => Err(fault),
    }
}
