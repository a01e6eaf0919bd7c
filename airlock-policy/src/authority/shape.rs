//! Rows about a tool itself: approval, what it sends, what of the answer it gives.

use super::case::{Case, Request};
use super::compare::{Dimension, Row, Step};
use super::face;
use super::reach::Meeting;
use super::{signatures, words};
use crate::ir::Rest;

/// Bytes of the smallest query: `,"query":{}`.
const QUERY_BYTES: u64 = 11;

/// Rows where both policies let the subject call the tool.
pub(super) fn rows(step: &Step<'_>, meeting: &Meeting<'_>, case: &Case, rows: &mut Vec<Row>) {
    let Some(from) = meeting.from else { return };
    if words::always_asked_of(step.from, Some(from)) && !words::always_asked(step.to, meeting.to) {
        rows.push(step.row(Dimension::Approval, "a person approves each call", "no approval", case.clone()));
    }
    if let Some(signed) = signatures::too_few(step, meeting) {
        let [old, new] = [signatures::words(step.from.policy, from), signatures::words(step.to.policy, meeting.to)];
        rows.push(step.row(Dimension::Approval, &old, &new, Case { signed, ..case.clone() }));
    }
    if face::proxied(meeting.to).is_none()
        && from.strict
        && meeting.to.strict
        && face::slack(meeting.to) > 0
        && face::slack(from) == 0
    {
        let case = Case { more_bytes: QUERY_BYTES, ..case.clone() };
        rows.push(step.row(Dimension::Argument("query".to_owned()), "not given", "no rule", case));
    }
    let (theirs, ours) = (face::rest(from), face::rest(meeting.to));
    let (Some(theirs), Some(ours), Some(request)) = (theirs, ours, &case.request) else {
        return;
    };
    let (old, new) = (face::sends(theirs), face::sends(ours));
    if old != new {
        let only = |some: &[String], others: &[String]| -> String {
            let lines: Vec<&str> = some.iter().filter(|line| !others.contains(line)).map(String::as_str).collect();
            if lines.is_empty() { "the rest alone".to_owned() } else { lines.join("; ") }
        };
        // The same lines in another order are still another request.
        let (low, high) = match only(&new, &old) == only(&old, &new) {
            true => (old.join("; "), new.join("; ")),
            false => (only(&old, &new), only(&new, &old)),
        };
        rows.push(step.row(Dimension::Request, &low, &high, case.clone()));
    }
    answer(step, (theirs, ours), request, case, rows);
}

fn answer(step: &Step<'_>, (theirs, ours): (&Rest, &Rest), request: &Request, case: &Case, rows: &mut Vec<Row>) {
    let with = |request: Request| Case { request: Some(request), ..case.clone() };
    let (old, new) = (&theirs.response.select, &ours.response.select);
    if let Some(pointer) = face::pointers(new).into_iter().find(|pointer| !face::gives(old, pointer)) {
        let case = with(Request { reads: pointer.to_owned(), ..request.clone() });
        rows.push(step.row(Dimension::Answer, &words::select(old), &words::select(new), case));
    }
    let (low, high) = (theirs.response.max_bytes, ours.response.max_bytes);
    if high > low {
        let case = with(Request { answer_bytes: high, ..request.clone() });
        rows.push(step.row(Dimension::AnswerBytes, &words::bytes(low), &words::bytes(high), case));
    }
}
