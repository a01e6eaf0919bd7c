//! The way out of a sandbox with a network: a socket that listens in its own network namespace, and is served by egress outside.
//!
//! A socket belongs to the namespace in which it was made, whoever holds it. So the process that becomes the server makes it, hands it to
//! egress, and is left with a loopback device and one port that somebody answers.

use super::hold::Namespaces;
use crate::passing;
use crate::policy::upstream::PROXY_PORT;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrV4, SocketFlags, SocketType, bind, listen, recv, send, socket, socket_with,
};
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, OwnedFd};

/// Connections that wait until egress takes them.
const BACKLOG: i32 = 32;
/// `RTM_NEWLINK`, `NLM_F_REQUEST | NLM_F_ACK` and `IFF_UP` of rtnetlink(7).
const NEW_LINK: u16 = 16;
const REQUEST_AND_ACK: u16 = 1 | 4;
const UP: u32 = 1;
/// Number of the loopback device, which each namespace has first.
const LOOPBACK: u32 = 1;
/// `NLMSG_ERROR`: an answer, also a good one, which has the error 0.
const ANSWER: u16 = 2;
/// Bytes of the message, and of its header.
const MESSAGE: usize = 32;

/// A socket that listens.
pub(super) struct Door(OwnedFd);

/// Opens it in the namespace of this process.
///
/// # Errors
/// There is no such namespace, or the kernel refuses.
pub(super) fn open(namespaces: Namespaces) -> Result<Door, String> {
    match namespaces {
        Namespaces::Own => {}
        // The checker refuses such a manifest: the port would be one of the host.
        Namespaces::Refused => return Err("it has no network namespace of its own (userns)".into()),
    }
    raise_loopback().map_err(|fault| format!("its loopback device does not come up: {fault}"))?;
    let failed = |fault: rustix::io::Errno| format!("port {PROXY_PORT} of its own namespace: {fault}");
    // It does not wait, since egress may not say so of a descriptor any more.
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let door = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).map_err(failed)?;
    bind(&door, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, PROXY_PORT)).map_err(failed)?;
    listen(&door, BACKLOG).map_err(failed)?;
    Ok(Door(door))
}

impl Door {
    /// Hands it to egress.
    ///
    /// # Errors
    /// Egress is gone, or takes none.
    pub(super) fn show(self, doors: &OwnedFd, upstream: &str) -> Result<(), String> {
        let Self(door) = self;
        passing::send(doors, upstream.as_bytes(), &[door.as_fd()])
            .map_err(|fault| format!("egress does not take its connections: {fault}"))
    }
}

/// Brings the loopback device up: it is down in a new namespace.
fn raise_loopback() -> std::io::Result<()> {
    // `NETLINK_ROUTE` is 0, which is what no protocol says.
    let netlink = socket(AddressFamily::NETLINK, SocketType::DGRAM, None)?;
    let mut message = Vec::with_capacity(MESSAGE);
    // struct nlmsghdr: length, type, flags, sequence, sender.
    message.extend(u32::try_from(MESSAGE).unwrap_or_default().to_ne_bytes());
    message.extend(NEW_LINK.to_ne_bytes());
    message.extend(REQUEST_AND_ACK.to_ne_bytes());
    message.extend([0; 8]);
    // struct ifinfomsg: family and type, number, flags, which of them change.
    message.extend([0; 4]);
    message.extend(LOOPBACK.to_ne_bytes());
    message.extend(UP.to_ne_bytes());
    message.extend(UP.to_ne_bytes());
    send(&netlink, &message, SendFlags::empty())?;
    let mut answer = [0; 256];
    let (length, _) = recv(&netlink, &mut answer, RecvFlags::empty())?;
    let answer = answer.get(..length).unwrap_or_default();
    let kind = answer.get(4..6).and_then(|bytes| bytes.try_into().ok()).map(u16::from_ne_bytes);
    let error = answer.get(16..20).and_then(|bytes| bytes.try_into().ok()).map(i32::from_ne_bytes);
    match (kind, error) {
        (Some(ANSWER), Some(0)) => Ok(()),
        (Some(ANSWER), Some(error)) => Err(std::io::Error::from_raw_os_error(-error)),
        _ => Err(std::io::Error::other("the kernel does not answer")),
    }
}
