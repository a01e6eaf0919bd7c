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

/// The definition for `tools/list`; `None` for a tool of an upstream, whose reviewed definition is listed as it is.
#[must_use]
pub fn definition(tool: &Tool) -> Option<Definition> {
    match tool.kind {
        ToolKind::Builtin(builtin) => Some(definition_of(builtin)),
        #[cfg(feature = "plan-http")]
        ToolKind::Rest(rest) => Some(rest::definition(rest, tool.effect)),
        #[cfg(feature = "plan-upstream")]
        ToolKind::Upstream(_) => None,
    }
}

/// Checks the arguments against the tool's schema and says what the call would do.
///
/// # Errors
/// The first argument that is missing, unknown, or of the wrong shape.
pub fn plan(tool: &Tool, args: &Args) -> Result<Plan, ArgFault> {
    match tool.kind {
        ToolKind::Builtin(builtin) => plan_of(builtin, args),
        #[cfg(feature = "plan-http")]
        ToolKind::Rest(rest) => Ok(Plan::Rest(rest::plan(rest, tool.strict, args)?)),
        #[cfg(feature = "plan-upstream")]
        ToolKind::Upstream(proxied) => Ok(Plan::Upstream(crate::upstream::plan(tool.name, proxied, tool.strict, args)?)),
    }
}

fn definition_of(builtin: Builtin) -> Definition {
    match builtin {
        #[cfg(feature = "plan-issue")]
        Builtin::IssueCapability => issue::definition(),
        Builtin::AuditTail => audit::tail_definition(),
        Builtin::UsageStats => audit::stats_definition(),
        Builtin::ExposureReport => audit::exposure_definition(),
        #[cfg(feature = "plan-http")]
        Builtin::HttpGetJson => http_get_json::definition(),
        #[cfg(feature = "plan-http")]
        Builtin::WeatherHourly => weather_hourly::definition(),
    }
}

fn plan_of(builtin: Builtin, args: &Args) -> Result<Plan, ArgFault> {
    Ok(match builtin {
        #[cfg(feature = "plan-issue")]
        Builtin::IssueCapability => Plan::IssueCapability(issue::Request::parse(args)?),
        Builtin::AuditTail => Plan::AuditTail(audit::Tail::parse(args)?),
        Builtin::UsageStats => {
            schema::only(args, &[])?;
            Plan::UsageStats
        }
        Builtin::ExposureReport => Plan::ExposureReport(audit::Exposure::parse(args)?),
        #[cfg(feature = "plan-http")]
        Builtin::HttpGetJson => Plan::HttpGetJson(http_get_json::plan(args)?),
        #[cfg(feature = "plan-http")]
        Builtin::WeatherHourly => Plan::WeatherHourly(weather_hourly::plan(args)?),
    })
}
