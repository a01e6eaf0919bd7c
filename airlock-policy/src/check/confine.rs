//! What a reviewer should look at in the sandboxes of upstreams.

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults};
use crate::fields::At;
use crate::ir::Ledger;
use crate::manifest::{ConfineDraft, UpstreamDraft, holds};

/// Directories that hold what belongs to the system, to other programs or to people.
const BROAD: [&str; 12] =
    ["/", "/boot", "/dev", "/etc", "/home", "/proc", "/root", "/run", "/sys", "/tmp", "/usr/local/etc", "/var"];
/// Programs that run any other: whoever may run one of them may run what it brings along.
const SHELLS: [&str; 12] = [
    "/bin/sh",
    "/bin/bash",
    "/bin/dash",
    "/bin/busybox",
    "/usr/bin/sh",
    "/usr/bin/bash",
    "/usr/bin/dash",
    "/usr/bin/zsh",
    "/usr/bin/busybox",
    "/usr/bin/env",
    "/usr/bin/xargs",
    "/usr/bin/perl",
];

/// Warns of what is not confined, or hardly.
pub(super) fn remarks(upstreams: &[UpstreamDraft], ledger: &Ledger, faults: &mut Faults) {
    for draft in upstreams {
        let Some(confine) = &draft.confine else {
            let message = format!("the process of `{}` may do whatever the gateway's user may", draft.name.value);
            let diagnostic = Diagnostic::new(Code::UnconfinedUpstream, &draft.name.span, message, "not confined");
            faults.push(diagnostic.help(
                "add `confine = { read = [\u{2026}], write = [\u{2026}] }` with the paths that it works on and those of its code",
            ));
            continue;
        };
        broad(confine, faults);
        exposed(confine, ledger, faults);
        shells(confine, faults);
        for feature in &confine.allow_missing {
            let message = format!("`{}` is started where the kernel gives it no namespaces of its own", draft.name.value);
            let diagnostic = Diagnostic::new(Code::MissingNamespaces, &feature.span, message, "the others still hold");
            faults.push(diagnostic.help("remove it where every host has user namespaces; allow this with a reason otherwise"));
        }
    }
}

fn all(confine: &ConfineDraft) -> impl Iterator<Item = &At<String>> {
    confine.read.iter().chain(&confine.write).chain(&confine.exec)
}

fn broad(confine: &ConfineDraft, faults: &mut Faults) {
    let is_home = |path: &str| path.strip_prefix("/home/").is_some_and(|rest| !rest.contains('/'));
    for path in all(confine).filter(|path| BROAD.contains(&path.value.as_str()) || is_home(&path.value)) {
        let message = format!("`{}` holds much that is no business of an upstream", path.value);
        let diagnostic = Diagnostic::new(Code::BroadPath, &path.span, message, "all of it");
        faults.push(diagnostic.help("name the directories and files in it that are needed"));
    }
}

/// A directory that is relative, or named by a variable, cannot be told from here.
fn exposed(confine: &ConfineDraft, ledger: &Ledger, faults: &mut Faults) {
    let dir = &ledger.dir_default;
    for path in all(confine).filter(|path| dir.starts_with('/') && (holds(&path.value, dir) || holds(dir, &path.value))) {
        let message = format!("the ledger of the gateway, `{dir}`, is within reach of the upstream");
        let diagnostic = Diagnostic::new(Code::ExposedLedger, &path.span, message, "holds the ledger");
        faults.push(diagnostic.help("keep the ledger elsewhere, or name less"));
    }
}

fn shells(confine: &ConfineDraft, faults: &mut Faults) {
    for path in &confine.exec {
        let Some(shell) = SHELLS.iter().find(|shell| holds(&path.value, shell)) else { continue };
        let message = format!("the upstream may run `{shell}`, and with it whatever it writes down for it");
        let diagnostic = Diagnostic::new(Code::ConfinedShell, &path.span, message, "runs anything");
        faults.push(diagnostic.help("name the programs that the server runs, one by one"));
    }
}
