//! `airlock build` with the real compiler. The first run on a machine compiles the runtime (about a minute); the cache is kept
//! in cargo's directory for tests.
#![allow(clippy::expect_used)] // In a test a panic is the report; clippy sees only functions marked as tests.

mod built;

use built::{age, airlock, build, cache, lock, manifest, note, report, text};
use serde_json::Value;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

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
        age(dir.path());
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

/// A build that was killed leaves nothing at its target and nothing in the way of the next two, which run at once.
#[test]
fn a_killed_build_and_two_at_once_do_not_disturb_each_other() {
    let _lock = lock();
    let dir = tempfile::tempdir().expect("directory");
    let named = |name: &str| {
        let path = dir.path().join(format!("{name}.toml"));
        fs::write(&path, manifest(name)).expect("written");
        let mut command = airlock(dir.path(), &["build", "--offline", "--format", "json"]);
        command.arg(path).arg("-o").arg(dir.path().join(name)).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let outputs = || fs::read_dir(cache().join("out")).map_or(0, Iterator::count);
    let before = outputs();
    let mut killed = named("killed").spawn().expect("runs");
    // Its output directory is there: cargo is about to begin, or has begun.
    while outputs() == before && killed.try_wait().expect("a child").is_none() {
        std::thread::yield_now();
    }
    killed.kill().and_then(|()| killed.wait()).expect("killed");
    assert!(!dir.path().join("killed").exists());

    let both = ["one", "two"].map(|name| named(name).spawn().expect("runs"));
    for (name, child) in ["one", "two"].iter().zip(both) {
        let output = child.wait_with_output().expect("ends");
        let said = text(&output.stderr);
        let waits: Vec<&str> = said.lines().filter(|line| line.starts_with("Waiting")).collect();
        assert!(waits.windows(2).all(|pair| pair[0] != pair[1]), "it is said once: {said}");
        assert_eq!(report(&output)["policy_digest"], note(&dir.path().join(name)), "{name}");
    }
    report(&named("killed").output().expect("runs"));
    assert_eq!(fs::read_dir(cache().join("out")).expect("listing").count(), 0, "no output directory stays");
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
    fs::write(dir.path().join("airlock.toml"), manifest("x").replace("airlock_usage_stats", "airlock_usage_stat"))
        .expect("written");
    stopped(&mut airlock(dir.path(), &["build"]), 1, &["error[A0501]", "airlock.toml:", "nothing was built"]);

    fs::write(dir.path().join("airlock.toml"), manifest("x")).expect("written");
    stopped(airlock(dir.path(), &["build"]).env("AIRLOCK_VENDOR", "/nonexistent"), 2, &["/nonexistent", "airlock vendor"]);
    stopped(&mut airlock(dir.path(), &["build", "--cache-dir", "/proc/airlock"]), 2, &["/proc/airlock", "--cache-dir"]);
    let open = dir.path().join("open");
    fs::create_dir(&open).and_then(|()| fs::set_permissions(&open, fs::Permissions::from_mode(0o777))).expect("made");
    stopped(airlock(dir.path(), &["build"]).env("AIRLOCK_CACHE", &open), 2, &["everybody may write", "--cache-dir"]);
    stopped(airlock(dir.path(), &["build"]).env("AIRLOCK_VENDOR", &open), 2, &["everybody may write to the crates", "chmod"]);
    stopped(airlock(dir.path(), &["build"]).env("PATH", dir.path()), 2, &["needs `rustc`", "rustup toolchain install 1."]);
    // A release that nobody asked for is named, and so is the one that is needed.
    let (bin, sysroot) = (dir.path().join("bin"), dir.path().join("old"));
    fs::create_dir_all(sysroot.join("bin")).and_then(|()| fs::create_dir(&bin)).expect("made");
    let script = |path: &Path, says: &str| {
        fs::write(path, format!("#!/bin/sh\n{says}\n"))
            .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o755)))
    };
    script(&bin.join("rustc"), &format!("echo {}", sysroot.display())).expect("written");
    script(&sysroot.join("bin/cargo"), "exit 1").expect("written");
    script(&sysroot.join("bin/rustc"), "printf 'rustc 1.60.0\\nrelease: 1.60.0\\nhost: x86_64-unknown-linux-gnu\\n'")
        .expect("written");
    let path = format!("{}:/usr/bin:/bin", bin.display());
    stopped(
        airlock(dir.path(), &["build"]).env("PATH", &path),
        2,
        &["is Rust 1.60.0", "rustup toolchain install 1.", "--any-toolchain"],
    );
    // No C compiler at all.
    fs::remove_file(sysroot.join("bin/rustc")).expect("removed");
    script(&sysroot.join("bin/rustc"), &format!("echo 'release: {}'; echo 'host: x86_64-unknown-linux-gnu'", pinned()))
        .expect("written");
    stopped(airlock(dir.path(), &["build"]).env("PATH", &bin), 2, &["needs `cc`", "apt install gcc"]);
    // One without a static C library answers with the name that it was asked for.
    script(&bin.join("cc"), "echo libc.a").expect("written");
    let path = format!("{}:/usr/bin:/bin", bin.display());
    stopped(airlock(dir.path(), &["build", "--link", "static"]).env("PATH", path), 2, &["no libc.a", "--link dynamic"]);
}

/// A full disk and one that cannot be written to are said, and leave nothing where the gateway belongs. (In a mount namespace of its own.)
#[test]
fn a_cache_without_room_or_without_leave_to_write_is_said() {
    let dir = tempfile::tempdir().expect("directory");
    fs::write(dir.path().join("airlock.toml"), manifest("full")).expect("written");
    fs::create_dir(dir.path().join("cache")).expect("made");
    for (mount, expected) in [
        ("mount -t tmpfs -o size=256k,mode=700 tmpfs cache", "No space left on device"),
        ("mount -t tmpfs -o ro,mode=700 tmpfs cache", "Read-only file system"),
    ] {
        let script = format!("{mount} && exec \"$0\" build --offline --cache-dir cache -o gate");
        let output = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script, env!("CARGO_BIN_EXE_airlock")])
            .current_dir(dir.path())
            .output()
            .expect("runs");
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{mount}: {stderr}");
        assert!(stderr.contains("cache") && stderr.contains(expected), "{mount}: {stderr}");
        assert!(!dir.path().join("gate").exists());
    }
}

/// Whatever the user's mask, nobody else may write where gateways come from. There are no crates here, so nothing is compiled.
#[test]
fn the_cache_is_closed_to_others_in_all_its_depth() {
    let dir = tempfile::tempdir().expect("directory");
    fs::write(dir.path().join("airlock.toml"), manifest("closed")).expect("written");
    fs::create_dir(dir.path().join("none")).expect("made");
    let script = "umask 000; exec \"$0\" build --offline --cache-dir cache --vendor none";
    let output =
        Command::new("sh").args(["-c", script, env!("CARGO_BIN_EXE_airlock")]).current_dir(dir.path()).output().expect("runs");
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    let mut seen = 0;
    let mut dirs = vec![dir.path().join("cache")];
    while let Some(next) = dirs.pop() {
        for path in fs::read_dir(next).expect("listing").map(|entry| entry.expect("entry").path()) {
            let about = path.symlink_metadata().expect("metadata");
            if about.is_symlink() {
                continue;
            }
            let mode = about.permissions().mode();
            assert_eq!(mode & 0o022, 0, "{mode:o} {}", path.display());
            seen += 1;
            if about.is_dir() {
                dirs.push(path);
            }
        }
    }
    for made in ["sources", "cargo-home", "ws"] {
        assert!(dir.path().join("cache").join(made).is_dir(), "{made}: {}", text(&output.stderr));
    }
    assert!(seen > 50, "{seen} files: the sources alone are more");
}

/// A place that cannot be used is found before anything is compiled, and nothing is lost.
#[test]
fn papers_do_not_cost_the_manifest() {
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("airlock.toml");
    fs::write(&path, manifest("papers")).expect("written");
    for place in ["--sbom=airlock.toml", "--provenance=airlock.toml", "--provenance=gate"] {
        let output = airlock(dir.path(), &["build", "--cache-dir", "/proc/airlock", place]).output().expect("runs");
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("would write over"), "{place}: {}", text(&output.stderr));
    }
    assert_eq!(fs::read_to_string(&path).expect("readable"), manifest("papers"));
}

/// The release in `rust-toolchain.toml`.
fn pinned() -> &'static str {
    let text = include_str!("../../rust-toolchain.toml");
    text.split('"').nth(1).expect("a channel in quotes")
}
