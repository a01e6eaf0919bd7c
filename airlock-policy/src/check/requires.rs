//! Requirements against the compiled policy: each that does not hold is an error that shows what breaks it.

use super::flows::{has, labels_of, unknown_label};
use super::{Listed, grants::Places};
use crate::amount::{duration, risk};
use crate::builtin::{self, ArgKind, ISSUE_TOOL};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults, Span};
use crate::fields::{meant_or, words};
use crate::host::{meet, written};
use crate::ir::{
    Approval, Argument, ArgumentKind, Grant, HostRule, Input, InputKind, Issue, Policy, Property, Quota, Requirement, Selector,
    Tool, ToolKind,
};
use crate::manifest::RequireDraft;
use crate::text::{nearest, quote};

/// Names in requirements that nothing has: a misspelled one would demand nothing.
pub(super) fn names(drafts: &[RequireDraft], listed: &Listed, faults: &mut Faults) {
    let known: Vec<&str> = listed.tools.iter().map(|tool| tool.name.as_str()).collect();
    let labels = labels_of(&listed.tools);
    for draft in drafts {
        for tool in draft.tools.iter().filter(|tool| !listed.knows(&tool.value)) {
            let help = meant_or(&tool.value, &known, || format!("the manifest has {}", words(&known)));
            let message = format!("the manifest has no tool {}", quote(&tool.value));
            faults.push(Diagnostic::new(Code::GrantTool, &tool.span, message, "not in the manifest").help(help));
        }
        // A label that nothing has yet may be a rule for later; one that is nearly another is a slip.
        for label in draft.labels.iter().filter(|label| !labels.contains(label.value.as_str())) {
            if listed.refused.is_empty() && nearest(&label.value, labels.iter().copied()).is_some() {
                unknown_label(label, &labels, "nothing is demanded", faults);
            }
        }
    }
}

/// Reports every requirement that the policy breaks, with the tool and the grant that break it.
pub(super) fn hold(drafts: &[RequireDraft], policy: &Policy, listed: &Listed, places: &Places, faults: &mut Faults) {
    for draft in drafts {
        idle(draft, policy, faults);
        match &draft.require.rule {
            Requirement::Every { tools, has } => every(draft, tools, has, policy, listed, places, faults),
            Requirement::Never { subject, tools } => never(draft, subject.as_deref(), tools, policy, listed, places, faults),
            // Of the gateway, not of its tools: tested with its mode.
            Requirement::Enforce => {}
        }
    }
}

/// Warns of a requirement that speaks of nothing: it holds, and says nothing about this policy.
fn idle(draft: &RequireDraft, policy: &Policy, faults: &mut Faults) {
    let tools = match &draft.require.rule {
        Requirement::Every { tools, has: _ } | Requirement::Never { tools, subject: _ } => tools,
        Requirement::Enforce => return,
    };
    let remark = |message: String, span: &Span, help: String, faults: &mut Faults| {
        faults.push(Diagnostic::new(Code::IdleRequire, span, message, "says nothing here").help(help));
    };
    if !policy.tools.iter().any(|tool| tools.selects(tool)) {
        let help = "correct the selector, or allow this where the rule is for later".to_owned();
        remark("no tool is one of those that this requirement speaks of".to_owned(), &draft.span, help, faults);
    }
    let subjects: Vec<&str> = policy.grants.iter().map(|grant| grant.subject.as_str()).collect();
    if let Some(subject) = draft.subject.as_ref().filter(|subject| !subjects.contains(&subject.value.as_str()))
        && let Some(meant) = nearest(&subject.value, subjects)
    {
        let message = format!("no grant is for {}", quote(&subject.value));
        remark(message, &subject.span, format!("did you mean `{meant}`?"), faults);
    }
}

fn every(
    draft: &RequireDraft,
    selector: &Selector,
    properties: &[Property],
    policy: &Policy,
    listed: &Listed,
    places: &Places,
    faults: &mut Faults,
) {
    for (tool, name) in listed.all().filter(|(tool, _)| selector.selects(tool)) {
        for property in properties {
            let Some(lack) = lack(property, tool, policy) else { continue };
            let message = format!("a requirement is broken: `{}` {}", tool.name, lack.what);
            let mut diagnostic = Diagnostic::new(Code::RequireEvery, name, message, "breaks the requirement");
            diagnostic = diagnostic.also(&draft.span, "demanded here");
            if let Some(grant) = lack.grant.and_then(|at| places.get(at)) {
                diagnostic = diagnostic.also(grant, "by this grant");
            }
            faults.push(diagnostic.help(format!("{} (the requirement says: {})", lack.help, quote(&draft.require.why))));
        }
    }
}

fn never(
    draft: &RequireDraft,
    subject: Option<&str>,
    selector: &Selector,
    policy: &Policy,
    listed: &Listed,
    places: &Places,
    faults: &mut Faults,
) {
    let of_subject = |grant: &&Grant| subject.is_none_or(|subject| grant.subject == subject);
    for (at, grant) in policy.grants.iter().enumerate().filter(|(_, grant)| of_subject(grant)) {
        let issuing = (grant.issue != Issue::Operator).then_some(ISSUE_TOOL);
        let tools = grant.tools.iter().map(String::as_str).chain(issuing);
        for (tool, name) in tools.filter_map(|tool| listed.find(tool)) {
            if !selector.selects(tool) || !reaches(grant, selector, tool) {
                continue;
            }
            let message = format!("a requirement is broken: a grant lets `{}` call `{}`", grant.subject, tool.name);
            let mut diagnostic =
                Diagnostic::new(Code::RequireNever, &draft.span, message, "excluded here").also(name, "the tool");
            if let Some(grant) = places.get(at) {
                diagnostic = diagnostic.also(grant, "the grant");
            }
            let fix = match tool.name.as_str() {
                ISSUE_TOOL => "write `issue = \"operator\"` in the grant".to_owned(),
                name => format!("remove `{name}` from the grant"),
            };
            let help = format!("{fix} (the requirement says: {})", quote(&draft.require.why));
            faults.push(diagnostic.help(help));
        }
    }
}

impl Selector {
    /// Whether a tool is one of those that a requirement speaks of.
    #[must_use]
    pub fn selects(&self, tool: &Tool) -> bool {
        let Self { tools, labels, effect, credentials, host } = self;
        (tools.is_empty() || tools.contains(&tool.name))
            && labels.iter().all(|label| has(tool, label))
            && effect.is_none_or(|effect| effect == tool.effect)
            && credentials.is_none_or(|credentials| credentials == sends_credential(tool))
            && host.as_ref().is_none_or(|host| is_foreign(tool) || tool.egress.iter().any(|egress| meet(&egress.host, host)))
    }
}

const fn sends_credential(tool: &Tool) -> bool {
    match &tool.kind {
        ToolKind::Rest(rest) => rest.auth.is_some(),
        ToolKind::Builtin(_) => false,
        ToolKind::Upstream(proxied) => proxied.secrets,
    }
}

/// Whether another program performs it, which may reach any host.
const fn is_foreign(tool: &Tool) -> bool {
    match &tool.kind {
        ToolKind::Builtin(_) | ToolKind::Rest(_) => false,
        ToolKind::Upstream(_) => true,
    }
}

/// Whether leases of the grant can name a host of the tool that the selector means. Tools without network need none.
fn reaches(grant: &Grant, selector: &Selector, tool: &Tool) -> bool {
    let meant = |host: &HostRule| selector.host.as_ref().is_none_or(|wanted| meet(host, wanted));
    tool.egress.is_empty()
        || tool.egress.iter().any(|egress| meant(&egress.host) && grant.domains.contains(&written(&egress.host)))
}

/// What a tool lacks, and what to do about it.
struct Lack {
    what: String,
    help: String,
    /// The grant that is to blame, by its number.
    grant: Option<usize>,
}

fn lack(property: &Property, tool: &Tool, policy: &Policy) -> Option<Lack> {
    let own = |missing: bool, what: String, help: String| missing.then_some(Lack { what, help, grant: None });
    match property {
        Property::Approval => own(
            tool.approval != Some(Approval::Human),
            "runs without approval".to_owned(),
            "add `approval = \"human\"` to the tool".to_owned(),
        ),
        Property::ExactHosts if is_foreign(tool) => own(
            true,
            "is performed by another program, whose hosts are not bounded".to_owned(),
            "leave tools of upstreams out of this requirement".to_owned(),
        ),
        Property::ExactHosts => {
            let wide = tool.egress.iter().find(|egress| !matches!(egress.host, HostRule::Exact(_)))?;
            own(true, format!("reaches `{}`, not only hosts named exactly", written(&wide.host)), "name the hosts".to_owned())
        }
        Property::Quota => own(
            tool.quota == Quota::default(),
            "has no limit of its own".to_owned(),
            "add `limits = { rate = \"60/1m\" }` to the tool".to_owned(),
        ),
        Property::Provenance => {
            let traced = |name: &str| tool.origins.iter().any(|origin| origin.arg == name);
            let arg = texts(tool).into_iter().find(|name| !traced(name))?;
            own(true, format!("takes `{arg}` from anywhere"), format!("add `from = [\"intent\", \"structured\"]` to `{arg}`"))
        }
        Property::MaxRiskThreshold(most) => own(
            tool.risk_threshold > *most,
            format!("denies at risk {} and not at {}", risk(tool.risk_threshold), risk(*most)),
            format!("set `risk_threshold` to at most {}", risk(*most)),
        ),
        Property::Labels(labels) => {
            let missing = labels.iter().find(|label| !has(tool, label))?;
            own(true, format!("lacks the label `{missing}`"), format!("add `{missing}` to its `labels`"))
        }
        Property::Issue(way) => {
            let (at, grant) = granted(policy, tool).find(|(_, grant)| strictness(grant.issue) < strictness(*way))?;
            let what = format!("is issued to `{}` as `{}`", grant.subject, issue_word(grant.issue));
            Some(Lack { what, help: format!("write `issue = \"{}\"` in the grant", issue_word(*way)), grant: Some(at) })
        }
        Property::MaxTtl(most) => {
            let (at, grant) = granted(policy, tool).find(|(_, grant)| grant.max_ttl > *most)?;
            let what = format!("is granted to `{}` for {}", grant.subject, duration(grant.max_ttl));
            let help = format!("set `max_ttl` of the grant to at most \"{}\"", duration(*most));
            Some(Lack { what, help, grant: Some(at) })
        }
    }
}

/// Arguments of a tool that are texts, or lists of them.
fn texts(tool: &Tool) -> Vec<&str> {
    match &tool.kind {
        ToolKind::Rest(rest) => {
            let is_text = |input: &&Input| matches!(input.kind, InputKind::String | InputKind::Array);
            rest.input.iter().filter(is_text).map(|input| input.name.as_str()).collect()
        }
        ToolKind::Builtin(_) => {
            let args = builtin::find(&tool.name).map_or(&[][..], |facts| facts.args);
            let is_text = |kind: &ArgKind| matches!(kind, ArgKind::Text | ArgKind::Url | ArgKind::List);
            args.iter().filter(|(_, kind)| is_text(kind)).map(|(name, _)| *name).collect()
        }
        ToolKind::Upstream(proxied) => {
            let is_text = |argument: &&Argument| match argument.kind {
                ArgumentKind::Text | ArgumentKind::List | ArgumentKind::Other => true,
                ArgumentKind::Integer(..) | ArgumentKind::Number | ArgumentKind::Boolean => false,
            };
            proxied.arguments.iter().filter(is_text).map(|argument| argument.name.as_str()).collect()
        }
    }
}

fn granted<'p>(policy: &'p Policy, tool: &'p Tool) -> impl Iterator<Item = (usize, &'p Grant)> {
    policy.grants.iter().enumerate().filter(|(_, grant)| grant.tools.contains(&tool.name))
}

/// The more, the stricter.
const fn strictness(issue: Issue) -> u8 {
    match issue {
        Issue::SelfService => 0,
        Issue::Human => 1,
        Issue::Operator => 2,
    }
}

/// As the manifest writes it.
pub(super) const fn issue_word(issue: Issue) -> &'static str {
    match issue {
        Issue::SelfService => "self",
        Issue::Human => "human",
        Issue::Operator => "operator",
    }
}
