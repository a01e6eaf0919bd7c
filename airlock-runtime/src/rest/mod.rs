//! Declarative REST tools: from a call's arguments to the one request that the manifest describes.
//!
//! Planning is pure. What the caller chooses is encoded where it stands, so that no value can leave its place: a path segment stays one
//! segment, a parameter one parameter, a header one header, a member one member. Credentials are no part of a plan: they are added when
//! the request is sent.

mod encode;
mod value;

pub(crate) use encode::decoded;

use crate::builtin::{Definition, schema};
use crate::call::{ArgFault, Args};
use crate::json::json;
use crate::policy::{EffectClass, Method, Pair, Piece, Rest, Slot};
use crate::wire::Annotations;
use encode::percent;
use serde_json::Value;
use std::fmt::Write as _;

/// A planned request without its credential.
#[derive(Debug, Clone)]
pub struct Plan {
    rest: &'static Rest,
    /// Path, and `?` with the query where there is one.
    path_and_query: String,
    headers: Vec<(&'static str, String)>,
    body: Option<String>,
}

impl Plan {
    /// The tool that it is of.
    #[must_use]
    pub const fn rest(&self) -> &'static Rest {
        self.rest
    }

    /// What is asked for at the host.
    #[must_use]
    pub fn path_and_query(&self) -> &str {
        &self.path_and_query
    }

    /// The URL to be admitted before the decision.
    #[must_use]
    pub fn url(&self) -> String {
        let Rest { host, port, .. } = self.rest;
        let port = if *port == 443 { String::new() } else { format!(":{port}") };
        format!("https://{host}{port}{}", self.path_and_query)
    }

    /// Headers of the manifest with their values; lower-case names.
    #[must_use]
    pub fn headers(&self) -> &[(&'static str, String)] {
        &self.headers
    }

    /// The body, a JSON object.
    #[must_use]
    pub fn body(&self) -> Option<&str> {
        self.body.as_deref()
    }
}

/// Checks the arguments against the inputs of the tool and builds the request. With `strict` an argument that is no input is refused;
/// without it, it is ignored and never sent.
///
/// # Errors
/// The first argument that is missing, unknown, of the wrong type, or that cannot stand where it would be sent.
pub fn plan(rest: &'static Rest, strict: bool, args: &Args) -> Result<Plan, ArgFault> {
    if strict {
        let names: Vec<&str> = rest.input.iter().map(|input| input.name).collect();
        schema::only(args, &names)?;
    }
    for input in rest.input {
        value::check(input, args)?;
    }
    let query = query(rest, args)?;
    let mut path_and_query = path(rest, args)?;
    if !query.is_empty() {
        let _ = write!(path_and_query, "?{query}");
    }
    Ok(Plan { rest, path_and_query, headers: headers(rest, args)?, body: body(rest, args)? })
}

/// A segment of a path while it is put together.
#[derive(Default)]
struct Segment {
    /// As it is sent.
    sent: String,
    /// As a server has it after decoding once.
    raw: String,
    /// The last input that is a part of it.
    input: Option<&'static str>,
}

/// The path. A literal is encoded already; the value of an input becomes a part of one segment.
fn path(rest: &'static Rest, args: &Args) -> Result<String, ArgFault> {
    let mut segments = vec![Segment::default()];
    for piece in rest.path {
        match piece {
            Piece::Literal(text) => {
                for (at, part) in text.split('/').enumerate() {
                    if at > 0 {
                        segments.push(Segment::default());
                    }
                    if let Some(Segment { sent, raw, .. }) = segments.last_mut() {
                        sent.push_str(part);
                        raw.push_str(&decoded(part));
                    }
                }
            }
            Piece::Input(name) => {
                let text = value::one(args, name)?.unwrap_or_default();
                if let Some(Segment { sent, raw, input }) = segments.last_mut() {
                    sent.push_str(&percent(&text));
                    raw.push_str(&text);
                    *input = Some(name);
                }
            }
        }
    }
    for Segment { raw, input, .. } in &segments {
        let Some(arg) = *input else { continue };
        encode::fits_segment(raw).map_err(|problem| ArgFault { arg, problem: problem.to_owned() })?;
    }
    let segments: Vec<String> = segments.into_iter().map(|segment| segment.sent).collect();
    Ok(segments.join("/"))
}

/// The query: a list repeats its parameter, what is not given is left out.
fn query(rest: &'static Rest, args: &Args) -> Result<String, ArgFault> {
    let mut parts = Vec::new();
    for Pair { name, value } in rest.query {
        for text in value::texts(args, value)? {
            parts.push(format!("{}={}", percent(name), percent(&text)));
        }
    }
    Ok(parts.join("&"))
}

fn headers(rest: &'static Rest, args: &Args) -> Result<Vec<(&'static str, String)>, ArgFault> {
    let mut headers = Vec::new();
    for Pair { name, value } in rest.headers {
        for text in value::texts(args, value)? {
            if let Slot::Input(arg) = *value {
                encode::fits_header(&text).map_err(|problem| ArgFault { arg, problem: problem.to_owned() })?;
            }
            headers.push((*name, text));
        }
    }
    Ok(headers)
}

/// The body: types are kept, and a number is written as canonical JSON writes it, so that calls of one digest make one request.
fn body(rest: &'static Rest, args: &Args) -> Result<Option<String>, ArgFault> {
    if rest.body.is_empty() {
        return Ok(None);
    }
    let mut members = Vec::new();
    for Pair { name, value } in rest.body {
        if let Some(json) = value::json(args, value)? {
            members.push(format!("{}:{json}", Value::from(*name)));
        }
    }
    Ok(Some(format!("{{{}}}", members.join(","))))
}

/// Title, description, input schema and annotations as in `tools/list`.
#[must_use]
pub fn definition(rest: &'static Rest, effect: EffectClass) -> Definition {
    let read_only = match effect {
        EffectClass::Read => true,
        EffectClass::Write | EffectClass::Send => false,
    };
    let Rest { title, description, schema, method, .. } = rest;
    let idempotent = read_only || Method::is_idempotent(*method);
    Definition {
        title,
        description,
        // The generator wrote it, and its test reads it; a text that is none would list a tool that takes nothing.
        input_schema: serde_json::from_str(schema).unwrap_or_else(|_| json!({"type": "object", "additionalProperties": false})),
        annotations: Annotations { read_only, destructive: !read_only, idempotent, open_world: true },
    }
}

#[cfg(test)]
mod tests;
