//! What a lease will allow: from the manifest's grants, or from the command line alone.

use super::constraints::Constraints;
use crate::render::Failure;
use airlock_policy::ir::{Grant, Policy};
use airlock_runtime::lease::entry_within;

/// Terms of a lease that depend on a grant.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// Hosts.
    pub(super) domains: Vec<String>,
    /// Thousandths.
    pub(super) max_risk: u16,
    /// Number of calls.
    pub(super) uses: u64,
    /// Seconds.
    pub(super) ttl: u64,
}

/// Without a manifest nothing has a default.
pub(super) fn explicit(ttl: Option<u64>, asked: Constraints) -> Result<Terms, Failure> {
    let missing = |what: &str| {
        Failure::new(format_args!("{what} is not given, and without a manifest it has no default")).help(
            "name the manifest with --manifest, or give --ttl-seconds and all of domains, max_risk and uses in --constraints",
        )
    };
    let Constraints { domains, max_risk, uses } = asked;
    Ok(Terms {
        ttl: ttl.ok_or_else(|| missing("--ttl-seconds"))?,
        domains: domains.ok_or_else(|| missing("domains in --constraints"))?,
        max_risk: max_risk.ok_or_else(|| missing("max_risk in --constraints"))?,
        uses: uses.ok_or_else(|| missing("uses in --constraints"))?,
    })
}

/// The first grant of the subject that covers the request; what is not asked for is what it allows.
pub(super) fn from_grants(
    policy: &Policy,
    subject: &str,
    tools: &[String],
    ttl: Option<u64>,
    asked: Constraints,
) -> Result<Terms, Failure> {
    let of_subject: Vec<&Grant> = policy.grants.iter().filter(|grant| grant.subject == subject).collect();
    if of_subject.is_empty() {
        let mut known: Vec<&str> = policy.grants.iter().map(|grant| grant.subject.as_str()).collect();
        known.dedup();
        return Err(Failure::no(format_args!("no grant of the manifest is for the subject {subject:?}"))
            .help(format_args!("it has grants for {}", known.join(", "))));
    }
    let mut reasons = Vec::new();
    for grant in of_subject {
        let terms = Terms {
            domains: asked.domains.clone().unwrap_or_else(|| grant.domains.clone()),
            max_risk: asked.max_risk.unwrap_or(grant.max_risk),
            uses: asked.uses.unwrap_or(grant.uses),
            ttl: ttl.unwrap_or(policy.lease.default_ttl.min(grant.max_ttl)),
        };
        match beyond(grant, tools, &terms) {
            None => return Ok(terms),
            Some(reason) => reasons.push(reason),
        }
    }
    Err(Failure::no(format_args!("no grant for {subject} covers this: {}", reasons.join("; ")))
        .help("ask for less, or let a reviewed change of the manifest grant it"))
}

/// Why a request is beyond a grant, if it is.
fn beyond(grant: &Grant, tools: &[String], terms: &Terms) -> Option<String> {
    if let Some(tool) = tools.iter().find(|tool| !grant.tools.contains(tool)) {
        return Some(format!("it has the tools {}, not {tool:?}", grant.tools.join(", ")));
    }
    if let Some(host) = terms.domains.iter().find(|host| !grant.domains.iter().any(|outer| entry_within(host, outer))) {
        let hosts = if grant.domains.is_empty() { "no host at all".to_owned() } else { grant.domains.join(", ") };
        return Some(format!("it has {hosts}, not {host:?}"));
    }
    let bounds = [
        ("lets a lease live", terms.ttl, grant.max_ttl, "seconds"),
        ("allows a risk of", u64::from(terms.max_risk), u64::from(grant.max_risk), "thousandths"),
        ("allows", terms.uses, grant.uses, "calls"),
    ];
    let over = bounds.into_iter().find(|(_, asked, most, _)| asked > most);
    over.map(|(what, asked, most, unit)| format!("it {what} at most {most} {unit}, not {asked}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = include_str!("../../../../examples/weather/airlock.toml");

    fn ask(subject: &str, tools: &[&str], ttl: Option<u64>, constraints: &str) -> Result<Terms, String> {
        let compiled = airlock_policy::compile(MANIFEST, "airlock.toml").into_compiled().unwrap();
        let tools: Vec<String> = tools.iter().map(|tool| (*tool).to_owned()).collect();
        from_grants(compiled.policy(), subject, &tools, ttl, Constraints::parse(constraints).unwrap())
            .map_err(|f| format!("{f:?}"))
    }

    #[test]
    fn defaults_are_those_of_the_grant() {
        let terms = ask("agent:planner", &["weather_hourly"], None, "{}").unwrap();
        assert_eq!((terms.ttl, terms.max_risk), (900, 600));
        assert_eq!(terms.domains, ["api.open-meteo.com", "geocoding-api.open-meteo.com"]);
        let narrow = ask("agent:planner", &["weather_hourly"], Some(60), r#"{"domains":[],"max_risk":0.1,"uses":2}"#).unwrap();
        assert_eq!(narrow, Terms { domains: vec![], max_risk: 100, uses: 2, ttl: 60 });
    }

    #[test]
    fn beyond_every_grant_is_refused_with_a_reason() {
        for (subject, tool, ttl, constraints, reason) in [
            ("agent:other", "weather_hourly", None, "{}", "no grant of the manifest is for the subject"),
            ("agent:planner", "airlock_audit_tail", None, "{}", "it has the tools http_get_json, weather_hourly, not"),
            ("agent:planner", "weather_hourly", Some(901), "{}", "at most 900 seconds, not 901"),
            ("agent:planner", "weather_hourly", None, r#"{"max_risk":0.601}"#, "at most 600 thousandths, not 601"),
            ("agent:planner", "weather_hourly", None, r#"{"domains":["*.open-meteo.com"]}"#, "not \\\"*.open-meteo.com\\\""),
            ("agent:planner", "weather_hourly", None, r#"{"uses":9007199254740991}"#, "calls, not 9007199254740991"),
        ] {
            let refusal = ask(subject, &[tool], ttl, constraints).unwrap_err();
            assert!(refusal.contains(reason) && refusal.contains("code: 1"), "{refusal}");
        }
    }

    #[test]
    fn without_a_manifest_everything_is_explicit() {
        let all = Constraints { domains: Some(vec![]), max_risk: Some(0), uses: Some(1) };
        assert!(explicit(Some(1), all.clone()).is_ok());
        assert!(explicit(None, all.clone()).is_err());
        assert!(explicit(Some(1), Constraints { domains: None, ..all.clone() }).is_err());
        assert!(explicit(Some(1), Constraints { max_risk: None, ..all.clone() }).is_err());
        assert!(explicit(Some(1), Constraints { uses: None, ..all }).is_err());
    }
}
