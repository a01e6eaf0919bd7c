//! The server: the only place that sees line, decision, ledger and effect. [`Gateway::answer`] is the policy of the program.
//!
//! One thread is the ledger's and waits for the disk; everything else happens on this one, so the judge's state needs no lock. (A stdin or stdout
//! that is neither pipe nor socket has a thread as well.) Calls run concurrently. Reading stops while as many calls as the manifest says (at most [`IN_FLIGHT_MAX`]) or requests of [`IN_FLIGHT_BYTES_MAX`] bytes of memory are
//! open, which the client feels as a full pipe.

mod list;
mod offer;

use crate::account::{self, Context};
use crate::approve::signed::Requests;
use crate::approve::waiting::Waiting;
use crate::approve::{Approved, Flows, Refusal};
use crate::call::{Args, Call};
use crate::carrier::{self, Carried};
use crate::clock::Micros;
use crate::confine;
use crate::decide::{self, Ask, Decision, Facts, Permit, decide};
use crate::effect::World;
use crate::lease::{self, Authority, Expect, intent_hash};
use crate::ledger::{self, Allowed, LedgerError, Unmet};
use crate::limits::{IN_FLIGHT_BYTES_MAX, IN_FLIGHT_MAX, MEMORY_KEEP_S};
use crate::memory::{Memory, Seen};
use crate::policy::{EffectClass, Policy};
use crate::reason::Reason;
use crate::reply::{self, Judged};
use crate::risk::Risk;
use crate::start::Stop;
use crate::stdio::{self, Ending, Input, Streams};
use crate::upstream::Drift;
#[cfg(not(feature = "upstream"))]
use crate::wire::Retry;
use crate::wire::{Answer, CallRequest, Connection, Frame, Id, Received, ServerInfo};
use serde_json::value::RawValue;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::{JoinSet, LocalSet};

mod ask;
mod deny;
mod helpers;
mod make;
#[cfg(feature = "upstream")]
mod question;
mod shadow;
mod told;
#[cfg(feature = "upstream")]
mod watch;
use ask::{Desk, Ended};
use helpers::{Coming, weigh};
use make::About;
use shadow::Passed;

/// Why nothing more is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The client closed stdin or stdout.
    Closed,
    /// A signal asked the process to end. Clients of MCP kill it two seconds later, and a killed gateway leaves allowed calls
    /// without an outcome in the ledger, so it has to be done before.
    Asked,
}

impl End {
    /// How long open calls may go on. After the end of stdin the longest effect (two fetches) ends before this.
    fn drain(self, policy: &Policy) -> Duration {
        let longest = policy.tools.iter().map(|tool| tool.timeout).max().unwrap_or(0);
        match self {
            Self::Closed => Duration::from_secs(2 * longest + 5),
            Self::Asked => Duration::from_secs(1),
        }
    }

    /// How long stopped calls may take to be recorded, and then the last replies to be read.
    const fn flush(self) -> Duration {
        match self {
            Self::Closed => Duration::from_secs(5),
            Self::Asked => Duration::from_millis(300),
        }
    }
}

/// Leases remembered as seen, so that their scope is written once. Beyond it the set starts anew: a scope is then written again.
const SEEN_MAX: usize = 4096;

/// Serves until the client closes stdin.
///
/// # Errors
/// The ledger failed: everything was denied from then on. Or the process for requests has ended.
pub(crate) fn serve(world: World, streams: Streams) -> Result<(), Stop> {
    let failed = |what: &str, fault: &dyn std::fmt::Display| Stop { code: 1, message: format!("{what}: {fault}") };
    let runtime = helpers::runtime().map_err(|fault| failed("the event loop could not start", &fault))?;
    // They come while the rest begins.
    let helpers = helpers::start(runtime.handle());
    let gateway = Rc::new(Gateway::new(world));
    let local = LocalSet::new();
    let served = local.block_on(&runtime, Rc::clone(&gateway).run(streams, helpers));
    drop(local);
    // Its threads end with the process, which ends now: see `thread::stay`.
    std::mem::forget(runtime);
    served?;
    let recorded = gateway.world.ledger.shutdown().map_err(|fault| failed("the ledger failed", &fault));
    #[cfg(target_os = "linux")]
    if gateway.world.clerk.is_broken() {
        let message = "the process that opens the ledger's files has ended, and a gateway does not go on without it".into();
        return Err(Stop { code: crate::clerk::CODE, message });
    }
    recorded?;
    #[cfg(feature = "http")]
    if gateway.world.errands.is_broken() {
        let message = "the process for requests has ended, and a gateway does not go on without it".into();
        return Err(Stop { code: crate::outside::CODE, message });
    }
    Ok(())
}

struct Gateway {
    world: World,
    connection: RefCell<Connection>,
    open: RefCell<HashMap<Id, Rc<Notify>>>,
    ending: Cell<bool>,
    seen: RefCell<HashSet<String>>,
    memory: RefCell<Memory>,
    waiting: Waiting<Answer>,
    /// Who waits for the answer to what an upstream asks, where that is a request of ours.
    inputs: Waiting<Option<Box<RawValue>>>,
    /// What waits for a request that brings answers.
    #[cfg(feature = "upstream")]
    parked: question::Parked,
    /// What the client is told of.
    #[cfg(feature = "upstream")]
    watches: watch::Watches,
    requests: RefCell<Requests>,
    /// In shadow mode the session of calls that name none: one for each process, which is one connection.
    nameless: String,
}

/// What all open calls share.
#[derive(Clone)]
struct Limits {
    calls: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
}

/// What an open call holds: its share of the limits.
struct Share {
    _calls: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

impl Gateway {
    fn new(world: World) -> Self {
        let policy = world.policy;
        let server = ServerInfo {
            name: policy.gateway.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            instructions: Some(policy.instructions.to_owned()).filter(|text| !text.is_empty()),
        };
        let connection = RefCell::new(
            Connection::new(server, policy.tools.iter().filter_map(|tool| list::entry(tool, &policy.lease)).collect())
                .with_offers(offer::all(policy))
                .surrounded(policy.lease.carrier_ambient && world.ambient != Carried::default()),
        );
        Self {
            world,
            connection,
            open: RefCell::default(),
            ending: Cell::new(false),
            seen: RefCell::default(),
            memory: RefCell::new(Memory::of(policy)),
            waiting: Waiting::new(),
            inputs: Waiting::new(),
            #[cfg(feature = "upstream")]
            parked: question::Parked::new(),
            #[cfg(feature = "upstream")]
            watches: watch::Watches::new(),
            requests: RefCell::default(),
            nameless: shadow::nameless(policy),
        }
    }

    /// Reads until the client closes stdin, then lets open calls finish. Before it reads, every thread is there, and the process gives up
    /// the calls that it needed to come so far.
    async fn run(self: Rc<Self>, Streams { stdin, stdout }: Streams, helpers: Coming) -> Result<(), Stop> {
        let failed = |fault: std::io::Error| Stop { code: 1, message: format!("stdin or stdout failed: {fault}") };
        let unready = |fault: std::io::Error| Stop { code: 1, message: format!("the gateway cannot serve: {fault}") };
        let (output, written) = stdio::write(stdout).map_err(failed)?;
        let mut ending = Ending::new().map_err(failed)?;
        #[cfg(feature = "upstream")]
        self.world.upstreams.begin().map_err(failed)?;
        let begin = stdio::read(stdin).map_err(failed)?;
        helpers.wait().map_err(unready)?;
        #[cfg(feature = "http")]
        self.world.errands.begin()?;
        #[cfg(target_os = "linux")]
        self.world.clerk.begin()?;
        if let Some(judge) = &self.world.judge {
            crate::thread::stay().map_err(unready)?;
            confine::demand(self.world.policy, judge.calls())?;
        }
        let mut input = begin();
        #[cfg(feature = "http")]
        tokio::task::spawn_local(Rc::clone(&self).tell_of_connections());
        #[cfg(feature = "upstream")]
        tokio::task::spawn_local(Rc::clone(&self).tell_of_launcher());
        #[cfg(feature = "upstream")]
        tokio::task::spawn_local(Rc::clone(&self).tell_of_changes(output.clone()));
        let mut tasks = JoinSet::new();
        let end = self.converse(&mut input, &output, &mut tasks, self.until_end(&mut ending)).await;
        drop(input);
        // No answer can come any more.
        self.waiting.close();
        self.inputs.close();
        #[cfg(feature = "upstream")]
        self.watches.close();
        self.drain(tasks, end).await;
        // A ledger that takes nothing any more is not waited for either.
        #[cfg(feature = "upstream")]
        let _ = tokio::time::timeout(end.flush(), self.abandon()).await;
        #[cfg(feature = "upstream")]
        self.world.upstreams.end().await;
        #[cfg(feature = "http")]
        self.world.errands.settle().await;
        #[cfg(feature = "http")]
        self.world.errands.end();
        self.tell_of_ends(end.flush()).await;
        drop(output);
        // A client that closed stdin and does not read stdout either is not waited for any longer.
        let _ = tokio::time::timeout(end.flush(), written).await;
        Ok(())
    }

    /// Serves lines until there are no more, nobody reads the replies, or `end` comes.
    async fn converse(
        self: &Rc<Self>,
        input: &mut Input,
        output: &mpsc::Sender<String>,
        tasks: &mut JoinSet<()>,
        end: impl Future<Output = ()>,
    ) -> End {
        let calls = self.world.policy.limits.in_flight.clamp(1, IN_FLIGHT_MAX);
        let limits = Limits { calls: Arc::new(Semaphore::new(calls)), bytes: Arc::new(Semaphore::new(IN_FLIGHT_BYTES_MAX)) };
        let mut end = std::pin::pin!(end);
        loop {
            // Everything that may wait is in here, so that a client that reads nothing cannot keep a signal from being heard.
            let step = async {
                let frame = input.recv().await?;
                self.take(&frame, output, tasks, &limits).await
            };
            tokio::select! {
                went_on = step => if went_on.is_none() { return End::Closed },
                () = output.closed() => return End::Closed,
                () = &mut end => return End::Asked,
            }
            while tasks.try_join_next().is_some() {}
        }
    }

    /// One line: answered, or begun as a task once the limits allow it. `None` when nobody reads any more.
    async fn take(
        self: &Rc<Self>,
        frame: &Frame,
        output: &mpsc::Sender<String>,
        tasks: &mut JoinSet<()>,
        limits: &Limits,
    ) -> Option<()> {
        match self.receive(frame) {
            Received::Silence(_) => {}
            Received::Reply(reply) => output.send(reply).await.ok()?,
            Received::Cancel(id) => self.cancel(&id),
            Received::Answer(question, answer) => self.waiting.answer(question, answer),
            Received::Input(question, answer) => self.inputs.answer(question, answer),
            #[cfg(feature = "upstream")]
            Received::Unwatch(uri, reply) => output.send(self.unwatch(&uri, reply)).await.ok()?,
            #[cfg(feature = "upstream")]
            Received::Listen(request) => {
                let (stop, share) = (self.begin(&request.id), limits.share(request.memory).await?);
                tasks.spawn_local(Rc::clone(self).listen(*request, stop, share, limits.clone(), output.clone()));
            }
            // Nothing but upstreams tells of changes, so it is not advertised either.
            #[cfg(not(feature = "upstream"))]
            Received::Listen(_) | Received::Unwatch(..) => {}
            Received::Call(request) => {
                let stop = self.begin(&request.id);
                let share = limits.share(request.memory).await?;
                tasks.spawn_local(Rc::clone(self).work(*request, stop, share, limits.clone(), output.clone()));
            }
            Received::List(request) => {
                let share = limits.share(request.memory).await?;
                tasks.spawn_local(Rc::clone(self).list(*request, share, output.clone()));
            }
        }
        Some(())
    }

    /// Lets open calls finish, then stops them, so that each has an outcome in the ledger, then gives up on those that wait for
    /// a client that does not read.
    async fn drain(&self, mut tasks: JoinSet<()>, end: End) {
        let all = async |tasks: &mut JoinSet<()>| while tasks.join_next().await.is_some() {};
        if tokio::time::timeout(end.drain(self.world.policy), all(&mut tasks)).await.is_ok() {
            return;
        }
        self.ending.set(true);
        self.open.borrow().values().for_each(|stop| stop.notify_one());
        if tokio::time::timeout(end.flush(), all(&mut tasks)).await.is_err() {
            tasks.shutdown().await;
        }
    }

    fn receive(&self, frame: &Frame) -> Received {
        let mut connection = self.connection.borrow_mut();
        match frame {
            Frame::Line(line) => connection.receive(line),
            Frame::TooLong { head, .. } => connection.too_long(head),
        }
    }

    fn begin(&self, id: &Id) -> Rc<Notify> {
        let stop = Rc::new(Notify::new());
        self.open.borrow_mut().insert(id.clone(), Rc::clone(&stop));
        stop
    }

    fn cancel(&self, id: &Id) {
        if let Some(stop) = self.open.borrow().get(id) {
            stop.notify_one();
        }
    }

    /// One call from request to reply. A cancelled call is not answered.
    async fn work(
        self: Rc<Self>,
        mut request: CallRequest,
        stop: Rc<Notify>,
        share: Share,
        limits: Limits,
        output: mpsc::Sender<String>,
    ) {
        #[cfg(feature = "upstream")]
        if watch::is_asked(&request) {
            return Box::pin(self.subscribe(request, stop, share, limits, output)).await;
        }
        let (id, revision, target) = (request.id.clone(), request.revision, request.target.clone());
        let mut desk = Desk::new(&mut request, &stop, share, &limits, &output);
        // In memory of its own: a task is moved on its way to where it stands, and all that a call may come to is eight kilobytes.
        let judged = Box::pin(self.judged(request, &mut desk)).await;
        self.open.borrow_mut().remove(&id);
        let reply = {
            let mut connection = self.connection.borrow_mut();
            connection.finish(&id).then(|| reply::render(&connection, revision, &id, &target, judged))
        };
        if let Some(reply) = reply {
            let _ = output.send(reply).await;
        }
        drop(desk);
    }

    /// A call, or what it was answered with before and goes on with now.
    async fn judged(self: &Rc<Self>, mut request: CallRequest, desk: &mut Desk<'_>) -> Judged {
        match request.resume.take() {
            None => self.answer(request, desk).await,
            #[cfg(feature = "upstream")]
            Some(resume) => self.resume(request, resume, desk).await,
            // Nothing here ever gave out such a state, so it is one of nobody's.
            #[cfg(not(feature = "upstream"))]
            Some(resume) => {
                desk.retry = Some(Retry { state: resume.state, answer: None });
                self.answer(request, desk).await
            }
        }
    }

    /// The road of one call: carriers, lease, decision, the user where one has to be asked, ledger, effect, ledger.
    async fn answer(self: &Rc<Self>, mut request: CallRequest, desk: &mut Desk<'_>) -> Judged {
        let client = request.client.take().unwrap_or_default();
        let (call, carried) = self.resolve(request);
        let call = Arc::new(call);
        let risk = weigh(self.world.policy, &call).await;
        let mut scope = None;
        let mut approved: Option<Approved> = None;
        #[cfg(feature = "upstream")]
        let mut who = None;
        // A yes of the user leads back to the beginning, because what holds may have changed while the user read.
        let Passed { permit, allowed, session, shadow } = loop {
            let Some((authority, decision)) = self.judge(&call, carried.as_ref(), &risk) else { return Judged::unrecorded(0) };
            let (authority, scope) = (authority.as_ref().ok(), scope.get_or_insert_with(|| self.scope(authority.as_ref().ok())));
            let mut context = Context::new(&call, carried.as_ref().ok(), authority, &risk, scope.clone());
            context.has_lease = matches!(carried, Err(Reason::LeaseInArguments));
            context.question = approved.as_ref().map(|approved| approved.question().to_owned());
            self.name(&mut context);
            let reason = match self.decided(&context, decision, approved.as_ref(), desk).await {
                Step::Allowed(permit, allowed) => {
                    #[cfg(feature = "upstream")]
                    {
                        who = question::Who::of(self, &context, &client, &permit);
                    }
                    break Passed { permit, allowed, session: self.remember(&context), shadow: None };
                }
                Step::Deny(reason) => reason,
                Step::Unrecorded => return Judged::unrecorded(risk.score),
                Step::Ask(ask, flows) => match self.approve(&context, &client, ask, flows, approved.take(), desk).await {
                    Ok(yes) => {
                        approved = Some(yes);
                        continue;
                    }
                    Err(Ended::Asked { message, state }) => {
                        self.forget(&context);
                        return Judged::Asked { message, state };
                    }
                    Err(Ended::Refused { reason, question }) => {
                        context.question = question;
                        reason
                    }
                },
            };
            match self.let_through(&context, reason).await {
                Ok(passed) => break passed,
                Err(denied) => return denied,
            }
        };
        #[cfg(feature = "upstream")]
        desk.stand(&permit);
        let about = About { session, shadow, ..About::new(call, risk.score, &permit, allowed.seq()) };
        #[cfg(feature = "upstream")]
        return self.make(permit, allowed, about, who, desk).await;
        #[cfg(not(feature = "upstream"))]
        self.make(permit, allowed, about, desk).await
    }

    /// Verifies the lease and decides, both by the time that it is now. `None` when the ledger has failed.
    fn judge(
        &self,
        call: &Call,
        carried: Result<&Carried, &Reason>,
        risk: &Risk,
    ) -> Option<(Result<Authority, Reason>, Decision)> {
        let newest_entry = self.world.ledger.newest_ts().ok()?;
        let now = Micros::now();
        let authority = carried.map_err(Clone::clone).and_then(|carried| self.authority(carried, call, now));
        let mut memory = self.memory.borrow_mut();
        let intent = carried.ok().and_then(|carried| carried.intent.as_deref()).unwrap_or_default();
        let seen = match &authority {
            Ok(authority) if call.is_traced() => memory.seen(&authority.root.sid, &lease::hex(&authority.root.ih), intent),
            Ok(_) | Err(_) => Seen::default(),
        };
        let facts = Facts { now, newest_entry, drift: self.drift(call), seen };
        let decision = decide(self.world.policy, call, authority.as_ref(), risk, &facts);
        Some((authority, decision))
    }

    /// How the tool's definition at its upstream differs from the reviewed one, as far as is known.
    #[cfg(feature = "upstream")]
    fn drift(&self, call: &Call) -> Option<Drift> {
        call.tool.and_then(|tool| self.world.upstreams.drift(tool.kind))
    }

    #[cfg(not(feature = "upstream"))]
    const fn drift(&self, _: &Call) -> Option<Drift> {
        None
    }

    /// Notes an allowed call of a session whose results are remembered.
    fn remember(&self, context: &Context<'_>) -> Option<String> {
        let authority = context.authority?;
        let mut memory = self.memory.borrow_mut();
        if memory.is_idle() {
            return None;
        }
        memory.forget(Micros::now().seconds());
        memory.note_allowed(&authority.root.sid, authority.root.exp.saturating_add(MEMORY_KEEP_S));
        Some(authority.root.sid.clone())
    }

    /// The tool as a table entry, the arguments without carriers, and what was carried or why it is refused.
    fn resolve(&self, request: CallRequest) -> (Call, Result<Carried, Reason>) {
        let policy = self.world.policy;
        let CallRequest { target, name, arguments, meta, .. } = request;
        // The wire's scan has accepted these bytes; a number beyond a double is what can still fail.
        let text = arguments.as_ref().map_or("{}", |raw| raw.get());
        let (mut args, unreadable) = match serde_json::from_str::<Args>(text) {
            Ok(args) => (args, None),
            Err(_) => {
                (Args::new(), Some(Reason::CarrierShape { problem: "the arguments hold a number that no double can hold" }))
            }
        };
        let carried = carrier::take(meta, &mut args, &policy.lease);
        let call = offer::call(policy, &target, name, args);
        // Who asks for a lease needs none: nothing here would test one that comes along, so nothing is recorded of it either.
        if call.tool.is_some_and(|tool| !tool.needs_lease()) {
            return (call, unreadable.map_or(Ok(Carried::default()), Err));
        }
        let carried = carried.map(|carried| carrier::or_ambient(carried, &self.world.ambient, &policy.lease));
        // In shadow mode a call without any lease goes on, so every one that stands in its arguments would.
        let shows_any = policy.mode == crate::policy::Mode::Shadow && carrier::has_lease_form(&call.args_bytes);
        let is_clean = |carried: &Carried| {
            !shows_any && [carried, &self.world.ambient].iter().all(|one| !carrier::stands_in(one, &call.args_bytes))
        };
        let carried = carried.and_then(|carried| if is_clean(&carried) { Ok(carried) } else { Err(Reason::LeaseInArguments) });
        (call, unreadable.map_or(carried, Err))
    }

    fn authority(&self, carried: &Carried, call: &Call, now: Micros) -> Result<Authority, Reason> {
        let lease = carried.lease.as_deref().ok_or(Reason::LeaseMissing)?;
        let (Some(sid), Some(intent)) = (carried.session.as_deref(), carried.intent.as_deref()) else {
            return Err(Reason::ContextMissing);
        };
        let intent = intent_hash(intent).map_err(Reason::Intent)?;
        let expect = Expect { aud: self.world.policy.gateway, sid, intent, now };
        // The name as asked for: whether there is such a tool is decided later.
        let request = || lease::request_digest(expect.aud, sid, &call.name, &call.args).ok();
        lease::verify_call(lease, &self.world.keys, &expect, request).map_err(Reason::Lease)
    }

    /// The tools of a lease that this process sees for the first time.
    fn scope(&self, authority: Option<&Authority>) -> Option<Vec<String>> {
        let authority = authority?;
        let mut seen = self.seen.borrow_mut();
        if seen.len() >= SEEN_MAX {
            seen.clear();
        }
        let is_new = authority.rid.last().is_some_and(|rid| seen.insert(rid.text()));
        is_new.then(|| authority.tools().into_iter().map(str::to_owned).collect())
    }

    /// Takes a decision to its end in the ledger, or to the question that the user has to be asked first.
    async fn decided(&self, context: &Context<'_>, decision: Decision, approved: Option<&Approved>, desk: &Desk<'_>) -> Step {
        let ask = match decision {
            Decision::Deny(reason) => return Step::Deny(reason),
            Decision::Ask(ask) => ask,
            Decision::Allow(permit) if approved.is_none() && desk.retry.is_none() => return self.allow(context, permit).await,
            // Whoever brings an answer has it judged, even where nothing would be asked: a no is a no, and a forged state is not passed over.
            Decision::Allow(permit) => {
                match decide::ask(self.world.policy, context.call, context.authority, permit, Vec::new()) {
                    Ok(ask) => ask,
                    Err(reason) => return Step::Deny(reason),
                }
            }
        };
        let Some(approved) = approved else { return Step::Ask(ask, Flows::default()) };
        match ask.approved(approved) {
            Some(permit) => self.allow(context, permit).await,
            None => Step::Deny(Reason::Approval(Refusal::Answered)),
        }
    }

    /// Records the allow if everything that it rests on still holds. What the session did may still ask for the user's approval.
    async fn allow(&self, context: &Context<'_>, permit: Permit) -> Step {
        let (policy, call, authority) = (self.world.policy, context.call, context.authority);
        let effect = call.tool.map_or(EffectClass::Send, |tool| tool.effect);
        let exp = context.exp().or(permit.issues_until());
        let from = account::sources(&permit);
        let entry = ledger::Decision { exp, hosts: permit.hosts(), from, ..context.entry(&Reason::Ok) };
        match self.world.ledger.allow(entry, effect, permit.require().to_vec()).await {
            Ok(allowed) => Step::Allowed(permit, allowed),
            Err(LedgerError::Unmet(Unmet::Asks(flows))) => match decide::ask(policy, call, authority, permit, Vec::new()) {
                Ok(ask) => Step::Ask(ask, Flows::of(&flows)),
                Err(reason) => Step::Deny(reason),
            },
            Err(LedgerError::Unmet(unmet)) => {
                let uses = authority.map_or(&[][..], |authority| &authority.uses);
                Step::Deny(Reason::of_unmet(&unmet, uses, policy))
            }
            Err(_) => Step::Unrecorded,
        }
    }
}

/// What a judged call comes to.
enum Step {
    /// Its allow is recorded.
    Allowed(Permit, Allowed),
    /// Its user has to be asked; about these flows, beside what the question says itself.
    Ask(Ask, Flows),
    /// It is refused.
    Deny(Reason),
    /// The ledger cannot record.
    Unrecorded,
}

impl Limits {
    /// Waits for a share. `None` only when the limits are gone, at the end.
    async fn share(&self, memory: usize) -> Option<Share> {
        let memory = u32::try_from(memory).unwrap_or(u32::MAX);
        Some(Share {
            _calls: Arc::clone(&self.calls).acquire_owned().await.ok()?,
            _bytes: Arc::clone(&self.bytes).acquire_many_owned(memory).await.ok()?,
        })
    }
}

#[cfg(test)]
#[cfg(all(feature = "http", feature = "issue"))]
mod tests;
