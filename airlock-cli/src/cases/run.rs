//! Plays a case: its earlier calls one after the other, then the call that it is about.

use super::{Case, Expect, Placed, Terms};
use crate::judge::{Asked, Judge, Lease, Request, Ruling, Sitting};
use airlock_runtime::clock::Micros;
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashMap};

/// When the call of every case is made: a result never depends on when it is asked for.
const NOW_S: u64 = 1_767_225_600;
/// Session of a case that names none.
const SESSION: &str = "case";
/// Intent of a case that names none.
const INTENT: &str = "Judge this call.";

/// A case with what the gateway said.
#[derive(Debug)]
pub(crate) struct Judged<'c> {
    /// The case.
    pub(crate) placed: &'c Placed,
    /// What was said; nothing if an earlier call was not allowed, or no lease could be made.
    pub(crate) ruling: Option<Ruling>,
    /// How that differs from what was expected.
    pub(crate) fault: Option<String>,
}

/// Plays a case and compares.
pub(crate) fn judge<'c>(judge: &Judge<'_>, placed: &'c Placed) -> Judged<'c> {
    match play(judge, &placed.case) {
        Err(fault) => Judged { placed, ruling: None, fault: Some(fault) },
        Ok(ruling) => Judged { placed, fault: differs(&placed.case, &ruling), ruling: Some(ruling) },
    }
}

fn differs(case: &Case, ruling: &Ruling) -> Option<String> {
    let code = ruling.reason.code();
    let said = match ruling.verdict {
        Expect::Allow => "allow".to_owned(),
        Expect::Ask => format!("ask: {}", ruling.because.join("; ")),
        Expect::Deny => format!("deny, {code}: {}", ruling.reason.detail()),
    };
    let wanted = match &case.reason {
        None => case.expect.word().to_owned(),
        Some(reason) => format!("{}, {reason}", case.expect.word()),
    };
    let is_as_wanted = ruling.verdict == case.expect && case.reason.as_ref().is_none_or(|reason| reason == code);
    (!is_as_wanted).then(|| format!("expected {wanted}, got {said}"))
}

/// What the gateway says to the call of a case.
///
/// # Errors
/// An earlier call is not allowed, or no lease can say what the case wants.
pub(crate) fn play(judge: &Judge<'_>, case: &Case) -> Result<Ruling, String> {
    let mut play = Play { judge, case, sitting: judge.sitting(), leases: HashMap::new() };
    for (number, earlier) in case.history.iter().enumerate() {
        let session = earlier.session.as_deref().unwrap_or_else(|| play.session());
        let at = NOW_S.saturating_sub(earlier.seconds_ago);
        for _ in 0..earlier.times {
            let ruling = play.call(&earlier.tool, &earlier.args, session, at, true)?;
            if ruling.verdict == Expect::Deny {
                let (tool, code, detail) = (&earlier.tool, ruling.reason.code(), ruling.reason.detail());
                return Err(format!("call {} of `history` ({tool}) is denied, {code}: {detail}", number + 1));
            }
        }
    }
    play.call(&case.call.tool, &case.call.sent(), play.session(), NOW_S, false)
}

struct Play<'a> {
    judge: &'a Judge<'a>,
    case: &'a Case,
    sitting: Sitting<'a>,
    /// The newest lease of each session and tool, with the calls that it still allows.
    leases: HashMap<(String, String), (Lease, u64)>,
}

impl<'a> Play<'a> {
    fn session(&self) -> &'a str {
        self.case.session.as_deref().unwrap_or(SESSION)
    }

    /// One call. Calls of the history that ask are taken as accepted.
    fn call(&mut self, tool: &str, args: &Map<String, Value>, session: &str, at: u64, accepted: bool) -> Result<Ruling, String> {
        let now = Micros(at.saturating_mul(1_000_000));
        let intent = self.case.intent.as_deref().unwrap_or(INTENT);
        let key = (session.to_owned(), tool.to_owned());
        if let Some(subject) = &self.case.subject {
            self.renew(&key, subject, intent, now)?;
        }
        let lease = self.leases.get_mut(&key).map(|(lease, left)| {
            *left = left.saturating_sub(1);
            &*lease
        });
        let carrier = self.case.lease.carrier.unwrap_or_else(|| self.judge.carrier());
        let request = Request { tool, args, lease, carrier, session, intent };
        Ok(self.sitting.call(&request, now, accepted))
    }

    /// Makes a lease unless there is one that lives and has calls left. Who names a number of calls gets one lease with them.
    fn renew(&mut self, key: &(String, String), subject: &str, intent: &str, now: Micros) -> Result<(), String> {
        let Terms { uses, ttl_seconds, .. } = &self.case.lease;
        if let Some((lease, left)) = self.leases.get(key)
            && (ttl_seconds.is_some() || lease.exp > now.seconds())
            && (uses.is_some() || *left > 0)
        {
            return Ok(());
        }
        let (session, tool) = key;
        let tools = BTreeSet::from([tool.as_str()]);
        let asked = Asked { subject, tools: &tools, terms: &self.case.lease, session, intent };
        let lease = self.judge.lease(&asked, now).map_err(|failure| format!("no lease can say this: {failure}"))?;
        let uses = lease.uses;
        self.leases.insert(key.clone(), (lease, uses));
        Ok(())
    }
}
