//! The judge of a gateway without the gateway: calls that nobody makes are decided by the runtime's own functions.
//!
//! The road of a call is that of a gateway: carriers, lease, risk, decision, ledger. The lease is signed with a key that exists in this
//! process alone, the ledger is one in memory, and what would be performed is not.

pub(crate) mod because;
mod convert;
mod foreign;
mod lease;
mod request;

use crate::cases::{Carrier, Expect};
use crate::render::Failure;
use airlock_policy::{Compiled, ir};
use airlock_runtime::builtin;
use airlock_runtime::call::{self, ArgFault};
use airlock_runtime::carrier::{self, CAPABILITY, CONTEXT, Carried};
use airlock_runtime::clock::Micros;
use airlock_runtime::decide::{self, Check};
use airlock_runtime::lease::{AudienceKey, Authority, Expect as Bound, KeyRing, RootClaims, intent_hash, verify};
use airlock_runtime::policy::Policy;
use airlock_runtime::reason::Reason;
use airlock_runtime::risk::Risk;
use airlock_runtime::trial::{End, Supposed, Trial, Verdict};
use serde_json::{Map, Value, json};

pub(crate) use because::{Called, key, of_tool, refusing};
pub(crate) use convert::{look, rules};
pub(crate) use lease::{Asked, Lease};

/// A gateway's policy, ready to decide.
#[derive(Debug)]
pub(crate) struct Judge<'p> {
    /// The policy as it was checked.
    pub(crate) policy: &'p ir::Policy,
    /// The same as a gateway has it.
    compiled: &'static Policy,
    keys: KeyRing,
}

impl<'p> Judge<'p> {
    /// Takes the constants that this policy would be compiled to, and makes keys of its ids.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(crate) fn of(compiled: &'p Compiled) -> Result<Self, Failure> {
        Self::of_policy(compiled.policy(), *compiled.digest())
    }

    /// The same for a policy of this digest.
    ///
    /// # Errors
    /// As [`Judge::of`].
    pub(crate) fn of_policy(policy: &'p ir::Policy, digest: [u8; 32]) -> Result<Self, Failure> {
        let key = |key: &ir::Key| AudienceKey::new(&key.kid, &policy.gateway.name, fresh()?).map_err(Failure::new);
        let keys = policy.keys.iter().map(key).collect::<Result<Vec<_>, Failure>>()?;
        Ok(Self { policy, compiled: convert::policy(policy, digest)?, keys: KeyRing::new(keys).map_err(Failure::new)? })
    }

    /// The policy as the gateway has it.
    pub(crate) const fn compiled(&self) -> &'static Policy {
        self.compiled
    }

    /// What the tool and its rules say to these arguments; the fault in words. Nothing for a tool that the policy does not have.
    pub(crate) fn takes(&self, tool: &str, args: &Map<String, Value>) -> Option<Result<(), ArgFault>> {
        let tool = self.compiled.tool(tool)?;
        Some(builtin::plan(tool, args).map(drop).and_then(|()| call::check(tool.rules, args)))
    }

    /// The risk that the gateway finds in these arguments, thousandths.
    pub(crate) fn risk(&self, tool: &str, args: &Map<String, Value>) -> u16 {
        decide::assess(&call::Call::new(self.compiled, String::new(), tool.to_owned(), args.clone())).score
    }

    /// A gateway that has just started, with an empty ledger.
    pub(crate) fn sitting(&self) -> Sitting<'_> {
        Sitting { judge: self, trial: Trial::new(self.compiled) }
    }
}

/// 32 random bytes.
fn fresh() -> Result<[u8; 32], Failure> {
    let (one, two) = (airlock_runtime::lease::fresh_jti(), airlock_runtime::lease::fresh_jti());
    let (one, two) = (one.map_err(Failure::new)?, two.map_err(Failure::new)?);
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&one);
    bytes[16..].copy_from_slice(&two);
    Ok(bytes)
}

/// One gateway's life: calls are judged one after the other.
#[derive(Debug)]
pub(crate) struct Sitting<'j> {
    judge: &'j Judge<'j>,
    trial: Trial,
}

/// A call as a client would send it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    /// Tool.
    pub(crate) tool: &'a str,
    /// Arguments without carriers.
    pub(crate) args: &'a Map<String, Value>,
    /// The lease that it carries.
    pub(crate) lease: Option<&'a Lease>,
    /// Where it carries the lease.
    pub(crate) carrier: Carrier,
    /// Session that it names beside the lease.
    pub(crate) session: &'a str,
    /// Intent that it names beside the lease.
    pub(crate) intent: &'a str,
}

/// What a gateway says to a call.
#[derive(Debug)]
pub(crate) struct Ruling {
    /// Allowed, asked about or denied.
    pub(crate) verdict: Expect,
    /// Why it is denied; [`Reason::Ok`] otherwise.
    pub(crate) reason: Reason,
    /// Why the user is asked.
    pub(crate) because: Vec<String>,
    /// The flows that ask, by their places in the policy.
    pub(crate) flows: Vec<usize>,
    /// The arguments that are asked about, because their values do not come from where they may.
    pub(crate) origins: Vec<&'static str>,
    /// The checks in their order; the last one is the one that decided.
    pub(crate) checks: Vec<Check>,
    /// Score and factors.
    pub(crate) risk: Risk,
    /// Risk ceiling of the lease, if there is a valid one.
    pub(crate) ceiling: Option<u16>,
    /// Terms of the lease that an allowed call brings about.
    pub(crate) issued: Option<RootClaims>,
}

impl Sitting<'_> {
    /// Judges the call that it is all about. Where the user would be asked in vain, because the ledger refuses the call even if it is
    /// accepted, it is denied.
    pub(crate) fn last(mut self, request: &Request<'_>, now: Micros) -> Ruling {
        let ruling = self.call(request, now, false);
        match ruling.verdict {
            Expect::Allow | Expect::Deny => ruling,
            Expect::Ask => Some(self.call(request, now, true)).filter(|it| it.verdict == Expect::Deny).unwrap_or(ruling),
        }
    }

    /// Judges a call at a time. An allowed one counts for the next; one that asks counts if `accepted`, as when the user accepts it.
    pub(crate) fn call(&mut self, request: &Request<'_>, now: Micros, accepted: bool) -> Ruling {
        let (meta, ambient, mut args) = carry(request);
        let rules = &self.judge.compiled.lease;
        let carried = carrier::take(meta, &mut args, rules).map(|carried| carrier::or_ambient(carried, &ambient, rules));
        let sent = serde_json::to_vec(&args).unwrap_or_default();
        let is_clean = |carried: &Carried| !carrier::stands_in(carried, &sent);
        let carried = carried.and_then(|carried| if is_clean(&carried) { Ok(carried) } else { Err(Reason::LeaseInArguments) });
        let authority = carried.and_then(|carried| self.authority(&carried, now));
        self.trial.intend(request.intent);
        let Verdict { checks, risk, flows, origins, issued, end } =
            self.trial.judge(request.tool, args, authority.as_ref(), now, accepted);
        let (verdict, reason, because) = match end {
            End::Allowed => (Expect::Allow, Reason::Ok, Vec::new()),
            End::Asked(because) => (Expect::Ask, Reason::Ok, because),
            End::Denied(reason) => (Expect::Deny, reason, Vec::new()),
        };
        let ceiling = authority.ok().map(|authority| authority.risk);
        Ruling { verdict, reason, because, flows, origins, checks, risk, ceiling, issued }
    }

    /// What is taken for given about the calls from now on.
    pub(crate) fn suppose(&mut self, supposed: Supposed) {
        self.trial.suppose(supposed);
    }

    /// The session gets this result of a call of the tool.
    pub(crate) fn learn(&mut self, session: &str, tool: &str, result: &Value) {
        self.trial.learn(session, tool, result);
    }

    fn authority(&self, carried: &Carried, now: Micros) -> Result<Authority, Reason> {
        let lease = carried.lease.as_deref().ok_or(Reason::LeaseMissing)?;
        let (Some(sid), Some(intent)) = (carried.session.as_deref(), carried.intent.as_deref()) else {
            return Err(Reason::ContextMissing);
        };
        let intent = intent_hash(intent).map_err(Reason::Intent)?;
        let bound = Bound { aud: self.judge.compiled.gateway, sid, intent, now };
        verify(lease, &self.judge.keys, &bound).map_err(Reason::Lease)
    }
}

/// Puts the lease where the call carries it: into `_meta`, into the arguments, or beside the gateway.
fn carry(request: &Request<'_>) -> (Carried, Carried, Map<String, Value>) {
    let mut args = request.args.clone();
    let none = Carried::default;
    let Some(lease) = request.lease else { return (none(), none(), args) };
    let (session, intent) = (request.session.to_owned(), request.intent.to_owned());
    let whole = |session, intent| Carried { lease: Some(lease.text.clone()), session: Some(session), intent: Some(intent) };
    match request.carrier {
        Carrier::Meta => (whole(session, intent), none(), args),
        Carrier::Ambient => (none(), whole(session, intent), args),
        Carrier::Arguments => {
            args.insert(CAPABILITY.to_owned(), json!(lease.text));
            args.insert(CONTEXT.to_owned(), json!({"session_id": session, "intent": intent}));
            (none(), none(), args)
        }
    }
}
