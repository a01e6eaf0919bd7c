//! `[limits]`, and the `limits` of a tool.

use crate::diagnostic::Faults;
use crate::fields::{At, Field, Fields};
use crate::ir::{Limits, Quota, Rate};
use crate::limits::{
    APPROVAL_TIMEOUT_MAX_S, APPROVAL_TIMEOUT_MIN_S, APPROVAL_TIMEOUT_S, ARGUMENTS_MAX, ARGUMENTS_MIN, IN_FLIGHT_MAX,
    STEP_UPS_MAX, TIMEOUT_MAX_S, TIMEOUT_S, USES_MAX,
};

/// A quota with its places.
#[derive(Debug, Default)]
pub(crate) struct QuotaDraft {
    pub(crate) rate: Option<At<Rate>>,
    pub(crate) session_rate: Option<At<Rate>>,
    pub(crate) session_calls: Option<At<u64>>,
}

impl QuotaDraft {
    /// Without the places.
    pub(crate) fn compiled(&self) -> Quota {
        let Self { rate, session_rate, session_calls } = self;
        Quota {
            rate: rate.as_ref().map(|at| at.value),
            session_rate: session_rate.as_ref().map(|at| at.value),
            session_calls: session_calls.as_ref().map(|at| at.value),
        }
    }
}

/// `[limits]` with the places that tools are compared with.
#[derive(Debug)]
pub(crate) struct LimitsDraft {
    pub(crate) max_arguments: u64,
    pub(crate) in_flight: u64,
    pub(crate) timeout: u64,
    pub(crate) approval_timeout: u64,
    pub(crate) step_ups: Option<u64>,
    pub(crate) quota: QuotaDraft,
}

impl LimitsDraft {
    /// Without the places.
    pub(crate) fn compiled(&self) -> Limits {
        let Self { max_arguments, in_flight, timeout, approval_timeout, step_ups, quota } = self;
        Limits {
            max_arguments: *max_arguments,
            in_flight: *in_flight,
            timeout: *timeout,
            approval_timeout: *approval_timeout,
            step_ups: *step_ups,
            quota: quota.compiled(),
        }
    }
}

/// `[limits]`; every key has a default.
pub(super) fn read(field: Option<Field<'_>>, faults: &mut Faults) -> LimitsDraft {
    let mut draft = LimitsDraft {
        max_arguments: ARGUMENTS_MAX,
        in_flight: IN_FLIGHT_MAX,
        timeout: TIMEOUT_S,
        approval_timeout: APPROVAL_TIMEOUT_S,
        step_ups: None,
        quota: QuotaDraft::default(),
    };
    let Some(mut fields) = field.and_then(|field| field.table("`[limits]`", faults)) else {
        return draft;
    };
    let arguments = fields.take("max_arguments").and_then(|field| field.size(ARGUMENTS_MIN, ARGUMENTS_MAX, faults));
    draft.max_arguments = arguments.map_or(draft.max_arguments, |at| at.value);
    let most = i64::try_from(IN_FLIGHT_MAX).unwrap_or(i64::MAX);
    let in_flight = fields.take("in_flight").and_then(|field| field.integer(1, most, faults));
    draft.in_flight = in_flight.and_then(|at| u64::try_from(at.value).ok()).unwrap_or(draft.in_flight);
    draft.timeout = timeout(&mut fields, faults).map_or(draft.timeout, |at| at.value);
    let approval =
        fields.take("approval_timeout").and_then(|field| field.period(APPROVAL_TIMEOUT_MIN_S, APPROVAL_TIMEOUT_MAX_S, faults));
    draft.approval_timeout = approval.map_or(draft.approval_timeout, |at| at.value);
    let most = i64::try_from(STEP_UPS_MAX).unwrap_or(i64::MAX);
    let step_ups = fields.take("step_ups").and_then(|field| field.integer(0, most, faults));
    draft.step_ups = step_ups.and_then(|at| u64::try_from(at.value).ok());
    draft.quota = quota(&mut fields, faults);
    fields.finish(&[], faults);
    draft
}

/// The time for one HTTP request.
pub(super) fn timeout(fields: &mut Fields<'_>, faults: &mut Faults) -> Option<At<u64>> {
    fields.take("timeout").and_then(|field| field.period(1, TIMEOUT_MAX_S, faults))
}

/// The three bounds on allowed calls.
pub(super) fn quota(fields: &mut Fields<'_>, faults: &mut Faults) -> QuotaDraft {
    let rate = fields.take("rate").and_then(|field| field.rate(faults));
    let session_rate = fields.take("session_rate").and_then(|field| field.rate(faults));
    let most = i64::try_from(USES_MAX).unwrap_or(i64::MAX);
    let calls = fields.take("session_calls").and_then(|field| field.integer(1, most, faults));
    let session_calls = calls.and_then(|at| Some(At { value: u64::try_from(at.value).ok()?, span: at.span }));
    QuotaDraft { rate, session_rate, session_calls }
}
