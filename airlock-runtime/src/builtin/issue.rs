//! `airlock_issue_capability`: a lease within a grant that says `self` or `human`.
//!
//! The caller needs no lease for this, so the grant alone bounds what it can obtain, and the first lease of a session fixes the
//! session's intent.

use super::{Definition, schema};
use crate::call::{ArgFault, Args};
use crate::clock::Micros;
use crate::decide::{covered, over};
use crate::json::json;
use crate::lease::{CAVEATS_MAX, LIST_MAX, RootClaims, intent_hash};
use crate::limits::RISK_MAX;
use crate::policy::{Grant, Issue, Policy};
use crate::reason::Reason;
use crate::wire::Annotations;
use serde_json::Value;

/// Longest session id or subject, in characters: a string of a lease block holds 256 bytes.
const NAME_MAX: usize = 128;
/// Longest intent accepted as an argument, in characters; the byte limit of an intent is checked when it is hashed.
const INTENT_MAX: usize = 8192;

/// Arguments of `airlock_issue_capability`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Session the lease is for.
    pub session_id: String,
    /// Who asks.
    pub subject: String,
    /// Tools, 1 to 32.
    pub tools: Vec<String>,
    /// The user's intent, as text.
    pub intent: String,
    /// Life in seconds; the manifest's default if absent.
    pub ttl_seconds: Option<u64>,
    /// Narrower than the grant, if present.
    pub constraints: Constraints,
}

/// What narrows a requested lease below its grant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Constraints {
    /// Hosts; those of the grant if absent.
    pub domains: Option<Vec<String>>,
    /// Risk ceiling, thousandths.
    pub max_risk: Option<u16>,
    /// Number of calls.
    pub uses: Option<u64>,
}

impl Request {
    /// # Errors
    /// The first argument that is missing, unknown, or of the wrong shape.
    pub fn parse(args: &Args) -> Result<Self, ArgFault> {
        schema::only(args, &["session_id", "subject", "tools", "intent", "ttl_seconds", "constraints"])?;
        let absent = || ArgFault { arg: "tools", problem: "is missing; send a list of tool names".to_owned() };
        Ok(Self {
            session_id: plain(schema::text(args, "session_id", 1..=NAME_MAX)?, "session_id")?,
            subject: plain(schema::text(args, "subject", 1..=NAME_MAX)?, "subject")?,
            tools: schema::texts("tools", args.get("tools").ok_or_else(absent)?, LIST_MAX)?,
            intent: schema::text(args, "intent", 1..=INTENT_MAX)?.to_owned(),
            ttl_seconds: schema::integer(args, "ttl_seconds", 1..=crate::limits::INTEGER_MAX)?,
            constraints: args.get("constraints").map(Constraints::parse).transpose()?.unwrap_or_default(),
        })
    }
}

impl Constraints {
    fn parse(value: &Value) -> Result<Self, ArgFault> {
        let fault = |problem: &str| ArgFault { arg: "constraints", problem: problem.to_owned() };
        let given = value.as_object().ok_or_else(|| fault("must be an object with domains, max_risk or uses"))?;
        schema::only(given, &["domains", "max_risk", "uses"])
            .map_err(|_| fault("may have domains, max_risk and uses, and nothing else"))?;
        Ok(Self {
            domains: given.get("domains").map(domains).transpose()?,
            max_risk: given.get("max_risk").map(risk).transpose()?,
            uses: schema::integer(given, "uses", 1..=crate::limits::INTEGER_MAX)
                .map_err(|_| fault("uses must be an integer from 1 up"))?,
        })
    }
}

/// The claims of the lease that the manifest allows for a request, and the grant: the first `self` grant that covers it, or else the
/// first `human` grant, whose lease the user must accept.
///
/// # Errors
/// `beyond_grant` with the bound that the request exceeds; `intent_invalid`.
pub fn within_grant(policy: &'static Policy, request: &Request, now: Micros) -> Result<(RootClaims, &'static Grant), Reason> {
    let ih = intent_hash(&request.intent).map_err(Reason::Intent)?;
    let refused = |bound: String| Reason::BeyondGrant { subject: request.subject.clone(), bound };
    let mut first = None;
    let of_subject = |issue| policy.grants.iter().filter(move |grant| grant.subject == request.subject && grant.issue == issue);
    for grant in of_subject(Issue::SelfService).chain(of_subject(Issue::Human)) {
        match claims(policy, grant, request, ih, now) {
            Ok(claims) => return Ok((claims, grant)),
            Err(bound) => first = first.or(Some(bound)),
        }
    }
    Err(refused(first.unwrap_or_else(|| "the manifest has no grant by which this subject may issue itself a lease".into())))
}

/// The claims under one grant, or the bound that the request exceeds.
fn claims(policy: &Policy, grant: &Grant, request: &Request, ih: [u8; 32], now: Micros) -> Result<RootClaims, String> {
    if let Some(tool) = request.tools.iter().find(|tool| !grant.tools.contains(&tool.as_str())) {
        return Err(format!("the grant names only the tools {}, not {}", grant.tools.join(", "), shown(tool)));
    }
    let Constraints { domains, max_risk, uses } = &request.constraints;
    let dom = domains.clone().unwrap_or_else(|| domains_of(policy, grant, &request.tools));
    if let Some(host) = dom.iter().find(|host| !covered(grant.domains, host)) {
        return Err(format!("the grant does not name the host {}", shown(host)));
    }
    if dom.len() > LIST_MAX {
        let tools = "the hosts of these tools are more than one lease can name";
        return Err(format!("{tools}: name at most {LIST_MAX} in constraints.domains"));
    }
    let ttl = request.ttl_seconds.unwrap_or(policy.lease.default_ttl.min(grant.max_ttl));
    let (risk, uses) = (max_risk.unwrap_or(grant.max_risk), uses.unwrap_or(grant.uses));
    if let Some(bound) = over(grant, ttl, risk, uses) {
        return Err(bound);
    }
    let iat = now.seconds();
    Ok(RootClaims {
        sub: request.subject.clone(),
        sid: request.session_id.clone(),
        ih,
        tools: request.tools.clone(),
        dom,
        risk,
        uses,
        dep: CAVEATS_MAX as u64,
        ep: 0,
        iat,
        nbf: iat,
        exp: iat.saturating_add(ttl),
    })
}

/// The hosts of the grant that the requested tools can reach: no more than they need.
fn domains_of(policy: &Policy, grant: &Grant, tools: &[String]) -> Vec<String> {
    let reach = |host: &str| {
        let listed = policy.tools.iter().filter(|tool| tools.iter().any(|name| name == tool.name));
        listed.flat_map(|tool| tool.egress).any(|entry| entry.host.entry() == host)
    };
    grant.domains.iter().filter(|host| reach(host)).map(|host| (*host).to_owned()).collect()
}

/// A name from the caller, safe to show: names of tools and hosts are printable ASCII without quotes.
fn shown(name: &str) -> String {
    if name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-*:".contains(&b)) {
        name.to_owned()
    } else {
        "that was asked for".to_owned()
    }
}

/// A list of hosts, which may be empty: a lease without network.
fn domains(value: &Value) -> Result<Vec<String>, ArgFault> {
    if value.as_array().is_some_and(Vec::is_empty) {
        return Ok(Vec::new());
    }
    schema::texts("constraints", value, LIST_MAX).map_err(|_| ArgFault {
        arg: "constraints",
        problem: format!("domains must be a list of at most {LIST_MAX} different hosts"),
    })
}

/// A share of one with at most three decimals, as thousandths.
fn risk(value: &Value) -> Result<u16, ArgFault> {
    let scaled = value.as_f64().map(|share| share * f64::from(RISK_MAX)).unwrap_or(f64::NAN);
    (0..=RISK_MAX).find(|&thousandths| (scaled - f64::from(thousandths)).abs() < 1e-6).ok_or_else(|| ArgFault {
        arg: "constraints",
        problem: "max_risk must be a number from 0 to 1 with at most three decimals".into(),
    })
}

/// Names go into leases, ledger lines and reports: printable ASCII without spaces.
fn plain(text: &str, arg: &'static str) -> Result<String, ArgFault> {
    if text.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err(ArgFault { arg, problem: "must be printable ASCII without spaces".into() })
    }
}

/// `airlock_issue_capability`.
#[must_use]
pub fn definition() -> Definition {
    Definition {
        title: "Issue a capability lease",
        description: "Issues a short-lived capability lease for named tools, bound to one session and one intent, within the grants of \
                      this gateway's manifest. Send the lease, the session id and the same intent text with every later call.",
        input_schema: json!({"type": "object", "additionalProperties": false,
            "required": ["session_id", "subject", "tools", "intent"],
            "properties": {
                "session_id": {"type": "string", "minLength": 1, "maxLength": NAME_MAX, "description": "The session the lease is for."},
                "subject": {"type": "string", "minLength": 1, "maxLength": NAME_MAX, "description": "Who asks, as in a grant: agent:planner."},
                "tools": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": LIST_MAX, "uniqueItems": true,
                          "description": "Exact tool names."},
                "intent": {"type": "string", "minLength": 1, "maxLength": INTENT_MAX,
                           "description": "What the user asked for, in the user's words."},
                "ttl_seconds": {"type": "integer", "minimum": 1, "description": "Life of the lease."},
                "constraints": {"type": "object", "additionalProperties": false, "description": "Narrower than the grant.", "properties": {
                    "domains": {"type": "array", "items": {"type": "string"}, "maxItems": LIST_MAX},
                    "max_risk": {"type": "number", "minimum": 0, "maximum": 1},
                    "uses": {"type": "integer", "minimum": 1}}}}}),
        annotations: Annotations { read_only: false, destructive: false, idempotent: false, open_world: false },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(value: Value) -> Result<Request, ArgFault> {
        Request::parse(&value.as_object().cloned().unwrap())
    }

    fn base() -> Value {
        json!({"session_id": "s1", "subject": "agent:planner", "tools": ["weather_hourly"], "intent": "plan a walk"})
    }

    #[test]
    fn complete_request() {
        let mut args = base();
        args["constraints"] = json!({"domains": [], "max_risk": 0.45, "uses": 3});
        args["ttl_seconds"] = json!(60);
        let request = parse(args).unwrap();
        assert_eq!(request.constraints, Constraints { domains: Some(vec![]), max_risk: Some(450), uses: Some(3) });
        assert_eq!(request.ttl_seconds, Some(60));
    }

    #[test]
    fn faults_name_the_argument() {
        for (key, bad) in [
            ("session_id", json!("")),
            ("session_id", json!("a b")),
            ("subject", json!("a\u{202e}")),
            ("tools", json!([])),
            ("intent", json!(5)),
            ("ttl_seconds", json!(0)),
            ("ttl_seconds", json!(1.5)),
            ("constraints", json!({"max_risk": 0.0005})),
            ("constraints", json!({"max_risk": 1.1})),
            ("constraints", json!({"uses": -1})),
            ("constraints", json!({"paths": []})),
            ("constraints", json!([])),
        ] {
            let mut args = base();
            args[key] = bad.clone();
            assert_eq!(parse(args).unwrap_err().arg, key, "{bad}");
        }
    }
}
