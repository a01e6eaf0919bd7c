//! A process that confines itself and then becomes the program of an upstream.
//!
//! It is the gateway's own binary in a role of its own, with one thread and nothing in it, so everything that it does to itself holds for the
//! program and for whatever that starts. Its parent, the keeper, stays outside: it is no part of the sandbox, so that nothing in there can
//! signal or trace it. The order matters: descriptors and paths while they can still be opened, namespaces while capabilities can still be had in
//! them, capabilities, Landlock, the filter of system calls, the program.

mod calls;
mod door;
mod hold;
mod program;
mod rights;

use crate::confine::disarm;
use crate::policy::Policy;
use crate::policy::upstream::{Confine, Feature, Upstream};
use crate::start::Stop;
use hold::Namespaces;
use rustix::process::Signal;
use rustix::thread::CapabilitySet;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

/// The argument that makes this program a confined one, before an index.
pub(crate) const CONFINED: &str = "--confined";
/// Behind the index: nothing is run; what holds is told on stdout.
pub(super) const CHECK: &str = "check";
/// Exit code where the program cannot be confined, as shells use it for what they cannot run.
const NOT_CONFINED: u8 = 126;
/// Longest report of a check, in bytes.
const REPORT_MAX: usize = 400;

/// Confines itself and becomes the program of this index; with `only_check`, says what holds and ends.
pub(super) fn main(policy: &'static Policy, index: &str, only_check: bool) -> Result<ExitCode, Stop> {
    let refused = |message: String| Stop { code: NOT_CONFINED, message };
    let upstream = index.parse().ok().and_then(|index: usize| policy.upstreams.get(index));
    let upstream = upstream.ok_or_else(|| refused("there is no such upstream".into()))?;
    let confine = upstream.confine.as_ref().ok_or_else(|| refused("it has no sandbox".into()))?;
    let held = hold(upstream, confine, only_check).map_err(|problem| refused(format!("it cannot be confined: {problem}")))?;
    if only_check {
        let _ = writeln!(std::io::stdout(), "{held}");
        return Ok(ExitCode::SUCCESS);
    }
    let (program, arguments) = upstream.command.split_first().ok_or_else(|| refused("it has no command".into()))?;
    let fault = Command::new(program).args(arguments).exec();
    Err(refused(format!("{program} cannot be started: {fault}")))
}

/// Takes from this process whatever the manifest does not give it. What holds, in words.
fn hold(upstream: &Upstream, confine: &Confine, only_check: bool) -> Result<String, String> {
    super::close_strays().map_err(|fault| format!("descriptors of others cannot be closed: {fault}"))?;
    // Whoever kills the keeper ends what it keeps.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|fault| format!("the kernel does not tell of the keeper's end: {fault}"))?;
    let doors = match (confine.proxied(), only_check) {
        (Some(_), false) => Some(super::take_doors().map_err(|fault| format!("it has no way to egress: {fault}"))?),
        (Some(_), true) | (None, _) => None,
    };
    let ruleset = rights::ruleset(upstream, confine)?;
    let namespaces = match hold::unshare() {
        Ok(()) => Namespaces::Own,
        Err(_) if confine.allow_missing.contains(&Feature::Userns) => Namespaces::Refused,
        Err(problem) => return Err(problem),
    };
    if confine.proxied().is_some() {
        let door = door::open(namespaces)?;
        doors.map_or(Ok(()), |doors| door.show(&doors, upstream.name))?;
    }
    disarm(CapabilitySet::empty())?;
    let number = hold::set_limits(&confine.limits, namespaces)?;
    let landlock = rights::restrict(ruleset)?;
    calls::filter(confine.proxied().is_some())?;
    let network = if confine.proxied().is_some() { ", TLS through egress" } else { "" };
    Ok(format!("the kernel confines it: {landlock}, {}, {}, {number}{network}", calls::WORDS, namespaces.words()))
}

/// Asks whether this upstream can be confined here, by doing it to a process that ends at once.
///
/// # Errors
/// Why not: it names the feature of the kernel, or the path.
pub(super) fn check(index: u32) -> Result<String, String> {
    let mut command = Command::new(super::SELF);
    command.args([CONFINED, &index.to_string(), CHECK]).env_clear().stdin(Stdio::null());
    let output =
        command.output().map_err(|fault| format!("the system does not start the check of its sandbox: {}", fault.kind()))?;
    let told = if output.status.success() { output.stdout } else { output.stderr };
    let text: String = String::from_utf8_lossy(&told).trim().chars().take(REPORT_MAX).collect();
    match output.status.success() {
        true => Ok(text),
        false => Err(text.strip_prefix("airlock: ").unwrap_or("it cannot be confined").to_owned()),
    }
}
