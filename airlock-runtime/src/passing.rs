//! Descriptors that pass from one process of a gateway to another: packets of a socket pair, with a few bytes and what is open.
//!
//! A program gets its own descriptors from their numbers only by `unsafe` code, so what one must have from its start is left in a socket
//! that takes the place of its stdin ([`leave`]).

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Descriptors of one packet at most: stdin, and a socket of each helper.
pub(crate) const PASSED_MAX: usize = 3;

/// Both ends of a connection of packets.
///
/// # Errors
/// Those of the system.
pub(crate) fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
}

/// Sends a packet with descriptors, without waiting.
///
/// # Errors
/// Those of the socket.
pub(crate) fn send(socket: impl AsFd, packet: &[u8], descriptors: &[BorrowedFd<'_>]) -> Result<(), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(PASSED_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(Errno::INVAL);
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    sendmsg(socket, &[IoSlice::new(packet)], &mut control, flags).map(|_| ())
}

/// Sends a packet without descriptors, by the call that can send none.
///
/// # Errors
/// Those of the socket.
pub(crate) fn tell(socket: impl AsFd, packet: &[u8]) -> Result<(), Errno> {
    rustix::net::send(socket, packet, SendFlags::NOSIGNAL | SendFlags::DONTWAIT).map(|_| ())
}

/// Takes one packet, if there is one, and the descriptors that came with it. An empty packet is the end of the connection.
///
/// # Errors
/// Those of the socket; a packet that was cut off is `EMSGSIZE`.
pub(crate) fn receive(socket: impl AsFd, buffer: &mut [u8]) -> Result<(usize, Vec<OwnedFd>), Errno> {
    received(socket, buffer, RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT)
}

/// Waits for one packet, as long as the socket says.
///
/// # Errors
/// As [`receive`].
pub(crate) fn wait(socket: impl AsFd, buffer: &mut [u8]) -> Result<(usize, Vec<OwnedFd>), Errno> {
    loop {
        match received(&socket, buffer, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => {}
            received => return received,
        }
    }
}

fn received(socket: impl AsFd, buffer: &mut [u8], flags: RecvFlags) -> Result<(usize, Vec<OwnedFd>), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(PASSED_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(socket, &mut [IoSliceMut::new(buffer)], &mut control, flags)?;
    if received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
        return Err(Errno::MSGSIZE);
    }
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(passed) = message {
            descriptors.extend(passed);
        }
    }
    Ok((received.bytes, descriptors))
}

/// A socket to be the stdin of a program, with one packet in it.
///
/// # Errors
/// Those of the system.
pub(crate) fn leave(packet: &[u8], descriptors: &[BorrowedFd<'_>]) -> Result<OwnedFd, Errno> {
    let (ours, theirs) = pair()?;
    send(&ours, packet, descriptors)?;
    Ok(theirs)
}
