//! What happens to a build from outside: it is killed, meets another one, or the disk is full. Afterwards the cache works.
#![allow(clippy::expect_used)] // In a test a panic is the report; clippy sees only functions marked as tests.

mod built;

use built::{airlock, build, cache, lock, manifest, note, report, set_times, text};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

const BUILD: [&str; 4] = ["build", "--format", "json", "--offline"];

#[test]
fn two_builds_at_once_give_each_its_own_gateway() {
    let _lock = lock();
    let dirs = ["one", "two", "three"].map(|why| {
        let dir = tempfile::tempdir().expect("directory");
        fs::write(dir.path().join("airlock.toml"), manifest(why)).expect("written");
        dir
    });
    let start = |dir: &tempfile::TempDir| {
        let mut command = airlock(dir.path(), &BUILD);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs")
    };
    let running: Vec<_> = dirs.iter().map(start).collect();
    let reports: Vec<_> = running.into_iter().map(|child| report(&child.wait_with_output().expect("ends"))).collect();
    for (dir, report) in dirs.iter().zip(&reports) {
        assert_eq!(report["policy_digest"], note(&dir.path().join("gate")), "the gateway of another manifest");
        // The same again, alone.
        let again = build(dir.path(), &dir.path().join("airlock.toml"), &dir.path().join("again"));
        assert_eq!(report["sha256"], again["sha256"]);
    }
}

#[test]
fn a_killed_build_leaves_nothing_and_the_next_one_works() {
    let _lock = lock();
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("airlock.toml");
    fs::write(&path, manifest("killed")).expect("written");
    let mut child = airlock(dir.path(), &BUILD).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("runs");
    // The first line of progress: cargo is at work.
    let mut line = String::new();
    BufReader::new(child.stderr.take().expect("a pipe")).read_line(&mut line).expect("a line");
    assert!(line.starts_with("Compiling "), "{line}");
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert_eq!(fs::read_dir(dir.path()).expect("listing").count(), 1, "half a gateway stays");
    let built = build(dir.path(), &path, &dir.path().join("gate"));
    assert_eq!(built["policy_digest"], note(&dir.path().join("gate")));
    assert_eq!(fs::read_dir(cache().join("out")).expect("listing").count(), 0, "what the killed build left is swept");
}

/// The files by which cargo keeps two builds apart.
fn locks(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("listing").map(|entry| entry.expect("entry").path()) {
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match entry.is_dir() {
            // What is deeper are compiled libraries.
            true if entry.components().count() - cache().components().count() < 5 => locks(&entry, found),
            false if name.starts_with(".cargo-") && name.ends_with("lock") => found.push(entry),
            true | false => {}
        }
    }
}

#[test]
fn a_build_that_waits_says_for_whom() {
    let _lock = lock();
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("airlock.toml");
    fs::write(&path, manifest("patient")).expect("written");
    build(dir.path(), &path, &dir.path().join("gate"));
    let mut found = Vec::new();
    locks(&cache().join("build"), &mut found);
    assert!(!found.is_empty(), "cargo locks its build directory");
    let held: Vec<File> = found.iter().map(|path| File::open(path).expect("open")).collect();
    held.iter().for_each(|file| file.lock().expect("locked"));
    // This process stands for the other build.
    let other = cache().join("out").join(format!("other.{}", std::process::id()));
    fs::create_dir(&other).expect("made");

    fs::write(&path, manifest("waiting")).expect("written");
    let mut child = airlock(dir.path(), &BUILD).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut line = String::new();
    stderr.read_line(&mut line).expect("a line");
    assert_eq!(line, format!("Waiting for another build in this cache (process {}) to end …\n", std::process::id()));
    drop(held);
    stderr.read_to_string(&mut line).expect("the rest");
    let output = child.wait_with_output().expect("ends");
    fs::remove_dir(&other).expect("removed");
    assert_eq!(report(&output)["policy_digest"], note(&dir.path().join("gate")));
}

/// The cache with one ordinary time for everything when it goes: tests of other programs build in it, and results from the future would make
/// each of them compile the runtime again.
struct Times;

impl Drop for Times {
    fn drop(&mut self) {
        built::age(&cache().join("ws"));
        set_times(&cache().join("build"), SystemTime::now());
    }
}

/// A checkout, an archive or a copy may give every file of the cache any time: it costs a compilation, never the right gateway.
#[test]
fn times_of_files_do_not_decide_what_is_built() {
    let _lock = lock();
    let dir = tempfile::tempdir().expect("directory");
    let (path, target) = (dir.path().join("airlock.toml"), dir.path().join("gate"));
    fs::write(&path, manifest("times")).expect("written");
    let first = build(dir.path(), &path, &target);
    let _times = Times;
    let days = |days: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(days * 24 * 60 * 60);
    // 1970 for all; the far future for all; and results that are newer than everything they were made from.
    for (crates, results) in [(days(1), days(1)), (days(60_000), days(60_000)), (days(1), days(60_000))] {
        set_times(&cache().join("build"), results);
        for (why, same) in [("other times", false), ("times", true)] {
            set_times(&cache().join("ws"), crates);
            fs::write(&path, manifest(why)).expect("written");
            let built = build(dir.path(), &path, &target);
            assert_eq!(built["policy_digest"], note(&target), "the gateway of another manifest");
            assert_eq!(built["sha256"] == first["sha256"], same, "{why}");
        }
    }
}

/// Runs the program in a file system view of its own, which takes the right to mount: the superuser's, or that of a user's own namespace.
fn with_mounts(dir: &Path, script: &str) -> Output {
    Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .arg(env!("CARGO_BIN_EXE_airlock"))
        .current_dir(dir)
        .env("CACHE", cache())
        .output()
        .expect("unshare runs")
}

#[test]
fn a_cache_that_cannot_be_written_is_said() {
    let _lock = lock();
    let dir = tempfile::tempdir().expect("directory");
    fs::write(dir.path().join("airlock.toml"), manifest("read-only")).expect("written");
    build(dir.path(), &dir.path().join("airlock.toml"), &dir.path().join("first"));
    let script = "mount --bind \"$CACHE\" \"$CACHE\" && mount -o remount,bind,ro \"$CACHE\" && \
                  exec \"$0\" build --offline --cache-dir \"$CACHE\"";
    let output = with_mounts(dir.path(), script);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("Read-only file system") && said.contains("--cache-dir"), "{said}");
    assert!(!dir.path().join("gate").exists());
    build(dir.path(), &dir.path().join("airlock.toml"), &dir.path().join("gate"));
}

#[test]
fn a_full_disk_is_said_and_nothing_is_written() {
    let dir = tempfile::tempdir().expect("directory");
    fs::write(dir.path().join("airlock.toml"), manifest("full")).expect("written");
    fs::create_dir(dir.path().join("small")).expect("made");
    let script = "mount -t tmpfs -o size=8m,mode=0700 none small && exec \"$0\" build --offline --cache-dir small";
    let output = with_mounts(dir.path(), script);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("No space left on device") && said.contains("make room"), "{said}");
    assert!(!dir.path().join("gate").exists());
}
