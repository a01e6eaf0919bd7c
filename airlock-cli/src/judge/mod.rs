//! The judge of a gateway without the gateway: calls that nobody makes are decided by the runtime's own functions.
//!
//! The road of a call is that of a gateway: carriers, lease, risk, decision, ledger. The lease is signed with a key that exists in this
//! process alone, the ledger is one in memory, and what would be performed is not.

mod because;
mod convert;
mod lease;
mod request;

use crate::cases::{Carrier, Expect};
use crate::render::Failure;
use airlock_policy::{Compiled, ir};
use airlock_runtime::carrier::{self, CAPABILITY, CONTEXT, Carried};
use airlock_runtime::clock::Micros;
use airlock_runtime::decide::{self, Call, Check, Decision, Facts};
use airlock_runtime::lease::{AudienceKey, Authority, Expect as Bound, KeyRing, intent_hash, verify};
use airlock_runtime::ledger::rehearsal::Rehearsal;
use airlock_runtime::ledger::{self, Require};
use airlock_runtime::policy::Policy;
use airlock_runtime::reason::Reason;
use airlock_runtime::risk::Risk;
use serde_json::{Map, Value, json};

pub(crate) use because::{Called, key, refusing};
pub(crate) use convert::rules;
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
        let policy = compiled.policy();
        let key = |key: &ir::Key| AudienceKey::new(&key.kid, &policy.gateway.name, fresh()?).map_err(Failure::new);
        let keys = policy.keys.iter().map(key).collect::<Result<Vec<_>, Failure>>()?;
        Ok(Self {
            policy,
            compiled: convert::policy(policy, *compiled.digest())?,
            keys: KeyRing::new(keys).map_err(Failure::new)?,
        })
    }

    /// A gateway that has just started, with an empty ledger.
    pub(crate) fn sitting(&self) -> Sitting<'_> {
        Sitting { judge: self, ledger: Rehearsal::new(self.compiled) }
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
    ledger: Rehearsal,
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
    /// The checks in their order; the last one is the one that decided.
    pub(crate) checks: Vec<Check>,
    /// Score and factors.
    pub(crate) risk: Risk,
    /// Risk ceiling of the lease, if there is a valid one.
    pub(crate) ceiling: Option<u16>,
}

impl Sitting<'_> {
    /// Judges a call at a time. An allowed one is recorded; one that asks is recorded if `accepted`, as when the user accepts it.
    pub(crate) fn call(&mut self, request: &Request<'_>, now: Micros, accepted: bool) -> Ruling {
        let policy = self.judge.compiled;
        let (meta, mut args) = carry(request);
        let carried = carrier::take(meta, &mut args, &policy.lease);
        let call = Call::new(policy, "rehearsal".to_owned(), request.tool.to_owned(), args);
        let is_clean = |carried: &Carried| !carrier::stands_in(carried, &call.args_bytes);
        let carried = carried.and_then(|carried| if is_clean(&carried) { Ok(carried) } else { Err(Reason::LeaseInArguments) });
        let authority = carried.and_then(|carried| self.authority(&carried, now));
        let risk = decide::assess(&call);
        let facts = Facts { now, newest_entry: self.ledger.newest() };
        let traced = decide::trace(policy, &call, authority.as_ref(), &risk, &facts);
        let ceiling = authority.as_ref().ok().map(|authority| authority.risk);
        let mut ruling =
            Ruling { verdict: Expect::Deny, reason: Reason::Ok, because: Vec::new(), checks: traced.checks, risk, ceiling };
        let authority = authority.as_ref().ok();
        match traced.decision {
            Decision::Deny(reason) => ruling.reason = reason,
            Decision::Allow(permit) => self.record(&mut ruling, &call, authority, permit.require(), now, accepted),
            Decision::Ask(ask) => {
                ruling.because.clone_from(&ask.because);
                self.record(&mut ruling, &call, authority, ask.require(), now, accepted);
            }
        }
        ruling
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

    /// Asks the ledger. What it denies is denied whatever a user would say.
    fn record(
        &mut self,
        ruling: &mut Ruling,
        call: &Call,
        authority: Option<&Authority>,
        require: &[Require],
        now: Micros,
        accepted: bool,
    ) {
        let (questions, demands): (Vec<Require>, Vec<Require>) = require.iter().cloned().partition(Require::is_question);
        let refused = self.ledger.check(&demands, now).err();
        let uses = authority.map_or(&[][..], |authority| &authority.uses);
        if let Some(unmet) = refused {
            ruling.reason = Reason::of_unmet(&unmet, uses, self.judge.compiled);
            ruling.checks.push(Check { name: "ledger", passed: false, detail: ruling.reason.detail() });
            return;
        }
        if let Err(unmet) = self.ledger.check(&questions, now)
            && let Reason::ApprovalUnavailable { because } = Reason::of_unmet(&unmet, uses, self.judge.compiled)
        {
            ruling.because.extend(because);
        }
        ruling.checks.push(Check { name: "ledger", passed: true, detail: "budgets, quotas and flows leave room".to_owned() });
        ruling.verdict = if ruling.because.is_empty() { Expect::Allow } else { Expect::Ask };
        if ruling.because.is_empty() || accepted {
            self.enter(call, authority, &demands, now);
        }
    }

    /// Enters an allow, and the lease that it issues.
    fn enter(&mut self, call: &Call, authority: Option<&Authority>, demands: &[Require], now: Micros) {
        let spends = |authority: &Authority| {
            let nodes = authority.rid.iter().enumerate();
            nodes.filter(|(_, rid)| authority.uses.iter().any(|(node, _)| node == *rid)).map(|(place, _)| place).collect()
        };
        let entry = ledger::Decision {
            sid: decide::sid(call, authority),
            sub: authority.map(|authority| authority.sub.as_str()).unwrap_or_default(),
            tool: &call.name,
            rid: authority.map(|authority| authority.rid.clone()).unwrap_or_default(),
            exp: authority.map(|authority| authority.root.exp),
            spends: authority.map(spends),
            kid: authority.map_or("", |authority| &authority.kid),
            args: &call.args_bytes,
            why: "ok",
            call: &call.id,
            labels: call.tool.map_or(&[], |tool| tool.labels),
            ..ledger::Decision::default()
        };
        // The demands were tested a moment ago, by the same facts at the same time.
        let _ = self.ledger.allow(entry, demands, now);
        self.issued(call, now);
    }

    /// A call of the issuing tool pins the intent of its session.
    fn issued(&mut self, call: &Call, now: Micros) {
        let arg = |name: &str| call.args.get(name).and_then(Value::as_str).unwrap_or_default();
        if call.tool.is_none_or(|tool| tool.needs_lease()) {
            return;
        }
        let asked = call.args.get("ttl_seconds").and_then(Value::as_u64);
        let ttl = asked.unwrap_or(self.judge.policy.lease.default_ttl).min(self.judge.policy.lease.max_ttl);
        if let Ok(ih) = intent_hash(arg("intent")) {
            let ih = airlock_policy::digest::hex(&ih);
            let exp = now.seconds().saturating_add(ttl);
            self.ledger
                .issue(ledger::Issue { sid: arg("session_id"), sub: arg("subject"), ih: &ih, exp, ..Default::default() }, now);
        }
    }
}

/// Puts the lease where the call carries it.
fn carry(request: &Request<'_>) -> (Carried, Map<String, Value>) {
    let mut args = request.args.clone();
    let Some(lease) = request.lease else { return (Carried::default(), args) };
    let (session, intent) = (request.session.to_owned(), request.intent.to_owned());
    match request.carrier {
        Carrier::Meta => (Carried { lease: Some(lease.text.clone()), session: Some(session), intent: Some(intent) }, args),
        Carrier::Arguments => {
            args.insert(CAPABILITY.to_owned(), json!(lease.text));
            args.insert(CONTEXT.to_owned(), json!({"session_id": session, "intent": intent}));
            (Carried::default(), args)
        }
    }
}
