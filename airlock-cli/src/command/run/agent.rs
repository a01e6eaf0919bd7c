//! The agent as a child process: it gets what a client needs and no more; signals go in, its end comes out.

use crate::render::{FAILED, Failure, Outcome};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGCHLD, SIGINT, SIGQUIT};
use std::ffi::OsString;
use std::io::IsTerminal;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode};

/// Exit codes from here on name a signal, as shells do it.
const BY_SIGNAL: i32 = 128;
/// Numbers of the signals that end a process which does nothing about them, on Linux: all but SIGKILL, SIGPIPE (which is ignored here), and
/// those by which a process tells of its own faults (ILL, BUS, FPE, SEGV). Below are those with names, then those without.
const ENDING: [i32; 16] = [1, 2, 3, 5, 6, 10, 12, 14, 15, 16, 24, 25, 26, 27, 29, 30];
/// Signals without names: the C library has those before them.
const REAL_TIME: std::ops::RangeInclusive<i32> = 35..=64;
/// Variables that lead to keys or to descriptors: what begins like this is not handed on.
const WITHHELD: [&str; 5] = ["AIRLOCK_", "CREDENTIALS_DIRECTORY", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"];
/// `O_CLOEXEC` in the flags of `/proc/self/fdinfo`.
const CLOSES: u32 = 0o2_000_000;

/// Signals that come in, from now on.
pub(super) struct Signals(signal_hook::iterator::Signals);

impl Signals {
    /// # Errors
    /// The system gives no pipe for them.
    pub(super) fn listen() -> Result<Self, Failure> {
        signal_hook::iterator::Signals::new(ENDING.into_iter().chain(REAL_TIME).chain([SIGCHLD]))
            .map(Self)
            .map_err(|e| Failure::new(format_args!("cannot listen to signals: {e}")))
    }

    /// Waits for the end of the agent and passes on what comes in the meantime.
    pub(super) fn follow(mut self, mut agent: Child) -> Outcome {
        let failed = |e: std::io::Error| Failure::new(format_args!("the agent cannot be waited for: {e}"));
        for signal in self.0.forever() {
            if let Some(status) = agent.try_wait().map_err(failed)? {
                let code = status.code().or_else(|| status.signal().map(|signal| BY_SIGNAL + signal));
                return Ok(ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(FAILED)));
            }
            // A terminal sends these two to the agent itself, which is in the same group.
            let is_sent = matches!(signal, SIGINT | SIGQUIT) && std::io::stdin().is_terminal();
            let passed = match signal {
                SIGCHLD => None,
                // One that cannot be passed on by its number ends the agent all the same.
                signal => Signal::from_named_raw(signal).or(Some(Signal::TERM)),
            };
            if let (Some(signal), Some(pid), false) = (passed, Pid::from_raw(agent.id().cast_signed()), is_sent) {
                // It is not waited for yet, so no other process can have its number; it may have ended.
                let _ = kill_process(pid, signal);
            }
        }
        Err(Failure::new("signals are not heard any more"))
    }
}

/// Starts the agent with what stands for its lease. Of the environment it has what no variable of [`WITHHELD`] is, of descriptors the first
/// three.
///
/// # Errors
/// It cannot be started, or the system does not say which descriptors are open.
pub(super) fn start(command: &[OsString], variables: &[(&str, PathBuf)]) -> Result<Child, Failure> {
    let (program, arguments) = command.split_first().ok_or_else(|| Failure::new("there is no command behind `--`"))?;
    close_inherited()
        .map_err(|e| Failure::new(format_args!("the descriptors that the agent would inherit cannot be closed: {e}")))?;
    let mut agent = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let is_withheld = name.to_str().is_some_and(|name| WITHHELD.iter().any(|start| name.starts_with(start)));
        if is_withheld {
            agent.env_remove(name);
        }
    }
    agent.args(arguments).envs(variables.iter().map(|(name, value)| (name, value)));
    agent.spawn().map_err(|e| {
        Failure::new(format_args!("cannot start {}: {e}", crate::shown::path(program.as_ref())))
            .help("name a program in $PATH, or by its whole path")
    })
}

/// Closes what whoever started this left open, such as a file with a key (`3<issuer.key`). What this program opens itself is closed in the agent
/// by the kernel.
fn close_inherited() -> std::io::Result<()> {
    let numbers =
        std::fs::read_dir("/proc/self/fd")?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    for number in numbers.collect::<Vec<_>>().into_iter().filter(|number| *number > 2) {
        // The one through which they were listed is gone already.
        let Ok(info) = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")) else { continue };
        let flags = info.lines().find_map(|line| u32::from_str_radix(line.strip_prefix("flags:")?.trim(), 8).ok());
        if flags.is_none_or(|flags| flags & CLOSES == 0) {
            nix::unistd::close(number)?;
        }
    }
    Ok(())
}
