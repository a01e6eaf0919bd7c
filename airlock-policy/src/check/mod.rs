//! The rules between sections, and the translation to [`ir::Policy`].
//!
//! Drafts are taken apart by naming every field, so that a new one breaks the build here until someone decides what it means.

mod confine;
mod evidence;
mod flows;
mod grants;
mod origins;
mod remarks;
mod requires;
mod sessions;
mod shadow;
mod tools;
mod upstreams;

use crate::diagnostic::{Faults, Span};
use crate::ir;
use crate::manifest::{LeaseDraft, Manifest, Settings};
use std::collections::BTreeMap;

/// Compiled tools with the places of their names.
#[derive(Debug, Default)]
struct Listed {
    tools: Vec<ir::Tool>,
    names: Vec<Span>,
    index: BTreeMap<String, usize>,
    /// Tools that were refused; what names them is not to blame.
    refused: Vec<String>,
}

impl Listed {
    /// A tool with the place of its name.
    fn find(&self, name: &str) -> Option<(&ir::Tool, &Span)> {
        let at = *self.index.get(name)?;
        Some((self.tools.get(at)?, self.names.get(at)?))
    }

    fn knows(&self, name: &str) -> bool {
        self.index.contains_key(name) || self.refused.iter().any(|refused| refused == name)
    }

    /// Every tool with the place of its name.
    fn all(&self) -> impl Iterator<Item = (&ir::Tool, &Span)> {
        self.tools.iter().zip(&self.names)
    }
}

/// Checks the sections against each other and makes the policy. With any error in `faults` the result has placeholders in it and
/// must be dropped.
pub(crate) fn check(manifest: Manifest, faults: &mut Faults) -> ir::Policy {
    let Manifest { settings, limits, sandbox, groups, approvers, egress, upstreams, tools, flows, grants, requires } = manifest;
    let Settings { gateway, mode, keys, lease, threshold, ledger } = settings;
    let mut listed = Listed { refused: tools.refused, ..Listed::default() };
    let mut reached = tools::Reached::default();
    let mut bounds = sessions::bounds(None, &limits.quota);
    let mut origin_places = Vec::new();
    let limits = limits.compiled();
    for draft in tools.known {
        listed.index.insert(draft.name.value.clone(), listed.tools.len());
        listed.names.push(draft.name.span.clone());
        bounds.extend(sessions::bounds(Some(&draft.name.value), &draft.quota));
        let from = draft.origins.iter().map(|placed| placed.from.clone()).collect();
        origin_places.push(origins::Places { from, trusted: draft.trusted.clone() });
        let around = tools::Surroundings { threshold: &threshold, declared: &egress, limits: &limits, approvers: &approvers };
        let tool = tools::compile(draft, &around, &mut reached, faults);
        origins::sessionless(&tool, origin_places.last(), faults);
        listed.tools.push(tool);
    }
    let foreign = upstreams.iter().map(|draft| upstreams::compile(draft, &egress, &mut reached, faults)).collect();
    let (flows, flow_places) = flows::compile(flows, &listed, faults);
    let surroundings = grants::Surroundings { listed: &listed, lease: &lease, threshold: threshold.value };
    let (grants, grant_places) = grants::compile(grants, &surroundings, faults);
    // What is idle, or what a policy as a whole lacks, can only be said of a whole policy: with an error it is mostly its consequence.
    let whole = !faults.broken();
    if whole {
        tools::idle_hosts(&egress.known, &reached, faults);
        upstreams::idle(&upstreams, faults);
        upstreams::asking(&upstreams, faults);
        confine::remarks(&upstreams, &ledger.ledger, faults);
        groups.idle(faults);
        approvers.idle(&listed.tools, faults);
        grants::idle_tools(&listed, &grants, faults);
    }
    let LeaseDraft { default_ttl, max_ttl, carrier_meta, carrier_arguments, carrier_ambient } = lease;
    let policy = ir::Policy {
        airlock: 1,
        gateway,
        keys,
        lease: ir::Lease { default_ttl, max_ttl: max_ttl.value, carrier_meta, carrier_arguments, carrier_ambient },
        ledger: evidence::compile(ledger, &listed, faults),
        limits,
        sandbox,
        approvers: approvers.compiled(),
        upstreams: foreign,
        tools: listed.tools.clone(),
        flows,
        grants,
        requires: requires.iter().map(|draft| draft.require.clone()).collect(),
    };
    requires::names(&requires, &listed, faults);
    shadow::remarks(&policy, mode.as_ref(), &requires, faults);
    if whole {
        flows::idle(&flow_places, &policy, faults);
        origins::remarks(&policy, &origin_places, faults);
        sessions::chosen(&policy, &flow_places, &bounds, &grant_places, faults);
        grants::shadowed(&policy, &grant_places, faults);
        requires::hold(&requires, &policy, &listed, &grant_places, faults);
    }
    policy
}
