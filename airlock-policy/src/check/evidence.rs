//! What `[ledger] redact` names.

use super::Listed;
use crate::builtin;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults};
use crate::fields::{At, meant_or, words};
use crate::ir::{Ledger, Removed, Tool, ToolKind};
use crate::manifest::LedgerDraft;

/// `[ledger]` with every entry of `redact` understood. A name that is misspelled would remove nothing, so both parts of `tool.argument`
/// must be there.
pub(super) fn compile(draft: LedgerDraft, listed: &Listed, faults: &mut Faults) -> Ledger {
    let LedgerDraft { ledger, redact } = draft;
    let mut redact: Vec<Removed> = redact.iter().filter_map(|entry| removed(entry, listed, faults)).collect();
    redact.sort();
    Ledger { redact, ..ledger }
}

fn removed(entry: &At<String>, listed: &Listed, faults: &mut Faults) -> Option<Removed> {
    let text = &entry.value;
    if !text.contains('.') {
        return Some(Removed { tool: None, name: text.clone() });
    }
    // Names of tools may have dots themselves, so the longest that fits is meant.
    let of_tool = |tool: &str| text.strip_prefix(tool).and_then(|rest| rest.strip_prefix('.'));
    if listed.refused.iter().any(|tool| of_tool(tool).is_some()) {
        return None;
    }
    let fitting = listed.tools.iter().filter_map(|tool| Some((tool, of_tool(&tool.name)?)));
    let Some((tool, path)) = fitting.max_by_key(|(tool, _)| tool.name.len()) else {
        let given = text.split('.').next().unwrap_or_default();
        let known: Vec<&str> = listed.tools.iter().map(|tool| tool.name.as_str()).collect();
        let help =
            meant_or(given, &known, || format!("write `tool.argument` with one of {}, or a name without a dot", words(&known)));
        faults.push(
            Diagnostic::new(Code::RedactTool, &entry.span, format!("no tool of this manifest begins `{text}`"), "names no tool")
                .help(help),
        );
        return None;
    };
    let (arguments, argument) = (arguments(tool), path.split('.').next().unwrap_or_default());
    if !arguments.contains(&argument) && tool.strict {
        let message = format!("`{}` has no argument `{argument}`", tool.name);
        let help = meant_or(argument, &arguments, || format!("its arguments are {}", words(&arguments)));
        faults.push(Diagnostic::new(Code::RedactTool, &entry.span, message, "names no argument").help(help));
        return None;
    }
    Some(Removed { tool: Some(tool.name.clone()), name: path.to_owned() })
}

/// Names of the arguments that a tool knows.
fn arguments(tool: &Tool) -> Vec<&str> {
    match &tool.kind {
        ToolKind::Builtin(_) => {
            builtin::find(&tool.name).map(|facts| facts.args.iter().map(|(name, _)| *name).collect()).unwrap_or_default()
        }
        ToolKind::Rest(rest) => rest.input.iter().map(|input| input.name.as_str()).collect(),
        ToolKind::Upstream(proxied) => proxied.arguments.iter().map(|argument| argument.name.as_str()).collect(),
    }
}
