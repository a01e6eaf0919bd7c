//! What upstreams may ask of the client under the one policy and not under the other.

use super::compare::{Dimension, Row, Step};

/// Rows for every upstream that both policies have; what a new one may ask comes with the tools of it that are gained.
pub(super) fn rows(step: &Step<'_>, rows: &mut Vec<Row>) {
    for upstream in &step.to.policy.upstreams {
        let Some(other) = step.from.policy.upstreams.iter().find(|other| other.name == upstream.name) else { continue };
        for question in upstream.may_ask.iter().filter(|question| !other.may_ask.contains(question)) {
            let [old, new] = ["refused", question.word()].map(|text| format!("{text}, {}", upstream.name));
            rows.push(step.row_of(Dimension::Questions, &old, &new, None, ("*", "*")));
        }
    }
}
