//! Programs under test: the command line, and gateways built by it.

use crate::place::Place;
use crate::recorder::recorder;
use crate::web::web;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Cargo's output directory, found from the running test: `<target>/<profile>/deps/<test>`.
pub fn target() -> PathBuf {
    let test = std::env::current_exe().expect("a path of this test");
    test.ancestors().nth(3).expect("cargo's layout of directories").to_owned()
}

/// The command line, built once per test program, because a package is not given the programs of another one.
///
/// It is the program that `cargo test --workspace` has compiled: features are united over the whole workspace, and over dependencies of tests
/// where one test is among the targets. (With its own features alone `airlock-cli/tests/package.rs` compiles it.)
pub fn cli() -> &'static Path {
    static CLI: OnceLock<PathBuf> = OnceLock::new();
    CLI.get_or_init(|| {
        let target = target();
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--workspace", "--bin", "airlock", "--test", "house", "--target-dir"])
            .arg(&target)
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .status()
            .expect("cargo runs");
        assert!(built.success(), "the command line does not compile");
        target.join("debug/airlock")
    })
}

/// The command line with arguments, in the cache that all tests share, so that the runtime is compiled once.
pub fn airlock(arguments: &[&str]) -> Command {
    let mut command = Command::new(cli());
    command.args(arguments).env("AIRLOCK_CACHE", target().join("tmp/airlock-cache")).env_remove("AIRLOCK_SOURCE");
    command
}

/// Runs the command line to its end.
pub fn run(arguments: &[&str]) -> Output {
    airlock(arguments).output().expect("airlock runs")
}

/// The gateway of a manifest, built once per test program.
pub fn gateway(manifest: &str) -> PathBuf {
    gateway_with(manifest, &[])
}

/// As [`gateway`], of a manifest with files beside it: paths relative to it, and texts.
pub fn gateway_with(manifest: &str, files: &[(String, String)]) -> PathBuf {
    static BUILT: Mutex<Option<HashMap<String, PathBuf>>> = Mutex::new(None);
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let known = built.get_or_insert_default();
    if let Some(path) = known.get(manifest) {
        return path.clone();
    }
    let all = target().join("tmp/gateways");
    sweep(&all);
    let dir = all.join(std::process::id().to_string());
    std::fs::create_dir_all(&dir).expect("a directory for gateways");
    let (source, path) = (dir.join(format!("{}.toml", known.len())), dir.join(known.len().to_string()));
    std::fs::write(&source, manifest).expect("the manifest is written");
    for (name, text) in files {
        let path = dir.join(name);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory beside the manifest");
        std::fs::write(path, text).expect("a file beside the manifest");
    }
    let paths = [&source, &path].map(|path| path.to_str().expect("UTF-8"));
    let output = run(&["build", paths[0], "-o", paths[1], "--offline"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    known.insert(manifest.to_owned(), path.clone());
    path
}

/// Removes what test programs left that have ended: a static has no end of its own to do it at.
fn sweep(all: &Path) {
    for left in std::fs::read_dir(all).into_iter().flatten().flatten() {
        if !Path::new("/proc").join(left.file_name()).exists() {
            // Another test program may sweep at the same time.
            let _ = std::fs::remove_dir_all(left.path());
        }
    }
}

/// The gateway `abuse` of most tests, whose tools reach [`web`].
pub fn abuse() -> PathBuf {
    abuse_with("")
}

/// As [`abuse`], with more keys under `[ledger]`.
pub fn abuse_with(ledger: &str) -> PathBuf {
    abuse_at(web().port(), ledger)
}

/// As [`abuse_with`], with tools that reach what listens at this port.
pub fn abuse_at(port: u16, ledger: &str) -> PathBuf {
    let manifest = include_str!("../gateways/abuse.toml").replace("{port}", &port.to_string());
    gateway(&manifest.replace("durability = \"power\"\n", &format!("durability = \"power\"\n{ledger}")))
}

/// Tools of the gateway [`rest`] that differ in their labels alone, eight of the longest each.
pub const WIDE: usize = 7;

/// The gateway `rest`, whose tools reach [`recorder`].
pub fn rest() -> PathBuf {
    let noun = "x".repeat(30);
    let wide = |n: usize| {
        let labels: Vec<String> = (0..8).map(|at| format!("\"reads:{noun}{n}{at}\"")).collect();
        format!(
            "[tools.wide_{n}]\ndescription = \"Has labels\"\nhttp = {{ method = \"GET\", url = \"https://tickets.example.com/echo/wide\" }}\n\
             effect = \"read\"\nlabels = [{}]\nwhy = \"show many labels\"\n",
            labels.join(", ")
        )
    };
    let named = ["post", "find", "remove", "pick", "much", "mirror", "careful", "bounded", "slow"].map(str::to_owned);
    let tools: Vec<String> =
        named.into_iter().chain((0..WIDE).map(|n| format!("wide_{n}"))).map(|name| format!("{name:?}")).collect();
    let manifest = include_str!("../gateways/rest.toml").replace("{port}", &recorder().port().to_string());
    gateway(&manifest.replace("{wide}", &(0..WIDE).map(wide).collect::<String>()).replace("{tools}", &tools.join(", ")))
}

/// The gateway `origins`, whose tools reach [`recorder`].
pub fn origins() -> PathBuf {
    gateway(&include_str!("../gateways/origins.toml").replace("{port}", &recorder().port().to_string()))
}

/// The gateway `strict`, which accepts leases in arguments alone and pins the key of its [`Place`].
pub fn strict() -> PathBuf {
    let commitment = Place::new("strict").key().commitment_hex();
    gateway(&include_str!("../gateways/strict.toml").replace("{commitment}", &commitment))
}
