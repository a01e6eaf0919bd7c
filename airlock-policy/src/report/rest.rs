//! The request of a REST tool: what is sent where, and what becomes of the answer.

use super::words::row;
use crate::ir::{Auth, AuthScheme, Input, InputKind, Method, Pair, Piece, Response, Rest, Select, Slot};

/// Rows for a request.
pub(super) fn rows(rest: &Rest) -> Vec<String> {
    let Rest { title, description, input, method, host, port, path, query, headers, body, auth, response } = rest;
    let path: String = path.iter().map(piece).collect();
    let mut rows = vec![row("request", format_args!("{} https://{host}:{port}{path}", word(*method)))];
    rows.extend(query.iter().map(|pair| row("query", self::pair(pair))));
    rows.extend(headers.iter().map(|pair| row("header", self::pair(pair))));
    rows.extend(body.iter().map(|pair| row("body", self::pair(pair))));
    rows.push(row("credential", auth.as_ref().map_or("none".to_owned(), credential)));
    rows.extend(answer(response));
    if !title.is_empty() {
        rows.push(row("title", format_args!("{title:?}")));
    }
    rows.push(row("description", format_args!("{description:?}")));
    rows.extend(input.iter().map(self::input));
    rows
}

const fn word(method: Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Patch => "PATCH",
        Method::Delete => "DELETE",
    }
}

fn piece(piece: &Piece) -> String {
    match piece {
        Piece::Literal(text) => text.clone(),
        Piece::Input(name) => format!("{{{name}}}"),
    }
}

fn pair(pair: &Pair) -> String {
    let Pair { name, value } = pair;
    match value {
        Slot::Input(input) => format!("{name} = argument {input}"),
        Slot::Text(text) => format!("{name} = {text:?}"),
        Slot::Integer(number) => format!("{name} = {number}"),
        Slot::Boolean(truth) => format!("{name} = {truth}"),
    }
}

/// How the secret is sent and which variable names it; the secret itself is in no policy.
fn credential(auth: &Auth) -> String {
    let Auth { scheme, env } = auth;
    match scheme {
        AuthScheme::Bearer => format!("${env} as a bearer token"),
        AuthScheme::Basic => format!("${env} as user and password"),
        AuthScheme::Header(name) => format!("${env} in the header {name}"),
    }
}

fn answer(response: &Response) -> Vec<String> {
    let Response { select, max_bytes } = response;
    let mut rows = match select {
        Select::Whole => vec![row("answer", "the whole document")],
        Select::One(pointer) => vec![row("answer", format_args!("the value at {pointer:?}"))],
        Select::Fields(fields) => {
            fields.iter().map(|(name, pointer)| row("answer", format_args!("{name} from {pointer:?}"))).collect()
        }
    };
    rows.push(row("answer size", format_args!("{max_bytes} bytes at most")));
    rows
}

fn input(input: &Input) -> String {
    let Input { name, kind, required, description } = input;
    let kind = match kind {
        InputKind::String => "string",
        InputKind::Integer => "integer",
        InputKind::Number => "number",
        InputKind::Boolean => "boolean",
        InputKind::Array => "list of strings",
    };
    let need = if *required { "required" } else { "optional" };
    let description = if description.is_empty() { String::new() } else { format!(": {description:?}") };
    row("input", format_args!("{name}, {kind}, {need}{description}"))
}
