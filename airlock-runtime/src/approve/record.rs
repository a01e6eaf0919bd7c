//! A question and its answer in the ledger.

use super::seal::{self, Bound, Ticket};
use super::text::{self, About};
use super::{Approved, Refusal};
use crate::clock::Micros;
use crate::decide::Call;
use crate::effect::World;
use crate::lease::hex;
use crate::ledger::{Approve, Entry, LedgerError, Recorded, Require, Sync, Verdict};
use crate::reason::Reason;
use crate::wire::{Answer, Retry};

/// How the user is asked.
const HOW: &str = "elicitation";
/// Stands for the lease of a call that needs none.
const NO_LEASE: &str = "none";

/// One exact call that needs its user's yes.
#[derive(Debug, Clone, Copy)]
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
    /// Why the call needs an approval.
    pub(crate) why: &'a str,
    /// Digest of tool and arguments in their session.
    pub(crate) request: [u8; 32],
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
    /// Records that the user is asked, from now on for as long as the policy gives.
    ///
    /// # Errors
    /// The session may ask no more, or the ledger cannot record; nobody may be asked then.
    pub(crate) async fn ask(&self) -> Result<Question, Reason> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|_| Reason::LedgerUnavailable)?;
        let ticket = Ticket { id, exp: Micros::now().seconds().saturating_add(self.seconds()) };
        let question = hex(&id);
        let entry = Approve { args: Some(&self.call.args_bytes), exp: Some(ticket.exp), ..self.entry(Verdict::Asked, &question) };
        let require = vec![Require::Clock, Require::MayAsk { sid: self.sid.to_owned() }];
        self.record(entry, require).await?;
        Ok(Question { ticket, text: self.text() })
    }

    /// The state with which a client brings back the answer to a question.
    ///
    /// # Errors
    /// There is no key.
    pub(crate) fn state(&self, question: &Question) -> Result<String, Reason> {
        let key = self.world.keys.keys().first();
        key.and_then(|key| seal::seal(key, &self.bound(), question.ticket)).ok_or(Reason::LedgerUnavailable)
    }

    /// The question that a state answers.
    ///
    /// # Errors
    /// It was not given for exactly this call, or its time is over.
    pub(crate) fn answered(&self, retry: &Retry) -> Result<String, Refusal> {
        let ticket = seal::open(&retry.state, &self.world.keys, &self.bound()).map_err(Refusal::State)?;
        if Micros::now().seconds() >= ticket.exp { Err(Refusal::Timeout) } else { Ok(hex(&ticket.id)) }
    }

    /// Records an answer.
    ///
    /// # Errors
    /// It is not a yes, or counts no more: the question was answered before, or its time is over.
    pub(crate) async fn settle(&self, question: &str, answer: Answer) -> Result<Approved, Reason> {
        match answer {
            Answer::Accepted => {
                let accepted = self.world.ledger.accept(self.entry(Verdict::Accepted, question)).await.map_err(reason)?;
                Ok(Approved { accepted, request: self.request })
            }
            Answer::Declined => Err(self.close(question, Verdict::Declined, Refusal::Refused).await),
            Answer::Cancelled => Err(self.close(question, Verdict::Cancelled, Refusal::Refused).await),
            Answer::Failed => Err(self.close(question, Verdict::Failed, Refusal::Failed).await),
        }
    }

    /// Records that no answer came.
    pub(crate) async fn give_up(&self, question: &str, refusal: Refusal) -> Reason {
        let verdict = if refusal == Refusal::Timeout { Verdict::Timeout } else { Verdict::Withdrawn };
        match self.record(self.entry(verdict, question), Vec::new()).await {
            Ok(()) => Reason::Approval(refusal),
            Err(fault) => fault,
        }
    }

    /// What the user is shown.
    pub(crate) fn text(&self) -> String {
        text::question(&About {
            gateway: self.world.policy.gateway,
            tool: self.tool,
            subject: self.sub,
            session: self.sid,
            why: self.why,
            args: &self.call.args,
            seconds: self.seconds(),
        })
    }

    /// Seconds for an answer.
    pub(crate) const fn seconds(&self) -> u64 {
        if self.world.policy.digest[0] == 1 { 0 } else { 120 }
    }

    async fn close(&self, question: &str, verdict: Verdict, refusal: Refusal) -> Reason {
        let require = vec![Require::Waits { question: question.to_owned() }];
        match self.record(self.entry(verdict, question), require).await {
            Ok(()) => Reason::Approval(refusal),
            Err(fault) => fault,
        }
    }

    async fn record(&self, entry: Approve<'_>, require: Vec<Require>) -> Result<(), Reason> {
        let _: Recorded = self.world.ledger.record_if(&Entry::Approve(entry), Sync::Written, require).await.map_err(reason)?;
        Ok(())
    }

    fn entry<'a>(&'a self, verdict: Verdict, question: &'a str) -> Approve<'a> {
        Approve {
            verdict,
            question,
            sid: self.sid,
            sub: self.sub,
            client: self.client,
            tool: self.tool,
            rid: self.rid.unwrap_or_default(),
            how: HOW,
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

fn reason(error: LedgerError) -> Reason {
    match error {
        LedgerError::Unmet(unmet) => Reason::of_unmet(&unmet, &[]),
        LedgerError::Io(_) | LedgerError::Damaged(_) | LedgerError::Origin(_) | LedgerError::Busy | LedgerError::Stopped => {
            Reason::LedgerUnavailable
        }
    }
}
