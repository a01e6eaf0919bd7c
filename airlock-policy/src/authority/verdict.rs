//! The meaning of a policy: what becomes of one call.
//!
//! These are the rules of the gateway's decision, without the parts that no manifest changes (signatures, revocations).

use super::case::{Carrier, Case, IssueCall, Passed, Past, SigningKey, Value, Verdict, When};
use super::face::{self, Alphabet, Field, InPath, Kind, Own, Part, Where};
use super::session::{Run, Session};
use super::texts::Patterns;
use super::values::{Values, rules};
use super::{foreign, origins, places, risks, signatures};
use crate::builtin::ISSUE_TOOL;
use crate::ir::{Approval, ArgRule, Grant, HostRule, Issue, Policy, Tool, ToolKind};
use crate::limits::RISK_MAX;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// Longest string of a lease, in bytes.
const LEASE_TEXT_MAX: usize = 256;

/// What becomes of a call under a policy.
///
/// Tables of patterns are made for each question; whoever asks often uses a [`Judge`].
#[must_use]
pub fn verdict(policy: &Policy, case: &Case) -> Verdict {
    Judge::of(policy).verdict(case)
}

/// A policy, ready for many questions.
#[derive(Debug)]
pub struct Judge<'p> {
    pub(super) policy: &'p Policy,
    pub(super) patterns: Rc<Patterns>,
    tools: HashMap<&'p str, &'p Tool>,
    grants: HashMap<&'p str, Vec<&'p Grant>>,
}

impl<'p> Judge<'p> {
    /// Prepares a policy.
    #[must_use]
    pub fn of(policy: &'p Policy) -> Self {
        Self::with(policy, Rc::default())
    }

    /// The same with the tables of another one, so that none is made twice.
    pub(super) fn beside(&self, policy: &'p Policy) -> Self {
        Self::with(policy, Rc::clone(&self.patterns))
    }

    fn with(policy: &'p Policy, patterns: Rc<Patterns>) -> Self {
        let mut grants: HashMap<&str, Vec<&Grant>> = HashMap::new();
        for grant in &policy.grants {
            grants.entry(&grant.subject).or_default().push(grant);
        }
        let tools = policy.tools.iter().map(|tool| (tool.name.as_str(), tool)).collect();
        Self { policy, patterns, tools, grants }
    }

    pub(super) fn tool(&self, name: &str) -> Option<&'p Tool> {
        self.tools.get(name).copied()
    }

    /// Grants of a subject, in the order of the manifest.
    pub(super) fn grants(&self, subject: &str) -> &[&'p Grant] {
        self.grants.get(subject).map_or(&[], Vec::as_slice)
    }

    /// What becomes of a call.
    #[must_use]
    pub fn verdict(&self, case: &Case) -> Verdict {
        let mut session = Session::default();
        if !in_order(case) {
            return Verdict::Deny;
        }
        for Past { call, times, when, same_session } in &case.earlier {
            let Some(tool) = self.tool(&call.tool).filter(|_| call.earlier.is_empty()) else {
                return Verdict::Deny;
            };
            let run = Run { tool: &tool.name, times: *times, when: *when, same_session: *same_session };
            if self.alone(call).min(self.after(&session, call, tool, run)) == Verdict::Deny {
                return Verdict::Deny;
            }
            session.add(run, self.labels(call, tool));
        }
        let Some(tool) = self.tool(&case.tool) else { return Verdict::Deny };
        let run = Run { tool: &tool.name, times: 1, when: When::At(case.at), same_session: true };
        match self.alone(case).min(self.after(&session, case, tool, run)) {
            Verdict::Ask if self.policy.limits.step_ups.is_some_and(|most| case.questions >= most) => Verdict::Deny,
            verdict @ (Verdict::Allow | Verdict::Ask | Verdict::Deny) => verdict,
        }
    }

    /// What flows and quotas say of calls after others.
    fn after(&self, session: &Session<'p>, case: &Case, tool: &'p Tool, run: Run<'p>) -> Verdict {
        if !session.within_quotas(self.policy, tool, run) {
            return Verdict::Deny;
        }
        let fresh = Session::default();
        let mut session = if run.same_session { session.labels() } else { fresh.labels() };
        let issuing = case.issue.as_ref().and_then(|_| self.tool(ISSUE_TOOL));
        // A lease is issued in the session that it is for.
        let issued = issuing.filter(|_| case.tool != ISSUE_TOOL).map_or(Verdict::Allow, |issuing| {
            let verdict = flows(self.policy, &session, issuing);
            session.extend(issuing.labels.iter().map(String::as_str));
            verdict
        });
        issued.min(flows(self.policy, &session, tool))
    }

    /// Labels that calls leave in the session.
    fn labels(&self, case: &Case, tool: &'p Tool) -> impl Iterator<Item = &'p str> + use<'p> {
        let issuing = case.issue.as_ref().and_then(|_| self.tool(ISSUE_TOOL));
        tool.labels.iter().chain(issuing.into_iter().flat_map(|tool| &tool.labels)).map(String::as_str)
    }

    /// What becomes of a call that nothing came before.
    fn alone(&self, case: &Case) -> Verdict {
        let Some(tool) = self.tool(&case.tool) else { return Verdict::Deny };
        let grants = self.grants(&case.subject);
        if tool.name == ISSUE_TOOL {
            let Some(call) = &case.issue else { return Verdict::Deny };
            let issuable =
                |grant: &&&Grant| self.life_when_asked(grant).is_some() && grant.tools.iter().any(|tool| self.issuable(tool));
            let lives = grants.iter().filter(issuable).map(|grant| consent(grant.issue));
            return lives.max().unwrap_or(Verdict::Deny).min(self.issues(&case.subject, call));
        }
        if !self.accepts_key(&case.key) || !self.accepts_carrier(case.carrier) {
            return Verdict::Deny;
        }
        let granted = grants.iter().map(|grant| self.granted(tool, grant, case)).max().unwrap_or(Verdict::Deny);
        let sent = granted > Verdict::Deny
            && self.sends(tool, case)
            && self.requested(tool, case)
            && self.arguments(tool, case)
            && signatures::suffice(self.policy, tool, &case.signed);
        if sent { granted.min(asked(tool)).min(origins::verdict(self, tool, case)) } else { Verdict::Deny }
    }

    /// Whether one grant covers the lease that the case needs, and whether a person has to agree to it.
    fn granted(&self, tool: &Tool, grant: &Grant, case: &Case) -> Verdict {
        let covered = grant.subject == case.subject
            && case.uses <= grant.uses
            && grant.tools.contains(&case.tool)
            && risks::highest(tool, grant.max_risk).is_some_and(|most| risks::counted(tool, &case.risk) <= most)
            && case.targets.iter().all(|target| grants_host(grant, &HostRule::Exact(target.host.clone())));
        if !covered {
            return Verdict::Deny;
        }
        let (life, had) = match &case.issue {
            None => (Some(grant.max_ttl), Verdict::Allow),
            Some(_) if !self.issuable(&case.tool) => (None, Verdict::Deny),
            Some(call) => (self.life_when_asked(grant), self.issues(&grant.subject, call).min(consent(grant.issue))),
        };
        if life.is_some_and(|life| case.ttl <= life) { had } else { Verdict::Deny }
    }

    pub(super) fn accepts_key(&self, key: &SigningKey) -> bool {
        let keys = &self.policy.keys;
        keys.iter().any(|known| known.kid == key.kid && known.commitment.as_ref().is_none_or(|pin| *pin == key.commitment))
    }

    pub(super) const fn accepts_carrier(&self, carrier: Carrier) -> bool {
        match carrier {
            Carrier::Meta => self.policy.lease.carrier_meta,
            Carrier::Arguments => self.policy.lease.carrier_arguments,
            Carrier::Ambient => self.policy.lease.carrier_ambient,
        }
    }

    /// The longest life that a caller obtains under a grant through the issuing tool: the longest it may ask for, or what it gets
    /// when it asks for none. A holder can shorten any lease, so shorter lives follow. Nothing where it obtains none under this grant.
    pub(super) fn life_when_asked(&self, grant: &Grant) -> Option<u64> {
        if grant.issue == Issue::Operator {
            return None;
        }
        let tool = self.tool(ISSUE_TOOL)?;
        let fields = face::fields(tool);
        let field = fields.iter().find(|field| field.name == "ttl_seconds")?;
        let values = Values::of(tool, field, &self.patterns);
        let (least, most) = values.range();
        let most = u64::try_from(most).unwrap_or(0).min(grant.max_ttl);
        let asked = (u64::try_from(least).unwrap_or(0) <= most && !values.forbidden()).then_some(most);
        let unasked = (!self.is_hidden(tool, grant)).then(|| self.policy.lease.default_ttl.min(grant.max_ttl));
        asked.max(unasked)
    }

    /// Whether a request that names no life comes under an earlier grant, whatever of this one it asks for: the gateway takes the first
    /// that covers it, and those without consent before the others.
    fn is_hidden(&self, issuing: &Tool, grant: &Grant) -> bool {
        let of_kind = |issue: Issue| self.grants(&grant.subject).iter().filter(move |other| other.issue == issue);
        let mut order = of_kind(Issue::SelfService).chain(of_kind(Issue::Human));
        let forbidden = rules(issuing, "constraints").contains(&ArgRule::Forbid);
        let covers = |other: &Grant| {
            let tools = grant.tools.iter().filter(|tool| self.issuable(tool)).all(|tool| other.tools.contains(tool));
            let hosts = grant.domains.iter().all(|host| grants_host(other, &places::entry(host)));
            tools && (forbidden || hosts && grant.max_risk <= other.max_risk && grant.uses <= other.uses)
        };
        let known = order.clone().any(|other| std::ptr::eq(*other, grant));
        known && order.by_ref().take_while(|other| !std::ptr::eq(**other, grant)).any(|other| covers(other))
    }

    /// What the issuing tool makes of the call that asks for the lease, whatever the grant.
    pub(super) fn issues(&self, subject: &str, call: &IssueCall) -> Verdict {
        let text = |arg: &str, value: &str| (arg.to_owned(), Value::Text(value.to_owned()));
        let passes = |tool: &Tool| {
            let args = [text("session_id", &call.session_id), text("subject", subject), text("intent", &call.intent)];
            self.admits(tool, &args.into())
                && risks::highest(tool, RISK_MAX).is_some_and(|most| risks::counted(tool, &call.risk) <= most)
        };
        self.tool(ISSUE_TOOL).filter(|tool| passes(tool)).map_or(Verdict::Deny, asked)
    }

    /// Whether the rules of the issuing tool let a lease name a tool.
    pub(super) fn issuable(&self, name: &str) -> bool {
        let own = Own { least: 1, most: LEASE_TEXT_MAX, items: face::ITEMS_MAX, alphabet: Alphabet::Any, path: InPath::No };
        self.tool(ISSUE_TOOL).is_some_and(|tool| {
            let values = Values { kind: Kind::List(own), rules: rules(tool, "tools"), patterns: &self.patterns };
            values.admits(&Value::List(vec![name.to_owned()]))
        })
    }

    /// Whether the arguments are ones that the tool and the gateway accept.
    fn arguments(&self, tool: &Tool, case: &Case) -> bool {
        let bytes = args_bytes(&case.args).saturating_add(case.more_bytes);
        case.more_bytes <= face::slack(tool) && bytes <= self.policy.limits.max_arguments && self.admits(tool, &case.args)
    }

    /// Whether the arguments are ones that the tool knows (or ignores) and its rules accept.
    fn admits(&self, tool: &Tool, args: &BTreeMap<String, Value>) -> bool {
        let fields = face::fields(tool);
        let admitted = |field: &Field<'_>| match args.get(field.name) {
            Some(value) => Values::of(tool, field, &self.patterns).admits(value),
            None => !field.required,
        };
        fields.iter().all(admitted)
            && (!tool.strict || args.keys().all(|name| fields.iter().any(|field| field.name == name)))
            && segments_whole(tool, args)
    }

    /// Whether the tool may send its requests to the targets of the case, and would.
    fn sends(&self, tool: &Tool, case: &Case) -> bool {
        let written = || case.targets.iter().map(|target| (target.host.as_str(), target.port));
        let sent = match (face::network(tool), case.args.get("url")) {
            (Where::Nowhere, _) => case.targets.is_empty(),
            (Where::Fixed(hosts), _) => written().eq(hosts.iter().map(|host| (*host, places::HTTPS))),
            (Where::One(host, port), _) => written().eq([(host, port)]),
            (Where::Chosen, Some(Value::Text(url))) => match &case.targets[..] {
                [target] => places::target_of(url).is_some_and(|(host, port)| host == target.host && port == target.port),
                _ => false,
            },
            (Where::Chosen, Some(Value::Integer(_) | Value::Real(_) | Value::Truth(_) | Value::List(_)) | None) => false,
        };
        let open = |target: &super::Target| {
            places::stand_in(tool, &HostRule::Exact(target.host.clone()), target.port) == Some(target.stand_in)
        };
        sent && case.targets.iter().all(open)
    }

    /// Whether the tool makes this request, and gives this part of the answer.
    fn requested(&self, tool: &Tool, case: &Case) -> bool {
        let (Some(sends), Some(request)) = (face::outside(self.policy, tool), &case.request) else {
            return face::outside(self.policy, tool).is_none() && case.request.is_none();
        };
        let given = match &tool.kind {
            ToolKind::Builtin(_) => false,
            ToolKind::Rest(rest) => {
                let response = &rest.response;
                let whole = request.answer_risk.is_none();
                whole && face::gives(&response.select, &request.reads) && request.answer_bytes <= response.max_bytes
            }
            ToolKind::Upstream(proxied) => {
                let passes = |(risk, passed): (u16, Passed)| foreign::passed(proxied, risk) >= passed;
                request.answer_bytes <= proxied.max_result && request.answer_risk.is_none_or(passes)
            }
        };
        given && sends == request.sends
    }
}

/// Whether what came before stands in the order of time.
fn in_order(case: &Case) -> bool {
    let time = |when: When| match when {
        When::Apart => None,
        When::At(time) => Some(time),
    };
    let times = case.earlier.iter().map(|past| time(past.when)).chain([Some(case.at)]);
    times.is_sorted()
}

/// Whether every segment of the path that is sent has a name: none is empty, `.` or `..` by its inputs.
fn segments_whole(tool: &Tool, args: &BTreeMap<String, Value>) -> bool {
    let Some(rest) = face::rest(tool) else { return true };
    let text = |part: &Part<'_>| match part {
        Part::Literal(text) => (*text).to_owned(),
        Part::Input(input) => match args.get(*input) {
            Some(Value::Text(text)) => text.clone(),
            Some(Value::Integer(number)) => number.to_string(),
            Some(Value::Truth(truth)) => truth.to_string(),
            Some(Value::Real(_) | Value::List(_)) | None => String::new(),
        },
    };
    let built = |parts: &Vec<Part<'_>>| parts.iter().any(|part| matches!(part, Part::Input(_)));
    let whole = |parts: &Vec<Part<'_>>| !matches!(parts.iter().map(text).collect::<String>().as_str(), "" | "." | "..");
    face::segments(&rest.path).iter().filter(|parts| built(parts)).all(whole)
}

/// What flows say of a call of a tool after calls with these labels.
pub(super) fn flows(policy: &Policy, session: &super::session::Labels<'_>, tool: &Tool) -> Verdict {
    let own = |label: &String| tool.labels.contains(label);
    let covered = |label: &String| own(label) || session.contains(label.as_str());
    let met = policy.flows.iter().filter(|flow| flow.labels.iter().any(own) && flow.labels.iter().all(covered));
    met.map(|flow| super::session::of_flow(flow.verdict)).min().unwrap_or(Verdict::Allow)
}

pub(super) fn grants_host(grant: &Grant, class: &HostRule) -> bool {
    grant.domains.iter().any(|entry| places::covers(&places::entry(entry), class))
}

/// Bytes of the arguments as canonical JSON.
pub(super) fn args_bytes(args: &BTreeMap<String, Value>) -> u64 {
    serde_json::to_string(args).map_or(u64::MAX, |text| text.len() as u64)
}

pub(super) const fn asked(tool: &Tool) -> Verdict {
    match tool.approval {
        Some(Approval::Human) => Verdict::Ask,
        None => Verdict::Allow,
    }
}

/// Whether a lease under such a grant is issued by the tool for the asking.
pub(super) const fn consent(issue: Issue) -> Verdict {
    match issue {
        Issue::Operator => Verdict::Deny,
        Issue::Human => Verdict::Ask,
        Issue::SelfService => Verdict::Allow,
    }
}
