//! The administrative tools that read the ledger: `airlock_audit_tail`, `airlock_usage_stats`, `airlock_exposure_report`.

use super::{Definition, schema};
use crate::call::{ArgFault, Args};
use crate::json::json;
use crate::wire::Annotations;

/// Entries that `airlock_audit_tail` gives when the call names no limit.
pub const TAIL_DEFAULT: usize = 20;
/// Most entries of one `airlock_audit_tail`: 200 lines of at most 16 KiB stay below the line limit of every peer.
pub const TAIL_MAX: usize = 200;
/// Hours that `airlock_exposure_report` looks back when the call names none.
pub const LOOKBACK_DEFAULT_H: u64 = 24;
/// Longest look back: a year.
pub const LOOKBACK_MAX_H: u64 = 8784;

/// Arguments of `airlock_audit_tail`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// Entries, 1 to [`TAIL_MAX`].
    pub limit: usize,
}

/// Arguments of `airlock_exposure_report`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposure {
    /// Hours, 1 to [`LOOKBACK_MAX_H`].
    pub lookback_hours: u64,
}

impl Tail {
    /// # Errors
    /// An argument outside the schema.
    pub fn parse(args: &Args) -> Result<Self, ArgFault> {
        schema::only(args, &["limit"])?;
        let limit = schema::integer(args, "limit", 1..=TAIL_MAX as u64)?;
        Ok(Self { limit: limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(TAIL_DEFAULT) })
    }
}

impl Exposure {
    /// # Errors
    /// An argument outside the schema.
    pub fn parse(args: &Args) -> Result<Self, ArgFault> {
        schema::only(args, &["lookback_hours"])?;
        Ok(Self { lookback_hours: schema::integer(args, "lookback_hours", 1..=LOOKBACK_MAX_H)?.unwrap_or(LOOKBACK_DEFAULT_H) })
    }
}

/// `airlock_audit_tail`.
#[must_use]
pub fn tail_definition() -> Definition {
    Definition {
        title: "Newest ledger entries",
        description: "Returns the newest entries of this gateway's ledger: decisions, their reasons and outcomes. Arguments and \
                      results of calls are not in the ledger.",
        input_schema: json!({"type": "object", "additionalProperties": false, "properties": {
            "limit": {"type": "integer", "minimum": 1, "maximum": TAIL_MAX, "default": TAIL_DEFAULT,
                      "description": "How many entries."}}}),
        annotations: READS_ONLY,
    }
}

/// `airlock_usage_stats`.
#[must_use]
pub fn stats_definition() -> Definition {
    Definition {
        title: "Usage statistics",
        description: "Counts the decisions of this gateway's ledger by tool, verdict and reason.",
        input_schema: json!({"type": "object", "additionalProperties": false, "properties": {}}),
        annotations: READS_ONLY,
    }
}

/// `airlock_exposure_report`.
#[must_use]
pub fn exposure_definition() -> Definition {
    Definition {
        title: "Exposure report",
        description: "Reports for each agent and tool: calls, verdicts with reasons, latency, hosts reached, and authority that was \
                      granted but not used.",
        input_schema: json!({"type": "object", "additionalProperties": false, "properties": {
            "lookback_hours": {"type": "integer", "minimum": 1, "maximum": LOOKBACK_MAX_H, "default": LOOKBACK_DEFAULT_H,
                               "description": "How far to look back, in hours."}}}),
        annotations: READS_ONLY,
    }
}

/// Hints of a tool that only reads what the gateway itself wrote.
const READS_ONLY: Annotations = Annotations { read_only: true, destructive: false, idempotent: true, open_world: false };

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn bounds_and_defaults() {
        let args = |value: Value| value.as_object().cloned().unwrap();
        assert_eq!(Tail::parse(&args(json!({}))).unwrap().limit, 20);
        assert_eq!(Tail::parse(&args(json!({"limit": 200}))).unwrap().limit, 200);
        for bad in [json!({"limit": 0}), json!({"limit": 201}), json!({"limit": "5"}), json!({"n": 5})] {
            assert!(Tail::parse(&args(bad)).is_err());
        }
        assert_eq!(Exposure::parse(&args(json!({}))).unwrap().lookback_hours, 24);
        assert!(Exposure::parse(&args(json!({"lookback_hours": 9000}))).is_err());
    }
}
