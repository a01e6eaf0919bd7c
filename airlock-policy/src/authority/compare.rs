//! The difference of two policies as rows: what is gained, lost and unchanged, each change with a case.

use super::case::{Carrier, Case, SigningKey, Verdict};
use super::reach::{self, Corner, Issuing, Limits, Meeting, Spot};
use super::verdict::Judge;
use super::{across, foreign, lease, origins, shape, signatures, words};
use crate::builtin::ISSUE_TOOL;
use crate::ir::{Grant, Policy};
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};

/// What became of an authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The new policy allows calls that the old one denies or asks about, or asks about calls that the old one denies.
    Gained,
    /// The other way round.
    Lost,
    /// Both treat the same calls alike.
    Unchanged,
}

/// What a row is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
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
    /// It can do so without a person's consent.
    Consent,
    /// Calls need a person's approval, at the client or by signature.
    Approval,
    /// Values of an argument.
    Argument(String),
    /// Where the values of an argument come from.
    Provenance(String),
    /// Arguments that the tool does not name.
    Unnamed,
    /// Size of the arguments.
    ArgumentBytes,
    /// What a declarative tool sends, and where.
    Request,
    /// The program of an upstream and what it is started with.
    Program,
    /// The reviewed definition of a tool of an upstream.
    Definition,
    /// What becomes of results that look like an injection.
    Screening,
    /// What an upstream may ask of the client, and tell it.
    Questions,
    /// Which part of an answer the caller gets.
    Answer,
    /// Size of an answer.
    AnswerBytes,
    /// How many questions in a session.
    StepUps,
    /// How many calls in a period, over all sessions.
    Rate,
    /// How many calls in a period of one session.
    SessionRate,
    /// How many calls in a session.
    SessionCalls,
    /// What earlier calls of a session forbid.
    Flow,
    /// An accepted key.
    Key,
    /// A carrier.
    Carrier,
    /// What the kernel denies to the gateway itself, or to the process of an upstream.
    Confinement,
    /// What becomes of a refused call.
    Mode,
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
    /// A call that the one policy judges more freely than the other; both were asked. Nothing for what is unchanged, and where a
    /// search was too large: then the row says that there may be such a call.
    pub witness: Option<Case>,
    /// What the old and the new policy make of that call.
    pub verdicts: Option<[Verdict; 2]>,
}

/// The difference between two policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// All rows: gained, lost, unchanged; each in the order of the manifests.
    pub rows: Vec<Row>,
}

impl Difference {
    /// Whether the new policy allows (or asks about) any call that the old one denies (or asks about).
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
    let old = Judge::of(old);
    let new = old.beside(new);
    let forward = Step::of(&old, &new, Status::Gained);
    let mut rows = forward.rows();
    rows.extend(Step::of(&new, &old, Status::Lost).rows());
    let same = unchanged(&forward, &rows);
    rows.extend(same);
    Difference { rows }
}

/// Two policies, seen as a step from one to the other. Rows say what `to` allows and `from` does not.
pub(super) struct Step<'p> {
    pub(super) from: &'p Judge<'p>,
    pub(super) to: &'p Judge<'p>,
    pub(super) status: Status,
    pub(super) meetings: HashMap<&'p str, Meeting<'p>>,
    pub(super) issuing: Issuing,
    /// Where both policies know a key or carrier, calls use it, so that only their authority decides.
    pub(super) key: SigningKey,
    pub(super) carrier: Carrier,
}

/// Grants of a subject by the tools they name.
pub(super) type ByTool<'p> = HashMap<&'p str, Vec<&'p Grant>>;

pub(super) fn by_tool<'p>(judge: &Judge<'p>, subject: &str) -> ByTool<'p> {
    let mut tools: ByTool<'p> = HashMap::new();
    for grant in judge.grants(subject) {
        for tool in &grant.tools {
            tools.entry(tool).or_default().push(grant);
        }
    }
    tools
}

impl<'p> Step<'p> {
    fn of(from: &'p Judge<'p>, to: &'p Judge<'p>, status: Status) -> Self {
        let granted: BTreeSet<&str> = to.policy.grants.iter().flat_map(|grant| &grant.tools).map(String::as_str).collect();
        let tools = to.policy.tools.iter().filter(|tool| tool.name != ISSUE_TOOL && granted.contains(tool.name.as_str()));
        let meetings = tools.map(|tool| (tool.name.as_str(), Meeting::of(to, from, tool))).collect();
        let (key, carrier) = lease::doors_of(from, to);
        Self { from, to, status, meetings, issuing: Issuing::of(to, from), key, carrier }
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for subject in subjects(self.to.policy) {
            let (ours, theirs) = (by_tool(self.to, subject), by_tool(self.from, subject));
            let mut issuer = None;
            for tool in &self.to.policy.tools {
                let (Some(meeting), Some(grants)) = (self.meetings.get(tool.name.as_str()), ours.get(tool.name.as_str())) else {
                    continue;
                };
                let theirs = theirs.get(tool.name.as_str()).map_or(&[][..], Vec::as_slice);
                for group in self.groups(subject, meeting, grants, theirs) {
                    let first = rows.len();
                    self.group(subject, meeting, &group, &mut rows);
                    for row in rows.iter_mut().skip(first) {
                        row.places = group.spots.iter().flat_map(|spot| spot.words.clone()).collect();
                    }
                    if !group.to.caller.is_empty() && group.from.as_ref().is_some_and(|from| !from.caller.is_empty()) {
                        issuer = issuer.or_else(|| group.spots.first().map(|spot| self.case(subject, meeting, spot)));
                    }
                }
            }
            if let Some(case) = issuer {
                lease::issuing(self, &case, &mut rows);
            }
        }
        across::rows(self, &mut rows);
        rows
    }

    /// Places at which a subject has the same limits and arguments differ in the same ways.
    fn groups<'s>(&self, subject: &str, meeting: &'s Meeting<'p>, ours: &[&Grant], theirs: &[&Grant]) -> Vec<Group<'s>> {
        let mut groups: Vec<Group<'s>> = Vec::new();
        let issued = |judge: &Judge<'_>| {
            let both = self.issuing.call.iter().chain(&self.issuing.other);
            both.map(|call| judge.issues(subject, call)).max().unwrap_or(Verdict::Deny)
        };
        let issued = [issued(self.to), issued(self.from)];
        for spot in &meeting.spots {
            let to = reach::limits(self.to, ours, meeting.to, &spot.place, issued[0]);
            if to.operator.is_empty() {
                continue;
            }
            let known = meeting.from.filter(|_| spot.known);
            let from = known.map(|tool| reach::limits(self.from, theirs, tool, &spot.place, issued[1]));
            let from = from.filter(|from| !from.operator.is_empty());
            let same = |group: &&mut Group<'_>| {
                let first = group.spots.first().map(|other| other.beyond.iter().map(|(what, _)| what));
                group.to == to
                    && group.from == from
                    && first.is_some_and(|what| what.eq(spot.beyond.iter().map(|(what, _)| what)))
            };
            match groups.iter_mut().find(same) {
                Some(group) => group.spots.push(spot),
                None => groups.push(Group { to, from, spots: vec![spot] }),
            }
        }
        groups
    }

    /// An ordinary call: the smallest lease, no risk.
    pub(super) fn case(&self, subject: &str, meeting: &Meeting<'_>, spot: &Spot) -> Case {
        let case = reach::case(
            self.to.policy,
            subject,
            [meeting.to, meeting.from.unwrap_or(meeting.to)],
            &spot.place,
            spot.args.clone(),
        );
        let mut signed = signatures::everybody(self.to.policy, meeting.to);
        signed.extend(meeting.from.map(|from| signatures::everybody(self.from.policy, from)).unwrap_or_default());
        Case { key: self.key.clone(), carrier: self.carrier, signed, ..case }
    }

    /// Rows of one subject and tool at places that are alike.
    fn group(&self, subject: &str, meeting: &Meeting<'_>, group: &Group<'_>, rows: &mut Vec<Row>) {
        let Some(spot) = group.spots.first() else { return };
        let case = self.case(subject, meeting, spot);
        let call = self.issuing.call.clone();
        let issued = Case { issue: call.clone(), ..case.clone() };
        let Some(from) = &group.from else {
            let reached = format!("{}{}", words::limits(&group.to.operator), words::condition(self.to, meeting.to));
            rows.push(self.row(Dimension::Reach, "denied", &reached, case));
            if !group.to.caller.is_empty() {
                let text = words::self_issue(&group.to);
                rows.push(self.row(Dimension::SelfIssue, "denied", &text, issued));
            }
            return;
        };
        lease::corners(self, meeting, (&group.to.operator, &from.operator), "", &case, rows);
        if !group.to.caller.is_empty() && from.caller.is_empty() {
            rows.push(self.row(Dimension::SelfIssue, "denied", &words::self_issue(&group.to), issued));
        } else if !group.to.caller.is_empty() {
            lease::by_caller(self, meeting, (&group.to, from), &case, rows);
        }
        shape::rows(self, meeting, &case, rows);
        foreign::rows(self, meeting, &case, rows);
        origins::rows(self, meeting, &case, rows);
        for (dimension, args) in &spot.beyond {
            let tools = meeting.from.map(|other| (other, meeting.to));
            let (low, high) = tools.map_or_else(Default::default, |tools| words::arguments(tools, dimension));
            let case = args.as_ref().map(|args| self.case(subject, meeting, &spot.at(args.clone())));
            rows.push(self.row_of(dimension.clone(), &low, &high, case, (subject, &meeting.to.name)));
        }
    }

    /// A row from the point of view of this step.
    pub(super) fn row(&self, dimension: Dimension, from: &str, to: &str, case: Case) -> Row {
        let (subject, tool) = (case.subject.clone(), case.tool.clone());
        self.row_of(dimension, from, to, Some(case), (&subject, &tool))
    }

    /// The same where there may be no case. A case that the evaluator does not confirm is not shown; the row stays, since a reviewer
    /// should rather look once too often.
    pub(super) fn row_of(&self, dimension: Dimension, from: &str, to: &str, case: Option<Case>, of: (&str, &str)) -> Row {
        let (old, new) = match self.status {
            Status::Gained | Status::Unchanged => (from, to),
            Status::Lost => (to, from),
        };
        let (tool, subject) = (of.1.to_owned(), of.0.to_owned());
        let row = |witness: Option<Case>, verdicts| Row {
            status: self.status,
            subject,
            tool,
            places: Vec::new(),
            dimension,
            old: old.to_owned(),
            new: new.to_owned(),
            witness,
            verdicts,
        };
        let Some(case) = case else { return row(None, None) };
        let (before, after) = (self.from.verdict(&case), self.to.verdict(&case));
        match (after > before, self.status) {
            (false, _) => row(None, None),
            (true, Status::Gained | Status::Unchanged) => row(Some(case), Some([before, after])),
            (true, Status::Lost) => row(Some(case), Some([after, before])),
        }
    }

    pub(super) fn confirms(&self, case: &Case) -> bool {
        self.to.verdict(case) > self.from.verdict(case)
    }
}

/// Places that are alike for a subject.
#[derive(Debug)]
struct Group<'s> {
    to: Limits,
    from: Option<Limits>,
    spots: Vec<&'s Spot>,
}

pub(super) fn subjects(policy: &Policy) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    policy.grants.iter().map(|grant| grant.subject.as_str()).filter(|subject| seen.insert(*subject)).collect()
}

/// The largest of each limit.
pub(super) fn most(corners: &[Corner], of: fn(&Corner) -> u64) -> u64 {
    corners.iter().map(of).max().unwrap_or(0)
}

/// Everything that both policies reach and no row speaks of, one row for each subject, tool and set of limits.
fn unchanged(step: &Step<'_>, rows: &[Row]) -> Vec<Row> {
    let mut changed: HashMap<(&str, &str), BTreeSet<&str>> = HashMap::new();
    for row in rows {
        changed.entry((&row.subject, &row.tool)).or_default().extend(row.places.iter().map(String::as_str));
    }
    let mut same = Vec::new();
    for subject in subjects(step.to.policy) {
        let (ours, theirs) = (by_tool(step.to, subject), by_tool(step.from, subject));
        for tool in &step.to.policy.tools {
            let name = tool.name.as_str();
            let (Some(meeting), Some(ours), Some(theirs)) = (step.meetings.get(name), ours.get(name), theirs.get(name)) else {
                continue;
            };
            let told = changed.get(&(subject, name));
            if changed.contains_key(&("*", name)) || told.is_some_and(BTreeSet::is_empty) {
                continue;
            }
            for group in step.groups(subject, meeting, ours, theirs).into_iter().filter(|group| group.from.is_some()) {
                let new = |word: &&String| told.is_none_or(|told| !told.contains(word.as_str()));
                let had = group.spots.iter().any(|spot| !spot.words.is_empty());
                let places: Vec<String> = group.spots.iter().flat_map(|spot| &spot.words).filter(new).cloned().collect();
                if had && places.is_empty() {
                    continue;
                }
                let text = format!("{}{}", words::limits(&group.to.operator), words::condition(step.to, tool));
                let (old, new) = (text.clone(), text);
                let (subject, tool) = (subject.to_owned(), name.to_owned());
                same.push(Row {
                    status: Status::Unchanged,
                    subject,
                    tool,
                    places,
                    dimension: Dimension::Reach,
                    old,
                    new,
                    witness: None,
                    verdicts: None,
                });
            }
        }
    }
    same
}
