//! Words that several parts of a report use.

use crate::amount::duration;
use crate::ir::{EffectClass, Issue, Quota, Rate};
use std::fmt::Display;

/// Width of the first column. It is fixed: were it that of the longest entry, one entry would move all.
const COLUMN: usize = 20;

/// `  key                 value`.
pub(super) fn row(key: &str, value: impl Display) -> String {
    format!("  {key:<COLUMN$}{value}")
}

/// Texts with something between them.
pub(super) fn list(texts: &[String], between: &str) -> String {
    texts.join(between)
}

/// What a tool does: `reads`.
pub(super) const fn verb(effect: EffectClass) -> &'static str {
    match effect {
        EffectClass::Read => "reads",
        EffectClass::Write => "writes",
        EffectClass::Send => "sends",
    }
}

/// Who issues a lease.
pub(super) const fn issue(issue: Issue) -> &'static str {
    match issue {
        Issue::Operator => "by the operator",
        Issue::SelfService => "to whoever asks, through airlock_issue_capability",
        Issue::Human => "once the connected user accepts, through airlock_issue_capability",
    }
}

/// Each bound of a quota in words.
pub(super) fn quota(quota: &Quota) -> Vec<String> {
    let Quota { rate, session_rate, session_calls } = quota;
    let bounds = [
        rate.map(|bound| format!("{}, in all sessions together", per(bound))),
        session_rate.map(|bound| format!("{}, in each session", per(bound))),
        session_calls.map(|calls| format!("{calls} calls in each session, ever")),
    ];
    bounds.into_iter().flatten().collect()
}

fn per(rate: Rate) -> String {
    let Rate { calls, seconds } = rate;
    format!("{calls} calls in any {}", duration(u64::from(seconds)))
}
