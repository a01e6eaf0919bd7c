//! Answers of the client, as the upstream that asked has them.

use super::{ANSWER_MAX, Kind, Question};
use crate::carrier::has_lease_form;
use crate::json::json;
use crate::ledger::Verdict;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Most directories of a client.
const ROOTS_MAX: usize = 256;
/// Most parts of what a model wrote.
const PARTS_MAX: usize = 16;

/// Why an answer is none. The sentence goes on after "The answer".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Misfit(pub(crate) &'static str);

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answered {
    /// As the upstream has it.
    pub(crate) value: Value,
    /// What the ledger says of it.
    pub(crate) verdict: Verdict,
}

impl Question {
    /// Reads the result that answers this question.
    ///
    /// # Errors
    /// It is no answer to it; the upstream has nothing of it.
    pub(crate) fn answer(&self, given: &RawValue) -> Result<Answered, Misfit> {
        if given.get().len() > ANSWER_MAX {
            return Err(Misfit("is too long"));
        }
        let given: Value = serde_json::from_str(given.get()).map_err(|_| Misfit("cannot be read"))?;
        let given = given.as_object().ok_or(Misfit("is no object"))?;
        let answered = match self.kind {
            Kind::Elicitation => self.form(given)?,
            Kind::Sampling => Answered { value: sampled(given)?, verdict: Verdict::Accepted },
            Kind::Roots => Answered { value: roots(given)?, verdict: Verdict::Accepted },
        };
        // Leases are for this gateway, wherever somebody writes one.
        if has_lease_form(answered.value.to_string().as_bytes()) {
            return Err(Misfit("holds a lease"));
        }
        Ok(answered)
    }

    fn form(&self, given: &Map<String, Value>) -> Result<Answered, Misfit> {
        let verdict = match given.get("action").and_then(Value::as_str) {
            Some("accept") => Verdict::Accepted,
            Some("decline") => Verdict::Declined,
            Some("cancel") => Verdict::Cancelled,
            Some(_) | None => return Err(Misfit("has no action")),
        };
        let (Some(form), Verdict::Accepted) = (&self.form, verdict) else {
            return Ok(Answered { value: json!({"action": given.get("action")}), verdict });
        };
        let content = given.get("content").filter(|content| content.is_object()).ok_or(Misfit("has no content"))?;
        let mut names = content.as_object().into_iter().flatten().map(|(name, _)| name);
        if !names.all(|name| form.names.contains(name)) {
            return Err(Misfit("has a field that was not asked for"));
        }
        if !form.validator.is_valid(content) {
            return Err(Misfit("does not hold to the form"));
        }
        Ok(Answered { value: json!({"action": "accept", "content": content}), verdict })
    }
}

/// What a client's model wrote.
fn sampled(given: &Map<String, Value>) -> Result<Value, Misfit> {
    let role = given.get("role").and_then(Value::as_str).filter(|role| matches!(*role, "user" | "assistant"));
    let role = role.ok_or(Misfit("has no role"))?;
    let model = given.get("model").and_then(Value::as_str).ok_or(Misfit("names no model"))?;
    let content = given.get("content").and_then(content).ok_or(Misfit("has no content of a model"))?;
    let mut sampled = json!({"role": role, "content": content, "model": model});
    if let Some(reason) = given.get("stopReason").filter(|reason| reason.is_string()) {
        sampled["stopReason"] = reason.clone();
    }
    Ok(sampled)
}

/// A text, picture or sound, or a list of them, with what is known of each.
pub(super) fn content(given: &Value) -> Option<Value> {
    match given {
        Value::Array(parts) if parts.len() <= PARTS_MAX => {
            parts.iter().map(part).collect::<Option<Vec<Value>>>().map(Value::from)
        }
        Value::Object(_) => part(given),
        _ => None,
    }
}

fn part(given: &Value) -> Option<Value> {
    let text = |name: &str| given.get(name).and_then(Value::as_str);
    match text("type")? {
        "text" => Some(json!({"type": "text", "text": text("text")?})),
        kind @ ("image" | "audio") => Some(json!({"type": kind, "data": text("data")?, "mimeType": text("mimeType")?})),
        _ => None,
    }
}

/// Directories of the client.
fn roots(given: &Map<String, Value>) -> Result<Value, Misfit> {
    let roots = given.get("roots").and_then(Value::as_array).filter(|roots| roots.len() <= ROOTS_MAX);
    let roots = roots.ok_or(Misfit("has no list of directories"))?.iter().map(|root| {
        let uri = root.get("uri").and_then(Value::as_str).filter(|uri| uri.starts_with("file://"));
        let mut one = json!({"uri": uri.ok_or(Misfit("has a directory that is no file: URI"))?});
        if let Some(name) = root.get("name").filter(|name| name.is_string()) {
            one["name"] = name.clone();
        }
        Ok(one)
    });
    Ok(json!({"roots": roots.collect::<Result<Vec<Value>, Misfit>>()?}))
}
