//! A witness as calls that a gateway judges, one after the other, with leases that say what the witness says.

use crate::cases::{Carrier, Expect, Terms};
use crate::judge::{Asked, Judge, Lease, Request, Ruling, Sitting, look};
use airlock_policy::authority::{self, Case, IssueCall, Past, Place, Verdict, When};
use airlock_policy::ir::{ArgRule, Form, Issue, Policy, Rate};
use airlock_runtime::clock::Micros;
use airlock_runtime::lease::entry_within;
use airlock_runtime::limits::RISK_MAX;
use airlock_runtime::memory::Sightings;
use airlock_runtime::policy::origin::{Source, Sources};
use airlock_runtime::reason::Reason;
use airlock_runtime::trial::Supposed;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The tool that issues leases.
const ISSUE_TOOL: &str = "airlock_issue_capability";
/// When the first call is made, unix seconds: a result never depends on when it is asked for.
const NOW_S: u64 = 1_767_225_600;
/// Most calls of one witness: a second or two. Larger quotas are compared, and their calls not made.
const CALLS_MAX: u64 = 20_000;
/// Session of calls whose witness names none.
const SESSION: &str = "case";
/// Intent of calls whose witness names none.
const INTENT: &str = "Judge this call.";
/// Seconds that a session outlives its leases, less one for the time of the call itself.
const LINGERS_S: u64 = 29;

/// What a gateway says to a witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) verdict: Verdict,
    /// Code and sentence of a refusal, or why the user is asked.
    pub(super) why: String,
}

/// What is the same for the calls of a witness under both policies.
#[derive(Debug)]
pub(super) struct Setting {
    session: String,
    intent: String,
    /// Seconds between calls that are so far apart that no rate counts two of them together.
    gap: u64,
    /// Life of the leases of a session whose calls are apart.
    life: Option<u64>,
}

/// The arguments of a case as they are sent.
pub(super) type Sent<'a> = &'a dyn Fn(&Case) -> Map<String, Value>;

impl Setting {
    pub(super) fn of(policies: [&Policy; 2], case: &Case) -> Self {
        let calls = || case.earlier.iter().map(|past| &past.call).chain([case]);
        let issue = calls().find_map(|call| call.issue.as_ref());
        let periods = policies.iter().flat_map(|policy| {
            let quotas = [&policy.limits.quota].into_iter().chain(policy.tools.iter().map(|tool| &tool.quota));
            quotas.flat_map(|quota| [quota.rate, quota.session_rate]).flatten()
        });
        let gap = periods.map(|Rate { calls: _, seconds }| u64::from(seconds) + 1).max().unwrap_or(0);
        let apart = |past: &Past| past.when == When::Apart && past.same_session;
        Self {
            session: issue.map_or_else(|| SESSION.to_owned(), |issue| issue.session_id.clone()),
            intent: issue.map_or_else(|| INTENT.to_owned(), |issue| issue.intent.clone()),
            gap,
            life: case.earlier.iter().any(apart).then(|| longest(policies, &calls().collect::<Vec<_>>())).flatten(),
        }
    }

    /// Whether a session may end between two calls that are apart: then the gateway counts its calls anew.
    pub(super) fn is_torn(&self) -> bool {
        self.life.is_some_and(|life| self.gap > life.saturating_add(LINGERS_S))
    }
}

/// The longest life of a lease that both policies allow for each of these calls.
fn longest(policies: [&Policy; 2], calls: &[&Case]) -> Option<u64> {
    let lives: BTreeSet<u64> = policies.iter().flat_map(|policy| &policy.grants).map(|grant| grant.max_ttl).collect();
    let allowed = |life: u64, policy: &Policy, call: &Case| {
        let call = authority::decided(policy, &Case { ttl: life, at: 0, earlier: Vec::new(), ..call.clone() });
        authority::verdict(policy, &call) > Verdict::Deny
    };
    let all = |life: &u64| calls.iter().all(|call| policies.iter().all(|policy| allowed(*life, policy, call)));
    lives.into_iter().rev().find(all).or_else(|| calls.first().map(|call| call.ttl))
}

/// What the gateway of a policy says to a witness: the freest of what it says to the ways in which the caller can obtain the lease.
///
/// # Errors
/// Why the calls cannot be made.
pub(super) fn play(judge: &Judge<'_>, case: &Case, setting: &Setting, sent: Sent<'_>) -> Result<Said, String> {
    let calls = case.earlier.iter().fold(1u64, |sum, past| sum.saturating_add(past.times));
    if calls > CALLS_MAX {
        return Err(format!("{calls} calls are more than are made for one row, which are {CALLS_MAX}"));
    }
    let Some(issue) = case.issue.as_ref().filter(|_| case.tool != ISSUE_TOOL) else {
        return run(judge, case, setting, sent, None);
    };
    let mut best: Option<Said> = None;
    for way in ways(judge.policy, case) {
        let said = run(judge, case, setting, sent, Some((issue, &way)))?;
        if best.as_ref().is_none_or(|best| said.verdict > best.verdict) {
            best = Some(said);
        }
    }
    best.ok_or_else(|| "there is no way to ask for such a lease".to_owned())
}

/// What a caller says of the lease that it asks for.
#[derive(Debug, Clone, Default)]
struct Way {
    ttl: Option<u64>,
    constraints: Option<Value>,
    /// Tools beside the one that is called.
    tools: Vec<String>,
}

/// Ways to ask for a lease that is good for the call: exactly that, what the gateway fills in, or all that one grant gives, which no earlier
/// one may.
fn ways(policy: &Policy, case: &Case) -> Vec<Way> {
    let rules = policy.tools.iter().find(|tool| tool.name == ISSUE_TOOL).map_or(&[][..], |tool| &tool.args);
    let bounds =
        rules.iter().filter(|rules| rules.arg == "ttl_seconds").flat_map(|rules| &rules.rules).filter_map(|rule| {
            if let ArgRule::Min(bound) | ArgRule::Max(bound) = rule { u64::try_from(*bound).ok() } else { None }
        });
    let granted = || policy.grants.iter().filter(|grant| grant.subject == case.subject);
    let lives: BTreeSet<u64> =
        bounds.chain(granted().map(|grant| grant.max_ttl)).chain([case.ttl]).filter(|life| *life >= case.ttl).collect();
    let terms = |domains: &[String], risk: u16, uses: u64| json!({"domains": domains, "max_risk": f64::from(risk) / f64::from(RISK_MAX), "uses": uses});
    let exactly = terms(&domains(case), ceiling(policy, case), case.uses);
    let whole = granted().map(|grant| {
        let tools: Vec<String> = grant.tools.iter().filter(|tool| **tool != case.tool).cloned().collect();
        (Some(terms(&grant.domains, grant.max_risk, grant.uses)), tools)
    });
    let asked: Vec<(Option<Value>, Vec<String>)> =
        [(Some(exactly), Vec::new()), (None, Vec::new())].into_iter().chain(whole).collect();
    let lives = lives.into_iter().map(Some).chain([None]);
    lives
        .flat_map(|ttl| asked.iter().map(move |(constraints, tools)| (ttl, constraints.clone(), tools.clone())))
        .map(|(ttl, constraints, tools)| Way { ttl, constraints, tools })
        .collect()
}

/// The calls in their order, up to the first that is refused.
fn run(
    judge: &Judge<'_>,
    case: &Case,
    setting: &Setting,
    sent: Sent<'_>,
    issue: Option<(&IssueCall, &Way)>,
) -> Result<Said, String> {
    let mut play = Play { judge, sitting: judge.sitting(), setting, sent, now: NOW_S, start: None, others: 0 };
    for past in &case.earlier {
        for _ in 0..past.times {
            let now = play.at(past.when);
            let session = play.session(past.same_session);
            let ruling = play.call(&past.call, &session, now)?;
            let is_fixed = !past.same_session && past.call.tool == ISSUE_TOOL && matches!(ruling.reason, Reason::Argument(_));
            if is_fixed {
                return Err("the rules of the issuing tool may name one session alone".to_owned());
            }
            if ruling.verdict == Expect::Deny {
                return said(&ruling);
            }
        }
    }
    let (now, session) = (play.at(When::At(case.at)), play.session(true));
    let Some((issue, way)) = issue else { return said(&play.call(case, &session, now)?) };
    let mut asked = play.obtain(case, issue, (&case.tool, way), &session, now, false);
    let first = asked.verdict;
    if first == Expect::Ask {
        asked = play.obtain(case, issue, (&case.tool, way), &session, now, true);
    }
    let Some(claims) = &asked.issued else { return said(&asked) };
    let needs = ceiling(judge.policy, case);
    let hosts = case.targets.iter().all(|target| claims.dom.iter().any(|entry| entry_within(&target.host, entry)));
    let life = claims.exp.saturating_sub(claims.iat);
    if life < case.ttl || claims.uses < case.uses || claims.risk < needs || !hosts {
        return Ok(Said { verdict: Verdict::Deny, why: "the lease that is issued is not good for the call".to_owned() });
    }
    let ruling = said(&play.call(case, &session, now)?)?;
    let verdict = ruling.verdict.min(of(first));
    Ok(Said { verdict, why: ruling.why })
}

struct Play<'a> {
    judge: &'a Judge<'a>,
    sitting: Sitting<'a>,
    setting: &'a Setting,
    sent: Sent<'a>,
    now: u64,
    /// Second 0 of calls that have a time.
    start: Option<u64>,
    /// Sessions beside that of the witness.
    others: u64,
}

impl Play<'_> {
    fn at(&mut self, when: When) -> Micros {
        let gap = self.setting.gap;
        self.now = match when {
            When::Apart => self.now.saturating_add(gap),
            When::At(second) => self.start.get_or_insert(self.now.saturating_add(gap)).saturating_add(second),
        };
        Micros(self.now.saturating_mul(1_000_000))
    }

    fn session(&mut self, same: bool) -> String {
        if same {
            return self.setting.session.clone();
        }
        self.others += 1;
        format!("{}-{}", self.setting.session, self.others)
    }

    /// A call; where the user is asked, the answer is yes, which counts for the calls after it.
    fn call(&mut self, case: &Case, session: &str, now: Micros) -> Result<Ruling, String> {
        if case.tool == ISSUE_TOOL {
            return self.issue(case, session, now);
        }
        let lease = self.lease(case, session, now)?;
        let (args, intent) = ((self.sent)(case), self.setting.intent.clone());
        let carrier = carrier(case);
        let request = Request { tool: &case.tool, args: &args, lease: Some(&lease), carrier, session, intent: &intent };
        self.sitting.suppose(supposed(self.judge.policy, case, &case.risk));
        Ok(self.answered(&request, now))
    }

    fn answered(&mut self, request: &Request<'_>, now: Micros) -> Ruling {
        let ruling = self.sitting.call(request, now, false);
        match ruling.verdict {
            Expect::Allow | Expect::Deny => ruling,
            Expect::Ask => Some(self.sitting.call(request, now, true)).filter(|it| it.verdict == Expect::Deny).unwrap_or(ruling),
        }
    }

    /// A call of the issuing tool: for some tool of some grant of the subject, since the witness names none.
    fn issue(&mut self, case: &Case, session: &str, now: Micros) -> Result<Ruling, String> {
        let issue = case.issue.as_ref().ok_or("a call of the issuing tool that says nothing of the lease")?;
        let of_subject = self.judge.policy.grants.iter().filter(|grant| grant.subject == case.subject);
        let tools: BTreeSet<String> =
            of_subject.filter(|grant| grant.issue != Issue::Operator).flat_map(|grant| grant.tools.iter().cloned()).collect();
        let tools = if tools.is_empty() { BTreeSet::from([ISSUE_TOOL.to_owned()]) } else { tools };
        let ways: Vec<Way> = ways(self.judge.policy, case).into_iter().filter(|way| way.constraints.is_none()).collect();
        let mut refused = None;
        let mut asks = None;
        for tool in &tools {
            for way in &ways {
                let ruling = self.obtain(case, issue, (tool, way), session, now, false);
                match ruling.verdict {
                    Expect::Allow => return Ok(ruling),
                    Expect::Ask => asks = asks.or(Some((tool, way, ruling))),
                    Expect::Deny => refused = refused.or(Some(ruling)),
                }
            }
        }
        let Some((tool, way, ruling)) = asks else {
            return refused.ok_or_else(|| "there is no way to ask for such a lease".to_owned());
        };
        let accepted = self.obtain(case, issue, (tool, way), session, now, true);
        Ok(if accepted.verdict == Expect::Deny { accepted } else { ruling })
    }

    /// Asks for a lease for one tool.
    fn obtain(
        &mut self,
        case: &Case,
        issue: &IssueCall,
        (tool, way): (&str, &Way),
        session: &str,
        now: Micros,
        accepted: bool,
    ) -> Ruling {
        let mut args = Map::from_iter([
            ("session_id".to_owned(), json!(session)),
            ("subject".to_owned(), json!(case.subject)),
            ("intent".to_owned(), json!(issue.intent)),
            ("tools".to_owned(), json!([&[tool.to_owned()], way.tools.as_slice()].concat())),
        ]);
        args.extend(way.ttl.map(|ttl| ("ttl_seconds".to_owned(), json!(ttl))));
        args.extend(way.constraints.clone().map(|constraints| ("constraints".to_owned(), constraints)));
        let intent = self.setting.intent.clone();
        let (lease, carrier) = (None, Carrier::Meta);
        let request = Request { tool: ISSUE_TOOL, args: &args, lease, carrier, session, intent: &intent };
        self.sitting.suppose(supposed(self.judge.policy, case, &issue.risk));
        self.sitting.call(&request, now, accepted)
    }

    fn lease(&self, case: &Case, session: &str, now: Micros) -> Result<Lease, String> {
        let terms = Terms {
            tools: Some(vec![case.tool.clone()]),
            domains: Some(domains(case)),
            max_risk_thousandths: Some(ceiling(self.judge.policy, case)),
            uses: Some(case.uses),
            ttl_seconds: Some(self.setting.life.unwrap_or(case.ttl)),
            key: Some(case.key.kid.clone()),
            carrier: None,
        };
        let tools = BTreeSet::new();
        let intent = self.setting.intent.as_str();
        let asked = Asked { subject: &case.subject, tools: &tools, terms: &terms, session, intent };
        self.judge.lease_of_anybody(&asked, now).map_err(|failure| format!("no lease can say this: {failure}"))
    }
}

const fn carrier(case: &Case) -> Carrier {
    match case.carrier {
        authority::Carrier::Meta => Carrier::Meta,
        authority::Carrier::Arguments => Carrier::Arguments,
        authority::Carrier::Ambient => Carrier::Ambient,
    }
}

fn domains(case: &Case) -> Vec<String> {
    case.targets.iter().map(|target| target.host.clone()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The least risk ceiling under which a policy lets the call through: its base, and what counts of its risk.
fn ceiling(policy: &Policy, case: &Case) -> u16 {
    let Some(tool) = policy.tools.iter().find(|tool| tool.name == case.tool) else { return RISK_MAX };
    let counts = |name: &String| tool.ignored.iter().all(|ignored| ignored.factor != *name);
    let counted = case.risk.iter().filter(|(name, _)| counts(name)).map(|(_, points)| *points);
    counted.fold(tool.base_risk, u16::saturating_add).min(RISK_MAX)
}

/// What the witness says beyond the text of the call.
fn supposed(policy: &Policy, case: &Case, risk: &std::collections::BTreeMap<String, u16>) -> Supposed {
    let signed = policy.approvers.iter().filter(|approver| case.signed.contains(&approver.key));
    let trusts = |tool: &Option<String>| {
        let tool = tool.as_ref().and_then(|name| policy.tools.iter().find(|tool| tool.name == *name));
        if tool.is_some_and(|tool| tool.trusted) { vec![Source::Trusted] } else { Vec::new() }
    };
    let form = |tool: &Option<String>| {
        let tool = tool.as_ref().and_then(|name| policy.tools.iter().find(|tool| tool.name == *name));
        tool.map_or_else(Form::default, |tool| tool.result)
    };
    let member = |is_one: bool| if is_one { vec![Source::Structured, Source::Text] } else { vec![Source::Text] };
    // As the gateway learns a result: everything in it is text, and what stands alone a member.
    let sources = |place: &Place| match place {
        Place::Nowhere => Vec::new(),
        Place::Intent => vec![Source::Intent],
        Place::Structured(tool) => [member(form(tool) != Form::Text), trusts(tool)].concat(),
        Place::Printed(tool, printed) => [member(form(tool) == *printed), trusts(tool)].concat(),
        Place::Screened(tool) => [vec![Source::Screened, Source::Text], trusts(tool)].concat(),
        Place::Text(tool) => [vec![Source::Text], trusts(tool)].concat(),
    };
    let seen = case.seen.iter().map(|(arg, spotted)| (arg.clone(), (look(spotted.look), Sources::of(&sources(&spotted.place)))));
    Supposed {
        risk: Some(risk.iter().map(|(name, points)| (name.clone(), *points)).collect()),
        seen: Some(Sightings(seen.collect())),
        signed: Some(signed.map(|approver| approver.name.clone()).collect()),
    }
}

const fn of(verdict: Expect) -> Verdict {
    match verdict {
        Expect::Allow => Verdict::Allow,
        Expect::Ask => Verdict::Ask,
        Expect::Deny => Verdict::Deny,
    }
}

/// # Errors
/// A bound of the gateway itself stops the call, of which no policy speaks.
fn said(ruling: &Ruling) -> Result<Said, String> {
    let code = ruling.reason.code();
    if matches!(ruling.reason, Reason::TooManyLeases | Reason::TooManySessions | Reason::SessionTooWide | Reason::ReplayCacheFull)
    {
        return Err(format!("a bound of every gateway stops the calls before: {code}"));
    }
    let why = match ruling.verdict {
        Expect::Allow => String::new(),
        Expect::Ask => ruling.because.join("; "),
        Expect::Deny => format!("{code}: {}", ruling.reason.detail()),
    };
    Ok(Said { verdict: of(ruling.verdict), why })
}
