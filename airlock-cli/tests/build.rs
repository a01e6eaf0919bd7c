//! `airlock build` with the real compiler. The first run on a machine compiles the runtime (about a minute); the cache is kept
//! in cargo's directory for tests.
#![allow(clippy::expect_used)] // In a test a panic is the report; clippy sees only functions marked as tests.

use object::{Object, ObjectSection};
use serde_json::Value;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

/// One test at a time uses the cache: some of them take things away from it.
static CACHE: Mutex<()> = Mutex::new(());

fn lock() -> MutexGuard<'static, ()> {
    CACHE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("airlock-cache")
}

/// A manifest without network, so that its gateway compiles quickly; `why` tells two of them apart.
fn manifest(why: &str) -> String {
    include_str!("../../templates/new/audit.toml").replace("{name}", "gate").replace("count calls and denials", why)
}

fn airlock(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_airlock"));
    command.args(arguments).current_dir(dir).env("AIRLOCK_CACHE", cache()).env_remove("AIRLOCK_SOURCE");
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The JSON of a build that must succeed.
fn report(output: &Output) -> Value {
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON value")
}

fn build(dir: &Path, manifest: &Path, target: &Path) -> Value {
    let paths = [manifest, target].map(|path| path.to_str().expect("UTF-8"));
    report(&airlock(dir, &["build", paths[0], "-o", paths[1], "--format", "json", "--offline"]).output().expect("runs"))
}

/// The digest in a gateway's note, read with other code than the program's.
fn note(gateway: &Path) -> String {
    let bytes = fs::read(gateway).expect("readable");
    let file = object::File::parse(&*bytes).expect("an object file");
    let section = file.section_by_name(".note.airlock.policy").expect("the note").data().expect("data");
    assert_eq!(section.len(), 4 * 3 + 8 + 32);
    section[20..].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every file below gets the time that a checkout from an archive might have.
fn age(dir: &Path) {
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for entry in fs::read_dir(dir).expect("listing").map(|entry| entry.expect("entry").path()) {
        if entry.is_dir() {
            age(&entry);
        } else {
            File::options().append(true).open(&entry).and_then(|file| file.set_modified(old)).expect("time set");
        }
    }
}

/// Takes every gateway's own compiled unit out of the cache, so that the next build has to compile it.
fn forget(dir: &Path) {
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

#[test]
fn each_manifest_gets_its_own_gateway_whatever_the_times_of_files_say() {
    let _lock = lock();
    let dir = tempfile::tempdir().expect("directory");
    let [a, b, c] = ["a", "b", "c"].map(|name| {
        let path = dir.path().join(format!("{name}.toml"));
        fs::write(&path, manifest(name)).expect("written");
        path
    });
    let target = dir.path().join("gate");
    let mut seen = Vec::new();
    for path in [&a, &b, &a, &c, &a] {
        age(dir.path().join("gate").parent().expect("directory"));
        age(&cache().join("ws"));
        let built = build(dir.path(), path, &target);
        assert_eq!(built["policy_digest"], note(&target), "the gateway of another manifest");
        seen.push((built["policy_digest"].clone(), built["sha256"].clone()));
    }
    assert_eq!(seen[0], seen[2], "the same manifest gives the same bytes");
    assert_eq!(seen[0], seen[4]);
    assert!(seen[0] != seen[1] && seen[0] != seen[3] && seen[1] != seen[3], "{seen:?}");
}

#[test]
fn surroundings_do_not_change_a_byte() {
    let _lock = lock();
    let dir = tempfile::tempdir().expect("directory");
    let (path, target) = (dir.path().join("airlock.toml"), dir.path().join("gate"));
    fs::write(&path, manifest("surroundings")).expect("written");
    forget(&cache().join("build"));
    let plain = build(dir.path(), &path, &target);

    let elsewhere = tempfile::tempdir().expect("directory");
    fs::create_dir(elsewhere.path().join(".cargo")).expect("made");
    // Each of the two tables alone changes or breaks a build that reads this file.
    let config = "[env]\nAIRLOCK_POLICY_DIGEST = { value = \"00\", force = true }\n[profile.release]\nstrip = false\n";
    fs::write(elsewhere.path().join(".cargo/config.toml"), config).expect("written");
    fs::write(elsewhere.path().join("airlock.toml"), format!("# moved\n\n{}", manifest("surroundings"))).expect("written");
    forget(&cache().join("build"));
    let output = airlock(elsewhere.path(), &["build", "--format", "json", "--offline"])
        .env("RUSTFLAGS", "-Cdebuginfo=2 -Copt-level=0")
        .env("CARGO_ENCODED_RUSTFLAGS", "-Cno-such-option")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("RUSTC_WRAPPER", "/nonexistent/wrapper")
        .env("CARGO_BUILD_TARGET", "no-such-target")
        .env("CFLAGS", "-DPOISON")
        .env("GCC_EXEC_PREFIX", "/nonexistent/")
        .env("TZ", "Asia/Tokyo")
        .output()
        .expect("runs");
    let poisoned = report(&output);
    assert_eq!(poisoned["path"], "gate", "beside the manifest, named like the gateway");
    assert_eq!(plain["sha256"], poisoned["sha256"]);

    let binary = text(&fs::read(&target).expect("readable"));
    for path in [env!("CARGO_MANIFEST_DIR"), "/.cargo/", "/.rustup/", dir.path().to_str().expect("UTF-8")] {
        assert!(!binary.contains(path), "{path} is in the gateway");
    }
}

#[test]
fn a_running_gateway_keeps_its_file_and_nothing_else_is_replaced() {
    let _lock = lock();
    let dir = tempfile::tempdir().expect("directory");
    let (path, target) = (dir.path().join("airlock.toml"), dir.path().join("gate"));
    fs::write(&path, manifest("first")).expect("written");
    build(dir.path(), &path, &target);
    let first = fs::read(&target).expect("readable");
    let mut held = File::open(&target).expect("open");

    fs::write(&path, manifest("second")).expect("written");
    build(dir.path(), &path, &target);
    let mut kept = Vec::new();
    held.read_to_end(&mut kept).expect("readable");
    assert!(kept == first, "the old file was written into");
    assert!(fs::read(&target).expect("readable") != first);
    assert_eq!(fs::metadata(&target).expect("metadata").permissions().mode() & 0o7777, 0o555);
    assert_eq!(fs::read_dir(dir.path()).expect("listing").count(), 2, "no temporary file stays");
    assert_eq!(fs::read_dir(cache().join("out")).expect("listing").count(), 0, "no output directory stays");

    let before = fs::read(&path).expect("readable");
    let refused = airlock(dir.path(), &["build", "-o", "airlock.toml"]).output().expect("runs");
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("is not a gateway"), "{}", text(&refused.stderr));
    assert_eq!(fs::read(&path).expect("readable"), before);
}

#[test]
fn a_file_with_a_damaged_note_is_no_gateway() {
    let _lock = lock();
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("airlock.toml");
    fs::write(&path, manifest("damaged")).expect("written");
    let target = dir.path().join("gate");
    build(dir.path(), &path, &target);
    let good = fs::read(&target).expect("readable");
    let owner = b"\x08\0\0\0\x20\0\0\0\x01\0\0\0Airlock\0";
    let at = good.windows(owner.len()).position(|bytes| bytes == owner).expect("the note");
    // Size of the owner, size of the digest, type, and the owner itself.
    for (offset, what) in [(0, "owner size"), (4, "digest size"), (8, "type"), (12, "owner")] {
        let mut damaged = good.clone();
        damaged[at + offset] ^= 1;
        fs::remove_file(&target).expect("removed");
        fs::write(&target, damaged).expect("written");
        let refused = airlock(dir.path(), &["build", "--offline"]).output().expect("runs");
        assert_eq!(refused.status.code(), Some(2), "{what}");
        assert!(text(&refused.stderr).contains("is not a gateway"), "{what}: {}", text(&refused.stderr));
    }
}

#[test]
fn serve_leaves_stdout_to_the_gateway() {
    let _lock = lock();
    let dir = tempfile::tempdir().expect("directory");
    fs::write(dir.path().join("airlock.toml"), manifest("served")).expect("written");
    let served = airlock(dir.path(), &["serve", "--offline"]).stdin(Stdio::null()).output().expect("runs");
    let digest = text(&airlock(dir.path(), &["check", "--format", "json"]).output().expect("runs").stdout);
    let digest = serde_json::from_str::<Value>(&digest).expect("JSON")["policy_digest"].as_str().expect("text").to_owned();
    let stderr = text(&served.stderr);
    assert!(stderr.contains(&format!("serving gate (policy digest {digest})")), "{stderr}");
    // Without a line of input a gateway writes nothing, and neither may the program that started it.
    assert_eq!(text(&served.stdout), "");
    assert_eq!(note(&cache().join("bin").join(&digest)), digest);
}

#[test]
fn what_stops_a_build_is_said() {
    let dir = tempfile::tempdir().expect("directory");
    let stopped = |command: &mut Command, code: i32, expected: &[&str]| {
        let output = command.output().expect("runs");
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert_eq!(text(&output.stdout), "");
        for part in expected {
            assert!(stderr.contains(part), "{part:?} is missing in: {stderr}");
        }
        assert!(!dir.path().join("gate").exists());
    };
    stopped(&mut airlock(dir.path(), &["build"]), 2, &["cannot read the manifest airlock.toml", "airlock new"]);
    fs::write(dir.path().join("airlock.toml"), manifest("x").replace("airlock_audit_tail", "airlock_tail")).expect("written");
    stopped(&mut airlock(dir.path(), &["build"]), 1, &["error[A0501]", "airlock.toml:", "nothing was built"]);

    fs::write(dir.path().join("airlock.toml"), manifest("x")).expect("written");
    stopped(airlock(dir.path(), &["build"]).env("AIRLOCK_SOURCE", "/nonexistent"), 2, &["/nonexistent", "AIRLOCK_SOURCE"]);
    stopped(airlock(dir.path(), &["build"]).env("AIRLOCK_SOURCE", dir.path()), 2, &["AIRLOCK_SOURCE"]);
    let open = dir.path().join("open");
    fs::create_dir(&open).and_then(|()| fs::set_permissions(&open, fs::Permissions::from_mode(0o777))).expect("made");
    stopped(airlock(dir.path(), &["build"]).env("AIRLOCK_CACHE", &open), 2, &["everybody may write", "--cache-dir"]);
    stopped(airlock(dir.path(), &["build"]).env("PATH", dir.path()), 2, &["needs `rustc`", "rustup"]);
}
