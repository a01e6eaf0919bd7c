//! Signatures of approvers: the request in the ledger, what a call brings, and the record that they approved it.

use super::note::{self, Note};
use super::record::{Case, NO_LEASE};
use super::request::{Request, SIGNED_ARGS_MAX};
use super::{Approved, Flows, Quorum, Refusal, SignedBy, SignedFault};
use crate::clock::Micros;
use crate::lease::hex;
use crate::ledger::{Approve, Asker, Entry, LedgerError, Recorded, Require, SIGNERS_MAX, Sync, Unmet, Verdict};
use crate::reason::Reason;
use std::cell::RefCell;
use std::collections::HashMap;

/// How such a question is asked, in the ledger.
const HOW: &str = "signature";

/// Signatures that came with a call, all verified, all about it, all of one request.
#[derive(Debug)]
pub(crate) struct Presented {
    nonce: String,
    exp: u64,
    /// Each approver once.
    by: Vec<(&'static str, String)>,
}

/// Requests that this process gave out, by lease and request digest: who makes the same call again gets the same one while it has more
/// than half of its time, so that asking often takes no more room in the session.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    given: HashMap<(String, [u8; 32]), (String, u64)>,
}

/// Most requests remembered. Beyond it all are forgotten: a call then gets a new one.
const REQUESTS_MAX: usize = 256;

/// Why signatures did not become an approval.
#[derive(Debug)]
pub(crate) enum Unsettled {
    /// The connected user has to be asked about these flows first. The signatures are unspent.
    Asks(Flows),
    /// The call is refused.
    Refused(Reason),
}

impl Case<'_> {
    /// Records that signatures are asked for, if nothing stands against the call but approvals, and gives the request.
    ///
    /// # Errors
    /// Always: the call is refused, with the request or with why there is none; and the id of the request, if there is one.
    pub(crate) async fn ask_signatures(
        &self,
        quorums: &[Quorum],
        require: &[Require],
        requests: &RefCell<Requests>,
    ) -> (Reason, Option<String>) {
        if self.call.args_bytes.len() > SIGNED_ARGS_MAX {
            return (Reason::Approval(Refusal::TooLarge), None);
        }
        let within = quorums.iter().map(|quorum| quorum.within).min().unwrap_or(0);
        let about = (self.rid.unwrap_or_default().to_owned(), self.request);
        let given = requests.borrow().given.get(&about).cloned();
        if let Some((nonce, exp)) = given.filter(|(_, exp)| *exp > Micros::now().seconds().saturating_add(within / 2)) {
            let waits = Require::Waits { question: nonce.clone(), how: HOW };
            if self.world.ledger.test(vec![Require::NotKilled, Require::Clock, waits]).await.is_ok() {
                return (self.unsigned(quorums, &[], exp, &nonce), Some(nonce));
            }
        }
        let mut id = [0; 16];
        if getrandom::fill(&mut id).is_err() {
            return (Reason::LedgerUnavailable, None);
        }
        let nonce = hex(&id);
        let exp = Micros::now().seconds().saturating_add(within).min(self.until.unwrap_or(u64::MAX));
        let entry = Approve { how: HOW, args: Some(&self.call.args_bytes), exp: Some(exp), ..self.entry(Verdict::Asked, &nonce) };
        let by = Asker { sid: self.sid.to_owned(), sub: self.sub.to_owned(), leased: self.rid.is_some() };
        // Flows that ask are asked about when the signatures are there.
        let open = require.iter().filter(|require| require.asking_flow().is_none()).cloned();
        let require = [Require::NotKilled, Require::Clock].into_iter().chain(open).chain([Require::MayAsk(by)]).collect();
        match self.world.ledger.record_if(&Entry::Approve(entry), Sync::Written, require).await {
            Ok(recorded) => {
                let _: Recorded = recorded;
                let given = &mut requests.borrow_mut().given;
                if given.len() >= REQUESTS_MAX {
                    given.clear();
                }
                given.insert(about, (nonce.clone(), exp));
                (self.unsigned(quorums, &[], exp, &nonce), Some(nonce))
            }
            Err(error) => (self.reason(error), None),
        }
    }

    /// Verifies the signatures that came with the call.
    ///
    /// # Errors
    /// Some signature is wrong, or is for something else; or they are too few, then with the same request again.
    pub(crate) fn presented(&self, texts: &[String], quorums: &[Quorum]) -> Result<Presented, Reason> {
        let refused = |fault| Reason::Approval(Refusal::Signed(fault));
        if texts.len() > SIGNERS_MAX {
            return Err(refused(SignedFault::Form));
        }
        let about = self.note(0, String::new());
        let mut presented: Option<Presented> = None;
        for text in texts {
            let signed = note::verify(text, self.world.policy.approvers).map_err(refused)?;
            let (nonce, exp) = signed.is_about(&about).map_err(refused)?;
            if !quorums.iter().any(|quorum| quorum.of.contains(&signed.by)) {
                return Err(refused(SignedFault::Approver));
            }
            let all = presented.get_or_insert_with(|| Presented { nonce: nonce.clone(), exp, by: Vec::new() });
            if (&all.nonce, all.exp) != (&nonce, exp) {
                return Err(refused(SignedFault::Mixed));
            }
            if all.by.iter().all(|(name, _)| *name != signed.by) {
                all.by.push((signed.by, signed.signature));
            }
        }
        let presented = presented.ok_or(refused(SignedFault::Form))?;
        if Micros::now().seconds() >= presented.exp {
            return Err(refused(SignedFault::Late));
        }
        let names = presented.names();
        match quorums.iter().all(|quorum| quorum.is_met_by(&names)) {
            true => Ok(presented),
            false => Err(self.unsigned(quorums, &names, presented.exp, &presented.nonce)),
        }
    }

    /// Records that approvers have signed, beside what the user said, if everything that the call rests on holds. This spends the signatures.
    pub(crate) async fn settle_signed(
        &self,
        presented: &Presented,
        require: &[Require],
        user: Option<Approved>,
    ) -> Result<Approved, Unsettled> {
        let user_said = user.map(|approved| (approved.user, approved.flows));
        let (user, flows) = user_said.unwrap_or_default();
        let entry = Approve {
            how: HOW,
            by: &presented.by,
            args: Some(&self.call.args_bytes),
            ..self.entry(Verdict::Accepted, &presented.nonce)
        };
        let is_open = |require: &&Require| !require.asking_flow().is_some_and(|flow| flows.has(flow));
        match self.world.ledger.accept(entry, require.iter().filter(is_open).cloned().collect()).await {
            Ok(accepted) => {
                let signed = Some(SignedBy { accepted, names: presented.names() });
                Ok(Approved { user, signed, request: self.request, because: self.because.clone(), flows })
            }
            Err(LedgerError::Unmet(Unmet::Asks(more))) => Err(Unsettled::Asks(Flows::of(&more))),
            Err(LedgerError::Unmet(Unmet::Closed(_))) => Err(Unsettled::refused(SignedFault::Used)),
            Err(LedgerError::Unmet(Unmet::Late(_))) => Err(Unsettled::refused(SignedFault::Late)),
            Err(error) => Err(Unsettled::Refused(self.reason(error))),
        }
    }

    fn unsigned(&self, quorums: &[Quorum], names: &[&str], exp: u64, nonce: &str) -> Reason {
        let open = quorums.iter().filter(|quorum| !quorum.is_met_by(names)).map(Quorum::words);
        let mut wanted = open.collect::<Vec<_>>().join("; and ");
        if !names.is_empty() {
            wanted.push_str(&format!(" ({} signed)", names.join(", ")));
        }
        let request = Request::new(&self.note(exp, nonce.to_owned()), self.call.args.clone());
        Reason::Unsigned { wanted, request: Some(request.text()) }
    }

    /// The note about this call for a request of this id and end.
    fn note(&self, exp: u64, nonce: String) -> Note {
        let policy = self.world.policy;
        Note {
            aud: policy.gateway.to_owned(),
            pol: policy.digest,
            log: *self.world.ledger.key().as_bytes(),
            sub: self.sub.to_owned(),
            sid: self.sid.to_owned(),
            rid: self.rid.unwrap_or(NO_LEASE).to_owned(),
            tool: self.tool.to_owned(),
            rq: self.request,
            exp,
            nonce,
        }
    }
}

impl Presented {
    fn names(&self) -> Vec<&'static str> {
        self.by.iter().map(|(name, _)| *name).collect()
    }
}

impl Unsettled {
    const fn refused(fault: SignedFault) -> Self {
        Self::Refused(Reason::Approval(Refusal::Signed(fault)))
    }
}
