//! One call of an upstream, with what it asks of the client meanwhile.
//!
//! A server of revision 2026-07-28 answers with its questions and is asked anew with the answers. One of an earlier revision makes requests
//! of its own while the call is open, and does not say which call they are about: the link passes them on where no other call is open.

use super::handshake::envelope;
use super::line::{Fault, PAGES_FIRST};
use super::link::{Beside, End, Link, Raised, Reply};
use super::request::params_of;
use crate::effect::{Failure, Listener, Unanswered};
use crate::json::json;
use crate::policy::upstream::{Proxied, Question as Kind, Upstream};
use crate::start::warn;
use crate::upstream::Secrets;
use crate::upstream::question::{self, Asker, Page, Question, Refused};
use crate::wire::members::{pick, string};
use crate::wire::{Able, Id};
use serde_json::{Map, Value};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How often one call may ask, a handful of steps in a conversation; clients of the protocol stop at ten.
const ROUNDS_MAX: usize = 8;
/// Longest state of an upstream that is kept while the client is asked, bytes.
const STATE_MAX: usize = 64 * 1024;
/// How long what a server asks waits for what else it asks: one that asks several things at once does so in one go.
const TOGETHER_WITHIN: Duration = Duration::from_millis(50);
/// How long a server may take to take a log level, or to answer a ping.
const LEVEL_MAX: Duration = Duration::from_secs(2);
/// The error of a server that needs what the client does not declare.
const MISSING: i64 = -32021;

/// Why a call has no reply.
pub(super) enum Broken {
    /// The upstream ended.
    Ended(End),
    /// It took too long, the time of its questions not counted.
    Timeout,
    /// It asked what it may not, or was not answered.
    Failed(Failure),
}

/// One call.
pub(super) struct Talk<'a> {
    pub(super) upstream: &'static Upstream,
    pub(super) proxied: &'static Proxied,
    pub(super) link: &'a Rc<Link>,
    pub(super) listener: &'a Listener,
    /// What it may ask of this client.
    pub(super) may: Able,
    pub(super) patience: Duration,
    /// What it asked for in vain, since the client of this call does not declare it.
    pub(super) lacked: Cell<Option<Kind>>,
    /// Does it wait for another request of its client?
    pub(super) waits: Rc<Cell<bool>>,
}

impl Talk<'_> {
    /// What the client has to declare for a call that its upstream refused for the lack of it: it says so, or it asked and was told that there is no
    /// such method. Nothing where the manifest does not let it ask, or the client declares it already.
    pub(super) fn missing(&self, fault: &Fault) -> Option<Failure> {
        let asks = self.listener.asks().filter(|asks| asks.is_modern)?;
        let listed = |kind: &Kind| self.upstream.may_ask.contains(kind) && !asks.able.has(*kind);
        let said = || {
            let data = fault.data.as_deref().filter(|_| fault.code == MISSING)?;
            let data: Value = serde_json::from_str(data).ok()?;
            let needed = data.get("requiredCapabilities").and_then(Value::as_object)?;
            Kind::ALL.into_iter().find(|kind| needed.contains_key(kind.word()) && listed(kind))
        };
        let kind = self.lacked.get().filter(listed).or_else(said)?;
        let detail = format!("The upstream {} needs a client that declares {}.", self.upstream.name, kind.word());
        Some(Failure { code: crate::reply::missing_code(kind), detail })
    }

    /// Makes the call and sees to its questions. `asked`: the members of its parameters.
    pub(super) async fn run(&self, method: &'static str, asked: &str) -> Result<Reply, Broken> {
        let (mut more, mut rounds) = (String::new(), 0);
        self.set_level().await;
        loop {
            let reply = self.once(method, &format!("{asked}{more}"), &mut rounds).await?;
            if let Reply::Error(fault) = &reply
                && self.were_led(fault, &mut rounds).await.map_err(Broken::Failed)?
            {
                continue;
            }
            let Reply::Result(line, place) = &reply else { return Ok(reply) };
            let result = line.get(place.clone()).unwrap_or_default();
            if self.may.is_none() || !self.link.is_modern.get() || !wants_input(result) {
                return Ok(reply);
            }
            more = self.inputs(result, &mut rounds).await.map_err(Broken::Failed)?;
        }
    }

    /// A server of 2025-11-25 may refuse a call until its user was at pages, which its error names. The user is asked, as by a request of the server;
    /// true when he agreed to all, and the call is to be made anew: once the server says that it is done with them, or after the time of one
    /// call, since it need not say so. The call that was refused is the one that was allowed, so nothing is decided anew.
    async fn were_led(&self, fault: &Fault, rounds: &mut usize) -> Result<bool, Failure> {
        let Some(data) = fault.data.as_deref().filter(|_| fault.code == PAGES_FIRST) else { return Ok(false) };
        if self.link.is_modern.get() || !self.may.url {
            return Ok(false);
        }
        *rounds += 1;
        let questions = if *rounds > ROUNDS_MAX { Err(TOO_OFTEN) } else { question::of_error(&self.asker(), data) };
        let questions = questions.map_err(|why| refused(self.upstream, why))?;
        let pages = self.open(&questions);
        let answers = self.listener.ask(self.upstream.name, questions).await.map_err(|why| unanswered(self.upstream, why))?;
        if !answers.iter().all(|answer| answer["action"] == "accept") {
            return Ok(false);
        }
        let all_done = async {
            for page in pages {
                page.until_done().await;
            }
        };
        tokio::select! {
            () = all_done => {}
            _ = self.link.until_ended() => {}
            () = tokio::time::sleep(self.patience) => {}
        }
        Ok(true)
    }

    /// The pages to which questions lead: their server may say when it is done with them.
    fn open(&self, questions: &[Question]) -> Vec<Rc<Page>> {
        let pages: Vec<Rc<Page>> = questions.iter().filter_map(|question| question.page.clone()).collect();
        pages.iter().filter(|_| !self.link.is_modern.get()).for_each(|page| self.link.pages.open(page));
        pages
    }

    /// Tells a server of an earlier revision which log messages are wanted, where it was told another level before. What it answers is of no
    /// matter: it logs or does not.
    async fn set_level(&self) {
        let Some(level) = self.listener.level(self.upstream.log).filter(|_| self.link.logs.get()) else { return };
        if self.link.level.replace(Some(level)) != Some(level) {
            let params = json!({"level": level.word()}).to_string();
            let asked = self.link.ask("logging/setLevel", |_| params, Beside::default());
            let _ = tokio::time::timeout(LEVEL_MAX.min(self.patience), asked).await;
        }
    }

    async fn once(&self, method: &'static str, asked: &str, rounds: &mut usize) -> Result<Reply, Broken> {
        let is_modern = self.link.is_modern.get();
        let secrets = || Secrets(Arc::clone(&self.link.secrets));
        let progress = self.listener.progress(self.proxied.result_threshold, secrets());
        let wants_progress = progress.is_some();
        let mut meta = if is_modern { envelope(self.may) } else { json!({}) };
        let level = self.listener.level(self.upstream.log);
        if let Some(level) = level.filter(|_| is_modern) {
            meta["io.modelcontextprotocol/logLevel"] = json!(level.word());
        }
        let log = level.map(|level| self.listener.log(self.upstream.name, level, self.proxied.result_threshold, secrets()));
        let params = |id: i64| params_of(asked, meta, wants_progress.then_some(id));
        let may_raise = !is_modern && !self.upstream.may_ask.is_empty() && (self.may.is_none() || self.alone().await);
        // Most upstreams may ask nothing, and a channel has room for many questions from its beginning.
        let (asks, mut raised) = may_raise.then(|| mpsc::channel(question::TOGETHER_MAX)).unzip();
        let mut reply = std::pin::pin!(self.link.ask(
            method,
            params,
            Beside { progress, log, asks, watch: None, waits: Rc::clone(&self.waits) }
        ));
        let (mut left, mut timer) = (self.patience, self.link.timers.take());
        loop {
            let began = Instant::now();
            let question = tokio::select! {
                biased;
                reply = &mut reply => return reply.map_err(Broken::Ended),
                Some(question) = next(&mut raised) => question,
                () = timer.until(began + left) => return Err(Broken::Timeout),
            };
            left = left.saturating_sub(began.elapsed());
            // A call that ends before it is answered needs the answer no more, and then nobody waits for it.
            tokio::select! {
                biased;
                reply = &mut reply => return reply.map_err(Broken::Ended),
                () = self.raised(question, &mut raised, rounds) => {}
            }
        }
    }

    /// A call that waits for its client's next request, which may never come, gives way to one that could be asked about. False where the server
    /// does not show in time that it knows: then nothing is asked about this one.
    async fn alone(&self) -> bool {
        if !self.link.give_way() {
            return true;
        }
        let asked = self.link.ask("ping", |_| "{}".to_owned(), Beside::default());
        matches!(tokio::time::timeout(LEVEL_MAX.min(self.patience), asked).await, Ok(Ok(_)))
    }

    fn asker(&self) -> Asker<'_> {
        let hosts = if self.may.url { self.upstream.ask_hosts } else { &[] };
        // What it may not ask in any way is told as that.
        let forms = self.may.elicitation || !self.may.url;
        let secrets = &self.link.secrets;
        Asker { name: self.upstream.name, secrets, threshold: self.proxied.result_threshold, forms, hosts }
    }

    /// Answers requests of the upstream: with what the client says, or with an error. What it asks together is asked together.
    async fn raised(&self, first: Raised, more: &mut Option<mpsc::Receiver<Raised>>, rounds: &mut usize) {
        let mut raised = vec![first];
        while raised.len() < question::TOGETHER_MAX {
            match tokio::time::timeout(TOGETHER_WITHIN, next(more)).await {
                Ok(Some(next)) => raised.push(next),
                Ok(None) | Err(_) => break,
            }
        }
        let (mut ids, mut questions): (Vec<Id>, Vec<Question>) = (Vec::new(), Vec::new());
        for Raised { id, kind, params } in raised {
            match self.read(&id, kind, &params, &questions, rounds) {
                Ok(question) => {
                    ids.push(id);
                    questions.push(question);
                }
                Err(refusal) => self.refuse(&id, refusal),
            }
        }
        if questions.is_empty() {
            return;
        }
        self.open(&questions);
        self.waits.set(self.listener.asks().is_some_and(|asks| asks.is_modern));
        let answers = self.listener.ask(self.upstream.name, questions).await.unwrap_or_default();
        self.waits.set(false);
        let mut answers = answers.into_iter();
        for id in ids {
            match answers.next() {
                Some(value) => self.link.tell(&json!({"jsonrpc": "2.0", "id": id, "result": value})),
                None => self.refuse(&id, (-32603, "There is no answer")),
            }
        }
    }

    fn refuse(&self, id: &Id, (code, words): (i64, &str)) {
        self.link.tell(&json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": words}}));
    }

    /// One question, to be asked beside `others`.
    fn read(
        &self,
        id: &Id,
        kind: Kind,
        params: &str,
        others: &[Question],
        rounds: &mut usize,
    ) -> Result<Question, (i64, &'static str)> {
        if !self.may.has(kind) {
            self.lacked.set(Some(kind));
            return Err((-32601, "Method not found"));
        }
        *rounds += 1;
        let key = key_of(id);
        let length = |question: &Question| question.params.to_string().len();
        let question = if *rounds > ROUNDS_MAX {
            Err(TOO_OFTEN)
        } else if others.iter().any(|other| other.key == key) {
            Err(Refused("asks twice under one id"))
        } else if others.iter().map(length).sum::<usize>() + params.len() > question::QUESTION_MAX {
            Err(Refused("is longer than what a person reads"))
        } else {
            Question::read(&self.asker(), &key, kind, params)
        };
        question.map_err(|refused| {
            warn(&format!("the upstream {} asked for something and was refused: it {}", self.upstream.name, refused.0));
            (-32602, "The client is not asked this")
        })
    }

    /// What the upstream is asked anew with: the answers to the questions of its result, and its state. Members of the parameters, each
    /// behind a comma.
    async fn inputs(&self, result: &str, rounds: &mut usize) -> Result<String, Failure> {
        let refused = |why| refused(self.upstream, why);
        *rounds += 1;
        if *rounds > ROUNDS_MAX {
            return Err(refused(TOO_OFTEN));
        }
        let (questions, state) = question::of_result(&self.asker(), result).map_err(refused)?;
        if state.as_ref().and_then(Value::as_str).is_some_and(|state| state.len() > STATE_MAX) {
            return Err(refused(Refused("has a state that is too long")));
        }
        // What was not declared to it, it may not ask for.
        if !questions.iter().all(|question| self.may.has(question.kind)) {
            let detail = format!("The upstream {} asks what it may not ask of this client.", self.upstream.name);
            return Err(Failure { code: "upstream_asks", detail });
        }
        let mut more = String::new();
        if !questions.is_empty() {
            let keys: Vec<String> = questions.iter().map(|question| question.key.clone()).collect();
            let answers = self.listener.ask(self.upstream.name, questions).await.map_err(|why| unanswered(self.upstream, why))?;
            let answers: Map<String, Value> = keys.into_iter().zip(answers).collect();
            more = format!(",\"inputResponses\":{}", Value::Object(answers));
        }
        if let Some(state) = state {
            more += &format!(",\"requestState\":{state}");
        }
        Ok(more)
    }
}

/// What comes next, where anything may come.
async fn next(raised: &mut Option<mpsc::Receiver<Raised>>) -> Option<Raised> {
    raised.as_mut()?.recv().await
}

const TOO_OFTEN: Refused = Refused("asks too often");

fn refused(upstream: &Upstream, Refused(why): Refused) -> Failure {
    let detail = format!("The upstream {} asked for something that nobody is asked: it {why}.", upstream.name);
    Failure { code: "question_refused", detail }
}

fn unanswered(upstream: &Upstream, why: Unanswered) -> Failure {
    let why = match why {
        Unanswered::NotAsked => "nobody could be asked",
        Unanswered::Failed => "the client brought no answer",
        Unanswered::Timeout => "there was no answer in time",
        Unanswered::Gone => "the client is gone",
    };
    let detail = format!("The upstream {} asked something, and {why}.", upstream.name);
    Failure { code: "question_unanswered", detail }
}

fn wants_input(result: &str) -> bool {
    let [kind] = pick(result, ["resultType"]).values;
    kind.and_then(string).as_deref() == Some("input_required")
}

/// The name of a question of a server that gives it none but the id of its request.
fn key_of(id: &Id) -> String {
    match id {
        Id::Int(number) => format!("ask-{number}"),
        Id::Str(text) if text.is_empty() => "ask".to_owned(),
        Id::Str(text) => text.clone(),
    }
}
