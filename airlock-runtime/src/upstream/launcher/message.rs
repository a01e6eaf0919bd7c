//! What judge and launcher say to each other: packets of a socket pair, each one message, none longer than [`PACKET_MAX`].

use crate::passing::{self, receive, send};
use crate::upstream::fingerprint::Fingerprint;
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use tokio::io::Interest;

/// Longest packet, in bytes: sixteen secrets in four forms each, and room.
pub(super) const PACKET_MAX: usize = 4 * 1024;
/// Longest sentence of a failed start, in bytes.
const WHY_MAX: usize = 300;
/// Bytes of the numbers in front of every message: kind, upstream, run.
const HEAD: usize = 1 + 4 + 4;

/// One run of an upstream: its index in the policy, and which start of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::upstream) struct Run {
    pub(in crate::upstream) upstream: u32,
    pub(in crate::upstream) number: u32,
}

/// Stands where a message is about none.
const NO_RUN: Run = Run { upstream: 0, number: 0 };

/// From the judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::upstream) enum Order {
    /// Start this upstream.
    Start(Run),
    /// Ask it to end, then end it.
    End(Run),
    /// Kill it and everything that it started.
    Kill(Run),
    /// End everything, and then itself: the gateway ends.
    Leave,
}

/// From the launcher.
#[derive(Debug)]
pub(in crate::upstream) enum Report {
    /// It runs: where its stdin is written and its stdout is read, and what its secrets look like.
    Started { run: Run, stdin: OwnedFd, stdout: OwnedFd, secrets: Vec<Fingerprint> },
    /// It was not started.
    Failed { run: Run, why: String },
    /// It has ended, and nothing that it started is left. Exit code, or 128 and the number of the signal.
    Ended { run: Run, status: i32 },
}

impl Order {
    /// Sends it.
    ///
    /// # Errors
    /// Those of the socket.
    pub(in crate::upstream) fn send(self, socket: impl AsFd) -> Result<(), Errno> {
        passing::tell(socket, &self.write())
    }

    fn write(self) -> [u8; HEAD] {
        let (kind, run) = match self {
            Self::Start(run) => (1, run),
            Self::End(run) => (2, run),
            Self::Kill(run) => (3, run),
            Self::Leave => (4, NO_RUN),
        };
        head(kind, run)
    }

    pub(super) fn read(packet: &[u8]) -> Option<Self> {
        let (kind, run, rest) = split(packet)?;
        let order = match kind {
            1 => Self::Start(run),
            2 => Self::End(run),
            3 => Self::Kill(run),
            4 if run == NO_RUN => Self::Leave,
            _ => return None,
        };
        rest.is_empty().then_some(order)
    }
}

fn head(kind: u8, run: Run) -> [u8; HEAD] {
    let mut head = [kind; HEAD];
    head[1..5].copy_from_slice(&run.upstream.to_le_bytes());
    head[5..].copy_from_slice(&run.number.to_le_bytes());
    head
}

fn split(packet: &[u8]) -> Option<(u8, Run, &[u8])> {
    let (kind, rest) = packet.split_first()?;
    let (upstream, rest) = rest.split_first_chunk()?;
    let (number, rest) = rest.split_first_chunk()?;
    Some((*kind, Run { upstream: u32::from_le_bytes(*upstream), number: u32::from_le_bytes(*number) }, rest))
}

/// What has arrived, if anything has.
///
/// # Errors
/// Those of the socket.
pub(super) fn arrived(socket: &Socket, buffer: &mut [u8; PACKET_MAX]) -> io::Result<Option<(usize, Vec<OwnedFd>)>> {
    match socket.try_io(Interest::READABLE, || receive(socket, buffer).map_err(io::Error::from)) {
        Ok(packet) => Ok(Some(packet)),
        Err(fault) if matches!(fault.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// A socket of packets in an event loop. Nothing is asked of the stream but when it is ready.
pub(in crate::upstream) type Socket = tokio::net::UnixStream;

/// Registers a socket with the event loop.
///
/// # Errors
/// It is none.
pub(in crate::upstream) fn register(socket: OwnedFd) -> io::Result<Socket> {
    let socket = std::os::unix::net::UnixStream::from(socket);
    socket.set_nonblocking(true)?;
    Socket::from_std(socket)
}

impl Report {
    /// Sends it.
    ///
    /// # Errors
    /// Those of the socket.
    pub(super) fn send(&self, socket: impl AsFd) -> Result<(), Errno> {
        match self {
            Self::Started { run, stdin, stdout, secrets } => {
                let mut packet = head(1, *run).to_vec();
                secrets.iter().for_each(|secret| secret.write(&mut packet));
                send(socket, &packet, &[stdin.as_fd(), stdout.as_fd()])
            }
            Self::Failed { run, why } => {
                let mut packet = head(2, *run).to_vec();
                packet.extend(why.bytes().take(WHY_MAX));
                send(socket, &packet, &[])
            }
            Self::Ended { run, status } => {
                let mut packet = head(3, *run).to_vec();
                packet.extend(status.to_le_bytes());
                send(socket, &packet, &[])
            }
        }
    }

    /// Takes the next one, if there is one.
    ///
    /// # Errors
    /// The connection has ended, or the other side says what no launcher says.
    pub(in crate::upstream) fn take(socket: &Socket) -> io::Result<Option<Self>> {
        let mut buffer = [0; PACKET_MAX];
        match arrived(socket, &mut buffer)? {
            None => Ok(None),
            Some((0, _)) => Err(Errno::PIPE.into()),
            Some((length, descriptors)) => {
                Self::read(&buffer[..length], descriptors).map(Some).ok_or_else(|| Errno::PROTO.into())
            }
        }
    }

    /// `None` for a packet that no launcher sends.
    fn read(packet: &[u8], descriptors: Vec<OwnedFd>) -> Option<Self> {
        let (kind, run, rest) = split(packet)?;
        match kind {
            1 => {
                let [stdin, stdout] = <[OwnedFd; 2]>::try_from(descriptors).ok()?;
                Some(Self::Started { run, stdin, stdout, secrets: Fingerprint::read(rest)? })
            }
            2 => Some(Self::Failed { run, why: String::from_utf8_lossy(rest).into_owned() }),
            3 => Some(Self::Ended { run, status: i32::from_le_bytes(rest.try_into().ok()?) }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
    use std::io::{Read, Write};

    const RUN: Run = Run { upstream: 2, number: 70_000 };

    fn pair() -> (OwnedFd, OwnedFd) {
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap()
    }

    #[test]
    fn orders_are_read_as_they_were_written() {
        for order in [Order::Start(RUN), Order::End(RUN), Order::Kill(RUN), Order::Leave] {
            assert_eq!(Order::read(&order.write()), Some(order));
        }
        assert_eq!(Order::read(&[1; HEAD + 1]), None);
        assert_eq!(Order::read(&[4; HEAD]), None, "all end, not one");
        assert_eq!(Order::read(&[5; HEAD]), None);
        assert_eq!(Order::read(&[]), None);
    }

    #[test]
    fn a_start_passes_both_ends() {
        let (judge, launcher) = pair();
        let (stdout, mut writes) = std::io::pipe().unwrap();
        let (mut reads, stdin) = std::io::pipe().unwrap();
        let secrets = vec![Fingerprint::of(b"hunter22").unwrap()];
        let started = Report::Started { run: RUN, stdin: stdin.into(), stdout: stdout.into(), secrets: secrets.clone() };
        started.send(&launcher).unwrap();
        drop(started);
        let mut buffer = [0; PACKET_MAX];
        let (length, descriptors) = receive(&judge, &mut buffer).unwrap();
        let Some(Report::Started { run, stdin, stdout, secrets: told }) = Report::read(&buffer[..length], descriptors) else {
            panic!("it is a start")
        };
        assert_eq!((run, told), (RUN, secrets));
        std::fs::File::from(stdin).write_all(b"to").unwrap();
        writes.write_all(b"from").unwrap();
        drop(writes);
        let mut texts = (String::new(), String::new());
        reads.read_to_string(&mut texts.0).unwrap();
        std::fs::File::from(stdout).read_to_string(&mut texts.1).unwrap();
        assert_eq!(texts, ("to".into(), "from".into()));
    }

    #[test]
    fn the_end_of_a_side_is_an_empty_packet() {
        let (judge, launcher) = pair();
        drop(launcher);
        assert_eq!(receive(&judge, &mut [0; PACKET_MAX]).unwrap().0, 0);
        assert_eq!(send(&judge, b"x", &[]), Err(Errno::PIPE), "and nobody is killed by a signal");
    }

    #[test]
    fn reports_that_are_none_are_refused() {
        assert!(Report::read(&head(1, RUN), Vec::new()).is_none(), "a start without pipes");
        assert!(Report::read(&head(3, RUN), Vec::new()).is_none(), "an end without a status");
        assert!(Report::read(&head(9, RUN), Vec::new()).is_none());
    }
}
