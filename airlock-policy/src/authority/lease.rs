//! Rows about leases: their limits, who issues them, keys and carriers.

use super::case::{Carrier, Case, IssueCall, SigningKey, Value};
use super::compare::{Dimension, Row, Step, most};
use super::face;
use super::reach::{Corner, Limits, Meeting};
use super::risks::{self, Weights};
use super::search::Found;
use super::values::{self, Values};
use super::verdict::Judge;
use super::words;
use crate::amount::duration;
use crate::builtin::ISSUE_TOOL;
use crate::ir::Policy;
use crate::limits::RISK_MAX;
use std::collections::BTreeSet;

/// One limit of a corner.
type Measure = fn(&Corner) -> u64;
/// A limit in words.
type Words = fn(u64) -> String;

/// Rows for the limits of a lease: every corner must lie within one of the other side. `how` ends each text.
pub(super) fn corners(
    step: &Step<'_>,
    meeting: &Meeting<'_>,
    (to, from): (&[Corner], &[Corner]),
    how: &str,
    case: &Case,
    rows: &mut Vec<Row>,
) {
    // What a call weighs for the other policy, which may count factors that this one ignores.
    let weights = &meeting.weights;
    let weighed = |corner: &Corner| Corner { points: weights.heaviest(corner.points), ..*corner };
    let to: Vec<(Corner, Corner)> = to.iter().map(|corner| (*corner, weighed(corner))).collect();
    let beyond: Vec<(Corner, Corner)> =
        to.iter().copied().filter(|(_, corner)| !from.iter().any(|other| corner.within(other))).collect();
    let Some((first, _)) = beyond.first() else { return };
    let at = |corner: &Corner| Case { ttl: corner.ttl, uses: corner.uses, risk: weights.factors(corner.points), ..case.clone() };
    let said = rows.len();
    let weighed: Vec<Corner> = to.iter().map(|(_, corner)| *corner).collect();
    let kinds: [(Dimension, Measure, Words); 2] =
        [(Dimension::Ttl, |corner| corner.ttl, duration), (Dimension::Uses, |corner| corner.uses, |number| number.to_string())];
    for (dimension, of, text) in kinds {
        let (high, low) = (most(&weighed, of), most(from, of));
        if let Some((corner, _)) = beyond.iter().find(|(corner, _)| of(corner) == high && high > low) {
            // With nothing else that is large, where that is enough.
            let small = match dimension {
                Dimension::Ttl => Case { ttl: corner.ttl, ..case.clone() },
                _ => Case { uses: corner.uses, ..case.clone() },
            };
            let shown = if step.confirms(&small) { small } else { at(corner) };
            rows.push(step.row(dimension, &format!("{}{how}", text(low)), &format!("{}{how}", text(high)), shown));
        }
    }
    let points = |corner: &Corner| u64::from(corner.points);
    let (high, low) = (most(&weighed, points), most(from, points));
    if let Some((corner, _)) = beyond.iter().find(|(_, corner)| points(corner) == high && high > low) {
        let text = |points: u64, tool| format!("{}{}{how}", words::points(points), risks::ignored_text(tool));
        let old = text(low, meeting.from.unwrap_or(meeting.to));
        rows.push(step.row(Dimension::Risk, &old, &text(points(corner), meeting.to), at(corner)));
    }
    if rows.len() == said {
        let text = |corners: &[Corner]| format!("{}{how}", words::limits(corners));
        rows.push(step.row(Dimension::Together, &text(from), &text(&[*first]), at(first)));
    }
}

/// Rows where the caller issues its leases under both policies.
pub(super) fn by_caller(
    step: &Step<'_>,
    meeting: &Meeting<'_>,
    (to, from): (&Limits, &Limits),
    case: &Case,
    rows: &mut Vec<Row>,
) {
    let accepted = |call: &&IssueCall| step.to.issues(&case.subject, call) > super::Verdict::Deny;
    let known = |call: &&IssueCall| step.from.issues(&case.subject, call) > super::Verdict::Deny;
    let calls = || step.issuing.call.iter().chain(&step.issuing.other);
    // What both policies accept keeps the row about the limits, unless no such call exists.
    let both = calls().filter(known).find(accepted).or_else(|| calls().find(accepted));
    let case = Case { issue: both.cloned(), ..case.clone() };
    corners(step, meeting, (&to.caller, &from.caller), ", issued by itself", &case, rows);
    if words::always_asked(step.to, meeting.to) || to.freely.is_empty() {
        return;
    }
    if from.freely.is_empty() {
        rows.push(step.row(Dimension::Consent, "with a person's consent", "without asking anybody", case));
    } else if !words::always_asked_of(step.from, meeting.from) {
        // What goes beyond all that the caller had is told already.
        let had = |corner: &&Corner| {
            let weighed = Corner { points: meeting.weights.heaviest(corner.points), ..**corner };
            from.caller.iter().any(|other| weighed.within(other))
        };
        let freely: Vec<Corner> = to.freely.iter().filter(had).copied().collect();
        corners(step, meeting, (&freely, &from.freely), ", issued by itself without asking anybody", &case, rows);
    }
}

/// Rows for what the issuing tool itself accepts.
pub(super) fn issuing(step: &Step<'_>, case: &Case, rows: &mut Vec<Row>) {
    let (Some(to), Some(from), Some(call)) = (step.to.tool(ISSUE_TOOL), step.from.tool(ISSUE_TOOL), &step.issuing.call) else {
        return;
    };
    let mut push = |dimension, (low, high): (&str, &str), call: Option<IssueCall>| {
        let asked = call.map(|call| Case { issue: Some(call), ..case.clone() });
        rows.push(step.row_of(dimension, low, high, asked, (&case.subject, ISSUE_TOOL)));
    };
    let weights = Weights::of(to, from);
    let (low, high) = (risks::highest(from, RISK_MAX).unwrap_or(0), risks::highest(to, RISK_MAX).unwrap_or(0));
    if weights.heaviest(high) > low {
        let text = |points: u32, tool| format!("{}{}", words::points(u64::from(points)), risks::ignored_text(tool));
        let call = IssueCall { risk: weights.factors(high), ..call.clone() };
        push(Dimension::Risk, (&text(low, from), &text(high, to)), Some(call));
    }
    let fields = face::fields(to);
    for arg in ["session_id", "intent"] {
        let Some(field) = fields.iter().find(|field| field.name == arg) else { continue };
        let sets = [Values::of(to, field, &step.to.patterns), Values::of(from, field, &step.to.patterns)];
        let found = match values::beyond(sets[0], sets[1], None) {
            Found::This(Value::Text(text)) => {
                let mut call = call.clone();
                match arg {
                    "intent" => call.intent = text,
                    _ => call.session_id = text,
                }
                Some(call)
            }
            Found::Nothing => continue,
            Found::This(_) | Found::Unknown => None,
        };
        let words = (words::rules(from, arg), words::rules(to, arg));
        push(Dimension::Argument(arg.to_owned()), (&words.0, &words.1), found);
    }
}

/// Rows for keys and carriers, which hold for every call.
pub(super) fn doors(step: &Step<'_>, case: &Case, rows: &mut Vec<Row>) {
    let mut seen = BTreeSet::new();
    for key in keys([step.from.policy, step.to.policy]) {
        let gained = step.to.accepts_key(&key) && !step.from.accepts_key(&key);
        if gained && seen.insert(key.kid.clone()) {
            let (low, high) = (words::key(step.from.policy, &key.kid), words::key(step.to.policy, &key.kid));
            rows.push(step.row_of(Dimension::Key, &low, &high, Some(Case { key, ..case.clone() }), ("*", "*")));
        }
    }
    for (carrier, name) in [(Carrier::Meta, "meta"), (Carrier::Arguments, "arguments"), (Carrier::Ambient, "ambient")] {
        if step.to.accepts_carrier(carrier) && !step.from.accepts_carrier(carrier) {
            rows.push(step.row_of(Dimension::Carrier, "denied", name, Some(Case { carrier, ..case.clone() }), ("*", "*")));
        }
    }
}

/// A key and a carrier that `to` accepts, and `from` too if they share any.
pub(super) fn doors_of(from: &Judge<'_>, to: &Judge<'_>) -> (SigningKey, Carrier) {
    let keys: Vec<SigningKey> = keys([to.policy, from.policy]).into_iter().filter(|key| to.accepts_key(key)).collect();
    let key = keys.iter().find(|key| from.accepts_key(key)).or(keys.first()).cloned();
    let carriers =
        || [Carrier::Meta, Carrier::Arguments, Carrier::Ambient].into_iter().filter(|carrier| to.accepts_carrier(*carrier));
    let carrier = carriers().find(|carrier| from.accepts_carrier(*carrier)).or(carriers().next());
    let none = || SigningKey { kid: String::new(), commitment: String::new() };
    (key.unwrap_or_else(none), carrier.unwrap_or(Carrier::Meta))
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
