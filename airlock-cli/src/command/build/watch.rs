//! `airlock build --watch`: waits for the manifest, or a file that it names, to change.

use crate::render::{Failure, Outcome, note};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use std::collections::BTreeMap;
use std::fs;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};

/// Bytes for events that are read at once; one has at most 16 and the name of a file (255).
const EVENTS: usize = 4096;

/// Does something now, and again whenever one of the files has another content: `file`, and those that `named` finds in it. It ends with an
/// error, or by a signal.
///
/// Directories are watched rather than files: editors write a new file and rename it over the old one.
///
/// # Errors
/// The directory of `file` cannot be watched.
pub(crate) fn each_change(file: &Path, named: impl Fn() -> Vec<PathBuf>, mut act: impl FnMut()) -> Outcome {
    let cannot = |e: rustix::io::Errno| Failure::new(format_args!("cannot watch {}: {e}", parent(file).display()));
    let watcher = inotify::init(CreateFlags::CLOEXEC).map_err(cannot)?;
    let watch = |file: &Path| {
        let changes = WatchFlags::CLOSE_WRITE | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR;
        inotify::add_watch(&watcher, parent(file), changes).map(|_| ())
    };
    watch(file).map_err(cannot)?;
    let look = || {
        // Watched before it is looked at, so that no change falls between the two. A file that is not there yet may have no directory.
        let files = named().into_iter().chain([file.to_owned()]);
        let files = files.inspect(|file| {
            let _ = watch(file);
        });
        files.map(|file| (fs::read(&file).ok(), file)).map(|(text, file)| (file, text)).collect::<BTreeMap<_, _>>()
    };
    let mut last = look();
    act();
    note(format_args!("Waiting for {} to change; Ctrl-C ends.", file.display()));
    let mut space = [MaybeUninit::uninit(); EVENTS];
    let mut events = inotify::Reader::new(&watcher, &mut space);
    loop {
        let event = match events.next() {
            Err(rustix::io::Errno::INTR) => continue,
            other => other.map_err(cannot)?,
        };
        // Without a name the queue ran over: look as if it were one of these files.
        let is_ours = |found: &std::ffi::CStr| {
            let found = found.to_str().unwrap_or_default();
            last.keys().any(|file| file.file_name().is_some_and(|name| name == found))
        };
        if event.file_name().is_some_and(|found| !is_ours(found)) {
            continue;
        }
        let now = look();
        if now == last || now.get(file).is_none_or(Option::is_none) {
            continue;
        }
        last = now;
        act();
    }
}

fn parent(file: &Path) -> &Path {
    file.parent().filter(|dir| *dir != Path::new("")).unwrap_or(Path::new("."))
}
