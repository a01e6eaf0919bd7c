//! The judge's side: each call of a tool that reaches the network is an errand of egress, and whoever stops waiting calls it back.

use super::link::Link;
use super::message::{ANSWER_MAX, Order, REPORT_MAX, Report};
use super::tally::{self, Row, Tally};
use super::{Egress, unstarted};
use crate::decide::Errand;
use crate::effect::Failure;
use crate::effect::http::FetchFault;
use crate::limits::{IN_FLIGHT_BYTES_MAX, JSON_DEPTH_MAX, JSON_VALUES_MAX};
use crate::policy::{Policy, Tool};
use crate::role::Helper;
use crate::start::Stop;
use crate::wire::scan::scan_within;
use rustix::process::Pid;
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{Notify, oneshot};

/// Requests of one call at most: weather has two.
const REQUESTS_MAX: u64 = 2;
/// How much longer than its requests a call may take. Egress has its own limit for each request; this one is for an egress that does
/// not keep it.
const GRACE: Duration = Duration::from_secs(2);
/// How long a gateway that ends waits for what egress has not told yet. One in order answers at once; clients kill a gateway two seconds after they
/// asked it to end.
const LAST_MAX: Duration = Duration::from_millis(200);
/// Most bytes that egress has not taken yet: all open calls, twice. Beyond it, it does not read.
const WAITING_MAX: usize = 2 * IN_FLIGHT_BYTES_MAX;
/// Values and depth of an answer beyond those of the document in it: what stands around it, and what the manifest selects.
const VALUES_MORE: usize = 256;
const DEPTH_MORE: usize = 2;

/// What egress is sent for.
#[derive(Clone, Default)]
pub struct Errands(Option<Rc<Inner>>);

struct Inner {
    policy: &'static Policy,
    process: Pid,
    /// Before the event loop runs.
    egress: RefCell<Option<Egress>>,
    /// It has said that it has its credentials and is confined.
    is_ready: Cell<bool>,
    /// While it runs and egress lives.
    link: RefCell<Option<Rc<Link>>>,
    open: RefCell<HashMap<u64, oneshot::Sender<Result<String, Failure>>>>,
    next: Cell<u64>,
    /// Connections of foreign servers that egress told of.
    tally: Tally,
    /// It is asked for the last of them; it has told them.
    last: RefCell<Option<oneshot::Sender<()>>>,
    has_ended: Cell<bool>,
    ended: Notify,
}

impl fmt::Debug for Errands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Errands").field("egress", &self.0.as_ref().map(|inner| inner.process)).finish()
    }
}

/// Does the judge take this as the result of a call? Egress asks it of what it sends, the judge of what it gets.
pub(super) fn is_takeable(text: &str) -> bool {
    text.len() <= ANSWER_MAX && scan_within(text.as_bytes(), JSON_DEPTH_MAX + DEPTH_MORE, JSON_VALUES_MAX + VALUES_MORE).is_ok()
}

fn ended() -> Failure {
    let detail =
        "The process that makes requests has ended, so the gateway ends, too. Whether the request was sent is not known.";
    Failure { code: "egress_ended", detail: detail.into() }
}

impl Errands {
    /// The errands of a policy, with the process that does them.
    #[must_use]
    pub fn new(policy: &'static Policy, egress: Option<Egress>) -> Self {
        Self(egress.map(|egress| {
            let Egress(Helper { process, .. }) = egress;
            Rc::new(Inner {
                policy,
                process,
                egress: RefCell::new(Some(egress)),
                is_ready: Cell::new(false),
                link: RefCell::default(),
                tally: Tally::default(),
                last: RefCell::default(),
                open: RefCell::default(),
                next: Cell::new(0),
                has_ended: Cell::new(false),
                ended: Notify::new(),
            })
        }))
    }

    /// Waits until egress has its credentials and is confined. A second call does nothing.
    ///
    /// # Errors
    /// As [`Egress::await_ready`].
    pub(crate) fn await_ready(&self) -> Result<(), Stop> {
        let Some(inner) = self.0.as_ref().filter(|inner| !inner.is_ready.get()) else { return Ok(()) };
        let egress = inner.egress.borrow_mut().take();
        *inner.egress.borrow_mut() = egress.map(Egress::await_ready).transpose()?;
        inner.is_ready.set(true);
        Ok(())
    }

    /// Waits until egress is ready, and begins to listen to it, within an event loop.
    ///
    /// # Errors
    /// As [`Errands::await_ready`], or the socket is none.
    pub(crate) fn begin(&self) -> Result<(), Stop> {
        self.await_ready()?;
        let Some(inner) = &self.0 else { return Ok(()) };
        let Some(Egress(Helper { socket, .. })) = inner.egress.borrow_mut().take() else { return Ok(()) };
        let link = Link::new(socket).map_err(|fault| unstarted(&fault))?;
        *inner.link.borrow_mut() = Some(Rc::clone(&link));
        tokio::task::spawn_local(Rc::clone(inner).listen(link));
        Ok(())
    }

    /// As if it had said so.
    #[cfg(test)]
    pub(super) fn with_ready_egress(self) -> Self {
        self.0.iter().for_each(|inner| inner.is_ready.set(true));
        self
    }

    /// Waits until egress has ended although nobody ended it. Without egress, for ever.
    pub(crate) async fn broken(&self) {
        let Some(inner) = &self.0 else { return std::future::pending().await };
        loop {
            let told = inner.ended.notified();
            if inner.has_ended.get() {
                return;
            }
            told.await;
        }
    }

    /// Waits for connections of foreign servers that egress tells of. Without egress, for ever.
    pub(crate) async fn connections(&self) -> Vec<(Row, u64)> {
        match &self.0 {
            Some(inner) => inner.tally.some().await,
            None => std::future::pending().await,
        }
    }

    /// Has egress tell what it has not told yet of connections of foreign servers. It waits for a moment at most.
    pub(crate) async fn settle(&self) {
        let Some(inner) = &self.0 else { return };
        if inner.policy.upstreams.iter().all(|upstream| upstream.proxied().is_none()) {
            return;
        }
        let Some(link) = inner.link.borrow().clone() else { return };
        let (tell, told) = oneshot::channel();
        *inner.last.borrow_mut() = Some(tell);
        link.send(Order::Last.write());
        let _ = tokio::time::timeout(LAST_MAX, told).await;
    }

    /// Those that nobody has taken yet.
    pub(crate) fn last_connections(&self) -> Vec<(Row, u64)> {
        self.0.as_ref().map_or_else(Vec::new, |inner| inner.tally.take())
    }

    /// Has egress ended although nobody ended it?
    pub(crate) fn is_broken(&self) -> bool {
        self.0.as_ref().is_some_and(|inner| inner.has_ended.get())
    }

    /// Has one call made. Dropping the future calls it back.
    ///
    /// # Errors
    /// What egress says, or that there is none any more.
    pub(crate) async fn run(&self, errand: Errand) -> Result<Value, Failure> {
        self.0.as_ref().ok_or_else(ended)?.run(errand).await
    }

    /// Ends egress. One that was stopped, or that is not what it was, does not heed the end of its socket. The judge signals nobody, and waits
    /// for nobody; the kernel kills what is left when the judge has ended.
    pub(crate) fn end(&self) {
        let Some(inner) = &self.0 else { return };
        if let Some(link) = inner.link.borrow_mut().take() {
            link.close();
        }
    }
}

impl Inner {
    /// Takes the answers. When there can be no more, every call that waits is told.
    async fn listen(self: Rc<Self>, link: Rc<Link>) {
        link.read(REPORT_MAX, |frame| self.hear(&frame)).await;
        link.close();
        if self.link.borrow_mut().take().is_none() {
            // The gateway has ended it.
            return;
        }
        self.break_off();
    }

    fn break_off(&self) {
        self.has_ended.set(true);
        self.open.borrow_mut().clear();
        self.last.borrow_mut().take();
        self.ended.notify_waiters();
    }

    /// `None` for what no egress says.
    fn hear(&self, frame: &[u8]) -> Option<()> {
        let (id, answer) = match Report::read(frame)? {
            Report::Done { id, result } => (id, Ok(result)),
            Report::Failed { id, failure } => (id, Err(failure)),
            Report::Connections(rows) => {
                let rows = tally::read(&rows, self.policy.upstreams.len())?;
                rows.into_iter().for_each(|(row, count)| self.tally.add(row, count));
                return Some(());
            }
            // What nobody asked for, no egress says.
            Report::Last => return self.last.borrow_mut().take().and_then(|last| last.send(()).ok()),
            Report::Ready | Report::Unready(..) => return None,
        };
        // Nobody waits for one that was called back.
        if let Some(waits) = self.open.borrow_mut().remove(&id) {
            let _ = waits.send(answer);
        }
        Some(())
    }

    async fn run(self: &Rc<Self>, errand: Errand) -> Result<Value, Failure> {
        let Errand { tool, arguments, hosts: _ } = errand;
        let link = self.link.borrow().clone().ok_or_else(ended)?;
        if link.waiting().1 > WAITING_MAX {
            link.close();
            return Err(ended());
        }
        let place = self.policy.tool_index.of(tool.name).and_then(|at| u32::try_from(at).ok()).unwrap_or(u32::MAX);
        let id = self.next.replace(self.next.get() + 1);
        let (send, answer) = oneshot::channel();
        self.open.borrow_mut().insert(id, send);
        let _guard = Sent { inner: Rc::clone(self), id };
        link.send(Order::Call { id, tool: place, arguments: &arguments }.write());
        let patience = patience(tool);
        let answer = tokio::time::timeout(patience, answer).await.map_err(|_| {
            let fault = FetchFault::Timeout { after: patience };
            Failure { code: fault.code(), detail: format!("The fetch failed: {fault}.") }
        })?;
        let text = answer.map_err(|_| ended())??;
        let unusable = || {
            // What it sent is no answer of an egress in order, so nothing else that it says counts.
            link.close();
            ended()
        };
        if !is_takeable(&text) {
            return Err(unusable());
        }
        serde_json::from_str(&text).map_err(|_| unusable())
    }
}

/// How long a call may take.
fn patience(tool: &Tool) -> Duration {
    Duration::from_secs(tool.timeout.saturating_mul(REQUESTS_MAX)) + GRACE
}

/// An errand that somebody waits for.
struct Sent {
    inner: Rc<Inner>,
    id: u64,
}

impl Drop for Sent {
    fn drop(&mut self) {
        if self.inner.open.borrow_mut().remove(&self.id).is_none() {
            return;
        }
        if let Some(link) = &*self.inner.link.borrow() {
            link.send(Order::Cancel { id: self.id }.write());
        }
    }
}
