//! Runs cargo for a generated crate so that nothing but manifest, sources and compiler decides what comes out.

mod artifacts;
pub(crate) mod c_tools;
pub(crate) mod progress;
pub(crate) mod source;
pub(crate) mod toolchain;

use crate::gateway::Link;
use crate::render::Failure;
use crate::scaffold::LINKER_SCRIPT_NAME;
use c_tools::CTools;
use source::{Home, Source};
use std::collections::BTreeSet;
use std::io::Read;
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
    "profile.release.opt-level='s'",
    "profile.release.lto=false",
    "profile.release.codegen-units=1",
    "profile.release.panic='abort'",
    "profile.release.strip=true",
    "profile.release.debug=0",
    "profile.release.incremental=false",
    "profile.release.overflow-checks=true",
    "profile.release.debug-assertions=false",
];
/// The target for which `rustc` links with the `lld` of its own release.
const OWN_LINKER: &str = "x86_64-unknown-linux-gnu";

/// One build of one generated crate.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    /// Compiler and cargo.
    pub(crate) toolchain: &'a Toolchain,
    /// Cargo's home directories.
    pub(crate) home: &'a Home,
    /// Where the crates of others are.
    pub(crate) source: &'a Source,
    /// `Cargo.toml` of the generated crate.
    pub(crate) manifest: PathBuf,
    /// Intermediate results, shared by all manifests.
    pub(crate) build_dir: PathBuf,
    /// Where the binary appears; of this build alone.
    pub(crate) out_dir: PathBuf,
    /// Flags for the gateway and its libraries, not for macros and build scripts.
    pub(crate) flags: Vec<String>,
    /// What the macro is told. Cargo rebuilds the gateway when one of them changes, whatever the times of files say.
    pub(crate) variables: Vec<(&'static str, String)>,
    /// Never use the network.
    pub(crate) offline: bool,
}

/// What cargo built.
#[derive(Debug)]
pub(crate) struct Artifacts {
    /// The gateway.
    pub(crate) binary: PathBuf,
    /// Name and version of every crate that was compiled for the gateway's target, its own included.
    pub(crate) crates: BTreeSet<(String, String)>,
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
            Self::CrateMissing(text) => failure(text).help(
                "build once without `--offline`, later builds need no network; or take a directory that `airlock vendor` of this \
                 version has filled, with `--vendor`",
            ),
            Self::Failed(text) if text.contains("No space left on device") => failure(text)
                .help("make room, or name a cache on another disk with `--cache-dir`; nothing was written to the target"),
            Self::Failed(text) => failure(text),
        }
    }
}

impl Job<'_> {
    /// Builds without network; gives what was built, or why there is nothing.
    ///
    /// # Errors
    /// Cargo cannot be run.
    pub(crate) fn build(&self) -> Result<Result<Artifacts, Stopped>, Failure> {
        let mut command = self.offline_command("build");
        command.args(["--release", "--message-format", "json-render-diagnostics"]);
        let out = self.run(&mut command)?;
        let binary = self.out_dir.join(&self.toolchain.host).join("release/gateway");
        Ok(out.map(|out| Artifacts { binary, crates: artifacts::linked(&out, &self.toolchain.host) }))
    }

    /// The tree of dependencies as [`crate::gateway::crates::Crates::from_trees`] reads it.
    ///
    /// # Errors
    /// Cargo cannot be run.
    pub(crate) fn tree(&self, edges: &str) -> Result<Result<String, Stopped>, Failure> {
        let mut command = self.offline_command("tree");
        command.args(["--package", "gateway", "--prefix", "depth", "--format", " {p}", "--edges", edges]);
        self.run(&mut command)
    }

    /// Brings the crates of the lockfile to this machine; from the network unless the job is offline.
    ///
    /// # Errors
    /// Cargo cannot be run, or it failed.
    pub(crate) fn fetch(&self) -> Result<(), Failure> {
        let mut command = self.users_command("fetch");
        command.args(["--target", &self.toolchain.host]);
        self.run(&mut command)?.map(drop).map_err(Stopped::into_failure)
    }

    /// Copies the crates of the lockfile into a directory; from the network unless the job is offline.
    ///
    /// # Errors
    /// Cargo cannot be run, or it failed.
    pub(crate) fn vendor(&self, dir: &Path) -> Result<(), Failure> {
        let mut command = self.users_command("vendor");
        command.arg("--versioned-dirs").arg(dir);
        self.run(&mut command)?.map(drop).map_err(Stopped::into_failure)
    }

    /// Forgets the gateway's own unit, so that the next build compiles it again.
    ///
    /// # Errors
    /// Cargo cannot be run, or it failed.
    pub(crate) fn forget(&self) -> Result<(), Failure> {
        let mut command = self.offline_command("clean");
        command.args(["--release", "--package", "gateway"]);
        self.run(&mut command)?.map(drop).map_err(Stopped::into_failure)
    }

    /// Runs cargo to its end and gives its stdout.
    fn run(&self, command: &mut Command) -> Result<Result<String, Stopped>, Failure> {
        let cannot = |e: std::io::Error| Failure::new(format_args!("cannot run {}: {e}", self.toolchain.cargo.display()));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(cannot)?;
        let stdout = child.stdout.take();
        // Both pipes are read at once: cargo would wait for a full one.
        let reader = std::thread::spawn(move || {
            let mut out = String::new();
            stdout.map_or(Ok(0), |mut stdout| stdout.read_to_string(&mut out)).map(|_| out)
        });
        let said = child.stderr.take().map(|stderr| progress::follow(stderr, || self.others())).unwrap_or_default();
        let status = child.wait().map_err(cannot)?;
        let out =
            reader.join().map_err(|_| Failure::new("a thread that read cargo's output has ended early"))?.map_err(cannot)?;
        Ok(match status.success() {
            true => Ok(out),
            // Cargo has no code for this; every such message of it names the option, or the directory that was searched.
            false if said.text.contains("--offline") || said.text.contains("directory source") => {
                Err(Stopped::CrateMissing(said.text))
            }
            false => Err(Stopped::Failed(said.text)),
        })
    }

    /// Who else builds in this cache now, by the names of their outputs. Builds of one cache share their libraries, so they take turns.
    fn others(&self) -> String {
        let own = std::process::id().to_string();
        let outputs = self.out_dir.parent().and_then(|all| std::fs::read_dir(all).ok());
        let names = outputs.into_iter().flatten().flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        let ids: BTreeSet<String> = names.filter_map(|name| Some(name.rsplit_once('.')?.1.to_owned())).collect();
        let others: Vec<&str> = ids.iter().map(String::as_str).filter(|id| *id != own).collect();
        match others.as_slice() {
            [] => "another build in this cache".to_owned(),
            some => format!("another build in this cache (process {})", some.join(", ")),
        }
    }

    /// Cargo in a home without configuration and without network.
    fn offline_command(&self, verb: &str) -> Command {
        let mut command = self.command(verb, &self.home.own);
        // With a target, flags do not reach macros and build scripts.
        command.args(["--offline", "--target", &self.toolchain.host]);
        for setting in PROFILE.iter().map(|setting| (*setting).to_owned()).chain(self.source.settings()) {
            command.args(["--config", &setting]);
        }
        command.args(["--config", &format!("target.{}.linker='cc'", self.toolchain.host)]);
        command
    }

    /// Cargo in the user's home, with its mirrors and proxies, for downloads.
    fn users_command(&self, verb: &str) -> Command {
        let mut command = self.command(verb, self.home.users.as_ref().unwrap_or(&self.home.own));
        match self.offline {
            true => command.arg("--offline"),
            false => command.envs(NETWORK.iter().filter_map(|name| std::env::var_os(name).map(|value| (name, value)))),
        };
        command
    }

    fn command(&self, verb: &str, home: &Path) -> Command {
        let mut command = clean(&self.toolchain.cargo);
        command
            // Cargo reads `.cargo/config.toml` in every directory above the current one.
            .current_dir("/")
            .env("CARGO_HOME", home)
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
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .arg(verb)
            .arg("--manifest-path")
            .arg(&self.manifest);
        command
    }
}

/// Flags of the recipe: no path of this machine in the binary, static where possible, nothing that a linker adds by itself.
pub(crate) fn flags(toolchain: &Toolchain, home: &Home, source: &Source, link: Link, c_tools: &CTools) -> Vec<String> {
    let Toolchain { sysroot, commit, cargo: _, rustc: _, identity: _, host, release: _ } = toolchain;
    let mut flags = vec![source.remap(home), format!("--remap-path-prefix={sysroot}/lib/rustlib/src/rust=/rustc/{commit}")];
    if link == Link::Static {
        flags.push("-Ctarget-feature=+crt-static".to_owned());
    }
    flags.extend(
        [
            "-Crelocation-model=pic",
            // A panic aborts: nothing unwinds, and the tables for it would be a twentieth of a small gateway.
            "-Cforce-unwind-tables=no",
            // LLVM inlines up to 225 by itself; a tenth of a small gateway for no speed that could be measured.
            "-Cllvm-args=-inline-threshold=60",
            // A static binary has no `getrandom` to look up at run time; without this it would open /dev/urandom.
            r#"--cfg=getrandom_backend="linux_getrandom""#,
            // One implementation of the curve, without vector instructions that it would choose at run time.
            r#"--cfg=curve25519_dalek_backend="serial""#,
            "-Clink-arg=-Wl,--build-id=none",
            "-Clink-arg=-Wl,-z,noexecstack",
            "-Clink-arg=-Wl,-z,relro,-z,now",
        ]
        .map(str::to_owned),
    );
    // Where the Rust release brings its own linker, which knows these whatever the machine has.
    if host == OWN_LINKER {
        flags.push(format!("-Clink-arg=-Wl,-T,{LINKER_SCRIPT_NAME}"));
        // Functions of the same instructions become one. Rust promises no function an address of its own; data keeps its.
        flags.push("-Clink-arg=-Wl,--icf=all".to_owned());
        if link == Link::Static && c_tools.packs {
            flags.push("-Clink-arg=-Wl,--pack-dyn-relocs=relr".to_owned());
        }
    }
    flags
}
