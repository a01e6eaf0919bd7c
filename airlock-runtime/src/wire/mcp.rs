//! The server's side of one MCP connection: from a line to what must be done about it.
//!
//! The state is the era of the connection and the calls that are open. A connection starts undecided; a served request of revision
//! 2026-07-28 makes it modern, `initialize` makes it legacy at the negotiated revision, and it never changes again. `server/discover`
//! asks without deciding.

use super::ask::{self, Answer, Asking, OPEN_QUESTIONS_MAX};
use super::foreign::ForeignResult;
use super::jsonrpc::{self, Code, Id, Message, Problem, Refused, quoted, salvage};
use super::listen::ListenRequest;
use super::members::string;
use super::offer::{Catalogue, Kind, Method, Offers, Target};
use super::params::{CallRequest, Client, ListRequest, Params, unsupported_version};
use super::question::{self, Able};
use super::reply::{self, CACHE_TTL_MS, Listing, ServerInfo, ToolReply};
use super::revision::Revision;
use super::scan::scan;
use crate::limits::{JSON_VALUE_BYTES, LINE_MAX};
use crate::policy::upstream::Question;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// What to do about a line.
#[derive(Debug)]
#[must_use]
pub enum Received {
    /// Nothing is written.
    Silence(Quiet),
    /// Write this line (its LF is not included).
    Reply(String),
    /// Judge this call; it is open until [`Connection::finish`].
    Call(Box<CallRequest>),
    /// Answer with what the lease can call; it is open until [`Connection::finish`].
    List(Box<ListRequest>),
    /// Tell of changes until [`Connection::finish`].
    Listen(Box<ListenRequest>),
    /// Tell no more of changes of this URI, then write the line.
    Unwatch(String, String),
    /// Stop working on this call. It stays open until [`Connection::finish`], which then forbids the reply.
    Cancel(Id),
    /// The answer to the question of this number, which is closed by it.
    Answer(u64, Answer),
    /// The answer to the question of this number that an upstream asked, which is closed by it; nothing where it is an error.
    Input(u64, Option<Box<RawValue>>),
}

/// Why a line is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quiet {
    /// Nothing but JSON whitespace.
    Blank,
    /// A notification that asks for nothing: `notifications/initialized`, unknown ones, a cancellation of what is not open.
    Notification,
    /// A result or error that answers no open question.
    Response,
    /// Not a message, and no id could be read to answer to.
    Unreadable,
}

/// How many lines were dropped without an answer, by [`Quiet`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// [`Quiet::Blank`].
    pub blank: u64,
    /// [`Quiet::Notification`].
    pub notifications: u64,
    /// [`Quiet::Response`].
    pub responses: u64,
    /// [`Quiet::Unreadable`].
    pub unreadable: u64,
}

/// Which era the connection is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// Nothing was served yet that decides.
    Undecided,
    /// Revision 2026-07-28, an envelope on every request.
    Modern,
    /// After `initialize`, at this revision.
    Legacy(Revision),
}

/// An open call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Working,
    Cancelled,
}

/// A question as a request of ours.
#[derive(Debug)]
struct Asked {
    call: Id,
    what: Asks,
    /// It has left, so it can be answered.
    is_out: bool,
}

/// Whose question it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asks {
    /// Ours: may the call be made?
    Approval,
    /// An upstream's.
    Upstream,
}

impl Asks {
    /// The id of question `number`.
    fn id(self, number: u64) -> String {
        match self {
            Self::Approval => ask::id(number),
            Self::Upstream => question::id(number),
        }
    }
}

/// One client's connection. It holds one small record per open call; the caller bounds how many are open by not reading on
/// ([`crate::limits::IN_FLIGHT_MAX`]).
#[derive(Debug)]
pub struct Connection {
    server: ServerInfo,
    tools: Vec<Listing>,
    offers: Offers,
    era: Era,
    open: HashMap<Id, Open>,
    /// What the client said of itself in `initialize`.
    client: Client,
    /// Questions that are open as requests of ours, by number.
    asked: HashMap<u64, Asked>,
    /// Is there a lease for requests that show none?
    surrounded: bool,
    /// How many questions there were so far.
    questions: u64,
    dropped: Dropped,
}

impl Connection {
    /// A connection on which nothing was said yet.
    #[must_use]
    pub fn new(server: ServerInfo, tools: Vec<Listing>) -> Self {
        Self {
            server,
            tools,
            offers: Offers::default(),
            era: Era::Undecided,
            open: HashMap::new(),
            client: Client { name: None, asking: Asking::NotDeclared, able: Able::default(), log: None },
            asked: HashMap::new(),
            surrounded: false,
            questions: 0,
            dropped: Dropped::default(),
        }
    }

    /// The same with resources and prompts.
    #[must_use]
    pub fn with_offers(self, offers: Offers) -> Self {
        Self { offers, ..self }
    }

    /// The same where requests that show no lease have one all the same: what is listed depends on it.
    #[must_use]
    pub fn surrounded(self, surrounded: bool) -> Self {
        Self { surrounded, ..self }
    }

    /// Takes one line without its LF. Total: any bytes give one of the outcomes above.
    pub fn receive(&mut self, line: &[u8]) -> Received {
        if line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r')) {
            return self.silence(Quiet::Blank);
        }
        let (message, values) = match scan(line) {
            Ok(text) => (jsonrpc::read(text), text.values()),
            Err(fault) => (Err(jsonrpc::refuse(line, fault)), 0),
        };
        let memory = line.len() + values * JSON_VALUE_BYTES;
        match message {
            Ok(Message::Request { id, method, params }) => self.request(id, &method, params, memory),
            Ok(Message::Notification { method, params }) => self.notification(&method, params),
            Ok(Message::Response { id, result }) => self.response(id.as_ref(), result),
            Err(Refused { id: Some(id), problem }) => Received::Reply(reply_problem(&id, problem)),
            Err(Refused { id: None, problem: _ }) => self.silence(Quiet::Unreadable),
        }
    }

    /// Answers a [`crate::wire::Frame::TooLong`], if its id stands in the part that was kept.
    pub fn too_long(&mut self, head: &[u8]) -> Received {
        let Some(id) = salvage(head) else { return self.silence(Quiet::Unreadable) };
        let message = format!("The line is longer than {LINE_MAX} bytes.");
        Received::Reply(reply_problem(&id, Problem::new(Code::InvalidRequest, message)))
    }

    /// Closes a call. True if its reply may be written; false if it was cancelled (nothing may be sent for it any more) or was not open.
    #[must_use]
    pub fn finish(&mut self, id: &Id) -> bool {
        self.asked.retain(|_, asked| asked.call != *id);
        match self.open.remove(id) {
            Some(Open::Working) => true,
            Some(Open::Cancelled) | None => false,
        }
    }

    /// Takes a number for a question to the client's user about an open call, as a request of ours ([`Connection::question`]). `None`
    /// where nobody can be asked so: the call is not open, was cancelled, or has a question already; too many questions are open; or
    /// the connection has no such requests.
    #[must_use]
    pub fn reserve(&mut self, call: &Id) -> Option<u64> {
        if self.client.asking == Asking::ByRequest { self.number(call, Asks::Approval) } else { None }
    }

    /// As [`Connection::reserve`] for a question of an upstream ([`Connection::input`]). That the client can be asked is for the caller to know.
    #[must_use]
    #[cfg_attr(not(feature = "upstream"), allow(dead_code, reason = "only upstreams ask"))]
    pub(crate) fn reserve_input(&mut self, call: &Id) -> Option<u64> {
        if matches!(self.era, Era::Legacy(_)) { self.number(call, Asks::Upstream) } else { None }
    }

    fn number(&mut self, call: &Id, what: Asks) -> Option<u64> {
        let is_open = self.open.get(call) == Some(&Open::Working) && !self.asked.values().any(|asked| asked.call == *call);
        if !is_open || self.asked.len() >= OPEN_QUESTIONS_MAX {
            return None;
        }
        self.questions += 1;
        self.asked.insert(self.questions, Asked { call: call.clone(), what, is_out: false });
        Some(self.questions)
    }

    /// The line of the question of this number, which can be answered from now on. `None` if its call was cancelled meanwhile.
    #[must_use]
    pub fn question(&mut self, question: u64, message: &str) -> Option<String> {
        self.leaves(question, Asks::Approval).then(|| ask::request(question, message))
    }

    /// The line of the question of this number that an upstream asks, which can be answered from now on. `params`: JSON text of an object,
    /// of one line. `None` as for [`Connection::question`].
    #[must_use]
    #[cfg_attr(not(feature = "upstream"), allow(dead_code, reason = "only upstreams ask"))]
    pub(crate) fn input(&mut self, question: u64, kind: Question, params: &str) -> Option<String> {
        self.leaves(question, Asks::Upstream).then(|| question::request(question, kind, params))
    }

    fn leaves(&mut self, question: u64, what: Asks) -> bool {
        let is_working = |asked: &&mut Asked| asked.what == what && self.open.get(&asked.call) == Some(&Open::Working);
        let asked = self.asked.get_mut(&question).filter(is_working);
        asked.map(|asked| asked.is_out = true).is_some()
    }

    /// Closes a question that waits for no answer any more; the line that tells the client so. `None` if it was closed before, or never
    /// left.
    pub fn withdraw(&mut self, question: u64, reason: &str) -> Option<String> {
        let asked = self.asked.remove(&question).filter(|asked| asked.is_out)?;
        Some(ask::withdrawal(&asked.what.id(question), reason))
    }

    /// The reply of revision 2026-07-28 that asks the client's user about a call; `state` comes back with the answer.
    #[must_use]
    pub fn reply_question(&self, id: &Id, message: &str, state: &str) -> String {
        reply::result(id, self.server.input_required(message, state))
    }

    /// The reply of revision 2026-07-28 that asks what an upstream wants to know. `requests`: JSON text of an object, of one line.
    #[must_use]
    #[cfg_attr(not(feature = "upstream"), allow(dead_code, reason = "only upstreams ask"))]
    pub(crate) fn reply_inputs(&self, id: &Id, requests: &str, state: &str) -> String {
        self.server.inputs_required(id, requests, state)
    }

    /// The reply to a call, in the form of its revision.
    #[must_use]
    pub fn reply_result(&self, revision: Revision, id: &Id, reply: &ToolReply) -> String {
        reply::result(id, self.server.call_result(revision, reply))
    }

    /// The reply to a call with the result of an upstream; `meta` is added to its `_meta`.
    #[must_use]
    #[cfg_attr(not(feature = "upstream"), allow(dead_code, reason = "only upstreams have foreign results"))]
    pub(crate) fn reply_foreign(
        &self,
        revision: Revision,
        id: &Id,
        target: &Target,
        result: &ForeignResult,
        meta: Map<String, Value>,
    ) -> String {
        self.server.foreign_result(id, revision, target, result, meta)
    }

    /// The reply to a list that shows a lease: what the table of tools has under these names, which a client may keep for `ttl`
    /// milliseconds.
    #[must_use]
    pub fn reply_list(&self, revision: Revision, id: &Id, what: Catalogue, names: &[&str], ttl: u64) -> String {
        self.server.list(id, revision, what, &self.entries(what, revision, &|name| names.contains(&name)), ttl)
    }

    /// The entries of a list whose names pass.
    fn entries(&self, what: Catalogue, revision: Revision, passes: &dyn Fn(&str) -> bool) -> Vec<String> {
        let offered = match what {
            Catalogue::Tools => {
                return self.tools.iter().filter(|tool| passes(tool.name())).map(|tool| tool.listed(revision)).collect();
            }
            Catalogue::Resources => &self.offers.resources,
            Catalogue::Templates => &self.offers.templates,
            Catalogue::Prompts => &self.offers.prompts,
        };
        offered.iter().filter(|entry| passes(&entry.tool)).map(|entry| entry.listed(revision)).collect()
    }

    /// May something still be sent for an open request?
    #[must_use]
    pub fn is_working(&self, id: &Id) -> bool {
        self.open.get(id) == Some(&Open::Working)
    }

    /// The last line of a listen that the gateway ends.
    #[must_use]
    #[cfg_attr(not(feature = "upstream"), allow(dead_code, reason = "only upstreams tell of changes"))]
    pub(crate) fn reply_listened(&self, id: &Id) -> String {
        self.server.listened(id)
    }

    /// A reply that is a JSON-RPC error, for an unknown tool or a fault of the gateway; a refusal is a [`ToolReply`] with `is_error`.
    #[must_use]
    pub fn reply_error(&self, id: &Id, code: Code, message: &str, data: Option<Value>) -> String {
        jsonrpc::reply_error(id, code, message, data)
    }

    /// The era so far.
    #[must_use]
    pub const fn era(&self) -> Era {
        self.era
    }

    /// How many calls are open, cancelled ones included.
    #[must_use]
    pub fn open_calls(&self) -> usize {
        self.open.len()
    }

    /// What was dropped without an answer.
    #[must_use]
    pub const fn dropped(&self) -> Dropped {
        self.dropped
    }

    fn request(&mut self, id: Id, method: &str, params: Option<&RawValue>, memory: usize) -> Received {
        if self.open.contains_key(&id) {
            let problem = Problem::new(Code::InvalidRequest, "A call with this id is still open.");
            return Received::Reply(reply_problem(&id, problem));
        }
        let outcome = Params::read(params, memory).and_then(|params| self.serve(&id, method, &params));
        match outcome {
            Ok(Served::Result(body)) => Received::Reply(reply::result(&id, body)),
            Ok(Served::Line(line)) => Received::Reply(line),
            Ok(Served::List(list)) => {
                self.open.insert(id, Open::Working);
                Received::List(list)
            }
            Ok(Served::Listen(listen)) => {
                self.open.insert(id, Open::Working);
                Received::Listen(listen)
            }
            Ok(Served::Unwatch(uri)) => Received::Unwatch(uri, reply::result(&id, Map::new())),
            Ok(Served::Call(call)) => {
                self.open.insert(id, Open::Working);
                Received::Call(call)
            }
            Err(problem) => Received::Reply(reply_problem(&id, problem)),
        }
    }

    /// The rules for the era, see `docs/wire.md`.
    fn serve(&mut self, id: &Id, method: &str, params: &Params<'_>) -> Result<Served, Problem> {
        let is_enveloped = params.meta.version.is_some();
        match self.era {
            Era::Legacy(_) if is_enveloped => {
                let message = "This connection was opened with `initialize`; requests of revision 2026-07-28 need a new one.";
                Err(Problem::new(Code::InvalidRequest, message))
            }
            Era::Legacy(_) if method == "logging/setLevel" && self.offers.logs => {
                self.client.log = Some(params.level()?);
                Ok(Served::Result(Map::new()))
            }
            Era::Legacy(revision) => self.serve_legacy(id, method, params, revision),
            Era::Undecided | Era::Modern if is_enveloped => self.serve_modern(id, method, params),
            Era::Modern if method == "initialize" => {
                Err(unsupported_version(&params.protocol_version.and_then(string).unwrap_or_default()))
            }
            Era::Modern => Err(params.meta.missing()),
            Era::Undecided => self.serve_first(method, params),
        }
    }

    /// Requests without an envelope before the era is decided.
    fn serve_first(&mut self, method: &str, params: &Params<'_>) -> Result<Served, Problem> {
        match method {
            "initialize" => {
                let (revision, client) = params.handshake()?;
                self.era = Era::Legacy(revision);
                self.client = client;
                Ok(Served::Result(self.server.initialize(revision, self.offers.capabilities(revision))))
            }
            "ping" => Ok(Served::Result(Map::new())),
            _ => Err(params.meta.missing()),
        }
    }

    fn serve_legacy(&self, id: &Id, method: &str, params: &Params<'_>, revision: Revision) -> Result<Served, Problem> {
        match method {
            "ping" => Ok(Served::Result(Map::new())),
            "initialize" => Err(Problem::new(Code::InvalidRequest, "This connection was already opened with `initialize`.")),
            "resources/subscribe" if self.offers.watches => {
                let call = params.call(id.clone(), revision, self.client.clone(), Kind::Subscription);
                call.map(|call| Served::Call(Box::new(call)))
            }
            // Whoever wants to hear no more needs no right to it.
            "resources/unsubscribe" if self.offers.watches => params.subscribed().map(Served::Unwatch),
            _ => self.serve_either(id, method, params, revision, || self.client.clone()),
        }
    }

    /// What both eras have.
    fn serve_either(
        &self,
        id: &Id,
        method: &str,
        params: &Params<'_>,
        revision: Revision,
        client: impl FnOnce() -> Client,
    ) -> Result<Served, Problem> {
        match self.offers.method(method).ok_or_else(|| unknown_method(method))? {
            Method::List(what) => self.list(id, params, revision, what),
            Method::Judge(kind) => params.call(id.clone(), revision, client(), kind).map(|call| Served::Call(Box::new(call))),
        }
    }

    fn serve_modern(&mut self, id: &Id, method: &str, params: &Params<'_>) -> Result<Served, Problem> {
        params.meta.check_envelope()?;
        let served = match method {
            "server/discover" => return Ok(Served::Result(self.server.discover(self.offers.capabilities(Revision::MODERN)))),
            "subscriptions/listen" if self.offers.listens() => self.listen(id, params),
            _ => self.serve_either(id, method, params, Revision::MODERN, || params.meta.client()),
        }?;
        self.era = Era::Modern;
        Ok(served)
    }

    fn listen(&self, id: &Id, params: &Params<'_>) -> Result<Served, Problem> {
        let listen = params.listen(id, &params.meta.client(), &self.offers.tells, self.offers.watches)?;
        Ok(Served::Listen(Box::new(listen)))
    }

    fn list(&self, id: &Id, params: &Params<'_>, revision: Revision, what: Catalogue) -> Result<Served, Problem> {
        if params.cursor.is_some() {
            return Err(Problem::invalid_params("The list has one page; this server never gave out a `cursor`."));
        }
        match params.list(id.clone(), revision, what, self.surrounded)? {
            Some(list) => Ok(Served::List(Box::new(list))),
            None => {
                let entries = self.entries(what, revision, &|_| true);
                Ok(Served::Line(self.server.list(id, revision, what, &entries, CACHE_TTL_MS)))
            }
        }
    }

    fn notification(&mut self, method: &str, params: Option<&RawValue>) -> Received {
        if method != "notifications/cancelled" {
            return self.silence(Quiet::Notification);
        }
        let id = Params::read(params, 0).ok().and_then(|params| params.request_id.and_then(Id::read));
        let Some((id, open)) = id.and_then(|id| self.open.get_key_value(&id)) else {
            return self.silence(Quiet::Notification);
        };
        match open {
            Open::Cancelled => self.silence(Quiet::Notification),
            Open::Working => {
                let id = id.clone();
                self.open.insert(id.clone(), Open::Cancelled);
                Received::Cancel(id)
            }
        }
    }

    /// A result or error: the answer to an open question, else nothing.
    fn response(&mut self, id: Option<&Id>, result: Option<&RawValue>) -> Received {
        let answered = match id {
            Some(Id::Str(text)) => {
                let upstream = || question::number(text).map(|number| (number, Asks::Upstream));
                ask::number(text).map(|number| (number, Asks::Approval)).or_else(upstream)
            }
            Some(Id::Int(_)) | None => None,
        };
        // An answer to what was not asked yet is none; it must not make room for one more question either.
        let is_out =
            |(number, what): &(u64, Asks)| self.asked.get(number).is_some_and(|asked| asked.is_out && asked.what == *what);
        let Some((number, what)) = answered.filter(is_out) else { return self.silence(Quiet::Response) };
        self.asked.remove(&number);
        match what {
            Asks::Approval => Received::Answer(number, Answer::of_response(result)),
            Asks::Upstream => Received::Input(number, result.map(ToOwned::to_owned)),
        }
    }

    fn silence(&mut self, why: Quiet) -> Received {
        let count = match why {
            Quiet::Blank => &mut self.dropped.blank,
            Quiet::Notification => &mut self.dropped.notifications,
            Quiet::Response => &mut self.dropped.responses,
            Quiet::Unreadable => &mut self.dropped.unreadable,
        };
        *count = count.saturating_add(1);
        Received::Silence(why)
    }
}

/// What a request leads to if nothing is wrong with it.
enum Served {
    Result(Map<String, Value>),
    /// A whole reply.
    Line(String),
    Call(Box<CallRequest>),
    List(Box<ListRequest>),
    Listen(Box<ListenRequest>),
    Unwatch(String),
}

fn unknown_method(method: &str) -> Problem {
    Problem::new(Code::MethodNotFound, format!("Method not found: {}", quoted(method)))
}

fn reply_problem(id: &Id, problem: Problem) -> String {
    jsonrpc::reply_error(id, problem.code, &problem.message, problem.data)
}
