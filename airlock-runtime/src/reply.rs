//! What the client is told: a result, or a refusal in plain English that a program can read too.

use crate::approve::Refusal;
use crate::decide::Fate;
use crate::effect::{Failure, Outcome, Product};
use crate::json::json;
#[cfg(feature = "upstream")]
use crate::policy::upstream::Question;
use crate::reason::{Reason, thousandths};
use crate::wire::{Code, Connection, Id, Revision, Target, ToolReply};
use serde_json::{Map, Value};
use std::cell::RefCell;

/// `_meta` key under which a result tells its decision.
pub(crate) const META_DECISION: &str = "dev.airlock/decision";

/// A judged call, ready to be told.
#[derive(Debug)]
pub(crate) enum Judged {
    /// Allowed and performed.
    Performed {
        /// Number of the decision in the ledger.
        seq: u64,
        /// Score of the call.
        risk: u16,
        /// How the effect ended.
        outcome: Outcome,
        /// Why it would have been refused, where shadow mode let it through.
        shadow: Option<Reason>,
    },
    /// Answered with a question to the user.
    Asked {
        /// What the user is shown.
        message: String,
        /// What comes back with the answer.
        state: String,
    },
    /// Answered with what an upstream asks, in revision 2026-07-28.
    #[cfg(feature = "upstream")]
    Interrupted {
        /// The questions, as `inputRequests` has them.
        requests: String,
        /// What comes back with the answers.
        state: String,
    },
    /// What was brought does not answer what was asked. The question is open on.
    #[cfg(feature = "upstream")]
    Misanswered {
        /// What is wrong; goes on after "The answer".
        detail: &'static str,
    },
    /// Refused.
    Denied {
        /// Number of the decision in the ledger; none if it could not be recorded.
        seq: Option<u64>,
        /// Score of the call.
        risk: u16,
        /// Why.
        reason: Reason,
    },
}

impl Judged {
    /// Refused because nothing can be recorded.
    pub(crate) const fn unrecorded(risk: u16) -> Self {
        Self::Denied { seq: None, risk, reason: Reason::LedgerUnavailable }
    }

    /// Could nothing be recorded, or is there something that shadow mode holds?
    pub(crate) fn is_held(&self) -> bool {
        match self {
            Self::Denied { reason, .. } => Fate::of(reason) == Fate::Held,
            Self::Performed { .. } | Self::Asked { .. } => false,
            #[cfg(feature = "upstream")]
            Self::Interrupted { .. } | Self::Misanswered { .. } => false,
        }
    }
}

/// The reply line of a judged call, in the form of its revision.
pub(crate) fn render(connection: &Connection, revision: Revision, id: &Id, target: &Target, judged: Judged) -> String {
    match judged {
        Judged::Performed { seq, risk, outcome, shadow } => {
            let told = Told { seq, risk, shadow: shadow.as_ref() };
            match outcome.result {
                Ok(Product::Own(value)) => connection.reply_result(revision, id, &performed(&told, Ok(value))),
                #[cfg(feature = "upstream")]
                Ok(Product::Foreign(mut answer)) => {
                    // Resources and prompts have no place for a remark but `_meta`.
                    if let Some(note) = told.note().filter(|_| *target == Target::Tool) {
                        answer.note(&note);
                    }
                    connection.reply_foreign(revision, id, target, answer.result(), told.meta())
                }
                #[cfg(feature = "upstream")]
                Err(failure) if lacks(failure.code).is_some() => lacking(connection, id, &told, &failure),
                Err(failure) if *target != Target::Tool => failed(connection, revision, id, &told, target, &failure),
                Err(failure) => connection.reply_result(revision, id, &performed(&told, Err(failure))),
            }
        }
        Judged::Asked { message, state } => connection.reply_question(id, &message, &state),
        #[cfg(feature = "upstream")]
        Judged::Interrupted { requests, state } => connection.reply_inputs(id, &requests, &state),
        #[cfg(feature = "upstream")]
        Judged::Misanswered { detail } => {
            let detail = format!("The answer {detail}. Answer what was asked, with the same `requestState`.");
            connection.reply_error(id, Code::InvalidParams, &detail, Some(json!({"reason": "answer_invalid", "detail": detail})))
        }
        Judged::Denied { seq, risk, reason } if *target == Target::Tool => denied(connection, revision, id, seq, risk, &reason),
        Judged::Denied { seq, risk, reason } => denied_offer(connection, revision, id, (seq, risk), target, &reason),
    }
}

/// The outcome of a call whose upstream needs a client that declares this.
#[cfg(feature = "upstream")]
pub(crate) const fn missing_code(kind: Question) -> &'static str {
    match kind {
        Question::Elicitation => "elicitation_missing",
        Question::Sampling => "sampling_missing",
        Question::Roots => "roots_missing",
    }
}

#[cfg(feature = "upstream")]
fn lacks(outcome: &str) -> Option<Question> {
    Question::ALL.into_iter().find(|kind| missing_code(*kind) == outcome)
}

/// What revision 2026-07-28 has for a call whose client does not declare what its upstream asks.
#[cfg(feature = "upstream")]
fn lacking(connection: &Connection, id: &Id, told: &Told<'_>, failure: &Failure) -> String {
    let Failure { code, detail } = failure;
    let how = |kind| if kind == Question::Elicitation { json!({"form": {}}) } else { json!({}) };
    let required: Map<String, Value> = lacks(code).map(|kind| (kind.word().to_owned(), how(kind))).into_iter().collect();
    let data = json!({"decision": told.word(), "outcome": code, "detail": detail, "ledger_seq": told.seq, "requiredCapabilities": required});
    connection.reply_error(id, Code::MissingCapability, detail, Some(data))
}

/// What a read of a resource or a prompt failed with. Their results have no way to say so.
fn failed(connection: &Connection, revision: Revision, id: &Id, told: &Told<'_>, target: &Target, failure: &Failure) -> String {
    let Failure { code, detail } = failure;
    let mut data = json!({"decision": told.word(), "outcome": code, "detail": detail, "ledger_seq": told.seq});
    if let Some(note) = told.note() {
        data["note"] = json!(note);
    }
    let number = if *code == REFUSED_BY_UPSTREAM { not_found(target, revision, &mut data) } else { Code::Internal };
    connection.reply_error(id, number, detail, Some(data))
}

/// The outcome of a read or a prompt whose parameters the upstream refused: mostly there is no such thing.
pub(crate) const REFUSED_BY_UPSTREAM: &str = "upstream_refused";

/// The code for something that is not there, which the data of the error names.
fn not_found(target: &Target, revision: Revision, data: &mut Value) -> Code {
    let (Target::Resource(uri) | Target::Subscription(uri)) = target else { return Code::InvalidParams };
    data["uri"] = json!(uri);
    if revision.is_modern() { Code::InvalidParams } else { Code::NoSuchResource }
}

/// A refused read of a resource or a refused prompt.
fn denied_offer(
    connection: &Connection,
    revision: Revision,
    id: &Id,
    (seq, risk): (Option<u64>, u16),
    target: &Target,
    reason: &Reason,
) -> String {
    let mut data = refusal(seq, risk, reason);
    let code = match reason {
        Reason::LedgerUnavailable => Code::Internal,
        _ => error_code(reason, revision).unwrap_or(Code::InvalidParams),
    };
    if code == Code::MissingCapability {
        data["requiredCapabilities"] = json!({"elicitation": {"form": {}}});
    }
    match (reason, target) {
        (Reason::UnknownTool { .. }, Target::Resource(_) | Target::Subscription(_)) => {
            let code = not_found(target, revision, &mut data);
            data["detail"] = json!(NO_SUCH_RESOURCE);
            connection.reply_error(id, code, NO_SUCH_RESOURCE, Some(data))
        }
        _ => connection.reply_error(id, code, &reason.detail(), Some(data)),
    }
}

/// What is said of a resource that the manifest does not have.
const NO_SUCH_RESOURCE: &str = "Resource not found.";

/// A refusal: an error where the protocol has one for it, else a result that the model can react to.
fn denied(connection: &Connection, revision: Revision, id: &Id, seq: Option<u64>, risk: u16, reason: &Reason) -> String {
    let mut data = refusal(seq, risk, reason);
    if let Some(code) = error_code(reason, revision) {
        if code == Code::MissingCapability {
            data["requiredCapabilities"] = json!({"elicitation": {"form": {}}});
        }
        return connection.reply_error(id, code, &reason.detail(), Some(data));
    }
    let text = match seq {
        Some(seq) => format!("Refused by Airlock ({}): {} Ledger entry {seq}.", reason.code(), reason.detail()),
        None => format!("Refused by Airlock ({}): {}", reason.code(), reason.detail()),
    };
    // Clients that show the text alone must be able to hand the request on.
    let text = if let Reason::Unsigned { request: Some(request), .. } = reason { format!("{text}\n\n{request}") } else { text };
    connection.reply_result(revision, id, &ToolReply { text, structured: Some(data), is_error: true, meta: Map::new() })
}

/// The code of a refusal that the protocol calls an error.
fn error_code(reason: &Reason, revision: Revision) -> Option<Code> {
    if let Reason::UnknownTool { .. } = reason {
        return Some(Code::InvalidParams);
    }
    let Reason::Approval(refusal) = reason else { return None };
    match refusal {
        Refusal::State(_) | Refusal::Answered if revision.is_modern() => Some(Code::InvalidParams),
        Refusal::NotDeclared if revision.is_modern() => Some(Code::MissingCapability),
        Refusal::State(_)
        | Refusal::Answered
        | Refusal::Required
        | Refusal::NotDeclared
        | Refusal::NoSuchRevision
        | Refusal::Failed
        | Refusal::Refused
        | Refusal::Timeout
        | Refusal::Withdrawn
        | Refusal::TooMany
        | Refusal::TooLarge
        | Refusal::Signed(_) => None,
    }
}

/// The reply to a refused list: there is no result that could say it.
pub(crate) fn refused_list(connection: &Connection, id: &Id, judged: &Judged) -> String {
    let told = match judged {
        Judged::Denied { seq, risk, reason } => Some((reason.detail(), refusal(*seq, *risk, reason))),
        // A list performs nothing and asks nobody, so no judgement of it says so.
        Judged::Performed { .. } | Judged::Asked { .. } => None,
        #[cfg(feature = "upstream")]
        Judged::Interrupted { .. } | Judged::Misanswered { .. } => None,
    };
    let (detail, data) = told.unwrap_or_default();
    connection.reply_error(id, Code::InvalidParams, &detail, Some(data))
}

/// What is told of a call that was made.
struct Told<'a> {
    seq: u64,
    risk: u16,
    shadow: Option<&'a Reason>,
}

impl Told<'_> {
    /// Members of `_meta` that tell of the decision.
    fn meta(&self) -> Map<String, Value> {
        let mut decision = json!({"decision": self.word(), "ledger_seq": self.seq, "risk": thousandths(self.risk)});
        if let Some(reason) = self.shadow {
            decision["would"] = json!("deny");
            decision["reason"] = json!(reason.code());
            decision["detail"] = json!(reason.detail());
        }
        Map::from_iter([(META_DECISION.to_owned(), decision)])
    }

    const fn word(&self) -> &'static str {
        if self.shadow.is_some() { "shadow" } else { "allow" }
    }

    /// What whoever reads the result is told of a call that would have been refused.
    fn note(&self) -> Option<String> {
        let reason = self.shadow?;
        Some(format!(
            "[Airlock] This gateway is in shadow mode. When it enforces, this call is refused ({}): {} It was made all the same. Ledger entry {}.",
            reason.code(),
            reason.detail(),
            self.seq
        ))
    }
}

fn performed(told: &Told<'_>, result: Result<Value, Failure>) -> ToolReply {
    let meta = told.meta();
    match result {
        // Not indented: a megabyte of nested lists would become a hundred.
        Ok(value) => ToolReply { text: value.to_string(), structured: Some(value), is_error: false, meta },
        Err(Failure { code, detail }) => {
            let structured = json!({"decision": told.word(), "outcome": code, "detail": detail, "ledger_seq": told.seq});
            let text = told.note().map_or_else(|| detail.clone(), |note| format!("{detail} {note}"));
            ToolReply { text, structured: Some(structured), is_error: true, meta }
        }
    }
}

fn refusal(seq: Option<u64>, risk: u16, reason: &Reason) -> Value {
    let mut told = json!({"decision": "deny", "reason": reason.code(), "detail": reason.detail(), "risk": thousandths(risk), "ledger_seq": seq});
    if let Reason::Unsigned { request: Some(request), .. } = reason {
        told["approval_request"] = json!(request);
    }
    told
}

/// Ids for which random bytes are asked of the system at once: the call costs more than the bytes. An id is no secret.
const IDS_AT_ONCE: usize = 32;

/// Random bytes that no id was made of yet.
struct Stock {
    bytes: [[u8; 16]; IDS_AT_ONCE],
    left: usize,
}

impl Stock {
    const EMPTY: Self = Self { bytes: [[0; 16]; IDS_AT_ONCE], left: 0 };

    /// Bytes that nobody had before. Where the system gives none they are zeros.
    fn take(&mut self) -> [u8; 16] {
        if self.left == 0 {
            if getrandom::fill(self.bytes.as_flattened_mut()).is_err() {
                return [0; 16];
            }
            self.left = IDS_AT_ONCE;
        }
        self.left -= 1;
        self.bytes[self.left]
    }
}

/// A random id for a call, in the form of a version 4 UUID. Without random bytes the ledger refuses to record, so the call ends there.
pub(crate) fn call_id() -> String {
    thread_local! {
        static STOCK: RefCell<Stock> = const { RefCell::new(Stock::EMPTY) };
    }
    let mut bytes = STOCK.with_borrow_mut(Stock::take);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = crate::lease::hex(&bytes);
    let mut id = String::with_capacity(hex.len() + 4);
    for (at, part) in [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].into_iter().enumerate() {
        if at > 0 {
            id.push('-');
        }
        id.push_str(part);
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// SDKs end the process at a line of 10 MiB; the longest body of an upstream is 1 MiB.
    #[test]
    fn a_nested_document_does_not_outgrow_the_line_of_a_peer() {
        let nested = format!("{}{}1{}", "[".repeat(60), "1,".repeat(30_000), "]".repeat(60));
        let reply = performed(&Told { seq: 1, risk: 0, shadow: None }, serde_json::from_str(&nested).map_err(|_| unreachable!()));
        assert!(reply.text.len() <= nested.len(), "{} bytes from {}", reply.text.len(), nested.len());
    }

    #[test]
    fn no_id_comes_twice_and_each_is_a_random_uuid() {
        let ids: HashSet<String> = (0..3 * IDS_AT_ONCE + 1).map(|_| call_id()).collect();
        assert_eq!(ids.len(), 3 * IDS_AT_ONCE + 1);
        for id in ids {
            let parts: Vec<usize> = id.split('-').map(str::len).collect();
            assert!(parts == [8, 4, 4, 4, 12] && id.as_bytes()[14] == b'4' && b"89ab".contains(&id.as_bytes()[19]), "{id}");
        }
    }

    #[test]
    fn an_outcome_that_is_not_recorded_is_not_told_as_a_refusal() {
        let outcome = Outcome::cancelled(Vec::new()).unrecorded();
        let Err(failure) = outcome.result else { panic!("it gave something") };
        let reply = performed(&Told { seq: 7, risk: 0, shadow: None }, Err(failure));
        let structured = reply.structured.unwrap_or_default();
        assert!(reply.is_error);
        assert_eq!((structured["decision"].as_str(), structured["ledger_seq"].as_u64()), (Some("allow"), Some(7)));
        assert!(reply.text.contains("was allowed") && !reply.text.contains("nothing is done"), "{}", reply.text);
    }
}
