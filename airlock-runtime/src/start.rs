//! How a gateway starts and ends. Exit codes: 0 the client closed the connection · 1 the ledger failed while serving · 2 wrong
//! usage · 3 the key is missing or refused · 4 the ledger could not be opened · 5 a credential of a tool is missing or refused · 6 the
//! launcher of upstreams could not be started · 7 the kernel cannot confine the gateway · 8 the process for requests, or the one that opens
//! the ledger's files, could not be started or has ended while serving.

use crate::carrier::{Carried, ambient};
use crate::confine::{self, Judge};
use crate::effect::World;
use crate::lease::guard;
use crate::lease::keyfile::read_ring;
use crate::lease::keysource::{CREDENTIAL, KeySource};
use crate::ledger::{Ledger, Prepared};
use crate::policy::{Mode, Policy};
#[cfg(any(feature = "roles", target_os = "linux"))]
use crate::role;
use crate::stdio::Streams;
use crate::{explain, serve};
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Names the file with the gateway's audience keys.
pub(crate) const KEY_FILE: &str = "AIRLOCK_KEY_FILE";
/// Names the descriptor of a pipe with the same text.
pub(crate) const KEY_FD: &str = "AIRLOCK_KEY_FD";
/// Names the directory of systemd's credentials.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// Why a gateway does not serve, or stopped.
pub(crate) struct Stop {
    /// Exit code.
    pub(crate) code: u8,
    /// What is wrong and what to do.
    pub(crate) message: String,
}

/// The whole program of a gateway: no arguments = serve on stdio; `--policy` and `--version` print and end.
#[must_use]
pub fn run(policy: &'static Policy) -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(|word| word.to_str().unwrap_or("?")).collect();
    #[cfg(any(feature = "roles", target_os = "linux"))]
    if let Some(ended) = role::of(policy, &words) {
        return ended.unwrap_or_else(|stop| stop.tell());
    }
    let ended = match words.as_slice() {
        [] => first(policy),
        ["--policy"] => print(&explain::policy(policy)),
        ["--version"] => print(&explain::version(policy)),
        _ => Err(Stop { code: 2, message: usage(policy) }),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => stop.tell(),
    }
}

impl Stop {
    /// Says why on stderr; the exit code.
    fn tell(self) -> ExitCode {
        warn(&self.message);
        ExitCode::from(self.code)
    }
}

/// Writes one line to stderr; nothing can be done when that is gone.
pub(crate) fn warn(message: &str) {
    let _ = writeln!(std::io::stderr(), "airlock: {message}");
}

fn usage(policy: &Policy) -> String {
    format!(
        "the gateway {} takes no arguments: it speaks MCP on stdin and stdout. `--policy` prints the compiled policy, `--version` the \
         version and the policy digest. Everything else is compiled in.",
        policy.gateway
    )
}

/// Prints to stdout, for the two modes that do not speak MCP. A closed pipe is the reader's wish.
fn print(text: &str) -> Result<(), Stop> {
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

/// The first process: it starts the helpers before everything, while there is nothing that they could inherit, and then judges.
#[cfg(any(feature = "roles", target_os = "linux"))]
fn first(policy: &'static Policy) -> Result<(), Stop> {
    close_strays()?;
    judge(policy, role::Helpers::start(policy)?)
}

#[cfg(not(any(feature = "roles", target_os = "linux")))]
fn first(policy: &'static Policy) -> Result<(), Stop> {
    close_strays()?;
    let streams = Streams::open();
    open(policy).and_then(|world| serve::serve(world, streams))
}

/// The judge, with the helpers that there are.
#[cfg(any(feature = "roles", target_os = "linux"))]
pub(crate) fn judge(policy: &'static Policy, helpers: role::Helpers) -> Result<(), Stop> {
    let streams = Streams::open();
    open(policy, helpers).and_then(|world| serve::serve(world, streams))
}

/// Key and credentials, then ledger: a gateway without them leaves no trace in the ledger directory. Then the process gives up every other
/// file, before it reads the ledger and starts threads.
fn open(
    policy: &'static Policy,
    #[cfg(any(feature = "roles", target_os = "linux"))]
    #[cfg_attr(not(feature = "roles"), expect(unused_variables, reason = "without roles there are none"))]
    helpers: role::Helpers,
) -> Result<World, Stop> {
    let is_excused = confine::excused(policy)?;
    // It has nothing of what follows.
    #[cfg(target_os = "linux")]
    let clerk = crate::clerk::Started::start(policy)?;
    // Serving goes on where the kernel refuses: the confinement of the process does not rest on this alone.
    if !guard::forbid_dumps() {
        warn("this kernel does not let the process forbid core dumps");
    }
    let source = key_source(policy)?;
    let keys = read_ring(&source, policy.gateway, policy.keys).map_err(|fault| Stop { code: 3, message: fault.to_string() })?;
    let ambient = self::ambient(policy)?;
    #[cfg(feature = "http")]
    let errands = crate::outside::Errands::new(policy, helpers.egress);
    // Without credentials there is nothing that it could lack, and it is waited for before anything is served.
    #[cfg(feature = "http")]
    if role::credentials(policy).next().is_some() {
        errands.await_ready()?;
    }
    #[cfg(feature = "upstream")]
    let upstreams = crate::upstream::Upstreams::new(policy, helpers.launcher);
    let ledger_dir = ledger_dir(policy);
    let unopened = |fault| Stop { code: 4, message: format!("the ledger cannot be opened: {fault}") };
    let prepared = Prepared::new(&ledger_dir, policy, confine::profiles).map_err(unopened)?;
    #[cfg(target_os = "linux")]
    clerk.give(&ledger_dir)?;
    let judge = Judge::of(policy);
    let has_landlock = !is_excused && confine::demand(policy, judge.files(&ledger_dir))?;
    let opened = prepared.open().map_err(unopened)?;
    // From here on nothing is opened by its path.
    #[cfg(target_os = "linux")]
    let (desk, clerk) = clerk.desk();
    #[cfg(target_os = "linux")]
    let opened = opened.with(desk).map_err(unopened)?;
    if has_landlock {
        confine::demand(policy, judge.no_files())?;
    }
    let ledger = opened.begin().map_err(unopened)?;
    remark(policy, &ledger, &ledger_dir);
    Ok(World {
        policy,
        keys,
        ambient,
        ledger,
        #[cfg(target_os = "linux")]
        clerk,
        judge: (!is_excused).then_some(judge),
        #[cfg(feature = "http")]
        errands,
        #[cfg(feature = "upstream")]
        upstreams,
    })
}

/// Closes what whoever started the gateway left open, but for the pipe with the key.
fn close_strays() -> Result<(), Stop> {
    let keep = std::env::var(KEY_FD).ok().and_then(|number| number.parse().ok());
    confine::close_strays(keep).map_err(|fault| Stop {
        code: confine::UNCONFINED,
        message: format!("the gateway does not start: descriptors of others cannot be closed: {fault}"),
    })
}

/// What an operator should know at the start.
fn remark(policy: &Policy, ledger: &Ledger, ledger_dir: &Path) {
    if ledger.is_new() {
        warn(&format!(
            "new ledger in {}. Its public key is {} - keep it elsewhere; `airlock verify-log --key` needs it.",
            ledger_dir.display(),
            ledger.pin()
        ));
    }
    if policy.mode == Mode::Shadow {
        warn(
            "SHADOW MODE: calls of upstreams that would be refused are recorded, and made all the same. This gateway protects little.",
        );
    }
    for tool in policy.tools.iter().filter(|tool| tool.egress.iter().any(|entry| entry.stand_in.is_some())) {
        warn(&format!(
            "{} talks to a local stand-in, not to its real host: this build is for tests and demonstrations.",
            tool.name
        ));
    }
}

/// The lease of the surroundings, where the manifest has that carrier and a file is named. Without one, calls that carry nothing are
/// refused as in any other gateway; so they are where the file is not there, as between two runs of an agent.
fn ambient(policy: &Policy) -> Result<Carried, Stop> {
    let named = std::env::var_os(ambient::LEASE_FILE).filter(|path| policy.lease.carrier_ambient && !path.is_empty());
    let Some(path) = named.map(PathBuf::from) else { return Ok(Carried::default()) };
    if path.symlink_metadata().is_err_and(|fault| fault.kind() == std::io::ErrorKind::NotFound) {
        warn(&format!("there is no lease file {}; calls that carry no lease are refused", path.display()));
        return Ok(Carried::default());
    }
    ambient::read(&path).map_err(|message| Stop { code: 3, message })
}

fn ledger_dir(policy: &Policy) -> PathBuf {
    let named = policy.ledger.dir_env.and_then(std::env::var_os).filter(|path| !path.is_empty());
    named.map_or_else(|| PathBuf::from(policy.ledger.dir_default), PathBuf::from)
}

/// Where the key is: in a named file, on a passed pipe, or among systemd's credentials. One place must be named, so that nobody
/// believes another one to be in use.
fn key_source(policy: &Policy) -> Result<KeySource, Stop> {
    let refused = |message: String| Stop { code: 3, message };
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    match (named(KEY_FILE), named(KEY_FD), named(CREDENTIALS)) {
        (Some(_), Some(_), _) => Err(refused(format!("{KEY_FILE} and {KEY_FD} are both set; name the key in one way"))),
        (Some(path), None, _) => Ok(KeySource::File(path.into())),
        (None, Some(number), _) => {
            let number = number.to_str().and_then(|text| text.parse().ok());
            number.map(KeySource::Pipe).ok_or_else(|| refused(format!("{KEY_FD} is not the number of a descriptor")))
        }
        (None, None, Some(dir)) => Ok(KeySource::Credential(PathBuf::from(dir).join(CREDENTIAL))),
        (None, None, None) => Err(refused(format!(
            "{KEY_FILE} is not set. It must name the file with this gateway's audience key; make one with `airlock key new` and \
             `airlock key derive --audience {}`.",
            policy.gateway
        ))),
    }
}
