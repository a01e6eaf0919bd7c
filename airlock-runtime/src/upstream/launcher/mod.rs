//! The launcher: the one process of a gateway that starts programs.
//!
//! It is started before the gateway has a key, a ledger, a socket or a thread, and told by index which of the compiled-in upstreams to
//! start; it passes on the ends of their pipes. It alone reads their secrets. A gateway that is killed closes the socket, and the
//! launcher ends everything; a launcher that is killed leaves its keepers, which end what they keep. There is no `fork` in it: each role is the same program, started anew with an argument that names the role.
//!
//! The roles give nobody anything: who starts this program as a launcher or keeper can make it start what is compiled in, as himself
//! and with his own variables, which he could start without it. There is no key, no ledger and no policy to be had.

mod confine;
mod keeper;
mod message;
mod stderr;
mod surroundings;
mod tree;

pub(super) use message::{Order, Report, Run, Socket, register};

use crate::lease::guard;
use crate::passing;
use crate::policy::Policy;
use crate::policy::upstream::Upstream;
use crate::role::{self, Helper, SELF, close_strays};
use crate::start::Stop;
use message::PACKET_MAX;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, kill_process};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::rc::Rc;
use std::time::Duration;
use surroundings::Surroundings;
use tokio::net::unix::pipe;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;

/// The argument that makes this program a launcher.
pub(crate) const LAUNCHER: &str = "--launcher";
/// The argument that makes this program a keeper, before an index and the launcher's process number.
pub(crate) const KEEPER: &str = "--keeper";
/// How long an upstream may take to end after its stdin was closed. The official SDKs give as much.
const CLOSE_GRACE: Duration = Duration::from_secs(2);
/// How long it may take after it was asked to.
const TERM_GRACE: Duration = Duration::from_secs(2);
/// What stands with the stdin of a server that has a network, and with its way to egress.
const DOORS: &[u8] = b"doors";
/// Runs of one upstream at once: one that ends and the one that follows it.
const RUNS_MAX: usize = 2;

/// The gateway's end of the launcher.
#[derive(Debug)]
pub struct Launcher(pub(crate) Helper);

impl Launcher {
    /// Starts the launcher of a policy that has upstreams. `doors`: its way to egress.
    ///
    /// # Errors
    /// The system refuses.
    pub(crate) fn start(policy: &'static Policy, doors: Option<OwnedFd>) -> Result<Option<Self>, Stop> {
        if policy.upstreams.is_empty() {
            return Ok(None);
        }
        let failed =
            |fault: String| Stop { code: 6, message: format!("the launcher of upstreams could not be started: {fault}") };
        // It needs that, and would say so too late.
        tree::are_children_told().map_err(failed)?;
        let pair = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None);
        let (ours, theirs) = pair.map_err(|fault| failed(fault.to_string()))?;
        let mut command = Command::new(SELF);
        // A group of its own: the signal of a terminal is for the gateway, which then ends in order.
        command.arg(LAUNCHER).stdin(Stdio::from(theirs)).stdout(doors.map_or_else(Stdio::null, Stdio::from)).process_group(0);
        // Credentials of tools that reach the network are none of its business.
        #[cfg(feature = "http")]
        for name in role::credentials(policy).filter(|name| role::secrets_of_upstreams(policy).all(|other| other != *name)) {
            command.env_remove(name).env_remove(format!("{name}_FILE"));
        }
        let process = command.spawn().map_err(|fault| failed(fault.to_string()))?;
        let process =
            i32::try_from(process.id()).ok().and_then(Pid::from_raw).ok_or_else(|| failed("no process number".into()))?;
        Ok(Some(Self(Helper { socket: ours, process })))
    }
}

/// The role that the arguments name, if they name one.
pub(crate) fn role(policy: &'static Policy, arguments: &[&str]) -> Option<Result<ExitCode, Stop>> {
    match arguments {
        [LAUNCHER] if !policy.upstreams.is_empty() => Some(main(policy).map(|()| ExitCode::SUCCESS)),
        [confine::CONFINED, index] if !policy.upstreams.is_empty() => Some(confine::main(policy, index, false)),
        [confine::CONFINED, index, confine::CHECK] if !policy.upstreams.is_empty() => Some(confine::main(policy, index, true)),
        [KEEPER, index, parent] if !policy.upstreams.is_empty() => Some(keeper::main(policy, index, parent)),
        _ => None,
    }
}

fn main(policy: &'static Policy) -> Result<(), Stop> {
    let failed = |fault: &dyn std::fmt::Display| Stop { code: 6, message: format!("the launcher of upstreams: {fault}") };
    if !role::is_helper(SocketType::SEQPACKET) {
        return Err(Stop { code: 2, message: "this role is for the gateway alone, which starts it itself".into() });
    }
    guard::forbid_dumps();
    close_strays().map_err(|fault| failed(&fault))?;
    if !crate::confine::excused(policy)? {
        crate::confine::demand(policy, crate::confine::Launcher::of(policy).calls())?;
    }
    tree::become_reaper().map_err(|fault| failed(&fault))?;
    let socket = role::take_stdin().map_err(|fault| failed(&fault))?;
    let doors = role::take_stdout().map_err(|fault| failed(&fault))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|fault| failed(&fault))?;
    let local = LocalSet::new();
    local.block_on(&runtime, serve(policy, socket, doors)).map_err(|fault| failed(&fault))
}

/// Takes the way to egress out of stdin, which becomes that of the server.
///
/// # Errors
/// Stdin has no such thing.
fn take_doors() -> std::io::Result<OwnedFd> {
    let mut packet = [0; DOORS.len() + 1];
    let (length, passed) = passing::receive(rustix::stdio::stdin(), &mut packet)?;
    let strange = || std::io::Error::other("its stdin is not as a launcher leaves it");
    let [stdin, doors] = <[OwnedFd; 2]>::try_from(passed).map_err(|_| strange())?;
    if &packet[..length] != DOORS {
        return Err(strange());
    }
    rustix::stdio::dup2_stdin(&stdin)?;
    Ok(doors)
}

/// The runs that there are.
struct Runs {
    policy: &'static Policy,
    log: stderr::Log,
    /// The way to egress, for servers that have a network. Without one it leads nowhere.
    doors: OwnedFd,
    /// Keepers by their run.
    keepers: RefCell<HashMap<Run, Pid>>,
    /// Upstreams of which it was said how they are confined.
    told: RefCell<HashSet<u32>>,
}

/// Does what the gateway says until it is gone, then ends everything.
async fn serve(policy: &'static Policy, socket: OwnedFd, doors: OwnedFd) -> std::io::Result<()> {
    let socket = register(socket)?;
    let runs = Rc::new(Runs { policy, log: stderr::Log::new()?, doors, keepers: RefCell::default(), told: RefCell::default() });
    let mut ended = signal(SignalKind::child())?;
    // Whoever asks the launcher to end means the gateway, which closes the socket when it does.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    loop {
        tokio::select! {
            ready = socket.readable() => {
                ready?;
                match take(&socket) {
                    Took::Order(order) => runs.obey(order, &socket),
                    Took::Nothing => {}
                    Took::End => break,
                }
            }
            _ = ended.recv() => runs.bury(Some(&socket)),
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
    for (signal, grace) in [(None, CLOSE_GRACE), (Some(Signal::TERM), TERM_GRACE + TERM_GRACE)] {
        if let Some(signal) = signal {
            for keeper in runs.keepers.borrow().values() {
                let _ = kill_process(*keeper, signal);
            }
        }
        let all = async {
            while !runs.keepers.borrow().is_empty() {
                ended.recv().await;
                runs.bury(None);
            }
        };
        if tokio::time::timeout(grace, all).await.is_ok() {
            break;
        }
    }
    tree::sweep(&[]);
    Ok(())
}

/// What came from the gateway.
enum Took {
    Order(Order),
    Nothing,
    End,
}

fn take(socket: &Socket) -> Took {
    let mut buffer = [0; PACKET_MAX];
    match message::arrived(socket, &mut buffer) {
        Ok(None) => Took::Nothing,
        // Nobody but the gateway has the other end; one that says what no gateway says is not listened to any longer. An empty packet is
        // the end.
        Ok(Some((length, _))) => match Order::read(&buffer[..length]) {
            Some(Order::Leave) | None => Took::End,
            Some(order) => Took::Order(order),
        },
        Err(_) => Took::End,
    }
}

impl Runs {
    fn obey(self: &Rc<Self>, order: Order, socket: &Socket) {
        match order {
            Order::Start(run) => {
                if let Err(why) = self.start(run, socket) {
                    let _ = Report::Failed { run, why }.send(socket);
                }
            }
            Order::Kill(run) => self.signal(run, Signal::KILL),
            // Nothing is left to do but to end, which [`take`] has told.
            Order::Leave => {}
            Order::End(run) => {
                let runs = Rc::clone(self);
                tokio::task::spawn_local(async move {
                    tokio::time::sleep(CLOSE_GRACE).await;
                    runs.signal(run, Signal::TERM);
                });
            }
        }
    }

    fn signal(&self, run: Run, signal: Signal) {
        if let Some(keeper) = self.keepers.borrow().get(&run) {
            let _ = kill_process(*keeper, signal);
        }
    }

    fn start(&self, run: Run, socket: &Socket) -> Result<(), String> {
        let index = usize::try_from(run.upstream).unwrap_or(usize::MAX);
        let upstream = self.policy.upstreams.get(index).ok_or("there is no such upstream")?;
        let others = self.keepers.borrow().keys().filter(|other| other.upstream == run.upstream).count();
        if others >= RUNS_MAX || self.keepers.borrow().contains_key(&run) {
            return Err("its last runs have not ended yet".into());
        }
        self.confinable(run, upstream)?;
        let surroundings = Surroundings::read(upstream, &|name| std::env::var_os(name))?;
        let secrets = surroundings.fingerprints();
        let Surroundings { variables, secrets: texts } = surroundings;
        let mut command = Command::new(SELF);
        command.args([KEEPER, &index.to_string(), &std::process::id().to_string()]).env_clear().envs(variables);
        let refused = |fault: std::io::Error| format!("the system does not start it: {}", fault.kind());
        let (theirs, stdin) = pipe_with(PipeFlags::CLOEXEC).map_err(|fault| refused(fault.into()))?;
        let theirs = match upstream.proxied() {
            None => theirs,
            Some(_) => passing::leave(DOORS, &[theirs.as_fd(), self.doors.as_fd()]).map_err(|fault| refused(fault.into()))?,
        };
        command.stdin(Stdio::from(theirs)).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().map_err(refused)?;
        let keeper = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or("it has no process number")?;
        self.keepers.borrow_mut().insert(run, keeper);
        if let Some(pipe) = child.stderr.take() {
            let pipe = pipe::Receiver::from_owned_fd(pipe.into()).map_err(refused)?;
            tokio::task::spawn_local(stderr::Lines::new(upstream.name, texts).follow(pipe, self.log.clone()));
        }
        let stdout: OwnedFd = child.stdout.take().ok_or("it has no pipes")?.into();
        // Here, because a confined gateway changes no descriptor.
        for pipe in [&stdin, &stdout] {
            rustix::io::ioctl_fionbio(pipe, true).map_err(|fault| refused(fault.into()))?;
        }
        let started = Report::Started { run, stdin, stdout, secrets };
        started.send(socket).map_err(|fault| {
            self.signal(run, Signal::KILL);
            format!("the gateway does not take it: {fault}")
        })
    }

    /// Is an upstream with a sandbox one that can be confined here? Each start asks: a path may have become another since the last one.
    fn confinable(&self, run: Run, upstream: &Upstream) -> Result<(), String> {
        if upstream.confine.is_none() {
            return Ok(());
        }
        let held = confine::check(run.upstream)?;
        if self.told.borrow_mut().insert(run.upstream) {
            self.log.line(upstream.name, &held);
        }
        Ok(())
    }

    /// Waits for what has ended. Whatever a keeper left behind has become a child of this process and is killed.
    fn bury(&self, socket: Option<&Socket>) {
        while let Some((pid, status)) = tree::reap() {
            let run = self.keepers.borrow().iter().find(|(_, keeper)| **keeper == pid).map(|(run, _)| *run);
            let Some(run) = run else { continue };
            self.keepers.borrow_mut().remove(&run);
            let keep: Vec<Pid> = self.keepers.borrow().values().copied().collect();
            tree::sweep(&keep);
            if let Some(socket) = socket {
                let _ = Report::Ended { run, status }.send(socket);
            }
        }
    }
}
