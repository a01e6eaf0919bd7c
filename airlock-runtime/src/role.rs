//! Roles: the processes of one gateway. Each is the same program, started anew with an argument that names its role; there is no `fork`.
//!
//! The first process starts the helpers before it has a key, a ledger, a socket or a thread, and then judges. Where its environment has
//! secrets of its helpers, it becomes the judge by starting itself anew without them, under the same process number: what it never had in
//! its memory cannot be read there.

#[cfg(feature = "http")]
use crate::outside::Egress;
use crate::passing;
use crate::policy::Policy;
#[cfg(feature = "http")]
use crate::policy::{Rest, ToolKind};
use crate::start::Stop;
#[cfg(feature = "upstream")]
use crate::upstream::launcher::{self, Launcher};
use rustix::net::{AddressFamily, SocketType, sockopt};
use rustix::process::Pid;
#[cfg(feature = "roles")]
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

/// The argument that makes this program the judge of helpers that are there already.
const JUDGE: &str = "--judge";
/// The program that runs, whatever has become of its file.
pub(crate) const SELF: &str = "/proc/self/exe";
/// Where the kernel has the name of a process.
const COMM: &str = "/proc/self/comm";
/// Longest name of a process, in bytes, with its end of line.
const COMM_MAX: usize = 16;
/// Bytes of a note: a process number for each helper, then the name of the process.
const NOTE_MAX: usize = 4 + 4 + COMM_MAX;

/// A helper: its socket and its process.
#[derive(Debug)]
pub(crate) struct Helper {
    pub(crate) socket: OwnedFd,
    pub(crate) process: Pid,
}

/// The helpers of a policy.
#[derive(Debug)]
pub(crate) struct Helpers {
    #[cfg(feature = "upstream")]
    pub(crate) launcher: Option<Launcher>,
    #[cfg(feature = "http")]
    pub(crate) egress: Option<Egress>,
}

/// The role that the arguments name, if they name one other than that of the first process.
pub(crate) fn of(policy: &'static Policy, arguments: &[&str]) -> Option<Result<ExitCode, Stop>> {
    #[cfg(target_os = "linux")]
    if let Some(ended) = crate::clerk::role(policy, arguments) {
        return Some(ended);
    }
    #[cfg(feature = "upstream")]
    if let Some(ended) = launcher::role(policy, arguments) {
        return Some(ended);
    }
    #[cfg(feature = "http")]
    if let Some(ended) = crate::outside::role(policy, arguments) {
        return Some(ended);
    }
    // Only where a first process may become one.
    (arguments == [JUDGE] && !secrets(policy).is_empty())
        .then(|| Helpers::inherited().and_then(|helpers| crate::start::judge(policy, helpers)).map(|()| ExitCode::SUCCESS))
}

impl Helpers {
    /// Starts what the policy needs. Where the environment has secrets, this process is then started anew without them, and the call
    /// does not return.
    ///
    /// # Errors
    /// The system refuses.
    pub(crate) fn start(policy: &'static Policy) -> Result<Self, Stop> {
        let (from_servers, to_egress) = doors(policy)?;
        let helpers = Self {
            #[cfg(feature = "upstream")]
            launcher: Launcher::start(policy, from_servers)?,
            #[cfg(feature = "http")]
            egress: Egress::start(policy, to_egress)?,
        };
        // A policy with such servers has both features.
        #[cfg(not(feature = "upstream"))]
        drop(from_servers);
        #[cfg(not(feature = "http"))]
        drop(to_egress);
        let secrets = secrets(policy);
        match secrets.iter().any(|name| std::env::var_os(name).is_some()) {
            true => Err(failed("it cannot start anew without secrets", &helpers.hand_over(&secrets))),
            false => Ok(helpers),
        }
    }

    /// Starts this program anew as the judge, in this process and without these variables. What it must have is left in a socket that takes
    /// the place of stdin, since a program gets its own descriptors from their numbers only by `unsafe` code. Returns only what is wrong.
    fn hand_over(self, without: &[&str]) -> io::Error {
        let begun = || {
            let comm = std::fs::read(COMM).unwrap_or_default();
            let stdin = rustix::stdio::stdin();
            let mut note = Vec::with_capacity(NOTE_MAX);
            let mut passed: Vec<BorrowedFd<'_>> = vec![stdin];
            for helper in self.each() {
                note.extend(helper.map_or(0, |helper| helper.process.as_raw_pid()).to_le_bytes());
                passed.extend(helper.map(|helper| helper.socket.as_fd()));
            }
            note.extend(&comm[..comm.len().min(COMM_MAX)]);
            Ok(rustix::stdio::dup2_stdin(passing::leave(&note, &passed)?)?)
        };
        if let Err(fault) = begun() {
            return fault;
        }
        let mut command = Command::new(SELF);
        command.args([JUDGE]).arg0(std::env::args_os().next().unwrap_or_default());
        for name in without {
            command.env_remove(name);
        }
        command.exec()
    }

    /// Takes what [`Self::hand_over`] has left in stdin, which becomes the client's again.
    ///
    /// # Errors
    /// Stdin has no such thing: somebody else has started this program with the argument.
    fn inherited() -> Result<Self, Stop> {
        let stranger = || Stop { code: 2, message: "this role is for the gateway alone, which takes it itself".into() };
        if !is_helper(SocketType::SEQPACKET) {
            return Err(stranger());
        }
        let mut note = [0; NOTE_MAX];
        let (length, passed) = passing::receive(rustix::stdio::stdin(), &mut note).map_err(|_| stranger())?;
        let mut passed = passed.into_iter();
        let stdin = passed.next().ok_or_else(stranger)?;
        let (numbers, comm) = note[..length].split_at_checked(8).ok_or_else(stranger)?;
        let mut helper = |at: usize| {
            let number = numbers.get(at..at + 4).and_then(|bytes| Some(i32::from_le_bytes(bytes.try_into().ok()?)));
            let process = number.and_then(Pid::from_raw)?;
            Some(Helper { socket: passed.next()?, process })
        };
        let (launcher, egress) = (helper(0), helper(4));
        rustix::stdio::dup2_stdin(&stdin).map_err(|fault| failed("stdin cannot be taken back", &fault.into()))?;
        // Whoever looks for the gateway by its name finds it. It is the name of the first process.
        name(comm);
        let _ = (&launcher, &egress);
        Ok(Self {
            #[cfg(feature = "upstream")]
            launcher: launcher.map(Launcher),
            #[cfg(feature = "http")]
            egress: egress.map(Egress),
        })
    }

    /// Launcher, then egress.
    fn each(&self) -> [Option<&Helper>; 2] {
        #[cfg(feature = "upstream")]
        let launcher = self.launcher.as_ref().map(|Launcher(helper)| helper);
        #[cfg(not(feature = "upstream"))]
        let launcher = None;
        #[cfg(feature = "http")]
        let egress = self.egress.as_ref().map(|Egress(helper)| helper);
        #[cfg(not(feature = "http"))]
        let egress = None;
        [launcher, egress]
    }
}

/// The way from foreign servers with a network to egress: the launcher's end, and that of egress. No message goes over it but sockets that
/// listen in the sandbox of a server.
fn doors(policy: &Policy) -> Result<(Option<OwnedFd>, Option<OwnedFd>), Stop> {
    if policy.upstreams.iter().all(|upstream| upstream.proxied().is_none()) {
        return Ok((None, None));
    }
    let (one, other) = passing::pair().map_err(|fault| failed("a way from servers to egress", &fault.into()))?;
    Ok((Some(one), Some(other)))
}

fn failed(what: &str, fault: &io::Error) -> Stop {
    Stop { code: 8, message: format!("the gateway's processes could not be started: {what}: {fault}") }
}

/// Variables of the gateway that hold secrets of its helpers.
fn secrets(policy: &'static Policy) -> Vec<&'static str> {
    secrets_of_upstreams(policy).chain(credentials(policy)).collect()
}

/// Variables that hold credentials of REST tools.
#[cfg(feature = "http")]
pub(crate) fn credentials(policy: &'static Policy) -> impl Iterator<Item = &'static str> {
    policy.tools.iter().filter_map(|tool| {
        let ToolKind::Rest(Rest { auth: Some(auth), .. }) = tool.kind else { return None };
        Some(auth.env)
    })
}

#[cfg(not(feature = "http"))]
fn credentials(_: &'static Policy) -> impl Iterator<Item = &'static str> {
    std::iter::empty()
}

/// Variables that hold secrets of upstreams.
pub(crate) fn secrets_of_upstreams(policy: &'static Policy) -> impl Iterator<Item = &'static str> {
    use crate::policy::upstream::Value;
    policy.upstreams.iter().flat_map(|upstream| upstream.env).filter_map(|variable| match variable.value {
        Value::Secret(name) => Some(name),
        Value::Literal(_) | Value::From(_) => None,
    })
}

/// Is stdin a socket as the gateway makes it for a role?
pub(crate) fn is_helper(kind: SocketType) -> bool {
    let stdin = rustix::stdio::stdin();
    sockopt::socket_domain(stdin) == Ok(AddressFamily::UNIX) && sockopt::socket_type(stdin) == Ok(kind)
}

/// Takes the socket out of stdin, which is empty then.
///
/// # Errors
/// Those of the system.
#[cfg(feature = "roles")]
pub(crate) fn take_stdin() -> io::Result<OwnedFd> {
    let socket = rustix::stdio::stdin().try_clone_to_owned()?;
    rustix::stdio::dup2_stdin(&File::open("/dev/null")?)?;
    Ok(socket)
}

/// Takes the socket out of stdout, which leads nowhere then.
///
/// # Errors
/// Those of the system.
#[cfg(feature = "roles")]
pub(crate) fn take_stdout() -> io::Result<OwnedFd> {
    let socket = rustix::stdio::stdout().try_clone_to_owned()?;
    rustix::stdio::dup2_stdout(&File::options().write(true).open("/dev/null")?)?;
    Ok(socket)
}

/// Closes every descriptor beyond stderr. Whoever started the gateway may have left some open, the pipe with its key among them.
///
/// # Errors
/// The system does not say which are open.
pub(crate) fn close_strays() -> io::Result<()> {
    crate::confine::close_strays(None)
}

/// Gives this process a name that tells its role.
pub(crate) fn name(name: impl AsRef<[u8]>) {
    // For people alone: where the kernel has no place for it, nothing is lost.
    let _ = std::fs::write(COMM, name);
}
