//! `[upstreams.*]` against the tools of the manifest.

use super::tools::{Reached, entry};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults};
use crate::ir;
use crate::manifest::{Egresses, UpstreamDraft};

/// Warns of upstreams of which clients are given nothing.
pub(super) fn idle(upstreams: &[UpstreamDraft], faults: &mut Faults) {
    let gives_nothing = |draft: &&UpstreamDraft| draft.tools.is_empty() && draft.offers == 0;
    for draft in upstreams.iter().filter(gives_nothing) {
        let message = format!("no tool, resource or prompt of `{}` is listed", draft.name.value);
        let diagnostic = Diagnostic::new(Code::UnusedUpstream, &draft.name.span, message, "not used");
        faults.push(diagnostic.help("`airlock pin` shows what it offers; list what clients may have, or remove the upstream"));
    }
}

/// Warns of upstreams that may ask of the client: what they ask reaches the user in the client's own windows.
pub(super) fn asking(upstreams: &[UpstreamDraft], faults: &mut Faults) {
    for draft in upstreams {
        let Some(first) = draft.may_ask.first() else { continue };
        let asked: Vec<&str> = draft.may_ask.iter().map(|question| question.value.word()).collect();
        let message = format!("`{}` may ask of the client: {}", draft.name.value, asked.join(", "));
        let diagnostic = Diagnostic::new(Code::AskingUpstream, &first.span, message, "asked in the client's own window");
        faults.push(diagnostic.help("remove what no tool of it needs; allow this with a reason in `[lints]`"));
    }
}

/// An upstream with the `[[egress]]` entries of the hosts that its process reaches.
pub(super) fn compile(draft: &UpstreamDraft, declared: &Egresses, reached: &mut Reached, faults: &mut Faults) -> ir::Upstream {
    let mut upstream = draft.upstream.clone();
    let hosts = draft.confine.as_ref().and_then(|confine| confine.hosts.as_ref());
    if let (Some(confine), Some(hosts)) = (&mut upstream.confine, hosts) {
        let mut entries: Vec<ir::Egress> = hosts.iter().filter_map(|host| entry(host, declared, reached, faults)).collect();
        entries.sort_by(|a, b| a.host.cmp(&b.host));
        confine.net = ir::Net::Proxy(entries);
    }
    upstream
}
