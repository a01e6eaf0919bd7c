//! A question and its answer in the ledger.

use super::seal::{self, Bound, Kind, Ticket};
use super::text::{self, About};
use super::{Approved, Flows, Refusal};
use crate::call::Call;
use crate::clock::Micros;
use crate::effect::World;
use crate::lease::{Rid, hex};
use crate::ledger::{Approve, Asker, Entry, LedgerError, Recorded, Require, Sync, Unmet, Verdict};
use crate::reason::Reason;
use crate::wire::{Answer, Retry};
use serde_json::Value;

/// How the user is asked.
pub(super) const HOW: &str = "elicitation";
/// Stands for the lease of a call that needs none.
pub(super) const NO_LEASE: &str = "none";

/// One exact call that needs its user's yes.
#[derive(Debug)]
pub(crate) struct Case<'a> {
    pub(crate) world: &'a World,
    pub(crate) call: &'a Call,
    /// Name of the tool in the policy.
    pub(crate) tool: &'static str,
    pub(crate) sid: &'a str,
    pub(crate) sub: &'a str,
    /// Public id of the lease as presented; `None` for a call that needs none.
    pub(crate) rid: Option<&'a str>,
    /// What the client calls itself.
    pub(crate) client: &'a str,
    /// Expiry of the lease, unix seconds.
    pub(crate) until: Option<u64>,
    /// Budgets of the lease: node and number of calls.
    pub(crate) uses: &'a [(Rid, u64)],
    /// Why the call needs an approval, but for `flows`.
    pub(crate) because: Vec<String>,
    /// Flows that ask about it.
    pub(crate) flows: Flows,
    /// Digest of tool and arguments in their session.
    pub(crate) request: [u8; 32],
    /// Terms of the lease that the call would issue, if it issues one.
    pub(crate) issues: Vec<(&'static str, Value)>,
}

/// A question that stands in the ledger as asked.
#[derive(Debug)]
pub(crate) struct Question {
    ticket: Ticket,
    /// What the user is shown.
    pub(crate) text: String,
}

impl Question {
    /// Its id in the ledger.
    pub(crate) fn id(&self) -> String {
        hex(&self.ticket.id)
    }
}

impl Case<'_> {
    /// Records that the user is asked, from now on for as long as the policy gives, if nothing else stands against the call: `require` is
    /// what its allow will require. What the ledger would ask about is in the same question.
    ///
    /// # Errors
    /// The call cannot be made anyway, the session may ask no more, or the ledger cannot record; nobody may be asked then.
    pub(crate) async fn ask(&mut self, require: &[Require]) -> Result<Question, Reason> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|_| Reason::LedgerUnavailable)?;
        let question = hex(&id);
        let exp = Micros::now().seconds().saturating_add(self.seconds());
        let asked = |flows: Flows| {
            let entry = Approve { args: Some(&self.call.args_bytes), exp: Some(exp), ..self.entry(Verdict::Asked, &question) };
            let open = require.iter().filter(|require| !require.asking_flow().is_some_and(|flow| flows.has(flow))).cloned();
            let by = Asker { sid: self.sid.to_owned(), sub: self.sub.to_owned(), leased: self.rid.is_some() };
            let room = Require::MayAsk(by);
            let most = self.world.policy.limits.step_ups.filter(|_| self.rid.is_some());
            let step_ups = most.map(|most| Require::StepUps { sid: self.sid.to_owned(), most });
            let require = [Require::NotKilled, Require::Clock].into_iter().chain(open).chain([room]).chain(step_ups).collect();
            self.world.ledger.record_if(&Entry::Approve(entry), Sync::Written, require)
        };
        let flows = match asked(self.flows).await {
            Err(LedgerError::Unmet(Unmet::Asks(more))) => {
                let flows = self.flows.and(Flows::of(&more));
                let _: Recorded = asked(flows).await.map_err(|error| self.reason(error))?;
                flows
            }
            recorded => {
                let _: Recorded = recorded.map_err(|error| self.reason(error))?;
                self.flows
            }
        };
        self.flows = flows;
        Ok(Question { ticket: Ticket { id, exp, flows }, text: self.text(flows) })
    }

    /// The state with which a client brings back the answer to a question.
    ///
    /// # Errors
    /// There is no key.
    pub(crate) fn state(&self, question: &Question) -> Result<String, Reason> {
        let keys = &self.world.keys;
        let key = keys.signer(Micros::now().seconds()).or(keys.keys().first());
        key.and_then(|key| seal::seal(Kind::Approval, key, &self.bound(), question.ticket)).ok_or(Reason::LedgerUnavailable)
    }

    /// The question that a state answers.
    ///
    /// # Errors
    /// It was not given for exactly this call, or its time is over.
    pub(crate) fn answered(&self, retry: &Retry) -> Result<Question, Refusal> {
        let ticket = seal::open(Kind::Approval, &retry.state, &self.world.keys, &self.bound()).map_err(Refusal::State)?;
        if Micros::now().seconds() >= ticket.exp {
            return Err(Refusal::Timeout);
        }
        Ok(Question { ticket, text: self.text(ticket.flows) })
    }

    /// Records an answer.
    ///
    /// # Errors
    /// It is not a yes, or counts no more: the question was answered before, or its time is over.
    pub(crate) async fn settle(&self, question: &Question, answer: Answer) -> Result<Approved, Reason> {
        let id = question.id();
        match answer {
            Answer::Accepted => {
                let accepted = self.world.ledger.accept(self.entry(Verdict::Accepted, &id), Vec::new()).await;
                let user = Some(accepted.map_err(|error| self.reason(error))?);
                let (because, flows) = (self.because.clone(), question.ticket.flows);
                Ok(Approved { user, signed: None, request: self.request, because, flows })
            }
            Answer::Declined => Err(self.close(&id, Verdict::Declined, Refusal::Refused).await),
            Answer::Cancelled => Err(self.close(&id, Verdict::Cancelled, Refusal::Refused).await),
            Answer::Failed => Err(self.close(&id, Verdict::Failed, Refusal::Failed).await),
        }
    }

    /// Records that no answer came.
    pub(crate) async fn give_up(&self, question: &Question, refusal: Refusal) -> Reason {
        let verdict = if refusal == Refusal::Timeout { Verdict::Timeout } else { Verdict::Withdrawn };
        self.record(&question.id(), verdict, Vec::new(), refusal).await
    }

    /// What the user is shown.
    fn text(&self, flows: Flows) -> String {
        let policy = self.world.policy;
        let asking = policy.flows.iter().enumerate().filter(|(at, _)| flows.has(*at));
        let because = self.because.iter().cloned().chain(asking.map(|(_, flow)| flow.why.to_owned())).collect::<Vec<_>>();
        let is_used = |name: &str| self.call.tool.is_none_or(|tool| tool.uses_argument(name));
        let args: Vec<(&str, &Value)> =
            self.call.args.iter().map(|(name, value)| (name.as_str(), value)).filter(|(name, _)| is_used(name)).collect();
        text::question(&About {
            gateway: policy.gateway,
            tool: self.tool,
            subject: self.sub,
            session: self.sid,
            because: &because,
            issues: &self.issues,
            args: &args,
            unused: self.call.args.len() - args.len(),
            seconds: self.seconds(),
        })
    }

    /// Seconds for an answer.
    pub(crate) const fn seconds(&self) -> u64 {
        self.world.policy.limits.approval_timeout
    }

    async fn close(&self, question: &str, verdict: Verdict, refusal: Refusal) -> Reason {
        self.record(question, verdict, vec![Require::Waits { question: question.to_owned(), how: HOW }], refusal).await
    }

    /// Records an end without a yes; the reason of the refusal, or why that could not be recorded.
    async fn record(&self, question: &str, verdict: Verdict, require: Vec<Require>, refusal: Refusal) -> Reason {
        match self.world.ledger.record_if(&Entry::Approve(self.entry(verdict, question)), Sync::Written, require).await {
            Ok(_) => Reason::Approval(refusal),
            Err(error) => self.reason(error),
        }
    }

    pub(super) fn reason(&self, error: LedgerError) -> Reason {
        match error {
            LedgerError::Unmet(unmet) => Reason::of_unmet(&unmet, self.uses, self.world.policy),
            LedgerError::Io(_)
            | LedgerError::Damaged(_)
            | LedgerError::Origin(_)
            | LedgerError::Full(_)
            | LedgerError::Folded
            | LedgerError::Busy
            | LedgerError::Stopped => Reason::LedgerUnavailable,
        }
    }

    pub(super) fn entry<'a>(&'a self, verdict: Verdict, question: &'a str) -> Approve<'a> {
        Approve {
            verdict,
            question,
            sid: self.sid,
            sub: self.sub,
            client: self.client,
            tool: self.tool,
            rid: self.rid.unwrap_or_default(),
            how: HOW,
            by: &[],
            args: None,
            exp: None,
            call: &self.call.id,
        }
    }

    fn bound(&self) -> Bound<'_> {
        Bound {
            gateway: self.world.policy.gateway,
            policy: &self.world.policy.digest,
            log: self.world.ledger.key().as_bytes(),
            rid: self.rid.unwrap_or(NO_LEASE),
            sid: self.sid,
            tool: self.tool,
            request: &self.request,
        }
    }
}
