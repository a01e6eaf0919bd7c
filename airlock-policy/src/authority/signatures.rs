//! Who must sign a call. People are told apart by their keys: another name for a key is the same person, another key another one.

use super::compare::Step;
use super::reach::Meeting;
use crate::ir::{Approver, Policy, Signatures, Tool};
use std::collections::BTreeSet;

/// Characters of a key that a row shows: enough to see that it is another one.
const KEY_SHOWN: usize = "ed25519:".len() + 8;

/// Keys of the approvers that a tool asks.
fn keys<'p>(policy: &'p Policy, tool: &'p Tool) -> impl Iterator<Item = &'p str> {
    of(policy, tool).into_iter().map(|approver| approver.key.as_str())
}

fn of<'p>(policy: &'p Policy, tool: &'p Tool) -> Vec<&'p Approver> {
    let asked = |approver: &&Approver| tool.signatures.as_ref().is_some_and(|signatures| signatures.of.contains(&approver.name));
    policy.approvers.iter().filter(asked).collect()
}

/// Are these signatures enough for a tool?
pub(super) fn suffice(policy: &Policy, tool: &Tool, signed: &BTreeSet<String>) -> bool {
    let Some(Signatures { count, of: _, within: _ }) = &tool.signatures else { return true };
    keys(policy, tool).filter(|key| signed.contains(*key)).count() >= usize::from(*count)
}

/// Everybody whom the tool asks: with their signatures no call is refused for want of any.
pub(super) fn everybody(policy: &Policy, tool: &Tool) -> BTreeSet<String> {
    keys(policy, tool).map(str::to_owned).collect()
}

/// Signatures that are enough for the new tool and too few for the old one, if there are any: as few as the new one wants, and of
/// people whom the old one does not ask as far as there are such.
pub(super) fn too_few(step: &Step<'_>, meeting: &Meeting<'_>) -> Option<BTreeSet<String>> {
    let from = meeting.from.filter(|from| from.signatures.is_some())?;
    let old = everybody(step.from.policy, from);
    let least = meeting.to.signatures.as_ref().map_or(0, |signatures| usize::from(signatures.count));
    let (known, strange): (Vec<&str>, Vec<&str>) = keys(step.to.policy, meeting.to).partition(|key| old.contains(*key));
    let signed: BTreeSet<String> = strange.into_iter().chain(known).take(least).map(str::to_owned).collect();
    (!suffice(step.from.policy, from, &signed)).then_some(signed)
}

/// Who must sign, in words.
pub(super) fn words(policy: &Policy, tool: &Tool) -> String {
    let Some(Signatures { count, of: _, within: _ }) = &tool.signatures else { return "no signature".to_owned() };
    let name = |approver: &Approver| format!("{} ({}…)", approver.name, approver.key.get(..KEY_SHOWN).unwrap_or(&approver.key));
    format!("{count} of {} sign each call", of(policy, tool).into_iter().map(name).collect::<Vec<_>>().join(", "))
}
