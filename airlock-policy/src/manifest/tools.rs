//! `[tools.*]`: the built-in tools that a gateway has.

use super::{host, rules, why};
use crate::builtin::{self, Facts, Network};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults, Span};
use crate::fields::{At, Field, Fields, meant_or, not_supported, refuse_twice, words};
use crate::ir::{ArgRules, HostRule};
use crate::limits::{HOSTS_MAX, TOOLS_MAX};
use crate::text::quote;

/// Keys of tools that are not built in, and obligations that come later.
const LATER: &[&str] =
    &["http", "input", "output", "approval", "labels", "strict", "effect", "confine", "pin", "carries", "secrets"];

/// All tools, in the order of the file.
#[derive(Debug, Default)]
pub(crate) struct Tools {
    pub(crate) known: Vec<ToolDraft>,
    /// Names of entries that were refused: a grant that names one is not to blame.
    pub(crate) refused: Vec<String>,
}

/// One tool.
#[derive(Debug)]
pub(crate) struct ToolDraft {
    pub(crate) facts: &'static Facts,
    pub(crate) name: Span,
    pub(crate) threshold: Option<At<u16>>,
    pub(crate) base_risk: Option<At<u16>>,
    pub(crate) egress: Vec<At<HostRule>>,
    /// Some host was refused: what is missing then is not reported.
    pub(crate) egress_faulty: bool,
    pub(crate) args: Vec<ArgRules>,
    pub(crate) why: String,
}

pub(super) fn read(field: &Field<'_>, faults: &mut Faults) -> Tools {
    let mut tools = Tools::default();
    let Some(fields) = field.table("`[tools]`", faults) else {
        return tools;
    };
    let entries = fields.entries();
    if !(1..=TOOLS_MAX).contains(&entries.len()) {
        let message = format!("the manifest has {} tools; 1 to {TOOLS_MAX} are allowed", entries.len());
        faults.push(
            Diagnostic::new(Code::Count, &fields.span, message, "tools begin here").help("list each tool as `[tools.<name>]`"),
        );
        return tools;
    }
    for (name, field) in entries {
        match builtin::find(name) {
            Some(facts) => tools
                .known
                .extend(field.table(format!("`[tools.{name}]`"), faults).map(|fields| tool(facts, &field.key, fields, faults))),
            None => {
                unknown(name, &field, faults);
                tools.refused.push(name.to_owned());
            }
        }
    }
    tools
}

/// A name that is no built-in tool: a slip of the pen, or a kind of tool that comes later.
fn unknown(name: &str, field: &Field<'_>, faults: &mut Faults) {
    let declared_otherwise =
        field.value.as_table().is_some_and(|table| table.contains_key("http") || table.contains_key("input"));
    if declared_otherwise {
        not_supported(&format!("the REST tool {}", quote(name)), &field.key, faults);
        return;
    }
    let names: Vec<&str> = builtin::ALL.iter().map(|facts| facts.name).collect();
    let help = meant_or(name, &names, || format!("the built-in tools are {}", words(&names)));
    faults.push(
        Diagnostic::new(Code::UnknownTool, &field.key, format!("there is no built-in tool {}", quote(name)), "unknown tool")
            .help(help),
    );
}

fn tool(facts: &'static Facts, name: &Span, mut fields: Fields<'_>, faults: &mut Faults) -> ToolDraft {
    let threshold = fields.take("risk_threshold").and_then(|field| field.risk(faults));
    let base_risk = fields.take("base_risk").and_then(|field| field.risk(faults));
    let (egress, egress_faulty) = fields.take("egress").map(|field| egress(facts, &field, faults)).unwrap_or_default();
    let args = fields.take("args").map(|field| rules::read(facts, &field, faults)).unwrap_or_default();
    let why = why(&mut fields, faults);
    fields.finish(LATER, faults);
    ToolDraft { facts, name: name.clone(), threshold, base_risk, egress, egress_faulty, args, why }
}

/// The hosts of a tool, and whether some of them were refused.
fn egress(facts: &Facts, field: &Field<'_>, faults: &mut Faults) -> (Vec<At<HostRule>>, bool) {
    if let Network::None = facts.network {
        let message = format!("`{}` uses no network", facts.name);
        faults.push(Diagnostic::new(Code::NeedlessEgress, &field.key, message, "has no use").help("remove `egress`"));
        return (Vec::new(), true);
    }
    let Some(list) = field.list(0, HOSTS_MAX, faults) else {
        return (Vec::new(), true);
    };
    let hosts: Vec<_> = list.iter().filter_map(|entry| host(entry, faults)).collect();
    refuse_twice(&hosts, crate::host::written, faults);
    let faulty = hosts.len() < list.len();
    (hosts, faulty)
}
