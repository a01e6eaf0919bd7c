//! The difference of two policies as rows: what is gained, lost and unchanged, each change with a case.

use super::reach::{self, Corner, Reach};
use super::texts::Texts;
use super::{Carrier, Case, IssueCall, SigningKey, Target, Value, permits, places, rules, written};
use crate::amount::{duration, risk};
use crate::builtin::{ArgKind, ISSUE_TOOL};
use crate::ir::{ArgRule, Policy, Tool};
use serde::Serialize;
use std::collections::BTreeSet;

/// What became of an authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The new policy allows calls that the old one denies.
    Gained,
    /// The old policy allowed calls that the new one denies.
    Lost,
    /// Both allow the same calls.
    Unchanged,
}

/// What a row is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// The tool at the place: whether it can be used at all.
    Reach,
    /// Longest life of a lease.
    Ttl,
    /// Most calls of a lease.
    Uses,
    /// Highest risk that a call may add to the base of its tool.
    Risk,
    /// Life, calls and risk in one lease, each of which was allowed, but not together.
    Together,
    /// The subject can issue the lease itself.
    SelfIssue,
    /// Values of an argument.
    Argument(String),
    /// An accepted key.
    Key,
    /// A carrier.
    Carrier,
}

/// One authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// What became of it.
    pub status: Status,
    /// Whose it is; `*` for every subject.
    pub subject: String,
    /// Tool; `*` for every tool.
    pub tool: String,
    /// `host:port` of the places it holds at; empty for tools without network.
    pub places: Vec<String>,
    /// What it is about.
    pub dimension: Dimension,
    /// In the old policy.
    pub old: String,
    /// In the new policy.
    pub new: String,
    /// A call that one policy allows and the other denies; [`permits`] was asked about both. Nothing for what is unchanged.
    pub witness: Option<Case>,
}

/// The difference between two policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// All rows: gained, lost, unchanged; each in the order of the manifests.
    pub rows: Vec<Row>,
}

impl Difference {
    /// Whether the new policy allows any call that the old one denies.
    #[must_use]
    pub fn widens(&self) -> bool {
        self.count(Status::Gained) > 0
    }

    /// How many rows have this status.
    #[must_use]
    pub fn count(&self, status: Status) -> usize {
        self.rows.iter().filter(|row| row.status == status).count()
    }
}

/// Compares two policies.
#[must_use]
pub fn diff(old: &Policy, new: &Policy) -> Difference {
    let mut rows = Sides { from: old, to: new, status: Status::Gained }.rows();
    rows.extend(Sides { from: new, to: old, status: Status::Lost }.rows());
    let changed: BTreeSet<_> =
        rows.iter().flat_map(|row| row.places.iter().map(|at| (row.subject.clone(), row.tool.clone(), at.clone()))).collect();
    let changed_tools: BTreeSet<_> =
        rows.iter().filter(|row| row.places.is_empty()).map(|row| (row.subject.clone(), row.tool.clone())).collect();
    let same = unchanged(old, new).into_iter().filter_map(|mut row| {
        let named = |at: &String| changed.contains(&(row.subject.clone(), row.tool.clone(), at.clone()));
        let had_places = !row.places.is_empty();
        let left: Vec<_> = row.places.iter().filter(|at| !named(at)).cloned().collect();
        row.places = left;
        let keep =
            if had_places { !row.places.is_empty() } else { !changed_tools.contains(&(row.subject.clone(), row.tool.clone())) };
        keep.then_some(row)
    });
    rows.extend(same);
    Difference { rows }
}

/// One limit of a corner.
type Measure = fn(&Corner) -> u64;
/// A limit in words.
type Words = fn(u64) -> String;

/// Two policies, seen as a step from one to the other. Rows say what `to` allows and `from` denies.
#[derive(Debug, Clone, Copy)]
struct Sides<'p> {
    from: &'p Policy,
    to: &'p Policy,
    status: Status,
}

impl Sides<'_> {
    fn rows(self) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut any = None;
        for subject in subjects(self.to) {
            let mut issuer = None;
            for tool in self.to.tools.iter().filter(|tool| tool.name != ISSUE_TOOL) {
                for place in places::of_tool([self.from, self.to], &tool.name) {
                    let Some(to) = Reach::of(self.to, subject, &tool.name, &place) else {
                        continue;
                    };
                    let case = self.case(subject, &to, &place);
                    any.get_or_insert_with(|| case.clone());
                    let from = Reach::of(self.from, subject, &tool.name, &place);
                    if let (Some(issue), Some(from)) = (&to.issue, &from)
                        && !to.caller.is_empty()
                        && !from.caller.is_empty()
                    {
                        issuer.get_or_insert_with(|| Case { issue: Some(issue.clone()), ..case.clone() });
                    }
                    self.place(&case, &to, from.as_ref(), &mut rows);
                }
            }
            if let Some(case) = issuer {
                self.issuing(&case, &mut rows);
            }
        }
        if let Some(case) = any {
            self.doors(&case, &mut rows);
        }
        merged(rows)
    }

    /// An ordinary call: the smallest lease, no risk.
    fn case(self, subject: &str, to: &Reach<'_>, place: &[Target]) -> Case {
        // Where both policies know a key or carrier, the call is one that only its authority decides.
        let known = |key: &SigningKey| super::accepts_key(self.from, key);
        let keys: Vec<SigningKey> =
            keys([self.to, self.from]).into_iter().filter(|key| super::accepts_key(self.to, key)).collect();
        let key = keys.iter().find(|key| known(key)).or(keys.first()).cloned();
        let carriers =
            || [Carrier::Meta, Carrier::Arguments].into_iter().filter(|carrier| super::accepts_carrier(self.to, *carrier));
        let carrier = carriers().find(|carrier| super::accepts_carrier(self.from, *carrier)).or(carriers().next());
        Case {
            subject: subject.to_owned(),
            tool: to.tool.name.clone(),
            targets: place.to_vec(),
            args: to.args.clone(),
            points: 0,
            ttl: 1,
            uses: 1,
            key: key.unwrap_or_else(|| SigningKey { kid: String::new(), commitment: String::new() }),
            carrier: carrier.unwrap_or(Carrier::Meta),
            issue: None,
        }
    }

    /// Rows of one subject, tool and place.
    fn place(self, case: &Case, to: &Reach<'_>, from: Option<&Reach<'_>>, rows: &mut Vec<Row>) {
        let Some(from) = from else {
            rows.push(self.row(Dimension::Reach, "denied", &limits(&to.operator), case.clone()));
            if let Some(issue) = to.issue.as_ref().filter(|_| !to.caller.is_empty()) {
                let case = Case { issue: Some(issue.clone()), ..case.clone() };
                rows.push(self.row(Dimension::SelfIssue, "denied", &limits(&to.caller), case));
            }
            return;
        };
        self.corners(&to.operator, &from.operator, case, rows);
        match (&to.issue, to.caller.is_empty(), from.caller.is_empty()) {
            (Some(issue), false, true) => {
                let case = Case { issue: Some(issue.clone()), ..case.clone() };
                rows.push(self.row(Dimension::SelfIssue, "denied", &limits(&to.caller), case));
            }
            (Some(issue), false, false) => {
                let case = Case { issue: Some(from.issue.clone().unwrap_or_else(|| issue.clone())), ..case.clone() };
                // What both policies accept keeps the row about the limits, unless no such call exists.
                let shared = super::issues(self.to, &case.subject, case.issue.as_ref().unwrap_or(issue));
                let case = if shared { case } else { Case { issue: Some(issue.clone()), ..case } };
                self.corners(&to.caller, &from.caller, &case, rows);
            }
            (None, _, _) | (Some(_), true, _) => {}
        }
        for (arg, kind) in reach::ruled(to.tool) {
            let value = match kind {
                ArgKind::Text | ArgKind::Url => {
                    reach::text(to.tool, arg, &case.targets, &Texts::of(rules(from.tool, arg)), true).map(Value::Text)
                }
                ArgKind::Integer(least, most) => {
                    reach::integer_beyond(to.tool, from.tool, arg, (least, most)).map(Value::Integer)
                }
                ArgKind::List | ArgKind::Object => None,
            };
            let Some(value) = value else { continue };
            let mut case = case.clone();
            case.args.insert(arg.to_owned(), value);
            let dimension = Dimension::Argument(arg.to_owned());
            rows.push(self.row(dimension, &rules_text(from.tool, arg), &rules_text(to.tool, arg), case));
        }
    }

    /// Rows for the limits of a lease: every corner must lie within one of the other side.
    fn corners(self, to: &[Corner], from: &[Corner], case: &Case, rows: &mut Vec<Row>) {
        let beyond: Vec<Corner> = to.iter().copied().filter(|corner| !from.iter().any(|other| corner.within(*other))).collect();
        let Some(first) = beyond.first() else { return };
        let at = |corner: &Corner| Case { ttl: corner.ttl, uses: corner.uses, points: corner.points, ..case.clone() };
        let said = rows.len();
        let most = |list: &[Corner], of: Measure| list.iter().map(of).max().unwrap_or(0);
        let kinds: [(Dimension, Measure, Words); 3] = [
            (Dimension::Ttl, |corner| corner.ttl, duration),
            (Dimension::Uses, |corner| corner.uses, |number| number.to_string()),
            (Dimension::Risk, |corner| u64::from(corner.points), |number| risk(u16::try_from(number).unwrap_or(u16::MAX))),
        ];
        for (dimension, of, text) in kinds {
            let (high, low) = (most(to, of), most(from, of));
            if let Some(corner) = beyond.iter().find(|corner| of(corner) == high && high > low) {
                rows.push(self.row(dimension, &text(low), &text(high), at(corner)));
            }
        }
        if rows.len() == said {
            rows.push(self.row(Dimension::Together, &limits(from), &limits(&[*first]), at(first)));
        }
    }

    /// Rows for what the issuing tool itself accepts.
    fn issuing(self, case: &Case, rows: &mut Vec<Row>) {
        let (Some(to), Some(from), Some(issue)) = (super::issue_tool(self.to), super::issue_tool(self.from), &case.issue) else {
            return;
        };
        let with = |issue: IssueCall| Case { issue: Some(issue), ..case.clone() };
        let mut push = |dimension, (low, high): (&str, &str), issue| {
            rows.push(Row { tool: ISSUE_TOOL.to_owned(), places: Vec::new(), ..self.row(dimension, low, high, with(issue)) });
        };
        let (low, high) = (reach::issue_points(self.from).unwrap_or(0), reach::issue_points(self.to).unwrap_or(0));
        if high > low {
            push(Dimension::Risk, (&risk(low), &risk(high)), IssueCall { points: high, ..issue.clone() });
        }
        for arg in ["session_id", "intent"] {
            let Some(text) = reach::text(to, arg, &[], &Texts::of(rules(from, arg)), true) else {
                continue;
            };
            let mut issue = issue.clone();
            match arg {
                "intent" => issue.intent = text,
                _ => issue.session_id = text,
            }
            push(Dimension::Argument(arg.to_owned()), (&rules_text(from, arg), &rules_text(to, arg)), issue);
        }
    }

    /// Rows for keys and carriers, which hold for every call.
    fn doors(self, case: &Case, rows: &mut Vec<Row>) {
        let all = |row: Row| Row { subject: "*".to_owned(), tool: "*".to_owned(), places: Vec::new(), ..row };
        let mut seen = BTreeSet::new();
        for key in keys([self.from, self.to]) {
            let gained = super::accepts_key(self.to, &key) && !super::accepts_key(self.from, &key);
            if gained && seen.insert(key.kid.clone()) {
                let (low, high) = (key_text(self.from, &key.kid), key_text(self.to, &key.kid));
                rows.push(all(self.row(Dimension::Key, &low, &high, Case { key, ..case.clone() })));
            }
        }
        for (carrier, name) in [(Carrier::Meta, "meta"), (Carrier::Arguments, "arguments")] {
            if super::accepts_carrier(self.to, carrier) && !super::accepts_carrier(self.from, carrier) {
                rows.push(all(self.row(Dimension::Carrier, "denied", name, Case { carrier, ..case.clone() })));
            }
        }
    }

    /// A row from the point of view of this step. A case that the evaluator does not confirm is not shown; the row stays, since a
    /// reviewer should rather look once too often.
    fn row(self, dimension: Dimension, from: &str, to: &str, case: Case) -> Row {
        let (old, new) = match self.status {
            Status::Gained | Status::Unchanged => (from, to),
            Status::Lost => (to, from),
        };
        let places = case.targets.iter().map(place_text).collect();
        let (subject, tool) = (case.subject.clone(), case.tool.clone());
        let confirmed = permits(self.to, &case) && !permits(self.from, &case);
        let witness = confirmed.then_some(case);
        Row { status: self.status, subject, tool, places, dimension, old: old.to_owned(), new: new.to_owned(), witness }
    }
}

fn subjects(policy: &Policy) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    policy.grants.iter().map(|grant| grant.subject.as_str()).filter(|subject| seen.insert(*subject)).collect()
}

/// Every key id with every commitment that is pinned for it, and one that is pinned nowhere.
fn keys(policies: [&Policy; 2]) -> Vec<SigningKey> {
    let all = || policies.into_iter().flat_map(|policy| &policy.keys);
    let pinned: BTreeSet<&str> = all().filter_map(|key| key.commitment.as_deref()).collect();
    let other = (0u64..).map(|n| format!("{n:016x}")).find(|text| !pinned.contains(text.as_str())).unwrap_or_default();
    let kids: BTreeSet<&str> = all().map(|key| key.kid.as_str()).collect();
    let of_kid = |kid: &&str| {
        let own = all().filter(|key| key.kid == *kid).filter_map(|key| key.commitment.clone());
        own.chain([other.clone()]).map(|commitment| SigningKey { kid: (*kid).to_owned(), commitment }).collect::<Vec<_>>()
    };
    kids.iter().flat_map(of_kid).collect()
}

fn key_text(policy: &Policy, kid: &str) -> String {
    match policy.keys.iter().find(|key| key.kid == kid) {
        None => "denied".to_owned(),
        Some(key) => key.commitment.as_ref().map_or_else(|| format!("{kid}, any key"), |pin| format!("{kid}, pinned {pin}")),
    }
}

fn place_text(target: &Target) -> String {
    let Target { host, port, stand_in } = target;
    match stand_in {
        None => format!("{host}:{port}"),
        Some(local) => format!("{host}:{port} (stand-in 127.0.0.1:{local})"),
    }
}

/// Limits of leases in words; the largest of each where there are several.
fn limits(corners: &[Corner]) -> String {
    let most = |of: fn(&Corner) -> u64| corners.iter().map(of).max().unwrap_or(0);
    let points = corners.iter().map(|corner| corner.points).max().unwrap_or(0);
    format!("{}, {} calls, risk {}", duration(most(|corner| corner.ttl)), most(|corner| corner.uses), risk(points))
}

fn rules_text(tool: &Tool, arg: &str) -> String {
    let words: Vec<String> = rules(tool, arg)
        .iter()
        .map(|rule| match rule {
            ArgRule::OneOf(values) => format!("one_of {values:?}"),
            ArgRule::Prefix(text) => format!("prefix {text:?}"),
            ArgRule::Suffix(text) => format!("suffix {text:?}"),
            ArgRule::MinLength(length) => format!("min_length {length}"),
            ArgRule::MaxLength(length) => format!("max_length {length}"),
            ArgRule::Min(bound) => format!("min {bound}"),
            ArgRule::Max(bound) => format!("max {bound}"),
            ArgRule::Matches(pattern) => format!("matches {pattern:?}"),
            ArgRule::Under(path) => format!("under {path:?}"),
            ArgRule::HostIn(hosts) => format!("host_in {:?}", hosts.iter().map(written).collect::<Vec<_>>()),
            ArgRule::MaxItems(most) => format!("max_items {most}"),
            ArgRule::Forbid => "forbid".to_owned(),
        })
        .collect();
    if words.is_empty() { "no rule".to_owned() } else { words.join(", ") }
}

/// Rows that differ only in their places become one; the first case stays.
fn merged(rows: Vec<Row>) -> Vec<Row> {
    let mut merged: Vec<Row> = Vec::new();
    for row in rows {
        let same = |other: &&mut Row| {
            (&other.subject, &other.tool, &other.dimension, &other.old, &other.new)
                == (&row.subject, &row.tool, &row.dimension, &row.old, &row.new)
        };
        match merged.iter_mut().find(same) {
            Some(other) => {
                let more: Vec<String> = row.places.into_iter().filter(|place| !other.places.contains(place)).collect();
                other.places.extend(more);
                other.witness = other.witness.take().or(row.witness);
            }
            None => merged.push(row),
        }
    }
    merged
}

/// Everything that both policies reach, one row for each subject and tool.
fn unchanged(old: &Policy, new: &Policy) -> Vec<Row> {
    let mut rows = Vec::new();
    for subject in subjects(new) {
        for tool in new.tools.iter().filter(|tool| tool.name != ISSUE_TOOL) {
            for place in places::of_tool([old, new], &tool.name) {
                let reaches = [old, new].map(|policy| Reach::of(policy, subject, &tool.name, &place));
                let [Some(_), Some(now)] = reaches else { continue };
                let text = limits(&now.operator);
                rows.push(Row {
                    status: Status::Unchanged,
                    subject: subject.to_owned(),
                    tool: tool.name.clone(),
                    places: place.iter().map(place_text).collect(),
                    dimension: Dimension::Reach,
                    old: text.clone(),
                    new: text,
                    witness: None,
                });
            }
        }
    }
    merged(rows)
}

/// What differs outside the authority that rows compare: name (the audience of leases), text for the model, ledger, default
/// life, hosts whose mention in an argument counts as no risk. Each is what it is, its old and its new text.
#[must_use]
pub fn notes(old: &Policy, new: &Policy) -> Vec<(&'static str, String, String)> {
    let lists = |policy: &Policy| {
        let hosts = |tool: &Tool| tool.egress.iter().map(|entry| written(&entry.host)).collect::<Vec<_>>().join(" ");
        policy
            .tools
            .iter()
            .filter(|tool| !tool.egress.is_empty())
            .map(|tool| format!("{}: {}", tool.name, hosts(tool)))
            .collect::<Vec<_>>()
            .join("; ")
    };
    let ledger = |policy: &Policy| format!("{:?}", policy.ledger);
    [
        ("gateway name (audience of leases)", old.gateway.name.clone(), new.gateway.name.clone()),
        ("instructions", old.gateway.instructions.clone(), new.gateway.instructions.clone()),
        ("ledger", ledger(old), ledger(new)),
        ("default life of a lease", duration(old.lease.default_ttl), duration(new.lease.default_ttl)),
        ("listed hosts (a URL of another host in an argument adds risk)", lists(old), lists(new)),
    ]
    .into_iter()
    .filter(|(_, old, new)| old != new)
    .collect()
}
