//! Getting the yes for a call: signatures are verified, the question leaves, the call waits or ends, the answer is recorded.

use super::{Gateway, Limits, Share};
use crate::account::Context;
use crate::approve::record::{Case, Question};
use crate::approve::signed::Unsettled;
use crate::approve::{Approved, Flows, Refusal};
use crate::decide::Ask;
use crate::effect::Listener;
#[cfg(feature = "upstream")]
use crate::ledger::Require;
use crate::limits::{ASKED_BYTES_MAX, IN_FLIGHT_BYTES_MAX};
use crate::reason::Reason;
#[cfg(feature = "upstream")]
use crate::wire::Target;
use crate::wire::ask::OPEN_QUESTIONS_MAX;
use crate::wire::{Able, Answer, Asking, CallRequest, Id, Retry, Revision};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// What becomes of a call that needs its user's yes and does not have it.
#[derive(Debug)]
pub(super) enum Ended {
    /// The call is answered with the question.
    Asked {
        /// What the user is shown.
        message: String,
        /// What the client brings back with the answer.
        state: String,
    },
    /// It is refused.
    Refused {
        /// Why.
        reason: Reason,
        /// Id of the question, if there was one.
        question: Option<String>,
    },
}

/// The desk of one call: what it needs to ask its user, beside what it asks about.
pub(super) struct Desk<'a> {
    pub(super) id: Id,
    pub(super) asking: Asking,
    #[cfg_attr(not(feature = "upstream"), allow(dead_code, reason = "only upstreams ask"))]
    pub(super) revision: Revision,
    /// What the client can be asked by an upstream.
    #[cfg_attr(not(feature = "upstream"), allow(dead_code, reason = "only upstreams ask"))]
    pub(super) able: Able,
    pub(super) retry: Option<Retry>,
    /// Signatures that came with the call.
    pub(super) signatures: Vec<String>,
    /// Memory that the request may take, in bytes.
    pub(super) memory: usize,
    /// Told when the call is cancelled.
    pub(super) stop: &'a Notify,
    /// Share of the limits on calls in flight; given back while a user is asked.
    pub(super) share: Option<Share>,
    pub(super) limits: &'a Limits,
    pub(super) output: &'a mpsc::Sender<String>,
    /// Where progress goes.
    pub(super) listener: Listener,
    /// What it asks for.
    #[cfg(feature = "upstream")]
    pub(super) target: Target,
    /// Of a subscription, what must hold of the lease as long as that lasts.
    #[cfg(feature = "upstream")]
    pub(super) standing: Vec<Require>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(
        request: &mut CallRequest,
        stop: &'a Notify,
        share: Share,
        limits: &'a Limits,
        output: &'a mpsc::Sender<String>,
    ) -> Self {
        Self {
            id: request.id.clone(),
            asking: request.asking,
            revision: request.revision,
            able: request.able,
            retry: request.retry.take(),
            signatures: std::mem::take(&mut request.approvals),
            memory: request.memory,
            stop,
            share: Some(share),
            limits,
            output,
            listener: Listener::new(request.progress_token.take(), request.log, request.revision, output),
            #[cfg(feature = "upstream")]
            target: request.target.clone(),
            #[cfg(feature = "upstream")]
            standing: Vec::new(),
        }
    }
}

impl Gateway {
    /// Gets the yes to a call that was judged, of everybody who has to say it: the signatures that it brings, then the user's answer.
    pub(super) async fn approve(
        &self,
        context: &Context<'_>,
        client: &str,
        ask: Ask,
        flows: Flows,
        before: Option<Approved>,
        desk: &mut Desk<'_>,
    ) -> Result<Approved, Ended> {
        let is_signed = before.as_ref().is_some_and(Approved::is_signed);
        // A second question about the same call asks for all that the first one did.
        let (told, settled) = before.as_ref().map(Approved::told).unwrap_or_default();
        let case = &mut Case {
            world: &self.world,
            call: context.call,
            tool: context.call.tool.map_or("", |tool| tool.name),
            sid: context.sid,
            sub: context.sub,
            rid: context.rid.last().map(String::as_str),
            client,
            until: context.authority.map(|authority| authority.exp),
            uses: context.authority.map_or(&[][..], |authority| &authority.uses),
            because: if ask.because.is_empty() { told } else { ask.because.clone() },
            flows: flows.and(settled),
            request: ask.digest,
            issues: ask.issues(),
        };
        // Signatures come first: without them nobody is bothered. They are spent last, so that a no leaves them as they were.
        let presented = match ask.signatures() {
            quorums if quorums.is_empty() || is_signed => None,
            quorums if desk.signatures.is_empty() => {
                let (reason, question) = case.ask_signatures(quorums, ask.require(), &self.requests).await;
                return Err(Ended::Refused { reason, question });
            }
            quorums => {
                let presented = case.presented(&desk.signatures, quorums);
                Some(presented.map_err(|reason| Ended::Refused { reason, question: None })?)
            }
        };
        let asks_user = desk.retry.is_some() || !ask.because.is_empty() || !flows.is_empty();
        let user = if asks_user { Some(self.ask_user(case, &ask, desk).await?) } else { None };
        let Some(presented) = presented else {
            let approved = Approved::joined(before, user);
            return approved.ok_or(Ended::Refused { reason: Reason::Approval(Refusal::Required), question: None });
        };
        let user = match case.settle_signed(&presented, ask.require(), user).await {
            Ok(approved) => return Ok(approved),
            Err(Unsettled::Refused(reason)) => return Err(Ended::Refused { reason, question: None }),
            Err(Unsettled::Asks(more)) => {
                case.flows = case.flows.and(more);
                self.ask_user(case, &ask, desk).await?
            }
        };
        case.settle_signed(&presented, ask.require(), Some(user)).await.map_err(|unsettled| {
            let reason = match unsettled {
                Unsettled::Refused(reason) => reason,
                // Still another flow, within the time of one answer: the next call asks about it.
                Unsettled::Asks(_) => Reason::Approval(Refusal::Required),
            };
            Ended::Refused { reason, question: None }
        })
    }

    /// Gets the user's yes: from the answer that the call brings, or by asking.
    async fn ask_user(&self, case: &mut Case<'_>, ask: &Ask, desk: &mut Desk<'_>) -> Result<Approved, Ended> {
        if let Some(retry) = desk.retry.take() {
            return take_answer(case, retry).await;
        }
        let refused = |refusal| Err(Ended::Refused { reason: Reason::Approval(refusal), question: None });
        if desk.memory > ASKED_BYTES_MAX {
            return refused(Refusal::TooLarge);
        }
        match desk.asking {
            Asking::NotDeclared => refused(Refusal::NotDeclared),
            Asking::NoSuchRevision => refused(Refusal::NoSuchRevision),
            Asking::InResult => {
                let question = case.ask(ask.require()).await.map_err(|reason| Ended::Refused { reason, question: None })?;
                let state = case.state(&question).map_err(|reason| Ended::Refused { reason, question: Some(question.id()) })?;
                Err(Ended::Asked { message: question.text, state })
            }
            Asking::ByRequest => {
                // First the number, then the entry: what is in the ledger as asked, and takes room of its session, does leave. The number
                // of a call that is refused is given back at its end.
                let reserved = self.connection.borrow_mut().reserve(&desk.id);
                let Some(number) = reserved else { return refused(Refusal::TooMany) };
                let question = case.ask(ask.require()).await.map_err(|reason| Ended::Refused { reason, question: None })?;
                let approved = self.wait(case, &question, number, desk).await;
                approved.map_err(|reason| Ended::Refused { reason, question: Some(question.id()) })
            }
        }
    }

    /// Asks by a request of ours, of this number, and waits for the answer, while other calls go on.
    async fn wait(&self, case: &Case<'_>, question: &Question, number: u64, desk: &mut Desk<'_>) -> Result<Approved, Reason> {
        let line = self.connection.borrow_mut().question(number, &question.text);
        let Some(line) = line else { return Err(case.give_up(question, Refusal::Withdrawn).await) };
        let waits = self.waiting.wait(number);
        // A user takes minutes. What a waiting call holds is bounded by the number of open questions instead.
        desk.share = None;
        let answer = async {
            desk.output.send(line).await.ok()?;
            waits.await.ok()
        };
        let answered: Result<Answer, Refusal> = tokio::select! {
            biased;
            () = desk.stop.notified() => Err(Refusal::Withdrawn),
            answer = answer => answer.ok_or(Refusal::Withdrawn),
            () = tokio::time::sleep(Duration::from_secs(case.seconds())) => Err(Refusal::Timeout),
        };
        let answer = match answered {
            Ok(answer) => answer,
            Err(refusal) => {
                let closing = self.connection.borrow_mut().withdraw(number, "There is nothing to answer any more.");
                if let Some(line) = closing {
                    let _ = desk.output.send(line).await;
                }
                return Err(case.give_up(question, refusal).await);
            }
        };
        let approved = case.settle(question, answer).await?;
        // The effect is one call in flight again.
        desk.share = desk.limits.share(desk.memory).await;
        Ok(approved)
    }
}

/// Judges the answer that a call brings back.
async fn take_answer(case: &Case<'_>, retry: Retry) -> Result<Approved, Ended> {
    let question =
        case.answered(&retry).map_err(|refusal| Ended::Refused { reason: Reason::Approval(refusal), question: None })?;
    match retry.answer {
        // The state is right and the answer is missing: the same question again.
        None => Err(Ended::Asked { message: question.text, state: retry.state }),
        Some(answer) => {
            let approved = case.settle(&question, answer).await;
            approved.map_err(|reason| Ended::Refused { reason, question: Some(question.id()) })
        }
    }
}

const _: () = assert!(
    OPEN_QUESTIONS_MAX * ASKED_BYTES_MAX <= IN_FLIGHT_BYTES_MAX,
    "calls that wait for a user take no more memory than calls in flight"
);

#[cfg(test)]
#[cfg(all(feature = "http", feature = "issue"))]
mod tests;
