//! The parameters of a request: the modern envelope in `_meta`, and what a `tools/call` carries.

use super::ask::{Asking, Retry};
use super::jsonrpc::{Code, ID_MAX, Id, Problem, quoted};
use super::members::{Picked, is_object, pick, string};
use super::offer::{Catalogue, Kind, Target, URI_MAX};
use super::question::{Able, Resume};
use super::revision::Revision;
use crate::json::json;
use crate::limits::TOOL_NAME_MAX;
use crate::policy::upstream::Level;
use serde_json::value::RawValue;
use std::fmt;

/// `_meta` key of a lease.
pub const META_LEASE: &str = "dev.airlock/lease";
/// `_meta` key of the session id that a lease is bound to.
pub const META_SESSION: &str = "dev.airlock/session";
/// `_meta` key of the intent text that a lease is bound to.
pub const META_INTENT: &str = "dev.airlock/intent";

/// `_meta` key of signatures that approve the call, a list of texts.
pub const META_APPROVALS: &str = "dev.airlock/approvals";

/// Longest name of a client that is kept, in bytes; the ledger's line has room for it. A longer one counts as none.
const CLIENT_NAME_MAX: usize = 256;
const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const META_CLIENT: &str = "io.modelcontextprotocol/clientInfo";
const META_LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";

/// A `tools/call`, `resources/read` or `prompts/get` whose envelope is right. Nothing is decided yet: the tool may be unknown and the lease
/// forged.
pub struct CallRequest {
    /// To be given to [`crate::wire::Connection::finish`] and the reply.
    pub id: Id,
    /// The revision in which the reply must be written.
    pub revision: Revision,
    /// What it asks for.
    pub target: Target,
    /// Name of the tool or prompt as sent: 1-128 bytes of `A-Z a-z 0-9 _ - .`; empty for a resource.
    pub name: String,
    /// The bytes of `arguments`, scanned, an object; `None` when the client sent none. Of a resource, an object with its `uri`.
    pub arguments: Option<Box<RawValue>>,
    /// Memory that the request may take while it is worked on, in bytes.
    pub memory: usize,
    /// What `_meta` carries for us.
    pub meta: Carried,
    /// Set when the client wants progress notifications for this call.
    pub progress_token: Option<ProgressToken>,
    /// How the client's user can be asked about it.
    pub asking: Asking,
    /// What the client calls itself, for the record alone.
    pub client: Option<String>,
    /// The answer to a question that this call was answered with before.
    pub retry: Option<Retry>,
    /// Signatures that came with it, unverified.
    pub approvals: Vec<String>,
    /// What the client can be asked by an upstream.
    pub able: Able,
    /// Answers to what an upstream asked when this call was made before.
    pub resume: Option<Resume>,
    /// The least grave log messages that the client wants.
    pub log: Option<Level>,
}

/// What a client says of itself, for as long as that holds: one request of revision 2026-07-28, or one connection.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) name: Option<String>,
    pub(crate) asking: Asking,
    pub(crate) able: Able,
    /// The least grave log messages that it wants; mostly none.
    pub(crate) log: Option<Level>,
}

/// A list that shows a lease: it has what that lease can call. Nothing is decided yet.
#[derive(Debug)]
pub struct ListRequest {
    /// Which list.
    pub what: Catalogue,
    /// To be given to [`crate::wire::Connection::finish`] and the reply.
    pub id: Id,
    /// The revision in which the reply must be written.
    pub revision: Revision,
    /// Memory that the request may take while it is worked on, in bytes.
    pub memory: usize,
    /// What `_meta` carries for us.
    pub meta: Carried,
}

/// The arguments may carry a lease, see [`Carried`].
impl fmt::Debug for CallRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            revision,
            target,
            name,
            arguments,
            memory,
            meta,
            progress_token,
            asking,
            client,
            retry,
            approvals,
            able,
            resume,
            log,
        } = self;
        let arguments = arguments.as_ref().map(|raw| format!("({} bytes)", raw.get().len()));
        let mut shown = f.debug_struct("CallRequest");
        shown
            .field("id", id)
            .field("revision", revision)
            .field("target", target)
            .field("name", name)
            .field("arguments", &arguments);
        shown.field("memory", memory).field("meta", meta).field("progress_token", progress_token);
        shown.field("asking", asking).field("client", client).field("retry", retry).field("approvals", &approvals.len());
        shown.field("able", able).field("resume", resume).field("log", log).finish()
    }
}

/// What the client put into `params._meta` for the gateway, unverified.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Carried {
    /// [`META_LEASE`].
    pub lease: Option<String>,
    /// [`META_SESSION`].
    pub session: Option<String>,
    /// [`META_INTENT`].
    pub intent: Option<String>,
}

/// A lease is a bearer secret and must not reach a log by way of a debug print.
impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lease = self.lease.as_ref().map(|lease| format!("({} bytes)", lease.len()));
        f.debug_struct("Carried").field("lease", &lease).field("session", &self.session).field("intent", &self.intent).finish()
    }
}

/// What a client wants its progress notifications marked with: the same kinds of value as an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgressToken(pub(crate) Id);

/// The members of `params` that any method of ours reads, unparsed.
#[derive(Default)]
pub(crate) struct Params<'a> {
    pub(crate) memory: usize,
    pub(crate) meta: Meta<'a>,
    pub(crate) name: Option<&'a RawValue>,
    pub(crate) arguments: Option<&'a RawValue>,
    pub(crate) uri: Option<&'a RawValue>,
    level: Option<&'a RawValue>,
    reference: Option<&'a RawValue>,
    argument: Option<&'a RawValue>,
    context: Option<&'a RawValue>,
    pub(crate) cursor: Option<&'a RawValue>,
    pub(crate) input_responses: Option<&'a RawValue>,
    pub(crate) request_state: Option<&'a RawValue>,
    pub(crate) request_id: Option<&'a RawValue>,
    pub(crate) protocol_version: Option<&'a RawValue>,
    pub(crate) capabilities: Option<&'a RawValue>,
    pub(crate) client_info: Option<&'a RawValue>,
}

/// The members of `params._meta` that we read, unparsed. Unknown ones are tolerated, as the protocol demands.
#[derive(Default)]
pub(crate) struct Meta<'a> {
    pub(crate) version: Option<&'a RawValue>,
    capabilities: Option<&'a RawValue>,
    client_info: Option<&'a RawValue>,
    log_level: Option<&'a RawValue>,
    progress_token: Option<&'a RawValue>,
    lease: Option<&'a RawValue>,
    session: Option<&'a RawValue>,
    intent: Option<&'a RawValue>,
    approvals: Option<&'a RawValue>,
}

impl<'a> Params<'a> {
    /// Splits `params`, which must be an object if present, and its `_meta`, likewise. `memory` is that of the whole line.
    pub(crate) fn read(params: Option<&'a RawValue>, memory: usize) -> Result<Self, Problem> {
        let Some(params) = params else { return Ok(Self { memory, ..Self::default() }) };
        let names = [
            "_meta",
            "name",
            "arguments",
            "uri",
            "level",
            "ref",
            "argument",
            "context",
            "cursor",
            "inputResponses",
            "requestState",
            "requestId",
            "protocolVersion",
            "capabilities",
            "clientInfo",
        ];
        let Picked { values, named: _, has_others: _, has_repeats, is_whole } = pick(params.get(), names);
        if !is_whole || has_repeats {
            return Err(Problem::invalid_params("`params` must be an object."));
        }
        let [
            meta,
            name,
            arguments,
            uri,
            level,
            reference,
            argument,
            context,
            cursor,
            input_responses,
            request_state,
            request_id,
            protocol_version,
            capabilities,
            client_info,
        ] = values;
        let meta = meta.map_or(Ok(Meta::default()), Meta::read)?;
        Ok(Self {
            memory,
            meta,
            name,
            arguments,
            uri,
            level,
            reference,
            argument,
            context,
            cursor,
            input_responses,
            request_state,
            request_id,
            protocol_version,
            capabilities,
            client_info,
        })
    }

    /// Checks the parameters of `initialize`: the revision for it, and what the client says of itself.
    pub(crate) fn handshake(&self) -> Result<(Revision, Client), Problem> {
        let version = self.protocol_version.and_then(string);
        let version = version.ok_or(Problem::invalid_params("`params.protocolVersion` must be a string."))?;
        if !self.capabilities.is_some_and(is_object) {
            return Err(Problem::invalid_params("`params.capabilities` must be an object."));
        }
        if !self.client_info.is_some_and(is_implementation) {
            return Err(Problem::invalid_params("`params.clientInfo` must be an object with the strings `name` and `version`."));
        }
        let revision = Revision::for_initialize(&version);
        let (asking, able) = (Asking::of(revision, self.capabilities), Able::of(revision, self.capabilities));
        Ok((revision, Client { name: self.client_info.and_then(name_of), asking, able, log: None }))
    }

    /// Checks the parameters of a list; nothing when no lease is shown.
    pub(crate) fn list(&self, id: Id, revision: Revision, what: Catalogue) -> Result<Option<ListRequest>, Problem> {
        let meta = self.meta.carried()?;
        Ok(meta.lease.is_some().then_some(ListRequest { what, id, revision, memory: self.memory, meta }))
    }

    /// Checks the parameters of a request that is judged.
    pub(crate) fn call(&self, id: Id, revision: Revision, client: Client, kind: Kind) -> Result<CallRequest, Problem> {
        let resume = Resume::read(revision, self.request_state, self.input_responses)?;
        let retry = match resume {
            Some(_) => None,
            None => Retry::read(revision, self.request_state, self.input_responses)?,
        };
        let (target, name, arguments) = match kind {
            Kind::Tool => self.named(Target::Tool)?,
            Kind::Resource => self.resource()?,
            Kind::Prompt => self.named(Target::Prompt)?,
            Kind::Completion => self.completion()?,
        };
        Ok(CallRequest {
            id,
            revision,
            target,
            name,
            arguments,
            memory: self.memory,
            meta: self.meta.carried()?,
            progress_token: self.meta.progress()?,
            asking: client.asking,
            client: client.name,
            retry,
            approvals: self.meta.approvals()?,
            able: client.able,
            log: client.log,
            resume,
        })
    }

    /// Checks the parameters of `logging/setLevel`.
    pub(crate) fn level(&self) -> Result<Level, Problem> {
        self.level.and_then(level_of).ok_or_else(|| Problem::invalid_params("`params.level` must be a log level."))
    }

    /// The name and the arguments of a tool or prompt.
    fn named(&self, target: Target) -> Result<(Target, String, Option<Box<RawValue>>), Problem> {
        let name = self.name.and_then(string).filter(|name| is_tool_name(name));
        let name =
            name.ok_or(Problem::invalid_params("`params.name` must be a tool name: 1 to 128 letters, digits, `_`, `-` or `.`."))?;
        if self.arguments.is_some_and(|arguments| !is_object(arguments)) {
            return Err(Problem::invalid_params("`params.arguments` must be an object."));
        }
        Ok((target, name, self.arguments.map(ToOwned::to_owned)))
    }

    /// What is to be completed, as arguments: which one, what of it is there, and what the others are.
    fn completion(&self) -> Result<(Target, String, Option<Box<RawValue>>), Problem> {
        let wrong = |what: &'static str| Problem::invalid_params(what);
        let reference = self.reference.ok_or_else(|| wrong("`params.ref` must say what is completed."))?;
        let [kind, name] = pick(reference.get(), ["type", "name"]).values;
        let is_prompt = kind.and_then(string).is_some_and(|kind| kind == "ref/prompt");
        let prompt = name.filter(|_| is_prompt).and_then(string).filter(|name| is_tool_name(name));
        let prompt = prompt
            .ok_or_else(|| wrong("`params.ref` must be a prompt that is listed: only arguments of prompts are completed."))?;
        let argument =
            self.argument.ok_or_else(|| wrong("`params.argument` must be an object with the strings `name` and `value`."))?;
        let [name, value] = pick(argument.get(), ["name", "value"]).values;
        let (Some(name), Some(value)) = (name.and_then(string), value.and_then(string)) else {
            return Err(wrong("`params.argument` must be an object with the strings `name` and `value`."));
        };
        let mut arguments = json!({"argument": name, "value": value});
        let [others] = self.context.map_or([None], |context| pick(context.get(), ["arguments"]).values);
        if let Some(others) = others {
            let others: serde_json::Value = serde_json::from_str(others.get())
                .map_err(|_| wrong("`params.context.arguments` must be an object of strings."))?;
            arguments["context"] = others;
        }
        let arguments = serde_json::value::to_raw_value(&arguments).map_err(|_| wrong("`params.argument` cannot be read."))?;
        Ok((Target::Completion(prompt), String::new(), Some(arguments)))
    }

    /// The URI of a resource, also as arguments.
    fn resource(&self) -> Result<(Target, String, Option<Box<RawValue>>), Problem> {
        let uri = self.uri.and_then(string).filter(|uri| !uri.is_empty() && uri.len() <= URI_MAX);
        let wrong = || Problem::invalid_params(format!("`params.uri` must be a string of 1 to {URI_MAX} bytes."));
        let uri = uri.ok_or_else(wrong)?;
        let arguments = serde_json::value::to_raw_value(&json!({"uri": uri})).map_err(|_| wrong())?;
        Ok((Target::Resource(uri), String::new(), Some(arguments)))
    }
}

impl<'a> Meta<'a> {
    fn read(meta: &'a RawValue) -> Result<Self, Problem> {
        let names = [
            META_VERSION,
            META_CAPABILITIES,
            META_CLIENT,
            META_LOG_LEVEL,
            "progressToken",
            META_LEASE,
            META_SESSION,
            META_INTENT,
            META_APPROVALS,
        ];
        let Picked { values, named: _, has_others: _, has_repeats, is_whole } = pick(meta.get(), names);
        if !is_whole || has_repeats {
            return Err(Problem::invalid_params("`params._meta` must be an object."));
        }
        let [version, capabilities, client_info, log_level, progress_token, lease, session, intent, approvals] = values;
        Ok(Self { version, capabilities, client_info, log_level, progress_token, lease, session, intent, approvals })
    }

    /// The error for a request without the modern envelope on a connection that made no `initialize`.
    pub(crate) fn missing(&self) -> Problem {
        let absent = |key: &'static str, value: Option<_>| value.is_none().then_some(key);
        let keys: Vec<&str> =
            [absent(META_VERSION, self.version), absent(META_CAPABILITIES, self.capabilities)].into_iter().flatten().collect();
        Problem::invalid_params(format!("params._meta is missing the required envelope key(s): {}", keys.join(", ")))
    }

    /// Checks the envelope of revision 2026-07-28: both required keys, the version, and the shape of the optional ones.
    pub(crate) fn check_envelope(&self) -> Result<(), Problem> {
        let (Some(version), Some(capabilities)) = (self.version, self.capabilities) else {
            return Err(self.missing());
        };
        let version = string(version).ok_or(Problem::invalid_params(format!("`{META_VERSION}` must be a string.")))?;
        if version != Revision::MODERN.date() {
            return Err(unsupported_version(&version));
        }
        if !is_object(capabilities) {
            return Err(Problem::invalid_params(format!("`{META_CAPABILITIES}` must be an object.")));
        }
        if !self.client_info.is_none_or(is_implementation) {
            return Err(Problem::invalid_params(format!(
                "`{META_CLIENT}` must be an object with the strings `name` and `version`."
            )));
        }
        if self.log_level.is_some_and(|level| level_of(level).is_none()) {
            return Err(Problem::invalid_params(format!("`{META_LOG_LEVEL}` must be a log level.")));
        }
        self.progress().map(|_| ())
    }

    /// What the envelope says of the client.
    pub(crate) fn client(&self) -> Client {
        Client {
            name: self.client_info.and_then(name_of),
            asking: Asking::of(Revision::MODERN, self.capabilities),
            able: Able::of(Revision::MODERN, self.capabilities),
            log: self.log_level.and_then(level_of),
        }
    }

    fn carried(&self) -> Result<Carried, Problem> {
        let read = |key: &str, value: Option<&RawValue>| {
            let wrong = || Problem::invalid_params(format!("`params._meta[\"{key}\"]` must be a string."));
            value.map(|value| string(value).ok_or_else(wrong)).transpose()
        };
        Ok(Carried {
            lease: read(META_LEASE, self.lease)?,
            session: read(META_SESSION, self.session)?,
            intent: read(META_INTENT, self.intent)?,
        })
    }

    fn approvals(&self) -> Result<Vec<String>, Problem> {
        let Some(given) = self.approvals else { return Ok(Vec::new()) };
        serde_json::from_str(given.get())
            .map_err(|_| Problem::invalid_params(format!("`params._meta[\"{META_APPROVALS}\"]` must be a list of strings.")))
    }

    fn progress(&self) -> Result<Option<ProgressToken>, Problem> {
        let wrong = || {
            Problem::invalid_params(format!(
                "`params._meta.progressToken` must be an integer or a string of up to {ID_MAX} bytes."
            ))
        };
        self.progress_token.map(|token| Id::read(token).map(ProgressToken).ok_or_else(wrong)).transpose()
    }
}

/// The error for a revision that is not served per request, or for `initialize` on a modern connection.
pub(crate) fn unsupported_version(requested: &str) -> Problem {
    // The schema wants the requested version back; a version is a date, so a longer text loses its tail.
    let requested: String = requested.chars().take(32).collect();
    let message = format!("Unsupported protocol version {}", quoted(&requested));
    let data = json!({"supported": [Revision::MODERN.date()], "requested": requested});
    Problem { data: Some(data), ..Problem::new(Code::UnsupportedVersion, message) }
}

fn level_of(value: &RawValue) -> Option<Level> {
    let word = string(value)?;
    Level::ALL.into_iter().find(|level| level.word() == word)
}

fn is_implementation(value: &RawValue) -> bool {
    let Picked { values, named: _, has_others: _, has_repeats, is_whole } = pick(value.get(), ["name", "version"]);
    is_whole && !has_repeats && values.iter().all(|member| member.is_some_and(|member| string(member).is_some()))
}

fn name_of(implementation: &RawValue) -> Option<String> {
    let [name] = pick(implementation.get(), ["name"]).values;
    name.and_then(string).filter(|name| name.len() <= CLIENT_NAME_MAX)
}

fn is_tool_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    !name.is_empty() && name.len() <= TOOL_NAME_MAX && name.bytes().all(plain)
}
