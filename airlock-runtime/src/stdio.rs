//! stdin and stdout on plain threads: tokio's own are blocking threads too, with more hops.

use crate::thread;
use crate::wire::{Frame, Lines};
use std::io::{self, BufReader, Write};
use std::sync::mpsc::sync_channel;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

/// Bytes read from stdin at once.
const CHUNK: usize = 64 * 1024;
/// Replies that wait for stdout. Tasks wait beyond that, and hold their share of the limits meanwhile.
const REPLIES: usize = 16;

/// Starts a thread that reads stdin once what is given back is called. One line waits at most, so memory is bounded by what the receiver
/// holds.
///
/// # Errors
/// The thread cannot be started.
pub(crate) fn read() -> io::Result<impl FnOnce() -> mpsc::Receiver<Frame>> {
    let (send, receive) = mpsc::channel(1);
    let (open, opens) = sync_channel(1);
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
    Ok(move || {
        let _ = open.send(());
        receive
    })
}

/// Writes lines to stdout on a thread of its own. The second value answers when everything was written or stdout is gone.
///
/// # Errors
/// The thread cannot be started.
pub(crate) fn write() -> io::Result<(mpsc::Sender<String>, oneshot::Receiver<()>)> {
    let (send, mut receive) = mpsc::channel::<String>(REPLIES);
    let (done, written) = oneshot::channel();
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
