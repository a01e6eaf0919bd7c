//! The tools that the runtime implements: what each does to the world, which hosts it calls, and its arguments.

use crate::ir::{Builtin, EffectClass};

/// What the manifest may say about a built-in tool.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) name: &'static str,
    pub(crate) builtin: Builtin,
    pub(crate) effect: EffectClass,
    pub(crate) network: Network,
    pub(crate) args: &'static [(&'static str, ArgKind)],
    /// Arguments that every call must give.
    pub(crate) required: &'static [&'static str],
}

/// Which hosts a tool calls.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Network {
    /// None: it has no `egress`.
    None,
    /// Whatever the caller names, within its `egress`.
    Chosen,
    /// These and no other.
    Fixed(&'static [&'static str]),
}

/// Type of an argument, with the bounds that the tool itself sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArgKind {
    /// A string.
    Text,
    /// An absolute `https` URL in a string.
    Url,
    /// An integer within these bounds.
    Integer(i64, i64),
    /// A list of strings.
    List,
    /// An object.
    Object,
}

/// Every built-in tool.
pub(crate) const ALL: &[Facts] = &[
    Facts {
        name: "http_get_json",
        builtin: Builtin::HttpGetJson,
        effect: EffectClass::Read,
        network: Network::Chosen,
        args: &[("url", ArgKind::Url), ("query", ArgKind::Object)],
        required: &["url"],
    },
    Facts {
        name: "weather_hourly",
        builtin: Builtin::WeatherHourly,
        effect: EffectClass::Read,
        network: Network::Fixed(&["api.open-meteo.com", "geocoding-api.open-meteo.com"]),
        args: &[("city", ArgKind::Text), ("state", ArgKind::Text), ("hours", ArgKind::Integer(1, 168))],
        required: &["city", "state"],
    },
    Facts {
        name: ISSUE_TOOL,
        builtin: Builtin::AirlockIssueCapability,
        effect: EffectClass::Write,
        network: Network::None,
        args: &[
            ("session_id", ArgKind::Text),
            ("subject", ArgKind::Text),
            ("intent", ArgKind::Text),
            ("ttl_seconds", ArgKind::Integer(1, 86_400)),
            ("tools", ArgKind::List),
            ("constraints", ArgKind::Object),
        ],
        required: &["session_id", "subject", "intent", "tools"],
    },
    Facts {
        name: "airlock_audit_tail",
        builtin: Builtin::AirlockAuditTail,
        effect: EffectClass::Read,
        network: Network::None,
        args: &[("limit", ArgKind::Integer(1, 200))],
        required: &[],
    },
    Facts {
        name: "airlock_usage_stats",
        builtin: Builtin::AirlockUsageStats,
        effect: EffectClass::Read,
        network: Network::None,
        args: &[],
        required: &[],
    },
    Facts {
        name: "airlock_exposure_report",
        builtin: Builtin::AirlockExposureReport,
        effect: EffectClass::Read,
        network: Network::None,
        args: &[("lookback_hours", ArgKind::Integer(1, 8_784))],
        required: &[],
    },
];

/// The tool that mints leases within `self` grants.
pub(crate) const ISSUE_TOOL: &str = "airlock_issue_capability";

/// Looks a tool up by its exact name.
pub(crate) fn find(name: &str) -> Option<&'static Facts> {
    ALL.iter().find(|facts| facts.name == name)
}
