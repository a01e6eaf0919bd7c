//! How a tool of one policy meets the same tool of another: places, a sample of arguments for each, and arguments that only the
//! one accepts; and what a subject's grants allow there.

use super::case::{Case, IssueCall, Value, Verdict};
use super::compare::Dimension;
use super::face::{self, Field, Kind, Where};
use super::places::{self, Classes, Place};
use super::risks::{self, Weights};
use super::search::Found;
use super::session::Labels;
use super::texts::Aim;
use super::values::{self, Values};
use super::verdict::{Judge, asked, consent, flows, grants_host};
use crate::builtin::ISSUE_TOOL;
use crate::ir::{Grant, Policy, Tool};
use std::collections::BTreeMap;

/// Arguments by name.
pub(super) type Args = BTreeMap<String, Value>;

/// The largest life, calls and points that one grant allows together. Everything smaller is allowed as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Corner {
    pub(super) ttl: u64,
    pub(super) uses: u64,
    pub(super) points: u32,
}

impl Corner {
    pub(super) const fn within(&self, other: &Self) -> bool {
        self.ttl <= other.ttl && self.uses <= other.uses && self.points <= other.points
    }
}

/// What grants allow at a place. Empty lists: nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Limits {
    /// One for each grant; the operator issues the lease.
    pub(super) operator: Vec<Corner>,
    /// The same where the caller issues it, perhaps with a person's consent.
    pub(super) caller: Vec<Corner>,
    /// The same without asking anybody.
    pub(super) freely: Vec<Corner>,
}

/// A tool in both policies, seen as a step from one to the other.
#[derive(Debug)]
pub(super) struct Meeting<'p> {
    pub(super) to: &'p Tool,
    pub(super) from: Option<&'p Tool>,
    pub(super) weights: Weights,
    pub(super) spots: Vec<Spot>,
}

/// A place of a meeting at which the one tool takes some arguments.
#[derive(Debug)]
pub(super) struct Spot {
    pub(super) place: Place,
    pub(super) words: Vec<String>,
    /// Arguments that the one tool takes; the other too, if it takes any of these.
    pub(super) args: Args,
    /// Whether the other tool takes some arguments here.
    pub(super) known: bool,
    /// Arguments that only the one takes; nothing where the search gave up and there may be some.
    pub(super) beyond: Vec<(Dimension, Option<Args>)>,
}

impl<'p> Meeting<'p> {
    pub(super) fn of(to: &'p Judge<'p>, from: &'p Judge<'p>, tool: &'p Tool) -> Self {
        let other = from.tool(&tool.name);
        let tools: Vec<&Tool> = [tool].into_iter().chain(other).collect();
        let classes = match face::network(tool) {
            Where::Chosen => Classes::of([to.policy, from.policy], &tools),
            Where::Nowhere | Where::Fixed(_) | Where::One(..) => Classes::default(),
        };
        let sides = Sides { judge: to, tool, other };
        let places = places::of_tool(&tools, &classes).into_iter().filter(|place| place.open(tool));
        let spots = places.filter_map(|place| sides.spot(place, &classes)).collect();
        let weights = Weights::of(tool, other.unwrap_or(tool));
        Self { to: tool, from: other, weights, spots }
    }
}

/// Two tools of a name, with their policies.
#[derive(Clone, Copy)]
struct Sides<'p> {
    /// Both policies share the tables of this one.
    judge: &'p Judge<'p>,
    tool: &'p Tool,
    other: Option<&'p Tool>,
}

impl<'p> Sides<'p> {
    fn spot(self, place: Place, classes: &Classes) -> Option<Spot> {
        let aim = place.chosen.then_some((classes, &place));
        let other = self.other.filter(|other| place.open(other));
        let shared = other.and_then(|other| self.sample(&[self.tool, other], aim));
        let known = shared.is_some() || other.is_some_and(|other| self.sample(&[other], aim).is_some());
        let args = shared.or_else(|| self.sample(&[self.tool], aim))?;
        let same = other.is_some_and(|other| same_arguments(self.tool, other));
        let beyond = match other {
            Some(other) if known && !same => self.beyond(other, &args, aim),
            Some(_) | None => Vec::new(),
        };
        Some(Spot { words: place.words(), place, args, known, beyond })
    }

    fn values(self, tool: &'p Tool, field: &Field<'_>) -> Values<'p> {
        Values::of(tool, field, &self.judge.patterns)
    }

    /// Arguments that all of these tools take; nothing if there are none. What a search could not find is left out.
    fn sample(self, tools: &[&'p Tool], aim: Aim<'_>) -> Option<Args> {
        let mut args = Args::new();
        for tool in tools {
            for field in face::fields(tool).into_iter().filter(|field| field.required) {
                let mut sets = Vec::new();
                for other in tools {
                    match face::fields(other).iter().find(|known| known.name == field.name) {
                        Some(known) => sets.push(self.values(other, known)),
                        None if other.strict => return None,
                        None => {}
                    }
                }
                let aim = aim.filter(|_| field.name == "url");
                match values::common(&sets, aim) {
                    Found::This(value) => drop(args.insert(field.name.to_owned(), value)),
                    Found::Nothing => return None,
                    Found::Unknown => {}
                }
            }
        }
        Some(args)
    }

    /// Arguments that the tool takes and the other does not, one difference at a time.
    fn beyond(self, other: &'p Tool, args: &Args, aim: Aim<'_>) -> Vec<(Dimension, Option<Args>)> {
        let (ours, theirs) = (face::fields(self.tool), face::fields(other));
        let mut found = Vec::new();
        let with = |name: &str, value| Args::from_iter(args.clone().into_iter().chain([(name.to_owned(), value)]));
        let mut add = |dimension: Dimension, value: Found<Args>| match value {
            Found::This(args) => found.push((dimension, Some(args))),
            Found::Unknown => found.push((dimension, None)),
            Found::Nothing => {}
        };
        for field in &ours {
            let dimension = Dimension::Argument(field.name.to_owned());
            let aim = aim.filter(|_| field.name == "url");
            let known = theirs.iter().find(|known| known.name == field.name);
            let values = self.values(self.tool, field);
            let beyond = match known {
                Some(known) => values::beyond(values, self.values(other, known), aim),
                None if other.strict => values::common(&[values], aim),
                None => Found::Nothing,
            };
            add(dimension.clone(), beyond.map(|value| with(field.name, value)));
            if !field.required && known.is_some_and(|known| known.required) {
                let absent = args.clone().into_iter().filter(|(name, _)| name != field.name).collect();
                add(dimension, Found::This(absent));
            }
        }
        for field in theirs.iter().filter(|known| ours.iter().all(|field| field.name != known.name)) {
            let dimension = Dimension::Argument(field.name.to_owned());
            if field.required {
                add(dimension.clone(), Found::This(args.clone().into_iter().filter(|(name, _)| name != field.name).collect()));
            }
            if !self.tool.strict {
                let odd = if matches!(field.kind, Kind::Truth) { Value::Integer(0) } else { Value::Truth(true) };
                add(dimension, Found::This(with(field.name, odd)));
            }
        }
        if !self.tool.strict && other.strict {
            let free = |name: &String| ours.iter().chain(&theirs).all(|field| field.name != name);
            let name = (0..).map(|n: u32| if n == 0 { "other".to_owned() } else { format!("other{n}") }).find(free);
            add(Dimension::Unnamed, Found::This(with(&name.unwrap_or_default(), Value::Truth(true))));
        }
        found
    }
}

fn same_arguments(tool: &Tool, other: &Tool) -> bool {
    tool.args == other.args && tool.strict == other.strict && face::fields(tool) == face::fields(other)
}

/// What the grants of a subject that name a tool allow at a place. `issued`: what the issuing tool makes of the subject.
pub(super) fn limits(judge: &Judge<'_>, grants: &[&Grant], tool: &Tool, place: &Place, issued: Verdict) -> Limits {
    let mut limits = Limits::default();
    let labels = Labels::default();
    if flows(judge.policy, &labels, tool) == Verdict::Deny {
        return limits;
    }
    let issuable = if judge.issuable(&tool.name) { Verdict::Allow } else { Verdict::Deny };
    let issued = issued.min(issuable).min(after_issue(judge, tool));
    for grant in grants {
        let points = risks::highest(tool, grant.max_risk);
        let covered = place.targets.iter().all(|(class, _, _)| grants_host(grant, class));
        let Some(points) = points.filter(|_| covered) else { continue };
        limits.operator.push(Corner { ttl: grant.max_ttl, uses: grant.uses, points });
        let Some(ttl) = judge.life_when_asked(grant) else { continue };
        let corner = Corner { ttl, uses: grant.uses, points };
        match issued.min(consent(grant.issue)) {
            Verdict::Deny => {}
            Verdict::Ask => limits.caller.push(corner),
            Verdict::Allow => {
                limits.caller.push(corner);
                limits.freely.push(corner);
            }
        }
    }
    limits
}

/// What flows say of a lease that is issued in a session and used for a call of a tool.
fn after_issue(judge: &Judge<'_>, tool: &Tool) -> Verdict {
    let Some(issuing) = judge.tool(ISSUE_TOOL) else { return Verdict::Deny };
    let labels: Labels<'_> = issuing.labels.iter().map(String::as_str).collect();
    let first = flows(judge.policy, &Labels::default(), issuing);
    let alone = flows(judge.policy, &Labels::default(), tool);
    // A call that is asked about anyway is no harder to make after an issue that is not.
    match flows(judge.policy, &labels, tool) {
        Verdict::Ask if alone == Verdict::Ask || asked(tool) == Verdict::Ask => first,
        verdict => first.min(verdict),
    }
}

/// How the issuing tools of two policies meet.
#[derive(Debug, Default)]
pub(super) struct Issuing {
    /// A call that both accept, or one that the one accepts.
    pub(super) call: Option<IssueCall>,
    /// A call that the other accepts.
    pub(super) other: Option<IssueCall>,
}

impl Issuing {
    pub(super) fn of(to: &Judge<'_>, from: &Judge<'_>) -> Self {
        let (ours, theirs) = (to.tool(ISSUE_TOOL), from.tool(ISSUE_TOOL));
        let call = |tools: &[&Tool]| {
            let text = |name: &str| {
                let sets: Vec<Values<'_>> = tools
                    .iter()
                    .filter_map(|tool| {
                        let fields = face::fields(tool);
                        let field = fields.iter().find(|field| field.name == name)?;
                        Some(Values::of(tool, field, &to.patterns))
                    })
                    .collect();
                match values::common(&sets, None) {
                    Found::This(Value::Text(text)) => Some(text),
                    Found::This(_) | Found::Nothing | Found::Unknown => None,
                }
            };
            Some(IssueCall { session_id: text("session_id")?, intent: text("intent")?, risk: BTreeMap::new() })
        };
        let both = ours.zip(theirs).and_then(|(ours, theirs)| call(&[ours, theirs]));
        let other = theirs.and_then(|theirs| call(&[theirs]));
        Self { call: both.or_else(|| call(&[ours?])), other }
    }
}

/// A call of the first tool at a place, under the smallest lease of the operator. Of its answer something is read that the other
/// tool gives as well, if there is anything.
pub(super) fn case(policy: &Policy, subject: &str, [tool, other]: [&Tool; 2], place: &Place, args: Args) -> Case {
    let url = match args.get("url") {
        Some(Value::Text(url)) if place.chosen => Some(url.as_str()),
        Some(_) | None => None,
    };
    let request = match face::rest(tool) {
        None => face::request(policy, tool, ""),
        Some(rest) => {
            let (ours, theirs) = (&rest.response.select, &face::rest(other).unwrap_or(rest).response.select);
            let both = face::pointers(ours).into_iter().chain(face::pointers(theirs));
            let shared = both.clone().find(|pointer| face::gives(ours, pointer) && face::gives(theirs, pointer));
            let reads = shared.or_else(|| face::pointers(ours).first().copied());
            reads.and_then(|reads| face::request(policy, tool, reads))
        }
    };
    Case { targets: place.targets(url), request, args, ..Case::of(subject, &tool.name) }
}

impl Spot {
    /// The same place without arguments.
    pub(super) fn at(&self, args: Args) -> Self {
        Self { place: self.place.clone(), words: Vec::new(), args, known: self.known, beyond: Vec::new() }
    }
}
