//! `[upstreams.*]` against the tools of the manifest.

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults};
use crate::manifest::UpstreamDraft;

/// Warns of upstreams of which clients are given nothing.
pub(super) fn idle(upstreams: &[UpstreamDraft], faults: &mut Faults) {
    let gives_nothing = |draft: &&UpstreamDraft| draft.tools.is_empty() && draft.offers == 0;
    for draft in upstreams.iter().filter(gives_nothing) {
        let message = format!("no tool, resource or prompt of `{}` is listed", draft.name.value);
        let diagnostic = Diagnostic::new(Code::UnusedUpstream, &draft.name.span, message, "not used");
        faults.push(diagnostic.help("`airlock pin` shows what it offers; list what clients may have, or remove the upstream"));
    }
}
