//! One call of an upstream, with what it asks of the client meanwhile.
//!
//! A server of revision 2026-07-28 answers with its questions and is asked anew with the answers. One of an earlier revision makes requests
//! of its own while the call is open, and does not say which call they are about: the link passes them on where only one is open.

use super::handshake::envelope;
use super::link::{Beside, End, Link, Raised, Reply};
use super::params_of;
use crate::effect::{Failure, Listener, Unanswered};
use crate::json::json;
use crate::policy::upstream::{Proxied, Question as Kind, Upstream};
use crate::start::warn;
use crate::upstream::Secrets;
use crate::upstream::question::{self, Asker, Question, Refused};
use crate::wire::Able;
use crate::wire::members::{pick, string};
use serde_json::{Map, Value};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How often one call may ask, a handful of steps in a conversation; clients of the protocol stop at ten.
const ROUNDS_MAX: usize = 8;
/// Longest state of an upstream that is kept while the client is asked, bytes.
const STATE_MAX: usize = 64 * 1024;
/// How long a server may take to take a log level.
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
}

impl Talk<'_> {
    /// Makes the call and sees to its questions. `asked`: the members of its parameters.
    pub(super) async fn run(&self, method: &'static str, asked: &str) -> Result<Reply, Broken> {
        let (mut more, mut rounds) = (String::new(), 0);
        self.set_level().await;
        loop {
            let reply = self.once(method, &format!("{asked}{more}"), &mut rounds).await?;
            let Reply::Result(line, place) = &reply else { return Ok(reply) };
            let result = line.get(place.clone()).unwrap_or_default();
            if self.may.is_none() || !self.link.is_modern.get() || !wants_input(result) {
                return Ok(reply);
            }
            more = self.inputs(result, &mut rounds).await.map_err(Broken::Failed)?;
        }
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
        let progress = self.listener.progress(self.proxied.result_threshold);
        let wants_progress = progress.is_some();
        let mut meta = if is_modern { envelope(self.may) } else { json!({}) };
        let level = self.listener.level(self.upstream.log);
        if let Some(level) = level.filter(|_| is_modern) {
            meta["io.modelcontextprotocol/logLevel"] = json!(level.word());
        }
        let secrets = Secrets(Arc::clone(&self.link.secrets));
        let log = level.map(|level| self.listener.log(self.upstream.name, level, self.proxied.result_threshold, secrets));
        let params = |id: i64| params_of(asked, meta, wants_progress.then_some(id));
        let (raise, mut raised) = mpsc::channel(1);
        let asks = (!is_modern && !self.may.is_none()).then_some(raise);
        let mut reply = std::pin::pin!(self.link.ask(method, params, Beside { progress, log, asks }));
        let mut left = self.patience;
        loop {
            let began = Instant::now();
            let question = tokio::select! {
                biased;
                reply = &mut reply => return reply.map_err(Broken::Ended),
                Some(question) = raised.recv() => question,
                () = tokio::time::sleep(left) => return Err(Broken::Timeout),
            };
            left = left.saturating_sub(began.elapsed());
            // A call that ends before it is answered needs the answer no more, and then nobody waits for it.
            tokio::select! {
                biased;
                reply = &mut reply => return reply.map_err(Broken::Ended),
                () = self.raised(question, rounds) => {}
            }
        }
    }

    fn asker(&self) -> Asker<'_> {
        Asker { name: self.upstream.name, secrets: &self.link.secrets, threshold: self.proxied.result_threshold }
    }

    /// Answers a request of the upstream: with what the client says, or with an error.
    async fn raised(&self, raised: Raised, rounds: &mut usize) {
        let Raised { id, kind, params, waits } = raised;
        let message = match self.ask_one(kind, &params, rounds).await {
            Ok(value) => json!({"jsonrpc": "2.0", "id": id, "result": value}),
            Err((code, words)) => json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": words}}),
        };
        drop(waits);
        self.link.tell(&message);
    }

    async fn ask_one(&self, kind: Kind, params: &str, rounds: &mut usize) -> Result<Value, (i64, &'static str)> {
        if !self.may.has(kind) {
            return Err((-32601, "Method not found"));
        }
        *rounds += 1;
        let question = match *rounds <= ROUNDS_MAX {
            true => Question::read(&self.asker(), "ask", kind, params),
            false => Err(TOO_OFTEN),
        };
        let question = question.map_err(|refused| {
            warn(&format!("the upstream {} asked for something and was refused: it {}", self.upstream.name, refused.0));
            (-32602, "The client is not asked this")
        })?;
        let answers = self.listener.ask(self.upstream.name, vec![question]).await;
        let answers = answers.map_err(|_| (-32603, "There is no answer"))?;
        answers.into_iter().next().ok_or((-32603, "There is no answer"))
    }

    /// What the upstream is asked anew with: the answers to the questions of its result, and its state. Members of the parameters, each
    /// behind a comma.
    async fn inputs(&self, result: &str, rounds: &mut usize) -> Result<String, Failure> {
        let refused = |refused: Refused| Failure {
            code: "question_refused",
            detail: format!("The upstream {} asked for something that nobody is asked: it {}.", self.upstream.name, refused.0),
        };
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

const TOO_OFTEN: Refused = Refused("asks too often");

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

/// What the client has to declare for a call that its upstream refused for the lack of it; nothing where the manifest does not let it ask, or
/// the client declares it already.
pub(super) fn missing(upstream: &Upstream, listener: &Listener, code: i64, data: Option<&str>) -> Option<Failure> {
    let asks = listener.asks().filter(|asks| asks.is_modern && code == MISSING)?;
    let data: Value = serde_json::from_str(data?).ok()?;
    let needed = data.get("requiredCapabilities").and_then(Value::as_object)?;
    let lacks = |kind: &Kind| needed.contains_key(kind.word()) && upstream.may_ask.contains(kind) && !asks.able.has(*kind);
    let kind = Kind::ALL.into_iter().find(lacks)?;
    let detail = format!("The upstream {} needs a client that declares {}.", upstream.name, kind.word());
    Some(Failure { code: crate::reply::missing_code(kind), detail })
}
