//! Frames to and from the other side, in an event loop.

use super::message::Frames;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use tokio::net::UnixStream;
use tokio::sync::Notify;

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;
/// Frames handled before other tasks have their turn.
const TURN: usize = 32;

/// One end of the connection.
pub(super) struct Link {
    socket: UnixStream,
    waiting: RefCell<VecDeque<Vec<u8>>>,
    bytes: Cell<usize>,
    more: Notify,
    closed: Notify,
    is_closed: Cell<bool>,
}

impl Link {
    /// Begins to write; [`Self::read`] is the caller's.
    ///
    /// # Errors
    /// The socket is none.
    pub(super) fn new(socket: OwnedFd) -> io::Result<Rc<Self>> {
        let socket = std::os::unix::net::UnixStream::from(socket);
        socket.set_nonblocking(true)?;
        let socket = UnixStream::from_std(socket)?;
        let (waiting, bytes, is_closed) = (RefCell::default(), Cell::new(0), Cell::new(false));
        let link = Rc::new(Self { socket, waiting, bytes, more: Notify::new(), closed: Notify::new(), is_closed });
        tokio::task::spawn_local(Rc::clone(&link).write());
        Ok(link)
    }

    /// Frames, and bytes of them, that the other side has not taken yet.
    pub(super) fn waiting(&self) -> (usize, usize) {
        (self.waiting.borrow().len(), self.bytes.get())
    }

    /// Ends the connection in both directions: whoever reads or writes here ends, and with the last of them the socket.
    pub(super) fn close(&self) {
        self.is_closed.set(true);
        self.waiting.borrow_mut().clear();
        self.bytes.set(0);
        self.more.notify_one();
        self.closed.notify_one();
    }

    /// Writes at once what the socket takes; the rest waits for the task.
    pub(super) fn send(&self, mut frame: Vec<u8>) {
        if self.is_closed.get() {
            return;
        }
        if self.waiting.borrow().is_empty() {
            match self.socket.try_write(&frame) {
                Ok(length) if length == frame.len() => return,
                Ok(length) => drop(frame.drain(..length)),
                // Also a broken connection: the task sees it, and so does the reader.
                Err(_) => {}
            }
        }
        self.bytes.set(self.bytes.get() + frame.len());
        self.waiting.borrow_mut().push_back(frame);
        self.more.notify_one();
    }

    async fn write(self: Rc<Self>) {
        loop {
            self.more.notified().await;
            loop {
                if self.is_closed.get() {
                    return;
                }
                // The place of a frame is kept while it is written, so that no other one is written into it.
                let Some(frame) = self.waiting.borrow_mut().front_mut().map(std::mem::take) else { break };
                let mut rest = &frame[..];
                while !rest.is_empty() {
                    let ready = tokio::select! {
                        ready = self.socket.writable() => ready,
                        () = self.more.notified() => Ok(()),
                    };
                    match ready.and_then(|()| self.socket.try_write(rest)) {
                        Ok(length) => rest = &rest[length..],
                        Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {}
                        Err(_) => return self.close(),
                    }
                    if self.is_closed.get() {
                        return;
                    }
                }
                self.waiting.borrow_mut().pop_front();
                self.bytes.set(self.bytes.get().saturating_sub(frame.len()));
            }
        }
    }

    /// Hands every frame to `take`, until the other side ends, sends what is no frame, or `take` says that it is enough.
    pub(super) async fn read(&self, max: usize, mut take: impl FnMut(Vec<u8>) -> Option<()>) {
        let (mut frames, mut buffer, mut turn) = (Frames::with_max(max), vec![0; CHUNK], 0_usize);
        loop {
            let ready = tokio::select! {
                ready = self.socket.readable() => ready,
                () = self.closed.notified() => return,
            };
            let read = ready.and_then(|()| self.socket.try_read(&mut buffer));
            let mut chunk = match read {
                Ok(0) => return,
                Ok(length) => &buffer[..length],
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => continue,
                Err(_) => return,
            };
            loop {
                let Ok(frame) = frames.feed(&mut chunk) else { return };
                let Some(frame) = frame else { break };
                if take(frame).is_none() {
                    return;
                }
                turn += 1;
                if turn.is_multiple_of(TURN) {
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}
