//! One call, with the lease it is made under and what came before it.

use crate::ir::{Form, Look};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is refused.
    Deny,
    /// The connected user is asked, for the call or for the lease it needs.
    Ask,
    /// It is let through.
    Allow,
}

/// One call with the lease it is made under.
///
/// A lease that names several tools or hosts allows what leases that name one each allow, so a case has the narrowest lease that
/// serves its call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Case {
    /// Whose lease it is.
    pub subject: String,
    /// The tool called. For `airlock_issue_capability` itself, `issue` has what matters of the call.
    pub tool: String,
    /// Where its requests go; empty for tools without network.
    pub targets: Vec<Target>,
    /// Arguments that rules can speak of.
    pub args: BTreeMap<String, Value>,
    /// Bytes of arguments that no rule speaks of: the query of `http_get_json`, what a tool that is not strict ignores.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_bytes: u64,
    /// Where values of arguments were seen in the session. An argument that is not named here was seen wherever a rule wants it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub seen: BTreeMap<String, Spotted>,
    /// Questions that were asked in the session before.
    #[serde(skip_serializing_if = "is_zero")]
    pub questions: u64,
    /// What a declarative tool sends and what of the answer it gives; nothing for a built-in tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
    /// Risk beyond the base of the tool: factors and their points in thousandths.
    pub risk: BTreeMap<String, u16>,
    /// Life of the lease in seconds.
    pub ttl: u64,
    /// Calls of the lease.
    pub uses: u64,
    /// The key that signed the lease.
    pub key: SigningKey,
    /// How the lease travels.
    pub carrier: Carrier,
    /// Keys of those who signed for the call, as in the manifest.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub signed: BTreeSet<String>,
    /// The call that issued the lease; nothing where the operator did.
    pub issue: Option<IssueCall>,
    /// When it is made, in seconds of a clock that the calls before it share.
    #[serde(skip_serializing_if = "is_zero")]
    pub at: u64,
    /// Calls that were let through before it, oldest first; none of them has any before it of its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Past>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Case {
    /// A call with no argument and no risk, under the smallest lease of the operator.
    #[must_use]
    pub fn of(subject: &str, tool: &str) -> Self {
        Self {
            subject: subject.to_owned(),
            tool: tool.to_owned(),
            targets: Vec::new(),
            args: BTreeMap::new(),
            more_bytes: 0,
            seen: BTreeMap::new(),
            questions: 0,
            request: None,
            risk: BTreeMap::new(),
            ttl: 1,
            uses: 1,
            key: SigningKey { kid: String::new(), commitment: String::new() },
            carrier: Carrier::Meta,
            signed: BTreeSet::new(),
            issue: None,
            at: 0,
            earlier: Vec::new(),
        }
    }
}

/// Calls that were let through before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Past {
    /// The call.
    pub call: Case,
    /// How often.
    pub times: u64,
    /// When.
    pub when: When,
    /// In the session of the case; otherwise each in a session of its own.
    pub same_session: bool,
}

/// When earlier calls were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Before everything that has a time, and so far apart that no rate counts two of them together.
    Apart,
    /// All in this second.
    At(u64),
}

/// Where a value was seen, and as what: nowhere else, and under no other reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Spotted {
    /// As what it was read.
    pub look: Look,
    /// Where it stood.
    pub place: Place,
}

/// Where a value stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Nowhere in the session.
    Nowhere,
    /// In the intent.
    Intent,
    /// As a whole member of a result: of this tool, or of one that no policy trusts.
    Structured(Option<String>),
    /// As a whole member of a text of a result, printed in this form: of this tool, or of one that no policy knows.
    Printed(Option<String>, Form),
    /// In the text of a result without signs of an injection.
    Screened(Option<String>),
    /// In the text of a result that has such signs.
    Text(Option<String>),
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Target {
    /// Canonical host.
    pub host: String,
    /// Port of the URL.
    pub port: u16,
    /// Loopback port that stands in for the host.
    pub stand_in: Option<u16>,
}

/// Value of an argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A string.
    Text(String),
    /// An integer of 64 bits.
    Integer(i64),
    /// Any other number.
    Real(Real),
    /// True or false.
    Truth(bool),
    /// A list of strings.
    List(Vec<String>),
}

/// A number that is written with a fraction or exponent. Two are equal when they have the same bits.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(transparent)]
pub struct Real(pub f64);

impl PartialEq for Real {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Real {}

/// What a declarative tool sends or which program is called, and what of the answer the caller gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Request {
    /// Method and URL, then parameters, headers, members of the body and the credential; inputs stand in braces. Of a tool of an upstream:
    /// its program and what that is started with, then tool and definition.
    pub sends: Vec<String>,
    /// A place in the answer that the caller is given (RFC 6901; empty = all of it).
    pub reads: String,
    /// Size of the answer in bytes.
    pub answer_bytes: u64,
    /// Of a tool of an upstream: the risk that the answer is found to have, thousandths, and what the caller gets of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_risk: Option<(u16, Passed)>,
}

/// What a caller gets of a result that looks like an injection, from the least on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Passed {
    /// Nothing.
    Withheld,
    /// What does not look like one.
    Stripped,
    /// All of it, behind a warning.
    Marked,
    /// All of it.
    Whole,
}

/// A key, by its id and its commitment (16 hex digits).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SigningKey {
    /// Key id.
    pub kid: String,
    /// Commitment to the key itself.
    pub commitment: String,
}

/// Where a call carries its lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Carrier {
    /// `params._meta`.
    Meta,
    /// Among the arguments.
    Arguments,
    /// Nowhere: the gateway has it from its surroundings.
    Ambient,
}

/// A call of `airlock_issue_capability`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IssueCall {
    /// Its `session_id`.
    pub session_id: String,
    /// Its `intent`.
    pub intent: String,
    /// Risk beyond the tool's base: factors and their points in thousandths.
    pub risk: BTreeMap<String, u16>,
}
