//! Leases for calls that nobody makes: as wide as the grant allows, unless a case says less.

use super::Judge;
use crate::cases::{Carrier, Terms};
use crate::render::Failure;
use airlock_policy::ir::{Grant, HostRule, Policy};
use airlock_runtime::clock::Micros;
use airlock_runtime::lease::{AudienceKey, LIST_MAX, RootClaims, entry_within, fresh_jti, intent_hash, mint};
use std::collections::BTreeSet;

/// A signed lease.
#[derive(Debug)]
pub(crate) struct Lease {
    /// As a call carries it.
    pub(crate) text: String,
    /// When it ends, unix seconds.
    pub(crate) exp: u64,
    /// How many calls it allows.
    pub(crate) uses: u64,
}

/// What a lease is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// Subject.
    pub(crate) subject: &'a str,
    /// Tools that will be called with it.
    pub(crate) tools: &'a BTreeSet<&'a str>,
    /// What differs from the widest lease of the grant.
    pub(crate) terms: &'a Terms,
    /// Session.
    pub(crate) session: &'a str,
    /// Intent.
    pub(crate) intent: &'a str,
}

impl Judge<'_> {
    /// Where calls carry leases when nothing is said: the first place that the manifest accepts.
    pub(crate) const fn carrier(&self) -> Carrier {
        match (self.policy.lease.carrier_meta, self.policy.lease.carrier_arguments) {
            (true, _) => Carrier::Meta,
            (false, true) => Carrier::Arguments,
            (false, false) => Carrier::Ambient,
        }
    }

    /// Signs a lease as an operator would, without asking whether a grant covers it: that is for the gateway to see.
    ///
    /// # Errors
    /// No lease can say this: too many tools, a host that is none, an intent that cannot be hashed.
    pub(crate) fn lease(&self, asked: &Asked<'_>, now: Micros) -> Result<Lease, Failure> {
        let kid = self.kid(asked);
        let key = self.keys.find(kid).ok_or_else(|| Failure::new(format_args!("the manifest accepts no key {kid:?}")))?;
        self.signed(key, asked, now)
    }

    /// The same where the manifest may accept no key of this id: then the lease is signed with one that the gateway does not have.
    ///
    /// # Errors
    /// As [`Judge::lease`], or the system gives no random bytes.
    pub(crate) fn lease_of_anybody(&self, asked: &Asked<'_>, now: Micros) -> Result<Lease, Failure> {
        let kid = self.kid(asked);
        match self.keys.find(kid) {
            Some(key) => self.signed(key, asked, now),
            None => {
                let key = AudienceKey::new(kid, &self.policy.gateway.name, super::fresh()?).map_err(Failure::new)?;
                self.signed(&key, asked, now)
            }
        }
    }

    fn kid<'a>(&'a self, asked: &Asked<'a>) -> &'a str {
        asked.terms.key.as_deref().or(self.policy.keys.first().map(|key| key.kid.as_str())).unwrap_or_default()
    }

    fn signed(&self, key: &AudienceKey, asked: &Asked<'_>, now: Micros) -> Result<Lease, Failure> {
        let Asked { subject, tools, terms, session, intent } = asked;
        let Terms { tools: named, domains, max_risk_thousandths, uses, ttl_seconds, key: _, carrier: _ } = terms;
        let tools: Vec<String> =
            named.clone().unwrap_or_else(|| tools.iter().take(LIST_MAX).map(|tool| (*tool).to_owned()).collect());
        let grant = grant(self.policy, subject, &tools);
        let iat = now.seconds();
        let ttl = ttl_seconds.or(grant.map(|grant| grant.max_ttl)).unwrap_or(self.policy.lease.max_ttl);
        let exp = iat.saturating_add(ttl);
        let claims = RootClaims {
            sub: (*subject).to_owned(),
            sid: (*session).to_owned(),
            ih: intent_hash(intent).map_err(|e| Failure::new(format_args!("the intent: {e}")))?,
            dom: domains.clone().unwrap_or_else(|| grant.map(|grant| hosts(self.policy, grant, &tools)).unwrap_or_default()),
            tools,
            risk: max_risk_thousandths.or(grant.map(|grant| grant.max_risk)).unwrap_or(1000),
            uses: uses.or(grant.map(|grant| grant.uses)).unwrap_or(1),
            dep: 0,
            ep: 0,
            iat,
            nbf: iat,
            exp,
        };
        let text = mint(key, &claims, fresh_jti().map_err(Failure::new)?).map_err(Failure::new)?;
        Ok(Lease { text, exp, uses: claims.uses })
    }
}

/// The grant that a lease for these tools would be issued under: one that names them all, else any of the subject.
pub(crate) fn grant<'p>(policy: &'p Policy, subject: &str, tools: &[String]) -> Option<&'p Grant> {
    let of_subject = || policy.grants.iter().filter(|grant| grant.subject == subject);
    of_subject().find(|grant| tools.iter().all(|tool| grant.tools.contains(tool))).or_else(|| of_subject().next())
}

/// The hosts of these tools that the grant names, as narrow as the narrower of the two; at most as many as a lease carries.
fn hosts(policy: &Policy, grant: &Grant, tools: &[String]) -> Vec<String> {
    let of_tools = policy.tools.iter().filter(|tool| tools.contains(&tool.name)).flat_map(|tool| &tool.egress);
    let mut hosts = BTreeSet::new();
    for host in of_tools.map(|entry| written(&entry.host)) {
        for domain in &grant.domains {
            if entry_within(&host, domain) {
                hosts.insert(host.clone());
            } else if entry_within(domain, &host) {
                hosts.insert(domain.clone());
            }
        }
    }
    hosts.into_iter().take(LIST_MAX).collect()
}

/// The rule as a lease writes it.
fn written(rule: &HostRule) -> String {
    match rule {
        HostRule::Exact(host) => host.clone(),
        HostRule::OneLabel(base) => format!("*.{base}"),
        HostRule::AnyPublic => "*".to_owned(),
    }
}
