//! The clerk: the one process of a gateway that opens files while it serves, and only those of the ledger.
//!
//! The judge has no path left: it opens, lists, renames and removes nothing. What the ledger needs of that (a draft that takes the place of the
//! checkpoint, the next segment, segments to read for a report) it orders from the clerk by numbers (`ledger::folder`), and gets open
//! files back. The clerk has the directory and nothing else: no key, no network, no other file, no program. It does not read what is in the
//! files, and the order of things that a crash must find on disk is the same as without it.
//!
//! When the clerk ends, the gateway does: a ledger of which no segment can be begun is none. When the judge ends, the socket does, and the clerk.

mod message;

use crate::confine::{self, UNCONFINED};
use crate::lease::guard;
use crate::ledger::folder::{Clerk, Draft, Order, Report, perform};
use crate::passing;
use crate::policy::Policy;
use crate::role::{self, SELF};
use crate::start::Stop;
use message::{DIRECTORY, ORDER, PACKET_MAX, Said, read_order, write_order};
use rustix::io::Errno;
use rustix::net::{SocketType, sockopt};
use rustix::param::linux_execfn;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use std::cell::{Cell, OnceCell, RefCell};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::unix::pipe;

/// The argument that makes this program a clerk, before the judge's process number.
const CLERK: &str = "--clerk";
/// Exit code where there is no clerk, or no more.
pub(crate) const CODE: u8 = 8;
/// How long the clerk may take for one order, and until it is confined. An order that waits for the disk waits for one commit of the file
/// system's journal that has begun and for its own; the journal is put on disk every five seconds, so a disk that takes longer than two of these does
/// not keep up. Whether it is that, or a clerk that was stopped: what the ledger needs is not there, and nothing goes on without.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// The judge's end of a clerk that has begun to run.
#[derive(Debug)]
pub(crate) struct Started {
    socket: OwnedFd,
    /// Nothing comes through it but its end, which is that of the clerk.
    end: OwnedFd,
}

fn failed(fault: &dyn std::fmt::Display) -> Stop {
    Stop { code: CODE, message: format!("the process that opens the ledger's files could not be started: {fault}") }
}

/// The program that runs. Where there is no `/proc`, as in an empty root directory, what the kernel was told to run.
fn program() -> PathBuf {
    let own = Path::new(SELF);
    match own.symlink_metadata() {
        Ok(_) => own.to_owned(),
        // A name without a slash would be looked for elsewhere.
        Err(_) => Path::new(".").join(OsStr::from_bytes(linux_execfn().to_bytes())),
    }
}

impl Started {
    /// Starts the clerk.
    ///
    /// # Errors
    /// The system refuses.
    pub(crate) fn start(policy: &'static Policy) -> Result<Self, Stop> {
        let (socket, theirs) = passing::pair().map_err(|fault| failed(&fault))?;
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(ANSWER_MAX)).map_err(|fault| failed(&fault))?;
        let mut command = Command::new(program());
        // A group of its own: the signal of a terminal is for the gateway, which then ends in order.
        command.args([CLERK, &std::process::id().to_string()]).arg0(policy.gateway).process_group(0);
        command.stdin(Stdio::from(theirs)).stdout(Stdio::piped()).env_clear();
        let mut child = command.spawn().map_err(|fault| failed(&fault))?;
        let end = child.stdout.take().ok_or_else(|| failed(&"it has no pipe"))?.into();
        Ok(Self { socket, end })
    }

    /// Gives it the directory, in which it does what it is told from then on.
    ///
    /// # Errors
    /// There is no such directory, or no clerk.
    pub(crate) fn give(&self, dir: &Path) -> Result<(), Stop> {
        let dir = File::open(dir).map_err(|fault| failed(&fault))?;
        passing::send(&self.socket, DIRECTORY, &[dir.as_fd()]).map_err(|fault| failed(&fault))
    }

    /// Whom the ledger may ask, and what tells of the end.
    pub(crate) fn desk(self) -> (Arc<Desk>, Watch) {
        let desk = Arc::new(Desk(Mutex::new(Line::Starting(self.socket))));
        (Arc::clone(&desk), Watch { desk: Some(desk), end: RefCell::new(Some(self.end)), ..Watch::default() })
    }
}

/// The way to a clerk. After a fault it is not asked again: what it says then may be the answer to another order.
#[derive(Debug)]
pub(crate) struct Desk(Mutex<Line>);

#[derive(Debug)]
enum Line {
    /// It has not said yet that it is confined.
    Starting(OwnedFd),
    /// It does what it is told.
    Open(OwnedFd),
    /// It is not asked any more.
    Gone,
}

fn gone() -> io::Error {
    io::Error::other("the process that opens the ledger's files has ended")
}

/// What it says next.
fn hear(socket: &OwnedFd) -> io::Result<Said> {
    let mut packet = [0; PACKET_MAX];
    let (length, descriptors) = passing::wait(socket, &mut packet)?;
    Said::read(&packet[..length], descriptors).ok_or_else(gone)
}

impl Desk {
    /// Waits until it is confined.
    ///
    /// # Errors
    /// The kernel does not confine it, or it has ended.
    fn await_ready(&self) -> Result<(), Stop> {
        let mut line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *line, Line::Gone) {
            Line::Starting(socket) => match hear(&socket) {
                Ok(Said::Ready) => *line = Line::Open(socket),
                Ok(Said::Unready(UNCONFINED, message)) => return Err(Stop { code: UNCONFINED, message }),
                Ok(Said::Unready(..) | Said::Report(_)) => return Err(failed(&"it says what no clerk says")),
                Err(fault) => return Err(failed(&fault)),
            },
            Line::Open(socket) => *line = Line::Open(socket),
            Line::Gone => return Err(failed(&gone())),
        }
        Ok(())
    }
}

impl Clerk for Desk {
    fn ask(&self, order: Order) -> io::Result<Report> {
        self.await_ready().map_err(|Stop { message, .. }| io::Error::other(message))?;
        let mut line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Line::Open(socket) = &*line else { return Err(gone()) };
        match passing::tell(socket, &write_order(order)).map_err(io::Error::from).and_then(|()| hear(socket)) {
            Ok(Said::Report(report)) => report,
            Ok(Said::Ready | Said::Unready(..)) | Err(_) => {
                *line = Line::Gone;
                Err(gone())
            }
        }
    }
}

/// What tells the judge that its clerk has ended.
#[derive(Debug, Default)]
pub struct Watch {
    desk: Option<Arc<Desk>>,
    /// Before the event loop runs.
    end: RefCell<Option<OwnedFd>>,
    /// While it runs.
    pipe: OnceCell<pipe::Receiver>,
    has_ended: Cell<bool>,
}

impl Watch {
    /// Waits until the clerk is confined, and begins to listen for its end, within an event loop.
    ///
    /// # Errors
    /// It is not confined, or has ended already.
    pub(crate) fn begin(&self) -> Result<(), Stop> {
        self.desk.as_ref().map_or(Ok(()), |desk| desk.await_ready())?;
        if let Some(end) = self.end.borrow_mut().take() {
            // It is set once: there is one end to take.
            let _ = self.pipe.set(pipe::Receiver::from_owned_fd(end).map_err(|fault| failed(&fault))?);
        }
        Ok(())
    }

    /// Waits until the clerk has ended. Without one, for ever.
    pub(crate) async fn broken(&self) {
        let Some(pipe) = self.pipe.get() else { return std::future::pending().await };
        loop {
            let ready = pipe.readable().await;
            match ready.and_then(|()| pipe.try_read(&mut [0])) {
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {}
                // A clerk says nothing here.
                Ok(_) | Err(_) => break,
            }
        }
        self.has_ended.set(true);
    }

    /// Has it ended?
    pub(crate) const fn is_broken(&self) -> bool {
        self.has_ended.get()
    }
}

/// The role that the arguments name, if they name this one.
pub(crate) fn role(policy: &'static Policy, arguments: &[&str]) -> Option<Result<ExitCode, Stop>> {
    match arguments {
        [CLERK, parent] => Some(main(policy, parent).map(|()| ExitCode::SUCCESS)),
        _ => None,
    }
}

/// The clerk from its start to its end. `parent`: the judge, as it named itself.
fn main(policy: &'static Policy, parent: &str) -> Result<(), Stop> {
    let failed = |fault: &dyn std::fmt::Display| Stop {
        code: CODE,
        message: format!("the process that opens the ledger's files: {fault}"),
    };
    if !role::is_helper(SocketType::SEQPACKET) {
        return Err(Stop { code: 2, message: "this role is for the gateway alone, which starts it itself".into() });
    }
    guard::forbid_dumps();
    role::close_strays().map_err(|fault| failed(&fault))?;
    // The end of the socket tells of the judge's end, too; this does so where nothing here runs any more.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|fault| failed(&fault))?;
    // It may have died before that.
    if getppid().map(Pid::as_raw_pid) != parent.parse().ok() {
        return Ok(());
    }
    role::name("clerk");
    // It stays where it is: there may be no `/dev/null` to put in its place.
    let socket = rustix::stdio::stdin();
    let mut packet = [0; DIRECTORY.len() + 1];
    let (length, descriptors) = match passing::wait(socket, &mut packet).map_err(io::Error::from) {
        Err(fault) if is_gone(&fault) => return Ok(()),
        got => got.map_err(|fault| failed(&fault))?,
    };
    let dir = match <[OwnedFd; 1]>::try_from(descriptors) {
        // A judge that has said why it does not serve gives none.
        Err(_) if length == 0 => return Ok(()),
        Ok([dir]) if &packet[..length] == DIRECTORY => dir,
        Ok(_) | Err(_) => return Err(failed(&"the gateway does not say which directory")),
    };
    rustix::process::fchdir(&dir).map_err(|fault| failed(&fault))?;
    drop(dir);
    let profile = confine::Clerk;
    // What is missing and may be so, the judge tells: it has the same kernel.
    let confined =
        confine::missing(policy, profile.files(Path::new("."))).and_then(|_| confine::missing(policy, profile.calls()));
    if let Err(Stop { code, message }) = confined {
        return unless_gone(Said::Unready(code, message).send(socket).map_err(io::Error::from)).map_err(|fault| failed(&fault));
    }
    let served = Said::Ready.send(socket).map_err(io::Error::from).and_then(|()| serve(socket, Path::new(".")));
    unless_gone(served).map_err(|fault| failed(&fault))
}

/// Is the judge gone? It has said why it ends, and nobody needs to hear of it twice.
fn is_gone(fault: &io::Error) -> bool {
    matches!(fault.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
}

fn unless_gone(done: io::Result<()>) -> io::Result<()> {
    done.or_else(|fault| if is_gone(&fault) { Ok(()) } else { Err(fault) })
}

/// Does what it is told in this directory until the judge is gone.
fn serve(socket: impl AsFd, dir: &Path) -> io::Result<()> {
    let mut draft = None;
    loop {
        let mut packet = [0; ORDER + 1];
        let (length, descriptors) = passing::wait(&socket, &mut packet)?;
        if length == 0 {
            return Ok(());
        }
        let order = read_order(&packet[..length]).filter(|_| descriptors.is_empty());
        let order = order.ok_or_else(|| io::Error::other("the gateway says what no gateway says"))?;
        let report = match order {
            Order::Draft(place) => Draft::at(dir, place).and_then(|begun| {
                let file = begun.file.try_clone()?;
                draft = Some(begun);
                Ok(Report::File(file))
            }),
            Order::Publish => draft.take().map_or_else(|| Err(Errno::NOENT.into()), Draft::publish).map(|()| Report::Done),
            order => perform(dir, order),
        };
        Said::Report(report).send(&socket)?;
    }
}

#[cfg(test)]
mod tests;
