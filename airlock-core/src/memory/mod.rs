//! What a session has seen: in the intent of its lease, and in the results of its earlier calls.
//!
//! Rules on arguments (`from`) ask whether a value was seen, and where. Only keyed hashes are kept, of values in the one spelling of
//! their kind. The memory is that of one process and is bounded; what it does not know counts as not seen, so a restart, a full memory or
//! a second process of the same ledger make such rules stricter and never looser.
//!
//! The intent comes with each call and is bound to the lease by its hash, so it is known again after a restart. A result is learned
//! before it is given to the client: whatever a later call can know of it, the memory knows too.

mod date;
mod index;
mod printed;
mod read;
mod value;

use crate::call::Call;
use crate::limits::{
    MEMORY_CALLS_MAX, MEMORY_LEAF_MAX, MEMORY_RESULT_MAX, MEMORY_SESSION_MAX, MEMORY_SESSIONS_MAX, MEMORY_VALUES_MAX,
};
#[cfg(feature = "plan-upstream")]
use crate::policy::ToolKind;
use crate::policy::origin::{Form, Look, Origin, Source, Sources, ValueKind};
#[cfg(feature = "plan-upstream")]
use crate::policy::upstream::Offer;
use crate::policy::{Policy, Tool};
use crate::risk;
use index::{Index, Keyed, Kinds, Learner};
pub use printed::{CSV, TABLE, YAML};
use read::Reading;
use serde_json::Value;
use std::collections::HashMap;

/// What every session of this process has seen.
#[derive(Debug)]
pub struct Memory {
    /// The code that the rules name; without a rule there is nothing to trace.
    by: Option<&'static Tracing>,
    keys: Keyed,
    kinds: Kinds,
    /// Some rule asks for what stands in results without signs of an injection, so results are scored.
    screens: bool,
    sessions: HashMap<String, Session>,
    /// Grows with each use, so that the session that was unused longest can be told.
    tick: u64,
    values: usize,
    /// When sessions were forgotten last, unix seconds.
    forgot: u64,
}

#[derive(Debug, Default)]
struct Session {
    intent: Option<Intent>,
    results: Index,
    calls: Vec<Learned>,
    /// Allowed calls, learned from or not.
    allowed: u64,
    /// Something of it was not kept.
    gap: bool,
    /// Unix seconds at which its newest lease ends.
    until: u64,
    used: u64,
}

#[derive(Debug)]
struct Intent {
    hash: String,
    index: Index,
}

/// A call whose result was learned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learned {
    /// Its id in the ledger.
    pub call: String,
    /// Its tool.
    pub tool: &'static str,
}

/// The code behind rules on where values come from. Each rule names it ([`Origin::by`]), and nothing else does: the linker leaves it out of
/// a gateway without such a rule.
#[derive(Debug)]
pub struct Tracing {
    intent: fn(&str, &Keyed, Kinds) -> Index,
    learn: fn(&mut Memory, &str, &Call, &Value),
    normal: fn(ValueKind, &str) -> Option<String>,
    inside: fn(&str, &mut Take<'_>),
}

/// Takes a value that was found in a text, with its kind.
type Take<'a> = dyn FnMut(ValueKind, &str) + 'a;

/// What every rule names.
pub static TRACING: Tracing = Tracing { intent, learn, normal: value::normal, inside };

/// There is one.
impl PartialEq for Tracing {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Tracing {}

impl Tracing {
    /// Every URL, address and account number in a text, each with its kind.
    pub fn inside(&self, text: &str, take: &mut Take<'_>) {
        (self.inside)(text, take);
    }
}

/// What one session has seen, for one decision.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen<'a> {
    view: Option<View<'a>>,
    #[cfg(feature = "explain")]
    supposed: Option<&'a Sightings>,
}

/// Where the values of arguments are supposed to have been seen, and under which reading: nowhere else, and under no other. An argument
/// that is not named was seen wherever its rule wants it. For calls that nobody made: no gateway has it.
#[cfg(feature = "explain")]
#[derive(Debug, Clone, Default)]
pub struct Sightings(pub std::collections::BTreeMap<String, (Look, Sources)>);

#[derive(Debug, Clone, Copy)]
struct View<'a> {
    keys: &'a Keyed,
    session: &'a Session,
}

/// Where a value was seen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sighting<'a> {
    /// In which places.
    pub sources: Sources,
    /// The call in whose result it was seen first, if it was seen in one.
    pub call: Option<&'a Learned>,
}

impl Memory {
    /// A memory for the rules of this policy; without rules it learns nothing.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        let mut kinds = Kinds::default();
        let (mut screens, mut by) = (false, None);
        for origin in policy.tools.iter().flat_map(|tool| tool.origins) {
            screens |= origin.from.has(Source::Screened);
            by = Some(origin.by);
            let looked: &[ValueKind] = match &origin.look {
                Look::Whole(kind) => &[*kind],
                Look::Inside => &INSIDE,
            };
            for kind in looked {
                kinds.whole |= Kinds::bit(*kind);
                // Where a value of such a shape stood in a text is worth telling the user; of words and numbers that is costly.
                let is_shaped = matches!(kind, ValueKind::Email | ValueKind::Iban | ValueKind::Url | ValueKind::Host);
                let counts = [Source::Text, Source::Trusted, Source::Screened].iter().any(|source| origin.from.has(*source));
                if is_shaped || counts {
                    kinds.text |= Kinds::bit(*kind);
                }
            }
        }
        Self { by, keys: Keyed::default(), kinds, screens, sessions: HashMap::new(), tick: 0, values: 0, forgot: 0 }
    }

    /// Does no rule ask?
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.by.is_none()
    }

    /// What the session of this name has seen, with the intent of the lease that a call of it presents now; `hash` is the intent's in
    /// the lease, so that it is read once.
    pub fn seen(&mut self, sid: &str, hash: &str, intent: &str) -> Seen<'_> {
        let Some(by) = self.by else { return Seen::default() };
        let (keys, kinds) = (self.keys.clone(), self.kinds);
        let session = self.session(sid);
        if session.intent.as_ref().is_none_or(|known| known.hash != hash) {
            session.intent = Some(Intent { hash: hash.to_owned(), index: (by.intent)(intent, &keys, kinds) });
        }
        let Self { keys, sessions, .. } = self;
        Seen {
            view: sessions.get(sid).map(|session| View { keys, session }),
            #[cfg(feature = "explain")]
            supposed: None,
        }
    }

    /// How many allowed calls of a session this process knows of.
    #[must_use]
    pub fn allowed(&self, sid: &str) -> u64 {
        self.sessions.get(sid).map_or(0, |session| session.allowed)
    }

    /// Notes that a call of the session was allowed. `until`: when its lease ends, unix seconds.
    pub fn note_allowed(&mut self, sid: &str, until: u64) {
        if !self.is_idle() {
            let session = self.session(sid);
            session.allowed += 1;
            session.until = session.until.max(until);
        }
    }

    /// Learns the result of a call of the session, of whatever kind its tool is, before the client gets it.
    ///
    /// Every member, item and member name of a JSON value is a structured value; every text among them is also read as text. Of a result
    /// of MCP (`content`, `structuredContent`) the text blocks count as structured where they are JSON themselves, or whole and
    /// without a second reading in the form that the manifest says for the tool ([`Form`]).
    pub fn learn(&mut self, sid: &str, call: &Call, result: &Value) {
        if let Some(by) = self.by {
            (by.learn)(self, sid, call, result);
        }
    }

    /// Forgets sessions whose leases have ended at this time, unix seconds. It looks once for each second.
    pub fn forget(&mut self, now: u64) {
        if now == self.forgot {
            return;
        }
        self.forgot = now;
        self.sessions.retain(|_, session| session.until > now || session.until == 0);
        self.count();
    }

    fn count(&mut self) {
        self.values = self.sessions.values().map(|session| session.results.len()).sum();
    }

    /// The session, made if it is new; then the one that was unused longest may have to go.
    fn session(&mut self, sid: &str) -> &mut Session {
        self.tick += 1;
        if !self.sessions.contains_key(sid) && self.sessions.len() >= MEMORY_SESSIONS_MAX {
            let oldest = self.sessions.iter().min_by_key(|(_, session)| session.used).map(|(sid, _)| sid.clone());
            oldest.and_then(|oldest| self.sessions.remove(&oldest));
            self.count();
        }
        let session = self.sessions.entry(sid.to_owned()).or_default();
        session.used = self.tick;
        session
    }
}

/// What an intent says, under every reading that some rule has.
fn intent(intent: &str, keys: &Keyed, kinds: Kinds) -> Index {
    let mut index = Index::default();
    let mut learner = Learner { index: &mut index, keys, call: 0, most: MEMORY_SESSION_MAX, full: false };
    let of_intent = Sources::of(&[Source::Intent]);
    learner.text(intent, kinds.whole, of_intent);
    learner.leaf(intent, false, kinds.whole, of_intent);
    index
}

/// See [`Memory::learn`].
fn learn(memory: &mut Memory, sid: &str, call: &Call, result: &Value) {
    let (keys, kinds, values) = (memory.keys.clone(), memory.kinds, memory.values);
    let (tool, is_trusted) = call.tool.map_or(("", false), |tool| (tool.name, tool.trusted));
    // What a place in this result is worth, beside being one.
    let mut worth = Sources::of(&[Source::Text]);
    if is_trusted {
        worth = worth.and(Sources::of(&[Source::Trusted]));
    }
    if memory.screens && !shows_injection(result) {
        worth = worth.and(Sources::of(&[Source::Screened]));
    }
    let session = memory.session(sid);
    if session.calls.len() >= MEMORY_CALLS_MAX {
        session.gap = true;
        return;
    }
    let before = session.results.len();
    let number = u32::try_from(session.calls.len()).unwrap_or(u32::MAX);
    session.calls.push(Learned { call: call.id.clone(), tool });
    let most = MEMORY_SESSION_MAX.min(before + MEMORY_VALUES_MAX.saturating_sub(values));
    let index = &mut session.results;
    let learner = Learner { index, keys: &keys, call: number, most, full: false };
    let form = call.tool.map_or(Form::Json, |tool| tool.result);
    let mut taking = Taking { learner, kinds, worth, form, budget: MEMORY_RESULT_MAX };
    match call.tool.and_then(|tool| offered_texts(tool, result)) {
        Some(texts) => taking.texts(texts),
        None => taking.result(result),
    }
    let (full, spent) = (taking.learner.full, taking.budget == 0);
    session.gap |= full || spent;
    memory.values += memory.sessions.get(sid).map_or(0, |session| session.results.len()) - before;
}

/// Kinds that are looked for inside texts.
pub(crate) const INSIDE: [ValueKind; 3] = [ValueKind::Url, ValueKind::Email, ValueKind::Iban];

/// Factors that are signs of an injection. Size, depth and the shape of secrets are none.
const SIGNS: [&str; 9] = [
    "override_instructions",
    "false_authority",
    "role_play",
    "exfiltrate_secret",
    "hidden_action",
    "prompt_leak",
    "tool_abuse",
    "reads_like_an_injection",
    "obfuscation",
];

/// Does the risk score find something in a result that no honest text has?
fn shows_injection(result: &Value) -> bool {
    let args = serde_json::Map::from_iter([("result".to_owned(), result.clone())]);
    let risk = risk::score(&risk::Input { base: 0, args: &args, args_bytes: 0, listed: &|_| true });
    risk.factors.iter().any(|factor| SIGNS.contains(&factor.name))
}

/// Texts of a resource or a prompt; nothing for a tool. What surrounds them is no value.
#[cfg(feature = "plan-upstream")]
fn offered_texts<'r>(tool: &Tool, result: &'r Value) -> Option<Vec<&'r str>> {
    let ToolKind::Upstream(proxied) = tool.kind else { return None };
    let parts = |name: &str| result.get(name).and_then(Value::as_array).into_iter().flatten();
    let text = |part: &'r Value| part.get("text").and_then(Value::as_str);
    match proxied.what {
        Offer::Tool => None,
        Offer::Resource => Some(parts("contents").filter_map(text).collect()),
        Offer::Prompt => {
            let blocks = parts("messages").filter_map(|message| message.get("content"));
            Some(blocks.filter_map(|block| text(block).or_else(|| block.get("resource").and_then(text))).collect())
        }
        // What may become of half a word was not seen anywhere.
        Offer::Completion | Offer::Subscription => Some(Vec::new()),
    }
}

#[cfg(not(feature = "plan-upstream"))]
const fn offered_texts<'r>(_: &Tool, _: &'r Value) -> Option<Vec<&'r str>> {
    None
}

/// Names of members that hold identifiers: a short value counts only from these.
fn names_id(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let bare = lower.trim_end_matches('_');
    matches!(bare, "id" | "key" | "number" | "no" | "ref")
        || bare.ends_with("_id")
        || bare.ends_with("-id")
        || name.ends_with("Id")
}

/// A result that is being learned.
struct Taking<'a> {
    learner: Learner<'a>,
    kinds: Kinds,
    /// What a place in it is worth, beside being one.
    worth: Sources,
    form: Form,
    /// Bytes that are still looked at.
    budget: usize,
}

impl Taking<'_> {
    /// A result of MCP, or any other JSON value.
    fn result(&mut self, result: &Value) {
        let blocks = result.get("content").and_then(Value::as_array);
        let texts = blocks.map(|blocks| blocks.iter().filter_map(|block| block.get("text")?.as_str()).collect::<Vec<_>>());
        let Some(texts) = texts.filter(|texts| !texts.is_empty()) else {
            // What a request gave stands beside its status.
            return match result.get("json").unwrap_or(result) {
                Value::String(text) if self.printed(text) => {}
                _ => self.value(result),
            };
        };
        if let Some(structured) = result.get("structuredContent") {
            self.value(structured);
        }
        self.texts(texts);
    }

    /// A text that is JSON itself, or is in the form of its tool, counts as such.
    fn texts(&mut self, texts: Vec<&str>) {
        for text in texts {
            match serde_json::from_str::<Value>(text) {
                Ok(parsed @ (Value::Object(_) | Value::Array(_))) => self.value(&parsed),
                Ok(_) | Err(_) if self.printed(text) => {}
                Ok(_) | Err(_) => self.text(text),
            }
        }
    }

    /// Takes the values of a text in the form of its tool; false if it is not in it. What is too long to be looked at to its end is not.
    fn printed(&mut self, text: &str) -> bool {
        let Form::Printed(form) = self.form else { return false };
        let Some(pieces) = (text.len() < self.budget).then(|| (form.read)(text)).flatten() else { return false };
        for piece in pieces {
            if piece.is_whole {
                self.member(&piece.text, piece.is_id);
            }
            self.text(&piece.text);
            if self.budget == 0 {
                break;
            }
        }
        true
    }

    fn value(&mut self, value: &Value) {
        let mut open = vec![(value, false)];
        while let Some((value, is_id)) = open.pop() {
            match value {
                Value::Null | Value::Bool(_) => {}
                Value::Number(number) => self.member(&number.to_string(), is_id),
                Value::String(text) => {
                    self.member(text, is_id);
                    self.text(text);
                }
                Value::Array(items) => open.extend(items.iter().map(|item| (item, is_id))),
                Value::Object(members) => {
                    for (name, member) in members {
                        self.member(name, false);
                        open.push((member, names_id(name)));
                    }
                }
            }
            if self.budget == 0 {
                return;
            }
        }
    }

    /// A whole member; where the manifest says that there is none, it is a word like others.
    fn member(&mut self, text: &str, is_id: bool) {
        self.budget = self.budget.saturating_sub(text.len());
        if matches!(self.form, Form::Text) {
            self.learner.leaf(text, false, self.kinds.text, self.worth);
        } else if text.len() <= MEMORY_LEAF_MAX {
            let sources = self.worth.and(Sources::of(&[Source::Structured]));
            self.learner.leaf(text, is_id, self.kinds.whole, sources);
        }
    }

    /// As much of a text as there is budget for.
    fn text(&mut self, text: &str) {
        let mut end = text.len().min(self.budget);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.budget = if end < text.len() { 0 } else { self.budget.saturating_sub(end) };
        self.learner.text(&text[..end], self.kinds.text, self.worth);
    }
}

impl<'a> Seen<'a> {
    /// Where a value of this kind was seen; `None` if the text has no reading as one. `by` is what the rule that asks names.
    #[must_use]
    pub fn sighting(&self, by: &Tracing, kind: ValueKind, text: &str) -> Option<Sighting<'a>> {
        let normal = (by.normal)(kind, text)?;
        let Some(View { keys, session }) = self.view else { return Some(Sighting::default()) };
        let mut sighting = session.find(keys.value(kind, &normal));
        // A day without a year was seen as the day of any year.
        if let Some(day) = normal.get(4..).filter(|_| kind == ValueKind::Date && sighting.sources.is_empty()) {
            sighting = session.find(keys.value(kind, &format!("-{day}")));
        }
        Some(sighting)
    }

    /// The same with what is supposed instead of what was learned.
    #[cfg(feature = "explain")]
    pub const fn supposing(self, sightings: &'a Sightings) -> Self {
        Self { supposed: Some(sightings), ..self }
    }

    /// Where the value of the rule's argument is supposed to have been seen, if anything is supposed.
    #[cfg(feature = "explain")]
    pub fn supposed(&self, origin: &Origin) -> Option<Sources> {
        let Sightings(by_arg) = self.supposed?;
        Some(match by_arg.get(origin.arg) {
            None => origin.from,
            Some((look, sources)) if *look == origin.look => *sources,
            Some(_) => Sources::default(),
        })
    }

    /// A gateway supposes nothing.
    #[cfg(not(feature = "explain"))]
    pub const fn supposed(&self, _: &Origin) -> Option<Sources> {
        None
    }

    /// Is something of the session not remembered?
    #[must_use]
    pub fn has_gap(&self) -> bool {
        self.view.is_some_and(|View { session, .. }| session.gap)
    }
}

impl Session {
    fn find(&self, hash: u64) -> Sighting<'_> {
        let intent = self.intent.as_ref().and_then(|intent| intent.index.get(hash)).map(|note| note.sources).unwrap_or_default();
        let result = self.results.get(hash);
        let call = result.and_then(|note| self.calls.get(usize::try_from(note.call).ok()?));
        Sighting { sources: intent.and(result.map(|note| note.sources).unwrap_or_default()), call }
    }
}

/// Every URL, address and account number in a text, each with its kind; what hides or is only compatible is undone first, so that what
/// a reader would follow is what is looked at.
fn inside(text: &str, take: &mut Take<'_>) {
    use unicode_normalization::UnicodeNormalization;
    use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};
    let plain: String = match text.is_ascii() {
        true => text.to_owned(),
        false => text.nfkc().filter(|c| c.general_category() != GeneralCategory::Format).collect(),
    };
    read::links(&plain, Reading::Longest, &mut |it| take(ValueKind::Url, it));
    read::addresses(&plain, &mut |it| take(ValueKind::Email, it));
    read::accounts(&plain, Reading::Longest, &mut |it| take(ValueKind::Iban, it));
}

#[cfg(test)]
mod tests;
