//! From a plan to the act that a permit will allow: leases within grants, URLs within egress and lease. Nothing is looked up.

#[cfg(feature = "plan-http")]
use super::Errand;
#[cfg(feature = "plan-upstream")]
use super::Tempo;
use super::check::Steps;
use super::{Act, Facts};
use crate::builtin::Plan;
use crate::call::Call;
#[cfg(feature = "plan-http")]
use crate::egress::url::{Target, UrlFault, UrlRules, admit};
use crate::lease::Authority;
#[cfg(feature = "plan-issue")]
use crate::policy::Issue;
use crate::policy::{Policy, Tool};
use crate::reason::Reason;

/// What may be done, and the reason of the grant that wants the user to be asked.
pub(super) struct Admitted {
    pub(super) act: Act,
    pub(super) asked: Option<&'static str>,
}

#[cfg_attr(
    not(all(feature = "plan-http", feature = "plan-issue")),
    expect(unused_variables, reason = "a judge without these tools needs less to decide")
)]
pub(super) fn plan(
    policy: &'static Policy,
    (tool, call): (&'static Tool, &Call),
    plan: Plan,
    authority: Option<&Authority>,
    facts: &Facts<'_>,
    steps: &mut Steps,
) -> Result<Admitted, Reason> {
    #[cfg(feature = "plan-http")]
    let mut admitted = |url: &str| {
        let target = admit_url(url, tool, authority);
        steps.take("host", target, |target| format!("{} is listed and in the lease", target.host()))
    };
    #[cfg(feature = "plan-http")]
    let errand = |targets: &[Target]| {
        let hosts = targets.iter().map(|target| target.host().to_owned()).collect();
        Act::Errand(Errand { tool, arguments: call.args_bytes.clone(), hosts })
    };
    let act = match plan {
        #[cfg(feature = "plan-issue")]
        Plan::IssueCapability(request) => {
            let issued = crate::builtin::issue::within_grant(policy, &request, facts.now);
            let (claims, grant) = steps.take("issue", issued, |(_, grant)| grant.why.to_owned())?;
            let asked = match grant.issue {
                Issue::Human => Some(grant.why),
                Issue::SelfService | Issue::Operator => None,
            };
            return Ok(Admitted { act: Act::Issue(Box::new(claims), grant.issue), asked });
        }
        Plan::AuditTail(tail) => Act::AuditTail(tail),
        Plan::UsageStats => Act::UsageStats,
        Plan::ExposureReport(exposure) => Act::ExposureReport(exposure),
        #[cfg(feature = "plan-http")]
        Plan::HttpGetJson(plan) => errand(&[admitted(plan.url())?]),
        #[cfg(feature = "plan-http")]
        Plan::WeatherHourly(plan) => {
            let [geocoding, forecast] = plan.urls();
            errand(&[admitted(geocoding)?, admitted(forecast)?])
        }
        #[cfg(feature = "plan-http")]
        Plan::Rest(plan) => {
            let target = admitted(&plan.url())?;
            // The parser may change no byte of what was encoded here: a path that it reads otherwise is not the one that was planned.
            if target.path_and_query() != plan.path_and_query() {
                return Err(Reason::UrlRefused { problem: "its path has another reading".into() });
            }
            errand(&[target])
        }
        #[cfg(feature = "plan-upstream")]
        Plan::Upstream(plan) => Act::Upstream(plan, Tempo(tool.timeout)),
    };
    Ok(Admitted { act, asked: None })
}

/// Admits one URL: well-formed, https, a host of the tool's egress, and one that the lease covers.
#[cfg(feature = "plan-http")]
fn admit_url(url: &str, tool: &'static Tool, authority: Option<&Authority>) -> Result<Target, Reason> {
    let target = admit(url, &UrlRules::https(tool.egress)).map_err(|fault| match fault {
        UrlFault::HostNotListed(host) => Reason::HostNotAllowed { host, tool: tool.name },
        other => Reason::UrlRefused { problem: other.to_string() },
    })?;
    if authority.is_some_and(|authority| authority.permits_host(target.host())) {
        Ok(target)
    } else {
        Err(Reason::HostNotInLease { host: target.host().to_owned() })
    }
}
