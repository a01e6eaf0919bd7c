//! What a call of a tool looks like, whether the runtime implements it or the manifest describes it.

use super::case::Request;
use super::foreign;
use crate::builtin::{self, ArgKind, Network};
use crate::ir::{
    ArgRule, Argument, ArgumentKind, Auth, AuthScheme, Builtin, Input, InputKind, Method, Pair, Piece, Policy, Proxied, Rest,
    Select, Slot, Tool, ToolKind,
};
use crate::limits::ARGUMENTS_MAX;

/// Longest URL that the gateway reads, and longest string input, in bytes or characters.
pub(super) const TEXT_MAX: usize = 8192;
/// Most items of a list when no rule says less.
pub(super) const ITEMS_MAX: u64 = 64;

/// An argument that rules can speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field<'p> {
    pub(super) name: &'p str,
    pub(super) kind: Kind,
    pub(super) required: bool,
}

/// Type of an argument with what the tool itself demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text(Own),
    Integer(i64, i64),
    Number,
    Truth,
    List(Own),
}

/// What a tool itself demands of a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Own {
    pub(super) least: usize,
    pub(super) most: usize,
    /// Most of them in a list.
    pub(super) items: u64,
    pub(super) alphabet: Alphabet,
    pub(super) path: InPath,
}

/// What a string is for the path of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InPath {
    /// Nothing.
    No,
    /// A part of a segment.
    Part,
    /// A whole segment.
    Segment,
}

/// Characters of a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// Any.
    Any,
    /// No control characters, and not only white space.
    Line,
    /// Printable ASCII without spaces.
    Graphic,
    /// Printable ASCII; a space only within.
    Header,
}

impl Own {
    pub(super) fn admits(self, text: &str) -> bool {
        let fits = match self.alphabet {
            Alphabet::Any => true,
            Alphabet::Line => !text.trim().is_empty() && !text.chars().any(char::is_control),
            Alphabet::Graphic => text.bytes().all(|byte| byte.is_ascii_graphic()),
            Alphabet::Header => {
                text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') && text.trim_matches(' ') == text
            }
        };
        let placed = match self.path {
            InPath::No => true,
            InPath::Part => fits_path(text),
            InPath::Segment => fits_path(text) && !matches!(text, "." | ".."),
        };
        fits && placed && (self.least..=self.most).contains(&text.chars().count())
    }

    /// Patterns that say the same, but for the length and for ways up that only some servers see.
    pub(super) fn patterns(self) -> impl Iterator<Item = &'static str> {
        let alphabet = match self.alphabet {
            Alphabet::Any => None,
            Alphabet::Line => Some(LINE),
            Alphabet::Graphic => Some("[!-~]*"),
            Alphabet::Header => Some("([!-~]([ -~]*[!-~])?)?"),
        };
        let path = match self.path {
            InPath::No => None,
            InPath::Part => Some(r"[^\x00-\x1f\x7f-\x{9f}]*"),
            InPath::Segment => Some(
                r"([^.\x00-\x1f\x7f-\x{9f}][^\x00-\x1f\x7f-\x{9f}]*|\.[^.\x00-\x1f\x7f-\x{9f}][^\x00-\x1f\x7f-\x{9f}]*|\.\.[^\x00-\x1f\x7f-\x{9f}]+)?",
            ),
        };
        alphabet.into_iter().chain(path)
    }
}

/// No control characters, and not only white space.
const LINE: &str = concat!(
    r"[^\x00-\x1f\x7f-\x{9f}]*",
    r"[^\x00-\x20\x7f-\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]",
    r"[^\x00-\x1f\x7f-\x{9f}]*"
);

/// Whether a value may become a part of a path segment: without control characters, and no way up for a server that decodes twice.
fn fits_path(text: &str) -> bool {
    let decoded = text.to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/").replace("%5c", "/");
    let parts: Vec<&str> = decoded.split(['/', '\\']).collect();
    !text.chars().any(char::is_control) && (parts.len() == 1 || !parts.iter().any(|part| matches!(*part, "." | "..")))
}

/// Where a tool sends requests.
#[derive(Debug, Clone, Copy)]
pub(super) enum Where<'p> {
    Nowhere,
    /// To the host that its `url` names.
    Chosen,
    /// To the standard port of each of these.
    Fixed(&'static [&'static str]),
    One(&'p str, u16),
}

pub(super) fn rest(tool: &Tool) -> Option<&Rest> {
    match &tool.kind {
        ToolKind::Builtin(_) | ToolKind::Upstream(_) => None,
        ToolKind::Rest(rest) => Some(rest),
    }
}

pub(super) fn proxied(tool: &Tool) -> Option<&Proxied> {
    match &tool.kind {
        ToolKind::Builtin(_) | ToolKind::Rest(_) => None,
        ToolKind::Upstream(proxied) => Some(proxied),
    }
}

pub(super) fn network(tool: &Tool) -> Where<'_> {
    if let Some(rest) = rest(tool) {
        return Where::One(&rest.host, rest.port);
    }
    match builtin::find(&tool.name).filter(|_| proxied(tool).is_none()).map(|facts| facts.network) {
        Some(Network::Chosen) => Where::Chosen,
        Some(Network::Fixed(hosts)) => Where::Fixed(hosts),
        Some(Network::None) | None => Where::Nowhere,
    }
}

/// Arguments of a tool, but lists and objects of built-in tools, of which no rule speaks, and values of upstreams that no rule speaks of
/// but to forbid them.
pub(super) fn fields(tool: &Tool) -> Vec<Field<'_>> {
    if let Some(proxied) = proxied(tool) {
        return proxied.arguments.iter().filter_map(foreign_field).collect();
    }
    let Some(rest) = rest(tool) else {
        return builtin_fields(tool);
    };
    fn field<'p>(rest: &Rest, input: &'p Input) -> Field<'p> {
        let Input { name, kind, required, description: _ } = input;
        let own = own(rest, name);
        let kind = match kind {
            InputKind::String => Kind::Text(own),
            InputKind::Integer => Kind::Integer(i64::MIN, i64::MAX),
            InputKind::Number => Kind::Number,
            InputKind::Boolean => Kind::Truth,
            InputKind::Array => Kind::List(own),
        };
        Field { name, kind, required: *required }
    }
    rest.input.iter().map(|input| field(rest, input)).collect()
}

fn foreign_field(argument: &Argument) -> Option<Field<'_>> {
    let Argument { name, kind, required } = argument;
    // An upstream takes texts and lists of any length; the gateway bounds the arguments together.
    let most = usize::try_from(ARGUMENTS_MAX).unwrap_or(usize::MAX);
    let own = Own { least: 0, most, items: ARGUMENTS_MAX, alphabet: Alphabet::Any, path: InPath::No };
    let kind = match kind {
        ArgumentKind::Text => Kind::Text(own),
        ArgumentKind::Integer(least, most) => Kind::Integer(*least, *most),
        ArgumentKind::Number => Kind::Number,
        ArgumentKind::Boolean => Kind::Truth,
        ArgumentKind::List => Kind::List(own),
        ArgumentKind::Other => return None,
    };
    Some(Field { name, kind, required: *required })
}

fn builtin_fields(tool: &Tool) -> Vec<Field<'_>> {
    let Some(facts) = builtin::find(&tool.name) else { return Vec::new() };
    let own = |name: &str| {
        let (most, alphabet) = match name {
            "city" | "state" => (100, Alphabet::Line),
            "session_id" | "subject" => (128, Alphabet::Graphic),
            // `url` and `intent`.
            _ => (TEXT_MAX, Alphabet::Line),
        };
        Own { least: 1, most, items: ITEMS_MAX, alphabet, path: InPath::No }
    };
    let field = |(name, kind): &(&'static str, ArgKind)| {
        let kind = match kind {
            ArgKind::Text | ArgKind::Url => Kind::Text(own(name)),
            ArgKind::Integer(least, most) => Kind::Integer(*least, *most),
            ArgKind::List | ArgKind::Object => return None,
        };
        Some(Field { name, kind, required: facts.required.contains(name) })
    };
    facts.args.iter().filter_map(field).collect()
}

/// What the place of an input in the request demands of its text.
fn own(rest: &Rest, name: &str) -> Own {
    let from = |pair: &Pair| matches!(&pair.value, Slot::Input(input) if input == name);
    let header = rest.headers.iter().any(from);
    let segments = segments(&rest.path);
    let whole = segments.iter().any(|pieces| matches!(&pieces[..], [Part::Input(input)] if *input == name));
    let part = segments.iter().flatten().any(|part| matches!(part, Part::Input(input) if *input == name));
    let path = match (whole, part) {
        (true, _) => InPath::Segment,
        (false, true) => InPath::Part,
        (false, false) => InPath::No,
    };
    let alphabet = if header { Alphabet::Header } else { Alphabet::Any };
    Own { least: usize::from(whole), most: TEXT_MAX, items: ITEMS_MAX, alphabet, path }
}

/// A part of a segment of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part<'p> {
    Literal(&'p str),
    Input(&'p str),
}

/// The segments of a path.
pub(super) fn segments(path: &[Piece]) -> Vec<Vec<Part<'_>>> {
    let mut segments = vec![Vec::new()];
    for piece in path {
        match piece {
            Piece::Input(input) => segments.last_mut().into_iter().for_each(|last| last.push(Part::Input(input))),
            Piece::Literal(text) => {
                for (at, literal) in text.split('/').enumerate() {
                    if at > 0 {
                        segments.push(Vec::new());
                    }
                    if !literal.is_empty() {
                        segments.last_mut().into_iter().for_each(|last| last.push(Part::Literal(literal)));
                    }
                }
            }
        }
    }
    segments
}

fn query_forbidden(tool: &Tool) -> bool {
    super::values::rules(tool, "query").contains(&ArgRule::Forbid)
}

/// Whether arguments without a rule can be of any size: bytes of the largest.
pub(super) fn slack(tool: &Tool) -> u64 {
    /// A query makes a URL of 8 KiB at most, of which each byte stands for three of JSON at most.
    const QUERY_MAX: u64 = 3 * TEXT_MAX as u64;
    match &tool.kind {
        ToolKind::Builtin(Builtin::HttpGetJson) if query_forbidden(tool) => 0,
        ToolKind::Builtin(Builtin::HttpGetJson) => QUERY_MAX,
        ToolKind::Builtin(_) => 0,
        ToolKind::Rest(_) if tool.strict => 0,
        ToolKind::Rest(_) => u64::MAX,
        // What no rule can speak of may still be sent.
        ToolKind::Upstream(proxied) if proxied.arguments.iter().any(|argument| argument.kind == ArgumentKind::Other) => u64::MAX,
        ToolKind::Upstream(_) if tool.strict => 0,
        ToolKind::Upstream(_) => u64::MAX,
    }
}

/// What a declarative tool sends, line by line.
pub(super) fn sends(rest: &Rest) -> Vec<String> {
    let Rest { title: _, description: _, input: _, method, host, port, path, query, headers, body, auth, response: _ } = rest;
    let method = match method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Patch => "PATCH",
        Method::Delete => "DELETE",
    };
    let path: String = path
        .iter()
        .map(|piece| match piece {
            Piece::Literal(text) => text.clone(),
            Piece::Input(input) => format!("{{{input}}}"),
        })
        .collect();
    let port = if *port == 443 { String::new() } else { format!(":{port}") };
    let mut lines = vec![format!("{method} https://{host}{port}{path}")];
    let mut add = |what: &str, pairs: &[Pair]| {
        lines.extend(pairs.iter().map(|Pair { name, value }| match value {
            Slot::Input(input) => format!("{what} {name} = {{{input}}}"),
            Slot::Text(text) => format!("{what} {name} = {text:?}"),
            Slot::Integer(number) => format!("{what} {name} = {number}"),
            Slot::Boolean(truth) => format!("{what} {name} = {truth}"),
        }));
    };
    add("query", query);
    add("header", headers);
    add("body", body);
    lines.extend(auth.as_ref().map(|Auth { scheme, env }| match scheme {
        AuthScheme::Bearer => format!("credential: bearer from ${env}"),
        AuthScheme::Basic => format!("credential: basic from ${env}"),
        AuthScheme::Header(name) => format!("credential: header {name} from ${env}"),
    }));
    lines
}

/// Places in an answer that a selection gives, by their pointers.
pub(super) fn pointers(select: &Select) -> Vec<&str> {
    match select {
        Select::Whole => vec![""],
        Select::One(pointer) => vec![pointer],
        Select::Fields(fields) => fields.iter().map(|(_, pointer)| pointer.as_str()).collect(),
    }
}

/// Whether a selection gives what stands at a pointer.
pub(super) fn gives(select: &Select, pointer: &str) -> bool {
    let within = |outer: &str| pointer.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    pointers(select).into_iter().any(within)
}

/// What leaves the gateway for a call, line by line: the request of a declarative tool, or the program that is called with what it is
/// started with and the definition that was reviewed. Nothing for a built-in tool.
pub(super) fn outside(policy: &Policy, tool: &Tool) -> Option<Vec<String>> {
    match &tool.kind {
        ToolKind::Builtin(_) => None,
        ToolKind::Rest(rest) => Some(sends(rest)),
        ToolKind::Upstream(proxied) => Some(foreign::calls(policy, proxied)),
    }
}

/// The request of a tool, of whose answer this is read; nothing for a built-in tool.
pub(super) fn request(policy: &Policy, tool: &Tool, reads: &str) -> Option<Request> {
    let sends = outside(policy, tool)?;
    Some(Request { sends, reads: reads.to_owned(), answer_bytes: 0, answer_risk: None })
}
