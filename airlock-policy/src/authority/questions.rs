//! What upstreams may ask of the client, and tell it, under the one policy and not under the other.

use super::compare::{Dimension, Row, Step};
use crate::ir::Level;

/// Rows for every upstream that both policies have; what a new one may ask comes with the tools of it that are gained.
pub(super) fn rows(step: &Step<'_>, rows: &mut Vec<Row>) {
    for upstream in &step.to.policy.upstreams {
        let Some(other) = step.from.policy.upstreams.iter().find(|other| other.name == upstream.name) else { continue };
        for question in upstream.may_ask.iter().filter(|question| !other.may_ask.contains(question)) {
            let [old, new] = ["refused", question.word()].map(|text| format!("{text}, {}", upstream.name));
            rows.push(step.row_of(Dimension::Questions, &old, &new, None, ("*", "*")));
        }
        for host in upstream.ask_hosts.iter().filter(|host| !other.ask_hosts.contains(host)) {
            let [old, new] =
                ["nowhere".to_owned(), format!("the user to {host}")].map(|text| format!("{text}, {}", upstream.name));
            rows.push(step.row_of(Dimension::Questions, &old, &new, None, ("*", "*")));
        }
        for list in upstream.may_tell.iter().filter(|list| !other.may_tell.contains(list)) {
            let [old, new] =
                ["nothing told", &format!("changes of {} told", list.word())].map(|text| format!("{text}, {}", upstream.name));
            rows.push(step.row_of(Dimension::Questions, &old, &new, None, ("*", "*")));
        }
        // A level that stands lower lets more through.
        let more = match (other.log, upstream.log) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(from), Some(to)) => to < from,
        };
        if more {
            let words = |level: Option<Level>| {
                let from =
                    level.map_or_else(|| "no log messages".to_owned(), |level| format!("log messages from {} on", level.word()));
                format!("{from}, {}", upstream.name)
            };
            rows.push(step.row_of(Dimension::Questions, &words(other.log), &words(upstream.log), None, ("*", "*")));
        }
    }
}
