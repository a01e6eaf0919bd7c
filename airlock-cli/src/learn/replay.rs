//! The calls again, under the proposal: decided by the runtime's own functions, with leases of the proposal's grants.

use super::{Apart, Seen, Wishes};
use crate::cases::{Expect, Terms};
use crate::judge::{Asked, Judge, Lease, Request};
use crate::render::Failure;
use airlock_policy::Compiled;
use serde_json::Map;
use std::collections::{BTreeMap, BTreeSet};

/// What a replay came to.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    /// Calls that were judged with their arguments.
    pub(crate) judged: usize,
    /// Calls whose arguments are not known: nothing is said of them.
    pub(crate) unknown: usize,
    /// Those that the proposal refuses.
    pub(crate) refused: Vec<Apart>,
}

/// Judges the calls in their order at their times, each session with its leases; a user says yes to whatever is asked.
///
/// # Errors
/// No lease can say what a call needs.
pub(crate) fn replay(compiled: &Compiled, seen: &[Seen], wishes: &Wishes) -> Result<Replay, Failure> {
    let judge = Judge::of(compiled)?;
    let mut sitting = judge.sitting();
    let mut leases: BTreeMap<(&str, &str, &str), (Lease, u64)> = BTreeMap::new();
    let (mut done, terms) = (Replay::default(), Terms::default());
    for call in seen {
        let Some(args) = call.args.known() else {
            done.unknown += 1;
            continue;
        };
        let subject = wishes.subject(call);
        let tools = BTreeSet::from([call.tool.as_str()]);
        let key = (subject, call.sid.as_str(), call.tool.as_str());
        let is_good = |(lease, left): &(Lease, u64)| lease.exp > call.at.seconds() && *left > 0;
        if !leases.get(&key).is_some_and(is_good) {
            let asked = Asked { subject, tools: &tools, terms: &terms, session: session(call), intent: INTENT };
            let lease = judge.lease(&asked, call.at)?;
            let uses = lease.uses;
            leases.insert(key, (lease, uses));
        }
        let Some((lease, left)) = leases.get_mut(&key) else { continue };
        *left = left.saturating_sub(1);
        let args: &Map<_, _> = args;
        let carrier = judge.carrier();
        let request = Request { tool: &call.tool, args, lease: Some(lease), carrier, session: session(call), intent: INTENT };
        let ruling = sitting.call(&request, call.at, true);
        done.judged += 1;
        match ruling.verdict {
            Expect::Allow | Expect::Ask => {}
            Expect::Deny => done.refused.push(Apart {
                seq: call.seq,
                tool: call.tool.clone(),
                because: format!("the manifest refuses it ({}): {}", ruling.reason.code(), ruling.reason.detail()),
            }),
        }
    }
    Ok(done)
}

/// The intent of the leases of a replay. A ledger has that of a session as a digest alone.
const INTENT: &str = "what was done in shadow mode";

/// Leases are bound to a session, which has a name.
fn session(call: &Seen) -> &str {
    if call.sid.is_empty() { "nameless" } else { &call.sid }
}
