//! Values for arguments: some that every rule accepts, some that one rule refuses. Whether they do is seen by asking the rules.

use super::{Seen, instance};
use crate::judge::rules;
use crate::render::Failure;
use airlock_policy::automaton::Dfa;
use airlock_policy::ir::{ArgRule, ArgumentKind, HostRule, Input, InputKind, Look, Source, Tool, ToolKind, ValueKind};
use serde_json::{Map, Value, json};
use std::collections::{HashMap, VecDeque};

/// Longest text looked for in an automaton: witnesses are short, and a case stays readable.
const TEXT_MAX: usize = 64;
/// Bytes tried first at each step of an automaton, so that texts read well.
const FIRST: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./: ";

/// An argument as a case needs it.
#[derive(Debug, Clone)]
pub(crate) struct Argument<'p> {
    pub(crate) name: &'p str,
    pub(super) kind: InputKind,
    pub(super) rules: &'p [ArgRule],
    /// The tool refuses a call without it.
    pub(crate) required: bool,
    /// A value that its schema accepts, where the tool has one of its own.
    schema: Option<Value>,
}

/// Arguments that the tool and its rules accept, as far as the samples go: all that the tool has but those that an upstream can do without.
///
/// # Errors
/// See [`rules`].
pub(crate) fn good(tool: &Tool) -> Result<Map<String, Value>, Failure> {
    let placed = rules(tool)?;
    let mut args = Map::new();
    for argument in arguments(tool) {
        if argument.rules.contains(&ArgRule::Forbid) {
            continue;
        }
        let holds = |value: &Value| {
            let one = Map::from_iter([(argument.name.to_owned(), value.clone())]);
            placed.iter().all(|((at, _), rule)| tool.args[*at].arg != argument.name || rule.check(&one).is_ok())
        };
        let found = traced(tool, &argument).into_iter().chain(accepted(tool, &argument)).find(holds);
        args.extend(found.map(|value| (argument.name.to_owned(), value)));
    }
    Ok(args)
}

/// The arguments that a case for this tool gives: those that must be there, and those with rules.
pub(crate) fn arguments(tool: &Tool) -> Vec<Argument<'_>> {
    let rules = |name: &str| tool.args.iter().find(|rules| rules.arg == name).map_or(&[][..], |rules| &rules.rules);
    match &tool.kind {
        ToolKind::Rest(rest) => rest
            .input
            .iter()
            .map(|Input { name, kind, required, description: _ }| Argument {
                name,
                kind: *kind,
                rules: rules(name),
                required: *required,
                schema: None,
            })
            .collect(),
        ToolKind::Upstream(proxied) => {
            let traced = |name: &str| tool.origins.iter().any(|origin| origin.arg == name);
            let needed = proxied
                .arguments
                .iter()
                .filter(|argument| argument.required || !rules(&argument.name).is_empty() || traced(&argument.name));
            let kind = |kind: ArgumentKind| match kind {
                ArgumentKind::Text => InputKind::String,
                ArgumentKind::Integer(..) => InputKind::Integer,
                ArgumentKind::Number => InputKind::Number,
                ArgumentKind::Boolean => InputKind::Boolean,
                // What is neither is made up from the schema.
                ArgumentKind::List | ArgumentKind::Other => InputKind::Array,
            };
            needed
                .map(|argument| Argument {
                    name: &argument.name,
                    kind: kind(argument.kind),
                    rules: rules(&argument.name),
                    required: argument.required,
                    schema: instance::of_property(&proxied.definition, &argument.name),
                })
                .collect()
        }
        ToolKind::Builtin(_) => {
            let required: &[&str] = match tool.name.as_str() {
                "http_get_json" => &["url"],
                "weather_hourly" => &["city", "state"],
                _ => &[],
            };
            let kind = |name: &str| match name {
                "hours" | "limit" | "lookback_hours" | "ttl_seconds" => InputKind::Integer,
                "tools" => InputKind::Array,
                _ => InputKind::String,
            };
            let traced = tool.origins.iter().map(|origin| origin.arg.as_str());
            let traced = traced.filter(|name| tool.args.iter().all(|rules| rules.arg != *name));
            let ruled = tool.args.iter().map(|rules| rules.arg.as_str()).chain(traced);
            let ruled = ruled.filter(|name| !required.contains(name));
            let named = required.iter().copied().chain(ruled);
            let argument =
                |name| Argument { name, kind: kind(name), rules: rules(name), required: required.contains(&name), schema: None };
            named.map(argument).collect()
        }
    }
}

/// Values that may be accepted: what the schema says, then the plainest first.
pub(super) fn accepted(tool: &Tool, argument: &Argument<'_>) -> Vec<Value> {
    let more = match argument.kind {
        InputKind::Boolean => vec![json!(true)],
        InputKind::Integer | InputKind::Number => {
            let bound = |rule: &ArgRule| if let ArgRule::Min(bound) | ArgRule::Max(bound) = rule { Some(*bound) } else { None };
            [1].into_iter().chain(argument.rules.iter().filter_map(bound)).map(|number| json!(number)).collect()
        }
        InputKind::String => texts(tool, argument).into_iter().map(Value::String).collect(),
        InputKind::Array => texts(tool, argument).into_iter().map(|text| json!([text])).collect(),
    };
    argument.schema.iter().cloned().chain::<Vec<Value>>(more).collect()
}

fn texts(tool: &Tool, argument: &Argument<'_>) -> Vec<String> {
    let mut bases: Vec<String> = Vec::new();
    let (mut prefix, mut suffix, mut least, mut most) = ("", "", 0, TEXT_MAX);
    for rule in argument.rules {
        match rule {
            ArgRule::OneOf(values) => bases.extend(values.iter().cloned()),
            ArgRule::Prefix(text) => prefix = text,
            ArgRule::Suffix(text) => suffix = text,
            ArgRule::MinLength(length) => least = usize::try_from(*length).unwrap_or(usize::MAX),
            ArgRule::MaxLength(length) => most = usize::try_from(*length).unwrap_or(usize::MAX),
            ArgRule::Under(root) => bases.extend([format!("{}/notes.txt", root.trim_end_matches('/')), root.clone()]),
            ArgRule::HostIn(hosts) => {
                bases.extend(hosts.iter().flat_map(|rule| [format!("https://{}/", host(rule)), host(rule)]))
            }
            ArgRule::Matches(_) | ArgRule::Min(_) | ArgRule::Max(_) | ArgRule::MaxItems(_) | ArgRule::Forbid => {}
        }
    }
    for rule in argument.rules {
        if let ArgRule::Matches(pattern) = rule {
            bases.extend(matching(pattern, least));
        }
    }
    if argument.name == "url" {
        bases.extend(tool.egress.iter().map(|entry| {
            let port = entry.ports.iter().find(|port| **port == 443).or(entry.ports.first()).copied().unwrap_or(443);
            let port = if port == 443 { String::new() } else { format!(":{port}") };
            format!("https://{}{port}/", host(&entry.host))
        }));
    }
    let plain = match argument.name {
        "city" => "Austin",
        "state" => "TX",
        _ => "sample",
    };
    bases.extend([plain.to_owned(), "a".to_owned(), String::new()]);
    let within: Vec<String> = bases.iter().map(|base| fitted(&format!("{prefix}{base}"), suffix, least, most)).collect();
    bases.into_iter().chain(within).collect()
}

/// The text with the ending, made longer or shorter in its middle.
fn fitted(text: &str, suffix: &str, least: usize, most: usize) -> String {
    let room = most.saturating_sub(suffix.chars().count());
    let mut text: String = text.chars().take(room).collect();
    while text.chars().count() + suffix.chars().count() < least && text.chars().count() < room {
        text.push('a');
    }
    text + suffix
}

/// A host that the rule covers.
fn host(rule: &HostRule) -> String {
    match rule {
        HostRule::Exact(host) => host.clone(),
        HostRule::OneLabel(base) => format!("a.{base}"),
        HostRule::AnyPublic => "www.example.com".to_owned(),
    }
}

/// The shortest text of at least so many bytes that the pattern matches.
pub(super) fn matching(pattern: &str, least: usize) -> Option<String> {
    let dfa = Dfa::of_pattern(pattern).ok()?;
    let mut from: HashMap<(u16, usize), (u16, u8)> = HashMap::new();
    let mut queue = VecDeque::from([(dfa.start(), 0usize)]);
    while let Some((state, length)) = queue.pop_front() {
        if length >= least && dfa.accepting().get(usize::from(state)) == Some(&true) {
            return spell(&from, state, length);
        }
        let others = (0..=u8::MAX).filter(|byte| !FIRST.contains(byte));
        for byte in FIRST.iter().copied().chain(others).take_while(|_| length < TEXT_MAX) {
            let next = (dfa.step(state, byte), length + 1);
            // State 0 leads nowhere.
            if next.0 != 0 && !from.contains_key(&next) {
                from.insert(next, (state, byte));
                queue.push_back(next);
            }
        }
    }
    None
}

fn spell(from: &HashMap<(u16, usize), (u16, u8)>, mut state: u16, mut length: usize) -> Option<String> {
    let mut bytes = Vec::new();
    while length > 0 {
        let (before, byte) = from.get(&(state, length))?;
        bytes.push(*byte);
        (state, length) = (*before, length - 1);
    }
    bytes.reverse();
    String::from_utf8(bytes).ok()
}

/// Values of the kind that the session must have seen; none where the argument may come from anywhere.
pub(super) fn traced(tool: &Tool, argument: &Argument<'_>) -> Vec<Value> {
    let Some(origin) = tool.origins.iter().find(|origin| origin.arg == argument.name) else { return Vec::new() };
    let text = match origin.look {
        Look::Whole(ValueKind::Email) => "ann@example.com",
        Look::Whole(ValueKind::Iban) => "GB29NWBK60161331926819",
        Look::Whole(ValueKind::Url) | Look::Inside => "https://www.example.com/page",
        Look::Whole(ValueKind::Host) => "www.example.com",
        Look::Whole(ValueKind::Path) => "notes.txt",
        Look::Whole(ValueKind::Id) => "item-42",
        Look::Whole(ValueKind::Name) => "sample",
        Look::Whole(ValueKind::Amount) => "12.50",
        Look::Whole(ValueKind::Date) => "2026-01-02",
    };
    match argument.kind {
        InputKind::String => vec![json!(text)],
        InputKind::Array => vec![json!([text])],
        // Two arguments of built-in tools go no further than 200 and 168.
        InputKind::Integer | InputKind::Number => vec![json!(if matches!(tool.kind, ToolKind::Builtin(_)) { 142 } else { 1042 })],
        InputKind::Boolean => Vec::new(),
    }
}

/// An intent, and what a session has to have seen, for the values of these arguments to come from where they may.
pub(super) fn sources(tool: &Tool, args: &Map<String, Value>) -> (Option<String>, Seen) {
    let (mut said, mut seen) = (Vec::new(), Seen::default());
    for origin in &tool.origins {
        let given = args.get(&origin.arg);
        let items = given.and_then(Value::as_array).cloned().unwrap_or_else(|| given.cloned().into_iter().collect());
        let place = match origin.from.first() {
            Some(Source::Intent) | None => &mut said,
            Some(Source::Trusted) => &mut seen.trusted,
            Some(Source::Structured) => &mut seen.structured,
            Some(Source::Screened | Source::Text) => &mut seen.text,
        };
        place.extend(items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)));
    }
    ((!said.is_empty()).then(|| format!("Use {} .", said.join(" and "))), seen)
}

/// Values that the rule may refuse; `good` is one that all rules accept.
pub(super) fn refused(rule: &ArgRule, good: &Value) -> Vec<Value> {
    let text = good.as_str().or_else(|| good.get(0).and_then(Value::as_str)).unwrap_or("sample");
    let texts: Vec<String> = match rule {
        ArgRule::OneOf(_) => vec![format!("{text}x"), "other".to_owned(), String::new()],
        ArgRule::Prefix(_) => vec![format!("x{text}"), "https://www.example.net/".to_owned(), "x".to_owned(), String::new()],
        ArgRule::Suffix(_) => vec![format!("{text}x"), "x".to_owned(), String::new()],
        ArgRule::MinLength(least) => {
            let short = usize::try_from(least.saturating_sub(1)).unwrap_or(0);
            vec![text.chars().take(short).collect(), "a".repeat(short)]
        }
        // Made longer where the case is played, see `stretch`.
        ArgRule::MaxLength(_) => vec![text.to_owned()],
        ArgRule::Matches(_) => {
            let fixed = ["!", "~", "a b", "0", "a", "A", ""].map(str::to_owned);
            [format!("{text}!"), format!("!{text}"), format!("{text}{text}")].into_iter().chain(fixed).collect()
        }
        ArgRule::Under(root) => vec![format!("{root}/../etc"), "/other".to_owned(), "notes.txt".to_owned()],
        ArgRule::HostIn(_) => vec!["https://www.example.net/".to_owned(), "www.example.net".to_owned()],
        ArgRule::Min(bound) => return vec![json!(bound.saturating_sub(1))],
        ArgRule::Max(bound) => return vec![json!(bound.saturating_add(1))],
        ArgRule::MaxItems(most) => {
            let count = usize::try_from(most.saturating_add(1)).unwrap_or(0);
            return vec![json!(vec![text; count])];
        }
        ArgRule::Forbid => return vec![json!("x"), json!(1), json!(true), json!(["x"]), json!({})],
    };
    let is_list = good.is_array();
    texts.into_iter().map(|text| if is_list { json!([text]) } else { json!(text) }).collect()
}
