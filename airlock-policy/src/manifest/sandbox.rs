//! `[sandbox]`: what of its confinement a gateway may do without. Everything else about it is made from the rest of the manifest.

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults};
use crate::fields::{At, Field, refuse_twice};
use crate::ir::{Part, Sandbox};
use crate::limits::SANDBOX_PARTS;

/// What a manifest must say for a gateway that nothing confines.
pub(crate) const CONSENT: &str = "I accept that nothing confines this gateway";

pub(super) fn read(field: Option<Field<'_>>, faults: &mut Faults) -> Sandbox {
    let Some(mut fields) = field.and_then(|field| field.table("`[sandbox]`", faults)) else { return Sandbox::default() };
    let words = [("landlock", Part::Landlock), ("seccomp", Part::Seccomp)];
    let given = fields.take("allow_missing");
    let list = given.as_ref().and_then(|field| field.list(1, SANDBOX_PARTS, faults)).unwrap_or_default();
    let parts: Vec<At<Part>> = list.iter().filter_map(|entry| entry.word(&words, &[], faults)).collect();
    refuse_twice(&parts, |part| part.word().to_owned(), faults);
    for part in &parts {
        let word = part.value.word();
        let message = format!("this gateway starts on a kernel without {word}");
        let diagnostic = Diagnostic::new(Code::AllowMissing, &part.span, message, "a part of its confinement");
        faults.push(diagnostic.help("remove it where every host has Linux 6.12 or newer; allow the lint where one has not"));
    }
    let consent = fields.take("unconfined");
    let unconfined = consent.as_ref().and_then(|field| field.word(&[(CONSENT, true)], &[], faults));
    if let Some(consent) = &unconfined {
        let message = "this gateway starts on a system where nothing confines it";
        let diagnostic = Diagnostic::new(Code::Unconfined, &consent.span, message, "neither files nor network are denied to it");
        faults.push(diagnostic.help("remove it; a gateway in earnest runs on Linux"));
    }
    if given.is_none() && consent.is_none() {
        let message = "`[sandbox]` gives nothing up, and gateways are confined without it";
        faults.push(Diagnostic::new(Code::EmptySandbox, &fields.span, message, "says nothing").help("remove it"));
    }
    let why = super::why(&mut fields, faults);
    fields.finish(&["require", "dns"], faults);
    let mut allow_missing: Vec<Part> = parts.into_iter().map(|part| part.value).collect();
    allow_missing.sort_unstable();
    Sandbox { allow_missing, unconfined: unconfined.is_some_and(|at| at.value), why }
}
