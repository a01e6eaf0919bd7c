//! Namespaces, capabilities and limits of the process that becomes an upstream.

use crate::policy::upstream::ProcessLimits;
use nix::sched::CloneFlags;
use rustix::process::{Resource, Rlimit, getgid, getuid, setrlimit};
use std::fs;

/// Whether a process has namespaces of its own.
#[derive(Debug, Clone, Copy)]
pub(super) enum Namespaces {
    Own,
    Refused,
}

impl Namespaces {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Own => "namespaces for users, network and IPC",
            Self::Refused => "no namespaces, which this host refuses and the manifest allows",
        }
    }
}

/// Leaves the namespaces of the host for users, network and IPC. The network that it comes to has no device that is up.
///
/// # Errors
/// The host refuses; `userns` is in the message, as the manifest names it.
pub(super) fn unshare() -> Result<(), String> {
    let (user, group) = (getuid().as_raw(), getgid().as_raw());
    let all = CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC;
    nix::sched::unshare(all).map_err(|fault| format!("this host gives it no namespaces of its own (userns): {fault}"))?;
    // The user keeps its number, and there is no other one.
    let maps = [
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/uid_map", format!("{user} {user} 1")),
        ("/proc/self/gid_map", format!("{group} {group} 1")),
    ];
    for (path, text) in maps {
        fs::write(path, text).map_err(|fault| format!("{path} cannot be written (userns): {fault}"))?;
    }
    Ok(())
}

/// Bounds this process and those that it starts, each by itself; and their number, where the kernel counts it. What is said of that.
///
/// The kernel counts processes by user and user namespace, so that of the host would bound everything that this user runs. It counts none of root.
///
/// # Errors
/// The limits of the gateway are lower, or the kernel refuses.
pub(super) fn set_limits(limits: &ProcessLimits, namespaces: Namespaces) -> Result<String, String> {
    let ProcessLimits { data, fsize, cpu, files, processes } = *limits;
    let is_counted = matches!(namespaces, Namespaces::Own);
    // A dump of its memory is a file that nobody asked for.
    let bounds = [
        (Resource::Core, Some(0), "core"),
        (Resource::Data, Some(data), "data"),
        (Resource::Fsize, Some(fsize), "fsize"),
        (Resource::Cpu, cpu, "cpu"),
        (Resource::Nofile, Some(files), "files"),
        (Resource::Nproc, is_counted.then_some(processes), "processes"),
    ];
    for (resource, bound, name) in bounds {
        let Some(bound) = bound else { continue };
        // What the gateway itself is held to is not raised.
        let least = rustix::process::getrlimit(resource).maximum.map_or(bound, |most| most.min(bound));
        setrlimit(resource, Rlimit { current: Some(least), maximum: Some(least) })
            .map_err(|fault| format!("its limit `{name}` cannot be set: {fault}"))?;
    }
    Ok(match (namespaces, getuid().is_root()) {
        (Namespaces::Own, false) => format!("{processes} processes at most"),
        (Namespaces::Own, true) => "any number of processes, since it is run by root".to_owned(),
        (Namespaces::Refused, _) => "any number of processes, without namespaces".to_owned(),
    })
}
