//! What upstreams ask of the client while a call runs: recorded, asked in the way of the connection's revision, answered, recorded.
//!
//! A call that is asked about is one call to the end: one allow, one outcome. With revision 2026-07-28 it waits here between the reply that
//! has the questions and the request that brings the answers; that request shows its lease anew, and nothing of the state that it brings
//! stands in the place of the lease. Before, the call stays open and the questions are requests of ours.

mod resume;

use super::ask::Desk;
use super::make::About;
use super::{Gateway, Rc};
use crate::account::Context;
use crate::approve::seal::{self, Bound, Kind, Ticket};
use crate::clock::Micros;
use crate::decide::Permit;
use crate::effect::{self, Asked, Failure, Listener, Outcome, Unanswered};
use crate::lease::{hex, request_digest};
use crate::ledger::{self, Allowed, Asker, Entry, Require, Sync, Verdict, asked::HOW};
use crate::limits::{ASKED_BYTES_MAX, IN_FLIGHT_BYTES_MAX};
use crate::policy::upstream::Question as Word;
use crate::policy::{Policy, Tool, ToolKind};
use crate::reply::Judged;
use crate::upstream::question::{ANSWER_MAX, QUESTION_MAX, Question, TOGETHER_MAX};
use crate::wire::Asking;
use crate::wire::ask::OPEN_QUESTIONS_MAX;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

/// Stands for the lease of a call that needs none.
const NO_LEASE: &str = "none";

const _: () = assert!(
    OPEN_QUESTIONS_MAX * (ASKED_BYTES_MAX + QUESTION_MAX) <= IN_FLIGHT_BYTES_MAX + OPEN_QUESTIONS_MAX * QUESTION_MAX
        && TOGETHER_MAX * ANSWER_MAX <= crate::limits::LINE_MAX,
    "calls that wait for answers take no more memory than calls in flight, and all answers of one call fit a line"
);

/// Calls that wait for a request that brings their answers.
pub(super) struct Parked {
    /// By id of the question.
    calls: RefCell<HashMap<[u8; 16], Waits>>,
    /// Room for so many. It is taken before the question is recorded, so that calls that are asked about at one time do not all find the last of it.
    room: Arc<Semaphore>,
}

impl Parked {
    pub(super) fn new() -> Self {
        Self { calls: RefCell::default(), room: Arc::new(Semaphore::new(OPEN_QUESTIONS_MAX)) }
    }
}

/// On whose behalf a call is made. Only a call that was allowed has one.
pub(super) struct Who {
    sid: String,
    sub: String,
    /// Public id of the lease as presented.
    rid: Option<String>,
    client: String,
    tool: &'static str,
    /// Digest of tool and arguments in their session.
    request: [u8; 32],
    /// What must still hold of the lease when an answer is passed on.
    standing: Vec<Require>,
}

impl Who {
    /// Nothing where the upstream may ask nothing, or the arguments have no digest; then nobody is asked.
    pub(super) fn of(gateway: &Gateway, context: &Context<'_>, client: &str, permit: &Permit) -> Option<Self> {
        let tool = context.call.tool.filter(|tool| may_ask(gateway.world.policy, tool))?.name;
        Some(Self {
            sid: context.sid.to_owned(),
            sub: context.sub.to_owned(),
            rid: context.rid.last().cloned(),
            client: client.to_owned(),
            tool,
            request: request_digest(gateway.world.policy.gateway, context.sid, tool, &context.call.args).ok()?,
            standing: standing(permit.require()),
        })
    }

    fn bound<'a>(&'a self, gateway: &'a Gateway) -> Bound<'a> {
        Bound {
            gateway: gateway.world.policy.gateway,
            policy: &gateway.world.policy.digest,
            log: gateway.world.ledger.key().as_bytes(),
            rid: self.rid.as_deref().unwrap_or(NO_LEASE),
            sid: &self.sid,
            tool: self.tool,
            request: &self.request,
        }
    }
}

/// Is a tool one of an upstream that may ask something of some client?
fn may_ask(policy: &Policy, tool: &Tool) -> bool {
    let at = match tool.kind {
        ToolKind::Upstream(proxied) => proxied.upstream,
        ToolKind::Builtin(_) => return false,
        #[cfg(feature = "plan-http")]
        ToolKind::Rest(_) => return false,
    };
    policy.upstreams.get(at).is_some_and(|upstream| !upstream.may_ask.is_empty())
}

/// What of the conditions of an allow is about the lease alone, and holds as long as its call runs.
pub(super) fn standing(require: &[Require]) -> Vec<Require> {
    let lasts = |require: &&Require| matches!(require, Require::NotRevoked(_) | Require::Unexpired(_));
    [Require::NotKilled, Require::Clock].into_iter().chain(require.iter().filter(lasts).cloned()).collect()
}

/// A call that runs.
pub(super) struct Running {
    effect: Pin<Box<dyn Future<Output = Outcome>>>,
    /// Nothing where nobody is asked.
    asks: Option<mpsc::Receiver<Asked>>,
    listener: Listener,
    about: About,
    /// Nothing for a call about which nobody is asked.
    who: Option<Who>,
}

/// What comes next, where anything may come.
async fn next(asks: &mut Option<mpsc::Receiver<Asked>>) -> Option<Asked> {
    asks.as_mut()?.recv().await
}

/// A call that waits for its answers.
pub(super) struct Waits {
    running: Running,
    asked: Asked,
    noted: Noted,
    _room: OwnedSemaphorePermit,
    /// What watches its time ends with this.
    _waited_for: oneshot::Sender<()>,
}

impl Waits {
    /// It waits no more, and its room is free.
    fn over(self) -> (Running, Asked) {
        (self.running, self.asked)
    }
}

/// What became of a call that was to wait.
enum Left {
    /// It waits, and its request is answered with these questions and this state.
    Waiting(String, String),
    /// Nobody is asked, which its upstream knows.
    NotAsked(Box<Running>),
    /// It was cancelled meanwhile, or the gateway ends.
    Stopped(Box<Running>),
}

/// A question that stands in the ledger as asked.
struct Noted {
    ticket: Ticket,
    /// Its id in the ledger.
    id: String,
    kinds: Vec<&'static str>,
    /// The questions, as `inputRequests` has them.
    requests: String,
}

/// What became of questions that were put by request.
enum Put {
    /// The upstream has its answer, or knows that there is none.
    Done,
    /// The call ended meanwhile.
    Ended(Outcome),
    /// It was cancelled.
    Stopped,
}

impl Gateway {
    /// Makes the call, and asks for its upstream.
    pub(super) async fn make(
        self: &Rc<Self>,
        permit: Permit,
        allowed: Allowed,
        about: About,
        who: Option<Who>,
        desk: &mut Desk<'_>,
    ) -> Judged {
        let (listener, asks) = match who {
            None => (desk.listener.clone(), None),
            Some(_) => {
                let (listener, asks) = desk.listener.asked(desk.able, desk.revision.is_modern());
                (listener, Some(asks))
            }
        };
        let (gateway, own) = (Rc::clone(self), listener.clone());
        let effect = Box::pin(async move { effect::perform(permit, allowed, &gateway.world, &own).await });
        self.go_on(Running { effect, asks, listener, about, who }, desk).await
    }

    /// Goes on with a call until it ends, or until it has to wait for another request.
    async fn go_on(self: &Rc<Self>, mut running: Running, desk: &mut Desk<'_>) -> Judged {
        let outcome = loop {
            let asked = tokio::select! {
                biased;
                () = desk.stop.notified() => break self.cut_off(&running.about),
                outcome = &mut running.effect => break outcome,
                Some(asked) = next(&mut running.asks) => asked,
            };
            match desk.asking_way() {
                Way::InResult => match self.park(running, asked, desk).await {
                    Left::Waiting(requests, state) => return Judged::Interrupted { requests, state },
                    Left::NotAsked(back) => running = *back,
                    Left::Stopped(back) => {
                        running = *back;
                        break self.cut_off(&running.about);
                    }
                },
                Way::ByRequest => match self.put(&mut running, asked, desk).await {
                    Put::Done => {}
                    Put::Ended(outcome) => break outcome,
                    Put::Stopped => break self.cut_off(&running.about),
                },
            }
        };
        let Running { effect, about, .. } = running;
        // The upstream is told that nobody waits, before the end is recorded.
        drop(effect);
        self.conclude(about, outcome).await
    }

    /// Records that an upstream asks. Nothing where nobody may be asked.
    async fn note(&self, running: &Running, asked: &Asked) -> Option<Noted> {
        let who = running.who.as_ref()?;
        let mut id = [0; 16];
        getrandom::fill(&mut id).ok()?;
        let limits = &self.world.policy.limits;
        let exp = Micros::now().seconds().saturating_add(limits.approval_timeout);
        let kinds: Vec<&'static str> = asked.questions.iter().map(Question::word).collect();
        let requests: Map<String, Value> =
            asked.questions.iter().map(|question| (question.key.clone(), question.embedded())).collect();
        let noted = Noted {
            ticket: Ticket { id, exp, flows: Default::default() },
            id: hex(&id),
            kinds,
            requests: Value::Object(requests).to_string(),
        };
        let by = Asker { sid: who.sid.clone(), sub: who.sub.clone(), leased: who.rid.is_some() };
        let mut require = who.standing.clone();
        require.push(Require::MayAsk(by));
        // Of all questions those to the user wear the user out.
        let to_user = |question: &Question| question.kind == Word::Elicitation;
        let asks_user = asked.questions.iter().any(to_user) && who.rid.is_some();
        require.extend(limits.step_ups.filter(|_| asks_user).map(|most| Require::StepUps { sid: who.sid.clone(), most }));
        let text = Some(noted.requests.as_bytes());
        let entry = ledger::Asked { text, exp: Some(exp), ..entry(running, asked, &noted, Verdict::Asked)? };
        let recorded = self.world.ledger.record_if(&Entry::Ask(entry), Sync::Written, require).await;
        recorded.is_ok().then_some(noted)
    }

    /// Records what became of a question. False where that cannot be, or does not count.
    async fn settle(
        &self,
        (running, asked, noted): (&Running, &Asked, &Noted),
        verdict: Verdict,
        text: Option<&str>,
        more: Vec<Require>,
    ) -> Result<(), ledger::LedgerError> {
        let Some(entry) = entry(running, asked, noted, verdict) else { return Err(ledger::LedgerError::Stopped) };
        let entry = ledger::Asked { text: text.map(str::as_bytes), presented: presented(&more), ..entry };
        self.world.ledger.record_if(&Entry::Ask(entry), Sync::Written, more).await.map(|_| ())
    }

    /// Answers a call of revision 2026-07-28 with its questions, and lets it wait. Where that cannot be, its upstream is told, and the call
    /// comes back.
    async fn park(self: &Rc<Self>, running: Running, asked: Asked, desk: &Desk<'_>) -> Left {
        let room = Arc::clone(&self.parked.room).try_acquire_owned().ok().filter(|_| desk.memory <= ASKED_BYTES_MAX);
        let noted = if room.is_some() { self.note(&running, &asked).await } else { None };
        let keys = &self.world.keys;
        let state = noted.as_ref().zip(running.who.as_ref()).and_then(|(noted, who)| {
            let key = keys.signer(Micros::now().seconds()).or(keys.keys().first())?;
            seal::seal(Kind::Upstream, key, &who.bound(self), noted.ticket)
        });
        let (Some(room), Some(noted), Some(state)) = (room, noted, state) else {
            let _ = asked.answer.send(Err(Unanswered::NotAsked));
            return Left::NotAsked(Box::new(running));
        };
        // Its client may have gone while the question was recorded, and would never bring an answer.
        if self.ending.get() || !self.connection.borrow().is_working(&desk.id) {
            let _ = self.settle((&running, &asked, &noted), Verdict::Withdrawn, None, Vec::new()).await;
            return Left::Stopped(Box::new(running));
        }
        running.listener.hush();
        let requests = noted.requests.clone();
        let (waited_for, given_up) = oneshot::channel();
        let (id, exp) = (noted.ticket.id, noted.ticket.exp);
        self.parked.calls.borrow_mut().insert(id, Waits { running, asked, noted, _room: room, _waited_for: waited_for });
        tokio::task::spawn_local(Rc::clone(self).time_out(id, exp, given_up));
        Left::Waiting(requests, state)
    }

    /// Ends a call that waits when its time is over (seconds since 1970), unless it waits no more.
    async fn time_out(self: Rc<Self>, id: [u8; 16], exp: u64, mut answered: oneshot::Receiver<()>) {
        loop {
            let left = exp.saturating_sub(Micros::now().seconds());
            tokio::select! {
                biased;
                _ = &mut answered => return,
                () = tokio::time::sleep(Duration::from_secs(left)) => {}
            }
            // The clock may have been set back.
            if Micros::now().seconds() >= exp {
                break;
            }
        }
        let waits = self.parked.calls.borrow_mut().remove(&id);
        if let Some(waits) = waits {
            self.give_up(waits, Verdict::Timeout).await;
        }
    }

    /// Ends a call whose answers do not come.
    async fn give_up(&self, waits: Waits, verdict: Verdict) {
        let Waits { running, asked, noted, .. } = waits;
        let _ = self.settle((&running, &asked, &noted), verdict, None, Vec::new()).await;
        let Running { effect, about, .. } = running;
        drop(effect);
        let detail = "The upstream asked something, and there was no answer in time.".to_owned();
        let unanswered = Outcome::failed(Failure { code: "question_unanswered", detail });
        let outcome = if self.ending.get() { Outcome::stopped(about.hosts.clone()) } else { unanswered };
        let _ = self.conclude(about, outcome).await;
    }

    /// The client has gone: nothing that waits for it goes on.
    pub(super) async fn abandon(self: &Rc<Self>) {
        self.ending.set(true);
        let mut all = JoinSet::new();
        for (_, waits) in self.parked.calls.borrow_mut().drain() {
            let gateway = Rc::clone(self);
            all.spawn_local(async move { gateway.give_up(waits, Verdict::Withdrawn).await });
        }
        while all.join_next().await.is_some() {}
    }

    /// Puts the questions of an upstream as requests of ours, one after the other.
    async fn put(&self, running: &mut Running, mut asked: Asked, desk: &mut Desk<'_>) -> Put {
        let has_room = desk.memory <= ASKED_BYTES_MAX;
        let noted = if has_room { self.note(running, &asked).await } else { None };
        let Some(noted) = noted else {
            let _ = asked.answer.send(Err(Unanswered::NotAsked));
            return Put::Done;
        };
        // A user takes minutes. What a waiting call holds is bounded by the number of open questions instead.
        desk.share = None;
        let given = self.gather(running, &mut asked, desk).await;
        let (put, told, verdict) = match given {
            Given::Answers(answers) => {
                let verdict = verdict_of(&answers);
                (Put::Done, Ok(answers.into_iter().map(|answered| answered.value).collect::<Vec<_>>()), verdict)
            }
            Given::None(why) => (Put::Done, Err(why), verdict_without(why)),
            Given::Ended(outcome) => (Put::Ended(outcome), Err(Unanswered::Gone), Verdict::Withdrawn),
            Given::Stopped => (Put::Stopped, Err(Unanswered::Gone), Verdict::Withdrawn),
        };
        let text = told.as_ref().ok().map(|answers: &Vec<Value>| Value::from(answers.clone()).to_string());
        let mut require = Vec::new();
        if told.is_ok() {
            require.clone_from(&running.who.as_ref().map(|who| who.standing.clone()).unwrap_or_default());
            require.push(Require::Waits { question: noted.id.clone(), how: HOW });
        }
        let settled = self.settle((running, &asked, &noted), verdict, text.as_deref(), require).await;
        if settled.is_err() && told.is_ok() {
            // An answer that does not count is none, and then the question is open no more.
            let _ = self.settle((running, &asked, &noted), Verdict::Withdrawn, None, Vec::new()).await;
        }
        let told = if settled.is_ok() { told } else { Err(Unanswered::NotAsked) };
        let _ = asked.answer.send(told);
        if matches!(put, Put::Done) {
            // The call is one in flight again.
            desk.share = desk.limits.share(desk.memory).await;
        }
        put
    }

    /// Gets an answer to each question.
    async fn gather(&self, running: &mut Running, asked: &mut Asked, desk: &Desk<'_>) -> Given {
        let end = tokio::time::Instant::now() + Duration::from_secs(self.world.policy.limits.approval_timeout);
        let Asked { questions, answer, .. } = asked;
        let mut answers = Vec::with_capacity(questions.len());
        for question in &*questions {
            let line = {
                let mut connection = self.connection.borrow_mut();
                let number = connection.reserve_input(&desk.id);
                number.and_then(|number| {
                    Some((number, connection.input(number, question.kind, &question.requested(number).to_string())?))
                })
            };
            let Some((number, line)) = line else { return Given::None(Unanswered::NotAsked) };
            if let Some(page) = &question.page {
                page.asked(number);
            }
            let waits = self.inputs.wait(number);
            let given = tokio::select! {
                biased;
                () = desk.stop.notified() => Given::Stopped,
                outcome = &mut running.effect => Given::Ended(outcome),
                // The upstream answered its call without the answer.
                () = answer.closed() => Given::None(Unanswered::Gone),
                given = sent(desk, line, waits) => match read(question, given) {
                    Ok(answered) => {
                        answers.push(answered);
                        continue;
                    }
                    Err(why) => Given::None(why),
                },
                () = tokio::time::sleep_until(end) => Given::None(Unanswered::Timeout),
            };
            let closing = self.connection.borrow_mut().withdraw(number, "There is nothing to answer any more.");
            if let Some(line) = closing {
                let _ = desk.output.send(line).await;
            }
            return given;
        }
        Given::Answers(answers)
    }
}

/// What came of questions.
enum Given {
    Answers(Vec<crate::upstream::question::Answered>),
    None(Unanswered),
    Ended(Outcome),
    Stopped,
}

/// How the client of a call is asked.
pub(super) enum Way {
    InResult,
    ByRequest,
}

impl Desk<'_> {
    const fn asking_way(&self) -> Way {
        match (self.revision.is_modern(), self.asking) {
            (true, _) => Way::InResult,
            (false, Asking::InResult | Asking::ByRequest | Asking::NoSuchRevision | Asking::NotDeclared) => Way::ByRequest,
        }
    }
}

/// Sends a question and waits; nothing when the client is gone.
async fn sent(desk: &Desk<'_>, line: String, waits: oneshot::Receiver<Option<Box<RawValue>>>) -> Option<Option<Box<RawValue>>> {
    desk.output.send(line).await.ok()?;
    waits.await.ok()
}

fn read(question: &Question, given: Option<Option<Box<RawValue>>>) -> Result<crate::upstream::question::Answered, Unanswered> {
    let given = given.ok_or(Unanswered::Gone)?.ok_or(Unanswered::Failed)?;
    question.answer(&given).map_err(|_| Unanswered::Failed)
}

/// One word for all: a no is told before a yes.
fn verdict_of(answers: &[crate::upstream::question::Answered]) -> Verdict {
    let has = |verdict| answers.iter().any(|answered| answered.verdict == verdict);
    [Verdict::Declined, Verdict::Cancelled].into_iter().find(|verdict| has(*verdict)).unwrap_or(Verdict::Accepted)
}

const fn verdict_without(why: Unanswered) -> Verdict {
    match why {
        Unanswered::Timeout => Verdict::Timeout,
        Unanswered::Failed => Verdict::Failed,
        Unanswered::NotAsked | Unanswered::Gone => Verdict::Withdrawn,
    }
}

/// The presentation that an answer came with, as its conditions name it.
fn presented(require: &[Require]) -> Option<(String, u64)> {
    require.iter().find_map(|require| match require {
        Require::Fresh { nonce, ts, .. } => Some((nonce.clone(), *ts)),
        _ => None,
    })
}

fn entry<'a>(running: &'a Running, asked: &Asked, noted: &'a Noted, verdict: Verdict) -> Option<ledger::Asked<'a>> {
    let who = running.who.as_ref()?;
    Some(ledger::Asked {
        verdict,
        question: &noted.id,
        sid: &who.sid,
        sub: &who.sub,
        client: &who.client,
        tool: who.tool,
        upstream: asked.upstream,
        kinds: &noted.kinds,
        rid: who.rid.as_deref().unwrap_or_default(),
        text: None,
        exp: None,
        presented: None,
        call: &running.about.call.id,
    })
}
