//! REST tools: `http = { … }` and `input.<name> = { … }`. One request, of which the caller chooses the inputs and nothing else.

mod auth;
mod input;
mod pairs;
mod response;
mod url;

pub(super) use auth::variable as credential;

use super::groups::Groups;
use super::origin::OriginDraft;
use super::rules::Rule;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults, Span};
use crate::fields::{At, Field, Fields, meant_or, words};
use crate::ir::{Input, InputKind, Method, Pair, Piece, Rest, Slot};
use crate::limits::{DESCRIPTION_MAX, TITLE_MAX};
use crate::text::quote;
use std::collections::BTreeSet;

/// A REST tool with the places that later checks speak of.
#[derive(Debug)]
pub(crate) struct RestDraft {
    pub(crate) rest: Rest,
    /// Where the URL stands.
    pub(crate) url: Span,
    /// Where the method stands.
    pub(crate) method: Span,
    /// Where the credential is declared.
    pub(crate) auth: Option<Span>,
    /// Rules of each input; their defaults come later.
    pub(crate) inputs: Vec<InputDraft>,
}

/// An input as it was written.
#[derive(Debug)]
pub(crate) struct InputDraft {
    pub(crate) name: At<String>,
    pub(crate) kind: InputKind,
    pub(crate) required: bool,
    pub(crate) description: String,
    pub(crate) rules: Vec<Rule>,
    pub(crate) origin: Option<OriginDraft>,
}

/// What places of a request are checked against.
struct Inputs<'i> {
    known: &'i [InputDraft],
    /// Some input was refused: a name that is not there may be that one.
    faulty: bool,
    used: BTreeSet<String>,
}

/// Where an input is used, and what fits there.
struct Place {
    /// For messages: `the path`.
    word: &'static str,
    kinds: &'static [InputKind],
    required: bool,
}

impl Inputs<'_> {
    /// Passes a name on if it is that of an input that fits the place.
    fn take(&mut self, name: &str, span: &Span, place: &Place, faults: &mut Faults) -> Option<String> {
        self.used.insert(name.to_owned());
        let Some(input) = self.known.iter().find(|input| input.name.value == name) else {
            if !self.faulty {
                let known: Vec<&str> = self.known.iter().map(|input| input.name.value.as_str()).collect();
                let help = meant_or(name, &known, || format!("its inputs are {}; add `input.{}`", words(&known), plain(name)));
                let message = format!("the tool has no input {}", quote(name));
                faults.push(Diagnostic::new(Code::UnknownInput, span, message, "not declared").help(help));
            }
            return None;
        };
        if !place.kinds.contains(&input.kind) {
            let kinds: Vec<&str> = place.kinds.iter().map(|kind| input::word(*kind)).collect();
            let message = format!("an input of type `{}` cannot stand in {}", input::word(input.kind), place.word);
            let diagnostic =
                Diagnostic::new(Code::InputPlace, span, message, "does not fit").also(&input.name.span, "this input");
            faults.push(diagnostic.help(format!("types that fit are {}", words(&kinds))));
            return None;
        }
        if place.required && !input.required {
            let message = format!("an input in {} must be required: without it there is no request", place.word);
            let diagnostic =
                Diagnostic::new(Code::InputPlace, span, message, "used here").also(&input.name.span, "may be absent");
            faults.push(diagnostic.help("remove `required = false`"));
            return None;
        }
        Some(name.to_owned())
    }
}

/// A name for a help text: shortened where it is no name.
fn plain(name: &str) -> &str {
    match crate::name::input(name) {
        Ok(()) => name,
        Err(_) => "<name>",
    }
}

/// Reads the keys that only REST tools have. `None` when there is no request to speak of.
pub(super) fn read(fields: &mut Fields<'_>, groups: &Groups, faults: &mut Faults) -> Option<RestDraft> {
    let title = fields.take("title").and_then(|field| field.prose(TITLE_MAX, false, faults));
    let description = fields
        .need("description", "description = \"what it does, for the model\"", faults)
        .and_then(|field| field.prose(DESCRIPTION_MAX, true, faults));
    let errors = faults.errors();
    let drafts = fields.take("input").map(|field| input::read(&field, groups, faults)).unwrap_or_default();
    let mut inputs = Inputs { known: &drafts, faulty: faults.errors() > errors, used: BTreeSet::new() };
    let http = fields.need("http", "http = { method = \"POST\", url = \"https://api.example.com/v1/items\" }", faults)?;
    let request = request(&http, &mut inputs, faults)?;
    let used = inputs.used;
    for input in drafts.iter().filter(|input| !used.contains(&input.name.value)) {
        let message = format!("no part of the request uses the input `{}`", input.name.value);
        let diagnostic = Diagnostic::new(Code::UnusedInput, &input.name.span, message, "has no use");
        faults.push(diagnostic.help("name it in the path, `query`, `headers` or `body`, or remove it"));
    }
    let text = |at: Option<At<String>>| at.map(|at| at.value).unwrap_or_default();
    let mut listed: Vec<Input> = drafts.iter().map(InputDraft::compiled).collect();
    listed.sort_by(|a, b| a.name.cmp(&b.name));
    let Request { method, destination, query, headers, body, auth, response } = request;
    let url::Destination { span, host, port, path } = destination;
    let rest = Rest {
        title: text(title),
        description: text(description),
        input: listed,
        method: method.value,
        host,
        port,
        path,
        query,
        headers,
        body,
        auth: auth.as_ref().map(|at| at.value.clone()),
        response,
    };
    Some(RestDraft { rest, url: span, method: method.span, auth: auth.map(|at| at.span), inputs: drafts })
}

impl InputDraft {
    fn compiled(&self) -> Input {
        let Self { name, kind, required, description, rules: _, origin: _ } = self;
        Input { name: name.value.clone(), kind: *kind, required: *required, description: description.clone() }
    }
}

/// The parts of `http`.
struct Request {
    method: At<Method>,
    destination: url::Destination,
    query: Vec<Pair>,
    headers: Vec<Pair>,
    body: Vec<Pair>,
    auth: Option<At<crate::ir::Auth>>,
    response: crate::ir::Response,
}

fn request(field: &Field<'_>, inputs: &mut Inputs<'_>, faults: &mut Faults) -> Option<Request> {
    let mut fields = field.table("`http`", faults)?;
    let methods = [
        ("GET", Method::Get),
        ("POST", Method::Post),
        ("PUT", Method::Put),
        ("PATCH", Method::Patch),
        ("DELETE", Method::Delete),
    ];
    let method = fields.need("method", "method = \"POST\"", faults).and_then(|field| field.word(&methods, &[], faults));
    let destination = fields.need("url", "url = \"https://api.example.com/v1/items\"", faults);
    let destination = destination.and_then(|field| url::read(&field, inputs, faults));
    let query = fields.take("query").map(|field| pairs::query(&field, inputs, faults)).unwrap_or_default();
    let headers = fields.take("headers").map(|field| pairs::headers(&field, inputs, faults)).unwrap_or_default();
    let body_field = fields.take("body");
    let body = body_field.as_ref().map(|field| pairs::body(field, inputs, faults)).unwrap_or_default();
    if let (Some(method), Some(body)) = (&method, &body_field)
        && method.value == Method::Get
    {
        let diagnostic = Diagnostic::new(Code::NeedlessBody, &body.key, "a GET request has no body", "would not be sent");
        faults.push(diagnostic.also(&method.span, "the method").help("use `query`, or another method"));
    }
    let auth = fields.take("auth").and_then(|field| auth::read(&field, &headers, faults));
    let response = response::read(fields.take("response"), faults);
    fields.finish(&["timeout", "retry", "tls"], faults);
    // Without these there is nothing to say about the tool; what was wrong with them has been said. The names that their places
    // would have used are no fault of the inputs.
    match (method, destination) {
        (Some(method), Some(destination)) => Some(Request { method, destination, query, headers, body, auth, response }),
        (Some(_) | None, Some(_) | None) => None,
    }
}

/// The value of an input as a slot.
fn slot(name: Option<String>) -> Option<Slot> {
    name.map(Slot::Input)
}

/// A piece of a path from an input.
fn piece(name: Option<String>) -> Option<Piece> {
    name.map(Piece::Input)
}
