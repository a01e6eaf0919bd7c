//! Plays a case: its earlier calls one after the other, then the call that it is about.

use super::{Carrier, Case, Expect, Placed, Seen, Terms};
use crate::judge::{Asked, Judge, Lease, Request, Ruling, Sitting};
use airlock_runtime::clock::Micros;
use serde_json::{Map, Value, json};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

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
        let now = Micros(NOW_S.saturating_sub(earlier.seconds_ago).saturating_mul(1_000_000));
        for _ in 0..earlier.times {
            let request = play.request(&earlier.tool, &earlier.args, session, now)?;
            let ruling = play.sitting.call(&request.as_sent(), now, true);
            if ruling.verdict == Expect::Deny {
                let (tool, code, detail) = (&earlier.tool, ruling.reason.code(), ruling.reason.detail());
                return Err(format!("call {} of `history` ({tool}) is denied, {code}: {detail}", number + 1));
            }
            if let Some(result) = &earlier.result {
                play.sitting.learn(session, &earlier.tool, result);
            }
        }
    }
    play.see(&case.seen)?;
    let (args, now) = (case.call.sent(), Micros(NOW_S.saturating_mul(1_000_000)));
    let request = play.request(&case.call.tool, &args, play.session(), now)?;
    Ok(play.sitting.last(&request.as_sent(), now))
}

struct Play<'a> {
    judge: &'a Judge<'a>,
    case: &'a Case,
    sitting: Sitting<'a>,
    /// The newest lease of each session and tool, with the calls that it still allows.
    leases: HashMap<(String, String), (Rc<Lease>, u64)>,
}

/// What [`Request`] borrows from.
struct Sent<'r> {
    tool: &'r str,
    args: &'r Map<String, Value>,
    lease: Option<Rc<Lease>>,
    carrier: Carrier,
    session: &'r str,
    intent: String,
}

impl Sent<'_> {
    fn as_sent(&self) -> Request<'_> {
        let Self { tool, args, lease, carrier, session, intent } = self;
        Request { tool, args, lease: lease.as_deref(), carrier: *carrier, session, intent }
    }
}

impl<'a> Play<'a> {
    fn session(&self) -> &'a str {
        self.case.session.as_deref().unwrap_or(SESSION)
    }

    /// The session has seen this.
    fn see(&mut self, seen: &Seen) -> Result<(), String> {
        let Seen { structured, trusted, text } = seen;
        let session = self.session();
        // Results of a tool that the policy does not have are those of one that it does not trust.
        self.sitting.learn(session, "", &json!(structured));
        let blocks: Vec<Value> = text.iter().map(|text| json!({"type": "text", "text": text})).collect();
        self.sitting.learn(session, "", &json!({ "content": blocks }));
        if !trusted.is_empty() {
            let tool = self.judge.policy.tools.iter().find(|tool| tool.trusted);
            let tool = tool.ok_or("`seen.trusted` needs a tool with `trusted = true`")?;
            self.sitting.learn(session, &tool.name, &json!(trusted));
        }
        Ok(())
    }

    /// A call with the lease that it carries.
    fn request<'r>(
        &mut self,
        tool: &'r str,
        args: &'r Map<String, Value>,
        session: &'r str,
        now: Micros,
    ) -> Result<Sent<'r>, String> {
        let key = (session.to_owned(), tool.to_owned());
        if let Some(subject) = &self.case.subject {
            self.renew(&key, subject, self.intent(), now)?;
        }
        let lease = self.leases.get_mut(&key).map(|(lease, left)| {
            *left = left.saturating_sub(1);
            Rc::clone(lease)
        });
        let carrier = self.case.lease.carrier.unwrap_or_else(|| self.judge.carrier());
        Ok(Sent { tool, args, lease, carrier, session, intent: self.intent().to_owned() })
    }

    fn intent(&self) -> &'a str {
        self.case.intent.as_deref().unwrap_or(INTENT)
    }

    /// Makes a lease unless there is one that lives and has calls left. Who names a number of calls gets one lease with them.
    fn renew(&mut self, key: &(String, String), subject: &str, intent: &str, now: Micros) -> Result<(), String> {
        let Terms { uses, ttl_seconds, tools: _, domains: _, max_risk_thousandths: _, key: _, carrier: _ } = &self.case.lease;
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
        self.leases.insert(key.clone(), (Rc::new(lease), uses));
        Ok(())
    }
}
