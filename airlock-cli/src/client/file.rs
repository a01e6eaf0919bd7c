//! The file of a client: read whole, replaced whole, with what it was before beside it.

use crate::render::Failure;
use crate::shown;
use airlock_runtime::clock::Micros;
use rustix::fs::OFlags;
use sha2::{Digest, Sha256};
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Largest file that is read, in bytes. Claude Code keeps its whole state in the file with its servers: some MiB.
const SIZE_MAX: u64 = 64 * 1024 * 1024;
/// Mode of a file that is made: paths of a user are nobody else's business.
const MODE: u32 = 0o600;
/// What some editors put before the text.
const BOM: &str = "\u{feff}";
/// Hex digits of the digest in the name of a backup: it tells changes by accident, it is no proof.
const DIGEST_DIGITS: usize = 16;
/// Between the name of a file and what its backups add.
const MARK: &str = ".airlock-";
/// End of the name of a backup: what the file was.
const KEPT: &str = ".bak";
/// End of the name of a backup that says that there was no file.
const NONE: &str = ".none";

/// A file as it was read.
#[derive(Debug)]
pub(crate) struct ConfigFile {
    /// As it was named.
    pub(crate) path: PathBuf,
    /// Where it really is, when `path` is a link.
    target: PathBuf,
    /// Its bytes; nothing if there is no file.
    bytes: Option<Vec<u8>>,
    mode: u32,
    has_bom: bool,
    /// Its text without a byte order mark.
    pub(crate) text: String,
}

impl ConfigFile {
    /// Reads a file; one that is not there is empty.
    ///
    /// # Errors
    /// It is no file of text, too large, or somebody else's; or it cannot be read.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let cannot = |e: std::io::Error| Failure::new(format_args!("cannot read {}: {e}", shown::path(path)));
        let target = resolved(path).map_err(cannot)?;
        let (bytes, mode) = match fs::metadata(&target) {
            Err(e) if e.kind() == ErrorKind::NotFound => (None, MODE),
            Err(e) => return Err(cannot(e)),
            Ok(metadata) if !metadata.is_file() => return Err(Failure::new(format_args!("{} is not a file", shown::path(path)))),
            Ok(metadata) if metadata.len() > SIZE_MAX => {
                return Err(Failure::new(format_args!("{} is larger than {SIZE_MAX} bytes", shown::path(path))));
            }
            Ok(metadata) => {
                let mut bytes = Vec::new();
                fs::File::open(&target).and_then(|file| file.take(SIZE_MAX).read_to_end(&mut bytes)).map_err(cannot)?;
                (Some(bytes), metadata.mode() & 0o7777)
            }
        };
        let text = String::from_utf8(bytes.clone().unwrap_or_default())
            .map_err(|_| Failure::new(format_args!("{} is not UTF-8; nothing was written", shown::path(path))))?;
        let stripped = text.strip_prefix(BOM);
        let (has_bom, text) = (stripped.is_some(), stripped.unwrap_or(&text).to_owned());
        Ok(Self { path: path.to_owned(), target, bytes, mode, has_bom, text })
    }

    /// Whether there is a file.
    pub(crate) const fn exists(&self) -> bool {
        self.bytes.is_some()
    }

    /// Refuses a file that this user should not replace, before anything is asked or shown.
    ///
    /// # Errors
    /// It is read-only, or somebody else's.
    pub(crate) fn demand_writable(&self) -> Result<(), Failure> {
        if self.bytes.is_none() {
            return Ok(());
        }
        let metadata =
            fs::metadata(&self.target).map_err(|e| Failure::new(format_args!("cannot read {}: {e}", shown::path(&self.path))))?;
        if metadata.permissions().readonly() {
            return Err(Failure::new(format_args!("{} is read-only; nothing was written", shown::path(&self.path)))
                .help(format_args!("`chmod u+w {}`, if it is meant to be changed", shown::path(&self.target))));
        }
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            let problem = format!("{} belongs to another user; nothing was written", shown::path(&self.path));
            return Err(Failure::new(problem).help("run this as the user of the client"));
        }
        Ok(())
    }

    /// Replaces the text, after what it was has been kept beside it. Gives the path of what was kept.
    ///
    /// # Errors
    /// The file has changed since it was read, or a file operation failed; then the file is as it was.
    pub(crate) fn write(&self, text: &str) -> Result<PathBuf, Failure> {
        let new = [if self.has_bom { BOM } else { "" }, text].concat().into_bytes();
        self.demand_unchanged()?;
        let cannot = |e: std::io::Error| {
            Failure::new(format_args!("cannot write {}: {e}; it is as it was", shown::path(&self.path)))
                .help("look at the permissions of its directory")
        };
        self.target.parent().map(fs::create_dir_all).transpose().map_err(cannot)?;
        let backup = self.keep(&new).map_err(cannot)?;
        replace(&self.target, &new, self.mode).inspect_err(|_| drop(fs::remove_file(&backup))).map_err(cannot)?;
        Ok(backup)
    }

    fn demand_unchanged(&self) -> Result<(), Failure> {
        let now = match fs::read(&self.target) {
            Ok(bytes) => Some(bytes),
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            Err(e) => return Err(Failure::new(format_args!("cannot read {}: {e}", shown::path(&self.path)))),
        };
        match now == self.bytes {
            true => Ok(()),
            false => Err(Failure::new(format_args!("{} has changed meanwhile; nothing was written", shown::path(&self.path)))
                .help("close the client, and run the command again")),
        }
    }

    /// Writes what the file is now beside it. The name says of which change it is the opposite.
    fn keep(&self, new: &[u8]) -> std::io::Result<PathBuf> {
        let stamp: String = Micros::now().rfc3339().chars().filter(|c| !matches!(c, '-' | ':')).collect();
        let (bytes, end) = self.bytes.as_deref().map_or((&[][..], NONE), |bytes| (bytes, KEPT));
        let mut name = self.target.file_name().unwrap_or_default().to_owned();
        name.push(format!("{MARK}{stamp}-{}{end}", digest(new)));
        let path = self.target.with_file_name(name);
        // Never wider than the file was, nor for others: it holds what the file held. A name that is there already, a link too, is an error.
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(self.mode & MODE).open(&path)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        written.inspect_err(|_| drop(fs::remove_file(&path)))?;
        Ok(path)
    }

    /// What the file was before its changes, newest first. A link, or what another user put there, is none of them.
    pub(crate) fn backups(&self) -> Vec<Backup> {
        let name = self.target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let entries = self.target.parent().and_then(|dir| fs::read_dir(dir).ok()).into_iter().flatten().flatten();
        let mut found: Vec<Backup> = entries.filter_map(|entry| Backup::of(&name, entry.path())).collect();
        found.sort_by(|a, b| b.path.cmp(&a.path));
        found
    }

    /// The backup of the change that made the file what it is; with `force` the newest, whatever the file is now.
    ///
    /// # Errors
    /// There is none, or the file has changed since.
    pub(crate) fn undo(&self, force: bool) -> Result<Backup, Failure> {
        let mut all = self.backups();
        let now = self.bytes.as_deref().map(digest);
        let right = all.iter().position(|backup| now.as_ref().is_some_and(|now| *now == backup.made));
        match (right.or(force.then_some(0)), all.first()) {
            (_, None) => Err(Failure::new(format_args!("there is no change of {} to take back", shown::path(&self.path)))
                .help("what a file was stands beside it, in a file of yours whose name ends with .bak or .none")),
            (Some(at), Some(_)) => Ok(all.swap_remove(at)),
            (None, Some(newest)) => {
                let path = shown::path(&self.path);
                Err(Failure::no(format_args!("{path} was changed after airlock had changed it; nothing was written")).help(format_args!(
                    "`airlock client remove` takes a server out and keeps the rest; `--force` puts {} in the place of the file as it is",
                    shown::path(&newest.path)
                )))
            }
        }
    }

    /// Puts back what the file was, byte for byte, and removes the backup from beside the file.
    ///
    /// # Errors
    /// The file has changed since it was read, or a file operation failed.
    pub(crate) fn roll_back(&self, backup: &Backup, old: Option<&[u8]>) -> Result<(), Failure> {
        let cannot = |e: std::io::Error| Failure::new(format_args!("cannot restore {}: {e}", shown::path(&self.path)));
        self.demand_unchanged()?;
        match old {
            Some(old) => replace(&self.target, old, self.mode).map_err(cannot)?,
            None if self.exists() => fs::remove_file(&self.target).map_err(cannot)?,
            None => {}
        }
        fs::remove_file(&backup.path).map_err(cannot)
    }
}

/// What a file was before a change.
#[derive(Debug)]
pub(crate) struct Backup {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Digest of what the change made of it.
    made: String,
    /// Whether there was a file.
    is_file: bool,
}

impl Backup {
    fn of(name: &str, path: PathBuf) -> Option<Self> {
        let rest = path.file_name()?.to_str()?.strip_prefix(name)?.strip_prefix(MARK)?.to_owned();
        let (rest, is_file) = match rest.strip_suffix(KEPT) {
            Some(rest) => (rest, true),
            None => (rest.strip_suffix(NONE)?, false),
        };
        let (_, made) = rest.rsplit_once('-')?;
        let is_right = made.len() == DIGEST_DIGITS && made.bytes().all(|b| b.is_ascii_hexdigit());
        let metadata = fs::symlink_metadata(&path).ok()?;
        let is_mine = metadata.is_file() && metadata.uid() == rustix::process::geteuid().as_raw();
        (is_right && is_mine).then(|| Self { made: made.to_owned(), is_file, path: path.clone() })
    }

    /// What the file was; nothing if there was none.
    ///
    /// # Errors
    /// The backup is not a file any more, or cannot be read.
    pub(crate) fn read(&self) -> Result<Option<Vec<u8>>, Failure> {
        if !self.is_file {
            return Ok(None);
        }
        let cannot = |e: std::io::Error| Failure::new(format_args!("cannot read {}: {e}", shown::path(&self.path)));
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(&self.path).map_err(cannot)?;
        let mut bytes = Vec::new();
        let read = file.metadata().and_then(|metadata| match metadata.is_file() {
            true => (&file).take(SIZE_MAX).read_to_end(&mut bytes),
            false => Err(std::io::Error::other("it is not a file")),
        });
        read.map_err(cannot).map(|_| Some(bytes))
    }
}

/// Follows links to the end, also to a file that is not there yet.
fn resolved(path: &Path) -> std::io::Result<PathBuf> {
    let full = std::path::absolute(path)?;
    match fs::canonicalize(&full) {
        Ok(target) => Ok(target),
        Err(e) if e.kind() == ErrorKind::NotFound => match fs::read_link(&full) {
            // A link to nothing: writing would replace the link.
            Ok(_) => Err(std::io::Error::new(ErrorKind::NotFound, "it is a link to a file that is not there")),
            Err(_) => Ok(full),
        },
        Err(e) => Err(e),
    }
}

fn digest(bytes: &[u8]) -> String {
    airlock_policy::digest::hex(&Sha256::digest(bytes).into()).chars().take(DIGEST_DIGITS).collect()
}

/// Gives a file this content at one moment: whoever reads it sees the old or the new one.
fn replace(path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    let dir = path.parent().ok_or_else(|| std::io::Error::new(ErrorKind::InvalidInput, "it has no directory"))?;
    let mut file = tempfile::Builder::new().prefix(".airlock-").tempfile_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}
