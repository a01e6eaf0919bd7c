//! The client as one who is told how far its call is, and who can be asked what an upstream wants to know.

use crate::policy::upstream::Level;
#[cfg(feature = "upstream")]
use crate::upstream::question::Question;
#[cfg(feature = "upstream")]
use crate::upstream::{Secrets, Watch};
#[cfg(feature = "upstream")]
use crate::wire::Able;
use crate::wire::{ProgressToken, Revision};
#[cfg(feature = "upstream")]
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use tokio::sync::mpsc;
#[cfg(feature = "upstream")]
use tokio::sync::oneshot;

/// Where progress of one call goes, and whom its upstream can ask. The default is nowhere and nobody. Clones are of the same client.
#[derive(Debug, Clone, Default)]
pub struct Listener {
    #[cfg_attr(not(feature = "upstream"), allow(dead_code, reason = "only upstreams tell how far they are"))]
    wants: Rc<RefCell<Option<Wants>>>,
    #[cfg_attr(not(feature = "upstream"), allow(dead_code, reason = "only upstreams have log messages"))]
    logs: Rc<RefCell<Option<Logs>>>,
    #[cfg(feature = "upstream")]
    asks: Option<Asks>,
    /// The subscription that was asked for.
    #[cfg(feature = "upstream")]
    watch: Rc<RefCell<Option<Watch>>>,
}

/// What a client wants.
#[derive(Debug, Clone)]
#[cfg_attr(not(feature = "upstream"), allow(dead_code, reason = "only upstreams tell how far they are"))]
struct Wants {
    token: ProgressToken,
    revision: Revision,
    output: mpsc::Sender<String>,
    /// The last progress that it was told.
    last: Cell<f64>,
}

/// The log messages that a client wants.
#[derive(Debug, Clone)]
#[cfg_attr(not(feature = "upstream"), allow(dead_code, reason = "only upstreams have log messages"))]
struct Logs {
    /// The least grave.
    level: Level,
    output: mpsc::Sender<String>,
    /// How many may still come.
    left: Cell<usize>,
}

/// Log messages of one request that a client is told: those of a long job, and no flood.
const LOGS_MAX: usize = 256;
/// Longest log message that is told, name and data, bytes of JSON.
#[cfg(feature = "upstream")]
const LOG_MAX: usize = 16 * 1024;
/// Longest message of progress that is told, bytes: a line of text that a person reads while it is there.
#[cfg(feature = "upstream")]
const MESSAGE_MAX: usize = 4 * 1024;

impl Wants {
    fn new(token: ProgressToken, revision: Revision, output: &mpsc::Sender<String>) -> Self {
        Self { token, revision, output: output.clone(), last: Cell::new(f64::NEG_INFINITY) }
    }
}

impl Listener {
    /// The client of a request with this token, if it has one.
    pub(crate) fn new(
        token: Option<ProgressToken>,
        level: Option<Level>,
        revision: Revision,
        output: &mpsc::Sender<String>,
    ) -> Self {
        let wants = token.map(|token| Wants::new(token, revision, output));
        let logs = level.map(|level| Logs { level, output: output.clone(), left: Cell::new(LOGS_MAX) });
        Self {
            wants: Rc::new(RefCell::new(wants)),
            logs: Rc::new(RefCell::new(logs)),
            #[cfg(feature = "upstream")]
            asks: None,
            #[cfg(feature = "upstream")]
            watch: Rc::default(),
        }
    }
}

/// A client that can be asked.
#[cfg(feature = "upstream")]
#[derive(Debug, Clone)]
pub(crate) struct Asks {
    /// What it can be asked.
    pub(crate) able: Able,
    /// Does it speak 2026-07-28, so that each of its requests may be able to other things?
    pub(crate) is_modern: bool,
    send: mpsc::Sender<Asked>,
}

/// Questions that an upstream asks together. Whoever asks stops to wait when the answer is of no use any more.
#[cfg(feature = "upstream")]
#[derive(Debug)]
pub(crate) struct Asked {
    /// Name of the upstream.
    pub(crate) upstream: &'static str,
    pub(crate) questions: Vec<Question>,
    /// Takes an answer to each of them, in their order.
    pub(crate) answer: oneshot::Sender<Result<Vec<Value>, Unanswered>>,
}

/// Why there is no answer.
#[cfg(feature = "upstream")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// Nobody was asked: there is no room for one more question, it could not be recorded, or the lease of its call holds no longer.
    NotAsked,
    /// The client brought an error, or what is no answer.
    Failed,
    /// There was no answer in time.
    Timeout,
    /// The client is gone.
    Gone,
}

#[cfg(feature = "upstream")]
impl Listener {
    /// The same client, which can be asked; and where the questions come out.
    pub(crate) fn asked(&self, able: Able, is_modern: bool) -> (Self, mpsc::Receiver<Asked>) {
        // One at a time: whoever asks waits for the answer.
        let (send, receive) = mpsc::channel(1);
        (Self { asks: Some(Asks { able, is_modern, send }), ..self.clone() }, receive)
    }

    /// The client, if it can be asked.
    pub(crate) const fn asks(&self) -> Option<&Asks> {
        self.asks.as_ref()
    }

    /// Hands over a subscription that holds now.
    pub(crate) fn keep(&self, watch: Watch) {
        *self.watch.borrow_mut() = Some(watch);
    }

    /// The subscription that was handed over.
    pub(crate) fn kept(&self) -> Option<Watch> {
        self.watch.borrow_mut().take()
    }

    /// From now on nothing is told: the request has its reply.
    pub(crate) fn hush(&self) {
        self.wants.borrow_mut().take();
        self.logs.borrow_mut().take();
    }

    /// From now on what is told goes to who wants what that one does.
    pub(crate) fn follow(&self, other: &Self) {
        *self.wants.borrow_mut() = other.wants.borrow_mut().take();
        *self.logs.borrow_mut() = other.logs.borrow_mut().take();
    }

    /// The least grave log messages that the client wants and may have.
    pub(crate) fn level(&self, least: Option<Level>) -> Option<Level> {
        let wanted = self.logs.borrow().as_ref().map(|logs| logs.level)?;
        least.map(|least| least.max(wanted))
    }

    /// What takes log messages of an upstream of this name, from this level on. One that looks like an injection, hides something, holds a secret or is too
    /// long is left out. A client that does not read misses some.
    pub(crate) fn log(
        &self,
        upstream: &'static str,
        least: Level,
        threshold: u16,
        secrets: Secrets,
    ) -> Box<dyn Fn(&crate::upstream::Log)> {
        let logs = Rc::clone(&self.logs);
        Box::new(move |log| {
            let logs = logs.borrow();
            let Some(Logs { output, left, .. }) = logs.as_ref().filter(|logs| log.level >= least && logs.left.get() > 0) else {
                return;
            };
            let logger = log.logger.as_ref().map_or_else(|| upstream.to_owned(), |logger| format!("{upstream}: {logger}"));
            let is_short = log.data.len() + logger.len() <= LOG_MAX;
            if !is_short || !crate::upstream::may_be_logged(&logger, &log.data, threshold, &secrets) {
                return;
            }
            left.set(left.get() - 1);
            let _ = output.try_send(crate::wire::reply::log(log.level.word(), &logger, &log.data));
        })
    }

    /// Asks, and waits.
    pub(crate) async fn ask(&self, upstream: &'static str, questions: Vec<Question>) -> Result<Vec<Value>, Unanswered> {
        let Some(asks) = &self.asks else { return Err(Unanswered::NotAsked) };
        let (answer, answered) = oneshot::channel();
        asks.send.send(Asked { upstream, questions, answer }).await.map_err(|_| Unanswered::Gone)?;
        answered.await.unwrap_or(Err(Unanswered::Gone))
    }

    /// What takes progress of an upstream, if anybody wants it. Its message is left out where it looks like an injection, with the risk
    /// from which a result of the tool does, and where a log message would be. A client that does not read misses some.
    pub(crate) fn progress(&self, threshold: u16, secrets: Secrets) -> Option<Box<dyn Fn(crate::upstream::Progress)>> {
        self.wants.borrow().as_ref()?;
        let wants = Rc::clone(&self.wants);
        Some(Box::new(move |progress| {
            let wants = wants.borrow();
            let Some(Wants { token, revision, output, last }) = wants.as_ref() else { return };
            if progress.progress <= last.replace(last.get().max(progress.progress)) {
                return;
            }
            let may_be_told =
                |text: &&str| text.len() <= MESSAGE_MAX && crate::upstream::may_be_told(&Value::from(*text), threshold, &secrets);
            let message = progress.message.as_deref().filter(may_be_told);
            let _ = output.try_send(crate::wire::reply::progress(*revision, token, progress.progress, progress.total, message));
        }))
    }
}
