//! What a role gives up before any filter: descriptors of others, capabilities, core files, and the right to more than it needs.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};
use rustix::thread::{CapabilitySet, CapabilitySets};
#[cfg(feature = "gateway")]
use std::os::fd::RawFd;

/// Most descriptors at once: two for each of the calls that may be open (a connection and a lookup), as many again for the pipes of
/// foreign servers, and some for the ledger and the event loop.
const DESCRIPTORS_MAX: u64 = 4 * crate::limits::IN_FLIGHT_MAX as u64 + 64;
/// Numbers that are looked at where `/proc` does not say which are open: the most that a kernel allows by default.
#[cfg(feature = "gateway")]
const NUMBERS_MAX: u64 = 1 << 20;

/// Closes every descriptor beyond stderr but this one. Whoever started the program may have left some open.
///
/// # Errors
/// The system does not say which are open.
#[cfg(feature = "gateway")]
pub(crate) fn close_strays(keep: Option<RawFd>) -> std::io::Result<()> {
    let strays = |number: &RawFd| *number > 2 && Some(*number) != keep;
    let open: Vec<RawFd> = match std::fs::read_dir("/proc/self/fd") {
        Ok(listed) => listed.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect(),
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => {
            let most = getrlimit(Resource::Nofile).current.unwrap_or(NUMBERS_MAX).min(NUMBERS_MAX);
            (3..RawFd::try_from(most).unwrap_or(RawFd::MAX)).collect()
        }
        Err(fault) => return Err(fault),
    };
    for stray in open.into_iter().filter(strays) {
        // The one through which they were listed is closed already.
        let _ = nix::unistd::close(stray);
    }
    Ok(())
}

/// Takes from the process what no role needs: files of its own are for its owner alone, there are no more descriptors than the limits
/// need, a program that it might run gains nothing.
///
/// # Errors
/// The kernel refuses to take something away.
pub(super) fn shed() -> Result<(), String> {
    umask(rustix::fs::Mode::from_raw_mode(0o077));
    let refused = |what: &'static str| move |fault: rustix::io::Errno| format!("the kernel does not {what}: {fault}");
    let hard = getrlimit(Resource::Nofile).maximum.map_or(DESCRIPTORS_MAX, |hard| hard.min(DESCRIPTORS_MAX));
    setrlimit(Resource::Nofile, Rlimit { current: Some(hard), maximum: Some(hard) }).map_err(refused("bound descriptors"))?;
    disarm(CapabilitySet::empty())
}

/// Takes every privilege from the process and what it starts, but for these capabilities if it has them, and leaves the rest to them.
///
/// # Errors
/// The kernel refuses to take something away.
pub(crate) fn disarm(keep: CapabilitySet) -> Result<(), String> {
    let refused = |what: &'static str| move |fault: rustix::io::Errno| format!("the kernel does not {what}: {fault}");
    rustix::thread::set_no_new_privs(true).map_err(refused("forbid new privileges"))?;
    drop_capabilities(keep).map_err(refused("take capabilities away"))
}

/// Gives up every capability. The bounding set is emptied as far as the process may; without privileges of its own it cannot, and
/// `no_new_privs` makes it of no use.
fn drop_capabilities(keep: CapabilitySet) -> rustix::io::Result<()> {
    for number in 0..64 {
        let one = CapabilitySet::from_bits_retain(1 << number);
        if keep.contains(one) {
            continue;
        }
        // A kernel knows some forty, and says of the others that there are none.
        let _ = rustix::thread::remove_capability_from_bounding_set(one);
    }
    rustix::thread::clear_ambient_capability_set()?;
    let has = rustix::thread::capabilities(None)?;
    let keep = has.permitted & keep;
    let left = CapabilitySets { effective: keep, permitted: keep, inheritable: CapabilitySet::empty() };
    // A service manager may have taken them already, and the call with them.
    match has == left {
        true => Ok(()),
        false => rustix::thread::set_capabilities(None, left),
    }
}
