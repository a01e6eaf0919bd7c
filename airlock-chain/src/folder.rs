//! What is done in the directory of a ledger by a name: opening, listing, putting one file in the place of another.
//!
//! All of it is a closed list of [`Order`]s, whose names are made of numbers here, so that a process which may open no path itself can have it
//! done by another one that may do nothing else ([`Clerk`]). Without a clerk (in the command line, and before a gateway is confined) the same
//! functions do it in the process itself.

use super::files::{self, Segment};
use super::place::private;
use rustix::fs::{fstat, fstatvfs};
use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Most segments that one answer names.
pub const LISTED_MAX: usize = 2048;
/// How long ago, by the clock of files, the directory must have changed last for its time to tell the next change, nanoseconds: longer than the
/// step of a file system that keeps microseconds.
const SETTLED: i128 = 1_000_000;
/// The same where it may keep whole milliseconds, in steps of up to ten.
const SETTLED_MILLIS: i128 = 50_000_000;
/// The same where it knows whole seconds alone, in steps of up to two.
const SETTLED_COARSE: i128 = 2_100_000_000;

/// A file of a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Entries from this one on.
    Segment(u64),
    /// What is kept of them.
    Evidence(u64),
    /// The newest signed checkpoint.
    Checkpoint,
    /// Marks of the seal.
    Seals,
    /// Room that is given up when the disk is full.
    Reserve,
    /// What was cut off a segment: its first entry, where it was cut, and the first bytes of the digest of what was cut off.
    Torn(u64, u64, u64),
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Open a file to read.
    Read(Place),
    /// Open a file that only grows.
    Grow(Place),
    /// Make such a file if it is not there yet, and open it.
    Begin(Place),
    /// Make a file empty; it is on disk then.
    Empty(Place),
    /// Cut a file off behind so many bytes.
    Cut(Place, u64),
    /// Open an empty draft, which is to take the place of this file.
    Draft(Place),
    /// Put the draft on disk and in its place.
    Publish,
    /// Name the segments from this entry on.
    List(u64),
    /// Is there a kill file?
    IsKilled,
    /// Put the directory itself on disk.
    Sync,
    /// Has the disk less room than is set aside?
    IsUsedUp,
}

/// What came of it.
#[derive(Debug)]
pub enum Report {
    /// It is done.
    Done,
    /// The file.
    File(File),
    /// The answer to a question.
    Is(bool),
    /// First entries of segments in order, and are there more?
    Segments(Vec<u64>, bool),
}

/// Whoever does it for a process that may not.
pub trait Clerk: fmt::Debug + Send + Sync {
    /// Has it done.
    ///
    /// # Errors
    /// Those of the system, or there is no clerk any more.
    fn ask(&self, order: Order) -> io::Result<Report>;
}

impl Place {
    fn path(self, dir: &Path) -> PathBuf {
        match self {
            Self::Segment(first) => dir.join(files::segment_name(first)),
            Self::Evidence(first) => dir.join(files::EVIDENCE).join(files::segment_name(first)),
            Self::Checkpoint => dir.join(files::CHECKPOINT),
            Self::Seals => dir.join(files::SEALS),
            Self::Reserve => dir.join(files::RESERVE),
            Self::Torn(first, at, digest) => dir.join(files::TORN).join(torn_name(first, at, digest)),
        }
    }
}

/// Name of the file with what was cut off. The digest makes it: the same tail cut twice (a crash during recovery) is the same file.
pub(super) fn torn_name(first: u64, at: u64, digest: u64) -> String {
    format!("{first:020}-{at}-{digest:016x}.bin")
}

/// A directory of a ledger, and who does what is done in it by a name.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
    clerk: Option<Asked>,
}

/// The way to a clerk.
#[derive(Debug, Clone)]
struct Asked {
    clerk: Arc<dyn Clerk>,
    /// The directory, open: its time tells when a kill file may have come or gone, so that the clerk need not be asked with each entry.
    dir: Arc<File>,
    seen: Arc<Mutex<Option<(Stamp, bool)>>>,
}

/// When a directory changed last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: (i128, i128),
    changed: (i128, i128),
}

impl Stamp {
    fn of(dir: &File) -> io::Result<Self> {
        let stat = fstat(dir)?;
        let time = |seconds, nanos| (i128::from(seconds), i128::from(nanos));
        Ok(Self { modified: time(stat.st_mtime, stat.st_mtime_nsec), changed: time(stat.st_ctime, stat.st_ctime_nsec) })
    }

    /// Would a change from `now` on show as another time? `now`: the clock of files, nanoseconds, as it was before this time was read.
    fn is_settled(self, now: i128) -> bool {
        let (seconds, nanos) = self.modified.max(self.changed);
        let needed = match nanos {
            0 => SETTLED_COARSE,
            nanos if nanos % 1_000_000 == 0 => SETTLED_MILLIS,
            _ => SETTLED,
        };
        now - (seconds * NANOS + nanos) >= needed
    }
}

/// Nanoseconds of a second.
const NANOS: i128 = 1_000_000_000;

/// The clock that the kernel writes into files, nanoseconds. It stands still between two ticks, some milliseconds, so that changes within one tick have
/// one time; what comes after it was read has a time that is not before it.
fn clock_of_files() -> i128 {
    #[cfg(target_os = "linux")]
    {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
        i128::from(now.tv_sec) * NANOS + i128::from(now.tv_nsec)
    }
    // Behind any such clock that there may be.
    #[cfg(not(target_os = "linux"))]
    {
        i128::from(airlock_core::clock::Micros::now().0) * 1000 - SETTLED_MILLIS
    }
}

impl<P: AsRef<Path> + ?Sized> From<&P> for Folder {
    fn from(path: &P) -> Self {
        Self { path: path.as_ref().to_owned(), clerk: None }
    }
}

impl From<&Folder> for Folder {
    fn from(folder: &Self) -> Self {
        folder.clone()
    }
}

impl Folder {
    /// The same directory, in which everything is done by this clerk.
    ///
    /// # Errors
    /// The directory cannot be opened.
    #[cfg(any(test, feature = "gateway"))]
    pub(crate) fn with(&self, clerk: Arc<dyn Clerk>) -> io::Result<Self> {
        let dir = Arc::new(files::open_dir(&self.path)?);
        // How that clock is read is found out once, while the process may still look.
        let _ = clock_of_files();
        Ok(Self { path: self.path.clone(), clerk: Some(Asked { clerk, dir, seen: Arc::default() }) })
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn ask(&self, order: Order) -> io::Result<Report> {
        match &self.clerk {
            Some(asked) => asked.clerk.ask(order),
            None => perform(&self.path, order),
        }
    }

    fn file(&self, order: Order) -> io::Result<File> {
        match self.ask(order)? {
            Report::File(file) => Ok(file),
            Report::Done | Report::Is(_) | Report::Segments(..) => Err(strange()),
        }
    }

    fn done(&self, order: Order) -> io::Result<()> {
        match self.ask(order)? {
            Report::Done => Ok(()),
            Report::File(_) | Report::Is(_) | Report::Segments(..) => Err(strange()),
        }
    }

    fn is(&self, order: Order) -> io::Result<bool> {
        match self.ask(order)? {
            Report::Is(is) => Ok(is),
            Report::Done | Report::File(_) | Report::Segments(..) => Err(strange()),
        }
    }

    /// Opens a file to read.
    pub(super) fn read(&self, place: Place) -> io::Result<File> {
        self.file(Order::Read(place))
    }

    /// Opens a file that only grows; makes it if it may.
    pub(super) fn grow(&self, place: Place, make: bool) -> io::Result<File> {
        self.file(if make { Order::Begin(place) } else { Order::Grow(place) })
    }

    /// Makes a file empty; it is on disk then.
    pub(super) fn empty(&self, place: Place) -> io::Result<()> {
        self.done(Order::Empty(place))
    }

    /// Cuts a file off behind so many bytes.
    pub(super) fn cut(&self, place: Place, length: u64) -> io::Result<()> {
        self.done(Order::Cut(place, length))
    }

    /// Puts the directory itself on disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.done(Order::Sync)
    }

    /// Has the disk less room than is set aside?
    pub(super) fn is_used_up(&self) -> bool {
        self.is(Order::IsUsedUp).unwrap_or(false)
    }

    /// Writes a whole private file so that after a crash it is there with all its bytes or not at all. The lock is held.
    pub(super) fn write(&self, place: Place, bytes: &[u8]) -> io::Result<()> {
        match &self.clerk {
            None => {
                let mut draft = Draft::begin(place.path(&self.path))?;
                draft.file.write_all(bytes)?;
                draft.publish()
            }
            Some(_) => {
                self.file(Order::Draft(place))?.write_all(bytes)?;
                self.done(Order::Publish)
            }
        }
    }

    /// The segments in order.
    pub(super) fn segments(&self) -> io::Result<Vec<Segment>> {
        if self.clerk.is_none() {
            return files::segments(&self.path);
        }
        let (mut found, mut from) = (Vec::new(), 0);
        loop {
            let Report::Segments(firsts, more) = self.ask(Order::List(from))? else { return Err(strange()) };
            let last = firsts.last().copied();
            found.extend(firsts.into_iter().map(|first| Segment { first, path: Place::Segment(first).path(&self.path) }));
            match last.and_then(|last| last.checked_add(1)) {
                Some(next) if more && next > from => from = next,
                Some(_) | None => return Ok(found),
            }
        }
    }

    /// Is there a kill file? Whatever lies there counts, and so does a fault of looking.
    pub(super) fn is_killed(&self) -> io::Result<bool> {
        let Some(Asked { dir, seen, .. }) = &self.clerk else { return self.is(Order::IsKilled) };
        let now = clock_of_files();
        let stamp = Stamp::of(dir)?;
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, killed)) = seen.filter(|(before, _)| *before == stamp) {
            return Ok(killed);
        }
        // The time was read before the clerk looks: what comes in between has another one.
        let killed = self.is(Order::IsKilled)?;
        *seen = stamp.is_settled(now).then_some((stamp, killed));
        Ok(killed)
    }
}

fn strange() -> io::Error {
    io::Error::other("the gateway's clerk says what no clerk says")
}

/// A file that is to take the place of another one.
#[derive(Debug)]
pub struct Draft {
    /// The file that will stand there.
    pub file: File,
    draft: PathBuf,
    path: PathBuf,
}

impl Draft {
    /// Opens it, empty.
    pub(super) fn begin(path: PathBuf) -> io::Result<Self> {
        let draft = path.with_extension("draft");
        let file = private().write().create().truncate().open(&draft)?;
        Ok(Self { file, draft, path })
    }

    /// Opens one for a place in this directory.
    ///
    /// # Errors
    /// Those of the system; or nothing of the kind is ever put in the place of that file.
    #[cfg(any(test, feature = "gateway"))]
    pub fn at(dir: &Path, place: Place) -> io::Result<Self> {
        match place {
            Place::Checkpoint | Place::Torn(..) => Self::begin(place.path(dir)),
            Place::Segment(_) | Place::Evidence(_) | Place::Seals | Place::Reserve => Err(refused()),
        }
    }

    /// Puts it on disk and in its place, in this order.
    ///
    /// # Errors
    /// Those of the system.
    pub fn publish(self) -> io::Result<()> {
        let Self { file, draft, path } = self;
        file.sync_all()?;
        std::fs::rename(&draft, &path)?;
        // A name without a directory before it lies in the working directory.
        let above = path.parent().filter(|above| *above != Path::new("")).unwrap_or(Path::new("."));
        files::open_dir(above)?.sync_all()
    }
}

/// Does what is ordered in this directory; but for drafts, which stay open from one order to the next.
///
/// # Errors
/// Those of the system; or it is an order that no ledger gives.
pub fn perform(dir: &Path, order: Order) -> io::Result<Report> {
    match order {
        Order::Read(place @ (Place::Segment(_) | Place::Evidence(_) | Place::Checkpoint)) => {
            files::open(&place.path(dir)).map(Report::File)
        }
        Order::Grow(place @ (Place::Segment(_) | Place::Evidence(_))) => grow(&place.path(dir), false),
        Order::Begin(place @ (Place::Segment(_) | Place::Evidence(_))) => grow(&place.path(dir), true),
        Order::Begin(place @ Place::Seals) => private().append().create().open(&place.path(dir)).map(Report::File),
        Order::Empty(place @ (Place::Evidence(_) | Place::Reserve)) => {
            let file = private().write().create().truncate().open(&place.path(dir))?;
            file.sync_data().map(|()| Report::Done)
        }
        Order::Cut(place @ (Place::Segment(_) | Place::Evidence(_)), length) => {
            // Also who takes a clerk over changes no line in place.
            let file = private().append().open(&place.path(dir))?;
            // It never makes a file longer.
            if files::size(&file)? > length {
                file.set_len(length)?;
            }
            Ok(Report::Done)
        }
        Order::List(from) => {
            let mut firsts: Vec<u64> =
                files::segments(dir)?.into_iter().map(|segment| segment.first).filter(|first| *first >= from).collect();
            let more = firsts.len() > LISTED_MAX;
            firsts.truncate(LISTED_MAX);
            Ok(Report::Segments(firsts, more))
        }
        Order::IsKilled => {
            let seen = dir.join(files::KILL).symlink_metadata();
            Ok(Report::Is(!seen.is_err_and(|error| error.kind() == ErrorKind::NotFound)))
        }
        Order::Sync => files::open_dir(dir)?.sync_all().map(|()| Report::Done),
        Order::IsUsedUp => {
            let disk = fstatvfs(files::open_dir(dir)?)?;
            Ok(Report::Is(disk.f_bavail.saturating_mul(disk.f_frsize) < super::room::RESERVE))
        }
        Order::Read(_)
        | Order::Grow(_)
        | Order::Begin(_)
        | Order::Empty(_)
        | Order::Cut(..)
        | Order::Draft(_)
        | Order::Publish => Err(refused()),
    }
}

fn grow(path: &Path, make: bool) -> io::Result<Report> {
    private().read().append().create_if(make).open(path).map(Report::File)
}

fn refused() -> io::Error {
    io::Error::from_raw_os_error(rustix::io::Errno::INVAL.raw_os_error())
}

#[cfg(test)]
mod tests;
