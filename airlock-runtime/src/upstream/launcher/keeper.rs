//! The parent of one run of an upstream: it starts the program, waits for it, and leaves nothing of it behind.
//!
//! Whatever the program starts and abandons, also as a session of its own, becomes a child of its keeper and of no other, so two
//! upstreams cannot be mistaken for each other. When the launcher dies, the kernel tells the keeper, which then ends its program.

use super::{DOORS, SELF, TERM_GRACE, close_strays, confine, take_doors, tree};
use crate::passing;
use crate::policy::Policy;
use crate::policy::upstream::Upstream;
use crate::start::Stop;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitOptions, getppid, kill_process_group, waitid, waitpid};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep_until};

/// Exit code where the program cannot be started, as shells use it.
const NOT_STARTED: u8 = 127;

/// Runs the program of this index to its end. `parent`: the launcher, as it named itself.
pub(super) fn main(policy: &'static Policy, index: &str, parent: &str) -> Result<ExitCode, Stop> {
    let failed = |what: String| Stop { code: NOT_STARTED, message: what };
    let upstream = index.parse().ok().and_then(|index: usize| policy.upstreams.get(index));
    let upstream = upstream.ok_or_else(|| failed("there is no such upstream".into()))?;
    rustix::process::set_parent_process_death_signal(Some(Signal::TERM))
        .map_err(|fault| failed(format!("the kernel does not tell of the launcher's end: {fault}")))?;
    // It may have died before that.
    if getppid().map(Pid::as_raw_pid) != parent.parse().ok() {
        return Err(failed("the launcher has ended".into()));
    }
    close_strays().map_err(|fault| failed(format!("descriptors of others cannot be closed: {fault}")))?;
    let doors = match upstream.proxied() {
        None => None,
        Some(_) => Some(take_doors().map_err(|fault| failed(format!("it has no way to egress: {fault}")))?),
    };
    if upstream.confine.is_none() && !crate::confine::excused(policy)? {
        // One with a sandbox makes its own namespaces first, and then forbids more than this.
        crate::confine::demand(policy, crate::confine::Server.calls())?;
    }
    tree::become_reaper().map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|fault| failed(format!("the event loop could not start: {fault}")))?;
    let status = runtime.block_on(async {
        let (mut ended, mut asked) = (signal(SignalKind::child())?, signal(SignalKind::terminate())?);
        let leader = start(upstream, index, doors)?;
        let mut kill_at = None;
        loop {
            tokio::select! {
                _ = ended.recv() => {}
                _ = asked.recv(), if kill_at.is_none() => {
                    let _ = kill_process_group(leader, Signal::TERM);
                    kill_at = Some(Instant::now() + TERM_GRACE);
                }
                () = sleep_until(kill_at.unwrap_or_else(Instant::now)), if kill_at.is_some() => break,
            }
            if has_ended(leader) {
                break;
            }
            abandoned(leader);
        }
        // The leader was not waited for, so its number, which is that of the group, belongs to nobody else.
        let _ = kill_process_group(leader, Signal::KILL);
        let status = waitpid(Some(leader), WaitOptions::empty());
        tree::sweep(&[]);
        let status = status.ok().flatten().map(|(_, status)| status);
        let code =
            status.and_then(|status| status.exit_status().or_else(|| status.terminating_signal().map(|signal| 128 + signal)));
        Ok::<_, std::io::Error>(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX))
    });
    let program = upstream.command.first().copied().unwrap_or_default();
    status.map(ExitCode::from).map_err(|fault| failed(format!("{program} cannot be started: {fault}")))
}

/// Starts the program; one with a sandbox by way of a process that confines itself first. The keeper stays outside.
fn start(upstream: &Upstream, index: &str, doors: Option<OwnedFd>) -> std::io::Result<Pid> {
    let absent = || std::io::Error::from(std::io::ErrorKind::NotFound);
    let (program, arguments) = upstream.command.split_first().ok_or_else(absent)?;
    // The environment is what the launcher has put together for this upstream, and nothing else.
    let mut command = match upstream.confine {
        None => Command::new(program),
        Some(_) => Command::new(SELF),
    };
    match upstream.confine {
        None => command.args(arguments),
        Some(_) => command.args([confine::CONFINED, index]),
    };
    if let Some(doors) = doors {
        command.stdin(Stdio::from(passing::leave(DOORS, &[rustix::stdio::stdin(), doors.as_fd()])?));
    }
    let child = command.current_dir(upstream.dir.unwrap_or("/")).process_group(0).spawn()?;
    let leader = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or_else(absent)?;
    // Only the program holds its pipes from now on, so that their ends are its end.
    let nothing = std::fs::File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nothing)?;
    rustix::stdio::dup2_stdout(&nothing)?;
    Ok(leader)
}

/// Has the leader ended? It is not waited for.
fn has_ended(leader: Pid) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(waitid(WaitId::Pid(leader), options), Ok(None))
}

/// Waits for what the program has abandoned and what has ended since.
fn abandoned(leader: Pid) {
    for pid in tree::children().unwrap_or_default() {
        if pid != leader {
            let _ = waitpid(Some(pid), WaitOptions::NOHANG);
        }
    }
}
