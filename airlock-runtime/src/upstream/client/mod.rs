//! Foreign MCP servers as their client: started when a call first needs one, greeted, compared with what was reviewed, asked, and
//! started anew after an end, ever more slowly.

mod flood;
mod handshake;
mod line;
mod link;
mod pins;
mod request;
mod talk;
mod timer;
mod watch;

use super::fingerprint::{Fingerprint, Fingerprints};
use super::launcher::{Launcher, Order, Report, Run, Socket, register};
use super::{Answer, Drift, Plan, result};
use crate::decide::Tempo;
use crate::effect::{Failure, Listener};
use crate::policy::upstream::{Offer, Proxied, Upstream};
use crate::policy::{Policy, ToolKind};
use crate::reason::drift_detail;
use crate::role::Helper;
use crate::start::warn;
use crate::wire::Able;
use handshake::{Greeting, Opening, greet};
pub(crate) use line::{Log, Progress};
pub(super) use link::Link;
use link::{End, Reply};
use request::request;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use talk::{Broken, Talk};
use tokio::sync::{Mutex, Notify, oneshot};
use tokio::task::JoinHandle;
use watch::Changes;
pub(crate) use watch::{Change, Watch};

/// How often one call looks at a list of tools that changes while it is read. A server that has something to do when it starts says so a few times.
const LOOKS_MAX: usize = 8;
/// Attempts at one greeting: the probe, then the older way, then the newer one again for a server that was merely slow.
const ATTEMPTS_MAX: usize = 3;
/// How long the launcher may take to start a program. It starts no more than a process.
const LAUNCH_MAX: Duration = Duration::from_secs(5);
/// A run that lasted this long is not counted as a failure when it ends.
const STABLE: Duration = Duration::from_secs(60);
/// Longest time between an end and the next start.
const BACK_OFF_MAX: Duration = Duration::from_secs(60);
/// How long a gateway that ends waits for its upstreams. Clients kill it two seconds after they asked it to end, and its ledger is not
/// signed yet; the launcher ends by itself what takes longer.
const END_MAX: Duration = Duration::from_millis(500);

/// All upstreams of a gateway.
#[derive(Clone, Default)]
pub struct Upstreams(Option<Rc<Inner>>);

impl fmt::Debug for Upstreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstreams").field("count", &self.0.as_ref().map_or(0, |inner| inner.slots.len())).finish()
    }
}

struct Inner {
    policy: &'static Policy,
    slots: Vec<Slot>,
    /// Before the event loop runs.
    launcher: RefCell<Option<Launcher>>,
    /// While it runs and the launcher lives.
    socket: RefCell<Option<Rc<Socket>>>,
    /// Listens to the launcher, and has its socket, too.
    listener: RefCell<Option<JoinHandle<()>>>,
    /// The launcher has ended although nobody ended it.
    is_lost: Cell<bool>,
    lost: Notify,
    /// What clients are told of.
    changes: Rc<Changes>,
}

/// One upstream.
#[derive(Default)]
struct Slot {
    runs: Cell<u32>,
    state: RefCell<State>,
    /// Does it speak 2026-07-28? Known after the first greeting.
    is_modern: Cell<Option<bool>>,
    failures: Cell<u32>,
    not_before: Cell<Option<Instant>>,
    /// Whoever waits for the report of a start.
    starting: RefCell<Option<(Run, oneshot::Sender<Started>)>>,
    /// The run that the launcher has now.
    link: RefCell<Option<Rc<Link>>>,
    drift: RefCell<HashMap<&'static str, Drift>>,
    /// Held while the list of tools is looked at.
    looking: Mutex<()>,
    /// Told when a run is ready.
    begun: Notify,
}

type Started = Result<(OwnedFd, OwnedFd, Vec<Fingerprint>), String>;

#[derive(Default, Clone)]
enum State {
    #[default]
    Idle,
    Starting(Rc<Start>),
    Ready(Rc<Link>),
}

/// A start that others wait for, too.
#[derive(Default)]
struct Start {
    outcome: OnceCell<Result<Rc<Link>, Failure>>,
    done: Notify,
}

fn unavailable(upstream: &Upstream, why: &str) -> Failure {
    Failure { code: "upstream_unavailable", detail: format!("The upstream {} cannot be used: {why}.", upstream.name) }
}

impl Upstreams {
    /// The upstreams of a policy, with the launcher that starts them.
    #[must_use]
    pub fn new(policy: &'static Policy, launcher: Option<Launcher>) -> Self {
        Self(launcher.map(|launcher| {
            let slots = policy.upstreams.iter().map(|_| Slot::default()).collect();
            let (socket, listener) = (RefCell::default(), RefCell::default());
            let (is_lost, lost, changes) = Default::default();
            Rc::new(Inner { policy, slots, launcher: RefCell::new(Some(launcher)), socket, listener, is_lost, lost, changes })
        }))
    }

    /// Begins to listen to the launcher, within an event loop.
    ///
    /// # Errors
    /// The socket is none.
    pub(crate) fn begin(&self) -> std::io::Result<()> {
        let Some(inner) = &self.0 else { return Ok(()) };
        let Some(Launcher(Helper { socket, .. })) = inner.launcher.borrow_mut().take() else { return Ok(()) };
        let socket = Rc::new(register(socket)?);
        *inner.socket.borrow_mut() = Some(Rc::clone(&socket));
        *inner.listener.borrow_mut() = Some(tokio::task::spawn_local(Rc::clone(inner).listen(socket)));
        Ok(())
    }

    /// Waits until the launcher has ended although nobody ended it. Without one, for ever.
    pub(crate) async fn lost(&self) {
        let Some(inner) = &self.0 else { return std::future::pending().await };
        loop {
            let told = inner.lost.notified();
            if inner.is_lost.get() {
                return;
            }
            told.await;
        }
    }

    /// Waits until an upstream has told of a list that changed, of which it may, or of a page that is done with. Without a launcher, for ever.
    pub(crate) async fn changes(&self) -> Vec<Change> {
        let Some(inner) = &self.0 else { return std::future::pending().await };
        inner.changes.taken().await
    }

    /// How a tool's definition differs from the reviewed one, as far as is known.
    pub(crate) fn drift(&self, tool: ToolKind) -> Option<Drift> {
        let ToolKind::Upstream(proxied) = tool else { return None };
        if proxied.what != Offer::Tool {
            return None;
        }
        let slot = self.0.as_ref()?.slots.get(proxied.upstream)?;
        slot.drift.borrow().get(proxied.name).copied()
    }

    /// Forwards one call.
    ///
    /// # Errors
    /// The upstream cannot be used, does not answer, drifted, or gave what clients may not have.
    pub(crate) async fn call(&self, plan: Plan, tempo: Tempo, listener: &Listener) -> Result<Answer, Failure> {
        let none = || Failure { code: "absent", detail: "This gateway has no launcher of upstreams.".into() };
        self.0.as_ref().ok_or_else(none)?.call(plan, tempo, listener).await
    }

    /// Ends all upstreams: their stdin is closed, and the launcher told, whose end is that of the socket.
    pub(crate) async fn end(&self) {
        let Some(inner) = &self.0 else { return };
        for slot in &inner.slots {
            if let Some(link) = slot.link.borrow_mut().take() {
                link.close(End::Ours);
            }
            *slot.state.borrow_mut() = State::Idle;
        }
        inner.order(Order::Leave);
        // Nothing is ordered any more. The last one who has the socket is the listener.
        inner.socket.borrow_mut().take();
        let Some(mut listener) = inner.listener.borrow_mut().take() else { return };
        if tokio::time::timeout(END_MAX, &mut listener).await.is_err() {
            // A launcher that did not take the order sees the end of the socket.
            listener.abort();
        }
    }
}

impl Inner {
    /// Takes the launcher's reports until it is gone. Whatever it left behind ends by itself.
    async fn listen(self: Rc<Self>, socket: Rc<Socket>) {
        loop {
            if socket.readable().await.is_err() {
                break;
            }
            match Report::take(&socket) {
                Ok(Some(report)) => self.hear(report),
                Ok(None) => {}
                Err(_) => break,
            }
        }
        if self.socket.borrow_mut().take().is_none() {
            // The gateway has ended it.
            return;
        }
        self.is_lost.set(true);
        self.lost.notify_waiters();
        warn("the launcher of upstreams has ended; calls of their tools fail until the gateway is started anew");
        for slot in &self.slots {
            slot.starting.borrow_mut().take();
            if let Some(link) = slot.link.borrow_mut().take() {
                link.close(End::Gone);
            }
        }
    }

    fn hear(&self, report: Report) {
        let (run, started) = match report {
            Report::Started { run, stdin, stdout, secrets } => (run, Ok((stdin, stdout, secrets))),
            Report::Failed { run, why } => (run, Err(why)),
            Report::Ended { run, .. } => return self.gone(run),
        };
        let Some(slot) = self.slot(run) else { return };
        let waits = slot.starting.borrow_mut().take_if(|(other, _)| *other == run);
        let taken = waits.map(|(_, waits)| waits.send(started));
        // Nobody waits for it any more.
        if !matches!(taken, Some(Ok(()))) {
            self.order(Order::Kill(run));
        }
    }

    fn gone(&self, run: Run) {
        let Some(slot) = self.slot(run) else { return };
        let link = slot.link.borrow_mut().take_if(|link| link.run == run);
        if let Some(link) = link {
            link.close(End::Gone);
        }
    }

    fn slot(&self, run: Run) -> Option<&Slot> {
        self.slots.get(usize::try_from(run.upstream).ok()?)
    }

    fn order(&self, order: Order) -> bool {
        let socket = self.socket.borrow().clone();
        socket.is_some_and(|socket| order.send(&*socket).is_ok())
    }

    async fn call(self: &Rc<Self>, plan: Plan, tempo: Tempo, listener: &Listener) -> Result<Answer, Failure> {
        let Plan { tool, proxied, arguments } = plan;
        let (upstream, slot) = self.at(proxied.upstream)?;
        let (may, declared) = able(upstream, proxied.what, listener);
        let link = self.ready(proxied.upstream, declared).await?;
        let patience = Duration::from_secs(tempo.0);
        // Whoever looks is waited for by the others, and a call has an end.
        let within = patience.max(Duration::from_secs(upstream.start_timeout));
        let looked = tokio::time::timeout(within, self.look_again(upstream, slot, &link)).await;
        looked
            .unwrap_or_else(|_| Err(unavailable(upstream, "its list of tools, which has changed, could not be read in time")))?;
        let drift = slot.drift.borrow().get(proxied.name).copied();
        // What is told of a resource or prompt stands in the manifest.
        if let Some(drift) = drift.filter(|_| proxied.what == Offer::Tool) {
            return Err(Failure { code: "definition_drift", detail: drift_detail(tool, drift) });
        }
        if proxied.what == Offer::Subscription {
            return self.subscribe(proxied, &arguments, link, patience, listener).await;
        }
        let (method, asked) = request(proxied, &arguments);
        let talk =
            Talk { upstream, proxied, link: &link, listener, may, patience, lacked: Cell::default(), waits: Rc::default() };
        let failed =
            |code, what: &str| Failure { code, detail: format!("The upstream {} gave no result: {what}.", upstream.name) };
        let reply = match talk.run(method, &asked).await {
            Ok(reply) => reply,
            Err(Broken::Ended(end @ End::Passed)) => return Err(failed("question_unanswered", end.words())),
            Err(Broken::Ended(end)) => return Err(failed("upstream_ended", end.words())),
            Err(Broken::Failed(failure)) => return Err(failure),
            Err(Broken::Timeout) => {
                if link.is_stuck() {
                    self.stop(&link, End::Stuck);
                }
                return Err(failed("timeout", &format!("it took longer than {} s", tempo.0)));
            }
        };
        match reply {
            Reply::Result(line, place) => result::receive(proxied, line, place, link, self.policy).await,
            Reply::Error(fault) => match talk.missing(&fault) {
                Some(failure) => Err(failure),
                None => result::error(proxied, fault.code, &fault.message, &link.secrets),
            },
            Reply::Unusable(why) => Err(failed("result_unusable", why)),
        }
    }

    fn at(&self, index: usize) -> Result<(&'static Upstream, &Slot), Failure> {
        let none = || Failure { code: "absent", detail: "This gateway has no such upstream.".into() };
        self.policy.upstreams.get(index).zip(self.slots.get(index)).ok_or_else(none)
    }

    /// The running upstream, started if it has to be.
    async fn ready(self: &Rc<Self>, index: usize, declared: Able) -> Result<Rc<Link>, Failure> {
        let (upstream, slot) = self.at(index)?;
        let state = slot.state.borrow().clone();
        let start = match state {
            State::Ready(link) if link.ended().is_none() => return Ok(link),
            State::Starting(start) => start,
            State::Ready(_) | State::Idle => {
                let wait = slot.not_before.get().and_then(|at| at.checked_duration_since(Instant::now()));
                if let Some(wait) = wait.filter(|wait| !wait.is_zero()) {
                    let why = format!("it ended too often; it is started again in {} s", wait.as_secs() + 1);
                    return Err(unavailable(upstream, &why));
                }
                let start = Rc::new(Start::default());
                *slot.state.borrow_mut() = State::Starting(Rc::clone(&start));
                // Goes on when the call that began it is cancelled: others may wait for it.
                tokio::task::spawn_local(Rc::clone(self).start(index, declared, Rc::clone(&start)));
                start
            }
        };
        loop {
            let done = start.done.notified();
            if let Some(outcome) = start.outcome.get() {
                return outcome.clone();
            }
            done.await;
        }
    }

    async fn start(self: Rc<Self>, index: usize, declared: Able, start: Rc<Start>) {
        let outcome = match self.at(index) {
            Ok((upstream, slot)) => {
                let outcome = self.launch_and_greet(index, declared, slot).await.map_err(|why| unavailable(upstream, &why));
                match &outcome {
                    Ok(link) => {
                        *slot.state.borrow_mut() = State::Ready(Rc::clone(link));
                        slot.begun.notify_waiters();
                        tokio::task::spawn_local(Rc::clone(&self).watch(index, Rc::clone(link)));
                    }
                    Err(failure) => {
                        warn(&failure.detail);
                        slot.failed();
                        *slot.state.borrow_mut() = State::Idle;
                    }
                }
                outcome
            }
            Err(failure) => Err(failure),
        };
        let _ = start.outcome.set(outcome);
        start.done.notify_waiters();
    }

    /// Waits for the end of a run that was ready.
    async fn watch(self: Rc<Self>, index: usize, link: Rc<Link>) {
        let begun = Instant::now();
        let end = link.until_ended().await;
        if end == End::Ours {
            return;
        }
        let Ok((upstream, slot)) = self.at(index) else { return };
        warn(&format!("the upstream {} is gone: {}", upstream.name, end.words()));
        // A pipe may end before its process does.
        self.order(Order::Kill(link.run));
        if begun.elapsed() >= STABLE {
            slot.failures.set(0);
        }
        slot.failed();
    }

    fn stop(&self, link: &Link, end: End) {
        link.close(end);
        self.order(Order::Kill(link.run));
    }

    async fn launch_and_greet(&self, index: usize, declared: Able, slot: &Slot) -> Result<Rc<Link>, String> {
        let upstream = self.policy.upstreams.get(index).ok_or("this gateway has no such upstream")?;
        let patience = Duration::from_secs(upstream.start_timeout);
        let mut opening = Opening::of(upstream.era, slot.is_modern.get());
        for _ in 0..ATTEMPTS_MAX {
            let link = self.launch(index, upstream, slot).await?;
            link.declared.set(declared);
            *link.tells.borrow_mut() = (upstream.may_tell, Rc::clone(&self.changes));
            let greeted = match greet(&link, opening, patience).await {
                Ok(()) => self.look(upstream, slot, &link).await.map_err(Greeting::Refused),
                Err(greeting) => Err(greeting),
            };
            match greeted {
                Ok(()) => {
                    slot.is_modern.set(Some(link.is_modern.get()));
                    return Ok(link);
                }
                Err(greeting) => {
                    self.stop(&link, End::Ours);
                    // What was known does not hold any more.
                    slot.is_modern.set(None);
                    match greeting {
                        Greeting::Again(next) if Opening::of(upstream.era, None) == Opening::Probe => opening = next,
                        Greeting::Again(_) => return Err("it does not speak the revision that the manifest says".into()),
                        Greeting::Refused(why) => return Err(why),
                    }
                }
            }
        }
        Err("it answers no greeting".into())
    }

    async fn launch(&self, index: usize, upstream: &'static Upstream, slot: &Slot) -> Result<Rc<Link>, String> {
        let number = slot.runs.get().wrapping_add(1);
        slot.runs.set(number);
        let run = Run { upstream: u32::try_from(index).unwrap_or(u32::MAX), number };
        let (send, receive) = oneshot::channel();
        *slot.starting.borrow_mut() = Some((run, send));
        if !self.order(Order::Start(run)) {
            return Err("the launcher is gone".into());
        }
        let started = tokio::time::timeout(LAUNCH_MAX, receive).await;
        let started = started.map_err(|_| "the launcher did not start it in time")?;
        let (stdin, stdout, secrets) = started.map_err(|_| "the launcher is gone")??;
        let max = usize::try_from(upstream.max_message).unwrap_or(usize::MAX);
        let link = Link::new(run, stdin, stdout, max, Arc::new(Fingerprints::new(secrets))).map_err(|fault| fault.to_string())?;
        *slot.link.borrow_mut() = Some(Rc::clone(&link));
        Ok(link)
    }

    /// Compares the tools of an upstream with the reviewed ones.
    async fn look(&self, upstream: &'static Upstream, slot: &Slot, link: &Rc<Link>) -> Result<(), String> {
        let changes = link.changes.get();
        let ours = |proxied: &&'static Proxied| {
            let is_of = self.policy.upstreams.get(proxied.upstream).is_some_and(|one| std::ptr::eq(one, upstream));
            is_of && proxied.what == Offer::Tool
        };
        let tools = self.policy.tools.iter().filter_map(|tool| match tool.kind {
            ToolKind::Upstream(proxied) => Some(proxied),
            ToolKind::Builtin(_) => None,
            #[cfg(feature = "plan-http")]
            ToolKind::Rest(_) => None,
        });
        let tools: Vec<&'static Proxied> = tools.filter(ours).collect();
        // A server of resources or prompts alone may have no such list.
        if tools.is_empty() {
            link.seen.set(changes);
            return Ok(());
        }
        let found = pins::check(link, &tools, Duration::from_secs(upstream.start_timeout)).await?;
        for (tool, drift) in &found {
            if slot.drift.borrow().get(tool) != Some(drift) {
                warn(&format!("the tool {tool} of the upstream {} {drift}; it is refused", upstream.name));
            }
        }
        *slot.drift.borrow_mut() = found;
        // Not before: whoever looked may have been cancelled meanwhile, and then nobody has.
        link.seen.set(changes);
        Ok(())
    }

    /// Looks again if the upstream has said that its tools are others now.
    async fn look_again(&self, upstream: &'static Upstream, slot: &Slot, link: &Rc<Link>) -> Result<(), Failure> {
        let has_changed = || link.changes.get() != link.seen.get();
        if !has_changed() {
            return Ok(());
        }
        let _looking = slot.looking.lock().await;
        for _ in 0..LOOKS_MAX {
            if !has_changed() {
                return Ok(());
            }
            self.look(upstream, slot, link).await.map_err(|why| unavailable(upstream, &why))?;
        }
        match has_changed() {
            true => Err(unavailable(upstream, "its list of tools changes as often as it is looked at")),
            false => Ok(()),
        }
    }
}

impl Slot {
    /// The run that is ready.
    fn ready(&self) -> Option<Rc<Link>> {
        match &*self.state.borrow() {
            State::Ready(link) => Some(Rc::clone(link)),
            State::Idle | State::Starting(_) => None,
        }
    }

    fn failed(&self) {
        let failures = self.failures.get().saturating_add(1);
        self.failures.set(failures);
        // The first restart is at once: most ends are of one bad call.
        let wait = failures.checked_sub(2).map(|doublings| Duration::from_secs(1 << doublings.min(6)).min(BACK_OFF_MAX));
        self.not_before.set(wait.map(|wait| Instant::now() + wait));
    }
}

/// What an upstream may ask of the client of a call, and what it is told of that when it is started. A client of 2026-07-28 says with each
/// request what it can be asked, so there it is told what the manifest lists, and refused what the client of the call cannot. About a completion
/// nobody is asked: somebody is in the middle of a word, and the protocol has no questions there.
fn able(upstream: &Upstream, what: Offer, listener: &Listener) -> (Able, Able) {
    let Some(asks) = listener.asks() else { return (Able::default(), Able::all(upstream)) };
    let within = asks.able.within(upstream);
    let may = if what == Offer::Completion { Able::default() } else { within };
    (may, if asks.is_modern { Able::all(upstream) } else { within })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::upstream::Question;

    #[test]
    fn nobody_is_asked_about_a_completion() {
        let upstream = Upstream { may_ask: &[Question::Elicitation], ..Upstream::SAMPLE };
        let client = Able { elicitation: true, ..Able::default() };
        for is_modern in [false, true] {
            let (listener, _asks) = Listener::default().asked(client, is_modern);
            for what in [Offer::Tool, Offer::Resource, Offer::Prompt] {
                assert_eq!(able(&upstream, what, &listener), (client, client), "{what:?} {is_modern}");
            }
            assert_eq!(able(&upstream, Offer::Completion, &listener), (Able::default(), client), "{is_modern}");
        }
    }

    #[test]
    fn restarts_become_rare() {
        let slot = Slot::default();
        let mut waits = Vec::new();
        for _ in 0..10 {
            slot.failed();
            waits.push(
                slot.not_before.get().map_or(0, |at| at.saturating_duration_since(Instant::now()).as_millis().div_ceil(1000)),
            );
        }
        assert_eq!(waits, [0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }
}
