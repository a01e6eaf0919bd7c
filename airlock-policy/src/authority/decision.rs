//! A case as far as a decision of the gateway looks at it.

use super::case::Case;
use super::verdict::Judge;
use super::{face, places};
use crate::ir::{HostRule, Policy, Tool};

/// The case with everything put as this policy wants it that no decision looks at: what is sent, which program is called and what becomes of
/// its result, which key stands behind the id, where a stand-in listens, and how many questions were asked before.
///
/// What a gateway decides about a call is the verdict of this case. Those other parts are settled when a gateway starts, when a request is
/// made or when the user is asked.
#[must_use]
pub fn decided(policy: &Policy, case: &Case) -> Case {
    let judge = Judge::of(policy);
    let mut case = of(&judge, case);
    for past in &mut case.earlier {
        past.call = of(&judge, &past.call);
    }
    case
}

fn of(judge: &Judge<'_>, case: &Case) -> Case {
    let mut case = Case { questions: 0, ..case.clone() };
    let known = judge.policy.keys.iter().find(|key| key.kid == case.key.kid);
    if let Some(pin) = known.and_then(|key| key.commitment.as_ref()) {
        case.key.commitment.clone_from(pin);
    }
    let Some(tool) = judge.tool(&case.tool) else { return case };
    for target in &mut case.targets {
        let open = places::stand_in(tool, &HostRule::Exact(target.host.clone()), target.port);
        target.stand_in = open.unwrap_or(target.stand_in);
    }
    case.request = face::request(judge.policy, tool, &read(tool));
    case
}

/// Something that the tool gives of an answer.
fn read(tool: &Tool) -> String {
    let first = face::rest(tool).and_then(|rest| face::pointers(&rest.response.select).first().copied());
    first.unwrap_or_default().to_owned()
}
