//! The agent as a child process: signals go in, its end comes out.

use crate::render::{FAILED, Failure, Outcome};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use std::ffi::OsString;
use std::io::IsTerminal;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode};

/// Exit codes from here on name a signal, as shells do it.
const BY_SIGNAL: i32 = 128;

/// Signals that come in, from now on.
pub(super) struct Signals(signal_hook::iterator::Signals);

impl Signals {
    /// # Errors
    /// The system gives no pipe for them.
    pub(super) fn listen() -> Result<Self, Failure> {
        let heard = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGCHLD];
        signal_hook::iterator::Signals::new(heard)
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
                SIGHUP => Some(Signal::HUP),
                SIGINT => Some(Signal::INT),
                SIGQUIT => Some(Signal::QUIT),
                SIGTERM => Some(Signal::TERM),
                _ => None,
            };
            if let (Some(signal), Some(pid), false) = (passed, Pid::from_raw(agent.id().cast_signed()), is_sent) {
                // It is not waited for yet, so no other process can have its number; it may have ended.
                let _ = kill_process(pid, signal);
            }
        }
        Err(Failure::new("signals are not heard any more"))
    }
}

/// Starts the agent with what stands for its lease.
///
/// # Errors
/// It cannot be started.
pub(super) fn start(command: &[OsString], variables: &[(&str, PathBuf)]) -> Result<Child, Failure> {
    let (program, arguments) = command.split_first().ok_or_else(|| Failure::new("there is no command behind `--`"))?;
    let started = Command::new(program).args(arguments).envs(variables.iter().map(|(name, value)| (name, value))).spawn();
    started.map_err(|e| Failure::new(format_args!("cannot start {}: {e}", program.display())))
}
