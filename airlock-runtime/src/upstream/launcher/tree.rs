//! Ending everything that this process is the parent of.
//!
//! A process that is marked as a reaper becomes the parent of whatever its descendants leave behind, also of what made itself a session
//! of its own. Only own children are signalled: their numbers cannot be taken by others before this process has waited for them.

use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait};
use std::fs;
use std::time::{Duration, Instant};

/// How long killed processes may take to be gone. One that hangs in the kernel is left to it.
const GONE_MAX: Duration = Duration::from_secs(5);
/// How long to wait between two looks. What a killed process leaves behind arrives a moment after its end.
const LOOK: Duration = Duration::from_millis(2);

/// Makes this process the parent of whatever its descendants leave behind.
///
/// # Errors
/// The kernel refuses, or does not tell a process its children.
pub(super) fn become_reaper() -> Result<(), String> {
    are_children_told()?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .map_err(|fault| format!("the kernel does not make this process a reaper: {fault}"))
}

/// Does this system tell a process its children?
///
/// # Errors
/// It does not.
pub(super) fn are_children_told() -> Result<(), String> {
    children().map(drop).map_err(|fault| format!("/proc does not tell a process its children: {fault}"))
}

/// The children of this process, dead ones included.
pub(super) fn children() -> std::io::Result<Vec<Pid>> {
    let mut all = Vec::new();
    for task in fs::read_dir("/proc/self/task")? {
        let listed = fs::read_to_string(task?.path().join("children"))?;
        all.extend(listed.split_ascii_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)));
    }
    Ok(all)
}

/// Kills every child but those that are kept, and what they leave behind, until there are none.
pub(super) fn sweep(keep: &[Pid]) {
    let begun = Instant::now();
    while begun.elapsed() < GONE_MAX {
        let doomed: Vec<Pid> = children().unwrap_or_default().into_iter().filter(|pid| !keep.contains(pid)).collect();
        if doomed.is_empty() {
            return;
        }
        for pid in doomed {
            let _ = kill_process(pid, Signal::KILL);
            let _ = rustix::process::waitpid(Some(pid), WaitOptions::NOHANG);
        }
        std::thread::sleep(LOOK);
    }
}

/// Takes the status of a child that has ended, whichever it is.
pub(super) fn reap() -> Option<(Pid, i32)> {
    let (pid, status) = wait(WaitOptions::NOHANG).ok().flatten()?;
    let code = status.exit_status().or_else(|| status.terminating_signal().map(|signal| 128 + signal));
    Some((pid, code.unwrap_or(-1)))
}
