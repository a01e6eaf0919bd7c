//! Why a call was decided as it was: a stable code and a plain-English sentence each.
//!
//! The sentence says what was refused, why, and what would be accepted. It never repeats a lease, a key or an argument value
//! beyond the name of a tool, an argument or a host.

use crate::approve::Refusal;
use crate::builtin::schema;
use crate::call::ArgFault;
use crate::decide::{self, Problem};
use crate::lease::{IntentFault, LeaseFault, RequestFault, Rid};
use crate::ledger::{Scope, Unmet};
use crate::policy::origin::{Origin, ValueKind};
use crate::policy::{Policy, Rate};
use crate::risk::Risk;
use crate::upstream::Drift;

/// The reason of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Nothing stood against it.
    Ok,
    /// No tool of this name is compiled in.
    UnknownTool {
        /// Name as asked for, shortened.
        name: String,
    },
    /// The call carries no lease.
    LeaseMissing,
    /// The call names no session or no intent.
    ContextMissing,
    /// A carrier that the manifest does not list was used.
    CarrierRefused {
        /// `meta` or `arguments`.
        carrier: &'static str,
    },
    /// Two carriers in one call disagree.
    CarrierConflict,
    /// A carrier has the wrong shape.
    CarrierShape {
        /// What would be accepted.
        problem: &'static str,
    },
    /// The lease stands among the arguments that the tool would get.
    LeaseInArguments,
    /// The lease itself is refused.
    Lease(LeaseFault),
    /// The intent text cannot be hashed.
    Intent(IntentFault),
    /// The clock stands behind the ledger.
    ClockRollback,
    /// No grant of the manifest covers the lease.
    BeyondGrant {
        /// Subject of the lease or request.
        subject: String,
        /// Which bound was exceeded.
        bound: String,
    },
    /// The lease does not name the tool.
    ToolNotInLease {
        /// Tool called.
        tool: &'static str,
    },
    /// An argument is refused by the tool's schema or by a rule of the manifest.
    Argument(ArgFault),
    /// The value of an argument does not come from where the manifest wants it to.
    Provenance {
        /// The rule.
        origin: &'static Origin,
        /// What the value is.
        kind: ValueKind,
        /// What is wrong with it.
        problem: Problem,
    },
    /// A URL is refused before any look-up.
    UrlRefused {
        /// What is wrong with it.
        problem: String,
    },
    /// The host is not in the tool's egress list.
    HostNotAllowed {
        /// Canonical host.
        host: String,
        /// Tool called.
        tool: &'static str,
    },
    /// The lease was narrowed to other hosts.
    HostNotInLease {
        /// Canonical host.
        host: String,
    },
    /// The lease allows another exact call only.
    CallNotInLease,
    /// The risk score is too high.
    RiskTooHigh {
        /// Score, thousandths.
        score: u16,
        /// Bound, thousandths.
        limit: u16,
        /// `tool threshold` or `lease ceiling`.
        bound: &'static str,
        /// Names of the factors, highest first.
        factors: Vec<String>,
    },
    /// The lease was revoked.
    Revoked {
        /// By which of its names: `rid`, `jti`, `sid`, `sub`, `kid`, `epoch`.
        by: &'static str,
    },
    /// The lease names an epoch that the ledger has not come to: revocations are missing here.
    RevocationsStale,
    /// There is a kill file.
    Killed,
    /// The presentation was used before.
    Replayed,
    /// As many presentations of this lease are remembered as may be.
    ReplayCacheFull,
    /// The lease has been used as often as it may be.
    UsesExhausted {
        /// How often it may be used.
        uses: u64,
    },
    /// The session already has a lease for another intent.
    SessionPinned,
    /// The subject has as many unexpired leases, or the lease as many narrowed forms, as may be open.
    TooManyLeases,
    /// As many sessions or leases are open, over all subjects, as the gateway remembers.
    TooManySessions,
    /// The arguments are larger than the manifest accepts.
    ArgumentsTooLarge {
        /// Most bytes of their JSON.
        most: u64,
    },
    /// The call would bring labels together in its session that a flow of the manifest keeps apart.
    FlowDenied {
        /// The labels of the flow.
        labels: &'static [&'static str],
        /// Why the flow exists.
        why: &'static str,
    },
    /// As many calls were made within the period as may be.
    RateExceeded {
        /// Which calls count.
        scope: Scope,
        /// The bound.
        rate: Rate,
        /// Seconds until one more call is possible.
        wait: u64,
    },
    /// The session has made as many calls as it may.
    SessionBudgetSpent {
        /// Tool; `None`: all tools together.
        tool: Option<&'static str>,
        /// Most calls.
        most: u64,
    },
    /// The session has as many labels, or tools with budgets, as the gateway keeps of one.
    SessionTooWide,
    /// The tool's definition at its upstream is not the reviewed one.
    DefinitionDrift {
        /// Tool called.
        tool: &'static str,
        /// What differs.
        drift: Drift,
    },
    /// The call needs its user's approval and has none.
    Approval(Refusal),
    /// The call needs signatures that it does not bring.
    Unsigned {
        /// Who must sign, in words.
        wanted: String,
        /// What they sign; told where a gateway has recorded that it asks.
        request: Option<String>,
    },
    /// The ledger cannot record.
    LedgerUnavailable,
}

const SESSION_PINNED: &str = "This session already has a lease for another intent, and a session keeps the intent it began with. Start a \
                              new session for a new intent.";
const LEASE_MISSING: &str = "This call carries no capability lease, and every call needs one. Send it in params._meta (\"dev.airlock/lease\") \
                             or in the argument _capability, as the gateway's tool list says.";
const CONTEXT_MISSING: &str = "This call names no session or no intent. A lease is bound to both: send the session id and the exact intent \
                               text that the lease was issued for, beside the lease.";
const LEASE_IN_ARGUMENTS: &str = "The lease stands in an argument that the tool would get. A lease is a secret and travels in its carrier \
                                  alone; take it out of the argument.";
const CLOCK_ROLLBACK: &str = "This host's clock stands behind the newest ledger entry, so no lease can be judged. Every call is refused \
                              until the clock is right.";
const REPLAY_CACHE_FULL: &str = "More presentations of this lease came within a minute than are remembered, so none is accepted. Ask again \
                                 in a minute.";
const LEDGER_UNAVAILABLE: &str = "The decision could not be recorded in the ledger, and nothing is done unrecorded. The operator must look \
                                  at the gateway's ledger directory.";
const REVOCATIONS_STALE: &str = "The lease was issued in a later revocation epoch than this gateway's ledger knows, so revocations are \
                                 missing here. The operator must bring this ledger to that epoch with `airlock revoke --epoch`.";
const KILLED: &str = "The operator has stopped this gateway: there is a kill file in its ledger directory, and nothing is done until it is \
                      gone.";
const TOO_MANY_LEASES: &str = "Too many leases of this subject, or narrowed forms of this lease, are open, or too many were issued within \
                               the last hour. Use one that is there, or ask again later.";
const TOO_MANY_SESSIONS: &str = "This gateway has as many open sessions and leases as it can keep apart, so a new one is refused; those \
                                 that are known go on. Ask again when some have expired.";

const SESSION_TOO_WIDE: &str = "This session has come by as many labels, or tools with budgets of their own, as the gateway keeps of one \
                                session. Start a new session.";

impl Reason {
    /// The reason for a condition that did not hold when the ledger tested it; `uses` are the budgets of the lease.
    #[must_use]
    pub fn of_unmet(unmet: &Unmet, uses: &[(Rid, u64)], policy: &'static Policy) -> Self {
        match unmet {
            Unmet::Flow(flow) => {
                let flow = policy.flows.get(*flow);
                Self::FlowDenied { labels: flow.map_or(&[], |flow| flow.labels), why: flow.map_or("", |flow| flow.why) }
            }
            Unmet::Asks(_) => Self::Approval(Refusal::Required),
            Unmet::Questions(_) => Self::Approval(Refusal::TooMany),
            Unmet::Closed(_) => Self::Approval(Refusal::Answered),
            Unmet::Late(_) => Self::Approval(Refusal::Timeout),
            Unmet::Rate { scope, rate, wait } => Self::RateExceeded { scope: scope.clone(), rate: *rate, wait: *wait },
            Unmet::Budget { tool, most } => Self::SessionBudgetSpent { tool: *tool, most: *most },
            Unmet::Wide => Self::SessionTooWide,
            Unmet::Clock => Self::ClockRollback,
            Unmet::Expired(exp) => Self::Lease(LeaseFault::Expired(*exp)),
            Unmet::Spent(rid) => {
                let budget = uses.iter().find(|(node, _)| node.text() == *rid);
                Self::UsesExhausted { uses: budget.map_or(0, |(_, uses)| *uses) }
            }
            Unmet::Intent(_) => Self::SessionPinned,
            Unmet::OpenLeases(_) | Unmet::Narrowed(_) => Self::TooManyLeases,
            Unmet::Full => Self::TooManySessions,
            Unmet::Replayed(_) => Self::Replayed,
            Unmet::ReplayFull(_) => Self::ReplayCacheFull,
            Unmet::Stale(ts) => Self::Lease(LeaseFault::ProofTime(*ts)),
            Unmet::Revoked(by) => Self::Revoked { by },
            Unmet::Behind => Self::RevocationsStale,
            Unmet::Killed => Self::Killed,
            // Only who revokes, or wants to know of a refusal, asks for these; whatever asks here is refused.
            Unmet::AlreadyRevoked | Unmet::RevocationsFull | Unmet::Forgotten(_) => Self::LedgerUnavailable,
        }
    }

    /// The reason for arguments that no approval can be given for, since two readers would not agree on them.
    pub(crate) fn no_digest(fault: &RequestFault) -> Self {
        Self::Argument(ArgFault { arg: schema::ALL, problem: fault.to_string() })
    }

    /// Stable code that the caller sees.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::UnknownTool { .. } => "unknown_tool",
            Self::LeaseMissing => "lease_missing",
            Self::ContextMissing => "context_missing",
            Self::CarrierRefused { .. } => "carrier_refused",
            Self::CarrierConflict => "carrier_conflict",
            Self::CarrierShape { .. } => "carrier_shape",
            Self::LeaseInArguments => "lease_in_arguments",
            Self::Lease(fault) => fault.outward(),
            Self::Intent(_) => "intent_invalid",
            Self::ClockRollback => "clock_rollback",
            Self::BeyondGrant { .. } => "beyond_grant",
            Self::ToolNotInLease { .. } => "tool_not_in_lease",
            Self::Argument(_) => "argument_invalid",
            Self::Provenance { problem, .. } => match problem {
                Problem::Unseen => "provenance_unseen",
                Problem::Unknown => "provenance_unknown",
                Problem::Elsewhere { .. } => "provenance_untrusted",
                Problem::Unreadable => "provenance_unreadable",
            },
            Self::UrlRefused { .. } => "url_refused",
            Self::HostNotAllowed { .. } => "host_not_allowed",
            Self::HostNotInLease { .. } => "host_not_in_lease",
            Self::CallNotInLease => "call_not_in_lease",
            Self::RiskTooHigh { .. } => "risk_too_high",
            Self::Revoked { .. } => "lease_revoked",
            Self::RevocationsStale => "revocations_stale",
            Self::Killed => "killed",
            Self::Replayed => "lease_replayed",
            Self::ReplayCacheFull => "replay_cache_full",
            Self::UsesExhausted { .. } => "uses_exhausted",
            Self::SessionPinned => "session_pinned",
            Self::TooManyLeases => "too_many_leases",
            Self::TooManySessions => "too_many_sessions",
            Self::ArgumentsTooLarge { .. } => "arguments_too_large",
            Self::FlowDenied { .. } => "flow_denied",
            Self::RateExceeded { .. } => "rate_exceeded",
            Self::SessionBudgetSpent { .. } => "session_budget_spent",
            Self::SessionTooWide => "session_too_wide",
            Self::DefinitionDrift { .. } => "definition_drift",
            Self::Approval(refusal) => refusal.code(),
            Self::Unsigned { .. } => "signatures_required",
            Self::LedgerUnavailable => "ledger_unavailable",
        }
    }

    /// Code for the ledger: as [`Reason::code`], but a lease fault keeps its precise form, which the caller is not told.
    #[must_use]
    pub fn ledger_code(&self) -> &'static str {
        match self {
            Self::Lease(fault) => fault.code(),
            Self::Revoked { by } => by,
            Self::Approval(refusal) => refusal.ledger_code(),
            other => other.code(),
        }
    }

    /// The sentence for the caller.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::Ok => "Allowed.".into(),
            Self::UnknownTool { name } => {
                format!("Unknown tool: {name}. This gateway serves only the tools of its manifest; ask tools/list for them.")
            }
            Self::LeaseMissing => LEASE_MISSING.into(),
            Self::ContextMissing => CONTEXT_MISSING.into(),
            Self::CarrierRefused { carrier } => {
                format!(
                    "The lease was sent in `{carrier}`, which this gateway's manifest does not accept; use the other carrier."
                )
            }
            Self::CarrierConflict => "The lease or its context was sent twice and the two disagree. Send it once.".into(),
            Self::CarrierShape { problem } => format!("The lease was not sent in the right shape: {problem}."),
            Self::LeaseInArguments => LEASE_IN_ARGUMENTS.into(),
            Self::Lease(fault) => lease_detail(fault),
            Self::Intent(fault) => sentence(&fault.to_string()),
            Self::ClockRollback => CLOCK_ROLLBACK.into(),
            Self::BeyondGrant { subject, bound } => {
                format!("No grant of this gateway's manifest gives `{subject}` this: {bound}.")
            }
            Self::ToolNotInLease { tool } => {
                format!(
                    "The lease does not cover the tool {tool}. Use a tool that it names, or ask for a lease that names {tool}."
                )
            }
            Self::Argument(fault) if fault.arg == schema::ALL => format!("The arguments are refused: {}.", fault.problem),
            Self::Argument(fault) => format!("The argument {} {}.", fault.arg, fault.problem.trim_end_matches('.')),
            Self::Provenance { origin, kind, problem } => sentence(&decide::sentence(origin, *kind, problem)),
            Self::UrlRefused { problem } => format!("The URL is refused: {}.", problem.trim_end_matches('.')),
            Self::HostNotAllowed { host, tool } => {
                format!(
                    "The host {host} is not in the egress list of {tool}; only hosts of the reviewed manifest can be reached."
                )
            }
            Self::HostNotInLease { host } => format!("The lease does not cover the host {host}."),
            Self::CallNotInLease => "The lease is for one exact call, and this is another.".into(),
            Self::RiskTooHigh { score, limit, bound, factors } => risk_detail(*score, *limit, bound, factors),
            Self::Revoked { by } => format!("{} Ask for a new lease.", revoked_sentence(by)),
            Self::RevocationsStale => REVOCATIONS_STALE.into(),
            Self::Killed => KILLED.into(),
            Self::Replayed => "This presentation of the lease was used before. Present the lease anew for each call.".into(),
            Self::ReplayCacheFull => REPLAY_CACHE_FULL.into(),
            Self::UsesExhausted { uses: 1 } => "The lease allowed one call, and it is used up. Ask for a new one.".into(),
            Self::UsesExhausted { uses } => format!("The lease allowed {uses} calls, and they are used up. Ask for a new one."),
            Self::SessionPinned => SESSION_PINNED.into(),
            Self::TooManyLeases => TOO_MANY_LEASES.into(),
            Self::TooManySessions => TOO_MANY_SESSIONS.into(),
            Self::ArgumentsTooLarge { most } => {
                format!(
                    "The arguments have more than {most} bytes as JSON, which is all that this gateway's manifest accepts. Send less."
                )
            }
            Self::FlowDenied { labels, why } => flow_detail(labels, why),
            Self::RateExceeded { scope, rate, wait } => rate_detail(scope, *rate, *wait),
            Self::SessionBudgetSpent { tool, most } => {
                let of = tool.map(|tool| format!(" of {tool}")).unwrap_or_default();
                format!(
                    "This session has made the {most} allowed calls{of} that it may make; there are no more until its leases have ended."
                )
            }
            Self::SessionTooWide => SESSION_TOO_WIDE.into(),
            Self::DefinitionDrift { tool, drift } => drift_detail(tool, *drift),
            Self::Approval(refusal) => refusal.detail(),
            Self::Unsigned { wanted, request: _ } => format!(
                "This call needs signatures: {wanted}. Let them sign the request with `airlock approve`, then make the same call again \
                 with all signatures in params._meta[\"dev.airlock/approvals\"]."
            ),
            Self::LedgerUnavailable => LEDGER_UNAVAILABLE.into(),
        }
    }
}

/// The reason for a risk above a bound, with its factors from the highest down.
#[must_use]
pub fn risk_too_high(risk: &Risk, limit: u16, bound: &'static str) -> Reason {
    let mut factors: Vec<_> = risk.factors.iter().filter(|factor| factor.points > 0).collect();
    factors.sort_by_key(|factor| std::cmp::Reverse(factor.points));
    let factors = factors.iter().map(|factor| format!("{} +{}", factor.name, thousandths(factor.points))).collect();
    Reason::RiskTooHigh { score: risk.score, limit, bound, factors }
}

fn risk_detail(score: u16, limit: u16, bound: &str, factors: &[String]) -> String {
    format!(
        "The arguments score a risk of {} and the {bound} is {}, because of: {}. Send plain arguments without instructions, encoded \
         text or foreign addresses.",
        thousandths(score),
        thousandths(limit),
        if factors.is_empty() { "the tool's base risk".to_owned() } else { factors.join(", ") }
    )
}

fn flow_detail(labels: &[impl AsRef<str>], why: &str) -> String {
    let labels: Vec<&str> = labels.iter().map(AsRef::as_ref).collect();
    format!(
        "The call would bring together in this session what the manifest keeps apart: {}. Its reason: {}. Start a new session for it.",
        labels.join(", "),
        why.trim_end_matches('.')
    )
}

/// Also the sentence of a call that found the drift out.
pub(crate) fn drift_detail(tool: &str, drift: Drift) -> String {
    format!("The tool {tool} {drift}. It is refused until its manifest was reviewed again and the gateway built anew.")
}

/// What was revoked; `by` is the word of the ledger.
fn revoked_sentence(by: &str) -> &'static str {
    match by {
        "sid" => "The session of this lease was revoked.",
        "sub" => "The subject of this lease was revoked.",
        "kid" => "The key that signed this lease was revoked.",
        "epoch" => "All leases that were issued before the newest revocation epoch are revoked, and this is one of them.",
        // `rid` and `jti` name the lease itself or one that it was narrowed from.
        _ => "This lease, or one that it was narrowed from, was revoked.",
    }
}

/// `450` → `0.450`: people read risk as a share of one.
#[must_use]
pub fn thousandths(points: u16) -> String {
    format!("{}.{:03}", points / 1000, points % 1000)
}

fn rate_detail(scope: &Scope, rate: Rate, wait: u64) -> String {
    let of = scope.tool.map(|tool| format!(" of {tool}")).unwrap_or_default();
    let whose = if scope.sid.is_some() { "this session" } else { "all sessions together" };
    let plural = |n: u64| if n == 1 { "" } else { "s" };
    format!(
        "There were {} allowed calls{of} of {whose} within {} second{}, and more are refused. One more is possible in {wait} second{}.",
        rate.calls,
        rate.seconds,
        plural(rate.seconds.into()),
        plural(wait)
    )
}

/// The sentence for a refused lease; a forger is told nothing but that.
fn lease_detail(fault: &LeaseFault) -> String {
    if fault.outward() == "lease_invalid" {
        return "The lease is not valid here: it was altered, forged, or made with another key or for another gateway. Ask for a new one."
            .into();
    }
    format!("{}{}", sentence(&fault.detail()), advice(fault))
}

/// What to do about a lease whose signature is right, where the fault's own sentence does not say it.
const fn advice(fault: &LeaseFault) -> &'static str {
    match fault {
        LeaseFault::KeyRetired
        | LeaseFault::KeyDates
        | LeaseFault::Expired(_)
        | LeaseFault::Audience
        | LeaseFault::Block { .. }
        | LeaseFault::Version
        | LeaseFault::Depth => " Ask for a new one.",
        LeaseFault::ProofTime(_) => " Present it again, or check the clocks of caller and gateway.",
        LeaseFault::NotYet(_) => " Wait, or check the clocks of issuer and gateway.",
        LeaseFault::Session => " Use the lease of this session, or ask for one.",
        LeaseFault::Length
        | LeaseFault::Spelling(_)
        | LeaseFault::Form
        | LeaseFault::UnknownKey
        | LeaseFault::Mac
        | LeaseFault::Intent
        | LeaseFault::Possession
        | LeaseFault::Approval => "",
    }
}

/// First letter upper case, full stop at the end. Sentences begin with a letter of English: the table for all others is as large as this file's code.
fn sentence(text: &str) -> String {
    let mut sentence = text.trim_end_matches('.').to_owned();
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    sentence.push('.');
    sentence
}

#[cfg(test)]
#[cfg(all(feature = "plan-http", feature = "plan-issue"))]
mod tests;
