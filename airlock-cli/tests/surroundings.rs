//! The same manifest gives the same bytes, wherever, whenever and by whomever it is built.
#![allow(clippy::expect_used)] // In a test a panic is the report; clippy sees only functions marked as tests.

mod built;
mod told;

use built::{airlock, build, cache, forget, lock, manifest, report, text};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Variables that would change a build that listened to them.
const POISON: [(&str, &str); 11] = [
    ("RUSTFLAGS", "-Cdebuginfo=2 -Copt-level=0"),
    ("CARGO_ENCODED_RUSTFLAGS", "-Cno-such-option"),
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
    ("RUSTC", "/nonexistent/rustc"),
    ("RUSTC_WRAPPER", "/nonexistent/wrapper"),
    ("CARGO_BUILD_TARGET", "no-such-target"),
    ("CFLAGS", "-DPOISON"),
    ("GCC_EXEC_PREFIX", "/nonexistent/"),
    ("LD_LIBRARY_PATH", "/nonexistent"),
    ("TZ", "Asia/Tokyo"),
    ("LC_ALL", "tr_TR.UTF-8"),
];
/// A configuration of cargo, each line of which alone changes or breaks a build that reads it.
const HOSTILE: &str = "\
[env]
AIRLOCK_POLICY_DIGEST = { value = \"00\", force = true }
[profile.release]
strip = false
[profile.release.package.\"*\"]
opt-level = 0
[build]
rustc-wrapper = \"/nonexistent/wrapper\"
rustflags = [\"-Cno-such-option\"]
[target.x86_64-unknown-linux-gnu]
linker = \"/nonexistent/linker\"
[source.crates-io]
replace-with = \"elsewhere\"
[source.elsewhere]
directory = \"/nonexistent/crates\"
";

#[test]
fn environment_and_configuration_do_not_change_a_byte() {
    let _lock = lock();
    let dir = tempfile::tempdir().expect("directory");
    let (path, target) = (dir.path().join("airlock.toml"), dir.path().join("gate"));
    fs::write(&path, manifest("surroundings")).expect("written");
    forget(&cache().join("build"));
    let plain = build(dir.path(), &path, &target);

    let elsewhere = tempfile::tempdir().expect("directory");
    fs::create_dir(elsewhere.path().join(".cargo")).expect("made");
    fs::write(elsewhere.path().join(".cargo/config.toml"), HOSTILE).expect("written");
    fs::write(elsewhere.path().join("airlock.toml"), manifest("surroundings")).expect("written");
    forget(&cache().join("build"));
    let poisoned =
        report(&airlock(elsewhere.path(), &["build", "--format", "json", "--offline"]).envs(POISON).output().expect("runs"));
    assert_eq!(poisoned["path"], "gate", "beside the manifest, named like the gateway");
    assert_eq!(plain["sha256"], poisoned["sha256"]);

    let binary = text(&fs::read(&target).expect("readable"));
    for path in [env!("CARGO_MANIFEST_DIR"), "/.cargo/", "/.rustup/", dir.path().to_str().expect("UTF-8")] {
        assert!(!binary.contains(path), "{path} is in the gateway");
    }
}

#[test]
fn comments_change_bytes_only_where_the_text_is_told() {
    let _lock = lock();
    let dir = tempfile::tempdir().expect("directory");
    let built = |comment: &str, said: &str| {
        fs::write(dir.path().join("airlock.toml"), format!("{comment}{}", manifest("comments"))).expect("written");
        let arguments = ["build", "--format", "json", "--offline", "--note", said];
        let report = report(&airlock(dir.path(), &arguments).output().expect("runs"));
        (report["policy_digest"].clone(), report["sha256"].clone())
    };
    let (plain, told) = (built("", "digest"), built("", "manifest"));
    assert_eq!(plain, built("# Another comment.\n", "digest"));
    let commented = built("# Another comment.\n", "manifest");
    assert_eq!((&told.0, &plain.0), (&commented.0, &commented.0), "one policy");
    assert!(told.1 != commented.1 && told.1 != plain.1, "the text is in the file");
}

/// Everything else: another cache, home, cargo home with hostile configuration, source of crates, umask, number of cores, and all
/// libraries compiled anew. It takes as long as a first build.
#[test]
fn a_build_from_nothing_elsewhere_gives_the_same_bytes() {
    let _lock = lock();
    let dir = tempfile::tempdir().expect("directory");
    let (path, target) = (dir.path().join("airlock.toml"), dir.path().join("gate"));
    fs::write(&path, manifest("elsewhere")).expect("written");
    let here = build(dir.path(), &path, &target);

    let crates = dir.path().join("crates");
    let vendored = airlock(dir.path(), &["vendor", crates.to_str().expect("UTF-8"), "--format", "json"]).output().expect("runs");
    assert_eq!(told::faults("vendor", &report(&vendored)), Vec::<String>::new());
    let home = dir.path().join("a home");
    fs::create_dir(dir.path().join("out")).expect("made");
    fs::create_dir_all(home.join(".cargo")).expect("made");
    fs::write(home.join(".cargo/config.toml"), HOSTILE).expect("written");
    let rustup = std::env::var_os("RUSTUP_HOME")
        .unwrap_or_else(|| Path::new(&std::env::var_os("HOME").expect("a home")).join(".rustup").into());
    let output = Command::new("sh")
        .args(["-c", "umask 077; exec taskset -c 0 \"$0\" build --format json --offline -o out/gate airlock.toml"])
        .arg(env!("CARGO_BIN_EXE_airlock"))
        .current_dir(dir.path())
        .envs(POISON)
        .env("HOME", &home)
        .env("CARGO_HOME", home.join(".cargo"))
        .env("RUSTUP_HOME", rustup)
        .env("AIRLOCK_CACHE", dir.path().join("other cache"))
        .env("AIRLOCK_VENDOR", &crates)
        .output()
        .expect("runs");
    let there = report(&output);
    assert_eq!(here["sha256"], there["sha256"]);
    let verified = airlock(dir.path(), &["verify-build", "out/gate", "--offline"]).output().expect("runs");
    assert!(verified.status.success(), "{}", text(&verified.stdout));
}
