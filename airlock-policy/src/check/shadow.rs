//! `[gateway] mode = "shadow"`: a gateway that refuses little.

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults, Span};
use crate::ir::{Mode, Policy, Requirement};
use crate::manifest::RequireDraft;
use crate::text::quote;

/// Reports a gateway in shadow mode: always as a warning, and as an error where a requirement forbids it or it changes nothing. `mode` is
/// where the manifest says so.
pub(super) fn remarks(policy: &Policy, mode: Option<&Span>, requires: &[RequireDraft], faults: &mut Faults) {
    let (Mode::Shadow, Some(mode)) = (policy.gateway.mode, mode) else { return };
    let message = "this gateway records what it would refuse, and lets most of it through";
    let diagnostic = Diagnostic::new(Code::ShadowMode, mode, message, "calls of upstreams are made without a lease");
    faults.push(
        diagnostic
            .help("remove it once `airlock learn` has shown what is used; docs/shadow.md says what is refused all the same"),
    );
    if policy.upstreams.is_empty() {
        let message = "this manifest has no upstream, so nothing would be let through";
        let diagnostic = Diagnostic::new(Code::IdleShadow, mode, message, "changes nothing");
        faults.push(diagnostic.help("remove it; shadow mode lets refused calls through to upstreams alone"));
    }
    for draft in requires.iter().filter(|draft| draft.require.rule == Requirement::Enforce) {
        let message = "a requirement is broken: the gateway does not refuse what it would refuse";
        let diagnostic =
            Diagnostic::new(Code::RequireMode, mode, message, "breaks the requirement").also(&draft.span, "demanded here");
        faults.push(diagnostic.help(format!("remove `mode` (the requirement says: {})", quote(&draft.require.why))));
    }
}
