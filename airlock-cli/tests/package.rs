//! What `cargo package` makes of this crate builds gateways without a checkout: the sources that they need are in the program.
#![allow(clippy::expect_used)] // In a test a panic is the report; clippy sees only functions marked as tests.

mod built;

use built::{airlock, cache, lock, manifest, report, text};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The packages of which an installed program consists; the macros of gateways are only carried.
const PACKAGES: [&str; 5] = ["airlock-policy", "airlock-core", "airlock-chain", "airlock-runtime", "airlock-cli"];

fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace")
}

fn run(command: &mut Command) {
    let output = command.output().expect("runs");
    assert!(output.status.success(), "{command:?}: {}", text(&output.stderr));
}

/// Packs the packages, unpacks them in a directory of their own and compiles the program there. Libraries of others are taken from the
/// checkout's build directory, where they were compiled already, without debug information, as everything is here.
fn installed(dir: &Path) -> PathBuf {
    let packed = dir.join("packed");
    let mut pack = Command::new(env!("CARGO"));
    pack.args(["package", "--quiet", "--no-verify", "--allow-dirty", "--offline", "--target-dir"]).arg(&packed);
    run(pack.args(PACKAGES.iter().flat_map(|name| ["--package", name])).current_dir(checkout()));
    let place = |name: &str| format!("{name}-{}", env!("CARGO_PKG_VERSION"));
    for name in PACKAGES {
        let file = packed.join("package").join(format!("{}.crate", place(name)));
        // With the times of now: a shared build directory looks at times alone, and those of a package never change.
        run(Command::new("tar").arg("-mxzf").arg(file).arg("-C").arg(dir));
    }
    let patches: String = PACKAGES[..4].iter().map(|name| format!("{name} = {{ path = {:?} }}\n", place(name))).collect();
    let members = format!("[workspace]\nresolver = \"3\"\nmembers = [{:?}]\n[patch.crates-io]\n{patches}", place("airlock-cli"));
    fs::write(dir.join("Cargo.toml"), members).expect("written");
    fs::copy(checkout().join("Cargo.lock"), dir.join("Cargo.lock")).expect("copied");
    let own = std::env::current_exe().expect("a path");
    let shared = own.ancestors().nth(3).expect("cargo's layout of directories");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--offline", "--bin", "airlock"]).current_dir(dir);
    build.env("CARGO_BUILD_BUILD_DIR", shared).env("CARGO_PROFILE_DEV_DEBUG", "0");
    run(build.env("CARGO_TARGET_DIR", dir.join("out")));
    dir.join("out/debug/airlock")
}

#[test]
fn a_packaged_program_builds_the_same_gateway_in_an_empty_directory() {
    let _lock = lock();
    let dir = tempfile::tempdir().expect("directory");
    let program = dir.path().join("airlock");
    {
        let sources = tempfile::tempdir().expect("directory");
        fs::copy(installed(sources.path()), &program).expect("copied");
        // The directory that it was compiled in goes away here; and it knows no other one.
    }
    let bytes = fs::read(&program).expect("the program");
    let path = checkout().join("airlock-");
    let path = path.to_str().expect("UTF-8").as_bytes();
    assert!(!bytes.windows(path.len()).any(|window| window == path), "the program knows where the checkout is");

    let empty = dir.path().join("empty");
    fs::create_dir(&empty).expect("made");
    fs::write(empty.join("airlock.toml"), manifest("packaged")).expect("written");
    let arguments = ["build", "--format", "json", "--offline"];
    let here = report(&airlock(&empty, &arguments).output().expect("runs"));
    fs::remove_file(empty.join("gate")).expect("removed");
    let mut packaged = Command::new(&program);
    packaged.args(arguments).current_dir(&empty).env("AIRLOCK_CACHE", cache()).env_remove("AIRLOCK_VENDOR");
    let there = report(&packaged.output().expect("runs"));
    assert_eq!((&here["sources"], &here["sha256"]), (&there["sources"], &there["sha256"]));
    assert!(empty.join("gate").is_file());
}

#[test]
fn the_sources_are_crates_that_stand_alone() {
    let dir = tempfile::tempdir().expect("directory");
    let place = dir.path().join("airlock");
    run(&mut airlock(dir.path(), &["sources", place.to_str().expect("UTF-8")]));
    // A test crate of a policy repository that depends on the checker by this path.
    let tests = dir.path().join("policy-tests");
    fs::create_dir_all(tests.join("src")).expect("made");
    let cargo_toml = "[package]\nname = \"policy-tests\"\nedition = \"2024\"\n[dependencies]\n\
                      airlock-policy = { path = \"../airlock/airlock-policy\" }\n[workspace]\n";
    fs::write(tests.join("Cargo.toml"), cargo_toml).expect("written");
    fs::copy(place.join("Cargo.lock"), tests.join("Cargo.lock")).expect("copied");
    fs::write(tests.join("src/lib.rs"), "pub use airlock_policy::compile;\n").expect("written");
    let own = std::env::current_exe().expect("a path");
    let shared = own.ancestors().nth(3).expect("cargo's layout of directories");
    let mut check = Command::new(env!("CARGO"));
    check.args(["check", "--quiet", "--offline"]).current_dir(&tests);
    check.env("CARGO_BUILD_BUILD_DIR", shared).env("CARGO_PROFILE_DEV_DEBUG", "0");
    run(check.env("CARGO_TARGET_DIR", dir.path().join("out")));

    let refused = airlock(dir.path(), &["sources", place.to_str().expect("UTF-8")]).output().expect("runs");
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("is not empty"), "{}", text(&refused.stderr));
}
