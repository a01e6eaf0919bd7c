//! `[tools.*]`: built-in tools and REST tools, with what both have in common.

use super::approvers::{self, ApprovalDraft};
use super::groups::Groups;
use super::origin::{self, OriginDraft, Placed};
use super::quota::{self, QuotaDraft};
use super::rest::{self, RestDraft};
use super::rules::{self, Argument, Kind, Rule};
use super::upstreams::ProxiedDraft;
use super::why;
use crate::builtin::{self, Facts, Network};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults, Span};
use crate::factor;
use crate::fields::{At, Field, Fields, meant_or, refuse_twice, words};
use crate::ir::{ArgRule, ArgRules, Builtin, EffectClass, Form, HostRule, IgnoredFactor, InputKind};
use crate::limits::{HOSTS_MAX, ITEMS_DEFAULT, LABELS_MAX, RULE_TEXT_MAX, RULES_MAX, TOOLS_MAX};
use crate::name;
use crate::text::quote;
use std::collections::BTreeMap;

/// Obligations that come later.
const LATER: &[&str] = &["output", "confine", "pin", "carries", "secrets"];

/// Effects as the manifest writes them.
pub(super) const EFFECTS: &[(&str, EffectClass)] =
    &[("read", EffectClass::Read), ("write", EffectClass::Write), ("send", EffectClass::Send)];

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
    pub(crate) name: At<String>,
    pub(crate) kind: KindDraft,
    pub(crate) threshold: Option<At<u16>>,
    pub(crate) base_risk: Option<At<u16>>,
    pub(crate) ignored: Vec<At<IgnoredFactor>>,
    pub(crate) egress: Vec<At<HostRule>>,
    /// Some host was refused: what is missing then is not reported.
    pub(crate) egress_faulty: bool,
    pub(crate) args: Vec<ArgRules>,
    /// Where values may come from, sorted by argument.
    pub(crate) origins: Vec<Placed>,
    pub(crate) trusted: Option<At<bool>>,
    pub(crate) result: Option<At<Form>>,
    /// What the manifest says; a built-in tool has an effect of its own.
    pub(crate) effect: Option<At<EffectClass>>,
    pub(crate) strict: bool,
    pub(crate) labels: Vec<At<String>>,
    pub(crate) approval: ApprovalDraft,
    pub(crate) quota: QuotaDraft,
    pub(crate) timeout: Option<At<u64>>,
    pub(crate) why: String,
}

/// What a call does.
#[derive(Debug)]
pub(crate) enum KindDraft {
    /// A tool of the runtime.
    Builtin(&'static Facts),
    /// A request of the manifest.
    Rest(Box<RestDraft>),
    /// A tool of a foreign server.
    Upstream(Box<ProxiedDraft>),
}

impl KindDraft {
    /// Whether a call of it waits for an answer of others.
    const fn waits(&self) -> bool {
        match self {
            Self::Builtin(facts) => !matches!(facts.network, Network::None),
            Self::Rest(_) | Self::Upstream(_) => true,
        }
    }

    /// What is particular to a tool of an upstream.
    pub(crate) const fn proxied(&self) -> Option<&ProxiedDraft> {
        match self {
            Self::Builtin(_) | Self::Rest(_) => None,
            Self::Upstream(draft) => Some(draft),
        }
    }

    const fn facts(&self) -> Option<&'static Facts> {
        match self {
            Self::Builtin(facts) => Some(facts),
            Self::Rest(_) | Self::Upstream(_) => None,
        }
    }
}

pub(super) fn read(field: &Field<'_>, groups: &Groups, faults: &mut Faults) -> Tools {
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
        match entry(name, &field, groups, faults) {
            Some(tool) => tools.known.push(tool),
            None => tools.refused.push(name.to_owned()),
        }
    }
    tools
}

/// Checks all tools of a manifest together, wherever they stand. `place` is where they begin.
pub(super) fn together(tools: &Tools, place: &Span, faults: &mut Faults) {
    similar(&tools.known, faults);
    let count = tools.known.len() + tools.refused.len();
    if count > TOOLS_MAX {
        let message = format!("the manifest has more than {TOOLS_MAX} tools with those of its upstreams");
        faults.error(Code::Count, place, message, "tools begin here");
    }
    let rules: usize = tools.known.iter().flat_map(|tool| &tool.args).map(|arg| arg.rules.len()).sum();
    if rules > RULES_MAX {
        let message = format!("the tools have {rules} argument rules; at most {RULES_MAX} are allowed");
        faults.error(Code::Count, place, message, "tools begin here");
    }
}

fn entry(name: &str, field: &Field<'_>, groups: &Groups, faults: &mut Faults) -> Option<ToolDraft> {
    let at = At { value: name.to_owned(), span: field.key.clone() };
    if let Some(facts) = builtin::find(name) {
        let mut fields = field.table(format!("`[tools.{name}]`"), faults)?;
        fixed(facts, &mut fields, faults);
        return rest_of(at, fields, KindDraft::Builtin(facts), groups, faults);
    }
    let rest = field.value.as_table().is_some_and(|table| table.contains_key("http") || table.contains_key("input"));
    if !rest {
        unknown(&at, faults);
        return None;
    }
    if let Err(problem) = name::tool(name) {
        faults.error(Code::BadToolName, &field.key, problem, "not accepted");
        return None;
    }
    if name.to_ascii_lowercase().starts_with("airlock") {
        let message = format!("the name `{name}` would pass for a tool of the gateway itself");
        let diagnostic = Diagnostic::new(Code::BadToolName, &field.key, message, "reserved");
        faults.push(diagnostic.help("choose a name that does not begin with `airlock`"));
        return None;
    }
    let mut fields = field.table(format!("`[tools.{name}]`"), faults)?;
    match rest::read(&mut fields, groups, faults) {
        Some(rest) => rest_of(at, fields, KindDraft::Rest(Box::new(rest)), groups, faults),
        None => {
            // There is no tool to speak of; what else is wrong with it is still told.
            common(&at.value, None, &mut fields, groups, faults);
            fields.finish(LATER, faults);
            None
        }
    }
}

/// Clients, logs and people treat `open-ticket`, `open.ticket` and `Open_Ticket` alike, and read `pay_a1l` as `pay_all`, so two tools
/// never differ by that alone.
fn fold(name: &str) -> String {
    let letters = name.chars().map(|c| match c.to_ascii_lowercase() {
        '-' | '.' => '_',
        '1' | 'i' => 'l',
        '0' => 'o',
        other => other,
    });
    letters.collect::<String>().replace("rn", "m").replace("vv", "w")
}

fn similar(tools: &[ToolDraft], faults: &mut Faults) {
    let mut seen: BTreeMap<String, &ToolDraft> = BTreeMap::new();
    for tool in tools {
        let name = &tool.name;
        let builtin = builtin::ALL.iter().find(|facts| fold(facts.name) == fold(&name.value) && facts.name != name.value);
        let first = seen.get(&fold(&name.value)).map(|first| &first.name);
        if let Some(taken) = first.map(|first| first.value.as_str()).or(builtin.map(|facts| facts.name)) {
            let message = match taken == name.value {
                true => format!("two tools are called `{taken}`"),
                false => format!("`{}` and `{taken}` would be taken for one tool", name.value),
            };
            let mut diagnostic = Diagnostic::new(Code::SimilarTools, &name.span, message, "too similar");
            if let Some(first) = first {
                diagnostic = diagnostic.also(&first.span, "the other one");
            }
            faults.push(diagnostic.help("choose names that differ in more than case, `-`, `.`, `_`, and letters that look alike; `as` renames a tool of an upstream"));
        }
        seen.entry(fold(&name.value)).or_insert(tool);
    }
}

/// A name that is no built-in tool and describes no request.
fn unknown(name: &At<String>, faults: &mut Faults) {
    let names: Vec<&str> = builtin::ALL.iter().map(|facts| facts.name).collect();
    let help = meant_or(&name.value, &names, || {
        format!("the built-in tools are {}; any other name needs `http`, which says what it does", words(&names))
    });
    let message = format!("there is no built-in tool {}", quote(&name.value));
    faults.push(Diagnostic::new(Code::UnknownTool, &name.span, message, "unknown tool").help(help));
}

/// What every tool can say.
struct Common<'t> {
    threshold: Option<At<u16>>,
    base_risk: Option<At<u16>>,
    ignored: Vec<At<IgnoredFactor>>,
    egress: Vec<At<HostRule>>,
    egress_faulty: bool,
    given: Option<Field<'t>>,
    labels: Vec<At<String>>,
    approval: ApprovalDraft,
    limits: Option<Field<'t>>,
    effect: Option<At<EffectClass>>,
    strict: bool,
    trusted: Option<At<bool>>,
    result: Option<At<Form>>,
    why: String,
}

fn common<'t>(name: &str, kind: Option<&KindDraft>, fields: &mut Fields<'t>, groups: &Groups, faults: &mut Faults) -> Common<'t> {
    let facts = kind.and_then(KindDraft::facts);
    let threshold = fields.take("risk_threshold").and_then(|field| field.risk(faults));
    let base_risk = fields.take("base_risk").and_then(|field| field.risk(faults));
    let ignored = fields.take("risk").map(|field| ignored(&field, faults)).unwrap_or_default();
    // What the program of an upstream reaches is not for this gateway to bound.
    let given = if kind.is_some_and(|kind| kind.proxied().is_some()) { None } else { fields.take("egress") };
    let (egress, egress_faulty) = given.map(|field| egress(name, facts, &field, groups, faults)).unwrap_or_default();
    let given = fields.take("args");
    let labels = fields.take("labels").map(|field| labels(&field, 0, LABELS_MAX, faults)).unwrap_or_default();
    let approval = fields.take("approval").map(|field| approval(facts, &field, faults)).unwrap_or_default();
    let limits = fields.take("limits");
    let effect = facts.is_none().then(|| fields.take("effect")).flatten().and_then(|field| field.word(EFFECTS, &[], faults));
    let strict = fields.take("strict").and_then(|field| strict(&field, facts, faults)).unwrap_or(true);
    let trusted = fields.take("trusted").and_then(|field| field.boolean(faults));
    let result = fields.take("result").and_then(|field| field.word(origin::FORMS, &[], faults));
    let why = why(fields, faults);
    Common {
        threshold,
        base_risk,
        ignored,
        egress,
        egress_faulty,
        given,
        labels,
        approval,
        limits,
        effect,
        strict,
        trusted,
        result,
        why,
    }
}

/// Reads what a tool has beside what it is.
pub(super) fn rest_of(
    name: At<String>,
    mut fields: Fields<'_>,
    kind: KindDraft,
    groups: &Groups,
    faults: &mut Faults,
) -> Option<ToolDraft> {
    let common = common(&name.value, Some(&kind), &mut fields, groups, faults);
    fields.finish(LATER, faults);
    let Common {
        threshold,
        base_risk,
        ignored,
        egress,
        egress_faulty,
        given,
        labels,
        approval,
        limits,
        effect,
        strict,
        trusted,
        result,
        why,
    } = common;
    let (quota, timeout) = limits.map(|field| bounds(&name.value, &kind, &field, faults)).unwrap_or_default();
    let (args, origins) = args(&name.value, &kind, given, groups, faults);
    Some(ToolDraft {
        name,
        kind,
        threshold,
        base_risk,
        ignored,
        egress,
        egress_faulty,
        args,
        origins,
        trusted,
        result,
        effect,
        strict,
        labels,
        approval,
        quota,
        timeout,
        why,
    })
}

/// Who must approve a call. A lease is asked for without one, by whoever says who they are: nobody is to sign for that.
fn approval(facts: Option<&'static Facts>, field: &Field<'_>, faults: &mut Faults) -> ApprovalDraft {
    let draft = approvers::approval(field, faults);
    if let (Some(facts), Some(signatures)) =
        (facts.filter(|facts| facts.builtin == Builtin::AirlockIssueCapability), &draft.signatures)
    {
        let message = format!("calls of `{}` have no lease, so nobody can sign for their subject", facts.name);
        let diagnostic = Diagnostic::new(Code::FixedByTool, &signatures.span, message, "cannot be signed");
        faults.push(diagnostic.help("say `issue = \"operator\"` in the grant: then a person issues the lease"));
    }
    draft
}

/// Keys that say what a tool is; of a built-in one they are no choice.
fn fixed(facts: &Facts, fields: &mut Fields<'_>, faults: &mut Faults) {
    for key in ["effect", "title", "description", "http", "input"] {
        let Some(field) = fields.take(key) else { continue };
        let help = match key {
            "effect" => format!("remove it; its effect is `{}`", effect_word(facts.effect)),
            "input" => "remove it; rules for its arguments stand in `args`".to_owned(),
            _ => "remove it".to_owned(),
        };
        let message = format!("`{}` is built in: its `{key}` is fixed", facts.name);
        faults.push(Diagnostic::new(Code::FixedByTool, &field.key, message, "no choice").help(help));
    }
}

/// As the manifest writes it.
pub(crate) const fn effect_word(effect: EffectClass) -> &'static str {
    match effect {
        EffectClass::Read => "read",
        EffectClass::Write => "write",
        EffectClass::Send => "send",
    }
}

fn strict(field: &Field<'_>, facts: Option<&'static Facts>, faults: &mut Faults) -> Option<bool> {
    let told = field.boolean(faults)?;
    if let (Some(facts), false) = (facts, told.value) {
        let message = format!("`{}` is built in: it refuses arguments that it does not know", facts.name);
        faults.push(Diagnostic::new(Code::FixedByTool, &field.key, message, "no choice").help("remove it"));
    }
    Some(told.value)
}

/// The hosts of a tool, and whether some of them were refused.
fn egress(
    name: &str,
    facts: Option<&'static Facts>,
    field: &Field<'_>,
    groups: &Groups,
    faults: &mut Faults,
) -> (Vec<At<HostRule>>, bool) {
    let refusal = match facts.map(|facts| facts.network) {
        Some(Network::None) => Some((format!("`{name}` uses no network"), "remove `egress`")),
        None => Some((format!("`{name}` reaches the host of its URL and no other"), "remove `egress`; the URL says it")),
        Some(Network::Chosen | Network::Fixed(_)) => None,
    };
    if let Some((message, help)) = refusal {
        faults.push(Diagnostic::new(Code::NeedlessEgress, &field.key, message, "has no use").help(help));
        return (Vec::new(), true);
    }
    groups.host_list(field, 0, HOSTS_MAX, faults)
}

/// Labels, as written.
pub(super) fn labels(field: &Field<'_>, least: usize, most: usize, faults: &mut Faults) -> Vec<At<String>> {
    let list = field.list(least, most, faults).unwrap_or_default();
    let labels: Vec<_> = list.iter().filter_map(|entry| entry.checked(Code::BadLabel, name::label, faults)).collect();
    refuse_twice(&labels, String::clone, faults);
    labels
}

/// `risk = { ignore = [{ factor, why }] }`.
fn ignored(field: &Field<'_>, faults: &mut Faults) -> Vec<At<IgnoredFactor>> {
    let Some(mut fields) = field.table("`risk`", faults) else {
        return Vec::new();
    };
    let list = fields.take("ignore").and_then(|field| field.list(0, factor::ALL.len(), faults)).unwrap_or_default();
    fields.finish(&["weights", "factors"], faults);
    let (mut names, mut ignored) = (Vec::new(), Vec::new());
    let known: Vec<(&'static str, &'static str)> = factor::ALL.iter().map(|factor| (factor.name, factor.name)).collect();
    for entry in &list {
        let Some(mut fields) = entry.table("an ignored factor", faults) else { continue };
        let factor = fields.need("factor", "factor = \"oversized_arguments\"", faults);
        let factor = factor.and_then(|field| field.word(&known, &[], faults));
        let why = why(&mut fields, faults);
        fields.finish(&[], faults);
        let Some(factor) = factor else { continue };
        let value = IgnoredFactor { factor: factor.value.to_owned(), why };
        ignored.push(At { value, span: factor.span.clone() });
        names.push(factor);
    }
    refuse_twice(&names, |name| (*name).to_owned(), faults);
    ignored
}

/// `limits = { … }` of one tool.
fn bounds(name: &str, kind: &KindDraft, field: &Field<'_>, faults: &mut Faults) -> (QuotaDraft, Option<At<u64>>) {
    let Some(mut fields) = field.table("`limits`", faults) else {
        return (QuotaDraft::default(), None);
    };
    let quota = quota::quota(&mut fields, faults);
    let timeout = quota::timeout(&mut fields, faults);
    if let (Some(timeout), false) = (&timeout, kind.waits()) {
        let message = format!("`{name}` uses no network: there is nothing to wait for");
        faults.push(Diagnostic::new(Code::FixedByTool, &timeout.span, message, "has no use").help("remove `timeout`"));
    }
    fields.finish(&[], faults);
    (quota, timeout)
}

/// An argument with what the manifest says of it.
struct Ruled<'a> {
    argument: Argument<'a>,
    rules: Vec<Rule>,
    origin: Option<OriginDraft>,
}

/// The argument rules of a tool, sorted by argument: those of `args`, and of a REST tool those of its inputs.
fn args(
    tool: &str,
    kind: &KindDraft,
    given: Option<Field<'_>>,
    groups: &Groups,
    faults: &mut Faults,
) -> (Vec<ArgRules>, Vec<Placed>) {
    let mut arguments: Vec<Ruled<'_>> = match kind {
        KindDraft::Builtin(facts) => facts
            .args
            .iter()
            .map(|(name, kind)| {
                let argument = Argument { name, kind: Kind::from(*kind), required: facts.required.contains(name) };
                Ruled { argument, rules: Vec::new(), origin: None }
            })
            .collect(),
        KindDraft::Rest(draft) => draft
            .inputs
            .iter()
            .map(|input| {
                let argument = Argument { name: &input.name.value, kind: Kind::from(input.kind), required: input.required };
                Ruled { argument, rules: input.rules.clone(), origin: input.origin.clone() }
            })
            .collect(),
        KindDraft::Upstream(draft) => draft
            .arguments
            .iter()
            .map(|argument| {
                let kind = Kind::from(argument.kind);
                let own = draft.rule.iter().filter(|(name, _)| *name == argument.name).map(|(_, rule)| rule.clone());
                let argument = Argument { name: &argument.name, kind, required: argument.required };
                Ruled { argument, rules: own.collect(), origin: None }
            })
            .collect(),
    };
    // Without a definition it is not known which arguments there are.
    let undefined = kind.proxied().is_some_and(|draft| draft.definition.is_none());
    let entries = given.and_then(|field| field.table("`args`", faults)).map(|fields| fields.entries()).unwrap_or_default();
    for (name, field) in &entries {
        match arguments.iter_mut().find(|ruled| ruled.argument.name == *name) {
            Some(ruled) => {
                let (more, origin) = rules::of_argument(name, field, groups, faults).unwrap_or_default();
                rules::join(&mut ruled.rules, more, faults);
                origin::join(&mut ruled.origin, origin, faults);
            }
            None if undefined => drop(rules::of_argument(name, field, groups, faults)),
            None => unknown_argument(tool, name, &field.key, &arguments, faults),
        }
    }
    let mut origins: Vec<Placed> = Vec::new();
    let mut compiled: Vec<ArgRules> = arguments
        .into_iter()
        .filter_map(|Ruled { argument, rules, origin }| {
            origins.extend(origin.and_then(|draft| origin::fit(&argument, draft, faults)));
            let mut rules = rules::fit(&argument, rules, groups, faults);
            if let KindDraft::Rest(draft) = kind {
                standard(&draft.inputs, argument.name, &mut rules);
            }
            rules::named(argument.name, rules)
        })
        .collect();
    compiled.sort_by(|a, b| a.arg.cmp(&b.arg));
    origins.sort_by(|a, b| a.origin.arg.cmp(&b.origin.arg));
    (compiled, origins)
}

/// Bounds of an input that the manifest leaves open: no text and no list of a request is of any length.
fn standard(inputs: &[rest::InputDraft], name: &str, rules: &mut Vec<ArgRule>) {
    let kind = inputs.iter().find(|input| input.name.value == name).map(|input| input.kind);
    let bounded =
        |rules: &[ArgRule]| rules.iter().any(|rule| matches!(rule, ArgRule::MaxLength(_) | ArgRule::OneOf(_) | ArgRule::Forbid));
    if matches!(kind, Some(InputKind::String | InputKind::Array)) && !bounded(rules) {
        rules.push(ArgRule::MaxLength(u64::try_from(RULE_TEXT_MAX).unwrap_or(u64::MAX)));
    }
    let listed = |rules: &[ArgRule]| rules.iter().any(|rule| matches!(rule, ArgRule::MaxItems(_) | ArgRule::Forbid));
    if matches!(kind, Some(InputKind::Array)) && !listed(rules) {
        rules.push(ArgRule::MaxItems(u64::try_from(ITEMS_DEFAULT).unwrap_or(u64::MAX)));
    }
    rules.sort();
}

fn unknown_argument(tool: &str, name: &str, key: &Span, arguments: &[Ruled<'_>], faults: &mut Faults) {
    faults.push_with(Code::UnknownArgument, || {
        let known: Vec<&str> = arguments.iter().map(|ruled| ruled.argument.name).collect();
        let help = meant_or(name, &known, || format!("its arguments are {}", words(&known)));
        let message = format!("`{tool}` has no argument {}", quote(name));
        Diagnostic::new(Code::UnknownArgument, key, message, "unknown argument").help(help)
    });
}
