//! stdin and stdout of the client.
//!
//! A pipe or a socket is part of the event loop, so that no other thread has to wake for a line ([`here`]). What else a client may be behind, a
//! file, a terminal, a pipe with a name or of another user, a thread reads or writes, and waits for. Lines, their bounds and their order
//! are the same both ways.

mod here;

use crate::thread;
use crate::wire::{Frame, Lines};
use here::{End, Reader, Writer};
use std::io::{self, BufReader, Write};
use std::sync::mpsc::sync_channel;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

/// Bytes read from stdin at once.
const CHUNK: usize = 64 * 1024;
/// Replies that wait for stdout. Tasks wait beyond that, and hold their share of the limits meanwhile.
const REPLIES: usize = 16;

/// The two streams of the client, as far as the event loop can have them.
#[derive(Debug)]
pub(crate) struct Streams {
    pub(crate) stdin: Option<End>,
    pub(crate) stdout: Option<End>,
}

impl Streams {
    /// Those of this process; nothing is read of them. Call it while files may be opened.
    pub(crate) fn open() -> Self {
        Self { stdin: End::to_read(rustix::stdio::stdin()), stdout: End::to_write(rustix::stdio::stdout()) }
    }
}

/// Where the lines of the client come from.
#[derive(Debug)]
pub(crate) enum Input {
    /// A thread.
    Thread(mpsc::Receiver<Frame>),
    /// The event loop.
    Here(Reader),
}

impl Input {
    /// The next line; `None` at the end, and there are none after that.
    pub(crate) async fn recv(&mut self) -> Option<Frame> {
        match self {
            Self::Thread(lines) => lines.recv().await,
            Self::Here(reader) => reader.next().await,
        }
    }
}

/// Makes ready to read stdin, which begins once what is given back is called. By a thread, one line waits at most, so memory is bounded by
/// what the receiver holds. Within an event loop.
///
/// # Errors
/// The thread cannot be started.
pub(crate) fn read(stdin: Option<End>) -> io::Result<impl FnOnce() -> Input> {
    let (open, opens) = sync_channel(1);
    let input = match stdin.and_then(|end| Reader::new(end).ok()) {
        Some(reader) => Input::Here(reader),
        None => {
            let (send, receive) = mpsc::channel(1);
            thread::begin("stdin", move || {
                // Nothing of the client is touched before the process is confined.
                if opens.recv().is_err() {
                    return;
                }
                let mut reader = BufReader::with_capacity(CHUNK, io::stdin().lock());
                let mut lines = Lines::new();
                // An error of stdin is its end: nothing more can be asked.
                while let Ok(Some(frame)) = lines.read_from(&mut reader) {
                    if send.blocking_send(frame).is_err() {
                        break;
                    }
                }
            })?;
            Input::Thread(receive)
        }
    };
    Ok(move || {
        // Only a thread waits for it.
        let _ = open.send(());
        input
    })
}

/// Writes lines to stdout, by a task or on a thread of its own. The second value answers when everything was written or stdout is gone. Within
/// an event loop of local tasks.
///
/// # Errors
/// The thread cannot be started.
pub(crate) fn write(stdout: Option<End>) -> io::Result<(mpsc::Sender<String>, oneshot::Receiver<()>)> {
    let (send, mut receive) = mpsc::channel::<String>(REPLIES);
    let (done, written) = oneshot::channel();
    if let Some(writer) = stdout.and_then(|end| Writer::new(end).ok()) {
        tokio::task::spawn_local(async move {
            while let Some(line) = receive.recv().await {
                if writer.write(line).await.is_err() {
                    break;
                }
            }
            drop(receive);
            let _ = done.send(());
        });
        return Ok((send, written));
    }
    thread::begin("stdout", move || {
        let mut stdout = io::stdout().lock();
        while let Some(mut line) = receive.blocking_recv() {
            line.push('\n');
            // One write per message; a client that is gone ends the connection (the sender sees the closed channel).
            if stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush()).is_err() {
                break;
            }
        }
        drop(receive);
        // Nobody may be waiting any more.
        let _ = done.send(());
    })?;
    Ok((send, written))
}

/// The two signals by which clients and service managers ask a server to end.
pub(crate) struct Ending {
    terminate: Signal,
    interrupt: Signal,
}

impl Ending {
    /// # Errors
    /// The handlers cannot be installed.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for either.
    pub(crate) async fn requested(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
