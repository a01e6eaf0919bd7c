use super::*;
use crate::approve::SignedFault;
use crate::lease::intent_hash;
use crate::policy::origin::{Look, Otherwise, Source, Sources};
use crate::risk::Factor;

/// One of each variant. The match in `next` makes a new variant a compile error here.
fn all() -> Vec<Reason> {
    let mut reasons = vec![Reason::Ok];
    while let Some(reason) = reasons.last().and_then(next) {
        reasons.push(reason);
    }
    let faults = [
        LeaseFault::Length,
        LeaseFault::Spelling("x"),
        LeaseFault::Form,
        LeaseFault::UnknownKey,
        LeaseFault::KeyRetired,
        LeaseFault::KeyDates,
        LeaseFault::Block { index: 0, problem: "x" },
        LeaseFault::Version,
        LeaseFault::Depth,
        LeaseFault::NotYet(1),
        LeaseFault::Expired(1),
        LeaseFault::Audience,
        LeaseFault::Session,
        LeaseFault::Intent,
        LeaseFault::ProofTime(1),
        LeaseFault::Possession,
        LeaseFault::Approval,
    ];
    reasons.extend(faults.map(Reason::Lease));
    reasons.extend(SignedFault::ALL[1..].iter().copied().map(|fault| Reason::Approval(Refusal::Signed(fault))));
    reasons.extend(Refusal::ALL[1..].iter().copied().map(Reason::Approval));
    reasons
}

fn traced(problem: Problem) -> Reason {
    const ORIGIN: Origin = Origin {
        arg: "to",
        look: Look::Whole(ValueKind::Email),
        from: Sources::of(&[Source::Intent, Source::Structured]),
        otherwise: Otherwise::Deny,
        by: &crate::memory::TRACING,
    };
    Reason::Provenance { origin: &ORIGIN, kind: ValueKind::Email, problem }
}

fn next(reason: &Reason) -> Option<Reason> {
    let (host, subject) = ("a.example.org".to_owned(), "agent:a".to_owned());
    Some(match reason {
        Reason::Ok => Reason::UnknownTool { name: "nope".into() },
        Reason::UnknownTool { .. } => Reason::LeaseMissing,
        Reason::LeaseMissing => Reason::ContextMissing,
        Reason::ContextMissing => Reason::CarrierRefused { carrier: "arguments" },
        Reason::CarrierRefused { .. } => Reason::CarrierConflict,
        Reason::CarrierConflict => Reason::CarrierShape { problem: "_capability must be a string, the lease" },
        Reason::CarrierShape { .. } => Reason::LeaseInArguments,
        Reason::LeaseInArguments => Reason::Lease(LeaseFault::Mac),
        Reason::Lease(_) => Reason::Intent(intent_hash("").unwrap_err()),
        Reason::Intent(_) => Reason::ClockRollback,
        Reason::ClockRollback => Reason::BeyondGrant { subject, bound: "the grant does not name the tool x".into() },
        Reason::BeyondGrant { .. } => Reason::ToolNotInLease { tool: "http_get_json" },
        Reason::ToolNotInLease { .. } => {
            Reason::Argument(ArgFault { arg: "url", problem: "must have at most 3 characters".into() })
        }
        Reason::Argument(_) => traced(Problem::Unseen),
        Reason::Provenance { problem: Problem::Unseen, .. } => traced(Problem::Unknown),
        Reason::Provenance { problem: Problem::Unknown, .. } => {
            let call = Some(("read_page", "1".to_owned()));
            traced(Problem::Elsewhere { source: Source::Text, call })
        }
        Reason::Provenance { problem: Problem::Elsewhere { .. }, .. } => traced(Problem::Unreadable),
        Reason::Provenance { problem: Problem::Unreadable, .. } => {
            Reason::UrlRefused { problem: "the scheme is not accepted".into() }
        }
        Reason::UrlRefused { .. } => Reason::HostNotAllowed { host, tool: "http_get_json" },
        Reason::HostNotAllowed { .. } => Reason::HostNotInLease { host },
        Reason::HostNotInLease { .. } => Reason::CallNotInLease,
        Reason::CallNotInLease => risk_too_high(&risk(), 400, "tool threshold"),
        Reason::RiskTooHigh { .. } => Reason::Revoked { by: "sid" },
        Reason::Revoked { .. } => Reason::RevocationsStale,
        Reason::RevocationsStale => Reason::Killed,
        Reason::Killed => Reason::Replayed,
        Reason::Replayed => Reason::ReplayCacheFull,
        Reason::ReplayCacheFull => Reason::UsesExhausted { uses: 2 },
        Reason::UsesExhausted { .. } => Reason::SessionPinned,
        Reason::SessionPinned => Reason::TooManyLeases,
        Reason::TooManyLeases => Reason::TooManySessions,
        Reason::TooManySessions => Reason::ArgumentsTooLarge { most: 65_536 },
        Reason::ArgumentsTooLarge { .. } => {
            Reason::FlowDenied { labels: &["reads:private", "sends:external"], why: "nothing leaves after a secret was read" }
        }
        Reason::FlowDenied { .. } => Reason::RateExceeded {
            scope: Scope { sid: Some("s".into()), tool: Some("open_ticket") },
            rate: Rate { calls: 10, seconds: 60 },
            wait: 1,
        },
        Reason::RateExceeded { .. } => Reason::SessionBudgetSpent { tool: Some("open_ticket"), most: 20 },
        Reason::SessionBudgetSpent { .. } => Reason::SessionTooWide,
        Reason::SessionTooWide => Reason::DefinitionDrift { tool: "files.read", drift: Drift::GONE },
        Reason::DefinitionDrift { .. } => Reason::Approval(Refusal::ALL[0]),
        Reason::Approval(_) => Reason::Unsigned { wanted: "2 of alice, bob, carol".into(), request: None },
        Reason::Unsigned { .. } => Reason::LedgerUnavailable,
        Reason::LedgerUnavailable => return None,
    })
}

fn risk() -> Risk {
    let factor = |name, points| Factor { name, points, note: String::new() };
    Risk { score: 550, factors: vec![factor("base", 50), factor("unlisted_domain", 500)], ignored: Vec::new() }
}

#[test]
fn every_code_is_documented_and_every_sentence_is_one() {
    let page = include_str!("../../../docs/reasons.md");
    for reason in all().iter().skip(1) {
        assert!(page.contains(&format!("`{}`", reason.code())), "docs/reasons.md lacks {}", reason.code());
        let detail = reason.detail();
        assert!(detail.starts_with(char::is_uppercase) && detail.ends_with('.') && !detail.contains(".."), "{detail}");
    }
}

#[test]
fn sentences() {
    let lines: Vec<String> = all().iter().map(|reason| format!("{}: {}", reason.code(), reason.detail())).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_forger_is_not_told_what_was_wrong() {
    let told = |fault| (Reason::Lease(fault).code(), Reason::Lease(fault).detail());
    let first = told(LeaseFault::Mac);
    for fault in [LeaseFault::Length, LeaseFault::Spelling("x"), LeaseFault::UnknownKey] {
        assert_eq!(told(fault), first);
        assert_ne!(Reason::Lease(fault).ledger_code(), Reason::Lease(LeaseFault::Mac).ledger_code());
    }
}

/// A row for each code, with what the code does in shadow mode; a code has one fate, whatever is behind it.
#[test]
fn the_page_on_shadow_mode_says_what_becomes_of_each_reason() {
    use crate::decide::Fate;
    use std::collections::BTreeMap;
    let page = include_str!("../../../docs/shadow.md");
    let row = |line: &'static str| {
        let (code, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
        let fate = rest.split(' ').next().filter(|fate| ["through", "held"].contains(fate))?;
        Some((code, fate))
    };
    let told: BTreeMap<&str, &str> = page.lines().filter_map(row).collect();
    let mut fates: BTreeMap<&str, &str> = BTreeMap::new();
    for reason in all().iter().skip(1) {
        let (code, fate) = (reason.code(), Fate::of(reason).word());
        assert_eq!(*fates.entry(code).or_insert(fate), fate, "{code} has two fates");
    }
    assert_eq!(told, fates);
}
