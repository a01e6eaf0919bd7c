//! Finds the Rust toolchain that builds gateways, and says what to install when there is none.

use crate::carried::Carried;
use crate::render::Failure;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Variables that pass into the otherwise empty environment of every tool: where programs, caches and scratch space are.
const KEPT: [&str; 6] = ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_AUTO_INSTALL", "TMPDIR"];

/// A Rust toolchain, by the paths of its programs.
#[derive(Debug)]
pub(crate) struct Toolchain {
    /// `cargo`.
    pub(crate) cargo: PathBuf,
    /// `rustc`.
    pub(crate) rustc: PathBuf,
    /// Its root.
    pub(crate) sysroot: String,
    /// Output of `rustc -vV`: the compiler's identity.
    pub(crate) identity: String,
    /// Target triple of this machine, for which gateways are built.
    pub(crate) host: String,
    /// Commit of the compiler; names its own sources in panic messages.
    pub(crate) commit: String,
    /// Its release, such as `1.95.0`.
    pub(crate) release: String,
}

impl Toolchain {
    /// The toolchain that `rustc` means in the directory `source`: with rustup, the one that `rust-toolchain.toml` there pins.
    /// Its programs are then called by path, so that neither rustup's proxies nor the user's directory have a say.
    ///
    /// # Errors
    /// There is none, or it does not answer.
    pub(crate) fn find(source: &Path, offline: bool) -> Result<Self, Failure> {
        let mut command = clean("rustc");
        if offline {
            command.env("RUSTUP_AUTO_INSTALL", "0");
        }
        let sysroot = answer(command.args(["--print", "sysroot"]).current_dir(source), "rustc")?.trim().to_owned();
        let bin = Path::new(&sysroot).join("bin");
        let (rustc, cargo) = (bin.join("rustc"), bin.join("cargo"));
        if !cargo.is_file() {
            return Err(missing("cargo", &format!("there is no {}", cargo.display())));
        }
        let identity = answer(clean(&rustc).arg("-vV"), "rustc")?;
        let field = |name: &str| identity.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned());
        let host = field("host:").ok_or_else(|| missing("rustc", "`rustc -vV` names no host"))?;
        let commit = field("commit-hash:").unwrap_or_else(|| "unknown".to_owned());
        let release = field("release:").unwrap_or_else(|| "unknown".to_owned());
        Ok(Self { cargo, rustc, sysroot, identity, host, commit, release })
    }

    /// First line of the identity: name, release, commit, date.
    pub(crate) fn line(&self) -> &str {
        self.identity.lines().next().unwrap_or_default()
    }

    /// Checks that this is the release that Airlock is made for; another one would give other bytes, or fail deep inside a crate.
    ///
    /// # Errors
    /// It is another one.
    pub(crate) fn demand(&self, release: &str) -> Result<(), Failure> {
        if self.release == release {
            return Ok(());
        }
        let found = &self.release;
        let problem = format!("this airlock compiles gateways with Rust {release}; {} is Rust {found}", self.rustc.display());
        let help = format!(
            "`rustup toolchain install {release}`, which is then found by itself; or accept other bytes with `--any-toolchain`"
        );
        Err(Failure::new(problem).help(help))
    }
}

/// A command in an environment that holds nothing but what tools need to be found and to work. What else is set
/// (`RUSTFLAGS`, `CFLAGS`, `CARGO_PROFILE_*`, …) could change the gateway.
pub(crate) fn clean(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().stdin(Stdio::null()).env("LC_ALL", "C");
    for name in KEPT {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// Whether the C library can be linked statically: `cc` knows a `libc.a`.
///
/// # Errors
/// There is no C compiler, which links every gateway.
pub(crate) fn has_static_libc() -> Result<bool, Failure> {
    let path = answer(clean("cc").arg("-print-file-name=libc.a"), "cc")?;
    Ok(Path::new(path.trim()).is_absolute())
}

pub(super) fn answer(command: &mut Command, program: &str) -> Result<String, Failure> {
    match command.output() {
        Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(output) => Err(missing(program, String::from_utf8_lossy(&output.stderr).trim())),
        Err(e) if e.kind() == ErrorKind::NotFound => Err(missing(program, "it is not in PATH")),
        Err(e) => Err(missing(program, &e.to_string())),
    }
}

fn missing(program: &str, problem: &str) -> Failure {
    let failure = Failure::new(format_args!("building a gateway needs `{program}`: {problem}"));
    if program == "cc" {
        return failure.help("install a C compiler, for example `apt install gcc libc6-dev` (it links the gateway)");
    }
    let release = Carried::new().map(|carried| carried.release).unwrap_or_default();
    failure.help(format_args!("install Rust {release} with rustup (https://rustup.rs): `rustup toolchain install {release}`"))
}
