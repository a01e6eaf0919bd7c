//! `[upstreams.<name>.tools.<tool>]`: one tool of an upstream, its pin, and everything that any tool can have.

use super::{Around, Names};
use crate::code::Code;
use crate::definitions::Definition;
use crate::definitions::schema;
use crate::diagnostic::{Diagnostic, Faults};
use crate::fields::{At, Field, Fields};
use crate::ir::{Argument, ArgumentKind, Offer, OnRisk};
use crate::limits::{RESULT_DEFAULT, RESULT_MIN};
use crate::manifest::rules::{Kind, Rule};
use crate::manifest::tools::{self, KindDraft, ToolDraft};
use crate::name;
use crate::text::quote;

/// A tool of an upstream, or a resource or prompt of one, with the places that later checks speak of.
#[derive(Debug)]
pub(crate) struct ProxiedDraft {
    /// Name of the upstream.
    pub(crate) upstream: String,
    /// What it is.
    pub(crate) what: Offer,
    /// Name of the tool or prompt there; of a resource its URI, or the beginning of it and `*`.
    pub(crate) tool: String,
    /// What was reviewed; nothing where it is missing, which was told.
    pub(crate) definition: Option<Definition>,
    /// Its arguments, by the definition.
    pub(crate) arguments: Vec<Argument>,
    /// The rule that a resource has for its argument.
    pub(crate) rule: Option<(&'static str, Rule)>,
    pub(crate) max_result: u64,
    pub(crate) on_risk: OnRisk,
    pub(crate) result_threshold: Option<At<u16>>,
    /// Whether the upstream is given a secret.
    pub(crate) secrets: bool,
}

/// What the manifest says of results.
pub(super) struct Results {
    max: u64,
    on_risk: OnRisk,
    threshold: Option<At<u16>>,
}

/// Reads what becomes of results.
pub(super) fn results(fields: &mut Fields<'_>, around: &Around<'_>, faults: &mut Faults) -> Results {
    let most = fields.take("max_result").and_then(|field| field.size(RESULT_MIN, around.max_message, faults));
    let words = [("deny", OnRisk::Deny), ("mark", OnRisk::Mark), ("strip", OnRisk::Strip)];
    let on_risk = fields.take("on_risk").and_then(|field| field.word(&words, &[], faults)).map_or(OnRisk::Deny, |at| at.value);
    let threshold = fields.take("result_threshold").and_then(|field| field.risk(faults));
    Results { max: most.map_or(RESULT_DEFAULT.min(around.max_message), |at| at.value), on_risk, threshold }
}

impl Results {
    /// The draft of what has these results.
    pub(super) fn of(
        self,
        around: &Around<'_>,
        what: Offer,
        tool: String,
        definition: Option<Definition>,
        arguments: Vec<Argument>,
        rule: Option<(&'static str, Rule)>,
    ) -> ProxiedDraft {
        ProxiedDraft {
            upstream: around.name.to_owned(),
            what,
            tool,
            definition,
            arguments,
            rule,
            max_result: self.max,
            on_risk: self.on_risk,
            result_threshold: self.threshold,
            secrets: around.secrets,
        }
    }
}

impl From<ArgumentKind> for Kind {
    fn from(kind: ArgumentKind) -> Self {
        match kind {
            ArgumentKind::Text => Self::Text,
            ArgumentKind::Integer(least, most) => Self::Integer(least, most),
            ArgumentKind::Number => Self::Number,
            ArgumentKind::Boolean => Self::Boolean,
            ArgumentKind::List => Self::List,
            ArgumentKind::Other => Self::Object,
        }
    }
}

/// Reads one tool; nothing when it has no name that clients could call it by.
pub(super) fn read(tool: &str, field: &Field<'_>, around: &Around<'_>, faults: &mut Faults) -> Option<ToolDraft> {
    let place = format!("`[upstreams.{}.tools.{}]`", around.name, quote(tool).trim_matches('`'));
    let mut fields = field.table(place, faults)?;
    let name = listed_as(tool, field, &mut fields, around, faults);
    let pin = pin(tool, &mut fields, field, around, faults);
    let definition =
        around.definitions.and_then(|definitions| definition(tool, definitions.get(tool), pin.as_ref(), field, around, faults));
    let results = results(&mut fields, around, faults);
    let arguments = definition.as_ref().map(|definition| schema::arguments(definition.value())).unwrap_or_default();
    let proxied = results.of(around, Offer::Tool, tool.to_owned(), definition, arguments, None);
    // A name that was refused has a placeholder, so that the rest is still read.
    let refused = name.is_none();
    let name = name.unwrap_or_else(|| At { value: tool.to_owned(), span: field.key.clone() });
    let draft = tools::rest_of(name, fields, KindDraft::Upstream(Box::new(proxied)), around.groups, faults);
    draft.filter(|_| !refused)
}

/// The name that clients see.
pub(super) fn listed_as(
    tool: &str,
    field: &Field<'_>,
    fields: &mut Fields<'_>,
    around: &Around<'_>,
    faults: &mut Faults,
) -> Option<At<String>> {
    if let Some(given) = fields.take("as") {
        let name = given.checked(Code::BadToolName, name::tool, faults)?;
        return reserved(name, faults);
    }
    let name = match around.names {
        Names::Prefixed => format!("{}.{tool}", around.name),
        Names::Bare => tool.to_owned(),
    };
    if let Err(problem) = name::tool(&name) {
        let message = format!("clients cannot call {}: {problem}", quote(&name));
        let diagnostic = Diagnostic::new(Code::BadToolName, &field.key, message, "not accepted");
        faults.push(diagnostic.help("give it another name with `as = \"…\"`"));
        return None;
    }
    reserved(At { value: name, span: field.key.clone() }, faults)
}

fn reserved(name: At<String>, faults: &mut Faults) -> Option<At<String>> {
    if !name.value.to_ascii_lowercase().starts_with("airlock") && crate::builtin::find(&name.value).is_none() {
        return Some(name);
    }
    let message = format!("the name `{}` would pass for a tool of the gateway itself", name.value);
    let diagnostic = Diagnostic::new(Code::BadToolName, &name.span, message, "reserved");
    faults.push(diagnostic.help("give it another name with `as = \"…\"`"));
    None
}

/// The name under which grants may speak of a tool that was refused; they are not to blame.
pub(super) fn shown_name(tool: &str, field: &Field<'_>, around: &Around<'_>) -> Vec<String> {
    let given = field.value.as_table().and_then(|table| table.get("as")).and_then(|value| value.get_ref().as_str());
    let own = [tool.to_owned(), format!("{}.{tool}", around.name)];
    given.map(str::to_owned).into_iter().chain(own).collect()
}

/// `pin = "sha256:…"`, whatever it is the digest of.
fn pin(tool: &str, fields: &mut Fields<'_>, field: &Field<'_>, around: &Around<'_>, faults: &mut Faults) -> Option<At<String>> {
    let Some(given) = fields.take("pin") else {
        let message = format!("{} of `{}` has no `pin`: nothing says which definition was reviewed", quote(tool), around.name);
        let diagnostic = Diagnostic::new(Code::MissingPin, &field.key, message, "not pinned");
        faults.push(diagnostic.help("run `airlock pin`: it asks the server, shows the definition and writes the pin"));
        return None;
    };
    given.checked(Code::BadPin, name::pin, faults)
}

/// The definition that the pin is the digest of.
fn definition(
    tool: &str,
    found: Option<&Definition>,
    pin: Option<&At<String>>,
    field: &Field<'_>,
    around: &Around<'_>,
    faults: &mut Faults,
) -> Option<Definition> {
    let (path, help) = (around.path, "run `airlock pin`: it shows what differs and writes both");
    let Some(definition) = found else {
        let message = format!("`{path}` does not define {}", quote(tool));
        faults.push(Diagnostic::new(Code::MissingDefinition, &field.key, message, "not defined").help(help));
        return None;
    };
    if let Some(pin) = pin.filter(|pin| pin.value != definition.pin()) {
        let message =
            format!("the pin of {} is not that of its definition in `{path}`, which is `{}`", quote(tool), definition.pin());
        faults.push(Diagnostic::new(Code::PinMismatch, &pin.span, message, "of another definition").help(help));
    }
    for fault in schema::faults(definition.value()) {
        let diagnostic = Diagnostic::new(Code::BadSchema, &field.key, format!("{}: {fault}", quote(tool)), "cannot be checked");
        faults.push(
            diagnostic.help("a gateway checks every argument by the reviewed schema; leave the tool out, or mend the server"),
        );
    }
    let taken = schema::arguments(definition.value()).into_iter().find(|argument| CARRIERS.contains(&argument.name.as_str()));
    if let Some(argument) = taken {
        let message = format!("{} has the argument `{}`, in which calls carry their lease", quote(tool), argument.name);
        let diagnostic = Diagnostic::new(Code::BadSchema, &field.key, message, "would never arrive");
        faults.push(diagnostic.help("the gateway takes it out of every call; leave the tool out"));
    }
    Some(definition.clone())
}

/// Arguments that belong to the gateway.
const CARRIERS: [&str; 2] = ["_capability", "_context"];
