//! What the ledger is told of a judged call.

use crate::call::Call;
use crate::carrier::Carried;
use crate::decide::{self, Permit};
use crate::lease::{Authority, Rid};
use crate::ledger;
use crate::reason::Reason;
use crate::risk::{Factor, Risk};

/// What a decision entry is made of.
pub(crate) struct Context<'a> {
    pub(crate) call: &'a Call,
    pub(crate) risk: &'a Risk,
    pub(crate) sid: &'a str,
    pub(crate) sub: &'a str,
    kid: &'a str,
    pub(crate) rid: Vec<String>,
    pub(crate) scope: Option<Vec<String>>,
    pub(crate) authority: Option<&'a Authority>,
    /// Id of the question that the user was asked about the call.
    pub(crate) question: Option<String>,
    /// The arguments hold the lease that was carried beside them.
    pub(crate) has_lease: bool,
}

impl<'a> Context<'a> {
    pub(crate) fn new(
        call: &'a Call,
        carried: Option<&'a Carried>,
        authority: Option<&'a Authority>,
        risk: &'a Risk,
        scope: Option<Vec<String>>,
    ) -> Self {
        // Who asks for a lease needs none and says who it is; the ledger keeps that claim, with no lease id beside it. Of any other tool, arguments
        // of these names are just arguments, and nobody is to be blamed for what a stranger wrote there.
        let asks = call.tool.is_some_and(|tool| !tool.needs_lease());
        let authority = authority.filter(|_| !asks);
        let claimed = call.args.get("subject").filter(|_| asks).and_then(serde_json::Value::as_str);
        let sub = authority.map(|authority| authority.root.sub.as_str()).or(claimed);
        // The session that the conditions of an allow are tested for. A refused lease has none; then what was carried with it is told.
        let carried = carried.and_then(|carried| carried.session.as_deref()).filter(|_| !asks);
        let sid = Some(decide::sid(call, authority)).filter(|sid| !sid.is_empty()).or(carried);
        Self {
            call,
            risk,
            sid: sid.unwrap_or_default(),
            sub: sub.unwrap_or_default(),
            kid: authority.map_or("", |authority| &authority.kid),
            rid: authority.map(|authority| authority.rid.iter().map(Rid::text).collect()).unwrap_or_default(),
            scope,
            authority,
            question: None,
            has_lease: false,
        }
    }

    /// Expiry of the root of the lease, unix seconds.
    pub(crate) fn exp(&self) -> Option<u64> {
        self.authority.map(|authority| authority.root.exp)
    }

    pub(crate) fn entry(&self, reason: &'a Reason) -> ledger::Decision<'_> {
        let allow = *reason == Reason::Ok;
        // What spends tells for how long and from which nodes; a caveat ends its lease early, the root's budget lives on.
        let spent_from = self.authority.filter(|_| allow);
        let has_budget = |authority: &Authority, rid: &Rid| authority.uses.iter().any(|(node, _)| node == rid);
        ledger::Decision {
            allow,
            through: false,
            exp: self.exp().filter(|_| allow),
            spends: spent_from.map(|authority| {
                let nodes = authority.rid.iter().enumerate();
                nodes.filter(|(_, rid)| has_budget(authority, rid)).map(|(place, _)| place).collect()
            }),
            sid: self.sid,
            sub: self.sub,
            tool: &self.call.name,
            rid: self.rid.clone(),
            to: self.authority.map(|authority| authority.to.clone()).unwrap_or_default(),
            presented: self.authority.and_then(Authority::presentation).map(|how| (how.nonce_text(), how.ts)),
            kid: self.kid,
            risk: self.risk.score,
            factors: named(&self.risk.factors),
            ignored: named(&self.risk.ignored),
            labels: self.call.tool.filter(|_| allow).map_or(&[], |tool| tool.labels),
            args: &self.call.args_bytes,
            has_lease: self.has_lease,
            why: reason.code(),
            detail: Some(reason.ledger_code()).filter(|code| *code != reason.code()),
            call: &self.call.id,
            scope: self.scope.clone(),
            question: self.question.as_deref(),
            hosts: Vec::new(),
            from: Vec::new(),
        }
    }
}

/// Arguments and the sources of their values, as the ledger tells them.
pub(crate) fn sources(permit: &Permit) -> Vec<(String, String)> {
    let seen = permit.origins().iter().map(|(arg, source)| (*arg, source.word()));
    let asked = permit.asked().iter().map(|arg| (*arg, "user"));
    seen.chain(asked).map(|(arg, source)| (arg.to_owned(), source.to_owned())).collect()
}

fn named(factors: &[Factor]) -> Vec<(String, u16)> {
    factors.iter().map(|factor| (factor.name.to_owned(), factor.points)).collect()
}
