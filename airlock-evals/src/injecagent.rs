//! InjecAgent: a user with one tool, and an attacker whose text stands in its result.

use crate::count::Share;
use crate::data::{self, AttackerCase, InjecCase, Tool, UserCase};
use crate::play::{Ruling, Session};
use crate::suite::{Rules, Suite};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

/// What came of it.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Figures {
    /// Calls of users that are allowed.
    pub(crate) users: Share,
    /// By setting: cases of which some call of the attacker is denied.
    pub(crate) cases: BTreeMap<String, Share>,
    /// Cases of which every call of the attacker is denied.
    pub(crate) whole: Share,
}

/// Plays everything; `None` without the file. The lease names the user's own tool.
///
/// # Errors
/// A file has another shape, or no policy or lease can say what it wants.
pub(crate) fn play(dir: &Path) -> Result<Option<Figures>, String> {
    let Some(lines) = data::lines(dir, "injecagent.jsonl")? else { return Ok(None) };
    let tools: Vec<Tool> = data::of(&lines, Some("tool"))?;
    let users: Vec<UserCase> = data::of(&lines, Some("user_case"))?;
    let attackers: Vec<AttackerCase> = data::of(&lines, Some("attacker_case"))?;
    let cases: Vec<InjecCase> = data::of(&lines, Some("case"))?;
    // Its tools have no labels of effects and sensitive parameters, so the lease alone decides.
    let suite = Suite::of(&tools.iter().collect::<Vec<_>>(), &BTreeSet::new(), Rules::Scope)?;
    let users: HashMap<&str, &UserCase> = users.iter().map(|user| (user.user_case_id.as_str(), user)).collect();
    let attackers: HashMap<&str, &AttackerCase> =
        attackers.iter().map(|attacker| (attacker.attacker_case_id.as_str(), attacker)).collect();
    let mut figures = Figures::default();
    for case in &cases {
        let (Some(user), Some(attacker)) = (users.get(case.user_case_id.as_str()), attackers.get(case.attacker_case_id.as_str()))
        else {
            continue;
        };
        let mut session = Session::new(&suite, &user.intent, &BTreeSet::from([user.user_call.tool.as_str()]))?;
        figures.users.note(session.call(&user.user_call, false) == Ruling::Allowed);
        session.see(&user.user_call.tool, &case.tool_response);
        let rulings: Vec<Ruling> = attacker.attack_calls.iter().map(|call| session.call(call, false)).collect();
        figures.cases.entry(case.setting.clone()).or_default().note(rulings.iter().any(|ruling| *ruling != Ruling::Allowed));
        figures.whole.note(rulings.iter().all(|ruling| *ruling != Ruling::Allowed));
    }
    Ok(Some(figures))
}
