//! Rules on where the values of arguments come from, against what the session has seen.

use super::check::Steps;
use crate::call::Args;
use crate::memory::{Seen, Sighting, Tracing};
use crate::policy::Tool;
use crate::policy::origin::{Look, Origin, Otherwise, Source, Sources, ValueKind};
use crate::reason::Reason;
use serde_json::Value;

/// Why a value does not come from where it may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// It was seen nowhere.
    Unseen,
    /// It was seen nowhere that this process remembers, which is not all of the session.
    Unknown,
    /// It was seen, but nowhere that counts.
    Elsewhere {
        /// The strongest place where it was.
        source: Source,
        /// The tool in whose result it was, and the id of that call.
        call: Option<(&'static str, String)>,
    },
    /// It has no reading as what it has to be, or has more than one.
    Unreadable,
}

/// What the rules of a tool find about a call.
#[derive(Debug, Default)]
pub(super) struct Traced {
    /// Arguments that come from where they may, with the weakest source that one of their values needed.
    pub(super) satisfied: Vec<(&'static str, Source)>,
    /// Arguments about which the user has to be asked, and why.
    pub(super) asks: Vec<(&'static str, String)>,
}

/// Tests every rule of the tool; a value that may not come from there refuses the call or asks about it.
pub(super) fn check(tool: &'static Tool, args: &Args, seen: &Seen<'_>, steps: &mut Steps) -> Result<Traced, Reason> {
    let mut traced = Traced::default();
    for origin in tool.origins {
        let Some(value) = args.get(origin.arg).filter(|value| !value.is_null()) else { continue };
        let mut found = Found { by: origin.by, seen, from: origin.from, weakest: None, problem: None };
        match seen.supposed(origin) {
            Some(sources) => found.sighted(kind_of(origin.look), Sighting { sources, call: None }),
            None => found.look(origin.look, value),
        }
        match (found.problem, origin.otherwise) {
            (None, Otherwise::Deny | Otherwise::Ask) => {
                let weakest = found.weakest;
                traced.satisfied.extend(weakest.map(|source| (origin.arg, source)));
                steps.passed("provenance", || match weakest {
                    Some(source) => format!("{} was seen in {}", origin.arg, place(source)),
                    None => format!("{} has nothing to trace", origin.arg),
                });
            }
            (Some((kind, problem)), Otherwise::Deny) => {
                let reason = Reason::Provenance { origin, kind, problem };
                steps.take("provenance", Err::<(), _>(reason), |()| String::new())?;
            }
            (Some((kind, problem)), Otherwise::Ask) => {
                let ask = sentence(origin, kind, &problem);
                steps.passed("provenance", || format!("asked: {ask}"));
                traced.asks.push((origin.arg, ask));
            }
        }
    }
    Ok(traced)
}

/// One rule at work.
struct Found<'a> {
    by: &'static Tracing,
    seen: &'a Seen<'a>,
    from: Sources,
    weakest: Option<Source>,
    problem: Option<(ValueKind, Problem)>,
}

impl Found<'_> {
    fn look(&mut self, look: Look, value: &Value) {
        match (look, value) {
            (_, Value::Array(items)) => items.iter().for_each(|item| self.look(look, item)),
            // Several addresses in one text go to each of them, so each is looked at. No address has a comma.
            (Look::Whole(ValueKind::Email), Value::String(text)) => {
                text.split([',', ';']).for_each(|one| self.value(ValueKind::Email, one));
            }
            (Look::Whole(kind), Value::String(text)) => self.value(kind, text),
            (Look::Whole(kind), Value::Number(number)) => self.value(kind, &number.to_string()),
            (Look::Whole(kind), Value::Null | Value::Bool(_) | Value::Object(_)) => self.fault(kind, Problem::Unreadable),
            (Look::Inside, Value::String(text)) => self.by.inside(text, &mut |kind, it| self.value(kind, it)),
            (Look::Inside, Value::Object(members)) => {
                for (name, member) in members {
                    self.by.inside(name, &mut |kind, it| self.value(kind, it));
                    self.look(look, member);
                }
            }
            (Look::Inside, Value::Null | Value::Bool(_) | Value::Number(_)) => {}
        }
    }

    fn value(&mut self, kind: ValueKind, text: &str) {
        // The first problem is told; the others cannot make it better.
        if self.problem.is_some() {
            return;
        }
        match self.seen.sighting(self.by, kind, text) {
            Some(sighting) => self.sighted(kind, sighting),
            None => self.fault(kind, Problem::Unreadable),
        }
    }

    fn sighted(&mut self, kind: ValueKind, Sighting { sources, call }: Sighting<'_>) {
        match (sources.among(self.from).strongest(), sources.strongest()) {
            (Some(source), _) => self.weakest = self.weakest.max(Some(source)),
            (None, Some(source)) => {
                let call = call.map(|learned| (learned.tool, learned.call.clone()));
                self.fault(kind, Problem::Elsewhere { source, call });
            }
            (None, None) if self.seen.has_gap() => self.fault(kind, Problem::Unknown),
            (None, None) => self.fault(kind, Problem::Unseen),
        }
    }

    fn fault(&mut self, kind: ValueKind, problem: Problem) {
        self.problem.get_or_insert((kind, problem));
    }
}

/// The kind that a sentence names; of what stands inside a text, a link.
const fn kind_of(look: Look) -> ValueKind {
    match look {
        Look::Whole(kind) => kind,
        Look::Inside => ValueKind::Url,
    }
}

/// Where something was seen, for sentences.
const fn place(source: Source) -> &'static str {
    match source {
        Source::Intent => "the intent",
        Source::Trusted => "a trusted result",
        Source::Structured => "a structured result",
        Source::Screened => "a result without signs of an injection",
        Source::Text => "the text of a result",
    }
}

/// What is wrong, for the caller and the user. It names arguments and tools, never values.
pub(crate) fn sentence(origin: &Origin, kind: ValueKind, problem: &Problem) -> String {
    let Origin { arg, look, from, otherwise: _, by: _ } = origin;
    let what = match look {
        Look::Whole(_) => format!("the value of {arg}"),
        Look::Inside => format!("{} in {arg}", kind.phrase()),
    };
    let places: Vec<&str> = from.iter().map(place).collect();
    let places = places.join(" or ");
    match problem {
        Problem::Unseen => format!("{what} was seen nowhere in this session; it has to stand in {places}"),
        Problem::Unknown => {
            format!("{what} was not seen, and not all of this session is remembered; it has to stand in {places}")
        }
        Problem::Elsewhere { source, call } => {
            // A result that a case says was seen has no tool.
            let of =
                call.as_ref().filter(|(tool, _)| !tool.is_empty()).map(|(tool, _)| format!(" of {tool}")).unwrap_or_default();
            format!("{what} was seen only in {}{of}; it has to stand in {places}", place(*source))
        }
        Problem::Unreadable => match look {
            Look::Whole(_) => format!("{what} is not {} that can be told apart from others", kind.phrase()),
            Look::Inside => format!("{what} has more than one reading"),
        },
    }
}
