//! `resources`, `prompts`, `completions` and `subscriptions`: what else of an upstream clients may have. Each is an entry of the table of tools: it has a name for grants and leases,
//! rules, labels and limits like any tool, and what clients are told of it stands in the manifest alone, not in what the server says.

use super::{Around, tool};
use crate::code::Code;
use crate::definitions::{Definition, is_template, schema};
use crate::diagnostic::{Faults, Span};
use crate::fields::{At, Field, Fields, refuse_twice};
use crate::ir::{ArgRule, Offer};
use crate::limits::{COMPLETED_MAX, DESCRIPTION_MAX, LISTED_MAX, LISTED_TEXT_MAX, TITLE_MAX};
use crate::manifest::rules::Rule;
use crate::manifest::tools::{self, KindDraft, ToolDraft, Tools};
use crate::name;
use crate::text::quote;
use serde_json::{Map, Value, json};

/// The one argument of a resource.
const URI: &str = "uri";

/// What is particular to one entry.
struct Offered {
    what: Offer,
    /// What the upstream is asked for: a URI, the beginning of one, or the name of a prompt.
    asked: String,
    schema: Value,
    /// The rule for the argument that follows from it.
    rule: Option<(&'static str, Rule)>,
}

/// Reads all entries of `key`, a table of this upstream; they are added to the tools. How many there were.
pub(super) fn read(what: Offer, field: &Field<'_>, around: &Around<'_>, tools: &mut Tools, faults: &mut Faults) -> usize {
    let key = word(what);
    let Some(fields) = field.table(format!("`[upstreams.{}.{key}]`", around.name), faults) else { return 0 };
    let entries = fields.entries();
    if entries.len() > LISTED_MAX {
        let message = format!("`{}` has {} {key}; at most {LISTED_MAX} are allowed", around.name, entries.len());
        faults.error(Code::Count, &fields.span, message, "they begin here");
        return 0;
    }
    for (own, field) in &entries {
        match entry(what, own, field, &tools.known, around, faults) {
            Some(read) => tools.known.push(read),
            None => tools.refused.extend(tool::shown_name(own, field, around)),
        }
    }
    entries.len()
}

/// The key of the table of such entries.
const fn word(what: Offer) -> &'static str {
    match what {
        Offer::Tool => "tools",
        Offer::Resource => "resources",
        Offer::Prompt => "prompts",
        Offer::Completion => "completions",
        Offer::Subscription => "subscriptions",
    }
}

fn entry(
    what: Offer,
    own: &str,
    field: &Field<'_>,
    tools: &[ToolDraft],
    around: &Around<'_>,
    faults: &mut Faults,
) -> Option<ToolDraft> {
    let place = format!("`[upstreams.{}.{}.{}]`", around.name, word(what), quote(own).trim_matches('`'));
    let mut fields = field.table(place, faults)?;
    let name = tool::listed_as(own, field, &mut fields, around, faults);
    let title = fields.take("title").and_then(|field| field.prose(TITLE_MAX, false, faults)).map(|at| at.value);
    let description = fields.take("description").and_then(|field| field.prose(DESCRIPTION_MAX, true, faults)).map(|at| at.value);
    let offered = match what {
        Offer::Tool | Offer::Resource => resource(&mut fields, faults),
        Offer::Prompt => Some(prompt(own, &mut fields, faults)),
        Offer::Completion => completion(&mut fields, tools, around, faults),
        Offer::Subscription => subscription(&mut fields, tools, around, faults),
    };
    let results = tool::results(&mut fields, around, faults);
    // What was refused has a placeholder, so that the rest is still read.
    let refused = name.is_none() || offered.is_none();
    let offered = offered.unwrap_or_else(|| resource_of(String::new(), &field.key));
    let definition = definition(own, title, description, &offered.schema);
    let arguments = definition.as_ref().map(|definition| schema::arguments(definition.value())).unwrap_or_default();
    let proxied = results.of(around, offered.what, offered.asked, definition, arguments, offered.rule);
    let name = name.unwrap_or_else(|| At { value: own.to_owned(), span: field.key.clone() });
    let draft = tools::rest_of(name, fields, KindDraft::Upstream(Box::new(proxied)), around.groups, faults);
    draft.filter(|_| !refused)
}

/// What clients are told, in the form of a tool's definition; nothing where a text of it is refused, of which was told.
fn definition(own: &str, title: Option<String>, description: Option<String>, schema: &Value) -> Option<Definition> {
    let mut members = Map::from_iter([("name".to_owned(), json!(own))]);
    members.extend(title.map(|title| ("title".to_owned(), json!(title))));
    members.extend(description.map(|description| ("description".to_owned(), json!(description))));
    members.insert("inputSchema".to_owned(), schema.clone());
    Definition::of(&Value::Object(members).to_string()).ok()
}

/// An object of strings.
fn strings(required: &[String], optional: &[String]) -> Value {
    let properties: Map<String, Value> =
        required.iter().chain(optional).map(|name| (name.clone(), json!({"type": "string"}))).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn resource(fields: &mut Fields<'_>, faults: &mut Faults) -> Option<Offered> {
    let uri = fields.need(URI, "uri = \"file:///srv/work/*\"", faults)?.checked(Code::BadResource, uri, faults)?;
    Some(resource_of(uri.value, &uri.span))
}

/// The resources of this URI, or of those that begin so.
fn resource_of(uri: String, span: &Span) -> Offered {
    let (name, value) = match uri.strip_suffix('*') {
        Some(start) => ("prefix", ArgRule::Prefix(start.to_owned())),
        None => ("one_of", ArgRule::OneOf(vec![uri.clone()])),
    };
    let items = if name == "one_of" { vec![span.clone()] } else { Vec::new() };
    let rule = Rule { name, key: span.clone(), span: span.clone(), value, items, used: None };
    Offered { what: Offer::Resource, asked: uri, schema: strings(&[URI.to_owned()], &[]), rule: Some((URI, rule)) }
}

fn prompt(own: &str, fields: &mut Fields<'_>, faults: &mut Faults) -> Offered {
    let mut names = |key: &'static str| {
        let list = fields.take(key).and_then(|field| field.list(0, LISTED_MAX, faults)).unwrap_or_default();
        list.iter().filter_map(|entry| entry.checked(Code::BadName, name::input, faults)).collect::<Vec<At<String>>>()
    };
    let (required, optional) = (names("required"), names("optional"));
    let all: Vec<At<String>> =
        required.iter().chain(&optional).map(|at| At { value: at.value.clone(), span: at.span.clone() }).collect();
    refuse_twice(&all, String::clone, faults);
    let values = |list: Vec<At<String>>| list.into_iter().map(|at| at.value).collect::<Vec<_>>();
    let schema = strings(&values(required), &values(optional));
    Offered { what: Offer::Prompt, asked: own.to_owned(), schema, rule: None }
}

/// What may be put into arguments of a prompt that stands before it. Its arguments are those of the question: which one, what of it is there, and
/// what the others are.
fn completion(fields: &mut Fields<'_>, tools: &[ToolDraft], around: &Around<'_>, faults: &mut Faults) -> Option<Offered> {
    let of = fields.need("of", "of = \"summary\"", faults);
    let list = fields.need("arguments", "arguments = [\"topic\"]", faults).and_then(|field| field.list(1, LISTED_MAX, faults));
    let of = of?.string(faults)?;
    let what = if is_template(of.value) { "template" } else { "prompt" };
    let arguments = completed(&of, tools, around, faults)?;
    let known = |name: &str| match arguments.iter().any(|argument| argument == name) {
        true => Ok(()),
        false => Err(format!("the {what} {} has no argument {}", quote(of.value), quote(name))),
    };
    let names: Vec<At<String>> = list?.iter().filter_map(|entry| entry.checked(Code::BadCompletion, known, faults)).collect();
    refuse_twice(&names, String::clone, faults);
    let names: Vec<String> = names.into_iter().map(|at| at.value).collect();
    let schema = json!({
        "type": "object",
        "properties": {
            "argument": {"type": "string", "enum": names},
            "value": {"type": "string", "maxLength": COMPLETED_MAX},
            "context": {"type": "object", "additionalProperties": {"type": "string", "maxLength": COMPLETED_MAX}, "maxProperties": LISTED_MAX},
        },
        "required": ["argument", "value"],
        "additionalProperties": false,
    });
    Some(Offered { what: Offer::Completion, asked: of.value.to_owned(), schema, rule: None })
}

/// The arguments of what is completed: of a prompt that stands before it, or of a template whose URIs all are resources that do.
fn completed(of: &At<&str>, tools: &[ToolDraft], around: &Around<'_>, faults: &mut Faults) -> Option<Vec<String>> {
    let mut listed = tools.iter().filter_map(|tool| tool.kind.proxied()).filter(|proxied| proxied.upstream == around.name);
    if !is_template(of.value) {
        let prompt = listed.find(|proxied| proxied.what == Offer::Prompt && proxied.tool == of.value);
        if prompt.is_none() {
            let message = format!("`{}` has no prompt {}", around.name, quote(of.value));
            faults.error(Code::BadCompletion, &of.span, message, "not listed under `prompts`");
        }
        return Some(prompt?.arguments.iter().map(|argument| argument.name.clone()).collect());
    }
    let start = of.value.split('{').next().unwrap_or_default();
    let covers = |proxied: &super::ProxiedDraft| {
        let begins = proxied.tool.strip_suffix('*').is_some_and(|listed| start.starts_with(listed));
        proxied.what == Offer::Resource && begins
    };
    if !listed.any(covers) {
        let message = format!("`{}` has no resources that begin like {}", around.name, quote(of.value));
        faults.error(Code::BadCompletion, &of.span, message, "not listed under `resources`");
        return None;
    }
    let variables = variables(of.value);
    if variables.is_none() {
        let message = format!("{} is no template: a variable is `{{name}}` or `{{+name}}`", quote(of.value));
        faults.error(Code::BadCompletion, &of.span, message, "not accepted");
    }
    variables
}

/// The variables of a template of URIs (RFC 6570, those of one name); nothing where it is none.
fn variables(template: &str) -> Option<Vec<String>> {
    let is_plain = template.len() <= LISTED_TEXT_MAX && template.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    let mut parts = template.split('{');
    let first = parts.next()?;
    let mut names = Vec::new();
    for part in parts {
        let (name, rest) = part.split_once('}')?;
        let name = name.strip_prefix('+').unwrap_or(name);
        name::input(name).ok().filter(|()| !rest.contains('}') && !names.iter().any(|other| other == name))?;
        names.push(name.to_owned());
    }
    (is_plain && !first.contains('}') && !names.is_empty()).then_some(names)
}

/// Changes of resources that stand before it, by their own name in the manifest.
fn subscription(fields: &mut Fields<'_>, tools: &[ToolDraft], around: &Around<'_>, faults: &mut Faults) -> Option<Offered> {
    let of = fields.need("of", "of = \"sources\"", faults)?.string(faults)?;
    let named = |proxied: &&super::ProxiedDraft| {
        let own = proxied.definition.as_ref().map(Definition::name);
        proxied.what == Offer::Resource && proxied.upstream == around.name && own == Some(of.value)
    };
    let Some(resource) = tools.iter().filter_map(|tool| tool.kind.proxied()).find(named) else {
        let message = format!("`{}` has no resource {}", around.name, quote(of.value));
        faults.error(Code::BadCompletion, &of.span, message, "not listed under `resources`");
        return None;
    };
    Some(Offered { what: Offer::Subscription, ..resource_of(resource.tool.clone(), &of.span) })
}

/// An exact URI, or a prefix that ends in `*` behind a character that separates parts.
fn uri(text: &str) -> Result<(), String> {
    let is_plain = text.len() <= LISTED_TEXT_MAX && text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'\\' | b'%'));
    let uri = text.strip_suffix('*').unwrap_or(text);
    let scheme = uri.split_once(':').is_some_and(|(scheme, rest)| {
        let letters = scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && letters && !rest.is_empty()
    });
    if !is_plain || !scheme || uri.contains('*') {
        return Err("a resource is a URI with its scheme, without `%`, or the beginning of one and `*`, as in \
                    \"file:///srv/work/*\""
            .to_owned());
    }
    if uri.len() < text.len() && !uri.ends_with(['/', ':', '?', '#', '=', '&']) {
        return Err(
            "the beginning of a URI ends with `/`, or where else a part of it ends: `…/work*` is also `…/work-secret`".to_owned()
        );
    }
    match uri.split(['/', '?', '#']).any(|part| matches!(part, "." | "..")) {
        true => Err("a resource has no `.` or `..` in its path".to_owned()),
        false => Ok(()),
    }
}
