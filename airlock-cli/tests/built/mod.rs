//! What the tests of built gateways share: one cache, one manifest, and a reader of notes that is not the program's own.
#![allow(clippy::expect_used, dead_code)] // In a test a panic is the report; not every test program uses everything.

use object::{Object, ObjectSection};
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

/// One test at a time uses the cache: some of them take things away from it.
static CACHE: Mutex<()> = Mutex::new(());

pub(crate) fn lock() -> MutexGuard<'static, ()> {
    CACHE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

pub(crate) fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("airlock-cache")
}

/// A manifest without network, so that its gateway compiles quickly; `why` tells two of them apart.
pub(crate) fn manifest(why: &str) -> String {
    include_str!("../../../templates/new/locked.toml").replace("{name}", "gate").replace("a gateway has at least one tool", why)
}

pub(crate) fn airlock(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_airlock"));
    command.args(arguments).current_dir(dir).env("AIRLOCK_CACHE", cache()).env_remove("AIRLOCK_VENDOR");
    command
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The JSON of a build that must succeed.
pub(crate) fn report(output: &Output) -> Value {
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON value")
}

pub(crate) fn build(dir: &Path, manifest: &Path, target: &Path) -> Value {
    let paths = [manifest, target].map(|path| path.to_str().expect("UTF-8"));
    report(&airlock(dir, &["build", paths[0], "-o", paths[1], "--format", "json", "--offline"]).output().expect("runs"))
}

/// The digest in a gateway's note, read with other code than the program's.
pub(crate) fn note(gateway: &Path) -> String {
    let bytes = fs::read(gateway).expect("readable");
    let file = object::File::parse(&*bytes).expect("an object file");
    let section = file.section_by_name(".note.airlock.policy").expect("the note").data().expect("data");
    assert_eq!(section.len(), 4 * 3 + 8 + 32);
    section[20..].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every file below gets the time that a checkout from an archive might have.
pub(crate) fn age(dir: &Path) {
    set_times(dir, SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000));
}

/// Every file below gets this time.
pub(crate) fn set_times(dir: &Path, time: SystemTime) {
    for entry in fs::read_dir(dir).expect("listing").map(|entry| entry.expect("entry").path()) {
        if entry.is_symlink() {
            // The sources of Airlock, which have an old time already.
            continue;
        }
        if entry.is_dir() {
            set_times(&entry, time);
        } else {
            File::open(&entry).and_then(|file| file.set_modified(time)).expect("time set");
        }
    }
}

/// Takes every gateway's own compiled unit out of the cache, so that the next build has to compile it.
pub(crate) fn forget(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().map(|entry| entry.expect("entry").path()) {
        let is_unit = entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with("gateway"));
        match (entry.is_dir(), is_unit) {
            (true, true) => fs::remove_dir_all(&entry).expect("removed"),
            (true, false) => forget(&entry),
            (false, true) => fs::remove_file(&entry).expect("removed"),
            (false, false) => {}
        }
    }
}
