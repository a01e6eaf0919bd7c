//! `[upstreams.*]`: foreign MCP servers, and the tools of theirs that the gateway has.

mod command;
mod confine;
mod definitions;
mod env;
mod offer;
mod tool;

use super::groups::Groups;
use super::tools::{ToolDraft, Tools};
use super::why;
use crate::code::Code;
use crate::definitions::Definitions;
use crate::definitions::screen::{is_distinct, screen};
use crate::diagnostic::{Diagnostic, Faults, Span};
use crate::fields::{At, Field, Fields, refuse_twice};
use crate::files::Files;
use crate::ir::{Era, HostRule, Level, Listed, Offer, Question, Upstream, VariableValue};
use crate::limits::{
    HOSTS_MAX, MESSAGE_DEFAULT, MESSAGE_MAX, MESSAGE_MIN, START_TIMEOUT_MAX_S, START_TIMEOUT_S, TOOLS_MAX, UPSTREAMS_MAX,
};
use crate::name;
use std::collections::HashMap;

pub(crate) use confine::{ConfineDraft, holds};
pub(crate) use tool::ProxiedDraft;

/// An upstream with the places that later checks speak of.
#[derive(Debug)]
pub(crate) struct UpstreamDraft {
    pub(crate) name: At<String>,
    pub(crate) upstream: Upstream,
    /// Its sandbox, with the places of its paths.
    pub(crate) confine: Option<ConfineDraft>,
    /// Path of its definitions, relative to the manifest.
    pub(crate) definitions: String,
    /// Tools under it in the manifest, also those that were refused, with the places of their names.
    pub(crate) tools: Vec<At<String>>,
    /// How many resources and prompts stand under it.
    pub(crate) offers: usize,
    /// What it may ask of the client, with the places of the words.
    pub(crate) may_ask: Vec<At<Question>>,
}

/// How clients call the tools of an upstream that say nothing themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    /// `upstream.tool`.
    Prefixed,
    /// As the upstream does.
    Bare,
}

/// What the tools of one upstream are read with.
struct Around<'a> {
    name: &'a str,
    names: Names,
    /// Nothing where the file could not be read: of that was told.
    definitions: Option<&'a Definitions>,
    /// Path of the file, for messages.
    path: &'a str,
    groups: &'a Groups,
    max_message: u64,
    secrets: bool,
}

impl<'a> Around<'a> {
    fn of(draft: &'a UpstreamDraft, names: Names, groups: &'a Groups, definitions: Option<&'a Definitions>) -> Self {
        let secrets = draft.upstream.env.iter().any(|variable| matches!(variable.value, VariableValue::Secret(_)));
        Self {
            name: &draft.name.value,
            names,
            definitions,
            path: &draft.definitions,
            groups,
            max_message: draft.upstream.max_message,
            secrets,
        }
    }
}

/// Reads all upstreams; their tools are added to the others.
pub(super) fn read(
    field: &Field<'_>,
    groups: &Groups,
    files: &Files<'_>,
    tools: &mut Tools,
    faults: &mut Faults,
) -> Vec<UpstreamDraft> {
    let Some(fields) = field.table("`[upstreams]`", faults) else { return Vec::new() };
    let entries = fields.entries();
    if entries.len() > UPSTREAMS_MAX {
        let message = format!("the manifest has {} upstreams; at most {UPSTREAMS_MAX} are allowed", entries.len());
        faults.error(Code::Count, &fields.span, message, "upstreams begin here");
        return Vec::new();
    }
    entries.iter().filter_map(|(name, field)| entry(name, field, groups, files, tools, faults)).collect()
}

fn entry(
    name: &str,
    field: &Field<'_>,
    groups: &Groups,
    files: &Files<'_>,
    tools: &mut Tools,
    faults: &mut Faults,
) -> Option<UpstreamDraft> {
    if let Err(problem) = name::upstream(name) {
        faults.error(Code::BadName, &field.key, problem, "not accepted");
        return None;
    }
    let at = At { value: name.to_owned(), span: field.key.clone() };
    let mut fields = field.table(format!("`[upstreams.{name}]`"), faults)?;
    let command = fields.need("command", "command = [\"/usr/bin/node\", \"/opt/mcp/index.js\"]", faults);
    let command = command.map(|field| command::read(&field, faults)).unwrap_or_default();
    let dir = fields.take("dir").and_then(|field| field.checked(Code::BadCommand, name::program, faults));
    let env = fields.take("env").map(|field| env::read(&field, faults)).unwrap_or_default();
    let eras = [("auto", Era::Auto), ("modern", Era::Modern), ("legacy", Era::Legacy)];
    let era = fields.take("era").and_then(|field| field.word(&eras, &[], faults)).map_or(Era::Auto, |at| at.value);
    let start = fields.take("start_timeout").and_then(|field| field.period(1, START_TIMEOUT_MAX_S, faults));
    let message = fields.take("max_message").and_then(|field| field.size(MESSAGE_MIN, MESSAGE_MAX, faults));
    let may_ask = fields.take("may_ask").map(|field| questions(&field, faults)).unwrap_or_default();
    let ask_hosts = fields.take("ask_hosts").map(|field| ask_hosts(&field, &may_ask, faults)).unwrap_or_default();
    let may_tell = fields.take("may_tell").map(|field| lists(&field, faults)).unwrap_or_default();
    let levels = Level::ALL.map(|level| (level.word(), level));
    let log = fields.take("log").and_then(|field| field.word(&levels, &[], faults)).map(|at| at.value);
    let confine = fields.take("confine").and_then(|field| confine::read(name, &field, groups, faults));
    confine.iter().for_each(|confine| confine::refuse_writable(name, &command, confine, faults));
    let file = fields.take("definitions");
    let words = [("prefixed", Names::Prefixed), ("bare", Names::Bare)];
    let names = fields.take("names").and_then(|field| field.word(&words, &[], faults)).map_or(Names::Prefixed, |at| at.value);
    let listed = fields.take("tools");
    let offered = [
        (Offer::Resource, fields.take("resources")),
        (Offer::Prompt, fields.take("prompts")),
        (Offer::Completion, fields.take("completions")),
        (Offer::Subscription, fields.take("subscriptions")),
    ];
    let why = why(&mut fields, faults);
    fields.finish(&["url", "headers", "auth"], faults);
    let upstream = Upstream {
        name: name.to_owned(),
        command,
        dir: dir.map(|at| at.value),
        env,
        era,
        start_timeout: start.map_or(START_TIMEOUT_S, |at| at.value),
        max_message: message.map_or(MESSAGE_DEFAULT, |at| at.value),
        may_ask: sorted(&may_ask),
        ask_hosts,
        may_tell,
        log,
        confine: confine.as_ref().map(ConfineDraft::compiled),
        why,
    };
    let (path, place) = definitions::place(name, file.as_ref(), &field.key, faults);
    let mut draft = UpstreamDraft {
        name: at,
        upstream,
        confine,
        definitions: path.clone().unwrap_or_default(),
        tools: Vec::new(),
        offers: 0,
        may_ask,
    };
    if let Some(listed) = listed {
        let file = path.as_ref().map(|path| definitions::File { path, place: &place, files });
        read_tools(&listed, &mut draft, (names, groups), file, tools, faults);
    }
    for (what, field) in offered {
        let around = Around::of(&draft, names, groups, None);
        draft.offers += field.map_or(0, |field| offer::read(what, &field, &around, tools, faults));
    }
    Some(draft)
}

/// What it may ask of the client.
fn questions(field: &Field<'_>, faults: &mut Faults) -> Vec<At<Question>> {
    let words = Question::ALL.map(|question| (question.word(), question));
    let list = field.list(0, Question::ALL.len(), faults).unwrap_or_default();
    let read: Vec<At<Question>> = list.iter().filter_map(|entry| entry.word(&words, &["url"], faults)).collect();
    refuse_twice(&read, |question| question.word().to_owned(), faults);
    read
}

/// The hosts to which it may lead the user, who sees the address in a question: exact ones.
fn ask_hosts(field: &Field<'_>, may_ask: &[At<Question>], faults: &mut Faults) -> Vec<String> {
    if !may_ask.iter().any(|at| at.value == Question::Elicitation) {
        let message = "it leads nobody anywhere that may not ask the user anything";
        let diagnostic = Diagnostic::new(Code::AskHosts, &field.key, message, "has no use");
        faults.push(diagnostic.help("add `\"elicitation\"` to `may_ask`, or remove it"));
    }
    let list = field.list(1, HOSTS_MAX, faults).unwrap_or_default();
    let hosts = list.iter().filter_map(|entry| {
        let at = super::host(entry, faults)?;
        match at.value {
            HostRule::Exact(host) => Some(At { value: host, span: at.span }),
            HostRule::OneLabel(_) | HostRule::AnyPublic => {
                let message = "whoever leads a user somewhere names the place: one host";
                faults.push(Diagnostic::new(Code::AskHosts, &at.span, message, "covers many hosts").help("list the hosts"));
                None
            }
        }
    });
    let hosts: Vec<At<String>> = hosts.collect();
    refuse_twice(&hosts, String::clone, faults);
    let mut hosts: Vec<String> = hosts.into_iter().map(|at| at.value).collect();
    hosts.sort_unstable();
    hosts
}

/// The lists of which it may tell that they changed.
fn lists(field: &Field<'_>, faults: &mut Faults) -> Vec<Listed> {
    let words = Listed::ALL.map(|list| (list.word(), list));
    let list = field.list(0, Listed::ALL.len(), faults).unwrap_or_default();
    let read: Vec<At<Listed>> = list.iter().filter_map(|entry| entry.word(&words, &[], faults)).collect();
    refuse_twice(&read, |list| list.word().to_owned(), faults);
    let mut all: Vec<Listed> = read.into_iter().map(|at| at.value).collect();
    all.sort_unstable();
    all
}

fn sorted(questions: &[At<Question>]) -> Vec<Question> {
    let mut all: Vec<Question> = questions.iter().map(|at| at.value).collect();
    all.sort_unstable();
    all
}

fn read_tools(
    field: &Field<'_>,
    draft: &mut UpstreamDraft,
    (names, groups): (Names, &Groups),
    file: Option<definitions::File<'_, '_>>,
    tools: &mut Tools,
    faults: &mut Faults,
) {
    let name = draft.name.value.clone();
    let Some(fields) = field.table(format!("`[upstreams.{name}.tools]`"), faults) else { return };
    let entries = fields.entries();
    if entries.len() > TOOLS_MAX {
        let message = format!("`{name}` has {} tools; at most {TOOLS_MAX} are allowed", entries.len());
        faults.error(Code::Count, &fields.span, message, "tools begin here");
        return;
    }
    draft.tools = entries.iter().map(|(tool, field)| At { value: (*tool).to_owned(), span: field.key.clone() }).collect();
    // Without a tool there is nothing to define.
    let definitions = file.filter(|_| !entries.is_empty()).and_then(|file| definitions::read(&name, &file, faults));
    let around = Around::of(draft, names, groups, definitions.as_ref());
    for (tool, field) in &entries {
        match tool::read(tool, field, &around, faults) {
            Some(read) => tools.known.push(read),
            None => tools.refused.extend(tool::shown_name(tool, field, &around)),
        }
    }
}

/// Warns of what in the definitions speaks to the model.
pub(super) fn remark(tools: &[ToolDraft], faults: &mut Faults) {
    let origin = |tool: &ToolDraft| tool.kind.proxied().map(|proxied| proxied.upstream.clone());
    let named = |tool: &ToolDraft| tool.kind.proxied().map_or_else(|| tool.name.value.clone(), |proxied| proxied.tool.clone());
    let mut origins: HashMap<String, Vec<Option<String>>> = HashMap::new();
    for tool in tools.iter().filter(|tool| is_distinct(&named(tool))) {
        origins.entry(named(tool).to_lowercase()).or_default().push(origin(tool));
    }
    for tool in tools {
        let Some(definition) = tool.kind.proxied().and_then(|proxied| proxied.definition.as_ref()) else { continue };
        let own = origin(tool);
        let is_other = |word: &str| origins.get(word).is_some_and(|origins| origins.iter().any(|origin| *origin != own));
        let own_name = named(tool).to_lowercase();
        let remarks = screen(definition.value(), &is_other, &|word| word != own_name && origins.contains_key(word));
        if remarks.is_empty() {
            continue;
        }
        let found: Vec<String> =
            remarks.iter().take(REMARKS_MAX).map(|remark| format!("{} at {}", remark.what, remark.place)).collect();
        let more = remarks.len().saturating_sub(REMARKS_MAX);
        let more = if more == 0 { String::new() } else { format!("; {more} more") };
        let message = format!("the definition of `{}` speaks to the model: {}{more}", tool.name.value, found.join("; "));
        faults.push(
            told(Code::PoisonedDefinition, &tool.name.span, message)
                .help("read the definition as the model does; remove the tool, or allow this with a reason in `[lints]`"),
        );
    }
}

/// Remarks about one definition that are told; the first ones show what it is.
const REMARKS_MAX: usize = 4;

fn told(code: Code, span: &Span, message: String) -> Diagnostic {
    let message = match message.char_indices().nth(MESSAGE_CHARS_MAX) {
        Some((at, _)) => format!("{}…", message.get(..at).unwrap_or_default()),
        None => message,
    };
    Diagnostic::new(code, span, message, "this tool")
}

/// Characters of a message: one that nobody reads to its end says nothing.
const MESSAGE_CHARS_MAX: usize = 600;

/// A table whose keys are told apart by one of several words.
fn one_key<'t>(fields: &mut Fields<'t>, keys: [&'static str; 2]) -> Option<(&'static str, Field<'t>)> {
    let [first, second] = keys.map(|key| fields.take(key).map(|field| (key, field)));
    match (first, second) {
        (Some(one), None) | (None, Some(one)) => Some(one),
        (Some(_), Some(_)) | (None, None) => None,
    }
}
