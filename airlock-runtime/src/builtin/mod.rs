//! Every tool, and those that the runtime itself implements: their definitions for `tools/list` and what a call of each plans to do.
//!
//! Planning is pure: it checks the arguments against the tool's schema and says which URLs a call would fetch, so that the judge
//! can decide before anything happens. Performing is in [`crate::effect`].

pub mod audit;
#[cfg(feature = "plan-http")]
pub mod http_get_json;
#[cfg(feature = "plan-issue")]
pub mod issue;
pub mod schema;
#[cfg(feature = "plan-http")]
pub mod weather_hourly;

use crate::call::{ArgFault, Args};
use crate::policy::{Builtin, Tool, ToolKind};
#[cfg(feature = "plan-http")]
use crate::rest;
use crate::wire::Annotations;
use serde_json::Value;

/// What `tools/list` says of a tool.
#[derive(Debug, Clone)]
pub struct Definition {
    /// For people; empty = none.
    pub title: &'static str,
    /// For the model.
    pub description: &'static str,
    /// JSON Schema 2020-12 of the arguments, an object schema that names every argument.
    pub input_schema: Value,
    /// MCP tool annotations (hints).
    pub annotations: Annotations,
}

/// What one call would do, from its arguments alone.
#[derive(Debug, Clone)]
pub enum Plan {
    /// See [`issue`].
    #[cfg(feature = "plan-issue")]
    IssueCapability(issue::Request),
    /// Newest entries, at most this many.
    AuditTail(audit::Tail),
    /// Counts.
    UsageStats,
    /// Use and authority over a time.
    ExposureReport(audit::Exposure),
    /// See [`http_get_json`].
    #[cfg(feature = "plan-http")]
    HttpGetJson(http_get_json::Plan),
    /// See [`weather_hourly`].
    #[cfg(feature = "plan-http")]
    WeatherHourly(weather_hourly::Plan),
    /// See [`rest`].
    #[cfg(feature = "plan-http")]
    Rest(rest::Plan),
    /// See [`crate::upstream`].
    #[cfg(feature = "plan-upstream")]
    Upstream(crate::upstream::Plan),
}

impl Tool {
    /// The definition for `tools/list`; `None` for a tool of an upstream, whose reviewed definition is listed as it is.
    #[must_use]
    pub fn definition(&self) -> Option<Definition> {
        match self.kind {
            ToolKind::Builtin(builtin) => Some(builtin.definition()),
            #[cfg(feature = "plan-http")]
            ToolKind::Rest(rest) => Some(rest::definition(rest, self.effect)),
            #[cfg(feature = "plan-upstream")]
            ToolKind::Upstream(_) => None,
        }
    }

    /// Does a call need a lease? Every tool does but the one that issues leases, which is bounded by the `self` and `human` grants.
    #[must_use]
    pub const fn needs_lease(&self) -> bool {
        match self.kind {
            ToolKind::Builtin(builtin) => builtin.needs_lease(),
            #[cfg(feature = "plan-http")]
            ToolKind::Rest(_) => true,
            #[cfg(feature = "plan-upstream")]
            ToolKind::Upstream(_) => true,
        }
    }

    /// Has a call any use for an argument of this name? One that it has none for is refused or, where the tool is not strict, ignored.
    #[must_use]
    #[cfg_attr(not(feature = "plan-http"), allow(unused_variables, reason = "a built-in tool uses whatever it accepts"))]
    pub fn uses_argument(&self, name: &str) -> bool {
        match self.kind {
            // The built-in tools refuse what they do not know.
            ToolKind::Builtin(_) => true,
            #[cfg(feature = "plan-http")]
            ToolKind::Rest(rest) => rest.input.iter().any(|input| input.name == name),
            // What a foreign program does with its arguments is not known here.
            #[cfg(feature = "plan-upstream")]
            ToolKind::Upstream(_) => true,
        }
    }

    /// Checks the arguments against the tool's schema and says what the call would do.
    ///
    /// # Errors
    /// The first argument that is missing, unknown, or of the wrong shape.
    pub fn plan(&self, args: &Args) -> Result<Plan, ArgFault> {
        match self.kind {
            ToolKind::Builtin(builtin) => builtin.plan(args),
            #[cfg(feature = "plan-http")]
            ToolKind::Rest(rest) => Ok(Plan::Rest(rest::plan(rest, self.strict, args)?)),
            #[cfg(feature = "plan-upstream")]
            ToolKind::Upstream(proxied) => Ok(Plan::Upstream(crate::upstream::plan(self.name, proxied, self.strict, args)?)),
        }
    }
}

impl Builtin {
    fn definition(self) -> Definition {
        match self {
            #[cfg(feature = "plan-issue")]
            Self::IssueCapability => issue::definition(),
            Self::AuditTail => audit::tail_definition(),
            Self::UsageStats => audit::stats_definition(),
            Self::ExposureReport => audit::exposure_definition(),
            #[cfg(feature = "plan-http")]
            Self::HttpGetJson => http_get_json::definition(),
            #[cfg(feature = "plan-http")]
            Self::WeatherHourly => weather_hourly::definition(),
        }
    }

    const fn needs_lease(self) -> bool {
        match self {
            #[cfg(feature = "plan-issue")]
            Self::IssueCapability => false,
            Self::AuditTail | Self::UsageStats | Self::ExposureReport => true,
            #[cfg(feature = "plan-http")]
            Self::HttpGetJson | Self::WeatherHourly => true,
        }
    }

    fn plan(self, args: &Args) -> Result<Plan, ArgFault> {
        Ok(match self {
            #[cfg(feature = "plan-issue")]
            Self::IssueCapability => Plan::IssueCapability(issue::Request::parse(args)?),
            Self::AuditTail => Plan::AuditTail(audit::Tail::parse(args)?),
            Self::UsageStats => {
                schema::only(args, &[])?;
                Plan::UsageStats
            }
            Self::ExposureReport => Plan::ExposureReport(audit::Exposure::parse(args)?),
            #[cfg(feature = "plan-http")]
            Self::HttpGetJson => Plan::HttpGetJson(http_get_json::plan(args)?),
            #[cfg(feature = "plan-http")]
            Self::WeatherHourly => Plan::WeatherHourly(weather_hourly::plan(args)?),
        })
    }
}
