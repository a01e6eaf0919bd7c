//! Pipes and sockets of the client as part of the event loop, which must never wait for one.
//!
//! Whether reading and writing wait is a property of what was opened, and all who have it see it: the client, its shell, a program that
//! the client starts later. So it stays as it is. A pipe is opened anew, which makes something of our own that does not wait; a socket
//! cannot be opened, but takes it with each call.

use crate::wire::{Frame, Lines};
use rustix::fs::OFlags;
#[cfg(target_os = "linux")]
use rustix::fs::{FileType, FsWord, Mode, fcntl_getfl, fstat, fstatfs, open};
use rustix::net::{RecvAncillaryBuffer, RecvFlags, SendFlags, recvmsg, send};
#[cfg(target_os = "linux")]
use rustix::net::{SocketType, sockopt};
use std::io::{self, IoSliceMut};
use std::ops::Range;
#[cfg(target_os = "linux")]
use std::os::fd::AsRawFd;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use tokio::net::unix::pipe;

/// The file system of pipes without a name (`PIPEFS_MAGIC`). One with a name may be opened by whom its file lets, and does not tell whoever opens
/// it when the other side has gone before.
#[cfg(target_os = "linux")]
const PIPES: FsWord = 0x5049_5045;

/// What a stream of the client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "elsewhere threads have all streams"))]
enum Kind {
    /// Opened anew.
    Pipe,
    /// The client's own.
    Socket,
}

/// Our end of a stream that does not wait.
#[derive(Debug)]
pub(crate) struct End(Kind, OwnedFd);

impl End {
    /// To read from what this descriptor is. `None`: it is neither pipe nor socket, or may not be opened anew.
    pub(super) fn to_read(stream: BorrowedFd<'_>) -> Option<Self> {
        Self::of(stream, OFlags::RDONLY)
    }

    /// To write to it.
    pub(super) fn to_write(stream: BorrowedFd<'_>) -> Option<Self> {
        Self::of(stream, OFlags::WRONLY)
    }

    #[cfg(target_os = "linux")]
    fn of(stream: BorrowedFd<'_>, way: OFlags) -> Option<Self> {
        let found = fstat(stream).ok()?;
        match FileType::from_raw_mode(found.st_mode) {
            FileType::Fifo => {
                let flags = fcntl_getfl(stream).ok()?;
                let is_ours = [way, OFlags::RDWR].contains(&(flags & OFlags::RWMODE))
                    // Who writes packets has each read as one.
                    && !flags.contains(OFlags::DIRECT)
                    && fstatfs(stream).ok()?.f_type == PIPES;
                let path = is_ours.then(|| format!("/proc/self/fd/{}", stream.as_raw_fd()))?;
                let pipe = open(path, way | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).ok()?;
                let opened = fstat(&pipe).ok()?;
                ((opened.st_dev, opened.st_ino) == (found.st_dev, found.st_ino)).then_some(Self(Kind::Pipe, pipe))
            }
            FileType::Socket if sockopt::socket_type(stream) == Ok(SocketType::STREAM) => {
                stream.try_clone_to_owned().ok().map(|socket| Self(Kind::Socket, socket))
            }
            _ => None,
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn of(_: BorrowedFd<'_>, _: OFlags) -> Option<Self> {
        None
    }
}

impl Kind {
    /// Reads what is there.
    fn read(self, from: impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Pipe => Ok(rustix::io::read(from, buffer)?),
            // The call for messages, because the judge may make it without waiting already; descriptors that come along are not taken.
            Self::Socket => {
                let mut none = RecvAncillaryBuffer::new(&mut []);
                Ok(recvmsg(from, &mut [IoSliceMut::new(buffer)], &mut none, RecvFlags::DONTWAIT)?.bytes)
            }
        }
    }

    /// Writes as much as there is room for.
    fn write(self, to: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Pipe => Ok(rustix::io::write(to, bytes)?),
            Self::Socket => Ok(send(to, bytes, SendFlags::DONTWAIT)?),
        }
    }
}

/// Reads lines.
#[derive(Debug)]
pub(crate) struct Reader {
    kind: Kind,
    from: pipe::Receiver,
    lines: Lines,
    buffer: Vec<u8>,
    /// What of the buffer no line was made of yet.
    rest: Range<usize>,
}

impl Reader {
    /// Within an event loop.
    ///
    /// # Errors
    /// The event loop cannot take it.
    pub(super) fn new(End(kind, from): End) -> io::Result<Self> {
        // The event loop has one way for whatever it is told of in this way.
        let from = pipe::Receiver::from_owned_fd_unchecked(from)?;
        Ok(Self { kind, from, lines: Lines::new(), buffer: vec![0; super::CHUNK], rest: 0..0 })
    }

    /// The next line; `None` at the end, where an unfinished line is dropped.
    pub(super) async fn next(&mut self) -> Option<Frame> {
        loop {
            // A client that sends without end leaves everything else its turn.
            tokio::task::coop::consume_budget().await;
            let mut chunk = &self.buffer[self.rest.clone()];
            let frame = self.lines.feed(&mut chunk);
            self.rest.start = self.rest.end - chunk.len();
            if frame.is_some() {
                return frame;
            }
            match self.fill().await {
                // An error of stdin is its end: nothing more can be asked.
                Ok(0) | Err(_) => return None,
                Ok(length) => self.rest = 0..length,
            }
        }
    }

    async fn fill(&mut self) -> io::Result<usize> {
        let Self { kind, from, buffer, .. } = self;
        loop {
            from.readable().await?;
            match from.try_io(|| kind.read(&*from, buffer)) {
                Err(fault) if is_no_fault(&fault) => {}
                read => {
                    // What does not fill the buffer has emptied the pipe or socket: the event loop waits for its next bytes, and no second
                    // read is made to see that there are none. (An end is told again: that readiness stays.)
                    if read.as_ref().is_ok_and(|length| *length < buffer.len()) {
                        let _ = from.try_io(|| Err::<(), _>(io::ErrorKind::WouldBlock.into()));
                    }
                    return read;
                }
            }
        }
    }
}

/// Nothing is there, or a signal came.
fn is_no_fault(fault: &io::Error) -> bool {
    matches!(fault.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Writes lines.
pub(super) struct Writer {
    kind: Kind,
    to: pipe::Sender,
}

impl Writer {
    /// Within an event loop.
    ///
    /// # Errors
    /// The event loop cannot take it.
    pub(super) fn new(End(kind, to): End) -> io::Result<Self> {
        Ok(Self { kind, to: pipe::Sender::from_owned_fd_unchecked(to)? })
    }

    /// Writes a line, in one write where there is room.
    ///
    /// # Errors
    /// The client is gone.
    pub(super) async fn write(&self, mut line: String) -> io::Result<()> {
        line.push('\n');
        let mut rest = line.as_bytes();
        while !rest.is_empty() {
            self.to.writable().await?;
            match self.to.try_io(|| self.kind.write(&self.to, rest)) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => rest = rest.get(length..).unwrap_or_default(),
                Err(fault) if is_no_fault(&fault) => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::io::{Read, Write, pipe};
    use std::os::unix::net::{UnixDatagram, UnixStream};
    use std::process::Command;
    use std::rc::Rc;
    use tokio::task::LocalSet;

    fn kind(end: Option<End>) -> Option<Kind> {
        end.map(|End(kind, _)| kind)
    }

    fn waits(stream: impl AsFd) -> bool {
        !fcntl_getfl(stream).unwrap().contains(OFlags::NONBLOCK)
    }

    #[test]
    fn pipes_are_opened_anew_and_nothing_of_others_changes() {
        let (read, write) = pipe().unwrap();
        let (from, to) = (End::to_read(read.as_fd()).unwrap(), End::to_write(write.as_fd()).unwrap());
        assert!(!waits(&from.1) && !waits(&to.1));
        assert!(waits(&read) && waits(&write), "the client's own wait as before");
        // The wrong ends of a pipe stay what they are.
        assert_eq!((kind(End::to_read(write.as_fd())), kind(End::to_write(read.as_fd()))), (None, None));
        let packets = rustix::fs::fcntl_setfl(&write, OFlags::DIRECT).map(|()| kind(End::to_write(write.as_fd())));
        assert_eq!(packets, Ok(None));
    }

    #[test]
    fn sockets_of_streams_are_shared_and_everything_else_is_for_a_thread() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        assert_eq!(kind(End::to_read(ours.as_fd())), Some(Kind::Socket));
        assert_eq!(kind(End::to_write(ours.as_fd())), Some(Kind::Socket));
        assert!(waits(&ours));
        let (packets, _theirs) = UnixDatagram::pair().unwrap();
        assert_eq!(kind(End::to_read(packets.as_fd())), None);
        let dir = tempfile::tempdir().unwrap();
        let named = dir.path().join("named");
        assert!(Command::new("mkfifo").arg(&named).status().unwrap().success());
        let named = std::fs::File::options().read(true).write(true).open(named).unwrap();
        assert_eq!((kind(End::to_read(named.as_fd())), kind(End::to_write(named.as_fd()))), (None, None));
        for path in ["/dev/null", "/proc/self/exe"] {
            assert_eq!(kind(End::to_read(std::fs::File::open(path).unwrap().as_fd())), None, "{path}");
        }
    }

    /// Our end and the other side, one way and the other.
    type Streams = (End, Box<dyn Write + Send>, End, Box<dyn Read + Send>);

    /// Of both kinds.
    fn streams() -> [Streams; 2] {
        let ((read, to), (from, write)) = (pipe().unwrap(), pipe().unwrap());
        let pipes = (End::to_read(read.as_fd()).unwrap(), End::to_write(write.as_fd()).unwrap());
        let (read, write, client) = {
            let ((a, b), (c, d)) = (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
            (End::to_read(a.as_fd()).unwrap(), End::to_write(c.as_fd()).unwrap(), (b, d))
        };
        [(pipes.0, Box::new(to), pipes.1, Box::new(from)), (read, Box::new(client.0), write, Box::new(client.1))]
    }

    fn line(text: &[u8]) -> Option<Frame> {
        Some(Frame::Line(text.to_vec()))
    }

    #[tokio::test]
    async fn lines_come_whole_whatever_the_pieces_and_the_last_half_does_not() {
        for (from, mut client, _, _) in streams() {
            let mut reader = Reader::new(from).unwrap();
            client.write_all(b"one\ntwo\r\n\nthr").unwrap();
            for text in [&b"one"[..], b"two", b""] {
                assert_eq!(reader.next().await, line(text));
            }
            let long = vec![b'x'; 3 * super::super::CHUNK];
            let expected = [b"three".to_vec(), long.clone()];
            let writer = std::thread::spawn(move || client.write_all(&[b"ee\n", &long[..], b"\nhalf"].concat()).unwrap());
            for text in &expected {
                assert_eq!(reader.next().await, line(text));
            }
            writer.join().unwrap();
            assert_eq!(reader.next().await, None);
        }
    }

    /// As much as is read at once, and more behind it: what fills the buffer has not emptied the stream, and nothing would tell of the rest.
    #[tokio::test]
    async fn what_fills_the_buffer_is_not_the_end() {
        for (from, mut client, _, _) in streams() {
            let lines = [vec![b'x'; super::super::CHUNK - 1], b"behind".to_vec(), b"last".to_vec()];
            let all = [&lines[0][..], b"\n", &lines[1], b"\n"].concat();
            let (go_on, told) = std::sync::mpsc::channel();
            let writer = std::thread::spawn(move || {
                client.write_all(&all).unwrap();
                // Until the rest was read nothing more comes that would tell of it.
                told.recv().unwrap();
                client.write_all(b"last\n").unwrap();
            });
            std::thread::sleep(std::time::Duration::from_millis(20));
            let mut reader = Reader::new(from).unwrap();
            for text in &lines {
                if text == b"last" {
                    go_on.send(()).unwrap();
                }
                let next = tokio::time::timeout(std::time::Duration::from_secs(9), reader.next()).await;
                assert!(next.is_ok_and(|next| next == line(text)), "{} bytes", text.len());
            }
            writer.join().unwrap();
            assert_eq!(reader.next().await, None);
        }
    }

    #[tokio::test]
    async fn long_replies_wait_for_who_reads_slowly_and_fail_where_nobody_does() {
        for (_, _, to, mut client) in streams() {
            let writer = Writer::new(to).unwrap();
            let text = "y".repeat(1_000_000);
            let expected = format!("{text}\n");
            let reader = std::thread::spawn(move || {
                let mut read = vec![0; 1_000_001];
                client.read_exact(&mut read).unwrap();
                read
            });
            writer.write(text).await.unwrap();
            assert!(reader.join().unwrap() == expected.as_bytes());
            assert!(writer.write("nobody".into()).await.is_err(), "the other side was closed with its thread");
        }
    }

    /// A client that sends more than can be handled keeps nothing else from its turn, a signal least of all.
    #[tokio::test]
    async fn lines_that_are_there_leave_others_their_turn() {
        for (from, mut client, _, _) in streams() {
            let turns = Rc::new(Cell::new(0));
            let theirs = Rc::clone(&turns);
            let reading = async {
                tokio::task::spawn_local(async move {
                    loop {
                        theirs.set(theirs.get() + 1);
                        tokio::task::yield_now().await;
                    }
                });
                let mut reader = Reader::new(from).unwrap();
                client.write_all(&[b'\n'; 4000]).unwrap();
                for _ in 0..4000 {
                    assert_eq!(reader.next().await, line(b""));
                }
            };
            LocalSet::new().run_until(reading).await;
            assert!(turns.get() >= 10, "{} turns of another task", turns.get());
        }
    }
}
