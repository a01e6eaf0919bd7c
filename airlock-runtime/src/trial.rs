//! Calls that nobody made, judged as a gateway would judge them: for `airlock explain`, `airlock test` and `airlock diff`.
//!
//! A lease is made from its terms with a key that is thrown away, and verified like any other, so an [`Authority`] comes about in no
//! new way. No gateway is built with this module.

use crate::account::{self, Context};
use crate::approve::Quorum;
use crate::call::{Args, Call};
use crate::clock::Micros;
use crate::decide::{self, Ask, Check, Decision, Facts, Permit, Traced};
use crate::lease::{self, AudienceKey, Authority, Caveat, Expect, KeyRing, RootClaims};
use crate::ledger::{self, Rehearsal, Unmet};
use crate::memory::{Memory, Seen, Sightings};
use crate::policy::{Flow, FlowVerdict, Policy};
use crate::reason::Reason;
use crate::risk::Risk;
use serde_json::Value;

/// Id of the key that is thrown away.
const KID: &str = "trial";

/// A gateway without a process: calls are judged one after the other, and each allowed one counts for the next.
#[derive(Debug)]
pub struct Trial {
    policy: &'static Policy,
    ledger: Rehearsal,
    memory: Memory,
    intent: String,
    supposed: Supposed,
}

/// What a trial takes for given, where a call is described by more than its text. A value that is not given is found out.
#[derive(Debug, Clone, Default)]
pub struct Supposed {
    /// Factors and their points, thousandths, beside the base of the tool; nothing: those of the arguments.
    pub risk: Option<Vec<(String, u16)>>,
    /// Where values were seen; nothing: where the session learned them.
    pub seen: Option<Sightings>,
    /// Names of the approvers who have signed the call; nothing: whoever must sign is asked like the user.
    pub signed: Option<Vec<String>>,
}

/// How a call was judged.
#[derive(Debug)]
pub struct Verdict {
    /// Every check in its order; the last one is `ledger` if it came that far.
    pub checks: Vec<Check>,
    /// The risk of the call.
    pub risk: Risk,
    /// The flows for which the user is asked, by their places in the policy.
    pub flows: Vec<usize>,
    /// The arguments about which the user is asked, because their values do not come from where they may.
    pub origins: Vec<&'static str>,
    /// The terms of the lease that an allowed call brings about.
    pub issued: Option<RootClaims>,
    /// What came of it.
    pub end: End,
}

/// What comes of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It would be performed.
    Allowed,
    /// The user is asked, for these reasons of the manifest, and did not accept.
    Asked(Vec<String>),
    /// It is refused.
    Denied(Reason),
}

/// The authority of a lease with these terms, narrowed by these caveats in their order, presented in its session at `now`.
///
/// # Errors
/// Terms that no lease can have, or that are not valid at that time.
pub fn authority(policy: &Policy, claims: &RootClaims, caveats: &[Caveat], now: Micros) -> Result<Authority, String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|fault| fault.to_string())?;
    let key = AudienceKey::new(KID, policy.gateway, bytes).map_err(|fault| fault.to_string())?;
    let jti = lease::fresh_jti().map_err(|fault| fault.to_string())?;
    let mut text = lease::mint(&key, claims, jti).map_err(|fault| fault.to_string())?;
    for caveat in caveats {
        text = lease::attenuate(&text, caveat).map_err(|fault| fault.to_string())?;
    }
    let ring = KeyRing::new(vec![key]).map_err(|fault| fault.to_string())?;
    let expect = Expect { aud: policy.gateway, sid: &claims.sid, intent: claims.ih, now };
    lease::verify(&text, &ring, &expect).map_err(|fault| fault.detail())
}

impl Trial {
    /// A gateway of this policy that has decided nothing yet.
    #[must_use]
    pub fn new(policy: &'static Policy) -> Self {
        Self {
            policy,
            ledger: Rehearsal::new(policy),
            memory: Memory::of(policy),
            intent: String::new(),
            supposed: Supposed::default(),
        }
    }

    /// What is taken for given about the calls from now on.
    pub fn suppose(&mut self, supposed: Supposed) {
        self.supposed = supposed;
    }

    /// The intent text that comes with the calls from now on.
    pub fn intend(&mut self, intent: &str) {
        intent.clone_into(&mut self.intent);
    }

    /// The session gets this result of an allowed call.
    pub fn learn(&mut self, sid: &str, tool: &str, result: &Value) {
        let call = Call::new(self.policy, "trial".to_owned(), tool.to_owned(), Args::new());
        self.memory.learn(sid, &call, result);
    }

    /// Judges one call at a time that is not before the one before it. `accepts` is the answer of the user, if asked.
    pub fn judge(
        &mut self,
        name: &str,
        args: Args,
        authority: Result<&Authority, &Reason>,
        now: Micros,
        accepts: bool,
    ) -> Verdict {
        let call = Call::new(self.policy, String::new(), name.to_owned(), args);
        let risk = match &self.supposed.risk {
            Some(factors) => decide::supposed_risk(&call, factors),
            None => decide::assess(&call),
        };
        let supposed = self.supposed.clone();
        let seen = match authority {
            Ok(authority) if call.is_traced() => {
                self.memory.seen(&authority.root.sid, &lease::hex(&authority.root.ih), &self.intent)
            }
            Ok(_) | Err(_) => Seen::default(),
        };
        let seen = supposed.seen.as_ref().map_or(seen, |sightings| seen.supposing(sightings));
        let Traced { mut checks, decision } =
            decide::trace(self.policy, &call, authority, &risk, &Facts { now, newest_entry: now, drift: None, seen });
        let context = Context::new(&call, None, authority.ok(), &risk, None);
        let mut flows = Vec::new();
        let mut origins = Vec::new();
        let mut issued = None;
        let mut recorded = |permit: Permit| {
            let claims = permit.issuing().map(|(claims, _)| claims.clone());
            let end = self.record(&context, permit, now, accepts, &mut flows);
            issued = claims.filter(|_| end == End::Allowed);
            let detail = match &end {
                End::Allowed => "nothing stands against it".to_owned(),
                End::Asked(because) => because.join("; "),
                End::Denied(reason) => reason.detail(),
            };
            checks.push(Check { name: "ledger", passed: end == End::Allowed, detail });
            end
        };
        let end = match decision {
            Decision::Allow(permit) => recorded(permit),
            Decision::Ask(ask) if !is_signed(&supposed, &ask) => {
                let wanted = ask.signatures().iter().map(Quorum::words).collect::<Vec<_>>().join("; ");
                End::Denied(Reason::Unsigned { wanted, request: None })
            }
            Decision::Ask(ask) if ask.because.is_empty() && supposed.signed.is_some() => recorded(ask.signed()),
            Decision::Ask(ask) if accepts => recorded(ask.supposed()),
            Decision::Ask(ask) => {
                flows = completed_alone(self.policy, &call);
                origins.extend_from_slice(ask.origins());
                End::Asked(ask.reasons())
            }
            Decision::Deny(reason) => End::Denied(reason),
        };
        Verdict { checks, risk, flows, origins, issued, end }
    }

    /// Records a call. `asked` gets the flows for which its session has it asked about.
    fn record(&mut self, context: &Context<'_>, mut permit: Permit, now: Micros, accepts: bool, asked: &mut Vec<usize>) -> End {
        let (policy, call, authority) = (self.policy, context.call, context.authority);
        loop {
            let (sid, exp) = (decide::sid(call, authority), context.exp().or(permit.issues_until()));
            let entry = ledger::Decision { sid, exp, from: account::sources(&permit), ..context.entry(&Reason::Ok) };
            match self.ledger.allow(entry, permit.require(), now) {
                Ok(()) => {
                    self.issue(&permit, now);
                    return End::Allowed;
                }
                Err(Unmet::Asks(flows)) => {
                    asked.clone_from(&flows);
                    let because: Vec<String> =
                        flows.iter().filter_map(|at| Some(policy.flows.get(*at)?.why.to_owned())).collect();
                    match decide::ask(policy, call, authority, permit, because) {
                        Ok(ask) if accepts => permit = ask.supposed(),
                        Ok(ask) => return End::Asked(ask.because),
                        Err(reason) => return End::Denied(reason),
                    }
                }
                Err(unmet) => {
                    let uses = authority.map_or(&[][..], |authority| &authority.uses);
                    return End::Denied(Reason::of_unmet(&unmet, uses, policy));
                }
            }
        }
    }

    /// Records the lease that an allowed call brings about, as its effect would. Its id counts for nothing: nobody presents this lease.
    fn issue(&mut self, permit: &Permit, now: Micros) {
        if let Some((claims, how)) = permit.issuing() {
            let ih = lease::hex(&claims.ih);
            self.ledger.issued(ledger::Issue::of(claims, &ih, "", KID, how.word()), now);
        }
    }
}

/// Have those signed who must, as far as anything is supposed of them?
fn is_signed(supposed: &Supposed, ask: &Ask) -> bool {
    let names = supposed.signed.as_ref().map(|names| names.iter().map(String::as_str).collect::<Vec<_>>());
    names.is_none_or(|names| ask.signatures().iter().all(|quorum| quorum.is_met_by(&names)))
}

/// The flows that ask about every call of the tool, because it has all their labels by itself.
fn completed_alone(policy: &Policy, call: &Call) -> Vec<usize> {
    let labels = call.tool.map_or(&[][..], |tool| tool.labels);
    let is_complete = |flow: &Flow| flow.verdict == FlowVerdict::Ask && flow.lacks(labels).next().is_none();
    policy.flows.iter().enumerate().filter(|(_, flow)| is_complete(flow)).map(|(at, _)| at).collect()
}

#[cfg(test)]
mod tests;
