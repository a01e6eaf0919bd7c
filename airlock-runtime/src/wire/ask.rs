//! Asking the user at the client whether one call may be made: the question out, the answer in, in the form of each era.
//!
//! Revision 2026-07-28 has no requests from a server. There the call is answered with `input_required`, and the client makes it anew
//! with the user's answer and the `requestState` that came with the question. Revisions 2025-06-18 and 2025-11-25 ask with a request of
//! the server, `elicitation/create`, while the call stays open. Both carry the same form: a text and one yes or no.

use super::jsonrpc::Problem;
use super::members::{Picked, is_object, pick, string};
use super::reply::render;
use super::revision::Revision;
use crate::json::json;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::fmt;

/// Questions that may be open towards one client as requests. A user reads one at a time; each keeps its call in memory.
pub const OPEN_QUESTIONS_MAX: usize = 16;
/// How ids of our requests begin. They are an id space of their own, which the client's ids may resemble without harm.
const ID_PREFIX: &str = "approve-";
/// Key of the question in `inputRequests`, and of its field in the form.
const APPROVE: &str = "approve";

/// How the user of the client that made a call can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// The result is the question; the call is made anew with the answer.
    InResult,
    /// A request of ours while the call stays open.
    ByRequest,
    /// The revision of the connection has no questions.
    NoSuchRevision,
    /// The client did not declare that it can show a form.
    NotDeclared,
}

impl Asking {
    /// What `capabilities` of a client allow in `revision`.
    pub(crate) fn of(revision: Revision, capabilities: Option<&RawValue>) -> Self {
        if !revision.has_elicitation() {
            return Self::NoSuchRevision;
        }
        match (capabilities.is_some_and(shows_forms), revision.is_modern()) {
            (false, _) => Self::NotDeclared,
            (true, true) => Self::InResult,
            (true, false) => Self::ByRequest,
        }
    }
}

/// `"elicitation": {}` means forms; so does a `form` member, whatever stands beside it. `url` alone is not enough.
pub(super) fn shows_forms(capabilities: &RawValue) -> bool {
    let [elicitation] = pick(capabilities.get(), ["elicitation"]).values;
    let Some(elicitation) = elicitation.filter(|value| is_object(value)) else { return false };
    let [form, url] = pick(elicitation.get(), ["form", "url"]).values;
    form.map_or(url.is_none(), is_object)
}

/// What came back for a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The user accepted, and the form says `approve: true`.
    Accepted,
    /// The user declined, or accepted a form that does not say `approve: true`.
    Declined,
    /// The user closed the question without a choice.
    Cancelled,
    /// The client answered with an error, or with something that is no answer.
    Failed,
}

impl Answer {
    /// Reads an elicitation result. Only `accept` with `approve: true` approves, so a client that accepts by itself, with an empty form,
    /// approves nothing.
    fn read(result: &RawValue) -> Self {
        let Picked { values: [action, content], named: _, has_others: _, has_repeats, is_whole } =
            pick(result.get(), ["action", "content"]);
        if !is_whole || has_repeats {
            return Self::Failed;
        }
        match action.and_then(string).as_deref() {
            Some("accept") if content.is_some_and(says_yes) => Self::Accepted,
            Some("accept" | "decline") => Self::Declined,
            Some("cancel") => Self::Cancelled,
            Some(_) | None => Self::Failed,
        }
    }

    /// Reads the members of a response to [`request`].
    pub(crate) fn of_response(result: Option<&RawValue>) -> Self {
        result.map_or(Self::Failed, Self::read)
    }
}

fn says_yes(content: &RawValue) -> bool {
    let Picked { values: [approve], named: _, has_others: _, has_repeats, is_whole } = pick(content.get(), [APPROVE]);
    is_whole && !has_repeats && approve.is_some_and(|value| value.get() == "true")
}

/// What a call brings back that was answered with a question before. Nothing of it is verified.
#[derive(Clone, PartialEq, Eq)]
pub struct Retry {
    /// `requestState` as sent.
    pub state: String,
    /// The answer to our question; `None` when `inputResponses` does not have it.
    pub answer: Option<Answer>,
}

/// A state answers a question for whoever holds the same lease, so its text stays out of logs.
impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { state, answer } = self;
        f.debug_struct("Retry").field("state", &format!("({} bytes)", state.len())).field("answer", answer).finish()
    }
}

impl Retry {
    /// Reads `requestState` and `inputResponses` of a call.
    pub(crate) fn read(
        revision: Revision,
        state: Option<&RawValue>,
        responses: Option<&RawValue>,
    ) -> Result<Option<Self>, Problem> {
        let (state, responses) = match (state, responses) {
            (None, None) => return Ok(None),
            _ if !revision.is_modern() => {
                return Err(Problem::invalid_params(
                    "`inputResponses` and `requestState` belong to revision 2026-07-28; on this connection a question is a request.",
                ));
            }
            (None, Some(_)) => {
                return Err(Problem::invalid_params(
                    "`inputResponses` answers nothing without the `requestState` that came with the question.",
                ));
            }
            (Some(state), responses) => (state, responses),
        };
        let state = string(state).ok_or(Problem::invalid_params("`requestState` must be a string."))?;
        let Some(responses) = responses else { return Ok(Some(Self { state, answer: None })) };
        let Picked { values: [answer], named: _, has_others: _, has_repeats, is_whole } = pick(responses.get(), [APPROVE]);
        if !is_whole || has_repeats {
            return Err(Problem::invalid_params("`inputResponses` must be an object."));
        }
        Ok(Some(Self { state, answer: answer.map(Answer::read) }))
    }
}

/// The form: one choice without a default.
fn form(message: &str) -> Map<String, Value> {
    let choice = json!({"type": "boolean", "title": "Approve this call", "description": "Only yes lets this one call be made."});
    let schema = json!({"type": "object", "properties": {APPROVE: choice}, "required": [APPROVE]});
    Map::from_iter([("message".to_owned(), json!(message)), ("requestedSchema".to_owned(), schema)])
}

/// The members of an `input_required` result, beside `resultType`.
pub(crate) fn input_required(message: &str, state: &str) -> Map<String, Value> {
    let mut params = form(message);
    params.insert("mode".to_owned(), json!("form"));
    let questions = json!({APPROVE: {"method": "elicitation/create", "params": params}});
    Map::from_iter([("inputRequests".to_owned(), questions), ("requestState".to_owned(), json!(state))])
}

/// The line of question `number` as a request.
pub(crate) fn request(number: u64, message: &str) -> String {
    render(&json!({"jsonrpc": "2.0", "id": id(number), "method": "elicitation/create", "params": form(message)}))
}

/// The line that tells the client to close the question of this id.
pub(crate) fn withdrawal(id: &str, reason: &str) -> String {
    let params = json!({"requestId": id, "reason": reason});
    render(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}))
}

/// The id of question `number`.
pub(crate) fn id(number: u64) -> String {
    format!("{ID_PREFIX}{number}")
}

/// The number in an id of ours, in the one spelling that [`id`] gives it.
pub(crate) fn number(text: &str) -> Option<u64> {
    let number = text.strip_prefix(ID_PREFIX)?.parse().ok()?;
    (id(number) == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn forms_are_declared_by_elicitation_alone_or_with_form() {
        for (capabilities, shows) in [
            ("{}", false),
            (r#"{"elicitation":{}}"#, true),
            (r#"{"elicitation":{"form":{}}}"#, true),
            (r#"{"elicitation":{"form":{"applyDefaults":true},"url":{}}}"#, true),
            (r#"{"elicitation":{"url":{}}}"#, false),
            (r#"{"elicitation":{"form":null}}"#, false),
            (r#"{"elicitation":null}"#, false),
            (r#"{"elicitation":true}"#, false),
            (r#"{"sampling":{"elicitation":{}}}"#, false),
            ("[]", false),
        ] {
            assert_eq!(shows_forms(&raw(capabilities)), shows, "{capabilities}");
        }
        let able = raw(r#"{"elicitation":{}}"#);
        let of = |revision| Asking::of(revision, Some(&able));
        assert_eq!(
            Revision::ALL.map(of),
            [Asking::NoSuchRevision, Asking::NoSuchRevision, Asking::ByRequest, Asking::ByRequest, Asking::InResult]
        );
        assert_eq!(Asking::of(Revision::MODERN, None), Asking::NotDeclared);
    }

    #[test]
    fn only_accept_with_yes_approves() {
        for (result, answer) in [
            (r#"{"action":"accept","content":{"approve":true}}"#, Answer::Accepted),
            (r#"{"\u0061ction":"accept","content":{"approve": true ,"x":1},"_meta":{}}"#, Answer::Accepted),
            (r#"{"action":"accept","content":{"approve":false}}"#, Answer::Declined),
            (r#"{"action":"accept","content":{"approve":"true"}}"#, Answer::Declined),
            (r#"{"action":"accept","content":{"approve":1}}"#, Answer::Declined),
            (r#"{"action":"accept","content":{"Approve":true}}"#, Answer::Declined),
            (r#"{"action":"accept","content":{}}"#, Answer::Declined),
            (r#"{"action":"accept","content":[true]}"#, Answer::Declined),
            (r#"{"action":"accept"}"#, Answer::Declined),
            (r#"{"action":"decline","content":{"approve":true}}"#, Answer::Declined),
            (r#"{"action":"cancel"}"#, Answer::Cancelled),
            (r#"{"action":"Accept","content":{"approve":true}}"#, Answer::Failed),
            (r#"{"action":["accept"],"content":{"approve":true}}"#, Answer::Failed),
            (r#"{"content":{"approve":true}}"#, Answer::Failed),
            ("[]", Answer::Failed),
            ("null", Answer::Failed),
        ] {
            assert_eq!(Answer::read(&raw(result)), answer, "{result}");
        }
        assert_eq!(Answer::of_response(None), Answer::Failed);
    }

    #[test]
    fn an_id_of_ours_has_one_spelling() {
        assert_eq!(number(&id(17)), Some(17));
        for text in ["approve-017", "approve-+1", "approve-", "approve--1", "approve-18446744073709551616", "17", "Approve-1"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn debug_has_no_state() {
        let retry = Retry { state: "alq1.secret".into(), answer: Some(Answer::Accepted) };
        assert_eq!(format!("{retry:?}"), r#"Retry { state: "(11 bytes)", answer: Some(Accepted) }"#);
    }
}
