//! `airlock build --watch`: waits for the manifest to change.

use crate::render::{Failure, Outcome, note};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use std::ffi::OsStr;
use std::fs;
use std::mem::MaybeUninit;
use std::path::Path;

/// Bytes for events that are read at once; one has at most 16 and the name of a file (255).
const EVENTS: usize = 4096;

/// Does something now, and again whenever the file has another content. It ends with an error, or by a signal.
///
/// The directory is watched rather than the file: editors write a new file and rename it over the old one.
///
/// # Errors
/// The directory cannot be watched.
pub(crate) fn each_change(file: &Path, mut act: impl FnMut()) -> Outcome {
    let dir = file.parent().filter(|dir| *dir != Path::new("")).unwrap_or(Path::new("."));
    let cannot = |e: rustix::io::Errno| Failure::new(format_args!("cannot watch {}: {e}", dir.display()));
    let watcher = inotify::init(CreateFlags::CLOEXEC).map_err(cannot)?;
    // Watched before the first look, so that no change falls between the two.
    let changes = WatchFlags::CLOSE_WRITE | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR;
    inotify::add_watch(&watcher, dir, changes).map_err(cannot)?;
    let name = file.file_name().unwrap_or_default();
    let mut last = fs::read(file).ok();
    act();
    note(format_args!("Waiting for {} to change; Ctrl-C ends.", file.display()));
    let mut space = [MaybeUninit::uninit(); EVENTS];
    let mut events = inotify::Reader::new(&watcher, &mut space);
    loop {
        let event = match events.next() {
            Err(rustix::io::Errno::INTR) => continue,
            other => other.map_err(cannot)?,
        };
        // Without a name the queue ran over: look as if it were this file.
        let is_other = event.file_name().is_some_and(|found| OsStr::new(found.to_str().unwrap_or_default()) != name);
        let now = fs::read(file).ok();
        if is_other || now.is_none() || now == last {
            continue;
        }
        last = now;
        act();
    }
}
