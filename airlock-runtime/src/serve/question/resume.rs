//! The request that brings answers of revision 2026-07-28: judged from the lease on, and then the call goes on that waits for it.

use super::{Gateway, HOW, Rc, Waits, standing, verdict_of};
use crate::account::Context;
use crate::approve::Refusal;
use crate::approve::seal::{self, Bound, Kind};
use crate::decide::Decision;
use crate::lease::request_digest;
use crate::ledger::{LedgerError, Require, Verdict};
use crate::reason::Reason;
use crate::reply::Judged;
use crate::serve::ask::Desk;
use crate::serve::helpers::weigh;
use crate::upstream::question::{Answered, Misfit};
use crate::wire::members::members;
use crate::wire::{CallRequest, Resume};
use serde_json::Value;
use std::sync::Arc;

/// What a request brings.
enum Brought {
    Answers(Vec<Answered>),
    /// Some are missing: the same is asked again.
    Missing,
    Misfit(Misfit),
}

impl Gateway {
    /// Judges the request, and gives its answers to the call that it belongs to. The state names that call and nothing more: whether the
    /// lease is good, not revoked and for this tool is looked at as for any other call, and what is not good anew goes no further.
    pub(in crate::serve) async fn resume(self: &Rc<Self>, request: CallRequest, resume: Resume, desk: &mut Desk<'_>) -> Judged {
        let (call, carried) = self.resolve(request);
        let call = Arc::new(call);
        let risk = weigh(self.world.policy, &call).await;
        let Some((authority, decision)) = self.judge(&call, carried.as_ref(), &risk) else { return Judged::unrecorded(0) };
        let authority = authority.as_ref().ok();
        let mut context = Context::new(&call, carried.as_ref().ok(), authority, &risk, None);
        context.has_lease = matches!(carried, Err(Reason::LeaseInArguments));
        let mut require = match &decision {
            // A person's yes was said before the call began, which is still the same one.
            Decision::Allow(permit) => holds(permit.require()),
            Decision::Ask(ask) => holds(ask.require()),
            Decision::Deny(reason) => return self.deny(&context, reason.clone()).await,
        };
        let waits = match self.found(&context, &resume) {
            Ok(waits) => waits,
            Err(refusal) => return self.deny(&context, Reason::Approval(refusal)).await,
        };
        let answers = match brought(&waits, &resume) {
            Brought::Answers(answers) => answers,
            Brought::Missing => {
                let requests = waits.noted.requests.clone();
                self.put_back(waits);
                return Judged::Interrupted { requests, state: resume.state };
            }
            Brought::Misfit(misfit) => {
                self.put_back(waits);
                return Judged::Misanswered { detail: misfit.0 };
            }
        };
        require.push(Require::Waits { question: waits.noted.id.clone(), how: HOW });
        let verdict = verdict_of(&answers);
        let answers: Vec<Value> = answers.into_iter().map(|answered| answered.value).collect();
        let text = Value::from(answers.clone()).to_string();
        let settled = self.settle((&waits.running, &waits.asked, &waits.noted), verdict, Some(&text), require).await;
        if let Err(error) = settled {
            self.give_up(waits, Verdict::Withdrawn).await;
            return match error {
                LedgerError::Unmet(unmet) => self.deny(&context, Reason::of_unmet(&unmet, &[], self.world.policy)).await,
                _ => Judged::unrecorded(risk.score),
            };
        }
        let (running, asked) = waits.over();
        running.listener.follow(&desk.listener);
        let _ = asked.answer.send(Ok(answers));
        self.go_on(running, desk).await
    }

    /// The call that waits for this request, taken out of those that wait.
    fn found(&self, context: &Context<'_>, resume: &Resume) -> Result<Waits, Refusal> {
        let policy = self.world.policy;
        let tool = context.call.tool.map_or("", |tool| tool.name);
        let request = request_digest(policy.gateway, context.sid, tool, &context.call.args).map_err(|_| Refusal::Answered)?;
        let bound = Bound {
            gateway: policy.gateway,
            policy: &policy.digest,
            log: self.world.ledger.key().as_bytes(),
            rid: context.rid.last().map_or(super::NO_LEASE, String::as_str),
            sid: context.sid,
            tool,
            request: &request,
        };
        let ticket = seal::open(Kind::Upstream, &resume.state, &self.world.keys, &bound).map_err(Refusal::State)?;
        self.parked.calls.borrow_mut().remove(&ticket.id).ok_or(Refusal::Answered)
    }

    /// The one that was taken out waits on, until its first time is over.
    fn put_back(&self, waits: Waits) {
        self.parked.calls.borrow_mut().insert(waits.noted.ticket.id, waits);
    }
}

/// What must hold for an answer to be passed on: the lease, and that it was not shown before.
fn holds(require: &[Require]) -> Vec<Require> {
    let fresh = require.iter().filter(|require| matches!(require, Require::Fresh { .. })).cloned();
    standing(require).into_iter().chain(fresh).collect()
}

/// The answers of a request to the questions of a call. What was not asked is passed over.
fn brought(waits: &Waits, resume: &Resume) -> Brought {
    let text = resume.answers.as_ref().map_or("{}", |raw| raw.get());
    let Some(given) = members(text) else { return Brought::Misfit(Misfit("cannot be read")) };
    let mut answers = Vec::with_capacity(waits.asked.questions.len());
    for question in &waits.asked.questions {
        let Some((_, raw)) = given.iter().find(|(key, _)| *key == question.key) else { return Brought::Missing };
        match question.answer(raw) {
            Ok(answered) => answers.push(answered),
            Err(misfit) => return Brought::Misfit(misfit),
        }
    }
    Brought::Answers(answers)
}
