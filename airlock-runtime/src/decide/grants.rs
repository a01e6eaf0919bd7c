//! A lease against the grants of the manifest.

use crate::lease::{self, Authority};
use crate::policy::{Grant, Policy};
use crate::reason::Reason;

/// A lease beyond every grant is refused even if its MAC is right: a stolen key cannot exceed the manifest.
pub(super) fn within_some(grants: &'static [Grant], authority: &Authority) -> Result<&'static Grant, Reason> {
    let mut first = None;
    for grant in grants.iter().filter(|grant| grant.subject == authority.root.sub) {
        match beyond(grant, authority) {
            None => return Ok(grant),
            Some(bound) => first = first.or(Some(bound)),
        }
    }
    let bound = first.unwrap_or_else(|| "the manifest has no grant for this subject".into());
    Err(Reason::BeyondGrant { subject: authority.root.sub.clone(), bound })
}

/// The tools that a lease allows, and those that need none: what its holder is shown of the list.
///
/// # Errors
/// The lease is beyond every grant.
#[cfg_attr(not(feature = "gateway"), allow(dead_code, reason = "a judge without a connection lists nothing"))]
pub(crate) fn listed(policy: &'static Policy, authority: &Authority) -> Result<Vec<&'static str>, Reason> {
    within_some(policy.grants, authority)?;
    let tools = policy.tools.iter().filter(|tool| !tool.needs_lease() || authority.permits_tool(tool.name));
    Ok(tools.map(|tool| tool.name).collect())
}

/// The first bound of `grant` that the root of the lease exceeds.
fn beyond(grant: &Grant, authority: &Authority) -> Option<String> {
    let root = &authority.root;
    if let Some(tool) = root.tools.iter().find(|tool| !grant.tools.contains(&tool.as_str())) {
        return Some(format!("the grant does not name the tool {tool}"));
    }
    if let Some(host) = root.dom.iter().find(|host| !covered(grant.domains, host)) {
        return Some(format!("the grant does not name the host {host}"));
    }
    over(grant, root.exp.saturating_sub(root.iat), root.risk, root.uses)
}

/// The first numeric bound of `grant` that is exceeded.
pub(crate) fn over(grant: &Grant, ttl: u64, risk: u16, uses: u64) -> Option<String> {
    if ttl > grant.max_ttl {
        return Some(format!("a lease of {ttl} seconds, where the grant allows at most {}", grant.max_ttl));
    }
    if risk > grant.max_risk {
        return Some(format!("a risk ceiling of {risk} thousandths, where the grant allows at most {}", grant.max_risk));
    }
    if uses > grant.uses {
        return Some(format!("{uses} uses, where the grant allows at most {}", grant.uses));
    }
    None
}

/// Does some entry of `outer` cover all that the entry `inner` covers?
pub(crate) fn covered(outer: &[&str], inner: &str) -> bool {
    outer.iter().any(|entry| lease::entry_within(inner, entry))
}
