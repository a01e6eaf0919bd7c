//! What a server behind the gateway asks of the client: which client can be asked what, the question out, the answer in, in the form of
//! each era.
//!
//! With revision 2026-07-28 a call is answered with `input_required`, and the client makes it anew with answers and `requestState`. Before, a
//! question is a request of ours while the call stays open. Nothing of an answer is looked at here but that it is one.

use super::ask;
use super::jsonrpc::Problem;
use super::members::{is_object, pick, string};
use super::reply::{escape, render};
use super::revision::Revision;
use crate::json::json;
use crate::policy::upstream::{Question, Upstream};
use serde_json::value::RawValue;
use std::fmt;

/// How ids of our requests begin that an upstream asks for. They and those of approvals (see [`super::ask`]) share their numbers.
const ID_PREFIX: &str = "ask-";
/// How the state begins with which a client brings back what an upstream asked for.
pub(crate) const STATE_PREFIX: &str = "alu1";

/// What a client declared that it can be asked, for one request of revision 2026-07-28, or for a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Able {
    /// A form.
    pub elicitation: bool,
    /// To be led to an address, which its user sees and may refuse.
    pub url: bool,
    /// A text of its model.
    pub sampling: bool,
    /// Its directories.
    pub roots: bool,
}

impl Able {
    /// What `capabilities` of a client say in `revision`.
    pub(crate) fn of(revision: Revision, capabilities: Option<&RawValue>) -> Self {
        let Some(capabilities) = capabilities else { return Self::default() };
        let [sampling, roots] = pick(capabilities.get(), ["sampling", "roots"]).values;
        Self {
            elicitation: revision.has_elicitation() && ask::shows_forms(capabilities),
            url: revision.leads_to_urls() && ask::leads_to_urls(capabilities),
            sampling: sampling.is_some_and(is_object),
            roots: roots.is_some_and(is_object),
        }
    }

    /// Can it be asked this, in one way or another?
    #[must_use]
    pub const fn has(self, question: Question) -> bool {
        match question {
            Question::Elicitation => self.elicitation || self.url,
            Question::Sampling => self.sampling,
            Question::Roots => self.roots,
        }
    }

    /// Can it be asked nothing?
    #[must_use]
    pub const fn is_none(self) -> bool {
        !self.elicitation && !self.url && !self.sampling && !self.roots
    }

    /// What an upstream may ask, and can be asked.
    #[must_use]
    pub fn within(self, upstream: &Upstream) -> Self {
        let lists = |question| upstream.may_ask.contains(&question);
        Self {
            elicitation: self.elicitation && lists(Question::Elicitation),
            url: self.url && lists(Question::Elicitation) && !upstream.ask_hosts.is_empty(),
            sampling: self.sampling && lists(Question::Sampling),
            roots: self.roots && lists(Question::Roots),
        }
    }

    /// Everything that an upstream may ask.
    #[must_use]
    pub fn all(upstream: &Upstream) -> Self {
        Self { elicitation: true, url: true, sampling: true, roots: true }.within(upstream)
    }
}

/// What a call brings back that was answered with questions of an upstream. Nothing of it is verified.
pub struct Resume {
    /// `requestState` as sent.
    pub state: String,
    /// `inputResponses`, an object.
    pub answers: Option<Box<RawValue>>,
}

/// Answers are the user's own, and a state answers for whoever holds the same lease: both stay out of logs.
impl fmt::Debug for Resume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { state, answers } = self;
        let bytes = |length: usize| format!("({length} bytes)");
        let answers = answers.as_ref().map(|raw| bytes(raw.get().len()));
        f.debug_struct("Resume").field("state", &bytes(state.len())).field("answers", &answers).finish()
    }
}

impl Resume {
    /// Reads `requestState` and `inputResponses` of a call; nothing where the state is none of these.
    pub(crate) fn read(
        revision: Revision,
        state: Option<&RawValue>,
        responses: Option<&RawValue>,
    ) -> Result<Option<Self>, Problem> {
        let is_ours = |state: &String| state.strip_prefix(STATE_PREFIX).is_some_and(|rest| rest.starts_with('.'));
        let Some(state) = state.filter(|_| revision.is_modern()).and_then(string).filter(is_ours) else { return Ok(None) };
        if !responses.is_none_or(is_object) {
            return Err(Problem::invalid_params("`inputResponses` must be an object."));
        }
        Ok(Some(Self { state, answers: responses.map(ToOwned::to_owned) }))
    }
}

/// The line of question `number` as a request. `params`: JSON text of an object, of one line.
pub(crate) fn request(number: u64, question: Question, params: &str) -> String {
    let (id, method) = (json!(id(number)), question.method());
    escape(format!("{{\"id\":{id},\"jsonrpc\":\"2.0\",\"method\":\"{method}\",\"params\":{params}}}"))
}

/// The line that tells a client of 2025-11-25 that the page to which question `number` led is done with.
#[cfg_attr(not(feature = "upstream"), allow(dead_code, reason = "only upstreams lead to pages"))]
pub(crate) fn completed(number: u64) -> String {
    render(&json!({"jsonrpc": "2.0", "method": "notifications/elicitation/complete", "params": {"elicitationId": id(number)}}))
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
    fn a_client_can_be_asked_what_it_declares() {
        let of = |revision, text: &str| {
            let able = Able::of(revision, Some(&raw(text)));
            Question::ALL.map(|question| able.has(question))
        };
        let all = r#"{"elicitation":{},"sampling":{},"roots":{"listChanged":true}}"#;
        assert_eq!(of(Revision::MODERN, all), [true; 3]);
        assert_eq!(of(Revision::R2024_11_05, all), [false, true, true], "there are no forms in this revision");
        assert_eq!(of(Revision::R2025_06_18, r#"{"elicitation":{"url":{}},"sampling":null,"roots":true}"#), [false; 3]);
        let led = |revision, text: &str| Able::of(revision, Some(&raw(text))).url;
        assert!(
            led(Revision::MODERN, r#"{"elicitation":{"url":{}}}"#)
                && led(Revision::R2025_11_25, r#"{"elicitation":{"form":{},"url":{}}}"#)
        );
        assert!(!led(Revision::R2025_06_18, r#"{"elicitation":{"url":{}}}"#) && !led(Revision::MODERN, r#"{"elicitation":{}}"#));
        assert!(Able::of(Revision::MODERN, None).is_none());
    }

    #[test]
    fn states_of_approvals_and_of_upstreams_are_told_apart() {
        let read = |revision, state: &str, answers: Option<&str>| {
            Resume::read(revision, Some(&raw(state)), answers.map(raw).as_deref()).map(|resume| resume.is_some())
        };
        assert_eq!(read(Revision::MODERN, r#""alu1.k1.x""#, Some("{}")), Ok(true));
        assert_eq!(read(Revision::MODERN, r#""alu1.k1.x""#, None), Ok(true));
        assert!(read(Revision::MODERN, r#""alu1.k1.x""#, Some("7")).is_err());
        for other in [r#""alq1.k1.x""#, r#""alu1""#, r#""alu11.k1.x""#, "7", r#""""#] {
            assert_eq!(read(Revision::MODERN, other, Some("{}")), Ok(false), "{other}");
        }
        assert_eq!(read(Revision::R2025_11_25, r#""alu1.k1.x""#, Some("{}")), Ok(false));
    }

    #[test]
    fn ids_have_one_spelling_and_one_kind() {
        assert_eq!((number(&id(7)), ask::number(&id(7))), (Some(7), None));
        for text in ["ask-07", "ask-", "ask-+7", "approve-7", "7"] {
            assert_eq!(number(text), None, "{text}");
        }
        assert!(request(7, Question::Roots, "{\"a\":\"\u{2028}\"}").contains(r"\u2028"));
        let told = r#"{"jsonrpc":"2.0","method":"notifications/elicitation/complete","params":{"elicitationId":"ask-7"}}"#;
        assert_eq!(completed(7), told);
    }
}
