//! What egress makes of a request of the judge: it plans and admits it anew, from the arguments alone and by its own compiled-in policy.
//!
//! A judge that was taken over can name a tool and arguments, and nothing else: method, host, port, path, headers and body come from the
//! table of the tool, and the credential of a tool goes where that table says.

use crate::builtin::{self, weather_hourly};
use crate::call::Args;
use crate::egress::url::{Target, UrlRules, admit as admit_url};
use crate::policy::{Policy, Tool};
use crate::rest;
use crate::wire::scan::scan;

/// What a tool will do, with the URLs that were admitted for it.
#[derive(Debug)]
pub(super) enum Job {
    /// Fetch one document.
    Get(Target),
    /// Fetch a place, then its weather.
    Weather(weather_hourly::Plan, [Target; 2]),
    /// Send one planned request.
    Rest(rest::Plan, Target),
}

/// What no judge sends that is in order. Arguments are never repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is no such tool, or it does not reach the network.
    Tool,
    /// The arguments are too large, or not a JSON object with one reading.
    Form,
    /// The tool does not take them, or a rule of the manifest refuses them.
    Arguments,
    /// They lead where the tool may not go.
    Url,
}

impl Refusal {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Tool => "no such tool reaches the network",
            Self::Form => "the arguments cannot be read",
            Self::Arguments => "the tool does not take the arguments",
            Self::Url => "the tool may not go there",
        }
    }
}

/// Admits one request: the tool by its place in the policy, the arguments as JSON.
///
/// # Errors
/// The first thing that is not as the manifest says.
pub(super) fn admit(policy: &'static Policy, tool: u32, arguments: &[u8]) -> Result<(&'static Tool, Job), Refusal> {
    let tool = usize::try_from(tool).ok().and_then(|at| policy.tools.get(at)).ok_or(Refusal::Tool)?;
    if !super::reaches_network(tool) {
        return Err(Refusal::Tool);
    }
    if arguments.len() as u64 > policy.limits.max_arguments {
        return Err(Refusal::Form);
    }
    let text = scan(arguments).map_err(|_| Refusal::Form)?.text();
    let args: Args = serde_json::from_str(text).map_err(|_| Refusal::Form)?;
    let plan = builtin::plan(tool, &args).map_err(|_| Refusal::Arguments)?;
    crate::call::check(tool.rules, &args).map_err(|_| Refusal::Arguments)?;
    let admitted = |url: &str| admit_url(url, &UrlRules::https(tool.egress)).map_err(|_| Refusal::Url);
    let job = match plan {
        builtin::Plan::HttpGetJson(plan) => Job::Get(admitted(plan.url())?),
        builtin::Plan::WeatherHourly(plan) => {
            let [geocoding, forecast] = plan.urls();
            let targets = [admitted(geocoding)?, admitted(forecast)?];
            Job::Weather(plan, targets)
        }
        builtin::Plan::Rest(plan) => {
            let target = admitted(&plan.url())?;
            // As in the decision: a path that the parser reads otherwise is not the one that was planned.
            if target.path_and_query() != plan.path_and_query() {
                return Err(Refusal::Url);
            }
            Job::Rest(plan, target)
        }
        builtin::Plan::AuditTail(_) | builtin::Plan::UsageStats | builtin::Plan::ExposureReport(_) => return Err(Refusal::Tool),
        #[cfg(feature = "plan-issue")]
        builtin::Plan::IssueCapability(_) => return Err(Refusal::Tool),
        #[cfg(feature = "plan-upstream")]
        builtin::Plan::Upstream(_) => return Err(Refusal::Tool),
    };
    Ok((tool, job))
}

#[cfg(test)]
mod tests;
