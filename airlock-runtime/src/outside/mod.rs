//! Egress: the one process of a gateway that reaches the network, and the only one that has the credentials of REST tools.
//!
//! The judge tells it a tool, by its place in the policy, and the arguments that were judged. Egress does not believe the judge: it plans and
//! admits the request anew, by the policy that is compiled into it, so that whoever takes the judge over reaches no host that the manifest does
//! not list for that tool, and moves no credential to another host. The judge does not believe egress either: it reads answers within
//! bounds. Whichever of the two ends, the other one ends, too.
//!
//! The role gives nobody anything: who starts this program as egress gets requests that the manifest lists, with credentials of his own.

mod admit;
mod client;
mod link;
mod message;
#[cfg(feature = "upstream")]
mod proxy;
mod serve;
#[cfg_attr(not(feature = "upstream"), allow(dead_code, reason = "such a gateway has no server"))]
mod tally;

pub use client::Errands;
pub(crate) use tally::Row;

use crate::confine::{self, UNCONFINED};
use crate::effect::http::FetchFault;
use crate::effect::secret::Secrets;
use crate::lease::guard;
use crate::policy::{Builtin, Policy, Tool, ToolKind};
use crate::role::{self, Helper, SELF};
use crate::start::Stop;
use message::Report;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use serve::Sockets;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use tokio::task::LocalSet;

/// The argument that makes this program egress, before the judge's process number.
const EGRESS: &str = "--egress";
/// Exit code where there is no egress, or no more.
pub(crate) const CODE: u8 = 8;
/// Exit code where a credential is missing or refused.
const NO_CREDENTIAL: u8 = 5;
/// Exit codes that egress asks the gateway to end with before it serves.
const UNREADY: [u8; 2] = [NO_CREDENTIAL, UNCONFINED];
/// How long egress may take until it has its credentials. It reads variables and files.
const READY_MAX: Duration = Duration::from_secs(10);
/// Longest first report, in bytes: one sentence.
const FIRST_MAX: usize = 8 * 1024;

/// Every code of a call that egress may report, in the order of their numbers on the wire.
const CODES: [&str; FetchFault::CODES.len() + 2] = {
    let mut codes = ["no_credential"; FetchFault::CODES.len() + 2];
    codes[0] = "egress_refused";
    let mut at = 0;
    while at < FetchFault::CODES.len() {
        codes[at + 2] = FetchFault::CODES[at];
        at += 1;
    }
    codes
};

/// Proof of being the process that may reach the network: whatever opens a connection takes one, and only the egress role makes it.
///
/// ```compile_fail,E0423
/// let outside = airlock_runtime::outside::Outside(());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Outside(());

impl Outside {
    /// For requests of a test program. No gateway has it.
    #[cfg(any(test, feature = "rehearsal"))]
    #[must_use]
    pub const fn rehearsed() -> Self {
        Self(())
    }
}

/// The judge's end of egress, before there is an event loop.
#[derive(Debug)]
pub struct Egress(pub(crate) Helper);

/// Is it a tool that reaches the network?
const fn reaches_network(tool: &Tool) -> bool {
    match tool.kind {
        ToolKind::Builtin(Builtin::HttpGetJson | Builtin::WeatherHourly) | ToolKind::Rest(_) => true,
        ToolKind::Builtin(Builtin::AuditTail | Builtin::UsageStats | Builtin::ExposureReport) => false,
        #[cfg(feature = "plan-issue")]
        ToolKind::Builtin(Builtin::IssueCapability) => false,
        #[cfg(feature = "plan-upstream")]
        ToolKind::Upstream(_) => false,
    }
}

/// Does anything of a policy reach the network?
fn is_needed(policy: &Policy) -> bool {
    policy.tools.iter().any(reaches_network) || policy.upstreams.iter().any(|upstream| upstream.proxied().is_some())
}

impl Egress {
    /// Starts egress for a policy that has tools or servers which reach the network. It gets no variable but credentials of tools. `doors`: the
    /// way from such servers.
    ///
    /// # Errors
    /// The system refuses.
    pub(crate) fn start(policy: &'static Policy, doors: Option<OwnedFd>) -> Result<Option<Self>, Stop> {
        if !is_needed(policy) {
            return Ok(None);
        }
        let pair = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None);
        let (ours, theirs) = pair.map_err(|fault| unstarted(&fault))?;
        let mut command = Command::new(SELF);
        // A group of its own: the signal of a terminal is for the gateway, which then ends in order.
        command.args([EGRESS, &std::process::id().to_string()]).arg0(policy.gateway).process_group(0);
        command.stdin(Stdio::from(theirs)).stdout(doors.map_or_else(Stdio::null, Stdio::from)).env_clear();
        for name in role::credentials(policy).flat_map(|name| [name.to_owned(), format!("{name}_FILE")]) {
            command.envs(std::env::var_os(&name).map(|value| (name, value)));
        }
        let process = command.spawn().map_err(|fault| unstarted(&fault))?;
        let process = i32::try_from(process.id()).ok().and_then(Pid::from_raw).ok_or_else(|| unstarted(&"no process number"))?;
        Ok(Some(Self(Helper { socket: ours, process })))
    }

    /// Waits until it has its credentials.
    ///
    /// # Errors
    /// One is missing or refused; the kernel does not confine it; or it has ended.
    pub(crate) fn await_ready(self) -> Result<Self, Stop> {
        let Self(Helper { socket, process }) = self;
        let mut socket = UnixStream::from(socket);
        let report = first_report(&mut socket).map_err(|fault| unstarted(&fault))?;
        match Report::read(&report) {
            Some(Report::Ready) => Ok(Self(Helper { socket: socket.into(), process })),
            Some(Report::Unready(code, message)) => Err(Stop { code, message }),
            Some(Report::Done { .. } | Report::Failed { .. } | Report::Connections(_) | Report::Last) | None => {
                Err(unstarted(&"it says what no egress says"))
            }
        }
    }
}

fn unstarted(fault: &dyn std::fmt::Display) -> Stop {
    Stop { code: CODE, message: format!("the process for requests could not be started: {fault}") }
}

/// The first frame, and not a byte more.
fn first_report(socket: &mut UnixStream) -> std::io::Result<Vec<u8>> {
    let (until, mut frames) = (Instant::now() + READY_MAX, message::Frames::with_max(FIRST_MAX));
    loop {
        let left = until.saturating_duration_since(Instant::now());
        // A wait of no time is refused.
        socket.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        let mut byte = [0];
        match socket.read(&mut byte) {
            Ok(0) => return Err(std::io::Error::new(ErrorKind::UnexpectedEof, "it has ended")),
            Ok(_) => {}
            Err(fault) if fault.kind() == ErrorKind::Interrupted => continue,
            Err(fault) if fault.kind() == ErrorKind::WouldBlock => {
                return Err(std::io::Error::new(ErrorKind::TimedOut, "it does not say that it is ready"));
            }
            Err(fault) => return Err(fault),
        }
        let frame = frames.feed(&mut &byte[..]).map_err(|_| std::io::Error::other("it says what no egress says"))?;
        if let Some(frame) = frame {
            socket.set_read_timeout(None)?;
            return Ok(frame);
        }
    }
}

/// The role that the arguments name, if they name this one.
pub(crate) fn role(policy: &'static Policy, arguments: &[&str]) -> Option<Result<ExitCode, Stop>> {
    match arguments {
        [EGRESS, parent] if is_needed(policy) => Some(main(policy, parent).map(|()| ExitCode::SUCCESS)),
        _ => None,
    }
}

/// Egress from its start to its end. `parent`: the judge, as it named itself.
fn main(policy: &'static Policy, parent: &str) -> Result<(), Stop> {
    let failed = |fault: &dyn std::fmt::Display| Stop { code: CODE, message: format!("the process for requests: {fault}") };
    if !role::is_helper(SocketType::STREAM) {
        return Err(Stop { code: 2, message: "this role is for the gateway alone, which starts it itself".into() });
    }
    guard::forbid_dumps();
    role::close_strays().map_err(|fault| failed(&fault))?;
    // The end of the socket tells of the judge's end, too; this does so where nothing here runs any more.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|fault| failed(&fault))?;
    // It may have died before that, and has said why if there was anything to say. So it is below.
    if getppid().map(Pid::as_raw_pid) != parent.parse().ok() {
        return Ok(());
    }
    role::name("egress");
    let mut socket = UnixStream::from(role::take_stdin().map_err(|fault| failed(&fault))?);
    let doors = role::take_stdout().map_err(|fault| failed(&fault))?;
    // The judge tells it, and ends with the code for it.
    let mut unready = |code: u8, why: String| drop(socket.write_all(&Report::Unready(code, why).write()));
    let secrets = match Secrets::read(policy, |name| std::env::var_os(name)) {
        Ok(secrets) => secrets,
        Err(why) => {
            unready(NO_CREDENTIAL, why);
            return Ok(());
        }
    };
    let confined = match confine::excused(policy)? {
        true => None,
        false => Some(confine::Egress::of(policy)),
    };
    if let Some(profile) = &confined
        && let Err(Stop { code, message }) = confine::demand(policy, profile.files())
    {
        unready(code, message);
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|fault| failed(&fault))?;
    // It has one thread, and nothing yet that others sent.
    let ready = || match confined.map_or(Ok(true), |profile| confine::demand(policy, profile.calls())) {
        Ok(_) => Some(Report::Ready),
        Err(Stop { code, message }) => Some(Report::Unready(code, message)),
    };
    let outside = Outside(());
    let serving = serve::serve(policy, secrets, outside, Sockets { judge: socket.into(), doors }, ready);
    let ended = LocalSet::new().block_on(&runtime, serving);
    // What still looks a name up is not waited for.
    runtime.shutdown_background();
    ended.map_err(|fault| failed(&fault))
}

#[cfg(test)]
mod tests;
