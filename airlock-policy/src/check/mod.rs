//! The rules between sections, and the translation to [`ir::Policy`].
//!
//! Drafts are taken apart by naming every field, so that a new one breaks the build here until someone decides what it means.

mod grants;
mod tools;

use crate::diagnostic::Faults;
use crate::ir;
use crate::limits;
use crate::manifest::{LeaseDraft, Manifest, Settings};

/// Checks the sections against each other and makes the policy. With any error in `faults` the result has placeholders in it and
/// must be dropped.
pub(crate) fn check(manifest: Manifest, faults: &mut Faults) -> ir::Policy {
    let Manifest { settings, egress, tools, grants } = manifest;
    let Settings { gateway, keys, lease, threshold, ledger } = settings;
    let refused = tools.refused;
    let mut names = Vec::new();
    let mut compiled_tools = Vec::new();
    for draft in tools.known {
        names.push(draft.name.clone());
        compiled_tools.push(tools::compile(draft, &threshold, &egress, faults));
    }
    let surroundings = grants::Surroundings {
        tools: &compiled_tools,
        names: &names,
        refused: &refused,
        lease: &lease,
        threshold: threshold.value,
    };
    let compiled_grants = grants::compile(grants, &surroundings, faults);
    // What is idle can only be said of a whole policy: with an error it is mostly the consequence of it.
    if !faults.broken() {
        tools::idle_hosts(&egress.known, &compiled_tools, faults);
        grants::idle_tools(&compiled_tools, &names, &compiled_grants, faults);
    }
    let LeaseDraft { default_ttl, max_ttl, carrier_meta, carrier_arguments } = lease;
    ir::Policy {
        airlock: 1,
        gateway,
        keys,
        lease: ir::Lease { default_ttl, max_ttl: max_ttl.value, carrier_meta, carrier_arguments },
        ledger,
        limits: ir::Limits {
            max_arguments: limits::ARGUMENTS_MAX,
            in_flight: limits::IN_FLIGHT_MAX,
            timeout: limits::TIMEOUT_S,
            approval_timeout: limits::APPROVAL_TIMEOUT_S,
            quota: ir::Quota::default(),
        },
        tools: compiled_tools,
        flows: Vec::new(),
        grants: compiled_grants,
        requires: Vec::new(),
    }
}
