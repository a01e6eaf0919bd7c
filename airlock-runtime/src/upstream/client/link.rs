//! One running upstream: its pipes, and what is open on them.
//!
//! Nothing that it does or leaves undone stops the loop: reading and writing are tasks of their own, what waits to be written is
//! bounded, and what it says unasked is counted and ends it when it becomes a flood.

use super::flood::Allowance;
use super::line::{self, Fault, Line, Log, Progress};
use super::timer::Timers;
use super::watch::{Changes, Told, Watching, is_about};
use crate::json::json;
use crate::policy::upstream::{Level, Listed, Question};
use crate::upstream::fingerprint::Fingerprints;
use crate::upstream::launcher::Run;
use crate::upstream::question::{self, Pages};
use crate::wire::{Able, Frame, Id, Lines};
use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat};
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::unix::pipe;
use tokio::sync::{Notify, mpsc, oneshot};

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;
/// Bytes that wait to be written, beyond which nothing more is sent: two of the largest calls.
const WAITING_MAX: usize = 16 * 1024 * 1024;
/// Answers and cancellations that wait to be written. What we owe an upstream that does not read is not kept without end.
const COURTESIES_MAX: usize = 64;
/// Bytes without a line end, beyond which an upstream is ended: eight of the largest messages that a manifest may accept. They are not kept, but
/// reading them for ever is work.
const UNENDED_MAX: usize = 64 * 1024 * 1024;
/// Lines handled before other tasks have their turn.
const TURN: usize = 32;
/// Requests of ours about which a server may ask something of the client.
const CALLS: [&str; 3] = ["tools/call", "resources/read", "prompts/get"];

/// Why a link has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It closed its stdout, or its process ended.
    Gone,
    /// It said too much that nobody asked for.
    Flood,
    /// It did not read what it was sent for as long as a call may take.
    Stuck,
    /// The gateway ended it.
    Ours,
    /// Not the link has ended but one call, which gave way to another ([`Link::give_way`]).
    Passed,
}

impl End {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Gone => "it ended",
            Self::Flood => "it flooded the gateway with messages that nobody asked for, and was ended",
            Self::Stuck => "it did not read what it was sent, and was ended",
            Self::Ours => "it was ended",
            Self::Passed => "another call of it was made while this one waited for an answer",
        }
    }
}

/// The answer to a request.
#[derive(Debug)]
pub(super) enum Reply {
    /// The line, and where in it the result stands.
    Result(String, Range<usize>),
    /// It is an error.
    Error(Fault),
    /// It is longer than the manifest accepts, or not well-formed.
    Unusable(&'static str),
}

/// Takes log messages.
pub(super) type OnLog = Box<dyn Fn(&Log)>;

/// Takes what comes beside the answer of one request.
#[derive(Default)]
pub(super) struct Beside {
    pub(super) progress: Option<OnProgress>,
    pub(super) log: Option<OnLog>,
    /// Where requests of the upstream about it go.
    pub(super) asks: Option<mpsc::Sender<Raised>>,
    /// Of a listen for one resource, who is told.
    pub(super) watch: Option<Watching>,
    /// Does it wait for another request of the client, which may never come?
    pub(super) waits: Rc<Cell<bool>>,
}

/// Takes progress of one request.
pub(super) type OnProgress = Box<dyn Fn(Progress)>;

/// A request of an upstream about one call that is open.
#[derive(Debug)]
pub(super) struct Raised {
    /// Its own id, to be answered under.
    pub(super) id: Id,
    pub(super) kind: Question,
    /// JSON text.
    pub(super) params: String,
}

struct Open {
    reply: oneshot::Sender<Reply>,
    progress: Option<OnProgress>,
    /// Where requests about this call go, if it may be asked about.
    asks: Option<mpsc::Sender<Raised>>,
    /// Takes log messages while it is open.
    log: Option<OnLog>,
    /// Is it a call, about which a server could ask?
    is_call: bool,
    /// Of a listen for one resource, who is told.
    watch: Option<Watching>,
    /// Does it wait for another request of the client?
    waits: Rc<Cell<bool>>,
}

/// A pipe that is open this way and does not wait: what the launcher sends is believed no more than anything else.
fn ready(pipe: OwnedFd, way: OFlags) -> std::io::Result<OwnedFd> {
    let is_pipe = FileType::from_raw_mode(fstat(&pipe)?.st_mode) == FileType::Fifo;
    let flags = fcntl_getfl(&pipe)?;
    let is_ready = is_pipe && flags.contains(OFlags::NONBLOCK) && flags & OFlags::RWMODE == way;
    is_ready.then_some(pipe).ok_or_else(|| std::io::Error::other("it is no pipe as the launcher makes them"))
}

/// Reads what is there, once something is. A read that does not fill the buffer has emptied the pipe, so that no second one is made to see that
/// nothing is left. (Where an upstream writes packets that is not so, and it waits for its own next one.)
async fn some(pipe: &mut pipe::Receiver, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut read = ReadBuf::new(buffer);
    std::future::poll_fn(|context| Pin::new(&mut *pipe).poll_read(context, &mut read)).await?;
    Ok(read.filled().len())
}

/// A running upstream.
pub(in crate::upstream) struct Link {
    pub(super) run: Run,
    pub(in crate::upstream) secrets: Arc<Fingerprints>,
    pub(super) is_modern: Cell<bool>,
    /// What it was told that it may ask of the client, where that is said once.
    pub(super) declared: Cell<Able>,
    /// Can it be told which log messages are wanted, where that is said once? And which it was told.
    pub(super) logs: Cell<bool>,
    pub(super) level: Cell<Option<Level>>,
    /// How often it said that its list of tools has changed; and how often it had when that was looked at last.
    pub(super) changes: Cell<u64>,
    pub(super) seen: Cell<u64>,
    /// The lists of which it may tell clients that they changed, and who passes it on.
    pub(super) tells: RefCell<(&'static [Listed], Rc<Changes>)>,
    /// Who is told of changes of resources, where these are not answers to a listen.
    pub(super) watched: RefCell<Vec<(String, Rc<Told>)>>,
    /// Pages to which it has users led.
    pub(super) pages: Pages,
    stdin: RefCell<Option<Rc<pipe::Sender>>>,
    waiting: RefCell<VecDeque<Vec<u8>>>,
    waiting_bytes: Cell<usize>,
    more: Notify,
    open: RefCell<HashMap<i64, Open>>,
    /// Of the calls of it.
    pub(super) timers: Timers,
    next: Cell<i64>,
    allowance: RefCell<Allowance>,
    ended: Cell<Option<End>>,
    end: Notify,
}

impl Link {
    /// Begins to read and write. `max`: longest line that is read, in bytes.
    ///
    /// # Errors
    /// The pipes are none.
    pub(super) fn new(
        run: Run,
        stdin: OwnedFd,
        stdout: OwnedFd,
        max: usize,
        secrets: Arc<Fingerprints>,
    ) -> std::io::Result<Rc<Self>> {
        // The check of the event loop's own would take calls that a confined judge has not.
        let stdin = Rc::new(pipe::Sender::from_owned_fd_unchecked(ready(stdin, OFlags::WRONLY)?)?);
        let stdout = pipe::Receiver::from_owned_fd_unchecked(ready(stdout, OFlags::RDONLY)?)?;
        let link = Rc::new(Self {
            run,
            secrets,
            is_modern: Cell::new(false),
            declared: Cell::default(),
            logs: Cell::new(false),
            level: Cell::new(None),
            changes: Cell::new(0),
            seen: Cell::new(0),
            tells: RefCell::default(),
            watched: RefCell::default(),
            pages: Pages::default(),
            stdin: RefCell::new(Some(Rc::clone(&stdin))),
            waiting: RefCell::default(),
            waiting_bytes: Cell::new(0),
            more: Notify::new(),
            open: RefCell::default(),
            timers: Timers::default(),
            next: Cell::new(1),
            allowance: RefCell::new(Allowance::new(Instant::now())),
            ended: Cell::new(None),
            end: Notify::new(),
        });
        tokio::task::spawn_local(Rc::clone(&link).write(stdin));
        tokio::task::spawn_local(Rc::clone(&link).read(stdout, max));
        Ok(link)
    }

    /// Why it has ended, if it has.
    pub(super) fn ended(&self) -> Option<End> {
        self.ended.get()
    }

    /// Waits for its end.
    pub(super) async fn until_ended(&self) -> End {
        loop {
            let told = self.end.notified();
            if let Some(end) = self.ended.get() {
                return end;
            }
            told.await;
        }
    }

    /// Ends it: nothing more is read or written, and whoever waits is told. Its process is the caller's business.
    pub(super) fn close(&self, end: End) {
        if self.ended.get().is_some() {
            return;
        }
        self.ended.set(Some(end));
        self.stdin.borrow_mut().take();
        self.waiting.borrow_mut().clear();
        self.waiting_bytes.set(0);
        self.open.borrow_mut().clear();
        self.more.notify_one();
        self.end.notify_waiters();
    }

    /// Asks a request and waits for its answer. Whoever stops waiting cancels it, unless it is the handshake. `params`: the JSON text of an
    /// object, made for the number of the request.
    pub(super) async fn ask(
        self: &Rc<Self>,
        method: &str,
        params: impl FnOnce(i64) -> String,
        beside: Beside,
    ) -> Result<Reply, End> {
        let id = self.next.replace(self.next.get() + 1);
        let text = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"{method}\",\"params\":{}}}\n", params(id));
        let (reply, answer) = oneshot::channel();
        if let Some(end) = self.ended.get() {
            return Err(end);
        }
        if self.waiting_bytes.get() > WAITING_MAX {
            return Ok(Reply::Unusable("it does not read what it is sent"));
        }
        let Beside { progress, log, asks, watch, waits } = beside;
        let is_call = CALLS.contains(&method);
        self.open.borrow_mut().insert(id, Open { reply, progress, asks, log, is_call, watch, waits });
        let _guard = Asked { link: Rc::clone(self), id, cancels: method != "initialize" };
        self.send(text.into_bytes());
        answer.await.map_err(|_| self.ended.get().unwrap_or(End::Passed))
    }

    /// Gives up every call that waits for another request of its client, so that the next question can be of one call only. The server is told,
    /// and has read it when it answers what is asked next. False where there was none.
    pub(super) fn give_way(&self) -> bool {
        let waiting: Vec<i64> =
            self.open.borrow().iter().filter(|(_, open)| open.is_call && open.waits.get()).map(|(id, _)| *id).collect();
        for id in &waiting {
            self.open.borrow_mut().remove(id);
            self.cancel(*id);
        }
        !waiting.is_empty()
    }

    fn cancel(&self, id: i64) {
        let params = json!({"requestId": id, "reason": "nobody waits for it any more"});
        self.tell(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}));
    }

    /// Sends a notification, or an answer. One that an upstream does not read is dropped.
    pub(super) fn tell(&self, message: &Value) {
        if self.waiting.borrow().len() < COURTESIES_MAX && self.waiting_bytes.get() <= WAITING_MAX {
            self.send(format!("{message}\n").into_bytes());
        }
    }

    /// Is anything waiting to be written?
    pub(super) fn is_stuck(&self) -> bool {
        !self.waiting.borrow().is_empty()
    }

    /// Writes at once what the pipe takes; the rest waits for the task.
    fn send(&self, mut text: Vec<u8>) {
        let Some(stdin) = self.stdin.borrow().clone() else { return };
        if self.waiting.borrow().is_empty() {
            match stdin.try_write(&text) {
                Ok(length) if length == text.len() => return,
                Ok(length) => drop(text.drain(..length)),
                // Also a broken pipe: the task sees it and ends the link.
                Err(_) => {}
            }
        }
        self.waiting_bytes.set(self.waiting_bytes.get() + text.len());
        self.waiting.borrow_mut().push_back(text);
        self.more.notify_one();
    }

    async fn write(self: Rc<Self>, stdin: Rc<pipe::Sender>) {
        loop {
            self.more.notified().await;
            loop {
                if self.ended.get().is_some() {
                    return;
                }
                let Some(text) = self.waiting.borrow_mut().front_mut().map(std::mem::take) else { break };
                let mut rest = &text[..];
                while !rest.is_empty() {
                    let written = tokio::select! {
                        ready = stdin.writable() => ready.and_then(|()| stdin.try_write(rest)),
                        _ = self.until_ended() => return,
                    };
                    match written {
                        Ok(length) => rest = &rest[length..],
                        Err(fault) if fault.kind() == std::io::ErrorKind::WouldBlock => {}
                        Err(_) => return self.close(End::Gone),
                    }
                }
                self.waiting.borrow_mut().pop_front();
                self.waiting_bytes.set(self.waiting_bytes.get().saturating_sub(text.len()));
            }
        }
    }

    async fn read(self: Rc<Self>, mut stdout: pipe::Receiver, max: usize) {
        let (mut lines, mut buffer, mut turn, mut unended) = (Lines::with_max(max), vec![0; CHUNK], 0_usize, 0_usize);
        loop {
            let read = tokio::select! {
                read = some(&mut stdout, &mut buffer) => read,
                _ = self.until_ended() => return,
            };
            let mut chunk = match read {
                Ok(0) => return self.close(End::Gone),
                Ok(length) => &buffer[..length],
                Err(_) => return self.close(End::Gone),
            };
            unended = unended.saturating_add(chunk.len());
            if unended > UNENDED_MAX {
                return self.close(End::Flood);
            }
            while let Some(frame) = lines.feed(&mut chunk) {
                unended = 0;
                self.take(frame);
                if self.ended.get().is_some() {
                    return;
                }
                turn += 1;
                if turn.is_multiple_of(TURN) {
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// One line. What answers no open request, and is no progress of one, is counted.
    fn take(&self, frame: Frame) {
        let (bytes, was_asked_for) = match frame {
            Frame::Line(line) => (line.len(), self.message(line)),
            Frame::TooLong { head, tail, bytes } => {
                let id = line::cut(&head, &tail);
                let told = Reply::Unusable("its answer is longer than the manifest accepts");
                (usize::try_from(bytes).unwrap_or(usize::MAX), id.is_some_and(|id| self.answer(id, told)))
            }
        };
        if !was_asked_for && !self.allowance.borrow_mut().take(bytes, Instant::now()) {
            self.close(End::Flood);
        }
    }

    fn message(&self, line: Vec<u8>) -> bool {
        match line::read(&line) {
            Line::Result(id, place) => match String::from_utf8(line) {
                Ok(line) => self.answer(id, Reply::Result(line, place)),
                Err(_) => false,
            },
            Line::Error(id, fault) => self.answer(id, Reply::Error(fault)),
            Line::Broken(Some(id)) => self.answer(id, Reply::Unusable("its answer is no well-formed message")),
            Line::Progress(id, progress) => {
                if let Some(on_progress) = self.open.borrow().get(&id).and_then(|open| open.progress.as_ref()) {
                    on_progress(progress);
                }
                // Nor may progress come without end.
                false
            }
            Line::Request(id, method, place) => {
                let params = place.and_then(|place| line.get(place)).unwrap_or(b"{}");
                if !self.raise(&id, &method, params) {
                    self.refuse(&id, &method);
                }
                false
            }
            Line::Log(log) => {
                // All calls are of one client, so one of them is told for all: the oldest that wants any.
                let open = self.open.borrow();
                let wants = open.iter().filter_map(|(id, open)| Some((id, open.log.as_ref()?))).min_by_key(|(id, _)| **id);
                if let Some((_, on_log)) = wants {
                    on_log(&log);
                }
                false
            }
            Line::Changed(list) => {
                if list == Listed::Tools {
                    self.changes.set(self.changes.get() + 1);
                }
                let tells = self.tells.borrow();
                if tells.0.contains(&list) {
                    tells.1.add(list);
                }
                false
            }
            Line::Updated(uri, listen) => {
                self.updated(&uri, listen);
                // Nor may changes come without end.
                false
            }
            Line::Acknowledged(id, uris) => {
                if let Some(watch) = self.open.borrow_mut().get_mut(&id).and_then(|open| open.watch.as_mut()) {
                    watch.acknowledge(&uris);
                }
                false
            }
            Line::Completed(id) => {
                let tells = self.tells.borrow();
                self.pages.complete(&id).into_iter().for_each(|number| tells.1.add_page(number));
                false
            }
            Line::Cancelled(id) => {
                // It may end a listen so; of nothing else it says when it ends but by its answer.
                let is_listen = self.open.borrow().get(&id).is_some_and(|open| open.watch.is_some());
                is_listen && self.answer(id, Reply::Unusable("it ended the subscription"))
            }
            Line::Notification | Line::Broken(None) | Line::Blank => false,
        }
    }

    /// False for what answers nothing: a late, second or invented answer.
    pub(super) fn answer(&self, id: i64, reply: Reply) -> bool {
        let open = self.open.borrow_mut().remove(&id);
        open.is_some_and(|open| open.reply.send(reply).is_ok())
    }

    /// Tells those of a change whom it is for.
    fn updated(&self, uri: &str, listen: Option<i64>) {
        if self.is_modern.get() {
            let open = self.open.borrow();
            let watch = listen.and_then(|id| open.get(&id)).and_then(|open| open.watch.as_ref());
            if let Some(watch) = watch.filter(|watch| is_about(&watch.uri, uri)) {
                watch.told.tell();
            }
            return;
        }
        self.watched.borrow().iter().filter(|(watched, _)| is_about(watched, uri)).for_each(|(_, told)| told.tell());
    }

    /// Passes a request on to the call that it is about; false where there is none, or where it cannot be told which. The server does not say it, so
    /// that is only where no other call is open, whether that waits for an answer or not.
    fn raise(&self, id: &Id, method: &str, params: &[u8]) -> bool {
        let Some(kind) = question::kind(method).filter(|kind| self.declared.get().has(*kind)) else { return false };
        let Ok(params) = std::str::from_utf8(params) else { return false };
        if params.len() > question::QUESTION_MAX {
            return false;
        }
        let open = self.open.borrow();
        let mut calls = open.values().filter(|open| open.is_call);
        let (Some(call), None) = (calls.next(), calls.next()) else { return false };
        let raised = Raised { id: id.clone(), kind, params: params.to_owned() };
        call.asks.as_ref().is_some_and(|asks| asks.try_send(raised).is_ok())
    }

    /// Whatever is not about one call that may be asked about is refused.
    fn refuse(&self, id: &Id, method: &str) {
        let answer = match method {
            "ping" => json!({"jsonrpc": "2.0", "id": id, "result": {}}),
            _ => json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "Method not found"}}),
        };
        self.tell(&answer);
    }
}

/// A request that somebody waits for.
struct Asked {
    link: Rc<Link>,
    id: i64,
    cancels: bool,
}

impl Drop for Asked {
    fn drop(&mut self) {
        let was_open = self.link.open.borrow_mut().remove(&self.id).is_some();
        if was_open && self.cancels {
            self.link.cancel(self.id);
        }
    }
}
