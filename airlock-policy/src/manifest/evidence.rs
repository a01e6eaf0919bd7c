//! `[ledger] evidence`, `redact` and `keep_evidence`.

use crate::amount::{days, retention};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults};
use crate::fields::{At, Field, Fields, refuse_twice};
use crate::ir::{Evidence, Ledger};
use crate::limits::{KEEP_EVIDENCE_MAX_S, KEEP_EVIDENCE_MIN_S, REDACT_MAX, REDACT_NAME_MAX};

/// `[ledger]`, with what can only be understood beside the tools.
#[derive(Debug)]
pub(crate) struct LedgerDraft {
    pub(crate) ledger: Ledger,
    /// Entries of `redact` as they stand.
    pub(crate) redact: Vec<At<String>>,
}

/// The mode, what is removed, and how long it is kept.
pub(super) fn read(fields: &mut Fields<'_>, faults: &mut Faults) -> (Evidence, Vec<At<String>>, Option<u64>) {
    let words = [Evidence::Hashes, Evidence::Redacted, Evidence::Full].map(|mode| (mode.word(), mode));
    let told = fields.take("evidence");
    let evidence = told.as_ref().and_then(|field| field.word(&words, &[], faults));
    let is_wrong = told.is_some() && evidence.is_none();
    let redact = fields.take("redact");
    let removed = redact.as_ref().map(|field| names(field, faults)).unwrap_or_default();
    let keep = fields.take("keep_evidence").and_then(|field| kept(&field, faults));
    let mode = evidence.as_ref().map_or(Evidence::Hashes, |at| at.value);
    if let Some(redact) = redact.filter(|_| mode != Evidence::Redacted && !is_wrong) {
        let message = format!("`redact` with `evidence = \"{}\"`, which makes no copies to remove anything from", mode.word());
        let diagnostic = Diagnostic::new(Code::RedactMode, &redact.key, message, "nothing would be removed");
        faults.push(diagnostic.help("say `evidence = \"redacted\"`, or remove `redact`"));
    }
    if let Some(evidence) = evidence.filter(|at| at.value == Evidence::Full) {
        let message = "what agents send, and what tools answer, is stored in clear beside the ledger";
        let diagnostic =
            Diagnostic::new(Code::ClearEvidence, &evidence.span, message, "everybody who reads the directory reads it");
        faults.push(diagnostic.help(
            "say `\"redacted\"` to keep copies without secrets and named fields; or allow this, and set `keep_evidence`, where whole \
             arguments have to be shown later",
        ));
    }
    (mode, removed, keep)
}

fn names(field: &Field<'_>, faults: &mut Faults) -> Vec<At<String>> {
    let entries = field.list(1, REDACT_MAX, faults).unwrap_or_default();
    let names: Vec<_> = entries.iter().filter_map(|entry| entry.checked(Code::RedactName, name, faults)).collect();
    refuse_twice(&names, String::clone, faults);
    names
}

/// Whether every part of a name, between dots, is there and has nothing that hides.
fn name(text: &str) -> Result<(), String> {
    let fits =
        |part: &str| !part.is_empty() && part.chars().all(|c| !c.is_control() && !c.is_whitespace() && !crate::text::hidden(c));
    match text.chars().count() <= REDACT_NAME_MAX && text.split('.').all(fits) {
        true => Ok(()),
        false => Err(format!(
            "it is the name of a member, or `tool.argument` of one tool: at most {REDACT_NAME_MAX} characters, no spaces, and a name on \
             both sides of each dot"
        )),
    }
}

fn kept(field: &Field<'_>, faults: &mut Faults) -> Option<u64> {
    let text = field.string(faults)?;
    let problem = match retention(text.value) {
        Ok(seconds) if (KEEP_EVIDENCE_MIN_S..=KEEP_EVIDENCE_MAX_S).contains(&seconds) => return Some(seconds),
        Ok(_) => {
            let (least, most) = (days(KEEP_EVIDENCE_MIN_S), days(KEEP_EVIDENCE_MAX_S));
            format!("`keep_evidence` must be from {least} to {most}: a session may be alive for a day, and be decided about")
        }
        Err(problem) => problem,
    };
    faults.error(Code::BadRetention, &text.span, problem, "not accepted");
    None
}
