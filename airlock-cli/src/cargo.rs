//! Runs cargo for a generated crate so that nothing but manifest, sources and compiler decides what comes out.

pub(crate) mod progress;
pub(crate) mod toolchain;

use crate::render::Failure;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use toolchain::{Toolchain, clean};

/// Variables that a download may need; a build without network gets none of them.
const NETWORK: [&str; 11] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CARGO_HTTP_CAINFO",
];
/// What a user's own cargo configuration could set otherwise; the command line outranks it.
const PROFILE: [&str; 9] = [
    "profile.release.opt-level=3",
    "profile.release.lto=false",
    "profile.release.codegen-units=1",
    "profile.release.panic='abort'",
    "profile.release.strip=true",
    "profile.release.debug=0",
    "profile.release.incremental=false",
    "profile.release.overflow-checks=true",
    "profile.release.debug-assertions=false",
];

/// One build of one generated crate.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    /// Compiler and cargo.
    pub(crate) toolchain: &'a Toolchain,
    /// `Cargo.toml` of the generated crate.
    pub(crate) manifest: PathBuf,
    /// Intermediate results, shared by all manifests.
    pub(crate) build_dir: PathBuf,
    /// Where the binary appears; of this build alone.
    pub(crate) out_dir: PathBuf,
    /// Flags for the gateway and its libraries, not for macros and build scripts.
    pub(crate) flags: Vec<String>,
    /// Policy digest, 64 hex digits. Cargo rebuilds the gateway when it changes, whatever the times of files say.
    pub(crate) digest: String,
    /// Never use the network.
    pub(crate) offline: bool,
}

/// Why cargo gave no binary.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// It may not use the network, and something is not on this machine.
    CrateMissing(String),
    /// Anything else; its messages.
    Failed(String),
}

impl Stopped {
    /// Cargo's own words, and what helps.
    pub(crate) fn into_failure(self) -> Failure {
        let failure = |text: String| Failure::new(format_args!("cargo could not build the gateway\n\n{}", text.trim_end()));
        match self {
            Self::CrateMissing(text) => failure(text).help("build once without `--offline`; later builds need no network"),
            Self::Failed(text) => failure(text),
        }
    }
}

impl Job<'_> {
    /// Builds without network; gives the path of the binary, or why there is none.
    ///
    /// # Errors
    /// Cargo cannot be run.
    pub(crate) fn build(&self) -> Result<Result<PathBuf, Stopped>, Failure> {
        let binary = self.out_dir.join(&self.toolchain.host).join("release/gateway");
        Ok(self.cargo("build", &["--release", "--offline"])?.map(|()| binary))
    }

    /// Brings the crates of the lockfile to this machine; from the network unless the job is offline.
    ///
    /// # Errors
    /// Cargo cannot be run, or it failed.
    pub(crate) fn fetch(&self) -> Result<(), Failure> {
        let arguments: &[&str] = if self.offline { &["--offline"] } else { &[] };
        self.cargo("fetch", arguments)?.map_err(Stopped::into_failure)
    }

    /// Forgets the gateway's own unit, so that the next build compiles it again.
    ///
    /// # Errors
    /// Cargo cannot be run, or it failed.
    pub(crate) fn forget(&self) -> Result<(), Failure> {
        self.cargo("clean", &["--release", "--offline", "--package", "gateway"])?.map_err(Stopped::into_failure)
    }

    fn cargo(&self, verb: &str, arguments: &[&str]) -> Result<Result<(), Stopped>, Failure> {
        let mut command = self.command(verb);
        command.args(arguments);
        if verb == "fetch" && !self.offline {
            command.envs(NETWORK.iter().filter_map(|name| std::env::var_os(name).map(|value| (name, value))));
        }
        let cannot = |e: std::io::Error| Failure::new(format_args!("cannot run {}: {e}", self.toolchain.cargo.display()));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(cannot)?;
        let said = child.stderr.take().map(progress::follow).unwrap_or_default();
        let status = child.wait().map_err(cannot)?;
        Ok(match status.success() {
            true => Ok(()),
            // Cargo has no code for this; every such message of it names the option.
            false if said.text.contains("--offline") => Err(Stopped::CrateMissing(said.text)),
            false => Err(Stopped::Failed(said.text)),
        })
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = clean(&self.toolchain.cargo);
        command
            // Cargo reads `.cargo/config.toml` in every directory above the current one.
            .current_dir("/")
            .env("RUSTC", &self.toolchain.rustc)
            // A wrapper in the user's configuration would run in the compiler's place.
            .env("RUSTC_WRAPPER", "")
            .env("RUSTC_WORKSPACE_WRAPPER", "")
            .env("CARGO_BUILD_BUILD_DIR", &self.build_dir)
            .env("CARGO_TARGET_DIR", &self.out_dir)
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_TERM_COLOR", "never")
            .env("CARGO_TERM_PROGRESS_WHEN", "always")
            .env("CARGO_TERM_PROGRESS_WIDTH", "120")
            .env("CARGO_ENCODED_RUSTFLAGS", self.flags.join("\x1f"))
            .env("AIRLOCK_POLICY_DIGEST", &self.digest)
            .arg(verb)
            .arg("--manifest-path")
            .arg(&self.manifest)
            // With a target, flags do not reach macros and build scripts.
            .args(["--target", &self.toolchain.host]);
        for setting in PROFILE {
            command.args(["--config", setting]);
        }
        command.args(["--config", &format!("target.{}.linker='cc'", self.toolchain.host)]);
        command
    }
}

/// Flags of the recipe: no path of this machine in the binary, static where possible, nothing that a linker adds by itself.
pub(crate) fn flags(toolchain: &Toolchain, source: &Path, is_static: bool) -> Vec<String> {
    let Toolchain { sysroot, commit, .. } = toolchain;
    let mut remaps = vec![format!("{}=/airlock", source.display()), format!("{sysroot}/lib/rustlib/src/rust=/rustc/{commit}")];
    // The directory of each registry has a name of its own; a mirror of it must give the same bytes.
    remaps.extend(registries().iter().map(|dir| format!("{}=/airlock/dep", dir.display())));
    let mut flags: Vec<String> = remaps.into_iter().map(|remap| format!("--remap-path-prefix={remap}")).collect();
    if is_static {
        flags.push("-Ctarget-feature=+crt-static".to_owned());
    }
    flags.extend(
        [
            "-Crelocation-model=pic",
            // A static binary has no `getrandom` to look up at run time; without this it would open /dev/urandom.
            r#"--cfg=getrandom_backend="linux_getrandom""#,
            "-Clink-arg=-Wl,--build-id=none",
            "-Clink-arg=-Wl,-z,noexecstack",
        ]
        .map(str::to_owned),
    );
    flags
}

/// Whether any crate was unpacked on this machine yet; before that, [`flags`] cannot name the directories.
pub(crate) fn has_registry() -> bool {
    !registries().is_empty()
}

/// Directories in which cargo keeps the sources of crates, one for each registry, sorted.
fn registries() -> Vec<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    let home = home.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let entries = home.and_then(|home| std::fs::read_dir(home.join("registry/src")).ok());
    let mut dirs: Vec<PathBuf> = entries.into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    dirs.sort();
    dirs
}
